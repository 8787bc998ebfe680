/* SPDX-License-Identifier: MIT */

/* Our transactions: begin, save 64 bytes, change them, commit. */

#include "bench.h"
#include "load.h"

#include "uvshm.h"

#include <stdio.h>

static uvshm_segment_t* segment;
static uvshm_mutex_t* mutex;
static void* block;


static void must(int code, const char* what) {
  if (code >= 0) return;
  fprintf(stderr, "%s\n", uvshm_error_detail());
  bench_fail("uvshm", what, code);
}


static int prepare(void) {
  uvshm_segment_options_t options;
  uvshm_mutex_options_t logged;
  int err;

  memset(&options, 0, sizeof(options));
  memset(&logged, 0, sizeof(logged));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  logged.log_size = 4096;
  err = uvshm_segment_open(&segment, bench_name("txn"), &options);
  if (err == 0) err = uvshm_mutex_open(&mutex, segment, "txn", &logged);
  if (err == 0) err = uvshm_heap_alloc(segment, &block, 64, 0);
  return err;
}


static void run(uint64_t count) {
  uvshm_txn_t txn;

  while (count-- > 0) {
    must(uvshm_txn_begin(&txn, mutex, UVSHM_FOREVER), "begin");
    must(uvshm_txn_save(&txn, block, 64), "save");
    memset(block, (int) (count & 0x7f), 64);
    must(uvshm_txn_commit(&txn), "commit");
  }
}


static void finish(void) {
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
}


const struct bench_side* bench_uvshm_txn(enum bench_what what) {
  static const struct bench_side side = {
      "uvshm", prepare, NULL, run, NULL, NULL, finish, 0};

  (void) what;
  return &side;
}
