/* SPDX-License-Identifier: MIT */

/* What a loop needs to know of an object to watch it. Every kind that can be
 * watched has a function here that fills one of these in; the loop knows
 * nothing else of it.
 *
 * The order of things, on the loop's thread, each time before it may block:
 *
 *   arm the peer's bell  ->  ready()  ->  block, unless one of them was
 *
 * and who changes the object: change, fence, uvshm__signal_raise(). So either
 * ready() sees the change or the change sees the armed bell (core/signal.c).
 */

#ifndef UVSHM_OBJECT_WATCHABLE_H_
#define UVSHM_OBJECT_WATCHABLE_H_

#include "core/signal.h"
#include "object/attach.h"

#include <stddef.h>
#include <stdint.h>

struct uvshm__watchable;

struct uvshm__watch_ops {
  /* Is there something to call back for? 1: yes; 0: no; negative: there never
   * will be again (UV_ENXIO: it was removed), which is told and ends the watch.
   * 1 too when it cannot tell just now. Looks, takes nothing, waits for nobody,
   * needs no lane; may store what makes others raise the signal. */
  int (*ready)(struct uvshm__watchable* watchable);

  /* Just before the callback: take what it is told of, or note it as seen.
   * What it returns is the callback's status: 0, positive news, or negative,
   * which ends the watch. UV_EAGAIN: no callback, somebody else was faster.
   * NULL: nothing is to be taken; what ready() says stays true until the
   * program does something about it, and is told in each turn of the loop. */
  int (*take)(struct uvshm__watchable* watchable);

  /* The watch ends: free what it has in private memory. May be NULL. */
  void (*end)(struct uvshm__watchable* watchable);
};

struct uvshm__watchable {
  const struct uvshm__watch_ops* ops;
  struct uvshm__attach* attach;
  struct uvshm__signal* signal; /* in the object; raised after each change */
  void* object;                 /* the handle */
  void* memory;                 /* of the kind's own, for `end` to free */
  uint32_t look; /* 1: it is time to ask after who may have died (once a */
                 /* second); ready() may make system calls for it */
  uint32_t size; /* this too is the kind's own, and what follows */
  uint64_t seen;
};

/* Each: 0, or an error with its sentence (UV_ENOTCONN, UV_ENXIO; UV_EACCES: it
 * is open for reading, and who watches writes down that he does). On the loop's
 * thread; the handle outlives the watch. `watchable` is zeroed. */
struct uvshm_segment_s;
struct uvshm_map_s;
struct uvshm_mutex_s;
struct uvshm_channel_s;
struct uvshm_event_s;
struct uvshm_cell_s;

/* A peer attached, left or died: segment_watch.c. */
int uvshm__segment_watchable(struct uvshm_segment_s* segment,
                             struct uvshm__watchable* watchable);

/* `key` NULL: any change. map_watch.c. */
int uvshm__map_watchable(struct uvshm_map_s* map,
                         const void* key,
                         size_t key_size,
                         struct uvshm__watchable* watchable);

/* take() takes the lock, in the loop's thread: mutex_watch.c. */
int uvshm__mutex_watchable(struct uvshm_mutex_s* mutex,
                           struct uvshm__watchable* watchable);

/* ready(): recv, or with `writable` send, would not wait; that includes the
 * ends that they tell (UV_EOF and so on). channel_watch.c. */
int uvshm__channel_watchable(struct uvshm_channel_s* channel,
                             int writable,
                             struct uvshm__watchable* watchable);

/* An auto-reset event: take() takes the setting. One with manual reset: no
 * take(). event_watch.c. */
int uvshm__event_watchable(struct uvshm_event_s* event,
                           struct uvshm__watchable* watchable);

/* ready(): its number differs from `seen`, which take() brings up to date.
 * cell_watch.c. */
int uvshm__cell_watchable(struct uvshm_cell_s* cell,
                          struct uvshm__watchable* watchable);

#endif /* UVSHM_OBJECT_WATCHABLE_H_ */
