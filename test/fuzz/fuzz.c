/* SPDX-License-Identifier: MIT */

#include "fuzz/fuzz.h"

#include "core/heap.h"
#include "core/map.h"
#include "core/sem.h"
#include "uvshm/name.h"

#include <stdlib.h>
#include <string.h>

/* Damage first. */
static const struct fuzz_table* const tables[] = {&fuzz_damage,
                                                  &fuzz_core,
                                                  &fuzz_heap,
                                                  &fuzz_txn,
                                                  &fuzz_map,
                                                  &fuzz_channel,
                                                  &fuzz_cell,
                                                  &fuzz_death};

/* Of the heap: a part of the first zone at first, some zones at last. */
#define SIZE 393216u
#define MAX_SIZE 655360u

/* Sleeps after which what is waited for comes. */
#define WAITS_MAX 100u

/* Of each mutex, for transactions. */
#define LOG_SIZE 256u

#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* These call other tables. */
#define CALLERS 1

uint32_t fuzz_only;

static struct fuzz_world world;

/* As they were at the beginning. */
static struct fuzz_world first;
static unsigned char* first_memory;

/* ---- input --------------------------------------------------------------- */

uint32_t fuzz_u8(struct fuzz_input* input) {
  return input->at < input->end ? *input->at++ : 0;
}


uint32_t fuzz_u16(struct fuzz_input* input) {
  uint32_t low = fuzz_u8(input);

  return low | fuzz_u8(input) << 8;
}


uint32_t fuzz_u32(struct fuzz_input* input) {
  uint32_t low = fuzz_u16(input);

  return low | fuzz_u16(input) << 16;
}


uint64_t fuzz_u64(struct fuzz_input* input) {
  uint64_t low = fuzz_u32(input);

  return low | (uint64_t) fuzz_u32(input) << 32;
}


uint64_t fuzz_number(struct fuzz_input* input) {
  uint32_t kind = fuzz_u8(input);

  switch (kind % 8) {
    case 0:
      return 0;
    case 1:
      return UINT64_MAX - fuzz_u8(input);
    case 2:
      return UINT64_C(1) << (kind >> 3) << (kind & 1 ? 31 : 0);
    case 3:
      return world.fake.memory_size - fuzz_u8(input);
    case 4:
      return fuzz_u64(input);
    case 5:
      return fuzz_u32(input) % world.fake.memory_size;
    default:
      return fuzz_u16(input);
  }
}

/* ---- the world ----------------------------------------------------------- */

/* Nobody sleeps; time passes by being asked for. A lock word may name a live
 * peer that never took the lock. Nobody can know, and who waits for ever waits
 * until that one gives it back, or ends. So in the end it does. */
static int env_wait(void* arg,
                    const uvshm__a32_t* word,
                    uint32_t value,
                    uint32_t lane,
                    uint32_t timeout_ms) {
  (void) arg;
  (void) value;
  (void) lane;
  world.clock_ms += timeout_ms;
  if (++world.waits % WAITS_MAX == 0)
    uvshm__a32_store_release((uvshm__a32_t*) word, 0);
  return UV_ETIMEDOUT;
}


static void env_wake(void* arg,
                     const uvshm__a32_t* word,
                     uint32_t lane,
                     uint32_t count) {
  (void) arg;
  (void) word;
  (void) lane;
  (void) count;
}


static uint64_t env_now_ms(void* arg) {
  (void) arg;
  return world.clock_ms++;
}


struct uvshm__core* fuzz_core_of(struct fuzz_world* w, uint32_t peer) {
  if (fuzz_only != 0) peer = fuzz_only - 1;
  return &w->fake.peers[peer % FUZZ_PEERS].core;
}


struct uvshm__lane* fuzz_lane(struct fuzz_world* w, uint32_t peer) {
  if (fuzz_only != 0) peer = fuzz_only - 1;
  peer %= FUZZ_PEERS;
  return w->lane_claimed[peer] ? &w->lanes[peer] : NULL;
}


static void make_named(const char* name,
                       uint32_t type,
                       struct uvshm__directory_ref* ref) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__lane* lane = &world.lanes[0];
  struct uvshm__lock* lock = (struct uvshm__lock*) (void*) body;
  struct uvshm__directory_spec spec;
  int made;

  memset(&spec, 0, sizeof(spec));
  if (type == UVSHM__TYPE_MUTEX) {
    if (uvshm__heap_alloc(
            lane, LOG_SIZE, 0, uvshm__heap_me(lane->core), &spec.blocks[0]) < 0)
      abort();
    uvshm__lock_format(lock, 0);
    lock->undo.value = uvshm__txn_undo(spec.blocks[0], LOG_SIZE);
  }
  spec.name = name;
  spec.name_size = (uint32_t) strlen(name);
  spec.type = type;
  spec.body = body;
  if (type == UVSHM__TYPE_SEM) uvshm__sem_format((struct uvshm__sem*) body, 3);
  if (uvshm__directory_make(lane, &spec, 0, ref, &made) < 0) abort();
  if (uvshm__directory_open(fuzz_core_of(&world, 0), ref) < 0) abort();
}


/* One shard, and so many entries that a put may split a bucket. */
static void make_map(void) {
  static const uint64_t seed[2] = {1, 2};
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__lane* lane = &world.lanes[0];
  struct uvshm__directory_spec spec;
  struct uvshm__map_put put;
  struct uvshm__map_key key;
  struct uvshm__map map;
  int made;
  char name;

  memset(&spec, 0, sizeof(spec));
  memset(&put, 0, sizeof(put));
  spec.name = "map";
  spec.name_size = 3;
  spec.type = UVSHM__TYPE_MAP;
  spec.body = body;
  if (uvshm__map_format(lane,
                        0,
                        seed,
                        (struct uvshm__map_hdr*) (void*) body,
                        &spec.blocks[0]) < 0)
    abort();
  world.shards = spec.blocks[0];
  if (uvshm__directory_make(lane, &spec, 0, &world.map, &made) < 0) abort();
  if (uvshm__directory_open(lane->core, &world.map) < 0) abort();
  if (uvshm__map_attach(lane->core, &world.map, &map) < 0) abort();
  put.bytes = "value";
  put.size = 5;
  for (name = 'a'; name < 'g'; name++) {
    uvshm__map_hash(&map, &name, 1, &key);
    if (uvshm__map_put(lane, &map, &key, &put) < 0) abort();
  }
}


static void make_world(void) {
  static const char* const names[FUZZ_MUTEXES] = {"a", "bb", "ccc"};
  uint32_t i;

  fake_make_sized(&world.fake, UVSHM_KIND_SEGMENT, SIZE, MAX_SIZE);
  world.fake.env.wait = env_wait;
  world.fake.env.wake = env_wake;
  world.fake.env.now_ms = env_now_ms;
  for (i = 0; i < FUZZ_PEERS; i++) {
    fake_join(&world.fake, i);
    if (uvshm__lane_claim(fuzz_core_of(&world, i), &world.lanes[i]) < 0)
      abort();
    world.lane_claimed[i] = 1;
  }
  for (i = 0; i < FUZZ_MUTEXES; i++)
    make_named(names[i], UVSHM__TYPE_MUTEX, &world.mutexes[i]);
  make_named("units", UVSHM__TYPE_SEM, &world.sem);
  make_map();
  fuzz_make_channels(&world);
  fuzz_make_cell(&world);
  first = world;
  first_memory = malloc((size_t) world.fake.memory_size);
  if (first_memory == NULL) abort();
  memcpy(first_memory, world.fake.memory, (size_t) world.fake.memory_size);
}


struct fuzz_world* fuzz_world(void) {
  if (first_memory == NULL) make_world();
  return &world;
}


void fuzz_reset(void) {
  (void) fuzz_world();
  world = first;
  memcpy(world.fake.memory, first_memory, (size_t) world.fake.memory_size);
}

/* ---- running ------------------------------------------------------------- */

static void call(const struct fuzz_table* table, struct fuzz_input* input) {
  table->ops[fuzz_u8(input) % table->count](&world, input);
}


void fuzz_run(const uint8_t* bytes, size_t size, uint32_t commands) {
  struct fuzz_input input = {bytes, bytes + size};
  uint32_t i;

  fuzz_reset();
  for (i = 0; i < commands && input.at < input.end && !world.is_over; i++)
    call(tables[fuzz_u8(&input) % TABLES], &input);
}


void fuzz_call(struct fuzz_input* input) {
  call(tables[1 + fuzz_u8(input) % (TABLES - 1 - CALLERS)], input);
}
