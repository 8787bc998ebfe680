/* SPDX-License-Identifier: MIT */

/* Going through a map while others change it.
 *
 * Entries are met in the order of their hashes with the bits reversed, lowest
 * bit first. A bucket holds the keys that agree in their lowest bits, so it is
 * a range of that order; when it is split, its range is cut in two, and nothing
 * changes place. So the cursor need not know what was split since: it says
 * which entry was the last, and the next one is the least above it, wherever
 * that lies by now. An entry that stays is met once, one that comes or goes
 * meanwhile once or not at all. Two keys with the same hash are told apart by a
 * second one.
 */

#include "core/map_walk.h"

#include "base/error.h"
#include "base/siphash.h"

/* Rounds for one bucket before writers are asked to wait. */
#define ROUNDS 64

/* The least entry after the cursor, so far. */
struct best {
  struct uvshm__map_node* node; /* NULL: none */
  uint64_t sizes;
  uint64_t at;
  uint32_t tie;
  uint32_t has_tie; /* else it was not needed yet */
};

/* What is looked through for it: a bucket, or two. */
struct scan {
  const struct uvshm__map* map;
  const struct uvshm__map_cursor* cursor;
  struct best* best;
  uint64_t index; /* what the keys' hashes say in their lowest bits, ... */
  uint64_t mask;  /* ... which are these */
  uint64_t bytes; /* of keys that may be looked at yet */
};


/* A hash with the halves of the seed exchanged. 0: no chain has such keys. */
static int tie_of(struct scan* scan,
                  struct uvshm__map_node* node,
                  uint64_t sizes,
                  uint32_t* tie) {
  const uint64_t* halves = scan->map->secret.seed;
  const uint64_t seed[2] = {halves[1], halves[0]};
  uint64_t size = uvshm__map_key_size(sizes);
  uvshm__a64_t* words = uvshm__map_node_key(node);
  struct uvshm__sip sip;
  uint64_t i;

  if (!uvshm__map_spend(&scan->bytes, size)) return 0;
  uvshm__sip_begin(&sip, seed, size);
  for (i = 0; i < uvshm__map_round(size) / 8; i++)
    uvshm__sip_word(&sip, uvshm__peek(&words[i]));
  *tie = (uint32_t) uvshm__sip_end(&sip);
  return 1;
}


static int find_tie(struct scan* scan, struct best* entry) {
  if (entry->has_tie) return 1;
  entry->has_tie = 1;
  return tie_of(scan, entry->node, entry->sizes, &entry->tie);
}


/* Is the node behind the cursor and before the best so far? Then it is the
 * best. 0: it cannot be in this bucket, or leads outside. */
static int consider(struct scan* scan,
                    struct uvshm__map_node* node,
                    uint64_t ref) {
  const struct uvshm__map_cursor* cursor = scan->cursor;
  uint64_t hash = uvshm__peek(&node->hash);
  struct best* best = scan->best;
  struct best one = {node, 0, uvshm__reverse_bits(hash), 0, 0};

  /* Else one chain could be all buckets', and each as long. */
  if (((hash ^ scan->index) & scan->mask) != 0) return 0;
  if (one.at < cursor->at || (best->node != NULL && one.at > best->at))
    return 1;
  one.sizes = uvshm__peek(&node->sizes);
  if (!uvshm__map_is_whole(scan->map, ref, one.sizes)) return 0;
  if (uvshm__map_is_expired(scan->map, uvshm__peek(&node->expires))) return 1;
  if (one.at == cursor->at && cursor->shard & UVSHM__MAP_CURSOR_WITHIN) {
    if (!find_tie(scan, &one)) return 0;
    if (one.tie <= cursor->tie) return 1;
  }
  if (best->node != NULL && one.at == best->at) {
    if (!find_tie(scan, &one) || !find_tie(scan, best)) return 0;
    if (one.tie >= best->tie) return 1;
  }
  *best = one;
  return 1;
}


static int look_through(struct scan* scan, uvshm__a64_t* link) {
  struct uvshm__map_node* node;
  uint64_t steps;
  uint64_t ref;

  if (link == NULL) return UVSHM__MAP_BROKEN;
  for (steps = 0; steps < scan->map->steps; steps++) {
    ref = uvshm__peek(link);
    if (ref == 0) return UVSHM__MAP_ABSENT;
    node = uvshm__map_node(scan->map, ref);
    if (node == NULL || !consider(scan, node, ref)) return UVSHM__MAP_BROKEN;
    link = &node->next;
  }
  return UVSHM__MAP_BROKEN;
}


/* In how many low bits the keys of the bucket agree that `hash` belongs to. One
 * that is just being split is still one, with the new one as its second half.
 * */
static uint32_t bits_of(const struct uvshm__map_split* split, uint64_t hash) {
  uint32_t bits = uvshm__highest_bit((uint32_t) split->half);
  uint64_t old = hash & (split->half - 1);

  return old < split->buckets - split->half ? bits + 1 : bits;
}


/* The best entry of the bucket that the cursor is in, and how many bits its
 * keys agree in. */
static int find_in_bucket(const struct uvshm__map* map,
                          struct uvshm__map_shard* shard,
                          const struct uvshm__map_cursor* cursor,
                          struct best* best,
                          uint32_t* bits) {
  uint64_t hash = uvshm__reverse_bits(cursor->at);
  struct scan scan = {map, cursor, best, 0, 0, uvshm__map_bytes(map)};
  struct uvshm__map_split split;
  int found;

  best->node = NULL;
  if (!uvshm__map_split_of(uvshm__a64_load_acquire(&shard->size), &split))
    return UVSHM__MAP_BROKEN;
  *bits = bits_of(&split, hash);
  scan.mask = (UINT64_C(1) << *bits) - 1;
  scan.index = hash & scan.mask;
  found = look_through(&scan, uvshm__map_bucket(map, shard, scan.index));
  if (found == UVSHM__MAP_ABSENT && split.splitting &&
      scan.index == split.buckets - split.half)
    found = look_through(&scan, uvshm__map_bucket(map, shard, split.buckets));
  if (found == UVSHM__MAP_BROKEN) return found;
  if (best->node == NULL) return UVSHM__MAP_ABSENT;
  return find_tie(&scan, best) ? UVSHM__MAP_FOUND : UVSHM__MAP_BROKEN;
}


static void copy_part(struct uvshm__map_value* to,
                      const uvshm__a64_t* from,
                      uint64_t size) {
  to->size = size;
  if (to->bytes != NULL && size <= to->room)
    uvshm__map_copy(to->bytes, from, size);
}


static void copy_out(const struct best* best,
                     struct uvshm__map_value* key,
                     struct uvshm__map_value* value) {
  value->version = uvshm__peek(&best->node->version);
  uvshm__fence_acquire();
  copy_part(
      key, uvshm__map_node_key(best->node), uvshm__map_key_size(best->sizes));
  copy_part(value,
            uvshm__map_node_value(best->node, best->sizes),
            uvshm__map_value_size(best->sizes));
}


static int has_room(const struct uvshm__map_value* part) {
  return part->bytes == NULL || part->size <= part->room;
}


/* One bucket: the entry, or UV_ENOENT and its bits. */
static int next_in_bucket(const struct uvshm__map* map,
                          struct uvshm__map_shard* shard,
                          struct uvshm__map_cursor* cursor,
                          struct uvshm__map_value* key,
                          struct uvshm__map_value* value,
                          uint32_t* bits) {
  struct best best;
  uint64_t version;
  uint32_t round;
  int found;

  for (round = 0; round < ROUNDS; round++) {
    version = uvshm__a64_load_acquire(&shard->version);
    found = find_in_bucket(map, shard, cursor, &best, bits);
    if (found == UVSHM__MAP_FOUND) copy_out(&best, key, value);
    uvshm__fence_acquire();
    if (uvshm__a64_load_relaxed(&shard->version) != version) continue;
    if (!uvshm__map_is_there(map)) return UV_ENXIO;
    if (found == UVSHM__MAP_BROKEN) return uvshm__map_damaged(map, shard);
    if (found == UVSHM__MAP_ABSENT) return UV_ENOENT;
    if (!has_room(key) || !has_room(value)) return UV_ENOBUFS;
    cursor->at = best.at;
    cursor->tie = best.tie;
    cursor->shard |= UVSHM__MAP_CURSOR_WITHIN;
    return 0;
  }
  return UV_EAGAIN;
}


/* To the first place of the next bucket, or of the next shard. */
static void skip_bucket(struct uvshm__map_cursor* cursor, uint32_t bits) {
  uint64_t last = cursor->at | UINT64_MAX >> bits;

  cursor->shard &= ~UVSHM__MAP_CURSOR_WITHIN;
  if (last == UINT64_MAX) cursor->shard++;
  cursor->at = last + 1; /* 0 in a new shard */
  cursor->tie = 0;
}


int uvshm__map_next(const struct uvshm__map* map,
                    int locked,
                    struct uvshm__map_cursor* cursor,
                    struct uvshm__map_value* key,
                    struct uvshm__map_value* value) {
  const uint32_t mine = cursor->shard & ~UVSHM__MAP_CURSOR_WITHIN;
  uint32_t number;
  uint32_t bits = 0;
  int err;

  for (;;) {
    number = cursor->shard & ~UVSHM__MAP_CURSOR_WITHIN;
    if (number >= 1u << map->shard_bits) return UV_ENOENT;
    err = next_in_bucket(map, &map->shards[number], cursor, key, value, &bits);
    /* The caller holds the shard that he asked about, no other. */
    if (err == UV_EAGAIN && locked && number == mine)
      return uvshm__map_damaged(map, &map->shards[number]);
    if (err != UV_ENOENT) return err;
    skip_bucket(cursor, bits);
  }
}
