/* SPDX-License-Identifier: MIT */

/* uvshm info: all that is known of one object.
 *
 * The first part looks from outside. Then comes what it has inside, as far as
 * that can be looked at; what cannot is told without.
 */

#include "commands.h"
#include "ls_foreign.h"
#include "inside.h"
#include "names.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define LABEL_COLUMN 10


static void line(const char* label, const char* text, enum out_style style) {
  print("%s%-*s%s%s%s%s\n",
        out_style(OUT_DIM),
        LABEL_COLUMN,
        label,
        out_style(OUT_PLAIN),
        out_style(style == OUT_PLAIN ? OUT_PLAIN : style),
        text,
        out_style(OUT_PLAIN));
}


/* Takes `text` and frees it. */
static void line_of(const char* label, char* text) {
  line(label, text, OUT_PLAIN);
  free(text);
}


static void line_size(const char* label, uint64_t size, bool exact) {
  char human[TEXT_SIZE_ROOM];
  text_size(human, size, false);
  if (exact || size < 1024)
    line_of(label, text_format("%" PRIu64 " bytes", size));
  else
    line_of(label, text_format("%s (%" PRIu64 " bytes)", human, size));
}


static void print_sizes(const uvshm_name_info_t* info, bool exact) {
  bool bytes =
      info->kind == UVSHM_KIND_REGION || info->kind == UVSHM_KIND_SEGMENT;
  if (bytes) {
    line_size("size", info->size, exact);
    line_size("max", info->max_size, exact);
  }
  line_size("used", info->committed_size, exact);
}


static void print_people(const uvshm_name_info_t* info) {
  char age[TEXT_SIZE_ROOM];
  line_of("owner", names_owner(info));
  if (!on_windows())
    line_of("mode", text_format("%04" PRIo32, info->mode & 07777u));
  line_of("peers", text_format("%" PRIu32, info->peers));
  if (info->created_ms != 0) {
    text_age(age, names_age(info));
    line_of("made",
            info->creator_pid != 0
                ? text_format("%s ago by pid %" PRIu32, age, info->creator_pid)
                : text_format("%s ago", age));
  }
}


static void print_name(const uvshm_name_info_t* info,
                       const char* given,
                       bool exact) {
  char* state = names_state(info);
  line_of("name", text_escape(info->name[0] != '\0' ? info->name : given));
  line("kind", names_kind(info->kind), OUT_PLAIN);
  line("state", state, names_state_style(info));
  free(state);
  bool readable =
      info->state == UVSHM_STATE_LIVE || info->state == UVSHM_STATE_STALE;
  if (readable) {
    line("lifetime", names_lifetime(info->lifetime), OUT_PLAIN);
    line("scope", info->system ? "system" : "user", OUT_PLAIN);
    print_sizes(info, exact);
    print_people(info);
  } else {
    line_of("owner", names_owner(info));
  }
  if (info->system_name[0] != '\0')
    line_of("system", text_escape(info->system_name));
}


static void print_peer(const uvshm_peer_info_t* peer, bool first) {
  char* label = text_escape(peer->label);
  char* text = text_format("pid %" PRIu32 "%s%s%s%s",
                           peer->pid,
                           label[0] != '\0' ? " (" : "",
                           label,
                           label[0] != '\0' ? ")" : "",
                           peer->alive ? "" : ", dead: repaired when needed");
  line(first ? "attached" : "", text, peer->alive ? OUT_PLAIN : OUT_YELLOW);
  free(text);
  free(label);
}


static void print_heap(const uvshm_heap_info_t* heap, bool exact) {
  char used[TEXT_SIZE_ROOM];
  char size[TEXT_SIZE_ROOM];
  char largest[TEXT_SIZE_ROOM];
  text_size(used, heap->used, exact);
  text_size(size, heap->used + heap->free, exact);
  text_size(largest, heap->largest_free, exact);
  line_of("heap",
          text_format("%s of %s in %" PRIu64 " blocks, largest free %s",
                      used,
                      size,
                      heap->blocks,
                      largest));
}


static void print_part(const struct inside_part* part, bool first) {
  char* name = text_escape(part->name);
  char* facts = inside_text(part);
  char* text = text_format("%s %s, open in %" PRIu32 "%s%s",
                           part->type,
                           name,
                           part->open,
                           facts[0] != '\0' ? ", " : "",
                           facts);
  line(first ? "holds" : "", text, inside_style(part));
  free(text);
  free(facts);
  free(name);
}


static void print_segment(const struct inside* inside, bool exact) {
  const uvshm_segment_info_t* info = &inside->info;
  line_of(
      "threads",
      text_format("%" PRIu32 " of %" PRIu32, info->threads, info->threads_max));
  line_of(
      "objects",
      text_format("%" PRIu32 " of %" PRIu32, info->objects, info->objects_max));
  line_of("format", text_format("%" PRIu32, info->format));
  if (inside->has_heap) print_heap(&inside->heap, exact);
  for (size_t i = 0; i < inside->peer_count; i++)
    print_peer(&inside->peers[i], i == 0);
  for (size_t i = 0; i < inside->part_count; i++)
    print_part(&inside->parts[i], i == 0);
}


/* With a document: into it; without: to stdout. Is it damaged? */
static bool tell_inside(const struct args* args,
                        const uvshm_name_info_t* info,
                        json_t* document) {
  struct inside inside;
  int err = inside_look(&inside,
                        info,
                        names_at(args->operands[0]),
                        names_flags(args),
                        "uvshm info");
  bool damaged = inside.damaged;
  if (err < 0) note("%s", inside.problem);
  if (document != NULL)
    inside_json(&inside, document);
  else if (err == 0 && info->kind == UVSHM_KIND_SEGMENT)
    print_segment(&inside, args->given[OPT_BYTES]);
  else if (err == 0)
    line_of("is", inside_text(&inside.parts[0]));
  inside_free(&inside);
  return damaged;
}


/* Where there are no user numbers, the owner's name must do. */
static bool is_own(const uvshm_region_info_t* info) {
  uv_passwd_t user;
  if (on_windows() || uv_os_get_passwd(&user) < 0) return false;
  bool own = info->owner_uid == (uint32_t) user.uid;
  uv_os_free_passwd(&user);
  return own;
}


/* Another program's memory has no name of ours: it is opened and told. */
static int tell_foreign(const struct args* args) {
  uvshm_region_t* region;
  uvshm_region_info_t info;
  uvshm_region_options_t options = {.flags =
                                        UVSHM_REGION_FOREIGN | UVSHM_READONLY};
  int err = uvshm_region_open(&region, args->operands[0], &options);
  if (err >= 0) {
    err = uvshm_region_info(region, &info);
    uvshm_region_close(region);
  }
  if (err < 0) return report(err);

  uint32_t ousted = foreign_ousted(args->operands[0]);
  uvshm_name_info_t name = {.kind = UVSHM_KIND_REGION,
                            .lifetime = UVSHM_LIFETIME_FOREIGN,
                            .size = info.size,
                            .max_size = info.max_size,
                            .committed_size = info.committed_size,
                            .own = is_own(&info),
                            .owner_uid = info.owner_uid,
                            .mode = info.mode};
  snprintf(name.owner, sizeof name.owner, "%s", info.owner);
  snprintf(name.name, sizeof name.name, "%s", args->operands[0]);
  snprintf(name.system_name, sizeof name.system_name, "%s", info.system_name);
  if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_t* object = names_json(&name);
    json_object_set_new(object, "ousted_pid", json_integer(ousted));
    json_object_set_new(document, "object", object);
    json_print(document);
  } else {
    print_name(&name, args->operands[0], args->given[OPT_BYTES]);
    if (ousted != 0)
      line_of("beside",
              text_format("pid %" PRIu32
                          " has another object, which had this name before",
                          ousted));
  }
  return EXIT_OK;
}


int cmd_info(const struct args* args) {
  uvshm_name_info_t info;
  int code = names_check_flags(args);
  if (code != 0) return code;
  if (args->given[OPT_FOREIGN]) return tell_foreign(args);

  int err =
      uvshm_name_info(names_at(args->operands[0]), names_flags(args), &info);
  if (err < 0) return report(err);
  bool damaged = info.state == UVSHM_STATE_DAMAGED;
  if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_t* object = names_json(&info);
    if (inside_has(&info)) damaged = tell_inside(args, &info, object);
    json_object_set_new(document, "object", object);
    json_print(document);
  } else {
    print_name(&info, args->operands[0], args->given[OPT_BYTES]);
    if (inside_has(&info)) damaged = tell_inside(args, &info, NULL);
  }
  return damaged ? EXIT_DAMAGED : EXIT_OK;
}
