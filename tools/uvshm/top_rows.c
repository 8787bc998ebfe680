/* SPDX-License-Identifier: MIT */

/* A sample as rows: each object, below a segment its peers and what it has. */

#include "names.h"
#include "text.h"
#include "top.h"

#include <inttypes.h>
#include <stdlib.h>

#define PEERS_SHOWN 4
#define BAR 6

static const struct column columns[] = {
    {.name = "name", .heading = "NAME"},
    {.name = "kind", .heading = "KIND"},
    {.name = "peers", .heading = "PEERS", .right = true, .drop = 3},
    {.name = "used", .heading = "USED", .right = true, .drop = 1},
    {.name = "fill", .heading = "FILL", .drop = 2},
    {.name = "depth", .heading = "DEPTH", .right = true},
    {.name = "rate", .heading = "RATE", .right = true},
    {.name = "state", .heading = "STATE"}};

#define COLUMNS ((int) (sizeof columns / sizeof columns[0]))

/* ---- cells --------------------------------------------------------------- */

static void add(struct table* table, char* text, enum out_style style) {
  table_add(table, text, style);
  free(text);
}


static void add_bytes(struct table* table, uint64_t bytes) {
  char text[TEXT_SIZE_ROOM];
  text_size(text, bytes, false);
  table_add(table, text, OUT_PLAIN);
}


/* "[###   ]  50 %" */
static void add_fill(struct table* table, double fill) {
  char bar[BAR + 1];
  int full = (int) (fill * BAR + 0.5);
  for (int i = 0; i < BAR; i++) bar[i] = i < full ? '#' : ' ';
  bar[BAR] = '\0';
  add(table,
      text_format("[%s] %3.0f %%", bar, fill * 100),
      fill >= 0.95  ? OUT_RED
      : fill >= 0.8 ? OUT_YELLOW
                    : OUT_PLAIN);
}


static void add_rate(struct table* table, double rate) {
  static const char units[] = " KMGT";
  int unit = 0;
  if (rate < 0) {
    table_add(table, "", OUT_PLAIN);
    return;
  }
  while (rate >= 999.5 && unit < 4) {
    rate /= 1000;
    unit++;
  }
  int digits = rate < 9.95 && (unit > 0 || rate > 0) ? 1 : 0;
  if (unit == 0)
    add(table, text_format("%.*f/s", digits, rate), OUT_PLAIN);
  else
    add(table, text_format("%.*f%c/s", digits, rate, units[unit]), OUT_PLAIN);
}


/* A stream has room for bytes, so there is no "of how many". */
static void add_depth(struct table* table, const struct inside_part* part) {
  const uvshm_channel_info_t* channel = &part->is.channel;
  if (part->known != INSIDE_CHANNEL)
    table_add(table, "", OUT_PLAIN);
  else if (channel->kind == UVSHM_CHANNEL_STREAM)
    add(table, text_format("%" PRIu64, channel->depth), OUT_PLAIN);
  else
    add(table,
        text_format("%" PRIu64 "/%" PRIu64, channel->depth, channel->capacity),
        OUT_PLAIN);
}


static void add_part_fill(struct table* table, const struct inside_part* part) {
  bool counts = part->known == INSIDE_CHANNEL &&
                part->is.channel.kind != UVSHM_CHANNEL_STREAM &&
                part->is.channel.capacity > 0;
  double fill = top_part_measure(part, 0, TOP_BY_FILL);
  if (counts)
    add_fill(table, fill < 1 ? fill : 1);
  else
    table_add(table, "", OUT_PLAIN);
}

/* ---- rows ---------------------------------------------------------------- */

static void add_part(struct table* table,
                     const struct inside_part* part,
                     double rate) {
  char* name = text_escape(part->name);
  add(table, text_format("  %s", name), OUT_PLAIN);
  free(name);
  table_add(table, part->type, OUT_PLAIN);
  add(table, text_format("%" PRIu32, part->open), OUT_PLAIN);
  table_add(table, "", OUT_PLAIN);
  add_part_fill(table, part);
  add_depth(table, part);
  add_rate(table, rate);
  add(table, inside_brief(part), inside_style(part));
}


static void add_peer(struct table* table, const uvshm_peer_info_t* peer) {
  char* label = text_escape(peer->label);
  add(table,
      label[0] != '\0' ? text_format("  pid %" PRIu32 " (%s)", peer->pid, label)
                       : text_format("  pid %" PRIu32, peer->pid),
      OUT_DIM);
  free(label);
  table_add(table, "peer", OUT_DIM);
  for (int i = 2; i < COLUMNS - 1; i++) table_add(table, "", OUT_PLAIN);
  table_add(table,
            peer->alive ? "" : "dead: repaired when needed",
            peer->alive ? OUT_PLAIN : OUT_YELLOW);
}


static int add_peers(struct table* table,
                     const struct inside* inside,
                     bool all) {
  size_t shown = inside->peer_count;
  if (!all && shown > PEERS_SHOWN) shown = PEERS_SHOWN;
  for (size_t i = 0; i < shown; i++) add_peer(table, &inside->peers[i]);
  if (shown == inside->peer_count) return (int) shown;
  add(table,
      text_format("  and %" PRIu64 " more",
                  (uint64_t) (inside->peer_count - shown)),
      OUT_DIM);
  for (int i = 1; i < COLUMNS; i++) table_add(table, "", OUT_PLAIN);
  return (int) shown + 1;
}


static void add_state(struct table* table, const struct top_object* object) {
  const struct inside* inside = &object->inside;
  bool alone = object->info.kind != UVSHM_KIND_SEGMENT;
  if (object->looked && inside->damaged)
    table_add(table, "damaged: uvshm check tells what", OUT_RED);
  else if (object->looked && inside->problem != NULL)
    table_add(table, inside->problem, OUT_YELLOW);
  else if (object->looked && alone && inside->part_count == 1)
    add(table,
        inside_brief(&inside->parts[0]),
        inside_style(&inside->parts[0]));
  else
    add(table, names_state(&object->info), names_state_style(&object->info));
}


static void add_object(struct table* table, const struct top_object* object) {
  const uvshm_name_info_t* info = &object->info;
  bool readable =
      info->state == UVSHM_STATE_LIVE || info->state == UVSHM_STATE_STALE;
  bool heap = object->looked && object->inside.has_heap;
  const struct inside_part nothing = {.known = INSIDE_NOTHING};
  const struct inside_part* part = &nothing;
  if (object->looked && info->kind != UVSHM_KIND_SEGMENT &&
      object->inside.part_count == 1)
    part = &object->inside.parts[0];

  add(table,
      text_escape(info->name[0] != '\0' ? info->name : info->system_name),
      OUT_BOLD);
  table_add(table, names_kind(info->kind), OUT_PLAIN);
  add(table,
      readable ? text_format("%" PRIu32, info->peers) : text_copy("-"),
      OUT_PLAIN);
  if (readable)
    add_bytes(table, top_used(object));
  else
    table_add(table, "-", OUT_PLAIN);
  if (heap)
    add_fill(table, top_fill(&object->inside));
  else
    add_part_fill(table, part);
  add_depth(table, part);
  add_rate(table, top_rate(object));
  add_state(table, object);
}


struct table* top_table(const struct top_sample* sample,
                        const struct top_view* view,
                        int* rows) {
  struct table* table = table_new(columns, COLUMNS);
  *rows = 0;
  for (size_t i = 0; i < sample->count; i++) {
    const struct top_object* object = &sample->objects[i];
    add_object(table, object);
    *rows += 1;
    if (!object->looked || object->info.kind != UVSHM_KIND_SEGMENT) continue;
    *rows += add_peers(table, &object->inside, view->all_peers);
    for (size_t j = 0; j < object->inside.part_count; j++)
      add_part(table, &object->inside.parts[j], object->rates[j]);
    *rows += (int) object->inside.part_count;
  }
  return table;
}
