/* SPDX-License-Identifier: MIT */

/* The barrier as programs see it: rounds, and participants that die. */

#include "actor.h"
#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static int set_up(void** state) {
  (void) state;
  return open_segment("barrier");
}


static uvshm_barrier_t* make(uvshm_segment_t* where,
                             const char* name,
                             uint32_t count) {
  uvshm_barrier_options_t options;
  uvshm_barrier_t* barrier = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.count = count;
  err = uvshm_barrier_open(&barrier, where, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return barrier;
}


static uvshm_barrier_info_t info_of(uvshm_barrier_t* barrier) {
  uvshm_barrier_info_t info;

  assert_int_equal(uvshm_barrier_info(barrier, &info), 0);
  return info;
}


static void expect_waiting(uvshm_barrier_t* barrier, uint32_t count) {
  uint64_t end = test_now_ms() + TEST_PATIENCE_MS;

  while (info_of(barrier).waiting != count && test_now_ms() < end)
    test_sleep_ms(1);
  assert_int_equal(info_of(barrier).waiting, count);
}

/* ---- roles --------------------------------------------------------------- */

/* "wait 5000" and "close": says the result. */
static int role_actor(int argc, char** argv) {
  uvshm_segment_t* where;
  uvshm_barrier_t* barrier;
  unsigned long ms;
  char word[32];
  int err;

  if (actor_begin(argc, argv, &where) < 0) return 1;
  if (uvshm_barrier_open(&barrier, where, argv[0], NULL) < 0) return 2;
  test_say("ready");
  while (actor_hear(word, &ms)) {
    if (strcmp(word, "close") == 0) break;
    err = uvshm_barrier_wait(barrier, ms);
    actor_say(err, "passed", "last");
  }
  uvshm_barrier_close(barrier);
  uvshm_segment_close(where);
  test_say("closed");
  (void) test_hear();
  return 0;
}


/* `argv[2]` rounds; says how often it was the last. */
static int role_runner(int argc, char** argv) {
  volatile uint64_t* steps;
  uvshm_region_t* region;
  uvshm_barrier_t* barrier;
  int me = atoi(argv[3]);
  int n = atoi(argv[2]);
  int last = 0;
  int err;
  int i;

  (void) argc;
  if (uvshm_barrier_open(&barrier, NULL, argv[0], NULL) < 0) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  steps = uvshm_region_base(region);
  test_say("ready");
  if (test_hear() == NULL) return 3;
  for (i = 1; i <= n; i++) {
    steps[me * 8] = (uint64_t) i;
    err = uvshm_barrier_wait(barrier, UVSHM_FOREVER);
    if (err < 0) return 4;
    last += err == UVSHM_BARRIER_LAST;
    /* All have done this step; one may be at the next already. */
    if (steps[0] < (uint64_t) i || steps[8] < (uint64_t) i) return 5;
    if (steps[0] > (uint64_t) i + 1 || steps[8] > (uint64_t) i + 1) return 6;
  }
  test_say("%d", last);
  uvshm_barrier_close(barrier);
  uvshm_region_close(region);
  return 0;
}


static const struct test_role roles[] = {
    {"actor", role_actor}, {"runner", role_runner}, {NULL, NULL}};


static void stop(struct test_process* actor) {
  ask(actor, "close", "closed");
  test_tell(actor, "end");
  assert_int_equal(test_join(actor), 0);
}

/* ---- cases --------------------------------------------------------------- */

TEST(barrier_is_made_with_its_count) {
  uvshm_barrier_options_t options;
  uvshm_barrier_t* barrier;
  uvshm_barrier_t* other;

  (void) state;
  memset(&options, 0, sizeof(options));
  assert_int_equal(uvshm_barrier_open(&other, segment, "count", NULL),
                   UV_ENOENT);
  barrier = make(segment, "count", 3);
  assert_int_equal(info_of(barrier).count, 3);
  options.count = 4;
  assert_int_equal(uvshm_barrier_open(&other, segment, "count", &options),
                   UV_EPROTOTYPE);
  options.count = UVSHM_BARRIER_COUNT_MAX + 1;
  assert_int_equal(uvshm_barrier_open(&other, segment, "count", &options),
                   UV_EINVAL);
  assert_int_equal(uvshm_barrier_open(&other, segment, "count", NULL), 0);
  assert_int_equal(info_of(other).count, 3);
  uvshm_barrier_close(other);
  uvshm_barrier_close(barrier);
}


TEST(barrier_for_one_never_waits) {
  uvshm_barrier_t* barrier = make(NULL, test_name("one"), 1);
  int i;

  (void) state;
  for (i = 0; i < 5; i++)
    assert_int_equal(uvshm_barrier_wait(barrier, 0), UVSHM_BARRIER_LAST);
  assert_int_equal(info_of(barrier).round, 5);
  uvshm_barrier_close(barrier);
}


TEST(barrier_who_gives_up_has_not_come) {
  uvshm_barrier_t* barrier = make(segment, "patience", 2);
  struct test_process a;

  (void) state;
  start(&a, "patience");
  assert_int_equal(uvshm_barrier_wait(barrier, 0), UV_EAGAIN);
  assert_int_equal(uvshm_barrier_wait(barrier, 20), UV_ETIMEDOUT);
  assert_int_equal(info_of(barrier).waiting, 0);
  test_tell(&a, "wait 15000");
  expect_waiting(barrier, 1);
  assert_int_equal(uvshm_barrier_wait(barrier, 0), UVSHM_BARRIER_LAST);
  test_expect(&a, "passed");
  /* Who has left breaks nothing. */
  stop(&a);
  assert_int_equal(uvshm_barrier_wait(barrier, 50), UV_ETIMEDOUT);
  uvshm_barrier_close(barrier);
}


static void dies(const char* name, int while_it_waits) {
  uvshm_barrier_t* barrier = make(segment, name, 3);
  struct test_process a;
  struct test_process b;

  start(&a, name);
  start(&b, name);
  test_tell(&a, "wait 15000");
  expect_waiting(barrier, 1);
  if (while_it_waits) {
    test_tell(&b, "wait 15000");
    expect_waiting(barrier, 2);
  }
  test_kill(&b);
  test_expect(&a, "ECONNRESET");
  assert_int_equal(info_of(barrier).broken, 1);
  assert_int_equal(uvshm_barrier_wait(barrier, UVSHM_FOREVER), UV_ECONNRESET);
  assert_non_null(strstr(uvshm_error_detail(), "broken"));
  assert_int_equal(uvshm_barrier_reset(barrier), 0);
  assert_int_equal(info_of(barrier).broken, 0);
  assert_int_equal(info_of(barrier).waiting, 0);

  start(&b, name);
  test_tell(&a, "wait 15000");
  test_tell(&b, "wait 15000");
  expect_waiting(barrier, 2);
  assert_int_equal(uvshm_barrier_wait(barrier, 15000), UVSHM_BARRIER_LAST);
  test_expect(&a, "passed");
  test_expect(&b, "passed");
  stop(&a);
  stop(&b);
  uvshm_barrier_close(barrier);
}


TEST(barrier_breaks_when_one_dies_that_waits) {
  (void) state;
  dies("dies waiting", 1);
}


TEST(barrier_breaks_when_one_dies_that_has_not_come) {
  (void) state;
  dies("dies away", 0);
}


TEST(barrier_stays_broken_when_nobody_waited) {
  const char* name = test_name("broken");
  uvshm_barrier_t* barrier = make(NULL, name, 2);
  struct test_process a;
  struct test_process b;

  (void) state;
  test_spawn(&a, "actor", name, NULL);
  test_expect(&a, "ready");
  test_kill(&a);
  /* It takes the dead one's place, and has not come in its stead. */
  test_spawn(&b, "actor", name, NULL);
  test_expect(&b, "ready");
  test_tell(&b, "wait 15000");
  test_expect(&b, "ECONNRESET");
  assert_int_equal(uvshm_barrier_wait(barrier, 15000), UV_ECONNRESET);
  assert_int_equal(uvshm_barrier_reset(barrier), 0);
  test_tell(&b, "wait 15000");
  expect_waiting(barrier, 1);
  assert_int_equal(uvshm_barrier_wait(barrier, 15000), UVSHM_BARRIER_LAST);
  test_expect(&b, "passed");
  stop(&b);
  uvshm_barrier_close(barrier);
}


TEST(barrier_reset_tells_those_who_wait) {
  uvshm_barrier_t* barrier = make(segment, "reset", 2);
  struct test_process a;

  (void) state;
  start(&a, "reset");
  test_tell(&a, "wait 15000");
  expect_waiting(barrier, 1);
  assert_int_equal(uvshm_barrier_reset(barrier), 0);
  test_expect(&a, "ECONNRESET");
  assert_int_equal(info_of(barrier).waiting, 0);
  stop(&a);
  uvshm_barrier_close(barrier);
}


static void block(void* arg) {
  void** args = arg;

  *(int*) args[1] = uvshm_barrier_wait(args[0], UVSHM_FOREVER);
}


TEST(barrier_cancel_wakes_this_handles_blocked_calls) {
  uvshm_barrier_t* barrier = make(segment, "cancel", 2);
  uv_thread_t thread;
  int result = 1;
  void* args[2];

  (void) state;
  args[0] = barrier;
  args[1] = &result;
  uv_thread_create(&thread, block, args);
  expect_waiting(barrier, 1);
  uvshm_barrier_cancel(barrier);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
  assert_int_equal(info_of(barrier).waiting, 0);
  uvshm_barrier_close(barrier);
}


TEST(barrier_keeps_two_processes_in_step) {
  const char* name = test_name("step");
  const char* memory = test_name("steps");
  uvshm_barrier_t* barrier = make(NULL, name, 2);
  struct test_process runners[2];
  uvshm_region_options_t options;
  uvshm_region_t* region;
  char line[16];
  int last = 0;
  int i;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  assert_int_equal(uvshm_region_open(&region, memory, &options), 0);
  for (i = 0; i < 2; i++) {
    test_spawn(
        &runners[i], "runner", name, memory, "3000", i == 0 ? "0" : "1", NULL);
    test_expect(&runners[i], "ready");
  }
  for (i = 0; i < 2; i++) test_tell(&runners[i], "go");
  for (i = 0; i < 2; i++) {
    test_expect_line(&runners[i], line, sizeof(line));
    last += atoi(line);
    assert_int_equal(test_join(&runners[i]), 0);
  }
  assert_int_equal(last, 3000);
  uvshm_region_close(region);
  uvshm_barrier_close(barrier);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(barrier_is_made_with_its_count),
      cmocka_unit_test(barrier_for_one_never_waits),
      cmocka_unit_test(barrier_who_gives_up_has_not_come),
      cmocka_unit_test(barrier_breaks_when_one_dies_that_waits),
      cmocka_unit_test(barrier_breaks_when_one_dies_that_has_not_come),
      cmocka_unit_test(barrier_stays_broken_when_nobody_waited),
      cmocka_unit_test(barrier_reset_tells_those_who_wait),
      cmocka_unit_test(barrier_cancel_wakes_this_handles_blocked_calls),
      cmocka_unit_test(barrier_keeps_two_processes_in_step),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("barrier", tests, set_up, close_segment);
}
