/* SPDX-License-Identifier: MIT */

/* Waiting for a change. Who waits says so in a bit of the shard's signal, under
 * the shard's lock and after a look at what he waits for; who changes something
 * sees the bit under the same lock. So nobody else pays for it: a writer whose
 * shard has no such bit loads one word of a line that he has already.
 *
 * Those who wait for a key sleep on the signal itself. Those who wait for any
 * change set a bit in every shard and sleep on the map's word `any`.
 */

#include "core/lock.h"
#include "core/map_walk.h"
#include "core/wait.h"

#include "base/error.h"

#include <limits.h>
#include <string.h>


void uvshm__map_signal(const struct uvshm__map* map,
                       const struct uvshm__map_shard* shard,
                       uint32_t signal) {
  if (signal & UVSHM__MAP_KEY_WAITS)
    uvshm__wait_wake(map->core, &shard->signal, 0, INT_MAX);
  if (signal & UVSHM__MAP_ANY_WAITS) {
    uvshm__a32_add(&map->hdr->any, 1);
    uvshm__wait_wake(map->core, &map->hdr->any, 0, INT_MAX);
  }
}


void uvshm__map_wake(const struct uvshm__map* map) {
  uint32_t i;

  for (i = 0; i < 1u << map->shard_bits; i++)
    if (uvshm__a32_load_relaxed(&map->shards[i].signal) & UVSHM__MAP_KEY_WAITS)
      uvshm__wait_wake(map->core, &map->shards[i].signal, 0, INT_MAX);
  uvshm__wait_wake(map->core, &map->hdr->any, 0, INT_MAX);
}


/* With the lock. What the signal says then. */
static uint32_t announce(struct uvshm__map_shard* shard, uint32_t bit) {
  uint32_t signal = uvshm__a32_load_relaxed(&shard->signal);

  if ((signal & bit) == 0)
    uvshm__a32_store_relaxed(&shard->signal, signal | bit);
  return signal | bit;
}

/* ---- for a key ----------------------------------------------------------- */

static int version_of(const struct uvshm__map* map,
                      const struct uvshm__map_key* key,
                      uint64_t* version) {
  struct uvshm__map_value value;
  int err;

  memset(&value, 0, sizeof(value));
  err = uvshm__map_get(map, key, 1, &value);
  *version = err == 0 ? value.version : 0;
  return err == UV_ENOENT ? 0 : err;
}


/* 1: it is another one, in *version; 0: it is not, and *signal is what the
 * shard says now. */
static int look_at_key(struct uvshm__lane* lane,
                       const struct uvshm__map* map,
                       const struct uvshm__map_key* key,
                       uint64_t* version,
                       uint32_t* signal) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t found = 0;
  int err = uvshm__map_enter(lane, map, shard, map->patience_ms);

  if (err < 0) return err;
  err = version_of(map, key, &found);
  if (err == 0 && found == *version)
    *signal = announce(shard, UVSHM__MAP_KEY_WAITS);
  uvshm__lock_release(lane, &shard->lock);
  if (err < 0 || found == *version) return err;
  *version = found;
  return 1;
}

/* ---- for any change ------------------------------------------------------ */

static int look_at_all(struct uvshm__lane* lane,
                       const struct uvshm__map* map,
                       uint64_t* version,
                       uint32_t* signal) {
  struct uvshm__map_shard* shard;
  uint64_t changes;
  uint32_t i;
  int err;

  /* Before the look at the versions: a change after it changes this too. */
  *signal = uvshm__a32_load_acquire(&map->hdr->any);
  for (i = 0; i < 1u << map->shard_bits; i++) {
    shard = &map->shards[i];
    if (uvshm__a32_load_acquire(&shard->signal) & UVSHM__MAP_ANY_WAITS)
      continue;
    err = uvshm__map_enter(lane, map, shard, map->patience_ms);
    if (err < 0) return err;
    (void) announce(shard, UVSHM__MAP_ANY_WAITS);
    uvshm__lock_release(lane, &shard->lock);
  }
  if (!uvshm__map_is_there(map)) return UV_ENXIO;
  changes = uvshm__map_changes(map);
  if (changes == *version) return 0;
  *version = changes;
  return 1;
}

/* ---- for loops ----------------------------------------------------------- */

/* A word beside the signal, so that it can be stored without the lock; who
 * changes something loads it when his change and the lock's fence are through,
 * we look for changes when our store and our fence are. */
void uvshm__map_watch(const struct uvshm__map* map,
                      const struct uvshm__map_key* key) {
  uint32_t i;

  for (i = 0; i < 1u << map->shard_bits; i++)
    if (key == NULL || &map->shards[i] == uvshm__map_shard(map, key->hash))
      uvshm__a32_store_relaxed(&map->shards[i].watched, 1);
  uvshm__signal_watch(map->core, &map->hdr->news);
}

/* ---- both ---------------------------------------------------------------- */

int uvshm__map_wait(struct uvshm__lane* lane,
                    const struct uvshm__map* map,
                    const struct uvshm__map_key* key,
                    uint64_t timeout_ms,
                    uint64_t* version) {
  const uvshm__a32_t* word =
      key != NULL ? &uvshm__map_shard(map, key->hash)->signal : &map->hdr->any;
  struct uvshm__wait wait;
  uint32_t signal = 0;
  int err;

  uvshm__wait_begin(&wait, lane, word, timeout_ms, map->cancelled);
  uvshm__wait_is_for_news(&wait);
  for (;;) {
    err = key != NULL ? look_at_key(lane, map, key, version, &signal)
                      : look_at_all(lane, map, version, &signal);
    if (err != 0) return err < 0 ? err : 0;
    err = uvshm__wait_sleep(&wait, signal);
    if (err < 0) return err;
  }
}
