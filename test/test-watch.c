/* SPDX-License-Identifier: MIT */

/* Watches in one process and between two. */

#include "harness.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef _WIN32
# include <poll.h>
#endif

#define TEST(sentence) static void sentence(void** state)

static uvshm_segment_t* segment;
static uvshm_map_t* map;
static const char* segment_name;
static uv_loop_t loop;
static uv_timer_t deadline;

/* What the callbacks have seen. */
static int calls;
static int last_status;
static uvshm_peer_info_t last_peer;
static int closed;


static uvshm_segment_t* open_segment(const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* opened = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = 1 << 20;
  err = uvshm_segment_open(&opened, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


static int set_up(void** state) {
  (void) state;
  segment_name = test_name("watch");
  segment = open_segment(segment_name, UVSHM_CREATE);
  assert_int_equal(uvshm_map_open(&map, segment, "map", NULL), 0);
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uv_timer_init(&loop, &deadline), 0);
  calls = 0;
  last_status = 1000;
  closed = 0;
  return 0;
}


/* The loop closes without an error: nothing of ours is left in it. */
static int tear_down(void** state) {
  (void) state;
  uv_close((uv_handle_t*) &deadline, NULL);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}

/* ---- callbacks and turns ------------------------------------------------- */

static void on_news(uvshm_watch_t* watch, int status) {
  (void) watch;
  calls++;
  last_status = status;
}


static void on_peer(uvshm_watch_t* watch,
                    int status,
                    const uvshm_peer_info_t* peer) {
  (void) watch;
  calls++;
  last_status = status;
  if (peer != NULL) last_peer = *peer;
}


static void on_close(uvshm_watch_t* watch) {
  (void) watch;
  closed++;
}


static void on_deadline(uv_timer_t* timer) {
  (void) timer;
  fail_msg("nothing came for %d ms", TEST_PATIENCE_MS);
}


/* Run the loop until `count` calls have come. */
static void run_until(int count) {
  uv_timer_start(&deadline, on_deadline, TEST_PATIENCE_MS, 0);
  while (calls < count) uv_run(&loop, UV_RUN_ONCE);
  uv_timer_stop(&deadline);
}


/* A few turns that do not wait. */
static void turns(void) {
  int i;

  for (i = 0; i < 4; i++) uv_run(&loop, UV_RUN_NOWAIT);
}


static void put(const char* key, const char* value) {
  int err = uvshm_map_put(map, key, strlen(key), value, strlen(value));

  if (err < 0) fail_msg("put: %s", uvshm_strerror(err));
}


static void init(uvshm_watch_t* watch) {
  assert_int_equal(uvshm_watch_init(&loop, watch), 0);
}


static void start_map(uvshm_watch_t* watch, const char* key) {
  assert_int_equal(uvshm_watch_start_map(
                       watch, map, key, key != NULL ? strlen(key) : 0, on_news),
                   0);
}

/* ---- other processes ----------------------------------------------------- */

static int join(char** argv) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) return 0;
  return uvshm_map_open(&map, segment, "map", NULL) == 0;
}


static int part(int code) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return code;
}


/* Puts once for each line that it hears. */
static int role_putter(int argc, char** argv) {
  const char* line;

  (void) argc;
  if (!join(argv)) return 1;
  test_say("ready");
  while ((line = test_hear()) != NULL && strcmp(line, "exit") != 0)
    if (uvshm_map_put(map, "key", 3, line, strlen(line)) < 0) return 2;
  return part(0);
}


/* Holds the mutex between two lines. */
static int role_holder(int argc, char** argv) {
  uvshm_mutex_t* mutex;

  (void) argc;
  if (!join(argv)) return 1;
  if (uvshm_mutex_open(&mutex, segment, "mutex", NULL) < 0) return 2;
  if (uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) < 0) return 3;
  test_say("held");
  test_hear();
  if (uvshm_mutex_unlock(mutex) < 0) return 4;
  test_say("free");
  test_hear();
  uvshm_mutex_close(mutex);
  return part(0);
}


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


static const struct test_role roles[] = {{"putter", role_putter},
                                         {"holder", role_holder},
                                         {"watcher", role_watcher},
                                         {NULL, NULL}};

static void end(struct test_process* process) {
  test_tell(process, "exit");
  assert_int_equal(test_join(process), 0);
}

/* ---- maps ---------------------------------------------------------------- */

TEST(map_changes_are_told) {
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  start_map(&watch, NULL);
  assert_int_equal(uvshm_watch_active(&watch), 1);
  turns();
  assert_int_equal(calls, 0);
  put("a", "1");
  put("b", "2");
  run_until(1);
  turns();
  assert_int_equal(calls, 1);
  assert_int_equal(last_status, 0);
  assert_int_equal(uvshm_map_remove(map, "a", 1), 0);
  run_until(2);
  uvshm_watch_close(&watch, on_close);
  turns();
  assert_int_equal(closed, 1);
}


TEST(map_keys_are_told_apart) {
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  start_map(&watch, "wanted");
  put("other", "1");
  turns();
  assert_int_equal(calls, 0);
  put("wanted", "1");
  run_until(1);
  assert_int_equal(uvshm_map_remove(map, "wanted", 6), 0);
  run_until(2);
  put("other", "2");
  turns();
  assert_int_equal(calls, 2);
  uvshm_watch_close(&watch, NULL);
}


/* By a look each second this would take half a minute. */
TEST(map_changes_of_others_wake_the_loop) {
  struct test_process putter;
  uint64_t start;
  static uvshm_watch_t watch;
  int i;

  (void) state;
  init(&watch);
  start_map(&watch, "key");
  test_spawn(&putter, "putter", segment_name, NULL);
  test_expect(&putter, "ready");
  start = test_now_ms();
  for (i = 1; i <= 30; i++) {
    test_tell(&putter, "value");
    run_until(i);
  }
  assert_true(test_now_ms() - start < 15000);
  uvshm_watch_close(&watch, NULL);
  end(&putter);
}


TEST(map_that_is_removed_is_told) {
  static uvshm_watch_t watch;

  (void) state;
  init(&watch);
  start_map(&watch, NULL);
  assert_int_equal(uvshm_map_unlink(segment, "map", 0), 0);
  run_until(1);
  assert_int_equal(last_status, UV_ENXIO);
  assert_int_equal(uvshm_watch_active(&watch), 0);
  uvshm_watch_close(&watch, NULL);
}

/* ---- locks --------------------------------------------------------------- */

static uvshm_mutex_t* mutex;


static void on_lock(uvshm_watch_t* watch, int status) {
  calls++;
  last_status = status;
  assert_int_equal(uvshm_watch_active(watch), 0);
  if (status >= 0) assert_int_equal(uvshm_mutex_unlock(mutex), 0);
}


TEST(lock_that_is_free_comes_at_once) {
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  init(&watch);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, on_lock), 0);
  run_until(1);
  turns();
  assert_int_equal(calls, 1);
  assert_int_equal(last_status, 0);
  uvshm_watch_close(&watch, NULL);
  uvshm_mutex_close(mutex);
}


TEST(lock_comes_when_its_holder_gives_it_back) {
  struct test_process holder;
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  test_spawn(&holder, "holder", segment_name, NULL);
  test_expect(&holder, "held");
  init(&watch);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, on_lock), 0);
  turns();
  assert_int_equal(calls, 0);
  test_tell(&holder, "now");
  run_until(1);
  assert_int_equal(last_status, 0);
  test_expect(&holder, "free");
  uvshm_watch_close(&watch, NULL);
  end(&holder);
  uvshm_mutex_close(mutex);
}


TEST(lock_of_a_killed_holder_comes_with_the_news) {
  struct test_process holder;
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  test_spawn(&holder, "holder", segment_name, NULL);
  test_expect(&holder, "held");
  init(&watch);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, on_lock), 0);
  turns();
  test_kill(&holder);
  run_until(1);
  assert_int_equal(last_status, UVSHM_OWNER_DIED);
  uvshm_watch_close(&watch, NULL);
  uvshm_mutex_close(mutex);
}


TEST(lock_can_be_given_up) {
  struct test_process holder;
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  test_spawn(&holder, "holder", segment_name, NULL);
  test_expect(&holder, "held");
  init(&watch);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, on_lock), 0);
  turns();
  uvshm_watch_stop(&watch);
  test_tell(&holder, "now");
  test_expect(&holder, "free");
  turns();
  assert_int_equal(calls, 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_watch_close(&watch, NULL);
  end(&holder);
  uvshm_mutex_close(mutex);
}


TEST(lock_known_by_its_name_alone_comes_too) {
  const char* name = test_name("alone");
  static uvshm_watch_t watch;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  init(&watch);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, on_lock), 0);
  turns();
  assert_int_equal(calls, 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  run_until(1);
  uvshm_watch_close(&watch, NULL);
  uvshm_mutex_close(mutex);
}

/* ---- peers --------------------------------------------------------------- */

TEST(peers_that_come_go_and_die_are_told) {
  struct test_process one;
  struct test_process two;
  static uvshm_watch_t watch;
  uint32_t slot;

  (void) state;
  test_spawn(&one, "putter", segment_name, NULL);
  test_expect(&one, "ready");
  init(&watch);
  assert_int_equal(uvshm_watch_start_peers(&watch, segment, on_peer), 0);
  run_until(1);
  assert_int_equal(last_status, UVSHM_WATCH_ATTACHED);
  assert_int_equal(last_peer.pid, one.process.pid);
  assert_int_equal(last_peer.alive, 1);
  slot = last_peer.slot;
  test_spawn(&two, "putter", segment_name, NULL);
  test_expect(&two, "ready");
  run_until(2);
  assert_int_equal(last_status, UVSHM_WATCH_ATTACHED);
  assert_int_not_equal(last_peer.slot, slot);
  end(&one);
  run_until(3);
  assert_int_equal(last_status, UVSHM_WATCH_LEFT);
  assert_int_equal(last_peer.slot, slot);
  test_kill(&two);
  run_until(4);
  assert_int_equal(last_status, UVSHM_WATCH_DIED);
  assert_int_not_equal(last_peer.slot, slot);
  turns();
  assert_int_equal(calls, 4);
  uvshm_watch_close(&watch, NULL);
}


/* Whoever repairs first, every watcher is told how it ended. */
TEST(peers_that_others_have_repaired_after_are_told) {
  struct test_process dead;
  static uvshm_watch_t watch;
  uint32_t repaired = 0;

  (void) state;
  test_spawn(&dead, "putter", segment_name, NULL);
  test_expect(&dead, "ready");
  init(&watch);
  assert_int_equal(uvshm_watch_start_peers(&watch, segment, on_peer), 0);
  run_until(1);
  test_kill(&dead);
  while (repaired == 0)
    assert_int_equal(uvshm_segment_repair(segment, &repaired), 0);
  run_until(2);
  assert_int_equal(last_status, UVSHM_WATCH_DIED);
  uvshm_watch_close(&watch, NULL);
}

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
  uvshm_segment_t* other = open_segment(segment_name, 0);
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
  uvshm_segment_t* reader = open_segment(segment_name, UVSHM_READONLY);
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
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      CASE(map_changes_are_told),
      CASE(map_keys_are_told_apart),
      CASE(map_changes_of_others_wake_the_loop),
      CASE(map_that_is_removed_is_told),
      CASE(lock_that_is_free_comes_at_once),
      CASE(lock_comes_when_its_holder_gives_it_back),
      CASE(lock_of_a_killed_holder_comes_with_the_news),
      CASE(lock_can_be_given_up),
      CASE(lock_known_by_its_name_alone_comes_too),
      CASE(peers_that_come_go_and_die_are_told),
      CASE(peers_that_others_have_repaired_after_are_told),
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
  return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
