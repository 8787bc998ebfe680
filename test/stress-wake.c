/* SPDX-License-Identifier: MIT */

/* Sleeping and waking under deaths: how long a waiter takes to notice that the
 * owner died, and that nobody sleeps on when the one who was to wake him, or
 * the one who was woken in his place, is killed.
 *
 * Times are printed. What is asserted is far above them, since a busy machine
 * may delay anything.
 *
 *   UVSHM_KILLS=2000   how many deaths in each case (default 100)
 */

#include "harness.h"
#include "namespace.h"

#include "base/atomic.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KILLS_DEFAULT 100u
#define CREW 3u

/* The promise is 50 ms from when the kernel knows of the death. */
#define MEDIAN_NS (UINT64_C(50) * 1000000)
#define MOST_NS (UINT64_C(5000) * 1000000)

/* What the processes of a case share, in a region. */
struct board {
  uvshm__a64_t turns;
};

static uint64_t number(const char* variable, uint64_t standard) {
  const char* text = getenv(variable);

  return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : standard;
}


static uint32_t below(uint32_t limit) {
  static uint64_t state;

  if (state == 0) state = uv_hrtime() | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t) (state >> 32) % limit;
}

/* ---- times --------------------------------------------------------------- */

static int by_size(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*) a;
  uint64_t y = *(const uint64_t*) b;

  return x < y ? -1 : x > y;
}


static void check_times(const char* what, uint64_t* ns, size_t count) {
  qsort(ns, count, sizeof(*ns), by_size);
  printf("%s: %u times, median %.3f ms, 99%% %.3f ms, most %.3f ms\n",
         what,
         (unsigned int) count,
         (double) ns[count / 2] / 1e6,
         (double) ns[count * 99 / 100] / 1e6,
         (double) ns[count - 1] / 1e6);
  assert_true(ns[count / 2] < MEDIAN_NS);
  assert_true(ns[count - 1] < MOST_NS);
}

/* ---- roles --------------------------------------------------------------- */

/* mutex: take it, say so, wait to be killed. */
static int role_owner(int argc, char** argv) {
  uvshm_mutex_t* mutex;

  if (argc != 1 || uvshm_mutex_open(&mutex, NULL, argv[0], NULL) < 0) return 1;
  test_say("locked %d", uvshm_mutex_lock(mutex, TEST_PATIENCE_MS));
  return test_hear() != NULL;
}


/* mutex: wait for it, say what came, when. */
static int role_waiter(int argc, char** argv) {
  uvshm_mutex_t* mutex;
  int err;

  if (argc != 1 || uvshm_mutex_open(&mutex, NULL, argv[0], NULL) < 0) return 1;
  test_say("waiting");
  err = uvshm_mutex_lock(mutex, TEST_PATIENCE_MS);
  test_say("%d %llu", err, (unsigned long long) uv_hrtime());
  if (err >= 0) uvshm_mutex_unlock(mutex);
  uvshm_mutex_close(mutex);
  return 0;
}


/* mutex, board: in and out, for ever. */
static int role_locker(int argc, char** argv) {
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  struct board* board;
  uint32_t pauses;

  if (argc != 2 || uvshm_mutex_open(&mutex, NULL, argv[0], NULL) < 0) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  board = uvshm_region_base(region);
  for (;;) {
    if (uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) < 0) return 3;
    uvshm__a64_add(&board->turns, 1);
    /* Long enough that the others fall asleep. */
    for (pauses = below(4000); pauses > 0; pauses--) uvshm__pause();
    if (uvshm_mutex_unlock(mutex) < 0) return 4;
    if (below(4) == 0) uv_sleep(1);
  }
}


/* sem: fill it up to a few units. */
static int role_poster(int argc, char** argv) {
  uvshm_sem_info_t info;
  uvshm_sem_t* sem;

  if (argc != 2 || uvshm_sem_open(&sem, NULL, argv[0], NULL) < 0) return 1;
  for (;;) {
    if (uvshm_sem_info(sem, &info) < 0) return 2;
    if (info.value < 3 && uvshm_sem_post(sem, 1 + below(2)) < 0) return 3;
    if (below(4) == 0) uv_sleep(1);
  }
}


/* sem, board: take units as they come. */
static int role_taker(int argc, char** argv) {
  uvshm_region_t* region;
  struct board* board;
  uvshm_sem_t* sem;

  if (argc != 2 || uvshm_sem_open(&sem, NULL, argv[0], NULL) < 0) return 1;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 2;
  board = uvshm_region_base(region);
  for (;;) {
    if (uvshm_sem_wait(sem, TEST_PATIENCE_MS) < 0) return 3;
    uvshm__a64_add(&board->turns, 1);
  }
}

/* ---- the owner dies, the waiter waits already ---------------------------- */

struct waiter {
  uvshm_mutex_t* mutex;
  uint64_t got_ns;
  int err;
};


static void wait_for_it(void* arg) {
  struct waiter* waiter = arg;

  waiter->err = uvshm_mutex_lock(waiter->mutex, TEST_PATIENCE_MS);
  waiter->got_ns = uv_hrtime();
  if (waiter->err >= 0) uvshm_mutex_unlock(waiter->mutex);
}


static uint64_t after(uint64_t later, uint64_t earlier) {
  return later > earlier ? later - earlier : 0;
}


/* How long it took from the kill, and from when we knew that it is dead. */
static void one_death(uvshm_mutex_t* mutex,
                      const char* name,
                      uint64_t* from_kill,
                      uint64_t* from_end) {
  struct test_process owner;
  struct waiter waiter = {mutex, 0, 0};
  uv_thread_t thread;
  uint64_t killed_ns;
  uint64_t ended_ns;

  test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  assert_int_equal(uv_thread_create(&thread, wait_for_it, &waiter), 0);
  test_sleep_ms(below(45)); /* at any point of its slices of 1 to 20 ms */
  killed_ns = uv_hrtime();
  test_kill(&owner);
  ended_ns = uv_hrtime();
  uv_thread_join(&thread);
  assert_int_equal(waiter.err, UVSHM_OWNER_DIED);
  *from_kill = after(waiter.got_ns, killed_ns);
  *from_end = after(waiter.got_ns, ended_ns);
}


static void a_waiter_gets_the_lock_soon_after_its_owner_died(void** state) {
  size_t count = (size_t) number("UVSHM_KILLS", KILLS_DEFAULT);
  uint64_t* ns = calloc(2 * count, sizeof(*ns));
  const char* name = test_name("death");
  uvshm_mutex_t* mutex;
  size_t i;

  (void) state;
  assert_non_null(ns);
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  for (i = 0; i < count; i++) one_death(mutex, name, &ns[i], &ns[count + i]);
  check_times("from the kill to the waiter's return", ns, count);
  check_times("from the end of the process", ns + count, count);
  free(ns);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}

/* ---- in different pid namespaces ----------------------------------------- */

/* `inside`: which of the two roles runs in a namespace of its own. */
static void across_namespaces(const char* inside) {
  struct test_process owner;
  struct test_process waiter;
  const char* name = test_name("namespace");
  char line[128];
  unsigned long long got_ns;
  uint64_t killed_ns;
  int err;

  if (!test_namespace_can()) skip();
  if (strcmp(inside, "owner") == 0)
    test_spawn(&owner, "inside", "owner", name, NULL);
  else
    test_spawn(&owner, "owner", name, NULL);
  test_expect(&owner, "locked 0");
  if (strcmp(inside, "owner") == 0)
    test_spawn(&waiter, "waiter", name, NULL);
  else
    test_spawn(&waiter, "inside", "waiter", name, NULL);
  test_expect(&waiter, "waiting");
  test_sleep_ms(100);
  killed_ns = uv_hrtime();
  test_kill(&owner);
  test_expect_line(&waiter, line, sizeof(line));
  assert_int_equal(sscanf(line, "%d %llu", &err, &got_ns), 2);
  assert_int_equal(err, UVSHM_OWNER_DIED);
  printf("%s in a pid namespace of its own: %.3f ms\n",
         inside,
         (double) ((uint64_t) got_ns - killed_ns) / 1e6);
  assert_int_equal(test_join(&waiter), 0);
}


static void an_owner_in_another_pid_namespace_is_known_to_be_dead(
    void** state) {
  (void) state;
  across_namespaces("owner");
}


static void a_waiter_in_another_pid_namespace_knows_of_the_death(void** state) {
  (void) state;
  across_namespaces("waiter");
}

/* ---- waker or waiter is killed ------------------------------------------- */

/* Kill and start anew at random, while `turns` must go on. */
static void disturb(struct test_process* crew,
                    const char* const* roles,
                    const char* name,
                    const char* region,
                    struct board* board) {
  uint64_t kills = number("UVSHM_KILLS", KILLS_DEFAULT);
  uint64_t seen = 0;
  uint64_t since = uv_hrtime();
  uint64_t most = 0;
  uint64_t now;
  uint32_t i;

  while (kills > 0 || uvshm__a64_load_relaxed(&board->turns) == seen) {
    now = uv_hrtime();
    if (uvshm__a64_load_relaxed(&board->turns) != seen) {
      if (now - since > most) most = now - since;
      seen = uvshm__a64_load_relaxed(&board->turns);
      since = now;
    }
    if (now - since > UINT64_C(1000000) * TEST_PATIENCE_MS / 2)
      fail_msg("nobody goes on; %u deaths left", (unsigned int) kills);
    uv_sleep(below(3));
    if (kills == 0 || below(2) == 0) continue;
    i = below(CREW);
    test_kill(&crew[i]);
    test_spawn(&crew[i], roles[i], name, region, NULL);
    kills--;
  }
  printf("%llu turns, the longest pause %.3f ms\n",
         (unsigned long long) seen,
         (double) most / 1e6);
}


static void with_a_crew(const char* const* roles, const char* name) {
  struct test_process crew[CREW];
  uvshm_region_options_t options;
  uvshm_region_t* region;
  const char* board = test_name("board");
  uint32_t i;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = sizeof(struct board);
  assert_int_equal(uvshm_region_open(&region, board, &options), 0);
  for (i = 0; i < CREW; i++) test_spawn(&crew[i], roles[i], name, board, NULL);
  disturb(crew, roles, name, board, uvshm_region_base(region));
  for (i = 0; i < CREW; i++) test_kill(&crew[i]);
  uvshm_region_close(region);
}


static void nobody_sleeps_on_when_an_owner_or_a_waiter_is_killed(void** state) {
  static const char* const roles[CREW] = {"locker", "locker", "locker"};
  const char* name = test_name("wake");
  uvshm_mutex_t* mutex;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, name, NULL), 0);
  with_a_crew(roles, name);
  assert_true(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS) >= 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(test_leftovers(), 0);
}


static void nobody_sleeps_on_when_a_poster_or_a_taker_is_killed(void** state) {
  static const char* const roles[CREW] = {"poster", "taker", "taker"};
  const char* name = test_name("post");
  uvshm_sem_t* sem;

  (void) state;
  assert_int_equal(uvshm_sem_open(&sem, NULL, name, NULL), 0);
  with_a_crew(roles, name);
  uvshm_sem_close(sem);
  assert_int_equal(test_leftovers(), 0);
}

/* ---- nobody is killed ---------------------------------------------------- */

/* sem, sem, count: answer each unit with one. */
static int role_echo(int argc, char** argv) {
  uvshm_sem_t* sems[2];
  unsigned long count;

  if (argc != 3) return 1;
  if (uvshm_sem_open(&sems[0], NULL, argv[0], NULL) < 0) return 2;
  if (uvshm_sem_open(&sems[1], NULL, argv[1], NULL) < 0) return 3;
  test_say("ready");
  for (count = strtoul(argv[2], NULL, 10); count > 0; count--) {
    if (uvshm_sem_wait(sems[0], TEST_PATIENCE_MS) < 0) return 4;
    if (uvshm_sem_post(sems[1], 1) < 0) return 5;
  }
  uvshm_sem_close(sems[0]);
  uvshm_sem_close(sems[1]);
  return 0;
}


/* A lost wake-up would cost a slice, 1 ms at least, in every round. */
static void a_sleeper_is_woken_and_does_not_wait_for_its_slice(void** state) {
  enum {
    ROUNDS = 1000
  };
  struct test_process echo;
  uint64_t* ns = calloc(ROUNDS, sizeof(*ns));
  char names[2][256];
  uvshm_sem_t* sems[2];
  uint64_t began;
  uint32_t i;

  (void) state;
  assert_non_null(ns);
  for (i = 0; i < 2; i++) {
    strcpy(names[i], test_name("echo"));
    assert_int_equal(uvshm_sem_open(&sems[i], NULL, names[i], NULL), 0);
  }
  test_spawn(&echo, "echo", names[0], names[1], "1000", NULL);
  test_expect(&echo, "ready");
  for (i = 0; i < ROUNDS; i++) {
    uv_sleep(1); /* it sleeps by now */
    began = uv_hrtime();
    assert_int_equal(uvshm_sem_post(sems[0], 1), 0);
    assert_int_equal(uvshm_sem_wait(sems[1], TEST_PATIENCE_MS), 0);
    ns[i] = uv_hrtime() - began;
  }
  assert_int_equal(test_join(&echo), 0);
  check_times("there and back", ns, ROUNDS);
  free(ns);
  for (i = 0; i < 2; i++) uvshm_sem_close(sems[i]);
  assert_int_equal(test_leftovers(), 0);
}


/* role, mutex: that role in a pid namespace. */
static int role_inside(int argc, char** argv) {
  if (argc != 2 || test_namespace_enter() < 0) return 1;
  if (strcmp(argv[0], "owner") == 0) return role_owner(1, argv + 1);
  return role_waiter(1, argv + 1);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"owner", role_owner},
                                           {"waiter", role_waiter},
                                           {"inside", role_inside},
                                           {"locker", role_locker},
                                           {"poster", role_poster},
                                           {"taker", role_taker},
                                           {"echo", role_echo},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_waiter_gets_the_lock_soon_after_its_owner_died),
      cmocka_unit_test(an_owner_in_another_pid_namespace_is_known_to_be_dead),
      cmocka_unit_test(a_waiter_in_another_pid_namespace_knows_of_the_death),
      cmocka_unit_test(nobody_sleeps_on_when_an_owner_or_a_waiter_is_killed),
      cmocka_unit_test(nobody_sleeps_on_when_a_poster_or_a_taker_is_killed),
      cmocka_unit_test(a_sleeper_is_woken_and_does_not_wait_for_its_slice)};

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
