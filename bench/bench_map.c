/* SPDX-License-Identifier: MIT */

/* Our map. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"

#include <stdio.h>

static uvshm_segment_t* kept; /* so that it outlives the children */
static uvshm_map_t* kept_map;
static uvshm_segment_t* segment;
static uvshm_map_t* map;
static uint64_t next;


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static void put_into(uvshm_map_t* into, uint64_t index) {
  unsigned char value[LOAD_VALUE];
  uint64_t key = load_key(index);

  load_value(value, key);
  must(uvshm_map_put(into, &key, sizeof(key), value, sizeof(value)), "put");
}


static int prepare(void) {
  uvshm_segment_options_t options;
  uint64_t i;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = LOAD_MAP_SIZE;
  err = uvshm_segment_open(&kept, bench_name("map"), &options);
  if (err == 0) err = uvshm_map_open(&kept_map, kept, "map", NULL);
  if (err < 0) return err;
  for (i = 0; i < LOAD_KEYS; i++) put_into(kept_map, i);
  return 0;
}


static int open_it(void) {
  int err = uvshm_segment_open(&segment, bench_name("map"), NULL);

  next = 0;
  return err < 0 ? err : uvshm_map_open(&map, segment, "map", NULL);
}


static void get(uint64_t count) {
  unsigned char value[LOAD_VALUE];
  uint64_t key;
  size_t size;

  while (count-- > 0) {
    key = load_key(next++);
    size = sizeof(value);
    must(uvshm_map_get(map, &key, sizeof(key), value, &size, NULL), "get");
    __asm__ volatile("" : : "r"(value) : "memory");
  }
}


static void put(uint64_t count) {
  while (count-- > 0) put_into(map, next++);
}


static void get_turn(uint64_t count, uint32_t me) {
  (void) me;
  get(count);
}


static void beside_turn(uint64_t count, uint32_t me) {
  if (me == 1)
    get(count);
  else
    put(count);
}


static void close_it(void) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
}


static void finish(void) {
  uvshm_map_close(kept_map);
  uvshm_segment_close(kept);
}


const struct bench_side* bench_uvshm_map(enum bench_what what) {
  static const struct bench_side gets = {
      "uvshm", prepare, open_it, get, get_turn, close_it, finish, 0};
  static const struct bench_side puts = {
      "uvshm", prepare, open_it, put, NULL, close_it, finish, 0};
  static const struct bench_side beside = {
      "uvshm", prepare, open_it, get, beside_turn, close_it, finish, 0};

  if (what == BENCH_MAP_GET) return &gets;
  return what == BENCH_MAP_PUT ? &puts : &beside;
}
