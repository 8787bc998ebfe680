/* SPDX-License-Identifier: MIT */

/* Tokens in boxes, for stress-tokens.c. A box is a set of tokens, kept in one
 * of the structures that a segment has. */

#ifndef UVSHM_TEST_TOKENS_H_
#define UVSHM_TEST_TOKENS_H_

#include "uvshm.h"

#include <stdint.h>

#define TOKENS 48u
#define TOKEN_LOCKS 4u
#define TOKEN_WORKERS 8u

struct tokens;

/* What a kind of box can do. Results are uvshm's; a call that could not be made
 * for want of room says UV_ENOSPC and has changed nothing. */
struct box_kind {
  int (*open)(struct tokens* tokens, uint32_t box);
  void (*close)(struct tokens* tokens, uint32_t box);
  int (*has)(struct tokens* tokens, uint32_t box, uint32_t token); /* 1, 0 */
  int (*put)(struct tokens* tokens, uint32_t box, uint32_t token);
  int (*remove)(struct tokens* tokens, uint32_t box, uint32_t token);
};

extern const struct box_kind box_txn;  /* tokens_txn.c */
extern const struct box_kind box_heap; /* tokens_heap.c */
extern const struct box_kind box_map;  /* tokens_map.c */

#define BOXES 6u

/* One process's handles. */
struct tokens {
  uvshm_segment_t* segment;
  uvshm_mutex_t* locks[TOKEN_LOCKS];
  void* boxes[BOXES];      /* each kind's own */
  uvshm_ref_t* board_slot; /* root of the moves' counters */
  volatile uint64_t* moves;
  uint64_t random;
};

/* The parent: make it all, every token in box 0. NULL, or what failed. */
const char* tokens_make(struct tokens* tokens, const char* name);
void tokens_close(struct tokens* tokens);

/* Is every token somewhere, and every box well? */
const char* tokens_audit(struct tokens* tokens);

/* Moves that worker has made, in all its lives. */
uint64_t tokens_moves(const struct tokens* tokens, uint32_t worker);

/* The role: segment's name, worker, seed. Moves until it is killed. */
int tokens_mover(int argc, char** argv);

#endif /* UVSHM_TEST_TOKENS_H_ */
