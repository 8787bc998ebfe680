/* SPDX-License-Identifier: MIT */

/* What this process has freed is marked for AddressSanitizer, in builds with
 * it, until the process is given the address anew, or has waited for others:
 * then they may have been given the memory, and may have told where it is by a
 * way of their own, as a pointer of C++ does that counts from its own place.
 */

#ifndef UVSHM_OBJECT_MARKS_H_
#define UVSHM_OBJECT_MARKS_H_

#include "base/asan.h"

#include <stddef.h>

#if defined(UVSHM__ASAN)

/* Any thread. `address` and `size` are multiples of 16. Of more than 16 MiB the
 * first of them are marked. */
void uvshm__marks_add(unsigned char* address, size_t size);

/* All marks of this process go. */
void uvshm__marks_clear(void);

/* A lock was taken, or something waited for has come. */
# define UVSHM__SYNCED() uvshm__marks_clear()
#else
# define UVSHM__SYNCED() ((void) 0)
#endif

#endif /* UVSHM_OBJECT_MARKS_H_ */
