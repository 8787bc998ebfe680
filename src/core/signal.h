/* SPDX-License-Identifier: MIT */

/* News about an object: for threads that sleep until there is some, and for the
 * loops that watch it. See signal.c. */

#ifndef UVSHM_CORE_SIGNAL_H_
#define UVSHM_CORE_SIGNAL_H_

#include "core/core.h"

#include <stdint.h>

/* 16 bytes of a structure, at a multiple of 8. All zeros is a new one.
 *
 *   offset  size  field   written by        meaning
 *        0     4  word    all               {changes:31, may sleep:1}
 *        4     4  unused
 *        8     8  bells   who begins to     bit n: a peer with slot n modulo 64
 *                         watch; hints      may watch
 */
struct uvshm__signal {
  uvshm__a32_t word;
  uvshm__a32_t unused;
  uvshm__a64_t bells;
};

_Static_assert(sizeof(struct uvshm__signal) == 16, "signal format");

#define UVSHM__SIGNAL_SLEEPERS 1u

void uvshm__signal_raise_slow(const struct uvshm__core* core,
                              struct uvshm__signal* signal,
                              uint32_t count);

/* Does anybody sleep or watch? */
static inline int uvshm__signal_heard(const struct uvshm__signal* signal) {
  return (uvshm__a32_load_relaxed(&signal->word) & UVSHM__SIGNAL_SLEEPERS) !=
             0 ||
         uvshm__a64_load_relaxed(&signal->bells) != 0;
}


/* Something changed, by a store or CAS before this call that was seq_cst (or
 * with a full fence after it): wake up to `count` sleepers, ring the bells of
 * those who watch. Two loads of one line when there are none. */
static inline void uvshm__signal_raise_fenced(const struct uvshm__core* core,
                                              struct uvshm__signal* signal,
                                              uint32_t count) {
  if (uvshm__signal_heard(signal))
    uvshm__signal_raise_slow(core, signal, count);
}


/* The same after any store. */
static inline void uvshm__signal_raise(const struct uvshm__core* core,
                                       struct uvshm__signal* signal,
                                       uint32_t count) {
  uvshm__fence_seq_cst();
  uvshm__signal_raise_fenced(core, signal, count);
}


/* The same, without a fence as long as nobody sleeps or watches. The store may
 * still be on its way out of this processor when the word is read, and who goes
 * to sleep in that moment is not seen. So whoever sleeps on a signal that is
 * raised like this calls uvshm__spin_settle() after uvshm__signal_prepare()
 * and looks then: by that time the store has come out. Were it later after all,
 * the sleeper would lose a slice. */
static inline void uvshm__signal_raise_soon(const struct uvshm__core* core,
                                            struct uvshm__signal* signal,
                                            uint32_t count) {
  uvshm__fence_compiler();
  if (uvshm__signal_heard(signal)) uvshm__signal_raise(core, signal, count);
}


/* Before a sleep: say that somebody may sleep. Then look once more whether what
 * one waits for is there, and if not, uvshm__wait_sleep() on signal->word with
 * the value returned here. */
uint32_t uvshm__signal_prepare(struct uvshm__signal* signal);

/* Who has slept and takes what he was woken for, or gives up: others may sleep
 * on, and the raise that woke him has cleared the bit of all. With `more` there
 * is still something for one of them: one raise may have stood for several. */
void uvshm__signal_pass(const struct uvshm__core* core,
                        struct uvshm__signal* signal,
                        int more);

/* From now on ring this peer's bell too. Not taken back: a stale bit costs the
 * raiser a look at the peers with that number and nothing else. */
void uvshm__signal_watch(const struct uvshm__core* core,
                         struct uvshm__signal* signal);

/* Ring the loops of the peers in `bells` that want to be rung. */
void uvshm__bell_ring(const struct uvshm__core* core, uint64_t bells);

/* Our loop number `loop` (below UVSHM__BELLS_LIMIT) may block from now on; it
 * looks at what it watches after this, which is a full fence. And: it does not
 * any more. Both on the loop's own thread. */
void uvshm__bell_arm(const struct uvshm__core* core, uint32_t loop);
void uvshm__bell_disarm(const struct uvshm__core* core, uint32_t loop);

/* The peer of `slot` is gone, and its slot is held by the caller: nobody rings
 * it any more, and what its bells have left in the system goes. */
void uvshm__bell_clear(const struct uvshm__core* core, uint32_t slot);

/* ---- signals that every object has --------------------------------------- */

static inline struct uvshm__signal* uvshm__peers_news(
    const struct uvshm__core* core) {
  return (struct uvshm__signal*) uvshm__core_header(core)->peers_news;
}


static inline struct uvshm__signal* uvshm__locks_news(
    const struct uvshm__core* core) {
  return (struct uvshm__signal*) uvshm__core_header(core)->locks_news;
}

#endif /* UVSHM_CORE_SIGNAL_H_ */
