/* SPDX-License-Identifier: MIT */

/* In place of against_lmdb.c where LMDB is not installed. */

#include "bench.h"


const struct bench_side* bench_lmdb(enum bench_what what) {
  (void) what;
  return NULL;
}
