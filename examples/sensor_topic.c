/* SPDX-License-Identifier: MIT */

/* sensor_topic: one sensor, three readers, each gets every sample. One of the
 * readers is much too slow: it is told how many it missed, and neither the
 * sensor nor the others notice. Ends with 0 when the numbers of all add up.
 *
 *   sensor_topic                      all of it
 *   sensor_topic reader NAME REST_MS  one reader, started by the first form */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>

#define SAMPLES 3000u
#define READERS 3u

struct sample {
  uint64_t number;
  uint64_t time_ns;
  double celsius;
};


static int die(const char* what, int err) {
  fprintf(stderr, "sensor_topic: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}


static int open_topic(uvshm_channel_t** topic,
                      const char* name,
                      uint32_t flags) {
  uvshm_channel_options_t options = {.flags = UVSHM_CHANNEL_TOPIC | flags,
                                     .size_max = sizeof(struct sample),
                                     .messages = 64};
  return uvshm_channel_open(topic, NULL, name, &options);
}

/* ---- a reader ------------------------------------------------------------ */

/* Got and missed in one, as news of the batch calls say it. */
static int read_all(uvshm_channel_t* topic,
                    uint32_t rest_ms,
                    uint64_t* got,
                    uint64_t* missed) {
  for (;;) {
    struct sample sample;
    uvshm_message_t message = {.bytes = &sample, .size = sizeof sample};
    size_t count = 1;
    int err = uvshm_channel_recv_many(topic, &message, &count, UVSHM_FOREVER);
    if (err < 0) return err;
    *missed += message.missed;
    (*got)++;
    if (sample.number != message.sequence) return UV_EPROTO;
    uv_sleep(rest_ms);
  }
}


static int reader(const char* name, uint32_t rest_ms) {
  uint64_t got = 0;
  uint64_t missed = 0;
  uvshm_channel_t* topic;
  int err = open_topic(&topic, name, UVSHM_READER | UVSHM_CHANNEL_OLDEST);
  if (err < 0) return die("open", err);
  err = read_all(topic, rest_ms, &got, &missed);
  if (err != UV_EOF) return die("read", err);
  printf("a reader that rests %u ms: %" PRIu64 " samples, %" PRIu64 " missed\n",
         (unsigned int) rest_ms,
         got,
         missed);
  uvshm_channel_close(topic);
  return got + missed == SAMPLES ? 0 : 1;
}

/* ---- the sensor ---------------------------------------------------------- */

static int failed;


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  if (status != 0 || signal != 0) failed = 1;
  uv_close((uv_handle_t*) process, NULL);
}


static int start(uv_process_t* process, char* name, const char* rest_ms) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "reader";
  char rest[16];
  char* args[] = {path, role, name, rest, NULL};
  uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                   {.flags = UV_INHERIT_FD, .data.fd = 1},
                                   {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_exit_of};
  int err = uv_exepath(path, &size);
  if (err < 0) return err;
  snprintf(rest, sizeof rest, "%s", rest_ms);
  return uv_spawn(uv_default_loop(), process, &options);
}


/* All must be there before the first sample, so that the numbers add up. */
static int await_readers(uvshm_channel_t* topic) {
  uvshm_channel_info_t info;
  for (int tries = 0; tries < 3000; tries++) {
    int err = uvshm_channel_info(topic, &info);
    if (err < 0) return err;
    if (info.readers == READERS) return 0;
    uv_sleep(10);
  }
  return UV_ETIMEDOUT;
}


static int measure(uvshm_channel_t* topic) {
  for (uint64_t i = 0; i < SAMPLES; i++) {
    struct sample sample = {i, uv_hrtime(), 20.0 + (double) (i % 50) / 10};
    int err = uvshm_channel_send(topic, &sample, sizeof sample, 0);
    if (err < 0) return err;
    if (i % 4 == 0) uv_sleep(1);
  }
  return 0;
}


int main(int argc, char** argv) {
  static const char* const rests[READERS] = {"0", "0", "20"};
  uv_process_t processes[READERS];
  uvshm_channel_t* topic;
  char name[64];
  if (argc == 4 && strcmp(argv[1], "reader") == 0)
    return reader(argv[2], (uint32_t) strtoul(argv[3], NULL, 10));
  snprintf(name, sizeof name, "sensor-%d", (int) uv_os_getpid());
  int err = open_topic(&topic, name, UVSHM_WRITER);
  if (err < 0) return die("open", err);
  for (uint32_t i = 0; i < READERS && err >= 0; i++)
    err = start(&processes[i], name, rests[i]);
  if (err >= 0) err = await_readers(topic);
  uint64_t began = uv_hrtime();
  if (err >= 0) err = measure(topic);
  if (err < 0) return die("measure", err);
  printf("the sensor: %u samples in %" PRIu64 " ms\n",
         SAMPLES,
         (uv_hrtime() - began) / 1000000);
  fflush(stdout);
  uvshm_channel_close(topic); /* the end for all that have read the rest */
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return failed;
}
