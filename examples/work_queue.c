/* SPDX-License-Identifier: MIT */

/* work_queue: hands 200 jobs to three workers, processes of their own, and
 * kills one of them in the middle. What it was working on is given to another
 * worker, so every job is done; the few that may have been done twice are told
 * apart. Ends with 0 when that was so.
 *
 *   work_queue                 all of it
 *   work_queue worker NAME     one worker, started by the first form */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>

#define JOBS 200u
#define WORKERS 3u
#define KILL_AFTER 40u
#define PATIENCE_MS 60000u

struct job {
  uint32_t number;
  uint32_t milliseconds;
};

struct result {
  uint32_t number;
  uint32_t again; /* somebody may have done it before */
};


static int die(const char* what, int err) {
  fprintf(stderr, "work_queue: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}


static int open_queue(uvshm_channel_t** queue,
                      const char* name,
                      const char* what,
                      uint32_t flags) {
  uvshm_channel_options_t options = {
      .flags = UVSHM_CHANNEL_QUEUE | UVSHM_CHANNEL_REDELIVER | flags,
      .size_max = sizeof(struct job),
      .messages = 64};
  char full[128];
  snprintf(full, sizeof full, "%s-%s", name, what);
  return uvshm_channel_open(queue, NULL, full, &options);
}

/* ---- a worker ------------------------------------------------------------ */

/* The job stays in the queue, marked as ours, until it is released: done. */
static int work(uvshm_channel_t* jobs, uvshm_channel_t* results) {
  const void* bytes;
  struct job job;
  size_t size;
  int err = uvshm_channel_peek(jobs, &bytes, &size, UVSHM_FOREVER);
  if (err < 0) return err;
  memcpy(&job, bytes, sizeof job);
  uv_sleep(job.milliseconds);
  struct result result = {job.number, err == UVSHM_AGAIN};
  err = uvshm_channel_send(results, &result, sizeof result, UVSHM_FOREVER);
  if (err < 0) return err;
  return uvshm_channel_release(jobs, bytes);
}


static int worker(const char* name) {
  uvshm_channel_t* results;
  uvshm_channel_t* jobs;
  int err = open_queue(&results, name, "results", UVSHM_WRITER);
  if (err < 0) return die("results", err);
  err = open_queue(&jobs, name, "jobs", UVSHM_READER);
  if (err < 0) return die("jobs", err);
  do err = work(jobs, results);
  while (err >= 0);
  uvshm_channel_close(jobs);
  uvshm_channel_close(results);
  return err == UV_EOF ? 0 : die("work", err);
}

/* ---- who has the jobs ---------------------------------------------------- */

struct office {
  uv_loop_t* loop;
  uv_process_t workers[WORKERS];
  uvshm_channel_t* jobs;
  uvshm_channel_t* results;
  uint32_t done[JOBS]; /* how often */
  uint32_t count;      /* different ones */
  uint32_t again;
};


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  (void) status;
  (void) signal;
  uv_close((uv_handle_t*) process, NULL);
}


static int start(struct office* office, uint32_t index, char* name) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "worker";
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
  return uv_spawn(office->loop, &office->workers[index], &options);
}


static int collect(struct office* office, uint64_t timeout_ms) {
  struct result result;
  size_t size = sizeof result;
  int err = uvshm_channel_recv(office->results, &result, &size, timeout_ms);
  if (err < 0) return err;
  if (size != sizeof result || result.number >= JOBS) return UV_EPROTO;
  if (office->done[result.number]++ == 0) office->count++;
  if (result.again) office->again++;
  return 0;
}


/* As many as there is room for. */
static int hand_out(struct office* office, uint32_t* sent) {
  while (*sent < JOBS) {
    struct job job = {*sent, 1 + *sent % 4};
    int err = uvshm_channel_send(office->jobs, &job, sizeof job, 0);
    if (err < 0) return err == UV_EAGAIN ? 0 : err;
    (*sent)++;
  }
  return 0;
}


static int run(struct office* office) {
  uint64_t until = uv_hrtime() + PATIENCE_MS * UINT64_C(1000000);
  uint32_t sent = 0;
  bool killed = false;
  while (office->count < JOBS && uv_hrtime() < until) {
    int err = hand_out(office, &sent);
    if (err == 0) err = collect(office, 10);
    if (err < 0 && err != UV_ETIMEDOUT) return err;
    if (!killed && office->count >= KILL_AFTER) {
      uv_process_kill(&office->workers[0], 9);
      killed = true;
    }
    uv_run(office->loop, UV_RUN_NOWAIT);
  }
  return office->count == JOBS ? 0 : UV_ETIMEDOUT;
}


static int report(const struct office* office) {
  uint32_t twice = 0;
  for (uint32_t i = 0; i < JOBS; i++)
    if (office->done[i] > 1) twice++;
  printf(
      "%u jobs, %u workers, 1 killed: %u jobs done, %u given again, "
      "%u done twice\n",
      JOBS,
      WORKERS,
      office->count,
      office->again,
      twice);
  /* Only what was given again may have been done twice. */
  return office->count == JOBS && twice <= office->again ? 0 : 1;
}


int main(int argc, char** argv) {
  static struct office office;
  char name[64];
  if (argc == 3 && strcmp(argv[1], "worker") == 0) return worker(argv[2]);
  snprintf(name, sizeof name, "work-%d", (int) uv_os_getpid());
  office.loop = uv_default_loop();
  int err = open_queue(
      &office.jobs, name, "jobs", UVSHM_WRITER | UVSHM_CHANNEL_AWAIT);
  if (err < 0) return die("jobs", err);
  err = open_queue(&office.results, name, "results", UVSHM_READER);
  if (err < 0) return die("results", err);
  for (uint32_t i = 0; i < WORKERS && err >= 0; i++)
    err = start(&office, i, name);
  if (err >= 0) err = run(&office);
  if (err < 0) return die("run", err);
  uvshm_channel_close(office.jobs); /* no more jobs: the workers end */
  uv_run(office.loop, UV_RUN_DEFAULT);
  uvshm_channel_close(office.results);
  uv_loop_close(office.loop);
  return report(&office);
}
