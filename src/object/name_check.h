/* SPDX-License-Identifier: MIT */

/* What a portable name may be: the same rule on every system. */

#ifndef UVSHM_OBJECT_NAME_CHECK_H_
#define UVSHM_OBJECT_NAME_CHECK_H_

/* 0; UV_EINVAL or UV_ENAMETOOLONG with a sentence that says what is wrong. */
int uvshm__name_check(const char* name);

#endif /* UVSHM_OBJECT_NAME_CHECK_H_ */
