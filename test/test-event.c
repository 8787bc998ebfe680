/* SPDX-License-Identifier: MIT */

/* The event as programs see it, of both kinds. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static uvshm_event_t* open_event(const char* name, uint32_t flags) {
  uvshm_event_options_t options;
  uvshm_event_t* event = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  err = uvshm_event_open(&event, NULL, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return event;
}


static uvshm_event_info_t info_of(uvshm_event_t* event) {
  uvshm_event_info_t info;

  assert_int_equal(uvshm_event_info(event, &info), 0);
  return info;
}


static void expect_waiters(uvshm_event_t* event, uint32_t count) {
  uint64_t end = test_now_ms() + TEST_PATIENCE_MS;

  while (info_of(event).waiters != count && test_now_ms() < end)
    test_sleep_ms(1);
}

/* ---- roles --------------------------------------------------------------- */

/* Waits `argv[1]` times on an event of flags `argv[2]`: a line for each. */
static int role_waiter(int argc, char** argv) {
  uvshm_event_options_t options;
  uvshm_event_t* event;
  int n = atoi(argv[1]);

  (void) argc;
  memset(&options, 0, sizeof(options));
  options.flags = (uint32_t) atoi(argv[2]);
  if (uvshm_event_open(&event, NULL, argv[0], &options) < 0) return 1;
  test_say("ready");
  while (n-- > 0) {
    if (uvshm_event_wait(event, 15000) != 0) return 2;
    test_say("passed");
  }
  uvshm_event_close(event);
  return 0;
}


/* Two events: waits for the first, sets the second, `argv[2]` times. */
static int role_echo(int argc, char** argv) {
  uvshm_event_t* ping;
  uvshm_event_t* pong;
  int n = atoi(argv[2]);

  (void) argc;
  if (uvshm_event_open(&ping, NULL, argv[0], NULL) < 0) return 1;
  if (uvshm_event_open(&pong, NULL, argv[1], NULL) < 0) return 2;
  test_say("ready");
  while (n-- > 0) {
    if (uvshm_event_wait(ping, 15000) != 0) return 3;
    if (uvshm_event_set(pong) != 0) return 4;
  }
  uvshm_event_close(ping);
  uvshm_event_close(pong);
  return 0;
}


static const struct test_role roles[] = {
    {"waiter", role_waiter}, {"echo", role_echo}, {NULL, NULL}};


static void start(struct test_process* waiter,
                  const char* name,
                  const char* times,
                  uint32_t flags) {
  char text[16];

  snprintf(text, sizeof(text), "%u", (unsigned int) flags);
  test_spawn(waiter, "waiter", name, times, text, NULL);
  test_expect(waiter, "ready");
}

/* ---- cases --------------------------------------------------------------- */

TEST(event_that_resets_itself_lets_one_wait_pass) {
  uvshm_event_t* event = open_event(test_name("auto"), UVSHM_EVENT_SET);

  (void) state;
  assert_int_equal(info_of(event).set, 1);
  assert_int_equal(info_of(event).manual, 0);
  assert_int_equal(uvshm_event_wait(event, UVSHM_FOREVER), 0);
  assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  assert_int_equal(uvshm_event_wait(event, 20), UV_ETIMEDOUT);
  assert_int_equal(uvshm_event_set(event), 0);
  assert_int_equal(uvshm_event_set(event), 0);
  assert_int_equal(uvshm_event_wait(event, 20), 0);
  assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  assert_int_equal(uvshm_event_set(event), 0);
  assert_int_equal(uvshm_event_reset(event), 0);
  assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  uvshm_event_close(event);
  assert_int_equal(test_leftovers(), 0);
}


TEST(event_that_is_manual_stays_set) {
  const char* name = test_name("manual");
  uvshm_event_t* event = open_event(name, UVSHM_EVENT_MANUAL);
  uvshm_event_t* other;

  (void) state;
  assert_int_equal(uvshm_event_open(&other, NULL, name, NULL), UV_EPROTOTYPE);
  assert_non_null(strstr(uvshm_error_detail(), "manual"));
  assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  assert_int_equal(uvshm_event_set(event), 0);
  assert_int_equal(uvshm_event_wait(event, 0), 0);
  assert_int_equal(uvshm_event_wait(event, UVSHM_FOREVER), 0);
  assert_int_equal(info_of(event).set, 1);
  assert_int_equal(info_of(event).manual, 1);
  assert_int_equal(uvshm_event_reset(event), 0);
  assert_int_equal(uvshm_event_wait(event, 20), UV_ETIMEDOUT);
  uvshm_event_close(event);
}


TEST(event_in_a_segment_is_of_the_kind_that_it_was_made) {
  uvshm_segment_options_t segment_options;
  uvshm_event_options_t options;
  uvshm_segment_t* segment;
  uvshm_event_t* other;
  uvshm_event_t* event;

  (void) state;
  memset(&segment_options, 0, sizeof(segment_options));
  segment_options.flags = UVSHM_CREATE;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_EVENT_MANUAL | UVSHM_EVENT_SET;
  assert_int_equal(
      uvshm_segment_open(&segment, test_name("event"), &segment_options), 0);
  assert_int_equal(uvshm_event_open(&event, segment, "go", &options), 0);
  assert_int_equal(uvshm_event_open(&other, segment, "go", NULL),
                   UV_EPROTOTYPE);
  assert_int_equal(uvshm_event_wait(event, 0), 0);
  assert_int_equal(uvshm_event_unlink(segment, "go", 0), 0);
  assert_int_equal(uvshm_event_set(event), UV_ENXIO);
  assert_int_equal(uvshm_event_wait(event, 0), UV_ENXIO);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_event_close(event);
  uvshm_segment_close(segment);
}


TEST(event_lets_as_many_pass_as_it_was_set_times) {
  const char* name = test_name("times");
  uvshm_event_t* event = open_event(name, 0);
  struct test_process a;
  struct test_process b;
  int i;

  (void) state;
  start(&a, name, "20", 0);
  start(&b, name, "20", 0);
  for (i = 0; i < 40; i++) {
    assert_int_equal(uvshm_event_set(event), 0);
    /* Sets that nobody has taken are one. */
    while (info_of(event).set) test_sleep_ms(i % 8 == 0 ? 1 : 0);
  }
  for (i = 0; i < 20; i++) {
    test_expect(&a, "passed");
    test_expect(&b, "passed");
  }
  assert_int_equal(test_join(&a), 0);
  assert_int_equal(test_join(&b), 0);
  assert_int_equal(uvshm_event_wait(event, 0), UV_EAGAIN);
  uvshm_event_close(event);
}


TEST(event_that_is_manual_lets_all_pass_even_if_it_is_reset_at_once) {
  const char* name = test_name("pulse");
  uvshm_event_t* event = open_event(name, UVSHM_EVENT_MANUAL);
  struct test_process waiters[3];
  int i;

  (void) state;
  for (i = 0; i < 3; i++) start(&waiters[i], name, "1", UVSHM_EVENT_MANUAL);
  expect_waiters(event, 3);
  assert_int_equal(uvshm_event_set(event), 0);
  assert_int_equal(uvshm_event_reset(event), 0);
  for (i = 0; i < 3; i++) {
    test_expect(&waiters[i], "passed");
    assert_int_equal(test_join(&waiters[i]), 0);
  }
  uvshm_event_close(event);
}


TEST(event_that_a_killed_process_waited_for_wakes_the_next) {
  const char* name = test_name("killed");
  uvshm_event_t* event = open_event(name, 0);
  struct test_process dead;
  struct test_process next;

  (void) state;
  start(&dead, name, "1", 0);
  start(&next, name, "1", 0);
  expect_waiters(event, 2);
  test_kill(&dead);
  assert_int_equal(uvshm_event_set(event), 0);
  test_expect(&next, "passed");
  assert_int_equal(test_join(&next), 0);
  uvshm_event_close(event);
  assert_int_equal(test_leftovers(), 0);
}


static void block(void* arg) {
  void** args = arg;

  *(int*) args[1] = uvshm_event_wait(args[0], UVSHM_FOREVER);
}


TEST(event_cancel_wakes_this_handles_blocked_calls) {
  uvshm_event_t* event = open_event(test_name("cancel"), 0);
  uv_thread_t thread;
  int result = 1;
  void* args[2];

  (void) state;
  args[0] = event;
  args[1] = &result;
  uv_thread_create(&thread, block, args);
  expect_waiters(event, 1);
  uvshm_event_cancel(event);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
  uvshm_event_close(event);
}


TEST(event_goes_to_and_fro) {
  const char* names[2] = {test_name("ping"), test_name("pong")};
  uvshm_event_t* ping = open_event(names[0], 0);
  uvshm_event_t* pong = open_event(names[1], 0);
  struct test_process echo;
  int i;

  (void) state;
  test_spawn(&echo, "echo", names[0], names[1], "2000", NULL);
  test_expect(&echo, "ready");
  for (i = 0; i < 2000; i++) {
    assert_int_equal(uvshm_event_set(ping), 0);
    assert_int_equal(uvshm_event_wait(pong, 15000), 0);
  }
  assert_int_equal(test_join(&echo), 0);
  uvshm_event_close(ping);
  uvshm_event_close(pong);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(event_that_resets_itself_lets_one_wait_pass),
      cmocka_unit_test(event_that_is_manual_stays_set),
      cmocka_unit_test(event_in_a_segment_is_of_the_kind_that_it_was_made),
      cmocka_unit_test(event_lets_as_many_pass_as_it_was_set_times),
      cmocka_unit_test(
          event_that_is_manual_lets_all_pass_even_if_it_is_reset_at_once),
      cmocka_unit_test(event_that_a_killed_process_waited_for_wakes_the_next),
      cmocka_unit_test(event_cancel_wakes_this_handles_blocked_calls),
      cmocka_unit_test(event_goes_to_and_fro),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
