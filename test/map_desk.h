/* SPDX-License-Identifier: MIT */

/* A map in a segment of its own, for each case of a test. */

#ifndef UVSHM_TEST_MAP_DESK_H_
#define UVSHM_TEST_MAP_DESK_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "harness.h"
#include "segment.h"

#include <string.h>

static uvshm_segment_t* segment;
static uvshm_map_t* map;
static const char* segment_name;


static inline uvshm_map_t* open_map(uvshm_segment_t* in) {
  uvshm_map_t* opened = NULL;
  int err = uvshm_map_open(&opened, in, "map", NULL);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return opened;
}


static inline int set_up(void** state) {
  (void) state;
  segment_name = test_name("map");
  segment = test_segment(segment_name, UVSHM_CREATE);
  map = open_map(segment);
  return 0;
}


static inline int tear_down(void** state) {
  (void) state;
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
  return 0;
}


static inline void put(const char* key, const char* value) {
  int err = uvshm_map_put(map, key, strlen(key), value, strlen(value));

  if (err < 0) fail_msg("put: %s", uvshm_strerror(err));
}


static inline uint64_t count(void) {
  uvshm_map_info_t info;

  assert_int_equal(uvshm_map_info(map, &info), 0);
  return info.count;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* UVSHM_TEST_MAP_DESK_H_ */
