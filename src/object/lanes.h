/* SPDX-License-Identifier: MIT */

/* The lane of the calling thread in an attached object: found in a few loads
 * when the thread has used it before, claimed when it has not, given back when
 * the thread ends or the object is closed.
 */

#ifndef UVSHM_OBJECT_LANES_H_
#define UVSHM_OBJECT_LANES_H_

#include "base/thread_local.h"
#include "core/lane.h"
#include "object/attach.h"

#include <stdint.h>

/* What a thread used lately, by serial number of the attach. A serial is never
 * used twice, so an entry of an object that was closed matches nothing. */
#define UVSHM__RECENT_LANES 8u

struct uvshm__recent_lane {
  uint64_t serial;
  struct uvshm__lane* lane;
};

extern UVSHM__THREAD_LOCAL struct uvshm__recent_lane
    uvshm__recent_lanes[UVSHM__RECENT_LANES];

int uvshm__lane_find_slow(struct uvshm__attach* attach,
                          int claim,
                          struct uvshm__lane** lane);

/* The thread's lane in the attach of this serial if it used it lately, else
 * NULL. In a forked child the parent's lanes are found: ask is_ours() first. */
static inline struct uvshm__lane* uvshm__lane_recent(uint64_t serial) {
  const struct uvshm__recent_lane* recent =
      &uvshm__recent_lanes[serial % UVSHM__RECENT_LANES];

  return recent->serial == serial ? recent->lane : NULL;
}


/* The thread's lane in `attach`, claimed if it has none yet. UV_EMFILE: all
 * lanes of the object are taken. */
static inline int uvshm__lane_get(struct uvshm__attach* attach,
                                  struct uvshm__lane** lane) {
  *lane = uvshm__lane_recent(attach->serial);
  return *lane != NULL ? 0 : uvshm__lane_find_slow(attach, 1, lane);
}


/* The same without claiming: UV_ENOENT when the thread has none. */
static inline int uvshm__lane_have(struct uvshm__attach* attach,
                                   struct uvshm__lane** lane) {
  *lane = uvshm__lane_recent(attach->serial);
  return *lane != NULL ? 0 : uvshm__lane_find_slow(attach, 0, lane);
}


/* The object is being closed: give back the lanes of all threads. */
void uvshm__lanes_close(struct uvshm__attach* attach);

#endif /* UVSHM_OBJECT_LANES_H_ */
