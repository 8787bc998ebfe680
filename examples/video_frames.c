/* SPDX-License-Identifier: MIT */

/* video_frames: a camera fills pictures of 1280 x 720 points in place, a
 * display looks at the latest one in place: 3.5 MiB each, never copied, never
 * torn, and neither waits for the other. Ends with 0 when all pictures that
 * were shown were whole and each newer than the one before.
 *
 *   video_frames               all of it
 *   video_frames display NAME  the display, started by the first form */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <uvshm.h>

#define WIDTH 1280u
#define HEIGHT 720u
#define FRAMES 250u
#define FRAME_MS 4u
#define LAST UINT32_MAX /* the camera is off */

struct frame {
  uint32_t points[HEIGHT][WIDTH];
};


static int die(const char* what, int err) {
  fprintf(stderr, "video_frames: %s: %s\n", what, uvshm_strerror(err));
  return 1;
}


static int open_cell(uvshm_cell_t** cell, const char* name, uint32_t flags) {
  uvshm_cell_options_t options = {.flags = flags, .size = sizeof(struct frame)};
  return uvshm_cell_open(cell, NULL, name, &options);
}

/* ---- the display --------------------------------------------------------- */

/* The number of a picture, all of whose points are that number. */
static int number_of(const struct frame* frame, uint32_t* number) {
  *number = frame->points[0][0];
  for (uint32_t y = 0; y < HEIGHT; y++)
    for (uint32_t x = 0; x < WIDTH; x++)
      if (frame->points[y][x] != *number) return UV_EPROTO;
  return 0;
}


static int show(uvshm_cell_t* cell, uint32_t* number) {
  const void* bytes;
  uint64_t version;
  size_t size;
  int err = uvshm_cell_peek(cell, &bytes, &size, &version);
  if (err < 0) return err;
  int fault = number_of(bytes, number);
  err = uvshm_cell_release(cell, bytes, version);
  return fault < 0 ? fault : err;
}


static int display(const char* name) {
  uvshm_cell_t* cell;
  uint64_t version = 0;
  uint32_t shown = 0;
  uint32_t number = 0;
  uint32_t before = 0;
  int err = open_cell(&cell, name, 0);
  if (err < 0) return die("open", err);
  while (err >= 0 && number != LAST) {
    before = number;
    err = uvshm_cell_wait(cell, &version, 30000);
    if (err >= 0) err = show(cell, &number);
    if (err >= 0 && number < before) return die("an older picture", UV_EPROTO);
    shown++;
  }
  if (err < 0) return die("show", err);
  printf("the display: %u pictures shown, all whole\n", shown);
  uvshm_cell_close(cell);
  return 0;
}

/* ---- the camera ---------------------------------------------------------- */

static int failed;


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  if (status != 0 || signal != 0) failed = 1;
  uv_close((uv_handle_t*) process, NULL);
}


static int start(uv_process_t* process, char* name) {
  char path[1024];
  size_t size = sizeof path;
  char role[] = "display";
  char* args[] = {path, role, name, NULL};
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
  return uv_spawn(uv_default_loop(), process, &options);
}


static int take(uvshm_cell_t* cell, uint32_t number) {
  struct frame* frame;
  void* bytes;
  int err = uvshm_cell_claim(cell, &bytes);
  if (err < 0) return err;
  frame = bytes;
  for (uint32_t y = 0; y < HEIGHT; y++)
    for (uint32_t x = 0; x < WIDTH; x++) frame->points[y][x] = number;
  return uvshm_cell_commit(cell, bytes, sizeof *frame);
}


int main(int argc, char** argv) {
  uv_process_t process;
  uvshm_cell_t* cell;
  char name[64];
  if (argc == 3 && strcmp(argv[1], "display") == 0) return display(argv[2]);
  snprintf(name, sizeof name, "video-%d", (int) uv_os_getpid());
  int err = open_cell(&cell, name, 0);
  if (err >= 0) err = start(&process, name);
  for (uint32_t i = 1; i <= FRAMES && err >= 0; i++) {
    err = take(cell, i);
    uv_sleep(FRAME_MS);
  }
  if (err >= 0) err = take(cell, LAST);
  if (err < 0) return die("take", err);
  printf(
      "the camera: %u pictures of %zu bytes\n", FRAMES, sizeof(struct frame));
  fflush(stdout);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uvshm_cell_close(cell);
  uv_loop_close(uv_default_loop());
  return failed;
}
