/* SPDX-License-Identifier: MIT */

/* How long it is worth looking before one sleeps.
 *
 * To fall asleep and be woken costs the two sides some 10 us together. Who
 * spins for as long as that and sleeps then never loses more than twice what
 * knowing the future would have cost ("competitive" spinning: Karlin, Li,
 * Manasse, Owicki, SOSP 1991). It also keeps two that answer each other at once
 * from sleeping for ever in turn: once one of them had to be woken, the answer
 * takes as long as a wake-up, and only who still looks by then gets it without
 * a sleep of its own.
 *
 * Where the other side cannot run meanwhile (one processor) or has nothing to
 * say for long, spinning is in vain: after a few such times the lane looks only
 * shortly, and tries the long way anew after a while.
 */

#include "core/spin.h"

#define SPIN_NS UINT64_C(10000)

/* For a clock that stands still. */
#define LOOKS_MOST 65536u

/* So many times in vain, then so many short ones. */
#define TRIES_LONG 4u
#define TRIES_SHORT 60u

/* Stores come out of a processor in less than a microsecond, however many
 * caches are between. */
#define SETTLE_NS UINT64_C(1000)
#define SETTLES_MOST 4096u


int uvshm__spin_is_worth_it(struct uvshm__spin* spin) {
  const struct uvshm__core* core = spin->lane->core;
  uint64_t now;

  if (spin->lane->vain >= TRIES_LONG || spin->looks >= LOOKS_MOST) return 0;
  now = core->env->now_ns(core->env_arg);
  if (spin->looks == UVSHM__SPIN_LOOKS) spin->end_ns = now + SPIN_NS;
  return now < spin->end_ns;
}


void uvshm__spin_end(struct uvshm__spin* spin, int found) {
  struct uvshm__lane* lane = spin->lane;

  if (found || ++lane->vain == TRIES_LONG + TRIES_SHORT) lane->vain = 0;
}


uint32_t uvshm__spin_word(struct uvshm__lane* lane,
                          const uvshm__a32_t* word,
                          uint32_t mask,
                          int busy) {
  uint32_t value = uvshm__a32_load_relaxed(word);
  struct uvshm__spin spin;

  if (((value & mask) == 0) == busy) return value;
  uvshm__spin_begin(&spin, lane);
  while (uvshm__spin_on(&spin)) {
    value = uvshm__a32_load_relaxed(word);
    if (((value & mask) == 0) == busy) break;
  }
  uvshm__spin_end(&spin, ((value & mask) == 0) == busy);
  return value;
}


void uvshm__spin_settle(const struct uvshm__core* core) {
  uint64_t begun = core->env->now_ns(core->env_arg);
  uint32_t i;

  for (i = 0; i < SETTLES_MOST; i++) {
    uvshm__pause();
    if (core->env->now_ns(core->env_arg) - begun >= SETTLE_NS) return;
  }
}
