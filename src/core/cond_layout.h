/* SPDX-License-Identifier: MIT */

/* The bytes of a condition variable: 128, at a multiple of 64. Who waits is not
 * here but in the lanes (`turn`, lane_layout.h).
 *
 *   offset  size  field   written by          meaning
 *        0     4  word    waiter by add,      {waits begun:30 | passed:1 |
 *                         others by CAS       somebody may wait:1}
 *        4   124  unused
 *
 * passed: one who was called died before he came; the call is for anybody who
 * waits.
 */

#ifndef UVSHM_CORE_COND_LAYOUT_H_
#define UVSHM_CORE_COND_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>

#define UVSHM__COND_WAITERS 1u
#define UVSHM__COND_PASSED 2u
#define UVSHM__COND_WAIT 4u /* one of the waits begun */

struct uvshm__cond {
  uvshm__a32_t word;
  unsigned char unused[124];
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__cond, word) == 0, "cond format");
_Static_assert(sizeof(struct uvshm__cond) == 128, "cond format");

#endif /* UVSHM_CORE_COND_LAYOUT_H_ */
