/* SPDX-License-Identifier: MIT */

/* What a row of channels is, the same for all sides. */

#include "load.h"

size_t load_size_of_stream;
uint32_t* load_trips_ns;

static unsigned char messages[LOAD_MESSAGE_MAX];


static void stream(const struct load_line* line,
                   size_t batch,
                   uint64_t count,
                   uint32_t me) {
  size_t now;

  for (; count > 0; count -= now) {
    now = count < batch ? (size_t) count : batch;
    if (me == 1)
      line->recv(0, messages, now);
    else
      line->send(0, messages, now);
    __asm__ volatile("" : : "r"(messages) : "memory");
  }
}


/* As trip() of the second process, with a look at the clock after each. */
static void timed_trip(const struct load_line* line, uint64_t count) {
  uint64_t before = bench_now_ns();
  uint64_t now;
  uint64_t i;

  for (i = 0; i < count; i++) {
    line->send(0, messages, 1);
    line->recv(1, messages, 1);
    now = bench_now_ns();
    load_trips_ns[i] =
        now - before < UINT32_MAX ? (uint32_t) (now - before) : UINT32_MAX;
    before = now;
  }
}


static void trip(const struct load_line* line, uint64_t count, uint32_t me) {
  if (me == 2 && load_trips_ns != NULL) {
    timed_trip(line, count);
    return;
  }
  while (count-- > 0) {
    if (me == 2) line->send(0, messages, 1);
    line->recv(me == 2, messages, 1);
    if (me == 1) line->send(1, messages, 1);
  }
}


/* The message says when it was sent; the sender lets the other fall asleep,
 * and knows from a word apart that it has been there. */
static void sleeping(const struct load_line* line,
                     uint64_t count,
                     uint32_t me) {
  struct bench_ground* ground = bench_ground;
  uint64_t stamp;
  uint64_t seen;

  while (count-- > 0) {
    seen = __atomic_load_n(&ground->handoffs, __ATOMIC_ACQUIRE);
    if (me == 1) {
      line->recv(0, messages, 1);
      memcpy(&stamp, messages, sizeof(stamp));
      ground->waited_ns = ground->waited_ns + (bench_now_ns() - stamp);
      __atomic_store_n(&ground->handoffs, seen + 1, __ATOMIC_RELEASE);
    } else {
      bench_rest(LOAD_PAUSE_NS);
      stamp = bench_now_ns();
      memcpy(messages, &stamp, sizeof(stamp));
      line->send(0, messages, 1);
      while (__atomic_load_n(&ground->handoffs, __ATOMIC_ACQUIRE) == seen)
        continue;
    }
  }
}


void load_turn(const struct load_line* line,
               enum bench_what what,
               uint64_t count,
               uint32_t me) {
  if (what == BENCH_TRIP_SLEEP || what == BENCH_LOOP)
    sleeping(line, count, me);
  else if (what == BENCH_TRIP_POLL || what == BENCH_TRIP_BLOCK)
    trip(line, count, me);
  else
    stream(line, load_batch(what), count, me);
}
