/* SPDX-License-Identifier: MIT */

/* Watching a map. A file for each kind of object, so that a program carries
 * those alone that it watches. */

#include "loop/hub.h"

#include <string.h>


int uvshm_watch_start_map(uvshm_watch_t* watch,
                          struct uvshm_map_s* map,
                          const void* key,
                          size_t key_size,
                          uvshm_watch_cb cb) {
  struct uvshm__watchable watchable;
  int err = uvshm__watch_begin(watch, cb != NULL);

  if (err < 0) return err;
  memset(&watchable, 0, sizeof(watchable));
  err = uvshm__map_watchable(map, key, key_size, &watchable);
  watch->watcher->cb = cb;
  return uvshm__watch_start(watch, &watchable, err, NULL);
}
