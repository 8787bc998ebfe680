/* SPDX-License-Identifier: MIT */

/* The robust mutex of the C library: PTHREAD_PROCESS_SHARED and _ROBUST. */

#include "bench.h"

#include <pthread.h>


static pthread_mutex_t* mutex(void) {
  return (pthread_mutex_t*) (void*) bench_ground->room;
}


static int prepare(void) {
  pthread_mutexattr_t attributes;
  int err = pthread_mutexattr_init(&attributes);

  if (err == 0)
    err = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (err == 0)
    err = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (err == 0) err = pthread_mutex_init(mutex(), &attributes);
  return -err;
}


static void run(uint64_t count) {
  pthread_mutex_t* at = mutex();

  while (count-- > 0) {
    if (pthread_mutex_lock(at) != 0) bench_fail("pthread robust", "lock", 0);
    bench_ground->counter = bench_ground->counter + 1;
    pthread_mutex_unlock(at);
  }
}


static void turn(uint64_t count, uint32_t me) {
  pthread_mutex_t* at = mutex();

  while (count-- > 0) {
    if (pthread_mutex_lock(at) != 0) bench_fail("pthread robust", "lock", 0);
    bench_critical(me);
    pthread_mutex_unlock(at);
  }
}


static void finish(void) {
  pthread_mutex_destroy(mutex());
}


const struct bench_side* bench_pthread(enum bench_what what) {
  static const struct bench_side side = {
      "pthread robust", prepare, NULL, run, turn, NULL, finish, 0};

  return what == BENCH_MUTEX ? &side : bench_pthread_locks(what);
}
