/* SPDX-License-Identifier: MIT */

/* The other processes of `uvshm bench`. Each sleeps until it has something to
 * do, so that it is in the way of none of the other measurements, and ends when
 * the first process has: a topic on which nothing is ever sent tells that.
 */

#include "bench.h"
#include "names.h"
#include "commands.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define SIZE (8u << 20)
#define TURNS 128    /* between looks whether to go on */
#define SLEEP_MS 200 /* the longest between looks whether anybody is there */
#define PATIENCE_MS 10000

/* ---- what they share ----------------------------------------------------- */

static int open_parts(struct bench_place* place, bool make) {
  uvshm_segment_t* segment = place->segment;
  uvshm_event_options_t event = {.flags = UVSHM_EVENT_MANUAL};
  uvshm_channel_options_t topic = {
      .flags = UVSHM_CHANNEL_TOPIC, .size_max = 8, .messages = 2};
  topic.flags |= make ? UVSHM_WRITER : UVSHM_READER;
  int err = uvshm_channel_open(&place->here, segment, "here", &topic);
  if (err >= 0) err = uvshm_mutex_open(&place->lock, segment, "lock", NULL);
  if (err >= 0) err = uvshm_event_open(&place->locks, segment, "locks", &event);
  if (err >= 0) err = uvshm_map_open(&place->map, segment, "map", NULL);
  if (err >= 0)
    err = uvshm_event_open(&place->writes, segment, "writes", &event);
  return err;
}


int bench_place_open(struct bench_place* place, const char* name, bool make) {
  uvshm_segment_options_t options = {
      .size = SIZE, .max_size = 2 * (uint64_t) SIZE, .label = "uvshm bench"};
  memset(place, 0, sizeof *place);
  place->name = text_copy(name);
  options.flags = names_where() | (make ? UVSHM_CREATE | UVSHM_EXCLUSIVE : 0);
  int err = uvshm_segment_open(&place->segment, names_at(name), &options);
  return err < 0 ? err : open_parts(place, make);
}


void bench_place_close(struct bench_place* place) {
  uvshm_event_close(place->writes);
  uvshm_map_close(place->map);
  uvshm_event_close(place->locks);
  uvshm_mutex_close(place->lock);
  uvshm_channel_close(place->here);
  uvshm_segment_close(place->segment);
  free(place->name);
  memset(place, 0, sizeof *place);
}

/* ---- a peer's work ------------------------------------------------------- */

/* Until the first process is gone. */
static bool goes_on(struct bench_place* place) {
  char nothing[8];
  size_t size = sizeof nothing;
  return uvshm_channel_recv(place->here, nothing, &size, 0) == UV_EAGAIN;
}


static void lock_turns(struct bench_place* place) {
  for (int i = 0; i < TURNS; i++)
    if (uvshm_mutex_lock(place->lock, PATIENCE_MS) >= 0)
      uvshm_mutex_unlock(place->lock);
}


static void write_turns(struct bench_place* place) {
  static uint32_t key;
  char value[32] = "another process has written";
  for (int i = 0; i < TURNS; i++) {
    key = (key * 1103515245u + 12345u) & 0x7fffffffu;
    uint64_t word = key % 1000;
    if (uvshm_map_put(place->map, &word, sizeof word, value, sizeof value) < 0)
      return;
  }
}


static int work(struct bench_place* place,
                uvshm_event_t* when,
                void (*turns)(struct bench_place* place)) {
  while (goes_on(place)) {
    int err = uvshm_event_wait(when, SLEEP_MS);
    if (err == 0)
      turns(place);
    else if (err != UV_ETIMEDOUT)
      return report(err);
  }
  return EXIT_OK;
}


static int open_end(struct bench_place* place,
                    const char* name,
                    uint32_t flags,
                    uvshm_channel_t** channel) {
  uvshm_channel_options_t options = {.flags = flags | UVSHM_EXISTING};
  return uvshm_channel_open(channel, place->segment, name, &options);
}


/* Messages come in and are given back unread; their writer counts. */
static int sink(struct bench_place* place, const char* name) {
  uvshm_channel_t* in;
  const void* bytes;
  size_t size;
  int err = open_end(place, name, UVSHM_READER, &in);
  while (err >= 0) {
    err = uvshm_channel_peek(in, &bytes, &size, UVSHM_FOREVER);
    if (err >= 0) err = uvshm_channel_release(in, bytes);
  }
  if (err != UV_EOF && err != UV_ECONNRESET) return report(err);
  uvshm_channel_close(in);
  return EXIT_OK;
}


static int echo(struct bench_place* place) {
  uvshm_channel_t* in;
  uvshm_channel_t* out = NULL;
  char message[64];
  int err = open_end(place, "ping", UVSHM_READER, &in);
  if (err >= 0) err = open_end(place, "pong", UVSHM_WRITER, &out);
  while (err >= 0) {
    size_t size = sizeof message;
    err = uvshm_channel_recv(in, message, &size, UVSHM_FOREVER);
    if (err >= 0) err = uvshm_channel_send(out, message, size, PATIENCE_MS);
  }
  if (err != UV_EOF && err != UV_ECONNRESET && err != UV_EPIPE)
    return report(err);
  uvshm_channel_close(out);
  uvshm_channel_close(in);
  return EXIT_OK;
}


int cmd_bench_peer(const struct args* args) {
  const char* role = args->operands[1];
  struct bench_place place;
  int code;
  int err = bench_place_open(&place, args->operands[0], false);
  if (err < 0) return report(err);
  if (strcmp(role, "locker") == 0)
    code = work(&place, place.locks, lock_turns);
  else if (strcmp(role, "writer") == 0)
    code = work(&place, place.writes, write_turns);
  else if (strcmp(role, "echo") == 0)
    code = echo(&place);
  else
    code = sink(&place, role);
  bench_place_close(&place);
  return code;
}

/* ---- starting them ------------------------------------------------------- */

/* One that has not begun yet is in nobody's way, and what is measured against
 * it would be too good. */
static int wait_for_peers(struct bench* bench) {
  uint64_t end = uv_hrtime() + (uint64_t) PATIENCE_MS * 1000000;
  uvshm_channel_info_t info;
  for (;;) {
    int err = uvshm_channel_info(bench->place.here, &info);
    if (err < 0) return err;
    if (info.readers >= BENCH_PEERS) return 0;
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    if (bench->interrupted != 0) return UV_ECANCELED;
    if (uv_hrtime() > end) return UV_ETIMEDOUT;
    uv_sleep(5);
  }
}


int bench_start_peers(struct bench* bench) {
  static const char* const roles[BENCH_PEERS] = {
      "locker", "writer", "echo", "small", "large", "queue"};
  for (int i = 0; i < BENCH_PEERS; i++) {
    char* argv[] = {
        NULL, "bench-peer", "--", bench->place.name, (char*) roles[i], NULL};
    int err = child_start_self(&bench->loop, &bench->peers[i], argv);
    if (err < 0) return err;
  }
  return wait_for_peers(bench);
}


void bench_end_peers(struct bench* bench) {
  for (int i = 0; i < BENCH_PEERS; i++) child_kill(&bench->peers[i]);
}
