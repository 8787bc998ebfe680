/* SPDX-License-Identifier: MIT */

/* An object on plain memory, and processes that are only structs: core code
 * with nothing of an operating system around it. Peers die when the test says
 * so, and what the kernel would do then (give their slots free) is done here.
 */

#ifndef UVSHM_TEST_FAKE_H_
#define UVSHM_TEST_FAKE_H_

#include "core/control.h"
#include "core/core.h"
#include "core/lane.h"
#include "core/lock.h"

#include <uv.h>

#define FAKE_PEERS 8
#define FAKE_LANES 40
#define FAKE_OBJECTS 16

struct fake_sleeper;

/* Another process, as long as `alive`. */
struct fake_peer {
  struct uvshm__core core;
  uvshm__a64_t exists;
  struct fake* fake;
  uint32_t alive;
};

struct fake {
  unsigned char* memory;
  uint64_t memory_size; /* all of the reserve is there from the start */
  struct uvshm__control control;
  struct uvshm__env env;
  struct fake_peer peers[FAKE_PEERS];
  uint32_t claimed_by[FAKE_PEERS]; /* slot + 1 of who repairs after it */
  uvshm__a32_t wakes;              /* calls of env->wake */
  uvshm__a32_t questions;          /* calls of env->alive */
  uvshm__a32_t clocks;             /* calls of env->now_ms */

  /* When not 0, a sleep ends only by a wake or after this time, however short
   * the slice; `lost` counts those that ended by the time. */
  uint32_t patience_ms;
  uvshm__a32_t lost;

  uv_mutex_t mutex;
  struct fake_sleeper* sleepers;
  uint32_t events[FAKE_LANES]; /* with wakes_lanes: one auto-reset event each */
};

/* Make an object of `kind` with the numbers above; a segment has a directory, a
 * mutex has a lock in its root. */
void fake_make(struct fake* fake, uint32_t kind);

/* The same with `size` bytes of the caller's, and room for `max_size`. */
void fake_make_sized(struct fake* fake,
                     uint32_t kind,
                     uint64_t size,
                     uint64_t max_size);
void fake_free(struct fake* fake);

/* A process attaches in `slot`. */
struct fake_peer* fake_join(struct fake* fake, uint32_t slot);

/* It is killed: the kernel takes back what it had, nothing else happens. */
void fake_kill(struct fake_peer* peer);

/* A new process gets its slot, when no repairer has it. */
void fake_revive(struct fake_peer* peer);

/* The lock in the root. */
struct uvshm__lock* fake_root(struct fake* fake);

/* Word `i` of the root's second half, for tests to protect. */
uvshm__a64_t* fake_cell(struct fake* fake, uint32_t i);
uint64_t fake_cell_offset(uint32_t i);

/* What a random number generator of a test starts from: $UVSHM_TEST_SEED or the
 * clock. Printed. */
uint64_t fake_seed(void);
uint64_t fake_random(uint64_t* state);

#endif /* UVSHM_TEST_FAKE_H_ */
