/* SPDX-License-Identifier: MIT */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static uvshm_sem_t* open_sem(const char* name, uint32_t value) {
  uvshm_sem_options_t options;
  uvshm_sem_t* sem = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.value = value;
  err = uvshm_sem_open(&sem, NULL, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return sem;
}


/* Take units until told that there are no more: a line for each. */
static int role_taker(int argc, char** argv) {
  uvshm_sem_t* sem;
  int n = atoi(argv[1]);

  (void) argc;
  if (uvshm_sem_open(&sem, NULL, argv[0], NULL) < 0) return 1;
  test_say("ready");
  while (n-- > 0)
    if (uvshm_sem_wait(sem, 15000) != 0) return 2;
  uvshm_sem_close(sem);
  test_say("done");
  return 0;
}


static const struct test_role roles[] = {{"taker", role_taker}, {NULL, NULL}};


TEST(sem_counts) {
  uvshm_sem_t* sem = open_sem(test_name("counts"), 2);
  uvshm_sem_info_t info;

  (void) state;
  assert_int_equal(uvshm_sem_wait(sem, 0), 0);
  assert_int_equal(uvshm_sem_wait(sem, UVSHM_FOREVER), 0);
  assert_int_equal(uvshm_sem_wait(sem, 0), UV_EAGAIN);
  assert_string_equal(uvshm_error_detail(), "there is nothing now");
  assert_int_equal(uvshm_sem_wait(sem, 20), UV_ETIMEDOUT);
  assert_non_null(strstr(uvshm_error_detail(), "counts"));
  assert_int_equal(uvshm_sem_post(sem, 3), 0);
  assert_int_equal(uvshm_sem_info(sem, &info), 0);
  assert_int_equal(info.value, 3);
  assert_int_equal(info.waiters, 0);
  uvshm_sem_close(sem);
  assert_int_equal(test_leftovers(), 0);
}


TEST(sem_refuses_more_than_its_largest_value) {
  uvshm_sem_t* sem = open_sem(test_name("largest"), UVSHM_SEM_VALUE_MAX);
  uvshm_sem_t* other;
  uvshm_sem_options_t options;

  (void) state;
  assert_int_equal(uvshm_sem_post(sem, 1), UV_EOVERFLOW);
  assert_int_equal(uvshm_sem_post(sem, 0), UV_EINVAL);
  assert_int_equal(uvshm_sem_post(sem, UVSHM_SEM_VALUE_MAX + 1u), UV_EINVAL);
  assert_int_equal(uvshm_sem_wait(sem, 0), 0);
  assert_int_equal(uvshm_sem_post(sem, 1), 0);
  memset(&options, 0, sizeof(options));
  options.value = UVSHM_SEM_VALUE_MAX + 1u;
  assert_int_equal(uvshm_sem_open(&other, NULL, "x", &options), UV_EINVAL);
  uvshm_sem_close(sem);
}


TEST(sem_wakes_sleepers_in_other_processes) {
  const char* name = test_name("wakes");
  uvshm_sem_t* sem = open_sem(name, 0);
  struct test_process takers[3];
  uvshm_sem_info_t info;
  int i;

  (void) state;
  for (i = 0; i < 3; i++) {
    test_spawn(&takers[i], "taker", name, "100", NULL);
    test_expect(&takers[i], "ready");
  }
  for (i = 0; i < 100; i++) {
    assert_int_equal(uvshm_sem_post(sem, 1), 0);
    if (i % 10 == 0) test_sleep_ms(1);
  }
  assert_int_equal(uvshm_sem_post(sem, 200), 0);
  for (i = 0; i < 3; i++) {
    test_expect(&takers[i], "done");
    assert_int_equal(test_join(&takers[i]), 0);
  }
  assert_int_equal(uvshm_sem_info(sem, &info), 0);
  assert_int_equal(info.value, 0);
  uvshm_sem_close(sem);
  assert_int_equal(test_leftovers(), 0);
}


TEST(sem_that_a_killed_process_slept_on_wakes_the_next) {
  const char* name = test_name("sleeper");
  uvshm_sem_t* sem = open_sem(name, 0);
  struct test_process dead;
  struct test_process taker;

  (void) state;
  test_spawn(&dead, "taker", name, "1", NULL);
  test_expect(&dead, "ready");
  test_spawn(&taker, "taker", name, "1", NULL);
  test_expect(&taker, "ready");
  test_sleep_ms(50);
  test_kill(&dead);
  assert_int_equal(uvshm_sem_post(sem, 1), 0);
  test_expect(&taker, "done");
  assert_int_equal(test_join(&taker), 0);
  uvshm_sem_close(sem);
  assert_int_equal(test_leftovers(), 0);
}


static void block(void* arg) {
  void** args = arg;

  *(int*) args[1] = uvshm_sem_wait(args[0], UVSHM_FOREVER);
}


TEST(sem_cancel_wakes_this_handles_blocked_calls) {
  uvshm_sem_t* sem = open_sem(test_name("cancel"), 0);
  int result = 0;
  void* args[2];
  uv_thread_t thread;

  (void) state;
  args[0] = sem;
  args[1] = &result;
  uv_thread_create(&thread, block, args);
  test_sleep_ms(30);
  uvshm_sem_cancel(sem);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
  uvshm_sem_close(sem);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sem_counts),
      cmocka_unit_test(sem_refuses_more_than_its_largest_value),
      cmocka_unit_test(sem_wakes_sleepers_in_other_processes),
      cmocka_unit_test(sem_that_a_killed_process_slept_on_wakes_the_next),
      cmocka_unit_test(sem_cancel_wakes_this_handles_blocked_calls),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("sem", tests, NULL, NULL);
}
