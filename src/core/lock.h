/* SPDX-License-Identifier: MIT */

/* The robust lock. See lock.c for how it works. */

#ifndef UVSHM_CORE_LOCK_H_
#define UVSHM_CORE_LOCK_H_

#include "core/core.h"
#include "core/lane.h"
#include "core/lock_layout.h"

#include <stddef.h>
#include <stdint.h>

/* Flags of uvshm__lock_acquire(), beside UVSHM__LOCK_RECURSIVE. The library's
 * own locks have room in the lane when the caller's is full, and are not told
 * of a death: what they guard was made whole by the repair. */
#define UVSHM__LOCK_INTERNAL 2u

/* Write a free lock. `flags`: 0 or UVSHM__LOCK_RECURSIVE. */
void uvshm__lock_format(struct uvshm__lock* lock, uint32_t flags);

int uvshm__lock_acquire_slow(struct uvshm__lane* lane,
                             struct uvshm__lock* lock,
                             uint64_t timeout_ms,
                             uint32_t flags,
                             const uvshm__a32_t* cancelled);

int uvshm__lock_release_slow(struct uvshm__lane* lane,
                             struct uvshm__lock* lock);

/* How a lane notes a lock. */
static inline uint32_t uvshm__lock_place(const struct uvshm__core* core,
                                         const struct uvshm__lock* lock) {
  return (uint32_t) ((uint64_t) ((const unsigned char*) lock - core->base) /
                     UVSHM__LOCK_ALIGNMENT);
}


/* Note `index` of a lane. With an index into the array compilers add the
 * array's own offset to it first, which is one instruction more. */
static inline uvshm__a32_t* uvshm__lock_held(struct uvshm__lane_ent* ent,
                                             size_t index) {
  return (uvshm__a32_t*) (void*) ((unsigned char*) ent->held +
                                  index * sizeof(uvshm__a32_t));
}


/* The uncontended case in two steps: note the lock in the lane, then take it if
 * it is free. `place` is uvshm__lock_place(). The first returns how many locks
 * the lane will have, or 0 to go the long way; the second is 1 when it was
 * done. Whoever does not get the lock takes the note back.
 *
 * The note comes before the lock. If we die between the two, the note names a
 * lock that is not ours, which a repairer sees from its word.
 *
 * Each instruction counts here. What stands between the two steps costs least,
 * since the compare-and-swap waits until the note has left the processor. */
static inline size_t uvshm__lock_note(struct uvshm__lane* lane,
                                      uint32_t place) {
  struct uvshm__lane_ent* ent = lane->ent;
  size_t count = lane->count;

  if (count >= UVSHM__LANE_HELD_CALLER ||
      !uvshm__a32_is(&ent->owner, lane->owner))
    return 0;
  uvshm__a32_store_relaxed(uvshm__lock_held(ent, count), place);
  return count + 1;
}


static inline void uvshm__lock_unnote(struct uvshm__lane* lane) {
  uvshm__a32_store_relaxed(&lane->ent->held[lane->count], 0);
}


static inline int uvshm__lock_take_noted(struct uvshm__lane* lane,
                                         struct uvshm__lock* lock,
                                         uint32_t place,
                                         size_t count) {
  if (!uvshm__a32_cas(&lock->word, 0, lane->name)) return 0;
  lane->held[count] = place;
  lane->count = (uint32_t) count;
  return 1;
}


/* Both, with nothing in between. */
static inline int uvshm__lock_take(struct uvshm__lane* lane,
                                   struct uvshm__lock* lock,
                                   uint32_t place) {
  size_t count = uvshm__lock_note(lane, place);

  if (count == 0) return 0;
  if (uvshm__lock_take_noted(lane, lock, place, count)) return 1;
  uvshm__lock_unnote(lane);
  return 0;
}


/* Take the lock, waiting at most `timeout_ms` (0: try once, UINT64_MAX: for
 * ever). `cancelled` may be NULL; else the call gives up when it is not 0 and
 * the lock is not free at once.
 *
 *   0                 held
 *   UVSHM_OWNER_DIED  held; whoever held it before died
 *   UV_EBUSY          timeout_ms was 0
 *   UV_ETIMEDOUT
 *   UV_EINVAL         this lane holds it, and RECURSIVE was not given
 *   UV_EOVERFLOW      taken 2^32-1 times already
 *   UV_ENOBUFS        the lane holds as many as it may
 *   UV_ECANCELED      *cancelled, or this peer was declared dead
 *   UV_EPROTO         the word names nobody
 */
static inline int uvshm__lock_acquire(struct uvshm__lane* lane,
                                      struct uvshm__lock* lock,
                                      uint64_t timeout_ms,
                                      uint32_t flags,
                                      const uvshm__a32_t* cancelled) {
  if (uvshm__lock_take(lane, lock, uvshm__lock_place(lane->core, lock)))
    return 0;
  return uvshm__lock_acquire_slow(lane, lock, timeout_ms, flags, cancelled);
}


/* The uncontended case of giving back: 1 when that was it. Locks are mostly
 * given back in the opposite order. */
static inline int uvshm__lock_give(struct uvshm__lane* lane,
                                   struct uvshm__lock* lock,
                                   uint32_t place) {
  size_t count = lane->count;

  if (lane->held[count] != place || !uvshm__a32_cas(&lock->word, lane->name, 0))
    return 0;
  count--;
  uvshm__a32_store_relaxed(uvshm__lock_held(lane->ent, count), 0);
  lane->count = (uint32_t) count;
  return 1;
}


/* Give the lock back; a recursive one as often as it was taken.
 *   UV_EPERM   this lane does not hold it
 *   UV_EINVAL  it is in a transaction */
static inline int uvshm__lock_release(struct uvshm__lane* lane,
                                      struct uvshm__lock* lock) {
  if (uvshm__lock_give(lane, lock, uvshm__lock_place(lane->core, lock)))
    return 0;
  return uvshm__lock_release_slow(lane, lock);
}


/* Leave the lock as if its owner had died: the next one is told. UV_EPERM. */
int uvshm__lock_abandon(struct uvshm__lane* lane, struct uvshm__lock* lock);

/* For who waits on a loop: 1: it is free, or changes all the time; 0: its owner
 * will raise uvshm__locks_news() when he gives it back. */
int uvshm__lock_announce(struct uvshm__lock* lock);

/* Where in lane->held the lock is; 0: this lane does not hold it. */
uint32_t uvshm__lock_find(const struct uvshm__lane* lane,
                          const struct uvshm__lock* lock);

static inline int uvshm__lock_is_held(const struct uvshm__lane* lane,
                                      const struct uvshm__lock* lock) {
  return uvshm__lock_find(lane, lock) != 0;
}

/* Parts of the above that rwlock.c needs too. Forget what lane->held[i] is; and
 * the owner in the word kept it for a while: 1: he was dead and was repaired
 * after, or is not the owner any more; 0: he lives, or somebody else is at it;
 * negative: UV_EPROTO, UV_ECANCELED. */
void uvshm__lock_forget(struct uvshm__lane* lane, uint32_t i);
int uvshm__lock_question(struct uvshm__lane* lane, struct uvshm__lock* lock);

/* The lock, which this lane holds, is a transaction's until it is unpinned:
 * giving it back is UV_EINVAL. */
static inline void uvshm__lock_pin(struct uvshm__lane* lane,
                                   const struct uvshm__lock* lock) {
  uint32_t place = uvshm__lock_place(lane->core, lock);
  uint32_t i = lane->count; /* mostly it was taken last */

  if (lane->held[i] != place) i = uvshm__lock_find(lane, lock);
  lane->held[i] |= UVSHM__LANE_AGAIN;
  lane->txn = place;
}


static inline void uvshm__lock_unpin(struct uvshm__lane* lane,
                                     const struct uvshm__lock* lock) {
  uint32_t i = lane->count;

  if (lane->held[i] !=
      (uvshm__lock_place(lane->core, lock) | UVSHM__LANE_AGAIN))
    i = uvshm__lock_find(lane, lock);
  lane->held[i] &= ~UVSHM__LANE_AGAIN;
  lane->txn = 0;
}


/* A change of several words that happens whole or not at all, for the owner of
 * `lock`: fill entries 0 .. count-1 of its log, then commit. Nothing is stored
 * in the words before the commit, and everything is, by the owner or by whoever
 * repairs after it, once the commit has begun. `width` is 2 (an owner word of
 * the heap), 4 or 8, `offset` a multiple of it, inside the object; index below
 * UVSHM__LOCK_LOG. */
void uvshm__lock_log(struct uvshm__lock* lock,
                     uint32_t index,
                     uint64_t offset,
                     uint32_t width,
                     uint64_t value);
void uvshm__lock_commit(const struct uvshm__core* core,
                        struct uvshm__lock* lock,
                        uint32_t count);

/* What the word says just now. */
struct uvshm__lock_facts {
  uint32_t locked;
  uint32_t died;    /* free, and the next owner will be told */
  uint32_t waiters; /* lanes that sleep on it */
  uint32_t depth;   /* times taken; 0 when free */
  uint32_t damaged; /* the word names nobody */
  uint32_t slot;    /* the owner's peer, when locked and not damaged */
  uint32_t lane;
};

void uvshm__lock_read(const struct uvshm__core* core,
                      const struct uvshm__lock* lock,
                      struct uvshm__lock_facts* facts);

/* Whom a word names. Looks again before it calls a word damaged: a lane that
 * was given back meanwhile had its locks cleared before. */
enum uvshm__lock_owner {
  UVSHM__LOCK_FREE,
  UVSHM__LOCK_OWNED,
  UVSHM__LOCK_CHANGED, /* look at the word again */
  UVSHM__LOCK_DAMAGED
};

enum uvshm__lock_owner uvshm__lock_judge(const struct uvshm__core* core,
                                         const struct uvshm__lock* lock,
                                         uint32_t word,
                                         uint32_t* slot);

/* After the death of the thread that `name` means (reap.c, lane.c): if the word
 * says `name`, finish what its log has committed and leave the lock free with
 * the news. Nobody else touches the lock meanwhile. Can be done again at any
 * point. 1: it was so. */
int uvshm__lock_repair(const struct uvshm__core* core,
                       struct uvshm__lock* lock,
                       uint32_t name);

/* A word that names nobody: take the lock from him, then abandon it, so that
 * two menders or a death in the middle do no harm. Clears a log that cannot be,
 * too. 1: something was mended. */
int uvshm__lock_mend(struct uvshm__lane* lane, struct uvshm__lock* lock);

/* Part of uvshm__core_check(), check.c: 0, or UV_EPROTO with a sentence. */
int uvshm__lock_check(const struct uvshm__core* core,
                      const struct uvshm__lock* lock);

/* Part of uvshm__core_reset(), reset.c: free; one that was held says that its
 * owner died. */
void uvshm__lock_reset(struct uvshm__lock* lock);

#endif /* UVSHM_CORE_LOCK_H_ */
