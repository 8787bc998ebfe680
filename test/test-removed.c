/* SPDX-License-Identifier: MIT */

/* An object is removed from its segment while threads wait for it. Nobody can
 * post, set or signal it any more, so who waits has to be told. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* Long enough that a wait which ends with it has failed; short enough to see
 * that without losing patience. */
#define PATIENCE_MS 20000

static uvshm_segment_t* segment;


static int set_up(void** state) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE, .size = 1 << 20};

  (void) state;
  return uvshm_segment_open(&segment, test_name("removed"), &options);
}


static int tear_down(void** state) {
  (void) state;
  uvshm_segment_close(segment);
  return test_leftovers();
}


/* What a thread does, and what came of it. */
struct waiting {
  int (*call)(void* object);
  void* object;
  int result;
};


static void wait_in_thread(void* arg) {
  struct waiting* waiting = arg;

  waiting->result = waiting->call(waiting->object);
}


/* Time to fall asleep; if it does not, the call is refused, with the same. */
static int result_when_removed(int (*call)(void* object),
                               void* object,
                               int (*unlink)(struct uvshm_segment_s* segment,
                                             const char* name,
                                             uint32_t flags)) {
  struct waiting waiting = {call, object, 0};
  uv_thread_t thread;

  assert_int_equal(uv_thread_create(&thread, wait_in_thread, &waiting), 0);
  uv_sleep(50);
  assert_int_equal(unlink(segment, "it", 0), 0);
  assert_int_equal(uv_thread_join(&thread), 0);
  return waiting.result;
}


static int wait_sem(void* sem) {
  return uvshm_sem_wait(sem, PATIENCE_MS);
}


static int wait_event(void* event) {
  return uvshm_event_wait(event, PATIENCE_MS);
}


static int wait_barrier(void* barrier) {
  return uvshm_barrier_wait(barrier, PATIENCE_MS);
}


static int wait_mutex(void* mutex) {
  return uvshm_mutex_lock(mutex, PATIENCE_MS);
}


static int wait_writer(void* rwlock) {
  return uvshm_rwlock_wrlock(rwlock, PATIENCE_MS);
}


static int wait_reader(void* rwlock) {
  return uvshm_rwlock_rdlock(rwlock, PATIENCE_MS);
}


TEST(removed_sem_ends_waits) {
  uvshm_sem_t* sem;

  (void) state;
  assert_int_equal(uvshm_sem_open(&sem, segment, "it", NULL), 0);
  assert_int_equal(result_when_removed(wait_sem, sem, uvshm_sem_unlink),
                   UV_ENXIO);
  uvshm_sem_close(sem);
}


TEST(removed_event_ends_waits) {
  uvshm_event_t* event;

  (void) state;
  assert_int_equal(uvshm_event_open(&event, segment, "it", NULL), 0);
  assert_int_equal(result_when_removed(wait_event, event, uvshm_event_unlink),
                   UV_ENXIO);
  uvshm_event_close(event);
}


TEST(removed_barrier_ends_waits) {
  uvshm_barrier_options_t options = {.count = 2};
  uvshm_barrier_t* barrier;

  (void) state;
  assert_int_equal(uvshm_barrier_open(&barrier, segment, "it", &options), 0);
  assert_int_equal(
      result_when_removed(wait_barrier, barrier, uvshm_barrier_unlink),
      UV_ENXIO);
  uvshm_barrier_close(barrier);
}


TEST(removed_mutex_ends_waits_and_its_owner_gives_it_back) {
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "it", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(result_when_removed(wait_mutex, mutex, uvshm_mutex_unlink),
                   UV_ENXIO);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
}


static void rwlock_ends(int for_writing, int (*call)(void* object)) {
  uvshm_rwlock_t* lock;

  assert_int_equal(uvshm_rwlock_open(&lock, segment, "it", NULL), 0);
  assert_int_equal(
      for_writing ? uvshm_rwlock_wrlock(lock, 0) : uvshm_rwlock_rdlock(lock, 0),
      0);
  assert_int_equal(result_when_removed(call, lock, uvshm_rwlock_unlink),
                   UV_ENXIO);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  uvshm_rwlock_close(lock);
}


TEST(removed_rwlock_ends_waits) {
  (void) state;
  rwlock_ends(0, wait_writer);
  rwlock_ends(1, wait_writer);
  rwlock_ends(1, wait_reader);
}


struct pair {
  uvshm_cond_t* cond;
  uvshm_mutex_t* mutex;
  int held; /* result of the unlock */
};


static int wait_cond(void* arg) {
  struct pair* pair = arg;
  int err = uvshm_mutex_lock(pair->mutex, 0);

  if (err < 0) return err;
  err = uvshm_cond_wait(pair->cond, pair->mutex, PATIENCE_MS);
  pair->held = uvshm_mutex_unlock(pair->mutex);
  return err;
}


/* With the mutex held, as after any wait. */
TEST(removed_cond_ends_waits) {
  struct pair pair = {NULL, NULL, 1};

  (void) state;
  assert_int_equal(uvshm_cond_open(&pair.cond, segment, "it", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&pair.mutex, segment, "with", NULL), 0);
  assert_int_equal(result_when_removed(wait_cond, &pair, uvshm_cond_unlink),
                   UV_ENXIO);
  assert_int_equal(pair.held, 0);
  uvshm_mutex_close(pair.mutex);
  uvshm_cond_close(pair.cond);
}


/* The mutex that a condition gives back and takes again is no matter of the
 * caller's choice: it is had again, removed or not. */
static int wait_briefly(void* arg) {
  struct pair* pair = arg;
  int err = uvshm_mutex_lock(pair->mutex, 0);

  if (err < 0) return err;
  err = uvshm_cond_wait(pair->cond, pair->mutex, 1000);
  pair->held = uvshm_mutex_unlock(pair->mutex);
  return err;
}


TEST(removed_mutex_comes_back_from_a_condition) {
  struct waiting waiting = {wait_briefly, NULL, 0};
  uvshm_cond_info_t info = {0};
  struct pair pair = {NULL, NULL, 1};
  uv_thread_t thread;
  int looks = 0;

  (void) state;
  assert_int_equal(uvshm_cond_open(&pair.cond, segment, "cond", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&pair.mutex, segment, "it", NULL), 0);
  waiting.object = &pair;
  assert_int_equal(uv_thread_create(&thread, wait_in_thread, &waiting), 0);
  while (info.waiters == 0 && looks++ < PATIENCE_MS) {
    uv_sleep(1);
    assert_int_equal(uvshm_cond_info(pair.cond, &info), 0);
  }
  assert_int_equal(uvshm_mutex_unlink(segment, "it", 0), 0);
  assert_int_equal(uv_thread_join(&thread), 0);
  assert_int_equal(waiting.result, UV_ETIMEDOUT);
  assert_int_equal(pair.held, 0);
  uvshm_mutex_close(pair.mutex);
  uvshm_cond_close(pair.cond);
}


TEST(removed_objects_leave_the_segment_well) {
  (void) state;
  if (uvshm_segment_check(segment) < 0) fail_msg("%s", uvshm_error_detail());
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(removed_sem_ends_waits),
      cmocka_unit_test(removed_event_ends_waits),
      cmocka_unit_test(removed_barrier_ends_waits),
      cmocka_unit_test(removed_mutex_ends_waits_and_its_owner_gives_it_back),
      cmocka_unit_test(removed_rwlock_ends_waits),
      cmocka_unit_test(removed_cond_ends_waits),
      cmocka_unit_test(removed_mutex_comes_back_from_a_condition),
      cmocka_unit_test(removed_objects_leave_the_segment_well),
  };

  return cmocka_run_group_tests_name("removed", tests, set_up, tear_down);
}
