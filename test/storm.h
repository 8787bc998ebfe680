/* SPDX-License-Identifier: MIT */

/* The kill storm: workers do at random what programs do with uvshm, their
 * parent (stress-kill.c) kills them at random, and nobody else may be harmed by
 * it.
 *
 * What is known to be true is kept on a board, a region that the parent holds:
 *
 *   a ledger for each lock   who is in, how often the lock's work was begun and
 *                            done, and by whom; so that two owners, a lost
 *                            change or half a change are seen by the next one
 *                            in
 *   doomed lives             whom the parent has killed, or is about to; all
 *                            that a living one does must be flawless
 *   a seat for each thread   a counter that stands still when a call hangs
 *   unlinks that have begun  so that who has a region open knows whether its
 *                            name must still lead to it
 *
 * Regions check themselves: word i is a function of i and of a number that the
 * maker chose, so anybody may write any word, and anybody can tell.
 */

#ifndef UVSHM_TEST_STORM_H_
#define UVSHM_TEST_STORM_H_

#include "base/atomic.h"

#include "uvshm.h"

#include <stdint.h>

#define STORM_WORKERS 4u
#define STORM_THREADS 2u
#define STORM_SEATS (STORM_WORKERS * STORM_THREADS)

/* Locks with a ledger: in the segment, the last of them recursive; then those
 * known by their name alone, the last of them with lifetime `keep`. */
#define STORM_INSIDE 4u
#define STORM_ALONE 2u
#define STORM_LEDGERS (STORM_INSIDE + STORM_ALONE)
#define STORM_RECURSIVE (STORM_INSIDE - 1)

#define STORM_STEADY_MAX (8u << 20)

/* Names of regions that come and go, the last of them for all kinds. */
#define STORM_REGIONS 3u

/* No call takes longer, on however busy a machine. */
#define STORM_PATIENCE_MS 20000u

/* Under the lock that it belongs to. */
struct storm_ledger {
  uvshm__a32_t owner; /* storm_who(); 0: nobody is in */
  uvshm__a32_t open;  /* 1: the next two are those of the owner */
  uvshm__a64_t done_before;
  uvshm__a64_t tally_before;
  uvshm__a64_t begun;
  uvshm__a64_t done;
  uvshm__a64_t tally[STORM_SEATS]; /* sum of all == done, when nobody is in */
};

struct storm_seat {
  uvshm__a64_t steps; /* operations of the present life */
  uvshm__a32_t life;
  uvshm__a32_t doing; /* which, to tell where it hangs */
  uvshm__a32_t
      unlinking; /* a region's number + 1; cleared by the parent when */
                 /* the one who sits here is gone for sure */
};

enum storm_count {
  STORM_COUNT_STEPS,
  STORM_COUNT_LOCKS,
  STORM_COUNT_DIED, /* locks that came with the news */
  STORM_COUNT_OPENS,
  STORM_COUNT_MADE,
  STORM_COUNT_GROWN,
  STORM_COUNT_UNLINKED,
  STORM_COUNTS
};

struct storm_board {
  uvshm__a64_t beat; /* uv_hrtime() of the parent, while it lives */
  uvshm__a32_t stop;
  uvshm__a32_t failed; /* 1: being told, 2: told */
  char text[480];
  uvshm__a64_t counts[STORM_COUNTS];
  struct storm_seat seats[STORM_SEATS];
  struct storm_ledger ledgers[STORM_LEDGERS];
  uvshm__a64_t unlinks[STORM_REGIONS]; /* begun */
  uint32_t lives;                      /* how many there can be */
  uvshm__a32_t doomed[];               /* one bit for each life */
};

/* One thread of one life of one worker. */
struct storm_actor {
  struct storm_board* board;
  const char* prefix;
  uint32_t seat;
  uint32_t life;
  uint32_t who;
  uint64_t random;
  uint64_t seen[STORM_LEDGERS]; /* `done` never goes back */
  uvshm_segment_t* segment;
  uvshm_mutex_t* locks[STORM_LEDGERS];
  uvshm_region_t* steady;
};

/* ---- storm_board.c ------------------------------------------------------- */

uint64_t storm_board_size(uint32_t lives);

/* {life:29 | seat:3}; lives count from 1. */
uint32_t storm_who(uint32_t life, uint32_t seat);

void storm_doom(struct storm_board* board, uint32_t life);
int storm_is_doomed(const struct storm_board* board, uint32_t life);

uint64_t storm_random(uint64_t* state);
uint32_t storm_below(uint64_t* state, uint32_t limit);

/* Something was harmed: say so on the board and end the process. */
void storm_fail(struct storm_actor* actor, const char* format, ...);

/* Fails unless `err` is 0, positive or one of up to four codes (0: none). */
int storm_expect(struct storm_actor* actor,
                 const char* what,
                 int err,
                 int a,
                 int b,
                 int c,
                 int d);

void storm_count(struct storm_actor* actor, enum storm_count count);

/* Around the removal of a region's name. */
void storm_unlink_begin(struct storm_actor* actor, uint32_t region);
void storm_unlink_end(struct storm_actor* actor);

/* How often it was begun; 0 when one is under way, so that nothing can be said.
 * The counter starts at 1. */
uint64_t storm_unlinks(const struct storm_board* board, uint32_t region);

/* A portable name of this run. The buffer is the thread's until the next but
 * three call. */
const char* storm_name(struct storm_actor* actor, const char* stem, uint32_t n);

/* ---- storm_ledger.c ------------------------------------------------------ */

/* We have the lock, with `news` 0 or UVSHM_OWNER_DIED. */
void storm_enter(struct storm_actor* actor, uint32_t index, int news);
void storm_leave(struct storm_actor* actor, uint32_t index);

/* Sums up, when everybody is gone: 0, or what is wrong. */
const char* storm_audit(const struct storm_board* board);

/* ---- storm_region.c ------------------------------------------------------ */

/* Give a new region its number, and fill what of it is not filled yet. */
void storm_region_fill(uvshm_region_t* region, uint64_t number);

/* Is every word what it must be? `window` words at a random place, 0: all.
 * NULL, or what is wrong. */
const char* storm_region_check(uvshm_region_t* region,
                               uint64_t* random,
                               uint64_t window);

/* ---- storm_churn.c: objects that come and go ----------------------------- */

void storm_churn_region(struct storm_actor* actor);
void storm_churn_mutex(struct storm_actor* actor);
void storm_churn_segment(struct storm_actor* actor);
void storm_churn_directory(struct storm_actor* actor);
void storm_churn_any(struct storm_actor* actor);
void storm_churn_names(struct storm_actor* actor);

/* ---- storm_worker.c ------------------------------------------------------ */

/* The role: prefix, worker, life, seed, threads. */
int storm_worker(int argc, char** argv);

/* What a seat that hangs was doing. */
const char* storm_doing(uint32_t doing);

#endif /* UVSHM_TEST_STORM_H_ */
