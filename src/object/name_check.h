/* SPDX-License-Identifier: MIT */

/* What a portable name may be: the same rule on every system. */

#ifndef UVSHM_OBJECT_NAME_CHECK_H_
#define UVSHM_OBJECT_NAME_CHECK_H_

#include <stdint.h>

/* 0; UV_EINVAL or UV_ENAMETOOLONG with a sentence that says what is wrong. */
int uvshm__name_check(const char* name);

/* The same for a name that UVSHM_DIR in `flags` may put a folder in front of;
 * and what is behind it. */
int uvshm__name_check_in(const char* name, uint32_t flags);
const char* uvshm__name_last(const char* name, uint32_t flags);

#endif /* UVSHM_OBJECT_NAME_CHECK_H_ */
