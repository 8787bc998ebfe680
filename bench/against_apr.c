/* SPDX-License-Identifier: MIT */

/* The Apache Portable Runtime: its global mutex as it chooses it by default,
 * and its named shared memory. */

#include "bench.h"

#include <apr_general.h>
#include <apr_global_mutex.h>
#include <apr_pools.h>
#include <apr_shm.h>
#include <stdio.h>
#include <unistd.h>

static apr_pool_t* pool;
static apr_global_mutex_t* mutex;
static apr_shm_t* kept;
static char path[128];


static void must(apr_status_t status, const char* what) {
  if (status != APR_SUCCESS) bench_fail("APR", what, status);
}


static int prepare_pool(void) {
  static int begun;

  if (!begun && apr_initialize() != APR_SUCCESS) return -1;
  begun = 1;
  snprintf(path, sizeof(path), "/tmp/%s", bench_name("apr"));
  return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}


static int mutex_prepare(void) {
  if (prepare_pool() < 0) return -1;
  if (apr_global_mutex_create(&mutex, path, APR_LOCK_DEFAULT, pool) ==
      APR_SUCCESS)
    return 0;
  apr_pool_destroy(pool);
  return -1;
}


/* In a forked child; in the process that made it, it does no harm. */
static int mutex_open(void) {
  return apr_global_mutex_child_init(&mutex, path, pool) == APR_SUCCESS ? 0
                                                                        : -1;
}


static void mutex_run(uint64_t count) {
  while (count-- > 0) {
    must(apr_global_mutex_lock(mutex), "lock");
    bench_ground->counter = bench_ground->counter + 1;
    apr_global_mutex_unlock(mutex);
  }
}


static void mutex_turn(uint64_t count, uint32_t me) {
  while (count-- > 0) {
    must(apr_global_mutex_lock(mutex), "lock");
    bench_critical(me);
    apr_global_mutex_unlock(mutex);
  }
}


static void finish(void) {
  apr_pool_destroy(pool);
  unlink(path);
}


static int segment_prepare(void) {
  if (prepare_pool() < 0) return -1;
  return apr_shm_create(&kept, bench_room, path, pool) == APR_SUCCESS ? 0 : -1;
}


static void segment_open_close(uint64_t count) {
  apr_pool_t* scratch;
  apr_shm_t* again;

  apr_pool_create(&scratch, NULL);
  while (count-- > 0) {
    must(apr_shm_attach(&again, path, scratch), "attach");
    *(volatile char*) apr_shm_baseaddr_get(again) = 1;
    must(apr_shm_detach(again), "detach");
    apr_pool_clear(scratch);
  }
  apr_pool_destroy(scratch);
}


static void segment_finish(void) {
  apr_shm_destroy(kept);
  finish();
}


static void segment_create_unlink(uint64_t count) {
  apr_pool_t* scratch;
  apr_shm_t* made;

  apr_pool_create(&scratch, NULL);
  while (count-- > 0) {
    must(apr_shm_create(&made, BENCH_OBJECT_SIZE, path, scratch), "create");
    *(volatile char*) apr_shm_baseaddr_get(made) = 1;
    must(apr_shm_destroy(made), "destroy");
    apr_pool_clear(scratch);
  }
  apr_pool_destroy(scratch);
}


const struct bench_side* bench_apr(enum bench_what what) {
  static const struct bench_side mutexes = {
      "APR", mutex_prepare, mutex_open, mutex_run, mutex_turn, NULL, finish, 0};
  static const struct bench_side opened = {"APR",
                                           segment_prepare,
                                           NULL,
                                           segment_open_close,
                                           NULL,
                                           NULL,
                                           segment_finish,
                                           0};
  static const struct bench_side created = {
      "APR", prepare_pool, NULL, segment_create_unlink, NULL, NULL, finish, 0};

  switch (what) {
    case BENCH_MUTEX:
      return &mutexes;
    case BENCH_SEGMENT_OPEN:
      return &opened;
    case BENCH_SEGMENT_CREATE:
      return &created;
    default:
      return NULL;
  }
}
