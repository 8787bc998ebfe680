/* SPDX-License-Identifier: MIT */

/* The objects of a demonstration of a death, made or joined. */

#include "demo.h"
#include "names.h"
#include "out.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct demo_board) <= DEMO_SIZE, "it has room");


static void make_names(struct demo* demo, const char* name) {
  memset(demo, 0, sizeof *demo);
  demo->name = text_copy(name);
  demo->lock_name = text_format("%s.lock", name);
}


static int open_all(struct demo* demo, uint32_t flags, const char* label) {
  bool new = (flags & UVSHM_EXCLUSIVE) != 0;
  uvshm_region_options_t region = {
      .flags = names_where() | (new ? UVSHM_CREATE | UVSHM_EXCLUSIVE : 0),
      .size = new ? DEMO_SIZE : 0,
      .label = label};
  uvshm_mutex_options_t mutex = {.flags = flags | names_where(),
                                 .label = label};

  int err = uvshm_region_open(&demo->region, names_at(demo->name), &region);
  if (err >= 0)
    err =
        uvshm_mutex_open(&demo->lock, NULL, names_at(demo->lock_name), &mutex);
  if (err < 0) return err;

  /* A region of that name may have been made by anything. */
  if (uvshm_region_size(demo->region) < DEMO_SIZE) return UV_EPROTO;
  demo->board = uvshm_region_base(demo->region);
  return 0;
}


char* demo_name(void) {
  uint32_t random;
  int err = uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
  if (err < 0) random = (uint32_t) uv_hrtime();
  return text_format("demo-%08" PRIx32, random);
}


int demo_make(struct demo* demo) {
  char* name = demo_name();
  make_names(demo, name);
  free(name);
  return open_all(demo, UVSHM_EXCLUSIVE, "uvshm demo");
}


int demo_join(struct demo* demo, const char* name, const char* label) {
  make_names(demo, name);
  return open_all(demo, UVSHM_EXISTING, label);
}


void demo_close(struct demo* demo) {
  uvshm_mutex_close(demo->lock);
  uvshm_region_close(demo->region);
  free(demo->lock_name);
  free(demo->name);
  memset(demo, 0, sizeof *demo);
}


void demo_line(const char* label, const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* text = text_vformat(format, args);
  va_end(args);
  print("%s%-9s%s%s\n", out_style(OUT_DIM), label, out_style(OUT_PLAIN), text);
  out_flush();
  free(text);
}
