/* SPDX-License-Identifier: MIT */

/* Maps that several processes or threads use, and some of them leave. */

#include "harness.h"
#include "map_desk.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- other processes ----------------------------------------------------- */

static int join(int readonly, char** argv) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  if (readonly) options.flags = UVSHM_READONLY;
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) return 0;
  return uvshm_map_open(&map, segment, "map", NULL) == 0;
}


static int part(int code) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return code;
}


/* Add to one counter, and put keys of one's own. */
static int role_adder(int argc, char** argv) {
  uint64_t key;
  int64_t sum;
  int i;

  (void) argc;
  if (!join(0, argv)) return 1;
  for (i = 0; i < 20000; i++) {
    key = (uint64_t) (unsigned) atoi(argv[1]) << 32 | (unsigned) i;
    if (uvshm_map_add(map, "sum", 3, 1, &sum) < 0) return 2;
    if (uvshm_map_put(map, &key, 8, &key, 8) < 0) return 3;
  }
  return part(0);
}


/* Values are one byte many times over; whoever reads must find them so. */
static void fill(unsigned char* value, size_t size, unsigned int number) {
  memset(value, (int) (number & 0xff), size);
}


static int is_filled(const unsigned char* value, size_t size) {
  size_t i;

  for (i = 1; i < size; i++)
    if (value[i] != value[0]) return 0;
  return 1;
}


static int role_scribe(int argc, char** argv) {
  unsigned char value[300];
  unsigned int i;

  (void) argc;
  if (!join(0, argv)) return 1;
  test_say("writing");
  for (i = 0; i < 300000; i++) {
    fill(value, sizeof(value), i);
    if (uvshm_map_put(map, "hot", 3, value, 100 + i % 200) < 0) return 2;
    if (i % 3 == 0 && uvshm_map_put(map, "cold", 4, value, 8) < 0) return 3;
    if (i % 3 == 1 && uvshm_map_remove(map, "cold", 4) < 0) return 4;
  }
  return part(0);
}


static int role_waiter(int argc, char** argv) {
  uint64_t version = 0;
  int err;

  (void) argc;
  if (!join(0, argv)) return 1;
  test_say("waiting");
  err = uvshm_map_wait_change(map, "news", 4, &version, 15000);
  if (err < 0 || version == 0) return 2;
  test_say("first");
  err = uvshm_map_wait_change(map, "news", 4, &version, 15000);
  if (err < 0) return 3;
  test_say(version == 0 ? "removed" : "second");
  return part(0);
}


static int role_dead_writer(int argc, char** argv) {
  unsigned char value[500];
  uint64_t key = 0;

  (void) argc;
  if (!join(0, argv)) return 1;
  test_say("writing");
  memset(value, 7, sizeof(value));
  for (;;) {
    key = (key + 1) % 500;
    if (uvshm_map_put(map, &key, 8, value, (size_t) (key % 500)) < 0) return 2;
    if (key % 3 == 0 && uvshm_map_remove(map, &key, 8) < 0) return 3;
  }
}


static const struct test_role roles[] = {{"adder", role_adder},
                                         {"scribe", role_scribe},
                                         {"waiter", role_waiter},
                                         {"dead-writer", role_dead_writer},
                                         {NULL, NULL}};

/* ---- several processes --------------------------------------------------- */

TEST(map_loses_no_change_of_two_processes) {
  struct test_process adders[2];
  uint64_t key;
  int64_t sum;
  int i;

  (void) state;
  test_spawn(&adders[0], "adder", segment_name, "1", NULL);
  test_spawn(&adders[1], "adder", segment_name, "2", NULL);
  assert_int_equal(test_join(&adders[0]), 0);
  assert_int_equal(test_join(&adders[1]), 0);
  assert_int_equal(uvshm_map_add(map, "sum", 3, 0, &sum), 0);
  assert_int_equal(sum, 40000);
  assert_int_equal(count(), 40001);
  for (i = 0; i < 20000; i++) {
    key = UINT64_C(2) << 32 | (unsigned) i;
    assert_int_equal(uvshm_map_contains(map, &key, 8), 0);
  }
}


/* `from`: what reads; the map itself, or one that may only read. */
static void read_beside_writer(uvshm_map_t* from) {
  struct test_process scribe;
  unsigned char value[300];
  uint64_t version = 0;
  uint64_t found;
  char line[32];
  size_t size;
  int reads = 0;
  int busy = 0;
  int err;

  put("hot", "h");
  test_spawn(&scribe, "scribe", segment_name, NULL);
  test_expect_line(&scribe, line, sizeof(line));
  while (reads < 200000) {
    size = sizeof(value);
    err = uvshm_map_get(from, "hot", 3, value, &size, &found);
    if (err == UV_EAGAIN && from != map) {
      busy++;
      continue;
    }
    assert_int_equal(err, 0);
    assert_true(size >= 1 && is_filled(value, size));
    assert_true(found >= version);
    version = found;
    reads++;
    size = sizeof(value);
    err = uvshm_map_get(from, "cold", 4, value, &size, NULL);
    if (err == 0) assert_true(size == 8 && is_filled(value, size));
  }
  assert_int_equal(test_join(&scribe), 0);
  if (busy != 0) printf("%d reads were too slow\n", busy);
}


TEST(map_readers_see_whole_values) {
  (void) state;
  read_beside_writer(map);
}


TEST(map_can_be_read_in_a_segment_attached_for_reading) {
  uvshm_segment_t* segment2 = test_segment(segment_name, UVSHM_READONLY);
  uvshm_map_cursor_t cursor = {{0, 0}};
  uvshm_map_t* map2 = open_map(segment2);
  uint64_t version = 0;
  size_t size = 0;

  (void) state;
  put("k", "v");
  assert_int_equal(uvshm_map_get(map2, "k", 1, NULL, &size, NULL), 0);
  assert_int_equal(uvshm_map_next(map2, &cursor, NULL, NULL, NULL, NULL), 0);
  assert_int_equal(uvshm_map_put(map2, "k", 1, "w", 1), UV_EACCES);
  assert_int_equal(uvshm_map_remove(map2, "k", 1), UV_EACCES);
  assert_int_equal(uvshm_map_wait_change(map2, "k", 1, &version, 0), UV_EACCES);
  assert_int_equal(uvshm_map_unlink(segment2, "map", 0), UV_EACCES);
  /* What is over is not removed by those who may not. */
  assert_int_equal(uvshm_map_expire(map, "k", 1, 1), 0);
  test_sleep_ms(10);
  assert_int_equal(uvshm_map_contains(map2, "k", 1), UV_ENOENT);
  assert_int_equal(count(), 1);
  read_beside_writer(map2);
  assert_int_equal(uvshm_map_unlink(segment, "map", 0), 0);
  assert_int_equal(uvshm_map_contains(map2, "hot", 3), UV_ENXIO);
  uvshm_map_close(map2);
  uvshm_segment_close(segment2);
}


TEST(map_waits_for_a_key) {
  struct test_process waiters[2];
  int i;

  (void) state;
  for (i = 0; i < 2; i++) {
    test_spawn(&waiters[i], "waiter", segment_name, NULL);
    test_expect(&waiters[i], "waiting");
  }
  put("other", "1");
  test_sleep_ms(30);
  put("news", "1");
  for (i = 0; i < 2; i++) test_expect(&waiters[i], "first");
  test_sleep_ms(30);
  assert_int_equal(uvshm_map_remove(map, "news", 4), 0);
  for (i = 0; i < 2; i++) {
    test_expect(&waiters[i], "removed");
    assert_int_equal(test_join(&waiters[i]), 0);
  }
}


static void put_later(void* arg) {
  (void) arg;
  test_sleep_ms(30);
  put("later", "1");
}


TEST(map_waits_for_any_change) {
  uvshm_map_info_t info;
  uv_thread_t thread;
  uint64_t changes;

  (void) state;
  assert_int_equal(uvshm_map_info(map, &info), 0);
  changes = info.changes;
  assert_int_equal(uvshm_map_wait_change(map, NULL, 0, &changes, 20),
                   UV_ETIMEDOUT);
  uv_thread_create(&thread, put_later, NULL);
  assert_int_equal(uvshm_map_wait_change(map, NULL, 0, &changes, 15000), 0);
  uv_thread_join(&thread);
  assert_true(changes > info.changes);
}


static void wait_for_ever(void* arg) {
  uint64_t version = 0;

  *(int*) arg = uvshm_map_wait_change(map, "k", 1, &version, UVSHM_FOREVER);
}


TEST(map_cancel_wakes_those_who_wait) {
  uv_thread_t thread;
  int result = 0;

  (void) state;
  uv_thread_create(&thread, wait_for_ever, &result);
  test_sleep_ms(30);
  uvshm_map_cancel(map);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
}


TEST(map_outlives_writers_that_are_killed) {
  struct test_process dead;
  unsigned char value[500];
  uint64_t key;
  size_t size;
  int i;
  int err;

  (void) state;
  for (i = 0; i < 10; i++) {
    test_spawn(&dead, "dead-writer", segment_name, NULL);
    test_expect(&dead, "writing");
    test_sleep_ms((unsigned int) i * 3);
    test_kill(&dead);
    for (key = 0; key < 500; key++) {
      size = sizeof(value);
      err = uvshm_map_get(map, &key, 8, value, &size, NULL);
      assert_true(err == UV_ENOENT || (err == 0 && (size == key || size == 0)));
      assert_int_equal(uvshm_map_put(map, &key, 8, "", 0), 0);
    }
    assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
    assert_int_equal(uvshm_segment_check(segment), 0);
  }
  assert_int_equal(uvshm_map_clear(map), 0);
}

/* What a thread has found wrong, for the test to assert. */
static int thread_error;


static void write_in_thread(void* arg) {
  unsigned char value[100];
  unsigned int i;
  uint64_t key;

  for (i = 0; i < 20000; i++) {
    key = i % 50 + *(uint64_t*) arg * 25;
    fill(value, sizeof(value), i);
    if (uvshm_map_put(map, &key, 8, value, 20 + i % 80) < 0 ||
        uvshm_map_add(map, "sum", 3, 1, NULL) < 0 ||
        (i % 7 == 0 && uvshm_map_remove(map, &key, 8) < 0 &&
         *(uint64_t*) arg > 1))
      thread_error = 1;
  }
}


static void read_in_thread(void* arg) {
  unsigned char value[100];
  uint64_t key;
  size_t size;
  int i;
  int err;

  (void) arg;
  for (i = 0; i < 100000; i++) {
    key = (uint64_t) i % 80;
    size = sizeof(value);
    err = uvshm_map_get(map, &key, 8, value, &size, NULL);
    if (err != UV_ENOENT && (err < 0 || !is_filled(value, size)))
      thread_error = 2;
  }
}


TEST(map_threads_share_a_handle) {
  uv_thread_t threads[3];
  uint64_t numbers[2] = {0, 1};
  int64_t sum;
  int i;

  (void) state;
  thread_error = 0;
  uv_thread_create(&threads[0], write_in_thread, &numbers[0]);
  uv_thread_create(&threads[1], write_in_thread, &numbers[1]);
  uv_thread_create(&threads[2], read_in_thread, NULL);
  for (i = 0; i < 3; i++) uv_thread_join(&threads[i]);
  assert_int_equal(thread_error, 0);
  assert_int_equal(uvshm_map_add(map, "sum", 3, 0, &sum), 0);
  assert_int_equal(sum, 40000);
}

int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      CASE(map_loses_no_change_of_two_processes),
      CASE(map_readers_see_whole_values),
      CASE(map_can_be_read_in_a_segment_attached_for_reading),
      CASE(map_waits_for_a_key),
      CASE(map_waits_for_any_change),
      CASE(map_cancel_wakes_those_who_wait),
      CASE(map_outlives_writers_that_are_killed),
      CASE(map_threads_share_a_handle),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("map-peers", tests, NULL, NULL);
}
