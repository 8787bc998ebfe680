/* SPDX-License-Identifier: MIT */

/* Is a map well? Goes by the shards' versions like every reader, so others may
 * go on meanwhile.
 *
 *   shard   a size that can be; blocks of buckets are the library's; as many
 *           entries as it counts; a lock as check.c wants it
 *   node    a block of the library's with room for what it says; in the bucket
 *           and shard of its key's hash
 */

#include "core/lock.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "base/siphash.h"

/* Rounds for a bucket while writers are at it, ... */
#define ROUNDS 1000

/* ... and for all of them together: so often the size of the segment in bytes
 * of keys and nodes. */
#define SIZES 16

/* What is wrong with a shard. */
struct fault {
  const char* what; /* NULL: nothing */
  uint64_t where;   /* offset */
  uint64_t rounds;  /* bytes that may be looked at again */
};


static int fail(struct fault* fault, const char* what, uint64_t where) {
  fault->what = what;
  fault->where = where;
  return 0;
}


static int check_block(const struct uvshm__map* map,
                       uint64_t ref,
                       uint64_t size,
                       struct fault* fault) {
  struct uvshm__heap_block block;

  if (uvshm__heap_find(map->core, ref, &block) < 0 ||
      block.own != UVSHM__OWN_LIBRARY)
    return fail(fault, "it names what is no block of a map", ref);
  if (block.size < size) return fail(fault, "a block is too small", ref);
  return 1;
}


static uint64_t hash_of(const struct uvshm__map* map,
                        struct uvshm__map_node* node,
                        uint64_t size) {
  uvshm__a64_t* words = uvshm__map_node_key(node);
  unsigned char bytes[8];
  struct uvshm__sip sip;

  if (size <= UVSHM__MAP_SHORT)
    return uvshm__map_hash_words(&map->secret,
                                 uvshm__peek(words),
                                 size > 8 ? uvshm__peek(words + 1) : 0,
                                 size);
  uvshm__sip_begin(&sip, map->secret.seed, size);
  for (; size >= 8; size -= 8) uvshm__sip_word(&sip, uvshm__peek(words++));
  if (size != 0) {
    uvshm__map_copy(bytes, words, size);
    uvshm__sip_add(&sip, bytes, (size_t) size);
  }
  return uvshm__sip_end(&sip);
}


static int check_sizes(const struct uvshm__map* map,
                       uint64_t ref,
                       uint64_t sizes,
                       struct fault* fault) {
  uint64_t key = uvshm__map_key_size(sizes);
  uint64_t value = uvshm__map_value_size(sizes);

  if (key == 0 || key > UVSHM__MAP_KEY_MAX || value > UVSHM__MAP_VALUE_MAX)
    return fail(fault, "a key or value of a size that cannot be", ref);
  return check_block(map, ref, uvshm__map_node_size(key, value), fault);
}


static int check_node(const struct uvshm__map* map,
                      const struct uvshm__map_shard* shard,
                      const struct uvshm__map_split* split,
                      uint64_t index,
                      uint64_t ref,
                      uint64_t* bytes,
                      struct fault* fault) {
  struct uvshm__map_node* node = uvshm__map_node(map, ref);
  uint64_t sizes;
  uint64_t hash;

  if (node == NULL) return fail(fault, "a chain leads outside", ref);
  sizes = uvshm__peek(&node->sizes);
  if (!check_sizes(map, ref, sizes, fault)) return 0;
  if (!uvshm__map_is_whole(map, ref, sizes))
    return fail(fault, "a block lies outside", ref);
  if (!uvshm__map_spend(bytes, uvshm__map_key_size(sizes)))
    return fail(fault, "a chain has no end", index);
  hash = uvshm__peek(&node->hash);
  if (hash != hash_of(map, node, uvshm__map_key_size(sizes)))
    return fail(fault, "a key or its hash was changed", ref);
  if (uvshm__map_shard(map, hash) != shard)
    return fail(fault, "a key is in the wrong shard", ref);
  if (uvshm__map_bucket_of(split, hash) != index &&
      !(uvshm__map_is_moving(split, hash) && index == split->buckets))
    return fail(fault, "a key is in the wrong bucket", ref);
  return 1;
}


/* One bucket, once: how many nodes it has. *bytes: of keys that may be looked
 * at, and what is left of them. */
static uint64_t look(const struct uvshm__map* map,
                     struct uvshm__map_shard* shard,
                     uint64_t index,
                     uint64_t* bytes,
                     struct fault* fault) {
  struct uvshm__map_split split;
  uvshm__a64_t* link = NULL;
  uint64_t count;
  uint64_t ref;

  if (uvshm__map_split_of(uvshm__a64_load_acquire(&shard->size), &split))
    link = uvshm__map_bucket(map, shard, index);
  for (count = 0; link != NULL && count < map->steps; count++) {
    ref = uvshm__peek(link);
    if (ref == 0) return count;
    if (!check_node(map, shard, &split, index, ref, bytes, fault)) return 0;
    link = &uvshm__map_node(map, ref)->next;
  }
  (void) fail(fault,
              link == NULL ? "a bucket lies outside" : "a chain has no end",
              index);
  return 0;
}


/* The same until no writer comes between. 0: one always does, so nothing can be
 * said. */
static int look_until(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      uint64_t index,
                      uint64_t* count,
                      struct fault* fault) {
  const uint64_t most = uvshm__map_bytes(map);
  uint64_t version;
  uint64_t bytes;
  uint32_t round;

  for (round = 0; round < ROUNDS; round++) {
    version = uvshm__a64_load_acquire(&shard->version);
    fault->what = NULL;
    bytes = most;
    *count = look(map, shard, index, &bytes, fault);
    uvshm__fence_acquire();
    if (uvshm__a64_load_relaxed(&shard->version) == version) return 1;
    bytes = most - bytes + *count * sizeof(struct uvshm__map_node);
    if (bytes > fault->rounds) break;
    fault->rounds -= bytes;
  }
  fault->what = NULL;
  return 0;
}


static int damaged(const struct uvshm__map* map,
                   const struct uvshm__map_shard* shard,
                   const struct fault* fault) {
  if (!uvshm__map_is_there(map)) return 0;
  return uvshm__fail(UV_EPROTO,
                     "the map in entry %u, shard %u: %s (%llu)",
                     (unsigned int) uvshm__directory_index(map->core, map->hdr),
                     (unsigned int) (shard - map->shards),
                     fault->what,
                     (unsigned long long) fault->where);
}


static int check_blocks(const struct uvshm__map* map,
                        struct uvshm__map_shard* shard,
                        struct fault* fault) {
  uint64_t block;
  uint64_t i;

  for (i = 0; i < UVSHM__MAP_LEVELS; i++) {
    block = uvshm__a64_load_acquire(&shard->more[i]);
    if (block != 0 &&
        !check_block(map, block, (UVSHM__MAP_FIRST * UINT64_C(8)) << i, fault))
      return 0;
  }
  return 1;
}


/* All buckets: how many entries, if nobody changed anything meanwhile. */
static int check_buckets(const struct uvshm__map* map,
                         struct uvshm__map_shard* shard,
                         uint64_t* sum,
                         struct fault* fault) {
  struct uvshm__map_split split;
  uint64_t buckets;
  uint64_t count;
  uint64_t i;

  if (!uvshm__map_split_of(uvshm__a64_load_acquire(&shard->size), &split))
    return fail(fault, "a size that cannot be", 0);
  buckets = split.buckets + (split.splitting ? 1 : 0);
  for (i = 0; i < buckets; i++) {
    if (look_until(map, shard, i, &count, fault)) *sum += count;
    if (fault->what != NULL) return 0;
  }
  return 1;
}


static int check_shard(const struct uvshm__map* map,
                       struct uvshm__map_shard* shard,
                       uint64_t* rounds) {
  uint64_t version = uvshm__a64_load_acquire(&shard->version);
  uint64_t counted = uvshm__a64_load_relaxed(&shard->count);
  struct fault fault = {NULL, 0, *rounds};
  uint64_t sum = 0;

  if (!check_blocks(map, shard, &fault) ||
      !check_buckets(map, shard, &sum, &fault))
    return damaged(map, shard, &fault);
  *rounds = fault.rounds;
  /* While a log is being done, or waits for somebody to finish it, an entry may
   * be in two chains, or counted and not there. */
  uvshm__fence_acquire();
  if (sum == counted || uvshm__a32_load_relaxed(&shard->lock.n) != 0 ||
      uvshm__a64_load_relaxed(&shard->version) != version)
    return 0;
  (void) fail(&fault, "it has another number of entries than it says", counted);
  return damaged(map, shard, &fault);
}


int uvshm__map_check(const struct uvshm__core* core,
                     const struct uvshm__directory_ref* ref) {
  struct uvshm__map map;
  struct fault fault = {NULL, 0, 0};
  uint64_t rounds = SIZES * core->reach;
  uint32_t i;
  int err = uvshm__map_attach(core, ref, &map);

  if (err < 0) return uvshm__map_is_there(&map) ? err : 0;
  if (!check_block(&map,
                   uvshm__map_offset(&map, map.shards),
                   (uint64_t) sizeof(struct uvshm__map_shard) << map.shard_bits,
                   &fault))
    return damaged(&map, map.shards, &fault);
  for (i = 0; err == 0 && i < 1u << map.shard_bits; i++) {
    err = uvshm__lock_check(core, &map.shards[i].lock);
    if (err == 0) err = check_shard(&map, &map.shards[i], &rounds);
  }
  return err < 0 && uvshm__map_is_there(&map) ? err : 0;
}
