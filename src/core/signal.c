/* SPDX-License-Identifier: MIT */

/* News, without a system call when nobody needs one.
 *
 * Who raises changes the object first and looks for sleepers and watchers then;
 * who goes to sleep says so first and looks at the object then. A full fence on
 * both sides makes sure that one of the two sees the other.
 *
 * The first raise that finds the sleepers' bit clears it, so that those after
 * it cost nothing more, and wakes as many as there is news for. Whoever was
 * woken sets the bit again on behalf of those that sleep on, and passes the
 * news on when more of it is left. A wake that is lost to a death costs the
 * others a slice of wait.c.
 *
 * A peer has one bell, a word in its entry, with a bit for each of its loops. A
 * loop sets its bit just before it may block and looks once more at all that it
 * watches; who finds bits set clears them and is the one who rings. So a loop
 * that is awake costs nobody a system call, and one that sleeps costs one.
 * Killed between the two, the ringer leaves a loop that sleeps on with its bit
 * clear: while it watches something it looks once a second.
 */

#include "core/signal.h"

#include "base/rare.h"
#include "core/wait.h"

/* How often others may be faster: each time one of them has raised. */
#define TRIES 1000u


/* 1: there may be sleepers, and it is ours to wake them. */
static int take_sleepers(struct uvshm__signal* signal) {
  uint32_t word = uvshm__a32_load_relaxed(&signal->word);
  uint32_t tries;

  for (tries = 0; tries < TRIES; tries++) {
    if ((word & UVSHM__SIGNAL_SLEEPERS) == 0) return 0;
    if (uvshm__a32_cas(&signal->word, word, word + 1)) return 1;
    word = uvshm__a32_load_relaxed(&signal->word);
  }
  return 1;
}


void uvshm__signal_raise_slow(const struct uvshm__core* core,
                              struct uvshm__signal* signal,
                              uint32_t count) {
  uint64_t bells;

  if (take_sleepers(signal))
    uvshm__wait_wake(core, &signal->word, core->slot, count);
  bells = uvshm__a64_load_relaxed(&signal->bells);
  if (bells != 0) uvshm__bell_ring(core, bells);
}


uint32_t uvshm__signal_prepare(struct uvshm__signal* signal) {
  uint32_t word = uvshm__a32_or(&signal->word, UVSHM__SIGNAL_SLEEPERS);

  uvshm__fence_seq_cst();
  return word | UVSHM__SIGNAL_SLEEPERS;
}


void uvshm__signal_pass(const struct uvshm__core* core,
                        struct uvshm__signal* signal,
                        int more) {
  (void) uvshm__a32_or(&signal->word, UVSHM__SIGNAL_SLEEPERS);
  if (more && take_sleepers(signal))
    uvshm__wait_wake(core, &signal->word, core->slot + 1, 1);
}


void uvshm__signal_watch(const struct uvshm__core* core,
                         struct uvshm__signal* signal) {
  (void) uvshm__a64_or(&signal->bells, UINT64_C(1) << core->slot % 64);
  uvshm__fence_seq_cst();
}


static void ring_peer(const struct uvshm__core* core, uint32_t slot) {
  struct uvshm__peer* peer = uvshm__core_peer(core, slot);
  uint32_t loops = uvshm__a32_load_relaxed(&peer->bell);
  uint64_t state;

  if (loops == 0) return;
  loops = uvshm__a32_xchg(&peer->bell, 0);
  state = uvshm__a64_load_acquire(&peer->state);
  if (loops == 0 || (uint32_t) state != UVSHM__PEER_LIVE) return;
  core->env->ring(core->env_arg, slot, (uint32_t) (state >> 32), loops);
}


void uvshm__bell_ring(const struct uvshm__core* core, uint64_t bells) {
  uint32_t slot;
  uint32_t bit;

  if (core->env->ring == NULL) return;
  for (bit = 0; bit < 64 && bells >> bit != 0; bit++) {
    if ((bells >> bit & 1) == 0) continue;
    for (slot = bit; slot < core->peers_max; slot += 64) ring_peer(core, slot);
  }
}


void uvshm__bell_arm(const struct uvshm__core* core, uint32_t loop) {
  struct uvshm__peer* peer = uvshm__core_peer(core, core->slot);

  (void) uvshm__a32_or(&peer->bell, 1u << loop);
}


void uvshm__bell_disarm(const struct uvshm__core* core, uint32_t loop) {
  struct uvshm__peer* peer = uvshm__core_peer(core, core->slot);

  /* Who has rung us has cleared it. */
  if (uvshm__a32_load_relaxed(&peer->bell) & 1u << loop)
    (void) uvshm__a32_and(&peer->bell, ~(1u << loop));
}


UVSHM__RARE void uvshm__bell_clear(const struct uvshm__core* core,
                                   uint32_t slot) {
  struct uvshm__peer* peer = uvshm__core_peer(core, slot);
  uint32_t count = uvshm__a32_load_relaxed(&peer->bells);

  if (count == 0) return;
  if (count > UVSHM__BELLS_LIMIT) count = UVSHM__BELLS_LIMIT;
  if (core->env->hush != NULL) core->env->hush(core->env_arg, slot, count);
  uvshm__a32_store_relaxed(&peer->bell, 0);
  uvshm__a32_store_relaxed(&peer->bells, 0);
}
