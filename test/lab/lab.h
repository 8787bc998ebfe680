/* SPDX-License-Identifier: MIT */

/* A death at every store.
 *
 * A killed process leaves behind exactly the stores that it had done, in the
 * order of its program (an interrupt waits for all that went before, and takes
 * nothing that comes after). So "killed at store n" is the same as "the memory
 * as it was after store n, and its owner is dead", and to try all deaths of an
 * operation it is enough to run it once and to keep each store.
 *
 *   build     the start state, not watched
 *   run       the operation; every store to the image is kept
 *   and then, for each distinct memory that there was in between:
 *     die     what the kernel does when the actor is dead
 *     repair  by a survivor
 *     verify  well, whole (before or after), nothing lost, and life goes on
 *   and again with the repairer killed at each of ITS stores, and a second
 *   repairer that comes through
 *
 * Trials are taken back by the stores that they did, so one costs as much as
 * its stores, not as much as the image. The compiler shows us the stores
 * (hooks.h); what it should ever miss is found, because the image is compared
 * with what the stores say it must be.
 *
 * One thread. The callbacks, and what they call, are compiled with the hooks.
 */

#ifndef UVSHM_TEST_LAB_H_
#define UVSHM_TEST_LAB_H_

#include <stddef.h>
#include <stdint.h>

/* Whose death, and who repairs. */
enum lab_who {
  LAB_ACTOR,    /* did the operation */
  LAB_REPAIRER, /* repairs first; dies in the second round */
  LAB_SECOND    /* repairs after both, and lives */
};

struct lab_case {
  const char* name;

  /* Make the start state. Must say lab_image(), and lab_private() for whatever
   * else of the survivors a trial changes. */
  void (*build)(void* world);

  /* The operation. lab_done() after each part that has been acknowledged to its
   * caller, if it has more than one. */
  void (*run)(void* world);

  /* `who` is dead: the kernel takes back what it had. Nothing else. What the
   * memory says at this moment may be noted in what lab_private() knows. */
  void (*die)(void* world, enum lab_who who);

  void (*repair)(void* world, enum lab_who who);

  /* Both dead ones were repaired after. `done` parts had been acknowledged, so
   * the content is that after `done` parts or that after `done` + 1.
   * lab_check() whatever must be true; may change all it likes, as long as
   * lab_private() knows or it is in the image. */
  void (*verify)(void* world, uint32_t done);

  /* May be NULL: somebody who reads while the actor is at it, without a lock.
   * Begins at each state, and while it reads the memory becomes, between two of
   * its loads, that of a later state. lab_check() what it got. */
  void (*read)(void* world);

  /* Free what `build` made. The image is as the operation left it. May be
   * NULL. */
  void (*end)(void* world);
};

struct lab_result {
  uint32_t stores; /* that the operation did and that changed something */
  uint32_t states; /* distinct memories at the actor's death */
  uint32_t second; /* distinct memories at the repairer's death */
  uint32_t reads;  /* readers that had the memory change under them */
  uint32_t wrong;  /* of all these, how many were not as they must be */
  char first[512]; /* the first one of them, as a sentence */
};

/* All deaths of one operation. Prints a line. */
void lab_run(const struct lab_case* op, void* world, struct lab_result* result);

/* lab_run(), and fails the (cmocka) case when anything was wrong or when there
 * was nothing to try. */
void lab_prove(const struct lab_case* op, void* world);

/* The memory in question: 8-aligned, a multiple of 8 bytes. */
void lab_image(void* memory, size_t size);

/* The same, when it may grow up to `reserve` while we watch; and another
 * address where the same bytes are mapped. */
void lab_image_growing(void* memory, size_t size, size_t reserve);
void lab_image_alias(void* memory);

/* Private memory of survivors (or of the fake kernel), put back after each
 * trial. Up to 16 pieces. */
void lab_private(void* memory, size_t size);

/* In `build`: the search ends with the first state that is wrong. */
void lab_stop_at_first(void);

/* In `run`: one more part of the operation has been acknowledged. */
void lab_done(void);

/* In `repair`, `verify` and `read`: this must be so, or the state is wrong and
 * the trial is over. Never returns 0. Outside of a trial it is the end of the
 * program. */
#if defined(__GNUC__)
__attribute__((__format__(__printf__, 2, 3)))
#endif
void lab_check(int condition, const char* format, ...);

/* Sees the compiler plain stores (S), or only atomic ones (hooks.h)? */
int lab_sees_plain_stores(void);

#endif /* UVSHM_TEST_LAB_H_ */
