/* SPDX-License-Identifier: MIT */

#include "bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Few, so that most of the tries are over before anybody is evicted; the best
 * one counts. */
#define TRIPS 2000u
#define WARM_UP 200u
#define TRIES 5u

size_t bench_room = BENCH_ROOM_SIZE;
struct bench_ground* bench_ground;

static cpu_set_t allowed;


int bench_ground_make(void) {
  void* at = mmap(NULL,
                  sizeof(struct bench_ground),
                  PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                  -1,
                  0);

  if (at == MAP_FAILED) return -1;
  bench_ground = at;
  return sched_getaffinity(0, sizeof(allowed), &allowed);
}


const char* bench_name(const char* stem) {
  static char names[8][64];
  static unsigned int count;
  static int pid; /* of the first process, in its children too */
  char* name = names[count++ % 8];

  if (pid == 0) pid = (int) getpid();
  snprintf(name, sizeof(names[0]), "bench-%d-%s", pid, stem);
  return name;
}


void bench_fail(const char* side, const char* what, int code) {
  fprintf(stderr, "bench: %s: %s failed: %d\n", side, what, code);
  _exit(1);
}


static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;

  clock_gettime(clock, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}


uint64_t bench_now_ns(void) {
  return clock_ns(CLOCK_MONOTONIC);
}


void bench_rest(uint64_t ns) {
  uint64_t until = bench_now_ns() + ns;

  while (bench_now_ns() < until) continue;
}


uint64_t bench_cpu_ns(void) {
  return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}


int bench_pin(uint32_t index) {
  cpu_set_t set;
  size_t cpu;

  for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || index-- != 0) continue;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set);
  }
  return -1;
}

/* ---- calibration --------------------------------------------------------- */

/* Wait for `word` to become `value`. Does not pause, so that nothing is
 * measured but the line. 0: the other one seems to get no processor at all. */
static int await(volatile uint32_t* word, uint32_t value) {
  uint32_t looks;

  for (looks = 0; looks < 1000000000u; looks++)
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return 1;
  return 0;
}


static void answer(volatile uint32_t* word) {
  uint32_t i;

  for (i = 0; i < (TRIPS + WARM_UP) * TRIES; i++) {
    if (!await(word, 2 * i + 1)) return;
    __atomic_store_n(word, 2 * i + 2, __ATOMIC_RELEASE);
  }
}


static double ask(volatile uint32_t* word) {
  double best = 0;
  double ns;
  uint64_t began = 0;
  uint32_t i;

  for (i = 0; i < (TRIPS + WARM_UP) * TRIES; i++) {
    if (i % (TRIPS + WARM_UP) == WARM_UP) began = bench_now_ns();
    __atomic_store_n(word, 2 * i + 1, __ATOMIC_RELEASE);
    if (!await(word, 2 * i + 2)) return best;
    if ((i + 1) % (TRIPS + WARM_UP) != 0) continue;
    ns = (double) (bench_now_ns() - began) / TRIPS;
    if (best <= 0 || ns < best) best = ns;
  }
  return best;
}


double bench_calibrate(void) {
  volatile uint32_t* word = &bench_ground->go;
  double ns;
  pid_t pid;

  if (CPU_COUNT(&allowed) < 2) return 0;
  *word = 0;
  fflush(stdout);
  /* The child must not begin on the processor that we spin on. */
  bench_pin(1);
  pid = fork();
  if (pid < 0) return 0;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer(word);
    _exit(0);
  }
  bench_pin(0);
  ns = ask(word);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return ns;
}
