/* SPDX-License-Identifier: MIT */

/* The tool's objects: made, told, written, read, removed, collected. */

#include "harness.h"
#include "tool/json.h"
#include "tool/run.h"

#include <setjmp.h>
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

/* ---- objects ------------------------------------------------------------- */

static void what_is_not_there_exits_with_3(void** state) {
  const char* name = test_name("nothing");
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "info", name, NULL), 3);
  assert_contains(tool.err.bytes, name);
  assert_string_equal(tool.out.bytes, "");
  tool_free(&tool);
  assert_int_equal(tool_code("read", name, NULL), 3);
  assert_int_equal(tool_code("write", name, NULL), 3);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 3);
}


static void create_needs_keep_and_says_so(void** state) {
  const char* name = test_name("gone");
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "create", name, NULL), 2);
  assert_contains(tool.err.bytes, "--keep");
  tool_free(&tool);
  assert_int_equal(tool_code("info", name, NULL), 3);
}


static void a_kept_region_is_made_told_and_removed(void** state) {
  const char* name = test_name("region");
  struct tool tool;
  (void) state;
  assert_int_equal(
      tool_code(
          "create", name, "--keep", "--size", "100000", "--max", "1M", NULL),
      0);
  assert_int_equal(tool_code("create", name, "--keep", "-x", NULL), 1);
  assert_int_equal(tool_code("create", name, "--keep", NULL), 0);

  assert_int_equal(tool_run(&tool, "info", "--json", name, NULL), 0);
  json_t* document = parsed(&tool);
  json_t* object = json_object_get(document, "object");
  assert_string_equal(text_of(object, "name"), name);
  assert_string_equal(text_of(object, "kind"), "region");
  assert_string_equal(text_of(object, "state"), "live");
  assert_string_equal(text_of(object, "lifetime"), "keep");
  assert_int_equal(number_of(object, "size"), 100000);
  assert_int_equal(number_of(object, "max_size"), 1 << 20);
  assert_int_equal(number_of(object, "peers"), 0);
  json_decref(document);
  tool_free(&tool);

  assert_int_equal(tool_run(&tool, "info", name, NULL), 0);
  assert_contains(tool.out.bytes, "98K (100000 bytes)");
  tool_free(&tool);

  /* Nobody can be asked in a test, so nothing goes without -f. */
  assert_int_equal(tool_code("rm", name, NULL), 2);
  assert_int_equal(tool_run(&tool, "rm", "-n", name, NULL), 0);
  assert_contains(tool.out.bytes, "would remove");
  tool_free(&tool);
  assert_int_equal(tool_code("info", name, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
  assert_int_equal(tool_code("info", name, NULL), 3);
}


static void all_kinds_are_listed(void** state) {
  const char* segment = test_name("segment");
  const char* mutex = test_name("mutex");
  const char* sem = test_name("sem");
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("create", segment, "--segment", "--keep", NULL),
                   0);
  assert_int_equal(tool_code("create", mutex, "--mutex", "--keep", NULL), 0);
  assert_int_equal(
      tool_code("create", sem, "--sem", "--value", "7", "--keep", NULL), 0);

  assert_int_equal(tool_run(&tool, "ls", "--json", NULL), 0);
  json_t* document = parsed(&tool);
  assert_string_equal(text_of(listed(document, segment), "kind"), "segment");
  assert_string_equal(text_of(listed(document, mutex), "kind"), "mutex");
  assert_string_equal(text_of(listed(document, sem), "kind"), "sem");
  assert_int_equal(number_of(listed(document, sem), "value"), 7);
  json_decref(document);
  tool_free(&tool);

  assert_int_equal(
      tool_run(
          &tool, "ls", sem, "-o", "kind,state,name", "--no-headings", NULL),
      0);
  assert_contains(tool.out.bytes, "sem  value 7  ");
  assert_lacks(tool.out.bytes, "KIND");
  assert_lacks(tool.out.bytes, mutex);
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", segment, mutex, sem, NULL), 0);
}


static void a_pattern_chooses(void** state) {
  const char* name = test_name("pattern");
  char pattern[256];
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("create", name, "--keep", NULL), 0);
  snprintf(
      pattern, sizeof(pattern), "[a-t]est-p?tt*-%s", strrchr(name, '-') + 1);
  assert_int_equal(tool_run(&tool, "ls", pattern, "--no-headings", NULL), 0);
  assert_contains(tool.out.bytes, name);
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "ls", "[!t]est-p*", "--no-headings", NULL),
                   0);
  assert_lacks(tool.out.bytes, name);
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


static void a_segment_tells_its_peers_and_objects(void** state) {
  const char* name = test_name("shop");
  uvshm_segment_t* segment;
  uvshm_mutex_t* till;
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE,
                                     .label = "shopkeeper"};
  struct tool tool;
  (void) state;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&till, segment, "till", NULL), 0);

  assert_int_equal(tool_run(&tool, "info", "--json", name, NULL), 0);
  json_t* document = parsed(&tool);
  json_t* object = json_object_get(document, "object");
  json_t* peer = json_array_get(json_object_get(object, "attached"), 0);
  json_t* held = json_array_get(json_object_get(object, "holds"), 0);
  assert_string_equal(text_of(peer, "label"), "shopkeeper");
  assert_int_equal(number_of(peer, "pid"), uv_os_getpid());
  assert_string_equal(text_of(held, "name"), "till");
  assert_string_equal(text_of(held, "type"), "mutex");
  json_decref(document);
  tool_free(&tool);
  uvshm_mutex_close(till);
  uvshm_segment_close(segment);
}


static void a_wrong_kind_is_refused(void** state) {
  const char* name = test_name("kind");
  (void) state;
  assert_int_equal(tool_code("create", name, "--mutex", "--keep", NULL), 0);
  assert_int_equal(tool_code("read", name, NULL), 1);
  assert_int_equal(tool_code("create", name, "--keep", NULL), 1);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


/* ---- bytes --------------------------------------------------------------- */

/* Give `input` to a command and return its exit code. */
static int fed(const void* input, size_t size, const char* word, ...) {
  char* words[12];
  struct tool tool;
  va_list list;
  int i = 1;
  words[0] = (char*) word;
  va_start(list, word);
  while (i < 11 && (words[i] = va_arg(list, char*)) != NULL) i++;
  va_end(list);
  words[i] = NULL;
  tool_start_list(&tool, words);
  tool_feed(&tool, input, size);
  int code = tool_join(&tool);
  tool_free(&tool);
  return code;
}


static void bytes_come_back_as_they_were(void** state) {
  const char* name = test_name("bytes");
  static unsigned char bytes[200000];
  struct tool tool;
  (void) state;
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (unsigned char) (i * 7 + i / 256);
  memcpy(bytes, "a\r\nb\nc\0\x1a", 8);

  assert_int_equal(
      fed(bytes, sizeof(bytes), "write", name, "--create", "--keep", NULL), 0);
  assert_int_equal(tool_run(&tool, "read", name, NULL), 0);
  assert_int_equal(tool.out.size, sizeof(bytes));
  assert_memory_equal(tool.out.bytes, bytes, sizeof(bytes));
  tool_free(&tool);

  assert_int_equal(
      tool_run(&tool, "read", name, "--offset", "1K", "--size", "10", NULL), 0);
  assert_int_equal(tool.out.size, 10);
  assert_memory_equal(tool.out.bytes, bytes + 1024, 10);
  tool_free(&tool);
  assert_int_equal(tool_code("read", name, "--offset", "1M", NULL), 1);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


static void what_does_not_fit_is_refused_or_grown(void** state) {
  const char* name = test_name("grow");
  char bytes[5000];
  struct tool tool;
  (void) state;
  memset(bytes, 'x', sizeof(bytes));
  assert_int_equal(
      tool_code("create", name, "--keep", "--size", "4K", "--max", "8K", NULL),
      0);
  assert_int_equal(fed(bytes, sizeof(bytes), "write", name, NULL), 1);
  assert_int_equal(fed(bytes, sizeof(bytes), "write", name, "--grow", NULL), 0);
  assert_int_equal(fed(bytes,
                       sizeof(bytes),
                       "write",
                       name,
                       "--grow",
                       "--offset",
                       "8000",
                       NULL),
                   1);
  assert_int_equal(tool_run(&tool, "read", name, NULL), 0);
  assert_int_equal(tool.out.size, 5000);
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


static void a_dump_shows_digits_and_letters(void** state) {
  const char* name = test_name("hex");
  static const char bytes[] = "0123456789abcdef\x1b[31mred";
  struct tool tool;
  (void) state;
  assert_int_equal(
      fed(bytes, sizeof(bytes) - 1, "write", name, "--create", "--keep", NULL),
      0);
  assert_int_equal(tool_run(&tool, "read", "-x", name, NULL), 0);
  assert_contains(tool.out.bytes,
                  "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
                  "0123456789abcdef\n");
  assert_contains(tool.out.bytes, "00000010  1b 5b 33 31 6d 72 65 64 ");
  assert_lacks(tool.out.bytes, "\x1b");
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


static void a_plain_file_can_be_a_region(void** state) {
  const char* path = test_path("file");
  uv_fs_t req;
  struct tool tool;
  (void) state;
  assert_int_equal(tool_code("create", path, "--file", "--size", "10", NULL),
                   0);
  assert_int_equal(fed("hello", 5, "write", path, "--file", NULL), 0);
  assert_int_equal(tool_run(&tool, "read", path, "--file", NULL), 0);
  assert_int_equal(tool.out.size, 10);
  assert_memory_equal(tool.out.bytes, "hello\0\0\0\0\0", 10);
  tool_free(&tool);
  uv_fs_unlink(NULL, &req, path, NULL);
  uv_fs_req_cleanup(&req);
}

/* ---- what is left behind ------------------------------------------------- */

static int role_leaver(int argc, char** argv) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {.flags = UVSHM_CREATE, .size = 4096};
  if (argc < 1 || uvshm_region_open(&region, argv[0], &options) < 0) return 1;
  test_say("ready");
  test_hear();
  uvshm_region_close(region);
  return 0;
}


static void gc_removes_what_the_dead_left_and_nothing_else(void** state) {
  const char* dead = test_name("dead");
  const char* alive = test_name("alive");
  struct test_process leaver;
  struct test_process holder;
  struct tool tool;
  (void) state;
  test_spawn(&leaver, "leaver", dead, NULL);
  test_spawn(&holder, "leaver", alive, NULL);
  test_expect(&leaver, "ready");
  test_expect(&holder, "ready");
  test_kill(&leaver);

  /* Where the system forgets a name with its last user there is nothing left to
   * collect; where it does not, it is seen and goes. */
  int code = tool_run(&tool, "ls", "--json", dead, NULL);
  assert_int_equal(code, 0);
  json_t* document = parsed(&tool);
  json_t* entry = listed(document, dead);
  bool left = entry != NULL;
  if (left) assert_string_equal(text_of(entry, "state"), "stale");
  json_decref(document);
  tool_free(&tool);

  if (left) {
    assert_int_equal(tool_code("gc", dead, NULL), 2);
    assert_int_equal(tool_run(&tool, "gc", "-n", dead, NULL), 0);
    assert_contains(tool.out.bytes, dead);
    tool_free(&tool);
    assert_int_equal(tool_code("gc", "-f", dead, NULL), 0);
  }
  assert_int_equal(tool_code("gc", "-f", alive, NULL), 0);
  assert_int_equal(tool_code("info", dead, NULL), 3);
  assert_int_equal(tool_code("info", alive, NULL), 0);
  test_tell(&holder, "end");
  assert_int_equal(test_join(&holder), 0);
}


static void nothing_was_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"leaver", role_leaver},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_not_there_exits_with_3),
      cmocka_unit_test(create_needs_keep_and_says_so),
      cmocka_unit_test(a_kept_region_is_made_told_and_removed),
      cmocka_unit_test(all_kinds_are_listed),
      cmocka_unit_test(a_pattern_chooses),
      cmocka_unit_test(a_segment_tells_its_peers_and_objects),
      cmocka_unit_test(a_wrong_kind_is_refused),
      cmocka_unit_test(bytes_come_back_as_they_were),
      cmocka_unit_test(what_does_not_fit_is_refused_or_grown),
      cmocka_unit_test(a_dump_shows_digits_and_letters),
      cmocka_unit_test(a_plain_file_can_be_a_region),
      cmocka_unit_test(gc_removes_what_the_dead_left_and_nothing_else),
      cmocka_unit_test(nothing_was_left_behind),
  };
  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
