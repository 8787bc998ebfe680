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
#include "core/extent.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/wait.h"

#include <string.h>


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

  memset(lane, 0, sizeof(*lane));
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
  if (!uvshm__peer_is_ours(core))
    return uvshm__fail(UV_ECANCELED, "this process was declared dead");
  if (claim_free(core, lane) == 0) return 0;

  /* We have no lane, so we hold no lock, and may do both parts of repair. */
  if (uvshm__reap_all(core) != 0 && claim_free(core, lane) == 0) return 0;
  return uvshm__fail(UV_EMFILE,
                     "all its %u lanes (threads that use locks) are taken",
                     core->lanes_max);
}


void uvshm__lane_repair(const struct uvshm__core* core, uint32_t index) {
  struct uvshm__lane_ent* ent = uvshm__core_lane(core, index);
  uint32_t name = name_of(index, uvshm__a32_load_acquire(&ent->generation));
  uint64_t offset;
  uint32_t i;

  for (i = 0; i < UVSHM__LANE_HELD; i++) {
    offset = (uint64_t) uvshm__a32_load_acquire(&ent->held[i]) *
             UVSHM__LOCK_ALIGNMENT;
    if (offset == 0) continue;
    if (uvshm__extent_has_lock(core, offset))
      uvshm__lock_repair(
          core, (struct uvshm__lock*) (core->base + offset), name);
    /* The lock first: a repairer that dies between the two is followed by one
     * that finds the note and nothing to do. */
    uvshm__a32_store_release(&ent->held[i], 0);
  }
  uvshm__a64_store_release(&ent->wait_on, 0);
}


void uvshm__lane_free(const struct uvshm__core* core,
                      uint32_t index,
                      uint32_t owner) {
  uvshm__lane_repair(core, index);
  uvshm__a32_cas(&uvshm__core_lane(core, index)->owner, owner, 0);
}


void uvshm__lane_exit(struct uvshm__lane* lane) {
  /* Another owner: we were declared dead, and all was done for us. */
  if (uvshm__a32_load_acquire(&lane->ent->owner) == lane->owner)
    uvshm__lane_free(lane->core, lane->index, lane->owner);
  lane->owner = UVSHM__LANE_NOBODY;
  lane->count = 0;
}


uint32_t uvshm__lane_used(const struct uvshm__core* core) {
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->lanes_max; index++)
    if (uvshm__a32_load_relaxed(&uvshm__core_lane(core, index)->owner) != 0)
      count++;
  return count;
}
