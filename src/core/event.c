/* SPDX-License-Identifier: MIT */

/* A flag that is waited for. Nobody owns it, and each change is one
 * compare-and-swap, so a death leaves nothing to repair.
 *
 * An event that resets itself is taken by whoever's compare-and-swap clears the
 * bit. Being woken is not having it: one that is killed between the two leaves
 * it set, and the others, who look again after a slice (wait.c), get it.
 *
 * A manual one counts how often it was set, so that who waits passes when it
 * was set since, even if it was reset before he could look.
 */

#include "core/event.h"

#include "base/error.h"
#include "core/spin.h"
#include "core/wait.h"

#include <string.h>

/* How often somebody else may be faster. Each time he gets on, so an honest
 * crowd never comes near; this is against one who writes without end. */
#define TRIES 1000000


void uvshm__event_format(struct uvshm__event* event, uint32_t argument) {
  memset(event, 0, sizeof(*event));
  uvshm__a32_store_relaxed(&event->flags, argument & UVSHM__EVENT_MANUAL);
  uvshm__a32_store_relaxed(
      &event->word,
      argument & UVSHM__EVENT_FORMAT_SET ? UVSHM__EVENT_IS_SET : 0);
}


int uvshm__event_set(const struct uvshm__core* core,
                     struct uvshm__event* event,
                     int manual) {
  uint32_t tries;
  uint32_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a32_load_relaxed(&event->word);
    if (!uvshm__a32_cas(&event->word,
                        word,
                        (word + UVSHM__EVENT_TIME) | UVSHM__EVENT_IS_SET))
      continue;
    /* Also when it was set: who was woken then may have died since. */
    uvshm__signal_raise(core, &event->signal, manual ? UINT32_MAX : 1);
    return 0;
  }
  return uvshm__fail(UV_EPROTO, "the event's word changes all the time");
}


void uvshm__event_reset(struct uvshm__event* event) {
  (void) uvshm__a32_and(&event->word, ~UVSHM__EVENT_IS_SET);
}


int uvshm__event_try(struct uvshm__event* event, int manual) {
  uint32_t tries;
  uint32_t word;

  for (tries = 0; tries < TRIES; tries++) {
    word = uvshm__a32_load_acquire(&event->word);
    if ((word & UVSHM__EVENT_IS_SET) == 0) return UV_EAGAIN;
    if (manual) return 0;
    if (uvshm__a32_cas(&event->word, word, word & ~UVSHM__EVENT_IS_SET))
      return 0;
  }
  return UV_EAGAIN;
}


/* Was it set, as far as we are concerned, and is it ours? */
static int passes(struct uvshm__event* event, int manual, uint32_t first) {
  uint32_t word;

  if (uvshm__event_try(event, manual) == 0) return 1;
  if (!manual) return 0;
  word = uvshm__a32_load_acquire(&event->word);
  return ((word ^ first) & ~UVSHM__EVENT_IS_SET) != 0;
}


int uvshm__event_wait(struct uvshm__lane* lane,
                      struct uvshm__event* event,
                      int manual,
                      uint64_t timeout_ms,
                      const uvshm__a32_t* cancelled) {
  uint32_t first = uvshm__a32_load_acquire(&event->word);
  struct uvshm__wait wait;
  uint32_t value;
  int err;

  if (uvshm__event_try(event, manual) == 0) return 0;
  if (timeout_ms == 0) return UV_EAGAIN;

  uvshm__wait_begin(&wait, lane, &event->signal.word, timeout_ms, cancelled);
  uvshm__wait_is_for_news(&wait);
  (void) uvshm__spin_word(lane, &event->word, UVSHM__EVENT_IS_SET, 0);
  for (;;) {
    if (wait.sleeps == 0 && passes(event, manual, first)) return 0;
    /* The sleepers' bit before the event: a set that comes after we took ours
     * is for the others who sleep, and must find it. */
    value = uvshm__signal_prepare(&event->signal);
    if (passes(event, manual, first)) return 0;
    err = uvshm__wait_sleep(&wait, value);
    if (err < 0) break;
  }
  /* We may have been woken in somebody's place. */
  if (wait.sleeps != 0)
    uvshm__signal_pass(lane->core, &event->signal, uvshm__event_is_set(event));
  return err;
}
