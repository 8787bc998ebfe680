/* SPDX-License-Identifier: MIT */

/* A death at every store of all that changes a map: each key has the value that
 * it had before or the one that it got, the others are untouched, readers see
 * the same meanwhile, no block is lost, and the map goes on working. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/lock.h"
#include "core/map_walk.h"
#include "core/reap.h"
#include "lab/lab.h"
#include "lab/world.h"
#include "uvshm/flags.h"

#include <stdio.h>
#include <string.h>

#define KEYS 64u
#define NODE_SIZE (sizeof(struct uvshm__map_node) + 8 + 128) /* of 44 and 47 */
#define ABSENT 0u /* a value that no key has */

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  struct uvshm__map map; /* as those see it who live */
  uint64_t blocks; /* of the segment without nodes and blocks of buckets */
  uint32_t entries;
  uint32_t before[KEYS]; /* value of each key, or ABSENT */
  uint32_t after[KEYS];
  uint32_t now[KEYS];
  uint32_t between; /* a value that a key may have on the way */
  int any_between;  /* each key for itself is as before or as after */
};

static struct lab lab;


static struct uvshm__map view(struct lab* l, uint32_t slot) {
  struct uvshm__map map;

  world_ok(uvshm__map_attach(world_core(&l->world, slot), &l->ref, &map),
           "attach");
  return map;
}


static struct uvshm__map_key key_of(const struct uvshm__map* map,
                                    const uint32_t* number) {
  struct uvshm__map_key key;

  uvshm__map_hash(map, number, sizeof(*number), &key);
  return key;
}


/* Sizes differ from value to value. */
static uint32_t size_of(uint32_t value) {
  return 8 + value % 3 * 60;
}


/* ---- one key ------------------------------------------------------------- */

static int put(struct uvshm__lane* lane,
               const struct uvshm__map* map,
               uint32_t number,
               uint32_t value,
               enum uvshm__map_mode mode) {
  struct uvshm__map_key key = key_of(map, &number);
  unsigned char bytes[200];
  struct uvshm__map_put what;
  uint64_t word = value;

  memset(bytes, (int) (value & 0xff), sizeof(bytes));
  memcpy(bytes, &word, sizeof(word));
  memset(&what, 0, sizeof(what));
  what.bytes = bytes;
  what.size = size_of(value);
  what.mode = mode;
  return uvshm__map_put(lane, map, &key, &what);
}


static int drop(struct uvshm__lane* lane,
                const struct uvshm__map* map,
                uint32_t number) {
  struct uvshm__map_key key = key_of(map, &number);

  return uvshm__map_remove(lane, map, &key, NULL);
}


/* What the key says; whole, or the check ends. */
static uint32_t get(const struct uvshm__map* map, uint32_t number) {
  struct uvshm__map_key key = key_of(map, &number);
  unsigned char bytes[200];
  struct uvshm__map_value value;
  uint64_t word = ABSENT;
  uint32_t i;
  int err;

  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = sizeof(bytes);
  err = uvshm__map_get(map, &key, 0, &value);
  if (err == UV_ENOENT) return ABSENT;
  world_ok(err, "get");
  lab_check(value.size >= 8, "a value of %u bytes", (unsigned) value.size);
  memcpy(&word, bytes, sizeof(word));
  lab_check(value.size == size_of((uint32_t) word),
            "key %u: %u bytes of value %u",
            (unsigned int) number,
            (unsigned int) value.size,
            (unsigned int) word);
  for (i = 8; i < value.size; i++)
    lab_check(bytes[i] == (word & 0xff), "a torn value");
  return (uint32_t) word;
}

/* ---- the start ----------------------------------------------------------- */

static void make_map(struct lab* l, uint32_t shard_bits) {
  static const uint64_t seed[2] = {1, 2};
  struct uvshm__lane* lane = &l->world.bystander;
  struct uvshm__directory_spec spec;
  struct uvshm__map_hdr body;
  int made = 0;

  memset(&spec, 0, sizeof(spec));
  spec.name = "map";
  spec.name_size = 3;
  spec.type = UVSHM__TYPE_MAP;
  spec.body = &body;
  world_ok(uvshm__map_format(lane, shard_bits, seed, &body, &spec.blocks[0]),
           "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, &l->ref, &made), "make");
  world_ok(uvshm__directory_open(lane->core, &l->ref), "open");
}


/* The first `count` keys are there, each with its number + 1. */
static void begin(struct lab* l, uint32_t count) {
  uint32_t i;

  memset(l, 0, sizeof(*l));
  world_build(&l->world, 1 << 20, 1 << 20);
  make_map(l, 0);
  l->map = view(l, WORLD_BYSTANDER);
  l->blocks = world_blocks(&l->world);
  for (i = 0; i < count; i++) {
    world_ok(put(&l->world.bystander, &l->map, i, i + 1, UVSHM__MAP_ALWAYS),
             "put");
    l->before[i] = i + 1;
  }
  l->entries = count;
  memcpy(l->after, l->before, sizeof(l->after));
}


static void ready(struct lab* l) {
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}


static void build_empty(void* world) {
  begin(world, 0);
  ((struct lab*) world)->after[40] = 41;
  ready(world);
}


/* 6 entries in 8 buckets: the next one has the first block made, and splits. */
static void build_growing(void* world) {
  begin(world, 6);
  ((struct lab*) world)->after[40] = 41;
  ready(world);
}


/* How many of the keys go to the next bucket when that is made. */
static uint32_t movers(struct lab* l) {
  struct uvshm__map_split split;
  struct uvshm__map_key key;
  uint32_t count = 0;
  uint32_t i;

  if (!uvshm__map_split_of(uvshm__a64_load_relaxed(&l->map.shards[0].size),
                           &split))
    return 0;
  for (i = 0; i < l->entries; i++) {
    key = key_of(&l->map, &i);
    if ((key.hash & (2 * split.half - 1)) == split.buckets) count++;
  }
  return count;
}


/* More buckets are there; the next entry makes another one, for some keys. */
static void build_splitting(void* world) {
  struct lab* l = world;
  uint32_t count = 8;

  for (begin(l, count); movers(l) < 2 && count < 39; begin(l, ++count))
    world_end(&l->world);
  lab_check(movers(l) >= 2, "no bucket has two keys that move");
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


static void build_replace_none(void* world) {
  begin(world, 20);
  ready(world);
}


static void build_remove(void* world) {
  begin(world, 20);
  ((struct lab*) world)->after[7] = ABSENT;
  ready(world);
}


static void build_clear(void* world) {
  struct lab* l = world;

  begin(l, 7);
  l->any_between = 1;
  memset(l->after, 0, sizeof(l->after));
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


static void op_replace_if(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);
  struct uvshm__map_value value;
  struct uvshm__map_put what;
  unsigned char bytes[200];
  uint64_t word = 41;

  memset(&value, 0, sizeof(value));
  world_ok(uvshm__map_get(&map, &key, 0, &value), "get");
  memset(bytes, 41, sizeof(bytes));
  memcpy(bytes, &word, sizeof(word));
  memset(&what, 0, sizeof(what));
  what.bytes = bytes;
  what.size = size_of(41);
  what.mode = UVSHM__MAP_VERSION;
  what.version = value.version;
  world_ok(uvshm__map_put(&l->world.actor, &map, &key, &what), "replace");
  lab_done();
}


static void op_remove(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  world_ok(drop(&l->world.actor, &map, 7), "remove");
  lab_done();
}


static void op_take(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);
  struct uvshm__map_value value;
  unsigned char bytes[200];

  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = sizeof(bytes);
  world_ok(uvshm__map_remove(&l->world.actor, &map, &key, &value), "take");
  lab_done();
}


static void op_refused(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  lab_check(put(&l->world.actor, &map, 7, 41, UVSHM__MAP_NEW) == UV_EEXIST,
            "it is there");
  lab_check(drop(&l->world.actor, &map, 50) == UV_ENOENT, "it is not there");
}


/* From 8 up by one: key 8's value is a counter (of 8 bytes, 9 % 3 is 0). */
static void build_add(void* world) {
  struct lab* l = world;

  begin(l, 20);
  l->after[8] = 12;
  ready(l);
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


static void build_add_new(void* world) {
  struct lab* l = world;

  begin(l, 15);
  l->after[40] = 30;
  ready(l);
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


static void op_clear(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint64_t count;

  world_ok(uvshm__map_clear(&l->world.actor, &map, 0, &count), "clear");
  lab_check(count == 7, "%u were removed", (unsigned int) count);
  lab_done();
}


/* Its time is over as soon as it is set. */
static void op_expire_and_drop(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);
  uint32_t number = 7;
  struct uvshm__map_key key = key_of(&map, &number);

  world_ok(uvshm__map_expire(&l->world.actor, &map, &key, 1), "expire");
  uv_sleep(2);
  uvshm__map_drop(&l->world.actor, &map, &key);
  lab_done();
}


static void build_expire(void* world) {
  begin(world, 20);
  ((struct lab*) world)->after[7] = ABSENT;
  ready(world);
}


static void op_full(void* world) {
  struct lab* l = world;
  struct uvshm__map map = view(l, WORLD_ACTOR);

  lab_check(put(&l->world.actor, &map, 40, 41, UVSHM__MAP_NEW) == UV_ENOSPC,
            "there is room");
}


static void op_remove_map(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);

  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  world_ok(uvshm__directory_remove(core, "map", 3), "remove");
  lab_done();
}


static void build_remove_map(void* world) {
  struct lab* l = world;

  begin(l, 15);
  ready(l);
}


static void op_make_map(void* world) {
  static const uint64_t seed[2] = {3, 4};
  struct lab* l = world;
  struct uvshm__lane* lane = &l->world.actor;
  struct uvshm__directory_spec spec;
  struct uvshm__directory_ref ref;
  struct uvshm__map_hdr body;
  int made = 0;

  memset(&spec, 0, sizeof(spec));
  spec.name = "brief";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_MAP;
  spec.body = &body;
  world_ok(uvshm__map_format(lane, 1, seed, &body, &spec.blocks[0]), "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, &ref, &made), "make");
  world_ok(uvshm__directory_remove(lane->core, "brief", 5), "remove");
}


static void build_make(void* world) {
  begin(world, 3);
  ready(world);
}

/* ---- afterwards ---------------------------------------------------------- */

static int is_expected(const struct lab* l, uint32_t number, uint32_t value) {
  return value == l->before[number] || value == l->after[number] ||
         (l->between != 0 && value == l->between &&
          l->before[number] != l->after[number]);
}


/* All as before, or all as after; or each. */
static void verify_content(struct lab* l,
                           const struct uvshm__map* map,
                           uint32_t done) {
  uint32_t as_before = 0;
  uint32_t as_after = 0;
  uint32_t there = 0;
  uint32_t i;

  for (i = 0; i < KEYS; i++) {
    l->now[i] = get(map, i);
    if (l->now[i] != ABSENT) there++;
    lab_check(is_expected(l, i, l->now[i]),
              "key %u says %u, not %u nor %u",
              (unsigned int) i,
              (unsigned int) l->now[i],
              (unsigned int) l->before[i],
              (unsigned int) l->after[i]);
    if (l->now[i] != l->before[i]) as_after++;
    if (l->now[i] != l->after[i]) as_before++;
  }
  lab_check(
      l->any_between || l->between != 0 || as_before == 0 || as_after == 0,
      "half a change");
  /* Of two, the second may not have happened. */
  lab_check(done <= (l->between != 0) || as_before == 0,
            "what was acknowledged is lost");
  l->entries = there;
}


/* One block for each entry, and those for buckets. */
static void verify_blocks(struct lab* l, const struct uvshm__map* map) {
  uint64_t levels = 0;
  uint32_t i;

  for (i = 0; i < UVSHM__MAP_LEVELS; i++)
    if (uvshm__a64_load_relaxed(&map->shards[0].more[i]) != 0) levels++;
  lab_check(
      world_blocks(&l->world) == l->blocks + levels + uvshm__map_count(map),
      "%d blocks are too many",
      (int) (world_blocks(&l->world) - l->blocks - levels -
             uvshm__map_count(map)));
}


static void verify_iteration(struct lab* l, const struct uvshm__map* map) {
  struct uvshm__map_cursor cursor;
  struct uvshm__map_value key;
  struct uvshm__map_value value;
  unsigned char seen[KEYS] = {0};
  uint32_t number = 0;
  uint32_t count = 0;

  memset(&cursor, 0, sizeof(cursor));
  memset(&key, 0, sizeof(key));
  memset(&value, 0, sizeof(value));
  key.bytes = &number;
  key.room = sizeof(number);
  while (uvshm__map_next(map, 0, &cursor, &key, &value) == 0) {
    lab_check(number < KEYS && !seen[number] && l->now[number] != ABSENT,
              "key %u comes twice, or is not there",
              (unsigned int) number);
    seen[number] = 1;
    count++;
  }
  lab_check(count == l->entries, "%u of %u entries came", count, l->entries);
}


/* Fill, go through, drain. */
static void verify_life(struct lab* l) {
  struct uvshm__map map = view(l, WORLD_SECOND);
  struct uvshm__lane lane;
  uint64_t count;
  uint32_t i;

  world_ok(uvshm__lane_claim(world_core(&l->world, WORLD_SECOND), &lane),
           "lane");
  for (i = 0; i < KEYS; i += 3)
    world_ok(put(&lane, &map, i, i + 100, UVSHM__MAP_ALWAYS), "put");
  for (i = 0; i < KEYS; i += 3)
    lab_check(get(&map, i) == i + 100, "what was put is not there");
  world_ok(uvshm__map_clear(&lane, &map, 0, &count), "clear");
  lab_check(uvshm__map_count(&map) == 0, "it is not empty");
  uvshm__lane_exit(&lane);
  verify_blocks(l, &map);
}


/* Of a full heap no more can be asked. */
static void verify_full(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__map map;

  world_verify(&l->world);
  map = view(l, WORLD_SECOND);
  verify_content(l, &map, done);
  verify_blocks(l, &map);
  verify_iteration(l, &map);
}


static void verify(void* world, uint32_t done) {
  verify_full(world, done);
  verify_life(world);
}


/* The map is there with all that it had, or nothing of it is. */
static void verify_removed(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);

  world_verify(&l->world);
  if (uvshm__directory_find(core, "map", 3, &ref) == 0) {
    lab_check(done == 0, "it is still there");
    verify(world, 0);
    world_ok(uvshm__directory_remove(core, "map", 3), "remove");
    uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER),
                           l->ref.index);
  }
  uvshm__directory_settle(core, l->ref.index);
  lab_check(world_blocks(&l->world) == l->blocks - 1,
            "%d blocks are left",
            (int) (world_blocks(&l->world) - l->blocks + 1));
}


static void verify_brief(void* world, uint32_t done) {
  struct lab* l = world;

  (void) uvshm__directory_remove(
      world_core(&l->world, WORLD_SECOND), "brief", 5);
  verify(world, done);
}


/* Meanwhile, without a lock: each key as before or as after. */
static void read_keys(void* world) {
  struct lab* l = world;
  static const uint32_t numbers[] = {0, 7, 14, 40};
  uint32_t value;
  uint32_t i;

  for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    value = get(&l->map, numbers[i]);
    lab_check(is_expected(l, numbers[i], value),
              "a reader gets %u for key %u",
              (unsigned int) value,
              (unsigned int) numbers[i]);
  }
}


/* Those that are there all the time. */
static void read_all(void* world) {
  struct lab* l = world;
  uint32_t i;

  for (i = 0; i < l->entries; i++)
    lab_check(get(&l->map, i) == l->before[i], "a reader misses key %u", i);
}


#define CASE(name, start, run, is_well, read)                                  \
 WORLD_CASE(name, &lab, start, run, is_well, read)

CASE(put_into_an_empty_map, build_empty, op_put, verify, read_keys)
CASE(put_that_makes_a_block, build_growing, op_put, verify, read_keys)
CASE(put_that_splits, build_splitting, op_put, verify, read_all)
CASE(put_replaces, build_replace, op_replace, verify, read_keys)
CASE(put_fills_a_node_again,
     build_replace_twice,
     op_replace_twice,
     verify_full,
     read_keys)
CASE(replace_if, build_replace, op_replace_if, verify, read_keys)
CASE(remove_a_key, build_remove, op_remove, verify, read_keys)
CASE(take_a_key, build_remove, op_take, verify, read_keys)
CASE(refused_changes, build_replace_none, op_refused, verify, read_keys)
CASE(add_to_a_counter, build_add, op_add, verify, read_keys)
CASE(add_makes_a_counter, build_add_new, op_add_new, verify, read_keys)
CASE(clear_the_map, build_clear, op_clear, verify, read_keys)
CASE(expire_and_drop, build_expire, op_expire_and_drop, verify, NULL)
CASE(full_heap, build_full, op_full, verify_full, read_keys)
CASE(make_a_map, build_make, op_make_map, verify_brief, read_keys)
CASE(remove_the_map, build_remove_map, op_remove_map, verify_removed, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(put_into_an_empty_map),
      cmocka_unit_test(put_that_makes_a_block),
      cmocka_unit_test(put_that_splits),
      cmocka_unit_test(put_replaces),
      cmocka_unit_test(put_fills_a_node_again),
      cmocka_unit_test(replace_if),
      cmocka_unit_test(remove_a_key),
      cmocka_unit_test(take_a_key),
      cmocka_unit_test(refused_changes),
      cmocka_unit_test(add_to_a_counter),
      cmocka_unit_test(add_makes_a_counter),
      cmocka_unit_test(clear_the_map),
      cmocka_unit_test(expire_and_drop),
      cmocka_unit_test(full_heap),
      cmocka_unit_test(make_a_map),
      cmocka_unit_test(remove_the_map),
  };

  return cmocka_run_group_tests_name("crash-map", tests, NULL, NULL);
}
