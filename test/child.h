/* SPDX-License-Identifier: MIT */

/* Forked children of a test, which go on with what the parent has open. POSIX.
 *
 * A child must not assert, since cmocka's longjmp would run the parent's cases
 * in it; it returns the line that failed. */

#ifndef UVSHM_TEST_CHILD_H_
#define UVSHM_TEST_CHILD_H_

#include "conformance.h"

#define CHILD_CHECK(condition)                                                 \
 do {                                                                          \
  if (!(condition)) return __LINE__;                                           \
 } while (0)

/* Not a line: the child cannot do here what it is for. */
#define CHILD_SKIPS (-1)

struct child {
  int pid;
  int report; /* exit codes have 8 bits, so the line comes over a pipe */
};

/* Start; the child runs and then lives until it is ended. */
void child_start(struct child* child,
                 int (*run)(struct subject* subject),
                 struct subject* subject);

/* Wait for what it returns; fails the test, or skips it. */
void child_report(struct child* child);

/* SIGKILL. */
void child_end(struct child* child);

/* All three. */
void in_child(int (*run)(struct subject* subject), struct subject* subject);

#endif /* UVSHM_TEST_CHILD_H_ */
