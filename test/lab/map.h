/* SPDX-License-Identifier: MIT */

/* A map on plain memory for crash tests: what each key says before an operation
 * and after it, and that it is one of the two, whenever somebody dies. */

#ifndef UVSHM_TEST_LAB_MAP_H_
#define UVSHM_TEST_LAB_MAP_H_

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


static inline struct uvshm__map view(struct lab* l, uint32_t slot) {
  struct uvshm__map map;

  world_ok(uvshm__map_attach(world_core(&l->world, slot), &l->ref, &map),
           "attach");
  return map;
}


static inline struct uvshm__map_key key_of(const struct uvshm__map* map,
                                           const uint32_t* number) {
  struct uvshm__map_key key;

  uvshm__map_hash(map, number, sizeof(*number), &key);
  return key;
}


/* Sizes differ from value to value. */
static inline uint32_t size_of(uint32_t value) {
  return 8 + value % 3 * 60;
}


/* ---- one key ------------------------------------------------------------- */

static inline int put(struct uvshm__lane* lane,
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


static inline int drop(struct uvshm__lane* lane,
                       const struct uvshm__map* map,
                       uint32_t number) {
  struct uvshm__map_key key = key_of(map, &number);

  return uvshm__map_remove(lane, map, &key, NULL);
}


/* What the key says; whole, or the check ends. */
static inline uint32_t get(const struct uvshm__map* map, uint32_t number) {
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

static inline void make_map(struct lab* l, uint32_t shard_bits) {
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
static inline void begin(struct lab* l, uint32_t count) {
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


static inline void ready(struct lab* l) {
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}

/* ---- afterwards ---------------------------------------------------------- */

static inline int is_expected(const struct lab* l,
                              uint32_t number,
                              uint32_t value) {
  return value == l->before[number] || value == l->after[number] ||
         (l->between != 0 && value == l->between &&
          l->before[number] != l->after[number]);
}


/* All as before, or all as after; or each. */
static inline void verify_content(struct lab* l,
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
static inline void verify_blocks(struct lab* l, const struct uvshm__map* map) {
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


static inline void verify_iteration(struct lab* l,
                                    const struct uvshm__map* map) {
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
static inline void verify_life(struct lab* l) {
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
static inline void verify_full(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__map map;

  world_verify(&l->world);
  map = view(l, WORLD_SECOND);
  verify_content(l, &map, done);
  verify_blocks(l, &map);
  verify_iteration(l, &map);
}


static inline void verify(void* world, uint32_t done) {
  verify_full(world, done);
  verify_life(world);
}


/* Meanwhile, without a lock: each key as before or as after. */
static inline void read_keys(void* world) {
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

#define CASE(name, start, run, is_well, read)                                  \
 WORLD_CASE(name, &lab, start, run, is_well, read)

#endif /* UVSHM_TEST_LAB_MAP_H_ */
