/* SPDX-License-Identifier: MIT */

#include "demo_pass.h"
#include "names.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

static const char* const names[PASS_WAYS] = {
    "file", "channel", "pipe", "socket"};


const char* pass_way_name(enum pass_way way) {
  return names[way];
}


bool pass_way_of(const char* name, enum pass_way* way) {
  for (int i = 0; i < PASS_WAYS; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *way = (enum pass_way) i;
    return true;
  }
  return false;
}


static int open_cell(uvshm_cell_t** cell,
                     const char* name,
                     const char* part,
                     uint32_t flags) {
  uvshm_cell_options_t options = {.flags = flags | names_where(),
                                  .size = sizeof(struct pass_tally),
                                  .pins = 1};
  char* whole = text_format("%s.%s", name, part);
  int err = uvshm_cell_open(cell, NULL, names_at(whole), &options);
  free(whole);
  return err;
}


int pass_open(struct pass_place* place,
              const char* name,
              enum pass_way way,
              uint32_t flags,
              const char* label) {
  bool new = (flags & UVSHM_EXCLUSIVE) != 0;
  uint32_t cell_flags = new ? UVSHM_EXCLUSIVE : UVSHM_EXISTING;
  uvshm_channel_options_t options = {.flags = flags | names_where() |
                                              UVSHM_CHANNEL_STREAM |
                                              (new ? 0 : UVSHM_EXISTING),
                                     .size_max = PASS_CHUNK,
                                     .bytes = PASS_ROOM,
                                     .label = label};
  int err = 0;
  memset(place, 0, sizeof *place);
  if (way == PASS_FILE || way == PASS_CHANNEL)
    err = uvshm_channel_open(&place->channel, NULL, names_at(name), &options);
  if (err >= 0) err = open_cell(&place->sent, name, "sent", cell_flags);
  if (err >= 0) err = open_cell(&place->received, name, "received", cell_flags);
  return err;
}


void pass_close(struct pass_place* place) {
  uvshm_cell_close(place->received);
  uvshm_cell_close(place->sent);
  uvshm_channel_close(place->channel);
  memset(place, 0, sizeof *place);
}


int pass_read(uvshm_cell_t* cell, struct pass_tally* tally) {
  size_t size = sizeof *tally;
  memset(tally, 0, sizeof *tally);
  int err = uvshm_cell_read(cell, tally, &size, NULL);
  if (err == UV_ENOENT) return 0;
  return err < 0 ? err : size == sizeof *tally ? 0 : UV_EPROTO;
}
