/* SPDX-License-Identifier: MIT */

/* Running other programs as commands, as git does; and guessing what was meant
 * when there is none.
 */

#include "external.h"
#include "args.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define WORD_MAX 32

#define FILE_TYPE 0170000u
#define FILE_REGULAR 0100000u
#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

struct external {
  uv_loop_t loop;
  struct signals signals;
  struct child child;
};


/* What a terminal sends, it sends to the other program as well. */
static void on_signal(uv_signal_t* handle, int number) {
  struct external* external = handle->data;
  bool sent = number == SIGINT && in_is_terminal();
  if (external->child.started && !external->child.done && !sent)
    uv_process_kill(&external->child.process, number);
}


/* A name with a slash or a dot would be a path. */
static bool is_word(const char* name) {
  size_t size = strlen(name);
  return size > 0 && size <= WORD_MAX && name[0] != '-' &&
         strspn(name, LETTERS) == size;
}


/* A folder of PATH that we may not search makes the system say "permission
 * denied" for a program that is nowhere. Is it somewhere? */
static bool is_in_path(const char* program) {
  char path[4096];
  size_t size = sizeof path;
  bool found = false;
  if (uv_os_getenv("PATH", path, &size) < 0) return false;
  for (char* at = path; at != NULL && !found;) {
    char* end = strchr(at, ':');
    uv_fs_t req;
    if (end != NULL) *end = '\0';
    char* file = text_format("%s/%s", *at != '\0' ? at : ".", program);
    found = uv_fs_stat(NULL, &req, file, NULL) == 0 &&
            (req.statbuf.st_mode & FILE_TYPE) == FILE_REGULAR;
    uv_fs_req_cleanup(&req);
    free(file);
    at = end != NULL ? end + 1 : NULL;
  }
  return found;
}


bool external_run(const char* name, char** argv, int* code) {
  if (!is_word(name)) return false;
  struct external* external = text_alloc(sizeof *external);
  char* program = text_format("uvshm-%s", name);
  uv_loop_init(&external->loop);
  signals_watch(&external->loop, &external->signals, on_signal, external);
  argv[0] = program;
  out_flush();
  int err = child_start(&external->loop, &external->child, argv, true);
  uv_run(&external->loop, UV_RUN_DEFAULT);
  if ((err == UV_EACCES || err == UV_ENOTDIR) && !is_in_path(program))
    err = UV_ENOENT;
  if (err == 0)
    *code = child_code(&external->child);
  else if (err != UV_ENOENT)
    *code = report_as(126, "cannot run \"%s\": %s", program, uv_strerror(err));
  loop_finish(&external->loop);
  argv[0] = NULL;
  free(program);
  free(external);
  return err != UV_ENOENT;
}

/* ---- what was meant ------------------------------------------------------ */

static int least(int a, int b) {
  return a < b ? a : b;
}


/* How many letters have to be put in, taken out, changed, or swapped with their
 * neighbour. Both words have at most WORD_MAX. */
static int distance(const char* from, const char* to) {
  int rows[3][WORD_MAX + 1];
  int size = (int) strlen(to);
  for (int j = 0; j <= size; j++) rows[0][j] = j;
  for (int i = 1; from[i - 1] != '\0'; i++) {
    int* row = rows[i % 3];
    const int* above = rows[(i + 2) % 3];
    row[0] = i;
    for (int j = 1; j <= size; j++) {
      int change = above[j - 1] + (from[i - 1] != to[j - 1]);
      row[j] = least(change, least(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] &&
          from[i - 2] == to[j - 1])
        row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
    }
  }
  return rows[strlen(from) % 3][size];
}


char* external_similar(const char* word) {
  const struct command* found = NULL;
  int best = strlen(word) > 4 ? 3 : 2; /* so many are too many */
  if (!is_word(word)) return NULL;
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden || !command_begins(command)) continue;
    char* first = command_first(command);
    int changes = distance(word, first);
    if (changes < best) {
      best = changes;
      found = command;
    }
    free(first);
  }
  return found != NULL ? command_first(found) : NULL;
}
