/* SPDX-License-Identifier: MIT */

/* The robust lock on plain memory: one process after the other, as the test
 * says. Threads at once are in test-contention.c, deaths at every store in
 * crash-core.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "core/reap.h"
#include "core/reset.h"
#include "core/wait.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

/* Room for locks: the bodies of the directory's entries. */
#define LOCKS 21

static struct fake fake;
static struct uvshm__lock* lock;
static struct fake_peer* alice;
static struct fake_peer* bob;
static struct uvshm__lane a; /* alice's */
static struct uvshm__lane b; /* bob's */


static int make(void** state) {
  (void) state;
  fake_make(&fake, UVSHM_KIND_SEGMENT);
  lock = fake_root(&fake);
  alice = fake_join(&fake, 0);
  bob = fake_join(&fake, 1);
  if (uvshm__lane_claim(&alice->core, &a) < 0) return -1;
  if (uvshm__lane_claim(&bob->core, &b) < 0) return -1;
  return 0;
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static int try_lock(struct uvshm__lane* lane) {
  return uvshm__lock_acquire(lane, lock, 0, 0, NULL);
}


static struct uvshm__lock* nth_lock(uint32_t i) {
  return (struct uvshm__lock*) (fake.memory + fake.control.objects_offset) + i;
}


static uint32_t word(void) {
  return uvshm__a32_load_relaxed(&lock->word);
}

/* ---- taking and giving back ---------------------------------------------- */

static void a_free_lock_is_taken_and_given_back(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  assert_int_equal(word(), a.name);
  assert_true(uvshm__lock_is_held(&a, lock));
  assert_false(uvshm__lock_is_held(&b, lock));
  assert_int_equal(uvshm__lock_release(&a, lock), 0);
  assert_int_equal(word(), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&a.ent->held[0]), 0);
}


static void alone_it_calls_nobody(void** state) {
  int i;

  (void) state;
  for (i = 0; i < 100; i++) {
    assert_int_equal(uvshm__lock_acquire(&a, lock, 5000, 0, NULL), 0);
    assert_int_equal(uvshm__lock_release(&a, lock), 0);
  }
  assert_int_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.clocks), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.questions), 0);
}


static void a_taken_lock_is_busy(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  assert_int_equal(try_lock(&b), UV_EBUSY);
  assert_int_equal(uvshm__a32_load_relaxed(&b.ent->held[0]), 0);
  assert_int_equal(uvshm__lock_release(&b, lock), UV_EPERM);
  assert_int_equal(uvshm__lock_release(&a, lock), 0);
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EPERM);
  assert_int_equal(try_lock(&b), 0);
}


static void waiting_ends_with_its_time(void** state) {
  uint64_t start = uv_hrtime();

  (void) state;
  assert_int_equal(try_lock(&a), 0);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 30, 0, NULL), UV_ETIMEDOUT);
  assert_true(uv_hrtime() - start >= 29 * UINT64_C(1000000));
  assert_int_equal(b.count, 0);
  assert_int_equal(uvshm__a32_load_relaxed(&b.ent->held[0]), 0);
  assert_true(uvshm__a64_load_relaxed(&b.ent->wait_on) == 0);
  /* Somebody said that he sleeps: the next one out wakes, and clears it. */
  assert_int_equal(uvshm__lock_release(&a, lock), 0);
  assert_int_equal(word(), 0);
}


static void taking_what_one_holds_is_an_error(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  assert_int_equal(uvshm__lock_acquire(&a, lock, UINT64_MAX, 0, NULL),
                   UV_EINVAL);
  assert_int_equal(uvshm__lock_release(&a, lock), 0);
  assert_int_equal(word(), 0);
}


static void a_recursive_lock_is_free_after_as_many_releases(void** state) {
  struct uvshm__lock_facts facts;
  uint32_t i;

  (void) state;
  for (i = 0; i < 5; i++)
    assert_int_equal(
        uvshm__lock_acquire(&a, lock, 0, UVSHM__LOCK_RECURSIVE, NULL), 0);
  uvshm__lock_read(&bob->core, lock, &facts);
  assert_int_equal(facts.depth, 5);
  assert_int_equal(a.count, 1);
  for (i = 0; i < 5; i++) {
    assert_int_equal(try_lock(&b), UV_EBUSY);
    assert_int_equal(uvshm__lock_release(&a, lock), 0);
  }
  assert_int_equal(try_lock(&b), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&lock->depth), 0);
}


static void a_lane_holds_sixteen_and_four_more_of_the_library(void** state) {
  uint32_t i;

  (void) state;
  for (i = 0; i < 16; i++)
    assert_int_equal(uvshm__lock_acquire(&a, nth_lock(i), 0, 0, NULL), 0);
  assert_int_equal(uvshm__lock_acquire(&a, nth_lock(16), 0, 0, NULL),
                   UV_ENOBUFS);
  assert_int_equal(uvshm__a32_load_relaxed(&nth_lock(16)->word), 0);
  for (i = 16; i < 20; i++)
    assert_int_equal(
        uvshm__lock_acquire(&a, nth_lock(i), 0, UVSHM__LOCK_INTERNAL, NULL), 0);
  assert_int_equal(
      uvshm__lock_acquire(&a, nth_lock(20), 0, UVSHM__LOCK_INTERNAL, NULL),
      UV_ENOBUFS);
  /* In any order: even ones up, odd ones down. */
  for (i = 0; i < 20; i += 2)
    assert_int_equal(uvshm__lock_release(&a, nth_lock(i)), 0);
  for (i = 19; i < 20; i -= 2)
    assert_int_equal(uvshm__lock_release(&a, nth_lock(i)), 0);
  for (i = 0; i < 20; i++) {
    assert_int_equal(uvshm__a32_load_relaxed(&nth_lock(i)->word), 0);
    assert_int_equal(uvshm__a32_load_relaxed(&a.ent->held[i]), 0);
  }
}


static void a_seventeenth_recursion_needs_no_room(void** state) {
  uint32_t i;

  (void) state;
  for (i = 0; i < 16; i++)
    assert_int_equal(uvshm__lock_acquire(&a, nth_lock(i), 0, 0, NULL), 0);
  assert_int_equal(
      uvshm__lock_acquire(&a, nth_lock(3), 0, UVSHM__LOCK_RECURSIVE, NULL), 0);
  assert_int_equal(a.depth[4], 1);
}


static void a_cancelled_call_takes_a_free_lock_and_waits_for_none(
    void** state) {
  uvshm__a32_t cancelled = {1};

  (void) state;
  assert_int_equal(uvshm__lock_acquire(&b, lock, 5000, 0, &cancelled), 0);
  assert_int_equal(uvshm__lock_acquire(&a, lock, 5000, 0, &cancelled),
                   UV_ECANCELED);
}

/* ---- deaths -------------------------------------------------------------- */

static void a_dead_owner_is_told_to_one_only(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 5000, 0, NULL),
                   UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__lock_release(&b, lock), 0);
  assert_int_equal(try_lock(&b), 0);
  assert_int_equal(uvshm__lock_release(&b, lock), 0);
}


static void a_single_try_finds_a_dead_owner_too(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
}


static void the_news_survives_the_death_of_who_was_told(void** state) {
  struct fake_peer* carol = fake_join(&fake, 2);
  struct uvshm__lane c;

  (void) state;
  assert_int_equal(uvshm__lane_claim(&carol->core, &c), 0);
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
  fake_kill(bob);
  assert_int_equal(try_lock(&c), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__lock_release(&c, lock), 0);
  assert_int_equal(try_lock(&c), 0);
}


static void the_news_waits_until_somebody_comes(void** state) {
  struct uvshm__lock_facts facts;

  (void) state;
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__reap_all(&bob->core), 1);
  uvshm__lock_read(&bob->core, lock, &facts);
  assert_int_equal(facts.locked, 0);
  assert_int_equal(facts.died, 1);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
  uvshm__lock_read(&bob->core, lock, &facts);
  assert_int_equal(facts.locked, 1);
  assert_int_equal(facts.died, 0);
}


static void the_librarys_own_locks_are_not_told(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 0, UVSHM__LOCK_INTERNAL, NULL),
                   0);
}


static void a_dead_owners_recursion_is_forgotten(void** state) {
  struct uvshm__lock_facts facts;
  int i;

  (void) state;
  for (i = 0; i < 3; i++)
    assert_int_equal(
        uvshm__lock_acquire(&a, lock, 0, UVSHM__LOCK_RECURSIVE, NULL), 0);
  fake_kill(alice);
  assert_int_equal(
      uvshm__lock_acquire(&b, lock, 0, UVSHM__LOCK_RECURSIVE, NULL),
      UVSHM_OWNER_DIED);
  uvshm__lock_read(&bob->core, lock, &facts);
  assert_int_equal(facts.depth, 1);
}


static void all_locks_of_the_dead_are_found(void** state) {
  uint32_t i;

  (void) state;
  for (i = 0; i < 16; i++)
    assert_int_equal(uvshm__lock_acquire(&a, nth_lock(i), 0, 0, NULL), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__lock_acquire(&b, nth_lock(9), 0, 0, NULL),
                   UVSHM_OWNER_DIED);
  for (i = 0; i < 16; i++)
    if (i != 9)
      assert_int_equal(uvshm__a32_load_relaxed(&nth_lock(i)->word),
                       UVSHM__LOCK_DIED);
}


static void who_holds_a_lock_repairs_locks_only(void** state) {
  const uvshm__a64_t* state_word = &uvshm__core_peer(&bob->core, 0)->state;

  (void) state;
  assert_int_equal(uvshm__lock_acquire(&a, nth_lock(0), 0, 0, NULL), 0);
  assert_int_equal(uvshm__lock_acquire(&b, nth_lock(1), 0, 0, NULL), 0);
  fake_kill(alice);
  assert_int_equal(uvshm__lock_acquire(&b, nth_lock(0), 0, 0, NULL),
                   UVSHM_OWNER_DIED);
  assert_int_equal((uint32_t) uvshm__a64_load_relaxed(state_word),
                   UVSHM__PEER_REAPING);
  assert_int_equal(uvshm__reap_all(&bob->core), 1);
  assert_int_equal((uint32_t) uvshm__a64_load_relaxed(state_word),
                   UVSHM__PEER_FREE);
}


static void while_another_repairs_the_owner_counts_as_alive(void** state) {
  struct fake_peer* carol = fake_join(&fake, 2);

  (void) state;
  assert_int_equal(try_lock(&a), 0);
  fake_kill(alice);
  assert_int_equal(fake.env.claim(carol, 0), 0);
  assert_int_equal(try_lock(&b), UV_EBUSY);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 5, 0, NULL), UV_ETIMEDOUT);
  fake_kill(carol); /* the repairer dies too */
  assert_int_equal(uvshm__lock_acquire(&b, lock, 5000, 0, NULL),
                   UVSHM_OWNER_DIED);
}


static void an_abandoned_lock_is_one_whose_owner_died(void** state) {
  (void) state;
  assert_int_equal(uvshm__lock_abandon(&a, lock), UV_EPERM);
  assert_int_equal(try_lock(&a), 0);
  assert_int_equal(uvshm__lock_abandon(&a, lock), 0);
  assert_int_equal(a.count, 0);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
}

/* ---- the log ------------------------------------------------------------- */

static void log_four(struct uvshm__lock* of) {
  uint32_t i;

  for (i = 0; i < 3; i++)
    uvshm__lock_log(of, i, fake_cell_offset(i), 8, UINT64_MAX - i);
  uvshm__lock_log(of, 3, fake_cell_offset(3) + 4, 4, 7);
}


static void assert_four(void) {
  uint32_t i;

  for (i = 0; i < 3; i++)
    assert_true(uvshm__a64_load_relaxed(fake_cell(&fake, i)) == UINT64_MAX - i);
  assert_true(uvshm__a64_load_relaxed(fake_cell(&fake, 3)) == UINT64_C(7)
                                                                  << 32);
}


static void a_commit_stores_what_was_logged(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  log_four(lock);
  assert_true(uvshm__a64_load_relaxed(fake_cell(&fake, 0)) == 0);
  uvshm__lock_commit(&alice->core, lock, 4);
  assert_four();
  assert_int_equal(uvshm__a32_load_relaxed(&lock->n), 0);
}


static void a_log_that_was_not_committed_never_happened(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  log_four(lock);
  fake_kill(alice);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
  assert_true(uvshm__a64_load_relaxed(fake_cell(&fake, 0)) == 0);
}


static void a_committed_log_is_finished_by_repair(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  log_four(lock);
  uvshm__a32_store_relaxed(&lock->n, 4); /* and dies here */
  fake_kill(alice);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
  assert_four();
  assert_int_equal(uvshm__a32_load_relaxed(&lock->n), 0);
}


static void a_log_changes_nothing_outside_of_the_object(void** state) {
  struct uvshm__core* core = &alice->core;
  uint64_t outside[] = {0,
                        8,
                        512,
                        UVSHM__ROOT_OFFSET + UVSHM__ROOT_SIZE - 4,
                        UVSHM__PEERS_OFFSET,
                        core->lanes_offset,
                        core->control_size,
                        core->control_size - 4,
                        UINT64_MAX >> 8,
                        fake_cell_offset(0) + 4};
  uint32_t i;

  (void) state;
  assert_int_equal(try_lock(&a), 0);
  for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
    uvshm__lock_log(lock, 0, outside[i], 8, UINT64_C(0x1234567812345678));
    uvshm__lock_commit(core, lock, 1);
  }
  for (i = 0; i < fake.control.committed / 8; i++)
    if ((unsigned char*) ((uint64_t*) fake.memory + i) !=
        (unsigned char*) &lock->log[0].value)
      assert_true(((uint64_t*) fake.memory)[i] != UINT64_C(0x1234567812345678));
  for (i = 0; i < 9; i++)
    if (i != 4 && i != 8) {
      uvshm__lock_log(lock, 0, fake_cell_offset(0), i, 5);
      uvshm__lock_commit(core, lock, 1);
    }
  assert_true(uvshm__a64_load_relaxed(fake_cell(&fake, 0)) == 0);
}

/* ---- damage -------------------------------------------------------------- */

static void a_word_that_names_nobody_is_damage(void** state) {
  uint32_t damaged[] = {39 + 1,              /* free lane */
                        FAKE_LANES + 1,      /* no such lane */
                        0xfff,               /* the same */
                        a.name + (1u << 12), /* another generation */
                        5u << 12};           /* a generation of no lane */
  struct uvshm__lock_facts facts;
  uint32_t i;

  (void) state;
  for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
    uvshm__a32_store_relaxed(&lock->word, damaged[i]);
    assert_int_equal(try_lock(&b), UV_EPROTO);
    assert_int_equal(uvshm__lock_acquire(&b, lock, UINT64_MAX, 0, NULL),
                     UV_EPROTO);
    assert_int_equal(b.count, 0);
    uvshm__lock_read(&bob->core, lock, &facts);
    assert_int_equal(facts.damaged, 1);
    /* Only mending clears it, and the next one is told. */
    assert_int_equal(uvshm__lock_mend(&b, lock), 1);
    assert_int_equal(uvshm__lock_mend(&b, lock), 0);
    assert_int_equal(b.count, 0);
    assert_int_equal(try_lock(&a), UVSHM_OWNER_DIED);
    assert_int_equal(uvshm__lock_release(&a, lock), 0);
  }
}


static void a_word_that_says_that_i_hold_it_is_damage(void** state) {
  (void) state;
  uvshm__a32_store_relaxed(&lock->word, a.name);
  assert_int_equal(try_lock(&a), UV_EPROTO);
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EPERM);
}


static void an_overwritten_word_cannot_be_released(void** state) {
  (void) state;
  assert_int_equal(try_lock(&a), 0);
  uvshm__a32_store_relaxed(&lock->word, b.name);
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EPERM);
  assert_int_equal(word(), b.name);
  assert_int_equal(a.count, 0);
  assert_int_equal(uvshm__a32_load_relaxed(&a.ent->held[0]), 0);
}


static void an_impossible_log_is_mended(void** state) {
  (void) state;
  uvshm__a32_store_relaxed(&lock->n, 7);
  assert_int_equal(uvshm__lock_mend(&b, lock), 1);
  assert_int_equal(uvshm__a32_load_relaxed(&lock->n), 0);
}


static void notes_that_point_anywhere_do_no_harm(void** state) {
  /* Behind it lies what each repair changes: the news of peers. */
  enum {
    HEADER = 176
  };
  static unsigned char before[HEADER];
  uint32_t i;

  (void) state;
  assert_int_equal(try_lock(&a), 0);
  uvshm__a32_store_relaxed(&a.ent->held[1], 1);          /* the header */
  uvshm__a32_store_relaxed(&a.ent->held[2], UINT32_MAX); /* far outside */
  uvshm__a32_store_relaxed(&a.ent->held[3],
                           alice->core.lanes_offset / 64); /* a lane */
  uvshm__a32_store_relaxed(&a.ent->held[4], alice->core.control_size / 64 - 1);
  for (i = 0; i < HEADER; i++) before[i] = fake.memory[i];
  fake_kill(alice);
  assert_int_equal(try_lock(&b), UVSHM_OWNER_DIED);
  assert_memory_equal(before, fake.memory, HEADER);
}

/* ---- what is told about it ----------------------------------------------- */

static void facts_name_the_owner(void** state) {
  struct uvshm__lock_facts facts;

  (void) state;
  uvshm__lock_read(&bob->core, lock, &facts);
  assert_int_equal(facts.locked, 0);
  assert_int_equal(facts.depth, 0);
  assert_int_equal(try_lock(&b), 0);
  uvshm__lock_read(&alice->core, lock, &facts);
  assert_int_equal(facts.locked, 1);
  assert_int_equal(facts.slot, 1);
  assert_int_equal(facts.lane, b.index);
  assert_int_equal(facts.depth, 1);
  assert_int_equal(facts.waiters, 0);
  uvshm__a64_store_relaxed(&a.ent->wait_on, UVSHM__ROOT_OFFSET);
  uvshm__lock_read(&alice->core, lock, &facts);
  assert_int_equal(facts.waiters, 1);
}


int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
  const struct CMUnitTest tests[] = {
      CASE(a_free_lock_is_taken_and_given_back),
      CASE(alone_it_calls_nobody),
      CASE(a_taken_lock_is_busy),
      CASE(waiting_ends_with_its_time),
      CASE(taking_what_one_holds_is_an_error),
      CASE(a_recursive_lock_is_free_after_as_many_releases),
      CASE(a_lane_holds_sixteen_and_four_more_of_the_library),
      CASE(a_seventeenth_recursion_needs_no_room),
      CASE(a_cancelled_call_takes_a_free_lock_and_waits_for_none),
      CASE(a_dead_owner_is_told_to_one_only),
      CASE(a_single_try_finds_a_dead_owner_too),
      CASE(the_news_survives_the_death_of_who_was_told),
      CASE(the_news_waits_until_somebody_comes),
      CASE(the_librarys_own_locks_are_not_told),
      CASE(a_dead_owners_recursion_is_forgotten),
      CASE(all_locks_of_the_dead_are_found),
      CASE(who_holds_a_lock_repairs_locks_only),
      CASE(while_another_repairs_the_owner_counts_as_alive),
      CASE(an_abandoned_lock_is_one_whose_owner_died),
      CASE(a_commit_stores_what_was_logged),
      CASE(a_log_that_was_not_committed_never_happened),
      CASE(a_committed_log_is_finished_by_repair),
      CASE(a_log_changes_nothing_outside_of_the_object),
      CASE(a_word_that_names_nobody_is_damage),
      CASE(a_word_that_says_that_i_hold_it_is_damage),
      CASE(an_overwritten_word_cannot_be_released),
      CASE(an_impossible_log_is_mended),
      CASE(notes_that_point_anywhere_do_no_harm),
      CASE(facts_name_the_owner),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
