/* SPDX-License-Identifier: MIT */

/* One word for "each thread has its own", whatever the compiler calls it. */

#ifndef UVSHM_BASE_THREAD_LOCAL_H_
#define UVSHM_BASE_THREAD_LOCAL_H_

#if (defined(_MSC_VER) && !defined(__clang__)) || defined(UVSHM__MSVC_RULES)
# define UVSHM__THREAD_LOCAL __declspec(thread)
#else
# define UVSHM__THREAD_LOCAL _Thread_local
#endif

#endif /* UVSHM_BASE_THREAD_LOCAL_H_ */
