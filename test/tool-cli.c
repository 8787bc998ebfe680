/* SPDX-License-Identifier: MIT */

/* The tool's words, output and exit codes. */

#include "harness.h"
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


/* ---- what helps ---------------------------------------------------------- */

static json_t* parsed(const struct tool* tool) {
  json_error_t error;
  json_t* document = json_loads(tool->out.bytes, 0, &error);
  if (document == NULL)
    fail_msg("not JSON (%s): %s", error.text, tool->out.bytes);
  assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
  return document;
}


static const char* text_of(const json_t* object, const char* key) {
  const char* text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}


static int64_t number_of(const json_t* object, const char* key) {
  return json_integer_value(json_object_get(object, key));
}


/* The entry of `name` in the list of `uvshm ls --json`; NULL: none. */
static json_t* listed(const json_t* document, const char* name) {
  size_t i;
  json_t* entry;
  json_array_foreach(json_object_get(document, "objects"), i, entry) {
    if (strcmp(text_of(entry, "name"), name) == 0) return entry;
  }
  return NULL;
}


static void assert_contains(const char* text, const char* part) {
  if (strstr(text, part) == NULL) fail_msg("no \"%s\" in: %s", part, text);
}


static void assert_lacks(const char* text, const char* part) {
  if (strstr(text, part) != NULL) fail_msg("\"%s\" in: %s", part, text);
}


/* All of a file of the tree, for free(). */
static char* source_text(const char* path) {
  char full[2048];
  const char* root = getenv("UVSHM_SOURCE_DIR");
  assert_non_null(root);
  snprintf(full, sizeof(full), "%s/%s", root, path);
  FILE* file = fopen(full, "rb");
  if (file == NULL) fail_msg("cannot open %s", full);
  char* text = calloc(1, 1 << 18);
  assert_non_null(text);
  assert_true(fread(text, 1, (1 << 18) - 1, file) > 0);
  fclose(file);
  return text;
}


/* The manual pages of the tool, one behind the other, for free(). */
static char* manual_text(void) {
  char folder[2048];
  uv_fs_t req;
  uv_dirent_t entry;
  char* all = calloc(1, 1 << 20);
  assert_non_null(all);
  snprintf(folder, sizeof(folder), "%s/man", getenv("UVSHM_SOURCE_DIR"));
  assert_true(uv_fs_scandir(NULL, &req, folder, 0, NULL) >= 5);
  while (uv_fs_scandir_next(&req, &entry) == 0) {
    char path[600];
    if (strstr(entry.name, ".1.scd") == NULL) continue;
    snprintf(path, sizeof(path), "man/%s", entry.name);
    char* page = source_text(path);
    assert_true(strlen(all) + strlen(page) < (1 << 20));
    strcat(all, page);
    free(page);
  }
  uv_fs_req_cleanup(&req);
  return all;
}


/* ---- words --------------------------------------------------------------- */

static void version_is_the_librarys(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "--version", NULL), 0);
  assert_contains(tool.out.bytes, uvshm_version_string());
  tool_free(&tool);
}


static void every_command_has_help(void** state) {
  struct tool list;
  size_t i;
  json_t* entry;
  (void) state;
  assert_int_equal(tool_run(&list, "help", "--json", NULL), 0);
  json_t* document = parsed(&list);
  json_array_foreach(json_object_get(document, "commands"), i, entry) {
    struct tool tool;
    char first[64];
    snprintf(first, sizeof(first), "%s", text_of(entry, "name"));
    char* second = strchr(first, ' ');
    if (second != NULL) *second++ = '\0';
    assert_int_equal(tool_run(&tool,
                              first,
                              second != NULL ? second : "--help",
                              second != NULL ? "--help" : NULL,
                              NULL),
                     0);
    assert_contains(tool.out.bytes, text_of(entry, "summary"));
    assert_contains(tool.out.bytes, "--color");
    assert_string_equal(tool.err.bytes, "");
    tool_free(&tool);
  }
  assert_true(i >= 12);
  json_decref(document);
  tool_free(&list);
}


static void wrong_words_exit_with_2(void** state) {
  (void) state;
  assert_int_equal(tool_code(NULL), 2);
  assert_int_equal(tool_code("nonsense", NULL), 2);
  assert_int_equal(tool_code("ls", "--nonsense", NULL), 2);
  assert_int_equal(tool_code("ls", "-Z", NULL), 2);
  assert_int_equal(tool_code("ls", "one", "two", NULL), 2);
  assert_int_equal(tool_code("ls", "-o", NULL), 2);
  assert_int_equal(tool_code("ls", "-o", "name,nonsense", NULL), 2);
  assert_int_equal(tool_code("ls", "--json=yes", NULL), 2);
  assert_int_equal(tool_code("ls", "--color=pink", NULL), 2);
  assert_int_equal(tool_code("info", NULL), 2);
  assert_int_equal(tool_code("create", "x", "--size", "many", NULL), 2);
  assert_int_equal(tool_code("create", "x", "--size", "12KB", NULL), 2);
  assert_int_equal(tool_code("create", "x", "--sem", "--mutex", NULL), 2);
  assert_int_equal(tool_code("lock", "x", NULL), 2);
  assert_int_equal(tool_code("completion", "tcsh", NULL), 2);
  assert_int_equal(tool_code("help", "nonsense", NULL), 2);
}


/* A program in a folder of its own, which is all of PATH. */
static void other_programs_are_commands_too(void** state) {
  struct tool tool;
  char path[4096];
  size_t size = sizeof(path);
  (void) state;
  assert_int_equal(tool_run(&tool, "bench-x", "--json", NULL), 2);
  assert_contains(tool.err.bytes, "there is no command \"bench-x\"");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "dcotor", NULL), 2);
  assert_contains(tool.err.bytes, "is it \"doctor\"?");
  tool_free(&tool);
  assert_int_equal(tool_code("../uvshm", NULL), 2);
  if (!tool_has_signals()) return;

  const char* folder = test_path("commands");
  uv_fs_t req;
  assert_int_equal(uv_fs_mkdir(NULL, &req, folder, 0700, NULL), 0);
  assert_int_equal(uv_os_getenv("PATH", path, &size), 0);
  char* program = malloc(strlen(folder) + 32);
  char* all = malloc(strlen(folder) + strlen(path) + 2);
  assert_true(program != NULL && all != NULL);
  sprintf(program, "%s/uvshm-testing", folder);
  sprintf(all, "%s:%s", folder, path);
  FILE* file = fopen(program, "w");
  assert_non_null(file);
  fputs("#!/bin/sh\necho \"$# $1 $2\"\ncat\nexit 42\n", file);
  fclose(file);
  uv_fs_chmod(NULL, &req, program, 0700, NULL);
  uv_os_setenv("PATH", all);
  tool_start(&tool, "-q", "testing", "--json", "two words", NULL);
  tool_feed(&tool, "input", 5);
  assert_int_equal(tool_join(&tool), 42);
  assert_string_equal(tool.out.bytes, "2 --json two words\ninput");
  assert_string_equal(tool.err.bytes, "");
  tool_free(&tool);
  uv_os_setenv("PATH", path);
  uv_fs_unlink(NULL, &req, program, NULL);
  uv_fs_rmdir(NULL, &req, folder, NULL);
  free(all);
  free(program);
}


static void options_may_stand_behind_operands(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "info", "nothing", "--help", NULL), 0);
  tool_free(&tool);
  /* ... but what belongs to another program is never taken for ours. */
  assert_int_equal(tool_run(&tool,
                            "lock",
                            test_name("lock"),
                            getenv("UVSHM_TOOL"),
                            "--version",
                            NULL),
                   0);
  assert_contains(tool.out.bytes, uvshm_version_string());
  tool_free(&tool);
}


static void every_option_is_in_the_manual_page(void** state) {
  struct tool tool;
  size_t i;
  size_t j;
  json_t* entry;
  json_t* option;
  (void) state;
  char* page = manual_text();
  assert_int_equal(tool_run(&tool, "help", "--json", NULL), 0);
  json_t* document = parsed(&tool);
  json_array_foreach(json_object_get(document, "commands"), i, entry) {
    char heading[64];
    snprintf(heading, sizeof(heading), "\n## %s", text_of(entry, "name"));
    char* part = strstr(page, heading);
    while (part != NULL && part[strlen(heading)] != '\n' &&
           part[strlen(heading)] != ' ')
      part = strstr(part + 1, heading);
    if (part == NULL) fail_msg("no section on %s", text_of(entry, "name"));
    char* end = strstr(part + 4, "\n#");
    char kept = end != NULL ? *end : '\0';
    if (end != NULL) *end = '\0';
    json_array_foreach(json_object_get(entry, "options"), j, option) {
      char spelled[64];
      snprintf(spelled, sizeof(spelled), "*--%s*", text_of(option, "name"));
      if (strstr(part, spelled) == NULL)
        fail_msg("%s: no %s in its section", text_of(entry, "name"), spelled);
    }
    if (end != NULL) *end = kept;
  }
  json_array_foreach(json_object_get(document, "common_options"), j, option) {
    char spelled[64];
    snprintf(spelled, sizeof(spelled), "*--%s*", text_of(option, "name"));
    assert_contains(page, spelled);
  }
  json_decref(document);
  tool_free(&tool);
  free(page);
}


static void completion_knows_every_command(void** state) {
  static const char* const shells[] = {"bash", "zsh", "fish", "powershell"};
  struct tool list;
  size_t i;
  json_t* entry;
  (void) state;
  assert_int_equal(tool_run(&list, "help", "--json", NULL), 0);
  json_t* document = parsed(&list);
  for (int s = 0; s < 4; s++) {
    struct tool tool;
    assert_int_equal(tool_run(&tool, "completion", shells[s], NULL), 0);
    json_array_foreach(json_object_get(document, "commands"), i, entry) {
      assert_contains(tool.out.bytes, text_of(entry, "name"));
    }
    assert_contains(tool.out.bytes, "no-headings");
    tool_free(&tool);
  }
  json_decref(document);
  tool_free(&list);
}


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


/* ---- safe to print ------------------------------------------------------- */

static void foreign_text_is_escaped(void** state) {
  const char* name = test_name("escape");
  uvshm_mutex_t* mutex;
  uvshm_mutex_options_t options = {.label = "\x1b[31mred\x07\xff"};
  struct tool tool;
  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, &options), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);

  assert_int_equal(tool_run(&tool, "ls", name, NULL), 0);
  assert_contains(tool.out.bytes, "held by pid");
  assert_contains(tool.out.bytes, "(\\x1b[31mred\\x07\\xff)");
  assert_lacks(tool.out.bytes, "\x1b");
  tool_free(&tool);

  /* JSON must be UTF-8, whatever the label was. */
  assert_int_equal(tool_run(&tool, "ls", name, "--json", NULL), 0);
  json_t* document = parsed(&tool);
  assert_contains(text_of(listed(document, name), "label"), "\\x1b[31mred");
  json_decref(document);
  tool_free(&tool);
  uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);

  assert_int_equal(tool_run(&tool, "info", "a\x1b[31mb", NULL), 2);
  assert_lacks(tool.err.bytes, "\x1b");
  tool_free(&tool);
}


static void names_of_all_languages_are_shown(void** state) {
  char name[256];
  struct tool tool;
  (void) state;
  snprintf(name,
           sizeof(name),
           "%s-gr\xc3\xb6\xc3\x9f"
           "e-\xe5\xa4\xa7",
           test_name("utf8"));
  assert_int_equal(tool_code("create", name, "--keep", NULL), 0);
  assert_int_equal(tool_run(&tool, "ls", name, NULL), 0);
  assert_contains(tool.out.bytes, name);
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "ls", name, "--json", NULL), 0);
  json_t* document = parsed(&tool);
  assert_non_null(listed(document, name));
  json_decref(document);
  tool_free(&tool);
  assert_int_equal(tool_code("rm", "-f", name, NULL), 0);
}


static void a_pipe_gets_no_colours_unless_asked(void** state) {
  struct tool tool;
  (void) state;
  assert_int_equal(tool_run(&tool, "ls", NULL), 0);
  assert_lacks(tool.out.bytes, "\x1b");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "ls", "--color=always", NULL), 0);
  assert_contains(tool.out.bytes, "\x1b");
  tool_free(&tool);
  assert_int_equal(
      tool_run(&tool, "--color=always", "ls", "--color=never", NULL), 0);
  assert_lacks(tool.out.bytes, "\x1b");
  tool_free(&tool);
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


static void the_doctor_finds_that_regions_and_locks_work(void** state) {
  struct tool tool;
  size_t i;
  json_t* check;
  int found = 0;
  (void) state;
  assert_int_equal(tool_run(&tool, "doctor", "--json", NULL), 0);
  json_t* document = parsed(&tool);
  json_array_foreach(json_object_get(document, "checks"), i, check) {
    const char* name = text_of(check, "check");
    if (strcmp(name, "region") != 0 && strcmp(name, "liveness") != 0) continue;
    assert_string_equal(text_of(check, "verdict"), "ok");
    found++;
  }
  assert_int_equal(found, 2);
  assert_int_equal(number_of(document, "failures"), 0);
  json_decref(document);
  tool_free(&tool);
}


static void nothing_was_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"leaver", role_leaver},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(version_is_the_librarys),
      cmocka_unit_test(every_command_has_help),
      cmocka_unit_test(wrong_words_exit_with_2),
      cmocka_unit_test(other_programs_are_commands_too),
      cmocka_unit_test(options_may_stand_behind_operands),
      cmocka_unit_test(every_option_is_in_the_manual_page),
      cmocka_unit_test(completion_knows_every_command),
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
      cmocka_unit_test(foreign_text_is_escaped),
      cmocka_unit_test(names_of_all_languages_are_shown),
      cmocka_unit_test(a_pipe_gets_no_colours_unless_asked),
      cmocka_unit_test(gc_removes_what_the_dead_left_and_nothing_else),
      cmocka_unit_test(the_doctor_finds_that_regions_and_locks_work),
      cmocka_unit_test(nothing_was_left_behind),
  };
  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
