/* SPDX-License-Identifier: MIT */

/* What the first process of a benchmark has of its own: its ends of the
 * channels, which the others find when they start, and what is measured without
 * any other process.
 */

#include "bench.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>

#define KEYS 10000
#define LOG 4096
#define LARGE 65536u


static int open_channel(struct bench* bench,
                        const char* name,
                        uint32_t flags,
                        uint64_t size_max,
                        uvshm_channel_t** channel) {
  uvshm_channel_options_t options = {
      .flags = flags, .size_max = size_max, .bytes = 1 << 20};
  return uvshm_channel_open(channel, bench->place.segment, name, &options);
}


static int open_channels(struct bench* bench) {
  const uint32_t writer = UVSHM_WRITER | UVSHM_CHANNEL_AWAIT;
  int err = open_channel(bench, "small", writer, 64, &bench->stream);
  if (err >= 0)
    err = open_channel(bench, "large", writer, LARGE, &bench->large);
  if (err >= 0) err = open_channel(bench, "ping", writer, 64, &bench->ping);
  if (err >= 0)
    err = open_channel(bench, "pong", UVSHM_READER, 64, &bench->pong);
  if (err >= 0)
    err = open_channel(
        bench, "queue", writer | UVSHM_CHANNEL_QUEUE, 64, &bench->queue);
  return err;
}


static int open_locks(struct bench* bench) {
  uvshm_segment_t* segment = bench->place.segment;
  uvshm_mutex_options_t log = {.log_size = LOG};
  int err = uvshm_mutex_open(&bench->free_lock, segment, "free", NULL);
  if (err >= 0) err = uvshm_rwlock_open(&bench->rwlock, segment, "rw", NULL);
  if (err >= 0) err = uvshm_mutex_open(&bench->log_lock, segment, "log", &log);
  if (err >= 0) err = uvshm_heap_alloc(segment, (void**) &bench->words, 64, 0);
  return err < 0 ? err : uv_mutex_init(&bench->ordinary);
}


static int fill_map(struct bench* bench) {
  char value[32] = "a value of 32 bytes, more or les";
  for (uint64_t key = 0; key < KEYS; key++) {
    int err =
        uvshm_map_put(bench->place.map, &key, sizeof key, value, sizeof value);
    if (err < 0) return err;
  }
  return 0;
}


int bench_set_up(struct bench* bench) {
  uint32_t random = 0;
  uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
  char* name = text_format("bench-%08" PRIx32, random);
  bench->noise = text_alloc(1 << 20);
  int err = bench_place_open(&bench->place, name, true);
  if (err >= 0) err = open_locks(bench);
  if (err >= 0) err = fill_map(bench);
  if (err >= 0) err = open_channels(bench);
  if (err >= 0) err = bench_start_peers(bench);
  free(name);
  return err;
}


void bench_tear_down(struct bench* bench) {
  bench_end_peers(bench);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  uvshm_channel_close(bench->queue);
  uvshm_channel_close(bench->pong);
  uvshm_channel_close(bench->ping);
  uvshm_channel_close(bench->large);
  uvshm_channel_close(bench->stream);
  uvshm_rwlock_close(bench->rwlock);
  if (bench->log_lock != NULL) uv_mutex_destroy(&bench->ordinary);
  uvshm_mutex_close(bench->log_lock);
  uvshm_mutex_close(bench->free_lock);
  bench_place_close(&bench->place);
  free(bench->noise);
}
