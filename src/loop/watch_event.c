/* SPDX-License-Identifier: MIT */

/* Watching an event: see object/event_watch.c. */

#include "loop/hub.h"

#include <string.h>


int uvshm_watch_start_event(uvshm_watch_t* watch,
                            struct uvshm_event_s* event,
                            uvshm_watch_cb cb) {
  struct uvshm__watchable watchable;
  int err = uvshm__watch_begin(watch, cb != NULL);

  if (err < 0) return err;
  memset(&watchable, 0, sizeof(watchable));
  err = uvshm__event_watchable(event, &watchable);
  watch->watcher->cb = cb;
  return uvshm__watch_start(watch, &watchable, err, NULL);
}
