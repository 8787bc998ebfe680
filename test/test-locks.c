/* SPDX-License-Identifier: MIT */

/* Rwlocks, condition variables, events and barriers with many threads at once,
 * each its own process, on plain memory. Every case runs twice: with sleepers
 * that are found by their word, as futexes do it, and with one event for each
 * lane, as on Windows.
 *
 * Sleeps are bounded, so a lost wake would only be slow. So the fake sleeps
 * until it is woken or far too long (`patience_ms`) and counts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#include "core/barrier.h"
#include "core/cond.h"
#include "core/event.h"
#include "core/reap.h"
#include "core/rwlock.h"
#include "core/wait.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

#define THREADS 12
#define PATIENCE_MS 20000

struct worker {
  uv_thread_t thread;
  struct fake_peer* peer;
  uint32_t rounds;
  uint64_t seed;
  uint32_t done;
  uint32_t breaches;
  uint32_t errors;
  uint32_t deaths;
};

static struct fake fake;
static uvshm__a32_t go;

/* What writers change and readers compare. Not atomic on purpose: TSan looks
 * too. */
static struct {
  uint64_t counter;
  uint64_t copy;
} shared;


static int make(void** state) {
  fake_make(&fake, UVSHM_KIND_MUTEX);
  fake.env.wakes_lanes = *state != NULL;
  memset(&shared, 0, sizeof(shared));
  uvshm__a32_store_relaxed(&go, 0);
  return 0;
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


/* The root has room for a lock and what is tried with it. */
static void* second(void) {
  return (unsigned char*) fake_root(&fake) + 128;
}


static struct uvshm__rwlock* rwlock(void) {
  return second();
}


static void start(struct worker* workers,
                  uint32_t count,
                  uint32_t rounds,
                  uv_thread_cb run) {
  uint64_t seed = fake_seed();
  uint32_t i;

  for (i = 0; i < count; i++) {
    memset(&workers[i], 0, sizeof(workers[i]));
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


static void begin(struct worker* worker, struct uvshm__lane* lane) {
  if (uvshm__lane_claim(&worker->peer->core, lane) < 0) worker->errors++;
  while (uvshm__a32_load_acquire(&go) == 0) uv_sleep(1);
}


static void expect(struct worker* worker, int condition) {
  if (!condition) worker->errors++;
}

/* ---- rwlock -------------------------------------------------------------- */

static void look(struct worker* worker) {
  if (shared.counter != shared.copy) worker->breaches++;
}


static void change(struct worker* worker) {
  look(worker);
  shared.counter++;
  if (worker->seed % 64 == 0) uv_sleep(0);
  shared.copy++;
  worker->done++;
}


/* One of each kind; what is held afterwards is given back by the caller. */
static void read_some(struct worker* worker, struct uvshm__lane* lane) {
  int err = uvshm__rwlock_read(lane, rwlock(), UVSHM__WAIT_FOREVER, NULL);

  expect(worker, err >= 0);
  look(worker);
  if (fake_random(&worker->seed) % 4 != 0) return;
  err = uvshm__rwlock_upgrade(lane, rwlock(), UVSHM__WAIT_FOREVER, NULL);
  expect(worker, err >= 0 || err == UV_EBUSY);
  if (err < 0)
    look(worker);
  else
    change(worker);
}


static void write_some(struct worker* worker, struct uvshm__lane* lane) {
  expect(worker,
         uvshm__rwlock_write(lane, rwlock(), UVSHM__WAIT_FOREVER, NULL) >= 0);
  change(worker);
  if (fake_random(&worker->seed) % 2 != 0) return;
  expect(worker, uvshm__rwlock_downgrade(lane, rwlock()) == 0);
  look(worker);
}


static void read_and_write(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lane lane;
  uint32_t i;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    if (fake_random(&worker->seed) % 4 != 0)
      read_some(worker, &lane);
    else
      write_some(worker, &lane);
    expect(worker, uvshm__rwlock_release(&lane, rwlock()) == 0);
  }
  uvshm__lane_exit(&lane);
}


static void a_writer_is_alone_and_no_wake_is_lost(void** state) {
  struct worker workers[THREADS];
  uint64_t done = 0;
  uint32_t i;

  (void) state;
  uvshm__rwlock_format(rwlock(), 0);
  fake.patience_ms = PATIENCE_MS;
  start(workers, THREADS, 15000, read_and_write);
  join(workers, THREADS);
  for (i = 0; i < THREADS; i++) done += workers[i].done;
  assert_true(shared.counter == done);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
  assert_int_equal(uvshm__rwlock_readers(&fake.peers[0].core, rwlock()), 0);
}


/* Gives up soon, as a reader, a writer or an upgrader. */
static void try_for_a_short_time(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lane lane;
  uint64_t ms;
  uint32_t i;
  int err;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    ms = fake_random(&worker->seed) % 3;
    if (fake_random(&worker->seed) % 2 != 0) {
      err = uvshm__rwlock_write(&lane, rwlock(), ms, NULL);
      if (err >= 0) change(worker);
    } else {
      err = uvshm__rwlock_read(&lane, rwlock(), ms, NULL);
      if (err >= 0) {
        look(worker);
        if (uvshm__rwlock_upgrade(&lane, rwlock(), ms, NULL) >= 0)
          change(worker);
      }
    }
    expect(worker, err >= 0 || err == UV_EBUSY || err == UV_ETIMEDOUT);
    if (err >= 0) expect(worker, uvshm__rwlock_release(&lane, rwlock()) == 0);
  }
  uvshm__lane_exit(&lane);
}


static void those_who_give_up_do_no_harm(void** state) {
  struct worker workers[THREADS];
  uint64_t done = 0;
  uint32_t i;

  (void) state;
  uvshm__rwlock_format(rwlock(), 0);
  start(workers, THREADS, 3000, try_for_a_short_time);
  join(workers, THREADS);
  for (i = 0; i < THREADS; i++) done += workers[i].done;
  assert_true(shared.counter == done);
}


/* Dies now and then, as a reader or a writer, and comes back as a new peer. */
static void die_often(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lane lane;
  uint32_t i;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    if (fake_random(&worker->seed) % 4 != 0)
      read_some(worker, &lane);
    else
      write_some(worker, &lane);
    if (fake_random(&worker->seed) % 20 != 0) {
      expect(worker, uvshm__rwlock_release(&lane, rwlock()) == 0);
      continue;
    }
    worker->deaths++;
    fake_kill(worker->peer);
    fake_revive(worker->peer);
    expect(worker, uvshm__lane_claim(&worker->peer->core, &lane) == 0);
  }
  uvshm__lane_exit(&lane);
}


static void the_dead_keep_nobody_out(void** state) {
  struct worker workers[FAKE_PEERS];
  uint64_t done = 0;
  uint32_t deaths = 0;
  uint32_t i;

  (void) state;
  uvshm__rwlock_format(rwlock(), 0);
  start(workers, FAKE_PEERS, 10000, die_often);
  join(workers, FAKE_PEERS);
  for (i = 0; i < FAKE_PEERS; i++) {
    done += workers[i].done;
    deaths += workers[i].deaths;
  }
  assert_true(deaths > 0);
  assert_true(shared.counter == done);
}


static void alone_an_rwlock_calls_nobody(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  struct uvshm__lane lane;
  int i;

  (void) state;
  uvshm__rwlock_format(rwlock(), 0);
  assert_int_equal(uvshm__lane_claim(&peer->core, &lane), 0);
  for (i = 0; i < 100; i++) {
    assert_int_equal(uvshm__rwlock_read(&lane, rwlock(), 5000, NULL), 0);
    assert_int_equal(uvshm__rwlock_upgrade(&lane, rwlock(), 5000, NULL), 0);
    assert_int_equal(uvshm__rwlock_release(&lane, rwlock()), 0);
    assert_int_equal(uvshm__rwlock_write(&lane, rwlock(), 5000, NULL), 0);
    assert_int_equal(uvshm__rwlock_release(&lane, rwlock()), 0);
  }
  assert_int_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.clocks), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.questions), 0);
}

/* ---- cond ---------------------------------------------------------------- */

/* Half of them make, half of them take; one signal for each thing. */
static void wait_with_lock(struct worker* worker, struct uvshm__lane* lane) {
  struct uvshm__lock* lock = fake_root(&fake);

  uvshm__cond_begin(lane, second());
  expect(worker, uvshm__lock_release(lane, lock) == 0);
  expect(worker,
         uvshm__cond_sleep(lane, second(), UVSHM__WAIT_FOREVER, NULL) == 0);
  expect(worker,
         uvshm__lock_acquire(lane, lock, UVSHM__WAIT_FOREVER, 0, NULL) == 0);
  uvshm__cond_end(lane);
}


static void make_or_take(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lock* lock = fake_root(&fake);
  int takes = worker->seed / 2 % 2 != 0;
  struct uvshm__lane lane;
  uint32_t i;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    expect(worker,
           uvshm__lock_acquire(&lane, lock, UVSHM__WAIT_FOREVER, 0, NULL) == 0);
    while (takes && shared.counter == 0) wait_with_lock(worker, &lane);
    if (takes)
      shared.counter--;
    else
      shared.counter++;
    expect(worker, uvshm__lock_release(&lane, lock) == 0);
    if (!takes) uvshm__cond_signal(lane.core, second());
  }
  uvshm__lane_exit(&lane);
}


static void each_signal_wakes_one_and_none_is_lost(void** state) {
  struct worker workers[THREADS];

  (void) state;
  uvshm__cond_format(second(), 0);
  fake.patience_ms = PATIENCE_MS;
  start(workers, THREADS, 15000, make_or_take);
  join(workers, THREADS);
  assert_true(shared.counter == 0);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
  assert_int_equal(uvshm__cond_waiters(&fake.peers[0].core, second()), 0);
}


static void nobody_waits_and_nobody_is_called(void** state) {
  struct fake_peer* peer = fake_join(&fake, 0);
  int i;

  (void) state;
  uvshm__cond_format(second(), 0);
  for (i = 0; i < 100; i++) {
    uvshm__cond_signal(&peer->core, second());
    uvshm__cond_broadcast(&peer->core, second());
  }
  assert_int_equal(uvshm__a32_load_relaxed(&fake.wakes), 0);
}

/* ---- event --------------------------------------------------------------- */

/* Set means: somebody may. */
static void one_after_another(void* arg) {
  struct worker* worker = arg;
  struct uvshm__event* event = second();
  struct uvshm__lane lane;
  uint32_t i;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    expect(worker,
           uvshm__event_wait(&lane, event, 0, UVSHM__WAIT_FOREVER, NULL) == 0);
    change(worker);
    expect(worker, uvshm__event_set(lane.core, event, 0) == 0);
  }
  uvshm__lane_exit(&lane);
}


static void a_set_goes_to_one_and_none_is_lost(void** state) {
  struct worker workers[THREADS];

  (void) state;
  uvshm__event_format(second(), UVSHM__EVENT_FORMAT_SET);
  fake.patience_ms = PATIENCE_MS;
  start(workers, THREADS, 15000, one_after_another);
  join(workers, THREADS);
  assert_true(shared.counter == THREADS * 15000);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
}

/* ---- barrier ------------------------------------------------------------- */

static void keep_in_step(void* arg) {
  struct worker* worker = arg;
  struct uvshm__lane lane;
  uint32_t i;
  int err;

  begin(worker, &lane);
  for (i = 0; i < worker->rounds; i++) {
    err = uvshm__barrier_wait(
        &lane, second(), THREADS, UVSHM__WAIT_FOREVER, NULL);
    expect(worker, err >= 0);
    if (err == 1) worker->done++;
    /* Only the last one changes it, between two rounds. */
    if (err == 1) shared.counter++;
    err = uvshm__barrier_wait(
        &lane, second(), THREADS, UVSHM__WAIT_FOREVER, NULL);
    expect(worker, err >= 0);
    if (shared.counter != i + 1) worker->breaches++;
  }
  uvshm__lane_exit(&lane);
}


static void all_are_in_step_and_one_is_the_last(void** state) {
  struct worker workers[THREADS];
  uint32_t last = 0;
  uint32_t i;

  (void) state;
  uvshm__barrier_format(second(), THREADS);
  fake.patience_ms = PATIENCE_MS;
  start(workers, THREADS, 3000, keep_in_step);
  join(workers, THREADS);
  for (i = 0; i < THREADS; i++) last += workers[i].done;
  assert_int_equal(last, 3000);
  assert_int_equal(uvshm__a32_load_relaxed(&fake.lost), 0);
}


#define TWICE(name)                                                            \
 {#name, name, make, unmake, NULL}, {                                          \
#  name "_with_an_event_for_each_lane", name, make, unmake,                    \
      (void*) (uintptr_t) 1                                                    \
 }

int main(void) {
  const struct CMUnitTest tests[] = {
      TWICE(a_writer_is_alone_and_no_wake_is_lost),
      TWICE(those_who_give_up_do_no_harm),
      TWICE(the_dead_keep_nobody_out),
      TWICE(alone_an_rwlock_calls_nobody),
      TWICE(each_signal_wakes_one_and_none_is_lost),
      TWICE(nobody_waits_and_nobody_is_called),
      TWICE(a_set_goes_to_one_and_none_is_lost),
      TWICE(all_are_in_step_and_one_is_the_last),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
