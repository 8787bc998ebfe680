/* SPDX-License-Identifier: MIT */

/* uvshm map put, get, del, add, take, keys, wait, sweep. */

#include "commands.h"
#include "maps.h"
#include "names.h"
#include "report.h"
#include "stop.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* ---- get, take ----------------------------------------------------------- */

static json_t* value_json(const struct bytes* key,
                          const struct bytes* value,
                          uint64_t version) {
  json_t* document = json_document();
  map_json_set(document, "key", key->at, key->size);
  map_json_set(document, "value", value->at, value->size);
  if (version != 0)
    json_object_set_new(
        document, "version", json_integer((json_int_t) version));
  return document;
}


static int show_value(const struct args* args,
                      const struct bytes* key,
                      const struct bytes* value,
                      uint64_t version) {
  if (!args->given[OPT_JSON])
    return map_print_value(args, value->at, value->size);
  json_print(value_json(key, value, version));
  return EXIT_OK;
}


int cmd_map_get(const struct args* args) {
  struct map_place place;
  struct bytes key;
  struct bytes value;
  uint64_t version = 0;
  int code = map_word(args, args->operands[1], &key);
  if (code != 0) return code;
  code = map_open(args, UVSHM_READONLY, &place);
  if (code == 0) {
    int err = uvshm_map_get_copy(
        place.map, key.at, key.size, &value.at, &value.size, &version);
    code = err < 0 ? map_report(err, &key)
                   : show_value(args, &key, &value, version);
    if (err >= 0) uvshm_map_free(value.at);
    map_close(&place);
  }
  free(key.at);
  return code;
}


static int take(uvshm_map_t* map,
                const struct bytes* key,
                struct bytes* value) {
  size_t room = 256;
  value->at = NULL;
  for (;;) {
    value->at = text_resize(value->at, room);
    value->size = room;
    int err = uvshm_map_take(map, key->at, key->size, value->at, &value->size);
    if (err != UV_ENOBUFS) return err;
    room = value->size;
  }
}


int cmd_map_take(const struct args* args) {
  struct map_place place;
  struct bytes key;
  struct bytes value;
  int code = map_word(args, args->operands[1], &key);
  if (code != 0) return code;
  code = map_open(args, 0, &place);
  if (code == 0) {
    int err = take(place.map, &key, &value);
    code = err < 0 ? map_report(err, &key) : show_value(args, &key, &value, 0);
    free(value.at);
    map_close(&place);
  }
  free(key.at);
  return code;
}

/* ---- put, add, del ------------------------------------------------------- */

/* The value to put: a word, or stdin. */
static int value_of(const struct args* args, struct bytes* value) {
  const char* word = args->count > 2 ? args->operands[2] : "-";
  bool is_stdin = strcmp(word, "-") == 0;
  if (!args->given[OPT_INTEGER])
    return is_stdin ? map_stdin(value) : map_word(args, word, value);

  char* end = NULL;
  int64_t number = is_stdin ? 0 : strtoll(word, &end, 0);
  if (is_stdin || *word == '\0' || *end != '\0')
    return report_usage(args->command, "--integer needs a number as VALUE");
  value->at = text_alloc(sizeof number);
  value->size = sizeof number;
  memcpy(value->at, &number, sizeof number);
  return 0;
}


static int put(const struct args* args,
               uvshm_map_t* map,
               const struct bytes* key,
               const struct bytes* value) {
  uint64_t version = args->number[OPT_IF_VERSION];
  int err;
  if (args->given[OPT_IF_VERSION])
    err = uvshm_map_replace_if(
        map, key->at, key->size, value->at, value->size, &version);
  else if (args->given[OPT_NEW])
    err = uvshm_map_put_if_absent(
        map, key->at, key->size, value->at, value->size);
  else
    err = uvshm_map_put(map, key->at, key->size, value->at, value->size);
  if (err >= 0 && args->given[OPT_TTL])
    err = uvshm_map_expire(map, key->at, key->size, args->number[OPT_TTL]);
  return err;
}


int cmd_map_put(const struct args* args) {
  struct map_place place;
  struct bytes key;
  struct bytes value;
  if (args->given[OPT_IF_VERSION] && args->given[OPT_NEW])
    return report_usage(args->command, "--new and --if-version contradict");
  int code = map_word(args, args->operands[1], &key);
  if (code != 0) return code;
  code = value_of(args, &value);
  if (code == 0) {
    code = map_open(args, 0, &place);
    if (code == 0) {
      int err = put(args, place.map, &key, &value);
      if (err < 0) code = map_report(err, &key);
      map_close(&place);
    }
    free(value.at);
  }
  free(key.at);
  return code;
}


static int delta_of(const struct args* args, int64_t* delta) {
  char* end;
  *delta = 1;
  if (args->count < 3) return 0;
  *delta = strtoll(args->operands[2], &end, 0);
  if (args->operands[2][0] != '\0' && *end == '\0') return 0;
  char* escaped = text_escape(args->operands[2]);
  int code = report_usage(args->command, "\"%s\" is not a number", escaped);
  free(escaped);
  return code;
}


int cmd_map_add(const struct args* args) {
  struct map_place place;
  struct bytes key;
  int64_t delta;
  int64_t sum = 0;
  int code = delta_of(args, &delta);
  if (code == 0) code = map_word(args, args->operands[1], &key);
  if (code != 0) return code;
  code = map_open(args, 0, &place);
  if (code == 0) {
    int err = uvshm_map_add(place.map, key.at, key.size, delta, &sum);
    if (err < 0)
      code = report(err);
    else
      print("%" PRId64 "\n", sum);
    map_close(&place);
  }
  free(key.at);
  return code;
}


/* All of them, even when one is not there. */
int cmd_map_del(const struct args* args) {
  struct map_place place;
  int code = map_open(args, 0, &place);
  if (code != 0) return code;
  for (int i = 1; i < args->count; i++) {
    struct bytes key;
    int result = map_word(args, args->operands[i], &key);
    if (result == 0) {
      int err = uvshm_map_remove(place.map, key.at, key.size);
      if (err < 0) result = map_report(err, &key);
      free(key.at);
    }
    if (code == 0) code = result;
  }
  map_close(&place);
  return code;
}

/* ---- keys, sweep --------------------------------------------------------- */

static bool wanted(const struct args* args, const struct entry* entry) {
  if (args->count < 2) return true;
  char* key = text_alloc(entry->key_size + 1);
  memcpy(key, entry->key, entry->key_size);
  key[entry->key_size] = '\0';
  bool matches = text_match(args->operands[1], key);
  free(key);
  return matches;
}


static void show_key(const struct args* args, const struct entry* entry) {
  if (!args->given[OPT_JSON]) {
    map_print_key(args, entry->key, entry->key_size);
    return;
  }
  json_t* line = json_object();
  map_json_set(line, "key", entry->key, entry->key_size);
  json_object_set_new(
      line, "size", json_integer((json_int_t) entry->value_size));
  map_json_line(line);
}


int cmd_map_keys(const struct args* args) {
  struct map_place place;
  struct entry entry;
  int code = map_open(args, UVSHM_READONLY, &place);
  int err = 0;
  if (code != 0) return code;
  map_entry_init(&entry, false);
  while (out_is_good() && (err = map_entry_next(place.map, &entry)) == 0)
    if (wanted(args, &entry)) show_key(args, &entry);
  if (err < 0 && err != UV_ENOENT) code = report(err);
  map_entry_free(&entry);
  map_close(&place);
  return code;
}


int cmd_map_sweep(const struct args* args) {
  struct map_place place;
  uint64_t removed = 0;
  int code = map_open(args, 0, &place);
  if (code != 0) return code;
  int err = uvshm_map_sweep(place.map, &removed);
  if (err < 0)
    code = report(err);
  else
    mention("%" PRIu64 " entries were over", removed);
  map_close(&place);
  return code;
}

/* ---- wait ---------------------------------------------------------------- */

static uint64_t patience(const struct args* args) {
  return args->given[OPT_WAIT] ? args->number[OPT_WAIT] : UVSHM_FOREVER;
}


/* Since the version that was given, or that it has now. */
static int wait_for_key(const struct args* args,
                        uvshm_map_t* map,
                        const struct bytes* key) {
  struct bytes value;
  uint64_t version = args->number[OPT_SINCE];
  size_t size = 0;
  int err = 0;
  if (!args->given[OPT_SINCE])
    err = uvshm_map_get(map, key->at, key->size, NULL, &size, &version);
  if (err == UV_ENOENT) {
    version = 0;
    err = 0;
  }
  if (err >= 0)
    err = uvshm_map_wait_change(
        map, key->at, key->size, &version, patience(args));
  if (err >= 0)
    err = uvshm_map_get_copy(
        map, key->at, key->size, &value.at, &value.size, &version);
  if (stop_came()) return EXIT_FAILED; /* stop_end() knows better */
  if (err < 0) return map_report(err, key);
  int code = show_value(args, key, &value, version);
  uvshm_map_free(value.at);
  return code;
}


static int wait_for_any(const struct args* args, uvshm_map_t* map) {
  uvshm_map_info_t info;
  uint64_t changes = args->number[OPT_SINCE];
  int err = 0;
  if (!args->given[OPT_SINCE]) {
    err = uvshm_map_info(map, &info);
    changes = info.changes;
  }
  if (err >= 0)
    err = uvshm_map_wait_change(map, NULL, 0, &changes, patience(args));
  if (stop_came()) return EXIT_FAILED;
  if (err < 0) return report(err);
  print("%" PRIu64 "\n", changes);
  return EXIT_OK;
}


static void cancel(void* map) {
  uvshm_map_cancel(map);
}


int cmd_map_wait(const struct args* args) {
  struct map_place place;
  struct bytes key = {NULL, 0};
  int code = 0;
  if (args->count > 1) code = map_word(args, args->operands[1], &key);
  if (code != 0) return code;
  stop_begin();
  code = map_open(args, 0, &place);
  if (code == 0) {
    stop_cancels(cancel, place.map);
    code = args->count > 1 ? wait_for_key(args, place.map, &key)
                           : wait_for_any(args, place.map);
    code = stop_end(code);
    map_close(&place);
  } else {
    code = stop_end(code);
  }
  free(key.at);
  return code;
}
