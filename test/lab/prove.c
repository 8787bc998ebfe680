/* SPDX-License-Identifier: MIT */

/* Where the lab meets cmocka. */

#include "lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


void lab_prove(const struct lab_case* op, void* world) {
  struct lab_result result;

  lab_run(op, world, &result);
  if (result.wrong != 0) fail_msg("%s", result.first);
  assert_true(result.stores > 0);
}
