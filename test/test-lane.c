/* SPDX-License-Identifier: MIT */

/* Lanes and peers on plain memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/signal.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

#include <string.h>


static int make(void** state) {
  static struct fake fake;

  fake_make(&fake, UVSHM_KIND_MUTEX);
  *state = &fake;
  return 0;
}


static int unmake(void** state) {
  fake_free(*state);
  return 0;
}


static uint32_t peer_state(struct fake* fake, uint32_t slot) {
  return (uint32_t) uvshm__a64_load_relaxed(
      &uvshm__core_peer(&fake->peers[1].core, slot)->state);
}


static void a_peer_is_who_it_says_it_is(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 3);
  struct uvshm__peer_facts facts;

  uvshm__peer_read(&peer->core, 3, &facts);
  assert_int_equal(facts.pid, 1003);
  assert_int_equal(facts.generation, 1);
  assert_int_equal(facts.state, UVSHM__PEER_LIVE);
  assert_true(facts.attached_ms == 1);
  assert_string_equal(facts.label, "fake");
  assert_int_equal(uvshm__peer_is_live(&peer->core, 3), 1);
  assert_int_equal(uvshm__peer_is_free(&peer->core, 2), 1);
  assert_int_equal(uvshm__peer_is_ours(&peer->core), 1);
}


static void a_long_label_is_cut_and_ends(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__peer_facts facts;
  char label[100];

  memset(label, 'x', sizeof(label));
  label[99] = '\0';
  uvshm__peer_leave(&peer->core, 1);
  uvshm__peer_join(&peer->core, 1, label, 2);
  uvshm__peer_read(&peer->core, 0, &facts);
  assert_int_equal(strlen(facts.label), 47);
}


static void every_join_is_a_new_generation(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 1);

  uvshm__peer_leave(&peer->core, 1);
  assert_int_equal(peer_state(fake, 1), UVSHM__PEER_FREE);
  fake_join(fake, 1);
  assert_int_equal(peer->core.generation, 2);
  fake_kill(peer);
  fake_join(fake, 1);
  assert_int_equal(peer->core.generation, 3);
}


static void leaving_twice_leaves_the_successor_alone(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 1);
  struct uvshm__core old = peer->core;

  uvshm__peer_leave(&peer->core, 1);
  fake_join(fake, 1);
  uvshm__peer_leave(&old, 1);
  assert_int_equal(peer_state(fake, 1), UVSHM__PEER_LIVE);
}


/* ---- by calls of the system ---------------------------------------------- */

static struct {
  uint32_t reads;
  uint32_t writes;
  uint32_t refused; /* the number of the write that fails; 0: none */
  size_t sizes[8];
  uint64_t states[8]; /* of slot 1, after each write */
} calls;


static int call_read(void* arg, uint64_t at, void* bytes, size_t size) {
  struct fake_peer* peer = arg;

  calls.reads++;
  memcpy(bytes, peer->core.base + at, size);
  return 0;
}


static int call_write(void* arg, uint64_t at, const void* bytes, size_t size) {
  struct fake_peer* peer = arg;
  uint32_t number = calls.writes++;

  if (calls.writes == calls.refused) return UV_EIO;
  memcpy(peer->core.base + at, bytes, size);
  if (number < 8) {
    calls.sizes[number] = size;
    calls.states[number] =
        uvshm__a64_load_relaxed(&uvshm__core_peer(&peer->core, 1)->state);
  }
  return 0;
}


static void with_calls(struct fake* fake) {
  memset(&calls, 0, sizeof(calls));
  fake->env.read_at = call_read;
  fake->env.write_at = call_write;
}


/* The entry says free until all of it is there; one byte makes it count. */
static void a_peer_joins_and_leaves_by_calls(void** state) {
  struct fake* fake = *state;
  struct uvshm__peer_facts facts;
  struct fake_peer* peer;

  with_calls(fake);
  peer = fake_join(fake, 1);
  assert_int_equal(calls.writes, 2);
  assert_true(calls.states[0] == (UINT64_C(1) << 32 | UVSHM__PEER_FREE));
  assert_int_equal(calls.sizes[1], 1);
  assert_true(calls.states[1] == (UINT64_C(1) << 32 | UVSHM__PEER_LIVE));
  uvshm__peer_read(&peer->core, 1, &facts);
  assert_int_equal(facts.pid, 1001);
  assert_string_equal(facts.label, "fake");
  assert_true(facts.attached_ms == 1);
  assert_int_equal(uvshm__peer_is_ours(&peer->core), 1);

  uvshm__peer_leave_untouched(&peer->core, 5);
  assert_int_equal(calls.writes, 3);
  assert_true(calls.states[2] == (UINT64_C(1) << 32 | UVSHM__PEER_FREE));
  assert_true(
      uvshm__a64_load_relaxed(&uvshm__core_peer(&peer->core, 1)->left_ms) == 5);
}


/* A call that fails in the middle, whichever it is, changes nothing. */
static void what_no_call_can_do_the_mapping_does(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer;
  uint32_t number;

  with_calls(fake);
  for (number = 1; number <= 3; number++) {
    calls.writes = 0;
    calls.refused = number;
    peer = fake_join(fake, 1);
    assert_int_equal(peer->core.generation, number);
    assert_int_equal(uvshm__peer_is_ours(&peer->core), 1);
    uvshm__peer_leave_untouched(&peer->core, number);
    assert_int_equal(peer_state(fake, 1), UVSHM__PEER_FREE);
    assert_true(uvshm__a64_load_relaxed(
                    &uvshm__core_peer(&peer->core, 1)->left_ms) == number);
  }
}


/* Who came and went is counted for those alone who watch, by call or not. */
static void who_watches_hears_of_those_that_join_by_calls(void** state) {
  struct fake* fake = *state;
  struct fake_peer* watcher = fake_join(fake, 0);
  struct uvshm__header* header = uvshm__core_header(&watcher->core);
  struct fake_peer* peer;

  with_calls(fake);
  peer = fake_join(fake, 1);
  uvshm__peer_leave_untouched(&peer->core, 1);
  assert_true(uvshm__a64_load_relaxed(&header->peers_changes) == 0);
  uvshm__signal_watch(&watcher->core, uvshm__peers_news(&watcher->core));
  fake_join(fake, 1);
  assert_true(uvshm__a64_load_relaxed(&header->peers_changes) == 1);
  uvshm__peer_leave_untouched(&peer->core, 1);
  assert_true(uvshm__a64_load_relaxed(&header->peers_changes) == 2);
}


/* A slot that looks free may be given by the kernel when its last peer died. */
static void a_dead_peer_is_repaired_after_by_calls_too(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer;

  with_calls(fake);
  peer = fake_join(fake, 1);
  fake_kill(peer);
  peer = fake_join(fake, 1);
  assert_int_equal(peer->core.generation, 2);
  assert_int_equal(uvshm__peer_is_ours(&peer->core), 1);
}


static void a_claimed_lane_is_the_threads_own(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__lane a;
  struct uvshm__lane b;

  assert_int_equal(uvshm__lane_claim(&peer->core, &a), 0);
  assert_int_equal(uvshm__lane_claim(&peer->core, &b), 0);
  assert_int_not_equal(a.index, b.index);
  assert_int_not_equal(a.name, b.name);
  assert_int_equal(uvshm__lane_used(&peer->core), 2);
  uvshm__lane_exit(&a);
  uvshm__lane_exit(&b);
  assert_int_equal(uvshm__lane_used(&peer->core), 0);
}


static void a_lane_has_another_name_for_each_owner(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__lane lane;
  uint32_t name = 0;
  int i;

  for (i = 0; i < 3; i++) {
    assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
    assert_int_equal(lane.index, 0);
    assert_int_not_equal(lane.name, name);
    name = lane.name;
    uvshm__lane_exit(&lane);
  }
}


static void too_many_lanes_are_emfile(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__lane lanes[FAKE_LANES + 1];
  int i;

  for (i = 0; i < FAKE_LANES; i++)
    assert_int_equal(uvshm__lane_claim(&peer->core, &lanes[i]), 0);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lanes[i]), UV_EMFILE);
  uvshm__lane_exit(&lanes[7]);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lanes[7]), 0);
  assert_int_equal(lanes[7].index, 7);
}


static void the_lanes_of_the_dead_are_given_out_again(void** state) {
  struct fake* fake = *state;
  struct fake_peer* dead = fake_join(fake, 0);
  struct fake_peer* peer = fake_join(fake, 1);
  struct uvshm__lane lanes[FAKE_LANES];
  struct uvshm__lane lane;
  int i;

  for (i = 0; i < FAKE_LANES; i++)
    assert_int_equal(uvshm__lane_claim(&dead->core, &lanes[i]), 0);
  fake_kill(dead);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  assert_int_equal(uvshm__lane_used(&peer->core), 1);
  assert_int_equal(peer_state(fake, 0), UVSHM__PEER_FREE);
}


static void a_peer_that_was_declared_dead_gets_no_lane(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct fake_peer* other = fake_join(fake, 1);
  struct uvshm__lane lane;

  peer->alive = 0; /* the kernel is wrong */
  assert_int_equal(uvshm__reap(&other->core, 0), 0);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), UV_ECANCELED);
}


static void a_thread_that_ends_leaves_news(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__lock* lock = fake_root(fake);
  struct uvshm__lane a;
  struct uvshm__lane b;

  assert_int_equal(uvshm__lane_claim(&peer->core, &a), 0);
  assert_int_equal(uvshm__lane_claim(&peer->core, &b), 0);
  assert_int_equal(uvshm__lock_acquire(&a, lock, 0, 0, NULL), 0);
  uvshm__lane_exit(&a);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 0, 0, NULL), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__lane_used(&peer->core), 1);
  uvshm__lane_exit(&b);
}


static void a_lane_that_was_taken_away_can_do_nothing(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct fake_peer* other = fake_join(fake, 1);
  struct uvshm__lock* lock = fake_root(fake);
  struct uvshm__lane lane;
  struct uvshm__lane next;

  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock, 0, 0, NULL), 0);
  peer->alive = 0;
  assert_int_equal(uvshm__reap(&other->core, 0), 0);
  assert_int_equal(uvshm__lane_claim(&other->core, &next), 0);
  assert_int_equal(next.index, lane.index);

  assert_int_equal(uvshm__lock_release(&lane, lock), UV_EPERM);
  assert_int_equal(uvshm__lock_acquire(&lane, lock, 0, 0, NULL), UV_ECANCELED);
  uvshm__lane_exit(&lane);
  assert_int_equal(uvshm__lock_acquire(&next, lock, 0, 0, NULL),
                   UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__lane_used(&other->core), 1);
}


static void an_exited_lane_can_do_nothing(void** state) {
  struct fake* fake = *state;
  struct fake_peer* peer = fake_join(fake, 0);
  struct uvshm__lane lane;

  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  uvshm__lane_exit(&lane);
  assert_int_equal(uvshm__lock_acquire(&lane, fake_root(fake), 0, 0, NULL),
                   UV_ECANCELED);
  uvshm__lane_exit(&lane);
  assert_int_equal(uvshm__lane_used(&peer->core), 0);
}


static void a_joiner_in_a_dead_peers_slot_repairs_first(void** state) {
  struct fake* fake = *state;
  struct fake_peer* dead = fake_join(fake, 2);
  struct fake_peer* peer = fake_join(fake, 1);
  struct uvshm__lock* lock = fake_root(fake);
  struct uvshm__lane lane;

  assert_int_equal(uvshm__lane_claim(&dead->core, &lane), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock, 0, 0, NULL), 0);
  fake_kill(dead);
  fake_join(fake, 2);
  assert_int_equal(uvshm__a32_load_relaxed(&lock->word), UVSHM__LOCK_DIED);
  assert_int_equal(uvshm__lane_used(&peer->core), 0);
}


/* What a transaction has changed may lie where it cannot reach. */
static void a_joiner_repairs_only_what_it_has_mapped(void** state) {
  static struct fake segment;
  struct fake_peer* peer;
  uint64_t before;

  (void) state;
  fake_make_sized(&segment, UVSHM_KIND_SEGMENT, 1 << 20, 1 << 20);
  peer = fake_join(&segment, 3);
  fake_kill(peer);
  before = uvshm__a64_load_relaxed(&uvshm__core_peer(&peer->core, 3)->state);
  peer->core.reach -= 65536;
  assert_int_equal(uvshm__peer_join(&peer->core, 1, "short", 1), UV_ENOMEM);
  assert_true(uvshm__a64_load_relaxed(
                  &uvshm__core_peer(&peer->core, 3)->state) == before);
  peer->core.reach += 65536;
  assert_int_equal(uvshm__peer_join(&peer->core, 1, "whole", 1), 0);
  fake_free(&segment);
}


static void repair_in_two_parts_keeps_the_slot_until_the_second(void** state) {
  struct fake* fake = *state;
  struct fake_peer* dead = fake_join(fake, 0);
  struct fake_peer* peer = fake_join(fake, 1);
  struct uvshm__lane lane;

  assert_int_equal(uvshm__lane_claim(&dead->core, &lane), 0);
  assert_int_equal(uvshm__reap_locks(&peer->core, 0), UV_EBUSY);
  assert_int_equal(uvshm__reap_locks(&peer->core, 1), UV_EBUSY);
  assert_int_equal(uvshm__reap_locks(&peer->core, 999), UV_EBUSY);
  fake_kill(dead);
  assert_int_equal(uvshm__reap_locks(&peer->core, 0), 0);
  assert_int_equal(peer_state(fake, 0), UVSHM__PEER_REAPING);
  assert_int_equal(uvshm__lane_used(&peer->core), 1);
  assert_int_equal(uvshm__core_check(&peer->core, UVSHM_KIND_MUTEX), 0);
  assert_int_equal(uvshm__reap_all(&peer->core), 1);
  assert_int_equal(peer_state(fake, 0), UVSHM__PEER_FREE);
  assert_int_equal(uvshm__reap_all(&peer->core), 0);
}


struct claimer {
  struct fake_peer* peer;
  uint32_t rounds;
  uint32_t failures;
};

static uvshm__a32_t in_use[FAKE_LANES];


static void claim_and_exit(void* arg) {
  struct claimer* claimer = arg;
  struct uvshm__lane lane;
  uint32_t i;

  for (i = 0; i < claimer->rounds; i++) {
    if (uvshm__lane_claim(&claimer->peer->core, &lane) < 0) {
      claimer->failures++;
      continue;
    }
    if (uvshm__a32_xchg(&in_use[lane.index], 1) != 0) claimer->failures++;
    uvshm__a32_store_release(&in_use[lane.index], 0);
    uvshm__lane_exit(&lane);
  }
}


static void no_lane_is_given_to_two_threads(void** state) {
  struct fake* fake = *state;
  struct claimer claimers[8];
  uv_thread_t threads[8];
  uint32_t i;

  for (i = 0; i < 8; i++) {
    claimers[i].peer = fake_join(fake, i);
    claimers[i].rounds = 20000;
    claimers[i].failures = 0;
  }
  for (i = 0; i < 8; i++)
    assert_int_equal(
        uv_thread_create(&threads[i], claim_and_exit, &claimers[i]), 0);
  for (i = 0; i < 8; i++) uv_thread_join(&threads[i]);
  for (i = 0; i < 8; i++) assert_int_equal(claimers[i].failures, 0);
  assert_int_equal(uvshm__lane_used(&fake->peers[0].core), 0);
}


int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
  const struct CMUnitTest tests[] = {
      CASE(a_peer_is_who_it_says_it_is),
      CASE(a_long_label_is_cut_and_ends),
      CASE(every_join_is_a_new_generation),
      CASE(leaving_twice_leaves_the_successor_alone),
      CASE(a_peer_joins_and_leaves_by_calls),
      CASE(what_no_call_can_do_the_mapping_does),
      CASE(who_watches_hears_of_those_that_join_by_calls),
      CASE(a_dead_peer_is_repaired_after_by_calls_too),
      CASE(a_claimed_lane_is_the_threads_own),
      CASE(a_lane_has_another_name_for_each_owner),
      CASE(too_many_lanes_are_emfile),
      CASE(the_lanes_of_the_dead_are_given_out_again),
      CASE(a_peer_that_was_declared_dead_gets_no_lane),
      CASE(a_thread_that_ends_leaves_news),
      CASE(a_lane_that_was_taken_away_can_do_nothing),
      CASE(an_exited_lane_can_do_nothing),
      CASE(a_joiner_in_a_dead_peers_slot_repairs_first),
      CASE(a_joiner_repairs_only_what_it_has_mapped),
      CASE(repair_in_two_parts_keeps_the_slot_until_the_second),
      CASE(no_lane_is_given_to_two_threads),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
