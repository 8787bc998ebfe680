/* SPDX-License-Identifier: MIT */

/* uvshm ls --foreign: what other programs have, with the columns of ipcs -m and
 * a name in front. */

#include "ls_foreign.h"
#include "listing.h"
#include "names.h"
#include "report.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

static const struct column columns[] = {
    {.name = "name", .heading = "NAME"},
    {.name = "key", .heading = "KEY", .drop = 2},
    {.name = "id", .heading = "ID", .right = true, .drop = 1},
    {.name = "owner", .heading = "OWNER", .drop = 4},
    {.name = "mode", .heading = "MODE", .right = true, .drop = 3},
    {.name = "bytes", .heading = "BYTES", .right = true},
    {.name = "attached", .heading = "ATTACHED", .right = true, .drop = 5},
    {.name = "status", .heading = "STATUS"}};

#define COLUMNS ((int) (sizeof columns / sizeof columns[0]))


int foreign_list(uint32_t flags, uvshm_foreign_info_t** list, size_t* count) {
  uvshm_foreign_t* foreign;
  uvshm_foreign_info_t* found = NULL;
  size_t used = 0;
  size_t room = 0;
  int err = uvshm_foreign_open(&foreign, flags);
  if (err < 0) return err;
  do {
    if (used == room) {
      room = room * 2 + 16;
      found = text_resize(found, room * sizeof *found);
    }
    err = uvshm_foreign_next(foreign, &found[used]);
    if (err == 0) used++;
  } while (err == 0);
  uvshm_foreign_close(foreign);
  *list = found;
  *count = used;
  return 0;
}


uint32_t foreign_ousted(const char* name) {
  uvshm_foreign_info_t* list = NULL;
  uint32_t pid = 0;
  size_t count = 0;
  if (foreign_list(UVSHM_SYSTEM, &list, &count) < 0) return 0;
  for (size_t i = 0; i < count; i++)
    if (list[i].state & UVSHM_FOREIGN_REPLACED &&
        strcmp(list[i].name + (list[i].name[0] == '/'),
               name + (name[0] == '/')) == 0)
      pid = list[i].last_pid;
  free(list);
  return pid;
}


/* ipcs says "dest" and "locked". */
static char* status_of(const uvshm_foreign_info_t* info) {
  bool removed = (info->state & UVSHM_FOREIGN_REMOVED) != 0;
  bool replaced = (info->state & UVSHM_FOREIGN_REPLACED) != 0;
  bool held = removed && info->last_pid != 0;
  char* holder =
      held ? text_format(", pid %" PRIu32, info->last_pid) : text_copy("");
  char* text = text_format("%s%s%s",
                           replaced                             ? "replaced"
                           : removed                            ? "removed"
                           : info->state & UVSHM_FOREIGN_LOCKED ? ""
                                                                : "ok",
                           holder,
                           info->state & UVSHM_FOREIGN_LOCKED
                               ? (removed ? ", locked" : "locked")
                               : "");
  free(holder);
  return text;
}


static void add_text(struct table* table, char* text, enum out_style style) {
  table_add(table, text, style);
  free(text);
}


static void add_row(struct table* table, const uvshm_foreign_info_t* info) {
  bool sysv = info->kind == UVSHM_FOREIGN_SYSV;
  /* Nobody is told the rights of what has no name any more. */
  bool rights = sysv || info->state == 0;
  add_text(table, text_escape(info->name), OUT_PLAIN);
  add_text(table,
           sysv ? text_format("0x%08" PRIx32, info->key) : text_copy("-"),
           OUT_PLAIN);
  add_text(table,
           sysv ? text_format("%" PRIu32, info->id) : text_copy("-"),
           OUT_PLAIN);
  add_text(table,
           info->own ? text_copy("you") : text_escape(info->owner),
           OUT_PLAIN);
  add_text(table,
           rights ? text_format("%03" PRIo32, info->mode) : text_copy("-"),
           OUT_PLAIN);
  add_text(table, text_format("%" PRIu64, info->size), OUT_PLAIN);
  add_text(table, text_format("%" PRIu32, info->attached), OUT_PLAIN);
  add_text(table,
           status_of(info),
           info->state & UVSHM_FOREIGN_REMOVED ? OUT_YELLOW : OUT_PLAIN);
}


static json_t* entry_json(const uvshm_foreign_info_t* info) {
  bool sysv = info->kind == UVSHM_FOREIGN_SYSV;
  char mode[8];
  json_t* entry = json_object();
  snprintf(mode, sizeof mode, "%04" PRIo32, info->mode & 0777u);
  json_object_set_new(entry, "name", json_text(info->name));
  json_object_set_new(entry, "kind", json_string(sysv ? "sysv" : "posix"));
  if (sysv) {
    json_object_set_new(entry, "key", json_integer(info->key));
    json_object_set_new(entry, "id", json_integer(info->id));
    json_object_set_new(entry, "creator_pid", json_integer(info->creator_pid));
    json_object_set_new(
        entry, "changed_ms", json_integer((json_int_t) info->changed_ms));
  }
  json_object_set_new(entry, "owner", json_text(info->owner));
  json_object_set_new(entry, "owner_uid", json_integer(info->owner_uid));
  json_object_set_new(entry, "own", json_boolean(info->own));
  json_object_set_new(entry, "mode", json_string(mode));
  json_object_set_new(entry, "size", json_integer((json_int_t) info->size));
  json_object_set_new(entry, "attached", json_integer(info->attached));
  json_object_set_new(entry, "last_pid", json_integer(info->last_pid));
  json_object_set_new(
      entry, "removed", json_boolean(info->state & UVSHM_FOREIGN_REMOVED));
  json_object_set_new(
      entry, "replaced", json_boolean(info->state & UVSHM_FOREIGN_REPLACED));
  json_object_set_new(
      entry, "locked", json_boolean(info->state & UVSHM_FOREIGN_LOCKED));
  return entry;
}


static bool wanted(const struct args* args, const uvshm_foreign_info_t* info) {
  return args->count == 0 || text_match(args->operands[0], info->name);
}


static void print_json(const struct args* args,
                       const uvshm_foreign_info_t* list,
                       size_t count) {
  json_t* document = json_document();
  json_t* entries = json_array();
  for (size_t i = 0; i < count; i++)
    if (wanted(args, &list[i]))
      json_array_append_new(entries, entry_json(&list[i]));
  json_object_set_new(document, "foreign", entries);
  json_print(document);
}


static int print_table(const struct args* args,
                       const uvshm_foreign_info_t* list,
                       size_t count) {
  size_t rows = 0;
  int code = EXIT_OK;
  struct table* table = listing_begin(args, columns, COLUMNS, &code);

  if (table == NULL) return code;
  for (size_t i = 0; i < count; i++) {
    if (!wanted(args, &list[i])) continue;
    add_row(table, &list[i]);
    rows++;
  }
  listing_end(args, table, rows);
  return code;
}


int ls_foreign(const struct args* args) {
  uvshm_foreign_info_t* list = NULL;
  size_t count = 0;
  int code = EXIT_OK;
  uint32_t flags = args->given[OPT_SYSTEM] ? UVSHM_SYSTEM : 0;
  if (args_dir != NULL)
    return report_usage(args->command, "--foreign is in no folder");
  int err = foreign_list(flags, &list, &count);
  if (err < 0) return report(err);
  if (args->given[OPT_JSON])
    print_json(args, list, count);
  else
    code = print_table(args, list, count);
  free(list);
  return code;
}
