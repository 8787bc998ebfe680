/* SPDX-License-Identifier: MIT */

/* In place of against_boost.cpp where Boost is not installed. */

#include "bench.h"


const struct bench_side* bench_boost(enum bench_what what) {
  (void) what;
  return NULL;
}
