/* SPDX-License-Identifier: MIT */

/* Reading a map, with nothing but loads. Why that is right is told in map.c. */

#include "core/map_near.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "base/rare.h"

/* Rounds before writers are asked to wait. Each means that a writer changed the
 * shard while we read one entry. */
#define ROUNDS 64


/* ---- any way ------------------------------------------------------------- */

UVSHM__APART void uvshm__map_copy(void* to,
                                  const uvshm__a64_t* from,
                                  uint64_t size) {
  uvshm__peek_bytes(to, from, size);
}


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
    uvshm__map_copy(
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


/* As uvshm__map_get(). */
UVSHM__APART static int get_any(const struct uvshm__map* map,
                                const struct uvshm__map_key* key,
                                int locked,
                                struct uvshm__map_value* value) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint32_t round;
  int err;

  for (round = 0; round < ROUNDS; round++) {
    if (get_once(map, shard, key, value, &err)) return err;
    /* The version of a shard that is held changes only when somebody writes
     * where he should not. */
    if (locked) return uvshm__map_damaged(map, shard);
    uvshm__pause();
  }
  return UV_EAGAIN;
}


int uvshm__map_get(const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int locked,
                   struct uvshm__map_value* value) {
  int err = UVSHM__MAP_UNUSUAL;

  value->expired = 0;
  if (value->bytes != NULL) err = uvshm__map_get_near(map, key, value);
  return err != UVSHM__MAP_UNUSUAL ? err : get_any(map, key, locked, value);
}
