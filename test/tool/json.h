/* SPDX-License-Identifier: MIT */

/* What the tool printed as JSON. */

#ifndef UVSHM_TEST_TOOL_JSON_H_
#define UVSHM_TEST_TOOL_JSON_H_

#include "tool/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* The one document on its stdout, for json_decref(). */
static inline json_t* parsed(const struct tool* tool) {
  json_error_t error;
  json_t* document = json_loads(tool->out.bytes, 0, &error);
  if (document == NULL)
    fail_msg("not JSON (%s): %s", error.text, tool->out.bytes);
  assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
  return document;
}


/* "", or 0, when there is none. */
static inline const char* text_of(const json_t* object, const char* key) {
  const char* text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}


static inline int64_t number_of(const json_t* object, const char* key) {
  return json_integer_value(json_object_get(object, key));
}


/* The entry of `name` in the list of `uvshm ls --json`; NULL: none. */
static inline json_t* listed(const json_t* document, const char* name) {
  size_t i;
  json_t* entry;
  json_array_foreach(json_object_get(document, "objects"), i, entry) {
    if (strcmp(text_of(entry, "name"), name) == 0) return entry;
  }
  return NULL;
}

#endif /* UVSHM_TEST_TOOL_JSON_H_ */
