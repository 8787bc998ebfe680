/* SPDX-License-Identifier: MIT */

/* Our heap. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"

#include <stdio.h>

static uvshm_segment_t* kept; /* so that it outlives the children */
static uvshm_segment_t* segment;
static struct load_heap load;


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static int prepare(void) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = LOAD_HEAP_SIZE;
  return uvshm_segment_open(&kept, bench_name("heap"), &options);
}


static int open_it(void) {
  memset(&load, 0, sizeof(load));
  load.random = UINT64_C(88172645463325252);
  return uvshm_segment_open(&segment, bench_name("heap"), NULL);
}


static void lifo(uint64_t count) {
  void* block;

  while (count-- > 0) {
    must(uvshm_heap_alloc(segment, &block, 64, 0), "alloc");
    *(volatile char*) block = 1;
    must(uvshm_heap_free(segment, block), "free");
  }
}


static void mixed(uint64_t count) {
  uint64_t random;
  void** block;

  while (count-- > 0) {
    random = load_random(&load.random);
    block = &load.blocks[random % LOAD_BLOCKS];
    must(uvshm_heap_free(segment, *block), "free");
    must(uvshm_heap_alloc(segment, block, load_size(random), 0), "alloc");
    *(volatile char*) *block = 1;
  }
}


static void mixed_turn(uint64_t count, uint32_t me) {
  (void) me;
  mixed(count);
}


/* Private blocks go with the process. */
static void close_it(void) {
  uvshm_segment_close(segment);
}


static void finish(void) {
  uvshm_segment_close(kept);
}


const struct bench_side* bench_uvshm_heap(enum bench_what what) {
  static const struct bench_side stack = {
      "uvshm", prepare, open_it, lifo, NULL, close_it, finish, 0};
  static const struct bench_side random = {
      "uvshm", prepare, open_it, mixed, mixed_turn, close_it, finish, 0};

  return what == BENCH_HEAP_LIFO ? &stack : &random;
}
