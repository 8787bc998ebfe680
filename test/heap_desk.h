/* SPDX-License-Identifier: MIT */

/* A heap on plain memory, with one peer in it. */

#ifndef UVSHM_TEST_HEAP_DESK_H_
#define UVSHM_TEST_HEAP_DESK_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/heap.h"
#include "core/heap_inside.h"
#include "core/reset.h"
#include "uvshm/error.h"
#include "uvshm/name.h"
#include "fake.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

struct world {
  struct fake fake;
  struct fake_peer* peer;
  const struct uvshm__core* core;
  struct uvshm__lane lane;
  uint64_t random;
};


static inline void make(struct world* world, uint64_t size, uint64_t max_size) {
  memset(world, 0, sizeof(*world));
  fake_make_sized(&world->fake, UVSHM_KIND_SEGMENT, size, max_size);
  world->peer = fake_join(&world->fake, 1);
  world->core = &world->peer->core;
  world->random = fake_seed();
  assert_int_equal(uvshm__lane_claim(world->core, &world->lane), 0);
}


static inline void check(const struct world* world) {
  if (uvshm__core_check(world->core, UVSHM_KIND_SEGMENT) != 0)
    fail_msg("%s", uvshm_error_detail());
}


static inline void unmake(struct world* world) {
  check(world);
  fake_free(&world->fake);
}


static inline uint64_t get(struct world* world, uint64_t size) {
  uint64_t ref = 0;

  assert_int_equal(
      uvshm__heap_alloc(
          &world->lane, size, 0, uvshm__heap_me(world->core), &ref),
      0);
  return ref;
}


static inline struct uvshm__heap_facts facts_of(const struct world* world) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(world->core, &facts);
  return facts;
}

#endif /* UVSHM_TEST_HEAP_DESK_H_ */
