/* SPDX-License-Identifier: MIT */

/* Growing: the next bucket takes over from an old one what belongs to it. All
 * under the shard's lock, and in front of readers who go on meanwhile:
 *
 *   size = splitting, version + 1                    one commit
 *   for each node x that is to move, from behind p in the old chain to the end
 *   t of the new one:
 *     t.next = x, p.next = x.next, version + 1, x.next = 0     one commit
 *   size = one bucket more                           one store
 *
 * The order within a commit is that of the stores which readers see. While
 * `splitting` is set they look in both buckets. Between any two stores every
 * key is found on one of the two ways, and who stands on x when it is cut off
 * sees another version before he could miss anything behind it. The version
 * changes before the first node moves too, for those who saw the size before.
 *
 * Who is killed in between leaves `splitting` set; the next one who gets the
 * lock goes on. models/map_split.pml shows all this.
 */

#include "core/map_change.h"
#include "core/map_walk.h"

#include "base/error.h"
#include "core/lock.h"

/* A bucket more when there are more entries than half as many: a key that is
 * there is then the first of its chain in four cases of five, and who reads
 * waits for no other node. */
#define ENTRIES 1u
#define PER_BUCKETS 2u

/* What one entry splits at most: more than it takes, so that buckets keep up.
 */
#define SPLITS 3u

/* How many entries later a block that could not be had is asked for again. */
#define AGAIN 64u


static uint64_t bumped(const struct uvshm__map_shard* shard) {
  return uvshm__a64_load_relaxed(&shard->version) + 1;
}


static void say_splitting(const struct uvshm__map* map,
                          struct uvshm__map_shard* shard,
                          uint64_t size) {
  struct uvshm__map_change change;

  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, &shard->size, size | UVSHM__MAP_SPLITTING);
  uvshm__map_log(&change, 1, &shard->version, bumped(shard));
  uvshm__map_commit(&change, 2);
}


static void say_done(struct uvshm__map_shard* shard,
                     const struct uvshm__map_split* split) {
  uint64_t buckets = split->buckets + 1;
  uint64_t level = split->level;

  if (buckets == 2 * split->half) level++;
  uvshm__a64_store_release(&shard->size,
                           level << UVSHM__MAP_LEVEL_SHIFT | buckets);
}


/* The last link of a chain, which says 0. NULL: it has no end. */
static uvshm__a64_t* end_of(const struct uvshm__map* map, uvshm__a64_t* link) {
  struct uvshm__map_node* node;
  uint64_t steps;
  uint64_t ref;

  for (steps = 0; steps < map->steps; steps++) {
    ref = uvshm__a64_load_relaxed(link);
    if (ref == 0) return link;
    node = uvshm__map_node(map, ref);
    if (node == NULL) return NULL;
    link = &node->next;
  }
  return NULL;
}


/* The next node that is to move, from *link on. */
static int find_mover(const struct uvshm__map* map,
                      const struct uvshm__map_split* split,
                      uvshm__a64_t** link,
                      struct uvshm__map_node** found) {
  struct uvshm__map_node* node;
  uint64_t steps;
  uint64_t hash;
  uint64_t ref;

  for (steps = 0; steps < map->steps; steps++) {
    ref = uvshm__a64_load_relaxed(*link);
    if (ref == 0) return UVSHM__MAP_ABSENT;
    node = uvshm__map_node(map, ref);
    if (node == NULL) return UVSHM__MAP_BROKEN;
    hash = uvshm__a64_load_relaxed(&node->hash);
    if ((hash & (2 * split->half - 1)) == split->buckets) {
      *found = node;
      return UVSHM__MAP_FOUND;
    }
    *link = &node->next;
  }
  return UVSHM__MAP_BROKEN;
}


static void move(const struct uvshm__map* map,
                 struct uvshm__map_shard* shard,
                 uvshm__a64_t* from,
                 struct uvshm__map_node* node,
                 uvshm__a64_t* end) {
  struct uvshm__map_change change;

  uvshm__map_change(&change, map, shard);
  uvshm__map_log(&change, 0, end, uvshm__map_offset(map, node));
  uvshm__map_log(&change, 1, from, uvshm__a64_load_relaxed(&node->next));
  uvshm__map_log(&change, 2, &shard->version, bumped(shard));
  uvshm__map_log(&change, 3, &node->next, 0);
  uvshm__map_commit(&change, 4);
}


/* `begun`: the size says so already. */
static int split_bucket(const struct uvshm__map* map,
                        struct uvshm__map_shard* shard,
                        int begun) {
  uint64_t size = uvshm__a64_load_relaxed(&shard->size);
  struct uvshm__map_split split;
  struct uvshm__map_node* node;
  uvshm__a64_t* from;
  uvshm__a64_t* end;
  uint64_t moved;
  int found = UVSHM__MAP_ABSENT;

  if (!uvshm__map_split_of(size, &split)) return uvshm__map_damaged(map, shard);
  from = uvshm__map_bucket(map, shard, split.buckets - split.half);
  end = uvshm__map_bucket(map, shard, split.buckets);
  if (end != NULL) end = end_of(map, end);
  if (from == NULL || end == NULL) return uvshm__map_damaged(map, shard);
  for (moved = 0; moved < map->steps; moved++) {
    found = find_mover(map, &split, &from, &node);
    if (found != UVSHM__MAP_FOUND) break;
    if (!begun) say_splitting(map, shard, size);
    begun = 1;
    move(map, shard, from, node, end);
    end = &node->next;
  }
  if (found != UVSHM__MAP_ABSENT) return uvshm__map_damaged(map, shard);
  say_done(shard, &split);
  return 0;
}


int uvshm__map_split_on(const struct uvshm__map* map,
                        struct uvshm__map_shard* shard) {
  return split_bucket(map, shard, 1);
}


/* Is there a block for the next bucket? */
static int has_block(const struct uvshm__map_shard* shard,
                     const struct uvshm__map_split* split) {
  return uvshm__a64_load_relaxed(&shard->more[split->level]) != 0;
}


static int wants_more(const struct uvshm__map_shard* shard,
                      struct uvshm__map_split* split) {
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);

  /* The last bucket of all is never made: no level would have its number. */
  return uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), split) &&
         (split->level + 1 < UVSHM__MAP_LEVELS ||
          split->buckets + 1 < 2 * split->half) &&
         count > split->buckets * ENTRIES / PER_BUCKETS;
}


int uvshm__map_split(const struct uvshm__map* map,
                     struct uvshm__map_shard* shard) {
  uint64_t count = uvshm__a64_load_relaxed(&shard->count);
  struct uvshm__map_split split;
  uint32_t i;

  for (i = 0; i < SPLITS; i++) {
    if (!wants_more(shard, &split)) return 0;
    if (!has_block(shard, &split)) /* At first, and then now and then. */
      return count <= split.buckets * ENTRIES / PER_BUCKETS + 1 ||
             count % AGAIN == 0;
    /* What cannot be is told to whoever looks for a key there. */
    if (split_bucket(map, shard, 0) < 0) return 0;
  }
  return 0;
}

/* ---- a block for more buckets -------------------------------------------- */

static void install(struct uvshm__lane* lane,
                    const struct uvshm__map* map,
                    struct uvshm__map_shard* shard,
                    uint32_t level,
                    uint64_t* block) {
  struct uvshm__map_change change;
  struct uvshm__map_split split;

  if (uvshm__map_enter(lane, map, shard, map->patience_ms) < 0) return;
  if (wants_more(shard, &split) && split.level == level &&
      !has_block(shard, &split)) {
    uvshm__map_change(&change, map, shard);
    uvshm__map_log(&change, 0, &shard->more[level], *block);
    if (uvshm__map_log_own(&change, 1, *block, UVSHM__OWN_LIBRARY)) {
      uvshm__map_commit(&change, 2);
      *block = 0;
      (void) split_bucket(map, shard, 0);
    }
  }
  uvshm__map_leave(lane, map, shard);
}


void uvshm__map_grow(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     struct uvshm__map_shard* shard) {
  struct uvshm__map_split split;
  uvshm__a64_t* words;
  uint64_t block;
  uint64_t size;
  uint64_t i;

  /* A look without the lock; install() looks again. */
  if (!uvshm__map_split_of(uvshm__a64_load_acquire(&shard->size), &split))
    return;
  size = split.half * 8;
  if (uvshm__heap_alloc(lane, size, 0, uvshm__heap_me(map->core), &block) < 0)
    return;
  words = uvshm__heap_at(map->core, block, size);
  uvshm__fence_release();
  for (i = 0; words != NULL && i < split.half; i++)
    uvshm__a64_store_relaxed(&words[i], 0);
  if (words != NULL) install(lane, map, shard, split.level, &block);
  if (block != 0) (void) uvshm__heap_free(lane, block);
}

/* ---- a key, meanwhile ---------------------------------------------------- */

int uvshm__map_way_on(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard,
                      uint64_t index,
                      const struct uvshm__map_key* key,
                      struct uvshm__map_place* place) {
  uvshm__a64_t* bucket = uvshm__map_bucket(map, shard, index);

  return bucket != NULL ? uvshm__map_chain(map, bucket, key, place)
                        : UVSHM__MAP_BROKEN;
}
