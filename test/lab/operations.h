/* SPDX-License-Identifier: MIT */

/* A crash test that is a list of operations, each of which is repaired in
 * several ways. An operation is a case of cmocka. */

#ifndef UVSHM_TEST_LAB_OPERATIONS_H_
#define UVSHM_TEST_LAB_OPERATIONS_H_

#include "core/reap.h"
#include "lab/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A way to repair, and what must be true after it. */
struct way {
  const char* name; /* NULL ends a list */
  void (*repair)(void* world, enum lab_who who);
  void (*verify)(void* world, uint32_t done);
};

struct operation {
  const char* name;
  void (*build)(void* world);
  void (*run)(void* world);
  void (*verify)(void* world, uint32_t done); /* NULL: that of the way */
};

/* What the cases of a program share. */
struct operations {
  const struct way* ways;
  void (*die)(void* world, enum lab_who who);
  struct world* world;
};


/* The part that whoever is blocked does first, and the rest. */
static inline void repair_in_two_parts(void* world, enum lab_who who) {
  struct uvshm__core* core = world_core(world, world_slot(who));

  if (who == LAB_SECOND) {
    world_repair(world, who);
    return;
  }
  (void) uvshm__reap_locks(core, WORLD_ACTOR);
  (void) uvshm__reap(core, WORLD_ACTOR);
}


static inline void operations_prove(const struct operations* all,
                                    const struct operation* operation) {
  const struct way* way;
  struct lab_case op;
  char name[64];

  memset(&op, 0, sizeof(op));
  op.name = name;
  op.build = operation->build;
  op.run = operation->run;
  op.die = all->die;
  op.end = world_end;
  for (way = all->ways; way->name != NULL; way++) {
    snprintf(name, sizeof(name), "%s, %s", operation->name, way->name);
    op.repair = way->repair;
    op.verify = operation->verify != NULL ? operation->verify : way->verify;
    lab_prove(&op, all->world);
  }
}


/* `count` cases, each of which calls `prove` with its operation as state. */
static inline void operations_list(struct CMUnitTest* tests,
                                   const struct operation* operations,
                                   size_t count,
                                   CMUnitTestFunction prove) {
  size_t i;

  memset(tests, 0, count * sizeof(*tests));
  for (i = 0; i < count; i++) {
    tests[i].name = operations[i].name;
    tests[i].test_func = prove;
    tests[i].initial_state = (void*) (uintptr_t) &operations[i];
  }
}

#endif /* UVSHM_TEST_LAB_OPERATIONS_H_ */
