/* SPDX-License-Identifier: MIT */

/* A counting semaphore: value and "somebody may sleep" in one word, because the
 * word is what sleepers sleep on.
 *
 * The bit is cleared by whoever posts, who wakes as many as there are units.
 * One who takes a unit after having slept sets it again for those who are left,
 * and if units are left too, passes the wake on: two posts may have found the
 * bit set only once.
 */

#include "core/sem.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/spin.h"
#include "core/wait.h"

#include <string.h>

/* How often somebody else may be faster. Each time he gets on, so an honest
 * crowd never comes near; this is against one who writes without end. */
#define TRIES 1000000


UVSHM__RARE void uvshm__sem_format(struct uvshm__sem* sem, uint32_t value) {
  memset(sem, 0, sizeof(*sem));
  uvshm__a32_store_relaxed(&sem->word, value & UVSHM__SEM_VALUE);
}


int uvshm__sem_try(struct uvshm__sem* sem) {
  uint32_t word;
  uint32_t tries;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a32_load_relaxed(&sem->word);
    if ((word & UVSHM__SEM_VALUE) == 0) return UV_EAGAIN;
    if (uvshm__a32_cas(&sem->word, word, word - 1)) return 0;
  }
  return UV_EAGAIN;
}


/* Take a unit of `word`, which has some, after having slept. */
static int take(struct uvshm__lane* lane,
                struct uvshm__sem* sem,
                uint32_t word) {
  if (!uvshm__a32_cas(&sem->word, word, (word - 1) | UVSHM__SEM_WAITERS))
    return 0;
  if (((word - 1) & UVSHM__SEM_VALUE) != 0)
    uvshm__wait_wake(lane->core, &sem->word, lane->index + 1, 1);
  return 1;
}


static int wait_for_unit(struct uvshm__sem* sem, struct uvshm__wait* wait) {
  uint32_t sleeping = UVSHM__SEM_WAITERS;
  uint32_t word;
  int err;

  for (;;) {
    if (wait->sleeps == 0 && uvshm__sem_try(sem) == 0) return 0;
    word = uvshm__a32_load_relaxed(&sem->word);
    if ((word & UVSHM__SEM_VALUE) != 0) {
      if (wait->sleeps != 0 && take(wait->lane, sem, word)) return 0;
    } else if (word != sleeping) {
      uvshm__a32_cas(&sem->word, word, sleeping);
    }
    /* Returns at once, but not before a look at the clock, when there are units
     * that somebody else was faster to take, or to announce a sleep. */
    err = uvshm__wait_sleep(wait, sleeping);
    if (err < 0) return err;
  }
}


int uvshm__sem_wait(struct uvshm__lane* lane,
                    struct uvshm__sem* sem,
                    uint64_t timeout_ms,
                    const uvshm__a32_t* cancelled) {
  struct uvshm__wait wait;
  int err;

  if (uvshm__sem_try(sem) == 0) return 0;
  if (timeout_ms == 0) return UV_EAGAIN;

  uvshm__wait_begin(&wait, lane, &sem->word, timeout_ms, cancelled);
  uvshm__wait_is_for_news(&wait);
  (void) uvshm__spin_word(lane, &sem->word, UVSHM__SEM_VALUE, 0);
  err = wait_for_unit(sem, &wait);
  /* We may have been woken in somebody's place. */
  if (err < 0 && wait.sleeps != 0)
    uvshm__wait_wake(lane->core, &sem->word, lane->index + 1, 1);
  return err;
}


int uvshm__sem_post(const struct uvshm__core* core,
                    struct uvshm__sem* sem,
                    uint32_t count) {
  uint32_t value;
  uint32_t tries;
  uint32_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a32_load_relaxed(&sem->word);
    value = word & UVSHM__SEM_VALUE;
    if (count > UVSHM__SEM_VALUE - value) return UV_EOVERFLOW;
    if (!uvshm__a32_cas(&sem->word, word, value + count)) continue;
    if (word & UVSHM__SEM_WAITERS)
      uvshm__wait_wake(core, &sem->word, core->slot, count);
    return 0;
  }
  return uvshm__fail(UV_EPROTO, "the semaphore's word changes all the time");
}


uint32_t uvshm__sem_value(const struct uvshm__sem* sem) {
  return uvshm__a32_load_acquire(&sem->word) & UVSHM__SEM_VALUE;
}
