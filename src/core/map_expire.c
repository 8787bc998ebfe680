/* SPDX-License-Identifier: MIT */

/* Entries with a time to live: setting it, and removing those whose time is
 * over, and all others when the map is cleared. Removing many is one commit for
 * each, and the lock is given to others now and then.
 */

#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

/* Entries removed, or buckets looked at, before others get the lock. */
#define AT_ONCE 64u

/* Rounds before writers are asked to wait. */
#define ROUNDS 64


/* One word, so no log is needed; the version stays, since the value does. */
int uvshm__map_expire(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      const struct uvshm__map_key* key,
                      uint64_t ttl_ms) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  struct uvshm__map_place place;
  int found;
  int err = uvshm__map_enter(lane, map, shard, map->patience_ms);

  if (err < 0) return err;
  found = uvshm__map_find(map, shard, key, &place);
  if (found == UVSHM__MAP_BROKEN)
    err = uvshm__map_damaged(map, shard);
  else if (found == UVSHM__MAP_ABSENT || !uvshm__map_lives(map, &place))
    err = UV_ENOENT;
  else if (!uvshm__map_owns(map, &place))
    err = uvshm__map_damaged(map, shard);
  else
    uvshm__a64_store_release(&place.node->expires,
                             uvshm__map_deadline(map, ttl_ms));
  uvshm__map_leave(lane, map, shard);
  return err;
}


/* As a reader does it. The version does not change with the time to live, which
 * is one word. */
int uvshm__map_ttl(const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int locked,
                   uint64_t* ttl_ms) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  struct uvshm__map_place place;
  uint64_t expires = 0;
  uint64_t version;
  uint32_t round;
  int found;

  for (round = 0; round < ROUNDS; round++) {
    version = uvshm__a64_load_acquire(&shard->version);
    found = uvshm__map_find(map, shard, key, &place);
    if (found == UVSHM__MAP_FOUND) expires = uvshm__peek(&place.node->expires);
    uvshm__fence_acquire();
    if (uvshm__a64_load_relaxed(&shard->version) != version) continue;
    if (!uvshm__map_is_there(map)) return UV_ENXIO;
    if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
    if (found == UVSHM__MAP_ABSENT) return UV_ENOENT;
    *ttl_ms = expires != 0 ? uvshm__map_left(map, expires) : 0;
    return expires != 0 && *ttl_ms == 0 ? UV_ENOENT : 0;
  }
  return locked ? uvshm__map_damaged(map, shard) : UV_EAGAIN;
}


void uvshm__map_drop(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     const struct uvshm__map_key* key) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  struct uvshm__map_place place;
  uint64_t old = 0;

  uvshm__heap_mark(map->core);
  if (uvshm__map_enter(lane, map, shard, 0) < 0) return;
  if (uvshm__map_find(map, shard, key, &place) == UVSHM__MAP_FOUND &&
      !uvshm__map_lives(map, &place) &&
      uvshm__map_unlink(map, shard, &place) == 0)
    old = place.ref;
  uvshm__map_leave(lane, map, shard);
  if (old != 0) (void) uvshm__heap_free(lane, old);
}

/* ---- many ---------------------------------------------------------------- */

struct clearing {
  struct uvshm__lane* lane;
  const struct uvshm__map* map;
  struct uvshm__map_shard* shard;
  int only_expired;
  uint64_t bucket;       /* the present one */
  uint64_t old[AT_ONCE]; /* taken out, to be freed without the lock */
  uint32_t count;
};


/* The first node to be removed, from place->link on. */
static int find(const struct clearing* c, struct uvshm__map_place* place) {
  uint64_t steps;

  for (steps = 0; steps < c->map->steps; steps++) {
    place->ref = uvshm__a64_load_relaxed(place->link);
    if (place->ref == 0) return UVSHM__MAP_ABSENT;
    place->node = uvshm__map_node(c->map, place->ref);
    if (place->node == NULL) return UVSHM__MAP_BROKEN;
    if (!c->only_expired || !uvshm__map_lives(c->map, place))
      return UVSHM__MAP_FOUND;
    place->link = &place->node->next;
  }
  return UVSHM__MAP_BROKEN;
}


/* With the lock. 0: go on with the next bucket; 1: `old` is full. */
static int clear_bucket(struct clearing* c) {
  struct uvshm__map_place place;
  int found;
  int err;

  place.link = uvshm__map_bucket(c->map, c->shard, c->bucket);
  if (place.link == NULL) return uvshm__map_damaged(c->map, c->shard);
  while (c->count < AT_ONCE) {
    found = find(c, &place);
    if (found == UVSHM__MAP_ABSENT) return 0;
    if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(c->map, c->shard);
    err = uvshm__map_unlink(c->map, c->shard, &place);
    if (err < 0) return err;
    c->old[c->count++] = place.ref;
  }
  return 1;
}


/* With the lock. 0: the shard is done; 1: there is more. */
static int clear_some(struct clearing* c) {
  struct uvshm__map_split split;
  uint32_t looked;
  int err;

  for (looked = 0; looked < AT_ONCE; looked++) {
    /* There may be more buckets by now. */
    if (!uvshm__map_split_of(uvshm__a64_load_relaxed(&c->shard->size), &split))
      return uvshm__map_damaged(c->map, c->shard);
    if (c->bucket >= split.buckets) return 0;
    err = clear_bucket(c);
    if (err != 0) return err;
    c->bucket++;
  }
  return 1;
}


static int clear_shard(struct clearing* c, uint64_t* count) {
  uint32_t i;
  int err;

  c->bucket = 0;
  do {
    c->count = 0;
    err = uvshm__map_enter(c->lane, c->map, c->shard, c->map->patience_ms);
    if (err < 0) return err;
    err = clear_some(c);
    uvshm__map_leave(c->lane, c->map, c->shard);
    for (i = 0; i < c->count; i++) (void) uvshm__heap_free(c->lane, c->old[i]);
    *count += c->count;
  } while (err > 0);
  return err;
}


int uvshm__map_clear(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     int only_expired,
                     uint64_t* count) {
  struct clearing c;
  uint32_t i;
  int err;

  uvshm__heap_mark(map->core);
  *count = 0;
  c.lane = lane;
  c.map = map;
  c.only_expired = only_expired;
  for (i = 0; i < 1u << map->shard_bits; i++) {
    c.shard = &map->shards[i];
    err = clear_shard(&c, count);
    if (err < 0) return err;
  }
  return 0;
}
