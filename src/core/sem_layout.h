/* SPDX-License-Identifier: MIT */

/* The bytes of a semaphore: 128, at a multiple of 64.
 *
 *   offset  size  field   written by      meaning
 *        0     4  word    anyone, by CAS  {somebody may sleep:1 | value:31}
 *        4   124  unused
 */

#ifndef UVSHM_CORE_SEM_LAYOUT_H_
#define UVSHM_CORE_SEM_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>

#define UVSHM__SEM_WAITERS 0x80000000u
#define UVSHM__SEM_VALUE 0x7fffffffu

struct uvshm__sem {
  uvshm__a32_t word;
  unsigned char unused[124];
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__sem, word) == 0, "sem format");
_Static_assert(sizeof(struct uvshm__sem) == 128, "sem format");

#endif /* UVSHM_CORE_SEM_LAYOUT_H_ */
