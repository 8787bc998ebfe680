/* SPDX-License-Identifier: MIT */

/* A cell in a segment of its own, for each case of a test. */

#ifndef UVSHM_TEST_CELL_DESK_H_
#define UVSHM_TEST_CELL_DESK_H_

#include "harness.h"
#include "segment.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FRAME (1u << 20)

static uvshm_segment_t* segment;
static uvshm_cell_t* cell;
static const char* segment_name;

static inline uvshm_cell_t* open_cell(uvshm_segment_t* in,
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


static inline int set_up(void** state) {
  (void) state;
  segment_name = test_name("cell");
  segment = test_segment(segment_name, UVSHM_CREATE);
  cell = open_cell(segment, "cell", 1000);
  return 0;
}


static inline int tear_down(void** state) {
  (void) state;
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_cell_close(cell);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}


static inline uvshm_cell_info_t info_of(const uvshm_cell_t* of) {
  uvshm_cell_info_t info;

  assert_int_equal(uvshm_cell_info(of, &info), 0);
  return info;
}


/* Values are one number many times over; whoever reads must find them so. */
static inline void fill(void* data, size_t size, uint64_t number) {
  unsigned char* at = data;
  size_t i;

  for (i = 0; i + 8 <= size; i += 8) memcpy(at + i, &number, 8);
}


static inline int is_filled(const void* data, size_t size) {
  const unsigned char* at = data;
  size_t i;

  for (i = 8; i + 8 <= size; i += 8)
    if (memcmp(at, at + i, 8) != 0) return 0;
  return size >= 8;
}


static inline uint64_t number_in(const void* data) {
  uint64_t number;

  memcpy(&number, data, 8);
  return number;
}


static inline void write_number(uint64_t number, size_t size) {
  unsigned char value[1000];

  fill(value, size, number);
  assert_int_equal(uvshm_cell_write(cell, value, size), 0);
}

/* ---- several processes --------------------------------------------------- */

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* UVSHM_TEST_CELL_DESK_H_ */
