/* SPDX-License-Identifier: MIT */

/* What the commands on maps have in common: opening SEGMENT/MAP, keys and
 * values as they stand on a command line, on a terminal and in JSON. */

#ifndef UVSHM_TOOL_MAPS_H_
#define UVSHM_TOOL_MAPS_H_

#include "args.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uvshm.h>

struct map_place {
  uvshm_segment_t* segment;
  uvshm_map_t* map;
};

struct bytes {
  void* at; /* for free(), or NULL */
  size_t size;
};

/* Open the map that the first operand names, which must be there. `flags`: 0 or
 * UVSHM_READONLY. 0, or an exit code after saying why. */
int map_open(const struct args* args, uint32_t flags, struct map_place* place);
void map_close(struct map_place* place);

/* The parts of SEGMENT/MAP: memory for free(), and a place in it. 0, or
 * EXIT_USAGE. */
int map_split(const struct args* args, char** segment, const char** map);

/* A key, or a value, as a word of the command line; with --base64 decoded. */
int map_word(const struct args* args, const char* word, struct bytes* bytes);

/* All of stdin. */
int map_stdin(struct bytes* bytes);

/* A value to stdout: as it is, on a terminal escaped, with --integer as a
 * number. */
int map_print_value(const struct args* args, const void* bytes, size_t size);

/* Say that a call on `key` failed; its exit code. */
int map_report(int err, const struct bytes* key);

/* A key on a line of its own. */
void map_print_key(const struct args* args, const void* bytes, size_t size);

/* object.name, or object.name_base64 when the bytes are not UTF-8; and back. */
void map_json_set(json_t* object,
                  const char* name,
                  const void* bytes,
                  size_t size);
bool map_json_get(const json_t* object, const char* name, struct bytes* bytes);

/* A line of JSON to stdout; gives `object` back. */
void map_json_line(json_t* object);

/* The next entry, into buffers that grow: 0, or a UV_E code. */
struct entry {
  uvshm_map_cursor_t cursor;
  char* key;
  size_t key_size;
  char* value; /* NULL: keys only */
  size_t value_size;
  size_t room;
};

void map_entry_init(struct entry* entry, bool values);
int map_entry_next(uvshm_map_t* map, struct entry* entry);
void map_entry_free(struct entry* entry);

#endif /* UVSHM_TOOL_MAPS_H_ */
