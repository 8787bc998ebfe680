/* SPDX-License-Identifier: MIT */

/* A death at every store of a loop that watches, and of who rings it; then at
 * every store of the repair. Nothing of a dead watcher's bell is left, how it
 * ended is known, and a change that was made is there to be found.
 *
 * That no wake is lost between the living is shown by models/bell.pml.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/peer.h"
#include "core/reap.h"
#include "core/signal.h"
#include "lab/world.h"

#define LOOP 3u   /* number of the actor's loop */
#define OTHER 0u  /* of the bystander's */
#define VALUE 0u  /* the cell that is watched */
#define SIGNAL 1u /* two cells: its signal */
#define HUSHED 3u /* 1: the actor's bells were removed */
#define RUNG 4u   /* 1: the bystander's loop was */

static struct {
  struct world world; /* first: callbacks are given its address */
  uint32_t generation;
} lab;

static struct uvshm__core* core_of(uint32_t slot) {
  return world_core(&lab.world, slot);
}


static struct uvshm__signal* signal_of_it(void) {
  return (struct uvshm__signal*) fake_cell(&lab.world.fake, SIGNAL);
}


static struct uvshm__peer* peer(uint32_t slot) {
  return uvshm__core_peer(core_of(WORLD_SECOND), slot);
}


/* In shared memory, since a death does not take back what was done outside. */
static void tell_loops(uint32_t what) {
  uvshm__a64_store_release(fake_cell(&lab.world.fake, what), 1);
}


static int told(uint32_t what) {
  return uvshm__a64_load_relaxed(fake_cell(&lab.world.fake, what)) != 0;
}


static void ring(void* arg,
                 uint32_t slot,
                 uint32_t generation,
                 uint32_t loops) {
  (void) arg;
  (void) generation;
  if (slot == WORLD_BYSTANDER && loops == 1u << OTHER) tell_loops(RUNG);
}


static void hush(void* arg, uint32_t slot, uint32_t count) {
  (void) arg;
  if (slot == WORLD_ACTOR && count == LOOP + 1) tell_loops(HUSHED);
}


/* The actor has a bell already, as after its first watch; the bystander's loop
 * sleeps. */
static void build(void* world) {
  (void) world;
  world_build(&lab.world, 0, 0);
  lab.world.fake.env.ring = ring;
  lab.world.fake.env.hush = hush;
  lab.generation = core_of(WORLD_ACTOR)->generation;
  uvshm__a32_store_relaxed(&peer(WORLD_ACTOR)->bells, LOOP + 1);
  uvshm__a32_store_relaxed(&peer(WORLD_BYSTANDER)->bells, OTHER + 1);
  uvshm__signal_watch(core_of(WORLD_BYSTANDER), signal_of_it());
  uvshm__bell_arm(core_of(WORLD_BYSTANDER), OTHER);
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}

/* ---- what the actor does ------------------------------------------------- */

static void watch_and_sleep(void* world) {
  struct uvshm__core* core = core_of(WORLD_ACTOR);

  (void) world;
  uvshm__signal_watch(core, signal_of_it());
  uvshm__bell_arm(core, LOOP);
  lab_done();
  uvshm__bell_disarm(core, LOOP);
  uvshm__bell_arm(core, LOOP);
}


static void change_and_ring(void* world) {
  (void) world;
  uvshm__a64_store_release(fake_cell(&lab.world.fake, VALUE), 1);
  uvshm__signal_raise(core_of(WORLD_ACTOR), signal_of_it(), 0);
  lab_done();
}

/* ---- what must be true afterwards ---------------------------------------- */

static void verify_actor(void) {
  const struct uvshm__peer* actor = peer(WORLD_ACTOR);

  lab_check(uvshm__a32_load_relaxed(&actor->bell) == 0, "a bit of the dead");
  lab_check(uvshm__a32_load_relaxed(&actor->bells) == 0, "a bell of the dead");
  lab_check(told(HUSHED), "nobody removed the bells");
  lab_check(uvshm__a32_load_relaxed(&actor->died) == lab.generation,
            "nobody knows that it died");
}


static void verify_watcher(void* world, uint32_t done) {
  (void) done;
  verify_actor();
  lab_check(
      uvshm__a32_load_relaxed(&peer(WORLD_BYSTANDER)->bell) == 1u << OTHER,
      "a live loop's bit is gone");
  world_verify(world);
}


/* Killed after it cleared the bit, before it rang: the look that comes once a
 * second finds the change. */
static void verify_changer(void* world, uint32_t done) {
  uint32_t bit = uvshm__a32_load_relaxed(&peer(WORLD_BYSTANDER)->bell);
  uint64_t value = uvshm__a64_load_relaxed(fake_cell(&lab.world.fake, VALUE));

  verify_actor();
  lab_check(done == 0 || told(RUNG), "done, and nobody was rung");
  lab_check(bit != 0 || value != 0, "a bit was cleared without a change");
  world_verify(world);
}


static void prove(const char* name,
                  void (*run)(void* world),
                  void (*verify)(void* world, uint32_t done)) {
  struct lab_case op;

  memset(&op, 0, sizeof(op));
  op.name = name;
  op.build = build;
  op.run = run;
  op.die = world_die;
  op.repair = world_repair;
  op.verify = verify;
  op.end = world_end;
  lab_prove(&op, &lab.world);
}


static void watcher_dies(void** state) {
  (void) state;
  prove("watch and sleep", watch_and_sleep, verify_watcher);
}


static void changer_dies(void** state) {
  (void) state;
  prove("change and ring", change_and_ring, verify_changer);
}


int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(watcher_dies),
                                     cmocka_unit_test(changer_dies)};

  return cmocka_run_group_tests_name("crash-bell", tests, NULL, NULL);
}
