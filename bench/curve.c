/* SPDX-License-Identifier: MIT */

/* What a table cannot show: how fast streams are by size of message, and how
 * round trips are distributed. The times of all round trips are kept and
 * sorted, so that percentiles are what they say. A look at the clock is in
 * each. */

#include "bench.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include <sys/mman.h>

#define RATE_MS 60u
#define POLLED 100000u
#define BLOCKED 20000u
#define REPEATS_MAX 101u

static const size_t sizes[] = {
    8, 64, 256, 1024, 4096, 16384, 65536, 262144, LOAD_MESSAGE_MAX};

static const struct bench_side* (*const sides[])(enum bench_what) = {
    bench_uvshm,
    bench_limit,
    bench_boost,
    bench_pipe,
    bench_socket,
    bench_mq,
    bench_zmq};

#define SIDES (sizeof(sides) / sizeof(sides[0]))

static FILE* file;
static const char* comma; /* before the next entry */


static int by_size(const void* a, const void* b) {
  double x = *(const double*) a;
  double y = *(const double*) b;

  return x < y ? -1 : x > y;
}


static int by_time(const void* a, const void* b) {
  uint32_t x = *(const uint32_t*) a;
  uint32_t y = *(const uint32_t*) b;

  return x < y ? -1 : x > y;
}

/* ---- rates --------------------------------------------------------------- */

static void rate(const struct bench_side* side,
                 size_t size,
                 unsigned int repeats) {
  double rates[REPEATS_MAX];
  double line = bench_calibrate();
  double ns;
  unsigned int disturbed = 0;
  unsigned int i;
  int busy = 0;

  for (i = 0; i < repeats; i++) {
    ns = bench_pass(side, RATE_MS, 0, &busy);
    if (ns <= 0) return;
    rates[i] = 1e3 / ns;
    if (busy) disturbed++;
  }
  qsort(rates, repeats, sizeof(rates[0]), by_size);
  printf("%-12s %8zu bytes %10.4g M/s %10.4g MB/s\n",
         side->name,
         size,
         rates[repeats / 2],
         rates[repeats / 2] * (double) size);
  fflush(stdout);
  fprintf(file,
          "%s\n  {\"side\": \"%s\", \"size\": %zu, \"median\": %.6g, "
          "\"min\": %.6g, \"max\": %.6g, \"unit\": \"M/s\", "
          "\"calibration_ns\": %.4g, \"disturbed\": %u}",
          comma,
          side->name,
          size,
          rates[repeats / 2],
          rates[0],
          rates[repeats - 1],
          line,
          disturbed);
  comma = ",";
}


static void all_rates(unsigned int repeats) {
  const struct bench_side* side;
  size_t i;
  size_t j;

  comma = "";
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    load_size_of_stream = sizes[i];
    for (j = 0; j < SIDES; j++) {
      side = sides[j](BENCH_STREAM);
      if (side != NULL) rate(side, sizes[i], repeats);
    }
  }
  load_size_of_stream = 0;
}

/* ---- round trips --------------------------------------------------------- */

/* The smallest time that `part` of all are not above. */
static uint32_t percentile(uint64_t count, double part) {
  uint64_t rank = (uint64_t) (part * (double) count + 0.9999999);

  return load_trips_ns[rank > count ? count - 1 : rank == 0 ? 0 : rank - 1];
}


static void trips(const struct bench_side* side,
                  const char* how,
                  uint64_t count) {
  double line = bench_calibrate();
  int disturbed = 0;

  if (bench_trips(side, count, &disturbed) != 0) return;
  qsort(load_trips_ns, (size_t) count, sizeof(load_trips_ns[0]), by_time);
  printf("%-12s %-8s p50 %u, p90 %u, p99 %u, p99.9 %u ns\n",
         side->name,
         how,
         (unsigned int) percentile(count, 0.5),
         (unsigned int) percentile(count, 0.9),
         (unsigned int) percentile(count, 0.99),
         (unsigned int) percentile(count, 0.999));
  fflush(stdout);
  fprintf(file,
          "%s\n  {\"side\": \"%s\", \"how\": \"%s\", \"samples\": %u, "
          "\"unit\": \"ns\", \"p50\": %u, \"p90\": %u, \"p99\": %u, "
          "\"p99.9\": %u, \"max\": %u, \"calibration_ns\": %.4g, "
          "\"disturbed\": %d}",
          comma,
          side->name,
          how,
          (unsigned int) count,
          (unsigned int) percentile(count, 0.5),
          (unsigned int) percentile(count, 0.9),
          (unsigned int) percentile(count, 0.99),
          (unsigned int) percentile(count, 0.999),
          (unsigned int) load_trips_ns[count - 1],
          line,
          disturbed);
  comma = ",";
}


static void all_trips(void) {
  const struct bench_side* side;
  size_t i;

  comma = "";
  load_trips_ns = mmap(NULL,
                       POLLED * sizeof(load_trips_ns[0]),
                       PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                       -1,
                       0);
  if (load_trips_ns == MAP_FAILED) bench_fail("bench", "memory", 0);
  for (i = 0; i < SIDES; i++) {
    side = sides[i](BENCH_TRIP_POLL);
    if (side != NULL) trips(side, "polling", POLLED);
  }
  for (i = 0; i < SIDES; i++) {
    side = sides[i](BENCH_TRIP_BLOCK);
    if (side != NULL) trips(side, "blocking", BLOCKED);
  }
  munmap(load_trips_ns, POLLED * sizeof(load_trips_ns[0]));
  load_trips_ns = NULL;
}


int bench_curves(const char* json, unsigned int repeats) {
  file = fopen(json, "w");
  if (file == NULL) {
    perror(json);
    return 1;
  }
  fprintf(file, "{\"throughput\": [");
  all_rates(repeats);
  fprintf(file, "\n],\n\"latency\": [");
  all_trips();
  fprintf(file, "\n]}\n");
  if (ferror(file) != 0 || fclose(file) != 0) {
    perror(json);
    return 1;
  }
  return 0;
}
