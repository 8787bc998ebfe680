/* SPDX-License-Identifier: MIT */

/* A terminal is written through uv_tty, which gives UTF-8 and colours on a
 * Windows console too. Everything else is written as plain bytes with
 * uv_fs_write, so that nothing on the way turns "\n" into something else.
 */

#include "out.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define BUFFER_SIZE 65536u
#define WRITE_MAX (1u << 20)

struct sink {
  uv_file fd;
  bool terminal;
  bool color;
  int failed; /* the first error; later bytes are thrown away */
  size_t size;
  char* bytes;
  uv_tty_t tty;
};

static struct sink sink_out = {.fd = 1};
static struct sink sink_err = {.fd = 2};


static void open_sink(struct sink* sink) {
  if (uv_guess_handle(sink->fd) != UV_TTY) return;
  if (uv_tty_init(uv_default_loop(), &sink->tty, sink->fd, 0) < 0) return;

  /* Only POSIX can be asked to block; a Windows console always does. */
  uv_stream_set_blocking((uv_stream_t*) &sink->tty, 1);
  uv_unref((uv_handle_t*) &sink->tty);
  sink->terminal = true;
}


void out_init(void) {
  sink_out.bytes = text_alloc(BUFFER_SIZE);
  open_sink(&sink_out);
  open_sink(&sink_err);
  out_set_color(OUT_COLOR_AUTO);
}


/* Is the variable there and not empty? `value` gets the beginning of it. */
static bool environment(const char* name, char* value, size_t size) {
  size_t room = size;
  int err = uv_os_getenv(name, value, &room);
  if (err == UV_ENOBUFS) value[0] = '\0';
  return err == UV_ENOBUFS || (err == 0 && value[0] != '\0');
}


static bool wants_color(const struct sink* sink) {
  char value[16];
  if (environment("NO_COLOR", value, sizeof value)) return false;
  if (environment("CLICOLOR_FORCE", value, sizeof value) &&
      strcmp(value, "0") != 0)
    return true;
  if (environment("TERM", value, sizeof value) && strcmp(value, "dumb") == 0)
    return false;
  return sink->terminal;
}


void out_set_color(enum out_color when) {
  sink_out.color = when == OUT_COLOR_ALWAYS;
  sink_err.color = when == OUT_COLOR_ALWAYS;
  if (when == OUT_COLOR_AUTO) {
    sink_out.color = wants_color(&sink_out);
    sink_err.color = wants_color(&sink_err);
  }
}


/* Some of the bytes; how many, or a UV_E code. */
static int write_some(struct sink* sink, const char* bytes, size_t size) {
  uv_buf_t buf = uv_buf_init((char*) bytes, (unsigned int) size);
  if (sink->terminal) return uv_try_write((uv_stream_t*) &sink->tty, &buf, 1);

  uv_fs_t req;
  int written = uv_fs_write(NULL, &req, sink->fd, &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&req);
  return written;
}


static void write_all(struct sink* sink, const char* bytes, size_t size) {
  while (size > 0 && sink->failed == 0) {
    int n = write_some(sink, bytes, size < WRITE_MAX ? size : WRITE_MAX);
    if (n == UV_EAGAIN) {
      /* Somebody else made the pipe behind it non-blocking. */
      uv_sleep(1);
    } else if (n < 0) {
      sink->failed = n;
    } else {
      bytes += n;
      size -= (size_t) n;
    }
  }
}


int out_flush(void) {
  write_all(&sink_out, sink_out.bytes, sink_out.size);
  sink_out.size = 0;
  return sink_out.failed;
}


bool out_is_good(void) {
  return sink_out.failed == 0;
}


void out_bytes(const void* bytes, size_t size) {
  if (size > BUFFER_SIZE - sink_out.size) out_flush();
  if (size > BUFFER_SIZE) {
    write_all(&sink_out, bytes, size);
    return;
  }
  memcpy(sink_out.bytes + sink_out.size, bytes, size);
  sink_out.size += size;
}


void print(const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* text = text_vformat(format, args);
  va_end(args);
  out_bytes(text, strlen(text));
  free(text);
}


void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* text = text_vformat(format, args);
  va_end(args);
  out_flush();
  write_all(&sink_err, text, strlen(text));
  free(text);
}


static const char* style_on(const struct sink* sink, enum out_style style) {
  static const char* const codes[OUT_STYLES] = {
      "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"};
  return sink->color ? codes[style] : "";
}


const char* out_style(enum out_style style) {
  return style_on(&sink_out, style);
}


const char* err_style(enum out_style style) {
  return style_on(&sink_err, style);
}


bool in_is_terminal(void) {
  return uv_guess_handle(0) == UV_TTY;
}


bool out_is_terminal(void) {
  return sink_out.terminal;
}


bool err_is_terminal(void) {
  return sink_err.terminal;
}


static int width_of(struct sink* sink) {
  int width;
  int height;
  if (!sink->terminal || uv_tty_get_winsize(&sink->tty, &width, &height) < 0)
    return 0;
  return width > 0 ? width : 80;
}


int out_width(void) {
  return width_of(&sink_out);
}


int err_width(void) {
  return width_of(&sink_err);
}


int out_height(void) {
  int width;
  int height;
  if (!sink_out.terminal ||
      uv_tty_get_winsize(&sink_out.tty, &width, &height) < 0)
    return 0;
  return height > 0 ? height : 24;
}


bool can_ask(void) {
  return in_is_terminal() && err_is_terminal();
}


bool ask(const char* question) {
  char answer[16] = "";
  say("%s [y/N] ", question);

  uv_fs_t req;
  uv_buf_t buf = uv_buf_init(answer, sizeof answer - 1);
  int size = uv_fs_read(NULL, &req, 0, &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&req);
  if (size <= 0) {
    say("\n");
    return false;
  }
  answer[strcspn(answer, "\r\n")] = '\0';
  return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 ||
         strcmp(answer, "yes") == 0;
}
