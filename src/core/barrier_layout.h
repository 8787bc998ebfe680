/* SPDX-License-Identifier: MIT */

/* The bytes of a barrier: 128, at a multiple of 64.
 *
 *   offset  size  field   written by         meaning
 *        0     8  word    all, by CAS or or  {round:32 | broken:1 | come:31}
 *        8     4  count   maker              how many make a round
 *       12     4  unused
 *       16    16  signal  all                raised when a round is complete or
 *                                            the barrier is broken (signal.h)
 *       32    96  unused
 */

#ifndef UVSHM_CORE_BARRIER_LAYOUT_H_
#define UVSHM_CORE_BARRIER_LAYOUT_H_

#include "base/atomic.h"
#include "core/signal.h"

#include <stddef.h>

#define UVSHM__BARRIER_COME UINT64_C(0x7fffffff)
#define UVSHM__BARRIER_BROKEN UINT64_C(0x80000000)
#define UVSHM__BARRIER_ROUND_SHIFT 32

#define UVSHM__BARRIER_COUNT_MAX 4095u

struct uvshm__barrier {
  uvshm__a64_t word;
  uvshm__a32_t count;
  uvshm__a32_t unused1;
  struct uvshm__signal signal;
  unsigned char unused2[96];
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__barrier, word) == 0, "barrier format");
_Static_assert(offsetof(struct uvshm__barrier, count) == 8, "barrier format");
_Static_assert(offsetof(struct uvshm__barrier, signal) == 16, "barrier format");
_Static_assert(sizeof(struct uvshm__barrier) == 128, "barrier format");

#endif /* UVSHM_CORE_BARRIER_LAYOUT_H_ */
