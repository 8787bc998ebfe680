/* SPDX-License-Identifier: MIT */

/* ZeroMQ over ipc://: PUSH to PULL, one pair for each line; of topics PUB to
 * SUB would lose messages, so they are not compared. */

#include "bench.h"
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

static void* context; /* of one child */
static void* in;
static void* out;
static size_t size;
static int flags; /* of receiving */


static void path_of(uint32_t line, char* text, size_t length) {
  snprintf(text, length, "ipc:///tmp/%.120s-%u", bench_ground->room, line);
}


static void connect_both(uint32_t me) {
  char path[160];
  int limit = 1024;

  context = zmq_ctx_new();
  in = zmq_socket(context, ZMQ_PULL);
  out = zmq_socket(context, ZMQ_PUSH);
  zmq_setsockopt(in, ZMQ_RCVHWM, &limit, sizeof(limit));
  zmq_setsockopt(out, ZMQ_SNDHWM, &limit, sizeof(limit));
  path_of(me == 2, path, sizeof(path));
  if (zmq_bind(in, path) != 0) bench_fail("ZeroMQ", "bind", zmq_errno());
  path_of(me != 2, path, sizeof(path));
  if (zmq_connect(out, path) != 0) bench_fail("ZeroMQ", "connect", zmq_errno());
}


/* Nobody goes before all has arrived: what is still under way would be lost at
 * times. */
static void close_all(void) {
  while (bench_ground->ended_ns == 0) usleep(100);
  zmq_close(in);
  zmq_close(out);
  zmq_ctx_term(context);
}


static void send_all(uint32_t line, unsigned char* messages, size_t count) {
  (void) line;
  for (; count > 0; count--, messages += size)
    if (zmq_send(out, messages, size, 0) < 0)
      bench_fail("ZeroMQ", "send", zmq_errno());
}


static void recv_all(uint32_t line, unsigned char* messages, size_t count) {
  (void) line;
  for (; count > 0; count--, messages += size)
    while (zmq_recv(in, messages, size, flags) < 0)
      if (zmq_errno() != EAGAIN) bench_fail("ZeroMQ", "recv", zmq_errno());
}

static const struct load_line lines = {send_all, recv_all};


static int prepare(enum bench_what what) {
  size = load_message(what);
  flags = what == BENCH_TRIP_POLL ? ZMQ_DONTWAIT : 0;
  context = NULL;
  snprintf((char*) bench_ground->room, 64, "%s", bench_name("zmq"));
  return 0;
}


static void turn(enum bench_what what, uint64_t count, uint32_t me) {
  if (context == NULL) connect_both(me);
  load_turn(&lines, what, count, me);
}


static void finish(void) {
  char path[160];
  uint32_t i;

  for (i = 0; i < 2; i++) {
    path_of(i, path, sizeof(path));
    unlink(path + sizeof("ipc://") - 1);
  }
}

#define ROW(WHAT)                                                              \
 static int WHAT##_prepare(void) {                                             \
  return prepare(BENCH_##WHAT);                                                \
 }                                                                             \
 static void WHAT##_turn(uint64_t count, uint32_t me) {                        \
  turn(BENCH_##WHAT, count, me);                                               \
 }                                                                             \
 static const struct bench_side WHAT = {"ZeroMQ ipc",                          \
                                        WHAT##_prepare,                        \
                                        NULL,                                  \
                                        NULL,                                  \
                                        WHAT##_turn,                           \
                                        close_all,                             \
                                        finish,                                \
                                        0};

ROW(STREAM)
ROW(STREAM_4K)
ROW(STREAM_1M)
ROW(QUEUE)
ROW(TRIP_POLL)
ROW(TRIP_BLOCK)
ROW(TRIP_SLEEP)


const struct bench_side* bench_zmq(enum bench_what what) {
  switch (what) {
    case BENCH_STREAM:
      return &STREAM;
    case BENCH_STREAM_4K:
      return &STREAM_4K;
    case BENCH_STREAM_1M:
      return &STREAM_1M;
    case BENCH_QUEUE:
      return &QUEUE;
    case BENCH_TRIP_POLL:
      return &TRIP_POLL;
    case BENCH_TRIP_BLOCK:
      return &TRIP_BLOCK;
    case BENCH_TRIP_SLEEP:
      return &TRIP_SLEEP;
    default:
      return NULL;
  }
}
