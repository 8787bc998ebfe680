/* SPDX-License-Identifier: MIT */

/* The tool's words and how it prints: help, completion, the manual page, text
 * that is safe on a terminal. */

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

/* ---- what helps ---------------------------------------------------------- */

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

  /* The system says "permission denied" for this one, too. */
  sprintf(program, "%s/uvshm-folder", folder);
  assert_int_equal(uv_fs_mkdir(NULL, &req, program, 0700, NULL), 0);
  assert_int_equal(tool_run(&tool, "folder", NULL), 2);
  assert_contains(tool.err.bytes, "there is no command \"folder\"");
  tool_free(&tool);
  assert_int_equal(uv_fs_rmdir(NULL, &req, program, NULL), 0);
  sprintf(program, "%s/uvshm-testing", folder);

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


/* What only this system has; and each check leads to a heading. */
static void the_doctor_knows_the_system_and_its_own_page(void** state) {
  static const char* const wanted[] = {
      "posix names", "session", "integrity", "privilege"};
  int first = tool_has_signals() ? 0 : 1;
  int left = tool_has_signals() ? 1 : 3;
  char* page = source_text("docs/doctor.md");
  struct tool tool;
  size_t i;
  json_t* check;
  (void) state;
  assert_int_equal(tool_run(&tool, "doctor", "--json", NULL), 0);
  json_t* document = parsed(&tool);
  json_array_foreach(json_object_get(document, "checks"), i, check) {
    char heading[64];
    snprintf(heading, sizeof(heading), "\n## %s\n", text_of(check, "check"));
    assert_contains(page, heading);
    for (int w = first; w < (first == 0 ? 1 : 4); w++)
      left -= strcmp(text_of(check, "check"), wanted[w]) == 0;
  }
  assert_int_equal(left, 0);
  json_decref(document);
  tool_free(&tool);
  free(page);
}


static void nothing_was_left_behind(void** state) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(version_is_the_librarys),
      cmocka_unit_test(every_command_has_help),
      cmocka_unit_test(wrong_words_exit_with_2),
      cmocka_unit_test(other_programs_are_commands_too),
      cmocka_unit_test(options_may_stand_behind_operands),
      cmocka_unit_test(every_option_is_in_the_manual_page),
      cmocka_unit_test(completion_knows_every_command),
      cmocka_unit_test(foreign_text_is_escaped),
      cmocka_unit_test(names_of_all_languages_are_shown),
      cmocka_unit_test(a_pipe_gets_no_colours_unless_asked),
      cmocka_unit_test(the_doctor_finds_that_regions_and_locks_work),
      cmocka_unit_test(the_doctor_knows_the_system_and_its_own_page),
      cmocka_unit_test(nothing_was_left_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
