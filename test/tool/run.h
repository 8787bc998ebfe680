/* SPDX-License-Identifier: MIT */

/* The command-line tool, run as a program: its words, what it printed, how it
 * ended. Nothing here asserts inside a callback; a deadline ends every wait. */

#ifndef UVSHM_TEST_TOOL_RUN_H_
#define UVSHM_TEST_TOOL_RUN_H_

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#define TOOL_TEXT_MAX (1u << 20)

struct tool_text {
  uv_pipe_t pipe;
  char* bytes; /* a zero stands behind them */
  size_t size;
  int ended;
};

struct tool {
  uv_loop_t loop;
  uv_process_t process;
  uv_pipe_t in;
  uv_timer_t timer;
  struct tool_text out;
  struct tool_text err;
  int in_closed;
  int exited;
  int timed_out;
  int64_t status;
  int signal;
};

/* Start the tool with these words, NULL at the end. */
void tool_start(struct tool* tool, ...);

/* Start it through a list, for words that a test makes. */
void tool_start_list(struct tool* tool, char** words);

/* Give it input; end its input. */
void tool_feed(struct tool* tool, const void* bytes, size_t size);
void tool_end_input(struct tool* tool);

/* Wait until stdout, or stderr, contains `text`; fails the test when it ends
 * before. */
void tool_expect_out(struct tool* tool, const char* text);
void tool_expect_err(struct tool* tool, const char* text);

/* uv_process_kill(). */
void tool_signal(struct tool* tool, int signal);

/* Wait until it ended by itself, its input still open. */
void tool_wait(struct tool* tool);

/* End its input and wait for its end: its exit code, or -1 - signal. What it
 * printed stays until tool_free(). */
int tool_join(struct tool* tool);
void tool_free(struct tool* tool);

/* Start, join; `tool` is for tool_free(). */
int tool_run(struct tool* tool, ...);

/* Start, join and free: only the exit code. */
int tool_code(const char* word, ...);

/* Fail the test, with both texts, unless `part` stands in `text`; or if it
 * does. */
void assert_contains(const char* text, const char* part);
void assert_lacks(const char* text, const char* part);

/* Is this a system of POSIX signals? */
int tool_has_signals(void);

#endif /* UVSHM_TEST_TOOL_RUN_H_ */
