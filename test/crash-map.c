/* SPDX-License-Identifier: MIT */

/* A death at every store of what puts something into a map: each key has the
 * value that it had before or the one that it got, the others are untouched,
 * readers see the same meanwhile, no block is lost, and the map goes on. What
 * takes away, and maps themselves, are in crash-map-remove.c. */

#include "lab/map.h"

/* ---- the start ----------------------------------------------------------- */

static void build_empty(void* world) {
  begin(world, 0);
  ((struct lab*) world)->after[40] = 41;
  ready(world);
}


/* 4 entries in 8 buckets: the next one has the first block made, and splits. */
static void build_growing(void* world) {
  begin(world, 4);
  ((struct lab*) world)->after[40] = 41;
  ready(world);
}


/* How many of the keys go to bucket number `next` of the next ones. */
static uint32_t movers(struct lab* l, uint32_t next) {
  struct uvshm__map_split split;
  struct uvshm__map_key key;
  uint32_t count = 0;
  uint32_t i;

  if (!uvshm__map_split_of(uvshm__a64_load_relaxed(&l->map.shards[0].size),
                           &split))
    return 0;
  for (i = 0; i < l->entries; i++) {
    key = key_of(&l->map, &i);
    if ((key.hash & (2 * split.half - 1)) == split.buckets + next) count++;
  }
  return count;
}


static int moves_two(struct lab* l) {
  return movers(l, 0) >= 2 || movers(l, 1) >= 2;
}


/* More buckets are there; the next entry makes another two, one of them for
 * some keys. */
static void build_splitting(void* world) {
  struct lab* l = world;
  uint32_t count = 8;

  for (begin(l, count); !moves_two(l) && count < 39; begin(l, ++count))
    world_end(&l->world);
  lab_check(moves_two(l), "no bucket has two keys that move");
  l->after[40] = 41;
  ready(l);
}


static void build_replace(void* world) {
  begin(world, 20);
  ((struct lab*) world)->after[7] = 41;
  ready(world);
}


static void build_replace_twice(void* world) {
  struct lab* l = world;
  uint64_t last = 0;
  uint64_t block;

  begin(l, 20);
  /* All blocks of this size are taken but one. */
  while (uvshm__heap_alloc(
             &l->world.bystander, NODE_SIZE, 0, UVSHM__OWN_SHARED, &block) ==
         0) {
    l->blocks++;
    last = block;
  }
  world_ok(uvshm__heap_free(&l->world.bystander, last), "free");
  l->blocks--;
  l->between = 44;
  l->after[7] = 47;
  ready(l);
}


/* The actor has replaced a value before, and remembers the block that it freed,
 * which is in a span of his own. */
static void build_update(void* world) {
  struct lab* l = world;
  struct uvshm__map map;
  uint32_t i;

  begin(l, 20);
  map = view(l, WORLD_ACTOR);
  for (i = 0; i < 2; i++)
    world_ok(put(&l->world.actor, &map, 7, 41 + 3 * i, UVSHM__MAP_ALWAYS),
             "put");
  l->before[7] = 44;
  l->after[7] = 47;
  ready(l);
}


static void build_update_twice(void* world) {
  struct lab* l = world;

  build_update(world);
  l->between = 47;
  l->after[7] = 50;
}


/* A new key whose bucket is not empty, so that its block is taken first. */
static void build_update_new(void* world) {
  struct lab* l = world;
  struct uvshm__map_shard* shard;
  struct uvshm__map_split split;
  struct uvshm__map_key key;
  uvshm__a64_t* bucket;
  uint32_t i;

  build_update(world);
  l->after[7] = 44;
  shard = l->map.shards;
  (void) uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split);
  for (i = 40; i < KEYS; i++) {
    key = key_of(&l->map, &i);
    bucket = uvshm__map_bucket(
        &l->map, shard, uvshm__map_bucket_of(&split, key.hash));
    if (uvshm__a64_load_relaxed(bucket) != 0) break;
  }
  lab_check(i < KEYS, "no bucket has a key");
  l->after[i] = 47;
  ready(l);
}


/* From 8 up by one: key 8's value is a counter (of 8 bytes, 9 % 3 is 0). */
static void build_add(void* world) {
  struct lab* l = world;

  begin(l, 20);
  l->after[8] = 12;
  ready(l);
}


static void build_add_new(void* world) {
  struct lab* l = world;

  begin(l, 15);
  l->after[40] = 30;
  ready(l);
}


/* Nearly full: growing is out of the question. */
static void build_full(void* world) {
  struct lab* l = world;
  uint64_t block;
  uint64_t size;

  begin(l, 15);
  for (size = 1 << 16; size >= 16; size -= 16)
    while (uvshm__heap_alloc(
               &l->world.bystander, size, 0, UVSHM__OWN_SHARED, &block) == 0)
      l->blocks++;
  ready(l);
}

/* ---- what the actor does ------------------------------------------------- */

static void op_put(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(put(&l->world.actor, &map, 40, 41, UVSHM__MAP_NEW), "put");
  lab_done();
}


static void op_replace(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(put(&l->world.actor, &map, 7, 41, UVSHM__MAP_ALWAYS), "put");
  lab_done();
}


/* The second one is filled into the node that the first one freed. */
static void op_replace_twice(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(put(&l->world.actor, &map, 7, 44, UVSHM__MAP_ALWAYS), "put");
  lab_done();
  world_ok(put(&l->world.actor, &map, 7, 47, UVSHM__MAP_ALWAYS), "put");
  lab_done();
}


static void op_update(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(put(&l->world.actor, &map, 7, 47, UVSHM__MAP_ALWAYS), "put");
  lab_done();
}


static void op_update_twice(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  op_update(world);
  world_ok(put(&l->world.actor, &map, 7, 50, UVSHM__MAP_ALWAYS), "put");
  lab_done();
}


/* The block is taken, and then there is no such key. */
static void op_update_new(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t i;

  for (i = 40; l->after[i] == ABSENT;) i++;
  world_ok(put(&l->world.actor, &map, i, 47, UVSHM__MAP_ALWAYS), "put");
  lab_done();
}


static void replace_if(void* world, uint32_t fill) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);
  struct uvshm__map_value value;
  struct uvshm__map_put what;
  unsigned char bytes[200];
  uint64_t word = fill;

  memset(&value, 0, sizeof(value));
  world_ok(uvshm__map_get(&map, &key, 0, &value), "get");
  memset(bytes, (int) fill, sizeof(bytes));
  memcpy(bytes, &word, sizeof(word));
  memset(&what, 0, sizeof(what));
  what.bytes = bytes;
  what.size = size_of(fill);
  what.mode = UVSHM__MAP_VERSION;
  what.version = value.version;
  world_ok(uvshm__map_put(&l->world.actor, &map, &key, &what), "replace");
  lab_done();
}


static void op_replace_if(void* world) {
  replace_if(world, 41);
}


static void op_update_if(void* world) {
  replace_if(world, 47);
}


static void op_add(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 8;
  struct uvshm__map_key key = key_of(&map, &number);
  int64_t sum = 0;

  world_ok(uvshm__map_add(&l->world.actor, &map, &key, 3, &sum), "add");
  lab_check(sum == 12, "a sum of %d", (int) sum);
  lab_done();
}


static void op_add_new(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 40;
  struct uvshm__map_key key = key_of(&map, &number);
  int64_t sum = 0;

  world_ok(uvshm__map_add(&l->world.actor, &map, &key, 30, &sum), "add");
  lab_done();
}


static void op_full(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  lab_check(put(&l->world.actor, &map, 40, 41, UVSHM__MAP_NEW) == UV_ENOSPC,
            "there is room");
}

/* ---- the cases ----------------------------------------------------------- */

/* Those that are there all the time. */
static void read_all(void* world) {
  struct lab* l = world;
  uint32_t i;

  for (i = 0; i < l->entries; i++)
    lab_check(get(&l->map, i) == l->before[i], "a reader misses key %u", i);
}

CASE(put_into_an_empty_map, build_empty, op_put, verify, read_keys)
CASE(put_that_makes_a_block, build_growing, op_put, verify, read_keys)
CASE(put_that_splits, build_splitting, op_put, verify, read_all)
CASE(put_replaces, build_replace, op_replace, verify, read_keys)
CASE(put_fills_a_node_again,
     build_replace_twice,
     op_replace_twice,
     verify_full,
     read_keys)
CASE(put_updates, build_update, op_update, verify, read_keys)
CASE(put_updates_twice, build_update_twice, op_update_twice, verify, read_keys)
CASE(put_after_an_update, build_update_new, op_update_new, verify, read_keys)
CASE(replaces_if, build_replace, op_replace_if, verify, read_keys)
CASE(updates_if, build_update, op_update_if, verify, read_keys)
CASE(add_to_a_counter, build_add, op_add, verify, read_keys)
CASE(add_makes_a_counter, build_add_new, op_add_new, verify, read_keys)
CASE(full_heap, build_full, op_full, verify_full, read_keys)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(put_updates),
      cmocka_unit_test(put_updates_twice),
      cmocka_unit_test(put_after_an_update),
      cmocka_unit_test(put_into_an_empty_map),
      cmocka_unit_test(put_that_makes_a_block),
      cmocka_unit_test(put_that_splits),
      cmocka_unit_test(put_replaces),
      cmocka_unit_test(put_fills_a_node_again),
      cmocka_unit_test(replaces_if),
      cmocka_unit_test(updates_if),
      cmocka_unit_test(add_to_a_counter),
      cmocka_unit_test(add_makes_a_counter),
      cmocka_unit_test(full_heap),
  };

  return cmocka_run_group_tests_name("crash-map", tests, NULL, NULL);
}
