/* SPDX-License-Identifier: MIT */

/* uvshm map, check and repair. */

#include "harness.h"
#include "tool/run.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <uvshm.h>

#define LANES_OFFSET (2048 + 64 * 128)

static char segment[256];
static char map[300];


static int setup(void** state) {
  (void) state;
  snprintf(segment, sizeof(segment), "%s", test_name("map"));
  snprintf(map, sizeof(map), "%s/stock", segment);
  return tool_code("map", "create", map, "--keep", "--max", "16M", NULL);
}


static int teardown(void** state) {
  (void) state;
  return tool_code("rm", "-f", segment, NULL);
}


/* What the command prints, and that it ends well. */
static void assert_prints(const char* text, const char* verb, const char* key) {
  struct tool tool;
  assert_int_equal(tool_run(&tool, "map", verb, map, key, NULL), 0);
  assert_string_equal(tool.out.bytes, text);
  tool_free(&tool);
}


static void put_bytes(const char* key, const void* bytes, size_t size) {
  struct tool tool;
  tool_start(&tool, "map", "put", map, key, "-", NULL);
  tool_feed(&tool, bytes, size);
  assert_int_equal(tool_join(&tool), 0);
  tool_free(&tool);
}

/* ---- keys and values ----------------------------------------------------- */

static void a_value_is_put_told_and_removed(void** state) {
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "apple", "green", NULL), 0);
  assert_prints("green", "get", "apple");
  assert_int_equal(tool_code("map", "put", map, "apple", "red", NULL), 0);
  assert_prints("red", "get", "apple");
  assert_prints("apple\n", "keys", NULL);
  assert_prints("apple\n", "keys", "app*");
  assert_prints("", "keys", "pear*");
  assert_int_equal(tool_code("map", "del", map, "apple", NULL), 0);
  assert_int_equal(tool_code("map", "del", map, "apple", NULL), 3);
  assert_int_equal(tool_code("map", "get", map, "apple", NULL), 3);
}


static void any_bytes_come_back_as_they_were(void** state) {
  const size_t size = 300000;
  struct tool tool;
  unsigned char* bytes = malloc(size);
  (void) state;
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++)
    bytes[i] = (unsigned char) (i * 31 + i / 251);
  put_bytes("photo", bytes, size);
  put_bytes("empty", "", 0);
  assert_int_equal(tool_run(&tool, "map", "get", map, "photo", NULL), 0);
  assert_int_equal(tool.out.size, size);
  assert_memory_equal(tool.out.bytes, bytes, size);
  tool_free(&tool);
  assert_prints("", "get", "empty");
  free(bytes);
}


static void base64_is_for_keys_that_are_no_words(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code("map", "put", map, "AP8=", "AAEC", "--base64", NULL), 0);
  assert_int_equal(tool_run(&tool, "map", "get", map, "AP8", "--base64", NULL),
                   0);
  assert_string_equal(tool.out.bytes, "AAEC\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "map", "keys", map, "--base64", NULL), 0);
  assert_string_equal(tool.out.bytes, "AP8=\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "map", "keys", map, "--null", NULL), 0);
  assert_int_equal(tool.out.size, 3);
  assert_memory_equal(tool.out.bytes, "\0\xff\0", 3);
  tool_free(&tool);
  assert_int_equal(tool_code("map", "get", map, "A", "--base64", NULL), 2);
  assert_int_equal(tool_code("map", "get", map, "A?==", "--base64", NULL), 2);
}


static void counters_count(void** state) {
  struct tool tool;
  (void) state;
  assert_prints("1\n", "add", "n");
  assert_int_equal(tool_run(&tool, "map", "add", map, "n", "41", NULL), 0);
  assert_string_equal(tool.out.bytes, "42\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "map", "add", map, "--", "n", "-50", NULL),
                   0);
  assert_string_equal(tool.out.bytes, "-8\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "map", "get", "-i", map, "n", NULL), 0);
  assert_string_equal(tool.out.bytes, "-8\n");
  tool_free(&tool);
  assert_int_equal(
      tool_code("map", "put", map, "-i", "n", "9000000000000000001", NULL), 0);
  assert_int_equal(tool_run(&tool, "map", "get", "-i", map, "n", NULL), 0);
  assert_string_equal(tool.out.bytes, "9000000000000000001\n");
  tool_free(&tool);
  assert_int_equal(tool_code("map", "put", map, "word", "abc", NULL), 0);
  assert_int_equal(tool_code("map", "add", map, "word", NULL), 2);
  assert_int_equal(tool_code("map", "get", "-i", map, "word", NULL), 1);
  assert_int_equal(tool_code("map", "add", map, "n", "x", NULL), 2);
}


static void take_gives_once(void** state) {
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "job", "wash up", NULL), 0);
  assert_prints("wash up", "take", "job");
  assert_int_equal(tool_code("map", "take", map, "job", NULL), 3);
}


static void conditions_are_kept(void** state) {
  struct tool tool;
  char version[32];
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "a", "1", "--new", NULL), 0);
  assert_int_equal(tool_code("map", "put", map, "a", "2", "--new", NULL), 1);
  assert_int_equal(tool_run(&tool, "map", "get", map, "a", "--json", NULL), 0);
  json_t* document = json_loads(tool.out.bytes, 0, NULL);
  assert_non_null(document);
  assert_string_equal(json_string_value(json_object_get(document, "value")),
                      "1");
  snprintf(
      version,
      sizeof(version),
      "%lld",
      (long long) json_integer_value(json_object_get(document, "version")));
  json_decref(document);
  tool_free(&tool);
  assert_int_equal(
      tool_code("map", "put", map, "a", "3", "--if-version", version, NULL), 0);
  assert_int_equal(
      tool_code("map", "put", map, "a", "4", "--if-version", version, NULL), 4);
  assert_prints("3", "get", "a");
  assert_int_equal(
      tool_code(
          "map", "put", map, "a", "5", "--new", "--if-version", version, NULL),
      2);
}


static void what_is_over_is_gone(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code("map", "put", map, "soon", "x", "--ttl", "0.05", NULL), 0);
  assert_int_equal(
      tool_code("map", "put", map, "later", "x", "--ttl", "1000", NULL), 0);
  test_sleep_ms(100);
  assert_int_equal(tool_run(&tool, "map", "sweep", "-v", map, NULL), 0);
  assert_contains(tool.err.bytes, "1 entries were over");
  tool_free(&tool);
  assert_int_equal(tool_code("map", "get", map, "soon", NULL), 3);
  assert_prints("x", "get", "later");
}

/* ---- dump, load ---------------------------------------------------------- */

static void a_dump_can_be_loaded(void** state) {
  static const char nasty[] = "\"\\\n\0\x7f";
  struct tool dump;
  struct tool tool;
  char other[300];
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "key", "value", NULL), 0);
  put_bytes("bytes", "\xff\x00\xfe", 3);
  put_bytes("text", nasty, sizeof(nasty));
  put_bytes("\xc3\xbc", "", 0);
  assert_int_equal(tool_run(&dump, "map", "dump", map, NULL), 0);
  assert_contains(dump.out.bytes, "{\"key\":\"key\",\"value\":\"value\"}\n");
  assert_contains(dump.out.bytes, "\"value_base64\":\"/wD+\"");

  snprintf(other, sizeof(other), "%s/other", segment);
  assert_int_equal(tool_code("map", "create", other, NULL), 0);
  tool_start(&tool, "map", "load", "-v", other, NULL);
  tool_feed(&tool, dump.out.bytes, dump.out.size);
  assert_int_equal(tool_join(&tool), 0);
  assert_contains(tool.err.bytes, "4 entries");
  tool_free(&tool);
  tool_free(&dump);
  snprintf(map, sizeof(map), "%s", other);
  assert_prints("value", "get", "key");
  assert_int_equal(tool_run(&tool, "map", "get", map, "text", NULL), 0);
  assert_int_equal(tool.out.size, sizeof(nasty));
  assert_memory_equal(tool.out.bytes, nasty, sizeof(nasty));
  tool_free(&tool);
}


static void a_dump_keeps_times_to_live(void** state) {
  struct tool dump;
  struct tool tool;
  char other[300];
  (void) state;
  assert_int_equal(
      tool_code("map", "put", map, "guest", "7", "--ttl", "3600", NULL), 0);
  assert_int_equal(tool_code("map", "put", map, "stays", "8", NULL), 0);
  assert_int_equal(tool_run(&dump, "map", "dump", map, NULL), 0);
  assert_contains(dump.out.bytes, "{\"key\":\"stays\",\"value\":\"8\"}\n");
  assert_contains(dump.out.bytes, "\"value\":\"7\",\"ttl_ms\":35");
  snprintf(other, sizeof(other), "%s/other", segment);
  assert_int_equal(tool_code("map", "create", other, NULL), 0);
  tool_start(&tool, "map", "load", other, NULL);
  tool_feed(&tool, dump.out.bytes, dump.out.size);
  assert_int_equal(tool_join(&tool), 0);
  tool_free(&tool);
  tool_free(&dump);
  assert_int_equal(tool_run(&dump, "map", "dump", other, NULL), 0);
  assert_contains(dump.out.bytes, "{\"key\":\"stays\",\"value\":\"8\"}\n");
  assert_contains(dump.out.bytes, "\"value\":\"7\",\"ttl_ms\":35");
  tool_free(&dump);
}


static void a_faulty_line_is_named(void** state) {
  static const char input[] =
      "{\"key\":\"a\",\"value\":\"1\"}\n\n{\"key\":\"b\"}\n";
  struct tool tool;
  (void) state;
  tool_start(&tool, "map", "load", map, NULL);
  tool_feed(&tool, input, sizeof(input) - 1);
  assert_int_equal(tool_join(&tool), 1);
  assert_contains(tool.err.bytes, "line 3");
  tool_free(&tool);
  assert_prints("1", "get", "a");
}

/* ---- wait ---------------------------------------------------------------- */

static void wait_tells_the_next_value(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "a", "1", NULL), 0);
  assert_int_equal(tool_code("map", "wait", map, "a", "-w", "0.05", NULL), 4);
  assert_int_equal(tool_code("map", "wait", map, "-w", "0.05", NULL), 4);
  assert_int_equal(
      tool_run(&tool, "map", "wait", map, "a", "--since", "0", NULL), 0);
  assert_string_equal(tool.out.bytes, "1");
  tool_free(&tool);

  tool_start(&tool, "map", "wait", map, "a", "-w", "15", NULL);
  /* It may not wait yet: then it is told by one of the next. */
  for (int i = 0; i < 100 && !tool.exited; i++) {
    assert_int_equal(tool_code("map", "put", map, "a", "2", NULL), 0);
    uv_run(&tool.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(tool_join(&tool), 0);
  assert_string_equal(tool.out.bytes, "2");
  tool_free(&tool);
}

/* ---- names, figures, check, repair --------------------------------------- */

static void names_are_checked(void** state) {
  char other[300];
  (void) state;
  assert_int_equal(tool_code("map", "get", segment, "a", NULL), 2);
  snprintf(other, sizeof(other), "%s/", segment);
  assert_int_equal(tool_code("map", "get", other, "a", NULL), 2);
  snprintf(other, sizeof(other), "%s/nothing", segment);
  assert_int_equal(tool_code("map", "get", other, "a", NULL), 3);
  snprintf(other, sizeof(other), "%s/stock", test_name("nothing"));
  assert_int_equal(tool_code("map", "get", other, "a", NULL), 3);
  assert_int_equal(tool_code("map", "create", other, NULL), 2);
  assert_int_equal(tool_code("map", "create", map, "-x", NULL), 1);
  assert_int_equal(tool_code("map", "create", map, NULL), 0);
  assert_int_equal(tool_code("map", "nonsense", map, NULL), 2);
  assert_int_equal(tool_code("map", NULL), 2);
  assert_int_equal(tool_code("map", "--help", NULL), 0);
  assert_int_equal(tool_code("help", "map", NULL), 0);
  assert_int_equal(tool_code("help", "map", "put", NULL), 0);
}


static void info_and_ls_show_what_is_used(void** state) {
  struct tool tool;
  json_error_t error;
  (void) state;
  assert_int_equal(tool_code("map", "put", map, "a", "1", NULL), 0);
  assert_int_equal(tool_run(&tool, "info", segment, NULL), 0);
  assert_contains(tool.out.bytes, "map stock, open in 0, 1 entries");
  assert_contains(tool.out.bytes, "largest free");
  tool_free(&tool);

  assert_int_equal(tool_run(&tool, "info", "--json", segment, NULL), 0);
  json_t* document = json_loads(tool.out.bytes, 0, &error);
  json_t* object = json_object_get(document, "object");
  json_t* heap = json_object_get(object, "heap");
  json_t* first = json_array_get(json_object_get(object, "holds"), 0);
  int64_t used = json_integer_value(json_object_get(heap, "used"));
  assert_true(used > 0);
  assert_int_equal(json_integer_value(json_object_get(first, "entries")), 1);
  json_decref(document);
  tool_free(&tool);

  assert_int_equal(
      tool_run(&tool, "ls", "-b", "-o", "used", segment, "--no-headings", NULL),
      0);
  assert_int_equal(strtoll(tool.out.bytes, NULL, 10), used);
  tool_free(&tool);
}


static void write_at(const char* path, long offset, uint32_t value) {
  FILE* file = fopen(path, "r+b");
  assert_non_null(file);
  assert_int_equal(fseek(file, offset, SEEK_SET), 0);
  assert_int_equal(fwrite(&value, sizeof(value), 1, file), 1);
  assert_int_equal(fclose(file), 0);
}


static void damage_is_found_and_mended(void** state) {
  struct tool tool;
  char path[1024];
  (void) state;
  snprintf(path, sizeof(path), "%s", test_path("managed"));
  assert_int_equal(tool_code("create", path, "--segment", "--managed", NULL),
                   0);
  assert_int_equal(tool_code("check", "--managed", path, NULL), 0);
  write_at(path, LANES_OFFSET, 0x7ff);
  assert_int_equal(tool_run(&tool, "check", "--managed", path, NULL), 7);
  assert_contains(tool.err.bytes, "lane 0");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "check", "--json", "--managed", path, NULL),
                   7);
  assert_contains(tool.out.bytes, "\"well\": false");
  tool_free(&tool);
  assert_int_equal(tool_code("repair", "--managed", path, NULL), 0);
  assert_int_equal(tool_code("check", "--managed", path, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", "--managed", path, NULL), 0);

  assert_int_equal(tool_code("check", segment, NULL), 0);
  assert_int_equal(tool_run(&tool, "repair", "-v", segment, NULL), 0);
  assert_contains(tool.err.bytes, "0 dead");
  tool_free(&tool);
  assert_int_equal(tool_code("check", test_name("nothing"), NULL), 3);
}


static void nothing_is_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


static void an_interrupted_wait_exits_with_130(void** state) {
  static const char* const keys[] = {"apple", NULL};
  (void) state;
  if (!tool_has_signals()) skip();
  for (int i = 0; i < 2; i++) {
    struct tool tool;
    tool_start(&tool, "map", "wait", map, keys[i], NULL);
    for (int n = 0; n < 30; n++) {
      uv_run(&tool.loop, UV_RUN_NOWAIT);
      test_sleep_ms(10);
    }
    tool_signal(&tool, SIGINT);
    tool_wait(&tool);
    assert_int_equal(tool_join(&tool), 130);
    assert_string_equal(tool.err.bytes, "");
    tool_free(&tool);
  }
}


#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(a_value_is_put_told_and_removed),
      CASE(any_bytes_come_back_as_they_were),
      CASE(base64_is_for_keys_that_are_no_words),
      CASE(counters_count),
      CASE(take_gives_once),
      CASE(conditions_are_kept),
      CASE(what_is_over_is_gone),
      CASE(a_dump_can_be_loaded),
      CASE(a_dump_keeps_times_to_live),
      CASE(a_faulty_line_is_named),
      CASE(wait_tells_the_next_value),
      CASE(names_are_checked),
      CASE(info_and_ls_show_what_is_used),
      CASE(damage_is_found_and_mended),
      CASE(an_interrupted_wait_exits_with_130),
      cmocka_unit_test(nothing_is_left_behind),
  };

  return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
