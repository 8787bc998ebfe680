/* SPDX-License-Identifier: MIT */

/* watch: shared memory on a libuv loop.
 *
 *     static void on_change(uvshm_watch_t* watch, int status) {
 *       if (status == 0) print_all(watch->data);
 *     }
 *
 *     int watch_map(uv_loop_t* loop, uvshm_watch_t* watch, uvshm_map_t* map) {
 *       int err = uvshm_watch_init(loop, watch);
 *       if (err < 0) return err;
 *       watch->data = map;
 *       return uvshm_watch_start_map(watch, map, NULL, 0, on_change);
 *     }
 *
 * A handle in libuv's way: the caller has its memory, `init` ties it to a loop,
 * `start` and `stop` may be called as often as one likes, and it ends with
 * `close`, whose callback gives the memory back. All calls and callbacks are on
 * the loop's thread. A program may have many loops and many watches in each.
 *
 * A loop that is awake costs those who change things no system call; one that
 * blocks costs the first of them one, and is woken by it. While a watch is
 * started its loop wakes up once a second besides, to see deaths, for which
 * nobody rings. Without a started watch there is nothing of this.
 *
 * What it is told of, and when the callback comes:
 *
 *   channel, to read   in each turn of the loop while recv would not wait
 *   channel, to write  in each turn of the loop while send would not wait
 *   event              set: auto-reset, once for each time, and the watch has
 *                      taken it; manual, in each turn until it is reset
 *   map, a key of it   once after one or more changes
 *   cell               once after one or more new values
 *   mutex              once: the loop's thread has locked it; the watch stops
 *   peers              for each that attached, left or died
 *
 * A callback's `status` is 0, news (UVSHM_OWNER_DIED), or negative: then the
 * watch has stopped by itself, and uvshm_error_detail() says why.
 *
 *   UV_ENXIO      the object was removed
 *   UV_ENOTCONN   this is a forked child that has not rejoined
 *   UV_EPROTO     damaged
 *
 * Stop or close the watch before what it watches is closed. In a callback all
 * is allowed, also to close the watch itself.
 */

#ifndef UVSHM_WATCH_H_
#define UVSHM_WATCH_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/segment.h"

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uvshm_cell_s;
struct uvshm_channel_s;
struct uvshm_event_s;
struct uvshm_map_s;
struct uvshm_mutex_s;

typedef struct uvshm_watch_s uvshm_watch_t;

/* Of all watches but those of peers; `status` as above. */
typedef void (*uvshm_watch_cb)(uvshm_watch_t* watch, int status);

/* The memory of the watch may go. */
typedef void (*uvshm_watch_close_cb)(uvshm_watch_t* watch);

/* What a peer did. */
typedef enum {
  UVSHM_WATCH_ATTACHED = 1,
  UVSHM_WATCH_LEFT = 2, /* it closed the segment */
  UVSHM_WATCH_DIED = 3  /* its process ended without closing it */
} uvshm_watch_peer_t;

/* `peer` is valid during the call; NULL when `status` is negative. Else
 * `status` is one of the three above. Of one that is gone, pid and label are as
 * they were known, `alive` is 0. */
typedef void (*uvshm_watch_peer_cb)(uvshm_watch_t* watch,
                                    int status,
                                    const uvshm_peer_info_t* peer);

/* `data` is the caller's, `loop` for reading. The rest is the library's; its
 * size is part of the ABI of libuv and of this library. */
struct uvshm_watch_s {
  void* data;                     /* the caller's */
  uv_loop_t* loop;                /* for reading */
  uv_prepare_t handle;            /* keeps the loop alive while started */
  struct uvshm__watcher* watcher; /* the library's */
  void* reserved[4];              /* the library's */
};

/* Tie a watch to a loop. 0, UV_ENOMEM, or what libuv says. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_init(uv_loop_t* loop,
                                                   uvshm_watch_t* watch);

/* Start to watch. What was watched before is not watched any more. What there
 * is already is told: of peers, those that are attached; of maps and cells,
 * what changes from now on.
 *
 *   0, UV_EINVAL (closing, or no callback), UV_ENXIO, UV_ENOTCONN, UV_ENOMEM,
 *   UV_EMFILE (no descriptor, or too many loops of this process watch it),
 *   UV_EACCES (it is open for reading: who watches writes down that he does),
 *   UV_ENOSYS
 *
 * On failure nothing is watched. */

/* `key` NULL: any change of the map; else of this key (it is copied): put,
 * removed, counted, or its time was over and somebody noticed. One that was not
 * there, and came and went between two turns of the loop, is not told of. Takes
 * the map's locks for a moment, so it may wait for writers. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_map(uvshm_watch_t* watch,
                                                        struct uvshm_map_s* map,
                                                        const void* key,
                                                        size_t key_size,
                                                        uvshm_watch_cb cb);

/* Lock the mutex as soon as it is free. The callback has it, with status 0 or
 * UVSHM_OWNER_DIED; give it back there or later, on this thread. Others may be
 * faster any number of times. A stop before the callback gives up. While this
 * very thread has it locked, recursive or not, it waits for itself. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_mutex(
    uvshm_watch_t* watch, struct uvshm_mutex_s* mutex, uvshm_watch_cb cb);

/* The other peers of a segment. One that comes and goes between two turns of
 * the loop may not be told of. A death is seen within a second or two, and the
 * dead peer's things are cleared up by then. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_peers(
    uvshm_watch_t* watch,
    struct uvshm_segment_s* segment,
    uvshm_watch_peer_cb cb);

/* Messages to receive, or an end that recv tells. Receive them with a timeout
 * of 0, one or many; what is left is told in the next turn. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_readable(
    uvshm_watch_t* watch, struct uvshm_channel_s* channel, uvshm_watch_cb cb);

/* Room to send, or an end that send tells. Stop it when there is nothing to
 * send: there is room most of the time. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_writable(
    uvshm_watch_t* watch, struct uvshm_channel_s* channel, uvshm_watch_cb cb);

/* Each time it is set; an auto-reset event has been taken then. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_event(
    uvshm_watch_t* watch, struct uvshm_event_s* event, uvshm_watch_cb cb);

/* New values, from now on. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_start_cell(
    uvshm_watch_t* watch, struct uvshm_cell_s* cell, uvshm_watch_cb cb);

/* No callback comes after this, until it is started again. Fine when it was not
 * started. */
UVSHM_EXTERN void uvshm_watch_stop(uvshm_watch_t* watch);

/* Stop, and call `cb` (may be NULL) from the loop when the memory may go. Like
 * uv_close(): once, and the loop must run for it. What was watched may be
 * closed at once. */
UVSHM_EXTERN void uvshm_watch_close(uvshm_watch_t* watch,
                                    uvshm_watch_close_cb cb);

/* Does a started watch keep uv_run() going? As uv_ref() and uv_unref(): at
 * first it does; both may be called again and again. */
UVSHM_EXTERN void uvshm_watch_ref(uvshm_watch_t* watch);
UVSHM_EXTERN void uvshm_watch_unref(uvshm_watch_t* watch);

/* Facts: 1 or 0. */
UVSHM_EXTERN int uvshm_watch_active(const uvshm_watch_t* watch);
UVSHM_EXTERN int uvshm_watch_closing(const uvshm_watch_t* watch);

/* For uv_walk(): does this handle belong to this library? A watch has one in
 * its loop, and there are a few more that all watches of a loop share. Leave
 * them alone: they go when the watches are closed. */
UVSHM_EXTERN int uvshm_watch_owns(const uv_handle_t* handle);

/* For a loop that is not libuv's (Qt, GLib, select(), a game's): a descriptor
 * that is readable, on Windows a handle that is signaled (an auto-reset event),
 * when there may be news for this started watch. The foreign loop then calls
 * uv_run(loop, UV_RUN_NOWAIT), from which the callbacks come, and never
 * anything on the descriptor itself; it does so once at the beginning, and once
 * a second besides, to see deaths. Valid until the watch is stopped. From this
 * call on the loop of the watch must not block (UV_RUN_DEFAULT, UV_RUN_ONCE)
 * until the watch is stopped.
 *
 *   0, UV_EINVAL (not started), UV_ENOTSUP (this system has no such thing) */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_watch_fileno(uvshm_watch_t* watch,
                                                     uv_os_fd_t* fd);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_WATCH_H_ */
