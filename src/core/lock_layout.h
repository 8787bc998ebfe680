/* SPDX-License-Identifier: MIT */

/* The bytes of a lock: two cache lines, at a multiple of 64.
 *
 *   offset  size  field  written by           meaning
 *        0     4  word   anyone, by CAS       who has it, below
 *        4     4  n      owner, repairer      entries of `log` that count; the
 *                                             store of n is the commit
 *        8     4  flags  maker                UVSHM__LOCK_RECURSIVE, _READERS
 *       12     4  depth  owner, repairer      times taken beyond the first
 *       16    96  log    owner                what to store, below
 *      112     8  undo   maker                where the undo log lies, below;
 *                                             0: it has none
 *      120     8  undo_n owner, repairer      how much of the undo log counts
 *                                             (txn_layout.h)
 *
 * word:
 *   bit 31      somebody may sleep on the word
 *   bit 30      free, and whoever had it before died: the next owner is told
 *   bits 12-29  generation of the owner's lane, its low 18 bits
 *   bits 0-11   the owner's lane + 1; 0: free, and then the generation is 0 too
 *
 * log entry: {offset:56 | width:8} and the value for the `width` bytes (2, 4 or
 * 8) at `offset`. An entry may name only words that the lock protects alone.
 *
 * undo: {size/64:24 | offset/64:40}. With an offset but no size the log is
 * being freed.
 */

#ifndef UVSHM_CORE_LOCK_LAYOUT_H_
#define UVSHM_CORE_LOCK_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>

#define UVSHM__LOCK_WAITERS 0x80000000u
#define UVSHM__LOCK_DIED 0x40000000u
#define UVSHM__LOCK_NAME 0x3fffffffu /* generation and lane */
#define UVSHM__LOCK_LANE 0x00000fffu
#define UVSHM__LOCK_GENERATION_SHIFT 12
#define UVSHM__LOCK_GENERATION 0x0003ffffu /* after the shift */

/* Value of `flags`, and a flag of uvshm__lock_acquire(). */
#define UVSHM__LOCK_RECURSIVE 1u

/* Value of `flags`: an rwlock's (rwlock_layout.h). */
#define UVSHM__LOCK_READERS 4u

#define UVSHM__LOCK_LOG 6u
#define UVSHM__LOCK_UNDO_UNIT 64u
#define UVSHM__LOCK_UNDO_SHIFT 40 /* of the size */
#define UVSHM__LOCK_UNDO_OFFSET UINT64_C(0xffffffffff)
#define UVSHM__LOCK_ALIGNMENT 64u

struct uvshm__lock_log {
  uvshm__a64_t target;
  uvshm__a64_t value;
};

struct uvshm__lock {
  uvshm__a32_t word;
  uvshm__a32_t n;
  uvshm__a32_t flags;
  uvshm__a32_t depth;
  struct uvshm__lock_log log[UVSHM__LOCK_LOG];
  uvshm__a64_t undo;
  uvshm__a64_t undo_n;
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__lock, n) == 4, "lock format");
_Static_assert(offsetof(struct uvshm__lock, flags) == 8, "lock format");
_Static_assert(offsetof(struct uvshm__lock, depth) == 12, "lock format");
_Static_assert(offsetof(struct uvshm__lock, log) == 16, "lock format");
_Static_assert(offsetof(struct uvshm__lock, undo) == 112, "lock format");
_Static_assert(offsetof(struct uvshm__lock, undo_n) == 120, "lock format");
_Static_assert(sizeof(struct uvshm__lock) == 128, "lock format");

#endif /* UVSHM_CORE_LOCK_LAYOUT_H_ */
