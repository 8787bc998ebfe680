/* SPDX-License-Identifier: MIT */

/* Both kinds of measurement do the same for every side: the same counts, the
 * same processors, a warm-up that is not counted, one side at a time. */

#include "bench.h"
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* How many locks between two looks at the clock of the parent. */
#define TURNS 16u

/* In a contest; a kernel thread passes by now and then. */
#define EVICTIONS 4u
#define TRIES 8u

/* Messages before those that count: connections are made, pages are touched. */
#define WARM_UP 64u


/* Sides and sizes whose speed is remembered. */
#define LEARNED 256u

/* Seconds after which a process that passes messages is said to hang. */
#define PATIENCE 120u


static void clear_ground(void) {
  memset(bench_ground, 0, sizeof(*bench_ground));
}


static int begin(const struct bench_side* side) {
  clear_ground();
  return side->prepare != NULL ? side->prepare() : 0;
}


static void end(const struct bench_side* side) {
  if (side->finish != NULL) side->finish();
}


double bench_loop(const struct bench_side* side, uint64_t count) {
  uint64_t began;
  double ns;

  bench_pin(0);
  if (begin(side) < 0) return -1;
  if (side->open != NULL && side->open() < 0) {
    end(side);
    return -1;
  }
  side->run(count / 8 + 1);
  began = bench_cpu_ns();
  side->run(count);
  ns = (double) (bench_cpu_ns() - began) / (double) count;
  if (side->close != NULL) side->close();
  end(side);
  return ns;
}

/* ---- two processes ------------------------------------------------------- */

static void work_for(uint32_t rounds) {
  volatile uint32_t i;

  for (i = 0; i < rounds; i++) continue;
}


static uint64_t evictions(void) {
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t) usage.ru_nivcsw;
}


static void contestant(const struct bench_side* side,
                       uint32_t me,
                       uint32_t work) {
  struct bench_ground* ground = bench_ground;
  uint64_t done = 0;
  uint64_t evicted;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bench_pin(me);
  if (side->open != NULL && side->open() < 0) {
    ground->failed = 1;
    _exit(1);
  }
  if (!side->alone || me == 0) side->turn(TURNS, me + 1);
  __atomic_add_fetch(&ground->done[me], 1, __ATOMIC_RELEASE); /* ready */
  while (!__atomic_load_n(&ground->go, __ATOMIC_ACQUIRE)) usleep(100);
  evicted = evictions();
  while (!__atomic_load_n(&ground->stop, __ATOMIC_ACQUIRE)) {
    if (side->alone && me == 1) {
      usleep(1000);
    } else if (work == 0) {
      side->turn(TURNS, me + 1);
      done += TURNS;
    } else {
      side->turn(1, me + 1);
      done++;
      work_for(work);
    }
  }
  ground->evicted[me] = evictions() - evicted;
  ground->done[me] = done;
  if (side->close != NULL) side->close();
  _exit(0);
}


static void sleep_ms(uint32_t ms) {
  struct timespec left = {ms / 1000, (long) (ms % 1000) * 1000000};

  nanosleep(&left, NULL);
}


static int both_ready(void) {
  uint32_t tries;

  for (tries = 0; tries < 5000; tries++) {
    if (bench_ground->failed) return 0;
    if (__atomic_load_n(&bench_ground->done[0], __ATOMIC_ACQUIRE) != 0 &&
        __atomic_load_n(&bench_ground->done[1], __ATOMIC_ACQUIRE) != 0)
      return 1;
    sleep_ms(1);
  }
  return 0;
}


/* The children are both ready: let them go, for how many microseconds. */
static double let_go(uint32_t ms, const pid_t* pids) {
  struct bench_ground* ground = bench_ground;
  uint64_t began = bench_now_ns();
  double us;

  __atomic_store_n(&ground->go, 1, __ATOMIC_RELEASE);
  sleep_ms(ms);
  __atomic_store_n(&ground->stop, 1, __ATOMIC_RELEASE);
  us = (double) (bench_now_ns() - began) / 1e3;
  waitpid(pids[0], NULL, 0);
  waitpid(pids[1], NULL, 0);
  return us;
}


/* Both children's work in `bench_ground`. Microseconds; negative: it cannot be
 * had. What the warm-up did stands in `before`. */
static double two_processes(const struct bench_side* side,
                            uint32_t ms,
                            uint32_t work,
                            uint64_t before[2]) {
  double us = -1;
  pid_t pids[2];
  uint32_t i;

  if (side->turn == NULL || begin(side) < 0) return -1;
  fflush(stdout);
  for (i = 0; i < 2; i++) {
    bench_pin(i); /* where the child begins */
    pids[i] = fork();
    if (pids[i] == 0) contestant(side, i, work);
  }
  if (pids[0] > 0 && pids[1] > 0 && both_ready()) {
    before[0] = bench_ground->counter;
    before[1] = bench_ground->handoffs;
    us = let_go(ms, pids);
  } else {
    for (i = 0; i < 2; i++)
      if (pids[i] > 0 && kill(pids[i], SIGKILL) == 0) waitpid(pids[i], NULL, 0);
  }
  end(side);
  return us;
}


static int was_disturbed(void) {
  return bench_ground->evicted[0] + bench_ground->evicted[1] > EVICTIONS;
}


static struct bench_contest contend_once(const struct bench_side* side,
                                         uint32_t ms,
                                         uint32_t work) {
  struct bench_ground* ground = bench_ground;
  struct bench_contest result = {-1, -1, 0};
  uint64_t before[2];
  double us = two_processes(side, ms, work, before);

  if (us < 0) return result;
  if (ground->counter - before[0] != ground->done[0] + ground->done[1])
    bench_fail("a lock", "mutual exclusion", 0);
  result.locks = (double) (ground->counter - before[0]) / us;
  result.handoffs = (double) (ground->handoffs - before[1]) / us;
  result.disturbed = was_disturbed();
  return result;
}


double bench_crowd(const struct bench_side* side,
                   uint32_t ms,
                   int first,
                   int* disturbed) {
  uint64_t before[2];
  uint32_t tries = 0;
  uint64_t done;
  double us;

  do {
    us = two_processes(side, ms, 0, before);
    if (us < 0) return us;
    *disturbed = was_disturbed();
  } while (*disturbed && ++tries < TRIES);
  done = bench_ground->done[0] + (first ? 0 : bench_ground->done[1]);
  return (double) done / us;
}


/* ---- messages ------------------------------------------------------------ */

static void messenger(const struct bench_side* side,
                      uint32_t me,
                      uint64_t count) {
  struct bench_ground* ground = bench_ground;
  uint64_t evicted;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(PATIENCE);
  bench_pin(me);
  if (side->open != NULL && side->open() < 0) {
    ground->failed = 1;
    _exit(1);
  }
  side->turn(WARM_UP, me + 1);
  __atomic_add_fetch(&ground->done[me], 1, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&ground->go, __ATOMIC_ACQUIRE)) usleep(100);
  evicted = evictions();
  side->turn(count, me + 1);
  if (me == 0) ground->ended_ns = bench_now_ns();
  ground->evicted[me] = evictions() - evicted;
  if (side->close != NULL) side->close();
  _exit(0);
}


/* Nanoseconds for all of `count` messages. */
static double pass_once(const struct bench_side* side,
                        uint64_t count,
                        int asleep) {
  struct bench_ground* ground = bench_ground;
  uint64_t began = 0;
  double ns = -1;
  pid_t pids[2];
  uint32_t i;

  if (side->turn == NULL || begin(side) < 0) return -1;
  fflush(stdout);
  for (i = 0; i < 2; i++) {
    bench_pin(i);
    pids[i] = fork();
    if (pids[i] == 0) messenger(side, i, count);
  }
  if (pids[0] > 0 && pids[1] > 0 && both_ready()) {
    ground->waited_ns = 0;
    began = bench_now_ns();
    __atomic_store_n(&ground->go, 1, __ATOMIC_RELEASE);
  } else {
    for (i = 0; i < 2; i++)
      if (pids[i] > 0) kill(pids[i], SIGKILL);
  }
  for (i = 0; i < 2; i++)
    if (pids[i] > 0) waitpid(pids[i], NULL, 0);
  if (ground->ended_ns > began)
    ns = asleep ? (double) ground->waited_ns
                : (double) (ground->ended_ns - began);
  end(side);
  return ns;
}


/* How many messages a side passes in `ms` milliseconds, learned once for each
 * size. */
static uint64_t count_for(const struct bench_side* side, uint32_t ms) {
  static struct {
    const struct bench_side* side;
    size_t size;
    uint64_t count;
  } learned[LEARNED];
  uint64_t count = 256;
  double ns;
  size_t i;

  for (i = 0; i < LEARNED - 1 && learned[i].side != NULL; i++)
    if (learned[i].side == side && learned[i].size == load_size_of_stream)
      return learned[i].count;
  for (;;) {
    ns = pass_once(side, count, 0);
    if (ns < 0) return 0;
    if (ns > ms * 1e6 / 8) break;
    count *= 8;
  }
  learned[i].side = side;
  learned[i].size = load_size_of_stream;
  learned[i].count = (uint64_t) ((double) count * (ms * 1e6 / ns)) + 1;
  return learned[i].count;
}


double bench_pass(const struct bench_side* side,
                  uint32_t ms,
                  int asleep,
                  int* disturbed) {
  uint64_t count = count_for(side, ms);
  uint32_t tries = 0;
  double ns;

  if (count == 0) return -1;
  do {
    ns = pass_once(side, count, asleep);
    if (ns < 0) return ns;
    *disturbed = was_disturbed();
  } while (*disturbed && ++tries < TRIES);
  return ns / (double) count;
}


int bench_trips(const struct bench_side* side, uint64_t count, int* disturbed) {
  uint32_t tries = 0;

  do {
    if (pass_once(side, count, 0) < 0) return -1;
    *disturbed = was_disturbed();
  } while (*disturbed && ++tries < TRIES / 4);
  return 0;
}

/* ---- one lock ------------------------------------------------------------ */

struct bench_contest bench_contend(const struct bench_side* side,
                                   uint32_t ms,
                                   uint32_t work) {
  struct bench_contest result;
  uint32_t tries = 0;

  do result = contend_once(side, ms, work);
  while (result.disturbed && ++tries < TRIES);
  return result;
}
