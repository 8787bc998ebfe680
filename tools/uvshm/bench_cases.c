/* SPDX-License-Identifier: MIT */

/* What `uvshm bench` measures. Each case does its operation `count` times and
 * nothing else, so that a loop around it is all that is measured too much. What
 * another process does meanwhile stands in the name.
 */

#include "bench.h"
#include "names.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define KEYS 10000
#define PATIENCE_MS 10000
#define BEGIN_MS 500
#define LARGE 65536u

/* ---- locks --------------------------------------------------------------- */

static int ordinary_mutex(struct bench* bench, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    uv_mutex_lock(&bench->ordinary);
    uv_mutex_unlock(&bench->ordinary);
  }
  return 0;
}


static int lock_and_unlock(uvshm_mutex_t* mutex, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    int err = uvshm_mutex_lock(mutex, PATIENCE_MS);
    if (err < 0) return err;
    uvshm_mutex_unlock(mutex);
  }
  return 0;
}


static int mutex_alone(struct bench* bench, uint64_t count) {
  return lock_and_unlock(bench->free_lock, count);
}


static int mutex_contended(struct bench* bench, uint64_t count) {
  return lock_and_unlock(bench->place.lock, count);
}


/* The other process must be at it before the time begins. */
static void begin_contended(struct bench* bench) {
  uvshm_mutex_info_t info = {0};
  uint64_t end = uv_hrtime() + (uint64_t) BEGIN_MS * 1000000;
  uvshm_event_set(bench->place.locks);
  while (uvshm_mutex_info(bench->place.lock, &info) == 0 && !info.locked &&
         uv_hrtime() < end)
    continue;
}


static void end_contended(struct bench* bench) {
  uvshm_event_reset(bench->place.locks);
}


static int rwlock_read(struct bench* bench, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    int err = uvshm_rwlock_rdlock(bench->rwlock, PATIENCE_MS);
    if (err < 0) return err;
    uvshm_rwlock_unlock(bench->rwlock);
  }
  return 0;
}


static int transaction(struct bench* bench, uint64_t count) {
  uvshm_txn_t txn;
  for (uint64_t i = 0; i < count; i++) {
    int err = uvshm_txn_begin(&txn, bench->log_lock, PATIENCE_MS);
    if (err < 0) return err;
    err = uvshm_txn_save(&txn, bench->words, 16);
    if (err < 0) return uvshm_txn_abort(&txn);
    bench->words[0].offset++;
    bench->words[1].offset--;
    err = uvshm_txn_commit(&txn);
    if (err < 0) return err;
  }
  return 0;
}

/* ---- maps ---------------------------------------------------------------- */

/* Another key each time, the same ones in each run. */
static uint64_t next_key(uint64_t* state) {
  *state =
      *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (*state >> 33) % KEYS;
}


static int map_get(struct bench* bench, uint64_t count) {
  char value[64];
  uint64_t state = 1;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t key = next_key(&state);
    size_t size = sizeof value;
    int err =
        uvshm_map_get(bench->place.map, &key, sizeof key, value, &size, NULL);
    if (err < 0) return err;
  }
  return 0;
}


static void begin_writes(struct bench* bench) {
  uvshm_map_info_t before;
  uvshm_map_info_t now;
  uint64_t end = uv_hrtime() + (uint64_t) BEGIN_MS * 1000000;
  if (uvshm_map_info(bench->place.map, &before) < 0) return;
  uvshm_event_set(bench->place.writes);
  do
    if (uvshm_map_info(bench->place.map, &now) < 0) return;
  while (now.changes == before.changes && uv_hrtime() < end);
}


static void end_writes(struct bench* bench) {
  uvshm_event_reset(bench->place.writes);
}


static int map_put(struct bench* bench, uint64_t count) {
  char value[32] = "a value of 32 bytes, more or les";
  uint64_t state = 1;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t key = next_key(&state);
    int err =
        uvshm_map_put(bench->place.map, &key, sizeof key, value, sizeof value);
    if (err < 0) return err;
  }
  return 0;
}


static int map_add(struct bench* bench, uint64_t count) {
  int64_t sum;
  for (uint64_t i = 0; i < count; i++) {
    int err = uvshm_map_add(bench->place.map, "counter", 7, 1, &sum);
    if (err < 0) return err;
  }
  return 0;
}

/* ---- channels ------------------------------------------------------------ */

/* Until the reader has had all. */
static int drain(uvshm_channel_t* channel) {
  uint64_t end = uv_hrtime() + (uint64_t) PATIENCE_MS * 1000000;
  uvshm_channel_info_t info;
  for (;;) {
    int err = uvshm_channel_info(channel, &info);
    if (err < 0) return err;
    if (info.depth == 0) return 0;
    if (uv_hrtime() > end) return UV_ETIMEDOUT;
  }
}


static int send_copies(struct bench* bench,
                       uvshm_channel_t* channel,
                       size_t size,
                       uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    int err = uvshm_channel_send(channel, bench->noise, size, PATIENCE_MS);
    if (err < 0) return err;
  }
  return drain(channel);
}


static int stream_small(struct bench* bench, uint64_t count) {
  return send_copies(bench, bench->stream, 64, count);
}


static int queue_small(struct bench* bench, uint64_t count) {
  return send_copies(bench, bench->queue, 64, count);
}


static int stream_large(struct bench* bench, uint64_t count) {
  return send_copies(bench, bench->large, LARGE, count);
}


static int copy_large(struct bench* bench, uint64_t count) {
  /* To and from places that change, so that nothing is left out. */
  for (uint64_t i = 0; i < count; i++)
    memcpy(bench->noise + (i % 7) * LARGE,
           bench->noise + (8 + i % 7) * LARGE,
           LARGE);
  return 0;
}


static int there_and_back(struct bench* bench, uint64_t count) {
  char message[64] = "ping";
  for (uint64_t i = 0; i < count; i++) {
    size_t size = sizeof message;
    int err = uvshm_channel_send(bench->ping, message, 8, PATIENCE_MS);
    if (err >= 0)
      err = uvshm_channel_recv(bench->pong, message, &size, PATIENCE_MS);
    if (err < 0) return err;
  }
  return 0;
}

/* ---- segments ------------------------------------------------------------ */

static int segment_open(struct bench* bench, uint64_t count) {
  uvshm_segment_options_t options = {.flags = names_where()};
  for (uint64_t i = 0; i < count; i++) {
    uvshm_segment_t* segment;
    int err =
        uvshm_segment_open(&segment, names_at(bench->place.name), &options);
    if (err < 0) return err;
    uvshm_segment_close(segment);
  }
  return 0;
}


static int segment_make(struct bench* bench, uint64_t count) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE | UVSHM_EXCLUSIVE |
                                              names_where()};
  char* name = text_format("%s-made", bench->place.name);
  int err = 0;
  for (uint64_t i = 0; i < count && err >= 0; i++) {
    uvshm_segment_t* segment;
    err = uvshm_segment_open(&segment, names_at(name), &options);
    if (err >= 0) uvshm_segment_close(segment);
  }
  free(name);
  return err < 0 ? err : 0;
}


static int heap_block(struct bench* bench, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    void* block;
    int err = uvshm_heap_alloc(bench->place.segment, &block, 64, 0);
    if (err < 0) return err;
    err = uvshm_heap_free(bench->place.segment, block);
    if (err < 0) return err;
  }
  return 0;
}


static int ordinary_block(struct bench* bench, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    void* volatile block = malloc(64);
    bench->noise[0] ^= (unsigned char) (block != NULL);
    free(block);
  }
  return 0;
}

/* ---- the table ----------------------------------------------------------- */

const struct bench_case bench_cases[] = {
    {.group = "lock",
     .name = "uv_mutex_t, which one process has",
     .id = "uv_mutex",
     .comparison = true,
     .run = ordinary_mutex},
    {.group = "lock",
     .name = "mutex, lock and unlock",
     .id = "mutex_alone",
     .run = mutex_alone},
    {.group = "lock",
     .name = "mutex, another process wants it too",
     .id = "mutex_contended",
     .run = mutex_contended,
     .begin = begin_contended,
     .end = end_contended},
    {.group = "lock",
     .name = "rwlock, lock and unlock to read",
     .id = "rwlock_read",
     .run = rwlock_read},
    {.group = "lock",
     .name = "transaction of two words",
     .id = "transaction",
     .run = transaction},
    {.group = "map",
     .name = "get, one of 10,000",
     .id = "map_get",
     .run = map_get},
    {.group = "map",
     .name = "get, another process writes",
     .id = "map_get_written",
     .run = map_get,
     .begin = begin_writes,
     .end = end_writes},
    {.group = "map",
     .name = "put over an old value",
     .id = "map_put",
     .run = map_put},
    {.group = "map",
     .name = "add to a counter",
     .id = "map_add",
     .run = map_add},
    {.group = "channel",
     .name = "stream, 64 bytes to another process",
     .id = "stream_64",
     .bytes = 64,
     .run = stream_small},
    {.group = "channel",
     .name = "queue, 64 bytes to another process",
     .id = "queue_64",
     .bytes = 64,
     .run = queue_small},
    {.group = "channel",
     .name = "stream, 64K to another process",
     .id = "stream_64k",
     .bytes = LARGE,
     .run = stream_large},
    {.group = "channel",
     .name = "memcpy() of 64K",
     .id = "memcpy_64k",
     .bytes = LARGE,
     .comparison = true,
     .run = copy_large},
    {.group = "channel",
     .name = "there and back, two streams",
     .id = "round_trip",
     .run = there_and_back},
    {.group = "segment",
     .name = "malloc() and free(), 64 bytes",
     .id = "malloc",
     .comparison = true,
     .run = ordinary_block},
    {.group = "segment",
     .name = "heap, alloc and free, 64 bytes",
     .id = "heap",
     .run = heap_block},
    {.group = "segment",
     .name = "segment, open and close",
     .id = "segment_open",
     .run = segment_open},
    {.group = "segment",
     .name = "segment, make and remove",
     .id = "segment_make",
     .run = segment_make},
    {.name = NULL}};
