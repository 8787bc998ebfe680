/* SPDX-License-Identifier: MIT */

/* The mutex as programs see it: by name alone and in a segment, with owners
 * that die. */

#include "harness.h"
#include "port_caps.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* Between the end of a process and a waiter's return. The promise is 50 ms from
 * the moment the kernel has cleared the process up; a busy machine delays
 * it. */
#define SOON_MS 5000


static uvshm_mutex_t* open_mutex(uvshm_segment_t* segment,
                                 const char* name,
                                 uint32_t flags) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  err = uvshm_mutex_open(&mutex, segment, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return mutex;
}


static uvshm_segment_t* make_segment(const char* name) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  err = uvshm_segment_open(&segment, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return segment;
}


/* ---- roles --------------------------------------------------------------- */

static int open_either(uvshm_mutex_t** mutex,
                       uvshm_segment_t** segment,
                       int argc,
                       char** argv) {
  int err;

  *segment = NULL;
  if (argc > 1) {
    err = uvshm_segment_open(segment, argv[1], NULL);
    if (err < 0) return err;
  }
  return uvshm_mutex_open(mutex, *segment, argv[0], NULL);
}


/* Take the lock and hold it until told. */
static int role_owner(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  const char* line;
  int err = open_either(&mutex, &segment, argc, argv);

  if (err < 0) return 1;
  test_say("locked %d", uvshm_mutex_lock(mutex, 10000));
  line = test_hear();
  if (line == NULL) return 2;
  if (strcmp(line, "exit") == 0) exit(0);
  err = uvshm_mutex_unlock(mutex);
  test_say("unlocked %d", err);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* Wait for the lock, say what came of it. */
static int role_waiter(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  int err = open_either(&mutex, &segment, argc, argv);

  if (err < 0) return 1;
  test_say("waiting");
  err = uvshm_mutex_lock(mutex, 15000);
  test_say("locked %d", err);
  if (err < 0) return 2;
  (void) test_hear();
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* Add to a plain counter in a region, `argv[2]` times, under the lock. */
static int role_adder(int argc, char** argv) {
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  volatile uint64_t* counter;
  int n = atoi(argv[2]);
  int err;

  (void) argc;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 1;
  if (uvshm_mutex_open(&mutex, NULL, argv[0], NULL) < 0) return 2;
  counter = uvshm_region_base(region);
  test_say("ready");
  if (test_hear() == NULL) return 3;
  while (n-- > 0) {
    err = uvshm_mutex_lock(mutex, UVSHM_FOREVER);
    if (err != 0) return 4;
    *counter = *counter + 1;
    if (uvshm_mutex_unlock(mutex) != 0) return 5;
  }
  uvshm_mutex_close(mutex);
  uvshm_region_close(region);
  return 0;
}


static const struct test_role roles[] = {{"owner", role_owner},
                                         {"waiter", role_waiter},
                                         {"adder", role_adder},
                                         {NULL, NULL}};


/* ---- cases --------------------------------------------------------------- */

TEST(mutex_is_held_by_one_at_a_time) {
  const char* name = test_name("one");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  struct test_process owner;
  uvshm_mutex_info_t info;

  (void) state;
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EBUSY);
  assert_int_equal(uvshm_mutex_lock(mutex, 20), UV_ETIMEDOUT);
  assert_non_null(strstr(uvshm_error_detail(), "has it"));
  assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
  assert_int_equal(info.locked, 1);
  assert_int_equal(info.owner_alive, 1);
  assert_true(info.owner_pid != 0);
  assert_true(strlen(info.owner_label) > 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), UV_EPERM);
  test_tell(&owner, "unlock");
  test_expect(&owner, "unlocked 0");
  assert_int_equal(test_join(&owner), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


static void waiter_is_told(const char* name, const char* segment, int kill) {
  struct test_process owner;
  struct test_process waiter;
  uint64_t begin;

  test_spawn(&owner, "owner", name, segment, NULL);
  test_expect(&owner, "locked 0");
  test_spawn(&waiter, "waiter", name, segment, NULL);
  test_expect(&waiter, "waiting");
  test_sleep_ms(50); /* so that it sleeps when the owner dies */
  begin = test_now_ms();
  if (kill) {
    test_kill(&owner);
  } else {
    test_tell(&owner, "exit");
    assert_int_equal(test_join(&owner), 0);
  }
  test_expect(&waiter, "locked 1");
  assert_true(test_now_ms() - begin < SOON_MS);
  test_tell(&waiter, "end");
  assert_int_equal(test_join(&waiter), 0);
}


TEST(mutex_waiter_is_told_that_the_owner_was_killed) {
  const char* name = test_name("killed");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);

  (void) state;
  waiter_is_told(name, NULL, 1);
  assert_int_equal(uvshm_mutex_lock(mutex, 5000), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_waiter_is_told_that_the_owner_exited) {
  const char* name = test_name("exited");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);

  (void) state;
  waiter_is_told(name, NULL, 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_in_a_segment_tells_of_a_killed_owner_too) {
  char name[64];
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;

  (void) state;
  snprintf(name, sizeof(name), "%s", test_name("seg"));
  segment = make_segment(name);
  mutex = open_mutex(segment, "till", 0);
  waiter_is_told("till", name, 1);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_owner_death_is_told_to_one_process_only) {
  const char* name = test_name("once");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  struct test_process owner;

  (void) state;
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  test_kill(&owner);
  assert_int_equal(uvshm_mutex_lock(mutex, SOON_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, SOON_MS), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
}


TEST(mutex_news_of_a_death_survives_the_death_of_who_heard_it) {
  const char* name = test_name("again");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  struct test_process owner;

  (void) state;
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  test_kill(&owner);
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 1");
  test_kill(&owner);
  assert_int_equal(uvshm_mutex_lock(mutex, SOON_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_taken_twice_is_an_error_or_recursive) {
  uvshm_mutex_t* mutex = open_mutex(NULL, test_name("twice"), 0);
  uvshm_mutex_t* recursive =
      open_mutex(NULL, test_name("recursive"), UVSHM_MUTEX_RECURSIVE);
  uvshm_mutex_info_t info;

  (void) state;
  assert_int_equal(uvshm_mutex_lock(mutex, UVSHM_FOREVER), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, UVSHM_FOREVER), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), UV_EPERM);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_mutex_info(recursive, &info), 0);
  assert_int_equal(info.depth, 2);
  assert_int_equal(info.recursive, 1);
  assert_int_equal(uvshm_mutex_unlock(recursive), 0);
  assert_int_equal(uvshm_mutex_info(recursive, &info), 0);
  assert_int_equal(info.locked, 1);
  assert_int_equal(uvshm_mutex_unlock(recursive), 0);
  assert_int_equal(uvshm_mutex_unlock(recursive), UV_EPERM);
  uvshm_mutex_close(recursive);
  uvshm_mutex_close(mutex);
}


TEST(mutex_opened_with_other_flags_is_refused) {
  const char* name = test_name("flags");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, UVSHM_MUTEX_RECURSIVE);
  uvshm_mutex_t* other;
  uvshm_mutex_options_t options;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&other, NULL, name, NULL), UV_EPROTOTYPE);
  memset(&options, 0, sizeof(options));
  options.flags = 1u << 29;
  assert_int_equal(uvshm_mutex_open(&other, NULL, name, &options), UV_EINVAL);
  options.flags = UVSHM_EXISTING;
  assert_int_equal(uvshm_mutex_open(&other, NULL, test_name("none"), &options),
                   UV_ENOENT);
  options.flags = UVSHM_EXCLUSIVE | UVSHM_MUTEX_RECURSIVE;
  assert_int_equal(uvshm_mutex_open(&other, NULL, name, &options), UV_EEXIST);
  uvshm_mutex_close(mutex);
}


TEST(mutex_of_which_a_thread_holds_sixteen_refuses_the_next) {
  uvshm_segment_t* segment = make_segment(test_name("sixteen"));
  uvshm_mutex_t* mutex[UVSHM_MUTEX_HELD_MAX + 1];
  char name[16];
  int i;

  (void) state;
  for (i = 0; i <= UVSHM_MUTEX_HELD_MAX; i++) {
    snprintf(name, sizeof(name), "m%d", i);
    mutex[i] = open_mutex(segment, name, 0);
    assert_int_equal(uvshm_mutex_lock(mutex[i], 0),
                     i < UVSHM_MUTEX_HELD_MAX ? 0 : UV_ENOBUFS);
  }
  for (i = 0; i < UVSHM_MUTEX_HELD_MAX; i++)
    assert_int_equal(uvshm_mutex_unlock(mutex[i]), 0);
  assert_int_equal(uvshm_mutex_lock(mutex[UVSHM_MUTEX_HELD_MAX], 0), 0);
  for (i = 0; i <= UVSHM_MUTEX_HELD_MAX; i++) uvshm_mutex_close(mutex[i]);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


static void end_holding(void* arg) {
  assert_int_equal(uvshm_mutex_lock(arg, 0), 0);
}


TEST(mutex_of_a_thread_that_ended_says_that_its_owner_died) {
  uvshm_mutex_t* mutex = open_mutex(NULL, test_name("thread"), 0);
  uv_thread_t thread;

  (void) state;
  assert_int_equal(uv_thread_create(&thread, end_holding, mutex), 0);
  uv_thread_join(&thread);
  assert_int_equal(uvshm_mutex_lock(mutex, SOON_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
}


struct blocked {
  uvshm_mutex_t* mutex;
  int result;
};


static void block(void* arg) {
  struct blocked* blocked = arg;

  blocked->result = uvshm_mutex_lock(blocked->mutex, UVSHM_FOREVER);
}


TEST(mutex_cancel_wakes_this_handles_blocked_calls) {
  const char* name = test_name("cancel");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  struct blocked blocked = {mutex, 0};
  struct test_process owner;
  uv_thread_t thread;

  (void) state;
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  uv_thread_create(&thread, block, &blocked);
  test_sleep_ms(30);
  uvshm_mutex_cancel(mutex);
  uv_thread_join(&thread);
  assert_int_equal(blocked.result, UV_ECANCELED);
  test_tell(&owner, "unlock");
  test_expect(&owner, "unlocked 0");
  assert_int_equal(test_join(&owner), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_closed_while_held_is_left_as_by_a_dead_owner) {
  const char* name = test_name("close");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  uvshm_mutex_t* other = open_mutex(NULL, name, 0);

  (void) state;
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(uvshm_mutex_lock(other, SOON_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(other), 0);
  uvshm_mutex_close(other);
  assert_int_equal(test_leftovers(), 0);
}


TEST(mutex_abandoned_is_left_as_by_a_dead_owner) {
  const char* name = test_name("abandon");
  uvshm_mutex_t* mutex = open_mutex(NULL, name, 0);
  uvshm_mutex_t* recursive =
      open_mutex(NULL, test_name("abandon-r"), UVSHM_MUTEX_RECURSIVE);
  struct test_process waiter;

  (void) state;
  assert_int_equal(uvshm_mutex_abandon(mutex), UV_EPERM);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  test_spawn(&waiter, "waiter", name, NULL);
  test_expect(&waiter, "waiting");
  test_sleep_ms(50); /* so that it sleeps */
  assert_int_equal(uvshm_mutex_abandon(mutex), 0);
  test_expect(&waiter, "locked 1");
  assert_int_equal(uvshm_mutex_unlock(mutex), UV_EPERM);
  test_tell(&waiter, "end");
  assert_int_equal(test_join(&waiter), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, SOON_MS), 0);
  assert_int_equal(uvshm_mutex_abandon(mutex), 0);
  /* Who is told may pass it on. */
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_abandon(mutex), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);

  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), 0);
  assert_int_equal(uvshm_mutex_abandon(recursive), 0);
  assert_int_equal(uvshm_mutex_unlock(recursive), UV_EPERM);
  assert_int_equal(uvshm_mutex_lock(recursive, 0), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(recursive), 0);
  uvshm_mutex_close(recursive);
  uvshm_mutex_close(mutex);
}


TEST(mutex_removed_from_its_segment_is_gone_for_its_handles) {
  uvshm_segment_t* segment = make_segment(test_name("removed"));
  uvshm_mutex_t* mutex = open_mutex(segment, "m", 0);
  uvshm_mutex_t* fresh;

  (void) state;
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlink(segment, "m", 0), 0);
  assert_int_equal(uvshm_mutex_unlink(segment, "m", 0), UV_ENOENT);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_ENXIO);
  fresh = open_mutex(segment, "m", UVSHM_EXCLUSIVE);
  assert_int_equal(uvshm_mutex_lock(fresh, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(fresh), 0);
  uvshm_mutex_close(mutex);
  uvshm_mutex_close(fresh);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


#define ADDERS 3
#define ADDS 20000


TEST(mutex_keeps_a_plain_counter_exact) {
  char region_name[64];
  char mutex_name[64];
  struct test_process adders[ADDERS];
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  char count[16];
  int i;

  (void) state;
  snprintf(region_name, sizeof(region_name), "%s", test_name("count"));
  snprintf(mutex_name, sizeof(mutex_name), "%s", test_name("lock"));
  snprintf(count, sizeof(count), "%d", ADDS);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 64;
  assert_int_equal(uvshm_region_open(&region, region_name, &options), 0);
  mutex = open_mutex(NULL, mutex_name, 0);
  for (i = 0; i < ADDERS; i++) {
    test_spawn(&adders[i], "adder", mutex_name, region_name, count, NULL);
    test_expect(&adders[i], "ready");
  }
  for (i = 0; i < ADDERS; i++) test_tell(&adders[i], "go");
  for (i = 0; i < ADDERS; i++) assert_int_equal(test_join(&adders[i]), 0);
  assert_int_equal(*(uint64_t*) uvshm_region_base(region), ADDERS * ADDS);
  uvshm_mutex_close(mutex);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


/* What it does where there is one is in test-native.c. */
TEST(mutex_of_the_systems_own_is_refused_where_there_is_none) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;

  (void) state;
  if (UVSHM__PORT_NATIVE_LOCKS) skip();
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_MUTEX_NATIVE;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, test_name("n"), &options),
                   UV_ENOTSUP);
  assert_non_null(strstr(uvshm_error_detail(), "no named lock"));
  assert_int_equal(uvshm_mutex_unlink(NULL, test_name("n"), UVSHM_MUTEX_NATIVE),
                   UV_ENOTSUP);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mutex_is_held_by_one_at_a_time),
      cmocka_unit_test(mutex_waiter_is_told_that_the_owner_was_killed),
      cmocka_unit_test(mutex_waiter_is_told_that_the_owner_exited),
      cmocka_unit_test(mutex_in_a_segment_tells_of_a_killed_owner_too),
      cmocka_unit_test(mutex_owner_death_is_told_to_one_process_only),
      cmocka_unit_test(
          mutex_news_of_a_death_survives_the_death_of_who_heard_it),
      cmocka_unit_test(mutex_taken_twice_is_an_error_or_recursive),
      cmocka_unit_test(mutex_opened_with_other_flags_is_refused),
      cmocka_unit_test(mutex_of_which_a_thread_holds_sixteen_refuses_the_next),
      cmocka_unit_test(mutex_of_a_thread_that_ended_says_that_its_owner_died),
      cmocka_unit_test(mutex_cancel_wakes_this_handles_blocked_calls),
      cmocka_unit_test(mutex_closed_while_held_is_left_as_by_a_dead_owner),
      cmocka_unit_test(mutex_abandoned_is_left_as_by_a_dead_owner),
      cmocka_unit_test(mutex_removed_from_its_segment_is_gone_for_its_handles),
      cmocka_unit_test(mutex_keeps_a_plain_counter_exact),
      cmocka_unit_test(mutex_of_the_systems_own_is_refused_where_there_is_none),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("mutex", tests, NULL, NULL);
}
