/* SPDX-License-Identifier: MIT */

/* Marking memory for AddressSanitizer, when the library is built with it.
 *
 * What is marked is what this process may not touch by an address that it
 * already has. Memory that others share cannot be marked for them, and another
 * process may use what this one has freed; so a block is marked when this
 * process frees it, and the mark goes whenever this process is given the
 * address anew, or has waited for another one (object/marks.h).
 */

#ifndef UVSHM_BASE_ASAN_H_
#define UVSHM_BASE_ASAN_H_

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
# define UVSHM__ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define UVSHM__ASAN 1
# endif
#endif

#if defined(UVSHM__ASAN)
# include <sanitizer/asan_interface.h>
# define UVSHM__POISON(address, size) __asan_poison_memory_region(address, size)
# define UVSHM__UNPOISON(address, size)                                        \
  __asan_unpoison_memory_region(address, size)
#else
# define UVSHM__POISON(address, size) ((void) (address), (void) (size))
# define UVSHM__UNPOISON(address, size) ((void) (address), (void) (size))
#endif

#endif /* UVSHM_BASE_ASAN_H_ */
