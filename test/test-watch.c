/* SPDX-License-Identifier: MIT */

/* What is told of maps, locks and peers, in one process and between two. Other
 * kinds are in test-watch-kinds.c, the handle is in test-watch-handle.c. */

#include "harness.h"
#include "watch_desk.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- other processes ----------------------------------------------------- */

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


static const struct test_role roles[] = {
    {"putter", role_putter}, {"holder", role_holder}, {NULL, NULL}};

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


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
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
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
