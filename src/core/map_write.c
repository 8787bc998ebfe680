/* SPDX-License-Identifier: MIT */

/* Changing a map: each change of one key is one commit under its shard's lock.
 * The table in map.c says what is in it. What expires is in map_expire.c.
 */

#include "core/map_change.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

#include <string.h>

/* ---- nodes --------------------------------------------------------------- */

/* Bytes, and zeros up to a multiple of 8. Readers of what the block was before
 * may be looking. */
static void fill_bytes(uvshm__a64_t* to, const void* bytes, uint64_t size) {
  const unsigned char* at = bytes;
  uint64_t words[4];
  uint64_t word;

  for (; size >= 32; size -= 32, at += 32, to += 4) {
    memcpy(words, at, 32);
    uvshm__a64_store_relaxed(to, words[0]);
    uvshm__a64_store_relaxed(to + 1, words[1]);
    uvshm__a64_store_relaxed(to + 2, words[2]);
    uvshm__a64_store_relaxed(to + 3, words[3]);
  }
  for (; size >= 8; size -= 8, at += 8, to++) {
    memcpy(&word, at, 8);
    uvshm__a64_store_relaxed(to, word);
  }
  if (size != 0)
    uvshm__a64_store_relaxed(to, uvshm__word_of(at, (size_t) size));
}


/* A node that is private to this peer, whole but for next and version. */
static UVSHM__USUAL int make_node(struct uvshm__lane* lane,
                                  const struct uvshm__map* map,
                                  const struct uvshm__map_key* key,
                                  const struct uvshm__map_put* put,
                                  uint64_t* ref) {
  uint64_t sizes = put->size << UVSHM__MAP_KEY_BITS | key->size;
  struct uvshm__map_node* node;
  uint64_t size;
  int err;

  if (put->size > UVSHM__MAP_VALUE_MAX)
    return uvshm__fail(UV_ENOSPC,
                       "no map has room for a value of %llu bytes",
                       (unsigned long long) put->size);
  size = uvshm__map_node_size(key->size, put->size);
  *ref = uvshm__heap_take_usual(lane, size);
  if (*ref == 0) {
    err = uvshm__heap_alloc(lane, size, 0, uvshm__heap_me(map->core), ref);
    if (err < 0) return err;
  }
  node = uvshm__heap_at(map->core, *ref, size);
  if (node == NULL) {
    (void) uvshm__heap_free(lane, *ref);
    return uvshm__fail(UV_ENOMEM, "the new block is out of reach");
  }
  /* Pairs with the acquire fence of readers that still look at what the block
   * was before: see map.c. */
  uvshm__fence_release();
  uvshm__a64_store_relaxed(&node->hash, key->hash);
  uvshm__a64_store_relaxed(
      &node->expires,
      put->ttl_ms != 0 ? uvshm__map_deadline(map, put->ttl_ms) : 0);
  uvshm__a64_store_relaxed(&node->sizes, sizes);
  fill_bytes(uvshm__map_node_key(node), key->bytes, key->size);
  fill_bytes(uvshm__map_node_value(node, sizes), put->bytes, put->size);
  return 0;
}

/* ---- put ----------------------------------------------------------------- */

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


/* In the place of an old one, which is private to this peer afterwards. */
static int commit_replace(const struct uvshm__map* map,
                          struct uvshm__map_shard* shard,
                          const struct uvshm__map_place* place,
                          uint64_t ref,
                          uint64_t version) {
  struct uvshm__map_change change;

  set_node(uvshm__map_node(map, ref),
           uvshm__a64_load_relaxed(&place->node->next),
           version);
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, place->link, ref);
  uvshm__map_log(&change, 1, &shard->version, version);
  if (!uvshm__map_log_own(&change, 2, ref, UVSHM__OWN_LIBRARY) ||
      !uvshm__map_log_own(&change, 3, place->ref, uvshm__heap_me(map->core)))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  return 0;
}


static int commit_new(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      uint64_t hash,
                      uint64_t ref,
                      uint64_t version) {
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  struct uvshm__map_change change;
  struct uvshm__map_split split;
  uvshm__a64_t* bucket = NULL;

  if (uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split))
    bucket = uvshm__map_bucket(map, shard, uvshm__map_bucket_of(&split, hash));
  if (bucket == NULL) return uvshm__map_damaged(map, shard);
  set_node(uvshm__map_node(map, ref), uvshm__a64_load_relaxed(bucket), version);
  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, bucket, ref);
  uvshm__map_log(&change, 1, &shard->version, version);
  uvshm__map_log(&change, 2, &shard->count, count + 1);
  if (!uvshm__map_log_own(&change, 3, ref, UVSHM__OWN_LIBRARY))
    return uvshm__map_damaged(map, shard);
  uvshm__map_commit(&change, 4);
  return 0;
}


/* With the lock. *old: the node whose place was taken, 0: none. */
static int put_node(const struct uvshm__map* map,
                    struct uvshm__map_shard* shard,
                    const struct uvshm__map_key* key,
                    struct uvshm__map_put* put,
                    uint64_t ref,
                    uint64_t* old) {
  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
  struct uvshm__map_place place;
  int found = uvshm__map_way(map, shard, key, &place);
  int lives;
  int err;

  if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
  lives = found == UVSHM__MAP_FOUND && uvshm__map_lives(map, &place);
  err = may_put(put, lives, &place);
  if (err < 0) return err;
  if (lives && put->mode == UVSHM__MAP_ADD) {
    *old = ref; /* was made in vain */
    return uvshm__map_add_to(map, shard, &place, put->sum, &put->sum);
  }
  err = found == UVSHM__MAP_FOUND
            ? commit_replace(map, shard, &place, ref, version)
            : commit_new(map, shard, key->hash, ref, version);
  if (err < 0) return err;
  *old = found == UVSHM__MAP_FOUND ? place.ref : 0;
  put->version = version;
  return 0;
}


int uvshm__map_put(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   struct uvshm__map_put* put) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t old = 0;
  uint64_t ref;
  int grow = 0;
  int err;

  uvshm__map_prefetch(map, shard, key->hash);
  err = make_node(lane, map, key, put, &ref);
  if (err < 0) return err;
  err = uvshm__map_enter(lane, map, shard, map->patience_ms);
  if (err == 0) {
    err = put_node(map, shard, key, put, ref, &old);
    if (err == 0 && old == 0) grow = uvshm__map_split(map, shard);
    uvshm__map_leave(lane, map, shard);
  }
  if (err < 0) {
    (void) uvshm__heap_free(lane, ref);
    return err;
  }
  if (old != 0) (void) uvshm__heap_free(lane, old);
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
