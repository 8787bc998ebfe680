/* SPDX-License-Identifier: MIT */

/* The handle of a watch on its loop, in callbacks, in two threads, and when a
 * process with one is killed. */

#include "harness.h"
#include "segment.h"
#include "watch_desk.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#ifndef _WIN32
# include <poll.h>
#endif

#define TEST(sentence) static void sentence(void** state)

/* ---- other processes ----------------------------------------------------- */

static int watch_calls;


static void on_watched(uvshm_watch_t* watch, int status) {
  (void) watch;
  if (status == 0) watch_calls++;
  test_say("news %d", status);
}


/* Watches the map until it is killed. */
static int role_watcher(int argc, char** argv) {
  uvshm_watch_t watch;
  uv_loop_t own;

  (void) argc;
  if (!join(argv) || uv_loop_init(&own) < 0) return 1;
  if (uvshm_watch_init(&own, &watch) < 0) return 2;
  if (uvshm_watch_start_map(&watch, map, NULL, 0, on_watched) < 0) return 3;
  test_say("watching");
  uv_run(&own, UV_RUN_DEFAULT);
  return 4;
}


static const struct test_role roles[] = {
    {"putter", role_putter}, {"watcher", role_watcher}, {NULL, NULL}};

/* ---- the handle ---------------------------------------------------------- */

static uvshm_watch_t pair[2];


static void on_news_close_both(uvshm_watch_t* watch, int status) {
  (void) watch;
  (void) status;
  calls++;
  uvshm_watch_close(&pair[0], on_close);
  uvshm_watch_close(&pair[1], on_close);
}


TEST(watches_may_be_closed_in_callbacks) {
  int i;

  (void) state;
  for (i = 0; i < 2; i++) {
    init(&pair[i]);
    assert_int_equal(
        uvshm_watch_start_map(&pair[i], map, NULL, 0, on_news_close_both), 0);
  }
  put("a", "1");
  run_until(1);
  turns();
  assert_int_equal(calls, 1);
  assert_int_equal(closed, 2);
}


static void on_news_stop(uvshm_watch_t* watch, int status) {
  on_news(watch, status);
  uvshm_watch_stop(watch);
}


TEST(watches_may_be_stopped_and_started_in_callbacks) {
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  assert_int_equal(uvshm_watch_start_map(&watch, map, NULL, 0, on_news_stop),
                   0);
  put("a", "1");
  run_until(1);
  assert_int_equal(uvshm_watch_active(&watch), 0);
  put("a", "2");
  turns();
  assert_int_equal(calls, 1);
  start_map(&watch, NULL);
  put("a", "3");
  run_until(2);
  uvshm_watch_close(&watch, NULL);
  assert_int_equal(uvshm_watch_closing(&watch), 1);
  assert_int_equal(uvshm_watch_start_map(&watch, map, NULL, 0, on_news),
                   UV_EINVAL);
}


TEST(a_loop_ends_when_its_watches_are_not_referenced) {
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  start_map(&watch, NULL);
  uvshm_watch_unref(&watch);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  uvshm_watch_ref(&watch);
  assert_int_not_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
  uvshm_watch_stop(&watch);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  uvshm_watch_close(&watch, NULL);
}


TEST(objects_may_be_closed_when_the_watch_is) {
  uvshm_segment_t* other = test_segment(segment_name, 0);
  uvshm_map_t* of_other;
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_map_open(&of_other, other, "map", NULL), 0);
  init(&watch);
  assert_int_equal(uvshm_watch_start_map(&watch, of_other, NULL, 0, on_news),
                   0);
  turns();
  uvshm_watch_stop(&watch);
  uvshm_map_close(of_other);
  uvshm_segment_close(other);
  turns();
  start_map(&watch, NULL);
  put("a", "1");
  run_until(1);
  uvshm_watch_close(&watch, on_close);
  turns();
  assert_int_equal(closed, 1);
}


TEST(who_may_only_read_cannot_watch) {
  uvshm_segment_t* reader = test_segment(segment_name, UVSHM_READONLY);
  uvshm_map_t* of_reader;
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_map_open(&of_reader, reader, "map", NULL), 0);
  init(&watch);
  assert_int_equal(uvshm_watch_start_map(&watch, of_reader, NULL, 0, on_news),
                   UV_EACCES);
  assert_int_equal(uvshm_watch_start_peers(&watch, reader, on_peer), UV_EACCES);
  assert_int_equal(uvshm_watch_active(&watch), 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_map_close(of_reader);
  uvshm_segment_close(reader);
}


static void count_others(uv_handle_t* handle, void* arg) {
  if (!uvshm_watch_owns(handle)) ++*(int*) arg;
}


TEST(handles_of_the_library_can_be_told_from_others) {
  static uvshm_watch_t watch;
  static uv_idle_t idle;
  int others = 0;

  (void) state;
  init(&watch);
  start_map(&watch, NULL);
  uv_idle_init(&loop, &idle);
  uv_walk(&loop, count_others, &others);
  assert_int_equal(others, 2); /* and the deadline */
  uv_close((uv_handle_t*) &idle, NULL);
  uvshm_watch_close(&watch, NULL);
}

/* A foreign loop, of which the test has the simplest: wait for the one thing,
 * then let libuv look. */
static void wait_for(uv_os_fd_t fd) {
#ifdef _WIN32
  if (WaitForSingleObject(fd, TEST_PATIENCE_MS) != WAIT_OBJECT_0)
    fail_msg("not signaled");
#else
  struct pollfd item = {fd, POLLIN, 0};

  if (poll(&item, 1, TEST_PATIENCE_MS) != 1) fail_msg("not readable");
#endif
}


TEST(foreign_loops_have_something_to_wait_for) {
  struct test_process putter;
  static uvshm_watch_t watch;
  uv_os_fd_t fd;
  int i;

  (void) state;
  init(&watch);
  assert_int_equal(uvshm_watch_fileno(&watch, &fd), UV_EINVAL);
  start_map(&watch, NULL);
  assert_int_equal(uvshm_watch_fileno(&watch, &fd), 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  test_spawn(&putter, "putter", segment_name, NULL);
  test_expect(&putter, "ready");
  for (i = 1; i <= 5; i++) {
    test_tell(&putter, "value");
    while (calls < i) {
      wait_for(fd);
      uv_run(&loop, UV_RUN_NOWAIT);
    }
  }
  /* And back to libuv's own way. */
  uvshm_watch_stop(&watch);
  start_map(&watch, NULL);
  for (; i <= 25; i++) {
    test_tell(&putter, "value");
    run_until(i);
  }
  uvshm_watch_close(&watch, NULL);
  end(&putter);
}

/* ---- several loops ------------------------------------------------------- */

struct second {
  uv_loop_t loop;
  uvshm_watch_t watch;
  uv_sem_t started;
  int calls;
  int err;
};


static void on_second(uvshm_watch_t* watch, int status) {
  struct second* second = watch->data;

  if (status < 0) second->err = status;
  if (++second->calls == 3) uvshm_watch_close(watch, NULL);
  uv_sem_post(&second->started);
}


static void run_second(void* arg) {
  struct second* second = arg;

  second->err = uv_loop_init(&second->loop);
  if (second->err == 0)
    second->err = uvshm_watch_init(&second->loop, &second->watch);
  second->watch.data = second;
  if (second->err == 0)
    second->err =
        uvshm_watch_start_map(&second->watch, map, NULL, 0, on_second);
  uv_sem_post(&second->started);
  if (second->err < 0) return;
  uv_run(&second->loop, UV_RUN_DEFAULT);
  if (second->err == 0) second->err = uv_loop_close(&second->loop);
}


TEST(loops_in_two_threads_are_both_told) {
  struct second second;
  static uvshm_watch_t watch;
  uv_thread_t thread;
  int i;

  (void) state;
  memset(&second, 0, sizeof(second));
  uv_sem_init(&second.started, 0);
  init(&watch);
  start_map(&watch, NULL);
  assert_int_equal(uv_thread_create(&thread, run_second, &second), 0);
  uv_sem_wait(&second.started);
  for (i = 1; i <= 3; i++) {
    put("a", "1");
    run_until(i);
    uv_sem_wait(&second.started);
  }
  uv_thread_join(&thread);
  assert_int_equal(second.calls, 3);
  assert_int_equal(second.err, 0);
  uvshm_watch_close(&watch, NULL);
  uv_sem_destroy(&second.started);
}

/* ---- deaths -------------------------------------------------------------- */

/* Who puts is not held up by a watcher that is gone, and what the watcher had
 * is cleared up. */
TEST(a_killed_watcher_harms_nobody) {
  struct test_process watcher;
  static uvshm_watch_t watch;
  uint32_t repaired = 0;
  char line[64];
  int i;

  (void) state;
  init(&watch);
  start_map(&watch, NULL);
  for (i = 0; i < 3; i++) {
    test_spawn(&watcher, "watcher", segment_name, NULL);
    test_expect(&watcher, "watching");
    put("a", "1");
    test_expect_line(&watcher, line, sizeof(line));
    assert_string_equal(line, "news 0");
    test_kill(&watcher);
    put("a", "2");
    run_until(i + 1);
  }
  assert_int_equal(uvshm_segment_repair(segment, &repaired), 0);
  uvshm_watch_close(&watch, NULL);
}


TEST(a_killed_changer_is_made_up_for) {
  struct test_process putter;
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  start_map(&watch, NULL);
  test_spawn(&putter, "putter", segment_name, NULL);
  test_expect(&putter, "ready");
  test_tell(&putter, "value");
  test_kill(&putter);
  put("a", "1");
  run_until(1);
  uvshm_watch_close(&watch, NULL);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      CASE(watches_may_be_closed_in_callbacks),
      CASE(watches_may_be_stopped_and_started_in_callbacks),
      CASE(a_loop_ends_when_its_watches_are_not_referenced),
      CASE(objects_may_be_closed_when_the_watch_is),
      CASE(who_may_only_read_cannot_watch),
      CASE(handles_of_the_library_can_be_told_from_others),
      CASE(foreign_loops_have_something_to_wait_for),
      CASE(loops_in_two_threads_are_both_told),
      CASE(a_killed_watcher_harms_nobody),
      CASE(a_killed_changer_is_made_up_for),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("watch-handle", tests, NULL, NULL);
}
