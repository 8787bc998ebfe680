/* SPDX-License-Identifier: MIT */

/* Many readers or one writer. See rwlock.c for how it works. */

#ifndef UVSHM_CORE_RWLOCK_H_
#define UVSHM_CORE_RWLOCK_H_

#include "core/core.h"
#include "core/lane.h"
#include "core/lock.h"
#include "core/rwlock_layout.h"
#include "core/signal.h"

#include <stdint.h>

/* Write a free one. `argument` is for the format_body of named.h. */
void uvshm__rwlock_format(struct uvshm__rwlock* rwlock, uint32_t argument);

/* A writer has it, or has its turn. */
static inline int uvshm__rwlock_is_closed(uint32_t word) {
  return (word & UVSHM__LOCK_NAME) != 0;
}


/* Note that this lane reads, then look whether it may: 1 when no writer has
 * its turn, and the word as it was then. The exchange and the load are in the
 * one order of all that is seq_cst; so is the writer's fence between the two
 * that it does the other way round. One of us sees the other. */
static inline int uvshm__rwlock_enter(struct uvshm__lane* lane,
                                      struct uvshm__rwlock* rwlock,
                                      uint32_t place,
                                      uint32_t* word) {
  uint32_t count = lane->count;

  (void) uvshm__a32_xchg_seq_cst(&lane->ent->held[count],
                                 place | UVSHM__LANE_READ);
  *word = uvshm__a32_load_seq_cst(&rwlock->lock.word);
  if (uvshm__rwlock_is_closed(*word)) return 0;
  count++;
  lane->held[count] = place;
  lane->reads |= 1u << count;
  lane->count = count;
  return 1;
}


/* The last note goes, which was one of reading: a writer may wait for that. */
static inline void uvshm__rwlock_erase(struct uvshm__lane* lane,
                                       struct uvshm__rwlock* rwlock) {
  (void) uvshm__a32_xchg_seq_cst(&lane->ent->held[lane->count], 0);
  if (uvshm__rwlock_is_closed(uvshm__a32_load_seq_cst(&rwlock->lock.word)))
    uvshm__signal_raise(lane->core, &rwlock->gate.left, 1);
}


int uvshm__rwlock_read_slow(struct uvshm__lane* lane,
                            struct uvshm__rwlock* rwlock,
                            uint64_t timeout_ms,
                            const uvshm__a32_t* cancelled);
int uvshm__rwlock_release_slow(struct uvshm__lane* lane,
                               struct uvshm__rwlock* rwlock);

/* The uncontended cases: 1 when that was it, 0 to go the long way. */
static inline int uvshm__rwlock_read_give(struct uvshm__lane* lane,
                                          struct uvshm__rwlock* rwlock,
                                          uint32_t place) {
  uint32_t count = lane->count;

  if (lane->held[count] != place || (lane->reads >> count & 1) == 0) return 0;
  lane->reads &= ~(1u << count);
  lane->count = count - 1;
  uvshm__rwlock_erase(lane, rwlock);
  return 1;
}


static inline int uvshm__rwlock_read_take(struct uvshm__lane* lane,
                                          struct uvshm__rwlock* rwlock,
                                          uint32_t place) {
  uint32_t word;

  if (lane->count != 0 ||
      uvshm__a32_load_relaxed(&lane->ent->owner) != lane->owner)
    return 0;
  /* The news of a death is for the long way to tell. */
  if (uvshm__a32_load_relaxed(&rwlock->lock.word) != 0) return 0;
  if (!uvshm__rwlock_enter(lane, rwlock, place, &word)) {
    uvshm__rwlock_erase(lane, rwlock);
    return 0;
  }
  if ((word & UVSHM__LOCK_DIED) == 0) return 1;
  (void) uvshm__rwlock_read_give(lane, rwlock, place);
  return 0;
}


/* Take it for reading, waiting at most `timeout_ms`. Results as of
 * uvshm__lock_acquire(); UVSHM_OWNER_DIED to each reader until a writer has
 * been told. */
static inline int uvshm__rwlock_read(struct uvshm__lane* lane,
                                     struct uvshm__rwlock* rwlock,
                                     uint64_t timeout_ms,
                                     const uvshm__a32_t* cancelled) {
  if (uvshm__rwlock_read_take(
          lane, rwlock, uvshm__lock_place(lane->core, &rwlock->lock)))
    return 0;
  return uvshm__rwlock_read_slow(lane, rwlock, timeout_ms, cancelled);
}


/* And for writing. */
int uvshm__rwlock_write(struct uvshm__lane* lane,
                        struct uvshm__rwlock* rwlock,
                        uint64_t timeout_ms,
                        const uvshm__a32_t* cancelled);

/* From reading to writing; on failure it is held for reading as before.
 *   UV_EPERM  it is not held for reading
 *   UV_EBUSY  another writer has its turn; or timeout_ms is 0 and there are
 *             other readers */
int uvshm__rwlock_upgrade(struct uvshm__lane* lane,
                          struct uvshm__rwlock* rwlock,
                          uint64_t timeout_ms,
                          const uvshm__a32_t* cancelled);

/* From writing to reading. UV_EPERM: it is not held for writing. */
int uvshm__rwlock_downgrade(struct uvshm__lane* lane,
                            struct uvshm__rwlock* rwlock);

/* Give it back, however it is held. UV_EPERM: it is not. */
static inline int uvshm__rwlock_release(struct uvshm__lane* lane,
                                        struct uvshm__rwlock* rwlock) {
  if (uvshm__rwlock_read_give(
          lane, rwlock, uvshm__lock_place(lane->core, &rwlock->lock)))
    return 0;
  return uvshm__rwlock_release_slow(lane, rwlock);
}


/* If this lane holds it: give it back, from writing as if it had died. */
void uvshm__rwlock_abandon(struct uvshm__lane* lane,
                           struct uvshm__rwlock* rwlock);

/* Wake all who sleep for it, to look at `cancelled`. */
void uvshm__rwlock_wake(const struct uvshm__core* core,
                        const struct uvshm__rwlock* rwlock);

/* How many hold it for reading, and how many sleep. */
uint32_t uvshm__rwlock_readers(const struct uvshm__core* core,
                               const struct uvshm__rwlock* rwlock);
uint32_t uvshm__rwlock_waiters(const struct uvshm__core* core,
                               const struct uvshm__rwlock* rwlock);

#endif /* UVSHM_CORE_RWLOCK_H_ */
