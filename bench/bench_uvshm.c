/* SPDX-License-Identifier: MIT */

/* Ours, by the public calls alone. */

#include "bench.h"

#include "uvshm.h"

#include <stdio.h>
#include <string.h>

static uvshm_mutex_t* kept_mutex; /* so that it outlives the children */
static uvshm_mutex_t* mutex;
static uvshm_sem_t* sem;
static uvshm_segment_t* segment;


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}

/* ---- mutex --------------------------------------------------------------- */

static int mutex_prepare(void) {
  return uvshm_mutex_open(&kept_mutex, NULL, bench_name("mutex"), NULL);
}


static int mutex_open(void) {
  return uvshm_mutex_open(&mutex, NULL, bench_name("mutex"), NULL);
}


static void mutex_run(uint64_t count) {
  while (count-- > 0) {
    if (uvshm_mutex_lock(mutex, UVSHM_FOREVER) != 0) must(-1, "lock");
    bench_ground->counter = bench_ground->counter + 1;
    uvshm_mutex_unlock(mutex);
  }
}


static void mutex_turn(uint64_t count, uint32_t me) {
  while (count-- > 0) {
    if (uvshm_mutex_lock(mutex, UVSHM_FOREVER) != 0) must(-1, "lock");
    bench_critical(me);
    uvshm_mutex_unlock(mutex);
  }
}


static void mutex_close(void) {
  uvshm_mutex_close(mutex);
}


static void mutex_finish(void) {
  uvshm_mutex_close(kept_mutex);
}

/* ---- segment ------------------------------------------------------------- */

static int segment_prepare(void) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  if (bench_room > BENCH_OBJECT_SIZE) options.max_size = bench_room;
  return uvshm_segment_open(&segment, bench_name("segment"), &options);
}


static void segment_open_close(uint64_t count) {
  const char* name = bench_name("segment");
  uvshm_segment_t* again;

  while (count-- > 0) {
    must(uvshm_segment_open(&again, name, NULL), "open");
    uvshm_segment_close(again);
  }
}


static void segment_finish(void) {
  uvshm_segment_close(segment);
}


/* The last one out unlinks. */
static void segment_create_unlink(uint64_t count) {
  const char* name = bench_name("new");
  uvshm_segment_options_t options;
  uvshm_segment_t* fresh;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  while (count-- > 0) {
    must(uvshm_segment_open(&fresh, name, &options), "create");
    uvshm_segment_close(fresh);
  }
}

/* ---- sem ----------------------------------------------------------------- */

static int sem_prepare(void) {
  return uvshm_sem_open(&sem, NULL, bench_name("sem"), NULL);
}


static void sem_notify(uint64_t count) {
  while (count-- > 0)
    if (uvshm_sem_post(sem, 1) != 0) must(-1, "post");
}


static void sem_run(uint64_t count) {
  while (count-- > 0) {
    if (uvshm_sem_post(sem, 1) != 0) must(-1, "post");
    if (uvshm_sem_wait(sem, UVSHM_FOREVER) != 0) must(-1, "wait");
  }
}


static void sem_finish(void) {
  uvshm_sem_close(sem);
}


const struct bench_side* bench_uvshm(enum bench_what what) {
  static const struct bench_side sides[] = {
      [BENCH_MUTEX] = {"uvshm",
                       mutex_prepare,
                       mutex_open,
                       mutex_run,
                       mutex_turn,
                       mutex_close,
                       mutex_finish,
                       0},
      [BENCH_SEGMENT_OPEN] = {"uvshm",
                              segment_prepare,
                              NULL,
                              segment_open_close,
                              NULL,
                              NULL,
                              segment_finish,
                              0},
      [BENCH_SEGMENT_CREATE] =
          {"uvshm", NULL, NULL, segment_create_unlink, NULL, NULL, NULL, 0},
      [BENCH_NOTIFY] =
          {"uvshm", sem_prepare, NULL, sem_notify, NULL, NULL, sem_finish, 0},
      [BENCH_SEM] = {
          "uvshm", sem_prepare, NULL, sem_run, NULL, NULL, sem_finish, 0}};

  switch (what) {
    case BENCH_HEAP_LIFO:
    case BENCH_HEAP_MIXED:
      return bench_uvshm_heap(what);
    case BENCH_MAP_GET:
    case BENCH_MAP_PUT:
    case BENCH_MAP_BESIDE:
      return bench_uvshm_map(what);
    case BENCH_TXN:
      return bench_uvshm_txn(what);
    default:
      if (what == BENCH_LOOP) return bench_uvshm_loop();
      if (what >= BENCH_RWLOCK_READ) return bench_uvshm_locks(what);
      if (what >= BENCH_CELL_WRITE) return bench_uvshm_cell(what);
      return what >= BENCH_STREAM ? bench_uvshm_channel(what) : &sides[what];
  }
}


const struct bench_side* bench_alone(enum bench_what what) {
  static struct bench_side side;

  side = *bench_uvshm(what == BENCH_MAP_BESIDE ? BENCH_MAP_GET : what);
  side.name = "one process";
  side.alone = 1;
  return &side;
}
