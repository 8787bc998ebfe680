/* SPDX-License-Identifier: MIT */

/* UVSHM_GUARD: another process cuts off the file of what is mapped. The test is
 * that other process; a role is the one that has it mapped, and is told by an
 * error, or, without the flag, is killed by SIGBUS. */

#include "harness.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* In a program that is built with it, ThreadSanitizer's runtime does the atomic
 * operations, and has a lock of its own while it does. A fault in there calls
 * the handler, whose atomic operations wait for that lock. */
#if defined(__SANITIZE_THREAD__)
# define UNDER_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define UNDER_TSAN 1
# endif
#endif
#ifndef UNDER_TSAN
# define UNDER_TSAN 0
#endif

#define SIZE (1u << 20)
#define CONTROL (64u << 10)


static uvshm_region_t* open_region(const char* name, uint32_t flags) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = flags & UVSHM_CREATE ? SIZE : 0;
  err = uvshm_region_open(&region, name, &options);
  if (err < 0) fprintf(stderr, "%s\n", uvshm_strerror(err));
  return region;
}


static uvshm_segment_t* open_segment(const char* name, uint32_t flags) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = SIZE;
  err = uvshm_segment_open(&segment, name, &options);
  if (err < 0) fprintf(stderr, "%s\n", uvshm_strerror(err));
  return segment;
}


static void path_of(const uvshm_region_t* region, char* path, size_t size) {
  uvshm_region_info_t info;

  path[0] = '\0';
  if (uvshm_region_info(region, &info) < 0) return;
  snprintf(path, size, "%s", info.system_name);
}


static void cut(const char* path, off_t size) {
  if (truncate(path, size) != 0) fprintf(stderr, "%s: cannot cut\n", path);
}


/* A sanitizer's handler would make another end of it. */
static void by_default(void) {
  signal(SIGBUS, SIG_DFL);
}


static uint64_t sum(const volatile unsigned char* bytes, size_t size) {
  uint64_t total = 0;
  size_t i;

  for (i = 0; i < size; i += 512) total += bytes[i];
  return total;
}


static int is_over(uint64_t since) {
  return test_now_ms() - since > TEST_PATIENCE_MS;
}

/* ---- roles --------------------------------------------------------------- */

/* Copy in a loop until told. NAME, or NAME guarded, or NAME reader. */
static int role_copy(int argc, char** argv) {
  uint32_t flags = argc > 1 ? UVSHM_GUARD : 0;
  uint64_t since = test_now_ms();
  uvshm_region_info_t info;
  uvshm_region_t* region;
  uint64_t total = 0;
  int err;

  by_default();
  if (argc > 1 && strcmp(argv[1], "reader") == 0) flags |= UVSHM_READONLY;
  region = open_region(argv[0], flags);
  if (region == NULL) return 1;
  test_say("ready");
  while (uvshm_region_size(region) != 0 && !is_over(since))
    total += sum(uvshm_region_base(region), SIZE);
  err = uvshm_region_info(region, &info);
  test_say("%s", err == UV_EIO ? "told" : uvshm_strerror(err));
  test_say("%s", strstr(uvshm_strerror(err), argv[0]) != NULL ? "named" : "?");
  if (!(flags & UVSHM_READONLY)) /* zeros, and nobody else's */
    memset(uvshm_region_base(region), 1, SIZE);
  total += sum(uvshm_region_base(region), SIZE);
  if (uvshm_region_grow(region, 2 * SIZE) != UV_EIO) return 2;
  if (uvshm_region_rejoin(region) != UV_EIO) return 3;
  uvshm_region_close(region);
  return total == 1 ? 4 : 0;
}


/* Put into a map in a loop until told. */
static int role_put(int argc, char** argv) {
  uint64_t since = test_now_ms();
  uvshm_segment_t* segment;
  unsigned char value[200];
  uvshm_map_t* map;
  uint32_t key = 0;
  uint32_t key_max;
  int err;

  by_default();
  segment = open_segment(argv[0], argc > 1 ? UVSHM_GUARD : 0);
  if (segment == NULL || uvshm_map_open(&map, segment, "map", NULL) < 0)
    return 1;
  memset(value, 1, sizeof(value));
  for (key_max = 0; key_max < 2000; key_max++)
    if (uvshm_map_put(map, &key_max, 4, value, sizeof(value)) < 0) break;
  test_say("ready");
  do {
    key = (key + 1) % key_max;
    err = uvshm_map_put(map, &key, 4, value, sizeof(value));
    if (err < 0 && err != UV_EIO) err = 0; /* of the call it happened in */
  } while (err == 0 && !is_over(since));
  if (uvshm_map_put(map, &key, 4, value, sizeof(value)) != UV_EIO) err = 0;
  if (uvshm_segment_check(segment) != UV_EIO) err = 0;
  if (uvshm_segment_grow(segment, 2 * SIZE) != UV_EIO) err = 0;
  test_say("%s", err == UV_EIO ? "told" : "not told");
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return 0;
}


/* Wait for ever. */
static int role_wait(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_sem_t* sem;
  int err;

  by_default();
  segment = open_segment(argv[0], UVSHM_GUARD);
  if (segment == NULL || argc > 1) return 1;
  if (uvshm_sem_open(&sem, segment, "sem", NULL) < 0) return 1;
  test_say("ready");
  err = uvshm_sem_wait(sem, UVSHM_FOREVER);
  test_say("%s", err == UV_EIO ? "told" : uvshm_strerror(err));
  uvshm_sem_close(sem);
  uvshm_segment_close(segment);
  return 0;
}


static void on_event(uvshm_watch_t* watch, int status) {
  test_say("%s", status == UV_EIO ? "told" : uvshm_strerror(status));
  uvshm_watch_close(watch, NULL);
}


/* Watch, on a loop. */
static int role_watch(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_event_t* event;
  uvshm_watch_t watch;
  uv_loop_t loop;

  by_default();
  segment = open_segment(argv[0], UVSHM_GUARD);
  if (segment == NULL || argc > 1 || uv_loop_init(&loop) < 0) return 1;
  if (uvshm_event_open(&event, segment, "event", NULL) < 0) return 1;
  if (uvshm_watch_init(&loop, &watch) < 0) return 1;
  if (uvshm_watch_start_event(&watch, event, on_event) < 0) return 1;
  test_say("ready");
  uv_run(&loop, UV_RUN_DEFAULT);
  uvshm_event_close(event);
  uvshm_segment_close(segment);
  return uv_loop_close(&loop) == 0 ? 0 : 2;
}

/* ---- in one process ------------------------------------------------------ */

/* In a role, because cmocka sets a handler for SIGBUS of its own at each case,
 * which would be above the guard's. */
#define CHECK(what)                                                            \
 do {                                                                          \
  if (!(what)) {                                                               \
   test_say("%d: not so: %s", __LINE__, #what);                                \
   return 1;                                                                   \
  }                                                                            \
 } while (0)


static int two_handles(void) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_region_info_t info;
  uvshm_region_t* one;
  uvshm_region_t* two;
  uvshm_region_t* other;
  char path[512];

  strcpy(name, test_name("two"));
  other = open_region(test_name("other"), UVSHM_CREATE | UVSHM_GUARD);
  one = open_region(name, UVSHM_CREATE | UVSHM_GUARD);
  two = open_region(name, UVSHM_GUARD);
  CHECK(one != NULL);
  CHECK(two != NULL);
  CHECK(other != NULL);
  memset(uvshm_region_base(two), 7, SIZE);
  path_of(one, path, sizeof(path));
  cut(path, CONTROL + 4096);

  /* What is left is shared still. */
  CHECK(*(unsigned char*) uvshm_region_base(one) == 7);
  CHECK(sum(uvshm_region_base(one), SIZE) == 7 * 8);
  CHECK(uvshm_region_size(one) == 0);
  CHECK(uvshm_region_size(two) == SIZE);
  CHECK(uvshm_region_info(two, &info) == 0);
  CHECK(info.peers == 2);
  /* The first call makes this peer a dead one. */
  CHECK(uvshm_region_info(one, &info) == UV_EIO);
  CHECK(uvshm_region_info(two, &info) == 0);
  CHECK(info.peers == 1);
  /* And everything its own. */
  memset(uvshm_region_base(one), 9, SIZE);
  CHECK(*(unsigned char*) uvshm_region_base(two) == 7);
  uvshm_region_close(one);
  CHECK(sum(uvshm_region_base(two), SIZE) == 7 * 8);
  CHECK(uvshm_region_info(two, &info) == UV_EIO);
  uvshm_region_close(two);
  CHECK(uvshm_region_size(other) == SIZE);
  uvshm_region_close(other);
  unlink(path);
  return 0;
}


/* The lock lies in the part that is left. Who holds it finds out elsewhere. */
static int held_lock(void) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_segment_info_t info;
  uvshm_segment_t* one;
  uvshm_segment_t* two;
  uvshm_mutex_t* mine;
  uvshm_mutex_t* theirs;
  void* block;

  strcpy(name, test_name("lock"));
  one = open_segment(name, UVSHM_CREATE | UVSHM_GUARD);
  two = open_segment(name, UVSHM_GUARD);
  CHECK(one != NULL);
  CHECK(two != NULL);
  CHECK(uvshm_mutex_open(&mine, one, "lock", NULL) == 0);
  CHECK(uvshm_mutex_open(&theirs, two, "lock", NULL) == 0);
  CHECK(uvshm_heap_alloc(one, &block, 600000, 0) == 0);
  CHECK(uvshm_segment_info(one, &info) == 0);

  CHECK(uvshm_mutex_lock(mine, 0) == 0);
  cut(info.region.system_name, 4 * CONTROL);
  memset(block, 1, 600000);
  CHECK(uvshm_mutex_lock(theirs, 0) == UV_EBUSY);
  CHECK(uvshm_mutex_unlock(mine) == UV_EIO);
  CHECK(uvshm_mutex_lock(theirs, 10000) == UVSHM_OWNER_DIED);
  CHECK(uvshm_mutex_unlock(theirs) == 0);
  CHECK(uvshm_mutex_lock(mine, UVSHM_FOREVER) == UV_EIO);
  uvshm_mutex_close(mine);
  uvshm_mutex_close(theirs);
  uvshm_segment_close(one);
  uvshm_segment_close(two);
  unlink(info.region.system_name);
  return 0;
}


static int child_of_a_guard(uvshm_region_t* region, const char* path) {
  uvshm_region_info_t info;

  if (uvshm_region_info(region, &info) != UV_ENOTCONN) return 1;
  if (uvshm_region_rejoin(region) != 0) return 2;
  if (uvshm_region_info(region, &info) != 0 || info.peers != 2) return 3;
  if (truncate(path, CONTROL) != 0) return 4;
  if (sum(uvshm_region_base(region), SIZE) != 0) return 5;
  if (uvshm_region_size(region) != 0) return 6;
  if (uvshm_region_info(region, &info) != UV_EIO) return 7;
  uvshm_region_close(region);
  return 0;
}


/* The first that the child touches is missing. */
static int child_that_comes_back(uvshm_region_t* region, const char* path) {
  if (truncate(path, 0) != 0) return 1;
  if (uvshm_region_rejoin(region) != UV_EIO) return 2;
  if (uvshm_region_size(region) != 0) return 3;
  if (uvshm_region_rejoin(region) != UV_EIO) return 4;
  uvshm_region_close(region);
  return 0;
}


static int forked_and_cut(void) {
  uvshm_region_t* region =
      open_region(test_name("cut"), UVSHM_CREATE | UVSHM_GUARD);
  char path[512];
  pid_t pid;
  int status;

  CHECK(region != NULL);
  path_of(region, path, sizeof(path));
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(child_that_comes_back(region, path));
  while (waitpid(pid, &status, 0) < 0) CHECK(errno == EINTR);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(sum(uvshm_region_base(region), SIZE) == 0);
  uvshm_region_close(region);
  unlink(path);
  return 0;
}


static int forked(void) {
  uvshm_region_t* region =
      open_region(test_name("fork"), UVSHM_CREATE | UVSHM_GUARD);
  uvshm_region_info_t info;
  char path[512];
  pid_t pid;
  int status;

  CHECK(region != NULL);
  memset(uvshm_region_base(region), 7, SIZE);
  path_of(region, path, sizeof(path));
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(child_of_a_guard(region, path));
  while (waitpid(pid, &status, 0) < 0) CHECK(errno == EINTR);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);

  CHECK(uvshm_region_size(region) == SIZE);
  CHECK(uvshm_region_info(region, &info) == 0);
  CHECK(info.peers == 1);
  CHECK(sum(uvshm_region_base(region), SIZE) == 0);
  CHECK(uvshm_region_info(region, &info) == UV_EIO);
  uvshm_region_close(region);
  unlink(path);
  return 0;
}


struct crowd {
  uvshm_map_t* map;
  uv_sem_t start;
};


/* Until it is told, or the time is over. */
static void put_and_get(void* arg) {
  struct crowd* crowd = arg;
  uint64_t since = test_now_ms();
  unsigned char value[200];
  uint32_t key = 0;
  size_t size;
  int err = 0;

  memset(value, 1, sizeof(value));
  uv_sem_post(&crowd->start);
  while (err != UV_EIO && !is_over(since)) {
    key = (key + 7) % 500;
    err = uvshm_map_put(crowd->map, &key, 4, value, sizeof(value));
    if (err == UV_EIO) break;
    size = sizeof(value);
    err = uvshm_map_get(crowd->map, &key, 4, value, &size, NULL);
  }
}


/* Guards that come and go beside those in use. */
static void open_and_close(void* arg) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  int i;

  (void) arg;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_GUARD;
  options.size = 4096;
  for (i = 0; i < 50; i++) {
    if (uvshm_region_open(&region, NULL, &options) < 0) return;
    *(char*) uvshm_region_base(region) = 1;
    uvshm_region_close(region);
  }
}


static int threads_once(off_t size) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_segment_info_t info;
  uvshm_segment_t* segment;
  uv_thread_t threads[4];
  struct crowd crowd;
  int i;

  strcpy(name, test_name("threads"));
  segment = open_segment(name, UVSHM_CREATE | UVSHM_GUARD);
  CHECK(segment != NULL);
  CHECK(uvshm_map_open(&crowd.map, segment, "map", NULL) == 0);
  CHECK(uvshm_segment_info(segment, &info) == 0);
  CHECK(uv_sem_init(&crowd.start, 0) == 0);
  for (i = 0; i < 3; i++)
    CHECK(uv_thread_create(&threads[i], put_and_get, &crowd) == 0);
  CHECK(uv_thread_create(&threads[3], open_and_close, NULL) == 0);
  for (i = 0; i < 3; i++) uv_sem_wait(&crowd.start);
  test_sleep_ms(2);
  cut(info.region.system_name, size);
  for (i = 0; i < 4; i++) uv_thread_join(&threads[i]);
  CHECK(uvshm_segment_check(segment) == UV_EIO);
  uvshm_map_close(crowd.map);
  uvshm_segment_close(segment);
  uv_sem_destroy(&crowd.start);
  unlink(info.region.system_name);
  return 0;
}


static int threads_at_once(void) {
  int i;

  for (i = 0; i < 24; i++)
    if (threads_once(i % 4 * 32768) != 0) return 1;
  return 0;
}


static int role_inside(int argc, char** argv) {
  int err = 1;

  by_default();
  if (argc < 1) return 1;
  if (strcmp(argv[0], "two_handles") == 0) err = two_handles();
  if (strcmp(argv[0], "held_lock") == 0) err = held_lock();
  if (strcmp(argv[0], "forked") == 0) err = forked();
  if (strcmp(argv[0], "forked_and_cut") == 0) err = forked_and_cut();
  if (strcmp(argv[0], "threads") == 0) err = threads_at_once();
  if (err == 0 && test_leftovers() == 0) test_say("fine");
  return err;
}


static const struct test_role roles[] = {
    {"inside", role_inside},
    {"copy", role_copy},
    {"put", role_put},
    {"wait", role_wait},
    {"watch", role_watch},
    {NULL, NULL},
};

/* ---- regions ------------------------------------------------------------- */

/* `how`: NULL: without the flag. */
static int copy_and_cut(const char* how, off_t size) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_region_t* region;
  char path[512];
  int status;

  strcpy(name, test_name("copy"));
  region = open_region(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(region);
  memset(uvshm_region_base(region), 7, SIZE);
  path_of(region, path, sizeof(path));
  uvshm_region_close(region);

  test_spawn(&process, "copy", name, how, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(20);
  cut(path, size);
  if (how != NULL) {
    test_expect(&process, "told");
    test_expect(&process, "named");
  }
  status = test_join(&process);
  unlink(path);
  assert_int_equal(test_leftovers(), 0);
  return status;
}


TEST(without_a_guard_a_cut_ends_who_reads_on) {
  (void) state;
  assert_int_equal(copy_and_cut(NULL, CONTROL + SIZE / 2), -1 - SIGBUS);
  assert_int_equal(copy_and_cut(NULL, 0), -1 - SIGBUS);
}


TEST(reader_with_a_guard_is_told) {
  (void) state;
  assert_int_equal(copy_and_cut("guarded", CONTROL + SIZE / 2), 0);
  assert_int_equal(copy_and_cut("guarded", CONTROL + 4096), 0);
  assert_int_equal(copy_and_cut("guarded", CONTROL), 0);
  assert_int_equal(copy_and_cut("guarded", 4096), 0);
  assert_int_equal(copy_and_cut("guarded", 0), 0);
}


TEST(reader_that_may_not_write_is_told) {
  (void) state;
  assert_int_equal(copy_and_cut("reader", CONTROL + 4096), 0);
  assert_int_equal(copy_and_cut("reader", 0), 0);
}


static void inside(const char* which) {
  struct test_process process;

  test_spawn(&process, "inside", which, NULL);
  test_expect(&process, "fine");
  assert_int_equal(test_join(&process), 0);
}


TEST(each_handle_is_told_when_it_is_used) {
  (void) state;
  inside("two_handles");
}


TEST(lock_of_one_that_was_cut_passes_on) {
  (void) state;
  if (UNDER_TSAN) skip();
  inside("held_lock");
}


TEST(threads_may_meet_it_at_once) {
  (void) state;
  if (UNDER_TSAN) skip();
  inside("threads");
}


TEST(forked_child_has_a_guard_of_its_own) {
  (void) state;
  inside("forked");
}


TEST(forked_child_is_told_when_it_rejoins) {
  (void) state;
  inside("forked_and_cut");
}


TEST(guards_have_a_limit_and_are_given_back) {
  uvshm_region_t* regions[256];
  uvshm_region_options_t options;
  uvshm_region_t* region;
  int i;
  int round;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_GUARD;
  options.size = 4096;
  for (round = 0; round < 2; round++) {
    for (i = 0; i < 256; i++)
      assert_int_equal(uvshm_region_open(&regions[i], NULL, &options), 0);
    assert_int_equal(uvshm_region_open(&region, NULL, &options), UV_EMFILE);
    for (i = 0; i < 256; i++) uvshm_region_close(regions[i]);
  }
}

/* ---- segments ------------------------------------------------------------ */

static int put_and_cut(const char* how, off_t size) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_segment_info_t info;
  uvshm_segment_t* segment;
  int status;

  strcpy(name, test_name("put"));
  segment = open_segment(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(segment);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  uvshm_segment_close(segment);

  test_spawn(&process, "put", name, how, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(20);
  cut(info.region.system_name, size);
  if (how != NULL) test_expect(&process, "told");
  status = test_join(&process);
  unlink(info.region.system_name);
  assert_int_equal(test_leftovers(), 0);
  return status;
}


TEST(without_a_guard_a_cut_ends_who_writes_on) {
  (void) state;
  assert_int_equal(put_and_cut(NULL, CONTROL), -1 - SIGBUS);
}


TEST(writer_inside_a_segment_is_told) {
  off_t size;

  (void) state;
  if (UNDER_TSAN) skip();
  for (size = 0; size <= 4 * CONTROL; size += CONTROL / 2)
    assert_int_equal(put_and_cut("guarded", size), 0);
}


static void wait_and_cut(const char* role) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process process;
  uvshm_segment_info_t info;
  uvshm_segment_t* segment;

  strcpy(name, test_name("wait"));
  segment = open_segment(name, UVSHM_CREATE | UVSHM_KEEP);
  assert_non_null(segment);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  uvshm_segment_close(segment);
  test_spawn(&process, role, name, NULL);
  test_expect(&process, "ready");
  test_sleep_ms(50);
  cut(info.region.system_name, 0);
  test_expect(&process, "told");
  assert_int_equal(test_join(&process), 0);
  unlink(info.region.system_name);
}


TEST(waiting_call_ends) {
  (void) state;
  if (UNDER_TSAN) skip();
  wait_and_cut("wait");
}


TEST(watch_is_told) {
  (void) state;
  if (UNDER_TSAN) skip();
  wait_and_cut("watch");
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_guard_a_cut_ends_who_reads_on),
      cmocka_unit_test(reader_with_a_guard_is_told),
      cmocka_unit_test(reader_that_may_not_write_is_told),
      cmocka_unit_test(each_handle_is_told_when_it_is_used),
      cmocka_unit_test(guards_have_a_limit_and_are_given_back),
      cmocka_unit_test(without_a_guard_a_cut_ends_who_writes_on),
      cmocka_unit_test(writer_inside_a_segment_is_told),
      cmocka_unit_test(waiting_call_ends),
      cmocka_unit_test(watch_is_told),
      cmocka_unit_test(lock_of_one_that_was_cut_passes_on),
      cmocka_unit_test(threads_may_meet_it_at_once),
      cmocka_unit_test(forked_child_has_a_guard_of_its_own),
      cmocka_unit_test(forked_child_is_told_when_it_rejoins),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
