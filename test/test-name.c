/* SPDX-License-Identifier: MIT */

/* Objects seen from outside: lists, states, removal, gc. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static int role_hold(int argc, char** argv) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;
  int err;

  memset(&options, 0, sizeof(options));
  options.label = "spooler";
  if (argc > 1 && strcmp(argv[1], "keep") == 0) options.flags = UVSHM_KEEP;
  err = uvshm_mutex_open(&mutex, NULL, argv[0], &options);
  if (err == 0) err = uvshm_mutex_lock(mutex, 1000);
  test_say("held %d", err);
  if (test_hear() == NULL) return 2;
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  return 0;
}


static const struct test_role roles[] = {{"hold", role_hold}, {NULL, NULL}};


static int find_in_list(const char* name, uvshm_name_info_t* found) {
  uvshm_names_t* names;
  uvshm_name_info_t info;
  int count = 0;

  assert_int_equal(uvshm_names_open(&names, 0), 0);
  while (uvshm_names_next(names, &info) == 0) {
    if (strcmp(info.name, name) != 0) continue;
    *found = info;
    count++;
  }
  uvshm_names_close(names);
  return count;
}


TEST(name_list_shows_what_each_object_is) {
  const char* name = test_name("list");
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_name_info_t info;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 1234;
  options.max_size = 100000;
  assert_int_equal(uvshm_region_open(&region, name, &options), 0);
  assert_int_equal(find_in_list(name, &info), 1);
  assert_int_equal(info.kind, UVSHM_KIND_REGION);
  assert_int_equal(info.state, UVSHM_STATE_LIVE);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_LAST_CLOSE);
  assert_int_equal(info.size, 1234);
  assert_int_equal(info.max_size, 100000);
  assert_int_equal(info.peers, 1);
  assert_int_equal(info.own, 1);
  assert_int_equal(info.creator_pid, (uint32_t) uv_os_getpid());
  assert_non_null(strstr(info.system_name, "uvshm-"));
  uvshm_region_close(region);
  assert_int_equal(find_in_list(name, &info), 0);
}


TEST(name_info_tells_who_holds_a_mutex) {
  const char* name = test_name("holder");
  struct test_process holder;
  uvshm_name_info_t info;

  (void) state;
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "held 0");
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.kind, UVSHM_KIND_MUTEX);
  assert_int_equal(info.locked, 1);
  assert_true(info.lock_pid != 0);
  assert_string_equal(info.label, "spooler");
  test_tell(&holder, "end");
  assert_int_equal(test_join(&holder), 0);
  assert_int_equal(uvshm_name_info(name, 0, &info), UV_ENOENT);
  assert_non_null(strstr(uvshm_error_detail(), "there is no \"test-holder"));
}


TEST(name_gc_removes_only_what_nobody_holds) {
  const char* name = test_name("gc");
  struct test_process holder;
  uvshm_name_info_t info;
  int err;
  int waits = 0;

  (void) state;
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "held 0");
  assert_int_equal(uvshm_name_gc(name, 0), UV_EBUSY);
  test_kill(&holder);
  /* Where the kernel removes it there is nothing left to collect. */
  do {
    test_sleep_ms(2);
    err = uvshm_name_info(name, 0, &info);
  } while (err == 0 && info.state == UVSHM_STATE_LIVE && ++waits < 1000);
  if (err == 0) {
    assert_int_equal(info.state, UVSHM_STATE_STALE);
    assert_int_equal(info.peers, 0);
    assert_true(info.last_pid != 0);
    assert_int_equal(uvshm_name_gc(name, 0), 0);
  }
  assert_int_equal(uvshm_name_gc(name, 0), UV_ENOENT);
  assert_int_equal(test_leftovers(), 0);
}


TEST(name_gc_leaves_what_is_to_be_kept) {
  const char* name = test_name("kept");
  struct test_process holder;
  uvshm_name_info_t info;

  (void) state;
  test_spawn(&holder, "hold", name, "keep", NULL);
  test_expect(&holder, "held 0");
  test_kill(&holder);
  test_sleep_ms(20);
  assert_int_equal(uvshm_name_gc(name, 0), UV_EBUSY);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.state, UVSHM_STATE_LIVE);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_KEEP);
  assert_int_equal(uvshm_name_unlink(name, 0), 0);
  assert_int_equal(uvshm_name_unlink(name, 0), UV_ENOENT);
  assert_int_equal(test_leftovers(), 0);
}


TEST(name_calls_refuse_bad_names_and_flags) {
  uvshm_name_info_t info;
  uvshm_names_t* names;

  (void) state;
  assert_int_equal(uvshm_name_info("a/b", 0, &info), UV_EINVAL);
  assert_int_equal(uvshm_name_info("x", 1u << 31, &info), UV_EINVAL);
  assert_int_equal(uvshm_name_unlink("", 0), UV_EINVAL);
  assert_int_equal(uvshm_name_gc("x", UVSHM_KEEP), UV_EINVAL);
  assert_int_equal(uvshm_names_open(&names, UVSHM_CREATE), UV_EINVAL);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_list_shows_what_each_object_is),
      cmocka_unit_test(name_info_tells_who_holds_a_mutex),
      cmocka_unit_test(name_gc_removes_only_what_nobody_holds),
      cmocka_unit_test(name_gc_leaves_what_is_to_be_kept),
      cmocka_unit_test(name_calls_refuse_bad_names_and_flags),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
