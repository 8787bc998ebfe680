/* SPDX-License-Identifier: MIT */

/* Threads that wait for each other.
 *
 * Round, number of those who have come, and whether it is broken are one word,
 * so coming is one compare-and-swap, and the last one's makes the next round:
 *
 *   {r, 0} --> {r, 1} --> ... --> {r, count - 1} --> {r + 1, 0}
 *                 \--> {r, broken} --reset--> {r + 1, 0}
 *
 * Nobody can tell whom a number counts, and nobody need: when one dies who
 * takes part, the barrier is broken, and the number means nothing until reset
 * makes it 0. Who takes part: each peer that has the barrier open. Those who
 * wait look whether one of them is dead whenever a slice of their sleep ends;
 * and repair breaks what the dead one had open before it forgets that (reap.c).
 *
 * Who waits in round r and sees a later one must know whether r was completed
 * or broken and reset before he looked. So the one who resets first marks the
 * lanes of those who wait, while it is broken and nobody can come or complete
 * it, and then begins the round. Before that he takes the barrier from the dead
 * who have it open, or they would break the new round too.
 */

#include "core/barrier.h"

#include "base/error.h"
#include "core/directory.h"
#include "core/lock_layout.h"
#include "core/reap.h"
#include "core/spin.h"

#include <string.h>

/* How often somebody else may be faster. Each time he gets on, so an honest
 * crowd never comes near; this is against one who writes without end. */
#define TRIES 1000000

#define COMPLETED 0
#define PENDING 1


void uvshm__barrier_format(struct uvshm__barrier* barrier, uint32_t count) {
  memset(barrier, 0, sizeof(*barrier));
  uvshm__a32_store_relaxed(&barrier->count, count);
}


static uint32_t round_of(uint64_t word) {
  return (uint32_t) (word >> UVSHM__BARRIER_ROUND_SHIFT);
}


static uint64_t next_round(uint64_t word) {
  return (uint64_t) (round_of(word) + 1) << UVSHM__BARRIER_ROUND_SHIFT;
}


/* What the lane of one who has come to round `round` says. */
static uint64_t note_of(const struct uvshm__core* core,
                        const struct uvshm__barrier* barrier,
                        uint32_t round) {
  uint64_t place = (uint64_t) ((const unsigned char*) barrier - core->base) /
                   UVSHM__LOCK_ALIGNMENT;

  return place << 32 | round;
}


void uvshm__barrier_read(const struct uvshm__barrier* barrier,
                         struct uvshm__barrier_facts* facts) {
  uint64_t word = uvshm__a64_load_acquire(&barrier->word);

  facts->count = uvshm__a32_load_relaxed(&barrier->count);
  facts->come = (uint32_t) (word & UVSHM__BARRIER_COME);
  facts->round = round_of(word);
  facts->broken = (word & UVSHM__BARRIER_BROKEN) != 0;
}

/* ---- who takes part ------------------------------------------------------ */

static int takes_part(const struct uvshm__core* core,
                      const struct uvshm__barrier* barrier,
                      uint32_t slot) {
  uint64_t state =
      uvshm__a64_load_acquire(&uvshm__core_peer(core, slot)->state);
  const struct uvshm__directory_ent* ent;

  if ((uint32_t) state == UVSHM__PEER_FREE) return 0;
  if (core->objects_max == 0) return 1;
  ent = uvshm__core_entry(core, uvshm__directory_index(core, barrier));
  return (uvshm__a64_load_acquire(&ent->open[slot / 64]) >> slot % 64 & 1) != 0;
}


/* Because of one who was seen dead in round `round`: if it was reset meanwhile,
 * he is no part of it any more, and the new round has nothing to do with him.
 */
static void break_round(const struct uvshm__core* core,
                        struct uvshm__barrier* barrier,
                        uint32_t round) {
  uint32_t tries;
  uint64_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a64_load_acquire(&barrier->word);
    if (round_of(word) != round || (word & UVSHM__BARRIER_BROKEN) != 0) return;
    if (!uvshm__a64_cas(&barrier->word, word, word | UVSHM__BARRIER_BROKEN))
      continue;
    uvshm__signal_raise(core, &barrier->signal, UINT32_MAX);
    return;
  }
}


/* One that leaves is no part of it any more before it is not alive any more. So
 * whoever is dead and still is part has died. */
static void look_for_dead(const struct uvshm__core* core,
                          struct uvshm__barrier* barrier,
                          uint32_t round) {
  uint32_t slot;

  for (slot = 0; slot < core->peers_max; slot++) {
    if (slot == core->slot || !takes_part(core, barrier, slot)) continue;
    if (core->env->alive(core->env_arg, slot)) continue;
    if (!takes_part(core, barrier, slot)) continue;
    break_round(core, barrier, round);
    return;
  }
}

/* It is broken because of them, and will be made whole: they are no part of it
 * any more. */
static void forget_dead(const struct uvshm__core* core,
                        struct uvshm__barrier* barrier) {
  uint32_t slot;

  for (slot = 0; slot < core->peers_max; slot++) {
    if (slot == core->slot || !takes_part(core, barrier, slot)) continue;
    if (core->env->alive(core->env_arg, slot)) continue;
    if (core->objects_max == 0) {
      (void) uvshm__reap(core, slot); /* there are no locks to hold */
    } else if (core->env->claim(core->env_arg, slot) == 0) {
      uvshm__directory_close_dead(
          core, uvshm__directory_index(core, barrier), slot);
      core->env->unclaim(core->env_arg, slot);
    }
  }
}

/* ---- waiting ------------------------------------------------------------- */

/* What came of the round that `lane` came to. */
static int outcome(const struct uvshm__lane* lane,
                   const struct uvshm__barrier* barrier,
                   uint32_t round) {
  uint64_t word = uvshm__a64_load_acquire(&barrier->word);

  if (round_of(word) == round)
    return word & UVSHM__BARRIER_BROKEN ? UV_ECONNRESET : PENDING;
  /* The mark is older than the new round. */
  if (uvshm__a64_load_acquire(&lane->ent->arrived) & UVSHM__ARRIVED_LOST)
    return UV_ECONNRESET;
  return COMPLETED;
}


/* The time is over: not come after all, unless it was completed or broken
 * before. */
static int go_back(struct uvshm__lane* lane,
                   struct uvshm__barrier* barrier,
                   uint32_t round,
                   int err) {
  uint32_t tries;
  uint64_t word;
  int result;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a64_load_acquire(&barrier->word);
    result = outcome(lane, barrier, round);
    if (result != PENDING) return result;
    if (round_of(word) == round && (word & UVSHM__BARRIER_COME) != 0 &&
        uvshm__a64_cas(&barrier->word, word, word - 1))
      return err;
  }
  return err;
}


static int wait_for_others(struct uvshm__lane* lane,
                           struct uvshm__barrier* barrier,
                           uint32_t round,
                           struct uvshm__wait* wait) {
  uint32_t value;
  int result;
  int err;

  for (;;) {
    value = uvshm__signal_prepare(&barrier->signal);
    result = outcome(lane, barrier, round);
    if (result != PENDING) return result;
    err = uvshm__wait_sleep(wait, value);
    if (err == UVSHM__WAIT_SLICE) look_for_dead(lane->core, barrier, round);
    if (err < 0) return go_back(lane, barrier, round, err);
  }
}


/* 1: we were the last one; 0: we have come to *round. */
static int come(struct uvshm__lane* lane,
                struct uvshm__barrier* barrier,
                uint32_t count,
                int may_wait,
                uint32_t* round) {
  const struct uvshm__core* core = lane->core;
  uint32_t tries;
  uint64_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a64_load_acquire(&barrier->word);
    if (word & UVSHM__BARRIER_BROKEN) return UV_ECONNRESET;
    if ((word & UVSHM__BARRIER_COME) + 1 >= count) {
      if (!uvshm__a64_cas(&barrier->word, word, next_round(word))) continue;
      uvshm__signal_raise(core, &barrier->signal, UINT32_MAX);
      return 1;
    }
    if (!may_wait) return UV_EAGAIN;
    *round = round_of(word);
    /* The note before the number: who resets looks for notes when nobody can
     * be counted any more. */
    uvshm__a64_store_release(&lane->ent->arrived,
                             note_of(core, barrier, *round));
    if (uvshm__a64_cas(&barrier->word, word, word + 1)) return 0;
  }
  return uvshm__fail(UV_EPROTO, "the barrier's word changes all the time");
}


/* The round ends with a store to the upper half, which is spun on. */
static void spin(struct uvshm__lane* lane,
                 const struct uvshm__barrier* barrier,
                 uint32_t round) {
  struct uvshm__spin spin;
  int over = outcome(lane, barrier, round) != PENDING;

  if (over) return;
  uvshm__spin_begin(&spin, lane);
  while (!over && uvshm__spin_on(&spin))
    over = outcome(lane, barrier, round) != PENDING;
  uvshm__spin_end(&spin, over);
}


int uvshm__barrier_wait(struct uvshm__lane* lane,
                        struct uvshm__barrier* barrier,
                        uint32_t count,
                        uint64_t timeout_ms,
                        const uvshm__a32_t* cancelled) {
  struct uvshm__wait wait;
  uint32_t round = 0;
  int result = come(lane, barrier, count, timeout_ms != 0, &round);

  if (result == 0) {
    uvshm__wait_begin(
        &wait, lane, &barrier->signal.word, timeout_ms, cancelled);
    uvshm__wait_is_for_news(&wait);
    spin(lane, barrier, round);
    result = wait_for_others(lane, barrier, round, &wait);
  }
  uvshm__a64_store_release(&lane->ent->arrived, 0);
  return result;
}

/* ---- reset --------------------------------------------------------------- */

/* Those who came to `round` of this barrier. Nobody else can: it is broken. */
static void mark_lanes(const struct uvshm__core* core,
                       const struct uvshm__barrier* barrier,
                       uint32_t round) {
  uint64_t note = note_of(core, barrier, round);
  uvshm__a64_t* arrived;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++) {
    if (uvshm__lane_is_new(core, index)) return;
    arrived = &uvshm__core_lane(core, index)->arrived;
    if (uvshm__a64_load_acquire(arrived) == note)
      (void) uvshm__a64_cas(arrived, note, note | UVSHM__ARRIVED_LOST);
  }
}


int uvshm__barrier_reset(const struct uvshm__core* core,
                         struct uvshm__barrier* barrier) {
  uint32_t round = round_of(uvshm__a64_load_acquire(&barrier->word));
  uint32_t tries;
  uint64_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a64_load_acquire(&barrier->word);
    /* Somebody else did. Those who came since have nothing to do with it. */
    if (round_of(word) != round) return 0;
    if ((word & UVSHM__BARRIER_BROKEN) == 0) {
      (void) uvshm__a64_cas(&barrier->word, word, word | UVSHM__BARRIER_BROKEN);
      continue;
    }
    forget_dead(core, barrier);
    mark_lanes(core, barrier, round);
    if (!uvshm__a64_cas(&barrier->word, word, next_round(word))) continue;
    uvshm__signal_raise(core, &barrier->signal, UINT32_MAX);
    return 0;
  }
  return uvshm__fail(UV_EPROTO, "the barrier's word changes all the time");
}
