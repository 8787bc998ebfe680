/* SPDX-License-Identifier: MIT */

/* What all watches of one loop share. See hub.c. */

#ifndef UVSHM_LOOP_HUB_H_
#define UVSHM_LOOP_HUB_H_

#include "object/bell.h"
#include "object/watchable.h"
#include "uvshm/watch.h"

#include <stdint.h>

#include <uv.h>

struct uvshm__hub;

/* A loop's end of one object's bell. Watches of the same object share it. */
struct uvshm__ear {
  struct uvshm__ear* next; /* of the hub */
  struct uvshm__hub* hub;
  struct uvshm__attach* attach; /* tells it from others; may be closed */
  struct uvshm__bell* bell;
  uint32_t users;   /* watches that have it */
  uint32_t active;  /* those of them that are started */
  uint32_t foreign; /* its descriptor is waited for by somebody else */
  uint32_t polled;  /* `poll` is initialised */
  uv_poll_t poll;   /* UVSHM__PORT_BELL_POLLS */
};

struct uvshm__watcher {
  struct uvshm__watcher* next; /* a ring through the hub's list */
  struct uvshm__watcher* prev;
  struct uvshm__hub* hub;
  struct uvshm__ear* ear; /* NULL: never started, or closed */
  uvshm_watch_t* watch;
  struct uvshm__watchable watchable;
  void (*deliver)(struct uvshm__watcher* watcher);
  uvshm_watch_cb cb;
  uvshm_watch_peer_cb peer_cb;
  uvshm_watch_close_cb close_cb;
  uint32_t started; /* 0: it is not; else another number at each start */
  uint32_t closing;
};

struct uvshm__hub {
  struct uvshm__hub* next; /* of all hubs; process lock */
  uv_loop_t* loop;
  uint32_t watchers; /* that are not closed */
  uint32_t active;   /* started ones */
  uint32_t handles;  /* that libuv has of ours, those of ears included */
  uint32_t foreign;  /* ears that are waited for by somebody else */
  uint32_t starts;   /* the last number of a start */
  struct uvshm__watcher started; /* head of the ring of started ones */
  struct uvshm__ear* ears;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;   /* active: do not block in this turn */
  uv_timer_t timer; /* active: a watch is started */
  uv_async_t async; /* unless UVSHM__PORT_BELL_POLLS */
};

/* That of `loop`, made if it is the first; with one watcher more. */
int uvshm__hub_enter(uv_loop_t* loop, struct uvshm__hub** hub);

/* One less. The last one takes the hub with it. */
void uvshm__hub_leave(struct uvshm__hub* hub);

/* Between start and stop. */
int uvshm__hub_start(struct uvshm__watcher* watcher);
void uvshm__hub_stop(struct uvshm__watcher* watcher);

/* Here because uvshm_watch_owns() knows them by it: `data` of all handles that
 * are ours. */
extern char uvshm__hub_mark;

/* libuv has a handle less of this hub. */
void uvshm__hub_closed(struct uvshm__hub* hub);

/* ---- ear.c --------------------------------------------------------------- */

/* The watcher's ear becomes the one for `attach`. */
int uvshm__ear_enter(struct uvshm__watcher* watcher,
                     struct uvshm__attach* attach);
void uvshm__ear_leave(struct uvshm__watcher* watcher);

/* Of the ears with started watches: this loop may block; it does not. */
void uvshm__ears_arm(struct uvshm__hub* hub);
void uvshm__ears_disarm(struct uvshm__hub* hub);

/* What a foreign loop waits for is quiet again; is to make it call us. */
void uvshm__ears_answer(struct uvshm__hub* hub);
void uvshm__ears_ring(struct uvshm__hub* hub);

/* From now on a foreign loop waits for it. */
int uvshm__ear_lend(struct uvshm__ear* ear, intptr_t* os);

/* Nobody watches there any more: the next one will do so in the usual way. */
void uvshm__ear_return(struct uvshm__ear* ear);

/* ---- watch.c ------------------------------------------------------------- */

/* What the start functions begin with: stop. 0: the watch can be started. */
int uvshm__watch_begin(uvshm_watch_t* watch, int has_callback);

/* What they end with. `err` is what filling in the watchable came to; the
 * watchable is taken over, or freed. The caller has set one of the callbacks;
 * `deliver` NULL: the usual way. */
int uvshm__watch_start(uvshm_watch_t* watch,
                       struct uvshm__watchable* watchable,
                       int err,
                       void (*deliver)(struct uvshm__watcher* watcher));

/* Take what there is, if it is still there, and call back with the status. */
void uvshm__watch_deliver(struct uvshm__watcher* watcher);

#endif /* UVSHM_LOOP_HUB_H_ */
