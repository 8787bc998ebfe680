/* SPDX-License-Identifier: MIT */

/* Watching the peers of a segment: see object/segment_watch.c. */

#include "loop/hub.h"
#include "object/segment_watch.h"

#include <string.h>

/* Callbacks in one turn; what is left comes in the next. */
#define BATCH 64

_Static_assert((int) UVSHM_WATCH_ATTACHED == (int) UVSHM__PEER_ATTACHED,
               "same");
_Static_assert((int) UVSHM_WATCH_LEFT == (int) UVSHM__PEER_LEFT, "same");
_Static_assert((int) UVSHM_WATCH_DIED == (int) UVSHM__PEER_DIED, "same");


/* A callback may stop the watch, start it for something else, or close it:
 * `watcher` outlives all of these, until the loop's closing callbacks. */
static void deliver(struct uvshm__watcher* watcher) {
  uint32_t started = watcher->started;
  uvshm_peer_info_t info;
  int status;
  int i;

  for (i = 0; i < BATCH; i++) {
    status = uvshm__segment_watch_next(&watcher->watchable, &info);
    if (status == 0) return;
    watcher->peer_cb(watcher->watch, status, &info);
    if (watcher->started != started) return;
  }
}


int uvshm_watch_start_peers(uvshm_watch_t* watch,
                            struct uvshm_segment_s* segment,
                            uvshm_watch_peer_cb cb) {
  struct uvshm__watchable watchable;
  int err = uvshm__watch_begin(watch, cb != NULL);

  if (err < 0) return err;
  memset(&watchable, 0, sizeof(watchable));
  err = uvshm__segment_watchable(segment, &watchable);
  watch->watcher->peer_cb = cb;
  return uvshm__watch_start(watch, &watchable, err, deliver);
}
