/* SPDX-License-Identifier: MIT */

/* What only POSIX has: watches in a forked child, what a killed watcher leaves
 * in the file system, and, where /proc tells, what a watch costs while nothing
 * happens. Children report by their exit code and never assert. */

#include "harness.h"

#include "loop/hub.h"
#include "object/segment.h"
#include "port_caps.h"
#include "uvshm.h"
#include "uvshm/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(sentence) static void sentence(void** state)

/* In a child: the number of the step that failed is the exit code. */
#define STEP(n, condition)                                                     \
 if (!(condition)) _exit(n)

#define WATCHES 10
#define IDLE_MS 10000

static uvshm_segment_t* segment;
static uvshm_map_t* map;
static uv_loop_t loop;
static int calls;
static int last_status;


static void open_all(const char* name) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  if (uvshm_segment_open(&segment, name, &options) < 0 ||
      uvshm_map_open(&map, segment, "map", NULL) < 0 || uv_loop_init(&loop) < 0)
    fail_msg("%s", uvshm_error_detail());
  calls = 0;
}


static void leave_all(void) {
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
}


static void close_all(void) {
  leave_all();
  assert_int_equal(test_leftovers(), 0);
}


/* Of both scopes, which sweeps. */
static void list_all(void) {
  uvshm_names_t* names;
  uvshm_name_info_t info;

  assert_int_equal(uvshm_names_open(&names, UVSHM_SYSTEM), 0);
  while (uvshm_names_next(names, &info) == 0) continue;
  uvshm_names_close(names);
}


static int status_of(pid_t pid) {
  int status;

  if (waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}


static void on_news(uvshm_watch_t* watch, int status) {
  (void) watch;
  calls++;
  last_status = status;
}


static void turns(int count) {
  while (count-- > 0) uv_run(&loop, UV_RUN_NOWAIT);
}

/* ---- forks --------------------------------------------------------------- */

static void forked_child(uvshm_watch_t* watch) {
  STEP(1, uv_loop_fork(&loop) == 0);
  turns(3);
  STEP(2, calls == 1 && last_status == UV_ENOTCONN);
  STEP(3, !uvshm_watch_active(watch));
  STEP(4, uvshm_watch_start_map(watch, map, NULL, 0, on_news) == UV_ENOTCONN);
  STEP(5, uvshm_segment_rejoin(segment) == 0);
  STEP(6, uvshm_watch_start_map(watch, map, NULL, 0, on_news) == 0);
  STEP(7, uvshm_map_put(map, "child", 5, "1", 1) == 0);
  while (calls == 1) uv_run(&loop, UV_RUN_ONCE);
  STEP(8, last_status == 0);
  uvshm_watch_close(watch, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  STEP(9, uv_loop_close(&loop) == 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  _exit(0);
}


TEST(forked_child_is_told_and_may_start_again) {
  static uvshm_watch_t watch;
  uint64_t start;
  pid_t pid;

  (void) state;
  open_all(test_name("fork"));
  assert_int_equal(uvshm_watch_init(&loop, &watch), 0);
  assert_int_equal(uvshm_watch_start_map(&watch, map, NULL, 0, on_news), 0);
  turns(2);
  pid = fork();
  if (pid == 0) forked_child(&watch);
  assert_int_equal(status_of(pid), 0);

  /* The parent goes on as if nothing had been. */
  start = test_now_ms();
  while (calls == 0 && test_now_ms() - start < TEST_PATIENCE_MS)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(calls, 1);
  assert_int_equal(last_status, 0);
  uvshm_watch_close(&watch, NULL);
  close_all();
}

/* ---- what is left behind ------------------------------------------------- */

/* Those of an object, by its id: in the folder of Linux's shared memory; with
 * the fallback, in /tmp. */
static int bells_in(const char* place, const uint64_t id[2]) {
  DIR* folder = opendir(place);
  struct dirent* entry;
  char prefix[64];
  int count = 0;

  if (folder == NULL) return 0;
  snprintf(prefix,
           sizeof(prefix),
           ".uvshm-bell-%016llx%016llx-",
           (unsigned long long) id[0],
           (unsigned long long) id[1]);
  while ((entry = readdir(folder)) != NULL)
    if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) count++;
  closedir(folder);
  return count;
}


static int count_bells(const uint64_t id[2]) {
  return bells_in("/dev/shm", id) + bells_in("/tmp", id);
}


static void get_id(uint64_t id[2]) {
  memcpy(id, uvshm__segment_attach(segment)->object.id, 16);
}


static int role_watcher(int argc, char** argv) {
  uvshm_segment_options_t options;
  uvshm_watch_t watches[WATCHES];
  int i;

  (void) argc;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) return 1;
  if (uvshm_map_open(&map, segment, "map", NULL) < 0) return 2;
  if (uv_loop_init(&loop) < 0) return 3;
  for (i = 0; i < WATCHES; i++)
    if (uvshm_watch_init(&loop, &watches[i]) < 0 ||
        uvshm_watch_start_map(&watches[i], map, NULL, 0, on_news) < 0)
      return 4;
  test_say("watching");
  return uv_run(&loop, UV_RUN_DEFAULT);
}


static const struct test_role roles[] = {{"watcher", role_watcher},
                                         {NULL, NULL}};


TEST(bells_of_the_killed_go_when_somebody_repairs) {
  struct test_process watcher;
  const char* name = test_name("litter");
  uint32_t repaired = 0;
  uint64_t id[2];

  (void) state;
  open_all(name);
  get_id(id);
  test_spawn(&watcher, "watcher", name, NULL);
  test_expect(&watcher, "watching");
  assert_int_equal(count_bells(id), 1);
  test_kill(&watcher);
  while (repaired == 0)
    assert_int_equal(uvshm_segment_repair(segment, &repaired), 0);
  assert_int_equal(count_bells(id), 0);
  close_all();
}


TEST(bells_of_the_last_user_go_with_a_listing) {
  struct test_process watcher;
  const char* name = test_name("last");
  uint64_t id[2];

  (void) state;
  open_all(name);
  get_id(id);
  test_spawn(&watcher, "watcher", name, NULL);
  test_expect(&watcher, "watching");
  leave_all();
  test_kill(&watcher);
  assert_int_equal(count_bells(id), 1);
  assert_int_equal(uvshm_name_gc(name, 0), 0);
  list_all();
  assert_int_equal(count_bells(id), 0);
}

/* ---- system calls -------------------------------------------------------- */

/* Bytes in the FIFO of the watch's loop. */
static int rings_in(const uvshm_watch_t* watch) {
  intptr_t os = -1;
  int count = -1;

  assert_int_equal(
      uvshm__port_bell_fileno(&watch->watcher->ear->bell->port, &os), 0);
  assert_int_equal(ioctl((int) os, FIONREAD, &count), 0);
  return count;
}


TEST(only_a_loop_that_sleeps_is_rung_and_only_once) {
  static uvshm_watch_t watch;
  int i;

  (void) state;
  if (!UVSHM__PORT_BELL_POLLS) skip(); /* a thread reads it meanwhile */
  open_all(test_name("rings"));
  assert_int_equal(uvshm_watch_init(&loop, &watch), 0);
  assert_int_equal(uvshm_watch_start_map(&watch, map, NULL, 0, on_news), 0);
  turns(2);
  for (i = 0; i < 5; i++)
    assert_int_equal(uvshm_map_put(map, "key", 3, "1", 1), 0);
  assert_int_equal(rings_in(&watch), 0);
  turns(2);
  uvshm__ears_arm(watch.watcher->hub); /* as before it blocks */
  for (i = 0; i < 5; i++)
    assert_int_equal(uvshm_map_put(map, "key", 3, "1", 1), 0);
  assert_int_equal(rings_in(&watch), 1);
  turns(2);
  assert_int_equal(calls, 2);
  uvshm_watch_close(&watch, NULL);
  close_all();
}

/* ---- idle ---------------------------------------------------------------- */

struct usage {
  unsigned long long ticks;    /* of the process's time */
  unsigned long long switches; /* times that it went to sleep */
};


static int read_usage(int pid, struct usage* usage) {
  char path[64];
  char line[1024];
  unsigned long long user = 0;
  unsigned long long system = 0;
  FILE* file;
  int found = 0;

  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  file = fopen(path, "r");
  if (file == NULL) return 0;
  found = fgets(line, sizeof(line), file) != NULL &&
          sscanf(strrchr(line, ')') + 1,
                 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                 &user,
                 &system) == 2;
  fclose(file);
  usage->ticks = user + system;
  snprintf(path, sizeof(path), "/proc/%d/status", pid);
  file = fopen(path, "r");
  if (file == NULL || !found) return 0;
  found = 0;
  while (fgets(line, sizeof(line), file) != NULL)
    if (sscanf(line, "voluntary_ctxt_switches: %llu", &usage->switches) == 1)
      found = 1;
  fclose(file);
  return found;
}


/* Less than 0.1 % of one processor, and no more than one wake-up a second. */
TEST(ten_idle_watches_cost_next_to_nothing) {
  struct test_process watcher;
  const char* name = test_name("idle");
  struct usage before;
  struct usage after;
  uint64_t start;
  uint64_t seconds;

  (void) state;
  test_spawn(&watcher, "watcher", name, NULL);
  test_expect(&watcher, "watching");
  test_sleep_ms(1100);
  start = test_now_ms();
  if (!read_usage(watcher.process.pid, &before)) {
    test_kill(&watcher);
    assert_int_equal(uvshm_name_gc(name, 0), 0);
    skip();
  }
  test_sleep_ms(IDLE_MS);
  seconds = (test_now_ms() - start + 999) / 1000;
  assert_true(read_usage(watcher.process.pid, &after));
  test_kill(&watcher);
  assert_int_equal(uvshm_name_gc(name, 0), 0);
  list_all();
  print_message("%llu wake-ups and %llu ms of processor in %llu s\n",
                after.switches - before.switches,
                (after.ticks - before.ticks) * 1000 /
                    (unsigned long long) sysconf(_SC_CLK_TCK),
                (unsigned long long) seconds);
  assert_true(after.switches - before.switches <= seconds + 1);
  /* A tick is 10 ms, and so is 0.1 % of the time. */
  assert_true(after.ticks - before.ticks <= 1);
}

int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forked_child_is_told_and_may_start_again),
      cmocka_unit_test(bells_of_the_killed_go_when_somebody_repairs),
      cmocka_unit_test(bells_of_the_last_user_go_with_a_listing),
      cmocka_unit_test(only_a_loop_that_sleeps_is_rung_and_only_once),
      cmocka_unit_test(ten_idle_watches_cost_next_to_nothing),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("watch-fork", tests, NULL, NULL);
}
