/* SPDX-License-Identifier: MIT */

/* Changing a map: each change of one key is one commit under its shard's lock.
 * The table in map.c says what is in it. What expires is in map_expire.c.
 */

#include "core/map_change.h"
#include "core/map_fill.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

#include <string.h>

/* ---- nodes --------------------------------------------------------------- */

UVSHM__APART void uvshm__map_fill_long(uvshm__a64_t* to,
                                       const void* bytes,
                                       uint64_t size) {
  uvshm__map_fill_bytes(to, bytes, size);
}


UVSHM__APART static uvshm__a16_t* own_of(const struct uvshm__core* core,
                                         uint64_t ref) {
  return uvshm__heap_own(core, ref);
}


static int take_node(struct uvshm__lane* lane,
                     uint64_t size,
                     struct uvshm__map_fresh* fresh) {
  int err;

  fresh->ref = uvshm__heap_take_usual(lane, size);
  if (fresh->ref != 0) {
    fresh->own = lane->recent->own;
  } else {
    err = uvshm__heap_alloc(
        lane, size, 0, uvshm__heap_me(lane->core), &fresh->ref);
    if (err < 0) return err;
    fresh->own = own_of(lane->core, fresh->ref);
  }
  fresh->node = uvshm__heap_at(lane->core, fresh->ref, size);
  if (fresh->node != NULL) return 0;
  (void) uvshm__heap_free(lane, fresh->ref);
  return uvshm__fail(UV_ENOMEM, "the new block is out of reach");
}


/* Whole but for next and version. */
static int make_node(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     const struct uvshm__map_key* key,
                     const struct uvshm__map_put* put,
                     struct uvshm__map_fresh* fresh) {
  uint64_t expires;
  int err;

  if (put->size > UVSHM__MAP_VALUE_MAX)
    return uvshm__fail(UV_ENOSPC,
                       "no map has room for a value of %llu bytes",
                       (unsigned long long) put->size);
  err = take_node(lane, uvshm__map_node_size(key->size, put->size), fresh);
  if (err < 0) return err;
  expires = put->ttl_ms != 0 ? uvshm__map_deadline(map, put->ttl_ms) : 0;
  uvshm__map_fill_long(uvshm__map_fill(fresh->node, key, put->size, expires),
                       put->bytes,
                       put->size);
  return 0;
}

/* ---- put ----------------------------------------------------------------- */

int uvshm__map_find(const struct uvshm__map* map,
                    struct uvshm__map_shard* shard,
                    const struct uvshm__map_key* key,
                    struct uvshm__map_place* place) {
  return uvshm__map_way(map, shard, key, place);
}


/* May it be put, as the mode says? `lives`: there is an entry, at `place`. */
static int may_put(const struct uvshm__map_put* put,
                   int lives,
                   const struct uvshm__map_place* place) {
  switch (put->mode) {
    case UVSHM__MAP_NEW:
      return lives ? UV_EEXIST : 0;
    case UVSHM__MAP_VERSION:
      if (!lives) return UV_ENOENT;
      return uvshm__a64_load_relaxed(&place->node->version) == put->version
                 ? 0
                 : UV_EAGAIN;
    case UVSHM__MAP_ADD:
    case UVSHM__MAP_ALWAYS:
      break;
  }
  return 0;
}


/* In the place of an old one, which is private to this peer afterwards. */
UVSHM__RARE static int commit_replace(const struct uvshm__map* map,
                                      struct uvshm__map_shard* shard,
                                      const struct uvshm__map_place* place,
                                      const struct uvshm__map_fresh* fresh,
                                      uint64_t version) {
  uvshm__a16_t* own = own_of(map->core, place->ref);
  uint32_t me = uvshm__heap_me(map->core);
  struct uvshm__lock* lock = &shard->lock;

  /* See uvshm__map_log_owner(). */
  if (own == NULL || uvshm__a16_load_seq_cst(own) != UVSHM__OWN_LIBRARY ||
      uvshm__a16_load_seq_cst(fresh->own) != me)
    return uvshm__map_damaged(map, shard);
  uvshm__map_set_node(
      fresh->node, uvshm__a64_load_relaxed(&place->node->next), version);
  uvshm__lock_log(lock, 0, uvshm__map_offset(map, place->link), 8, fresh->ref);
  uvshm__lock_log(lock, 1, uvshm__map_offset(map, &shard->version), 8, version);
  uvshm__lock_log(
      lock, 2, uvshm__map_offset(map, fresh->own), 2, UVSHM__OWN_LIBRARY);
  uvshm__lock_log(lock, 3, uvshm__map_offset(map, own), 2, me);
  uvshm__lock_commit(map->core, lock, 4);
  return 0;
}


static int commit_new(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      uint64_t hash,
                      const struct uvshm__map_fresh* fresh,
                      uint64_t version) {
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  struct uvshm__map_change change;
  struct uvshm__map_split split;
  uvshm__a64_t* bucket = NULL;

  if (uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split))
    bucket = uvshm__map_bucket(map, shard, uvshm__map_bucket_of(&split, hash));
  if (bucket == NULL) return uvshm__map_damaged(map, shard);
  uvshm__map_set_node(fresh->node, uvshm__a64_load_relaxed(bucket), version);
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, bucket, fresh->ref);
  uvshm__map_log(&change, 1, &shard->version, version);
  uvshm__map_log(&change, 2, &shard->count, count + 1);
  if (!uvshm__map_log_owner(&change, 3, fresh->own, UVSHM__OWN_LIBRARY))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  return 0;
}


/* With the lock. *stale: the node whose place was taken, or that was made in
 * vain. */
static int put_node(const struct uvshm__map* map,
                    struct uvshm__map_shard* shard,
                    const struct uvshm__map_key* key,
                    struct uvshm__map_put* put,
                    const struct uvshm__map_fresh* fresh,
                    uint64_t* stale) {
  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
  struct uvshm__map_place place;
  int found = uvshm__map_find(map, shard, key, &place);
  int lives;
  int err;

  if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
  lives = found == UVSHM__MAP_FOUND && uvshm__map_lives(map, &place);
  err = may_put(put, lives, &place);
  if (err < 0) return err;
  if (lives && put->mode == UVSHM__MAP_ADD) {
    *stale = fresh->ref;
    return uvshm__map_add_to(map, shard, &place, put->sum, &put->sum);
  }
  if (found == UVSHM__MAP_FOUND) *stale = place.ref;
  err = found == UVSHM__MAP_FOUND
            ? commit_replace(map, shard, &place, fresh, version)
            : commit_new(map, shard, key->hash, fresh, version);
  if (err < 0) return err;
  put->version = version;
  return 0;
}


int uvshm__map_put_held(struct uvshm__lane* lane,
                        const struct uvshm__map* map,
                        const struct uvshm__map_key* key,
                        struct uvshm__map_put* put,
                        const struct uvshm__map_fresh* fresh) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t stale = 0;
  int grow = 0;
  int err;

  err = uvshm__map_settle(map, shard);
  if (err == 0) err = put_node(map, shard, key, put, fresh, &stale);
  if (err == 0 && stale == 0) grow = uvshm__map_split(map, shard);
  uvshm__map_leave(lane, map, shard);
  if (err < 0) stale = fresh->ref;
  if (stale != 0) (void) uvshm__heap_free(lane, stale);
  if (grow) uvshm__map_grow(lane, map, shard);
  return err;
}


int uvshm__map_put_any(struct uvshm__lane* lane,
                       const struct uvshm__map* map,
                       const struct uvshm__map_key* key,
                       struct uvshm__map_put* put) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  struct uvshm__map_fresh fresh;
  int err;

  err = make_node(lane, map, key, put, &fresh);
  if (err < 0) return err;
  err = uvshm__map_enter(lane, map, shard, map->patience_ms);
  if (err == 0) return uvshm__map_put_held(lane, map, key, put, &fresh);
  (void) uvshm__heap_free(lane, fresh.ref);
  return err;
}

/* ---- remove -------------------------------------------------------------- */

int uvshm__map_unlink(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      const struct uvshm__map_place* place) {
  uint64_t next = uvshm__a64_load_relaxed(&place->node->next);
  uint64_t version = uvshm__a64_load_relaxed(&shard->version);
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  uvshm__a16_t* own = own_of(map->core, place->ref);
  struct uvshm__map_change change;

  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, place->link, next);
  uvshm__map_log(&change, 1, &shard->version, version + 1);
  uvshm__map_log(&change, 2, &shard->count, count - 1);
  if (!uvshm__map_log_owner(&change, 3, own, uvshm__heap_me(map->core)))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  return 0;
}


/* With the lock. *old: the node that was taken out, also when its time was over
 * and so nothing was there to be removed. */
static int remove_node(const struct uvshm__map* map,
                       struct uvshm__map_shard* shard,
                       const struct uvshm__map_key* key,
                       struct uvshm__map_value* value,
                       uint64_t* old) {
  struct uvshm__map_place place;
  int found = uvshm__map_find(map, shard, key, &place);
  int lives;
  int err = 0;

  if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
  if (found == UVSHM__MAP_ABSENT) return UV_ENOENT;
  lives = uvshm__map_lives(map, &place);
  if (lives && value != NULL) err = uvshm__map_get(map, key, 1, value);
  if (err == 0) err = uvshm__map_unlink(map, shard, &place);
  if (err < 0) return err;
  *old = place.ref;
  return lives ? 0 : UV_ENOENT;
}


int uvshm__map_remove(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      const struct uvshm__map_key* key,
                      struct uvshm__map_value* value) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t old = 0;
  int err;

  uvshm__heap_mark(map->core);
  err = uvshm__map_enter(lane, map, shard, map->patience_ms);
  if (err < 0) return err;
  err = remove_node(map, shard, key, value, &old);
  uvshm__map_leave(lane, map, shard);
  if (old != 0) (void) uvshm__heap_free(lane, old);
  return err;
}
