/* SPDX-License-Identifier: MIT */

/* From a message to the callback on a libuv loop that sleeps: a stream that is
 * watched, beside the least that does the same, which is a line of memory, an
 * eventfd that both have inherited, and uv_poll. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"
#include "uvshm/channel.h"
#include "uvshm/watch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/eventfd.h>

#define SIZE 64u

static uv_loop_t loop;
static int arrived;
static unsigned char* wanted;


static void must(int code, const char* who) {
  if (code < 0) bench_fail(who, "a loop", code);
}


static void recv_on_loop(uint32_t line, unsigned char* messages, size_t count) {
  (void) line;
  wanted = messages;
  for (; count > 0; count--) {
    for (arrived = 0; !arrived;) uv_run(&loop, UV_RUN_ONCE);
  }
}

/* ---- ours ---------------------------------------------------------------- */

static uvshm_segment_t* kept;
static uvshm_channel_t* kept_line;
static uvshm_segment_t* segment;
static uvshm_channel_t* line_end;
static uvshm_watch_t watch;


static int prepare(void) {
  uvshm_segment_options_t segment_options;
  uvshm_channel_options_t options;
  int err;

  line_end = NULL;
  memset(&segment_options, 0, sizeof(segment_options));
  segment_options.flags = UVSHM_CREATE;
  segment_options.size = 1u << 20;
  memset(&options, 0, sizeof(options));
  options.size_max = SIZE;
  options.messages = 1024;
  err = uvshm_segment_open(&kept, bench_name("loop"), &segment_options);
  if (err >= 0) err = uvshm_channel_open(&kept_line, kept, "line", &options);
  return err;
}


static int open_it(void) {
  return uvshm_segment_open(&segment, bench_name("loop"), NULL);
}


static void on_readable(uvshm_watch_t* watched, int status) {
  size_t size = SIZE;

  (void) watched;
  must(status, "uvshm");
  must(uvshm_channel_recv(line_end, wanted, &size, 0), "uvshm");
  arrived = 1;
}


static void send_it(uint32_t line, unsigned char* messages, size_t count) {
  (void) line;
  for (; count > 0; count--)
    must(uvshm_channel_send(line_end, messages, SIZE, UVSHM_FOREVER), "uvshm");
}


static void turn(uint64_t count, uint32_t me) {
  static const struct load_line how = {send_it, recv_on_loop};
  uvshm_channel_options_t options;

  if (line_end == NULL) {
    memset(&options, 0, sizeof(options));
    options.flags = UVSHM_EXISTING;
    options.flags |=
        me == 1 ? UVSHM_READER : UVSHM_WRITER | UVSHM_CHANNEL_AWAIT;
    must(uvshm_channel_open(&line_end, segment, "line", &options), "uvshm");
    if (me == 1) {
      must(uv_loop_init(&loop), "uvshm");
      must(uvshm_watch_init(&loop, &watch), "uvshm");
      must(uvshm_watch_start_readable(&watch, line_end, on_readable), "uvshm");
    }
  }
  load_turn(&how, BENCH_LOOP, count, me);
}


static void close_it(void) {
  if (watch.loop != NULL) uvshm_watch_close(&watch, NULL);
  uvshm_channel_close(line_end);
  uvshm_segment_close(segment);
}


static void finish(void) {
  uvshm_channel_close(kept_line);
  uvshm_segment_close(kept);
}

/* ---- the least ----------------------------------------------------------- */

static int eventfd_of_both = -1;
static uv_poll_t poll;


static int least_prepare(void) {
  eventfd_of_both = eventfd(0, EFD_NONBLOCK);
  poll.loop = NULL;
  return eventfd_of_both < 0 ? -errno : 0;
}


static void on_poll(uv_poll_t* handle, int status, int events) {
  uint64_t number;

  (void) handle;
  (void) events;
  must(status, "eventfd");
  if (read(eventfd_of_both, &number, sizeof(number)) < 0) return;
  memcpy(wanted, bench_ground->room, SIZE);
  arrived = 1;
}


static void least_send(uint32_t line, unsigned char* messages, size_t count) {
  uint64_t one = 1;

  (void) line;
  for (; count > 0; count--) {
    memcpy(bench_ground->room, messages, SIZE);
    if (write(eventfd_of_both, &one, sizeof(one)) < 0) must(-errno, "eventfd");
  }
}


static void least_turn(uint64_t count, uint32_t me) {
  static const struct load_line how = {least_send, recv_on_loop};

  if (me == 1 && poll.loop == NULL) {
    must(uv_loop_init(&loop), "eventfd");
    must(uv_poll_init(&loop, &poll, eventfd_of_both), "eventfd");
    must(uv_poll_start(&poll, UV_READABLE, on_poll), "eventfd");
  }
  load_turn(&how, BENCH_LOOP, count, me);
}


static void least_finish(void) {
  close(eventfd_of_both);
}

/* ---- the rows ------------------------------------------------------------ */

const struct bench_side* bench_uvshm_loop(void) {
  static const struct bench_side side = {
      "uvshm", prepare, open_it, NULL, turn, close_it, finish, 0};

  return &side;
}


const struct bench_side* bench_eventfd(enum bench_what what) {
  static const struct bench_side side = {"eventfd+uv_poll",
                                         least_prepare,
                                         NULL,
                                         NULL,
                                         least_turn,
                                         NULL,
                                         least_finish,
                                         0};

  return what == BENCH_LOOP ? &side : NULL;
}
