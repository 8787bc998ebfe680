/* SPDX-License-Identifier: MIT */

/* Four processes that use an rwlock, a condition variable with its mutex, an
 * event and a barrier, killed at any moment; each is followed by another one at
 * once. What must hold:
 *
 *   two words that writers change one after the other are equal for every
 *   reader, unless it is told that a writer died;
 *   nobody is beside a writer;
 *   a job that was taken had been given;
 *   an event that is set lets one wait pass, not two;
 *   of each two who pass the barrier together one is the last;
 *   nobody waits for the dead: every kind goes on.
 *
 *   UVSHM_KILLS=10000 build/test/stress-locks     the long one
 *   UVSHM_SEED=7                                  the same choices again
 */

#include "harness.h"

#include "base/atomic.h"
#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KILLS_DEFAULT 150u
#define WORKERS 4u
#define SLICE_MS 30u

enum kind {
  RWLOCK,
  COND,
  EVENT,
  BARRIER,
  KINDS
};

/* In a region that all have open. A worker that is killed between a step and
 * the note of it makes numbers one off, so what is noted first is what may be
 * too large. */
struct board {
  uvshm__a64_t first; /* under the rwlock */
  uvshm__a64_t second;
  uvshm__a64_t writers; /* inside just now */
  uvshm__a64_t jobs;    /* under the mutex */
  uvshm__a64_t sets;    /* of the event, noted before */
  uvshm__a64_t passed;  /* waits for it, noted after */
  uvshm__a64_t last;    /* of barrier rounds */
  uvshm__a64_t others;
  uvshm__a64_t done[KINDS];
  uvshm__a64_t stop;
};

struct locks {
  uvshm_segment_t* segment;
  uvshm_rwlock_t* rwlock;
  uvshm_mutex_t* mutex;
  uvshm_cond_t* cond;
  uvshm_event_t* event;
  uvshm_barrier_t* barrier;
};

static struct board* board;
static struct locks locks;


static int open_all(const char* name) {
  uvshm_barrier_options_t two;
  uvshm_segment_options_t options;
  char text[200];
  int err;

  memset(&options, 0, sizeof(options));
  memset(&two, 0, sizeof(two));
  options.flags = UVSHM_CREATE;
  two.count = 2;
  snprintf(text, sizeof(text), "%s-locks", name);
  err = uvshm_segment_open(&locks.segment, text, &options);
  if (err >= 0)
    err = uvshm_rwlock_open(&locks.rwlock, locks.segment, "rwlock", NULL);
  if (err >= 0)
    err = uvshm_mutex_open(&locks.mutex, locks.segment, "mutex", NULL);
  if (err >= 0) err = uvshm_cond_open(&locks.cond, locks.segment, "cond", NULL);
  if (err >= 0)
    err = uvshm_event_open(&locks.event, locks.segment, "event", NULL);
  if (err >= 0)
    err = uvshm_barrier_open(&locks.barrier, locks.segment, "barrier", &two);
  return err;
}


static void close_all(void) {
  uvshm_barrier_close(locks.barrier);
  uvshm_event_close(locks.event);
  uvshm_cond_close(locks.cond);
  uvshm_mutex_close(locks.mutex);
  uvshm_rwlock_close(locks.rwlock);
  uvshm_segment_close(locks.segment);
}


static int open_board(const char* name, uvshm_region_t** region) {
  uvshm_region_options_t options;
  char text[200];
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = sizeof(*board);
  snprintf(text, sizeof(text), "%s-board", name);
  err = uvshm_region_open(region, text, &options);
  if (err >= 0) board = uvshm_region_base(*region);
  return err;
}

/* ---- a worker ------------------------------------------------------------ */

/* What it found wrong is its exit code. */
static int wrong(int what) {
  fprintf(stderr, "worker: %d: %s\n", what, uvshm_error_detail());
  return what;
}


static int write_words(void) {
  uint64_t value;
  int err = uvshm_rwlock_wrlock(locks.rwlock, SLICE_MS * 100);

  if (err == UV_ETIMEDOUT) return wrong(10);
  if (err < 0) return wrong(11);
  if (err == UVSHM_OWNER_DIED) {
    uvshm__a64_store_relaxed(&board->writers, 0);
    uvshm__a64_store_relaxed(&board->second,
                             uvshm__a64_load_relaxed(&board->first));
  }
  if (uvshm__a64_add(&board->writers, 1) != 0) return wrong(12);
  value = uvshm__a64_load_relaxed(&board->first);
  if (uvshm__a64_load_relaxed(&board->second) != value) return wrong(13);
  uvshm__a64_store_relaxed(&board->first, value + 1);
  uvshm__a64_store_relaxed(&board->second, value + 1);
  uvshm__a64_store_relaxed(&board->writers, 0);
  return uvshm_rwlock_unlock(locks.rwlock) < 0 ? wrong(14) : 0;
}


static int read_words(void) {
  int err = uvshm_rwlock_rdlock(locks.rwlock, SLICE_MS * 100);

  if (err < 0) return wrong(20);
  if (err == 0 && (uvshm__a64_load_relaxed(&board->first) !=
                       uvshm__a64_load_relaxed(&board->second) ||
                   uvshm__a64_load_relaxed(&board->writers) != 0))
    return wrong(21);
  return uvshm_rwlock_unlock(locks.rwlock) < 0 ? wrong(22) : 0;
}


static int give_job(void) {
  int err = uvshm_mutex_lock(locks.mutex, UVSHM_FOREVER);

  if (err < 0) return wrong(30);
  uvshm__a64_add(&board->jobs, 1);
  if (uvshm_mutex_unlock(locks.mutex) < 0) return wrong(31);
  return uvshm_cond_signal(locks.cond) < 0 ? wrong(32) : 0;
}


static int take_job(void) {
  uint64_t jobs;
  int err = uvshm_mutex_lock(locks.mutex, UVSHM_FOREVER);

  if (err < 0) return wrong(40);
  if (uvshm__a64_load_relaxed(&board->jobs) == 0)
    err = uvshm_cond_wait(locks.cond, locks.mutex, SLICE_MS);
  if (err < 0 && err != UV_ETIMEDOUT) return wrong(41);
  jobs = uvshm__a64_load_relaxed(&board->jobs);
  if (jobs != 0) uvshm__a64_store_relaxed(&board->jobs, jobs - 1);
  return uvshm_mutex_unlock(locks.mutex) < 0 ? wrong(42) : 0;
}


static int set_event(void) {
  uvshm__a64_add(&board->sets, 1);
  return uvshm_event_set(locks.event) < 0 ? wrong(50) : 0;
}


static int wait_for_event(void) {
  int err = uvshm_event_wait(locks.event, SLICE_MS);

  if (err == UV_ETIMEDOUT) return 0;
  if (err < 0) return wrong(51);
  uvshm__a64_add(&board->passed, 1);
  if (uvshm__a64_load_seq_cst(&board->passed) >
      uvshm__a64_load_seq_cst(&board->sets))
    return wrong(52);
  return 0;
}


/* A death breaks it; whoever finds that makes it whole. */
static int meet(void) {
  int err = uvshm_barrier_wait(locks.barrier, SLICE_MS);

  if (err == UV_ECONNRESET) {
    err = uvshm_barrier_reset(locks.barrier);
    return err < 0 ? wrong(60) : 0;
  }
  if (err == UV_ETIMEDOUT) return 0;
  if (err < 0) return wrong(61);
  uvshm__a64_add(err == UVSHM_BARRIER_LAST ? &board->last : &board->others, 1);
  uvshm__a64_add(&board->done[BARRIER], 1);
  return 0;
}


static int work_once(uint32_t choice) {
  enum kind kind = choice % KINDS;
  int flip = (choice / KINDS) % 3 == 0;
  int code = 0;

  switch (kind) {
    case RWLOCK:
      code = flip ? write_words() : read_words();
      break;
    case COND:
      code = flip ? give_job() : take_job();
      break;
    case EVENT:
      code = flip ? set_event() : wait_for_event();
      break;
    default:
      return meet();
  }
  uvshm__a64_add(&board->done[kind], 1);
  return code;
}


static int role_work(int argc, char** argv) {
  uvshm_region_t* region;
  uint64_t random;
  int code = 0;

  (void) argc;
  if (open_board(argv[0], &region) < 0 || open_all(argv[0]) < 0)
    return wrong(1);
  random = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
  test_say("ready");
  while (code == 0 && uvshm__a64_load_relaxed(&board->stop) == 0) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    code = work_once((uint32_t) (random >> 33));
  }
  close_all();
  uvshm_region_close(region);
  return code;
}


static const struct test_role roles[] = {{"work", role_work}, {NULL, NULL}};

/* ---- the storm ----------------------------------------------------------- */

static struct test_process workers[WORKERS];


static uint32_t setting(const char* name, uint32_t otherwise) {
  const char* text = getenv(name);

  return text == NULL ? otherwise : (uint32_t) strtoul(text, NULL, 10);
}


static void start(uint32_t index, const char* name) {
  char seed[16];

  snprintf(seed, sizeof(seed), "%d", rand());
  test_spawn(&workers[index], "work", name, seed, NULL);
  test_expect(&workers[index], "ready");
}


/* Every kind is used, or the test ends. */
static void expect_progress(void) {
  uint64_t before[KINDS];
  uint64_t begin = test_now_ms();
  uint32_t i;

  for (i = 0; i < KINDS; i++)
    before[i] = uvshm__a64_load_relaxed(&board->done[i]);
  for (i = 0; i < KINDS;) {
    if (uvshm__a64_load_relaxed(&board->done[i]) != before[i]) {
      i++;
      continue;
    }
    if (test_now_ms() - begin > TEST_PATIENCE_MS)
      fail_msg("nothing goes on any more with kind %u", (unsigned int) i);
    test_sleep_ms(2);
  }
}


/* All are gone, some by a kill: everything can be had at once. */
static void expect_all_free(void) {
  uvshm_rwlock_info_t info;
  int err;

  assert_true(uvshm_rwlock_wrlock(locks.rwlock, 0) >= 0);
  assert_int_equal(uvshm_rwlock_info(locks.rwlock, &info), 0);
  assert_int_equal(info.readers, 0);
  assert_int_equal(uvshm_rwlock_unlock(locks.rwlock), 0);
  assert_true(uvshm_mutex_lock(locks.mutex, 0) >= 0);
  assert_int_equal(uvshm_mutex_unlock(locks.mutex), 0);
  assert_int_equal(uvshm_event_set(locks.event), 0);
  assert_int_equal(uvshm_event_wait(locks.event, 0), 0);
  assert_int_equal(uvshm_event_wait(locks.event, 0), UV_EAGAIN);
  assert_int_equal(uvshm_barrier_reset(locks.barrier), 0);
  err = uvshm_barrier_wait(locks.barrier, 0);
  assert_int_equal(err, UV_EAGAIN);
}


static void locks_are_well_in_a_storm_of_kills(void** state) {
  uint32_t kills = setting("UVSHM_KILLS", KILLS_DEFAULT);
  uint32_t seed = setting("UVSHM_SEED", (uint32_t) test_now_ms());
  uvshm_region_t* region;
  uint64_t others;
  uint64_t last;
  uint32_t victim;
  uint32_t i;
  char name[100];

  (void) state;
  printf(
      "UVSHM_SEED=%u, %u kills\n", (unsigned int) seed, (unsigned int) kills);
  srand(seed);
  snprintf(name, sizeof(name), "%s", test_name("storm"));
  assert_int_equal(open_board(name, &region), 0);
  assert_int_equal(open_all(name), 0);
  for (i = 0; i < WORKERS; i++) start(i, name);
  for (i = 0; i < kills; i++) {
    test_sleep_ms((unsigned int) (rand() % 8));
    victim = (uint32_t) rand() % WORKERS;
    if (workers[victim].exited) fail_msg("one has ended by itself");
    test_kill(&workers[victim]);
    start(victim, name);
    if (i % 16 == 15) expect_progress();
  }
  expect_progress();
  uvshm__a64_store_release(&board->stop, 1);
  for (i = 0; i < WORKERS; i++) assert_int_equal(test_join(&workers[i]), 0);
  expect_all_free();
  /* One of each two is the last; a kill may come before either's note. */
  last = uvshm__a64_load_relaxed(&board->last);
  others = uvshm__a64_load_relaxed(&board->others);
  assert_true(last <= others + kills + WORKERS);
  assert_true(others <= last + kills + WORKERS);
  printf("rwlock %llu, cond %llu, event %llu, barrier %llu\n",
         (unsigned long long) uvshm__a64_load_relaxed(&board->done[RWLOCK]),
         (unsigned long long) uvshm__a64_load_relaxed(&board->done[COND]),
         (unsigned long long) uvshm__a64_load_relaxed(&board->done[EVENT]),
         (unsigned long long) uvshm__a64_load_relaxed(&board->done[BARRIER]));
  close_all();
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(locks_are_well_in_a_storm_of_kills),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("stress-locks", tests, NULL, NULL);
}
