/* SPDX-License-Identifier: MIT */

/* Reading a map, with nothing but loads. Why that is right is told in map.c. */

#include "core/map_walk.h"

#include "base/error.h"
#include "base/rare.h"

/* Rounds before writers are asked to wait. Each means that a writer changed the
 * shard while we read one entry. */
#define ROUNDS 64


/* ---- the usual way ------------------------------------------------------- */

/* Nodes that the usual way looks at. */
#define NEAR_NODES 8u

/* Not 0: not in the usual way. */
#define UNUSUAL 1

/* What of the heap is known to exist, found once for a whole way. */
struct reach {
  unsigned char* base;
  uint64_t low;
  uint64_t end;
};


/* Bytes `ref` .. `ref` + `size`, or NULL: look the other way. */
static UVSHM__USUAL void* reach_at(const struct reach* reach,
                                   uint64_t ref,
                                   uint64_t size) {
  if (ref < reach->low || ref >= reach->end || size > reach->end - ref)
    return NULL;
  UVSHM__UNPOISON(reach->base + ref, (size_t) size);
  return reach->base + ref;
}


static UVSHM__USUAL uvshm__a64_t* near_bucket(const struct reach* reach,
                                              struct uvshm__map_shard* shard,
                                              uint64_t index) {
  uint32_t level;
  uint64_t block;

  if (index < UVSHM__MAP_FIRST) return &shard->first[index];
  level = uvshm__highest_bit((uint32_t) index / UVSHM__MAP_FIRST);
  block = uvshm__a64_load_acquire(&shard->more[level]);
  index -= (uint64_t) UVSHM__MAP_FIRST << level;
  return uvshm__is_multiple(block, UVSHM__LOCK_ALIGNMENT)
             ? reach_at(reach, block + index * 8, 8)
             : NULL;
}


/* The node has the hash. 0: it has the key, which stays, and its value was
 * copied. */
static UVSHM__USUAL int copy_near(const struct reach* reach,
                                  uint64_t ref,
                                  struct uvshm__map_node* node,
                                  const struct uvshm__map_key* key,
                                  struct uvshm__map_value* value) {
  uint64_t sizes = uvshm__peek(&node->sizes);
  uint64_t size = uvshm__map_value_size(sizes);

  if (uvshm__map_key_size(sizes) != key->size ||
      reach_at(reach, ref, uvshm__map_node_size(key->size, size)) == NULL ||
      !uvshm__peek_same(uvshm__map_node_key(node), key->bytes, key->size) ||
      uvshm__peek(&node->expires) != 0 || size > value->room)
    return UNUSUAL;
  value->size = size;
  /* Before the value: see copy_out(). */
  value->version = uvshm__peek(&node->version);
  uvshm__fence_acquire();
  uvshm__peek_bytes(value->bytes, uvshm__map_node_value(node, sizes), size);
  return 0;
}


/* 0, UV_ENOENT or UNUSUAL, which means nothing yet. */
static UVSHM__USUAL int find_near(const struct uvshm__map* map,
                                  struct uvshm__map_shard* shard,
                                  const struct uvshm__map_key* key,
                                  struct uvshm__map_value* value) {
  const struct uvshm__core* core = map->core;
  struct reach reach = {
      core->base, core->control_size, uvshm__a64_load_relaxed(core->exists)};
  uint64_t size = uvshm__a64_load_acquire(&shard->size);
  struct uvshm__map_split split;
  struct uvshm__map_node* node;
  uvshm__a64_t* link;
  uint64_t ref;
  uint32_t i;

  if (!uvshm__map_split_of(size, &split) || split.splitting) return UNUSUAL;
  link = near_bucket(&reach, shard, uvshm__map_bucket_of(&split, key->hash));
  if (link == NULL) return UNUSUAL;
  for (i = 0; i < NEAR_NODES; i++) {
    /* As in uvshm__map_chain(). */
    ref = uvshm__peek(link);
    if (ref == 0) return UV_ENOENT;
    node = reach_at(&reach, ref, sizeof(*node));
    if (node == NULL || !uvshm__is_multiple(ref, UVSHM__LOCK_ALIGNMENT))
      return UNUSUAL;
    /* Most nodes that are met are the right one; the value begins here. */
    UVSHM__PREFETCH((const unsigned char*) node + 64);
    if (uvshm__peek(&node->hash) == key->hash)
      return copy_near(&reach, ref, node, key, value);
    link = &node->next;
  }
  return UNUSUAL;
}


/* What mostly is so: no bucket is being split, the key is one of the first in
 * its chain or not there, it has no time to live, there is room for the value,
 * and nobody writes meanwhile. */
static UVSHM__USUAL int get_near(const struct uvshm__map* map,
                                 struct uvshm__map_shard* shard,
                                 const struct uvshm__map_key* key,
                                 struct uvshm__map_value* value) {
  uint64_t version = uvshm__a64_load_acquire(&shard->version);
  int err = find_near(map, shard, key, value);

  uvshm__fence_acquire();
  return uvshm__a64_load_relaxed(&shard->version) == version &&
                 uvshm__map_is_there(map)
             ? err
             : UNUSUAL;
}

/* ---- any way ------------------------------------------------------------- */

/* The value at `place`, if there is room. */
static UVSHM__USUAL void copy_out(const struct uvshm__map_place* place,
                                  struct uvshm__map_value* value,
                                  uint64_t* expires) {
  struct uvshm__map_node* node = place->node;

  *expires = uvshm__peek(&node->expires);
  /* Before the value: who gets an old version with a new value (of a counter)
   * only finds that replace_if does not work out. */
  value->version = uvshm__peek(&node->version);
  uvshm__fence_acquire();
  value->size = uvshm__map_value_size(place->sizes);
  if (value->bytes != NULL && value->size <= value->room)
    uvshm__peek_bytes(
        value->bytes, uvshm__map_node_value(node, place->sizes), value->size);
}


/* The version has not changed: what was found is so. */
static UVSHM__USUAL int settle(const struct uvshm__map* map,
                               const struct uvshm__map_shard* shard,
                               int found,
                               uint64_t expires,
                               struct uvshm__map_value* value) {
  if (!uvshm__map_is_there(map)) return UV_ENXIO;
  if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
  if (found == UVSHM__MAP_ABSENT) return UV_ENOENT;
  if (uvshm__map_is_expired(map, expires)) {
    value->expired = 1;
    return UV_ENOENT;
  }
  return value->bytes != NULL && value->size > value->room ? UV_ENOBUFS : 0;
}


/* 1: settled, the result is in *err. */
static UVSHM__USUAL int get_once(const struct uvshm__map* map,
                                 struct uvshm__map_shard* shard,
                                 const struct uvshm__map_key* key,
                                 struct uvshm__map_value* value,
                                 int* err) {
  uint64_t version = uvshm__a64_load_acquire(&shard->version);
  struct uvshm__map_place place;
  uint64_t expires = 0;
  int found = uvshm__map_way(map, shard, key, &place);

  if (found == UVSHM__MAP_FOUND) copy_out(&place, value, &expires);
  uvshm__fence_acquire();
  if (uvshm__a64_load_relaxed(&shard->version) != version) return 0;
  *err = settle(map, shard, found, expires, value);
  return 1;
}


UVSHM__RARE static int get_again(const struct uvshm__map* map,
                                 struct uvshm__map_shard* shard,
                                 const struct uvshm__map_key* key,
                                 struct uvshm__map_value* value) {
  uint32_t round;
  int err;

  for (round = 0; round < ROUNDS; round++) {
    uvshm__pause();
    if (get_once(map, shard, key, value, &err)) return err;
  }
  return UV_EAGAIN;
}


/* As uvshm__map_get(). */
UVSHM__APART static int get_any(const struct uvshm__map* map,
                                const struct uvshm__map_key* key,
                                int locked,
                                struct uvshm__map_value* value) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  int err;

  if (get_once(map, shard, key, value, &err)) return err;
  /* The version of a shard that is held changes only when somebody writes where
   * he should not. */
  return locked ? uvshm__map_damaged(map, shard)
                : get_again(map, shard, key, value);
}


int uvshm__map_get(const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int locked,
                   struct uvshm__map_value* value) {
  int err = UNUSUAL;

  value->expired = 0;
  if (value->bytes != NULL)
    err = get_near(map, uvshm__map_shard(map, key->hash), key, value);
  return err != UNUSUAL ? err : get_any(map, key, locked, value);
}
