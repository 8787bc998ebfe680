/* SPDX-License-Identifier: MIT */

/* A death at every store of everything that core does with peers, lanes, locks,
 * semaphores and the directory, then a death at every store of the repair, then
 * a repair that lives: and nothing is lost, nothing is half done, nobody is
 * blocked, and whoever comes next is told what he must be told.
 *
 * One process runs at a time here. What happens when others run meanwhile is
 * shown by the models (models/) and by the kill storms.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/sem.h"
#include "lab/operations.h"
#include "lab/world.h"
#include "uvshm/name.h"

#define MUTEXES 4u
#define CELLS 4u
#define FIRST_VALUE 100u
#define LAST_VALUE 200u
#define UNITS 5u

static struct {
  struct world world; /* first: callbacks are given its address */
  struct uvshm__directory_ref mutexes[MUTEXES];
  struct uvshm__directory_ref sem;
  uint32_t words[MUTEXES]; /* at the moment of death */
  uint32_t committed;      /* the log counted then */
} lab;

static struct uvshm__core* core_of(uint32_t slot) {
  return world_core(&lab.world, slot);
}


static struct uvshm__lock* mutex(uint32_t i) {
  return uvshm__directory_body(core_of(WORLD_SECOND), lab.mutexes[i].index);
}


static struct uvshm__sem* sem(void) {
  return uvshm__directory_body(core_of(WORLD_SECOND), lab.sem.index);
}


static uvshm__a64_t* cell(uint32_t i) {
  return fake_cell(&lab.world.fake, i);
}

/* ---- the world before the death ------------------------------------------ */

static void make_named(const char* name,
                       uint32_t type,
                       uint32_t value,
                       struct uvshm__directory_ref* ref) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {name, 0, type, 1, body, {0}};
  int made = 0;

  if (type == UVSHM__TYPE_SEM)
    uvshm__sem_format((struct uvshm__sem*) body, value);
  spec.name_size = (uint32_t) strlen(name);
  lab_check(
      uvshm__directory_make(&lab.world.bystander, &spec, 0, ref, &made) == 0 &&
          uvshm__directory_open(core_of(WORLD_ACTOR), ref) == 0,
      "cannot make %s: %s",
      name,
      uvshm__error_text());
}


static void build_world(void) {
  static const char* const names[MUTEXES] = {"m0", "m1", "m2", "bystander's"};
  uint32_t i;

  world_build(&lab.world, 0, 0);
  for (i = 0; i < MUTEXES; i++)
    make_named(names[i], UVSHM__TYPE_MUTEX, 0, &lab.mutexes[i]);
  make_named("units", UVSHM__TYPE_SEM, UNITS, &lab.sem);
  lab_check(
      uvshm__lock_acquire(&lab.world.bystander, mutex(3), 0, 0, NULL) == 0,
      "the bystander gets no lock");
  for (i = 0; i < CELLS; i++)
    uvshm__a64_store_relaxed(cell(i), FIRST_VALUE + i);
}


static void build(void* world) {
  (void) world;
  build_world();
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}


/* Another peer that will die with the actor, and holds what the actor wants. */
static void build_with_earlier(void* world) {
  (void) world;
  build_world();
  world_join_earlier(&lab.world);
  (void) uvshm__lock_acquire(&lab.world.earlier, mutex(1), 0, 0, NULL);
  (void) uvshm__lock_acquire(&lab.world.earlier, mutex(2), 0, 0, NULL);
  (void) uvshm__directory_open(core_of(WORLD_EARLIER), &lab.mutexes[0]);
  fake_kill(&lab.world.fake.peers[WORLD_EARLIER]);
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}


static void build_damaged(void* world) {
  struct uvshm__core* core = core_of(WORLD_ACTOR);

  (void) world;
  build_world();
  uvshm__a32_store_relaxed(&mutex(0)->word, 17);
  uvshm__a32_store_relaxed(&mutex(1)->n, 99);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core, 30)->owner, 0x7ff);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core, 31)->held[0], 16);
  uvshm__a64_store_relaxed(&uvshm__core_entry(core, 0)->state, 9);
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}

/* ---- what the actor does ------------------------------------------------- */

static void lock(uint32_t i) {
  (void) uvshm__lock_acquire(
      &lab.world.actor, mutex(i), 0, UVSHM__LOCK_RECURSIVE, NULL);
}


static void unlock(uint32_t i) {
  (void) uvshm__lock_release(&lab.world.actor, mutex(i));
}


static void lock_and_unlock(void* world) {
  (void) world;
  lock(0);
  unlock(0);
  lock(0);
}


static void unlock_in_any_order(void* world) {
  (void) world;
  lock(0);
  lock(1);
  lock(2);
  unlock(0);
  lock(0);
  unlock(1);
  unlock(2);
  unlock(0);
}


static void recursion(void* world) {
  (void) world;
  lock(0);
  lock(0);
  lock(0);
  unlock(0);
  unlock(0);
  unlock(0);
}


static void busy(void* world) {
  (void) world;
  (void) uvshm__lock_acquire(&lab.world.actor, mutex(3), 0, 0, NULL);
  (void) uvshm__lock_acquire(&lab.world.actor, mutex(3), 1, 0, NULL);
}


static void commit(void* world) {
  uint32_t i;

  (void) world;
  lock(0);
  for (i = 0; i < CELLS; i++)
    uvshm__lock_log(mutex(0), i, fake_cell_offset(i), 8, LAST_VALUE + i);
  uvshm__lock_commit(core_of(WORLD_ACTOR), mutex(0), CELLS);
  unlock(0);
}


static void abandon(void* world) {
  (void) world;
  lock(0);
  (void) uvshm__lock_abandon(&lab.world.actor, mutex(0));
}


static void thread_comes_and_goes(void* world) {
  struct uvshm__lane lane;

  (void) world;
  lock(0);
  if (uvshm__lane_claim(core_of(WORLD_ACTOR), &lane) < 0) return;
  (void) uvshm__lock_acquire(&lane, mutex(1), 0, 0, NULL);
  (void) uvshm__lock_acquire(&lane, mutex(2), 0, 0, NULL);
  uvshm__lane_exit(&lane);
}


static void leave(void* world) {
  (void) world;
  lock(0);
  uvshm__peer_leave(core_of(WORLD_ACTOR), 1);
}


static void leave_and_join(void* world) {
  (void) world;
  uvshm__lane_exit(&lab.world.actor);
  uvshm__peer_leave(core_of(WORLD_ACTOR), 1);
  (void) uvshm__peer_join(core_of(WORLD_ACTOR), 77, "second life", 2);
  (void) uvshm__lane_claim(core_of(WORLD_ACTOR), &lab.world.actor);
  lock(1);
}


static void make(void* world) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {"new", 3, UVSHM__TYPE_SEM, 5, body, {0}};
  struct uvshm__core* core = core_of(WORLD_ACTOR);
  struct uvshm__directory_ref ref;
  int made;

  (void) world;
  if (uvshm__directory_make(&lab.world.actor, &spec, 0, &ref, &made) < 0)
    return;
  if (uvshm__directory_open(core, &ref) < 0) return;
  uvshm__directory_close(core, ref.index);
  (void) uvshm__directory_remove(core, "new", 3);
}


static void remove_while_open(void* world) {
  struct uvshm__core* core = core_of(WORLD_ACTOR);

  (void) world;
  (void) uvshm__directory_remove(core, "m1", 2);
  (void) uvshm__directory_open(core, &lab.mutexes[1]);
  (void) uvshm__directory_remove(core, "m2", 2);
  uvshm__directory_close(core, lab.mutexes[2].index);
}


static void post_and_wait(void* world) {
  (void) world;
  (void) uvshm__sem_post(core_of(WORLD_ACTOR), sem(), 1);
  lab_done();
  (void) uvshm__sem_wait(&lab.world.actor, sem(), 0, NULL);
  lab_done();
  (void) uvshm__sem_post(core_of(WORLD_ACTOR), sem(), 1);
}


static void blocked_by_the_dead(void* world) {
  (void) world;
  (void) uvshm__lock_acquire(&lab.world.actor, mutex(1), 0, 0, NULL);
}


static void blocked_holding_one(void* world) {
  (void) world;
  lock(0);
  (void) uvshm__lock_acquire(&lab.world.actor, mutex(1), 0, 0, NULL);
}


static void repair_after_earlier(void* world) {
  (void) world;
  (void) uvshm__reap_all(core_of(WORLD_ACTOR));
}


static void mend(void* world) {
  (void) world;
  (void) uvshm__core_mend(&lab.world.actor, UVSHM_KIND_SEGMENT);
}

/* ---- the ways to repair -------------------------------------------------- */

static void repair_by_joining(void* world, enum lab_who who) {
  struct fake* fake = &lab.world.fake;
  struct fake_peer* peer = &fake->peers[world_slot(who)];
  struct uvshm__core core = peer->core;

  if (who == LAB_SECOND) {
    world_repair(world, who);
    return;
  }
  if (fake->env.claim(peer, WORLD_ACTOR) != 0) return;
  core.slot = WORLD_ACTOR;
  (void) uvshm__peer_join(&core, 99, "successor", 3);
  uvshm__peer_leave(&core, 1);
  fake->env.unclaim(peer, WORLD_ACTOR);
}


/* As somebody who is blocked does it. */
static void repair_by_waiting(void* world, enum lab_who who) {
  struct uvshm__lane lane;

  if (who == LAB_SECOND) {
    world_repair(world, who);
    return;
  }
  if (uvshm__lane_claim(core_of(world_slot(who)), &lane) < 0) return;
  if (uvshm__lock_acquire(&lane, mutex(0), 0, 0, NULL) >= 0)
    (void) uvshm__lock_abandon(&lane, mutex(0)); /* keeps any news */
  uvshm__lane_exit(&lane);
}

/* ---- what must be true afterwards ---------------------------------------- */

/* Who of the dead holds what, before anybody clears up. */
static void die(void* world, enum lab_who who) {
  uint32_t slot = 0;
  uint32_t i;

  world_die(world, who);
  if (who != LAB_ACTOR) return;
  lab.committed = uvshm__a32_load_relaxed(&mutex(0)->n);
  for (i = 0; i < MUTEXES; i++) {
    lab.words[i] = uvshm__a32_load_relaxed(&mutex(i)->word);
    if (uvshm__lock_judge(
            core_of(WORLD_SECOND), mutex(i), lab.words[i], &slot) ==
            UVSHM__LOCK_OWNED &&
        !lab.world.fake.peers[slot].alive)
      lab.words[i] = UVSHM__LOCK_DIED;
  }
}


static void verify_locks(int exactly) {
  uint32_t word;
  uint32_t i;

  for (i = 0; i < MUTEXES; i++) {
    word = uvshm__a32_load_relaxed(&mutex(i)->word) & ~UVSHM__LOCK_WAITERS;
    if (i == 0 && !exactly)
      lab_check(word == 0 || word == UVSHM__LOCK_DIED, "mutex 0 is not free");
    else
      lab_check(word == (lab.words[i] & ~UVSHM__LOCK_WAITERS),
                "mutex %u says %08x, not %08x",
                (unsigned int) i,
                (unsigned int) word,
                (unsigned int) lab.words[i]);
    lab_check(uvshm__a32_load_relaxed(&mutex(i)->n) == 0, "a log is not done");
    lab_check(uvshm__a32_load_relaxed(&mutex(i)->depth) == 0, "depth is left");
  }
  lab_check((lab.words[3] & ~UVSHM__LOCK_WAITERS) == lab.world.bystander.name,
            "the bystander lost his lock");
}


static void verify_cells(void) {
  uint64_t first = uvshm__a64_load_relaxed(cell(0));
  uint32_t i;

  lab_check(first == FIRST_VALUE || first == LAST_VALUE, "a value of nobody's");
  lab_check(!lab.committed || first == LAST_VALUE, "a commit is lost");
  for (i = 0; i < CELLS; i++)
    lab_check(uvshm__a64_load_relaxed(cell(i)) == first + i, "half a commit");
}


/* `done`: posted, waited, posted again. */
static void verify_units(uint32_t done) {
  static const uint32_t units[] = {UNITS, UNITS + 1, UNITS, UNITS + 1};
  uint32_t value = uvshm__sem_value(sem());

  lab_check(value == units[done] || value == units[done + 1],
            "%u units after %u parts",
            (unsigned int) value,
            (unsigned int) done);
}


/* Life goes on. */
static void verify_life(void) {
  struct uvshm__lane lane;
  uint32_t i;

  lab_check(uvshm__lane_claim(core_of(WORLD_SECOND), &lane) == 0, "no lane");
  for (i = 0; i < MUTEXES - 1; i++) {
    lab_check(uvshm__lock_acquire(&lane, mutex(i), 0, 0, NULL) >= 0,
              "mutex %u cannot be had",
              (unsigned int) i);
    lab_check(uvshm__lock_release(&lane, mutex(i)) == 0, "no release");
  }
  lab_check(uvshm__lock_acquire(&lane, mutex(3), 0, 0, NULL) == UV_EBUSY,
            "the bystander's mutex is not busy");
  uvshm__lane_exit(&lane);
}


static void verify_all(uint32_t done, int exactly) {
  verify_locks(exactly);
  verify_cells();
  verify_units(done);
  world_verify(&lab.world);
  verify_life();
}


static void verify(void* world, uint32_t done) {
  (void) world;
  verify_all(done, 1);
}


static void verify_after_waiting(void* world, uint32_t done) {
  (void) world;
  verify_all(done, 0);
}


/* Half mended, it is mended again. */
static void verify_mended(void* world, uint32_t done) {
  struct uvshm__lane lane;

  (void) done;
  lab_check(uvshm__lane_claim(core_of(WORLD_SECOND), &lane) == 0, "no lane");
  (void) uvshm__core_mend(&lane, UVSHM_KIND_SEGMENT);
  uvshm__lane_exit(&lane);
  verify_cells();
  world_verify(world);
  verify_life();
}

/* ---- the cases ----------------------------------------------------------- */

static const struct way ways[] = {
    {"repair", world_repair, verify},
    {"repair in two parts", repair_in_two_parts, verify},
    {"repair by joining", repair_by_joining, verify},
    {"repair by waiting", repair_by_waiting, verify_after_waiting},
    {NULL, NULL, NULL},
};

static const struct operations all = {ways, die, &lab.world};

static const struct operation operations[] = {
    {"lock_and_unlock", build, lock_and_unlock, NULL},
    {"unlock_in_any_order", build, unlock_in_any_order, NULL},
    {"recursion", build, recursion, NULL},
    {"busy", build, busy, NULL},
    {"commit", build, commit, NULL},
    {"abandon", build, abandon, NULL},
    {"thread_comes_and_goes", build, thread_comes_and_goes, NULL},
    {"leave", build, leave, NULL},
    {"leave_and_join", build, leave_and_join, NULL},
    {"make", build, make, NULL},
    {"remove_while_open", build, remove_while_open, NULL},
    {"post_and_wait", build, post_and_wait, NULL},
    {"blocked_by_the_dead", build_with_earlier, blocked_by_the_dead, NULL},
    {"blocked_holding_one", build_with_earlier, blocked_holding_one, NULL},
    {"repair_after_earlier", build_with_earlier, repair_after_earlier, NULL},
    {"mend", build_damaged, mend, verify_mended},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))


static void prove(void** state) {
  operations_prove(&all, *state);
}


/* The judge must be able to condemn. */
static void repair_nothing(void* world, enum lab_who who) {
  (void) world;
  (void) who;
}


static void a_world_that_was_not_repaired_is_noticed(void** state) {
  struct lab_case op = {"not repaired",
                        build,
                        commit,
                        die,
                        repair_nothing,
                        verify,
                        NULL,
                        world_end};
  struct lab_result result;

  (void) state;
  lab_run(&op, &lab.world, &result);
  assert_int_equal(result.wrong, result.states + result.second);
}


int main(void) {
  struct CMUnitTest tests[OPERATIONS + 1] = {
      [OPERATIONS] = cmocka_unit_test(a_world_that_was_not_repaired_is_noticed),
  };

  operations_list(tests, operations, OPERATIONS, prove);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
