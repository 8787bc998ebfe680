/* SPDX-License-Identifier: MIT */

/* A segment for all cases of a program, and actors: other processes that have
 * one object of it, or one known by its name alone, and do with it what they
 * are told, line by line. */

#ifndef UVSHM_TEST_ACTOR_H_
#define UVSHM_TEST_ACTOR_H_

#include "harness.h"
#include "segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static uvshm_segment_t* segment;
static char segment_name[64];

/* ---- the group's segment ------------------------------------------------- */

static inline int open_segment(const char* stem) {
  snprintf(segment_name, sizeof(segment_name), "%s", test_name(stem));
  segment = test_segment(segment_name, UVSHM_CREATE);
  return 0;
}


static inline int close_segment(void** state) {
  (void) state;
  uvshm_segment_close(segment);
  return test_leftovers();
}

/* ---- the actor ----------------------------------------------------------- */

/* The segment of its second argument, else NULL. */
static inline int actor_begin(int argc, char** argv, uvshm_segment_t** where) {
  *where = NULL;
  return argc > 1 ? uvshm_segment_open(where, argv[1], NULL) : 0;
}


/* A word, and a number behind it or 0. 0: nobody says anything any more. */
static inline int actor_hear(char word[32], unsigned long* ms) {
  const char* line = test_hear();

  *ms = 0;
  return line != NULL && sscanf(line, "%31s %lu", word, ms) >= 1;
}


/* `good` for 0, `news` for what is positive, else the name of the error. */
static inline void actor_say(int err, const char* good, const char* news) {
  test_say("%s", err < 0 ? uv_err_name(err) : err == 0 ? good : news);
}

/* ---- who tells it -------------------------------------------------------- */

/* With the object `name` of the segment. */
static inline void start(struct test_process* actor, const char* name) {
  test_spawn(actor, "actor", name, segment_name, NULL);
  test_expect(actor, "ready");
}


static inline void ask(struct test_process* actor,
                       const char* text,
                       const char* said) {
  test_tell(actor, text);
  test_expect(actor, said);
}

#endif /* UVSHM_TEST_ACTOR_H_ */
