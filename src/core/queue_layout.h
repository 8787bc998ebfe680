/* SPDX-License-Identifier: MIT */

/* The bytes of a queue, behind the ends of its channel (channel_layout.h).
 *
 * There are
 *
 *   chunks = capacity + readers * loans + writers
 *
 * chunks, each with room for one message, so that what readers have peeked and
 * writers are writing takes no room from what waits; and as many slots, rounded
 * up to a power of 2, so that whoever has a chunk finds a slot for it.
 *
 *   offset           size             what
 *        0              8  head       readers: where to begin to look for the
 *                                     next message; a hint
 *      128              8  tail       writers: for the next slot; a hint
 *      256      slots * 8  slots      all, by CAS: {lap:40 | chunk+1, or 0:24}
 *               chunks * 16  notes    one for each chunk, see below
 *               chunks * stride       the messages, at a multiple of 128
 *
 * Position p of the queue is slot p modulo slots, in lap p / slots. A slot says
 * {lap, 0} until position p is filled, {lap, chunk + 1} until its message is
 * taken, and then {lap + 1, 0}. Positions are filled in order, and taken in
 * order.
 *
 * The stride is size_max rounded up to 64, and 64 more when that is a large
 * power of 2 times something: messages that begin at the same place of each
 * page get in each other's way in caches.
 *
 *   offset  size  field  written by            meaning
 *        0     8  own    all, by CAS; owner    {tag:48 | given:1 | loan:1 |
 *                                              end + 1:14, or 0: free}
 *        8     4  size   owner                 bytes of the message
 *       12     4  slot   owner, repairer       where it is, if it is in a slot
 *
 * `own` of a chunk that is in a slot says who put it there, which counts for
 * nothing. The tag is another one after each change. `loan`: a reader has it,
 * or had it and died; `given`: a reader that died had it before. Chunks without
 * an end have neither.
 *
 * Of an end's own words (channel_layout.h) a reader uses two, what it is about
 * to take; `hand` is written after `hand_own`:
 *
 *   0  hand      chunk + 1, or 0
 *   1  hand_own  what the chunk's `own` said
 */

#ifndef UVSHM_CORE_QUEUE_LAYOUT_H_
#define UVSHM_CORE_QUEUE_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__QUEUE_TAIL 128u
#define UVSHM__QUEUE_SLOTS 256u
#define UVSHM__QUEUE_SLOTS_LEAST 16u

#define UVSHM__QUEUE_CHUNK UINT64_C(0xffffff) /* chunk + 1 */
#define UVSHM__QUEUE_LAP_SHIFT 24
#define UVSHM__QUEUE_CAPACITY_MAX (UINT64_C(1) << 23)

#define UVSHM__QUEUE_END UINT64_C(0x3fff) /* end + 1 */
#define UVSHM__QUEUE_LOAN UINT64_C(0x4000)
#define UVSHM__QUEUE_GIVEN UINT64_C(0x8000)
#define UVSHM__QUEUE_TAG UINT64_C(0x10000) /* one of it */

#define UVSHM__QUEUE_HAND 0u
#define UVSHM__QUEUE_HAND_OWN 1u

struct uvshm__queue_note {
  uvshm__a64_t own;
  uvshm__a32_t size;
  uvshm__a32_t slot;
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__queue_note, size) == 8, "queue format");
_Static_assert(offsetof(struct uvshm__queue_note, slot) == 12, "queue format");
_Static_assert(sizeof(struct uvshm__queue_note) == 16, "queue format");

#endif /* UVSHM_CORE_QUEUE_LAYOUT_H_ */
