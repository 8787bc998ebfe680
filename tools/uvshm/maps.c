/* SPDX-License-Identifier: MIT */

/* Keys and values are bytes. They go through the command line and JSON as text
 * where they are text, and as base64 where they are not; through pipes as they
 * are. */

#include "maps.h"
#include "base64.h"
#include "names.h"
#include "out.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define CHUNK 65536u
#define FIRST_ROOM 4096u

/* ---- opening ------------------------------------------------------------- */

int map_split(const struct args* args, char** segment, const char** map) {
  char* name = text_copy(args->operands[0]);
  char* slash = strrchr(name, '/');
  if (slash == NULL || slash == name || slash[1] == '\0') {
    char* escaped = text_escape(name);
    int code = report_usage(
        args->command, "a map is named SEGMENT/MAP, not \"%s\"", escaped);
    free(escaped);
    free(name);
    return code;
  }
  *slash = '\0';
  *segment = name;
  *map = slash + 1;
  return 0;
}


int map_open(const struct args* args, uint32_t flags, struct map_place* place) {
  char* segment = NULL;
  const char* name = NULL;
  uvshm_segment_options_t options = {.flags = names_flags(args) | flags,
                                     .label = "uvshm map"};
  uvshm_map_options_t existing = {.flags = UVSHM_EXISTING};
  int code = names_check_flags(args);
  if (code == 0) code = map_split(args, &segment, &name);
  if (code != 0) return code;

  int err = uvshm_segment_open(&place->segment, names_at(segment), &options);
  if (err >= 0) {
    err = uvshm_map_open(&place->map, place->segment, name, &existing);
    if (err < 0) {
      code = report(err);
      uvshm_segment_close(place->segment);
    }
  } else {
    code = report(err);
  }
  free(segment);
  return code;
}


void map_close(struct map_place* place) {
  uvshm_map_close(place->map);
  uvshm_segment_close(place->segment);
}

/* ---- in ------------------------------------------------------------------ */

static struct bytes copy_of(const void* at, size_t size) {
  struct bytes bytes = {text_alloc(size + 1), size};
  memcpy(bytes.at, at, size);
  return bytes;
}


int map_word(const struct args* args, const char* word, struct bytes* bytes) {
  if (!args->given[OPT_BASE64]) {
    *bytes = copy_of(word, strlen(word));
    return 0;
  }
  if (base64_decode(word, &bytes->at, &bytes->size)) return 0;
  char* escaped = text_escape(word);
  int code = report_usage(args->command, "\"%s\" is not base64", escaped);
  free(escaped);
  return code;
}


int map_stdin(struct bytes* bytes) {
  size_t room = 0;
  bytes->at = NULL;
  bytes->size = 0;
  for (;;) {
    uv_fs_t req;
    if (room - bytes->size < CHUNK) {
      room = room * 2 + CHUNK;
      bytes->at = text_resize(bytes->at, room);
    }
    uv_buf_t buf = uv_buf_init((char*) bytes->at + bytes->size, CHUNK);
    int count = uv_fs_read(NULL, &req, 0, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&req);
    if (count == UV_EAGAIN) {
      uv_sleep(1);
    } else if (count == 0 || count == UV_EOF) {
      return 0;
    } else if (count < 0) {
      free(bytes->at);
      return report_as(
          EXIT_FAILED, "cannot read stdin: %s", uv_strerror(count));
    } else {
      bytes->size += (size_t) count;
    }
  }
}

/* ---- out ----------------------------------------------------------------- */

static bool is_text(const void* bytes, size_t size) {
  const char* at = bytes;
  uint32_t point;
  while (size > 0) {
    size_t count = text_character(at, size, &point);
    if (count == 0 || point < 0x20) return false;
    at += count;
    size -= count;
  }
  return true;
}


static void print_number(const void* bytes) {
  int64_t number;
  memcpy(&number, bytes, sizeof number);
  print("%" PRId64 "\n", number);
}


static void print_escaped(const void* bytes, size_t size) {
  char* text = text_escape_bytes(bytes, size);
  print("%s\n", text);
  free(text);
}


static void print_base64(const void* bytes, size_t size) {
  char* text = base64_encode(bytes, size);
  print("%s\n", text);
  free(text);
}


int map_print_value(const struct args* args, const void* bytes, size_t size) {
  if (args->given[OPT_INTEGER]) {
    if (size != sizeof(int64_t))
      return report_as(
          EXIT_FAILED, "the value has %zu bytes, a number has 8", size);
    print_number(bytes);
  } else if (args->given[OPT_BASE64]) {
    print_base64(bytes, size);
  } else if (!out_is_terminal()) {
    out_bytes(bytes, size);
  } else if (size == sizeof(int64_t) && !is_text(bytes, size)) {
    print_number(bytes);
  } else {
    print_escaped(bytes, size);
  }
  return EXIT_OK;
}


void map_print_key(const struct args* args, const void* bytes, size_t size) {
  if (args->given[OPT_BASE64]) {
    print_base64(bytes, size);
  } else if (args->given[OPT_NULL]) {
    out_bytes(bytes, size);
    out_bytes("", 1);
  } else if (out_is_terminal()) {
    print_escaped(bytes, size);
  } else {
    out_bytes(bytes, size);
    out_bytes("\n", 1);
  }
}

int map_report(int err, const struct bytes* key) {
  if (err != UV_ENOENT) return report(err);
  char* name = text_escape_bytes(key->at, key->size);
  int code = report_as(EXIT_NOT_FOUND, "there is no key \"%s\"", name);
  free(name);
  return code;
}

/* ---- JSON ---------------------------------------------------------------- */

void map_json_set(json_t* object,
                  const char* name,
                  const void* bytes,
                  size_t size) {
  /* Refuses what is not UTF-8. */
  json_t* text = json_stringn(bytes != NULL ? bytes : "", size);
  if (text != NULL) {
    json_object_set_new(object, name, text);
    return;
  }
  char* long_name = text_format("%s_base64", name);
  char* letters = base64_encode(bytes, size);
  json_object_set_new(object, long_name, json_string(letters));
  free(letters);
  free(long_name);
}


bool map_json_get(const json_t* object, const char* name, struct bytes* bytes) {
  const json_t* text = json_object_get(object, name);
  if (json_is_string(text)) {
    *bytes = copy_of(json_string_value(text), json_string_length(text));
    return true;
  }
  char* long_name = text_format("%s_base64", name);
  text = json_object_get(object, long_name);
  free(long_name);
  return json_is_string(text) &&
         base64_decode(json_string_value(text), &bytes->at, &bytes->size);
}


void map_json_line(json_t* object) {
  char* text = json_dumps(object, JSON_COMPACT);
  if (text != NULL) print("%s\n", text);
  free(text);
  json_decref(object);
}

/* ---- entries ------------------------------------------------------------- */

void map_entry_init(struct entry* entry, bool values) {
  memset(entry, 0, sizeof *entry);
  entry->key = text_alloc(UVSHM_MAP_KEY_MAX);
  if (!values) return;
  entry->room = FIRST_ROOM;
  entry->value = text_alloc(entry->room);
}


int map_entry_next(uvshm_map_t* map, struct entry* entry) {
  for (;;) {
    entry->key_size = UVSHM_MAP_KEY_MAX;
    entry->value_size = entry->room;
    int err = uvshm_map_next(map,
                             &entry->cursor,
                             entry->key,
                             &entry->key_size,
                             entry->value,
                             &entry->value_size);
    if (err != UV_ENOBUFS || entry->value_size <= entry->room) return err;
    entry->room = entry->value_size;
    entry->value = text_resize(entry->value, entry->room);
  }
}


void map_entry_free(struct entry* entry) {
  free(entry->key);
  free(entry->value);
}
