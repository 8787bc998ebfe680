/* SPDX-License-Identifier: MIT */

/* uvshm --dir: the same commands, for objects in a folder of one's own choice.
 */

#include "harness.h"
#include "namespace.h"
#include "tool/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <uvshm.h>

static char folder[600];


static int setup(void** state) {
  (void) state;
  snprintf(folder, sizeof(folder), "%s", test_path("dir"));
  return mkdir(folder, 0700);
}


static int teardown(void** state) {
  (void) state;
  return rmdir(folder);
}


/* Runs `uvshm --dir FOLDER` and these words; what it prints has `part` in it.
 */
static void assert_says(const char* part,
                        const char* command,
                        const char* one,
                        const char* two,
                        const char* three) {
  struct tool tool;
  int code = tool_run(&tool, "--dir", folder, command, one, two, three, NULL);
  if (code != 0) fail_msg("%s: %d, %s", command, code, tool.err.bytes);
  assert_contains(tool.out.bytes, part);
  tool_free(&tool);
}


static void remove_it(const char* name) {
  assert_int_equal(tool_code("rm", "-f", name, "--dir", folder, NULL), 0);
}


static const char* in_folder(const char* name) {
  static char path[800];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

/* ---- roles --------------------------------------------------------------- */

/* argv: path. Takes the mutex there, in a container of its own if it can. */
static int role_holder(int argc, char** argv) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;

  if (argc == 2 && test_container_enter(NULL) != 0) return 90;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_DIR;
  options.label = "holder";
  if (uvshm_mutex_open(&mutex, NULL, argv[0], &options) < 0) return 1;
  if (uvshm_mutex_lock(mutex, 1000) < 0) return 2;
  test_say("held");
  test_hear();
  return 0;
}


static const struct test_role roles[] = {{"holder", role_holder}, {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

static void objects_are_made_seen_and_removed_there(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code("--dir", folder, "create", "plain", "--keep", NULL), 0);
  assert_says("plain  region", "ls", NULL, NULL, NULL);
  assert_says("plain\n", "ls", "-o", "name", "--no-headings");
  assert_says("\"name\": \"plain\"", "ls", "--json", NULL, NULL);
  assert_says(in_folder("uvshm-"), "info", "plain", NULL, NULL);
  assert_says("plain  region", "top", "-n", "1", NULL);
  assert_int_equal(tool_run(&tool, "ls", NULL), 0);
  assert_lacks(tool.out.bytes, "plain");
  tool_free(&tool);
  assert_says("would remove region \"plain\"", "rm", "-n", "plain", NULL);
  remove_it("plain");
  assert_int_equal(tool_code("info", "plain", "--dir", folder, NULL), 3);
}


static void bytes_are_written_and_read_there(void** state) {
  struct tool tool;
  (void) state;
  tool_start(
      &tool, "write", "greeting", "--create", "--keep", "--dir", folder, NULL);
  tool_feed(&tool, "hello\n", 6);
  assert_int_equal(tool_join(&tool), 0);
  tool_free(&tool);
  assert_says("hello\n", "read", "greeting", NULL, NULL);
  remove_it("greeting");
}


static void a_segment_and_its_map_lie_there(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code("map", "create", "shop/stock", "--keep", "--dir", folder, NULL),
      0);
  assert_int_equal(
      tool_code(
          "map", "put", "shop/stock", "apple", "green", "--dir", folder, NULL),
      0);
  assert_int_equal(
      tool_run(
          &tool, "--dir", folder, "map", "get", "shop/stock", "apple", NULL),
      0);
  assert_string_equal(tool.out.bytes, "green");
  tool_free(&tool);
  assert_int_equal(
      tool_run(&tool, "map", "dump", "shop/stock", "--dir", folder, NULL), 0);
  assert_contains(tool.out.bytes, "apple");
  tool_free(&tool);
  assert_int_equal(tool_code("check", "shop", "--dir", folder, NULL), 0);
  assert_int_equal(tool_code("repair", "shop", "--dir", folder, NULL), 0);
  assert_says("stock", "info", "shop", NULL, NULL);
  assert_says("shop", "top", "-n", "1", NULL);
  remove_it("shop");
}


static void messages_go_through_a_channel_there(void** state) {
  static const char* const names[] = {"pipe", "room/pipe"};
  (void) state;
  assert_int_equal(tool_code("create",
                             "room",
                             "--segment",
                             "--size",
                             "16M",
                             "--keep",
                             "--dir",
                             folder,
                             NULL),
                   0);
  for (int i = 0; i < 2; i++) {
    struct tool reader;
    struct tool writer;
    tool_start(&reader, "recv", names[i], "--dir", folder, NULL);
    tool_start(&writer, "send", "--dir", folder, names[i], NULL);
    tool_feed(&writer, "through a folder", 16);
    assert_int_equal(tool_join(&writer), 0);
    assert_int_equal(tool_join(&reader), 0);
    assert_string_equal(reader.out.bytes, "through a folder");
    tool_free(&writer);
    tool_free(&reader);
  }
  remove_it("room");
}


static void a_cell_there_is_watched_by_its_name_alone(void** state) {
  uvshm_cell_options_t options;
  uvshm_cell_t* cell;
  struct tool tool;
  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_DIR;
  options.size = 4;
  assert_int_equal(uvshm_cell_open(&cell, NULL, in_folder("latest"), &options),
                   0);
  tool_start(
      &tool, "watch", "latest", "-n", "1", "--dir", folder, "-w", "30", NULL);
  for (uint32_t i = 0; i < 3000 && !tool.exited; i++) {
    assert_int_equal(uvshm_cell_write(cell, &i, sizeof(i)), 0);
    uv_run(&tool.loop, UV_RUN_NOWAIT);
    test_sleep_ms(10);
  }
  assert_int_equal(tool_join(&tool), 0);
  assert_contains(tool.out.bytes, "latest");
  assert_lacks(tool.out.bytes, folder);
  tool_free(&tool);
  uvshm_cell_close(cell);
}


static void a_command_runs_under_a_lock_there(void** state) {
  struct test_process holder;
  struct tool tool;
  (void) state;
  if (test_container_can())
    test_spawn(&holder, "holder", in_folder("turn"), "boxed", NULL);
  else
    test_spawn(&holder, "holder", in_folder("turn"), NULL);
  test_expect(&holder, "held");
  assert_says("held by pid", "ls", NULL, NULL, NULL);
  assert_int_equal(
      tool_code("lock", "-n", "--dir", folder, "turn", "--", "true", NULL), 4);
  test_kill(&holder);
  assert_int_equal(tool_run(&tool,
                            "--dir",
                            folder,
                            "lock",
                            "-w",
                            "30",
                            "turn",
                            "--",
                            "echo",
                            "mine",
                            NULL),
                   0);
  assert_string_equal(tool.out.bytes, "mine\n");
  tool_free(&tool);
}


static void gc_removes_there_what_the_dead_left(void** state) {
  struct test_process holder;
  struct tool tool;
  (void) state;
  test_spawn(&holder, "holder", in_folder("left"), NULL);
  test_expect(&holder, "held");
  test_kill(&holder);
  assert_says("stale", "ls", NULL, NULL, NULL);
  assert_says("would remove mutex \"left\"", "gc", "-n", NULL, NULL);
  assert_int_equal(tool_run(&tool, "gc", "-f", "--dir", folder, NULL), 0);
  assert_contains(tool.out.bytes, "removed mutex \"left\"");
  tool_free(&tool);
}


static void doctor_looks_there(void** state) {
  struct tool tool;
  (void) state;
  tool_run(&tool, "doctor", "--dir", folder, NULL);
  assert_contains(tool.out.bytes, folder);
  assert_lacks(tool.out.bytes, "fail");
  assert_contains(tool.out.bytes, "a killed owner of a mutex was noticed");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "doctor", "--dir", in_folder("none"), NULL),
                   1);
  assert_contains(tool.out.bytes, "is not there");
  tool_free(&tool);
}


static void demo_and_bench_work_there(void** state) {
  (void) state;
  assert_says("repaired", "demo", "--kill", NULL, NULL);
  assert_says("crc-32c", "demo", "/bin/sh", NULL, NULL);
  assert_says("transaction of two words", "bench", "lock", NULL, NULL);
}


static void what_does_not_go_with_it_is_said(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("ls", "--dir", "", NULL), 2);
  assert_int_equal(tool_code("ls", "--dir", NULL), 2);
  assert_int_equal(
      tool_code("read", "--file", "/etc/passwd", "--dir", folder, NULL), 2);
  assert_int_equal(tool_code("info", "--managed", "x", "--dir", folder, NULL),
                   2);
  assert_int_equal(tool_code("info", "--foreign", "x", "--dir", folder, NULL),
                   2);
  assert_int_equal(tool_code("ls", "--foreign", "--dir", folder, NULL), 2);
  assert_int_equal(
      tool_code("rm", "-f", "--sysv-key", "7", "--dir", folder, NULL), 2);
  assert_int_equal(tool_code("--dir", folder, "php", "keys", "7", NULL), 2);
  assert_int_equal(tool_code("--dir", folder, "completion", "bash", NULL), 2);
  assert_int_equal(tool_code("--dir", folder, "nonsense", NULL), 2);
  assert_int_equal(tool_code("ls", "--dir", in_folder("none"), NULL), 3);
  assert_int_equal(
      tool_run(&tool, "create", "x", "-k", "--dir", in_folder("none"), NULL),
      3);
  assert_contains(tool.err.bytes, "no folder");
  tool_free(&tool);
}


static int nothing_left(void** state) {
  (void) state;
  return test_leftovers();
}


int main(int argc, char** argv) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      CASE(objects_are_made_seen_and_removed_there),
      CASE(bytes_are_written_and_read_there),
      CASE(a_segment_and_its_map_lie_there),
      CASE(messages_go_through_a_channel_there),
      CASE(a_cell_there_is_watched_by_its_name_alone),
      CASE(a_command_runs_under_a_lock_there),
      CASE(gc_removes_there_what_the_dead_left),
      CASE(doctor_looks_there),
      CASE(demo_and_bench_work_there),
      CASE(what_does_not_go_with_it_is_said),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("tool-dir", tests, NULL, nothing_left);
}
