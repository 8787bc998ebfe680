/* SPDX-License-Identifier: MIT */

/* The way to a key: from the hash to the bucket, along the chain. The same for
 * readers without the lock and for its holder. What is read on the way is
 * believed only as far as it cannot do harm: every offset is checked before it
 * is followed, and no chain is followed for ever.
 */

#ifndef UVSHM_CORE_MAP_WALK_H_
#define UVSHM_CORE_MAP_WALK_H_

#include "base/bits.h"
#include "base/rare.h"
#include "core/heap.h"
#include "core/map.h"
#include "core/peek.h"
#include "core/signal.h"

#include <stdint.h>

/* A way ends in one of these. */
#define UVSHM__MAP_BROKEN (-1) /* with what cannot be */
#define UVSHM__MAP_ABSENT 0
#define UVSHM__MAP_FOUND 1

/* Where a key is. */
struct uvshm__map_place {
  uvshm__a64_t* link; /* the word that names the node */
  struct uvshm__map_node* node;
  uint64_t ref;   /* of the node */
  uint64_t sizes; /* its word of this name, as it was checked */
};

/* How a shard is divided, from its size word. */
struct uvshm__map_split {
  uint64_t buckets;
  uint64_t half; /* 8<<level */
  uint32_t level;
  int splitting;
};

static inline uint64_t uvshm__map_round(uint64_t size) {
  return (size + 7) & ~UINT64_C(7);
}


static inline uint64_t uvshm__map_key_size(uint64_t sizes) {
  return sizes & ((1u << UVSHM__MAP_KEY_BITS) - 1);
}


static inline uint64_t uvshm__map_value_size(uint64_t sizes) {
  return sizes >> UVSHM__MAP_KEY_BITS;
}


static inline uint64_t uvshm__map_offset(const struct uvshm__map* map,
                                         const void* word) {
  return (uint64_t) ((const unsigned char*) word - map->core->base);
}


/* 0: no size word says so. */
static inline int uvshm__map_split_of(uint64_t size,
                                      struct uvshm__map_split* split) {
  split->splitting = (size & UVSHM__MAP_SPLITTING) != 0;
  split->level = (uint32_t) (size >> UVSHM__MAP_LEVEL_SHIFT) & UVSHM__MAP_LEVEL;
  split->buckets = size & UVSHM__MAP_BUCKETS;
  split->half = (uint64_t) UVSHM__MAP_FIRST
                << (split->level < UVSHM__MAP_LEVELS ? split->level : 0);
  if (split->level >= UVSHM__MAP_LEVELS) return 0;
  return split->buckets - split->half < split->half;
}


/* Number of the bucket that a hash belongs to; while it is being split, of the
 * old one. */
static inline uint64_t uvshm__map_bucket_of(
    const struct uvshm__map_split* split, uint64_t hash) {
  uint64_t index = hash & (2 * split->half - 1);

  return index < split->buckets ? index : index & (split->half - 1);
}


/* Is there a second bucket to look in? */
static inline int uvshm__map_is_moving(const struct uvshm__map_split* split,
                                       uint64_t hash) {
  return split->splitting && (hash & (2 * split->half - 1)) == split->buckets;
}


/* Which block of `more` has bucket `index`, not one of the first. */
static inline uint32_t uvshm__map_level(uint64_t index) {
  return uvshm__highest_bit((uint32_t) index / UVSHM__MAP_FIRST);
}


/* The word of bucket `index`, NULL: there is none. */
static inline uvshm__a64_t* uvshm__map_bucket(const struct uvshm__map* map,
                                              struct uvshm__map_shard* shard,
                                              uint64_t index) {
  uint32_t level;
  uint64_t block;

  if (index < UVSHM__MAP_FIRST) return &shard->first[index];
  level = uvshm__map_level(index);
  block = uvshm__a64_load_acquire(&shard->more[level]);
  if (!uvshm__is_multiple(block, UVSHM__LOCK_ALIGNMENT)) return NULL;
  index -= (uint64_t) UVSHM__MAP_FIRST << level;
  return uvshm__heap_at(map->core, block + index * 8, 8);
}


static inline struct uvshm__map_node* uvshm__map_node(
    const struct uvshm__map* map, uint64_t ref) {
  if (!uvshm__is_multiple(ref, UVSHM__LOCK_ALIGNMENT)) return NULL;
  return uvshm__heap_at(map->core, ref, sizeof(struct uvshm__map_node));
}


static inline uvshm__a64_t* uvshm__map_node_key(struct uvshm__map_node* node) {
  return (uvshm__a64_t*) (node + 1);
}


static inline uvshm__a64_t* uvshm__map_node_value(struct uvshm__map_node* node,
                                                  uint64_t sizes) {
  return (uvshm__a64_t*) (node + 1) +
         uvshm__map_round(uvshm__map_key_size(sizes)) / 8;
}


/* Does the node, which has a key of this size, have this key? */
static UVSHM__USUAL int uvshm__map_is_key(struct uvshm__map_node* node,
                                          const struct uvshm__map_key* key) {
  const uvshm__a64_t* words = uvshm__map_node_key(node);

  if (key->size > UVSHM__MAP_SHORT)
    return uvshm__peek_same(words, key->bytes, key->size);
  return uvshm__peek(words) == key->words[0] &&
         (key->size <= 8 || uvshm__peek(words + 1) == key->words[1]);
}


/* Bytes of a node with keys and values of these sizes. */
static inline uint64_t uvshm__map_node_size(uint64_t key, uint64_t value) {
  return sizeof(struct uvshm__map_node) + uvshm__map_round(key) +
         uvshm__map_round(value);
}


/* Do the bytes exist that the node says it has? */
static inline int uvshm__map_is_whole(const struct uvshm__map* map,
                                      uint64_t ref,
                                      uint64_t sizes) {
  return uvshm__heap_at(map->core,
                        ref,
                        uvshm__map_node_size(uvshm__map_key_size(sizes),
                                             uvshm__map_value_size(sizes))) !=
         NULL;
}


/* Bytes of keys that are looked at in one chain, more than any has whose hashes
 * are what they should be. Ends a circle of large keys in time. */
#define UVSHM__MAP_CHAIN_BYTES (UINT64_C(1) << 28)

static inline uint64_t uvshm__map_bytes(const struct uvshm__map* map) {
  return map->core->reach < UVSHM__MAP_CHAIN_BYTES ? map->core->reach
                                                   : UVSHM__MAP_CHAIN_BYTES;
}


/* A key of `size` bytes will be looked at. 0: it has no such size, or that were
 * too many bytes. */
static inline int uvshm__map_spend(uint64_t* bytes, uint64_t size) {
  if (size > UVSHM__MAP_KEY_MAX || size > *bytes) return 0;
  *bytes -= size;
  return 1;
}


/* Along one chain. */
static UVSHM__USUAL int uvshm__map_chain(const struct uvshm__map* map,
                                         uvshm__a64_t* link,
                                         const struct uvshm__map_key* key,
                                         struct uvshm__map_place* place) {
  struct uvshm__map_node* node;
  uint64_t bytes = UVSHM__MAP_CHAIN_BYTES;
  uint64_t steps;
  uint64_t sizes;
  uint64_t ref;

  for (steps = 0; steps < map->steps; steps++) {
    /* Pairs with the release of the store that linked the node. On today's
     * processors the address depends on the load, which is enough; the version
     * catches a node that is not the one that was linked. */
    ref = uvshm__peek(link);
    if (ref == 0) return UVSHM__MAP_ABSENT;
    node = uvshm__map_node(map, ref);
    if (node == NULL) return UVSHM__MAP_BROKEN;
    /* Most nodes that are met are the right one; the value begins here. */
    UVSHM__PREFETCH((const unsigned char*) node + 64);
    if (uvshm__peek(&node->hash) == key->hash) {
      sizes = uvshm__peek(&node->sizes);
      if (!uvshm__map_is_whole(map, ref, sizes)) return UVSHM__MAP_BROKEN;
      if (uvshm__map_key_size(sizes) == key->size &&
          uvshm__map_is_key(node, key)) {
        place->link = link;
        place->node = node;
        place->ref = ref;
        place->sizes = sizes;
        return UVSHM__MAP_FOUND;
      }
      /* Another key with this hash: hardly ever, and not again and again. */
      if (!uvshm__map_spend(&bytes, uvshm__map_key_size(sizes)))
        return UVSHM__MAP_BROKEN;
    }
    link = &node->next;
  }
  return UVSHM__MAP_BROKEN;
}


/* While a bucket is being split: the other one (map_split.c). */
UVSHM__RARE int uvshm__map_way_on(const struct uvshm__map* map,
                                  struct uvshm__map_shard* shard,
                                  uint64_t index,
                                  const struct uvshm__map_key* key,
                                  struct uvshm__map_place* place);


/* The whole way. */
static UVSHM__USUAL int uvshm__map_way(const struct uvshm__map* map,
                                       struct uvshm__map_shard* shard,
                                       const struct uvshm__map_key* key,
                                       struct uvshm__map_place* place) {
  struct uvshm__map_split split;
  uvshm__a64_t* bucket;
  int found;

  if (!uvshm__map_split_of(uvshm__a64_load_acquire(&shard->size), &split))
    return UVSHM__MAP_BROKEN;
  bucket =
      uvshm__map_bucket(map, shard, uvshm__map_bucket_of(&split, key->hash));
  if (bucket == NULL) return UVSHM__MAP_BROKEN;
  found = uvshm__map_chain(map, bucket, key, place);
  if (found == UVSHM__MAP_ABSENT && uvshm__map_is_moving(&split, key->hash))
    return uvshm__map_way_on(map, shard, split.buckets, key, place);
  return found;
}


/* The same, not copied into its caller (map_write.c). */
int uvshm__map_find(const struct uvshm__map* map,
                    struct uvshm__map_shard* shard,
                    const struct uvshm__map_key* key,
                    struct uvshm__map_place* place);

/* uvshm__peek_bytes(), once for all who are in no hurry (map_read.c). */
void uvshm__map_copy(void* to, const uvshm__a64_t* from, uint64_t size);


/* ---- time (map.c) -------------------------------------------------------- */

/* What a node says that lives `ttl_ms` from now on; 0: for ever. */
uint64_t uvshm__map_deadline(const struct uvshm__map* map, uint64_t ttl_ms);

/* How long that is from now on; 0: for ever, or it is over. */
uint64_t uvshm__map_left(const struct uvshm__map* map, uint64_t expires);

/* Is the time over that `expires` (not 0) names? */
int uvshm__map_is_over(const struct uvshm__map* map, uint64_t expires);

static inline int uvshm__map_is_expired(const struct uvshm__map* map,
                                        uint64_t expires) {
  return expires != 0 && uvshm__map_is_over(map, expires);
}

static inline int uvshm__map_lives(const struct uvshm__map* map,
                                   const struct uvshm__map_place* place) {
  return !uvshm__map_is_expired(map,
                                uvshm__a64_load_relaxed(&place->node->expires));
}

/* ---- the holder of a shard (map.c, map_split.c, map_write.c) ------------- */

int uvshm__map_damaged(const struct uvshm__map* map,
                       const struct uvshm__map_shard* shard);

/* With its lock: finish a split that somebody was killed in. And take the lock,
 * then do that. */
int uvshm__map_settle(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard);
int uvshm__map_enter(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     struct uvshm__map_shard* shard,
                     uint64_t timeout_ms);

/* Give it back after a change, and wake those who wait for one. */
void uvshm__map_leave(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      struct uvshm__map_shard* shard);

/* After a change; the compare-and-swap just before gave the lock back. */
static inline void uvshm__map_tell_watchers(const struct uvshm__map* map,
                                            struct uvshm__map_shard* shard) {
  uvshm__fence_after_cas();
  if (uvshm__a32_load_relaxed(&shard->watched) != 0)
    uvshm__signal_raise_fenced(map->core, &map->hdr->news, 0);
}


/* Wake whom `signal` says (map_wait.c). */
void uvshm__map_signal(const struct uvshm__map* map,
                       const struct uvshm__map_shard* shard,
                       uint32_t signal);

/* Is the node at `place` a block of the map's with all the bytes that it says
 * it has? Before a word in it is changed. */
int uvshm__map_owns(const struct uvshm__map* map,
                    const struct uvshm__map_place* place);

/* Take the node at `place` out: it is private to this peer afterwards. */
int uvshm__map_unlink(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      const struct uvshm__map_place* place);

/* Add to the number at `place`, as uvshm__map_add(). */
int uvshm__map_add_to(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      const struct uvshm__map_place* place,
                      int64_t delta,
                      int64_t* sum);

/* Begin or go on with a split, to its end. */
int uvshm__map_split_on(const struct uvshm__map* map,
                        struct uvshm__map_shard* shard);

/* After a new entry: make a bucket more if there are many entries. 1: there is
 * no block for it, uvshm__map_grow() makes one. */
int uvshm__map_split(const struct uvshm__map* map,
                     struct uvshm__map_shard* shard);

/* Without the lock. What does not work out is tried again some entries later.
 * */
void uvshm__map_grow(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     struct uvshm__map_shard* shard);

#endif /* UVSHM_CORE_MAP_WALK_H_ */
