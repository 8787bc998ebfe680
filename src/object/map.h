/* SPDX-License-Identifier: MIT */

/* What the files of the public face of a map have in common. */

#ifndef UVSHM_OBJECT_MAP_H_
#define UVSHM_OBJECT_MAP_H_

#include "core/map.h"
#include "object/lanes.h"
#include "object/named.h"
#include "uvshm/map.h"

struct uvshm_map_s {
  struct uvshm__map core;
  struct uvshm__named named;
  uint32_t readonly; /* nothing is held open in the directory then */
};

/* One call: what it is about, for its sentence. */
struct uvshm__map_call {
  const uvshm_map_t* map;
  const char* verb; /* "put into" */
  unsigned int failures;
  struct uvshm__map_key key;
};

/* In place of a key's size: the call is about the whole map. */
#define UVSHM__MAP_NO_KEY SIZE_MAX
extern const char uvshm__map_all; /* goes with it, in place of the key */

/* Begin: may the map be used, and is that a key? */
int uvshm__map_begin(struct uvshm__map_call* call,
                     const uvshm_map_t* map,
                     const char* verb,
                     const void* key,
                     size_t key_size);

/* The same for one that changes something, with the thread's lane. */
int uvshm__map_begin_write(struct uvshm__map_call* call,
                           const uvshm_map_t* map,
                           const char* verb,
                           const void* key,
                           size_t key_size,
                           struct uvshm__lane** lane);

/* End: 0, or `err` with its sentence. */
int uvshm__map_end(const struct uvshm__map_call* call, int err);

#endif /* UVSHM_OBJECT_MAP_H_ */
