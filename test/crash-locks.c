/* SPDX-License-Identifier: MIT */

/* A death at every store of rwlocks, condition variables, events and barriers:
 * whoever comes next gets in and is told what he must be told, a call goes to
 * somebody who lives, what was set is set, and a barrier that lost one is
 * broken. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/barrier.h"
#include "core/cond.h"
#include "core/directory.h"
#include "core/event.h"
#include "core/reap.h"
#include "core/rwlock.h"
#include "lab/operations.h"
#include "lab/world.h"

#define RWLOCKS 4u /* the last one is read by the bystander */
#define COUNT 3u

static struct {
  struct world world; /* first: callbacks are given its address */
  struct uvshm__directory_ref rwlocks[RWLOCKS];
  struct uvshm__directory_ref cond;
  struct uvshm__directory_ref event;
  struct uvshm__directory_ref barrier;
  uint32_t words[RWLOCKS]; /* as they must be after the repair */
  uint32_t lanes;          /* bit n: lane n was somebody's */
  uint32_t called;         /* the actor was, and had not come */
  int with_event;
  int with_news;
} lab;

static struct uvshm__core* core_of(uint32_t slot) {
  return world_core(&lab.world, slot);
}


static void* body_of(const struct uvshm__directory_ref* ref) {
  return uvshm__directory_body(core_of(WORLD_SECOND), ref->index);
}


static struct uvshm__rwlock* rwlock(uint32_t i) {
  return body_of(&lab.rwlocks[i]);
}

/* ---- the world before the death ------------------------------------------ */

static void make_named(const char* name,
                       uint32_t type,
                       struct uvshm__directory_ref* ref) {
  _Alignas(8) unsigned char body[UVSHM__ENTRY_BODY];
  struct uvshm__directory_spec spec = {name, 0, type, 0, body, {0}};
  int made = 0;

  memset(body, 0, sizeof(body));
  if (type == UVSHM__TYPE_RWLOCK)
    uvshm__rwlock_format((struct uvshm__rwlock*) body, 0);
  if (type == UVSHM__TYPE_COND)
    uvshm__cond_format((struct uvshm__cond*) body, 0);
  if (type == UVSHM__TYPE_EVENT)
    uvshm__event_format((struct uvshm__event*) body, 0);
  if (type == UVSHM__TYPE_BARRIER)
    uvshm__barrier_format((struct uvshm__barrier*) body, COUNT);
  spec.name_size = (uint32_t) strlen(name);
  lab_check(
      uvshm__directory_make(&lab.world.bystander, &spec, 0, ref, &made) == 0 &&
          uvshm__directory_open(core_of(WORLD_BYSTANDER), ref) == 0 &&
          uvshm__directory_open(core_of(WORLD_ACTOR), ref) == 0,
      "cannot make %s: %s",
      name,
      uvshm__error_text());
}


/* The bystander has come to the barrier, and waits for a call. It is the
 * actor's turn to be called first. */
static void build_world(void) {
  static const char* const names[RWLOCKS] = {"r0", "r1", "r2", "bystander's"};
  struct uvshm__lane_ent* ent;
  struct uvshm__cond* cond;
  uint64_t place;
  uint32_t i;

  lab.with_event = 0;
  lab.with_news = 0;
  world_build(&lab.world, 0, 0);
  for (i = 0; i < RWLOCKS; i++)
    make_named(names[i], UVSHM__TYPE_RWLOCK, &lab.rwlocks[i]);
  make_named("cond", UVSHM__TYPE_COND, &lab.cond);
  make_named("event", UVSHM__TYPE_EVENT, &lab.event);
  make_named("barrier", UVSHM__TYPE_BARRIER, &lab.barrier);
  ent = lab.world.bystander.ent;
  lab_check(uvshm__rwlock_read(&lab.world.bystander, rwlock(3), 0, NULL) == 0,
            "the bystander gets no lock");
  cond = body_of(&lab.cond);
  uvshm__a32_store_relaxed(
      &cond->word, (FAKE_LANES - 2 + lab.world.actor.index) * UVSHM__COND_WAIT);
  uvshm__cond_begin(&lab.world.bystander, cond);
  place = (uint64_t) ((unsigned char*) body_of(&lab.barrier) -
                      core_of(WORLD_SECOND)->base) /
          UVSHM__LOCK_ALIGNMENT;
  uvshm__a64_store_relaxed(&ent->arrived, place << 32);
  uvshm__a64_store_relaxed(
      &((struct uvshm__barrier*) body_of(&lab.barrier))->word, 1);
}


static void build(void* world) {
  (void) world;
  build_world();
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}


static void build_event(void* world) {
  (void) world;
  build_world();
  lab.with_event = 1;
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}


/* Another peer that will die with the actor: it reads 0, has 1 for writing, and
 * was about to become the writer of 2. */
static void build_with_earlier(void* world) {
  struct uvshm__lane* lane = &lab.world.earlier;

  (void) world;
  build_world();
  world_join_earlier(&lab.world);
  (void) uvshm__rwlock_read(lane, rwlock(0), 0, NULL);
  (void) uvshm__rwlock_write(lane, rwlock(1), 0, NULL);
  (void) uvshm__rwlock_read(lane, rwlock(2), 0, NULL);
  uvshm__a32_store_relaxed(&rwlock(2)->lock.word, lane->name);
  (void) uvshm__directory_open(core_of(WORLD_EARLIER), &lab.rwlocks[0]);
  fake_kill(&lab.world.fake.peers[WORLD_EARLIER]);
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}


/* 3 has news that nobody was told of. */
static void build_with_news(void* world) {
  (void) world;
  build_world();
  lab.with_news = 1;
  uvshm__a32_store_relaxed(&rwlock(3)->lock.word, UVSHM__LOCK_DIED);
  world_ready(&lab.world);
  lab_private(&lab, sizeof(lab));
}

/* ---- what the actor does ------------------------------------------------- */

static int rd(uint32_t i) {
  return uvshm__rwlock_read(&lab.world.actor, rwlock(i), 0, NULL);
}


static int wr(uint32_t i) {
  return uvshm__rwlock_write(&lab.world.actor, rwlock(i), 0, NULL);
}


static void un(uint32_t i) {
  (void) uvshm__rwlock_release(&lab.world.actor, rwlock(i));
}


static void read_and_release(void* world) {
  (void) world;
  (void) rd(0);
  un(0);
  (void) rd(1);
  (void) rd(0);
}


static void write_and_release(void* world) {
  (void) world;
  (void) wr(0);
  un(0);
  (void) wr(1);
  (void) wr(0);
}


static void up_and_down(void* world) {
  (void) world;
  (void) rd(0);
  (void) uvshm__rwlock_upgrade(&lab.world.actor, rwlock(0), 0, NULL);
  (void) uvshm__rwlock_downgrade(&lab.world.actor, rwlock(0));
  (void) uvshm__rwlock_upgrade(&lab.world.actor, rwlock(0), 0, NULL);
  un(0);
  (void) wr(0);
  (void) uvshm__rwlock_downgrade(&lab.world.actor, rwlock(0));
}


static void release_in_any_order(void* world) {
  (void) world;
  (void) rd(0);
  (void) wr(1);
  (void) rd(2);
  (void) rd(3);
  un(0);
  un(1);
  (void) wr(0);
  un(2);
}


static void busy(void* world) {
  (void) world;
  (void) wr(3);
  (void) uvshm__rwlock_write(&lab.world.actor, rwlock(3), 1, NULL);
  (void) rd(3);
  (void) uvshm__rwlock_upgrade(&lab.world.actor, rwlock(3), 1, NULL);
}


static void blocked_by_the_dead(void* world) {
  (void) world;
  (void) wr(0);
  (void) rd(1);
  (void) wr(2);
}


static void abandon(void* world) {
  (void) world;
  (void) wr(0);
  uvshm__rwlock_abandon(&lab.world.actor, rwlock(0));
  (void) rd(1);
  uvshm__rwlock_abandon(&lab.world.actor, rwlock(1));
}


static void thread_comes_and_goes(void* world) {
  struct uvshm__lane lane;

  (void) world;
  if (uvshm__lane_claim(core_of(WORLD_ACTOR), &lane) < 0) return;
  (void) uvshm__rwlock_read(&lane, rwlock(0), 0, NULL);
  (void) uvshm__rwlock_write(&lane, rwlock(1), 0, NULL);
  uvshm__lane_exit(&lane);
}


/* Waits, is called by the bystander, and comes. */
static void wait_and_come(void* world) {
  struct uvshm__cond* cond = body_of(&lab.cond);

  (void) world;
  uvshm__cond_begin(&lab.world.actor, cond);
  uvshm__cond_signal(core_of(WORLD_BYSTANDER), cond);
  (void) uvshm__cond_sleep(&lab.world.actor, cond, 0, NULL);
  uvshm__cond_end(&lab.world.actor);
}


static void wait_and_give_up(void* world) {
  struct uvshm__cond* cond = body_of(&lab.cond);

  (void) world;
  uvshm__cond_begin(&lab.world.actor, cond);
  (void) uvshm__cond_sleep(&lab.world.actor, cond, 1, NULL);
  uvshm__cond_end(&lab.world.actor);
}


static void broadcast(void* world) {
  (void) world;
  uvshm__cond_broadcast(core_of(WORLD_ACTOR), body_of(&lab.cond));
}


static void set_and_wait(void* world) {
  struct uvshm__event* event = body_of(&lab.event);

  (void) world;
  (void) uvshm__event_set(core_of(WORLD_ACTOR), event, 0);
  lab_done();
  (void) uvshm__event_wait(&lab.world.actor, event, 0, 0, NULL);
  lab_done();
  (void) uvshm__event_wait(&lab.world.actor, event, 0, 1, NULL);
  lab_done();
  (void) uvshm__event_set(core_of(WORLD_ACTOR), event, 0);
  lab_done();
  uvshm__event_reset(event);
}


static void come_and_go(void* world) {
  struct uvshm__barrier* barrier = body_of(&lab.barrier);

  (void) world;
  (void) uvshm__barrier_wait(&lab.world.actor, barrier, COUNT, 0, NULL);
  (void) uvshm__barrier_wait(&lab.world.actor, barrier, COUNT, 1, NULL);
  (void) uvshm__barrier_reset(core_of(WORLD_ACTOR), barrier);
  (void) uvshm__barrier_wait(&lab.world.actor, barrier, 1, 0, NULL);
}

/* ---- the ways to repair -------------------------------------------------- */

/* As a writer that is blocked does it; keeps the news. */
static void repair_by_waiting(void* world, enum lab_who who) {
  struct uvshm__lane lane;
  uint32_t i;
  int err;

  if (who == LAB_SECOND) {
    world_repair(world, who);
    return;
  }
  if (uvshm__lane_claim(core_of(world_slot(who)), &lane) < 0) return;
  for (i = 0; i < RWLOCKS - 1; i++) {
    err = uvshm__rwlock_write(&lane, rwlock(i), 0, NULL);
    if (err == 0) (void) uvshm__rwlock_release(&lane, rwlock(i));
    if (err > 0) uvshm__rwlock_abandon(&lane, rwlock(i));
  }
  uvshm__lane_exit(&lane);
}

/* ---- what must be true afterwards ---------------------------------------- */

/* Who of the dead has what, before anybody clears up. */
static void die(void* world, enum lab_who who) {
  const struct uvshm__core* core = core_of(WORLD_SECOND);
  uint32_t slot = 0;
  uint32_t i;

  world_die(world, who);
  if (who != LAB_ACTOR) return;
  lab.called =
      uvshm__a32_load_relaxed(&lab.world.actor.ent->turn) & UVSHM__TURN_CALLED;
  for (i = 0; i < RWLOCKS; i++) {
    lab.words[i] = uvshm__a32_load_relaxed(&rwlock(i)->lock.word);
    if (uvshm__lock_judge(core, &rwlock(i)->lock, lab.words[i], &slot) ==
            UVSHM__LOCK_OWNED &&
        !lab.world.fake.peers[slot].alive)
      lab.words[i] = UVSHM__LOCK_DIED;
  }
  lab.lanes = 0;
  for (i = 0; i < 32; i++)
    if (uvshm__a32_load_relaxed(&uvshm__core_lane(core, i)->owner) != 0)
      lab.lanes |= 1u << i;
}


static void verify_rwlocks(int exactly) {
  const struct uvshm__core* core = core_of(WORLD_SECOND);
  uint32_t word;
  uint32_t i;

  for (i = 0; i < RWLOCKS; i++) {
    word =
        uvshm__a32_load_relaxed(&rwlock(i)->lock.word) & ~UVSHM__LOCK_WAITERS;
    if (exactly || lab.words[i] == UVSHM__LOCK_DIED)
      lab_check(word == (lab.words[i] & ~UVSHM__LOCK_WAITERS),
                "rwlock %u says %08x, not %08x",
                (unsigned int) i,
                (unsigned int) word,
                (unsigned int) lab.words[i]);
    lab_check(uvshm__rwlock_readers(core, rwlock(i)) == (i == 3),
              "rwlock %u has other readers",
              (unsigned int) i);
  }
}


static void verify_lanes(void) {
  const struct uvshm__core* core = core_of(WORLD_SECOND);
  uint32_t i;

  for (i = 0; i < 32; i++)
    lab_check((lab.lanes >> i & 1) == 0 || !uvshm__lane_is_new(core, i),
              "lane %u was claimed and looks new",
              (unsigned int) i);
}


/* The actor had it open and is dead. */
static void verify_barrier(void) {
  struct uvshm__barrier* barrier = body_of(&lab.barrier);
  uint64_t arrived;
  uint32_t round;

  lab_check(
      (uvshm__a64_load_relaxed(&barrier->word) & UVSHM__BARRIER_BROKEN) != 0,
      "the barrier is whole");
  round = (uint32_t) (uvshm__a64_load_relaxed(&barrier->word) >> 32);
  lab_check(uvshm__barrier_reset(core_of(WORLD_SECOND), barrier) == 0,
            "no reset");
  lab_check(uvshm__a64_load_relaxed(&barrier->word) == (uint64_t) (round + 1)
                                                           << 32,
            "not reset");
  arrived = uvshm__a64_load_relaxed(&lab.world.bystander.ent->arrived);
  lab_check((arrived & UVSHM__ARRIVED_LOST) != 0,
            "the bystander waits for a round that was lost");
}


/* Cleared, set, taken, waited for in vain, set, cleared. */
static void verify_event(uint32_t done) {
  static const int set[] = {0, 1, 0, 0, 1, 0};
  struct uvshm__event* event = body_of(&lab.event);
  int is_set = uvshm__event_is_set(event);

  lab_check(is_set == set[done] || is_set == set[done < 5 ? done + 1 : 5],
            "set is %d after %u parts",
            is_set,
            (unsigned int) done);
}


/* The bystander gets the call of one that was called and did not come. */
static void verify_call(void) {
  if (lab.called == 0) return;
  lab_check(uvshm__cond_sleep(
                &lab.world.bystander, body_of(&lab.cond), 300, NULL) == 0,
            "the call is lost");
}


static void verify_life(void) {
  struct uvshm__lane lane;
  uint32_t i;

  lab_check(uvshm__lane_claim(core_of(WORLD_SECOND), &lane) == 0, "no lane");
  for (i = 0; i < RWLOCKS - 1; i++) {
    lab_check(uvshm__rwlock_write(&lane, rwlock(i), 0, NULL) >= 0,
              "rwlock %u cannot be written",
              (unsigned int) i);
    lab_check(uvshm__rwlock_downgrade(&lane, rwlock(i)) == 0, "no downgrade");
    lab_check(uvshm__rwlock_release(&lane, rwlock(i)) == 0, "no release");
  }
  lab_check(uvshm__rwlock_write(&lane, rwlock(3), 0, NULL) == UV_EBUSY,
            "the bystander's rwlock is not busy");
  lab_check(uvshm__rwlock_read(&lane, rwlock(3), 0, NULL) >= 0,
            "the bystander's rwlock cannot be read");
  uvshm__lane_exit(&lane);
}


static void verify_all(uint32_t done, int exactly) {
  verify_rwlocks(exactly);
  lab_check(!lab.with_news || uvshm__a32_load_relaxed(&rwlock(3)->lock.word) ==
                                  UVSHM__LOCK_DIED,
            "news were dropped");
  verify_lanes();
  if (lab.with_event) verify_event(done);
  verify_call();
  verify_barrier();
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

/* ---- the cases ----------------------------------------------------------- */

static const struct way ways[] = {
    {"repair", world_repair, verify},
    {"repair in two parts", repair_in_two_parts, verify},
    {"repair by waiting", repair_by_waiting, verify_after_waiting},
    {NULL, NULL, NULL},
};

static const struct operations all = {ways, die, &lab.world};

static const struct operation operations[] = {
    {"read_and_release", build, read_and_release, NULL},
    {"write_and_release", build, write_and_release, NULL},
    {"up_and_down", build, up_and_down, NULL},
    {"release_in_any_order", build, release_in_any_order, NULL},
    {"busy", build, busy, NULL},
    {"busy_with_news", build_with_news, busy, NULL},
    {"blocked_by_the_dead", build_with_earlier, blocked_by_the_dead, NULL},
    {"abandon", build, abandon, NULL},
    {"thread_comes_and_goes", build, thread_comes_and_goes, NULL},
    {"wait_and_come", build, wait_and_come, NULL},
    {"wait_and_give_up", build, wait_and_give_up, NULL},
    {"broadcast", build, broadcast, NULL},
    {"set_and_wait", build_event, set_and_wait, NULL},
    {"come_and_go", build, come_and_go, NULL},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))


static void prove(void** state) {
  operations_prove(&all, *state);
}


int main(void) {
  struct CMUnitTest tests[OPERATIONS];

  operations_list(tests, operations, OPERATIONS, prove);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
