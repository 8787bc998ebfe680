/* SPDX-License-Identifier: MIT */

/* Counters. The one value that changes in its node: it is a single word, so
 * readers see the old number or the new one. */

#include "core/map_change.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

#include <string.h>

/* The value before the version: a reader who gets the new one with the old
 * version only finds that replace_if does not work out. */
int uvshm__map_add_to(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      const struct uvshm__map_place* place,
                      int64_t delta,
                      int64_t* sum) {
  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
  uint64_t size = uvshm__map_value_size(place->sizes);
  uvshm__a64_t* word = uvshm__map_node_value(place->node, place->sizes);
  struct uvshm__map_change change;
  int64_t value;

  if (size != 8)
    return uvshm__fail(UV_EINVAL,
                       "its value has %llu bytes, and is no counter",
                       (unsigned long long) size);
  if (!uvshm__map_owns(map, place)) return uvshm__map_damaged(map, shard);
  value = (int64_t) uvshm__a64_load_relaxed(word);
  if (delta > 0 ? value > INT64_MAX - delta : value < INT64_MIN - delta)
    return uvshm__fail(UV_EOVERFLOW, "64 bits have no room for the sum");
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, word, (uint64_t) (value + delta));
  uvshm__map_log(&change, 1, &place->node->version, version);
  uvshm__map_log(&change, 2, &shard->version, version);
  uvshm__map_commit(&change, 3);
  *sum = value + delta;
  return 0;
}


static int add_once(struct uvshm__lane* lane,
                    const struct uvshm__map* map,
                    const struct uvshm__map_key* key,
                    int64_t delta,
                    int64_t* sum) {
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
  else
    err = uvshm__map_add_to(map, shard, &place, delta, sum);
  uvshm__map_leave(lane, map, shard);
  return err;
}


/* Memory is allocated without the lock, so one that is not there is put; if
 * somebody else has made it meanwhile, it is added to all the same. */
int uvshm__map_add(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int64_t delta,
                   int64_t* sum) {
  struct uvshm__map_put put;
  int err = add_once(lane, map, key, delta, sum);

  if (err != UV_ENOENT) return err;
  memset(&put, 0, sizeof(put));
  put.bytes = &delta;
  put.size = sizeof(delta);
  put.mode = UVSHM__MAP_ADD;
  put.sum = delta;
  err = uvshm__map_put(lane, map, key, &put);
  if (err == 0) *sum = put.sum;
  return err;
}
