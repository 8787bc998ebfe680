/* SPDX-License-Identifier: MIT */

/* uvshm ls: everything that has a name. */

#include "commands.h"
#include "listing.h"
#include "ls_foreign.h"
#include "names.h"
#include "report.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {.name = "name", .heading = "NAME"},
    {.name = "kind", .heading = "KIND"},
    {.name = "lifetime", .heading = "LIFETIME", .drop = 4},
    {.name = "size", .heading = "SIZE", .right = true},
    {.name = "used", .heading = "USED", .right = true, .drop = 2},
    {.name = "max", .heading = "MAX", .right = true, .drop = 1},
    {.name = "peers", .heading = "PEERS", .right = true, .drop = 6},
    {.name = "owner", .heading = "OWNER", .drop = 5},
    {.name = "age", .heading = "AGE", .right = true, .drop = 3},
    {.name = "state", .heading = "STATE"}};

#define COLUMNS ((int) (sizeof columns / sizeof columns[0]))


static void add_size(struct table* table,
                     uint64_t size,
                     bool known,
                     bool exact) {
  char text[TEXT_SIZE_ROOM] = "-";
  if (known) text_size(text, size, exact);
  table_add(table, text, OUT_PLAIN);
}


static void add_text(struct table* table, char* text, enum out_style style) {
  table_add(table, text, style);
  free(text);
}


/* A lock has no bytes for its user: its size is what it takes. */
static bool has_bytes(const uvshm_name_info_t* info) {
  return info->kind == UVSHM_KIND_REGION || info->kind == UVSHM_KIND_SEGMENT;
}


/* Of a segment what its blocks take, which a look inside tells; of others, or
 * when we may not look, the memory that exists. */
static uint64_t used_by(const struct args* args,
                        const uvshm_name_info_t* info) {
  uvshm_segment_t* segment;
  uvshm_heap_info_t heap;
  uvshm_segment_options_t options = {
      .flags = names_flags(args) | UVSHM_READONLY, .label = "uvshm ls"};
  if (info->kind != UVSHM_KIND_SEGMENT || info->state != UVSHM_STATE_LIVE ||
      uvshm_segment_open(&segment, names_at(info->name), &options) < 0)
    return info->committed_size;
  int err = uvshm_heap_info(segment, &heap);
  uvshm_segment_close(segment);
  return err < 0 ? info->committed_size : heap.used;
}


static void add_row(const struct args* args,
                    struct table* table,
                    const uvshm_name_info_t* info) {
  bool exact = args->given[OPT_BYTES];
  char age[TEXT_SIZE_ROOM] = "-";
  bool readable =
      info->state == UVSHM_STATE_LIVE || info->state == UVSHM_STATE_STALE;
  bool bytes = has_bytes(info) && readable;
  if (info->created_ms != 0) text_age(age, names_age(info));

  add_text(table,
           text_escape(info->name[0] != '\0' ? info->name : info->system_name),
           OUT_PLAIN);
  table_add(table, names_kind(info->kind), OUT_PLAIN);
  table_add(table, readable ? names_lifetime(info->lifetime) : "-", OUT_PLAIN);
  add_size(table, bytes ? info->size : info->committed_size, readable, exact);
  add_size(table, bytes ? used_by(args, info) : 0, bytes, exact);
  add_size(table, info->max_size, bytes, exact);
  add_text(table,
           readable ? text_format("%" PRIu32, info->peers) : text_copy("-"),
           OUT_PLAIN);
  add_text(table, names_owner(info), OUT_PLAIN);
  table_add(table, age, OUT_PLAIN);
  add_text(table, names_state(info), names_state_style(info));
}


static bool wanted(const struct args* args, const uvshm_name_info_t* info) {
  return args->count == 0 || text_match(args->operands[0], info->name);
}


static void list_json(const struct args* args,
                      const uvshm_name_info_t* list,
                      size_t count) {
  json_t* document = json_document();
  json_t* objects = json_array();
  for (size_t i = 0; i < count; i++) {
    if (!wanted(args, &list[i])) continue;
    json_t* object = names_json(&list[i]);
    json_object_set_new(object,
                        "used_size",
                        json_integer((json_int_t) used_by(args, &list[i])));
    json_array_append_new(objects, object);
  }
  json_object_set_new(document, "objects", objects);
  json_print(document);
}


static int list_table(const struct args* args,
                      const uvshm_name_info_t* list,
                      size_t count) {
  size_t rows = 0;
  int code = EXIT_OK;
  struct table* table = listing_begin(args, columns, COLUMNS, &code);

  if (table == NULL) return code;
  for (size_t i = 0; i < count; i++) {
    if (!wanted(args, &list[i])) continue;
    add_row(args, table, &list[i]);
    rows++;
  }
  listing_end(args, table, rows);
  return code;
}


int cmd_ls(const struct args* args) {
  uvshm_name_info_t* list = NULL;
  size_t count = 0;
  int code = EXIT_OK;
  if (args->given[OPT_FOREIGN]) return ls_foreign(args);
  int err = names_list(names_flags(args), &list, &count);
  if (err < 0) return report(err);
  if (args->given[OPT_JSON])
    list_json(args, list, count);
  else
    code = list_table(args, list, count);
  free(list);
  return code;
}
