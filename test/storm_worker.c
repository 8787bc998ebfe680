/* SPDX-License-Identifier: MIT */

/* A worker: one or two threads, each with handles of its own, each doing one
 * thing after the other until somebody kills it or it leaves, now and then
 * without closing anything. */

#include "storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* A parent that died without a word must not leave workers behind. */
#define ORPHANED_NS (UINT64_C(30) * 1000000000)

/* One life in so many operations ends by itself. */
#define OPERATIONS_OF_A_LIFE 4000


/* ---- handles ------------------------------------------------------------- */

static void open_inside(struct storm_actor* actor, uint32_t index) {
  uvshm_mutex_options_t options;

  memset(&options, 0, sizeof(options));
  if (index == STORM_RECURSIVE) options.flags = UVSHM_MUTEX_RECURSIVE;
  storm_expect(actor,
               "uvshm_mutex_open in the segment",
               uvshm_mutex_open(&actor->locks[index],
                                actor->segment,
                                storm_name(actor, "inside", index),
                                &options),
               0,
               0,
               0,
               0);
}


/* These exist: the parent made them, and nobody may remove them. */
static void open_alone(struct storm_actor* actor, uint32_t index) {
  uvshm_mutex_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_EXISTING;
  storm_expect(actor,
               "uvshm_mutex_open by name",
               uvshm_mutex_open(&actor->locks[index],
                                NULL,
                                storm_name(actor, "alone", index),
                                &options),
               0,
               0,
               0,
               0);
}


static void open_segment(struct storm_actor* actor) {
  uint32_t i;

  storm_expect(
      actor,
      "uvshm_segment_open",
      uvshm_segment_open(&actor->segment, storm_name(actor, "steady", 0), NULL),
      0,
      0,
      0,
      0);
  for (i = 0; i < STORM_INSIDE; i++) open_inside(actor, i);
  storm_count(actor, STORM_COUNT_OPENS);
}


static void close_segment(struct storm_actor* actor) {
  uint32_t i;

  for (i = 0; i < STORM_INSIDE; i++) uvshm_mutex_close(actor->locks[i]);
  uvshm_segment_close(actor->segment);
}


static void open_steady(struct storm_actor* actor) {
  const char* wrong;

  storm_expect(
      actor,
      "uvshm_region_open",
      uvshm_region_open(&actor->steady, storm_name(actor, "steady", 1), NULL),
      0,
      0,
      0,
      0);
  wrong = storm_region_check(actor->steady, &actor->random, 512);
  if (wrong == NULL &&
      uvshm__a64_load_acquire(uvshm_region_base(actor->steady)) == 0)
    wrong = "it was made anew";
  if (wrong != NULL) storm_fail(actor, "the steady region: %s", wrong);
  storm_count(actor, STORM_COUNT_OPENS);
}


static void open_all(struct storm_actor* actor) {
  uint32_t i;

  open_segment(actor);
  for (i = STORM_INSIDE; i < STORM_LEDGERS; i++) open_alone(actor, i);
  open_steady(actor);
}


static void close_all(struct storm_actor* actor) {
  uint32_t i;

  close_segment(actor);
  for (i = STORM_INSIDE; i < STORM_LEDGERS; i++)
    uvshm_mutex_close(actor->locks[i]);
  uvshm_region_close(actor->steady);
}

/* ---- what there is to do ------------------------------------------------- */

static void idle(struct storm_actor* actor) {
  uv_sleep(storm_below(&actor->random, 3));
}


/* Take a lock in one of the ways that there are. 1: it is ours. */
static int take(struct storm_actor* actor, uint32_t index) {
  static const uint64_t timeouts[] = {
      0, 1, 3, STORM_PATIENCE_MS, STORM_PATIENCE_MS, STORM_PATIENCE_MS};
  uint64_t timeout = timeouts[storm_below(&actor->random, 6)];
  int err = uvshm_mutex_lock(actor->locks[index], timeout);

  storm_expect(actor,
               "uvshm_mutex_lock",
               err,
               timeout == 0 ? UV_EBUSY : 0,
               timeout < STORM_PATIENCE_MS ? UV_ETIMEDOUT : 0,
               0,
               0);
  if (err < 0) return 0;
  storm_count(actor, STORM_COUNT_LOCKS);
  if (err == UVSHM_OWNER_DIED) storm_count(actor, STORM_COUNT_DIED);
  storm_enter(actor, index, err);
  return 1;
}


static void give(struct storm_actor* actor, uint32_t index) {
  storm_leave(actor, index);
  storm_expect(actor,
               "uvshm_mutex_unlock",
               uvshm_mutex_unlock(actor->locks[index]),
               0,
               0,
               0,
               0);
}


static void again(struct storm_actor* actor) {
  int err = uvshm_mutex_lock(actor->locks[STORM_RECURSIVE], 0);

  if (err != 0)
    storm_fail(actor, "a second lock of the recursive one: %d", err);
  err = uvshm_mutex_unlock(actor->locks[STORM_RECURSIVE]);
  if (err != 0) storm_fail(actor, "its first unlock: %d", err);
}


/* Locks are taken in the order of their numbers, so nobody waits in a ring. */
static void lock_from(struct storm_actor* actor, uint32_t index) {
  uint32_t spins = storm_below(&actor->random, 200);

  index += storm_below(&actor->random, STORM_LEDGERS - index);
  if (!take(actor, index)) return;
  for (; spins > 0; spins--) uvshm__pause();
  if (index == STORM_RECURSIVE) again(actor);
  switch (storm_below(&actor->random, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (index + 1 < STORM_LEDGERS) lock_from(actor, index + 1);
      break;
    case 4:
      storm_churn_region(actor);
      break;
    case 5:
      storm_churn_directory(actor);
      break;
    case 6:
      idle(actor);
      break;
    default:
      break;
  }
  give(actor, index);
}


static void lock(struct storm_actor* actor) {
  uint32_t times = 1 + storm_below(&actor->random, 20);

  for (; times > 0; times--) lock_from(actor, 0);
}


static void grow(struct storm_actor* actor) {
  uint64_t size = uvshm_region_size(actor->steady);
  const char* wrong;

  size += storm_below(&actor->random, 30000);
  if (size > STORM_STEADY_MAX) size = STORM_STEADY_MAX;
  storm_expect(actor,
               "uvshm_region_grow",
               uvshm_region_grow(actor->steady, size),
               0,
               0,
               0,
               0);
  storm_region_fill(actor->steady, 1);
  wrong = storm_region_check(actor->steady, &actor->random, 512);
  if (wrong != NULL) storm_fail(actor, "the steady region: %s", wrong);
  storm_count(actor, STORM_COUNT_GROWN);
}


static void reopen(struct storm_actor* actor) {
  uint32_t index =
      STORM_INSIDE + storm_below(&actor->random, STORM_LEDGERS - STORM_INSIDE);

  switch (storm_below(&actor->random, 3)) {
    case 0:
      close_segment(actor);
      open_segment(actor);
      break;
    case 1:
      uvshm_region_close(actor->steady);
      open_steady(actor);
      break;
    default:
      uvshm_mutex_close(actor->locks[index]);
      open_alone(actor, index);
  }
}


static void look(struct storm_actor* actor) {
  uvshm_segment_info_t info;
  uvshm_peer_info_t peer;
  uvshm_mutex_info_t owner;
  uint32_t cursor = 0;

  storm_expect(actor,
               "uvshm_segment_check",
               uvshm_segment_check(actor->segment),
               0,
               0,
               0,
               0);
  storm_expect(actor,
               "uvshm_segment_info",
               uvshm_segment_info(actor->segment, &info),
               0,
               0,
               0,
               0);
  while (uvshm_segment_peer(actor->segment, &cursor, &peer) == 0) continue;
  storm_expect(actor,
               "uvshm_mutex_info",
               uvshm_mutex_info(actor->locks[0], &owner),
               0,
               0,
               0,
               0);
}

/* ---- a life -------------------------------------------------------------- */

static const struct {
  const char* name;
  void (*run)(struct storm_actor* actor);
  uint32_t weight;
} operations[] = {{"sleeping", idle, 4},
                  {"locking", lock, 24},
                  {"growing the steady region", grow, 6},
                  {"closing and opening", reopen, 10},
                  {"looking", look, 2},
                  {"regions that come and go", storm_churn_region, 12},
                  {"mutexes that come and go", storm_churn_mutex, 8},
                  {"segments that come and go", storm_churn_segment, 6},
                  {"locks of the segment", storm_churn_directory, 8},
                  {"a name for all kinds", storm_churn_any, 6},
                  {"names", storm_churn_names, 4}};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))


const char* storm_doing(uint32_t doing) {
  return doing < OPERATIONS ? operations[doing].name : "opening all";
}


static uint32_t choose(struct storm_actor* actor) {
  uint32_t total = 0;
  uint32_t i;
  uint32_t at;

  for (i = 0; i < OPERATIONS; i++) total += operations[i].weight;
  at = storm_below(&actor->random, total);
  for (i = 0; at >= operations[i].weight; i++) at -= operations[i].weight;
  return i;
}


static int goes_on(struct storm_actor* actor) {
  uint64_t beat = uvshm__a64_load_relaxed(&actor->board->beat);
  uint64_t now = uv_hrtime();

  if (uvshm__a32_load_relaxed(&actor->board->stop) != 0) return 0;
  if (now > beat && now - beat > ORPHANED_NS) _Exit(4);
  return storm_below(&actor->random, OPERATIONS_OF_A_LIFE) != 0;
}


static void live(void* arg) {
  struct storm_actor* actor = arg;
  struct storm_seat* seat = &actor->board->seats[actor->seat];
  uint32_t doing;

  uvshm__a32_store_relaxed(&seat->doing, UINT32_MAX);
  open_all(actor);
  uvshm__a32_store_relaxed(&seat->life, actor->life);
  while (goes_on(actor)) {
    doing = choose(actor);
    uvshm__a32_store_relaxed(&seat->doing, doing);
    operations[doing].run(actor);
    uvshm__a64_add(&seat->steps, 1);
    storm_count(actor, STORM_COUNT_STEPS);
  }
  if (uvshm__a32_load_relaxed(&actor->board->stop) != 0 ||
      storm_below(&actor->random, 2) == 0) {
    close_all(actor);
    return;
  }
  /* The end of the process, with a lock in our hands. */
  storm_doom(actor->board, actor->life);
  if (storm_below(&actor->random, 2) == 0) (void) take(actor, 0);
  exit(0);
}


static void sit_down(struct storm_actor* actor,
                     char** argv,
                     uvshm_region_t* board,
                     uint32_t thread) {
  memset(actor, 0, sizeof(*actor));
  actor->board = uvshm_region_base(board);
  actor->prefix = argv[0];
  actor->seat = (uint32_t) strtoul(argv[1], NULL, 10) * STORM_THREADS + thread;
  actor->life = (uint32_t) strtoul(argv[2], NULL, 10);
  actor->who = storm_who(actor->life, actor->seat);
  actor->random = strtoull(argv[3], NULL, 10) * 2 + 1;
  actor->random ^= (uint64_t) actor->who << 32;
  storm_random(&actor->random);
  storm_random(&actor->random);
}


int storm_worker(int argc, char** argv) {
  struct storm_actor actors[STORM_THREADS];
  uvshm_region_t* board;
  uv_thread_t second;
  int err;

  if (argc != 5) return 5;
  err = uvshm_region_open(&board, argv[4], NULL);
  if (err < 0) {
    fprintf(stderr, "the board: %s\n", uvshm_strerror(err));
    return 6;
  }
  sit_down(&actors[0], argv, board, 0);
  sit_down(&actors[1], argv, board, 1);
  if (storm_below(&actors[0].random, 2) == 0) {
    live(&actors[0]);
  } else {
    if (uv_thread_create(&second, live, &actors[1]) != 0) return 7;
    live(&actors[0]);
    uv_thread_join(&second);
  }
  uvshm_region_close(board);
  return 0;
}
