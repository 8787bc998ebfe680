/* SPDX-License-Identifier: MIT */

/* The parts of `uvshm bench`: what is measured, with whom, and how it is told.
 */

#ifndef UVSHM_TOOL_BENCH_H_
#define UVSHM_TOOL_BENCH_H_

#include "args.h"
#include "spawn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uvshm.h>

#define BENCH_ROUNDS_MAX 99
#define BENCH_GROUPS 4
#define BENCH_PEERS 6

/* What the processes of one benchmark have in common, found by name in one
 * segment, which lives as long as they do. */
struct bench_place {
  char* name;
  uvshm_segment_t* segment;
  uvshm_mutex_t* lock;   /* both processes want it */
  uvshm_event_t* locks;  /* set: now */
  uvshm_map_t* map;      /* read here, written there */
  uvshm_event_t* writes; /* set: now */
  uvshm_channel_t* here; /* a topic whose end tells the others to end */
};

struct bench {
  struct bench_place place;
  uv_loop_t loop;
  struct signals signals;
  struct child peers[BENCH_PEERS];
  int interrupted; /* a signal */

  /* Of this process alone. */
  uv_mutex_t ordinary;
  uvshm_mutex_t* free_lock;
  uvshm_mutex_t* log_lock;
  uvshm_rwlock_t* rwlock;
  uvshm_ref_t* words; /* for transactions */
  uvshm_channel_t* stream;
  uvshm_channel_t* large;
  uvshm_channel_t* queue;
  uvshm_channel_t* ping;
  uvshm_channel_t* pong;
  unsigned char* noise;
};

/* One thing that is measured. */
struct bench_case {
  const char* group;
  const char* name;
  const char* id;  /* in JSON: "mutex_alone" */
  uint64_t bytes;  /* moved by each operation; 0: that is not the point */
  bool comparison; /* not uvshm, but what one would take instead */
  int (*run)(struct bench* bench, uint64_t count); /* 0 or a UV_E code */
  void (*begin)(struct bench* bench); /* before and after, not timed; or NULL */
  void (*end)(struct bench* bench);
};

extern const struct bench_case bench_cases[]; /* ends with name NULL */

/* What it took, a round each, in ns for one operation. Sorted. */
struct bench_result {
  const struct bench_case* what;
  uint64_t count; /* operations of one round */
  int rounds;
  double ns[BENCH_ROUNDS_MAX];
};

struct bench_calibration {
  double clock_ns; /* one look at the clock */
  double loop_ns;  /* a thousand steps of arithmetic, the median */
  double spread;   /* of those: (largest - smallest) / median */
  double copy_ns;  /* memcpy() of 1 MiB */
  unsigned int processors;
  char* system;
  char* processor;
};

/* On stderr: so many of all rounds are done. */
void bench_tell_progress(uint64_t done, uint64_t all, uint64_t began_ns);

double bench_median(const struct bench_result* result);

/* bench_peer.c: the segment, and the other processes. 0 or a UV_E code; the
 * library knows why. */
int bench_place_open(struct bench_place* place, const char* name, bool make);
void bench_place_close(struct bench_place* place);
int bench_start_peers(struct bench* bench);
void bench_end_peers(struct bench* bench);

/* bench_set_up.c: what this process needs. */
int bench_set_up(struct bench* bench);
void bench_tear_down(struct bench* bench);

/* bench_tell.c: tables, plots, JSON, SVG. */
void bench_tell_calibration(const struct bench_calibration* found);
void bench_tell(const struct bench_result* results, int count);
void bench_tell_json(const struct bench_calibration* found,
                     const struct bench_result* results,
                     int count);

/* bench_svg.c: 0 or a UV_E code. */
int bench_write_svg(const char* path,
                    const struct bench_calibration* found,
                    const struct bench_result* results,
                    int count);

/* 18 ns, 1.2 us, 3.4 ms; room as in text.h. */
void bench_time(char* text, double ns);

/* 0 to 1 on the axis of the plots, which is logarithmic: from 1 ns to 1 ms. */
#define BENCH_DECADES 6
double bench_place_of(double ns);

#endif /* UVSHM_TOOL_BENCH_H_ */
