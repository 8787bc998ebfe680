/* SPDX-License-Identifier: MIT */

/* In place of against_apr.c where APR is not installed. */

#include "bench.h"


const struct bench_side* bench_apr(enum bench_what what) {
  (void) what;
  return NULL;
}
