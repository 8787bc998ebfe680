/* SPDX-License-Identifier: MIT */

/* Every operation of the public API in the lab: the object layer too. */

#include "crash/ops.h"

#include <stdio.h>
#include <string.h>


int main(void) {
  uvshm_crash_info_t info;
  int failed = 0;
  size_t i;

  for (i = 0; i < crash_ops_count; i++) {
    if (uvshm_crash_check(&crash_ops[i], &info) == 0) continue;
    fprintf(stderr, "%s: %s\n", crash_ops[i].name, uvshm_error_detail());
    failed = 1;
  }
  return failed;
}
