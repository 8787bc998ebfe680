/* SPDX-License-Identifier: MIT */

/* What the structures are asked to do, the same for all sides. */

#ifndef UVSHM_BENCH_LOAD_H_
#define UVSHM_BENCH_LOAD_H_

#include "bench.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Heap: blocks that live at the same time, replaced at random by others of 16
 * to 1024 bytes. */
#define LOAD_BLOCKS 4096u
#define LOAD_HEAP_SIZE (64u << 20)

struct load_heap {
  void* blocks[LOAD_BLOCKS];
  uint64_t random;
};

/* xorshift64. */
static inline uint64_t load_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}


static inline size_t load_size(uint64_t random) {
  return 16 + (random >> 20) % 1009;
}


/* Map: 8-byte keys, 64-byte values, visited in an order that is neither that of
 * their making nor one that a cache likes. */
#define LOAD_KEYS 65536u
#define LOAD_VALUE 64u
#define LOAD_MAP_SIZE (64u << 20)

static inline uint64_t load_key(uint64_t index) {
  return (index % LOAD_KEYS * 7919 % LOAD_KEYS + 1) *
         UINT64_C(0x9e3779b97f4a7c15);
}


static inline void load_value(unsigned char* value, uint64_t key) {
  memset(value, (int) (key & 0x7f), LOAD_VALUE);
}

/* Channels: how large a message is, how many there is room for, and how many
 * are sent at once. */
#define LOAD_MESSAGE_MAX (1u << 20)
#define LOAD_RING (4u << 20)

/* Instead of 64, of BENCH_STREAM; 0: 64 it is. (load_channel.c) */
extern size_t load_size_of_stream;

static inline size_t load_message(enum bench_what what) {
  if (what == BENCH_STREAM && load_size_of_stream != 0)
    return load_size_of_stream;
  if (what == BENCH_STREAM_4K) return 4096;
  if (what == BENCH_STREAM_1M || what == BENCH_LOAN_1M) return 1u << 20;
  return 64;
}


static inline size_t load_depth(enum bench_what what) {
  size_t fit = LOAD_RING / load_message(what);

  if (what == BENCH_STREAM) return fit < 1024 ? fit : 1024;
  if (what == BENCH_STREAM_4K) return 64;
  if (what == BENCH_STREAM_1M || what == BENCH_LOAN_1M) return 4;
  return 1024;
}


static inline size_t load_batch(enum bench_what what) {
  return what == BENCH_STREAM_BATCH ? 64 : 1;
}

/* How long somebody is left to fall asleep: longer than anybody spins, shorter
 * than anybody's patience. The same for all, since who has slept for longer
 * wakes up later: 50 us instead of 30 cost a bare futex 3 %. */
#define LOAD_PAUSE_NS 50000u

/* What the rows of channels do, over two lines of messages: `send` and `recv`
 * pass `count` messages of load_message(), waiting as long as it takes. Line 0
 * goes from the second process to the first, line 1 back. (load_channel.c) */
struct load_line {
  void (*send)(uint32_t line, unsigned char* messages, size_t count);
  void (*recv)(uint32_t line, unsigned char* messages, size_t count);
};

/* How long each round trip of the last load_turn() took, in memory that all
 * share; NULL: nobody wants to know. (load_channel.c) */
extern uint32_t* load_trips_ns;

void load_turn(const struct load_line* line,
               enum bench_what what,
               uint64_t count,
               uint32_t me);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_BENCH_LOAD_H_ */
