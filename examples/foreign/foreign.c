/* SPDX-License-Identifier: MIT */

#include "foreign.h"

#include <stdio.h>
#include <string.h>
#include <uvshm.h>
#include <uvshm/watch.h>

#define MESSAGES 200u
#define REST_EVERY 10u
#define REST_MS 20u

static uvshm_channel_t* channel;
static uvshm_watch_t watch;
static uv_process_t child;
static uint32_t received;
static int wrong;
static int ended;


static int failed(const char* what, int err) {
  fprintf(stderr, "%s: %s\n", what, uvshm_strerror(err));
  return err;
}

/* ---- the child ----------------------------------------------------------- */

static int send_all(const char* name) {
  uvshm_channel_options_t options = {.flags = UVSHM_EXISTING | UVSHM_WRITER |
                                              UVSHM_CHANNEL_AWAIT};
  uvshm_channel_t* to;
  int err = uvshm_channel_open(&to, NULL, name, &options);
  for (uint32_t i = 0; i < MESSAGES && err >= 0; i++) {
    err = uvshm_channel_send(to, &i, sizeof i, UVSHM_FOREVER);
    if (i % REST_EVERY == 0) uv_sleep(REST_MS);
  }
  if (err < 0) return failed("send", err);
  uvshm_channel_close(to);
  return 0;
}


int foreign_is_child(int argc, char** argv, int* result) {
  if (argc != 3 || strcmp(argv[1], "child") != 0) return 0;
  *result = send_all(argv[2]) < 0;
  return 1;
}


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  if (status != 0 || signal != 0) wrong = 1;
  uv_close((uv_handle_t*) process, NULL);
}


static int start_child(char* name) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "child";
  char* args[] = {path, role, name, NULL};
  uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                   {.flags = UV_IGNORE},
                                   {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.file = path,
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_exit_of};
  int err = uv_exepath(path, &size);
  if (err < 0) return err;
  return uv_spawn(uv_default_loop(), &child, &options);
}

/* ---- this process -------------------------------------------------------- */

static void on_readable(uvshm_watch_t* handle, int status) {
  uint32_t number;
  size_t size = sizeof number;
  int err = status;
  while (err >= 0) {
    err = uvshm_channel_recv(channel, &number, &size, 0);
    if (err < 0) break;
    if (size != sizeof number || number != received) wrong = 1;
    received++;
  }
  if (err == UV_EAGAIN) return;
  if (err != UV_EOF) {
    failed("receive", err);
    wrong = 1;
  }
  ended = 1;
  uvshm_watch_stop(handle);
}


int foreign_begin(uv_os_fd_t* fd) {
  uvshm_channel_options_t options = {.flags = UVSHM_READER, .size_max = 64};
  char name[64];
  snprintf(name, sizeof name, "foreign-%d", (int) uv_os_getpid());
  int err = uvshm_channel_open(&channel, NULL, name, &options);
  if (err >= 0) err = uvshm_watch_init(uv_default_loop(), &watch);
  if (err >= 0) err = uvshm_watch_start_readable(&watch, channel, on_readable);
  if (err >= 0) err = uvshm_watch_fileno(&watch, fd);
  if (err >= 0) err = start_child(name);
  return err < 0 ? failed("begin", err) : 0;
}


int foreign_turn(void) {
  uv_run(uv_default_loop(), UV_RUN_NOWAIT);
  return ended;
}


int foreign_end(void) {
  uvshm_watch_close(&watch, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uvshm_channel_close(channel);
  uv_loop_close(uv_default_loop());
  printf("%u messages of %u, %s\n",
         (unsigned int) received,
         (unsigned int) MESSAGES,
         wrong ? "not as they were sent" : "in order");
  return received != MESSAGES || wrong;
}
