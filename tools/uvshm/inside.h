/* SPDX-License-Identifier: MIT */

/* What a segment, channel or cell has inside, for those who only look: attached
 * for reading, no peer, no lane, nothing written. */

#ifndef UVSHM_TOOL_INSIDE_H_
#define UVSHM_TOOL_INSIDE_H_

#include "out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uvshm.h>

enum inside_facts {
  INSIDE_NOTHING, /* its name and type are all */
  INSIDE_LOCK,
  INSIDE_CHANNEL,
  INSIDE_MAP,
  INSIDE_CELL
};

/* A named object in a segment. Of a channel or cell that is known by its name
 * alone there is one part, without a name. */
struct inside_part {
  const char* type; /* "map" */
  uint32_t open;    /* peers that have it open */
  int err;          /* why no more is known: 0 or a UV_E code */
  enum inside_facts known;
  union {
    uvshm_rwlock_info_t lock; /* a mutex has no readers */
    uvshm_channel_info_t channel;
    uvshm_map_info_t map;
    uvshm_cell_info_t cell;
  } is;
  char name[UVSHM_NAME_MAX + 1];
};

struct inside {
  char* problem; /* why nothing is known, a sentence; or NULL */
  bool damaged;
  bool has_heap;
  uvshm_segment_info_t info; /* of a segment */
  uvshm_heap_info_t heap;
  uvshm_peer_info_t* peers;
  size_t peer_count;
  struct inside_part* parts;
  size_t part_count;
};

/* Is there an inside that can be looked at? */
bool inside_has(const uvshm_name_info_t* object);

/* Look into `object`. `flags` as for uvshm_name_info(). `as` is who looks:
 * "uvshm top". 0, or the UV_E code behind inside->problem; inside_free() either
 * way. */
int inside_look(struct inside* inside,
                const uvshm_name_info_t* object,
                const char* name,
                uint32_t flags,
                const char* as);
void inside_free(struct inside* inside);

/* What happened to it so far: messages, changes, values; 0: nothing counts. */
uint64_t inside_count(const struct inside_part* part);

/* "held by pid 812 (spooler), 1 waiting", new memory; the same without numbers
 * that a table has columns for; and how it looks. */
char* inside_text(const struct inside_part* part);
char* inside_brief(const struct inside_part* part);
enum out_style inside_style(const struct inside_part* part);

/* Members of `object` that say all that, as `uvshm info --json` prints them. */
void inside_json(const struct inside* inside, json_t* object);

#endif /* UVSHM_TOOL_INSIDE_H_ */
