/* SPDX-License-Identifier: MIT */

/* Cells: 64 bytes and 1 MiB, by copy. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"

#include <stdio.h>
#include <stdlib.h>

static uvshm_cell_t* cell;
static size_t size;
static unsigned char value[LOAD_MESSAGE_MAX];


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static int prepare(size_t bytes) {
  uvshm_cell_options_t options;
  int err;

  size = bytes;
  memset(&options, 0, sizeof(options));
  options.size = bytes;
  err = uvshm_cell_open(&cell, NULL, bench_name("cell"), &options);
  return err < 0 ? err : uvshm_cell_write(cell, value, size);
}


static int small_prepare(void) {
  return prepare(64);
}


static int large_prepare(void) {
  return prepare(LOAD_MESSAGE_MAX);
}


static void write_all(uint64_t count) {
  while (count-- > 0) must(uvshm_cell_write(cell, value, size), "write");
}


static void read_all(uint64_t count) {
  size_t bytes;

  while (count-- > 0) {
    bytes = size;
    must(uvshm_cell_read(cell, value, &bytes, NULL), "read");
  }
}


static void finish(void) {
  uvshm_cell_close(cell);
}


const struct bench_side* bench_uvshm_cell(enum bench_what what) {
  static const struct bench_side sides[] = {
      {"uvshm", small_prepare, NULL, write_all, NULL, NULL, finish, 0},
      {"uvshm", small_prepare, NULL, read_all, NULL, NULL, finish, 0},
      {"uvshm", large_prepare, NULL, write_all, NULL, NULL, finish, 0},
      {"uvshm", large_prepare, NULL, read_all, NULL, NULL, finish, 0}};

  return &sides[what - BENCH_CELL_WRITE];
}

/* ---- the least ----------------------------------------------------------- */

/* One writer, who stores which of two buffers is the latest: a reader who is
 * slow sees it torn and looks again. Nothing is safe when the writer dies. */
struct least {
  uint64_t latest;
  unsigned char unused[56];
  unsigned char buffers[2][LOAD_MESSAGE_MAX];
};

static struct least* least;


static int least_small(void) {
  size = 64;
  least = calloc(1, sizeof(*least));
  return least == NULL ? -1 : 0;
}


static int least_large(void) {
  int err = least_small();

  size = LOAD_MESSAGE_MAX;
  return err;
}


static void least_write(uint64_t count) {
  uint64_t next;

  while (count-- > 0) {
    next = __atomic_load_n(&least->latest, __ATOMIC_RELAXED) + 1;
    memcpy(least->buffers[next % 2], value, size);
    __atomic_store_n(&least->latest, next, __ATOMIC_RELEASE);
  }
}


static void least_read(uint64_t count) {
  uint64_t seen;

  while (count-- > 0) {
    do {
      seen = __atomic_load_n(&least->latest, __ATOMIC_ACQUIRE);
      memcpy(value, least->buffers[seen % 2], size);
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&least->latest, __ATOMIC_RELAXED) != seen);
  }
}


static void least_finish(void) {
  free(least);
}


const struct bench_side* bench_limit_cell(enum bench_what what) {
  static const struct bench_side sides[] = {
      {"limit", least_small, NULL, least_write, NULL, NULL, least_finish, 0},
      {"limit", least_small, NULL, least_read, NULL, NULL, least_finish, 0},
      {"limit", least_large, NULL, least_write, NULL, NULL, least_finish, 0},
      {"limit", least_large, NULL, least_read, NULL, NULL, least_finish, 0}};

  return what < BENCH_CELL_WRITE || what > BENCH_CELL_READ_1M
             ? NULL
             : &sides[what - BENCH_CELL_WRITE];
}
