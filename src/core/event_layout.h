/* SPDX-License-Identifier: MIT */

/* The bytes of an event: 128, at a multiple of 64.
 *
 *   offset  size  field   written by      meaning
 *        0     4  word    anyone, by CAS  {times that it was set:31 | set:1}
 *        4     4  flags   maker           UVSHM__EVENT_MANUAL
 *        8     8  unused
 *       16    16  signal  all             raised when it is set (signal.h)
 *       32    96  unused
 */

#ifndef UVSHM_CORE_EVENT_LAYOUT_H_
#define UVSHM_CORE_EVENT_LAYOUT_H_

#include "base/atomic.h"
#include "core/signal.h"

#include <stddef.h>

#define UVSHM__EVENT_IS_SET 1u
#define UVSHM__EVENT_TIME 2u /* one of the times that it was set */

/* Value of `flags`. */
#define UVSHM__EVENT_MANUAL 1u

struct uvshm__event {
  uvshm__a32_t word;
  uvshm__a32_t flags;
  unsigned char unused1[8];
  struct uvshm__signal signal;
  unsigned char unused2[96];
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__event, word) == 0, "event format");
_Static_assert(offsetof(struct uvshm__event, flags) == 4, "event format");
_Static_assert(offsetof(struct uvshm__event, signal) == 16, "event format");
_Static_assert(sizeof(struct uvshm__event) == 128, "event format");

#endif /* UVSHM_CORE_EVENT_LAYOUT_H_ */
