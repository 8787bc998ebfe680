/* SPDX-License-Identifier: MIT */

/* The end of a map, and a new beginning after a reboot.
 *
 * Burying takes no lock: the entry says who does it, and nobody else looks.
 * Each block goes in three stores:
 *
 *   its owner: private to `slot`;  the word that names it: what is behind it;
 *   its owner: free
 *
 * Whoever finds it half done after a death sees from the owner how far it came:
 * a block that is named and private is taken up again, one that is private and
 * not named goes with the dead one's other blocks.
 */

#include "core/lock.h"
#include "core/map_walk.h"

#include "base/error.h"

struct burial {
  struct uvshm__map map;
  uint32_t own; /* private to the one who buries */
};


static int is_ours(const struct burial* burial, uint64_t ref) {
  struct uvshm__heap_block block;

  return uvshm__heap_find(burial->map.core, ref, &block) == 0 &&
         block.own == burial->own;
}


/* Is it a block of a map, or one that we have taken out of it already, with so
 * many bytes? Only in such are words changed. */
static int has_words(const struct burial* burial, uint64_t ref, uint64_t size) {
  struct uvshm__heap_block block;

  return uvshm__heap_find(burial->map.core, ref, &block) == 0 &&
         (block.own == UVSHM__OWN_LIBRARY || block.own == burial->own) &&
         block.size >= size;
}


/* What `link` names goes, and `link` says `next` then. 0: it may not. */
static int bury_block(const struct burial* burial,
                      uvshm__a64_t* link,
                      uint64_t next) {
  uint64_t ref = uvshm__a64_load_relaxed(link);

  if (!is_ours(burial, ref) &&
      !uvshm__heap_change(
          burial->map.core, ref, UVSHM__OWN_LIBRARY, burial->own))
    return 0;
  uvshm__a64_store_release(link, next);
  (void) uvshm__heap_change(
      burial->map.core, ref, burial->own, UVSHM__OWN_FREE);
  return 1;
}


/* A block that cannot be, or is not the map's, ends the chain: what is behind
 * it is lost, but nothing of others'. */
static void bury_chain(const struct burial* burial, uvshm__a64_t* link) {
  struct uvshm__map_node* node;
  uint64_t steps;
  uint64_t ref;

  for (steps = 0; steps < burial->map.steps; steps++) {
    ref = uvshm__a64_load_relaxed(link);
    if (ref == 0) return;
    node = uvshm__map_node(&burial->map, ref);
    if (node == NULL ||
        !bury_block(burial, link, uvshm__a64_load_relaxed(&node->next)))
      break;
  }
  uvshm__a64_store_release(link, 0);
}


static void bury_shard(const struct burial* burial,
                       struct uvshm__map_shard* shard) {
  struct uvshm__map_split split;
  uvshm__a64_t* link;
  uint64_t levels = 0; /* bit n: block n of buckets is one */
  uint64_t buckets = 0;
  uint64_t i;

  for (i = 0; i < UVSHM__MAP_LEVELS; i++)
    if (has_words(burial,
                  uvshm__a64_load_relaxed(&shard->more[i]),
                  (UVSHM__MAP_FIRST * UINT64_C(8)) << i))
      levels |= UINT64_C(1) << i;
  if (uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split))
    buckets = split.buckets + (split.splitting ? 1 : 0);
  for (i = 0; i < buckets; i++) {
    if (i >= UVSHM__MAP_FIRST && (levels >> uvshm__map_level(i) & 1) == 0)
      continue;
    link = uvshm__map_bucket(&burial->map, shard, i);
    if (link != NULL) bury_chain(burial, link);
  }
  /* Smaller ones have to be there as long as somebody may begin again. */
  uvshm__a64_store_release(&shard->size, UVSHM__MAP_FIRST);
  for (i = 0; i < UVSHM__MAP_LEVELS; i++)
    if (uvshm__a64_load_relaxed(&shard->more[i]) != 0)
      (void) bury_block(burial, &shard->more[i], 0);
}


static int attach(const struct uvshm__core* core,
                  void* body,
                  struct uvshm__map* map) {
  struct uvshm__directory_ref ref = {0, 0, 0, 0};

  ref.index = uvshm__directory_index(core, body);
  return uvshm__map_attach(core, &ref, map);
}


void uvshm__map_bury(const struct uvshm__core* core,
                     uint32_t slot,
                     void* body) {
  struct uvshm__map_hdr* hdr = body;
  struct burial burial;
  uint32_t i;

  if (uvshm__a64_load_relaxed(&hdr->shards) == 0 ||
      attach(core, body, &burial.map) < 0)
    return;
  burial.own = UVSHM__OWN_PRIVATE + slot;
  if (!has_words(&burial,
                 uvshm__a64_load_relaxed(&hdr->shards),
                 (uint64_t) sizeof(struct uvshm__map_shard)
                     << burial.map.shard_bits))
    return;
  /* Blocks are `slot`'s own for a moment, which those must know who repair
   * after it, or after us while we do. */
  uvshm__a32_store_release(&uvshm__core_peer(core, slot)->heap_used, 1);
  for (i = 0; i < 1u << burial.map.shard_bits; i++)
    bury_shard(&burial, &burial.map.shards[i]);
  (void) bury_block(&burial, &hdr->shards, 0);
}

/* ---- after a reboot ------------------------------------------------------ */

void uvshm__map_reset(const struct uvshm__core* core, void* body) {
  struct uvshm__map_hdr* hdr = body;
  struct uvshm__map map;
  uint32_t i;

  if (attach(core, body, &map) < 0) return;
  uvshm__a32_store_relaxed(&hdr->boots, map.boots + 1);
  memset(&hdr->news, 0, sizeof(hdr->news));
  for (i = 0; i < 1u << map.shard_bits; i++) {
    uvshm__a32_store_relaxed(&map.shards[i].signal, 0);
    uvshm__a32_store_relaxed(&map.shards[i].watched, 0);
    uvshm__lock_reset(&map.shards[i].lock);
  }
}


uint32_t uvshm__map_mend(struct uvshm__lane* lane, void* body) {
  struct uvshm__map map;
  uint32_t count = 0;
  uint32_t i;

  if (attach(lane->core, body, &map) < 0) return 0;
  for (i = 0; i < 1u << map.shard_bits; i++)
    count += (uint32_t) uvshm__lock_mend(lane, &map.shards[i].lock);
  return count;
}
