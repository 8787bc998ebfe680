/* SPDX-License-Identifier: MIT */

/* Sleeping and waking, one thread: the system is a script that says what
 * happens during each sleep, and a record of what was asked of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"
#include "valgrind.h"

#include "core/lock.h"
#include "core/sem.h"
#include "core/spin.h"
#include "core/wait.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

#include <string.h>

#define SLEEPS_MAX 64

static struct fake fake;
static struct fake_peer* peer;
static struct uvshm__lane lane;
static struct uvshm__lane other;

/* The script. */
static void (*during_sleep)(uint32_t nth);
static int sleep_result;

/* The record. */
static uint32_t sleeps;
static uint32_t slept_ms[SLEEPS_MAX];
static uint32_t wakes;
static uint32_t woken_lane[SLEEPS_MAX];
static uint32_t wake_count;
static uint32_t clocks;
static uint64_t now_ms;


static int scripted_wait(void* arg,
                         const uvshm__a32_t* word,
                         uint32_t value,
                         uint32_t index,
                         uint32_t timeout_ms) {
  (void) arg;
  assert_int_equal(index, lane.index);
  assert_int_equal(uvshm__a32_load_relaxed(word), value);
  /* Whoever wakes must be able to find us. */
  assert_true(uvshm__a64_load_relaxed(&lane.ent->wait_on) ==
              (uint64_t) ((const unsigned char*) word - fake.memory));
  assert_int_equal(uvshm__wait_count(&peer->core, word), 1);
  if (sleeps < SLEEPS_MAX) slept_ms[sleeps] = timeout_ms;
  sleeps++;
  if (sleep_result == UV_ETIMEDOUT) now_ms += timeout_ms;
  if (during_sleep != NULL) during_sleep(sleeps);
  return sleep_result;
}


static int slice_ends(void* arg,
                      const uvshm__a32_t* word,
                      uint32_t value,
                      uint32_t index,
                      uint32_t timeout_ms) {
  (void) arg;
  (void) word;
  (void) value;
  (void) index;
  (void) timeout_ms;
  return UV_ETIMEDOUT;
}


static void scripted_wake(void* arg,
                          const uvshm__a32_t* word,
                          uint32_t index,
                          uint32_t count) {
  (void) arg;
  (void) word;
  if (wakes < SLEEPS_MAX) woken_lane[wakes] = index;
  wake_count = count;
  wakes++;
}


static uint64_t scripted_now_ms(void* arg) {
  (void) arg;
  clocks++;
  return now_ms;
}


static int make(void** state) {
  (void) state;
  fake_make(&fake, UVSHM_KIND_MUTEX);
  fake.env.wait = scripted_wait;
  fake.env.wake = scripted_wake;
  fake.env.now_ms = scripted_now_ms;
  peer = fake_join(&fake, 0);
  during_sleep = NULL;
  sleep_result = UV_ETIMEDOUT;
  sleeps = wakes = wake_count = clocks = 0;
  now_ms = 5000;
  if (uvshm__lane_claim(&peer->core, &lane) < 0) return -1;
  return uvshm__lane_claim(&peer->core, &other);
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static struct uvshm__lock* lock(void) {
  return fake_root(&fake);
}


static struct uvshm__sem* sem(void) {
  return (struct uvshm__sem*) fake_root(&fake);
}


static void begin(struct uvshm__wait* wait, uint64_t timeout_ms) {
  uvshm__wait_begin(wait, &lane, &lock()->word, timeout_ms, NULL);
}

/* ---- slices -------------------------------------------------------------- */

static void slices_double_up_to_twenty_milliseconds(void** state) {
  const uint32_t expected[] = {1, 2, 4, 8, 16, 20, 20, 20};
  struct uvshm__wait wait;
  uint32_t i;

  (void) state;
  begin(&wait, UVSHM__WAIT_FOREVER);
  for (i = 0; i < 8; i++) {
    assert_int_equal(uvshm__wait_sleep(&wait, 0), UVSHM__WAIT_SLICE);
    assert_int_equal(slept_ms[i], expected[i]);
  }
  assert_int_equal(clocks, 0);
  assert_true(uvshm__a64_load_relaxed(&lane.ent->wait_on) == 0);
}


static void the_last_slice_ends_with_the_time(void** state) {
  struct uvshm__wait wait;

  (void) state;
  begin(&wait, 10);
  while (uvshm__wait_sleep(&wait, 0) == UVSHM__WAIT_SLICE) continue;
  assert_true(now_ms == 5010);
  assert_int_equal(sleeps, 4); /* 1 2 4 3 */
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UV_ETIMEDOUT);
}


static void no_time_means_no_sleep_and_no_clock(void** state) {
  struct uvshm__wait wait;

  (void) state;
  begin(&wait, 0);
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UV_ETIMEDOUT);
  assert_int_equal(sleeps, 0);
  assert_int_equal(clocks, 0);
}


static void a_time_beyond_the_end_of_the_clock_is_for_ever(void** state) {
  struct uvshm__wait wait;

  (void) state;
  begin(&wait, UINT64_MAX - 1);
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UVSHM__WAIT_SLICE);
  now_ms = UINT64_MAX - 2;
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UVSHM__WAIT_SLICE);
}


static void a_word_that_changed_is_not_slept_on(void** state) {
  struct uvshm__wait wait;

  (void) state;
  begin(&wait, UVSHM__WAIT_FOREVER);
  assert_int_equal(uvshm__wait_sleep(&wait, 5), 0);
  assert_int_equal(sleeps, 0);
}


static void who_is_woken_for_ever_asks_now_and_then(void** state) {
  struct uvshm__wait wait;
  uint32_t questions = 0;
  uint32_t i;

  (void) state;
  sleep_result = 0;
  begin(&wait, UVSHM__WAIT_FOREVER);
  for (i = 0; i < 160; i++)
    if (uvshm__wait_sleep(&wait, 0) == UVSHM__WAIT_SLICE) questions++;
  assert_int_equal(questions, 10);
}


static void a_cancelled_wait_does_not_sleep(void** state) {
  uvshm__a32_t cancelled = {1};
  struct uvshm__wait wait;

  (void) state;
  uvshm__wait_begin(
      &wait, &lane, &lock()->word, UVSHM__WAIT_FOREVER, &cancelled);
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UV_ECANCELED);
  assert_int_equal(sleeps, 0);
}

/* ---- waking -------------------------------------------------------------- */

static void by_word_one_call_wakes_as_many_as_wanted(void** state) {
  (void) state;
  uvshm__wait_wake(&peer->core, &lock()->word, 0, 3);
  assert_int_equal(wakes, 1);
  assert_int_equal(wake_count, 3);
  uvshm__wait_wake(&peer->core, &lock()->word, 0, UINT32_MAX);
  assert_true(wake_count <= INT32_MAX);
}


static void by_lane_only_those_who_sleep_there_are_woken(void** state) {
  uint32_t i;

  (void) state;
  fake.env.wakes_lanes = 1;
  for (i = 2; i < FAKE_LANES; i += 3)
    uvshm__a64_store_relaxed(&uvshm__core_lane(&peer->core, i)->wait_on,
                             i == 5 ? 4096 : UVSHM__ROOT_OFFSET);
  uvshm__wait_wake(&peer->core, &lock()->word, 9, 2);
  assert_int_equal(wakes, 2);
  for (i = 0; i < 2; i++) {
    assert_int_equal(woken_lane[i] % 3, 2);
    assert_int_not_equal(woken_lane[i], 5);
  }
  assert_int_not_equal(woken_lane[0], woken_lane[1]);
  wakes = 0;
  uvshm__wait_wake(&peer->core, &lock()->word, 1000, UINT32_MAX);
  assert_int_equal(wakes, 12);
  assert_int_equal(uvshm__wait_count(&peer->core, &lock()->word), 12);
}

static void by_lane_everybody_gets_his_turn(void** state) {
  uint32_t seen = 0;
  uint32_t i;

  (void) state;
  fake.env.wakes_lanes = 1;
  for (i = 10; i < 14; i++)
    uvshm__a64_store_relaxed(&uvshm__core_lane(&peer->core, i)->wait_on,
                             UVSHM__ROOT_OFFSET);
  for (i = 0; i < FAKE_LANES; i++) {
    uvshm__wait_wake(&peer->core, &lock()->word, 0, 1);
    seen |= 1u << (woken_lane[i] - 10);
  }
  assert_int_equal(seen, 15);
}


/* A wake that goes to him is lost to those who live. */
static void by_lane_one_who_died_asleep_is_found(void** state) {
  struct fake_peer* dead = fake_join(&fake, 3);
  struct uvshm__lane dead_lane;
  struct uvshm__wait wait;

  (void) state;
  fake.env.wakes_lanes = 1;
  assert_int_equal(uvshm__lane_claim(&dead->core, &dead_lane), 0);
  uvshm__a64_store_relaxed(&dead_lane.ent->wait_on, UVSHM__ROOT_OFFSET + 4);
  fake_kill(dead);
  uvshm__wait_begin(&wait, &lane, &lock()->n, UVSHM__WAIT_FOREVER, NULL);
  during_sleep = NULL;
  fake.env.wait = slice_ends;
  assert_int_equal(uvshm__wait_sleep(&wait, 0), UVSHM__WAIT_SLICE);
  assert_true(uvshm__a64_load_relaxed(&dead_lane.ent->wait_on) == 0);
}

/* ---- spinning ------------------------------------------------------------ */

static uvshm__a32_t stop;


static void give_back_and_again(void* arg) {
  (void) arg;
  while (uvshm__a32_load_relaxed(&stop) == 0)
    uvshm__a32_store_relaxed(&lock()->n,
                             1 - uvshm__a32_load_relaxed(&lock()->n));
}


static void spinning_in_vain_gets_shorter_and_comes_back(void** state) {
  uv_thread_t thread;
  uint32_t i;

  (void) state;
  uvshm__a32_store_relaxed(&lock()->n, 1);
  assert_int_equal(lane.spins, UVSHM__WAIT_SPINS);
  for (i = 0; i < 50; i++)
    assert_int_equal(uvshm__wait_spin(&lane, &lock()->n, 1, 1), 1);
  assert_int_equal(lane.spins, 10);
  /* What is free at once teaches nothing. */
  uvshm__a32_store_relaxed(&lock()->n, 0);
  assert_int_equal(uvshm__wait_spin(&lane, &lock()->n, 1, 1), 0);
  assert_int_equal(lane.spins, 10);

  /* Nobody else runs while this thread spins. */
  if (test_in_valgrind()) return;
  uvshm__a32_store_relaxed(&stop, 0);
  assert_int_equal(uv_thread_create(&thread, give_back_and_again, NULL), 0);
  for (i = 0; i < 10000000 && lane.spins < UVSHM__WAIT_SPINS; i++)
    uvshm__wait_spin(&lane, &lock()->n, 1, 1);
  uvshm__a32_store_relaxed(&stop, 1);
  uv_thread_join(&thread);
  assert_int_equal(lane.spins, UVSHM__WAIT_SPINS);
}

/* ---- by the clock -------------------------------------------------------- */

static uint64_t ticks;
static uint64_t tick_ns;


static uint64_t ticking(void* arg) {
  (void) arg;
  ticks++;
  return ticks * tick_ns;
}


/* How often it looked, when the clock goes on by `ns` with each call. */
static uint32_t spin_in_vain(uint64_t ns) {
  struct uvshm__spin spin;

  ticks = 0;
  tick_ns = ns;
  uvshm__spin_begin(&spin, &lane);
  while (uvshm__spin_on(&spin)) continue;
  uvshm__spin_end(&spin, 0);
  return spin.looks;
}


static void a_spin_ends_by_the_clock(void** state) {
  (void) state;
  fake.env.now_ns = ticking;
  /* The first look at the clock, then one each microsecond. */
  assert_int_equal(spin_in_vain(1000), 11 * UVSHM__SPIN_LOOKS);
  assert_int_equal(spin_in_vain(100000), 2 * UVSHM__SPIN_LOOKS);
  /* A clock that stands still. */
  assert_int_equal(spin_in_vain(0), 65536);
}


static void found_at_once_no_clock_is_read(void** state) {
  struct uvshm__spin spin;
  uint32_t i;

  (void) state;
  fake.env.now_ns = ticking;
  ticks = 0;
  uvshm__spin_begin(&spin, &lane);
  for (i = 1; i < UVSHM__SPIN_LOOKS; i++) assert_true(uvshm__spin_on(&spin));
  uvshm__spin_end(&spin, 1);
  uvshm__a32_store_relaxed(&lock()->n, 0);
  assert_int_equal(uvshm__spin_word(&lane, &lock()->n, 1, 1), 0);
  assert_true(ticks == 0);
}


static void in_vain_it_is_short_for_a_while(void** state) {
  struct uvshm__spin spin;
  uint32_t i;

  (void) state;
  fake.env.now_ns = ticking;
  for (i = 0; i < 4; i++) assert_true(spin_in_vain(1000) > UVSHM__SPIN_LOOKS);
  for (i = 0; i < 60; i++) {
    assert_int_equal(spin_in_vain(1000), UVSHM__SPIN_LOOKS);
    assert_true(ticks == 0);
  }
  for (i = 0; i < 4; i++) assert_true(spin_in_vain(1000) > UVSHM__SPIN_LOOKS);
  assert_int_equal(spin_in_vain(1000), UVSHM__SPIN_LOOKS);
  /* Once it was of use, the next one may be long again. */
  uvshm__spin_begin(&spin, &lane);
  uvshm__spin_end(&spin, 1);
  assert_true(spin_in_vain(1000) > UVSHM__SPIN_LOOKS);
}

/* ---- what a lock makes of it --------------------------------------------- */

static void release_it(uint32_t nth) {
  (void) nth;
  if (uvshm__lock_is_held(&other, lock()))
    assert_int_equal(uvshm__lock_release(&other, lock()), 0);
}


/* The one who woke us cleared the bit, and we do not know who else sleeps. */
static void who_has_slept_takes_the_lock_on_behalf_of_others(void** state) {
  (void) state;
  sleep_result = 0;
  during_sleep = release_it;
  assert_int_equal(uvshm__lock_acquire(&other, lock(), 0, 0, NULL), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock(), 5000, 0, NULL), 0);
  assert_int_equal(wakes, 1);
  assert_int_equal(uvshm__a32_load_relaxed(&lock()->word),
                   lane.name | UVSHM__LOCK_WAITERS);
  assert_int_equal(uvshm__lock_release(&lane, lock()), 0);
  assert_int_equal(wakes, 2);
}


static void who_gives_up_passes_the_wake_on(void** state) {
  (void) state;
  assert_int_equal(uvshm__lock_acquire(&other, lock(), 0, 0, NULL), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock(), 3, 0, NULL),
                   UV_ETIMEDOUT);
  assert_int_equal(wakes, 1);
}


static void overwrite(uint32_t nth) {
  (void) nth;
  uvshm__a32_store_relaxed(&lock()->word, UVSHM__LOCK_WAITERS | 0xfff);
}


static void damage_during_a_sleep_ends_it(void** state) {
  (void) state;
  during_sleep = overwrite;
  assert_int_equal(uvshm__lock_acquire(&other, lock(), 0, 0, NULL), 0);
  assert_int_equal(
      uvshm__lock_acquire(&lane, lock(), UVSHM__WAIT_FOREVER, 0, NULL),
      UV_EPROTO);
}


static void declare_dead(uint32_t nth) {
  (void) nth;
  uvshm__a32_store_relaxed(&lane.ent->owner, 0);
}


static void a_sleeper_that_was_declared_dead_gives_up(void** state) {
  (void) state;
  during_sleep = declare_dead;
  assert_int_equal(uvshm__lock_acquire(&other, lock(), 0, 0, NULL), 0);
  assert_int_equal(
      uvshm__lock_acquire(&lane, lock(), UVSHM__WAIT_FOREVER, 0, NULL),
      UV_ECANCELED);
}

/* ---- what a semaphore makes of it ---------------------------------------- */

static void post_two(uint32_t nth) {
  if (nth == 1) assert_int_equal(uvshm__sem_post(&peer->core, sem(), 2), 0);
}


static void who_has_slept_for_a_unit_thinks_of_the_others(void** state) {
  (void) state;
  sleep_result = 0;
  during_sleep = post_two;
  uvshm__sem_format(sem(), 0);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 5000, NULL), 0);
  /* One wake by the post, one passed on, since a unit is left. */
  assert_int_equal(wakes, 2);
  assert_int_equal(uvshm__a32_load_relaxed(&sem()->word),
                   UVSHM__SEM_WAITERS | 1);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 5000, NULL), 0);
  assert_int_equal(wakes, 2);
  assert_int_equal(uvshm__sem_value(sem()), 0);
}


static void who_gives_up_on_a_unit_passes_the_wake_on(void** state) {
  (void) state;
  uvshm__sem_format(sem(), 0);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 3, NULL), UV_ETIMEDOUT);
  assert_int_equal(wakes, 1);
}


int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
  const struct CMUnitTest tests[] = {
      CASE(slices_double_up_to_twenty_milliseconds),
      CASE(the_last_slice_ends_with_the_time),
      CASE(no_time_means_no_sleep_and_no_clock),
      CASE(a_time_beyond_the_end_of_the_clock_is_for_ever),
      CASE(a_word_that_changed_is_not_slept_on),
      CASE(who_is_woken_for_ever_asks_now_and_then),
      CASE(a_cancelled_wait_does_not_sleep),
      CASE(by_word_one_call_wakes_as_many_as_wanted),
      CASE(by_lane_only_those_who_sleep_there_are_woken),
      CASE(by_lane_everybody_gets_his_turn),
      CASE(by_lane_one_who_died_asleep_is_found),
      CASE(spinning_in_vain_gets_shorter_and_comes_back),
      CASE(a_spin_ends_by_the_clock),
      CASE(found_at_once_no_clock_is_read),
      CASE(in_vain_it_is_short_for_a_while),
      CASE(who_has_slept_takes_the_lock_on_behalf_of_others),
      CASE(who_gives_up_passes_the_wake_on),
      CASE(damage_during_a_sleep_ends_it),
      CASE(a_sleeper_that_was_declared_dead_gives_up),
      CASE(who_has_slept_for_a_unit_thinks_of_the_others),
      CASE(who_gives_up_on_a_unit_passes_the_wake_on),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
