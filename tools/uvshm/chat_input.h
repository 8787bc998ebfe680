/* SPDX-License-Identifier: MIT */

/* Lines from stdin, on the loop: a terminal, a pipe or a file. */

#ifndef UVSHM_TOOL_CHAT_INPUT_H_
#define UVSHM_TOOL_CHAT_INPUT_H_

#include <stdint.h>

#include <stdbool.h>

#include <uv.h>

#define CHAT_LINE_MAX 4096

struct chat_input {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tty_t tty;
    uv_pipe_t pipe;
  } from;
  uv_fs_t req;
  char chunk[CHAT_LINE_MAX];
  char line[CHAT_LINE_MAX]; /* the beginning of one */
  bool stopped;             /* a file is not read on */
  uint32_t size;
  void (*on_line)(void* data, const char* line, uint32_t size);
  void (*on_end)(void* data);
  void* data;
};

/* Call on_line for each line, without its end, and on_end after the last one. A
 * line of more than CHAT_LINE_MAX bytes comes in pieces. The callbacks and
 * `data` are set before. 0 or a UV_E code. */
int chat_input_start(uv_loop_t* loop, struct chat_input* input);

#endif /* UVSHM_TOOL_CHAT_INPUT_H_ */
