/* SPDX-License-Identifier: MIT */

/* Starts writer and reader, which lie beside this program, with libuv, and
 * waits for both. Ends with 0 when both did. */

#include <stdio.h>
#include <string.h>
#include <uv.h>

static int failed;


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  if (status != 0 || signal != 0) failed = 1;
  uv_close((uv_handle_t*) process, NULL);
}


/* The path of `name` in the folder of this program. */
static void beside(const char* name, char* path, size_t size) {
  size_t used = size;
  if (uv_exepath(path, &used) < 0) used = 0;
  while (used > 0 && path[used - 1] != '/' && path[used - 1] != '\\') used--;
  snprintf(path + used, size - used, "%s", name);
}


static int start(uv_process_t* process, const char* name) {
  char path[1024];
  char* args[] = {path, NULL};
  uv_stdio_container_t stdio[3];
  uv_process_options_t options;

  beside(name, path, sizeof path);
  memset(&options, 0, sizeof options);
  for (int fd = 0; fd < 3; fd++) {
    stdio[fd].flags = UV_INHERIT_FD;
    stdio[fd].data.fd = fd;
  }
  options.file = path;
  options.args = args;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.exit_cb = on_exit_of;
  int err = uv_spawn(uv_default_loop(), process, &options);
  if (err < 0) fprintf(stderr, "spawn: %s: %s\n", path, uv_strerror(err));
  return err;
}


int main(void) {
  uv_process_t reader;
  uv_process_t writer;
  if (start(&reader, "reader") < 0 || start(&writer, "writer") < 0) return 1;
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return failed;
}
