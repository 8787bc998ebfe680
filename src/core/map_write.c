/* SPDX-License-Identifier: MIT */

/* Changing a map: each change of one key is one commit under its shard's lock.
 * The table in map.c says what is in it. What expires is in map_expire.c.
 */

#include "core/map_change.h"
#include "core/map_near.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

#include <string.h>

/* ---- nodes --------------------------------------------------------------- */

/* Bytes, and zeros up to a multiple of 8. Readers of what the block was before
 * may be looking. */
static UVSHM__USUAL void fill_word(uvshm__a64_t* to, const unsigned char* at) {
  uint64_t word;

  memcpy(&word, at, 8);
  uvshm__a64_store_relaxed(to, word);
}


static UVSHM__USUAL void fill_bytes(uvshm__a64_t* to,
                                    const void* bytes,
                                    uint64_t size) {
  const unsigned char* at = bytes;

  for (; size >= 32; size -= 32, at += 32, to += 4) {
    fill_word(to, at);
    fill_word(to + 1, at + 8);
    fill_word(to + 2, at + 16);
    fill_word(to + 3, at + 24);
  }
  for (; size >= 8; size -= 8, at += 8, to++) fill_word(to, at);
  if (size != 0)
    uvshm__a64_store_relaxed(to, uvshm__word_of(at, (size_t) size));
}


static UVSHM__USUAL void fill_key(uvshm__a64_t* to,
                                  const struct uvshm__map_key* key) {
  if (key->size > UVSHM__MAP_SHORT) {
    fill_bytes(to, key->bytes, key->size);
    return;
  }
  uvshm__a64_store_relaxed(to, key->words[0]);
  if (key->size > 8) uvshm__a64_store_relaxed(to + 1, key->words[1]);
}


/* A node that is private to this peer. Its owner word stays where it is as long
 * as the block is allocated, so it need not be looked for again. */
struct fresh {
  struct uvshm__map_node* node;
  uvshm__a16_t* own;
  uint64_t ref;
};


static UVSHM__USUAL int take_node(struct uvshm__lane* lane,
                                  uint64_t size,
                                  struct fresh* fresh) {
  int err;

  fresh->ref = uvshm__heap_take_usual(lane, size);
  if (fresh->ref != 0) {
    fresh->own = lane->recent->own;
  } else {
    err = uvshm__heap_alloc(
        lane, size, 0, uvshm__heap_me(lane->core), &fresh->ref);
    if (err < 0) return err;
    fresh->own = uvshm__heap_own(lane->core, fresh->ref);
  }
  fresh->node = uvshm__heap_at(lane->core, fresh->ref, size);
  if (fresh->node != NULL) return 0;
  (void) uvshm__heap_free(lane, fresh->ref);
  return uvshm__fail(UV_ENOMEM, "the new block is out of reach");
}


/* Whole but for next and version. */
static UVSHM__USUAL int make_node(struct uvshm__lane* lane,
                                  const struct uvshm__map* map,
                                  const struct uvshm__map_key* key,
                                  const struct uvshm__map_put* put,
                                  struct fresh* fresh) {
  uint64_t sizes = put->size << UVSHM__MAP_KEY_BITS | key->size;
  struct uvshm__map_node* node;
  int err;

  if (put->size > UVSHM__MAP_VALUE_MAX)
    return uvshm__fail(UV_ENOSPC,
                       "no map has room for a value of %llu bytes",
                       (unsigned long long) put->size);
  err = take_node(lane, uvshm__map_node_size(key->size, put->size), fresh);
  if (err < 0) return err;
  node = fresh->node;
  /* Pairs with the acquire fence of readers that still look at what the block
   * was before: see map.c. */
  uvshm__fence_release();
  uvshm__a64_store_relaxed(&node->hash, key->hash);
  uvshm__a64_store_relaxed(
      &node->expires,
      put->ttl_ms != 0 ? uvshm__map_deadline(map, put->ttl_ms) : 0);
  uvshm__a64_store_relaxed(&node->sizes, sizes);
  fill_key(uvshm__map_node_key(node), key);
  fill_bytes(uvshm__map_node_value(node, sizes), put->bytes, put->size);
  return 0;
}

/* ---- put ----------------------------------------------------------------- */

UVSHM__APART int uvshm__map_find(const struct uvshm__map* map,
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


static void set_node(struct uvshm__map_node* node,
                     uint64_t next,
                     uint64_t version) {
  uvshm__a64_store_relaxed(&node->next, next);
  uvshm__a64_store_relaxed(&node->version, version);
}


/* What is to be freed after the lock was given back. */
struct stale {
  uint64_t ref;                    /* 0: nothing */
  struct uvshm__small_place place; /* where `is_small` */
  int is_small;
};


/* In the place of an old one, which is private to this peer afterwards, and
 * stays where it is until it is freed, as any block. */
static UVSHM__USUAL int commit_replace(const struct uvshm__map* map,
                                       struct uvshm__map_shard* shard,
                                       const struct uvshm__map_place* place,
                                       const struct fresh* fresh,
                                       uint64_t version,
                                       struct stale* stale) {
  struct uvshm__map_change change;
  uvshm__a16_t* own;

  stale->is_small = uvshm__small_find(map->core, place->ref, &stale->place);
  own = stale->is_small ? stale->place.own
                        : uvshm__heap_own(map->core, place->ref);
  set_node(fresh->node, uvshm__a64_load_relaxed(&place->node->next), version);
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, place->link, fresh->ref);
  uvshm__map_log(&change, 1, &shard->version, version);
  if (!uvshm__map_log_owner(&change, 2, fresh->own, UVSHM__OWN_LIBRARY) ||
      !uvshm__map_log_owner(&change, 3, own, uvshm__heap_me(map->core)))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  stale->ref = place->ref;
  return 0;
}


static int commit_new(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      uint64_t hash,
                      const struct fresh* fresh,
                      uint64_t version) {
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  struct uvshm__map_change change;
  struct uvshm__map_split split;
  uvshm__a64_t* bucket = NULL;

  if (uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split))
    bucket = uvshm__map_bucket(map, shard, uvshm__map_bucket_of(&split, hash));
  if (bucket == NULL) return uvshm__map_damaged(map, shard);
  set_node(fresh->node, uvshm__a64_load_relaxed(bucket), version);
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, bucket, fresh->ref);
  uvshm__map_log(&change, 1, &shard->version, version);
  uvshm__map_log(&change, 2, &shard->count, count + 1);
  if (!uvshm__map_log_owner(&change, 3, fresh->own, UVSHM__OWN_LIBRARY))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  return 0;
}


/* With the lock. stale->ref: the node whose place was taken, or that was made
 * in vain. */
static UVSHM__USUAL int put_node(const struct uvshm__map* map,
                                 struct uvshm__map_shard* shard,
                                 const struct uvshm__map_key* key,
                                 struct uvshm__map_put* put,
                                 const struct fresh* fresh,
                                 struct stale* stale) {
  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
  struct uvshm__map_place place;
  int found = uvshm__map_near_way(map, shard, key, &place);
  int lives;
  int err;

  if (found == UVSHM__MAP_BROKEN)
    found = uvshm__map_find(map, shard, key, &place);
  if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
  lives = found == UVSHM__MAP_FOUND && uvshm__map_lives(map, &place);
  err = may_put(put, lives, &place);
  if (err < 0) return err;
  if (lives && put->mode == UVSHM__MAP_ADD) {
    stale->ref = fresh->ref;
    return uvshm__map_add_to(map, shard, &place, put->sum, &put->sum);
  }
  err = found == UVSHM__MAP_FOUND
            ? commit_replace(map, shard, &place, fresh, version, stale)
            : commit_new(map, shard, key->hash, fresh, version);
  if (err < 0) return err;
  put->version = version;
  return 0;
}


static UVSHM__USUAL void drop_stale(struct uvshm__lane* lane,
                                    const struct stale* stale) {
  if (!stale->is_small || !uvshm__small_give(lane, &stale->place, stale->ref))
    (void) uvshm__heap_free(lane, stale->ref);
}


int uvshm__map_put(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   struct uvshm__map_put* put) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  struct fresh fresh;
  struct stale stale;
  int grow = 0;
  int err;

  uvshm__map_prefetch(map, shard, key->hash);
  err = make_node(lane, map, key, put, &fresh);
  if (err < 0) return err;
  memset(&stale, 0, sizeof(stale));
  err = uvshm__map_enter(lane, map, shard, map->patience_ms);
  if (err == 0) {
    err = put_node(map, shard, key, put, &fresh, &stale);
    if (err == 0 && stale.ref == 0) grow = uvshm__map_split(map, shard);
    uvshm__map_leave(lane, map, shard);
  }
  if (err < 0) {
    (void) uvshm__heap_free(lane, fresh.ref);
    return err;
  }
  if (stale.ref != 0) drop_stale(lane, &stale);
  if (grow) uvshm__map_grow(lane, map, shard);
  return 0;
}

/* ---- remove -------------------------------------------------------------- */

int uvshm__map_unlink(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      const struct uvshm__map_place* place) {
  uint64_t next = uvshm__a64_load_relaxed(&place->node->next);
  uint64_t version = uvshm__a64_load_relaxed(&shard->version);
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  struct uvshm__map_change change;

  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, place->link, next);
  uvshm__map_log(&change, 1, &shard->version, version + 1);
  uvshm__map_log(&change, 2, &shard->count, count - 1);
  if (!uvshm__map_log_own(&change, 3, place->ref, uvshm__heap_me(map->core)))
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
  int found = uvshm__map_way(map, shard, key, &place);
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
