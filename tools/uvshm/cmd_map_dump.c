/* SPDX-License-Identifier: MIT */

/* uvshm map dump and load: a map as lines of JSON, and back. And create, which
 * makes one.
 *
 *   {"key":"apple","value":"12"}
 *   {"key":"photo","value_base64":"/9j/4AAQ..."}
 *   {"key":"guest","value":"7","ttl_ms":59000}
 */

#include "commands.h"
#include "maps.h"
#include "names.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define SIZE_DEFAULT (1u << 20)


/* One that is gone by now is left out. */
static int dump_entry(uvshm_map_t* map, const struct entry* entry) {
  uint64_t ttl_ms;
  int err = uvshm_map_get_ttl(map, entry->key, entry->key_size, &ttl_ms);
  if (err < 0) return err == UV_ENOENT ? 0 : err;
  json_t* line = json_object();
  map_json_set(line, "key", entry->key, entry->key_size);
  map_json_set(line, "value", entry->value, entry->value_size);
  if (ttl_ms != 0)
    json_object_set_new(line, "ttl_ms", json_integer((json_int_t) ttl_ms));
  map_json_line(line);
  return 0;
}


int cmd_map_dump(const struct args* args) {
  struct map_place place;
  struct entry entry;
  int code = map_open(args, UVSHM_READONLY, &place);
  int err = 0;
  if (code != 0) return code;
  map_entry_init(&entry, true);
  while (err == 0 && out_is_good()) {
    err = map_entry_next(place.map, &entry);
    if (err == 0) err = dump_entry(place.map, &entry);
  }
  if (err < 0 && err != UV_ENOENT) code = report(err);
  map_entry_free(&entry);
  map_close(&place);
  return code;
}

/* ---- load ---------------------------------------------------------------- */

/* How long the entry lives; 0: it stays. false: that is no such number. */
static bool get_ttl(const json_t* object, uint64_t* ttl_ms) {
  const json_t* ttl = json_object_get(object, "ttl_ms");
  *ttl_ms = 0;
  if (ttl == NULL) return true;
  if (!json_is_integer(ttl) || json_integer_value(ttl) < 0) return false;
  *ttl_ms = (uint64_t) json_integer_value(ttl);
  return true;
}


/* 0, or an exit code after saying why. */
static int load_line(uvshm_map_t* map,
                     const char* text,
                     size_t size,
                     uint64_t number) {
  json_error_t error;
  struct bytes key = {NULL, 0};
  struct bytes value = {NULL, 0};
  uint64_t ttl_ms = 0;
  json_t* object = json_loadb(text, size, JSON_ALLOW_NUL, &error);
  int code = 0;
  if (object == NULL || !map_json_get(object, "key", &key) ||
      !map_json_get(object, "value", &value) || !get_ttl(object, &ttl_ms)) {
    code = report_as(EXIT_FAILED,
                     "line %" PRIu64 ": %s",
                     number,
                     object == NULL
                         ? error.text
                         : "not an object with key, value, and perhaps ttl_ms");
  } else {
    int err = uvshm_map_put(map, key.at, key.size, value.at, value.size);
    if (err == 0 && ttl_ms != 0)
      err = uvshm_map_expire(map, key.at, key.size, ttl_ms);
    if (err < 0 && err != UV_ENOENT) code = report(err);
  }
  free(key.at);
  free(value.at);
  json_decref(object);
  return code;
}


static bool is_blank(const char* text, size_t size) {
  for (; size > 0; size--, text++)
    if (strchr(" \t\r", *text) == NULL) return false;
  return true;
}


/* What was loaded before a faulty line stays. */
static int load(uvshm_map_t* map, const struct bytes* input) {
  const char* at = input->at;
  const char* end = at + input->size;
  uint64_t number = 0;
  uint64_t loaded = 0;
  int code = 0;
  while (at < end && code == 0) {
    const char* newline = memchr(at, '\n', (size_t) (end - at));
    size_t size = (size_t) ((newline != NULL ? newline : end) - at);
    number++;
    if (!is_blank(at, size)) {
      code = load_line(map, at, size, number);
      loaded++;
    }
    at += size + 1;
  }
  if (code == 0) mention("%" PRIu64 " entries", loaded);
  return code;
}


int cmd_map_load(const struct args* args) {
  struct map_place place;
  struct bytes input;
  int code = map_stdin(&input);
  if (code != 0) return code;
  code = map_open(args, 0, &place);
  if (code == 0) {
    code = load(place.map, &input);
    map_close(&place);
  }
  free(input.at);
  return code;
}

/* ---- create -------------------------------------------------------------- */

static int open_or_make(const struct args* args,
                        const char* name,
                        uvshm_segment_t** segment) {
  uvshm_segment_options_t options = {.flags = names_flags(args),
                                     .mode = (uint32_t) args->number[OPT_MODE],
                                     .group = args->text[OPT_GROUP],
                                     .label = "uvshm map"};
  int err = uvshm_segment_open(segment, names_at(name), &options);
  if (err != UV_ENOENT) return err < 0 ? report(err) : 0;
  if (!args->given[OPT_KEEP] && !args->given[OPT_MANAGED])
    return report_usage(args->command,
                        "the segment is not there, and would be gone when this "
                        "command ends: add --keep");
  options.flags |= UVSHM_CREATE;
  if (args->given[OPT_KEEP]) options.flags |= UVSHM_KEEP;
  options.size = args->given[OPT_SIZE] ? args->number[OPT_SIZE] : SIZE_DEFAULT;
  options.max_size = args->number[OPT_MAX];
  err = uvshm_segment_open(segment, names_at(name), &options);
  return err < 0 ? report(err) : 0;
}


int cmd_map_create(const struct args* args) {
  uvshm_segment_t* segment;
  uvshm_map_t* map;
  char* segment_name;
  const char* map_name;
  uvshm_map_options_t options = {
      .flags = args->given[OPT_EXCLUSIVE] ? UVSHM_EXCLUSIVE : 0};
  int code = names_check_flags(args);
  if (code == 0) code = map_split(args, &segment_name, &map_name);
  if (code != 0) return code;
  code = open_or_make(args, segment_name, &segment);
  if (code == 0) {
    int err = uvshm_map_open(&map, segment, map_name, &options);
    if (err < 0)
      code = report(err);
    else
      uvshm_map_close(map);
    uvshm_segment_close(segment);
  }
  free(segment_name);
  return code;
}
