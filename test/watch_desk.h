/* SPDX-License-Identifier: MIT */

/* A segment with a map in it and a loop for watches, for each case of a test,
 * and what callbacks have seen. */

#ifndef UVSHM_TEST_WATCH_DESK_H_
#define UVSHM_TEST_WATCH_DESK_H_

#include "harness.h"
#include "segment.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static inline int set_up(void** state) {
  (void) state;
  segment_name = test_name("watch");
  segment = test_segment(segment_name, UVSHM_CREATE);
  assert_int_equal(uvshm_map_open(&map, segment, "map", NULL), 0);
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uv_timer_init(&loop, &deadline), 0);
  calls = 0;
  last_status = 1000;
  closed = 0;
  return 0;
}


/* The loop closes without an error: nothing of ours is left in it. */
static inline int tear_down(void** state) {
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

static inline void on_news(uvshm_watch_t* watch, int status) {
  (void) watch;
  calls++;
  last_status = status;
}


static inline void on_peer(uvshm_watch_t* watch,
                           int status,
                           const uvshm_peer_info_t* peer) {
  (void) watch;
  calls++;
  last_status = status;
  if (peer != NULL) last_peer = *peer;
}


static inline void on_close(uvshm_watch_t* watch) {
  (void) watch;
  closed++;
}


static inline void on_deadline(uv_timer_t* timer) {
  (void) timer;
  fail_msg("nothing came for %d ms", TEST_PATIENCE_MS);
}


/* Run the loop until `count` calls have come. */
static inline void run_until(int count) {
  uv_timer_start(&deadline, on_deadline, TEST_PATIENCE_MS, 0);
  while (calls < count) uv_run(&loop, UV_RUN_ONCE);
  uv_timer_stop(&deadline);
}


/* A few turns that do not wait. */
static inline void turns(void) {
  int i;

  for (i = 0; i < 4; i++) uv_run(&loop, UV_RUN_NOWAIT);
}


static inline void put(const char* key, const char* value) {
  int err = uvshm_map_put(map, key, strlen(key), value, strlen(value));

  if (err < 0) fail_msg("put: %s", uvshm_strerror(err));
}


static inline void init(uvshm_watch_t* watch) {
  assert_int_equal(uvshm_watch_init(&loop, watch), 0);
}


static inline void start_map(uvshm_watch_t* watch, const char* key) {
  assert_int_equal(uvshm_watch_start_map(
                       watch, map, key, key != NULL ? strlen(key) : 0, on_news),
                   0);
}

/* ---- other processes ----------------------------------------------------- */

static inline int join(char** argv) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) return 0;
  return uvshm_map_open(&map, segment, "map", NULL) == 0;
}


static inline int part(int code) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return code;
}


/* Puts once for each line that it hears. */
static inline int role_putter(int argc, char** argv) {
  const char* line;

  (void) argc;
  if (!join(argv)) return 1;
  test_say("ready");
  while ((line = test_hear()) != NULL && strcmp(line, "exit") != 0)
    if (uvshm_map_put(map, "key", 3, line, strlen(line)) < 0) return 2;
  return part(0);
}


static inline void end(struct test_process* process) {
  test_tell(process, "exit");
  assert_int_equal(test_join(process), 0);
}

/* ---- deaths -------------------------------------------------------------- */

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* UVSHM_TEST_WATCH_DESK_H_ */
