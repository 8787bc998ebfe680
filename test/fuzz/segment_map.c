/* SPDX-License-Identifier: MIT */

/* Calls of maps. */

#include "fuzz/segment.h"

#include <string.h>

#define KEYS 12u
#define VALUE_MAX 300u

/* More than there can be. */
#define ENTRIES_MAX 64u


static void open_map(struct fuzz_segment* world, struct fuzz_input* input) {
  static const char* const names[] = {"map", "map", "root", "new"};
  uvshm_map_options_t options;

  memset(&options, 0, sizeof(options));
  options.wait_ms = 1;
  options.shards = 1;
  uvshm_map_close(world->map);
  world->map = NULL;
  (void) !uvshm_map_open(
      &world->map, world->segment, names[fuzz_u8(input) % 4], &options);
}


static const char* key_of(struct fuzz_input* input) {
  static const char keys[KEYS + 1] = "abcdefghijkl";

  return &keys[fuzz_u8(input) % KEYS];
}


static void get(struct fuzz_segment* world, struct fuzz_input* input) {
  const char* key = key_of(input);
  unsigned char bytes[VALUE_MAX];
  uint64_t version;
  size_t size = fuzz_u16(input) % (VALUE_MAX + 1);
  void* copy;

  if (world->map == NULL) return;
  (void) !uvshm_map_get(world->map, key, 1, bytes, &size, &version);
  (void) !uvshm_map_contains(world->map, key, 1);
  if (uvshm_map_get_copy(world->map, key, 1, &copy, &size, NULL) == 0)
    uvshm_map_free(copy);
}


static void put(struct fuzz_segment* world, struct fuzz_input* input) {
  static const unsigned char bytes[VALUE_MAX];
  const char* key = key_of(input);
  size_t size = fuzz_u16(input) % (VALUE_MAX + 1);
  uint64_t version = fuzz_u8(input);

  if (world->map == NULL) return;
  switch (fuzz_u8(input) % 4) {
    case 0:
      (void) !uvshm_map_put_if_absent(world->map, key, 1, bytes, size);
      break;
    case 1:
      (void) !uvshm_map_replace_if(world->map, key, 1, bytes, size, &version);
      break;
    default:
      (void) !uvshm_map_put(world->map, key, 1, bytes, size);
  }
}


static void change(struct fuzz_segment* world, struct fuzz_input* input) {
  const char* key = key_of(input);
  unsigned char bytes[VALUE_MAX];
  size_t size = sizeof(bytes);
  uint64_t number = fuzz_u8(input);
  int64_t sum;

  if (world->map == NULL) return;
  switch (fuzz_u8(input) % 7) {
    case 0:
      (void) !uvshm_map_remove(world->map, key, 1);
      break;
    case 1:
      (void) !uvshm_map_take(world->map, key, 1, bytes, &size);
      break;
    case 2:
      (void) !uvshm_map_add(world->map, key, 1, (int64_t) number, &sum);
      break;
    case 3:
      (void) !uvshm_map_expire(world->map, key, 1, number % 3);
      break;
    case 4:
      (void) !uvshm_map_sweep(world->map, &number);
      break;
    case 5:
      (void) !uvshm_map_clear(world->map);
      break;
    default:
      (void) !uvshm_map_wait_change(
          world->map, number & 1 ? key : NULL, number & 1, &number, 0);
  }
}


static void walk(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  unsigned char key[VALUE_MAX];
  unsigned char value[VALUE_MAX];
  size_t key_size;
  size_t size;
  uint32_t i;

  if (world->map == NULL) return;
  if (fuzz_u8(input) & 1) {
    cursor.opaque[0] = fuzz_number(input);
    cursor.opaque[1] = fuzz_number(input);
  }
  for (i = 0; i < ENTRIES_MAX; i++) {
    key_size = sizeof(key);
    size = sizeof(value);
    if (uvshm_map_next(world->map, &cursor, key, &key_size, value, &size) < 0)
      return;
  }
}


static void look(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_map_info_t info;

  (void) input;
  if (world->map != NULL) (void) !uvshm_map_info(world->map, &info);
}


static void unlink_map(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) !uvshm_map_unlink(
      world->segment, fuzz_u8(input) & 1 ? "map" : "new", 0);
}

static const fuzz_segment_op ops[] = {
    open_map,
    open_map,
    get,
    put,
    put,
    put,
    change,
    change,
    walk,
    look,
    unlink_map,
};

const struct fuzz_segment_table fuzz_segment_map = {
    ops, sizeof(ops) / sizeof(ops[0])};
