/* SPDX-License-Identifier: MIT */

/* uvshm doctor: is this machine fit for shared memory? */

#include "commands.h"
#include "doctor.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"
#include "wrap.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define FILE_MAX 65536
#define CHECK_WIDTH 15
#define INDENT 6

struct doctor {
  json_t* checks; /* NULL: print */
  int counts[3];
};


char* doctor_file(const char* path) {
  uv_fs_t req;
  uv_file file = uv_fs_open(NULL, &req, path, UV_FS_O_RDONLY, 0, NULL);
  uv_fs_req_cleanup(&req);
  if (file < 0) return NULL;

  char* text = text_alloc(FILE_MAX);
  uv_buf_t buf = uv_buf_init(text, FILE_MAX - 1);
  int size = uv_fs_read(NULL, &req, file, &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&req);
  uv_fs_close(NULL, &req, file, NULL);
  uv_fs_req_cleanup(&req);
  if (size >= 0) return text;
  free(text);
  return NULL;
}


/* Where more is said: each check has a heading there. New memory. */
static char* docs_of(const char* check) {
  char* place = text_format("docs/doctor.md#%s", check);
  for (char* at = place; *at != '\0'; at++)
    if (*at == ' ') *at = '-';
  return place;
}


static void add_json(struct doctor* doctor,
                     const char* verdict,
                     const char* check,
                     const char* hint,
                     const char* text) {
  json_t* entry = json_object();
  json_object_set_new(entry, "check", json_string(check));
  json_object_set_new(entry, "verdict", json_string(verdict));
  json_object_set_new(entry, "text", json_text(text));
  if (hint != NULL) json_object_set_new(entry, "hint", json_string(hint));
  char* docs = docs_of(check);
  json_object_set_new(entry, "docs", json_string(docs));
  free(docs);
  json_array_append_new(doctor->checks, entry);
}


/* Whoever reads a pipe wants one line. */
static void prose(const char* text, int column) {
  if (out_is_terminal())
    wrap_print(text, column, column);
  else
    print("%s\n", text);
}


void doctor_tell(struct doctor* doctor,
                 enum verdict verdict,
                 const char* check,
                 const char* hint,
                 const char* format,
                 ...) {
  static const char* const words[] = {"ok", "warn", "fail"};
  static const enum out_style styles[] = {OUT_GREEN, OUT_YELLOW, OUT_RED};
  va_list args;
  va_start(args, format);
  char* text = text_vformat(format, args);
  va_end(args);

  doctor->counts[verdict]++;
  if (doctor->checks != NULL) {
    add_json(doctor, words[verdict], check, hint, text);
  } else if (!args_quiet || verdict != VERDICT_OK) {
    int column = INDENT + CHECK_WIDTH + 1;
    print("%s%-*s%s%-*s ",
          out_style(styles[verdict]),
          INDENT,
          words[verdict],
          out_style(OUT_PLAIN),
          CHECK_WIDTH,
          check);
    prose(text, column);
    if (hint != NULL) {
      print("%*s%s", column, "", out_style(OUT_DIM));
      prose(hint, column);
      print("%s", out_style(OUT_PLAIN));
    }
    if (verdict != VERDICT_OK) {
      char* docs = docs_of(check);
      print("%*s%ssee %s%s\n",
            column,
            "",
            out_style(OUT_DIM),
            docs,
            out_style(OUT_PLAIN));
      free(docs);
    }
    out_flush();
  }
  free(text);
}


/* Under Wine a Windows program can see the files of the system around it; they
 * say nothing about Windows. */
static void run_checks(struct doctor* doctor) {
  static const struct {
    void (*check)(struct doctor*);
    bool files; /* of /dev and /proc */
  } checks[] = {{doctor_versions, false},
                {doctor_memory, true},
                {doctor_mount, true},
                {doctor_limits, true},
                {doctor_logind, true},
                {doctor_runtime_dir, true},
                {doctor_container, true},
                {doctor_confinement, true},
                {doctor_clock, true},
                {doctor_native, false},
                {doctor_all_users, false},
                {doctor_objects, false},
                {doctor_layout, false},
                {doctor_foreign, false},
                {doctor_region, false},
                {doctor_liveness, false}};
  bool windows = on_windows();
  for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
    if (!windows || !checks[i].files) checks[i].check(doctor);
}


int cmd_doctor(const struct args* args) {
  struct doctor doctor = {0};
  if (args->given[OPT_JSON]) doctor.checks = json_array();
  run_checks(&doctor);

  if (doctor.checks != NULL) {
    json_t* document = json_document();
    json_object_set_new(document, "checks", doctor.checks);
    json_object_set_new(document, "warnings", json_integer(doctor.counts[1]));
    json_object_set_new(document, "failures", json_integer(doctor.counts[2]));
    json_print(document);
  }
  return doctor.counts[VERDICT_FAIL] > 0 ? EXIT_FAILED : EXIT_OK;
}
