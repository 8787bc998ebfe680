/* SPDX-License-Identifier: MIT */

/* How the public functions are marked for the linker, and nothing else.
 *
 * A program that links the shared library on Windows gets UVSHM_SHARED from the
 * CMake target or from uvshm.pc; without it the static library is meant.
 */

#ifndef UVSHM_EXPORT_H_
#define UVSHM_EXPORT_H_

/* A function that the library gives to programs. */
#if defined(_WIN32)
# if defined(UVSHM_BUILDING)
#  define UVSHM_EXTERN __declspec(dllexport)
# elif defined(UVSHM_SHARED)
#  define UVSHM_EXTERN __declspec(dllimport)
# else
#  define UVSHM_EXTERN
# endif
#elif defined(__GNUC__)
# define UVSHM_EXTERN __attribute__((visibility("default")))
#else
# define UVSHM_EXTERN
#endif

/* The compiler warns when the result of such a function is thrown away. */
#if defined(__GNUC__)
# define UVSHM_MUST_CHECK __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
# define UVSHM_MUST_CHECK _Check_return_
# include <sal.h>
#else
# define UVSHM_MUST_CHECK
#endif

#endif /* UVSHM_EXPORT_H_ */
