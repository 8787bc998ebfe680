/* SPDX-License-Identifier: MIT */

/* Cells through the public API, as one process sees them. Several are in
 * test-cell-peers.c. */

#include "cell_desk.h"
#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

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


int main(void) {
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
  };

  return cmocka_run_group_tests_name("cell", tests, NULL, NULL);
}
