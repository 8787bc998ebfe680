/* SPDX-License-Identifier: MIT */

/* UVSHM_GUARD inside of one process: several handles, locks that it holds,
 * threads that meet the cut at once, forked children, and how many guards there
 * are. */

#include "guard_desk.h"
#include "harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

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


/* A peer that leaves must not make the file longer again: zeros at its start
 * would be an object that nobody has made, and that nobody may remove. */
static int leaves_a_cut_file(void) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_region_t* one;
  uvshm_region_t* two;
  struct stat st;
  char path[512];

  strcpy(name, test_name("short"));
  one = open_region(name, UVSHM_CREATE | UVSHM_KEEP | UVSHM_GUARD);
  two = open_region(name, UVSHM_GUARD);
  CHECK(one != NULL);
  CHECK(two != NULL);
  path_of(one, path, sizeof(path));
  cut(path, 0);
  uvshm_region_close(two);
  uvshm_region_close(one);
  CHECK(stat(path, &st) == 0);
  CHECK(st.st_size == 0);
  one = open_region(name, UVSHM_CREATE);
  CHECK(one != NULL);
  uvshm_region_close(one);
  return 0;
}


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
  if (strcmp(argv[0], "short_file") == 0) err = leaves_a_cut_file();
  if (strcmp(argv[0], "held_lock") == 0) err = held_lock();
  if (strcmp(argv[0], "forked") == 0) err = forked();
  if (strcmp(argv[0], "forked_and_cut") == 0) err = forked_and_cut();
  if (strcmp(argv[0], "threads") == 0) err = threads_at_once();
  if (err == 0 && test_leftovers() == 0) test_say("fine");
  return err;
}


static const struct test_role roles[] = {
    {"inside", role_inside},
    {NULL, NULL},
};

/* ---- the cases ----------------------------------------------------------- */

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


TEST(file_that_was_cut_stays_as_it_is) {
  (void) state;
  inside("short_file");
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


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_handle_is_told_when_it_is_used),
      cmocka_unit_test(file_that_was_cut_stays_as_it_is),
      cmocka_unit_test(guards_have_a_limit_and_are_given_back),
      cmocka_unit_test(lock_of_one_that_was_cut_passes_on),
      cmocka_unit_test(threads_may_meet_it_at_once),
      cmocka_unit_test(forked_child_has_a_guard_of_its_own),
      cmocka_unit_test(forked_child_is_told_when_it_rejoins),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("guard-inside", tests, NULL, NULL);
}
