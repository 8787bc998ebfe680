/* SPDX-License-Identifier: MIT */

/* The tool and the memory of other programs: listed, made, removed, and PHP's
 * variables in it. The other programs' part is played by the library's foreign
 * regions here; the real ones are in test-with-*.c. */

#include "harness.h"
#include "tool/json.h"
#include "tool/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <uvshm.h>

#define BYTES 5000u


static int is_posix(void) {
  if (tool_has_signals()) return 1;
  print_message("only POSIX systems have memory that outlives its users\n");
  return 0;
}


/* 0: this system lists nothing of others (and the tool says so). */
static int lists(void) {
  uvshm_foreign_t* list;
  int err = uvshm_foreign_open(&list, 0);
  if (err == UV_ENOTSUP) return 0;
  assert_int_equal(err, 0);
  uvshm_foreign_close(list);
  return 1;
}


/* What `uvshm ls --foreign --json` tells of `name`, in this state; new. */
static json_t* told(const char* name, int removed, int replaced) {
  struct tool tool;
  json_t* found = NULL;
  json_t* entry;
  size_t i;
  assert_int_equal(
      tool_run(&tool, "ls", "--foreign", "--system", "--json", NULL), 0);
  json_t* document = parsed(&tool);
  assert_int_equal(number_of(document, "schema"), 1);
  json_array_foreach(json_object_get(document, "foreign"), i, entry) {
    if (strcmp(text_of(entry, "name"), name) == 0 &&
        json_is_true(json_object_get(entry, "removed")) == removed &&
        json_is_true(json_object_get(entry, "replaced")) == replaced)
      found = json_incref(entry);
  }
  json_decref(document);
  tool_free(&tool);
  return found;
}


static uvshm_region_t* region_of(const char* name, uint32_t flags) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {.flags = UVSHM_REGION_FOREIGN | flags};
  if (flags & UVSHM_CREATE) options.size = BYTES;
  int err = uvshm_region_open(&region, name, &options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return region;
}


/* A key that no other test or run uses. */
static unsigned int any_key(void) {
  unsigned int key = 0;
  while ((key & 0x7fffffff) == 0)
    assert_int_equal(uv_random(NULL, NULL, &key, sizeof(key), 0, NULL), 0);
  return key | 0x40000000;
}


static void shm_name(char name[256], const char* stem) {
  snprintf(name, 256, "/%s", test_name(stem));
}

/* ---- ls ------------------------------------------------------------------ */

static void windows_and_others_say_that_they_list_nothing(void** state) {
  struct tool tool;
  (void) state;
  if (lists()) skip();
  assert_int_equal(tool_run(&tool, "ls", "--foreign", NULL), 1);
  assert_contains(tool.err.bytes, "does not list the memory of other");
  tool_free(&tool);
}


static void posix_objects_are_listed(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  if (!lists()) skip();
  shm_name(name, "ls");
  uvshm_region_t* region = region_of(name, UVSHM_CREATE);
  json_t* entry = told(name, 0, 0);
  assert_non_null(entry);
  assert_string_equal(text_of(entry, "kind"), "posix");
  assert_string_equal(text_of(entry, "mode"), "0600");
  assert_int_equal(number_of(entry, "size"), BYTES);
  assert_int_equal(number_of(entry, "attached"), 1);
  assert_int_equal(number_of(entry, "last_pid"), uv_os_getpid());
  assert_true(json_is_true(json_object_get(entry, "own")));
  json_decref(entry);

  assert_int_equal(tool_run(&tool, "ls", "--foreign", name, NULL), 0);
  assert_contains(tool.out.bytes, "NAME");
  assert_contains(tool.out.bytes, "ATTACHED  STATUS");
  assert_contains(tool.out.bytes, "600   5000         1  ok");
  tool_free(&tool);
  assert_int_equal(
      tool_run(&tool, "ls", "--foreign", name, "-o", "bytes", NULL), 0);
  assert_string_equal(tool.out.bytes, "BYTES\n 5000\n");
  tool_free(&tool);
  assert_int_equal(tool_code("ls", "--foreign", "-o", "peers", NULL), 2);

  uvshm_region_close(region);
  entry = told(name, 0, 0);
  assert_int_equal(number_of(entry, "attached"), 0);
  json_decref(entry);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
  assert_null(told(name, 0, 0));
}


static void system_v_segments_are_listed_and_removed(void** state) {
  unsigned int key = any_key();
  char name[64];
  char number[32];
  char id[32];
  struct tool tool;
  (void) state;
  if (!lists()) skip();
  snprintf(number, sizeof(number), "0x%08x", key);
  snprintf(name, sizeof(name), "sysv:key=%s", number);
  assert_int_equal(tool_code("create", "--foreign", name, "-s", "3000", NULL),
                   0);
  uvshm_region_t* region = region_of(name, 0);
  json_t* entry = told(name, 0, 0);
  assert_non_null(entry);
  assert_string_equal(text_of(entry, "kind"), "sysv");
  assert_int_equal(number_of(entry, "key"), key);
  assert_int_equal(number_of(entry, "size"), 3000);
  assert_int_equal(number_of(entry, "attached"), 1);
  snprintf(id, sizeof(id), "%d", (int) number_of(entry, "id"));
  json_decref(entry);

  assert_int_equal(tool_run(&tool, "rm", "-n", "--sysv-key", number, NULL), 0);
  assert_contains(tool.out.bytes, "used by 1");
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "--sysv-id", id, NULL), 2); /* no -f */
  assert_int_equal(tool_code("rm", "-f", "--sysv-id", id, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", "--sysv-key", number, NULL), 3);

  /* Linux keeps it, without its key, as long as somebody has it. */
  snprintf(name, sizeof(name), "sysv:id=%s", id);
  entry = told(name, 1, 0);
  assert_non_null(entry);
  assert_int_equal(number_of(entry, "key"), 0);
  json_decref(entry);
  uvshm_region_close(region);
  assert_null(told(name, 1, 0));
  assert_int_equal(tool_code("rm", "-f", "--sysv-id", id, NULL), 3);
}


static void words_that_do_not_go_together_exit_with_2(void** state) {
  (void) state;
  assert_int_equal(tool_code("rm", "-f", "--sysv-id", "x", NULL),
                   tool_has_signals() ? 2 : 1);
  assert_int_equal(tool_code("rm", "-f", "--sysv-id", "--sysv-key", "7", NULL),
                   2);
  assert_int_equal(tool_code("rm", "-f", "--foreign", "--system", "x", NULL),
                   2);
  assert_int_equal(tool_code("create", "--foreign", "/x", "--keep", NULL), 2);
  assert_int_equal(tool_code("create", "--foreign", "/x", "--mutex", NULL), 2);
}


static void system_v_on_windows_is_said_not_to_be_there(void** state) {
  struct tool tool;
  (void) state;
  if (tool_has_signals()) skip();
  assert_int_equal(tool_run(&tool, "php", "get", "0x1234", "1", NULL), 1);
  assert_contains(tool.err.bytes, "no System V memory on Windows");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "rm", "-f", "--sysv-key", "1", NULL), 1);
  assert_contains(tool.err.bytes, "no System V memory on Windows");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "create", "--foreign", "Local\\x", NULL), 2);
  assert_contains(tool.err.bytes, "gone when this command ends");
  tool_free(&tool);
}


static void bytes_go_in_and_out(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  if (!is_posix()) skip();
  shm_name(name, "bytes");
  tool_start(&tool, "write", "--foreign", "--create", "-s", "100", name, NULL);
  tool_feed(&tool, "hello", 5);
  assert_int_equal(tool_join(&tool), 0);
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "read", "--foreign", name, NULL), 0);
  assert_int_equal(tool.out.size, 100);
  assert_memory_equal(tool.out.bytes, "hello\0\0", 7);
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "info", "--foreign", name, NULL), 0);
  assert_contains(tool.out.bytes, "100 bytes");
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", "--foreign", name, NULL), 0);
  assert_int_equal(tool_code("rm", "-f", "--foreign", name, NULL), 3);
  assert_int_equal(tool_code("read", "--foreign", name, NULL), 3);
#ifdef __linux__
  /* The folder that they lie in. */
  assert_int_equal(tool_run(&tool, "read", "--foreign", "..", NULL), 2);
  assert_contains(tool.err.bytes, "it is not a regular file");
  tool_free(&tool);
#endif
}


/* Control characters, a line end, a character that turns those behind it. */
static void names_of_others_are_escaped(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  if (!lists()) skip();
  snprintf(name,
           sizeof(name),
           "/%s-\x1b[31m\n\xff\xe2\x80\xae",
           test_name("escape"));
  uvshm_region_t* region = region_of(name, UVSHM_CREATE);
  assert_int_equal(tool_run(&tool, "ls", "--foreign", "*escape*", NULL), 0);
  assert_contains(tool.out.bytes, "-\\x1b[31m\\x0a\\xff\\xe2\\x80\\xae");
  assert_null(strchr(tool.out.bytes, '\x1b'));
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "ls", "--foreign", "--json", NULL), 0);
  json_decref(parsed(&tool));
  tool_free(&tool);

  /* As is that of one which was removed: /proc has its own way to write it. */
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
  assert_int_equal(tool_run(&tool, "ls", "--foreign", "*escape*", NULL), 0);
  assert_contains(tool.out.bytes, "-\\x1b[31m\\x0a\\xff\\xe2\\x80\\xae");
  assert_contains(tool.out.bytes, "removed, pid ");
  assert_null(strchr(tool.out.bytes, '\x1b'));
  tool_free(&tool);
  uvshm_region_close(region);
}

/* ---- a name that was taken away ------------------------------------------ */

static uint32_t name_lost(const uvshm_region_t* region) {
  uvshm_region_info_t info;
  assert_int_equal(uvshm_region_info(region, &info), 0);
  return info.name_lost;
}


static void a_stolen_posix_name_is_noticed_and_told(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  if (!is_posix()) skip();
  shm_name(name, "stolen");
  uvshm_region_t* region = region_of(name, UVSHM_CREATE);
  assert_int_equal(name_lost(region), 0);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
  assert_int_equal(name_lost(region), UVSHM_NAME_REMOVED);
  uvshm_region_t* thief = region_of(name, UVSHM_CREATE);
  assert_int_equal(name_lost(region), UVSHM_NAME_REPLACED);
  assert_int_equal(name_lost(thief), 0);
  if (lists()) {
    json_t* entry = told(name, 1, 1);
    assert_non_null(entry);
    json_decref(entry);
    assert_int_equal(tool_run(&tool, "doctor", NULL), 0);
    assert_contains(tool.out.bytes, "means another object");
    tool_free(&tool);
    assert_int_equal(tool_run(&tool, "info", "--foreign", name, NULL), 0);
    assert_contains(tool.out.bytes, "has another object, which had this name");
    tool_free(&tool);
  }
  uvshm_region_close(region);
  uvshm_region_close(thief);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), UV_ENOENT);
}


static void a_stolen_key_is_noticed(void** state) {
  char name[64];
  (void) state;
  if (!is_posix()) skip();
  snprintf(name, sizeof(name), "sysv:key=0x%08x", any_key());
  uvshm_region_t* region = region_of(name, UVSHM_CREATE);
  assert_int_equal(name_lost(region), 0);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
  assert_int_equal(name_lost(region), UVSHM_NAME_REMOVED);
  uvshm_region_t* thief = region_of(name, UVSHM_CREATE);
  assert_int_equal(name_lost(region), UVSHM_NAME_REPLACED);
  assert_int_equal(name_lost(thief), 0);
  uvshm_region_close(region);
  uvshm_region_close(thief);
  assert_int_equal(uvshm_region_unlink(name, UVSHM_REGION_FOREIGN), 0);
}


/* uvshm's own names: removed, and given to a new object at once. */
static void a_stolen_name_of_ours_is_noticed(void** state) {
  static const uint32_t lifetimes[] = {0, UVSHM_KEEP};
  size_t i;
  (void) state;
  for (i = 0; i < 2; i++) {
    const char* name = test_name("ours");
    uvshm_region_t* region;
    uvshm_region_t* thief;
    uvshm_region_options_t options = {.flags = UVSHM_CREATE | lifetimes[i],
                                      .size = BYTES};
    assert_int_equal(uvshm_region_open(&region, name, &options), 0);
    assert_int_equal(name_lost(region), 0);
    assert_int_equal(uvshm_region_unlink(name, 0), 0);
    assert_int_equal(name_lost(region), UVSHM_NAME_REMOVED);
    assert_int_equal(uvshm_region_open(&thief, name, &options), 0);
    assert_int_equal(name_lost(region), UVSHM_NAME_REPLACED);
    assert_int_equal(name_lost(thief), 0);
    uvshm_region_close(region);
    assert_int_equal(name_lost(thief), 0);
    assert_int_equal(uvshm_region_unlink(name, 0), 0);
    uvshm_region_close(thief);
  }
}

/* ---- php ----------------------------------------------------------------- */

static void php_variables_go_in_and_out(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  if (!is_posix()) skip();
  shm_name(name, "php");
  assert_int_equal(tool_code("create", "--foreign", name, "-s", "600", NULL),
                   0);
  assert_int_equal(tool_code("php", "keys", name, NULL), 0);
  assert_int_equal(tool_code("php", "get", name, "1", NULL), 3);
  assert_int_equal(tool_code("php", "put", name, "1", "hello", NULL), 0);
  assert_int_equal(
      tool_code("php", "put", name, "2", "-t", "int", "--", "-42", NULL), 0);
  assert_int_equal(
      tool_code("php", "put", name, "3", "1e3", "-t", "float", NULL), 0);
  assert_int_equal(
      tool_code("php", "put", name, "4", "true", "-t", "bool", NULL), 0);
  assert_int_equal(tool_code("php", "put", name, "5", "-t", "null", NULL), 0);
  tool_start(&tool, "php", "put", name, "6", NULL);
  tool_feed(&tool, "a\0\xff", 3);
  assert_int_equal(tool_join(&tool), 0);
  tool_free(&tool);

  assert_int_equal(tool_run(&tool, "php", "keys", name, NULL), 0);
  assert_string_equal(tool.out.bytes, "1\n2\n3\n4\n5\n6\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "php", "get", name, "1", NULL), 0);
  assert_string_equal(tool.out.bytes, "hello");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "php", "get", name, "2", NULL), 0);
  assert_string_equal(tool.out.bytes, "-42\n");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "php", "get", name, "6", NULL), 0);
  assert_int_equal(tool.out.size, 3);
  assert_memory_equal(tool.out.bytes, "a\0\xff", 3);
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "php", "get", "--json", name, "6", NULL), 0);
  json_t* document = parsed(&tool);
  assert_string_equal(text_of(document, "value_base64"), "YQD/");
  assert_string_equal(text_of(document, "type"), "string");
  json_decref(document);
  tool_free(&tool);
  assert_int_equal(tool_code("php", "del", name, "2", "5", NULL), 0);
  assert_int_equal(tool_code("php", "del", name, "2", NULL), 3);
  assert_int_equal(tool_code("rm", "-f", "--foreign", name, NULL), 0);
}


static void php_s_full_and_damaged_have_their_codes(void** state) {
  char name[256];
  char large[600];
  (void) state;
  if (!is_posix()) skip();
  shm_name(name, "php-bad");
  memset(large, 'x', sizeof(large) - 1);
  large[sizeof(large) - 1] = '\0';
  uvshm_region_t* region;
  uvshm_region_options_t options = {
      .flags = UVSHM_REGION_FOREIGN | UVSHM_CREATE, .size = 600};
  assert_int_equal(uvshm_region_open(&region, name, &options), 0);
  assert_int_equal(tool_code("php", "put", name, "1", "old", NULL), 0);
  assert_int_equal(tool_code("php", "put", name, "1", large, NULL), 1);
  assert_int_equal(tool_code("php", "get", name, "1", NULL), 0);
  assert_int_equal(tool_code("php", "put", name, "x", "y", NULL), 2);
  assert_int_equal(tool_code("php", "put", name, "2", "y", "-t", "z", NULL), 2);
  assert_int_equal(tool_code("php", "put", name, "2", "y", "-t", "int", NULL),
                   2);
  assert_int_equal(tool_code("php", "put", name, "2", "-t", "int", NULL), 2);
  ((char*) uvshm_region_base(region))[56] = 1;
  assert_int_equal(tool_code("php", "get", name, "1", NULL), 7);
  assert_int_equal(tool_code("php", "keys", name, NULL), 7);
  assert_int_equal(tool_code("php", "put", name, "1", "x", NULL), 7);
  uvshm_region_close(region);
  assert_int_equal(tool_code("rm", "-f", "--foreign", name, NULL), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(windows_and_others_say_that_they_list_nothing),
      cmocka_unit_test(posix_objects_are_listed),
      cmocka_unit_test(system_v_segments_are_listed_and_removed),
      cmocka_unit_test(words_that_do_not_go_together_exit_with_2),
      cmocka_unit_test(system_v_on_windows_is_said_not_to_be_there),
      cmocka_unit_test(bytes_go_in_and_out),
      cmocka_unit_test(names_of_others_are_escaped),
      cmocka_unit_test(a_stolen_posix_name_is_noticed_and_told),
      cmocka_unit_test(a_stolen_key_is_noticed),
      cmocka_unit_test(a_stolen_name_of_ours_is_noticed),
      cmocka_unit_test(php_variables_go_in_and_out),
      cmocka_unit_test(php_s_full_and_damaged_have_their_codes),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests_name("tool-foreign", tests, NULL, NULL);
}
