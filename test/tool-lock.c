/* SPDX-License-Identifier: MIT */

/* uvshm lock: one at a time, also when somebody dies. */

#include "harness.h"
#include "tool/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uvshm.h>

static char self[2048];


/* ---- roles --------------------------------------------------------------- */

/* The command of a lock: says that it runs, and ends with its input. */
static int role_command(int argc, char** argv) {
  (void) argc;
  (void) argv;
  test_say("running");
  test_hear();
  return 42;
}


/* Holds a mutex until it is killed. */
static int role_owner(int argc, char** argv) {
  uvshm_mutex_t* mutex;
  if (argc < 1 || uvshm_mutex_open(&mutex, NULL, argv[0], NULL) < 0) return 1;
  if (uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) < 0) return 2;
  test_say("held");
  test_hear();
  return 0;
}


/* The same with the system's own mutex. */
static int role_native(int argc, char** argv) {
  uvshm_mutex_options_t options = {.flags = UVSHM_MUTEX_NATIVE};
  uvshm_mutex_t* mutex;
  if (argc < 1 || uvshm_mutex_open(&mutex, NULL, argv[0], &options) < 0)
    return 1;
  if (uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) < 0) return 2;
  test_say("held");
  test_hear();
  return 0;
}


static int role_exit(int argc, char** argv) {
  (void) argv;
  return argc > 0 ? 7 : 0;
}


/* ---- cases --------------------------------------------------------------- */

static void the_commands_exit_code_is_passed_on(void** state) {
  const char* name = test_name("code");
  (void) state;
  assert_int_equal(tool_code("lock", name, "--", self, "--role=exit", NULL), 0);
  assert_int_equal(
      tool_code("lock", name, "--", self, "--role=exit", "x", NULL), 7);
}


static void a_command_that_cannot_run_exits_with_127(void** state) {
  (void) state;
  assert_int_equal(
      tool_code("lock", test_name("run"), "--", "no-such-program-9", NULL),
      127);
}


static void a_held_mutex_exits_with_4(void** state) {
  const char* name = test_name("held");
  uvshm_mutex_t* mutex;
  uvshm_mutex_options_t options = {.label = "the test"};
  struct tool tool;
  char words[64];
  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, &options), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);

  assert_int_equal(
      tool_run(&tool, "lock", "-n", name, "--", self, "--role=exit", NULL), 4);
  snprintf(words,
           sizeof(words),
           "is held by pid %d (the test)",
           (int) uv_os_getpid());
  assert_contains(tool.err.bytes, words);
  tool_free(&tool);

  uint64_t before = test_now_ms();
  assert_int_equal(
      tool_code("lock", "-w", "0.2", name, self, "--role=exit", NULL), 4);
  assert_true(test_now_ms() - before >= 200);
  assert_int_equal(
      tool_code("lock", "-n", "-E", "9", name, self, "--role=exit", NULL), 9);

  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(tool_code("lock", "-n", name, self, "--role=exit", NULL), 0);
  uvshm_mutex_close(mutex);
}


static void it_holds_the_mutex_while_the_command_runs(void** state) {
  const char* name = test_name("while");
  uvshm_mutex_t* mutex;
  uvshm_mutex_info_t info;
  struct tool tool;
  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  tool_start(&tool, "lock", name, "--", self, "--role=command", NULL);
  tool_expect_out(&tool, "running");
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EBUSY);
  assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
  assert_int_equal(info.owner_pid, uv_process_get_pid(&tool.process));
  assert_contains(info.owner_label, "uvshm lock");

  assert_int_equal(tool_join(&tool), 42);
  tool_free(&tool);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
}


static void the_next_one_waits_its_turn(void** state) {
  const char* name = test_name("turn");
  struct tool first;
  struct tool second;
  uvshm_mutex_t* mutex;
  uvshm_mutex_info_t info;
  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  tool_start(&first, "lock", name, "--", self, "--role=command", NULL);
  tool_expect_out(&first, "running");
  tool_start(&second, "lock", name, "--", self, "--role=command", NULL);
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  do {
    assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
    assert_true(test_now_ms() < deadline);
    test_sleep_ms(5);
  } while (info.waiters == 0);

  assert_int_equal(tool_join(&first), 42);
  tool_expect_out(&second, "running");
  assert_int_equal(tool_join(&second), 42);
  tool_free(&first);
  tool_free(&second);
  uvshm_mutex_close(mutex);
}


static void it_says_that_the_last_owner_died(void** state) {
  const char* name = test_name("died");
  uvshm_mutex_t* mutex;
  struct test_process owner;
  struct tool tool;
  (void) state;
  /* Somebody must be there all the time, or the mutex would end with its
   * owner. */
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "held");
  test_kill(&owner);
  assert_int_equal(
      tool_run(&tool, "lock", name, "--", self, "--role=exit", NULL), 0);
  assert_contains(tool.err.bytes, "died holding it");
  tool_free(&tool);
  assert_int_equal(
      tool_run(&tool, "lock", name, "--", self, "--role=exit", NULL), 0);
  assert_string_equal(tool.err.bytes, "");
  tool_free(&tool);
  uvshm_mutex_close(mutex);
}


/* Where the system has no named mutex, that is said. */
static void native_is_the_systems_own_mutex(void** state) {
  uvshm_mutex_options_t options = {.flags = UVSHM_MUTEX_NATIVE};
  const char* name = test_name("native");
  struct test_process owner;
  uvshm_mutex_t* mutex;
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code("lock", "--native", "--keep", name, "--", "true", NULL), 2);
  if (uvshm_mutex_open(&mutex, NULL, name, &options) == UV_ENOTSUP) {
    assert_int_equal(
        tool_run(&tool, "lock", "--native", name, "--", "true", NULL), 1);
    assert_contains(tool.err.bytes, "no named lock");
    tool_free(&tool);
    return;
  }
  test_spawn(&owner, "native", name, NULL);
  test_expect(&owner, "held");
  assert_int_equal(
      tool_code(
          "lock", "-n", "--native", name, "--", self, "--role=exit", NULL),
      4);
  test_kill(&owner);
  assert_int_equal(tool_run(&tool,
                            "lock",
                            "--native",
                            name,
                            "--",
                            self,
                            "--role=exit",
                            "7",
                            NULL),
                   7);
  assert_contains(tool.err.bytes, "died holding it");
  tool_free(&tool);
  uvshm_mutex_close(mutex);
}


static void killing_the_tool_frees_the_mutex(void** state) {
  const char* name = test_name("kill");
  uvshm_mutex_t* mutex;
  struct tool tool;
  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  tool_start(&tool, "lock", name, "--", self, "--role=command", NULL);
  tool_expect_out(&tool, "running");
  tool_signal(&tool, SIGKILL);
  tool_wait(&tool);
  assert_int_equal(tool_join(&tool), -1 - SIGKILL);
  tool_free(&tool);
  assert_int_equal(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS), UVSHM_OWNER_DIED);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
}


static void signals_reach_the_command(void** state) {
  struct tool tool;
  (void) state;
  if (!tool_has_signals()) {
    print_message("this system has no signals between processes\n");
    skip();
  }
  tool_start(
      &tool, "lock", test_name("term"), "--", self, "--role=command", NULL);
  tool_expect_out(&tool, "running");
  tool_signal(&tool, SIGTERM);
  tool_wait(&tool);
  assert_int_equal(tool_join(&tool), 128 + SIGTERM);
  tool_free(&tool);
}


static void an_interrupted_wait_exits_with_130(void** state) {
  const char* name = test_name("int");
  uvshm_mutex_t* mutex;
  uvshm_mutex_info_t info;
  struct tool tool;
  (void) state;
  if (!tool_has_signals()) {
    print_message("this system has no signals between processes\n");
    skip();
  }
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  tool_start(&tool, "lock", name, "--", self, "--role=exit", NULL);
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  do {
    assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
    assert_true(test_now_ms() < deadline);
    test_sleep_ms(5);
  } while (info.waiters == 0);
  tool_signal(&tool, SIGINT);
  tool_wait(&tool);
  assert_int_equal(tool_join(&tool), 130);
  tool_free(&tool);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
}


static void nothing_was_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"command", role_command},
                                           {"owner", role_owner},
                                           {"native", role_native},
                                           {"exit", role_exit},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_commands_exit_code_is_passed_on),
      cmocka_unit_test(a_command_that_cannot_run_exits_with_127),
      cmocka_unit_test(a_held_mutex_exits_with_4),
      cmocka_unit_test(it_holds_the_mutex_while_the_command_runs),
      cmocka_unit_test(the_next_one_waits_its_turn),
      cmocka_unit_test(it_says_that_the_last_owner_died),
      cmocka_unit_test(native_is_the_systems_own_mutex),
      cmocka_unit_test(killing_the_tool_frees_the_mutex),
      cmocka_unit_test(signals_reach_the_command),
      cmocka_unit_test(an_interrupted_wait_exits_with_130),
      cmocka_unit_test(nothing_was_left_behind),
  };
  size_t size = sizeof(self);
  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  if (uv_exepath(self, &size) < 0) return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
