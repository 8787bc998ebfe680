/* SPDX-License-Identifier: MIT */

/* Sleeping and waking, for everything that waits on a word in shared memory.
 *
 * No sleep lasts longer than 20 ms. That one rule carries the crash safety of
 * all waiting: a waker that is killed between its store and its wake, a sleeper
 * that is killed with the only wake in its hands, an owner that is killed
 * without a word, each costs the others a slice and never more. The first slice
 * is 1 ms where a lock is waited for, because most deaths that are met at all
 * have just happened; for news it is 10 ms (uvshm__wait_is_for_news()).
 *
 * The rule that keeps wakes from getting lost while nobody dies: a word has a
 * bit that says "somebody may sleep here". A sleeper sets it before it sleeps,
 * whoever frees the word clears it and wakes one, and whoever takes the word
 * after having slept sets it again, on behalf of the others that may be left.
 *
 * The clock is read only when a call really sleeps and has an end.
 */

#include "core/wait.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/directory_layout.h"
#include "core/reap.h"

#include <limits.h>

#define SLICE_FIRST_MS 1u
#define SLICE_LAST_MS 20u

/* A sleeper that is woken again and again never ends a slice. Every so many
 * sleeps it asks after the owner nevertheless. */
#define SLEEPS_PER_QUESTION 16u

#define SPINS_LEAST 10u

/* Where lanes are looked through, each wake of this process begins one lane
 * further, so that nobody is always the last. */
static uvshm__a32_t turn;


void uvshm__wait_begin(struct uvshm__wait* wait,
                       struct uvshm__lane* lane,
                       const uvshm__a32_t* word,
                       uint64_t timeout_ms,
                       const uvshm__a32_t* cancelled) {
  wait->lane = lane;
  wait->word = word;
  wait->cancelled = cancelled;
  wait->timeout_ms = timeout_ms;
  wait->deadline = UINT64_MAX;
  wait->next = NULL;
  wait->slice_ms = SLICE_FIRST_MS;
  wait->sleeps = 0;
}


/* How long the next sleep may be; 0: the time is over. */
static uint32_t next_slice(struct uvshm__wait* wait) {
  const struct uvshm__core* core = wait->lane->core;
  uint64_t now;

  if (wait->timeout_ms == UVSHM__WAIT_FOREVER) return wait->slice_ms;
  if (wait->timeout_ms == 0) return 0;

  now = core->env->now_ms(core->env_arg);
  if (wait->sleeps == 0 && now <= UINT64_MAX - wait->timeout_ms)
    wait->deadline = now + wait->timeout_ms;
  if (now >= wait->deadline) return 0;
  if (wait->deadline - now < wait->slice_ms)
    return (uint32_t) (wait->deadline - now);
  return wait->slice_ms;
}


static uint64_t offset_of(const struct uvshm__core* core,
                          const uvshm__a32_t* word) {
  return (uint64_t) ((const unsigned char*) word - core->base);
}


/* It comes from another processor, which takes as long as the way back to who
 * will read it. */
static void fetch_next(const struct uvshm__wait* wait) {
  if (wait->next == NULL) return;
  UVSHM__PREFETCH(wait->next);
  UVSHM__PREFETCH((const unsigned char*) wait->next + 64);
}


static int sleep_on(struct uvshm__wait* wait, uint32_t value, uint32_t ms) {
  const struct uvshm__core* core = wait->lane->core;
  struct uvshm__lane_ent* ent = wait->lane->ent;
  int err = 0;

  /* We say where we sleep, then look again; a waker changes the word, then
   * looks who sleeps. The fences make sure that one of us sees the other. */
  uvshm__a64_store_relaxed(&ent->wait_on, offset_of(core, wait->word));
  uvshm__fence_seq_cst();
  if (uvshm__a32_load_relaxed(wait->word) == value)
    err = core->env->wait(
        core->env_arg, wait->word, value, wait->lane->index, ms);
  fetch_next(wait);
  uvshm__a64_store_relaxed(&ent->wait_on, 0);
  return err;
}


/* Who was killed in his sleep is still in his lane, and where lanes are looked
 * through he gets wakes that were meant for us. The slice is over, so there is
 * time to look. */
static void bury_sleepers(const struct uvshm__wait* wait) {
  const struct uvshm__core* core = wait->lane->core;
  uint64_t offset = offset_of(core, wait->word);
  const struct uvshm__lane_ent* ent;
  uint32_t index;
  uint32_t slot;

  for (index = 0; index < core->lanes_max; index++) {
    ent = uvshm__core_lane(core, index);
    if (uvshm__a64_load_relaxed(&ent->wait_on) != offset) continue;
    slot = (uvshm__a32_load_acquire(&ent->owner) & UVSHM__LANE_SLOT) - 1;
    if (slot >= core->peers_max || slot == core->slot) continue;
    if (!core->env->alive(core->env_arg, slot)) uvshm__reap_locks(core, slot);
  }
}


int uvshm__wait_is_in_vain(const struct uvshm__core* core,
                           const void* address) {
  const unsigned char* entries = core->base + core->objects_offset;
  uint64_t at = (uint64_t) ((const unsigned char*) address - entries);
  const struct uvshm__directory_ent* ent = (const void*) entries;
  uint64_t state;

  if (at / UVSHM__ENTRY_SIZE >= core->objects_max) return 0;
  ent += at / UVSHM__ENTRY_SIZE;
  state = uvshm__a64_load_acquire(&ent->state);
  /* Zeros: the memory is gone (UVSHM_GUARD), which the next sleep tells. */
  return state != 0 && (uint32_t) state != UVSHM__ENTRY_USED;
}


/* A sleep ended with `err`: nobody has woken us. */
UVSHM__RARE static int slice_over(struct uvshm__wait* wait, int err) {
  const struct uvshm__core* core = wait->lane->core;

  if (err == UV_EIO) return err; /* the memory is gone (UVSHM_GUARD) */
  wait->slice_ms *= 2;
  if (wait->slice_ms > SLICE_LAST_MS) wait->slice_ms = SLICE_LAST_MS;
  if (core->env->wakes_lanes) bury_sleepers(wait);
  /* Who cannot be cancelled gets what he waits for, a mutex say. */
  if (wait->cancelled != NULL && uvshm__wait_is_in_vain(core, wait->word))
    return UV_ENXIO;
  /* A system that cannot sleep at all costs time, not answers. */
  if (err != UV_ETIMEDOUT) core->env->yield(core->env_arg);
  return UVSHM__WAIT_SLICE;
}


int uvshm__wait_sleep(struct uvshm__wait* wait, uint32_t value) {
  uint32_t ms;
  int err;

  if (wait->cancelled != NULL && uvshm__a32_load_acquire(wait->cancelled) != 0)
    return UV_ECANCELED;
  ms = next_slice(wait);
  if (ms == 0) return UV_ETIMEDOUT;

  err = sleep_on(wait, value, ms);
  wait->sleeps++;
  if (err < 0) return slice_over(wait, err);
  return wait->sleeps % SLEEPS_PER_QUESTION == 0 ? UVSHM__WAIT_SLICE : 0;
}


uint32_t uvshm__wait_spin(struct uvshm__lane* lane,
                          const uvshm__a32_t* word,
                          uint32_t mask,
                          int busy) {
  uint32_t value = uvshm__a32_load_relaxed(word);
  uint32_t spins;

  if (((value & mask) == 0) == busy) return value;
  for (spins = lane->spins; spins > 0; spins--) {
    uvshm__pause();
    value = uvshm__a32_load_relaxed(word);
    if (((value & mask) == 0) == busy) {
      lane->spins = UVSHM__WAIT_SPINS;
      return value;
    }
  }
  /* In vain; on a machine with one processor it always is. Less the next time,
   * but never so little that we would not notice a change. */
  lane->spins -= lane->spins / 4;
  if (lane->spins < SPINS_LEAST) lane->spins = SPINS_LEAST;
  return value;
}


UVSHM__APART static void wake_lanes(const struct uvshm__core* core,
                                    const uvshm__a32_t* word,
                                    uint32_t first,
                                    uint32_t count) {
  uint64_t offset = offset_of(core, word);
  uint32_t lane;
  uint32_t i;

  /* Pairs with the fence in sleep_on(). */
  uvshm__fence_seq_cst();
  first = (first + uvshm__a32_add(&turn, 1)) % core->lanes_max;
  for (i = 0; i < core->lanes_max && count > 0; i++) {
    lane = (first + i) % core->lanes_max;
    if (uvshm__a64_load_relaxed(&uvshm__core_lane(core, lane)->wait_on) !=
        offset)
      continue;
    core->env->wake(core->env_arg, word, lane, 1);
    count--;
  }
}


void uvshm__wait_wake(const struct uvshm__core* core,
                      const uvshm__a32_t* word,
                      uint32_t first,
                      uint32_t count) {
  if (count > INT_MAX) count = INT_MAX;
  if (core->env->wakes_lanes)
    wake_lanes(core, word, first, count);
  else
    core->env->wake(core->env_arg, word, 0, count);
}


UVSHM__RARE uint32_t uvshm__wait_count(const struct uvshm__core* core,
                                       const uvshm__a32_t* word) {
  uint64_t offset = offset_of(core, word);
  uint32_t count = 0;
  uint32_t lane;

  for (lane = 0; lane < core->lanes_max; lane++)
    if (uvshm__a64_load_relaxed(&uvshm__core_lane(core, lane)->wait_on) ==
        offset)
      count++;
  return count;
}
