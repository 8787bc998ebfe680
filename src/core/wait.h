/* SPDX-License-Identifier: MIT */

/* Bounded sleep on a word, for everything that waits. See wait.c. */

#ifndef UVSHM_CORE_WAIT_H_
#define UVSHM_CORE_WAIT_H_

#include "core/core.h"
#include "core/lane.h"

#include <stdint.h>

#define UVSHM__WAIT_FOREVER UINT64_MAX

/* How often a lane looks again for a lock before it sleeps, at first and at
 * most: 0.5 to 5 us, for a pause takes from 4 to 50 ns on x86. Waits for news
 * go by the clock (spin.h). */
#define UVSHM__WAIT_SPINS 100u

/* One blocked call. */
struct uvshm__wait {
  struct uvshm__lane* lane;
  const uvshm__a32_t* word;
  const uvshm__a32_t* cancelled; /* may be NULL */
  uint64_t timeout_ms;
  uint64_t deadline;
  const void* next;  /* what the caller reads after a sleep; may be NULL */
  uint32_t slice_ms; /* of the next sleep */
  uint32_t sleeps;   /* so far; 0: it has not slept yet */
};

void uvshm__wait_begin(struct uvshm__wait* wait,
                       struct uvshm__lane* lane,
                       const uvshm__a32_t* word,
                       uint64_t timeout_ms,
                       const uvshm__a32_t* cancelled);

/* What is waited for is news, not a lock that somebody may have died with: the
 * first sleep may be long. A timer that is due before the system's next tick
 * (4 ms, mostly) has to be set and taken back in hardware, and who is woken
 * before it was due comes a microsecond later, a fifth of all that a wake-up
 * takes. */
#define UVSHM__WAIT_NEWS_MS 10u

static inline void uvshm__wait_is_for_news(struct uvshm__wait* wait) {
  wait->slice_ms = UVSHM__WAIT_NEWS_MS;
}

/* Sleep once, while the word is `value`.
 *   0              look at the word again
 *   1              the same, and it is time to ask whether the owner lives
 *   UV_ETIMEDOUT   the time is over (without sleeping, when it was 0)
 *   UV_ECANCELED   *cancelled is not 0
 *   UV_ENXIO       the object was removed, and there is a `cancelled` */
#define UVSHM__WAIT_SLICE 1
int uvshm__wait_sleep(struct uvshm__wait* wait, uint32_t value);

/* Is `address` part of an object that was removed from the directory meanwhile?
 * Nobody new finds it, and those who have it are refused, so no news will come.
 * Its entry is not another's, for the caller has it open. */
int uvshm__wait_is_in_vain(const struct uvshm__core* core, const void* address);

/* Spin a little until (*word & mask) is 0 (`busy` 1), or is not 0 (`busy` 0).
 * Returns the word as seen last. */
uint32_t uvshm__wait_spin(struct uvshm__lane* lane,
                          const uvshm__a32_t* word,
                          uint32_t mask,
                          int busy);

/* Wake up to `count` sleepers on `word`, which was changed before. Where lanes
 * are looked through, `first` is one that should come early, though not always
 * first: another one than the caller's own (any number). */
void uvshm__wait_wake(const struct uvshm__core* core,
                      const uvshm__a32_t* word,
                      uint32_t first,
                      uint32_t count);

/* How many lanes sleep on `word`. */
uint32_t uvshm__wait_count(const struct uvshm__core* core,
                           const uvshm__a32_t* word);

#endif /* UVSHM_CORE_WAIT_H_ */
