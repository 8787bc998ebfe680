/* SPDX-License-Identifier: MIT */

/* The rwlock as programs see it: readers and writers in several processes, who
 * die. */

#include "actor.h"
#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static int set_up(void** state) {
  (void) state;
  return open_segment("rwlock");
}


static uvshm_rwlock_t* open_lock(uvshm_segment_t* where, const char* name) {
  uvshm_rwlock_t* lock = NULL;
  int err = uvshm_rwlock_open(&lock, where, name, NULL);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return lock;
}


static uvshm_rwlock_info_t info_of(uvshm_rwlock_t* lock) {
  uvshm_rwlock_info_t info;

  assert_int_equal(uvshm_rwlock_info(lock, &info), 0);
  return info;
}

/* ---- roles --------------------------------------------------------------- */

/* "rdlock 5000", "wrlock 0", "upgrade 10", "downgrade", "unlock", "end": says
 * the result of each. */
static int role_actor(int argc, char** argv) {
  uvshm_segment_t* where;
  uvshm_rwlock_t* lock;
  unsigned long ms;
  char word[32];
  int err;

  if (actor_begin(argc, argv, &where) < 0) return 1;
  if (uvshm_rwlock_open(&lock, where, argv[0], NULL) < 0) return 2;
  test_say("ready");
  while (actor_hear(word, &ms)) {
    if (strcmp(word, "end") == 0) break;
    if (strcmp(word, "rdlock") == 0)
      err = uvshm_rwlock_rdlock(lock, ms);
    else if (strcmp(word, "wrlock") == 0)
      err = uvshm_rwlock_wrlock(lock, ms);
    else if (strcmp(word, "upgrade") == 0)
      err = uvshm_rwlock_upgrade(lock, ms);
    else if (strcmp(word, "downgrade") == 0)
      err = uvshm_rwlock_downgrade(lock);
    else
      err = uvshm_rwlock_unlock(lock);
    actor_say(err, "ok", "news");
  }
  uvshm_rwlock_close(lock);
  uvshm_segment_close(where);
  return 0;
}


/* Two words that a writer changes and a reader compares: `n` times, every
 * eighth time as a writer. */
static int role_worker(int argc, char** argv) {
  uvshm_region_t* region;
  uvshm_rwlock_t* lock;
  volatile uint64_t* words;
  int n = atoi(argv[2]);
  int bad = 0;
  int i;

  (void) argc;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 1;
  if (uvshm_rwlock_open(&lock, NULL, argv[0], NULL) < 0) return 2;
  words = uvshm_region_base(region);
  test_say("ready");
  if (test_hear() == NULL) return 3;
  for (i = 0; i < n; i++) {
    if (i % 8 == 0) {
      if (uvshm_rwlock_wrlock(lock, UVSHM_FOREVER) != 0) return 4;
      words[0]++;
      words[16]++;
    } else {
      if (uvshm_rwlock_rdlock(lock, UVSHM_FOREVER) != 0) return 5;
      bad += words[0] != words[16];
    }
    if (uvshm_rwlock_unlock(lock) != 0) return 6;
  }
  uvshm_rwlock_close(lock);
  uvshm_region_close(region);
  return bad == 0 ? 0 : 7;
}


static const struct test_role roles[] = {
    {"actor", role_actor}, {"worker", role_worker}, {NULL, NULL}};


static void stop(struct test_process* actor) {
  test_tell(actor, "end");
  assert_int_equal(test_join(actor), 0);
}

/* ---- one process --------------------------------------------------------- */

TEST(rwlock_by_name_alone_and_in_a_segment) {
  const char* name = test_name("alone");
  uvshm_rwlock_t* alone = open_lock(NULL, name);
  uvshm_rwlock_t* inside = open_lock(segment, "inside");
  uvshm_name_info_t info;

  (void) state;
  assert_int_equal(uvshm_rwlock_rdlock(alone, 0), 0);
  assert_int_equal(uvshm_rwlock_wrlock(inside, 0), 0);
  assert_int_equal(info_of(alone).readers, 1);
  assert_int_equal(info_of(inside).locked, 1);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.kind, UVSHM_KIND_RWLOCK);
  assert_int_equal(uvshm_segment_check(segment), 0);
  assert_int_equal(uvshm_rwlock_unlock(alone), 0);
  assert_int_equal(uvshm_rwlock_unlock(inside), 0);
  assert_int_equal(uvshm_rwlock_unlock(alone), UV_EPERM);
  uvshm_rwlock_close(alone);
  uvshm_rwlock_close(inside);
}


TEST(rwlock_taken_twice_by_one_thread_is_refused) {
  uvshm_rwlock_t* lock = open_lock(segment, "twice");

  (void) state;
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  assert_int_equal(uvshm_rwlock_rdlock(lock, UVSHM_FOREVER), UV_EINVAL);
  assert_int_equal(uvshm_rwlock_wrlock(lock, UVSHM_FOREVER), UV_EINVAL);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), UV_EINVAL);
  assert_int_equal(uvshm_rwlock_downgrade(lock), UV_EPERM);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), 0);
  assert_int_equal(uvshm_rwlock_rdlock(lock, UVSHM_FOREVER), UV_EINVAL);
  assert_int_equal(uvshm_rwlock_wrlock(lock, UVSHM_FOREVER), UV_EINVAL);
  assert_int_equal(uvshm_rwlock_upgrade(lock, 0), UV_EPERM);
  assert_int_equal(uvshm_rwlock_downgrade(lock), 0);
  assert_int_equal(info_of(lock).readers, 1);
  assert_int_equal(uvshm_rwlock_upgrade(lock, 0), 0);
  assert_int_equal(info_of(lock).readers, 0);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  assert_int_equal(uvshm_rwlock_upgrade(lock, 0), UV_EPERM);
  uvshm_rwlock_close(lock);
}


/* Notes move when locks are given back in another order than they were
 * taken. */
TEST(rwlock_many_at_once_in_any_order) {
  uvshm_rwlock_t* locks[17];
  uvshm_mutex_t* mutex;
  char name[16];
  int i;

  (void) state;
  for (i = 0; i < 17; i++) {
    snprintf(name, sizeof(name), "lock%d", i);
    locks[i] = open_lock(segment, name);
  }
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "mutex", NULL), 0);
  for (i = 0; i < 15; i++)
    assert_int_equal(i % 3 == 0 ? uvshm_rwlock_wrlock(locks[i], 0)
                                : uvshm_rwlock_rdlock(locks[i], 0),
                     0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_rwlock_rdlock(locks[15], 0), UV_ENOBUFS);
  assert_int_equal(uvshm_rwlock_wrlock(locks[15], 0), UV_ENOBUFS);
  for (i = 0; i < 15; i += 2)
    assert_int_equal(uvshm_rwlock_unlock(locks[i]), 0);
  for (i = 0; i < 15; i++) {
    assert_int_equal(info_of(locks[i]).readers, i % 2 != 0 && i % 3 != 0);
    assert_int_equal(info_of(locks[i]).locked, i % 2 != 0 && i % 3 == 0);
  }
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  for (i = 1; i < 15; i += 2)
    assert_int_equal(uvshm_rwlock_unlock(locks[i]), 0);
  for (i = 0; i < 17; i++) {
    assert_int_equal(uvshm_rwlock_wrlock(locks[i], 0), 0);
    assert_int_equal(uvshm_rwlock_unlock(locks[i]), 0);
    uvshm_rwlock_close(locks[i]);
  }
  uvshm_mutex_close(mutex);
}

/* ---- two processes ------------------------------------------------------- */

TEST(rwlock_has_many_readers_or_one_writer) {
  uvshm_rwlock_t* lock = open_lock(segment, "many");
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "many");
  start(&b, "many");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  ask(&a, "rdlock 0", "ok");
  ask(&b, "rdlock 0", "ok");
  assert_int_equal(info_of(lock).readers, 3);
  ask(&a, "unlock", "ok");
  ask(&a, "wrlock 0", "EBUSY");
  ask(&a, "wrlock 30", "ETIMEDOUT");
  /* A writer that gave up keeps nobody out. */
  ask(&a, "rdlock 0", "ok");
  ask(&a, "unlock", "ok");
  ask(&b, "unlock", "ok");
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  ask(&a, "wrlock 0", "ok");
  assert_int_equal(info_of(lock).owner_alive, 1);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), UV_EBUSY);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 20), UV_ETIMEDOUT);
  assert_non_null(strstr(uvshm_error_detail(), "has it or its turn"));
  ask(&b, "wrlock 0", "EBUSY");
  ask(&a, "downgrade", "ok");
  ask(&b, "rdlock 0", "ok");
  ask(&b, "unlock", "ok");
  ask(&b, "wrlock 0", "EBUSY");
  stop(&a);
  ask(&b, "wrlock 0", "ok");
  stop(&b);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_writer_that_waits_goes_before_readers_that_come) {
  uvshm_rwlock_t* lock = open_lock(segment, "first");
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "first");
  start(&b, "first");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  test_tell(&a, "wrlock 15000");
  while (info_of(lock).locked == 0) test_sleep_ms(1);
  ask(&b, "rdlock 0", "EBUSY");
  test_tell(&b, "rdlock 15000");
  test_sleep_ms(30);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  test_expect(&a, "ok");
  ask(&a, "unlock", "ok");
  test_expect(&b, "ok");
  stop(&a);
  stop(&b);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_upgrade_waits_for_readers_and_the_second_one_is_refused) {
  uvshm_rwlock_t* lock = open_lock(segment, "up");
  struct test_process a;

  (void) state;
  start(&a, "up");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  ask(&a, "rdlock 0", "ok");
  ask(&a, "upgrade 0", "EBUSY");
  ask(&a, "upgrade 20", "ETIMEDOUT");
  assert_int_equal(info_of(lock).readers, 2);
  test_tell(&a, "upgrade 15000");
  while (info_of(lock).locked == 0) test_sleep_ms(1);
  assert_int_equal(uvshm_rwlock_upgrade(lock, UVSHM_FOREVER), UV_EBUSY);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  test_expect(&a, "ok");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), UV_EBUSY);
  ask(&a, "downgrade", "ok");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  stop(&a);
  assert_int_equal(uvshm_rwlock_upgrade(lock, 0), 0);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_dead_reader_keeps_no_writer_out) {
  uvshm_rwlock_t* lock = open_lock(segment, "reader dies");
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "reader dies");
  start(&b, "reader dies");
  ask(&a, "rdlock 0", "ok");
  test_kill(&a);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), 0);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  /* And while the writer waits for it already. */
  ask(&b, "rdlock 0", "ok");
  start(&a, "reader dies");
  test_tell(&a, "wrlock 15000");
  while (info_of(lock).locked == 0) test_sleep_ms(1);
  test_kill(&b);
  test_expect(&a, "ok");
  stop(&a);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_writers_death_is_told_to_readers_and_to_one_writer) {
  uvshm_rwlock_t* lock = open_lock(segment, "writer dies");
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "writer dies");
  start(&b, "writer dies");
  ask(&a, "wrlock 0", "ok");
  test_tell(&b, "rdlock 15000");
  test_sleep_ms(30);
  test_kill(&a);
  test_expect(&b, "news");
  assert_int_equal(info_of(lock).owner_died, 1);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), UVSHM_OWNER_DIED);
  /* A writer that does not get inside leaves the news for the next. */
  assert_int_equal(uvshm_rwlock_upgrade(lock, 20), UV_ETIMEDOUT);
  assert_int_equal(info_of(lock).owner_died, 1);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 20), UV_ETIMEDOUT);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), UV_EBUSY);
  ask(&b, "upgrade 0", "news");
  ask(&b, "unlock", "ok");
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), 0);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  stop(&b);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_writer_that_dies_while_it_waits_lets_all_in) {
  uvshm_rwlock_t* lock = open_lock(segment, "waiter dies");
  struct test_process a;
  struct test_process b;

  (void) state;
  start(&a, "waiter dies");
  start(&b, "waiter dies");
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  test_tell(&a, "wrlock 15000");
  while (info_of(lock).locked == 0) test_sleep_ms(1);
  test_tell(&b, "rdlock 15000");
  test_sleep_ms(20);
  test_kill(&a);
  test_expect(&b, "news");
  ask(&b, "unlock", "ok");
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  stop(&b);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_close_gives_back_what_the_thread_holds) {
  uvshm_rwlock_t* lock = open_lock(segment, "close");
  uvshm_rwlock_t* other = open_lock(segment, "close");

  (void) state;
  assert_int_equal(uvshm_rwlock_rdlock(other, 0), 0);
  uvshm_rwlock_close(other);
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), 0);
  uvshm_rwlock_close(lock);
  lock = open_lock(segment, "close");
  assert_int_equal(uvshm_rwlock_wrlock(lock, 0), UVSHM_OWNER_DIED);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_abandoned_by_a_writer_is_left_as_by_a_dead_one) {
  uvshm_rwlock_t* lock = open_lock(segment, "abandon");
  struct test_process actor;

  (void) state;
  assert_int_equal(uvshm_rwlock_abandon(lock), UV_EPERM);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  assert_int_equal(uvshm_rwlock_abandon(lock), 0);
  start(&actor, "abandon");
  ask(&actor, "wrlock 0", "ok"); /* a reader leaves no news */
  ask(&actor, "unlock", "ok");
  assert_int_equal(uvshm_rwlock_wrlock(lock, 5000), 0);
  test_tell(&actor, "rdlock 10000");
  test_sleep_ms(50); /* so that it sleeps */
  assert_int_equal(uvshm_rwlock_abandon(lock), 0);
  test_expect(&actor, "news");
  ask(&actor, "unlock", "ok");
  ask(&actor, "wrlock 5000", "news");
  ask(&actor, "unlock", "ok");
  ask(&actor, "wrlock 0", "ok");
  stop(&actor);
  uvshm_rwlock_close(lock);
}


static void block(void* arg) {
  void** args = arg;

  *(int*) args[1] = *(int*) args[2] != 0
                        ? uvshm_rwlock_wrlock(args[0], UVSHM_FOREVER)
                        : uvshm_rwlock_rdlock(args[0], UVSHM_FOREVER);
}


TEST(rwlock_cancel_wakes_blocked_readers_and_writers) {
  uvshm_rwlock_t* lock = open_lock(segment, "cancel");
  int results[3] = {1, 1, 1};
  int writes[3] = {1, 0, 1};
  void* args[3][3];
  uv_thread_t threads[3];
  int i;

  (void) state;
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  for (i = 0; i < 3; i++) {
    args[i][0] = lock;
    args[i][1] = &results[i];
    args[i][2] = &writes[i];
    uv_thread_create(&threads[i], block, args[i]);
    while (info_of(lock).locked == 0) test_sleep_ms(1);
  }
  test_sleep_ms(30);
  uvshm_rwlock_cancel(lock);
  for (i = 0; i < 3; i++) uv_thread_join(&threads[i]);
  assert_int_equal(results[0], UV_ECANCELED);
  /* The reader may have come in after the first writer had gone. */
  assert_true(results[1] == UV_ECANCELED || results[1] == 0);
  assert_int_equal(results[2], UV_ECANCELED);
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  uvshm_rwlock_close(lock);
}


TEST(rwlock_keeps_readers_and_writers_of_processes_apart) {
  const char* name = test_name("apart");
  const char* memory = test_name("words");
  uvshm_rwlock_t* lock = open_lock(NULL, name);
  uvshm_region_options_t options;
  struct test_process workers[3];
  uvshm_region_t* region;
  uint64_t* words;
  int i;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  assert_int_equal(uvshm_region_open(&region, memory, &options), 0);
  words = uvshm_region_base(region);
  for (i = 0; i < 3; i++) {
    test_spawn(&workers[i], "worker", name, memory, "8000", NULL);
    test_expect(&workers[i], "ready");
  }
  for (i = 0; i < 3; i++) test_tell(&workers[i], "go");
  for (i = 0; i < 3; i++) assert_int_equal(test_join(&workers[i]), 0);
  assert_true(words[0] == 3000 && words[16] == 3000);
  uvshm_region_close(region);
  uvshm_rwlock_close(lock);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rwlock_by_name_alone_and_in_a_segment),
      cmocka_unit_test(rwlock_taken_twice_by_one_thread_is_refused),
      cmocka_unit_test(rwlock_many_at_once_in_any_order),
      cmocka_unit_test(rwlock_has_many_readers_or_one_writer),
      cmocka_unit_test(rwlock_writer_that_waits_goes_before_readers_that_come),
      cmocka_unit_test(
          rwlock_upgrade_waits_for_readers_and_the_second_one_is_refused),
      cmocka_unit_test(rwlock_dead_reader_keeps_no_writer_out),
      cmocka_unit_test(
          rwlock_writers_death_is_told_to_readers_and_to_one_writer),
      cmocka_unit_test(rwlock_writer_that_dies_while_it_waits_lets_all_in),
      cmocka_unit_test(rwlock_close_gives_back_what_the_thread_holds),
      cmocka_unit_test(rwlock_abandoned_by_a_writer_is_left_as_by_a_dead_one),
      cmocka_unit_test(rwlock_cancel_wakes_blocked_readers_and_writers),
      cmocka_unit_test(rwlock_keeps_readers_and_writers_of_processes_apart),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("rwlock", tests, set_up, close_segment);
}
