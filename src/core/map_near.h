/* SPDX-License-Identifier: MIT */

/* The usual way to a key, for gets and for puts, in a header so that it is one
 * function with its callers: no bucket is being split, the key is one of the
 * first in its chain or not there; for a get, it has no time to live, there is
 * room for the value, and nobody writes meanwhile. Else the answer is that it
 * is another way, and map_read.c or uvshm__map_way() goes there. So nothing
 * here says that a map is damaged, and of what was read only so much is asked
 * as keeps the reader inside the mapping.
 *
 * What such a get costs is misses of caches, one after the other, and a
 * processor works on several gets at once when they are short. So this is
 * written to be short.
 */

#ifndef UVSHM_CORE_MAP_NEAR_H_
#define UVSHM_CORE_MAP_NEAR_H_

#include "base/bits.h"
#include "base/error.h"
#include "base/rare.h"
#include "core/map.h"
#include "core/map_walk.h"
#include "core/peek.h"

#include <stdint.h>

/* Not 0: look the other way. */
#define UVSHM__MAP_UNUSUAL 1

/* The bit of UVSHM__MAP_FIRST. */
#define UVSHM__MAP_FIRST_BIT 3

/* Nodes that the usual way looks at. */
#define UVSHM__MAP_NEAR_NODES 8u

/* What of the heap is known to exist: from map->low on, so many bytes. */
static UVSHM__USUAL uint64_t uvshm__map_there(const struct uvshm__map* map) {
  /* Not below 0: uvshm__map_attach() has found the shards within, and what is
   * known to exist never becomes less. */
  return uvshm__a64_load_relaxed(map->exists) - map->low;
}


/* Is `ref` a multiple of 1<<bits, and are so many bytes there? Turned, what is
 * no multiple becomes larger than all that exists. */
static UVSHM__USUAL int uvshm__map_reaches(const struct uvshm__map* map,
                                           uint64_t there,
                                           uint64_t ref,
                                           uint32_t bits) {
  uint64_t at = ref - map->low;

  return (at >> bits | at << (64 - bits)) < there >> bits;
}


/* The word of the bucket that a key's hash belongs to, NULL: look the other
 * way. A size word that cannot be leads to a word of `first` or `more` all the
 * same. */
static UVSHM__USUAL uvshm__a64_t* uvshm__map_near_bucket(
    const struct uvshm__map* map,
    struct uvshm__map_shard* shard,
    uint64_t there,
    uint64_t size,
    uint64_t hash) {
  uint32_t level = (uint32_t) (size >> UVSHM__MAP_LEVEL_SHIFT);
  uint32_t half;
  uint32_t index;
  uint32_t bit;
  uint64_t ref;

  /* Splitting, or not a level. Then 32 bits are enough for all that follows. */
  if (level >= UVSHM__MAP_LEVELS) return NULL;
  half = UVSHM__MAP_FIRST << level;
  index = (uint32_t) hash & (2 * half - 1);
  /* Turns a bit off, if the size word is one. */
  if (index >= (uint32_t) size) index ^= half;
  if (index < UVSHM__MAP_FIRST) return &shard->first[index];
  bit = uvshm__highest_bit(index);
  ref = uvshm__a64_load_acquire(&shard->more[bit - UVSHM__MAP_FIRST_BIT]) +
        (uint64_t) (index ^ 1u << bit) * 8;
  if (!uvshm__map_reaches(map, there, ref, 3)) return NULL;
  UVSHM__UNPOISON(map->base + ref, 8);
  return (uvshm__a64_t*) (void*) (map->base + ref);
}


/* Are the bytes there that a node says it has, which begins `rest` bytes, 64 or
 * more, before the end of what is there? That of a short key may be asked for
 * some bytes more than it has. */
static UVSHM__USUAL int uvshm__map_near_is_whole(
    const struct uvshm__map_key* key, uint64_t rest, uint64_t sizes) {
  uint64_t size = uvshm__map_value_size(sizes);

  return key->size <= UVSHM__MAP_SHORT
             ? size <= rest - 64
             : uvshm__map_node_size(key->size, size) <= rest;
}


/* There is no such key, if the shard is one. Not with the size word that led
 * here, which would have to be kept all the way. */
static UVSHM__USUAL int uvshm__map_near_absent(
    const struct uvshm__map_shard* shard) {
  struct uvshm__map_split split;

  return uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split)
             ? UVSHM__MAP_ABSENT
             : UVSHM__MAP_BROKEN;
}


/* The way to a key from its bucket on as uvshm__map_way(), and
 * UVSHM__MAP_BROKEN: look the other way. */
static UVSHM__USUAL int uvshm__map_near_chain(const struct uvshm__map* map,
                                              struct uvshm__map_shard* shard,
                                              uint64_t there,
                                              uvshm__a64_t* link,
                                              const struct uvshm__map_key* key,
                                              struct uvshm__map_place* place) {
  struct uvshm__map_node* node;
  uint64_t sizes;
  uint64_t ref;
  uint32_t i;

  for (i = 0; i < UVSHM__MAP_NEAR_NODES; i++) {
    /* As in uvshm__map_chain(). */
    ref = uvshm__peek(link);
    if (ref == 0) return uvshm__map_near_absent(shard);
    /* A node's fixed part is shorter than what it is a multiple of. */
    if (!uvshm__map_reaches(map, there, ref, 6)) return UVSHM__MAP_BROKEN;
    node = (struct uvshm__map_node*) (void*) (map->base + ref);
    UVSHM__UNPOISON(node, sizeof(*node));
    /* Most nodes that are met are the right one; the value begins here. */
    UVSHM__PREFETCH((const unsigned char*) node + 64);
    if (uvshm__peek(&node->hash) == key->hash) break;
    link = &node->next;
  }
  if (i == UVSHM__MAP_NEAR_NODES) return UVSHM__MAP_BROKEN;
  sizes = uvshm__peek(&node->sizes);
  if (uvshm__map_key_size(sizes) != key->size ||
      !uvshm__map_near_is_whole(key, there - (ref - map->low), sizes))
    return UVSHM__MAP_BROKEN;
  UVSHM__UNPOISON(
      node,
      (size_t) uvshm__map_node_size(key->size, uvshm__map_value_size(sizes)));
  place->link = link;
  place->node = node;
  place->ref = ref;
  place->sizes = sizes;
  return uvshm__map_is_key(node, key) ? UVSHM__MAP_FOUND : UVSHM__MAP_BROKEN;
}


/* From the shard on. */
static UVSHM__USUAL int uvshm__map_near_way(const struct uvshm__map* map,
                                            struct uvshm__map_shard* shard,
                                            const struct uvshm__map_key* key,
                                            struct uvshm__map_place* place) {
  uint64_t there = uvshm__map_there(map);
  uvshm__a64_t* link = uvshm__map_near_bucket(
      map, shard, there, uvshm__a64_load_acquire(&shard->size), key->hash);

  if (link == NULL) return UVSHM__MAP_BROKEN;
  return uvshm__map_near_chain(map, shard, there, link, key, place);
}


/* 0: the entry stays, and its value was copied. */
static UVSHM__USUAL int uvshm__map_near_copy(
    const struct uvshm__map_place* place, struct uvshm__map_value* value) {
  struct uvshm__map_node* node = place->node;
  uint64_t size = uvshm__map_value_size(place->sizes);

  if (size > value->room || uvshm__peek(&node->expires) != 0)
    return UVSHM__MAP_UNUSUAL;
  value->size = size;
  /* Before the value: see copy_out(), map_read.c. */
  value->version = uvshm__peek(&node->version);
  uvshm__fence_acquire();
  uvshm__peek_bytes(
      value->bytes, uvshm__map_node_value(node, place->sizes), size);
  return 0;
}


/* Nothing has changed since the version was read, and the map is there. */
static UVSHM__USUAL int uvshm__map_near_same(const struct uvshm__map* map,
                                             struct uvshm__map_shard* shard,
                                             uint64_t version) {
  uvshm__fence_acquire();
  return uvshm__a64_load_relaxed(&shard->version) == version &&
         uvshm__map_is_there(map);
}


/* As uvshm__map_get() with value->bytes that are not NULL, but for `expired`,
 * or UVSHM__MAP_UNUSUAL. */
static UVSHM__USUAL int uvshm__map_get_near(const struct uvshm__map* map,
                                            const struct uvshm__map_key* key,
                                            struct uvshm__map_value* value) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t version = uvshm__a64_load_acquire(&shard->version);
  struct uvshm__map_place place;
  int found = uvshm__map_near_way(map, shard, key, &place);

  if (found == UVSHM__MAP_FOUND)
    return uvshm__map_near_copy(&place, value) == 0 &&
                   uvshm__map_near_same(map, shard, version)
               ? 0
               : UVSHM__MAP_UNUSUAL;
  return found == UVSHM__MAP_ABSENT && uvshm__map_near_same(map, shard, version)
             ? UV_ENOENT
             : UVSHM__MAP_UNUSUAL;
}


/* Have the first node of a key's chain come nearer, for the holder of the shard
 * to be. What is read here is believed in nothing. 0: there is none. */
static UVSHM__USUAL int uvshm__map_prefetch(const struct uvshm__map* map,
                                            const uvshm__a64_t* bucket) {
  uint64_t ref = uvshm__peek(bucket);
  uintptr_t node = (uintptr_t) map->base + (uintptr_t) ref;

  UVSHM__PREFETCH((const void*) node);
  UVSHM__PREFETCH((const void*) (node + 64));
  return ref != 0;
}

_Static_assert(sizeof(struct uvshm__map_node) <= 64, "a node begins in 64");
_Static_assert(sizeof(struct uvshm__map_node) + UVSHM__MAP_SHORT + 7 < 64,
               "what rest - 64 relies on");
_Static_assert(UVSHM__MAP_FIRST == 1u << UVSHM__MAP_FIRST_BIT, "a bit");
_Static_assert(UVSHM__MAP_LEVELS + UVSHM__MAP_FIRST_BIT < 32, "32 bits do");

#endif /* UVSHM_CORE_MAP_NEAR_H_ */
