/* SPDX-License-Identifier: MIT */

/* Other processes, through libuv. */

#ifndef UVSHM_TOOL_SPAWN_H_
#define UVSHM_TOOL_SPAWN_H_

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct child {
  uv_process_t process;
  bool started;
  bool done; /* it ended; status and signal are known */
  int64_t status;
  int signal;
  void (*on_exit)(struct child* child); /* may be NULL */
  void* data;
};

/* Start `argv` (NULL at the end; found in PATH) with our stdin, stdout and
 * stderr; without `input`, stdin is empty. 0 or a UV_E code. */
int child_start(uv_loop_t* loop, struct child* child, char** argv, bool input);

/* The same, of this program itself, for the same --dir. argv[0] does not count;
 * the rest are at most ten words. */
int child_start_self(uv_loop_t* loop, struct child* child, char** argv);

/* The same with these descriptors as its stdin (-1: none) and stdout. */
int child_start_between(
    uv_loop_t* loop, struct child* child, char** argv, int in, int out);

/* SIGKILL or TerminateProcess, if it still runs. */
void child_kill(struct child* child);

uint32_t child_pid(const struct child* child);

/* What a shell would call its end: its exit code, or 128 + the signal. */
int child_code(const struct child* child);

/* Did Ctrl-C end it? On a terminal all processes get that. */
bool child_interrupted(const struct child* child);

/* This program's own path, for free(). */
char* self_path(void);

bool on_windows(void);

/* The signals by which somebody ends a program: call `on_signal` for each. They
 * come with the loop, so nothing that this process made is left behind; watched
 * before it makes anything, until it has closed all. The handles do not keep
 * the loop alive. What is ignored already stays so. */
#define SIGNALS_MAX 4
struct signals {
  uv_signal_t handles[SIGNALS_MAX];
};
void signals_watch(uv_loop_t* loop,
                   struct signals* signals,
                   uv_signal_cb on_signal,
                   void* data);

/* Close what is left open on the loop, run it to its end and free it. */
void loop_finish(uv_loop_t* loop);

#endif /* UVSHM_TOOL_SPAWN_H_ */
