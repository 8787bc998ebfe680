/* SPDX-License-Identifier: MIT */

/* For tests of what valgrind changes: it lives in the process, and runs one
 * thread at a time. */

#ifndef UVSHM_TEST_VALGRIND_H_
#define UVSHM_TEST_VALGRIND_H_

#include <stdlib.h>
#include <string.h>

static inline int test_in_valgrind(void) {
  const char* preload = getenv("LD_PRELOAD");

  return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

#endif /* UVSHM_TEST_VALGRIND_H_ */
