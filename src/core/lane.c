/* SPDX-License-Identifier: MIT */

/* Lanes: claimed by one compare-and-swap of `owner`, freed by its store of 0.
 *
 * What keeps lock words and lanes in step:
 *
 *   a lock word names a lane          =>  a note of the lane names the lock
 *   the lane is free                  =>  it has no notes
 *
 * so a word never names a free lane, nor a lane as an earlier owner had it. The
 * generation is not needed for that; it makes a word that breaks the rule
 * recognizable as damage instead of as a lock that somebody else holds.
 */

#include "core/lane.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/cond_layout.h"
#include "core/extent.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/rwlock_layout.h"
#include "core/wait.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

/* What no lane's owner ever says: slot 2046. */
#define NOBODY UINT32_MAX


static uint32_t owner_word(const struct uvshm__core* core) {
  return ((core->generation & UVSHM__LANE_PEER) << UVSHM__LANE_PEER_SHIFT) |
         (core->slot + 1);
}


static uint32_t name_of(uint32_t index, uint32_t generation) {
  return ((generation & UVSHM__LOCK_GENERATION)
          << UVSHM__LOCK_GENERATION_SHIFT) |
         (index + 1);
}


/* The lane is ours; nobody else writes it while we live. */
static void move_in(const struct uvshm__core* core,
                    struct uvshm__lane* lane,
                    uint32_t index) {
  struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);
  uint32_t generation = uvshm__a32_load_relaxed(&ent->generation) + 1;
  uint32_t i;

  if (generation == 0) generation = 1; /* 0 is for a lane that nobody had */
  memset(lane, 0, offsetof(struct uvshm__lane, more));
  lane->core = core;
  lane->ent = ent;
  lane->index = index;
  lane->owner = owner_word(core);
  lane->name = name_of(index, generation);
  lane->spins = UVSHM__WAIT_SPINS;

  /* All zero already, unless somebody wrote where he should not. */
  for (i = 0; i < UVSHM__LANE_HELD; i++)
    uvshm__a32_store_relaxed(&ent->held[i], 0);
  uvshm__a64_store_relaxed(&ent->wait_on, 0);
  uvshm__a32_store_relaxed(&ent->span, 0);
  uvshm__a32_store_relaxed(&ent->turn, 0);
  uvshm__a64_store_relaxed(&ent->arrived, 0);
  uvshm__a32_store_release(&ent->generation, generation);
}


static int claim_free(const struct uvshm__core* core,
                      struct uvshm__lane* lane) {
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++) {
    uvshm__a32_t* owner = &uvshm__core_lane(core, index)->owner;

    if (uvshm__a32_load_relaxed(owner) != 0) continue;
    if (!uvshm__a32_cas(owner, 0, owner_word(core))) continue;
    move_in(core, lane, index);
    return 0;
  }
  return UV_EMFILE;
}


int uvshm__lane_claim(const struct uvshm__core* core,
                      struct uvshm__lane* lane) {
  uint32_t index;

  if (!uvshm__peer_is_ours(core))
    return uvshm__fail(UV_ECANCELED, "this process was declared dead");
  if (claim_free(core, lane) == 0) return 0;

  /* We have no lane, so we hold no lock, and may do both parts of repair. */
  uvshm__reap_all(core);
  for (index = 0; index < core->lanes_max; index++)
    uvshm__lane_mend(core, index);
  if (claim_free(core, lane) == 0) return 0;
  return uvshm__fail(UV_EMFILE,
                     "all its %u lanes (threads that use locks) are taken",
                     core->lanes_max);
}


/* A note is gone that was one of a reader: a writer may wait for that. No store
 * is needed to tell him so, since he looks at the note itself. */
static void wake_writer(const struct uvshm__core* core,
                        const struct uvshm__lock* lock) {
  uvshm__wait_wake(
      core, &((const struct uvshm__rwlock*) lock)->gate.left.word, 0, INT_MAX);
}


/* The thread was called by a cond and did not come: somebody else who waits for
 * it takes the call (cond.c). Twice does no harm. */
static void pass_call(const struct uvshm__core* core, uint32_t turn) {
  uint64_t offset =
      (uint64_t) (turn & UVSHM__TURN_PLACE) * UVSHM__LOCK_ALIGNMENT;

  if ((turn & UVSHM__TURN_CALLED) == 0) return;
  if (!uvshm__extent_has_lock(core, offset)) return;
  uvshm__a32_or(&((struct uvshm__cond*) (core->base + offset))->word,
                UVSHM__COND_PASSED);
}


/* Passed on before it is cleared, for one who repairs after us; and cleared
 * only as it was when we looked, because a signal may call the dead thread in
 * between (models/cond.pml). It waits, is called, and no more comes: two rounds
 * do. */
static void end_turn(const struct uvshm__core* core, uvshm__a32_t* at) {
  uint32_t tries;
  uint32_t turn;

  for (tries = 0; tries < 4; tries++) {
    turn = uvshm__a32_load_acquire(at);
    pass_call(core, turn);
    if (turn == 0 || uvshm__a32_cas(at, turn, 0)) return;
  }
  uvshm__a32_store_release(at, 0);
}


UVSHM__RARE void uvshm__lane_repair(const struct uvshm__core* core,
                                    uint32_t index) {
  struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);
  uint32_t name = name_of(index, uvshm__a32_load_acquire(&ent->generation));
  struct uvshm__lock* lock;
  uint64_t offset;
  uint32_t note;
  uint32_t i;

  /* From the inner locks to the outer ones: whoever gets an outer one may rely
   * on what the dead thread began under an inner one being done. */
  for (i = UVSHM__LANE_HELD; i-- > 0;) {
    note = uvshm__a32_load_acquire(&ent->held[i]);
    offset = (uint64_t) (note & ~UVSHM__LANE_READ) * UVSHM__LOCK_ALIGNMENT;
    if (offset == 0) continue;
    lock = NULL;
    if (uvshm__extent_has_lock(core, offset))
      lock = (struct uvshm__lock*) (core->base + offset);
    /* A reader too: he may have been about to become the writer, or have been
     * the writer. */
    if (lock != NULL) uvshm__lock_repair(core, lock, name);
    /* The lock first: a repairer that dies between the two is followed by one
     * that finds the note and nothing to do. */
    uvshm__a32_store_release(&ent->held[i], 0);
    if (lock != NULL && note & UVSHM__LANE_READ) wake_writer(core, lock);
  }
  end_turn(core, &ent->turn);
  uvshm__a64_store_release(&ent->arrived, 0);
  uvshm__a64_store_release(&ent->wait_on, 0);
}


void uvshm__lane_free(const struct uvshm__core* core,
                      uint32_t index,
                      uint32_t owner) {
  struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);

  uvshm__lane_repair(core, index);
  uvshm__a32_store_release(&ent->span, 0);
  /* Its claimer died before he said so: it was claimed (lane_layout.h). */
  if (uvshm__a32_load_relaxed(&ent->generation) == 0)
    uvshm__a32_store_release(&ent->generation, 1);
  uvshm__a32_cas(&ent->owner, owner, 0);
}


void uvshm__lane_exit(struct uvshm__lane* lane) {
  /* Another owner: we were declared dead, and all was done for us. */
  if (uvshm__a32_load_acquire(&lane->ent->owner) == lane->owner)
    uvshm__lane_free(lane->core, lane->index, lane->owner);
  lane->owner = NOBODY;
  lane->count = 0;
  lane->txn = 0;
  lane->reads = 0;
}


uint32_t uvshm__lane_used(const struct uvshm__core* core) {
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++)
    if (uvshm__a32_load_relaxed(&uvshm__core_lane(core, index)->owner) != 0)
      count++;
  return count;
}

/* ---- damage -------------------------------------------------------------- */

UVSHM__RARE int uvshm__lane_is_damaged(const struct uvshm__core* core,
                                       uint32_t index) {
  const struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);
  uint32_t owner = uvshm__a32_load_acquire(&ent->owner);
  uint32_t slot = (owner & UVSHM__LANE_SLOT) - 1;
  uint64_t state = 0;
  uint32_t i;

  if (owner == 0) {
    for (i = 0; i < UVSHM__LANE_HELD; i++)
      if (uvshm__a32_load_acquire(&ent->held[i]) != 0) break;
    return i < UVSHM__LANE_HELD && uvshm__a32_load_acquire(&ent->owner) == 0;
  }
  if (slot < core->peers_max)
    state = uvshm__a64_load_acquire(&uvshm__core_peer(core, slot)->state);
  if ((uint32_t) state != UVSHM__PEER_FREE &&
      ((uint32_t) (state >> 32) & UVSHM__LANE_PEER) ==
          owner >> UVSHM__LANE_PEER_SHIFT)
    return 0;
  /* The peer was there before its lane was, and is there until it is free. */
  return uvshm__a32_load_acquire(&ent->owner) == owner;
}


/* The mender takes the lane for himself first. Two menders, or a claimer and
 * one, would else clear up after each other; and if he dies, the lane is
 * repaired like any other of his. */
UVSHM__RARE int uvshm__lane_mend(const struct uvshm__core* core,
                                 uint32_t index) {
  uvshm__a32_t* word = &uvshm__core_lane(core, index)->owner;
  uint32_t owner = uvshm__a32_load_acquire(word);

  if (!uvshm__lane_is_damaged(core, index)) return 0;
  if (!uvshm__a32_cas(word, owner, owner_word(core))) return 0;
  uvshm__lane_free(core, index, owner_word(core));
  return 1;
}
