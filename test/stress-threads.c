/* SPDX-License-Identifier: MIT */

/* Many threads of one process: that come and go, that contend, that end with a
 * lock in their hands. All of it over one mapping, so that the thread sanitizer
 * sees what the locks order.
 *
 *   UVSHM_THREADS=1000000   how many short-lived ones (default 100,000)
 */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_THREAD__)
# define SLOW 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define SLOW 1
# endif
#endif
#ifndef SLOW
# define SLOW 0
#endif

#define SHORT_LIVES (SLOW ? 5000u : 100000u)
#define LANES 32u /* of the segment for them */
#define AT_ONCE 24u
#define CROWD 32u
#define ROUNDS (SLOW ? 300u : 3000u) /* of each in the crowd */
#define DEATHS (SLOW ? 20u : 200u)

/* What the threads of a case share. What the lock guards is plain memory. */
static struct {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uint64_t counter;
  uint64_t inside;
  uint64_t news;
  int errors; /* under the mutex, or after the threads have ended */
} shared;


static void open_shared(uint32_t lanes) {
  uvshm_segment_options_t options;

  memset(&shared, 0, sizeof(shared));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.threads = lanes;
  assert_int_equal(
      uvshm_segment_open(&shared.segment, test_name("threads"), &options), 0);
  assert_int_equal(
      uvshm_mutex_open(&shared.mutex, shared.segment, "lock", NULL), 0);
}


static void close_shared(void) {
  assert_int_equal(uvshm_segment_check(shared.segment), 0);
  uvshm_mutex_close(shared.mutex);
  uvshm_segment_close(shared.segment);
  assert_int_equal(test_leftovers(), 0);
}


static void start(uv_thread_t* thread, uv_thread_cb run, void* arg) {
  assert_int_equal(uv_thread_create(thread, run, arg), 0);
}


static uint32_t lanes_used(void) {
  uvshm_segment_info_t info;

  assert_int_equal(uvshm_segment_info(shared.segment, &info), 0);
  return info.threads;
}


static uint32_t number(const char* variable, uint32_t standard) {
  const char* text = getenv(variable);

  return text != NULL && *text != '\0' ? (uint32_t) strtoul(text, NULL, 10)
                                       : standard;
}

/* ---- short lives --------------------------------------------------------- */

/* Errors go to the thread's own word, for the case to look at. */
static void lock_once(void* arg) {
  int* err = arg;

  *err = uvshm_mutex_lock(shared.mutex, TEST_PATIENCE_MS);
  if (*err != 0) return;
  shared.counter++;
  *err = uvshm_mutex_unlock(shared.mutex);
}


static void threads_that_lock_once_exhaust_nothing(void** state) {
  uint32_t lives = number("UVSHM_THREADS", SHORT_LIVES);
  uv_thread_t threads[AT_ONCE];
  int errors[AT_ONCE];
  uint64_t began = uv_hrtime();
  uint32_t done;
  uint32_t i;

  (void) state;
  open_shared(LANES);
  for (done = 0; done < lives; done += AT_ONCE) {
    for (i = 0; i < AT_ONCE; i++) start(&threads[i], lock_once, &errors[i]);
    for (i = 0; i < AT_ONCE; i++) uv_thread_join(&threads[i]);
    for (i = 0; i < AT_ONCE; i++) assert_int_equal(errors[i], 0);
  }
  printf("%u threads in %.1f s\n",
         (unsigned int) done,
         (double) (uv_hrtime() - began) / 1e9);
  assert_true(shared.counter == done);
  assert_true(lanes_used() <= 1); /* ours, if opening took one */
  close_shared();
}

/* ---- a crowd ------------------------------------------------------------- */

static void contend(void* arg) {
  uvshm_mutex_t* mutex = arg;
  uint32_t i;

  for (i = 0; i < ROUNDS; i++) {
    if (uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) != 0) abort();
    if (shared.inside++ != 0) shared.errors++;
    shared.counter++;
    shared.inside--;
    if (uvshm_mutex_unlock(mutex) != 0) abort();
  }
}


static void a_crowd_is_let_in_one_by_one(void** state) {
  uv_thread_t threads[CROWD];
  uint32_t i;

  (void) state;
  open_shared(0);
  for (i = 0; i < CROWD; i++) start(&threads[i], contend, shared.mutex);
  for (i = 0; i < CROWD; i++) uv_thread_join(&threads[i]);
  assert_int_equal(shared.errors, 0);
  assert_true(shared.counter == CROWD * ROUNDS);
  close_shared();
}


/* Two attaches in one process are two peers with lanes of their own. What they
 * guard is the same memory; the sanitizer cannot know, so it is not run
 * there. */
static void two_handles_of_one_process_are_two_owners(void** state) {
  uvshm_mutex_t* mutexes[2];
  uv_thread_t threads[CROWD];
  const char* name = test_name("two");
  uint32_t i;

  (void) state;
  if (SLOW) skip();
  memset(&shared, 0, sizeof(shared));
  for (i = 0; i < 2; i++)
    assert_int_equal(uvshm_mutex_open(&mutexes[i], NULL, name, NULL), 0);
  for (i = 0; i < CROWD; i++) start(&threads[i], contend, mutexes[i % 2]);
  for (i = 0; i < CROWD; i++) uv_thread_join(&threads[i]);
  assert_int_equal(shared.errors, 0);
  assert_true(shared.counter == CROWD * ROUNDS);

  /* Not the owner, though the same thread. */
  assert_int_equal(uvshm_mutex_lock(mutexes[0], 0), 0);
  assert_int_equal(uvshm_mutex_lock(mutexes[1], 0), UV_EBUSY);
  assert_int_equal(uvshm_mutex_unlock(mutexes[1]), UV_EPERM);
  assert_int_equal(uvshm_mutex_unlock(mutexes[0]), 0);
  for (i = 0; i < 2; i++) uvshm_mutex_close(mutexes[i]);
  assert_int_equal(test_leftovers(), 0);
}

/* ---- the end of a thread ------------------------------------------------- */

static void end_while_holding(void* arg) {
  int* err = arg;

  *err = uvshm_mutex_lock(shared.mutex, TEST_PATIENCE_MS);
  if (*err < 0) return;
  if (*err == UVSHM_OWNER_DIED) shared.news++;
  shared.counter++;
}


static void a_thread_that_ends_while_holding_is_an_owner_that_died(
    void** state) {
  uv_thread_t threads[AT_ONCE];
  int errors[AT_ONCE];
  uint32_t done;
  uint32_t i;

  (void) state;
  open_shared(LANES);
  for (done = 0; done < DEATHS; done += AT_ONCE) {
    for (i = 0; i < AT_ONCE; i++)
      start(&threads[i], end_while_holding, &errors[i]);
    for (i = 0; i < AT_ONCE; i++) uv_thread_join(&threads[i]);
    for (i = 0; i < AT_ONCE; i++) assert_true(errors[i] >= 0);
  }
  /* The first one in got it clean, everybody else from a dead one. */
  assert_true(shared.counter == done);
  assert_true(shared.news == done - 1);
  assert_int_equal(uvshm_mutex_lock(shared.mutex, TEST_PATIENCE_MS),
                   UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(shared.mutex), 0);
  assert_int_equal(uvshm_mutex_lock(shared.mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(shared.mutex), 0);
  assert_int_equal(lanes_used(), 1);
  close_shared();
}

/* ---- one too many -------------------------------------------------------- */

struct stayer {
  uv_sem_t* has_lane;
  uv_sem_t* may_go;
  int err;
};


static void stay(void* arg) {
  struct stayer* stayer = arg;

  stayer->err = uvshm_mutex_lock(shared.mutex, TEST_PATIENCE_MS);
  if (stayer->err == 0) stayer->err = uvshm_mutex_unlock(shared.mutex);
  uv_sem_post(stayer->has_lane);
  uv_sem_wait(stayer->may_go);
}


static void one_thread_too_many_is_told_so_and_may_come_later(void** state) {
  uv_thread_t threads[LANES];
  struct stayer stayers[LANES];
  uv_thread_t late;
  uv_sem_t has_lane;
  uv_sem_t may_go;
  int err = 0;
  uint32_t i;

  (void) state;
  open_shared(LANES + 1); /* and the one that opened */
  uv_sem_init(&has_lane, 0);
  uv_sem_init(&may_go, 0);
  for (i = 0; i < LANES; i++) {
    stayers[i].has_lane = &has_lane;
    stayers[i].may_go = &may_go;
    start(&threads[i], stay, &stayers[i]);
  }
  for (i = 0; i < LANES; i++) uv_sem_wait(&has_lane);
  for (i = 0; i < LANES; i++) assert_int_equal(stayers[i].err, 0);

  start(&late, lock_once, &err);
  uv_thread_join(&late);
  assert_int_equal(err, UV_EMFILE);
  assert_int_equal(lanes_used(), LANES + 1);

  for (i = 0; i < LANES; i++) uv_sem_post(&may_go);
  for (i = 0; i < LANES; i++) uv_thread_join(&threads[i]);
  start(&late, lock_once, &err);
  uv_thread_join(&late);
  assert_int_equal(err, 0);
  uv_sem_destroy(&has_lane);
  uv_sem_destroy(&may_go);
  close_shared();
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_that_lock_once_exhaust_nothing),
      cmocka_unit_test(a_crowd_is_let_in_one_by_one),
      cmocka_unit_test(two_handles_of_one_process_are_two_owners),
      cmocka_unit_test(a_thread_that_ends_while_holding_is_an_owner_that_died),
      cmocka_unit_test(one_thread_too_many_is_told_so_and_may_come_later)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
