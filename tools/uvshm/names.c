/* SPDX-License-Identifier: MIT */

/* What the library knows of a name, in words and in JSON. Looking never makes
 * this process a peer of what it looks at.
 */

#include "names.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>


uint32_t names_flags(const struct args* args) {
  uint32_t flags = 0;
  if (args->given[OPT_SYSTEM]) flags |= UVSHM_SYSTEM;
  if (args->given[OPT_FILE]) flags |= UVSHM_FILE;
  if (args->given[OPT_MANAGED]) flags |= UVSHM_FILE | UVSHM_MANAGED;
  if (args->given[OPT_FOREIGN]) flags |= UVSHM_REGION_FOREIGN;
  return flags | names_where();
}


uint32_t names_where(void) {
  return args_dir != NULL ? UVSHM_DIR : 0;
}


const char* names_at(const char* name) {
  static char* kept[8];
  static unsigned int last;
  char** place = &kept[last++ % 8];
  if (args_dir == NULL) return name;
  size_t size = strlen(args_dir);
  while (size > 1 && args_dir[size - 1] == '/') size--;
  free(*place);
  *place = text_format("%.*s/%s", (int) size, args_dir, name);
  return *place;
}


int names_check_flags(const struct args* args) {
  bool file = args->given[OPT_FILE] || args->given[OPT_MANAGED];
  if (file && args->given[OPT_SYSTEM])
    return report_usage(args->command, "a file has no scope: drop --system");
  if (args_dir != NULL && (file || args->given[OPT_FOREIGN]))
    return report_usage(args->command,
                        "--dir does not go with the path of a file or the name "
                        "of another program's memory");
  if (args->given[OPT_FOREIGN] && (file || args->given[OPT_SYSTEM]))
    return report_usage(args->command, "--foreign goes alone");
  return 0;
}


static int by_name(const void* a, const void* b) {
  const uvshm_name_info_t* left = a;
  const uvshm_name_info_t* right = b;
  int order = strcmp(left->name, right->name);
  return order != 0 ? order : strcmp(left->system_name, right->system_name);
}


int names_list(uint32_t flags, uvshm_name_info_t** list, size_t* count) {
  uvshm_names_t* names;
  uvshm_name_info_t* found = NULL;
  size_t used = 0;
  size_t room = 0;
  int err = uvshm_names_open_in(&names, args_dir, flags & UVSHM_SYSTEM);
  if (err < 0) return err;

  for (;;) {
    if (used == room) {
      room = room * 2 + 16;
      found = text_resize(found, room * sizeof *found);
    }
    err = uvshm_names_next(names, &found[used]);
    if (err < 0) break;
    used++;
  }
  uvshm_names_close(names);
  if (err != UV_ENOENT) {
    free(found);
    return err;
  }
  qsort(found, used, sizeof *found, by_name);
  *list = found;
  *count = used;
  return 0;
}


const char* names_kind(uvshm_kind_t kind) {
  switch (kind) {
    case UVSHM_KIND_REGION:
      return "region";
    case UVSHM_KIND_SEGMENT:
      return "segment";
    case UVSHM_KIND_MUTEX:
      return "mutex";
    case UVSHM_KIND_SEM:
      return "sem";
    case UVSHM_KIND_RWLOCK:
      return "rwlock";
    case UVSHM_KIND_COND:
      return "cond";
    case UVSHM_KIND_EVENT:
      return "event";
    case UVSHM_KIND_BARRIER:
      return "barrier";
    case UVSHM_KIND_CHANNEL:
      return "channel";
    case UVSHM_KIND_CELL:
      return "cell";
    default:
      return "unknown";
  }
}


const char* names_lifetime(uvshm_lifetime_t lifetime) {
  switch (lifetime) {
    case UVSHM_LIFETIME_LAST_CLOSE:
      return "last close";
    case UVSHM_LIFETIME_KEEP:
      return "keep";
    case UVSHM_LIFETIME_FILE:
      return "file";
    case UVSHM_LIFETIME_FOREIGN:
      return "foreign";
    default:
      return "unknown";
  }
}


/* ", 2 waiting", or nothing. */
static char* waiting(const uvshm_name_info_t* info) {
  if (info->waiters == 0) return text_copy("");
  return text_format(", %" PRIu32 " waiting", info->waiters);
}


static char* held_state(const uvshm_name_info_t* info) {
  char* others = waiting(info);
  char* label = text_escape(info->label);
  const char* end = info->lock_alive ? "" : ", who died; the next one is told";
  char* text;

  if (label[0] != '\0')
    text = text_format(
        "held by pid %" PRIu32 " (%s)%s%s", info->lock_pid, label, end, others);
  else
    text =
        text_format("held by pid %" PRIu32 "%s%s", info->lock_pid, end, others);
  free(others);
  free(label);
  return text;
}


static int is_lock(const uvshm_name_info_t* info) {
  return info->kind == UVSHM_KIND_MUTEX || info->kind == UVSHM_KIND_RWLOCK;
}


static int has_value(const uvshm_name_info_t* info) {
  return info->kind == UVSHM_KIND_SEM || info->kind == UVSHM_KIND_EVENT ||
         info->kind == UVSHM_KIND_BARRIER;
}


static char* live_state(const uvshm_name_info_t* info) {
  char* others;
  char* text;

  if (is_lock(info) && info->locked) return held_state(info);
  if (!has_value(info)) return text_copy("ok");
  if (info->kind == UVSHM_KIND_BARRIER)
    return text_format("%" PRIu32 " have come", info->value);
  others = waiting(info);
  if (info->kind == UVSHM_KIND_EVENT)
    text = text_format("%s%s", info->value != 0 ? "set" : "not set", others);
  else
    text = text_format("value %" PRIu32 "%s", info->value, others);
  free(others);
  return text;
}


char* names_state(const uvshm_name_info_t* info) {
  switch (info->state) {
    case UVSHM_STATE_LIVE:
      return live_state(info);
    case UVSHM_STATE_STALE:
      if (info->last_pid == 0)
        return text_copy("stale: nobody uses it; gc removes it");
      return text_format("stale: its last user (pid %" PRIu32
                         ") died; gc removes it",
                         info->last_pid);
    case UVSHM_STATE_DAMAGED:
      return text_copy("damaged: not readable; rm removes it");
    default:
      return text_copy("no access: another user's");
  }
}


enum out_style names_state_style(const uvshm_name_info_t* info) {
  switch (info->state) {
    case UVSHM_STATE_LIVE:
      return OUT_PLAIN;
    case UVSHM_STATE_STALE:
      return OUT_YELLOW;
    case UVSHM_STATE_DAMAGED:
      return OUT_RED;
    default:
      return OUT_DIM;
  }
}


char* names_owner(const uvshm_name_info_t* info) {
  if (info->own) return text_copy("you");
  if (info->owner[0] != '\0') return text_escape(info->owner);
  return text_format("%" PRIu32, info->owner_uid);
}


uint64_t names_age(const uvshm_name_info_t* info) {
  uv_timeval64_t now;
  if (info->created_ms == 0 || uv_gettimeofday(&now) < 0) return 0;
  uint64_t now_ms =
      (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_usec / 1000;
  return now_ms > info->created_ms ? now_ms - info->created_ms : 0;
}


json_t* json_text(const char* text) {
  json_t* value = json_string(text);
  if (value != NULL) return value;
  char* escaped = text_escape(text);
  value = json_string(escaped);
  free(escaped);
  return value;
}


static const char* state_word(uvshm_state_t state) {
  static const char* const words[] = {"live", "stale", "damaged", "denied"};
  return (unsigned int) state < 4 ? words[state] : "unknown";
}


static json_t* lifetime_word(uvshm_lifetime_t lifetime) {
  if (lifetime == UVSHM_LIFETIME_LAST_CLOSE) return json_string("last_close");
  return json_string(names_lifetime(lifetime));
}


json_t* names_json(const uvshm_name_info_t* info) {
  char mode[8];
  json_t* object = json_object();
  snprintf(mode, sizeof mode, "%04" PRIo32, info->mode & 07777u);
  json_object_set_new(object, "name", json_text(info->name));
  json_object_set_new(object, "kind", json_string(names_kind(info->kind)));
  json_object_set_new(object, "state", json_string(state_word(info->state)));
  json_object_set_new(object, "lifetime", lifetime_word(info->lifetime));
  json_object_set_new(
      object, "scope", json_string(info->system ? "system" : "user"));
  json_object_set_new(object, "size", json_integer((json_int_t) info->size));
  json_object_set_new(object,
                      "committed_size",
                      json_integer((json_int_t) info->committed_size));
  json_object_set_new(
      object, "max_size", json_integer((json_int_t) info->max_size));
  json_object_set_new(object, "peers", json_integer(info->peers));
  json_object_set_new(object, "owner", json_text(info->owner));
  json_object_set_new(object, "owner_uid", json_integer(info->owner_uid));
  json_object_set_new(object, "own", json_boolean(info->own));
  json_object_set_new(object, "mode", json_string(mode));
  json_object_set_new(
      object, "created_ms", json_integer((json_int_t) info->created_ms));
  json_object_set_new(object, "creator_pid", json_integer(info->creator_pid));
  json_object_set_new(object, "last_pid", json_integer(info->last_pid));
  json_object_set_new(object, "label", json_text(info->label));
  if (is_lock(info)) {
    json_object_set_new(object, "locked", json_boolean(info->locked));
    json_object_set_new(object, "lock_pid", json_integer(info->lock_pid));
    json_object_set_new(object, "lock_alive", json_boolean(info->lock_alive));
  }
  if (has_value(info))
    json_object_set_new(object, "value", json_integer(info->value));
  if (is_lock(info) || has_value(info))
    json_object_set_new(object, "waiters", json_integer(info->waiters));
  json_object_set_new(object, "system_name", json_text(info->system_name));
  return object;
}


json_t* json_document(void) {
  json_t* document = json_object();
  json_object_set_new(document, "schema", json_integer(1));
  return document;
}


void json_print(json_t* document) {
  char* text = json_dumps(document, JSON_INDENT(2));
  if (text != NULL) print("%s\n", text);
  free(text);
  json_decref(document);
}
