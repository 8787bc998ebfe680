/* SPDX-License-Identifier: MIT */

/* Processes of a test that are killed at random, again and again, and started
 * anew: for storms whose truth is in shared memory. */

#ifndef UVSHM_TEST_MORTALS_H_
#define UVSHM_TEST_MORTALS_H_

#include <stdint.h>

#include <uv.h>

#define MORTALS_MAX 8u
#define MORTAL_WORDS 5u

struct mortal {
  uv_process_t process;
  uint32_t running;
  uint32_t killed;
  uint32_t stopped; /* 1: it was, before it dies; 2: it dies at once */
  uint32_t begun;   /* it has done a step */
  uint64_t born_ns;
  uint64_t age_ns; /* when it is to die, counted from its first step */
  uint64_t steps;
  uint64_t stepped_ns;
};

struct mortals {
  /* For the test to set; the rest is 0 at first. */
  uint32_t count;
  uint64_t random; /* fake_seed() */

  /* Role and arguments of this one's next life, up to an empty one. */
  void (*words)(uint32_t number, char words[MORTAL_WORDS][128]);

  /* How much it has done, in all its lives. */
  uint64_t (*steps)(uint32_t number);

  uint32_t age_us;   /* most die within this after their first step */
  uint32_t early_us; /* who dies younger may die before it */
  int stops;         /* some are stopped for a while before */
  int may_end;       /* by themselves, with code 0 */

  /* What happened. */
  uint64_t kills;
  uint64_t deaths[MORTALS_MAX]; /* by kills, of each */
  char failure[300];            /* "": none */

  uv_loop_t loop;
  struct mortal list[MORTALS_MAX];
};

/* Until so many were killed, or something failed: then all are dead. */
void mortals_storm(struct mortals* mortals, uint64_t kills);

/* How many: $UVSHM_KILLS, else `usual`, fewer on Windows. */
uint64_t mortals_kills(uint64_t usual);

#endif /* UVSHM_TEST_MORTALS_H_ */
