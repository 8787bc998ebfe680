/* SPDX-License-Identifier: MIT */

#include "spawn.h"
#include "plumbing.h"
#include "args.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define PATH_ROOM 4096


static void ended(uv_process_t* process, int64_t status, int signal) {
  struct child* child = process->data;
  child->done = true;
  child->status = status;
  child->signal = signal;
  uv_close((uv_handle_t*) process, NULL);
  if (child->on_exit != NULL) child->on_exit(child);
}


/* `in` -1: none. */
static int start(uv_loop_t* loop,
                 struct child* child,
                 const char* file,
                 char** argv,
                 int in,
                 int out) {
  uv_stdio_container_t stdio[3];
  int fds[3] = {in, out, 2};
  for (int i = 0; i < 3; i++) {
    stdio[i].flags = fds[i] < 0 ? UV_IGNORE : UV_INHERIT_FD;
    stdio[i].data.fd = fds[i];
  }

  uv_process_options_t options;
  memset(&options, 0, sizeof options);
  options.file = file;
  options.args = argv;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.exit_cb = ended;

  child->process.data = child;
  child->done = false;
  int err = uv_spawn(loop, &child->process, &options);
  child->started = err == 0;
  if (err < 0) uv_close((uv_handle_t*) &child->process, NULL);
  return err;
}


int child_start(uv_loop_t* loop, struct child* child, char** argv, bool input) {
  return start(loop, child, argv[0], argv, input ? 0 : -1, 1);
}


int child_start_self(uv_loop_t* loop, struct child* child, char** argv) {
  return child_start_between(loop, child, argv, -1, 1);
}


int child_start_between(
    uv_loop_t* loop, struct child* child, char** argv, int in, int out) {
  char* path = self_path();
  char* all[16] = {path, "--dir", (char*) args_dir};
  int count = args_dir != NULL ? 3 : 1;
  for (int i = 1; argv[i] != NULL && count < 15; i++) all[count++] = argv[i];
  int err = start(loop, child, path, all, in, out);
  free(path);
  return err;
}


void child_kill(struct child* child) {
  if (child->started && !child->done) uv_process_kill(&child->process, SIGKILL);
}


uint32_t child_pid(const struct child* child) {
  return (uint32_t) uv_process_get_pid(&child->process);
}


bool child_interrupted(const struct child* child) {
  uint32_t status = (uint32_t) child->status;
  return child->signal == SIGINT || status == UINT32_C(0xc000013a);
}


int child_code(const struct child* child) {
  if (child_interrupted(child)) return 128 + SIGINT;
  return child->signal != 0 ? 128 + child->signal : (int) child->status;
}


char* self_path(void) {
  size_t size = PATH_ROOM;
  char* path = text_alloc(size);
  if (uv_exepath(path, &size) < 0) memcpy(path, "uvshm", sizeof "uvshm");
  return path;
}


bool on_windows(void) {
  uv_utsname_t system;
  if (uv_os_uname(&system) < 0) return false;
  return strncmp(system.sysname, "Windows", 7) == 0 ||
         strncmp(system.sysname, "MINGW", 5) == 0;
}


void signals_watch(uv_loop_t* loop,
                   struct signals* signals,
                   uv_signal_cb on_signal,
                   void* data) {
  static const int numbers[] = {
      SIGINT,
      SIGTERM,
      SIGHUP,
#ifdef SIGQUIT
      SIGQUIT,
#endif
  };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (plumbing_ignores(numbers[i])) continue;
    uv_signal_init(loop, &signals->handles[i]);
    signals->handles[i].data = data;
    uv_signal_start(&signals->handles[i], on_signal, numbers[i]);
    uv_unref((uv_handle_t*) &signals->handles[i]);
  }
}


static void close_handle(uv_handle_t* handle, void* arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}


void loop_finish(uv_loop_t* loop) {
  uv_walk(loop, close_handle, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
}
