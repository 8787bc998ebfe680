/* SPDX-License-Identifier: MIT */

/* A lock without waiting: see object/mutex_watch.c. */

#include "loop/hub.h"

#include <string.h>


/* It is held, or will never be: either way there is nothing more to wait for.
 * The callback may start the watch again. */
static void deliver(struct uvshm__watcher* watcher) {
  uvshm_watch_t* watch = watcher->watch;
  uvshm_watch_cb cb = watcher->cb;
  int status = watcher->watchable.ops->take(&watcher->watchable);

  if (status == UV_EAGAIN) return;
  uvshm_watch_stop(watch);
  cb(watch, status);
}


int uvshm_watch_start_mutex(uvshm_watch_t* watch,
                            struct uvshm_mutex_s* mutex,
                            uvshm_watch_cb cb) {
  struct uvshm__watchable watchable;
  int err = uvshm__watch_begin(watch, cb != NULL);

  if (err < 0) return err;
  memset(&watchable, 0, sizeof(watchable));
  err = uvshm__mutex_watchable(mutex, &watchable);
  watch->watcher->cb = cb;
  return uvshm__watch_start(watch, &watchable, err, deliver);
}
