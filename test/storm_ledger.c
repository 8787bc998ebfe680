/* SPDX-License-Identifier: MIT */

/* What a lock promises, written down by those who use it.
 *
 * The one who is in writes who he is, then what he began and what he has done,
 * each in a word of its own, so that a death between any two of these stores
 * leaves something that the next one in can tell from a flaw of the lock:
 *
 *   somebody is in already         two owners; or one died and nobody was told
 *   begun != done without news     half a change was seen
 *   done went back, or the tallies
 *   of all do not sum up to it     a committed change was lost
 */

#include "storm.h"

#include "base/thread_local.h"

#include <stddef.h>
#include <stdio.h>

#define SEAT(who) ((who) % 8u)
#define LIFE(who) ((who) / 8u)


/* The one who was in died there. Finish the books in his name, which can be
 * done again by the next one if we die in it. */
static void settle(struct storm_actor* actor,
                   struct storm_ledger* ledger,
                   uint32_t index,
                   uint32_t who) {
  uvshm__a64_t* tally = &ledger->tally[SEAT(who)];
  uint64_t done = uvshm__a64_load_relaxed(&ledger->done);
  uint64_t before = uvshm__a64_load_relaxed(&ledger->done_before);

  if (!storm_is_doomed(actor->board, LIFE(who)))
    storm_fail(actor,
               "lock %u: told that its owner died, but worker %u, life %u, who "
               "is in, was not killed",
               (unsigned int) index,
               (unsigned int) SEAT(who),
               (unsigned int) LIFE(who));
  if (uvshm__a32_load_relaxed(&ledger->open) != 0) {
    if (done - before > 1)
      storm_fail(actor, "lock %u: done moved by more than 1", index);
    uvshm__a64_store_relaxed(
        tally,
        uvshm__a64_load_relaxed(&ledger->tally_before) + (done - before));
  }
  uvshm__a64_store_relaxed(&ledger->begun, done);
  uvshm__a32_store_relaxed(&ledger->open, 0);
}


static void come_in(struct storm_actor* actor,
                    struct storm_ledger* ledger,
                    uint32_t index,
                    int news) {
  uint32_t who = uvshm__a32_load_acquire(&ledger->owner);

  if (who != 0 && news != UVSHM_OWNER_DIED)
    storm_fail(actor,
               "lock %u: worker %u, life %u is in already, and there was no "
               "news of a death",
               (unsigned int) index,
               (unsigned int) SEAT(who),
               (unsigned int) LIFE(who));
  if (who != 0) settle(actor, ledger, index, who);
  if (!uvshm__a32_cas(&ledger->owner, who, actor->who))
    storm_fail(actor, "lock %u: somebody else came in too", index);
}


/* Begun and done differ while somebody is in, and `done` is the truth. */
static void check(struct storm_actor* actor,
                  struct storm_ledger* ledger,
                  uint32_t index) {
  uint64_t done = uvshm__a64_load_relaxed(&ledger->done);
  uint64_t begun = uvshm__a64_load_relaxed(&ledger->begun);

  if (begun != done)
    storm_fail(actor,
               "lock %u: half a change, begun %llu, done %llu",
               (unsigned int) index,
               (unsigned long long) begun,
               (unsigned long long) done);
  if (done < actor->seen[index])
    storm_fail(actor,
               "lock %u: %llu changes were there, now %llu",
               (unsigned int) index,
               (unsigned long long) actor->seen[index],
               (unsigned long long) done);
}


void storm_enter(struct storm_actor* actor, uint32_t index, int news) {
  struct storm_ledger* ledger = &actor->board->ledgers[index];
  uint64_t done;

  come_in(actor, ledger, index, news);
  check(actor, ledger, index);
  done = uvshm__a64_load_relaxed(&ledger->done);
  uvshm__a64_store_relaxed(&ledger->done_before, done);
  uvshm__a64_store_relaxed(
      &ledger->tally_before,
      uvshm__a64_load_relaxed(&ledger->tally[actor->seat]));
  uvshm__a32_store_release(&ledger->open, 1);
  uvshm__a64_store_release(&ledger->begun, done + 1);
}


void storm_leave(struct storm_actor* actor, uint32_t index) {
  struct storm_ledger* ledger = &actor->board->ledgers[index];
  uvshm__a64_t* tally = &ledger->tally[actor->seat];
  uint64_t done = uvshm__a64_load_relaxed(&ledger->begun);

  if (uvshm__a32_load_acquire(&ledger->owner) != actor->who)
    storm_fail(actor, "lock %u: somebody came in while we were", index);
  actor->seen[index] = done;
  uvshm__a64_store_release(&ledger->done, done);
  uvshm__a64_store_release(tally, uvshm__a64_load_relaxed(tally) + 1);
  uvshm__a32_store_release(&ledger->open, 0);
  if (!uvshm__a32_cas(&ledger->owner, actor->who, 0))
    storm_fail(actor, "lock %u: somebody came in while we left", index);
}


const char* storm_audit(const struct storm_board* board) {
  static char text[128];
  const struct storm_ledger* ledger;
  uint64_t sum;
  uint32_t i;
  uint32_t seat;

  for (i = 0; i < STORM_LEDGERS; i++) {
    ledger = &board->ledgers[i];
    sum = 0;
    for (seat = 0; seat < STORM_SEATS; seat++)
      sum += uvshm__a64_load_relaxed(&ledger->tally[seat]);
    if (sum == uvshm__a64_load_relaxed(&ledger->done) &&
        uvshm__a32_load_relaxed(&ledger->owner) == 0)
      continue;
    snprintf(text,
             sizeof(text),
             "lock %u: %llu changes, %llu by the tallies",
             (unsigned int) i,
             (unsigned long long) uvshm__a64_load_relaxed(&ledger->done),
             (unsigned long long) sum);
    return text;
  }
  return NULL;
}
