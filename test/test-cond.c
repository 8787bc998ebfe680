/* SPDX-License-Identifier: MIT */

/* The condition variable as programs see it: with a mutex, between processes,
 * and with waiters that die at the wrong moment. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

static uvshm_segment_t* segment;
static uvshm_mutex_t* mutex;
static uvshm_cond_t* cond;
static char segment_name[64];


static int open_all(void** state) {
  uvshm_segment_options_t options;
  int err;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  snprintf(segment_name, sizeof(segment_name), "%s", test_name("cond"));
  err = uvshm_segment_open(&segment, segment_name, &options);
  if (err == 0) err = uvshm_mutex_open(&mutex, segment, "mutex", NULL);
  if (err == 0) err = uvshm_cond_open(&cond, segment, "cond", NULL);
  return err;
}


static int close_all(void** state) {
  (void) state;
  uvshm_cond_close(cond);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return test_leftovers();
}


static uint32_t waiters(void) {
  uvshm_cond_info_t info;

  assert_int_equal(uvshm_cond_info(cond, &info), 0);
  return info.waiters;
}


static void expect_waiters(uint32_t count) {
  uint64_t end = test_now_ms() + TEST_PATIENCE_MS;

  while (waiters() != count && test_now_ms() < end) test_sleep_ms(1);
  assert_int_equal(waiters(), count);
}


static void lock(void) {
  assert_int_equal(uvshm_mutex_lock(mutex, 15000), 0);
}


static void unlock(void) {
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
}

/* ---- roles --------------------------------------------------------------- */

static int open_in_role(char** argv) {
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 0;
  if (uvshm_mutex_open(&mutex, segment, "mutex", NULL) < 0) return 0;
  return uvshm_cond_open(&cond, segment, "cond", NULL) == 0;
}


/* Waits once, says what came of it, keeps the mutex until told. */
static int role_waiter(int argc, char** argv) {
  int err;

  (void) argc;
  if (!open_in_role(argv)) return 1;
  if (uvshm_mutex_lock(mutex, 15000) < 0) return 2;
  err = uvshm_cond_wait(cond, mutex, (uint64_t) atoi(argv[1]));
  test_say("%s", err < 0 ? uv_err_name(err) : err == 0 ? "ok" : "news");
  (void) test_hear();
  if (uvshm_mutex_unlock(mutex) < 0) return 3;
  uvshm_cond_close(cond);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* `argv[2]` of two words of a region: waits for its turn, `argv[3]` times. */
static int role_player(int argc, char** argv) {
  volatile uint64_t* turns;
  uvshm_region_t* region;
  uint64_t me = (uint64_t) atoi(argv[2]);
  int n = atoi(argv[3]);
  int err;

  (void) argc;
  if (!open_in_role(argv)) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  turns = uvshm_region_base(region);
  test_say("ready");
  if (test_hear() == NULL) return 3;
  while (n-- > 0) {
    err = uvshm_mutex_lock(mutex, UVSHM_FOREVER);
    while (err == 0 && *turns % 3 != me)
      err = uvshm_cond_wait(cond, mutex, UVSHM_FOREVER);
    if (err != 0) return 4;
    ++*turns;
    if (uvshm_mutex_unlock(mutex) != 0) return 5;
    if (uvshm_cond_broadcast(cond) != 0) return 6;
  }
  uvshm_region_close(region);
  uvshm_cond_close(cond);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* Takes jobs that are counted in a region until there are to be no more. */
static int role_worker(int argc, char** argv) {
  volatile uint64_t* jobs; /* to be done, done, no more come */
  uvshm_region_t* region;
  int err = 0;

  (void) argc;
  if (!open_in_role(argv)) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  jobs = uvshm_region_base(region);
  test_say("ready");
  while (err >= 0) {
    err = uvshm_mutex_lock(mutex, UVSHM_FOREVER);
    while (err >= 0 && jobs[0] == 0 && jobs[2] == 0)
      err = uvshm_cond_wait(cond, mutex, UVSHM_FOREVER);
    if (err < 0) return 4;
    if (jobs[0] == 0) break;
    jobs[0]--;
    jobs[1]++;
    if (uvshm_mutex_unlock(mutex) != 0) return 5;
  }
  err = uvshm_mutex_unlock(mutex);
  uvshm_region_close(region);
  return err == 0 ? 0 : 6;
}


static const struct test_role roles[] = {{"waiter", role_waiter},
                                         {"player", role_player},
                                         {"worker", role_worker},
                                         {NULL, NULL}};


static void start(struct test_process* waiter, const char* ms) {
  uint32_t before = waiters();

  test_spawn(waiter, "waiter", segment_name, ms, NULL);
  expect_waiters(before + 1);
}


static void stop(struct test_process* waiter) {
  test_tell(waiter, "end");
  assert_int_equal(test_join(waiter), 0);
}

/* ---- cases --------------------------------------------------------------- */

TEST(cond_wait_needs_the_mutex_once) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* recursive;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_MUTEX_RECURSIVE;
  assert_int_equal(uvshm_mutex_open(&recursive, segment, "again", &options), 0);
  assert_int_equal(uvshm_cond_wait(cond, mutex, 0), UV_EPERM);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_cond_wait(cond, recursive, 0), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlock(recursive), 0);
  assert_int_equal(uvshm_cond_wait(cond, recursive, 0), UV_ETIMEDOUT);
  assert_int_equal(uvshm_mutex_unlock(recursive), 0);
  assert_int_equal(uvshm_mutex_unlock(recursive), UV_EPERM);
  uvshm_mutex_close(recursive);
}


TEST(cond_wait_ends_with_its_time_and_has_the_mutex_again) {
  uint64_t begin = test_now_ms();

  (void) state;
  lock();
  assert_int_equal(uvshm_cond_wait(cond, mutex, 40), UV_ETIMEDOUT);
  assert_true(test_now_ms() - begin >= 39);
  unlock();
  assert_int_equal(waiters(), 0);
  /* Nobody waits: signals are not kept. */
  assert_int_equal(uvshm_cond_signal(cond), 0);
  assert_int_equal(uvshm_cond_broadcast(cond), 0);
  lock();
  assert_int_equal(uvshm_cond_wait(cond, mutex, 20), UV_ETIMEDOUT);
  unlock();
}


TEST(cond_with_a_mutex_of_another_place) {
  uvshm_mutex_t* alone;
  uvshm_cond_t* here;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&alone, NULL, test_name("m"), NULL), 0);
  assert_int_equal(uvshm_cond_open(&here, NULL, test_name("c"), NULL), 0);
  assert_int_equal(uvshm_mutex_lock(alone, 0), 0);
  assert_int_equal(uvshm_cond_wait(cond, alone, 5), UV_ETIMEDOUT);
  assert_int_equal(uvshm_cond_wait(here, alone, 5), UV_ETIMEDOUT);
  assert_int_equal(uvshm_mutex_unlock(alone), 0);
  uvshm_cond_close(here);
  uvshm_mutex_close(alone);
}


TEST(cond_signal_wakes_one_and_broadcast_all) {
  struct test_process a;
  struct test_process b;
  struct test_process c;

  (void) state;
  start(&a, "15000");
  start(&b, "15000");
  start(&c, "15000");
  assert_int_equal(uvshm_cond_signal(cond), 0);
  expect_waiters(2);
  test_sleep_ms(60);
  assert_int_equal(waiters(), 2);
  assert_int_equal(uvshm_cond_broadcast(cond), 0);
  /* Each keeps the mutex until it is told. */
  test_tell(&a, "end");
  test_tell(&b, "end");
  test_tell(&c, "end");
  test_expect(&a, "ok");
  test_expect(&b, "ok");
  test_expect(&c, "ok");
  assert_int_equal(test_join(&a), 0);
  assert_int_equal(test_join(&b), 0);
  assert_int_equal(test_join(&c), 0);
}


/* We hold the mutex, so that whoever is called cannot come, and is killed with
 * the call in its hands. */
TEST(cond_call_of_one_that_was_killed_goes_to_another) {
  struct test_process waiters_of_it[3];
  char line[32];
  int i;

  (void) state;
  for (i = 0; i < 3; i++) start(&waiters_of_it[i], "15000");
  lock();
  assert_int_equal(uvshm_cond_signal(cond), 0);
  assert_int_equal(waiters(), 2);
  /* Which of them is called is not ours to know, so two of them die: the call
   * is the third one's then, or was from the start. */
  test_kill(&waiters_of_it[0]);
  test_kill(&waiters_of_it[1]);
  unlock();
  test_expect_line(&waiters_of_it[2], line, sizeof(line));
  assert_string_equal(line, "ok");
  stop(&waiters_of_it[2]);
  assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
  expect_waiters(0);
}


TEST(cond_passes_on_the_news_of_the_mutex) {
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "15000");
  start(&b, "15000");
  assert_int_equal(uvshm_cond_broadcast(cond), 0);
  /* One of them has the mutex now and does not give it back. */
  expect_waiters(0);
  while (uvshm_mutex_lock(mutex, 0) == 0) unlock();
  test_kill(&a);
  test_kill(&b);
  assert_int_equal(uvshm_mutex_lock(mutex, 15000), UVSHM_OWNER_DIED);
  unlock();
  assert_int_equal(uvshm_segment_repair(segment, NULL), 0);

  start(&a, "30");
  test_expect(&a, "ETIMEDOUT");
  stop(&a);
  start(&b, "15000");
  lock();
  assert_int_equal(uvshm_cond_signal(cond), 0);
  uvshm_mutex_close(mutex); /* as if we had died */
  test_expect(&b, "news");
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  stop(&b);
}


static void block(void* arg) {
  int* result = arg;

  *result = uvshm_mutex_lock(mutex, UVSHM_FOREVER);
  if (*result != 0) return;
  *result = uvshm_cond_wait(cond, mutex, UVSHM_FOREVER);
  if (uvshm_mutex_unlock(mutex) != 0) *result = 1;
}


TEST(cond_cancel_wakes_this_handles_blocked_calls) {
  uv_thread_t thread;
  int result = 1;

  (void) state;
  uv_thread_create(&thread, block, &result);
  expect_waiters(1);
  uvshm_cond_cancel(cond);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
  uvshm_cond_close(cond);
  assert_int_equal(uvshm_cond_open(&cond, segment, "cond", NULL), 0);
}


static uint64_t* open_words(uvshm_region_t** region, const char* name) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  assert_int_equal(uvshm_region_open(region, name, &options), 0);
  return uvshm_region_base(*region);
}


TEST(cond_three_processes_take_turns) {
  const char* memory = test_name("turns");
  struct test_process players[3];
  uvshm_region_t* region;
  uint64_t* turns = open_words(&region, memory);
  char me[2] = "0";
  int i;

  (void) state;
  for (i = 0; i < 3; i++) {
    me[0] = (char) ('0' + i);
    test_spawn(&players[i], "player", segment_name, memory, me, "500", NULL);
    test_expect(&players[i], "ready");
  }
  for (i = 0; i < 3; i++) test_tell(&players[i], "go");
  for (i = 0; i < 3; i++) assert_int_equal(test_join(&players[i]), 0);
  assert_int_equal(*turns, 1500);
  uvshm_region_close(region);
}


/* One signal for each job and nobody polls: if a call were lost with the worker
 * that it was for, its job would be left. */
TEST(cond_no_job_is_left_when_workers_are_killed) {
  const char* memory = test_name("jobs");
  struct test_process workers[6];
  uvshm_region_t* region;
  volatile uint64_t* jobs = open_words(&region, memory);
  uint64_t end;
  int err;
  int i;
  int n;

  (void) state;
  for (i = 0; i < 6; i++) {
    test_spawn(&workers[i], "worker", segment_name, memory, NULL);
    test_expect(&workers[i], "ready");
  }
  for (i = 0; i < 5; i++) {
    for (n = 0; n < 20; n++) {
      err = uvshm_mutex_lock(mutex, 15000);
      assert_true(err >= 0);
      jobs[0]++;
      unlock();
      assert_int_equal(uvshm_cond_signal(cond), 0);
      if (n == i * 4) test_kill(&workers[i]);
    }
    end = test_now_ms() + TEST_PATIENCE_MS;
    while (jobs[0] != 0 && test_now_ms() < end) test_sleep_ms(1);
    assert_int_equal(jobs[0], 0);
  }
  err = uvshm_mutex_lock(mutex, 15000);
  assert_true(err >= 0);
  jobs[2] = 1;
  unlock();
  assert_int_equal(uvshm_cond_broadcast(cond), 0);
  assert_int_equal(test_join(&workers[5]), 0);
  uvshm_region_close(region);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cond_wait_needs_the_mutex_once),
      cmocka_unit_test(cond_wait_ends_with_its_time_and_has_the_mutex_again),
      cmocka_unit_test(cond_with_a_mutex_of_another_place),
      cmocka_unit_test(cond_signal_wakes_one_and_broadcast_all),
      cmocka_unit_test(cond_call_of_one_that_was_killed_goes_to_another),
      cmocka_unit_test(cond_passes_on_the_news_of_the_mutex),
      cmocka_unit_test(cond_cancel_wakes_this_handles_blocked_calls),
      cmocka_unit_test(cond_three_processes_take_turns),
      cmocka_unit_test(cond_no_job_is_left_when_workers_are_killed),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("cond", tests, open_all, close_all);
}
