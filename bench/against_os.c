/* SPDX-License-Identifier: MIT */

/* What systems have had for messages between processes: pipes, Unix-domain
 * sockets (SOCK_SEQPACKET; SOCK_STREAM above 64 KiB), POSIX message queues. */

#include "bench.h"
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>

#define MQ_DEPTH 10 /* what /proc/sys/fs/mqueue/msg_max allows everybody */

static int from[2]; /* where to read, for each line */
static int to[2];
static size_t size;
static mqd_t queues[2];


/* Who polls looks again. */
static int again(ssize_t result) {
  return result < 0 && errno == EAGAIN;
}


static void must(ssize_t result, const char* who) {
  if (result <= 0) bench_fail(who, "a message", -errno);
}

/* ---- bytes --------------------------------------------------------------- */

static void send_bytes(uint32_t line, unsigned char* messages, size_t count) {
  size_t left = count * size;
  ssize_t done;

  for (; left > 0; left -= (size_t) done) {
    do done = write(to[line], messages, left);
    while (again(done));
    must(done, "the system");
    messages += done;
  }
}


static void recv_bytes(uint32_t line, unsigned char* messages, size_t count) {
  size_t left = count * size;
  ssize_t done;

  for (; left > 0; left -= (size_t) done) {
    do done = read(from[line], messages, left);
    while (again(done));
    must(done, "the system");
    messages += done;
  }
}

static const struct load_line bytes = {send_bytes, recv_bytes};


static void do_not_wait(int end) {
  fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK);
}


static int pipes_prepare(enum bench_what what) {
  int ends[2];
  int i;

  size = load_message(what);
  for (i = 0; i < 2; i++) {
    if (pipe(ends) != 0) return -1;
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    if (what == BENCH_TRIP_POLL) do_not_wait(ends[0]);
    from[i] = ends[0];
    to[i] = ends[1];
  }
  return 0;
}


static int sockets_prepare(enum bench_what what) {
  int room = 4 << 20;
  int ends[2];
  int i;

  size = load_message(what);
  for (i = 0; i < 2; i++) {
    if (socketpair(
            AF_UNIX, size > 65536 ? SOCK_STREAM : SOCK_SEQPACKET, 0, ends) != 0)
      return -1;
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (what == BENCH_TRIP_POLL) do_not_wait(ends[0]);
    from[i] = ends[0];
    to[i] = ends[1];
  }
  return 0;
}


static void finish(void) {
  int i;

  for (i = 0; i < 2; i++) {
    close(from[i]);
    close(to[i]);
  }
}

/* ---- packets ------------------------------------------------------------- */

static void send_packets(uint32_t line, unsigned char* messages, size_t count) {
  for (; count > 0; count--, messages += size)
    must(write(to[line], messages, size), "socket");
}


static void recv_packets(uint32_t line, unsigned char* messages, size_t count) {
  ssize_t done;

  for (; count > 0; count--, messages += size) {
    do done = read(from[line], messages, size);
    while (again(done));
    must(done, "socket");
  }
}

static const struct load_line packets = {send_packets, recv_packets};

/* ---- POSIX message queues ------------------------------------------------ */

static int queues_prepare(enum bench_what what) {
  struct mq_attr attr;
  char name[80];
  int i;

  size = load_message(what);
  memset(&attr, 0, sizeof(attr));
  attr.mq_maxmsg = MQ_DEPTH;
  attr.mq_msgsize = (long) size;
  for (i = 0; i < 2; i++) {
    snprintf(name, sizeof(name), "/%s", bench_name("mq"));
    queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (queues[i] == (mqd_t) -1) return -1;
    mq_unlink(name);
  }
  return 0;
}


static void queues_finish(void) {
  mq_close(queues[0]);
  mq_close(queues[1]);
}


static void send_queue(uint32_t line, unsigned char* messages, size_t count) {
  for (; count > 0; count--, messages += size)
    if (mq_send(queues[line], (char*) messages, size, 0) != 0)
      bench_fail("POSIX mq", "send", -errno);
}


static void recv_queue(uint32_t line, unsigned char* messages, size_t count) {
  for (; count > 0; count--, messages += size)
    must(mq_receive(queues[line], (char*) messages, size, NULL), "POSIX mq");
}

static const struct load_line queued = {send_queue, recv_queue};

/* ---- the rows ------------------------------------------------------------ */

#define ROW(KIND, WHAT, LINE)                                                  \
 static int KIND##_##WHAT##_prepare(void) {                                    \
  return KIND##_prepare(BENCH_##WHAT);                                         \
 }                                                                             \
 static void KIND##_##WHAT##_turn(uint64_t count, uint32_t me) {               \
  load_turn(LINE, BENCH_##WHAT, count, me);                                    \
 }

/* Large messages do not fit into a packet: see sockets_prepare(). */
#define FITTING (size > 65536 ? &bytes : &packets)

#define SIDE(KIND, WHAT, NAME, FINISH)                                         \
 [BENCH_##WHAT - BENCH_STREAM] = {NAME,                                        \
                                  KIND##_##WHAT##_prepare,                     \
                                  NULL,                                        \
                                  NULL,                                        \
                                  KIND##_##WHAT##_turn,                        \
                                  NULL,                                        \
                                  FINISH,                                      \
                                  0}

ROW(pipes, STREAM, &bytes)
ROW(pipes, STREAM_BATCH, &bytes)
ROW(pipes, STREAM_4K, &bytes)
ROW(pipes, STREAM_1M, &bytes)
ROW(pipes, QUEUE, &bytes)
ROW(pipes, TRIP_POLL, &bytes)
ROW(pipes, TRIP_BLOCK, &bytes)
ROW(pipes, TRIP_SLEEP, &bytes)
ROW(sockets, STREAM, FITTING)
ROW(sockets, STREAM_BATCH, &packets)
ROW(sockets, STREAM_4K, &packets)
ROW(sockets, STREAM_1M, &bytes)
ROW(sockets, QUEUE, &packets)
ROW(sockets, TRIP_POLL, &packets)
ROW(sockets, TRIP_BLOCK, &packets)
ROW(sockets, TRIP_SLEEP, &packets)
ROW(queues, STREAM, &queued)
ROW(queues, STREAM_4K, &queued)
ROW(queues, QUEUE, &queued)
ROW(queues, TRIP_BLOCK, &queued)
ROW(queues, TRIP_SLEEP, &queued)

#define ROWS (BENCH_TRIP_SLEEP - BENCH_STREAM + 1)


static const struct bench_side* side_of(const struct bench_side* sides,
                                        enum bench_what what) {
  if (what < BENCH_STREAM || what > BENCH_TRIP_SLEEP) return NULL;
  return sides[what - BENCH_STREAM].name == NULL ? NULL
                                                 : &sides[what - BENCH_STREAM];
}


const struct bench_side* bench_pipe(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {
      SIDE(pipes, STREAM, "pipe", finish),
      SIDE(pipes, STREAM_BATCH, "pipe", finish),
      SIDE(pipes, STREAM_4K, "pipe", finish),
      SIDE(pipes, STREAM_1M, "pipe", finish),
      SIDE(pipes, QUEUE, "pipe", finish),
      SIDE(pipes, TRIP_POLL, "pipe", finish),
      SIDE(pipes, TRIP_BLOCK, "pipe", finish),
      SIDE(pipes, TRIP_SLEEP, "pipe", finish)};

  return side_of(sides, what);
}


const struct bench_side* bench_socket(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {
      SIDE(sockets, STREAM, "Unix socket", finish),
      SIDE(sockets, STREAM_BATCH, "Unix socket", finish),
      SIDE(sockets, STREAM_4K, "Unix socket", finish),
      SIDE(sockets, STREAM_1M, "Unix socket", finish),
      SIDE(sockets, QUEUE, "Unix socket", finish),
      SIDE(sockets, TRIP_POLL, "Unix socket", finish),
      SIDE(sockets, TRIP_BLOCK, "Unix socket", finish),
      SIDE(sockets, TRIP_SLEEP, "Unix socket", finish)};

  return side_of(sides, what);
}


const struct bench_side* bench_mq(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {
      SIDE(queues, STREAM, "POSIX mq", queues_finish),
      SIDE(queues, STREAM_4K, "POSIX mq", queues_finish),
      SIDE(queues, QUEUE, "POSIX mq", queues_finish),
      SIDE(queues, TRIP_BLOCK, "POSIX mq", queues_finish),
      SIDE(queues, TRIP_SLEEP, "POSIX mq", queues_finish)};

  return side_of(sides, what);
}
