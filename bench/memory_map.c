/* SPDX-License-Identifier: MIT */

/* What heap and map take beside the caller's bytes, whether memory that was
 * given back can be had again, and what a put costs as a map grows. */

#include "bench.h"
#include "load.h"
#include "memory.h"

#include "uvshm.h"

#include <stdio.h>
#include <stdlib.h>

/* What is promised (heap.h, map.h). */
#define PROMISED_BOOKKEEPING 4.0 /* per cent of what is committed */
#define PROMISED_ENTRY 64.0      /* bytes beyond key and value, rounded up */

#define ROUNDS 100u
#define GROWTH_KEYS 10000000u
#define GROWTH_MAX (UINT64_C(4) << 30)

static uvshm_segment_t* segment;
static uvshm_map_t* map;


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static void row(const char* name,
                const char* unit,
                double ours,
                double promised) {
  double line = bench_calibrate();
  struct bench_row row = {name, unit, "promise", &ours, &promised, &line, 1, 0};

  bench_report(&row);
}


static void open_map(uint64_t size, uint64_t max_size) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = size;
  options.max_size = max_size;
  must(uvshm_segment_open(&segment, bench_name("fill"), &options), "open");
  must(uvshm_map_open(&map, segment, "map", NULL), "open");
}


static void close_map(void) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
}


static int put(uint64_t number, size_t size) {
  static const unsigned char value[4096];
  uint64_t key = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

  return uvshm_map_put(map, &key, sizeof(key), value, size);
}


static uvshm_heap_info_t heap(void) {
  uvshm_heap_info_t info;

  must(uvshm_heap_info(segment, &info), "info");
  return info;
}

/* ---- what they take ------------------------------------------------------ */

static void footprint(void) {
  uvshm_segment_info_t info;
  uint64_t before;
  uint64_t i;

  open_map(1 << 20, LOAD_MAP_SIZE);
  before = heap().used;
  for (i = 0; i < LOAD_KEYS; i++) must(put(i, LOAD_VALUE), "put");
  must(uvshm_segment_info(segment, &info), "info");
  row("heap bookkeeping",
      "%",
      100.0 * (double) heap().bookkeeping / (double) info.region.committed_size,
      PROMISED_BOOKKEEPING);
  /* Key and value of 72 bytes are 128 when rounded up. */
  row("map entry beyond key and value",
      "bytes",
      (double) (heap().used - before) / LOAD_KEYS - 128,
      PROMISED_ENTRY);
  close_map();
}


/* How many of the entries that fitted the first time fit after the memory was
 * filled and emptied with random sizes again and again. */
static void fill_and_empty(void) {
  uint64_t random = UINT64_C(88172645463325252);
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t i;
  uint32_t round;

  open_map(8 << 20, 8 << 20);
  while (put(first, 1000) == 0) first++;
  must(uvshm_map_clear(map), "clear");
  for (round = 0; round < ROUNDS; round++) {
    i = 0;
    while (put(i, load_random(&random) % 4096) == 0) i++;
    must(uvshm_map_clear(map), "clear");
  }
  while (last < first && put(last, 1000) == 0) last++;
  row("map fits again after 100 fillings",
      "%",
      100.0 * (double) last / (double) first,
      100);
  close_map();
}


void bench_memory_map(const char* only) {
  if (strstr("heap bookkeeping, map entry", only) != NULL) footprint();
  if (strstr("map fits again after 100 fillings", only) != NULL)
    fill_and_empty();
}

/* ---- growth -------------------------------------------------------------- */

/* Nanoseconds of a put of a new key, for each doubling of the entries. */
int bench_growth(const char* path) {
  FILE* file = fopen(path, "w");
  uint64_t keys = 0;
  uint64_t to = 1000;
  uint64_t began;
  uint64_t from;
  double ns;

  if (file == NULL) {
    perror(path);
    return 1;
  }
  open_map(1 << 20, GROWTH_MAX);
  fprintf(file, "[\n");
  printf("%12s %14s\n", "keys", "ns for a put");
  for (; keys < GROWTH_KEYS; to *= 2) {
    if (to > GROWTH_KEYS) to = GROWTH_KEYS;
    from = keys;
    began = bench_cpu_ns();
    for (; keys < to; keys++) must(put(keys, LOAD_VALUE), "put");
    ns = (double) (bench_cpu_ns() - began) / (double) (to - from);
    printf("%12llu %14.1f\n", (unsigned long long) keys, ns);
    fflush(stdout);
    fprintf(file,
            "  {\"keys\": %llu, \"ns\": %.1f}%s\n",
            (unsigned long long) keys,
            ns,
            keys < GROWTH_KEYS ? "," : "");
  }
  fprintf(file, "]\n");
  close_map();
  return fclose(file) == 0 ? 0 : 1;
}
