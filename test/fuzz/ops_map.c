/* SPDX-License-Identifier: MIT */

/* Every call of maps. */

#include "fuzz/fuzz.h"

#include "core/map.h"

#include <string.h>

#define KEYS 12u
#define VALUE_MAX 300u

/* Attached anew for each call, as an object that checks what it finds. */
static int attach(struct fuzz_world* world,
                  struct fuzz_input* input,
                  struct uvshm__map* map,
                  struct uvshm__map_key* key) {
  static const char keys[KEYS] = "abcdefghijkl";
  uint32_t which = fuzz_u8(input);

  if (uvshm__map_attach(fuzz_core_of(world, which >> 4), &world->map, map) < 0)
    return 0;
  map->patience_ms = 3;
  uvshm__map_hash(map, &keys[which % KEYS], 1, key);
  return 1;
}


static void get(struct fuzz_world* world, struct fuzz_input* input) {
  unsigned char bytes[VALUE_MAX];
  struct uvshm__map_value value;
  struct uvshm__map_key key;
  struct uvshm__map map;

  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = fuzz_u16(input) % (VALUE_MAX + 1);
  if (attach(world, input, &map, &key))
    (void) uvshm__map_get(&map, &key, 0, &value);
}


static void put(struct fuzz_world* world, struct fuzz_input* input) {
  static const unsigned char bytes[VALUE_MAX];
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  struct uvshm__map_key key;
  struct uvshm__map_put how;
  struct uvshm__map map;

  memset(&how, 0, sizeof(how));
  how.bytes = bytes;
  how.size = fuzz_u16(input) % (VALUE_MAX + 1);
  how.ttl_ms = fuzz_u8(input) % 8;
  how.mode = (enum uvshm__map_mode)(fuzz_u8(input) % 3);
  how.version = fuzz_u8(input);
  if (lane != NULL && attach(world, input, &map, &key))
    (void) uvshm__map_put(lane, &map, &key, &how);
}


static void change(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  unsigned char bytes[VALUE_MAX];
  uint32_t what = fuzz_u8(input);
  struct uvshm__map_value value;
  struct uvshm__map_key key;
  struct uvshm__map map;
  uint64_t count;
  int64_t sum;

  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = sizeof(bytes);
  if (lane == NULL || !attach(world, input, &map, &key)) return;
  switch (what % 6) {
    case 0:
      (void) uvshm__map_remove(lane, &map, &key, what & 0x80 ? &value : NULL);
      break;
    case 1:
      (void) uvshm__map_add(lane, &map, &key, what, &sum);
      break;
    case 2:
      (void) uvshm__map_expire(lane, &map, &key, what >> 3);
      break;
    case 3:
      uvshm__map_drop(lane, &map, &key);
      break;
    case 4:
      (void) uvshm__map_clear(lane, &map, what & 0x80, &count);
      break;
    default:
      count = what;
      (void) uvshm__map_wait(lane, &map, &key, 3, &count);
  }
}


static void walk(struct fuzz_world* world, struct fuzz_input* input) {
  unsigned char bytes[2][VALUE_MAX];
  struct uvshm__map_cursor cursor;
  struct uvshm__map_value values[2];
  struct uvshm__map_key key;
  struct uvshm__map map;
  uint32_t i;

  if (!attach(world, input, &map, &key)) return;
  cursor.at = fuzz_u8(input) & 1 ? fuzz_u64(input) : 0;
  cursor.tie = fuzz_u8(input);
  cursor.shard = fuzz_u8(input) & 1 ? fuzz_u32(input) : 0;
  for (i = 0; i < 64; i++) {
    memset(values, 0, sizeof(values));
    values[0].bytes = bytes[0];
    values[1].bytes = bytes[1];
    values[0].room = values[1].room = VALUE_MAX;
    if (uvshm__map_next(&map, 0, &cursor, &values[0], &values[1]) < 0) break;
  }
  (void) uvshm__map_count(&map);
  (void) uvshm__map_changes(&map);
}


static void check(struct fuzz_world* world, struct fuzz_input* input) {
  (void) uvshm__map_check(fuzz_core_of(world, fuzz_u8(input)), &world->map);
}

static const fuzz_op ops[] = {get, put, put, put, put, change, walk, check};

const struct fuzz_table fuzz_map = {ops, sizeof(ops) / sizeof(ops[0])};
