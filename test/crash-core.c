/* SPDX-License-Identifier: MIT */

/* A death at every store of everything that core does, then a death at every
 * store of the repair, then a repair that lives: and nothing is lost, nothing
 * is half done, nobody is blocked, and whoever comes next is told what he must
 * be told.
 *
 * A killed process leaves behind exactly the stores that it had done. So core
 * is compiled into this file a second time, with every atomic store counted;
 * when the count is reached, the operation is left by longjmp and its process
 * is dead. (Core writes shared memory in no other way than through
 * base/atomic.h.)
 *
 * One process runs at a time here. What happens when others run meanwhile is
 * shown by the models (models/) and by the kill storms.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/atomic.h"

static uint32_t stores_left; /* 0: nobody is to die */
static jmp_buf death;


static void step(void) {
  if (stores_left != 0 && --stores_left == 0) longjmp(death, 1);
}

#define uvshm__a32_store_relaxed(p, v) (step(), uvshm__a32_store_relaxed(p, v))
#define uvshm__a32_store_release(p, v) (step(), uvshm__a32_store_release(p, v))
#define uvshm__a32_store_seq_cst(p, v) (step(), uvshm__a32_store_seq_cst(p, v))
#define uvshm__a32_xchg(p, v) (step(), uvshm__a32_xchg(p, v))
#define uvshm__a32_cas(p, e, d) (step(), uvshm__a32_cas(p, e, d))
#define uvshm__a32_add(p, v) (step(), uvshm__a32_add(p, v))
#define uvshm__a32_or(p, v) (step(), uvshm__a32_or(p, v))
#define uvshm__a32_and(p, v) (step(), uvshm__a32_and(p, v))
#define uvshm__a64_store_relaxed(p, v) (step(), uvshm__a64_store_relaxed(p, v))
#define uvshm__a64_store_release(p, v) (step(), uvshm__a64_store_release(p, v))
#define uvshm__a64_store_seq_cst(p, v) (step(), uvshm__a64_store_seq_cst(p, v))
#define uvshm__a64_xchg(p, v) (step(), uvshm__a64_xchg(p, v))
#define uvshm__a64_cas(p, e, d) (step(), uvshm__a64_cas(p, e, d))
#define uvshm__a64_add(p, v) (step(), uvshm__a64_add(p, v))
#define uvshm__a64_or(p, v) (step(), uvshm__a64_or(p, v))
#define uvshm__a64_and(p, v) (step(), uvshm__a64_and(p, v))

/* What two files call the same has another name in one of them.
 * NOLINTBEGIN(bugprone-suspicious-include): that is the idea here. */
#define copy control_copy
#define damaged control_damaged
#include "core/control.c"
#undef damaged
#undef copy
#define take lock_take
#include "core/lock.c"
#undef take
#include "core/lock_repair.c"
#include "core/lane.c"
#define state_of reap_state_of
#include "core/reap.c"
#undef state_of
#include "core/peer.c"
#include "core/directory.c"
#include "core/wait.c"
#define take sem_take
#include "core/sem.c"
#undef take
#include "core/check.c"
#include "core/reset.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#define VICTIM 0u
#define REPAIRER 1u
#define SECOND 2u
#define BYSTANDER 3u
#define EARLIER 4u /* a peer that was dead before */
#define MUTEXES 4u
#define FIRST_VALUE 100u
#define LAST_VALUE 200u

static struct fake fake;
static struct uvshm__lane a;         /* the victim's lane */
static struct uvshm__lane bystander; /* a live peer's */
static struct uvshm__lane earlier;   /* a dead peer's */
static struct uvshm__directory_ref mutexes[MUTEXES];
static uint32_t words[MUTEXES]; /* at the moment of death */
static uint32_t committed;      /* the log counted then */

static struct uvshm__core* core_of(uint32_t slot) {
  return &fake.peers[slot].core;
}


static struct uvshm__lock* mutex(uint32_t i) {
  return uvshm__directory_body(core_of(BYSTANDER), mutexes[i].index);
}


static void must(int condition, const char* what) {
  if (!condition) fail_msg("%s (%s)", what, uvshm__error_text());
}


static void make_named(struct uvshm__lane* lane,
                       const char* name,
                       struct uvshm__directory_ref* ref) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {name, 0, UVSHM__TYPE_MUTEX, 1, body};
  int made;

  spec.name_size = (uint32_t) strlen(name);
  must(uvshm__directory_make(lane, &spec, 100, ref, &made) == 0, "make");
}

/* ---- the world before the death ------------------------------------------ */

static void build(void) {
  static const char* const names[MUTEXES] = {"m0", "m1", "m2", "bystander's"};
  uint32_t i;

  fake_make(&fake, UVSHM_KIND_SEGMENT);
  fake_join(&fake, VICTIM);
  fake_join(&fake, REPAIRER);
  fake_join(&fake, SECOND);
  fake_join(&fake, BYSTANDER);
  fake_join(&fake, EARLIER);
  must(uvshm__lane_claim(core_of(EARLIER), &earlier) == 0, "lane");
  must(uvshm__lane_claim(core_of(BYSTANDER), &bystander) == 0, "lane");
  must(uvshm__lane_claim(core_of(VICTIM), &a) == 0, "lane");
  for (i = 0; i < MUTEXES; i++) {
    make_named(&bystander, names[i], &mutexes[i]);
    must(uvshm__directory_open(core_of(VICTIM), &mutexes[i]) == 0, "open");
  }
  must(uvshm__lock_acquire(&bystander, mutex(3), 0, 0, NULL) == 0, "held");
  for (i = 0; i < 4; i++)
    uvshm__a64_store_relaxed(fake_cell(&fake, i), FIRST_VALUE + i);
}


/* ---- what the victim does ------------------------------------------------ */

static void lock(uint32_t i) {
  (void) uvshm__lock_acquire(&a, mutex(i), 0, UVSHM__LOCK_RECURSIVE, NULL);
}


static void unlock(uint32_t i) {
  (void) uvshm__lock_release(&a, mutex(i));
}


static void op_lock_and_unlock(void) {
  lock(0);
  unlock(0);
  lock(0);
}


static void op_unlock_in_any_order(void) {
  lock(0);
  lock(1);
  lock(2);
  unlock(0);
  lock(0);
  unlock(1);
  unlock(2);
  unlock(0);
}


static void op_recursion(void) {
  lock(0);
  lock(0);
  lock(0);
  unlock(0);
  unlock(0);
  unlock(0);
}


static void op_busy(void) {
  (void) uvshm__lock_acquire(&a, mutex(3), 0, 0, NULL);
  (void) uvshm__lock_acquire(&a, mutex(3), 1, 0, NULL);
}


static void op_commit(void) {
  uint32_t i;

  lock(0);
  for (i = 0; i < 4; i++)
    uvshm__lock_log(mutex(0), i, fake_cell_offset(i), 8, LAST_VALUE + i);
  uvshm__lock_commit(core_of(VICTIM), mutex(0), 4);
  unlock(0);
}


static void op_abandon(void) {
  lock(0);
  (void) uvshm__lock_abandon(&a, mutex(0));
}


static void op_thread_comes_and_goes(void) {
  struct uvshm__lane lane;

  lock(0);
  if (uvshm__lane_claim(core_of(VICTIM), &lane) < 0) return;
  (void) uvshm__lock_acquire(&lane, mutex(1), 0, 0, NULL);
  (void) uvshm__lock_acquire(&lane, mutex(2), 0, 0, NULL);
  uvshm__lane_exit(&lane);
}


static void op_leave(void) {
  lock(0);
  uvshm__peer_leave(core_of(VICTIM));
}


static void op_leave_and_join(void) {
  uvshm__lane_exit(&a);
  uvshm__peer_leave(core_of(VICTIM));
  (void) uvshm__peer_join(core_of(VICTIM), 77, "second life", 2);
  (void) uvshm__lane_claim(core_of(VICTIM), &a);
  lock(1);
}


static void op_make(void) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {"new", 3, UVSHM__TYPE_SEM, 5, body};
  struct uvshm__directory_ref ref;
  int made;

  if (uvshm__directory_make(&a, &spec, 0, &ref, &made) < 0) return;
  if (uvshm__directory_open(core_of(VICTIM), &ref) < 0) return;
  uvshm__directory_close(core_of(VICTIM), ref.index);
  (void) uvshm__directory_remove(core_of(VICTIM), "new", 3);
}


static void op_remove_while_open(void) {
  (void) uvshm__directory_remove(core_of(VICTIM), "m1", 2);
  (void) uvshm__directory_open(core_of(VICTIM), &mutexes[1]);
  (void) uvshm__directory_remove(core_of(VICTIM), "m2", 2);
  uvshm__directory_close(core_of(VICTIM), mutexes[2].index);
}


static void kill_earlier(void) {
  (void) uvshm__lock_acquire(&earlier, mutex(1), 0, 0, NULL);
  (void) uvshm__lock_acquire(&earlier, mutex(2), 0, 0, NULL);
  must(uvshm__directory_open(core_of(EARLIER), &mutexes[0]) == 0, "open");
  fake_kill(&fake.peers[EARLIER]);
}


static void op_blocked_by_the_dead(void) {
  (void) uvshm__lock_acquire(&a, mutex(1), 0, 0, NULL);
}


static void op_blocked_by_the_dead_holding_one(void) {
  lock(0);
  (void) uvshm__lock_acquire(&a, mutex(1), 0, 0, NULL);
}


static void op_repair_all(void) {
  (void) uvshm__reap_all(core_of(VICTIM));
}


static void damage(void) {
  uvshm__a32_store_relaxed(&mutex(0)->word, 17);
  uvshm__a32_store_relaxed(&mutex(1)->n, 99);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core_of(VICTIM), 30)->owner,
                           0x7ff);
  uvshm__a32_store_relaxed(&uvshm__core_lane(core_of(VICTIM), 31)->held[0], 16);
  uvshm__a64_store_relaxed(&uvshm__core_entry(core_of(VICTIM), 0)->state, 9);
}


static void op_mend(void) {
  (void) uvshm__core_mend(&a, UVSHM_KIND_SEGMENT);
}


static const struct operation {
  const char* name;
  void (*before)(void);
  void (*run)(void);
} operations[] = {
    {"lock_and_unlock", NULL, op_lock_and_unlock},
    {"unlock_in_any_order", NULL, op_unlock_in_any_order},
    {"recursion", NULL, op_recursion},
    {"busy", NULL, op_busy},
    {"commit", NULL, op_commit},
    {"abandon", NULL, op_abandon},
    {"thread_comes_and_goes", NULL, op_thread_comes_and_goes},
    {"leave", NULL, op_leave},
    {"leave_and_join", NULL, op_leave_and_join},
    {"make", NULL, op_make},
    {"remove_while_open", NULL, op_remove_while_open},
    {"blocked_by_the_dead", kill_earlier, op_blocked_by_the_dead},
    {"blocked_holding_one", kill_earlier, op_blocked_by_the_dead_holding_one},
    {"repair_all", kill_earlier, op_repair_all},
    {"mend", damage, op_mend},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- the ways to repair -------------------------------------------------- */

static void repair_all(uint32_t slot) {
  (void) uvshm__reap_all(core_of(slot));
}


static void repair_in_two_parts(uint32_t slot) {
  (void) uvshm__reap_locks(core_of(slot), VICTIM);
  (void) uvshm__reap(core_of(slot), VICTIM);
}


static void repair_by_joining(uint32_t slot) {
  struct uvshm__core core = *core_of(slot);

  if (fake.env.claim(&fake.peers[slot], VICTIM) != 0) return;
  core.slot = VICTIM;
  (void) uvshm__peer_join(&core, 99, "successor", 3);
  uvshm__peer_leave(&core);
  fake.env.unclaim(&fake.peers[slot], VICTIM);
}


/* As somebody who is blocked does it. */
static void repair_by_waiting(uint32_t slot) {
  struct uvshm__lane lane;

  if (uvshm__lane_claim(core_of(slot), &lane) < 0) return;
  if (uvshm__lock_acquire(&lane, mutex(0), 0, 0, NULL) >= 0)
    (void) uvshm__lock_abandon(&lane, mutex(0)); /* keeps any news */
  uvshm__lane_exit(&lane);
}


static void (*const repairs[])(uint32_t slot) = {
    repair_all, repair_in_two_parts, repair_by_joining, repair_by_waiting};

#define REPAIRS (sizeof(repairs) / sizeof(repairs[0]))

/* ---- what must be true afterwards ---------------------------------------- */

static int is_dead(uint32_t word) {
  uint32_t slot = 0;
  uint32_t i;

  for (i = 0; i < MUTEXES; i++)
    if (uvshm__lock_judge(core_of(BYSTANDER), mutex(i), word, &slot) ==
        UVSHM__LOCK_OWNED)
      return !fake.peers[slot].alive;
  return 0;
}


/* Who of the dead holds what, before anybody clears up. */
static void remember_words(void) {
  uint32_t i;

  committed = uvshm__a32_load_relaxed(&mutex(0)->n);
  for (i = 0; i < MUTEXES; i++) {
    words[i] = uvshm__a32_load_relaxed(&mutex(i)->word);
    if (is_dead(words[i])) words[i] = UVSHM__LOCK_DIED;
  }
}


static void verify_locks(int exactly) {
  uint32_t word;
  uint32_t i;

  for (i = 0; i < MUTEXES; i++) {
    word = uvshm__a32_load_relaxed(&mutex(i)->word) & ~UVSHM__LOCK_WAITERS;
    if (i == 0 && !exactly)
      must(word == 0 || word == UVSHM__LOCK_DIED, "mutex 0 is free");
    else
      must(word == (words[i] & ~UVSHM__LOCK_WAITERS), "a lock word");
    must(uvshm__a32_load_relaxed(&mutex(i)->n) == 0, "a log is done");
    must(uvshm__a32_load_relaxed(&mutex(i)->depth) == 0, "no recursion");
  }
  must(words[3] == bystander.name ||
           words[3] == (bystander.name | UVSHM__LOCK_WAITERS),
       "the bystander keeps his lock");
}


static void verify_cells(void) {
  uint64_t first = uvshm__a64_load_relaxed(fake_cell(&fake, 0));
  uint32_t i;

  must(first == FIRST_VALUE || first == LAST_VALUE, "a value");
  if (committed) must(first == LAST_VALUE, "what was committed happened");
  for (i = 0; i < 4; i++)
    must(uvshm__a64_load_relaxed(fake_cell(&fake, i)) == first + i,
         "all or nothing");
}


static void verify_peers(void) {
  struct uvshm__core* core = core_of(BYSTANDER);
  uint32_t owner;
  uint32_t slot;
  uint32_t i;

  for (slot = 0; slot < FAKE_PEERS; slot++)
    must(uvshm__peer_is_free(core, slot) == !fake.peers[slot].alive,
         "the dead are gone, the living are there");
  for (i = 0; i < FAKE_LANES; i++) {
    owner = uvshm__a32_load_relaxed(&uvshm__core_lane(core, i)->owner);
    slot = (owner & UVSHM__LANE_SLOT) - 1;
    must(owner == 0 || fake.peers[slot].alive, "lanes of the dead are free");
  }
}


static void verify_directory(void) {
  struct uvshm__core* core = core_of(BYSTANDER);
  struct uvshm__directory_ent* ent;
  uint64_t bits;
  uint32_t i;

  for (i = 0; i < FAKE_OBJECTS; i++) {
    ent = uvshm__core_entry(core, i);
    bits = uvshm__a64_load_relaxed(&ent->open[0]);
    must((bits & (1u << VICTIM | 1u << EARLIER | 1u << REPAIRER)) == 0,
         "the dead have nothing open");
    must((uint32_t) uvshm__a64_load_relaxed(&ent->state) !=
                 UVSHM__ENTRY_REMOVED ||
             bits != 0,
         "what is removed and not open is free");
  }
}


/* Life goes on. */
static void verify_life(void) {
  struct uvshm__directory_ref ref;
  struct uvshm__lane lane;
  uint32_t i;

  must(uvshm__lane_claim(core_of(SECOND), &lane) == 0, "a lane");
  make_named(&lane, "life", &ref);
  must(uvshm__directory_remove(core_of(SECOND), "life", 4) == 0, "remove");
  for (i = 0; i < 3; i++) {
    must(uvshm__lock_acquire(&lane, mutex(i), 0, 0, NULL) >= 0, "a lock");
    must(uvshm__lock_release(&lane, mutex(i)) == 0, "a release");
  }
  must(uvshm__lock_acquire(&lane, mutex(3), 0, 0, NULL) == UV_EBUSY, "busy");
  uvshm__lane_exit(&lane);
}


static void verify(const struct operation* operation, int exactly) {
  if (operation->before == damage) {
    must(uvshm__lane_claim(core_of(SECOND), &a) == 0, "a lane");
    (void) uvshm__core_mend(&a, UVSHM_KIND_SEGMENT);
    uvshm__lane_exit(&a);
  } else {
    verify_locks(exactly);
  }
  verify_cells();
  verify_peers();
  verify_directory();
  must(uvshm__core_check(core_of(BYSTANDER), UVSHM_KIND_SEGMENT) == 0, "check");
  verify_life();
}

/* ---- the two loops ------------------------------------------------------- */

/* Let the victim die before its nth store. 0: it came through. */
static int die_at(const struct operation* operation, uint32_t nth) {
  volatile int died = 1;

  build();
  if (operation->before != NULL) operation->before();
  if (setjmp(death) == 0) {
    stores_left = nth;
    operation->run();
    died = 0;
  }
  stores_left = 0;
  fake_kill(&fake.peers[VICTIM]);
  fake_kill(&fake.peers[EARLIER]);
  remember_words();
  return died;
}


/* Let a repairer die before its nth store; another one does it all. */
static int repair_at(void (*repair)(uint32_t), uint32_t nth) {
  volatile int died = 1;

  if (setjmp(death) == 0) {
    stores_left = nth;
    repair(REPAIRER);
    died = 0;
  }
  stores_left = 0;
  fake_kill(&fake.peers[REPAIRER]);
  (void) uvshm__reap_all(core_of(SECOND));
  return died;
}


static uint32_t crash(const struct operation* operation,
                      void (*repair)(uint32_t)) {
  uint32_t points = 0;
  uint32_t first;
  uint32_t second;
  int first_died = 1;
  int second_died;

  for (first = 1; first_died; first++) {
    second_died = 1;
    for (second = 1; second_died; second++) {
      first_died = die_at(operation, first);
      second_died = repair_at(repair, second);
      verify(operation, repair != repair_by_waiting);
      fake_free(&fake);
      points++;
    }
  }
  return points;
}


static void run_operation(void** state) {
  const struct operation* operation = *state;
  uint32_t points = 0;
  uint32_t i;

  for (i = 0; i < REPAIRS; i++) points += crash(operation, repairs[i]);
  print_message("%s: %u pairs of deaths\n", operation->name, points);
  assert_true(points > 100);
}


/* The judge must be able to condemn. */
static void a_world_that_was_not_repaired_is_noticed(void** state) {
  (void) state;
  die_at(&operations[0], 1000000);
  must(!uvshm__peer_is_free(core_of(BYSTANDER), VICTIM), "not repaired yet");
  must(uvshm__a32_load_relaxed(&mutex(0)->word) != words[0], "held");
  must(words[0] == UVSHM__LOCK_DIED, "by a dead one");
  fake_free(&fake);
}


int main(void) {
  struct CMUnitTest tests[OPERATIONS + 1];
  size_t i;

  memset(tests, 0, sizeof(tests));
  for (i = 0; i < OPERATIONS; i++) {
    tests[i].name = operations[i].name;
    tests[i].test_func = run_operation;
    tests[i].initial_state = (void*) (uintptr_t) &operations[i];
  }
  tests[i].name = "a_world_that_was_not_repaired_is_noticed";
  tests[i].test_func = a_world_that_was_not_repaired_is_noticed;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
