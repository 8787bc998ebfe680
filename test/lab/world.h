/* SPDX-License-Identifier: MIT */

/* The usual world of a crash test: a segment in plain memory (test/fake.h) and
 * the peers that the lab talks of. A test adds what it wants to the struct's
 * end, and calls these from its callbacks. */

#ifndef UVSHM_TEST_LAB_WORLD_H_
#define UVSHM_TEST_LAB_WORLD_H_

#include "core/lane.h"
#include "fake.h"
#include "lab/lab.h"

#include <stdint.h>

/* Slots. */
#define WORLD_ACTOR 0u     /* who does the operation and dies */
#define WORLD_REPAIRER 1u  /* LAB_REPAIRER */
#define WORLD_SECOND 2u    /* LAB_SECOND, and who looks at it all afterwards */
#define WORLD_BYSTANDER 3u /* a live peer that does nothing meanwhile */
#define WORLD_EARLIER 4u   /* joined only by world_join_earlier() */

/* Stands first in what a test adds to it. */
struct world {
  struct fake fake;
  struct uvshm__lane actor; /* lanes of the peers of these names */
  struct uvshm__lane bystander;
  struct uvshm__lane earlier;
};

/* A segment with room for `size` bytes of the caller's, growing up to
 * `max_size`; the peers joined and the lanes claimed. Make more in it, then
 * world_ready(). */
void world_build(struct world* world, uint64_t size, uint64_t max_size);
void world_ready(struct world* world);

/* For lab_case: end. */
void world_end(void* world);

/* One that dies together with the actor. */
void world_join_earlier(struct world* world);

struct uvshm__core* world_core(struct world* world, uint32_t slot);

/* Blocks of the heap, as who looks at it all sees them. */
uint64_t world_blocks(struct world* world);

/* lab_check() that a call of the library went well. */
void world_ok(int err, const char* what);

/* For lab_case: die; and repair as uvshm__reap_all() does. */
void world_die(void* world, enum lab_who who);
void world_repair(void* world, enum lab_who who);
uint32_t world_slot(enum lab_who who);

/* For verify: check passes; no peer, lane or open bit of the dead is left; the
 * directory's lock is free; lanes and names can still be had. */
void world_verify(struct world* world);

/* A case of cmocka: all deaths of an operation in `world`. `start`, `run`,
 * `is_well` and `read` are those of lab_case. */
#define WORLD_CASE(name, world, start, run, is_well, read)                     \
 static void name(void** state) {                                              \
  struct lab_case op = {                                                       \
      #name, start, run, world_die, world_repair, is_well, read, world_end};   \
                                                                               \
  (void) state;                                                                \
  lab_prove(&op, world);                                                       \
 }

#endif /* UVSHM_TEST_LAB_WORLD_H_ */
