/* SPDX-License-Identifier: MIT */

/* uvshm_bench [--json FILE] [--pairs N] [--only TEXT]
 * uvshm_bench --growth FILE
 * uvshm_bench --curves FILE [--pairs N]
 *
 * Each row is one measurement against one opponent: N pairs, in turn first
 * ours, then theirs, and the other way round. */

#include "bench.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS 7u
#define PAIRS_MAX 101u
#define CONTEST_MS 60u
#define WORK 50u

/* A measurement: one side's value, in the unit of the row. Negative: none. */
struct discipline {
  const char* name;
  const char* unit;
  enum bench_what what;
  double (*measure)(const struct discipline* discipline,
                    const struct bench_side* side);
  uint64_t count; /* operations, or rounds of other work in between */
};

static unsigned int pairs = PAIRS;
static unsigned int disturbed; /* measurements of the present row */
static const char* only = "";


static double in_ns(const struct discipline* discipline,
                    const struct bench_side* side) {
  return bench_loop(side, discipline->count);
}


static double in_us(const struct discipline* discipline,
                    const struct bench_side* side) {
  double ns = bench_loop(side, discipline->count);

  return ns < 0 ? ns : ns / 1000;
}


static double in_us_small(const struct discipline* discipline,
                          const struct bench_side* side) {
  double us;

  bench_room = BENCH_OBJECT_SIZE;
  us = in_us(discipline, side);
  bench_room = BENCH_ROOM_SIZE;
  return us;
}


static struct bench_contest contend(const struct discipline* discipline,
                                    const struct bench_side* side) {
  struct bench_contest contest =
      bench_contend(side, CONTEST_MS, (uint32_t) discipline->count);

  if (contest.disturbed) disturbed++;
  return contest;
}


static double locks(const struct discipline* discipline,
                    const struct bench_side* side) {
  return contend(discipline, side).locks;
}


static double handoffs(const struct discipline* discipline,
                       const struct bench_side* side) {
  return contend(discipline, side).handoffs;
}


static double crowd(const struct discipline* discipline,
                    const struct bench_side* side) {
  int busy = 0;
  double rate = bench_crowd(
      side, CONTEST_MS, discipline->what == BENCH_MAP_BESIDE, &busy);

  if (busy) disturbed++;
  return rate;
}


static double pass(const struct discipline* discipline,
                   const struct bench_side* side) {
  int busy = 0;
  int asleep =
      discipline->what == BENCH_TRIP_SLEEP || discipline->what == BENCH_LOOP;
  double ns = bench_pass(side, CONTEST_MS, asleep, &busy);

  if (busy) disturbed++;
  return ns;
}


static double messages(const struct discipline* discipline,
                       const struct bench_side* side) {
  double ns = pass(discipline, side);

  return ns <= 0 ? -1 : 1e3 / ns;
}


/* The list in docs/benchmarks.md. */
static const struct discipline disciplines[] = {
    {"mutex uncontended", "ns", BENCH_MUTEX, in_ns, 3000000},
    {"mutex contended 2 processes", "M/s", BENCH_MUTEX, locks, 0},
    {"segment open close", "us", BENCH_SEGMENT_OPEN, in_us, 3000},
    {"segment open close 192K", "us", BENCH_SEGMENT_OPEN, in_us_small, 3000},
    {"segment create unlink", "us", BENCH_SEGMENT_CREATE, in_us, 500},
    {"notify nobody waiting", "ns", BENCH_NOTIFY, in_ns, 3000000},
    {"mutex handoffs 2 processes", "M/s", BENCH_MUTEX, handoffs, 0},
    {"mutex 2 processes, work between", "M/s", BENCH_MUTEX, locks, WORK},
    {"sem uncontended", "ns", BENCH_SEM, in_ns, 3000000},
    {"heap lifo 64", "ns", BENCH_HEAP_LIFO, in_ns, 2000000},
    {"heap mixed", "ns", BENCH_HEAP_MIXED, in_ns, 1000000},
    {"heap 2 processes", "M/s", BENCH_HEAP_MIXED, crowd, 0},
    {"map get", "ns", BENCH_MAP_GET, in_ns, 2000000},
    {"map put", "ns", BENCH_MAP_PUT, in_ns, 500000},
    {"map get 2 processes", "M/s", BENCH_MAP_GET, crowd, 0},
    {"map get beside writer", "M/s", BENCH_MAP_BESIDE, crowd, 0},
    {"txn 64", "ns", BENCH_TXN, in_ns, 1000000},
    {"stream 64", "M/s", BENCH_STREAM, messages, 0},
    {"stream 64 batched", "M/s", BENCH_STREAM_BATCH, messages, 0},
    {"stream 4096", "M/s", BENCH_STREAM_4K, messages, 0},
    {"stream 1M", "M/s", BENCH_STREAM_1M, messages, 0},
    {"loan 1M", "M/s", BENCH_LOAN_1M, messages, 0},
    {"queue 64", "M/s", BENCH_QUEUE, messages, 0},
    {"topic 64", "M/s", BENCH_TOPIC, messages, 0},
    {"round trip polling", "ns", BENCH_TRIP_POLL, pass, 0},
    {"round trip blocking", "ns", BENCH_TRIP_BLOCK, pass, 0},
    {"round trip sleeping", "ns", BENCH_TRIP_SLEEP, pass, 0},
    {"loop callback", "ns", BENCH_LOOP, pass, 0},
    {"cell write 64", "ns", BENCH_CELL_WRITE, in_ns, 2000000},
    {"cell read 64", "ns", BENCH_CELL_READ, in_ns, 2000000},
    {"cell write 1M", "us", BENCH_CELL_WRITE_1M, in_us, 1000},
    {"cell read 1M", "us", BENCH_CELL_READ_1M, in_us, 1000},
    {"rwlock read uncontended", "ns", BENCH_RWLOCK_READ, in_ns, 2000000},
    {"cond nobody waiting", "ns", BENCH_COND_SIGNAL, in_ns, 3000000},
    {"cond round trip", "ns", BENCH_COND_TRIP, pass, 0}};

static const struct bench_side* (*const opponents[])(enum bench_what) = {
    bench_limit,
    bench_pthread,
    bench_boost,
    bench_apr,
    bench_lmdb,
    bench_pipe,
    bench_socket,
    bench_mq,
    bench_zmq,
    bench_eventfd};


static void compare(const struct discipline* discipline,
                    const struct bench_side* ours,
                    const struct bench_side* theirs) {
  double values[3][PAIRS_MAX];
  struct bench_row row = {discipline->name,
                          discipline->unit,
                          theirs->name,
                          values[0],
                          values[1],
                          values[2],
                          pairs,
                          0};
  unsigned int i;

  disturbed = 0;
  for (i = 0; i < pairs; i++) {
    if (i % 2 == 0) values[0][i] = discipline->measure(discipline, ours);
    values[1][i] = discipline->measure(discipline, theirs);
    if (i % 2 == 1) values[0][i] = discipline->measure(discipline, ours);
    values[2][i] = bench_calibrate();
    if (values[0][i] <= 0 || values[1][i] <= 0) {
      printf("%-34s %-15s cannot be had here\n", row.name, row.against);
      return;
    }
  }
  row.disturbed = disturbed;
  bench_report(&row);
}


static void enter(const struct discipline* discipline) {
  const struct bench_side* ours = bench_uvshm(discipline->what);
  const struct bench_side* theirs;
  size_t i;

  if (strstr(discipline->name, only) == NULL) return;
  for (i = 0; i < sizeof(opponents) / sizeof(opponents[0]); i++) {
    theirs = opponents[i](discipline->what);
    if (theirs != NULL) compare(discipline, ours, theirs);
  }
  if (discipline->measure == crowd)
    compare(discipline, ours, bench_alone(discipline->what));
}


static void usage(void) {
  fprintf(stderr,
          "usage: uvshm_bench [--json FILE] [--pairs N] [--only TEXT]\n"
          "       uvshm_bench --growth FILE\n"
          "       uvshm_bench --curves FILE [--pairs N]\n"
          "  --json FILE   write the rows there as well\n"
          "  --pairs N     measure N pairs for each row, 1 to %u (%u)\n"
          "  --only TEXT   only the measurements whose name has TEXT in it\n"
          "  --growth FILE what a put costs as a map grows to 10 million keys\n"
          "  --curves FILE streams by size of message, round trips in "
          "percentiles\n",
          PAIRS_MAX,
          PAIRS);
  exit(2);
}


int main(int argc, char** argv) {
  const char* json = NULL;
  const char* growth = NULL;
  const char* curves = NULL;
  size_t i;
  int at;

  for (at = 1; at < argc; at += 2) {
    if (at + 1 == argc) usage();
    if (strcmp(argv[at], "--json") == 0)
      json = argv[at + 1];
    else if (strcmp(argv[at], "--pairs") == 0)
      pairs = (unsigned int) strtoul(argv[at + 1], NULL, 10);
    else if (strcmp(argv[at], "--only") == 0)
      only = argv[at + 1];
    else if (strcmp(argv[at], "--growth") == 0)
      growth = argv[at + 1];
    else if (strcmp(argv[at], "--curves") == 0)
      curves = argv[at + 1];
    else
      usage();
  }
  if (pairs == 0 || pairs > PAIRS_MAX) usage();
  if (bench_ground_make() != 0) {
    perror("bench");
    return 1;
  }
  if (growth != NULL) return bench_growth(growth);
  if (curves != NULL) return bench_curves(curves, pairs);
  bench_report_begin(json);
  for (i = 0; i < sizeof(disciplines) / sizeof(disciplines[0]); i++)
    enter(&disciplines[i]);
  bench_memory(only);
  bench_memory_map(only);
  return bench_report_end();
}
