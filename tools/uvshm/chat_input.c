/* SPDX-License-Identifier: MIT */

#include "chat_input.h"

#include <string.h>


static void emit(struct chat_input* input) {
  uint32_t size = input->size;
  if (size > 0 && input->line[size - 1] == '\r') size--;
  input->size = 0;
  input->on_line(input->data, input->line, size);
}


static void take(struct chat_input* input, const char* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == '\n') {
      emit(input);
      continue;
    }
    input->line[input->size++] = bytes[i];
    if (input->size == CHAT_LINE_MAX) emit(input);
  }
}


static void end(struct chat_input* input) {
  if (input->size > 0) emit(input);
  input->on_end(input->data);
}


static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  struct chat_input* input = handle->data;
  (void) suggested;
  *buf = uv_buf_init(input->chunk, sizeof input->chunk);
}


static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
  struct chat_input* input = stream->data;
  if (count > 0) take(input, buf->base, (size_t) count);
  if (count >= 0) return;
  uv_read_stop(stream);
  end(input);
}


static void on_file(uv_fs_t* req);


static void read_file(uv_loop_t* loop, struct chat_input* input) {
  uv_buf_t buf = uv_buf_init(input->chunk, sizeof input->chunk);
  input->req.data = input;
  if (uv_fs_read(loop, &input->req, 0, &buf, 1, -1, on_file) < 0) end(input);
}


static void on_file(uv_fs_t* req) {
  struct chat_input* input = req->data;
  uv_loop_t* loop = req->loop;
  ssize_t count = req->result;
  uv_fs_req_cleanup(req);
  if (count == UV_ECANCELED || input->stopped) return;
  if (count <= 0) {
    end(input);
    return;
  }
  take(input, input->chunk, (size_t) count);
  read_file(loop, input);
}


int chat_input_start(uv_loop_t* loop, struct chat_input* input) {
  int err;
  switch (uv_guess_handle(0)) {
    case UV_TTY:
      err = uv_tty_init(loop, &input->from.tty, 0, 1);
      break;
    case UV_NAMED_PIPE:
      err = uv_pipe_init(loop, &input->from.pipe, 0);
      if (err == 0) err = uv_pipe_open(&input->from.pipe, 0);
      break;
    default:
      read_file(loop, input);
      return 0;
  }
  if (err < 0) return err;
  input->from.handle.data = input;
  return uv_read_start(&input->from.stream, on_room, on_read);
}
