/* SPDX-License-Identifier: MIT */

/* The bytes of an rwlock: 128, at a multiple of 64. Its first 16 bytes are
 * those of a lock, the writers', which is repaired as every lock is.
 *
 *   offset  size  field    written by           meaning
 *        0    16  lock     as lock_layout.h     the writer: word, n, flags
 *                                               (UVSHM__LOCK_READERS), depth
 *       16    48  unused
 *       64    16  readers  readers that wait;   raised when a writer leaves
 *                          writers
 *       80    16  left     the writer that      raised when a reader leaves
 *                          waits; readers       while a writer has its turn
 *       96    16  unused
 *      112    16  lock     nobody               no undo log: zeros
 *
 * Who reads is not here but in the notes of the lanes (lane_layout.h), so that
 * readers write in memory of their own only; all that they look at here lies in
 * the first line, which only writers change.
 */

#ifndef UVSHM_CORE_RWLOCK_LAYOUT_H_
#define UVSHM_CORE_RWLOCK_LAYOUT_H_

#include "core/lock_layout.h"
#include "core/signal.h"

#include <stddef.h>

struct uvshm__rwlock {
  union {
    struct uvshm__lock lock;
    struct {
      unsigned char lock[64];
      struct uvshm__signal readers;
      struct uvshm__signal left;
      unsigned char rest[32];
    } gate;
  };
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__rwlock, gate.readers) == 64,
               "rwlock format");
_Static_assert(offsetof(struct uvshm__rwlock, gate.left) == 80,
               "rwlock format");
_Static_assert(sizeof(struct uvshm__rwlock) == 128, "rwlock format");

#endif /* UVSHM_CORE_RWLOCK_LAYOUT_H_ */
