/* SPDX-License-Identifier: MIT */

/* uvshm info: all that is known of one object.
 *
 * The first part looks from outside. A segment is then opened, for reading, to
 * tell its peers and what it holds; what cannot be opened is told without.
 */

#include "commands.h"
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


static json_t* peer_json(const uvshm_peer_info_t* peer) {
  json_t* entry = json_object();
  json_object_set_new(entry, "slot", json_integer(peer->slot));
  json_object_set_new(entry, "pid", json_integer(peer->pid));
  json_object_set_new(entry, "alive", json_boolean(peer->alive));
  json_object_set_new(
      entry, "attached_ms", json_integer((json_int_t) peer->attached_ms));
  json_object_set_new(entry, "label", json_text(peer->label));
  return entry;
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


/* To `list` when there is one, else to stdout. */
static void tell_peers(const uvshm_segment_t* segment, json_t* list) {
  uvshm_peer_info_t peer;
  uint32_t cursor = 0;
  bool first = true;
  while (uvshm_segment_peer(segment, &cursor, &peer) == 0) {
    if (peer.self) continue;
    if (list != NULL)
      json_array_append_new(list, peer_json(&peer));
    else
      print_peer(&peer, first);
    first = false;
  }
}


/* ", 12 entries": what is known of a map; new memory. */
static char* map_figures(uvshm_segment_t* segment,
                         const char* name,
                         json_t* entry) {
  uvshm_map_t* map;
  uvshm_map_info_t info;
  uvshm_map_options_t options = {.flags = UVSHM_EXISTING};
  if (uvshm_map_open(&map, segment, name, &options) < 0) return text_copy("");
  int err = uvshm_map_info(map, &info);
  uvshm_map_close(map);
  if (err < 0) return text_copy("");
  if (entry != NULL) {
    json_object_set_new(
        entry, "entries", json_integer((json_int_t) info.count));
    json_object_set_new(
        entry, "changes", json_integer((json_int_t) info.changes));
    json_object_set_new(
        entry, "buckets", json_integer((json_int_t) info.buckets));
  }
  return text_format(
      ", %" PRIu64 " entries, %" PRIu64 " changes", info.count, info.changes);
}


static void tell_heap(const uvshm_segment_t* segment,
                      json_t* document,
                      bool exact) {
  char used[TEXT_SIZE_ROOM];
  char size[TEXT_SIZE_ROOM];
  char largest[TEXT_SIZE_ROOM];
  uvshm_heap_info_t info;
  if (uvshm_heap_info(segment, &info) < 0) return;
  if (document == NULL) {
    text_size(used, info.used, exact);
    text_size(size, info.used + info.free, exact);
    text_size(largest, info.largest_free, exact);
    line_of("heap",
            text_format("%s of %s in %" PRIu64 " blocks, largest free %s",
                        used,
                        size,
                        info.blocks,
                        largest));
    return;
  }
  json_t* heap = json_object();
  const struct {
    const char* name;
    uint64_t number;
  } numbers[] = {{"size", info.size},
                 {"max_size", info.max_size},
                 {"used", info.used},
                 {"free", info.free},
                 {"bookkeeping", info.bookkeeping},
                 {"largest_free", info.largest_free},
                 {"blocks", info.blocks},
                 {"private_blocks", info.private_blocks},
                 {"fragmentation", info.fragmentation}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    json_object_set_new(
        heap, numbers[i].name, json_integer((json_int_t) numbers[i].number));
  json_object_set_new(document, "heap", heap);
}


static void tell_objects(uvshm_segment_t* segment, json_t* list) {
  uvshm_object_info_t object;
  uint32_t cursor = 0;
  bool first = true;
  while (uvshm_segment_next(segment, &cursor, &object) == 0) {
    bool is_map = strcmp(object.type, "map") == 0;
    json_t* entry = list != NULL ? json_object() : NULL;
    char* figures =
        is_map ? map_figures(segment, object.name, entry) : text_copy("");
    if (list != NULL) {
      json_object_set_new(entry, "name", json_text(object.name));
      json_object_set_new(entry, "type", json_text(object.type));
      json_object_set_new(entry, "open", json_integer(object.open));
      json_array_append_new(list, entry);
    } else {
      char* name = text_escape(object.name);
      line_of(first ? "holds" : "",
              text_format("%s %s, open in %" PRIu32 "%s",
                          object.type,
                          name,
                          object.open,
                          figures));
      free(name);
    }
    free(figures);
    first = false;
  }
}


static void tell_numbers(const uvshm_segment_info_t* info, json_t* document) {
  if (document == NULL) {
    line_of("threads",
            text_format(
                "%" PRIu32 " of %" PRIu32, info->threads, info->threads_max));
    line_of("objects",
            text_format(
                "%" PRIu32 " of %" PRIu32, info->objects, info->objects_max));
    line_of("format", text_format("%" PRIu32, info->format));
    return;
  }
  json_object_set_new(document, "peers_max", json_integer(info->peers_max));
  json_object_set_new(document, "threads", json_integer(info->threads));
  json_object_set_new(document, "threads_max", json_integer(info->threads_max));
  json_object_set_new(document, "objects_max", json_integer(info->objects_max));
  json_object_set_new(document, "format", json_integer(info->format));
}


/* With a document: into it; without: to stdout. */
static void tell_segment(const struct args* args, json_t* document) {
  uvshm_segment_t* segment;
  uvshm_segment_info_t info;
  uvshm_segment_options_t options = {
      .flags = names_flags(args) | UVSHM_READONLY, .label = "uvshm info"};
  int err = uvshm_segment_open(&segment, args->operands[0], &options);
  if (err < 0) {
    report(err);
    return;
  }
  json_t* peers = NULL;
  json_t* objects = NULL;
  if (document != NULL) {
    json_object_set_new(document, "attached", peers = json_array());
    json_object_set_new(document, "holds", objects = json_array());
  }
  if (uvshm_segment_info(segment, &info) == 0) tell_numbers(&info, document);
  tell_heap(segment, document, args->given[OPT_BYTES]);
  tell_peers(segment, peers);
  tell_objects(segment, objects);
  uvshm_segment_close(segment);
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
    json_object_set_new(document, "object", names_json(&name));
    json_print(document);
  } else {
    print_name(&name, args->operands[0], args->given[OPT_BYTES]);
  }
  return EXIT_OK;
}


int cmd_info(const struct args* args) {
  uvshm_name_info_t info;
  int code = names_check_flags(args);
  if (code != 0) return code;
  if (args->given[OPT_FOREIGN]) return tell_foreign(args);

  int err = uvshm_name_info(args->operands[0], names_flags(args), &info);
  if (err < 0) return report(err);
  bool open = info.kind == UVSHM_KIND_SEGMENT && info.state == UVSHM_STATE_LIVE;
  if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_t* object = names_json(&info);
    if (open) tell_segment(args, object);
    json_object_set_new(document, "object", object);
    json_print(document);
  } else {
    print_name(&info, args->operands[0], args->given[OPT_BYTES]);
    if (open) tell_segment(args, NULL);
  }
  return info.state == UVSHM_STATE_DAMAGED ? EXIT_DAMAGED : EXIT_OK;
}
