/* SPDX-License-Identifier: MIT */

/* In place of against_zmq.c where ZeroMQ is not installed. */

#include "bench.h"


const struct bench_side* bench_zmq(enum bench_what what) {
  (void) what;
  return NULL;
}
