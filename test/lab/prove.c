/* SPDX-License-Identifier: MIT */

/* Where the lab meets cmocka. In a mutant (mutants.cmake) the first thing that
 * is wrong is what was wanted, and the end of it. */

#include "lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>


void lab_prove(const struct lab_case* op, void* world) {
  struct lab_result result;

  lab_run(op, world, &result);
  if (result.wrong != 0 && getenv("UVSHM_LAB_MUTANT") != NULL) {
    printf("mutant: found, %u states are wrong\n", (unsigned int) result.wrong);
    exit(0);
  }
  if (result.wrong != 0) fail_msg("%s", result.first);
  assert_true(result.stores > 0);
}
