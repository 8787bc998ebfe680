/* SPDX-License-Identifier: MIT */

/* Our rwlock and cond, and those of the C library. */

#include "bench.h"

#include "uvshm.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static uvshm_segment_t* kept; /* so that it outlives the children */
static uvshm_segment_t* segment;
static uvshm_rwlock_t* rwlock;
static uvshm_mutex_t* mutex;
static uvshm_cond_t* cond;


static void must(int code, const char* what) {
  if (code == 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static int prepare(void) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  return uvshm_segment_open(&kept, bench_name("locks"), &options);
}


static int open_it(void) {
  int err = uvshm_segment_open(&segment, bench_name("locks"), NULL);

  if (err >= 0) err = uvshm_rwlock_open(&rwlock, segment, "rwlock", NULL);
  if (err >= 0) err = uvshm_mutex_open(&mutex, segment, "mutex", NULL);
  if (err >= 0) err = uvshm_cond_open(&cond, segment, "cond", NULL);
  return err;
}


static void close_it(void) {
  uvshm_cond_close(cond);
  uvshm_mutex_close(mutex);
  uvshm_rwlock_close(rwlock);
  uvshm_segment_close(segment);
}


static void finish(void) {
  uvshm_segment_close(kept);
}


static void read_run(uint64_t count) {
  while (count-- > 0) {
    must(uvshm_rwlock_rdlock(rwlock, UVSHM_FOREVER), "rdlock");
    must(uvshm_rwlock_unlock(rwlock), "unlock");
  }
}


static void signal_run(uint64_t count) {
  while (count-- > 0) must(uvshm_cond_signal(cond), "signal");
}


/* In turn, so that each waits for the other: the second process begins. */
static void trip(uint64_t count, uint32_t me) {
  struct bench_ground* ground = bench_ground;

  while (count-- > 0) {
    must(uvshm_mutex_lock(mutex, UVSHM_FOREVER), "lock");
    while (ground->counter % 2 == (me == 2))
      must(uvshm_cond_wait(cond, mutex, UVSHM_FOREVER), "wait");
    ground->counter = ground->counter + 1;
    uvshm_mutex_unlock(mutex);
    must(uvshm_cond_signal(cond), "signal");
  }
}

#define ROWS (BENCH_COND_TRIP - BENCH_RWLOCK_READ + 1)


const struct bench_side* bench_uvshm_locks(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {
      {"uvshm", prepare, open_it, read_run, NULL, close_it, finish, 0},
      {"uvshm", prepare, open_it, signal_run, NULL, close_it, finish, 0},
      {"uvshm", prepare, open_it, NULL, trip, close_it, finish, 0}};

  return &sides[what - BENCH_RWLOCK_READ];
}

/* ---- pthread, PTHREAD_PROCESS_SHARED ------------------------------------- */

struct theirs {
  pthread_rwlock_t rwlock;
  pthread_mutex_t mutex;
  pthread_cond_t cond;
};


static struct theirs* theirs(void) {
  return (struct theirs*) (void*) bench_ground->room;
}


static int their_prepare(void) {
  struct theirs* at = theirs();
  pthread_rwlockattr_t for_rwlock;
  pthread_mutexattr_t for_mutex;
  pthread_condattr_t for_cond;

  _Static_assert(sizeof(*at) <= sizeof(bench_ground->room), "it fits");
  pthread_rwlockattr_init(&for_rwlock);
  pthread_mutexattr_init(&for_mutex);
  pthread_condattr_init(&for_cond);
  pthread_rwlockattr_setpshared(&for_rwlock, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&for_mutex, PTHREAD_MUTEX_ROBUST);
  pthread_condattr_setpshared(&for_cond, PTHREAD_PROCESS_SHARED);
  if (pthread_rwlock_init(&at->rwlock, &for_rwlock) != 0 ||
      pthread_mutex_init(&at->mutex, &for_mutex) != 0)
    return -1;
  return -pthread_cond_init(&at->cond, &for_cond);
}


static void their_must(int code) {
  if (code != 0) bench_fail("pthread", "a lock", code);
}


static void their_read_run(uint64_t count) {
  while (count-- > 0) {
    their_must(pthread_rwlock_rdlock(&theirs()->rwlock));
    their_must(pthread_rwlock_unlock(&theirs()->rwlock));
  }
}


static void their_signal_run(uint64_t count) {
  while (count-- > 0) their_must(pthread_cond_signal(&theirs()->cond));
}


static void their_trip(uint64_t count, uint32_t me) {
  struct bench_ground* ground = bench_ground;
  struct theirs* at = theirs();

  while (count-- > 0) {
    their_must(pthread_mutex_lock(&at->mutex));
    while (ground->counter % 2 == (me == 2))
      their_must(pthread_cond_wait(&at->cond, &at->mutex));
    ground->counter = ground->counter + 1;
    their_must(pthread_mutex_unlock(&at->mutex));
    their_must(pthread_cond_signal(&at->cond));
  }
}


const struct bench_side* bench_pthread_locks(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {
      {"pthread", their_prepare, NULL, their_read_run, NULL, NULL, NULL, 0},
      {"pthread", their_prepare, NULL, their_signal_run, NULL, NULL, NULL, 0},
      {"pthread", their_prepare, NULL, NULL, their_trip, NULL, NULL, 0}};

  return what < BENCH_RWLOCK_READ || what > BENCH_COND_TRIP
             ? NULL
             : &sides[what - BENCH_RWLOCK_READ];
}
