/* SPDX-License-Identifier: MIT */

/* A thread's lane in one object. Whoever takes a lock or sleeps has one: the
 * lock word names it, and it names the locks, so that a dead thread's locks are
 * found from either side.
 */

#ifndef UVSHM_CORE_LANE_H_
#define UVSHM_CORE_LANE_H_

#include "core/core.h"
#include "core/heap_layout.h"
#include "core/lane_layout.h"

#include <stdint.h>

/* Where a thread allocates small blocks of one size (heap_small.c): the span
 * that it took from last, and blocks that it freed lately. What was found out
 * when the hint was made is kept with it; `word` says whether the span still is
 * what it was. */
struct uvshm__lane_span {
  struct uvshm__zone_ent* zone;
  struct uvshm__span_ent* entry; /* NULL: there is no hint */
  uvshm__a16_t* own;             /* of block 0, or of the one that was freed */
  uint64_t word;
  uint64_t ref;    /* of block 0, or of the one that was freed */
  uint32_t number; /* of the span, + 1 */
  uint32_t index;  /* where to look first; of what was freed, see below */
};

/* How many blocks of one size beyond the last one a thread remembers: enough
 * for one that frees and allocates at random. */
#define UVSHM__LANE_MORE 15u

/* `freed` is there while its index is 1, not 0. `count` blocks were freed while
 * it was there, see lane->more; their index is 2. */
struct uvshm__lane_heap {
  struct uvshm__lane_span freed;
  struct uvshm__lane_span span;
  uint32_t count;
};

/* The thread's private side. One for each thread and attached object; the
 * thread that claimed it is the only one that uses it. What the thread holds is
 * remembered here too, where no other process can change it. */
struct uvshm__lane {
  const struct uvshm__core* core;
  struct uvshm__lane_ent* ent;
  uint32_t index;
  uint32_t owner; /* what ent->owner must say as long as it is ours */
  uint32_t name;  /* what the words of our locks say */
  uint32_t count; /* how many locks it has */
  uint32_t spins; /* how often to look again before sleeping (wait.c) */
  uint32_t vain;  /* how often that was of no use, longer (spin.c) */
  uint32_t txn;   /* place of the lock whose transaction it is in; 0: none */
  uint32_t late;  /* heap.c: somebody was in the way who is gone in a moment */
  uint32_t reads; /* bit i: held[i] is held for reading (rwlock.c) */
  struct uvshm__lane_span* recent; /* of `freed` or `more`, allocated last */
  uint32_t held[UVSHM__LANE_HELD + 1];  /* places of our locks, see below */
  uint32_t depth[UVSHM__LANE_HELD + 1]; /* times taken beyond the first */
  struct uvshm__lane_heap heap[UVSHM__HEAP_BINS]; /* hints, by size of block */
  /* Not made zero when a lane begins: it is long, and heap[].count says how
   * many mean something. */
  struct uvshm__lane_span more[UVSHM__HEAP_BINS][UVSHM__LANE_MORE];
};

/* held[i] is for note i - 1 of `ent`; held[0] is always 0, which is no lock's
 * place, so that nobody need ask whether there are any. When a lock was taken
 * more than once its place has this mark, which no place has (it would be 128
 * GiB from the start), so that nobody need ask for the depth either. So has the
 * lock of a transaction, so that giving it back goes the long way, where that
 * is refused. Depths beyond `count` are 0. */
#define UVSHM__LANE_AGAIN 0x80000000u

static inline struct uvshm__lane_ent* uvshm__core_lane(
    const struct uvshm__core* core, uint32_t index) {
  return (struct uvshm__lane_ent*) (core->base + core->lanes_offset) + index;
}

/* Has no thread ever had this lane, nor any of those after it? */
static inline int uvshm__lane_is_new(const struct uvshm__core* core,
                                     uint32_t index) {
  const struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);

  return uvshm__a32_load_acquire(&ent->owner) == 0 &&
         uvshm__a32_load_acquire(&ent->generation) == 0;
}


/* Take a free lane for the calling thread, which has none in this object. When
 * all are taken, dead peers are repaired first, and lanes whose owner is no
 * peer are freed.
 *   UV_EMFILE     every lane belongs to a live thread
 *   UV_ECANCELED  this peer was declared dead */
int uvshm__lane_claim(const struct uvshm__core* core, struct uvshm__lane* lane);

/* The thread ends, or is done with the object: what it still holds becomes
 * "owner died" for the next one, and the lane is free. Any thread of the
 * process may do it for one that does not run any more. */
void uvshm__lane_exit(struct uvshm__lane* lane);

/* First part of the repair of a lane whose thread is gone (reap.c, or the
 * lane's own exit): its locks become "owner died", its notes go. Can be done
 * again at any point. The second frees the lane as well, if it is still
 * `owner`'s. */
void uvshm__lane_repair(const struct uvshm__core* core, uint32_t index);
void uvshm__lane_free(const struct uvshm__core* core,
                      uint32_t index,
                      uint32_t owner);

/* Has it an owner that is no peer, or notes without an owner? And what to do
 * about it; 1: it was freed. */
int uvshm__lane_is_damaged(const struct uvshm__core* core, uint32_t index);
int uvshm__lane_mend(const struct uvshm__core* core, uint32_t index);

/* How many lanes are in use. */
uint32_t uvshm__lane_used(const struct uvshm__core* core);

#endif /* UVSHM_CORE_LANE_H_ */
