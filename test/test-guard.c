/* SPDX-License-Identifier: MIT */

/* UVSHM_GUARD: another process cuts off the file of what is mapped. The test is
 * that other process; a role is the one that has it mapped, and is told by an
 * error, or, without the flag, is killed by SIGBUS. */

#include "guard_desk.h"
#include "harness.h"

#include "uvshm/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

/* ---- roles --------------------------------------------------------------- */

/* Copy in a loop until told. NAME, or NAME guarded, or NAME reader. */
static int role_copy(int argc, char** argv) {
  uint32_t flags = argc > 1 ? UVSHM_GUARD : 0;
  uint64_t since = test_now_ms();
  uvshm_region_info_t info;
  uvshm_region_t* region;
  uint64_t total = 0;
  int err;

  by_default();
  if (argc > 1 && strcmp(argv[1], "reader") == 0) flags |= UVSHM_READONLY;
  region = open_region(argv[0], flags);
  if (region == NULL) return 1;
  test_say("ready");
  while (uvshm_region_size(region) != 0 && !is_over(since))
    total += sum(uvshm_region_base(region), SIZE);
  err = uvshm_region_info(region, &info);
  test_say("%s", err == UV_EIO ? "told" : uvshm_strerror(err));
  test_say("%s", strstr(uvshm_strerror(err), argv[0]) != NULL ? "named" : "?");
  if (!(flags & UVSHM_READONLY)) /* zeros, and nobody else's */
    memset(uvshm_region_base(region), 1, SIZE);
  total += sum(uvshm_region_base(region), SIZE);
  if (uvshm_region_grow(region, 2 * SIZE) != UV_EIO) return 2;
  if (uvshm_region_rejoin(region) != UV_EIO) return 3;
  uvshm_region_close(region);
  return total == 1 ? 4 : 0;
}


/* Put into a map in a loop until told. */
static int role_put(int argc, char** argv) {
  uint64_t since = test_now_ms();
  uvshm_segment_t* segment;
  unsigned char value[200];
  uvshm_map_t* map;
  uint32_t key = 0;
  uint32_t key_max;
  int err;

  by_default();
  segment = open_segment(argv[0], argc > 1 ? UVSHM_GUARD : 0);
  if (segment == NULL || uvshm_map_open(&map, segment, "map", NULL) < 0)
    return 1;
  memset(value, 1, sizeof(value));
  for (key_max = 0; key_max < 2000; key_max++)
    if (uvshm_map_put(map, &key_max, 4, value, sizeof(value)) < 0) break;
  test_say("ready");
  do {
    key = (key + 1) % key_max;
    err = uvshm_map_put(map, &key, 4, value, sizeof(value));
    if (err < 0 && err != UV_EIO) err = 0; /* of the call it happened in */
  } while (err == 0 && !is_over(since));
  if (uvshm_map_put(map, &key, 4, value, sizeof(value)) != UV_EIO) err = 0;
  if (uvshm_segment_check(segment) != UV_EIO) err = 0;
  if (uvshm_segment_grow(segment, 2 * SIZE) != UV_EIO) err = 0;
  test_say("%s", err == UV_EIO ? "told" : "not told");
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return 0;
}


/* Wait for ever. */
static int role_wait(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_sem_t* sem;
  int err;

  by_default();
  segment = open_segment(argv[0], UVSHM_GUARD);
  if (segment == NULL || argc > 1) return 1;
  if (uvshm_sem_open(&sem, segment, "sem", NULL) < 0) return 1;
  test_say("ready");
  err = uvshm_sem_wait(sem, UVSHM_FOREVER);
  test_say("%s", err == UV_EIO ? "told" : uvshm_strerror(err));
  uvshm_sem_close(sem);
  uvshm_segment_close(segment);
  return 0;
}


static void on_event(uvshm_watch_t* watch, int status) {
  test_say("%s", status == UV_EIO ? "told" : uvshm_strerror(status));
  uvshm_watch_close(watch, NULL);
}


/* Watch, on a loop. */
static int role_watch(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_event_t* event;
  uvshm_watch_t watch;
  uv_loop_t loop;

  by_default();
  segment = open_segment(argv[0], UVSHM_GUARD);
  if (segment == NULL || argc > 1 || uv_loop_init(&loop) < 0) return 1;
  if (uvshm_event_open(&event, segment, "event", NULL) < 0) return 1;
  if (uvshm_watch_init(&loop, &watch) < 0) return 1;
  if (uvshm_watch_start_event(&watch, event, on_event) < 0) return 1;
  test_say("ready");
  uv_run(&loop, UV_RUN_DEFAULT);
  uvshm_event_close(event);
  uvshm_segment_close(segment);
  return uv_loop_close(&loop) == 0 ? 0 : 2;
}

static const struct test_role roles[] = {
    {"copy", role_copy},
    {"put", role_put},
    {"wait", role_wait},
    {"watch", role_watch},
    {NULL, NULL},
};

/* ---- regions ------------------------------------------------------------- */

/* `how`: NULL: without the flag. */
static int copy_and_cut(const char* how, off_t size) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_region_t* region;
  char path[512];
  int status;

  strcpy(name, test_name("copy"));
  region = open_region(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(region);
  memset(uvshm_region_base(region), 7, SIZE);
  path_of(region, path, sizeof(path));
  uvshm_region_close(region);

  test_spawn(&process, "copy", name, how, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(20);
  cut(path, size);
  if (how != NULL) {
    test_expect(&process, "told");
    test_expect(&process, "named");
  }
  status = test_join(&process);
  unlink(path);
  assert_int_equal(test_leftovers(), 0);
  return status;
}


TEST(without_a_guard_a_cut_ends_who_reads_on) {
  (void) state;
  assert_int_equal(copy_and_cut(NULL, CONTROL + SIZE / 2), -1 - SIGBUS);
  assert_int_equal(copy_and_cut(NULL, 0), -1 - SIGBUS);
}


TEST(reader_with_a_guard_is_told) {
  (void) state;
  assert_int_equal(copy_and_cut("guarded", CONTROL + SIZE / 2), 0);
  assert_int_equal(copy_and_cut("guarded", CONTROL + 4096), 0);
  assert_int_equal(copy_and_cut("guarded", CONTROL), 0);
  assert_int_equal(copy_and_cut("guarded", 4096), 0);
  assert_int_equal(copy_and_cut("guarded", 0), 0);
}


TEST(reader_that_may_not_write_is_told) {
  (void) state;
  assert_int_equal(copy_and_cut("reader", CONTROL + 4096), 0);
  assert_int_equal(copy_and_cut("reader", 0), 0);
}


/* ---- segments ------------------------------------------------------------ */

static int put_and_cut(const char* how, off_t size) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_segment_info_t info;
  uvshm_segment_t* segment;
  int status;

  strcpy(name, test_name("put"));
  segment = open_segment(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(segment);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  uvshm_segment_close(segment);

  test_spawn(&process, "put", name, how, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(20);
  cut(info.region.system_name, size);
  if (how != NULL) test_expect(&process, "told");
  status = test_join(&process);
  unlink(info.region.system_name);
  assert_int_equal(test_leftovers(), 0);
  return status;
}


TEST(without_a_guard_a_cut_ends_who_writes_on) {
  (void) state;
  assert_int_equal(put_and_cut(NULL, CONTROL), -1 - SIGBUS);
}


TEST(writer_inside_a_segment_is_told) {
  off_t size;

  (void) state;
  if (UNDER_TSAN) skip();
  for (size = 0; size <= 4 * CONTROL; size += CONTROL / 2)
    assert_int_equal(put_and_cut("guarded", size), 0);
}


static void wait_and_cut(const char* role) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_segment_info_t info;
  uvshm_segment_t* segment;

  strcpy(name, test_name("wait"));
  segment = open_segment(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(segment);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  uvshm_segment_close(segment);
  test_spawn(&process, role, name, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(50);
  cut(info.region.system_name, 0);
  test_expect(&process, "told");
  assert_int_equal(test_join(&process), 0);
  unlink(info.region.system_name);
}


TEST(waiting_call_ends) {
  (void) state;
  if (UNDER_TSAN) skip();
  wait_and_cut("wait");
}


TEST(watch_is_told) {
  (void) state;
  if (UNDER_TSAN) skip();
  wait_and_cut("watch");
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_guard_a_cut_ends_who_reads_on),
      cmocka_unit_test(reader_with_a_guard_is_told),
      cmocka_unit_test(reader_that_may_not_write_is_told),
      cmocka_unit_test(without_a_guard_a_cut_ends_who_writes_on),
      cmocka_unit_test(writer_inside_a_segment_is_told),
      cmocka_unit_test(waiting_call_ends),
      cmocka_unit_test(watch_is_told),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
