/* SPDX-License-Identifier: MIT */

/* Watching one end of a channel: see object/channel_watch.c. */

#include "loop/hub.h"

#include <string.h>


static int start(uvshm_watch_t* watch,
                 struct uvshm_channel_s* channel,
                 int writable,
                 uvshm_watch_cb cb) {
  struct uvshm__watchable watchable;
  int err = uvshm__watch_begin(watch, cb != NULL);

  if (err < 0) return err;
  memset(&watchable, 0, sizeof(watchable));
  err = uvshm__channel_watchable(channel, writable, &watchable);
  watch->watcher->cb = cb;
  return uvshm__watch_start(watch, &watchable, err, NULL);
}


int uvshm_watch_start_readable(uvshm_watch_t* watch,
                               struct uvshm_channel_s* channel,
                               uvshm_watch_cb cb) {
  return start(watch, channel, 0, cb);
}


int uvshm_watch_start_writable(uvshm_watch_t* watch,
                               struct uvshm_channel_s* channel,
                               uvshm_watch_cb cb) {
  return start(watch, channel, 1, cb);
}
