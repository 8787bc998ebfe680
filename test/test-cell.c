/* SPDX-License-Identifier: MIT */

/* Cells through the public API: one process, several, and some that are killed.
 */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define FRAME (1u << 20)

static uvshm_segment_t* segment;
static uvshm_cell_t* cell;
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


static uvshm_cell_t* open_cell(uvshm_segment_t* in,
                               const char* name,
                               uint64_t size) {
  uvshm_cell_options_t options;
  uvshm_cell_t* opened = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.size = size;
  err = uvshm_cell_open(&opened, in, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


static int set_up(void** state) {
  (void) state;
  segment_name = test_name("cell");
  segment = open_segment(segment_name, UVSHM_CREATE);
  cell = open_cell(segment, "cell", 1000);
  return 0;
}


static int tear_down(void** state) {
  (void) state;
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_cell_close(cell);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}


static uvshm_cell_info_t info_of(const uvshm_cell_t* of) {
  uvshm_cell_info_t info;

  assert_int_equal(uvshm_cell_info(of, &info), 0);
  return info;
}


/* Values are one number many times over; whoever reads must find them so. */
static void fill(void* data, size_t size, uint64_t number) {
  unsigned char* at = data;
  size_t i;

  for (i = 0; i + 8 <= size; i += 8) memcpy(at + i, &number, 8);
}


static int is_filled(const void* data, size_t size) {
  const unsigned char* at = data;
  size_t i;

  for (i = 8; i + 8 <= size; i += 8)
    if (memcmp(at, at + i, 8) != 0) return 0;
  return size >= 8;
}


static uint64_t number_in(const void* data) {
  uint64_t number;

  memcpy(&number, data, 8);
  return number;
}


static void write_number(uint64_t number, size_t size) {
  unsigned char value[1000];

  fill(value, size, number);
  assert_int_equal(uvshm_cell_write(cell, value, size), 0);
}

/* ---- one process --------------------------------------------------------- */

TEST(cell_has_nothing_before_the_first_write) {
  unsigned char value[8];
  size_t size = sizeof(value);
  const void* at;
  uint64_t version = 0;

  (void) state;
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), UV_ENOENT);
  assert_int_equal(uvshm_cell_peek(cell, &at, &size, NULL), UV_ENOENT);
  assert_int_equal(uvshm_cell_wait(cell, &version, 0), UV_EAGAIN);
  assert_int_equal(uvshm_cell_wait(cell, &version, 10), UV_ETIMEDOUT);
  assert_int_equal(info_of(cell).version, 0);
}


TEST(cell_has_the_last_value_and_its_size) {
  unsigned char value[1000];
  uint64_t last = 0;
  uint64_t version;
  uint64_t i;
  size_t size;

  (void) state;
  for (i = 1; i < 200; i++) {
    write_number(i, 8 * (size_t) (1 + i % 100));
    size = sizeof(value);
    assert_int_equal(uvshm_cell_read(cell, value, &size, &version), 0);
    assert_int_equal(size, 8 * (1 + i % 100));
    assert_int_equal(number_in(value), i);
    assert_true(version > last);
    last = version;
  }
  assert_int_equal(info_of(cell).version, last);
  assert_int_equal(info_of(cell).size, size);
}


TEST(cell_values_may_have_any_size_up_to_the_largest) {
  char value[1001] = {0};
  size_t size = 0;

  (void) state;
  assert_int_equal(uvshm_cell_write(cell, value, 1001), UV_EMSGSIZE);
  assert_int_equal(uvshm_cell_write(cell, NULL, 0), 0);
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), 0);
  assert_int_equal(size, 0);
  assert_int_equal(uvshm_cell_write(cell, "seven b", 7), 0);
  assert_int_equal(uvshm_cell_read(cell, NULL, &size, NULL), 0);
  assert_int_equal(size, 7);
  size = 6;
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), UV_ENOBUFS);
  assert_int_equal(size, 7);
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), 0);
  assert_memory_equal(value, "seven b", 7);
}


TEST(cell_can_be_written_in_place) {
  unsigned char value[1000];
  size_t size = sizeof(value);
  void* first;
  void* second;

  (void) state;
  assert_int_equal(uvshm_cell_claim(cell, &first), 0);
  assert_int_equal(uvshm_cell_claim(cell, &second), 0);
  assert_ptr_not_equal(first, second);
  assert_int_equal((uintptr_t) first % 64, 0);
  fill(first, 1000, 1);
  fill(second, 1000, 2);
  assert_int_equal(uvshm_cell_commit(cell, first, 1001), UV_EMSGSIZE);
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), UV_ENOENT);
  assert_int_equal(uvshm_cell_commit(cell, second, 16), 0);
  assert_int_equal(uvshm_cell_commit(cell, first, 1000), 0);
  assert_int_equal(uvshm_cell_commit(cell, first, 1000), UV_EINVAL);
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), 0);
  assert_int_equal(number_in(value), 1);
  assert_int_equal(size, 1000);
  assert_int_equal(uvshm_cell_claim(cell, &first), 0);
  assert_int_equal(uvshm_cell_abort(cell, (char*) first + 8), UV_EINVAL);
  assert_int_equal(uvshm_cell_abort(cell, first), 0);
  assert_int_equal(info_of(cell).writing, 0);
  assert_int_equal(info_of(cell).version, 2);
}


TEST(cell_values_looked_at_in_place_stay) {
  const void* at[4];
  const void* more;
  uint64_t version[4];
  size_t size;
  uint64_t i;
  int k;

  (void) state;
  for (k = 0; k < 4; k++) {
    write_number(10 + (uint64_t) k, 64);
    assert_int_equal(uvshm_cell_peek(cell, &at[k], &size, &version[k]), 0);
    assert_int_equal(size, 64);
  }
  assert_int_equal(uvshm_cell_peek(cell, &more, &size, NULL), UV_EAGAIN);
  for (i = 0; i < 100; i++) write_number(i, 128);
  assert_int_equal(info_of(cell).pins_used, 4);
  for (k = 0; k < 4; k++) {
    assert_int_equal(number_in(at[k]), 10 + k);
    assert_true(is_filled(at[k], 64));
    assert_int_equal(uvshm_cell_release(cell, at[k], version[k]), 0);
  }
  assert_int_equal(uvshm_cell_release(cell, at[0], version[0]), UV_EINVAL);
  assert_int_equal(info_of(cell).pins_used, 0);
}


TEST(cell_close_gives_back_what_was_not) {
  uvshm_cell_t* other = open_cell(segment, "cell", 0);
  const void* at;
  size_t size;
  void* data;

  (void) state;
  write_number(1, 8);
  assert_int_equal(uvshm_cell_peek(other, &at, &size, NULL), 0);
  assert_int_equal(uvshm_cell_claim(other, &data), 0);
  assert_int_equal(info_of(cell).pins_used, 1);
  assert_int_equal(info_of(cell).writing, 1);
  uvshm_cell_close(other);
  assert_int_equal(info_of(cell).pins_used, 0);
  assert_int_equal(info_of(cell).writing, 0);
}


TEST(cell_keeps_the_numbers_it_was_made_with) {
  uvshm_cell_options_t options;
  uvshm_cell_t* other;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size = 1001;
  assert_int_equal(uvshm_cell_open(&other, segment, "cell", &options),
                   UV_EMSGSIZE);
  options.size = 1000;
  options.flags = UVSHM_EXCLUSIVE;
  assert_int_equal(uvshm_cell_open(&other, segment, "cell", &options),
                   UV_EEXIST);
  options.flags = 0;
  options.pins = 49;
  assert_int_equal(uvshm_cell_open(&other, segment, "more", &options),
                   UV_EINVAL);
  options.pins = 48;
  options.writers = 14;
  assert_int_equal(uvshm_cell_open(&other, segment, "more", &options), 0);
  assert_int_equal(info_of(other).buffers, 64);
  uvshm_cell_close(other);
  assert_int_equal(uvshm_cell_open(&other, segment, "none", NULL), UV_ENOENT);
  options.size = 256 << 20;
  assert_int_equal(uvshm_cell_open(&other, segment, "big", &options),
                   UV_ENOSPC);
}


TEST(cell_that_was_removed_is_refused) {
  unsigned char value[8];
  size_t size = sizeof(value);
  uint64_t version = 0;
  void* data;

  (void) state;
  write_number(1, 8);
  assert_int_equal(uvshm_cell_claim(cell, &data), 0);
  assert_int_equal(uvshm_cell_unlink(segment, "cell", 0), 0);
  assert_int_equal(uvshm_cell_read(cell, value, &size, NULL), UV_ENXIO);
  assert_int_equal(uvshm_cell_write(cell, value, 8), UV_ENXIO);
  assert_int_equal(uvshm_cell_wait(cell, &version, 0), UV_ENXIO);
  assert_int_equal(uvshm_cell_commit(cell, data, 8), UV_ENXIO);
  assert_int_equal(uvshm_cell_unlink(segment, "cell", 0), UV_ENOENT);
}


TEST(cell_more_writers_than_it_is_made_for_wait) {
  uvshm_cell_options_t options;
  uvshm_cell_t* narrow;
  void* data[8];
  int count = 0;
  int err;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.size = 64;
  options.pins = 1;
  options.writers = 1;
  options.wait_ms = 20;
  assert_int_equal(uvshm_cell_open(&narrow, segment, "narrow", &options), 0);
  for (err = 0; count < 8 && err == 0; count += err == 0)
    err = uvshm_cell_claim(narrow, &data[count]);
  assert_int_equal(err, UV_ETIMEDOUT);
  assert_int_equal(count, 3);
  assert_int_equal(uvshm_cell_write(narrow, "x", 1), UV_ETIMEDOUT);
  /* What was the latest value is a free buffer then. */
  assert_int_equal(uvshm_cell_commit(narrow, data[0], 1), 0);
  assert_int_equal(uvshm_cell_write(narrow, "x", 1), 0);
  assert_int_equal(uvshm_cell_abort(narrow, data[1]), 0);
  assert_int_equal(uvshm_cell_write(narrow, "x", 1), 0);
  uvshm_cell_close(narrow);
}


TEST(cell_can_be_known_by_its_name_alone) {
  static const uint64_t sizes[] = {
      1, 48, 49, 4000, 100000, 3 << 20, (8 << 20) + 1};
  uvshm_cell_options_t options;
  uvshm_cell_t* one;
  uvshm_cell_t* other;
  uvshm_cell_t* reader;
  const char* name;
  uint64_t version = 0;
  char value[8];
  size_t size;
  void* data;
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    name = test_name("alone");
    version = 0;
    memset(&options, 0, sizeof(options));
    assert_int_equal(uvshm_cell_open(&one, NULL, name, &options), UV_ENOENT);
    options.size = sizes[i];
    assert_int_equal(uvshm_cell_open(&one, NULL, name, &options), 0);
    assert_int_equal(uvshm_cell_open(&other, NULL, name, NULL), 0);
    options.size = 0;
    options.flags = UVSHM_READONLY;
    assert_int_equal(uvshm_cell_open(&reader, NULL, name, &options), 0);
    assert_int_equal(uvshm_cell_claim(one, &data), 0);
    memset(data, 'x', (size_t) sizes[i]);
    assert_int_equal(uvshm_cell_commit(one, data, 1), 0);
    size = sizeof(value);
    assert_int_equal(uvshm_cell_read(other, value, &size, NULL), 0);
    assert_int_equal(value[0], 'x');
    size = sizeof(value);
    assert_int_equal(uvshm_cell_read(reader, value, &size, NULL), 0);
    assert_int_equal(size, 1);
    assert_int_equal(uvshm_cell_write(reader, "y", 1), UV_EACCES);
    assert_int_equal(uvshm_cell_wait(other, &version, 0), 0);
    if (i % 2 == 0) assert_int_equal(uvshm_cell_unlink(NULL, name, 0), 0);
    uvshm_cell_close(one);
    uvshm_cell_close(reader);
    uvshm_cell_close(other);
  }
  options.flags = UVSHM_READONLY | UVSHM_EXCLUSIVE;
  assert_int_equal(uvshm_cell_open(&one, NULL, name, &options), UV_EINVAL);
}

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
  uvshm_segment_t* segment2 = open_segment(segment_name, UVSHM_READONLY);
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


#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      CASE(cell_has_nothing_before_the_first_write),
      CASE(cell_has_the_last_value_and_its_size),
      CASE(cell_values_may_have_any_size_up_to_the_largest),
      CASE(cell_can_be_written_in_place),
      CASE(cell_values_looked_at_in_place_stay),
      CASE(cell_close_gives_back_what_was_not),
      CASE(cell_keeps_the_numbers_it_was_made_with),
      CASE(cell_that_was_removed_is_refused),
      CASE(cell_more_writers_than_it_is_made_for_wait),
      CASE(cell_can_be_known_by_its_name_alone),
      CASE(cell_readers_see_whole_values_of_two_writers),
      CASE(cell_of_one_word_is_never_torn_nor_old),
      CASE(cell_of_large_frames_is_never_torn_nor_old),
      CASE(cell_can_be_read_in_a_segment_attached_for_reading),
      CASE(cell_is_waited_for),
      CASE(cell_cancel_wakes_those_who_wait),
      CASE(cell_outlives_writers_that_are_killed),
      CASE(cell_takes_back_what_the_dead_held),
      CASE(cell_threads_share_a_handle),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("test-cell", tests, NULL, NULL);
}
