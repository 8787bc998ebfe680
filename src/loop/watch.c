/* SPDX-License-Identifier: MIT */

/* The handle itself. Its uv_prepare_t does nothing in a turn: it is what makes
 * the watch a handle, which keeps the loop alive, counts as active, is met by
 * uv_walk() and is closed when libuv says so. What happens in a turn is in
 * hub.c.
 */

#include "loop/hub.h"

#include "base/error.h"
#include "core/signal.h"

#include <stdlib.h>
#include <string.h>


static void on_prepare(uv_prepare_t* handle) {
  (void) handle;
}


int uvshm_watch_init(uv_loop_t* loop, uvshm_watch_t* watch) {
  struct uvshm__watcher* watcher = calloc(1, sizeof(*watcher));
  int err;

  if (watcher == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__hub_enter(loop, &watcher->hub);
  if (err < 0) {
    free(watcher);
    return err;
  }
  memset(watch, 0, sizeof(*watch));
  (void) uv_prepare_init(loop, &watch->handle);
  watch->handle.data = &uvshm__hub_mark;
  watch->loop = loop;
  watch->watcher = watcher;
  watcher->watch = watch;
  return 0;
}


int uvshm__watch_begin(uvshm_watch_t* watch, int has_callback) {
  if (uv_is_closing((uv_handle_t*) &watch->handle))
    return uvshm__fail(UV_EINVAL, "cannot start a watch that is closed");
  if (!has_callback)
    return uvshm__fail(UV_EINVAL, "cannot start a watch without a callback");
  uvshm_watch_stop(watch);
  return 0;
}


static int begin(struct uvshm__watcher* watcher,
                 const struct uvshm__watchable* watchable) {
  struct uvshm__attach* attach = watchable->attach;
  int err;

  if (attach->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot watch \"%s\": it is open for reading, and who "
                       "watches writes down that he does",
                       attach->name);
  err = uvshm__attach_usable(attach);
  if (err == 0) err = uvshm__ear_enter(watcher, attach);
  if (err == 0) err = uvshm__hub_start(watcher);
  return err;
}


static void end(struct uvshm__watchable* watchable) {
  if (watchable->ops != NULL && watchable->ops->end != NULL)
    watchable->ops->end(watchable);
}


int uvshm__watch_start(uvshm_watch_t* watch,
                       struct uvshm__watchable* watchable,
                       int err,
                       void (*deliver)(struct uvshm__watcher* watcher)) {
  struct uvshm__watcher* watcher = watch->watcher;

  if (err == 0) err = begin(watcher, watchable);
  if (err < 0) {
    end(watchable);
    return err;
  }
  watcher->watchable = *watchable;
  watcher->deliver = deliver != NULL ? deliver : uvshm__watch_deliver;
  uvshm__signal_watch(&watchable->attach->core, watchable->signal);
  return uv_prepare_start(&watch->handle, on_prepare);
}


void uvshm__watch_deliver(struct uvshm__watcher* watcher) {
  uvshm_watch_t* watch = watcher->watch;
  uvshm_watch_cb cb = watcher->cb;
  int status = 0;

  if (watcher->watchable.ops->take != NULL)
    status = watcher->watchable.ops->take(&watcher->watchable);
  if (status == UV_EAGAIN) return;
  if (status < 0) uvshm_watch_stop(watch);
  cb(watch, status);
}


void uvshm_watch_stop(uvshm_watch_t* watch) {
  struct uvshm__watcher* watcher = watch->watcher;

  if (watcher == NULL || !watcher->started) return;
  uvshm__hub_stop(watcher);
  end(&watcher->watchable);
  memset(&watcher->watchable, 0, sizeof(watcher->watchable));
  watcher->cb = NULL;
  watcher->peer_cb = NULL;
  (void) uv_prepare_stop(&watch->handle);
}


static void on_close(uv_handle_t* handle) {
  uvshm_watch_t* watch =
      (uvshm_watch_t*) (void*) ((char*) handle -
                                offsetof(uvshm_watch_t, handle));
  struct uvshm__watcher* watcher = watch->watcher;
  uvshm_watch_close_cb cb = watcher->close_cb;

  watch->watcher = NULL;
  free(watcher);
  if (cb != NULL) cb(watch);
}


/* The hub's handles begin to close with the last watch's, so that one run of
 * the loop's closing callbacks ends them all. */
void uvshm_watch_close(uvshm_watch_t* watch, uvshm_watch_close_cb cb) {
  struct uvshm__watcher* watcher = watch->watcher;

  if (watcher == NULL || watcher->closing) return;
  uvshm_watch_stop(watch);
  uvshm__ear_leave(watcher);
  uvshm__hub_leave(watcher->hub);
  watcher->closing = 1;
  watcher->close_cb = cb;
  if (!uv_is_closing((uv_handle_t*) &watch->handle))
    uv_close((uv_handle_t*) &watch->handle, on_close);
}


void uvshm_watch_ref(uvshm_watch_t* watch) {
  uv_ref((uv_handle_t*) &watch->handle);
}


void uvshm_watch_unref(uvshm_watch_t* watch) {
  uv_unref((uv_handle_t*) &watch->handle);
}


int uvshm_watch_active(const uvshm_watch_t* watch) {
  return uv_is_active((const uv_handle_t*) &watch->handle) != 0;
}


int uvshm_watch_closing(const uvshm_watch_t* watch) {
  return uv_is_closing((const uv_handle_t*) &watch->handle) != 0;
}


int uvshm_watch_owns(const uv_handle_t* handle) {
  return handle->data == &uvshm__hub_mark;
}


int uvshm_watch_fileno(uvshm_watch_t* watch, uv_os_fd_t* fd) {
  struct uvshm__watcher* watcher = watch->watcher;
  intptr_t os;
  int err;

  if (watcher == NULL || !watcher->started)
    return uvshm__fail(UV_EINVAL, "a watch has a descriptor while started");
  err = uvshm__ear_lend(watcher->ear, &os);
  if (err == 0) *fd = (uv_os_fd_t) os;
  return err;
}
