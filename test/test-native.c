/* SPDX-License-Identifier: MIT */

/* A mutex of Windows' own (UVSHM_MUTEX_NATIVE), with a program at the other end
 * that knows nothing of uvshm: test/with/win32.c. What other systems answer is
 * in test-mutex.c. */

#include <winsock2.h>
#include <windows.h>

#include "harness.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)
#define ROUNDS 2000


/* `Local\\` and a name of this test's own. */
static const char* local_name(const char* stem) {
  static char names[4][300];
  static unsigned int last;
  char* name = names[last++ % 4];

  snprintf(name, sizeof(names[0]), "Local\\%s", test_name(stem));
  return name;
}


static int open_native(uvshm_mutex_t** mutex,
                       const char* name,
                       uint32_t flags) {
  uvshm_mutex_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_MUTEX_NATIVE | flags;
  return uvshm_mutex_open(mutex, NULL, name, &options);
}


/* A program that lies beside this one. */
static void start(struct test_process* process,
                  const char* program,
                  const char* role,
                  const char* name) {
  char path[1024];
  size_t size = sizeof(path);
  char* at;

  assert_int_equal(uv_exepath(path, &size), 0);
  at = strrchr(path, '\\');
  assert_non_null(at);
  snprintf(at + 1, sizeof(path) - (size_t) (at + 1 - path), "%s", program);
  test_spawn_other(process, NULL, path, role, name, NULL);
}


static void start_peer(struct test_process* peer,
                       const char* role,
                       const char* name) {
  start(peer, "win32-peer.exe", role, name);
  test_expect(peer, "ready");
}


static void ask(struct test_process* peer,
                const char* line,
                const char* answer) {
  test_tell(peer, line);
  test_expect(peer, answer);
}


/* ---- roles: uvshm's end, to be killed ------------------------------------ */

/* argv: name. */
static int role_holder(int argc, char** argv) {
  uvshm_mutex_t* mutex;

  (void) argc;
  if (open_native(&mutex, argv[0], 0) < 0) return 1;
  if (uvshm_mutex_lock(mutex, 1000) != 0) return 2;
  test_say("held");
  test_hear();
  return 0;
}


static const struct test_role roles[] = {{"holder", role_holder}, {NULL, NULL}};

/* ---- one lock, two libraries --------------------------------------------- */

TEST(native_mutex_of_a_win32_program_is_found_and_excludes) {
  const char* name = local_name("theirs");
  struct test_process peer;
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(open_native(&mutex, name, UVSHM_EXISTING), UV_ENOENT);
  start_peer(&peer, "make", name);
  assert_int_equal(open_native(&mutex, name, UVSHM_EXISTING), 0);
  ask(&peer, "lock", "0");
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EBUSY);
  assert_int_equal(uvshm_mutex_lock(mutex, 50), UV_ETIMEDOUT);
  assert_non_null(strstr(uvshm_error_detail(), name));
  assert_int_equal(uvshm_mutex_unlock(mutex), UV_EPERM);
  ask(&peer, "unlock", "1");
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  ask(&peer, "try", "258");
  ask(&peer, "unlock", "0");
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  ask(&peer, "try", "0");
  ask(&peer, "unlock", "1");
  uvshm_mutex_close(mutex);
  ask(&peer, "try", "0");
  test_tell(&peer, "bye");
  assert_int_equal(test_join(&peer), 0);
  assert_int_equal(open_native(&mutex, name, UVSHM_EXISTING), UV_ENOENT);
}


TEST(native_mutex_that_uvshm_makes_is_found_by_a_win32_program) {
  const char* name = local_name("ours");
  struct test_process peer;
  uvshm_mutex_t* mutex;
  uvshm_mutex_t* second;

  (void) state;
  assert_int_equal(open_native(&mutex, name, UVSHM_EXCLUSIVE), 0);
  assert_int_equal(open_native(&second, name, UVSHM_EXCLUSIVE), UV_EEXIST);
  start_peer(&peer, "open", name);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  ask(&peer, "try", "258");
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  ask(&peer, "try", "0");
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EBUSY);
  test_tell(&peer, "unlock");
  assert_int_equal(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS), 0);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  test_kill(&peer);
}


/* The full name is Windows' own: what has no prefix is in Local\ too. */
TEST(native_mutex_without_a_prefix_is_the_local_one) {
  const char* name = local_name("bare");
  struct test_process peer;
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(open_native(&mutex, name + strlen("Local\\"), 0), 0);
  start_peer(&peer, "open", name);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  ask(&peer, "try", "258");
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  test_kill(&peer);
}


TEST(native_mutex_tells_once_that_a_win32_owner_was_killed) {
  const char* name = local_name("killed");
  struct test_process peer;
  uvshm_mutex_t* mutex;
  uvshm_mutex_info_t info;

  (void) state;
  assert_int_equal(open_native(&mutex, name, 0), 0);
  start_peer(&peer, "open", name);
  ask(&peer, "lock", "0");
  assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
  assert_int_equal(info.locked, 1);
  assert_int_equal(info.depth, 1);
  assert_int_equal(info.owner_alive, 1);
  test_kill(&peer);
  assert_int_equal(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
}


TEST(native_mutex_of_a_killed_uvshm_owner_is_abandoned_to_win32) {
  const char* name = local_name("abandoned");
  struct test_process peer;
  struct test_process holder;

  (void) state;
  start_peer(&peer, "make", name);
  test_spawn(&holder, "holder", name, NULL);
  test_expect(&holder, "held");
  ask(&peer, "try", "258");
  test_kill(&holder);
  ask(&peer, "lock", "128");
  ask(&peer, "unlock", "1");
  ask(&peer, "lock", "0");
  test_kill(&peer);
}


TEST(native_mutex_of_a_thread_that_ended_is_told) {
  const char* name = local_name("thread");
  struct test_process peer;
  uvshm_mutex_t* mutex;
  uvshm_mutex_info_t info;

  (void) state;
  assert_int_equal(open_native(&mutex, name, 0), 0);
  start_peer(&peer, "open", name);
  ask(&peer, "thread", "0");
  assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
  assert_int_equal(info.locked, 0);
  assert_int_equal(info.owner_died, 1);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UVSHM_OWNER_DIED);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  test_kill(&peer);
}


/* Their addition is not atomic, nor is ours: only the lock keeps them apart. */
TEST(native_mutex_and_foreign_section_count_together_with_win32) {
  const char* lock_name = local_name("count.lock");
  const char* name = local_name("count");
  uvshm_region_options_t options;
  struct test_process peer;
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  volatile LONG* counter;
  char line[350];
  int i;

  (void) state;
  assert_int_equal(open_native(&mutex, lock_name, 0), 0);
  start_peer(&peer, "open", lock_name);
  snprintf(line, sizeof(line), "memory %s", name);
  ask(&peer, line, "1");
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_REGION_FOREIGN;
  assert_int_equal(uvshm_region_open(&region, name, &options), 0);
  counter = uvshm_region_base(region);
  assert_int_equal(*counter, 0);
  snprintf(line, sizeof(line), "count %d", ROUNDS);
  test_tell(&peer, line);
  for (i = 0; i < ROUNDS; i++) {
    LONG value;

    assert_int_equal(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS), 0);
    value = *counter;
    if (i % 8 == 0) SwitchToThread();
    *counter = value + 1;
    assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  }
  snprintf(line, sizeof(line), "%d", ROUNDS);
  test_expect(&peer, line);
  assert_int_equal(*counter, 2 * ROUNDS);
  uvshm_region_close(region);
  uvshm_mutex_close(mutex);
  test_kill(&peer);
}

/* Those of docs/coming-from/win32.md, in both orders; each takes a line for its
 * end. */
TEST(native_programs_of_the_page_count_on_in_one_number) {
  static const char* const programs[] = {"theirs", "ours"};
  struct test_process runs[3];
  int first;

  (void) state;
  for (first = 0; first < 2; first++) {
    int i;

    for (i = 0; i < 3; i++) {
      const char* program = programs[(first + i) % 2];
      char text[64];

      snprintf(text, sizeof(text), "win32-%s.exe", program);
      start(&runs[i], text, "page", "");
      snprintf(text, sizeof(text), "%s: %d", program, i + 1);
      test_expect(&runs[i], text);
    }
    for (i = 0; i < 3; i++) {
      test_tell(&runs[i], "end");
      assert_int_equal(test_join(&runs[i]), 0);
    }
  }
}


TEST(native_program_of_the_page_that_keeps_its_number) {
  struct test_process run;
  char line[64];
  int before;
  int i;

  (void) state;
  start(&run, "win32-counter.exe", "page", "");
  test_expect_line(&run, line, sizeof(line));
  before = atoi(line);
  assert_int_equal(test_join(&run), 0);
  for (i = 1; i < 3; i++) {
    start(&run, "win32-counter.exe", "page", "");
    snprintf(line, sizeof(line), "%d", before + i);
    test_expect(&run, line);
    assert_int_equal(test_join(&run), 0);
  }
  assert_int_equal(uvshm_region_unlink("coming-from", 0), 0);
}

/* ---- what each call means ------------------------------------------------ */

TEST(native_mutex_refuses_a_second_time_unless_recursive) {
  const char* name = local_name("twice");
  uvshm_mutex_t* plain;
  uvshm_mutex_t* again;
  uvshm_mutex_info_t info;

  (void) state;
  assert_int_equal(open_native(&plain, name, 0), 0);
  assert_int_equal(open_native(&again, name, UVSHM_MUTEX_RECURSIVE), 0);
  assert_int_equal(uvshm_mutex_lock(plain, 0), 0);
  assert_int_equal(uvshm_mutex_lock(plain, 0), UV_EINVAL);
  assert_int_equal(uvshm_mutex_lock(again, 0), 0);
  assert_int_equal(uvshm_mutex_info(again, &info), 0);
  assert_int_equal(info.depth, 2);
  assert_int_equal(info.recursive, 1);
  assert_int_equal(info.owner_pid, GetCurrentProcessId());
  assert_int_equal(uvshm_mutex_lock(plain, 100), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlock(again), 0);
  assert_int_equal(uvshm_mutex_info(plain, &info), 0);
  assert_int_equal(info.depth, 1);
  assert_int_equal(info.recursive, 0);
  assert_int_equal(uvshm_mutex_unlock(plain), 0);
  assert_int_equal(uvshm_mutex_unlock(plain), UV_EPERM);
  assert_int_equal(uvshm_mutex_info(plain, &info), 0);
  assert_int_equal(info.locked, 0);
  assert_int_equal(info.owner_died, 0);
  uvshm_mutex_close(again);
  uvshm_mutex_close(plain);
}


struct waiter {
  uvshm_mutex_t* mutex;
  volatile LONG started;
  int result;
  int after;
};


static void wait_in_thread(void* arg) {
  struct waiter* waiter = arg;

  InterlockedExchange(&waiter->started, 1);
  waiter->result = uvshm_mutex_lock(waiter->mutex, UVSHM_FOREVER);
  waiter->after = uvshm_mutex_lock(waiter->mutex, 1000);
}


TEST(native_mutex_cancel_ends_waits_of_its_handle_alone) {
  const char* name = local_name("cancel");
  struct test_process peer;
  struct waiter waiter;
  uvshm_mutex_t* other;
  uv_thread_t thread;

  (void) state;
  memset(&waiter, 0, sizeof(waiter));
  start_peer(&peer, "make", name);
  ask(&peer, "lock", "0");
  assert_int_equal(open_native(&waiter.mutex, name, 0), 0);
  assert_int_equal(open_native(&other, name, 0), 0);
  assert_int_equal(uv_thread_create(&thread, wait_in_thread, &waiter), 0);
  while (!waiter.started) test_sleep_ms(1);
  test_sleep_ms(50);
  uvshm_mutex_cancel(waiter.mutex);
  uv_thread_join(&thread);
  assert_int_equal(waiter.result, UV_ECANCELED);
  assert_int_equal(waiter.after, UV_ECANCELED);
  assert_int_equal(uvshm_mutex_lock(other, 20), UV_ETIMEDOUT);
  ask(&peer, "unlock", "1");
  assert_int_equal(uvshm_mutex_lock(waiter.mutex, 1000), 0);
  assert_int_equal(uvshm_mutex_unlock(waiter.mutex), 0);
  uvshm_mutex_close(other);
  uvshm_mutex_close(waiter.mutex);
  test_kill(&peer);
}


static void lock_and_close(void* arg) {
  const char* name = arg;
  uvshm_mutex_t* mutex;

  if (open_native(&mutex, name, UVSHM_EXISTING) < 0) return;
  if (uvshm_mutex_lock(mutex, 0) != 0) return;
  uvshm_mutex_close(mutex);
}


TEST(names_lie_in_no_folder_of_windows) {
  uvshm_region_options_t options;
  uvshm_names_t* names;
  uvshm_region_t* region;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_DIR;
  options.size = 100;
  assert_int_equal(uvshm_region_open(&region, "C:/temp/x", &options),
                   UV_ENOTSUP);
  assert_int_equal(uvshm_region_unlink("C:/temp/x", UVSHM_DIR), UV_ENOTSUP);
  assert_int_equal(uvshm_names_open_in(&names, "C:/temp", 0), UV_ENOTSUP);
}


/* As CloseHandle() does: the thread has it until it ends. */
TEST(native_mutex_closed_while_held_is_told_at_the_end_of_the_thread) {
  const char* name = local_name("closed");
  struct test_process peer;
  uv_thread_t thread;

  (void) state;
  start_peer(&peer, "make", name);
  assert_int_equal(uv_thread_create(&thread, lock_and_close, (void*) name), 0);
  uv_thread_join(&thread);
  ask(&peer, "lock", "128");
  test_kill(&peer);
}


TEST(native_mutex_refuses_what_windows_has_not) {
  const char* name = local_name("refused");
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, name);
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(open_native(&mutex, name, 0), UV_EPROTOTYPE);
  assert_int_equal(open_native(&mutex, name, UVSHM_EXISTING), UV_EPROTOTYPE);
  CloseHandle(event);
  assert_int_equal(open_native(&mutex, name, UVSHM_KEEP), UV_EINVAL);
  assert_int_equal(open_native(&mutex, name, UVSHM_SYSTEM), UV_EINVAL);
  assert_int_equal(open_native(&mutex, name, UVSHM_READONLY), UV_EINVAL);
  assert_int_equal(open_native(&mutex, name, UVSHM_EXISTING | UVSHM_EXCLUSIVE),
                   UV_EINVAL);
  assert_int_equal(open_native(&mutex, "", 0), UV_EINVAL);
  assert_int_equal(open_native(&mutex, NULL, 0), UV_EINVAL);
  assert_int_equal(open_native(&mutex, "a\\b\\c", 0), UV_EINVAL);
  assert_int_equal(open_native(&mutex, "\xff\xfe", 0), UV_EINVAL);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_MUTEX_NATIVE;
  options.log_size = 4096;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, &options), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlink(NULL, name, UVSHM_MUTEX_NATIVE),
                   UV_ENOTSUP);
}


static void never(uvshm_watch_t* watch, int status) {
  (void) watch;
  (void) status;
  abort();
}


TEST(native_mutex_goes_with_no_transaction_condition_or_watch) {
  const char* name = local_name("alone");
  uvshm_mutex_t* mutex;
  uvshm_cond_t* cond;
  uvshm_watch_t watch;
  uvshm_txn_t txn;
  uv_loop_t loop;

  (void) state;
  assert_int_equal(open_native(&mutex, name, 0), 0);
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 0), UV_ENOTSUP);
  assert_int_equal(uvshm_mutex_rejoin(mutex), 0);
  assert_int_equal(uvshm_cond_open(&cond, NULL, test_name("cond"), NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_abandon(mutex), UV_ENOTSUP);
  assert_int_equal(uvshm_cond_wait(cond, mutex, 10), UV_ENOTSUP);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_cond_close(cond);
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uvshm_watch_init(&loop, &watch), 0);
  assert_int_equal(uvshm_watch_start_mutex(&watch, mutex, never), UV_ENOTSUP);
  uvshm_watch_close(&watch, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  uvshm_mutex_close(mutex);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(native_mutex_of_a_win32_program_is_found_and_excludes),
      cmocka_unit_test(
          native_mutex_that_uvshm_makes_is_found_by_a_win32_program),
      cmocka_unit_test(native_mutex_without_a_prefix_is_the_local_one),
      cmocka_unit_test(native_mutex_tells_once_that_a_win32_owner_was_killed),
      cmocka_unit_test(
          native_mutex_of_a_killed_uvshm_owner_is_abandoned_to_win32),
      cmocka_unit_test(native_mutex_of_a_thread_that_ended_is_told),
      cmocka_unit_test(
          native_mutex_and_foreign_section_count_together_with_win32),
      cmocka_unit_test(native_programs_of_the_page_count_on_in_one_number),
      cmocka_unit_test(native_program_of_the_page_that_keeps_its_number),
      cmocka_unit_test(native_mutex_refuses_a_second_time_unless_recursive),
      cmocka_unit_test(native_mutex_cancel_ends_waits_of_its_handle_alone),
      cmocka_unit_test(
          native_mutex_closed_while_held_is_told_at_the_end_of_the_thread),
      cmocka_unit_test(native_mutex_refuses_what_windows_has_not),
      cmocka_unit_test(names_lie_in_no_folder_of_windows),
      cmocka_unit_test(
          native_mutex_goes_with_no_transaction_condition_or_watch),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
