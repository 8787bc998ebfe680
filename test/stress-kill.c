/* SPDX-License-Identifier: MIT */

/* Four workers, killed at any moment, ten thousand times (storm.h says what
 * must hold then). The parent uses the library as little as it can: it makes
 * what is to last, kills, starts anew, and looks at the end.
 *
 *   UVSHM_KILLS=10000 build/test/stress-kill      the long one, 2 minutes
 *   UVSHM_SEED=7                                  the same choices again; what
 *                                                 they meet differs
 */

#include "harness.h"
#include "storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(_WIN32)
# define KILLS_DEFAULT 500
#else
# define KILLS_DEFAULT 300
#endif

struct worker {
  uv_process_t process;
  uint32_t index;
  uint32_t life;
  uint32_t running;
  uint64_t born_ns;
  uint64_t age_ns;     /* when to kill it, counted from its first step */
  uint32_t from_birth; /* 1: counted from its start */
  uint64_t last_steps; /* what its seats said when they last moved, and when */
  uint64_t last_ns;
  uint64_t waiting_ns;
};

static struct {
  uv_loop_t loop;
  struct worker workers[STORM_WORKERS];
  uvshm_region_t* region; /* of the board */
  struct storm_actor actor;
  char prefix[128];
  char board[128];
  uint64_t seed;
  uint64_t random;
  uint32_t kills;
  uint32_t killed;
  uint32_t born;
  uint32_t left;     /* lives that ended by themselves */
  char failure[600]; /* first thing that went wrong */
} storm;


static void give_up(const char* format, ...) {
  va_list args;

  if (storm.failure[0] != '\0') return;
  va_start(args, format);
  vsnprintf(storm.failure, sizeof(storm.failure), format, args);
  va_end(args);
}

/* ---- workers ------------------------------------------------------------- */

static void on_closed(uv_handle_t* handle) {
  struct worker* worker = handle->data;

  worker->running = 0;
}


/* A life ends because it was killed, because everybody is to leave, or by its
 * own choice with code 0. */
static void on_exited(uv_process_t* process, int64_t status, int signal) {
  struct worker* worker = process->data;
  struct storm_seat* seats =
      &storm.actor.board->seats[worker->index * STORM_THREADS];
  uint32_t i;

  if (!storm_is_doomed(storm.actor.board, worker->life)) {
    if (status != 0 || signal != 0)
      give_up("worker %u, life %u: ended with code %d, signal %d",
              (unsigned int) worker->index,
              (unsigned int) worker->life,
              (int) status,
              signal);
    storm.left++;
  }
  for (i = 0; i < STORM_THREADS; i++)
    uvshm__a32_store_seq_cst(&seats[i].unlinking, 0);
  uv_close((uv_handle_t*) process, on_closed);
}


/* The next turn starts another one. */
static void not_started(struct worker* worker, int err) {
  uv_close((uv_handle_t*) &worker->process, on_closed);
  while (worker->running) uv_run(&storm.loop, UV_RUN_NOWAIT);
  if (!test_may_spawn_again(err))
    give_up("cannot start a process: %s", uv_strerror(err));
}


static void start(struct worker* worker) {
  char exe[2048];
  char texts[3][24];
  char* args[8];
  size_t size = sizeof(exe);
  uv_process_options_t options;
  uv_stdio_container_t stdio[3];
  int err;

  worker->life = ++storm.born;
  snprintf(texts[0], sizeof(texts[0]), "%u", (unsigned int) worker->index);
  snprintf(texts[1], sizeof(texts[1]), "%u", (unsigned int) worker->life);
  snprintf(texts[2],
           sizeof(texts[2]),
           "%llu",
           (unsigned long long) (storm_random(&storm.random) >> 4));
  uv_exepath(exe, &size);
  args[0] = exe;
  args[1] = (char*) "--role=worker";
  args[2] = storm.prefix;
  args[3] = texts[0];
  args[4] = texts[1];
  args[5] = texts[2];
  args[6] = storm.board;
  args[7] = NULL;
  memset(&options, 0, sizeof(options));
  stdio[0].flags = UV_IGNORE;
  stdio[1].flags = stdio[2].flags = UV_INHERIT_FD;
  stdio[1].data.fd = stdio[2].data.fd = 2;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.file = exe;
  options.args = args;
  options.exit_cb = on_exited;
  worker->process.data = worker;
  err = uv_spawn(&storm.loop, &worker->process, &options);
  worker->running = 1;
  if (err < 0) {
    not_started(worker, err);
    return;
  }
  worker->born_ns = worker->last_ns = uv_hrtime();
  /* Most die in the middle of their work, some while they begin, some late. */
  worker->from_birth = storm_below(&storm.random, 5) == 0;
  worker->age_ns = storm_below(&storm.random, 8000) * UINT64_C(1000);
  if (storm_below(&storm.random, 16) == 0) worker->age_ns *= 8;
}


static void kill_worker(struct worker* worker) {
  /* It counts as dead before it is, since nobody can know the moment. */
  storm_doom(storm.actor.board, worker->life);
  if (uv_process_kill(&worker->process, SIGKILL) == 0) storm.killed++;
  worker->age_ns = UINT64_MAX;
}


static uint64_t steps_of(const struct worker* worker) {
  const struct storm_seat* seat =
      &storm.actor.board->seats[worker->index * STORM_THREADS];

  return uvshm__a64_load_relaxed(&seat[0].steps) +
         uvshm__a64_load_relaxed(&seat[1].steps);
}


static uint32_t doing(const struct worker* worker, uint32_t thread) {
  return uvshm__a32_load_relaxed(
      &storm.actor.board->seats[worker->index * STORM_THREADS + thread].doing);
}


/* Does it move? Does it die now? */
static void look_after(struct worker* worker, uint64_t now) {
  uint64_t steps = steps_of(worker);
  uint64_t patience = UINT64_C(2) * STORM_PATIENCE_MS * 1000000;

  if (steps != worker->last_steps) {
    if (worker->last_ns == worker->born_ns) worker->waiting_ns = now;
    worker->last_steps = steps;
    worker->last_ns = now;
  } else if (now - worker->last_ns > patience) {
    give_up("worker %u, life %u: hangs (%s; %s)",
            (unsigned int) worker->index,
            (unsigned int) worker->life,
            storm_doing(doing(worker, 0)),
            storm_doing(doing(worker, 1)));
  }
  if (worker->age_ns == UINT64_MAX) return;
  if (worker->from_birth) {
    if (now - worker->born_ns >= worker->age_ns) kill_worker(worker);
  } else if (worker->last_ns != worker->born_ns) {
    if (now - worker->waiting_ns >= worker->age_ns) kill_worker(worker);
  }
}


static int is_well(void) {
  struct storm_board* board = storm.actor.board;

  if (uvshm__a32_load_acquire(&board->failed) == 0)
    return storm.failure[0] == '\0';
  while (uvshm__a32_load_acquire(&board->failed) != 2) uv_sleep(1);
  storm.failure[0] = '\0';
  give_up("%s", board->text);
  return 0;
}


static void turn(int restart) {
  uint32_t i;

  uvshm__a64_store_relaxed(&storm.actor.board->beat, uv_hrtime());
  uv_run(&storm.loop, UV_RUN_NOWAIT);
  for (i = 0; i < STORM_WORKERS; i++) {
    if (storm.workers[i].running)
      look_after(&storm.workers[i], uv_hrtime());
    else if (restart && storm.failure[0] == '\0')
      start(&storm.workers[i]);
  }
}


static int anybody_running(void) {
  uint32_t i;

  for (i = 0; i < STORM_WORKERS; i++)
    if (storm.workers[i].running) return 1;
  return 0;
}


/* Half of them leave, half of them die. */
static void send_home(void) {
  uint32_t i;

  uvshm__a32_store_release(&storm.actor.board->stop, 1);
  for (i = 0; i < STORM_WORKERS; i++) {
    storm.workers[i].age_ns = UINT64_MAX;
    if (storm.workers[i].running && (i % 2 == 0 || !is_well()))
      kill_worker(&storm.workers[i]);
  }
  while (anybody_running()) {
    turn(0);
    uv_sleep(1);
  }
}

/* ---- what lasts ---------------------------------------------------------- */

static void make_board(void) {
  uvshm_region_options_t options;
  uint32_t lives = storm.kills + storm.kills / 4 + 1000;

  strcpy(storm.prefix, test_name("storm"));
  strcpy(storm.board, test_name("board"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  options.size = storm_board_size(lives);
  assert_int_equal(uvshm_region_open(&storm.region, storm.board, &options), 0);
  storm.actor.board = uvshm_region_base(storm.region);
  storm.actor.board->lives = lives;
  storm.actor.prefix = storm.prefix;
  storm.actor.life = ++storm.born;
  storm.actor.who = storm_who(storm.actor.life, 0);
  storm.actor.random = storm_random(&storm.random);
}


static void make_steady(void) {
  struct storm_actor* actor = &storm.actor;
  uvshm_region_options_t region;
  uvshm_segment_options_t segment;
  uvshm_mutex_options_t mutex;
  uint32_t i;

  memset(&segment, 0, sizeof(segment));
  segment.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE;
  assert_int_equal(
      uvshm_segment_open(
          &actor->segment, storm_name(actor, "steady", 0), &segment),
      0);
  memset(&region, 0, sizeof(region));
  region.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_KEEP;
  region.size = 4096;
  region.max_size = STORM_STEADY_MAX;
  assert_int_equal(uvshm_region_open(
                       &actor->steady, storm_name(actor, "steady", 1), &region),
                   0);
  storm_region_fill(actor->steady, storm_random(&storm.random));
  uvshm_region_close(actor->steady);
  for (i = STORM_INSIDE; i < STORM_LEDGERS; i++) {
    memset(&mutex, 0, sizeof(mutex));
    mutex.flags = UVSHM_EXCLUSIVE;
    if (i == STORM_LEDGERS - 1) mutex.flags |= UVSHM_KEEP;
    assert_int_equal(
        uvshm_mutex_open(
            &actor->locks[i], NULL, storm_name(actor, "alone", i), &mutex),
        0);
  }
  /* The last one has to last without us, as the region has. */
  uvshm_mutex_close(actor->locks[STORM_LEDGERS - 1]);
}

/* ---- what is left -------------------------------------------------------- */

static int open_again(uint32_t i) {
  struct storm_actor* actor = &storm.actor;
  uvshm_mutex_options_t mutex;

  memset(&mutex, 0, sizeof(mutex));
  mutex.flags = UVSHM_EXISTING;
  if (i == STORM_RECURSIVE) mutex.flags |= UVSHM_MUTEX_RECURSIVE;
  if (i < STORM_INSIDE)
    return uvshm_mutex_open(&actor->locks[i],
                            actor->segment,
                            storm_name(actor, "inside", i),
                            &mutex);
  if (i < STORM_LEDGERS - 1) return 0;
  return uvshm_mutex_open(
      &actor->locks[i], NULL, storm_name(actor, "alone", i), &mutex);
}


/* Every lock can be had, and what it guards is whole. */
static void check_locks(void) {
  struct storm_actor* actor = &storm.actor;
  uint32_t i;
  int news;

  for (i = 0; i < STORM_LEDGERS; i++) {
    assert_int_equal(open_again(i), 0);
    news = uvshm_mutex_lock(actor->locks[i], STORM_PATIENCE_MS);
    assert_true(news >= 0);
    storm_enter(actor, i, news);
    storm_leave(actor, i);
    assert_int_equal(uvshm_mutex_unlock(actor->locks[i]), 0);
    uvshm_mutex_close(actor->locks[i]);
  }
  if (storm_audit(actor->board) != NULL)
    fail_msg("%s", storm_audit(actor->board));
}


static void check_segment(void) {
  uvshm_segment_info_t info;
  uint32_t repaired = 0;

  assert_int_equal(uvshm_segment_check(storm.actor.segment), 0);
  assert_int_equal(uvshm_segment_repair(storm.actor.segment, &repaired), 0);
  assert_int_equal(uvshm_segment_check(storm.actor.segment), 0);
  assert_int_equal(uvshm_segment_info(storm.actor.segment, &info), 0);
  assert_int_equal(info.region.peers, 1); /* we */
  assert_int_equal(info.threads, 1);
  uvshm_segment_close(storm.actor.segment);
}


static void check_region(void) {
  const char* name = storm_name(&storm.actor, "steady", 1);
  uvshm_region_t* region;
  const char* wrong;

  assert_int_equal(uvshm_region_open(&region, name, NULL), 0);
  wrong = storm_region_check(region, &storm.random, 0);
  if (wrong != NULL) fail_msg("the steady region: %s", wrong);
  uvshm_region_close(region);
  assert_int_equal(uvshm_region_unlink(name, 0), 0);
}


/* What has lifetime `keep` is there until it is unlinked; everything else is
 * stale, or gone already. */
static void check_names(void) {
  uvshm_names_t* names;
  uvshm_name_info_t info;
  int err;

  assert_int_equal(uvshm_names_open(&names, 0), 0);
  while (uvshm_names_next(names, &info) == 0) {
    if (strncmp(info.name, storm.prefix, strlen(storm.prefix)) != 0) continue;
    if (info.lifetime == UVSHM_LIFETIME_KEEP) {
      assert_int_equal(info.state, UVSHM_STATE_LIVE);
      err = uvshm_name_unlink(info.name, 0);
    } else {
      assert_int_equal(info.state, UVSHM_STATE_STALE);
      err = uvshm_name_gc(info.name, 0);
    }
    assert_int_equal(err, 0);
  }
  uvshm_names_close(names);
}


/* No files either that the library does not count as names. */
static int files_left(void) {
  uv_fs_t request;
  uv_dirent_t entry;
  const char* ours = strstr(storm.prefix, "-storm-");
  int count = 0;

  if (uv_fs_scandir(NULL, &request, "/dev/shm", 0, NULL) < 0) return 0;
  while (uv_fs_scandir_next(&request, &entry) == 0) {
    if (strstr(entry.name, ours) == NULL) continue;
    fprintf(stderr, "left behind: %s\n", entry.name);
    count++;
  }
  uv_fs_req_cleanup(&request);
  return count;
}


static void check_what_is_left(void) {
  check_locks();
  check_segment();
  check_region();
  check_names();
  uvshm_region_close(storm.region);
  assert_int_equal(test_leftovers(), 0);
  assert_int_equal(files_left(), 0);
}

/* ---- the storm ----------------------------------------------------------- */

static uint64_t number(const char* variable, uint64_t standard) {
  const char* text = getenv(variable);

  return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : standard;
}


static void print_numbers(uint64_t ns) {
  static const char* const words[] = {"steps",
                                      "locks",
                                      "of them after a death",
                                      "opens",
                                      "made alone",
                                      "grown",
                                      "unlinked"};
  double seconds = (double) ns / 1e9;
  uint64_t count;
  uint32_t i;

  printf("storm: seed %llu, %u kills in %.1f s (%.0f/s), %u left by themselves",
         (unsigned long long) storm.seed,
         (unsigned int) storm.killed,
         seconds,
         storm.killed / seconds,
         (unsigned int) storm.left);
  for (i = 0; i < STORM_COUNTS; i++) {
    count = uvshm__a64_load_relaxed(&storm.actor.board->counts[i]);
    printf("%s %llu %s",
           i % 4 == 0 ? "\nstorm:" : ",",
           (unsigned long long) count,
           words[i]);
  }
  printf("\n");
  fflush(stdout);
}


static void deaths_at_any_moment_harm_nobody_else(void** state) {
  uint64_t began = uv_hrtime();
  uint32_t i;

  (void) state;
  storm.kills = (uint32_t) number("UVSHM_KILLS", KILLS_DEFAULT);
  storm.seed = number("UVSHM_SEED", uv_hrtime() ^ (uint64_t) uv_os_getpid());
  storm.random = storm.seed * 2 + 1;
  assert_int_equal(uv_loop_init(&storm.loop), 0);
  make_board();
  make_steady();
  for (i = 0; i < STORM_WORKERS; i++) storm.workers[i].index = i;

  while (storm.killed < storm.kills && is_well() &&
         storm.born + 1 < storm.actor.board->lives) {
    turn(1);
    uv_sleep(1);
  }
  send_home();
  print_numbers(uv_hrtime() - began);
  if (!is_well()) fail_msg("%s", storm.failure);
  assert_true(storm.killed >= storm.kills);
  check_what_is_left();
  assert_int_equal(uv_loop_close(&storm.loop), 0);
}


static const struct test_role roles[] = {{"worker", storm_worker},
                                         {NULL, NULL}};


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(deaths_at_any_moment_harm_nobody_else)};

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
