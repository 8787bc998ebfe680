/* SPDX-License-Identifier: MIT */

/* Maps, as one process sees them. Several are in test-map-peers.c. */

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

#define KEYS 20000u


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
  assert_string_equal(uvshm_strerror(UV_ENOENT), "there is no such key");
  expect_none("a");
  assert_string_equal(uvshm_strerror(UV_ENOENT), "there is no such key");
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
  assert_string_equal(uvshm_strerror(UV_ENOBUFS),
                      "the value is larger than the buffer");
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
  uint64_t left = 0;

  (void) state;
  put("short", "lived");
  put("long", "lived");
  put("rewritten", "1");
  assert_int_equal(uvshm_map_expire(map, "none", 4, 10), UV_ENOENT);
  assert_int_equal(uvshm_map_expire(map, "short", 5, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "rewritten", 9, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "long", 4, 20), 0);
  assert_int_equal(uvshm_map_expire(map, "long", 4, 5000), 0);
  assert_int_equal(uvshm_map_get_ttl(map, "long", 4, &left), 0);
  assert_true(left > 0 && left <= 5000);
  assert_int_equal(uvshm_map_expire(map, "long", 4, 0), 0);
  assert_int_equal(uvshm_map_get_ttl(map, "long", 4, &left), 0);
  assert_true(left == 0);
  left = 77;
  assert_int_equal(uvshm_map_get_ttl(map, "none", 4, &left), UV_ENOENT);
  put("rewritten", "2");
  test_sleep_ms(40);
  assert_int_equal(uvshm_map_get_ttl(map, "short", 5, &left), UV_ENOENT);
  assert_true(left == 77);
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


int main(void) {
  const struct CMUnitTest tests[] = {
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
      CASE(map_is_found_or_made),
      CASE(map_that_is_removed_leaves_no_memory),
  };

  return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
