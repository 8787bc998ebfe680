/* SPDX-License-Identifier: MIT */

/* uvshm demo: what it shows is true. */

#include "harness.h"
#include "tool/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uvshm.h>

#define FILE_SIZE 3000001


/* The words behind "label " in what the tool printed, up to a blank or a
 * comma. */
static void told(const struct tool* tool, const char* label, char* text) {
  const char* at = strstr(tool->out.bytes, label);
  if (at == NULL) fail_msg("no %s in: %s", label, tool->out.bytes);
  at += strlen(label);
  at += strspn(at, " ");
  size_t size = strcspn(at, " ,\r\n");
  assert_true(size > 0 && size < 100);
  memcpy(text, at, size);
  text[size] = '\0';
}


static void make_file(const char* path, unsigned char* bytes) {
  for (size_t i = 0; i < FILE_SIZE; i++)
    bytes[i] = (unsigned char) (i * 31 + i / 1000);
  FILE* file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, FILE_SIZE, file), FILE_SIZE);
  fclose(file);
}


static void drop_file(const char* path) {
  uv_fs_t req;
  uv_fs_unlink(NULL, &req, path, NULL);
  uv_fs_req_cleanup(&req);
}


static void a_file_arrives_as_it_was(void** state) {
  const char* path = test_path("sent");
  const char* copy = test_path("received");
  unsigned char* bytes = malloc(2 * FILE_SIZE + 1);
  char channel[128];
  char cell[128];
  struct tool tool;
  (void) state;
  assert_non_null(bytes);
  make_file(path, bytes);
  assert_int_equal(tool_run(&tool, "demo", path, "-o", copy, NULL), 0);
  assert_contains(tool.out.bytes, "3000001 bytes");
  assert_contains(tool.out.bytes, ": equal");
  assert_contains(tool.out.bytes, "\npipe ");
  told(&tool, "channel", channel);
  told(&tool, "cells", cell);
  tool_free(&tool);

  FILE* file = fopen(copy, "rb");
  assert_non_null(file);
  assert_int_equal(fread(bytes + FILE_SIZE, 1, FILE_SIZE + 1, file), FILE_SIZE);
  fclose(file);
  assert_memory_equal(bytes, bytes + FILE_SIZE, FILE_SIZE);
  assert_int_equal(tool_code("info", channel, NULL), 3);
  assert_int_equal(tool_code("info", cell, NULL), 3);
  drop_file(path);
  drop_file(copy);
  free(bytes);
}


static void without_a_file_it_passes_itself(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "demo", NULL), 0);
  assert_contains(tool.out.bytes, ": equal");
  tool_free(&tool);
}


static void a_missing_file_exits_with_3(void** state) {
  (void) state;
  assert_int_equal(tool_code("demo", test_path("missing"), NULL), 3);
}


static void the_heir_of_a_killed_owner_goes_on(void** state) {
  char region[128];
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "demo", "--kill", NULL), 0);
  assert_contains(tool.out.bytes, "was told that its owner died");
  assert_contains(tool.out.bytes, "repaired");
  told(&tool, "region", region);
  assert_int_equal(tool_code("info", region, NULL), 3);
  tool_free(&tool);
}


/* ---- chat ---------------------------------------------------------------- */

/* Both ends of a talk, each told of the other. */
static void meet(struct tool* ends, const char* name) {
  tool_start(&ends[0], "demo", "--chat", "-v", name, NULL);
  tool_expect_err(&ends[0], "as number 1");
  tool_start(&ends[1], "demo", "--chat", "-v", name, NULL);
  tool_expect_err(&ends[1], "is here");
  tool_expect_err(&ends[0], "is here");
}


static void lines_go_both_ways(void** state) {
  const char* name = test_name("chat");
  struct tool ends[2];
  (void) state;
  meet(ends, name);
  tool_feed(&ends[0], "hello\n", 6);
  tool_expect_out(&ends[1], "hello");
  tool_feed(&ends[1], "and \x1b[31mback\n", 14);
  tool_expect_out(&ends[0], "and \\x1b[31mback");
  tool_feed(&ends[1], "last words", 10);

  /* The end of its input ends the second; the first is told, after the last
   * line. */
  assert_int_equal(tool_join(&ends[1]), 0);
  tool_expect_out(&ends[0], "last words");
  tool_expect_err(&ends[0], "left");
  assert_int_equal(tool_join(&ends[0]), 0);
  tool_free(&ends[0]);
  tool_free(&ends[1]);
  assert_int_equal(tool_code("info", name, NULL), 3);
}


static void many_lines_arrive_in_order(void** state) {
  const char* name = test_name("many");
  char* text = calloc(1, 100000);
  struct tool ends[2];
  (void) state;
  assert_non_null(text);
  for (int i = 0; i < 3000; i++)
    snprintf(text + strlen(text), 32, "line number %d\n", i);
  meet(ends, name);
  tool_feed(&ends[0], text, strlen(text));
  tool_expect_out(&ends[1], "line number 2999\n");
  assert_string_equal(ends[1].out.bytes, text);
  assert_int_equal(tool_join(&ends[0]), 0);
  assert_int_equal(tool_join(&ends[1]), 0);
  tool_free(&ends[0]);
  tool_free(&ends[1]);
  free(text);
}


static void a_third_finds_no_seat(void** state) {
  const char* name = test_name("third");
  struct tool ends[2];
  (void) state;
  meet(ends, name);
  assert_int_equal(tool_code("demo", "--chat", name, NULL), 6);
  assert_int_equal(tool_join(&ends[0]), 0);
  assert_int_equal(tool_join(&ends[1]), 0);
  tool_free(&ends[0]);
  tool_free(&ends[1]);
}


static void the_death_of_the_other_is_told(void** state) {
  const char* name = test_name("death");
  struct tool ends[2];
  struct tool again;
  (void) state;
  meet(ends, name);
  tool_signal(&ends[1], SIGKILL);
  tool_wait(&ends[1]);
  assert_int_equal(tool_join(&ends[1]), -1 - SIGKILL);
  tool_expect_err(&ends[0], "died");

  /* Its seat is free for the next one. */
  tool_start(&again, "demo", "--chat", "-v", name, NULL);
  tool_expect_err(&again, "is here");
  tool_feed(&again, "me again\n", 9);
  tool_expect_out(&ends[0], "me again");
  assert_int_equal(tool_join(&again), 0);
  assert_int_equal(tool_join(&ends[0]), 0);
  tool_free(&again);
  tool_free(&ends[0]);
  tool_free(&ends[1]);
  assert_int_equal(tool_code("info", name, NULL), 3);
}


static void an_interrupt_leaves_nothing_and_exits_with_130(void** state) {
  const char* name = test_name("sigint");
  struct tool tool;
  (void) state;
  if (!tool_has_signals()) {
    print_message("this system has no signals between processes\n");
    skip();
  }
  tool_start(&tool, "demo", "--chat", "-v", name, NULL);
  tool_expect_err(&tool, "as number 1");
  tool_signal(&tool, SIGINT);
  tool_wait(&tool);
  assert_int_equal(tool_join(&tool), 130);
  tool_free(&tool);
  assert_int_equal(tool_code("info", name, NULL), 3);
}


static void nothing_was_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_arrives_as_it_was),
      cmocka_unit_test(without_a_file_it_passes_itself),
      cmocka_unit_test(a_missing_file_exits_with_3),
      cmocka_unit_test(the_heir_of_a_killed_owner_goes_on),
      cmocka_unit_test(lines_go_both_ways),
      cmocka_unit_test(many_lines_arrive_in_order),
      cmocka_unit_test(a_third_finds_no_seat),
      cmocka_unit_test(the_death_of_the_other_is_told),
      cmocka_unit_test(an_interrupt_leaves_nothing_and_exits_with_130),
      cmocka_unit_test(nothing_was_left_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
