/* SPDX-License-Identifier: MIT */

/* Locks and semaphores with many threads at once, each its own process, on
 * plain memory. Every case runs twice: with sleepers that are found by their
 * word, as futexes do it, and with one event for each lane, as on Windows.
 *
 * Sleeps are bounded, so a lost wake would only be slow. Where it matters, the
 * fake sleeps until it is woken or far too long (`patience_ms`) and counts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "core/peer.h"
#include "core/sem.h"
#include "core/wait.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

#include <string.h>

#define THREADS 32
#define PATIENCE_MS 10000

/* What the lock protects, and how a breach is seen. Not atomic on purpose: TSan
 * looks too. */
struct shared {
  uint64_t counter;
  uint64_t copy;
  uvshm__a32_t inside;
};

struct worker {
  uv_thread_t thread;
  struct fake* fake;
  struct fake_peer* peer;
  uint32_t slot;
  uint32_t rounds;
  uint64_t seed;
  uint64_t done;
  uint32_t breaches;
  uint32_t errors;
  uint32_t told;   /* UVSHM_OWNER_DIED */
  uint32_t deaths; /* while holding the lock */
};

static struct fake fake;
static struct shared shared;
static uvshm__a32_t go;
static uvshm__a32_t cancelled;


static int make(void** state) {
  fake_make(&fake, UVSHM_KIND_MUTEX);
  fake.env.wakes_lanes = *state != NULL;
  memset(&shared, 0, sizeof(shared));
  uvshm__a32_store_relaxed(&go, 0);
  uvshm__a32_store_relaxed(&cancelled, 0);
  return 0;
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static void start(struct worker* workers,
                  uint32_t count,
                  uint32_t rounds,
                  uint64_t seed,
                  uv_thread_cb run) {
  uint32_t i;

  for (i = 0; i < count; i++) {
    memset(&workers[i], 0, sizeof(workers[i]));
    workers[i].fake = &fake;
    workers[i].slot = i % FAKE_PEERS;
    workers[i].rounds = rounds;
    workers[i].seed = seed + 2 * i;
    if (i < FAKE_PEERS) fake_join(&fake, i);
    workers[i].peer = &fake.peers[i % FAKE_PEERS];
  }
  for (i = 0; i < count; i++)
    assert_int_equal(uv_thread_create(&workers[i].thread, run, &workers[i]), 0);
  uvshm__a32_store_seq_cst(&go, 1);
}


static void join(struct worker* workers, uint32_t count) {
  uint32_t i;

  for (i = 0; i < count; i++) uv_thread_join(&workers[i].thread);
  for (i = 0; i < count; i++) {
    assert_int_equal(workers[i].breaches, 0);
    assert_int_equal(workers[i].errors, 0);
  }
}


static void await_go(void) {
  while (uvshm__a32_load_acquire(&go) == 0) uv_sleep(1);
}


/* The critical section. */
static void touch(struct worker* worker) {
  if (uvshm__a32_add(&shared.inside, 1) != 0) worker->breaches++;
  if (shared.counter != shared.copy) worker->breaches++;
  shared.counter++;
  if (worker->done % 64 == 0) uv_sleep(0);
  shared.copy++;
  uvshm__a32_add(&shared.inside, UINT32_MAX);
  worker->done++;
}

/* ---- the lock ------------------------------------------------------------ */

static void lock_and_unlock(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lock* lock = fake_root(worker->fake);
  struct uvshm__lane lane;
  uint32_t i;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  await_go();
  for (i = 0; i < worker->rounds; i++) {
    if (uvshm__lock_acquire(&lane, lock, UVSHM__WAIT_FOREVER, 0, NULL) != 0) {
      worker->errors++;
      continue;
    }
    touch(worker);
    if (uvshm__lock_release(&lane, lock) != 0) worker->errors++;
  }
  uvshm__lane_exit(&lane);
}


static void one_at_a_time_and_no_wake_is_lost(void** state) {
  struct worker workers[THREADS];

  (void) state;
  fake.patience_ms = PATIENCE_MS;
  start(workers, THREADS, 3000, 1, lock_and_unlock);
  join(workers, THREADS);
  assert_true(shared.counter == THREADS * 3000);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
  assert_int_not_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
  assert_int_equal(
      uvshm__a32_load_relaxed(&fake_root(&fake)->word) & ~UVSHM__LOCK_WAITERS,
      0);
}


/* Short timeouts: those who give up must not take the others' wakes along. */
static void try_for_a_short_time(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lock* lock = fake_root(worker->fake);
  struct uvshm__lane lane;
  uint32_t i;
  int err;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  await_go();
  for (i = 0; i < worker->rounds; i++) {
    err = uvshm__lock_acquire(
        &lane, lock, fake_random(&worker->seed) % 3, 0, NULL);
    if (err == UV_ETIMEDOUT || err == UV_EBUSY) continue;
    if (err != 0) worker->errors++;
    touch(worker);
    if (uvshm__lock_release(&lane, lock) != 0) worker->errors++;
  }
  uvshm__lane_exit(&lane);
}


static void those_who_give_up_do_no_harm(void** state) {
  struct worker workers[THREADS];
  uint64_t done = 0;
  uint32_t i;

  (void) state;
  start(workers, THREADS, 1000, fake_seed(), try_for_a_short_time);
  join(workers, THREADS);
  for (i = 0; i < THREADS; i++) done += workers[i].done;
  assert_true(shared.counter == done);
}


/* A process that dies now and then while it holds the lock, and comes back as a
 * new peer. Nobody is joined to its slot before it is repaired. */
static void die_often(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lock* lock = fake_root(worker->fake);
  struct uvshm__lane lane;
  uint32_t i;
  int err;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  await_go();
  for (i = 0; i < worker->rounds; i++) {
    err = uvshm__lock_acquire(&lane, lock, UVSHM__WAIT_FOREVER, 0, NULL);
    if (err < 0) worker->errors++;
    if (err == UVSHM_OWNER_DIED) worker->told++;
    touch(worker);
    if (fake_random(&worker->seed) % 20 != 0) {
      if (uvshm__lock_release(&lane, lock) != 0) worker->errors++;
      continue;
    }
    worker->deaths++;
    fake_kill(worker->peer);
    fake_revive(worker->peer);
    if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  }
  uvshm__lane_exit(&lane);
}


static void every_death_is_told_exactly_once(void** state) {
  struct worker workers[FAKE_PEERS];
  uint32_t deaths = 0;
  uint32_t told = 0;
  uint32_t i;

  (void) state;
  start(workers, FAKE_PEERS, 3000, fake_seed(), die_often);
  join(workers, FAKE_PEERS);
  for (i = 0; i < FAKE_PEERS; i++) {
    deaths += workers[i].deaths;
    told += workers[i].told;
  }
  if (uvshm__a32_load_relaxed(&fake_root(&fake)->word) & UVSHM__LOCK_DIED)
    told++; /* the last one, nobody came after */
  assert_true(deaths > 0);
  assert_int_equal(told, deaths);
}


static void wait_to_be_cancelled(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lock* lock = fake_root(worker->fake);
  struct uvshm__lane lane;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  if (uvshm__lock_acquire(&lane, lock, UVSHM__WAIT_FOREVER, 0, &cancelled) !=
      UV_ECANCELED)
    worker->errors++;
  uvshm__lane_exit(&lane);
}


static void all_who_wait_can_be_cancelled(void** state) {
  struct worker workers[THREADS];
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__lock* lock = fake_root(&fake);
  struct uvshm__lane lane;
  uint32_t tries;

  (void) state;
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  assert_int_equal(uvshm__lock_acquire(&lane, lock, 0, 0, NULL), 0);
  /* Peer 0 has joined already, as lane.owner says. */
  memset(workers, 0, sizeof(workers));
  for (tries = 0; tries < 8; tries++) {
    workers[tries].fake = &fake;
    workers[tries].peer = peer;
    assert_int_equal(
        uv_thread_create(
            &workers[tries].thread, wait_to_be_cancelled, &workers[tries]),
        0);
  }
  for (tries = 0; tries < 2000; tries++) {
    if (uvshm__wait_count(&peer->core, &lock->word) == 8) break;
    uv_sleep(1);
  }
  uvshm__a32_store_seq_cst(&cancelled, 1);
  uvshm__wait_wake(&peer->core, &lock->word, 0, UINT32_MAX);
  join(workers, 8);
  assert_int_equal(uvshm__lock_release(&lane, lock), 0);
}

/* ---- the semaphore ------------------------------------------------------- */

static struct uvshm__sem* sem(void) {
  return (struct uvshm__sem*) fake_root(&fake);
}


static void a_semaphore_counts(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__lane lane;

  (void) state;
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  uvshm__sem_format(sem(), 2);
  assert_int_equal(uvshm__sem_value(sem()), 2);
  assert_int_equal(uvshm__sem_try(sem()), 0);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 1000, NULL), 0);
  assert_int_equal(uvshm__sem_try(sem()), UV_EAGAIN);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 0, NULL), UV_EAGAIN);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 5, NULL), UV_ETIMEDOUT);
  uvshm__a32_store_relaxed(&cancelled, 1);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 5000, &cancelled),
                   UV_ECANCELED);
  assert_int_equal(uvshm__sem_post(&peer->core, sem(), 0x7fffffff), 0);
  assert_int_equal(uvshm__sem_post(&peer->core, sem(), 1), UV_EOVERFLOW);
  assert_int_equal(uvshm__sem_value(sem()), 0x7fffffff);
  assert_int_equal(uvshm__sem_wait(&lane, sem(), 5000, &cancelled), 0);
}


static void nobody_waiting_means_nobody_called(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  int i;

  (void) state;
  uvshm__sem_format(sem(), 0);
  for (i = 0; i < 100; i++) {
    assert_int_equal(uvshm__sem_post(&peer->core, sem(), 1), 0);
    assert_int_equal(uvshm__sem_try(sem()), 0);
  }
  assert_int_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.clocks), 0);
}


static void take_units(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lane lane;
  uint32_t i;

  if (uvshm__lane_claim(&worker->peer->core, &lane) < 0) worker->errors++;
  await_go();
  for (i = 0; i < worker->rounds; i++)
    if (uvshm__sem_wait(&lane, sem(), UVSHM__WAIT_FOREVER, NULL) != 0)
      worker->errors++;
  uvshm__lane_exit(&lane);
}


/* Posts come one by one or in lots, at once or when somebody sleeps. */
static void no_unit_and_no_wake_is_lost(void** state) {
  struct worker workers[THREADS];
  struct uvshm__core* core = &fake.peers[0].core;
  uint32_t left = THREADS * 300;
  uint64_t seed = fake_seed();
  uint32_t lot;
  int tries;

  (void) state;
  fake.patience_ms = PATIENCE_MS;
  uvshm__sem_format(sem(), 0);
  start(workers, THREADS, 300, seed, take_units);
  while (left > 0) {
    lot = (uint32_t) (fake_random(&seed) % 4) + 1;
    if (lot > left) lot = left;
    left -= lot;
    if (fake_random(&seed) % 4 == 0)
      for (tries = 0; tries < 2000; tries++)
        if (uvshm__wait_count(core, &sem()->word) > 0) break;
    assert_int_equal(uvshm__sem_post(core, sem(), lot), 0);
  }
  join(workers, THREADS);
  assert_int_equal(uvshm__sem_value(sem()), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
  assert_int_not_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
}


int main(void) {
  static int events = 1;
#define CASE(f)                                                                \
 { #f, f, make, unmake, NULL }
#define TWIN(f)                                                                \
 { #f "_with_events", f, make, unmake, &events }
  const struct CMUnitTest tests[] = {
      CASE(one_at_a_time_and_no_wake_is_lost),
      TWIN(one_at_a_time_and_no_wake_is_lost),
      CASE(those_who_give_up_do_no_harm),
      TWIN(those_who_give_up_do_no_harm),
      CASE(every_death_is_told_exactly_once),
      TWIN(every_death_is_told_exactly_once),
      CASE(all_who_wait_can_be_cancelled),
      TWIN(all_who_wait_can_be_cancelled),
      CASE(a_semaphore_counts),
      CASE(nobody_waiting_means_nobody_called),
      CASE(no_unit_and_no_wake_is_lost),
      TWIN(no_unit_and_no_wake_is_lost),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
