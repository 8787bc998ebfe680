/* SPDX-License-Identifier: MIT */

#include "tool/run.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 24


static void on_timer(uv_timer_t* timer) {
  struct tool* tool = timer->data;
  tool->timed_out = 1;
  uv_stop(timer->loop);
}


static void on_ended(uv_process_t* process, int64_t status, int signal) {
  struct tool* tool = process->data;
  tool->exited = 1;
  tool->status = status;
  tool->signal = signal;
  uv_stop(process->loop);
}


static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  struct tool_text* text = handle->data;
  size_t room = TOOL_TEXT_MAX - 1 - text->size;
  (void) suggested;
  *buf = uv_buf_init(text->bytes + text->size, (unsigned int) room);
}


static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buf) {
  struct tool_text* text = stream->data;
  (void) buf;
  if (size > 0) text->size += (size_t) size;
  /* A test that lets it talk on makes room again. */
  if (size < 0 && size != UV_ENOBUFS) text->ended = 1;
  text->bytes[text->size] = '\0';
  if (size != 0) uv_stop(stream->loop);
}


static void turn(struct tool* tool) {
  tool->timed_out = 0;
  uv_timer_start(&tool->timer, on_timer, TEST_PATIENCE_MS, 0);
  uv_run(&tool->loop, UV_RUN_DEFAULT);
  uv_timer_stop(&tool->timer);
  if (tool->timed_out)
    fail_msg("the tool did nothing for too long; it said:\n%s%s",
             tool->out.bytes,
             tool->err.bytes);
}


static void open_text(struct tool* tool, struct tool_text* text) {
  text->bytes = calloc(1, TOOL_TEXT_MAX);
  assert_non_null(text->bytes);
  uv_pipe_init(&tool->loop, &text->pipe, 0);
  text->pipe.data = text;
}


static void set_pipe(uv_stdio_container_t* stdio, int flags, uv_pipe_t* pipe) {
  stdio->flags = (uv_stdio_flags) (UV_CREATE_PIPE | flags);
  stdio->data.stream = (uv_stream_t*) pipe;
}


void tool_start_list(struct tool* tool, char** words) {
  char* args[WORDS_MAX + 2];
  uv_stdio_container_t stdio[3];
  uv_process_options_t options;
  int count = 0;

  memset(tool, 0, sizeof(*tool));
  args[0] = getenv("UVSHM_TOOL");
  if (args[0] == NULL) fail_msg("UVSHM_TOOL is not set");
  while (words[count] != NULL && count < WORDS_MAX) {
    args[count + 1] = words[count];
    count++;
  }
  args[count + 1] = NULL;

  assert_int_equal(uv_loop_init(&tool->loop), 0);
  uv_timer_init(&tool->loop, &tool->timer);
  uv_pipe_init(&tool->loop, &tool->in, 0);
  open_text(tool, &tool->out);
  open_text(tool, &tool->err);
  tool->timer.data = tool->in.data = tool->process.data = tool;

  set_pipe(&stdio[0], UV_READABLE_PIPE, &tool->in);
  set_pipe(&stdio[1], UV_WRITABLE_PIPE, &tool->out.pipe);
  set_pipe(&stdio[2], UV_WRITABLE_PIPE, &tool->err.pipe);
  memset(&options, 0, sizeof(options));
  options.file = args[0];
  options.args = args;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.exit_cb = on_ended;
  assert_int_equal(uv_spawn(&tool->loop, &tool->process, &options), 0);
  uv_read_start((uv_stream_t*) &tool->out.pipe, on_room, on_read);
  uv_read_start((uv_stream_t*) &tool->err.pipe, on_room, on_read);
}


static void gather(char** words, va_list list) {
  int i = 0;
  do words[i] = va_arg(list, char*);
  while (words[i] != NULL && ++i < WORDS_MAX);
  words[i] = NULL;
}


void tool_start(struct tool* tool, ...) {
  char* words[WORDS_MAX + 1];
  va_list list;
  va_start(list, tool);
  gather(words, list);
  va_end(list);
  tool_start_list(tool, words);
}


static void on_written(uv_write_t* request, int status) {
  (void) status;
  *(int*) request->data = 1;
  uv_stop(request->handle->loop);
}


void tool_feed(struct tool* tool, const void* bytes, size_t size) {
  uv_write_t request;
  uv_buf_t buf = uv_buf_init((char*) bytes, (unsigned int) size);
  int done = 0;
  request.data = &done;
  assert_int_equal(
      uv_write(&request, (uv_stream_t*) &tool->in, &buf, 1, on_written), 0);
  while (!done) turn(tool);
}


void tool_end_input(struct tool* tool) {
  if (!tool->in_closed) uv_close((uv_handle_t*) &tool->in, NULL);
  tool->in_closed = 1;
}


static void expect(struct tool* tool,
                   struct tool_text* text,
                   const char* wanted) {
  while (strstr(text->bytes, wanted) == NULL) {
    if (text->ended)
      fail_msg("the tool ended without \"%s\"; it said:\n%s%s",
               wanted,
               tool->out.bytes,
               tool->err.bytes);
    turn(tool);
  }
}


void tool_expect_out(struct tool* tool, const char* text) {
  expect(tool, &tool->out, text);
}


void tool_expect_err(struct tool* tool, const char* text) {
  expect(tool, &tool->err, text);
}


void tool_signal(struct tool* tool, int signal) {
  assert_int_equal(uv_process_kill(&tool->process, signal), 0);
}


void tool_wait(struct tool* tool) {
  while (!tool->exited) turn(tool);
}


/* A killed tool may have left children that hold its stdout open, so its own
 * end is enough then. */
int tool_join(struct tool* tool) {
  tool_end_input(tool);
  tool_wait(tool);
  while (tool->signal == 0 && !(tool->out.ended && tool->err.ended)) turn(tool);
  uv_close((uv_handle_t*) &tool->timer, NULL);
  uv_close((uv_handle_t*) &tool->out.pipe, NULL);
  uv_close((uv_handle_t*) &tool->err.pipe, NULL);
  uv_close((uv_handle_t*) &tool->process, NULL);
  uv_run(&tool->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&tool->loop), 0);
  return tool->signal != 0 ? -1 - tool->signal : (int) tool->status;
}


void tool_free(struct tool* tool) {
  free(tool->out.bytes);
  free(tool->err.bytes);
}


int tool_run(struct tool* tool, ...) {
  char* words[WORDS_MAX + 1];
  va_list list;
  va_start(list, tool);
  gather(words, list);
  va_end(list);
  tool_start_list(tool, words);
  return tool_join(tool);
}


int tool_code(const char* word, ...) {
  char* words[WORDS_MAX + 2];
  struct tool tool;
  va_list list;
  words[0] = (char*) word;
  va_start(list, word);
  gather(words + 1, list);
  va_end(list);
  tool_start_list(&tool, words);
  int code = tool_join(&tool);
  tool_free(&tool);
  return code;
}


void assert_contains(const char* text, const char* part) {
  if (strstr(text, part) == NULL) fail_msg("no \"%s\" in: %s", part, text);
}


void assert_lacks(const char* text, const char* part) {
  if (strstr(text, part) != NULL) fail_msg("\"%s\" in: %s", part, text);
}


int tool_has_signals(void) {
  uv_utsname_t system;
  if (uv_os_uname(&system) < 0) return 0;
  return strncmp(system.sysname, "Windows", 7) != 0 &&
         strncmp(system.sysname, "MINGW", 5) != 0;
}
