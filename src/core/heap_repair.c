/* SPDX-License-Identifier: MIT */

/* After a death, after a reboot, and after damage: one walk through all owner
 * words, with a different question each time.
 *
 * A death needs no lock and no order: a block that was private to the dead peer
 * is freed by one store of its owner word, as its owner would have done it. The
 * walk may be cut off and begun again anywhere.
 */

#include "core/heap_inside.h"

#include "core/peer.h"
#include "uvshm/flags.h"

/* What to do with an owner word: what it is to become. */
typedef uint32_t (*judge)(const struct uvshm__core* core,
                          uint32_t own,
                          uint32_t slot);

struct walk {
  const struct uvshm__core* core;
  judge judge;
  uint32_t slot;
  uint32_t changed;
};


static void judge_word(struct walk* walk, uvshm__a16_t* word) {
  uint32_t own = uvshm__a16_load_seq_cst(word);
  uint32_t wanted = walk->judge(walk->core, own, walk->slot);

  if (wanted != own && uvshm__a16_cas_seq_cst(word, own, wanted))
    walk->changed++;
}


/* Four at once as long as all are free, which is what most of them are, or all
 * the same as before. */
static void walk_span(struct walk* walk, uint32_t zone, uint32_t place) {
  uvshm__a16_t* owners = uvshm__heap_owners(walk->core, zone, place);
  struct uvshm__zone_ent* entry = uvshm__heap_zone(walk->core, zone);
  uint32_t before = walk->changed;
  uint64_t harmless = 0;
  uint32_t i;
  uint32_t j;

  for (i = 0; i < UVSHM__OWNERS_WORDS; i++) {
    uint64_t word = uvshm__owners_word(owners, i);
    uint32_t changed = walk->changed;

    if (word == 0 || word == harmless) continue;
    for (j = 0; j < 4; j++) judge_word(walk, &owners[4 * i + j]);
    if (changed == walk->changed) harmless = word;
  }
  if (before != walk->changed) uvshm__a32_or(&entry->room, 1u << place);
}


/* The zone may become part of a huge block while we are in it, unless we say
 * that we are: in the entry of the peer that we clear up after, which is ours
 * meanwhile. */
static void walk_zone(struct walk* walk, uint32_t zone, uint32_t places) {
  const struct uvshm__core* core = walk->core;
  struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uvshm__a32_t* here = &uvshm__core_peer(core, walk->slot)->heap_zone;
  uint64_t word;
  uint32_t place;

  judge_word(walk, &entry->own);
  uvshm__a32_store_seq_cst(here, zone + 1);
  /* Pairs with close_zone(), heap_reclaim.c. */
  uvshm__fence_seq_cst();
  word = uvshm__a64_load_seq_cst(&entry->word);
  /* Who is closing it may have looked for us before. Either he is done with it
   * first, or we put it back; it is not for us to wait. Who begins to close it
   * from here on finds us. */
  if (uvshm__word_kind(word) == UVSHM__ZONE_CLOSING &&
      !uvshm__a64_cas_seq_cst(
          &entry->word, word, uvshm__word_with_kind(word, UVSHM__ZONE_SMALL)))
    word = uvshm__a64_load_seq_cst(&entry->word);
  if (uvshm__zone_is_small(word))
    for (place = 1; place < places; place++) walk_span(walk, zone, place);
  uvshm__a32_store_release(here, 0);
}


static uint32_t walk_all(const struct uvshm__core* core,
                         uint32_t slot,
                         judge judge_one) {
  struct walk walk = {core, judge_one, slot, 0};
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t zone;

  for (zone = 0; zone < zones; zone++)
    walk_zone(&walk, zone, uvshm__zone_places(zone, spans));
  return walk.changed;
}

/* ---- a death ------------------------------------------------------------- */

static uint32_t judge_dead(const struct uvshm__core* core,
                           uint32_t own,
                           uint32_t slot) {
  (void) core;
  return own == UVSHM__OWN_PRIVATE + slot ? UVSHM__OWN_FREE : own;
}


void uvshm__heap_forget(const struct uvshm__core* core, uint32_t slot) {
  struct uvshm__peer* peer = uvshm__core_peer(core, slot);

  if (core->heap_offset == 0) return;
  if (uvshm__a32_load_acquire(&peer->heap_used) != 0)
    walk_all(core, slot, judge_dead);
  uvshm__a32_store_release(&peer->heap_zone, 0);
  uvshm__a32_store_release(&peer->heap_used, 0);
}

/* ---- a reboot ------------------------------------------------------------ */

static uint32_t judge_rebooted(const struct uvshm__core* core,
                               uint32_t own,
                               uint32_t slot) {
  (void) core;
  (void) slot;
  return own >= UVSHM__OWN_PRIVATE ? UVSHM__OWN_FREE : own;
}


void uvshm__heap_reset(const struct uvshm__core* core) {
  uint32_t i;

  if (core->heap_offset == 0) return;
  /* Nobody is attached yet, so any peer's entry will do. */
  walk_all(core, 0, judge_rebooted);
  for (i = 0; i < core->peers_max; i++) {
    uvshm__a32_store_relaxed(&uvshm__core_peer(core, i)->heap_zone, 0);
    uvshm__a32_store_relaxed(&uvshm__core_peer(core, i)->heap_used, 0);
  }
  for (i = 0; i < core->lanes_max; i++)
    uvshm__a32_store_relaxed(&uvshm__core_lane(core, i)->span, 0);
  /* What zones and spans were becoming is settled by whoever needs them. */
  uvshm__a32_store_relaxed(&uvshm__heap_head(core)->free_zone, 0);
}

/* ---- damage -------------------------------------------------------------- */

/* A block that belongs to nobody known may still be linked somewhere: better
 * lost than given out twice. */
static uint32_t judge_damaged(const struct uvshm__core* core,
                              uint32_t own,
                              uint32_t slot) {
  (void) slot;
  if (own <= UVSHM__OWN_INSIDE) return own;
  if (own < UVSHM__OWN_PRIVATE || own - UVSHM__OWN_PRIVATE >= core->peers_max)
    return UVSHM__OWN_SHARED;
  return own;
}


/* Blocks of a peer that is not there. Its slot is held meanwhile: else one that
 * joins may allocate the very block between our look and our change. */
static uint32_t free_orphans(const struct uvshm__core* core, uint32_t slot) {
  uint32_t count = 0;

  if (!uvshm__peer_is_free(core, slot) ||
      core->env->claim(core->env_arg, slot) < 0)
    return 0;
  if (uvshm__peer_is_free(core, slot)) count = walk_all(core, slot, judge_dead);
  core->env->unclaim(core->env_arg, slot);
  return count;
}


/* Other threads of this process may be at it too, and the peer's entry is one:
 * it is the lock that keeps zones what they are meanwhile. */
uint32_t uvshm__heap_mend(struct uvshm__lane* lane) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__lock* lock;
  uint32_t count;
  uint32_t slot;

  if (core->heap_offset == 0) return 0;
  lock = uvshm__heap_lock(core);
  if (uvshm__lock_acquire(
          lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL) < 0)
    return 0;
  uvshm__a32_store_relaxed(&uvshm__heap_head(core)->free_zone, 0);
  count = walk_all(core, core->slot, judge_damaged);
  for (slot = 0; slot < core->peers_max; slot++)
    count += free_orphans(core, slot);
  uvshm__lock_release(lane, lock);
  return count;
}


struct uvshm__lock* uvshm__heap_lock_at(const struct uvshm__core* core,
                                        uint32_t i) {
  if (core->heap_offset == 0) return NULL;
  if (i == 0) return uvshm__heap_lock(core);
  return (struct uvshm__lock*) uvshm__heap_head(core)->publish[i - 1];
}
