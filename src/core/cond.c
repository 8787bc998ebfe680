/* SPDX-License-Identifier: MIT */

/* A condition variable that knows whom it has called.
 *
 * Who waits says so in its lane, and sleeps on that word of its own:
 *
 *   0 --begin--> waits --signal, by compare-and-swap--> called --end--> 0
 *                  \--time over, by compare-and-swap--> 0
 *
 * So a call goes to one thread, by one store, and it can be seen whether it was
 * answered: `called` stays until the thread has the mutex again. When it dies
 * before that, repair leaves the call in the cond itself, as `passed`, and who
 * waits and sees it there takes it (within a slice, wait.c). Taken in this
 * order: my word becomes `called`, then `passed` is cleared; a death between
 * the two leaves a call too many, which a wait may be ended by at any time, and
 * none too few.
 *
 * A signal looks through the lanes only while somebody may wait. That bit is
 * set by who begins to wait, after it has said so in its lane; and it is
 * cleared by who has looked and found nobody, if no wait has begun since it
 * looked first, for which those are counted.
 */

#include "core/cond.h"

#include "base/error.h"
#include "core/lock.h"
#include "core/reap.h"
#include "core/spin.h"
#include "core/wait.h"

#include <string.h>


void uvshm__cond_format(struct uvshm__cond* cond, uint32_t argument) {
  (void) argument;
  memset(cond, 0, sizeof(*cond));
}


/* As `turn` says it, without its marks. */
static uint32_t place_of(const struct uvshm__core* core,
                         const struct uvshm__cond* cond) {
  return (uint32_t) ((uint64_t) ((const unsigned char*) cond - core->base) /
                     UVSHM__LOCK_ALIGNMENT) &
         UVSHM__TURN_PLACE;
}

/* ---- calling ------------------------------------------------------------- */

/* Call lane `index` if it waits: 1. */
static int call_lane(const struct uvshm__core* core,
                     uint32_t place,
                     uint32_t index) {
  uvshm__a32_t* turn = &uvshm__core_lane(core, index)->turn;
  uint32_t waits = place | UVSHM__TURN_WAITS;

  if (uvshm__a32_load_acquire(turn) != waits) return 0;
  if (!uvshm__a32_cas(turn, waits, place | UVSHM__TURN_CALLED)) return 0;
  uvshm__wait_wake(core, turn, index, 1);
  return 1;
}


/* Up to `count`, from a lane on that is another one each time. How many. */
static uint32_t call(const struct uvshm__core* core,
                     struct uvshm__cond* cond,
                     uint32_t word,
                     uint32_t count) {
  uint32_t place = place_of(core, cond);
  uint32_t index = word / UVSHM__COND_WAIT % core->lanes_max;
  uint32_t called = 0;
  uint32_t i;

  for (i = 0; i < core->lanes_max && called < count; i++) {
    if (uvshm__lane_is_new(core, index)) {
      /* So are all after it. */
      if (index == 0) break;
      i += core->lanes_max - index - 1;
      index = 0;
      continue;
    }
    called += (uint32_t) call_lane(core, place, index);
    index = (index + 1) % core->lanes_max;
  }
  return called;
}


void uvshm__cond_signal(const struct uvshm__core* core,
                        struct uvshm__cond* cond) {
  uint32_t word = uvshm__a32_load_acquire(&cond->word);

  if ((word & UVSHM__COND_WAITERS) == 0) return;
  if (call(core, cond, word, 1) == 0)
    (void) uvshm__a32_cas(&cond->word, word, word & ~UVSHM__COND_WAITERS);
}


void uvshm__cond_broadcast(const struct uvshm__core* core,
                           struct uvshm__cond* cond) {
  uint32_t word = uvshm__a32_load_acquire(&cond->word);

  if ((word & UVSHM__COND_WAITERS) == 0) return;
  (void) call(core, cond, word, UINT32_MAX);
  (void) uvshm__a32_cas(&cond->word, word, word & ~UVSHM__COND_WAITERS);
}

/* ---- waiting ------------------------------------------------------------- */

void uvshm__cond_begin(struct uvshm__lane* lane, struct uvshm__cond* cond) {
  uint32_t word;

  uvshm__a32_store_release(&lane->ent->turn,
                           place_of(lane->core, cond) | UVSHM__TURN_WAITS);
  /* The count after the turn: who clears the bit saw either. */
  word = uvshm__a32_add(&cond->word, UVSHM__COND_WAIT);
  if (word & UVSHM__COND_WAITERS) return;
  /* Nobody waited, so a call that was passed on was for nobody. */
  if (word & UVSHM__COND_PASSED)
    (void) uvshm__a32_and(&cond->word, ~UVSHM__COND_PASSED);
  (void) uvshm__a32_or(&cond->word, UVSHM__COND_WAITERS);
}


void uvshm__cond_end(struct uvshm__lane* lane) {
  uvshm__a32_store_release(&lane->ent->turn, 0);
}


/* A call whose thread died: ours now, if nobody called us meanwhile. */
static void take_passed(struct uvshm__lane* lane, struct uvshm__cond* cond) {
  uint32_t place = place_of(lane->core, cond);

  if ((uvshm__a32_load_acquire(&cond->word) & UVSHM__COND_PASSED) == 0) return;
  if (uvshm__a32_cas(&lane->ent->turn,
                     place | UVSHM__TURN_WAITS,
                     place | UVSHM__TURN_CALLED))
    (void) uvshm__a32_and(&cond->word, ~UVSHM__COND_PASSED);
}


/* Who was called and does not come may be dead, and nobody else may notice. */
static int bury_called(struct uvshm__lane* lane,
                       const struct uvshm__cond* cond) {
  const struct uvshm__core* core = lane->core;
  uint32_t called = place_of(core, cond) | UVSHM__TURN_CALLED;
  const struct uvshm__lane_ent* ent;
  uint32_t index;
  uint32_t slot;

  if (uvshm__a32_load_acquire(&lane->ent->owner) != lane->owner)
    return uvshm__fail(UV_ECANCELED, "this process was declared dead");
  for (index = 0; index < core->lanes_max; index++) {
    if (uvshm__lane_is_new(core, index)) break;
    ent = uvshm__core_lane(core, index);
    if (uvshm__a32_load_acquire(&ent->turn) != called) continue;
    slot = (uvshm__a32_load_acquire(&ent->owner) & UVSHM__LANE_SLOT) - 1;
    if (slot >= core->peers_max || slot == core->slot) continue;
    if (!core->env->alive(core->env_arg, slot))
      (void) uvshm__reap_locks(core, slot);
  }
  return 0;
}


int uvshm__cond_sleep(struct uvshm__lane* lane,
                      struct uvshm__cond* cond,
                      uint64_t timeout_ms,
                      const uvshm__a32_t* cancelled) {
  uvshm__a32_t* turn = &lane->ent->turn;
  uint32_t waits = place_of(lane->core, cond) | UVSHM__TURN_WAITS;
  struct uvshm__wait wait;
  int err = 0;

  uvshm__wait_begin(&wait, lane, turn, timeout_ms, cancelled);
  uvshm__wait_is_for_news(&wait);
  if (timeout_ms != 0)
    (void) uvshm__spin_word(lane, turn, UVSHM__TURN_WAITS, 1);
  while (err >= 0) {
    if (uvshm__a32_load_acquire(turn) != waits) return 0;
    err = uvshm__wait_sleep(&wait, waits);
    if (err == UVSHM__WAIT_SLICE) {
      err = bury_called(lane, cond);
      take_passed(lane, cond);
      if (err == 0 && uvshm__wait_is_in_vain(lane->core, cond)) err = UV_ENXIO;
    }
  }
  /* Called in the last moment: then the call is ours, not lost. */
  return uvshm__a32_cas(turn, waits, 0) ? err : 0;
}

/* ---- for all ------------------------------------------------------------- */

void uvshm__cond_wake(const struct uvshm__core* core,
                      const struct uvshm__cond* cond) {
  uint32_t waits = place_of(core, cond) | UVSHM__TURN_WAITS;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++) {
    const uvshm__a32_t* turn = &uvshm__core_lane(core, index)->turn;

    if (uvshm__lane_is_new(core, index)) break;
    if (uvshm__a32_load_relaxed(turn) == waits)
      uvshm__wait_wake(core, turn, index, 1);
  }
}


uint32_t uvshm__cond_waiters(const struct uvshm__core* core,
                             const struct uvshm__cond* cond) {
  uint32_t waits = place_of(core, cond) | UVSHM__TURN_WAITS;
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++) {
    if (uvshm__lane_is_new(core, index)) break;
    if (uvshm__a32_load_relaxed(&uvshm__core_lane(core, index)->turn) == waits)
      count++;
  }
  return count;
}
