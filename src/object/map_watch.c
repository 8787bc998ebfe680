/* SPDX-License-Identifier: MIT */

/* What a loop needs to know of a map: see watchable.h. */

#include "object/watchable.h"

#include "base/error.h"
#include "object/map.h"

#include <stdlib.h>
#include <string.h>


/* 1: it is not what was seen, and what it is now in *version. Of a key whose
 * writers are faster than we are, nothing can be said but that. */
static int look(struct uvshm__watchable* watchable, uint64_t* version) {
  const uvshm_map_t* map = watchable->object;
  struct uvshm__map_value value;
  struct uvshm__map_key key;
  int err;

  if (!uvshm__map_is_there(&map->core)) return UV_ENXIO;
  if (watchable->memory == NULL) {
    *version = uvshm__map_changes(&map->core);
  } else {
    memset(&value, 0, sizeof(value));
    uvshm__map_hash(&map->core, watchable->memory, watchable->size, &key);
    err = uvshm__map_get(&map->core, &key, 0, &value);
    if (err == UV_EAGAIN) {
      *version = watchable->seen;
      return 1;
    }
    if (err < 0 && err != UV_ENOENT) return err;
    *version = err == 0 ? value.version : 0;
  }
  return *version != watchable->seen;
}


static int ready(struct uvshm__watchable* watchable) {
  uint64_t version;

  return look(watchable, &version);
}


static int take(struct uvshm__watchable* watchable) {
  uint64_t version;
  int err = look(watchable, &version);

  if (err < 0) return err;
  if (version == watchable->seen) return UV_EAGAIN;
  watchable->seen = version;
  return 0;
}


static void end(struct uvshm__watchable* watchable) {
  free(watchable->memory);
}


static int copy_key(struct uvshm__watchable* watchable,
                    const void* key,
                    size_t key_size) {
  watchable->memory = malloc(key_size);
  if (watchable->memory == NULL)
    return uvshm__fail(UV_ENOMEM, "no private memory");
  memcpy(watchable->memory, key, key_size);
  watchable->size = (uint32_t) key_size;
  return 0;
}


int uvshm__map_watchable(struct uvshm_map_s* map,
                         const void* key,
                         size_t key_size,
                         struct uvshm__watchable* watchable) {
  static const struct uvshm__watch_ops ops = {ready, take, end};
  struct uvshm__map_call call;
  uint64_t version = 0;
  int err;

  err = uvshm__map_begin(&call,
                         map,
                         "watch",
                         key != NULL ? key : &uvshm__map_all,
                         key != NULL ? key_size : UVSHM__MAP_NO_KEY);
  if (err < 0) return err;
  if (key != NULL) err = copy_key(watchable, key, key_size);
  if (err < 0) return err;
  watchable->ops = &ops;
  watchable->attach = map->named.attach;
  watchable->signal = &map->core.hdr->news;
  watchable->object = map;
  if (map->named.attach->readonly) return 0; /* which the loop refuses */
  uvshm__map_watch(&map->core, key != NULL ? &call.key : NULL);
  err = look(watchable, &version);
  if (err < 0) return uvshm__map_end(&call, err);
  watchable->seen = version;
  return 0;
}
