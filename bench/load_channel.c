/* SPDX-License-Identifier: MIT */

/* What a row of channels is, the same for all sides. */

#include "load.h"

/* Longer than anybody spins, shorter than anybody's patience. */
#define PAUSE_NS 50000u

static unsigned char messages[1u << 20];


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


static void trip(const struct load_line* line, uint64_t count, uint32_t me) {
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
      bench_rest(PAUSE_NS);
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
