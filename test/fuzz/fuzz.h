/* SPDX-License-Identifier: MIT */

/* Any bytes, in any segment, at any time: nothing crashes, hangs or reads where
 * nothing is mapped.
 *
 * An input is a list of commands. Each is a byte that picks it, and its
 * arguments. Some commands damage the segment, the others are the library's
 * calls. The same table serves libFuzzer (fuzz-*.c) and the harness in which
 * another thread damages meanwhile (stress-scribble.c).
 */

#ifndef UVSHM_TEST_FUZZ_FUZZ_H_
#define UVSHM_TEST_FUZZ_FUZZ_H_

#include "core/channel.h"
#include "core/directory.h"
#include "core/txn.h"
#include "fake.h"

#include <stddef.h>
#include <stdint.h>

/* Zeros after the end. */
struct fuzz_input {
  const uint8_t* at;
  const uint8_t* end;
};

uint32_t fuzz_u8(struct fuzz_input* input);
uint32_t fuzz_u16(struct fuzz_input* input);
uint32_t fuzz_u32(struct fuzz_input* input);
uint64_t fuzz_u64(struct fuzz_input* input);

/* A number that is likely to hurt, or any. */
uint64_t fuzz_number(struct fuzz_input* input);

#define FUZZ_PEERS 3u /* alive, one lane each */
#define FUZZ_MUTEXES 3u
#define FUZZ_CHANNELS 3u /* one of each kind */

struct fuzz_end {
  struct uvshm__channel channel;
  struct uvshm__channel_end end;
  uint32_t joined;
  uvshm_message_t held; /* peeked last */
};

struct fuzz_world {
  struct fake fake;
  struct uvshm__lane lanes[FUZZ_PEERS];
  uint32_t lane_claimed[FUZZ_PEERS];
  struct uvshm__directory_ref mutexes[FUZZ_MUTEXES];
  struct uvshm__directory_ref sem;
  struct uvshm__directory_ref map;
  uint64_t shards; /* of the map: where they are */
  struct uvshm__directory_ref channels[FUZZ_CHANNELS];
  uint64_t channel_blocks[FUZZ_CHANNELS];
  struct uvshm__directory_ref cell;
  uint64_t cell_block;
  struct fuzz_end ends[FUZZ_CHANNELS][FUZZ_PEERS][2]; /* readers, writers */
  uint64_t clock_ms;
  uint32_t waits;
  uint32_t is_over;   /* one peer is left, so nothing more is called */
  uint64_t blocks[8]; /* ops_heap.c: what was allocated */
  struct uvshm__txn txns[FUZZ_PEERS];
};

typedef void (*fuzz_op)(struct fuzz_world* world, struct fuzz_input* input);

struct fuzz_table {
  const fuzz_op* ops;
  uint32_t count;
};

/* One for each structure, in the file of its name. */
extern const struct fuzz_table fuzz_damage;
extern const struct fuzz_table fuzz_core;
extern const struct fuzz_table fuzz_heap;
extern const struct fuzz_table fuzz_txn;
extern const struct fuzz_table fuzz_map;
extern const struct fuzz_table fuzz_channel;
extern const struct fuzz_table fuzz_cell;

/* One of the calls above, by a peer that is killed at one of its stores. */
extern const struct fuzz_table fuzz_death;

/* While not 0, all calls are made by peer `fuzz_only` - 1. */
extern uint32_t fuzz_only;

/* The world as it is before any command; made once. */
struct fuzz_world* fuzz_world(void);

/* Afresh, then all commands of the input (at most `commands`). */
void fuzz_run(const uint8_t* bytes, size_t size, uint32_t commands);

/* Only the calls, not the damage, on the world as it is: for when somebody else
 * damages it. */
void fuzz_call(struct fuzz_input* input);

/* As fuzz_run() begins. */
void fuzz_reset(void);

struct uvshm__core* fuzz_core_of(struct fuzz_world* world, uint32_t peer);

/* ops_channel.c, ops_cell.c: parts of making the world. */
void fuzz_make_channels(struct fuzz_world* world);
void fuzz_make_cell(struct fuzz_world* world);

/* A peer's lane, or NULL when it has none. */
struct uvshm__lane* fuzz_lane(struct fuzz_world* world, uint32_t peer);

#endif /* UVSHM_TEST_FUZZ_FUZZ_H_ */
