/* SPDX-License-Identifier: MIT */

/* What there is to tell of the peers of a watched segment. */

#ifndef UVSHM_OBJECT_SEGMENT_WATCH_H_
#define UVSHM_OBJECT_SEGMENT_WATCH_H_

#include "object/watchable.h"
#include "uvshm/segment.h"

/* What a peer did: the numbers of uvshm/watch.h, which this layer does not
 * include. */
enum {
  UVSHM__PEER_ATTACHED = 1,
  UVSHM__PEER_LEFT = 2,
  UVSHM__PEER_DIED = 3
};

/* The next one, in *info; 0: that was all, and not before that the watchable is
 * not ready. */
int uvshm__segment_watch_next(struct uvshm__watchable* watchable,
                              uvshm_peer_info_t* info);

#endif /* UVSHM_OBJECT_SEGMENT_WATCH_H_ */
