/* SPDX-License-Identifier: MIT */

/* Cells that several processes or threads use, some of which are killed. */

#include "cell_desk.h"
#include "harness.h"
#include "segment.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- several processes --------------------------------------------------- */

static int join(char** argv, uint32_t flags) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) return 0;
  return uvshm_cell_open(&cell, segment, argv[1], NULL) == 0;
}


static int part(int code) {
  uvshm_cell_close(cell);
  uvshm_segment_close(segment);
  return code;
}


/* argv: segment, cell, number of the first value, how many, bytes. */
static int role_writer(int argc, char** argv) {
  unsigned char* value = malloc(FRAME);
  uint64_t number;
  uint64_t i;
  size_t size;
  void* data;

  if (argc < 5 || value == NULL || !join(argv, 0)) return 1;
  number = strtoull(argv[2], NULL, 10);
  size = (size_t) strtoull(argv[4], NULL, 10);
  test_say("writing");
  for (i = 0; i < strtoull(argv[3], NULL, 10); i++, number++) {
    if (i % 2 == 0) {
      fill(value, size, number);
      if (uvshm_cell_write(cell, value, size) < 0) return 2;
      continue;
    }
    if (uvshm_cell_claim(cell, &data) < 0) return 3;
    fill(data, size, number);
    if (uvshm_cell_commit(cell, data, size) < 0) return 4;
  }
  free(value);
  return part(0);
}


/* Holds a value in place and a buffer, until it is killed. */
static int role_holder(int argc, char** argv) {
  const void* at;
  size_t size;
  void* data;

  (void) argc;
  if (!join(argv, 0)) return 1;
  if (uvshm_cell_peek(cell, &at, &size, NULL) < 0) return 2;
  if (uvshm_cell_claim(cell, &data) < 0) return 3;
  test_say("holding");
  (void) test_hear();
  return part(0);
}


static int role_waiter(int argc, char** argv) {
  uint64_t version = 0;
  int i;

  (void) argc;
  if (!join(argv, 0)) return 1;
  test_say("waiting");
  for (i = 0; i < 3; i++) {
    if (uvshm_cell_wait(cell, &version, TEST_PATIENCE_MS) < 0) return 2;
    test_say("%d", (int) version);
  }
  return part(0);
}


static const struct test_role roles[] = {{"writer", role_writer},
                                         {"holder", role_holder},
                                         {"waiter", role_waiter},
                                         {NULL, NULL}};


/* Values of two writers, each of which counts up; `from` reads them. */
static void read_beside_writers(uvshm_cell_t* from,
                                const char* name,
                                const char* bytes,
                                const char* count) {
  struct test_process writers[2];
  unsigned char* value = malloc(FRAME);
  uint64_t last[2] = {0, 0};
  uint64_t versions = 0;
  uint64_t version = 0;
  uint64_t found = 0;
  uint64_t end = 2 * strtoull(count, NULL, 10) + 1;
  uint64_t number;
  const void* at;
  size_t size;
  int busy = 0;
  int err;

  write_number(1, 8);
  test_spawn(
      &writers[0], "writer", segment_name, name, "1", count, bytes, NULL);
  test_spawn(&writers[1],
             "writer",
             segment_name,
             name,
             "1000000001",
             count,
             bytes,
             NULL);
  test_expect(&writers[0], "writing");
  test_expect(&writers[1], "writing");
  while (found < end) {
    if (versions % 2 == 0) {
      size = FRAME;
      err = uvshm_cell_read(from, value, &size, &found);
      number = err == 0 ? number_in(value) : 0;
      assert_true(err != 0 || is_filled(value, size));
    } else {
      err = uvshm_cell_peek(from, &at, &size, &found);
      number = err == 0 ? number_in(at) : 0;
      if (err == 0 && !is_filled(at, size)) number = UINT64_MAX;
      if (err == 0) err = uvshm_cell_release(from, at, found);
      if (err == 0) assert_int_not_equal(number, UINT64_MAX);
    }
    if (err == UV_EAGAIN) {
      /* Slower than both writers, and may not pin. */
      assert_ptr_not_equal(from, cell);
      found = version;
      busy++;
      versions++;
      continue;
    }
    assert_int_equal(err, 0);
    assert_true(found >= version);
    version = found;
    versions++;
    assert_true(number >= last[number > 1000000000]);
    last[number > 1000000000] = number;
  }
  assert_int_equal(test_join(&writers[0]), 0);
  assert_int_equal(test_join(&writers[1]), 0);
  if (busy != 0) printf("%d reads were too slow\n", busy);
  free(value);
}


TEST(cell_readers_see_whole_values_of_two_writers) {
  (void) state;
  read_beside_writers(cell, "cell", "1000", "30000");
}


TEST(cell_of_one_word_is_never_torn_nor_old) {
  uvshm_cell_t* word = open_cell(segment, "word", 8);
  uvshm_cell_t* other = cell;

  (void) state;
  cell = word;
  read_beside_writers(word, "word", "8", "100000");
  cell = other;
  uvshm_cell_close(word);
}


TEST(cell_of_large_frames_is_never_torn_nor_old) {
  uvshm_cell_t* frames = open_cell(segment, "frames", FRAME);
  uvshm_cell_t* other = cell;

  (void) state;
  cell = frames;
  read_beside_writers(frames, "frames", "1048576", "100");
  cell = other;
  uvshm_cell_close(frames);
}


TEST(cell_can_be_read_in_a_segment_attached_for_reading) {
  uvshm_segment_t* segment2 = test_segment(segment_name, UVSHM_READONLY);
  uvshm_cell_t* cell2 = open_cell(segment2, "cell", 0);
  unsigned char value[1000];
  size_t size = sizeof(value);
  uint64_t version;
  const void* at;
  void* data;
  uint64_t i;

  (void) state;
  write_number(5, 8);
  assert_int_equal(uvshm_cell_read(cell2, value, &size, &version), 0);
  assert_int_equal(number_in(value), 5);
  assert_int_equal(uvshm_cell_write(cell2, value, 8), UV_EACCES);
  assert_int_equal(uvshm_cell_claim(cell2, &data), UV_EACCES);
  assert_int_equal(uvshm_cell_wait(cell2, &version, 10), UV_EACCES);
  assert_int_equal(uvshm_cell_unlink(segment2, "cell", 0), UV_EACCES);
  assert_int_equal(uvshm_cell_peek(cell2, &at, &size, &version), 0);
  assert_int_equal(number_in(at), 5);
  assert_int_equal(uvshm_cell_release(cell2, at, version), 0);
  assert_int_equal(uvshm_cell_peek(cell2, &at, &size, &version), 0);
  for (i = 0; i < 20; i++) write_number(i, 8);
  assert_int_equal(uvshm_cell_release(cell2, at, version), UV_EAGAIN);
  read_beside_writers(cell2, "cell", "1000", "30000");
  assert_int_equal(uvshm_cell_unlink(segment, "cell", 0), 0);
  size = sizeof(value);
  assert_int_equal(uvshm_cell_read(cell2, value, &size, &version), UV_ENXIO);
  uvshm_cell_close(cell2);
  uvshm_segment_close(segment2);
}


TEST(cell_is_waited_for) {
  struct test_process waiters[2];
  char number[8];
  int i;
  int k;

  (void) state;
  for (i = 0; i < 2; i++) {
    test_spawn(&waiters[i], "waiter", segment_name, "cell", NULL);
    test_expect(&waiters[i], "waiting");
  }
  for (k = 1; k <= 3; k++) {
    test_sleep_ms(30);
    write_number((uint64_t) k, 8);
    snprintf(number, sizeof(number), "%d", k);
    for (i = 0; i < 2; i++) test_expect(&waiters[i], number);
  }
  for (i = 0; i < 2; i++) assert_int_equal(test_join(&waiters[i]), 0);
}


static void wait_for_ever(void* arg) {
  uint64_t version = 0;

  *(int*) arg = uvshm_cell_wait(cell, &version, UVSHM_FOREVER);
}


TEST(cell_cancel_wakes_those_who_wait) {
  uv_thread_t thread;
  int result = 0;

  (void) state;
  uv_thread_create(&thread, wait_for_ever, &result);
  test_sleep_ms(30);
  uvshm_cell_cancel(cell);
  uv_thread_join(&thread);
  assert_int_equal(result, UV_ECANCELED);
}


TEST(cell_outlives_writers_that_are_killed) {
  struct test_process dead;
  unsigned char value[1000];
  uint64_t number = 0;
  size_t size;
  int i;

  (void) state;
  write_number(1, 8);
  for (i = 0; i < 10; i++) {
    test_spawn(
        &dead, "writer", segment_name, "cell", "1", "1000000000", "1000", NULL);
    test_expect(&dead, "writing");
    test_sleep_ms((unsigned int) i * 3);
    test_kill(&dead);
    size = sizeof(value);
    assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), 0);
    assert_true(is_filled(value, size));
    for (number = 0; number < 10; number++) write_number(number, 1000);
    assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
    assert_int_equal(uvshm_segment_check(segment), 0);
    assert_int_equal(info_of(cell).writing, 0);
  }
}


TEST(cell_peek_finds_pins_of_the_dead) {
  struct test_process holders[4];
  const void* at;
  uint64_t version;
  size_t size;
  int k;

  (void) state;
  write_number(1, 8);
  for (k = 0; k < 4; k++) {
    test_spawn(&holders[k], "holder", segment_name, "cell", NULL);
    test_expect(&holders[k], "holding");
  }
  assert_int_equal(uvshm_cell_peek(cell, &at, &size, NULL), UV_EAGAIN);
  for (k = 0; k < 4; k++) test_kill(&holders[k]);
  /* Nobody repairs, and nobody waits. */
  assert_int_equal(uvshm_cell_peek(cell, &at, &size, &version), 0);
  assert_int_equal(uvshm_cell_release(cell, at, version), 0);
  assert_int_equal(info_of(cell).pins_used, 0);
}


TEST(cell_takes_back_what_the_dead_held) {
  struct test_process holders[6];
  const void* at;
  uint64_t version;
  size_t size;
  uint64_t i;
  int k;

  (void) state;
  write_number(1, 8);
  for (k = 0; k < 4; k++) {
    test_spawn(&holders[k], "holder", segment_name, "cell", NULL);
    test_expect(&holders[k], "holding");
    if (k < 2) write_number(2 + (uint64_t) k, 8);
  }
  assert_int_equal(uvshm_cell_peek(cell, &at, &size, NULL), UV_EAGAIN);
  for (k = 0; k < 4; k++) test_kill(&holders[k]);
  /* Nobody was told, so whoever needs a buffer has to find out. */
  for (i = 0; i < 20; i++) write_number(i, 8);
  assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
  assert_int_equal(info_of(cell).pins_used, 0);
  assert_int_equal(info_of(cell).writing, 0);
  assert_int_equal(uvshm_cell_peek(cell, &at, &size, &version), 0);
  assert_int_equal(uvshm_cell_release(cell, at, version), 0);
}


static int thread_error;


static void write_in_thread(void* arg) {
  unsigned char value[1000];
  uint64_t i;

  for (i = 0; i < 20000; i++) {
    fill(value, sizeof(value), i * 2 + *(uint64_t*) arg);
    if (uvshm_cell_write(cell, value, 8 + 8 * (size_t) (i % 100)) < 0)
      thread_error = 1;
  }
}


static void read_in_thread(void* arg) {
  unsigned char value[1000];
  const void* at;
  uint64_t version;
  size_t size;
  int err;
  int i;

  (void) arg;
  for (i = 0; i < 50000; i++) {
    size = sizeof(value);
    err = uvshm_cell_read(cell, value, &size, NULL);
    if (err < 0 || !is_filled(value, size)) thread_error = 2;
    if (uvshm_cell_peek(cell, &at, &size, &version) < 0) continue;
    if (!is_filled(at, size)) thread_error = 3;
    if (uvshm_cell_release(cell, at, version) < 0) thread_error = 4;
  }
}


TEST(cell_threads_share_a_handle) {
  uv_thread_t threads[4];
  uint64_t numbers[2] = {0, 1};
  int i;

  (void) state;
  thread_error = 0;
  write_number(1, 8);
  uv_thread_create(&threads[0], write_in_thread, &numbers[0]);
  uv_thread_create(&threads[1], write_in_thread, &numbers[1]);
  uv_thread_create(&threads[2], read_in_thread, NULL);
  uv_thread_create(&threads[3], read_in_thread, NULL);
  for (i = 0; i < 4; i++) uv_thread_join(&threads[i]);
  assert_int_equal(thread_error, 0);
  assert_int_equal(info_of(cell).version, 40001);
  assert_int_equal(info_of(cell).pins_used, 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      CASE(cell_readers_see_whole_values_of_two_writers),
      CASE(cell_of_one_word_is_never_torn_nor_old),
      CASE(cell_of_large_frames_is_never_torn_nor_old),
      CASE(cell_can_be_read_in_a_segment_attached_for_reading),
      CASE(cell_is_waited_for),
      CASE(cell_cancel_wakes_those_who_wait),
      CASE(cell_outlives_writers_that_are_killed),
      CASE(cell_peek_finds_pins_of_the_dead),
      CASE(cell_takes_back_what_the_dead_held),
      CASE(cell_threads_share_a_handle),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("cell-peers", tests, NULL, NULL);
}
