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

#define KEYS 20000u
#define VALUE_SIZE 64u

static uvshm_segment_t* segment;
static uvshm_map_t* map;
static const char* segment_name;


static uvshm_segment_t* open_segment(const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* opened = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = 1 << 20;
  options.max_size = 64 << 20;
  err = uvshm_segment_open(&opened, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


static uvshm_map_t* open_map(uvshm_segment_t* in) {
  uvshm_map_t* opened = NULL;
  int err = uvshm_map_open(&opened, in, "map", NULL);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


static int set_up(void** state) {
  (void) state;
  segment_name = test_name("map");
  segment = open_segment(segment_name, UVSHM_CREATE);
  map = open_map(segment);
  return 0;
}


static int tear_down(void** state) {
  (void) state;
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}


static void put(const char* key, const char* value) {
  int err = uvshm_map_put(map, key, strlen(key), value, strlen(value));

  if (err < 0) fail_msg("put: %s", uvshm_strerror(err));
}


static void expect(const char* key, const char* value) {
  char bytes[256];
  size_t size = sizeof(bytes);
  int err = uvshm_map_get(map, key, strlen(key), bytes, &size, NULL);

  if (err < 0) fail_msg("get \"%s\": %s", key, uvshm_strerror(err));
  assert_int_equal(size, strlen(value));
  assert_memory_equal(bytes, value, size);
}


static void expect_none(const char* key) {
  assert_int_equal(uvshm_map_contains(map, key, strlen(key)), UV_ENOENT);
}


static uint64_t count(void) {
  uvshm_map_info_t info;

  assert_int_equal(uvshm_map_info(map, &info), 0);
  return info.count;
}

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

/* ---- one process --------------------------------------------------------- */

TEST(map_keeps_what_is_put) {
  (void) state;
  expect_none("a");
  put("a", "one");
  put("b", "");
  expect("a", "one");
  expect("b", "");
  put("a", "another one, which is longer");
  expect("a", "another one, which is longer");
  assert_int_equal(count(), 2);
  assert_int_equal(uvshm_map_remove(map, "a", 1), 0);
  assert_int_equal(uvshm_map_remove(map, "a", 1), UV_ENOENT);
  expect_none("a");
  expect("b", "");
  assert_int_equal(count(), 1);
}


TEST(map_tells_the_size_when_the_buffer_is_too_small) {
  char bytes[4];
  size_t size = sizeof(bytes);
  void* copy;

  (void) state;
  put("key", "value");
  assert_int_equal(uvshm_map_get(map, "key", 3, bytes, &size, NULL),
                   UV_ENOBUFS);
  assert_int_equal(size, 5);
  size = 0;
  assert_int_equal(uvshm_map_get(map, "key", 3, NULL, &size, NULL), 0);
  assert_int_equal(size, 5);
  assert_int_equal(uvshm_map_get_copy(map, "key", 3, &copy, &size, NULL), 0);
  assert_int_equal(size, 5);
  assert_string_equal(copy, "value");
  uvshm_map_free(copy);
}


TEST(map_refuses_keys_of_no_size) {
  static char key[UVSHM_MAP_KEY_MAX + 1];
  size_t size = 0;

  (void) state;
  assert_int_equal(uvshm_map_put(map, key, 0, "", 0), UV_EINVAL);
  assert_int_equal(uvshm_map_put(map, key, sizeof(key), "", 0), UV_EINVAL);
  assert_int_equal(uvshm_map_get(map, key, 0, NULL, &size, NULL), UV_EINVAL);
  assert_int_equal(uvshm_map_get(map, NULL, 0, NULL, &size, NULL), UV_EINVAL);
  assert_int_equal(uvshm_map_put(map, key, UVSHM_MAP_KEY_MAX, "v", 1), 0);
  assert_int_equal(uvshm_map_contains(map, key, UVSHM_MAP_KEY_MAX), 0);
  key[UVSHM_MAP_KEY_MAX - 1] = 1;
  assert_int_equal(uvshm_map_contains(map, key, UVSHM_MAP_KEY_MAX), UV_ENOENT);
}


TEST(map_keeps_large_values) {
  size_t size = 5 * 1000 * 1000;
  unsigned char* value = malloc(size);
  void* copy;
  size_t copied;

  (void) state;
  assert_non_null(value);
  memset(value, 'x', size);
  value[0] = 1;
  value[size - 1] = 2;
  assert_int_equal(uvshm_map_put(map, "large", 5, value, size), 0);
  assert_int_equal(uvshm_map_get_copy(map, "large", 5, &copy, &copied, NULL),
                   0);
  assert_int_equal(copied, size);
  assert_int_equal(memcmp(copy, value, size), 0);
  uvshm_map_free(copy);
  free(value);
}


TEST(map_puts_only_what_is_absent) {
  (void) state;
  assert_int_equal(uvshm_map_put_if_absent(map, "k", 1, "1", 1), 0);
  assert_int_equal(uvshm_map_put_if_absent(map, "k", 1, "2", 1), UV_EEXIST);
  expect("k", "1");
}


TEST(map_replaces_only_the_version_that_was_read) {
  uint64_t version = 1;
  uint64_t old;
  size_t size = 0;

  (void) state;
  assert_int_equal(uvshm_map_replace_if(map, "k", 1, "0", 1, &version),
                   UV_ENOENT);
  put("k", "1");
  assert_int_equal(uvshm_map_get(map, "k", 1, NULL, &size, &version), 0);
  old = version;
  assert_int_equal(uvshm_map_replace_if(map, "k", 1, "2", 1, &version), 0);
  assert_true(version > old);
  assert_int_equal(uvshm_map_replace_if(map, "k", 1, "3", 1, &old), UV_EAGAIN);
  expect("k", "2");
  assert_int_equal(uvshm_map_replace_if(map, "k", 1, "3", 1, &version), 0);
  /* One that was removed and made again is another one. */
  assert_int_equal(uvshm_map_remove(map, "k", 1), 0);
  put("k", "4");
  assert_int_equal(uvshm_map_replace_if(map, "k", 1, "5", 1, &version),
                   UV_EAGAIN);
}


TEST(map_takes_a_value_once) {
  char bytes[2];
  size_t size = 1;

  (void) state;
  put("k", "v1");
  assert_int_equal(uvshm_map_take(map, "k", 1, bytes, &size), UV_ENOBUFS);
  assert_int_equal(size, 2);
  assert_int_equal(uvshm_map_take(map, "k", 1, bytes, &size), 0);
  assert_memory_equal(bytes, "v1", 2);
  assert_int_equal(uvshm_map_take(map, "k", 1, bytes, &size), UV_ENOENT);
  assert_int_equal(count(), 0);
}


TEST(map_counts) {
  int64_t sum;
  int64_t value;
  size_t size = sizeof(value);

  (void) state;
  assert_int_equal(uvshm_map_add(map, "n", 1, 5, &sum), 0);
  assert_int_equal(sum, 5);
  assert_int_equal(uvshm_map_add(map, "n", 1, -7, &sum), 0);
  assert_int_equal(sum, -2);
  assert_int_equal(uvshm_map_get(map, "n", 1, &value, &size, NULL), 0);
  assert_int_equal(value, -2);
  value = INT64_MAX;
  assert_int_equal(uvshm_map_put(map, "n", 1, &value, 8), 0);
  assert_int_equal(uvshm_map_add(map, "n", 1, 1, &sum), UV_EOVERFLOW);
  assert_int_equal(uvshm_map_add(map, "n", 1, INT64_MIN, NULL), 0);
  assert_int_equal(uvshm_map_add(map, "n", 1, INT64_MIN, &sum), UV_EOVERFLOW);
  put("text", "no number");
  assert_int_equal(uvshm_map_add(map, "text", 4, 1, &sum), UV_EINVAL);
}

/* ---- growth, room -------------------------------------------------------- */

static void key_of(unsigned int i, char* key) {
  snprintf(key, 24, "key-%u", i);
}


static void put_many(unsigned int from, unsigned int to) {
  char key[24];
  unsigned int i;

  for (i = from; i < to; i++) {
    key_of(i, key);
    put(key, key);
  }
}


TEST(map_grows_with_its_entries) {
  uvshm_map_info_t info;
  char key[24];
  unsigned int i;

  (void) state;
  put_many(0, KEYS);
  assert_int_equal(uvshm_map_info(map, &info), 0);
  assert_int_equal(info.count, KEYS);
  assert_true(info.buckets >= KEYS / 4 * 3);
  for (i = 0; i < KEYS; i++) {
    key_of(i, key);
    expect(key, key);
  }
  assert_int_equal(uvshm_segment_check(segment), 0);
  for (i = 0; i < KEYS; i += 2) {
    key_of(i, key);
    assert_int_equal(uvshm_map_remove(map, key, strlen(key)), 0);
  }
  assert_int_equal(count(), KEYS / 2);
  assert_int_equal(uvshm_map_clear(map), 0);
  assert_int_equal(count(), 0);
}


TEST(map_that_is_full_is_as_it_was) {
  static unsigned char value[30000];
  uint64_t number;
  uint64_t filled;
  int err = 0;

  (void) state;
  put("before", "stays");
  for (filled = 0; err == 0; filled++)
    err = uvshm_map_put(map, &filled, 8, value, sizeof(value));
  assert_int_equal(err, UV_ENOSPC);
  assert_non_null(strstr(uvshm_error_detail(), "map"));
  expect("before", "stays");
  filled--;
  assert_int_equal(count(), filled + 1);
  number = filled;
  assert_int_equal(uvshm_map_contains(map, &number, 8), UV_ENOENT);
  number = 0;
  assert_int_equal(uvshm_map_remove(map, &number, 8), 0);
  assert_int_equal(uvshm_map_put(map, &number, 8, value, sizeof(value)), 0);
  assert_int_equal(uvshm_map_clear(map), 0);
}


TEST(map_memory_comes_back) {
  static unsigned char value[20000];
  unsigned int round;
  unsigned int seed = 1;
  uint64_t key;

  (void) state;
  for (round = 0; round < 30; round++) {
    for (key = 0; key < 1500; key++) {
      seed = seed * 1103515245u + 12345u;
      assert_int_equal(
          uvshm_map_put(map, &key, 8, value, seed / 65536 % sizeof(value)), 0);
    }
    assert_int_equal(uvshm_map_clear(map), 0);
  }
}

/* ---- going through ------------------------------------------------------- */

/* How often each key comes, while `change` does something in between. */
static void go_through(unsigned char* seen, void (*change)(unsigned int)) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  unsigned int steps = 0;
  unsigned int number;
  char key[24];
  size_t size;
  int err;

  for (;;) {
    size = sizeof(key) - 1;
    err = uvshm_map_next(map, &cursor, key, &size, NULL, NULL);
    if (err == UV_ENOENT) return;
    assert_int_equal(err, 0);
    key[size] = '\0';
    if (sscanf(key, "key-%u", &number) == 1 && number < KEYS) seen[number]++;
    if (change != NULL) change(steps);
    steps++;
  }
}


static void grow_meanwhile(unsigned int step) {
  if (step < 1000) put_many(10000 + step * 10, 10010 + step * 10);
}


static void shrink_meanwhile(unsigned int step) {
  char key[24];

  key_of(5000 + step, key);
  if (step < 2000) assert_int_equal(uvshm_map_remove(map, key, strlen(key)), 0);
}


static void rewrite_meanwhile(unsigned int step) {
  char key[24];

  key_of(step % 5000, key);
  put(key, "rewritten");
}


static void all_once(const unsigned char* seen, unsigned int to) {
  unsigned int i;

  for (i = 0; i < to; i++) assert_int_equal(seen[i], 1);
  for (i = to; i < KEYS; i++) assert_true(seen[i] <= 1);
}


TEST(map_iteration_meets_each_entry_once) {
  static void (*const changes[])(unsigned int) = {
      NULL, grow_meanwhile, shrink_meanwhile, rewrite_meanwhile};
  static unsigned char seen[KEYS];
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
    memset(seen, 0, sizeof(seen));
    put_many(0, 10000);
    go_through(seen, changes[i]);
    all_once(seen, changes[i] == NULL ? 10000 : 5000);
    assert_int_equal(uvshm_map_clear(map), 0);
  }
}


TEST(map_iteration_stays_where_a_buffer_is_too_small) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  char key[8];
  char value[8];
  size_t key_size = 2;
  size_t size = sizeof(value);

  (void) state;
  put("key", "value");
  assert_int_equal(uvshm_map_next(map, &cursor, key, &key_size, value, &size),
                   UV_ENOBUFS);
  assert_int_equal(key_size, 3);
  assert_int_equal(size, 5);
  assert_int_equal(uvshm_map_next(map, &cursor, key, &key_size, value, &size),
                   0);
  assert_memory_equal(key, "key", 3);
  assert_memory_equal(value, "value", 5);
  assert_int_equal(uvshm_map_next(map, &cursor, NULL, NULL, NULL, NULL),
                   UV_ENOENT);
}

/* ---- time ---------------------------------------------------------------- */

TEST(map_entries_expire) {
  uint64_t removed = 0;

  (void) state;
  put("short", "lived");
  put("long", "lived");
  put("rewritten", "1");
  assert_int_equal(uvshm_map_expire(map, "none", 4, 10), UV_ENOENT);
  assert_int_equal(uvshm_map_expire(map, "short", 5, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "rewritten", 9, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "long", 4, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "long", 4, 0), 0);
  put("rewritten", "2");
  test_sleep_ms(40);
  expect_none("short");
  expect("long", "lived");
  expect("rewritten", "2");
  assert_int_equal(count(), 2);

  assert_int_equal(uvshm_map_expire(map, "long", 4, 1), 0);
  test_sleep_ms(10);
  assert_int_equal(count(), 2);
  assert_int_equal(uvshm_map_sweep(map, &removed), 0);
  assert_int_equal(removed, 1);
  assert_int_equal(count(), 1);
}


TEST(map_entry_whose_time_is_over_is_not_there) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  uint64_t version = 0;
  int64_t sum;

  (void) state;
  assert_int_equal(uvshm_map_add(map, "n", 1, 5, &sum), 0);
  assert_int_equal(uvshm_map_expire(map, "n", 1, 1), 0);
  test_sleep_ms(10);
  assert_int_equal(uvshm_map_next(map, &cursor, NULL, NULL, NULL, NULL),
                   UV_ENOENT);
  assert_int_equal(uvshm_map_replace_if(map, "n", 1, "", 0, &version),
                   UV_ENOENT);
  assert_int_equal(uvshm_map_expire(map, "n", 1, 1), UV_ENOENT);
  assert_int_equal(uvshm_map_add(map, "n", 1, 5, &sum), 0);
  assert_int_equal(sum, 5);
  assert_int_equal(uvshm_map_expire(map, "n", 1, 1), 0);
  test_sleep_ms(10);
  assert_int_equal(uvshm_map_remove(map, "n", 1), UV_ENOENT);
  assert_int_equal(count(), 0);
}

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
  uvshm_segment_t* segment2 = open_segment(segment_name, UVSHM_READONLY);
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

/* ---- opening and removing ------------------------------------------------ */

TEST(map_is_found_or_made) {
  uvshm_map_options_t options;
  uvshm_map_t* other = NULL;
  uvshm_mutex_t* mutex;
  uint32_t cursor = 0;
  uvshm_object_info_t info;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_EXISTING;
  assert_int_equal(uvshm_map_open(&other, segment, "none", &options),
                   UV_ENOENT);
  options.flags = UVSHM_EXCLUSIVE;
  assert_int_equal(uvshm_map_open(&other, segment, "map", &options), UV_EEXIST);
  options.flags = 0;
  options.shards = 3;
  assert_int_equal(uvshm_map_open(&other, segment, "new", &options), UV_EINVAL);
  options.shards = 1;
  assert_int_equal(uvshm_map_open(&other, segment, "new", &options), 0);
  uvshm_map_close(other);
  assert_int_equal(uvshm_map_open(&other, NULL, "new", NULL), UV_EINVAL);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "map", NULL),
                   UV_EPROTOTYPE);
  assert_int_equal(uvshm_segment_next(segment, &cursor, &info), 0);
  assert_string_equal(info.type, "map");
}


TEST(map_that_is_removed_leaves_no_memory) {
  static unsigned char value[1000];
  uvshm_map_t* other = NULL;
  uint64_t key;
  int round;

  (void) state;
  for (round = 0; round < 20; round++) {
    assert_int_equal(uvshm_map_open(&other, segment, "brief", NULL), 0);
    for (key = 0; key < 5000; key++)
      assert_int_equal(uvshm_map_put(other, &key, 8, value, sizeof(value)), 0);
    assert_int_equal(uvshm_map_unlink(segment, "brief", 0), 0);
    assert_int_equal(uvshm_map_contains(other, "x", 1), UV_ENXIO);
    assert_int_equal(uvshm_map_put(other, "x", 1, "", 0), UV_ENXIO);
    uvshm_map_close(other);
  }
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      CASE(map_keeps_what_is_put),
      CASE(map_tells_the_size_when_the_buffer_is_too_small),
      CASE(map_refuses_keys_of_no_size),
      CASE(map_keeps_large_values),
      CASE(map_puts_only_what_is_absent),
      CASE(map_replaces_only_the_version_that_was_read),
      CASE(map_takes_a_value_once),
      CASE(map_counts),
      CASE(map_grows_with_its_entries),
      CASE(map_that_is_full_is_as_it_was),
      CASE(map_memory_comes_back),
      CASE(map_iteration_meets_each_entry_once),
      CASE(map_iteration_stays_where_a_buffer_is_too_small),
      CASE(map_entries_expire),
      CASE(map_entry_whose_time_is_over_is_not_there),
      CASE(map_loses_no_change_of_two_processes),
      CASE(map_readers_see_whole_values),
      CASE(map_can_be_read_in_a_segment_attached_for_reading),
      CASE(map_waits_for_a_key),
      CASE(map_waits_for_any_change),
      CASE(map_cancel_wakes_those_who_wait),
      CASE(map_outlives_writers_that_are_killed),
      CASE(map_threads_share_a_handle),
      CASE(map_is_found_or_made),
      CASE(map_that_is_removed_leaves_no_memory),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
