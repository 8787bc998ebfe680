/* SPDX-License-Identifier: MIT */

/* Our channels: of each row two, there and back, in one segment. The first
 * process reads line 0 and writes line 1, the second the other way round. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"

#include <stdio.h>
#include <uv.h>

#define BATCH 64u
#define ROWS (BENCH_TRIP_SLEEP - BENCH_STREAM + 1)

static uvshm_segment_t* kept; /* so that it outlives the children */
static uvshm_channel_t* kept_lines[2];
static uvshm_segment_t* segment;
static uvshm_channel_t* lines[2];
static enum bench_what row;
static uint64_t patience = UVSHM_FOREVER;

static const char* const names[2] = {"there", "back"};


static int must(int code, const char* what) {
  if (code >= 0) return code;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
  return code;
}


static uint32_t kind_of(enum bench_what what) {
  if (what == BENCH_QUEUE) return UVSHM_CHANNEL_QUEUE;
  if (what == BENCH_TOPIC) return UVSHM_CHANNEL_TOPIC | UVSHM_CHANNEL_LOSSLESS;
  return UVSHM_CHANNEL_STREAM;
}


static int prepare(enum bench_what what) {
  uvshm_segment_options_t segment_options;
  uvshm_channel_options_t options;
  int err;
  int i;

  row = what;
  segment = NULL;
  patience = what == BENCH_TRIP_POLL ? 0 : UVSHM_FOREVER;
  memset(&segment_options, 0, sizeof(segment_options));
  segment_options.flags = UVSHM_CREATE;
  segment_options.size = 64u << 20;
  memset(&options, 0, sizeof(options));
  options.flags = kind_of(what);
  options.size_max = load_message(what);
  options.messages = load_depth(what);
  err = uvshm_segment_open(&kept, bench_name("line"), &segment_options);
  for (i = 0; i < 2 && err >= 0; i++)
    err = uvshm_channel_open(&kept_lines[i], kept, names[i], &options);
  return err;
}


static int open_it(void) {
  return uvshm_segment_open(&segment, bench_name("line"), NULL);
}


/* With the first message: process `me` takes its ends. */
static void take_ends(uint32_t me) {
  uvshm_channel_options_t options;
  uint32_t i;

  for (i = 0; i < 2; i++) {
    memset(&options, 0, sizeof(options));
    options.flags = kind_of(row) | UVSHM_EXISTING;
    options.flags |= (i == 0) == (me == 1) ? UVSHM_READER
                                           : UVSHM_WRITER | UVSHM_CHANNEL_AWAIT;
    must(uvshm_channel_open(&lines[i], segment, names[i], &options), "open");
  }
}


static void close_it(void) {
  uvshm_channel_close(lines[0]);
  uvshm_channel_close(lines[1]);
  uvshm_segment_close(segment);
}


static void finish(void) {
  uvshm_channel_close(kept_lines[0]);
  uvshm_channel_close(kept_lines[1]);
  uvshm_segment_close(kept);
}

/* ---- one by one ---------------------------------------------------------- */

static void send_each(uint32_t line, unsigned char* messages, size_t count) {
  size_t size = load_message(row);
  int err;

  for (; count > 0; count--) {
    do err = uvshm_channel_send(lines[line], messages, size, patience);
    while (err == UV_EAGAIN);
    must(err, "send");
  }
}


static void recv_each(uint32_t line, unsigned char* messages, size_t count) {
  size_t size;
  int err;

  for (; count > 0; count--) {
    do {
      size = load_message(row);
      err = uvshm_channel_recv(lines[line], messages, &size, patience);
    } while (err == UV_EAGAIN);
    must(err, "recv");
  }
}

static const struct load_line each = {send_each, recv_each};

/* ---- 64 at once ---------------------------------------------------------- */

static void describe(uvshm_message_t* list,
                     unsigned char* messages,
                     size_t count) {
  size_t i;

  for (i = 0; i < count; i++) {
    list[i].bytes = messages + i * load_message(row);
    list[i].size = load_message(row);
  }
}


static void send_batch(uint32_t line, unsigned char* messages, size_t count) {
  uvshm_message_t list[BATCH];
  size_t done;

  for (; count > 0; count -= done) {
    done = count;
    describe(list, messages, count);
    must(uvshm_channel_send_many(lines[line], list, &done, patience), "send");
  }
}


static void recv_batch(uint32_t line, unsigned char* messages, size_t count) {
  uvshm_message_t list[BATCH];
  size_t done;

  for (; count > 0; count -= done) {
    done = count;
    describe(list, messages, count);
    must(uvshm_channel_recv_many(lines[line], list, &done, patience), "recv");
  }
}

static const struct load_line batches = {send_batch, recv_batch};

/* ---- in place ------------------------------------------------------------ */

static void send_loan(uint32_t line, unsigned char* messages, size_t count) {
  size_t size = load_message(row);
  void* place;

  for (; count > 0; count--) {
    must(uvshm_channel_claim(lines[line], &place, size, patience), "claim");
    memcpy(place, messages, 64);
    must(uvshm_channel_commit(lines[line], place, size), "commit");
  }
}


static void recv_loan(uint32_t line, unsigned char* messages, size_t count) {
  const void* place;
  size_t size;

  for (; count > 0; count--) {
    must(uvshm_channel_peek(lines[line], &place, &size, patience), "peek");
    memcpy(messages, place, 64);
    must(uvshm_channel_release(lines[line], place), "release");
  }
}

static const struct load_line loans = {send_loan, recv_loan};

/* ---- the rows ------------------------------------------------------------ */

static void turn(const struct load_line* how, uint64_t count, uint32_t me) {
  if (lines[0] == NULL) take_ends(me);
  load_turn(how, row, count, me);
}

#define ROW(WHAT, HOW)                                                         \
 static int WHAT##_prepare(void) {                                             \
  return prepare(BENCH_##WHAT);                                                \
 }                                                                             \
 static void WHAT##_turn(uint64_t count, uint32_t me) {                        \
  turn(&HOW, count, me);                                                       \
 }

ROW(STREAM, each)
ROW(STREAM_BATCH, batches)
ROW(STREAM_4K, each)
ROW(STREAM_1M, each)
ROW(LOAN_1M, loans)
ROW(QUEUE, each)
ROW(TOPIC, each)
ROW(TRIP_POLL, each)
ROW(TRIP_BLOCK, each)
ROW(TRIP_SLEEP, each)

#define SIDE(WHAT)                                                             \
 [BENCH_##WHAT - BENCH_STREAM] = {                                             \
     "uvshm", WHAT##_prepare, open_it, NULL, WHAT##_turn, close_it, finish, 0}


const struct bench_side* bench_uvshm_channel(enum bench_what what) {
  static const struct bench_side sides[ROWS] = {SIDE(STREAM),
                                                SIDE(STREAM_BATCH),
                                                SIDE(STREAM_4K),
                                                SIDE(STREAM_1M),
                                                SIDE(LOAN_1M),
                                                SIDE(QUEUE),
                                                SIDE(TOPIC),
                                                SIDE(TRIP_POLL),
                                                SIDE(TRIP_BLOCK),
                                                SIDE(TRIP_SLEEP)};

  return &sides[what - BENCH_STREAM];
}
