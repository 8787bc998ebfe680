/* SPDX-License-Identifier: MIT */

/* uvshm php get, put, keys, del: what PHP's shm_put_var() keeps. */

#include "commands.h"
#include "maps.h"
#include "names.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* In the order of uvshm_php_type_t. */
static const char* const type_names[] = {
    "null", "bool", "int", "float", "string", "serialized"};

#define TYPES (sizeof type_names / sizeof type_names[0])


/* A number is a key of System V; all else is a name of the system's. */
static char* system_name(const char* segment) {
  uint64_t key;
  if (text_parse_number(segment, UINT32_MAX, &key))
    return text_format("sysv:key=0x%" PRIx64, key);
  return text_copy(segment);
}


static int open_segment(const struct args* args,
                        uint32_t flags,
                        uvshm_region_t** region) {
  char* name = system_name(args->operands[0]);
  uvshm_region_options_t options = {.flags = UVSHM_REGION_FOREIGN | flags,
                                    .label = "uvshm php"};
  int err = uvshm_region_open(region, name, &options);
  free(name);
  return err < 0 ? report(err) : 0;
}


static int parse_integer(const struct args* args,
                         const char* what,
                         const char* word,
                         int64_t* number) {
  char* end;
  errno = 0;
  *number = strtoll(word, &end, 0);
  if (*word != '\0' && *end == '\0' && errno == 0) return 0;
  char* escaped = text_escape(word);
  int code =
      report_usage(args->command, "%s \"%s\" is no number", what, escaped);
  free(escaped);
  return code;
}


static int key_of(const struct args* args, int operand, int64_t* key) {
  return parse_integer(args, "KEY", args->operands[operand], key);
}

/* ---- get ----------------------------------------------------------------- */

/* The value and its bytes, for free(). It may grow while we ask. */
static int fetch(const uvshm_region_t* region,
                 int64_t key,
                 uvshm_php_value_t* value,
                 char** bytes) {
  size_t room = 0;
  *bytes = NULL;
  for (int tries = 0; tries < 100; tries++) {
    int err = uvshm_php_get(region, key, value, *bytes, room);
    if (err != UV_ENOBUFS) return err;
    room = (size_t) value->size;
    *bytes = text_resize(*bytes, room);
  }
  return UV_ENOBUFS;
}


static char* number_text(const uvshm_php_value_t* value) {
  switch (value->type) {
    case UVSHM_PHP_BOOL:
      return text_copy(value->integer ? "true" : "false");
    case UVSHM_PHP_INT:
      return text_format("%" PRId64, value->integer);
    case UVSHM_PHP_FLOAT:
      return text_format("%.17g", value->number);
    default:
      return text_copy("null");
  }
}


static void value_json(json_t* document,
                       const uvshm_php_value_t* value,
                       const char* bytes) {
  switch (value->type) {
    case UVSHM_PHP_NULL:
      json_object_set_new(document, "value", json_null());
      break;
    case UVSHM_PHP_BOOL:
      json_object_set_new(document, "value", json_boolean(value->integer != 0));
      break;
    case UVSHM_PHP_INT:
      json_object_set_new(
          document, "value", json_integer((json_int_t) value->integer));
      break;
    case UVSHM_PHP_FLOAT: {
      /* JSON has no word for what is no number. */
      json_t* number = json_real(value->number);
      char* text = number_text(value);
      json_object_set_new(
          document, "value", number != NULL ? number : json_string(text));
      free(text);
      break;
    }
    default:
      map_json_set(document, "value", bytes, (size_t) value->size);
  }
}


static void print_value(const struct args* args,
                        int64_t key,
                        const uvshm_php_value_t* value,
                        const char* bytes) {
  if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_object_set_new(document, "key", json_integer((json_int_t) key));
    json_object_set_new(document, "type", json_string(type_names[value->type]));
    value_json(document, value, bytes);
    json_print(document);
  } else if (value->type < UVSHM_PHP_STRING) {
    char* text = number_text(value);
    print("%s\n", text);
    free(text);
  } else if (out_is_terminal()) {
    char* text = text_escape_bytes(bytes, (size_t) value->size);
    print("%s\n", text);
    free(text);
  } else {
    out_bytes(bytes, (size_t) value->size);
  }
}


int cmd_php_get(const struct args* args) {
  uvshm_region_t* region;
  uvshm_php_value_t value;
  char* bytes;
  int64_t key;
  int code = key_of(args, 1, &key);
  if (code == 0) code = open_segment(args, UVSHM_READONLY, &region);
  if (code != 0) return code;
  int err = fetch(region, key, &value, &bytes);
  if (err < 0)
    code = report(err);
  else
    print_value(args, key, &value, bytes);
  free(bytes);
  uvshm_region_close(region);
  return code;
}

/* ---- put ----------------------------------------------------------------- */

static int type_of(const struct args* args, uvshm_php_type_t* type) {
  const char* word = args->text[OPT_TYPE];
  *type = UVSHM_PHP_STRING;
  if (word == NULL) return 0;
  for (size_t i = 0; i < TYPES; i++) {
    if (strcmp(word, type_names[i]) == 0) {
      *type = (uvshm_php_type_t) i;
      return 0;
    }
  }
  char* escaped = text_escape(word);
  int code = report_usage(args->command, "there is no type \"%s\"", escaped);
  free(escaped);
  return code;
}


static int parse_float(const struct args* args,
                       const char* word,
                       double* number) {
  char* end;
  *number = strtod(word, &end);
  if (*word != '\0' && *end == '\0') return 0;
  char* escaped = text_escape(word);
  int code = report_usage(args->command, "VALUE \"%s\" is no number", escaped);
  free(escaped);
  return code;
}


static int parse_bool(const struct args* args, const char* word, int64_t* is) {
  *is = strcmp(word, "true") == 0 || strcmp(word, "1") == 0;
  if (*is || strcmp(word, "false") == 0 || strcmp(word, "0") == 0) return 0;
  return report_usage(args->command, "a bool is true or false");
}


/* What is not bytes must stand on the command line. */
static int value_of(const struct args* args,
                    uvshm_php_value_t* value,
                    struct bytes* bytes) {
  const char* word = args->count > 2 ? args->operands[2] : NULL;
  int code = type_of(args, &value->type);
  if (code != 0) return code;
  if (value->type == UVSHM_PHP_NULL) {
    if (word == NULL) return 0;
    return report_usage(args->command, "null has no VALUE");
  }
  if (value->type >= UVSHM_PHP_STRING) {
    bool is_stdin = word == NULL || strcmp(word, "-") == 0;
    code = is_stdin ? map_stdin(bytes) : 0;
    if (!is_stdin) {
      bytes->at = text_copy(word);
      bytes->size = strlen(word);
    }
    value->size = bytes->size;
    return code;
  }
  if (word == NULL) return report_usage(args->command, "VALUE is missing");
  if (value->type == UVSHM_PHP_BOOL)
    return parse_bool(args, word, &value->integer);
  if (value->type == UVSHM_PHP_FLOAT)
    return parse_float(args, word, &value->number);
  return parse_integer(args, "VALUE", word, &value->integer);
}


int cmd_php_put(const struct args* args) {
  uvshm_region_t* region;
  uvshm_php_value_t value = {.type = UVSHM_PHP_NULL};
  struct bytes bytes = {NULL, 0};
  int64_t key;
  int code = key_of(args, 1, &key);
  if (code == 0) code = value_of(args, &value, &bytes);
  if (code == 0) code = open_segment(args, 0, &region);
  if (code == 0) {
    int err = uvshm_php_put(region, key, &value, bytes.at);
    if (err < 0) code = report(err);
    uvshm_region_close(region);
  }
  free(bytes.at);
  return code;
}

/* ---- keys, del ----------------------------------------------------------- */

static void print_key(const struct args* args,
                      int64_t key,
                      const uvshm_php_value_t* value) {
  if (!args->given[OPT_JSON]) {
    print("%" PRId64 "\n", key);
    return;
  }
  json_t* line = json_object();
  json_object_set_new(line, "key", json_integer((json_int_t) key));
  json_object_set_new(line, "type", json_string(type_names[value->type]));
  if (value->type >= UVSHM_PHP_STRING)
    json_object_set_new(line, "size", json_integer((json_int_t) value->size));
  map_json_line(line);
}


int cmd_php_keys(const struct args* args) {
  uvshm_region_t* region;
  uvshm_php_value_t value;
  uint64_t cursor = 0;
  int64_t key;
  int code = open_segment(args, UVSHM_READONLY, &region);
  int err = 0;
  if (code != 0) return code;
  while (out_is_good() &&
         (err = uvshm_php_next(region, &cursor, &key, &value)) == 0)
    print_key(args, key, &value);
  if (err < 0 && err != UV_ENOENT) code = report(err);
  uvshm_region_close(region);
  return code;
}


/* All of them, even when one is not there. */
int cmd_php_del(const struct args* args) {
  uvshm_region_t* region;
  int64_t key;
  int code = open_segment(args, 0, &region);
  if (code != 0) return code;
  for (int i = 1; i < args->count; i++) {
    int result = key_of(args, i, &key);
    if (result == 0) {
      int err = uvshm_php_remove(region, key);
      if (err < 0) result = report(err);
    }
    if (code == 0) code = result;
  }
  uvshm_region_close(region);
  return code;
}
