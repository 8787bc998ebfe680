/* SPDX-License-Identifier: MIT */

/* One turn of a loop:
 *
 *   prepare   arm the bells, look at all that is watched; if there is news,
 *             disarm them and do not block
 *   (block)
 *   check     disarm the bells, look again, call back
 *
 * While it does not block a loop has no bell armed, so whoever changes what it
 * watches makes no system call. The look after arming is what the protocol of
 * core/signal.c needs; a loop that finds news there blocks no more than one
 * whose program has called uv_idle_start().
 *
 * A timer makes a turn each second, in which the kernel is asked after those
 * who may have died, and what was missed because of a death is made up for.
 *
 * With a foreign loop (uvshm_watch_fileno) there is no blocking of ours: after
 * the callbacks the bells stay armed, and what is left makes us ring ourselves.
 *
 * The handles of a hub are unreferenced, and go with the last watch.
 */

#include "loop/hub.h"

#include "base/error.h"
#include "port_caps.h"

#include <stddef.h>
#include <stdlib.h>

#define LOOK_MS 1000

char uvshm__hub_mark;

/* Process lock. */
static struct uvshm__hub* hubs;

/* ---- the ring of started watchers ---------------------------------------- */

static void ring_init(struct uvshm__watcher* head) {
  head->next = head;
  head->prev = head;
}


static void ring_insert(struct uvshm__watcher* head,
                        struct uvshm__watcher* watcher) {
  watcher->next = head;
  watcher->prev = head->prev;
  head->prev->next = watcher;
  head->prev = watcher;
}


static void ring_remove(struct uvshm__watcher* watcher) {
  watcher->next->prev = watcher->prev;
  watcher->prev->next = watcher->next;
  ring_init(watcher);
}

/* ---- looking ------------------------------------------------------------- */

/* A forked child has the parent's watches, and none of its rights. */
static int ready(struct uvshm__watcher* watcher) {
  const struct uvshm__bell* bell = watcher->ear->bell;

  if (!uvshm__bell_is_ours(bell))
    return bell->attach != NULL && uvshm__attach_is_cut(bell->attach)
               ? UV_EIO
               : UV_ENOTCONN;
  return watcher->watchable.ops->ready(&watcher->watchable);
}


static int any_ready(struct uvshm__hub* hub) {
  struct uvshm__watcher* watcher;

  for (watcher = hub->started.next; watcher != &hub->started;
       watcher = watcher->next)
    if (ready(watcher) != 0) return 1;
  return 0;
}


static void fail(struct uvshm__watcher* watcher, int err) {
  uvshm_watch_peer_cb peer_cb = watcher->peer_cb;
  uvshm_watch_t* watch = watcher->watch;
  uvshm_watch_cb cb = watcher->cb;

  (void) uvshm__fail_bare(err);
  uvshm_watch_stop(watch);
  if (peer_cb != NULL)
    peer_cb(watch, err, NULL);
  else
    cb(watch, err);
}


/* Each watcher that was started before this, once; callbacks may stop, close
 * and start any of them. */
static void deliver_all(struct uvshm__hub* hub) {
  struct uvshm__watcher* watcher;
  struct uvshm__watcher todo;
  int err;

  if (hub->started.next == &hub->started) return;
  todo = hub->started;
  todo.next->prev = &todo;
  todo.prev->next = &todo;
  ring_init(&hub->started);
  while ((watcher = todo.next) != &todo) {
    ring_remove(watcher);
    ring_insert(&hub->started, watcher);
    err = ready(watcher);
    if (err < 0)
      fail(watcher, err);
    else if (err > 0)
      watcher->deliver(watcher);
  }
}


static void set_look(struct uvshm__hub* hub, uint32_t look) {
  struct uvshm__watcher* watcher;

  for (watcher = hub->started.next; watcher != &hub->started;
       watcher = watcher->next)
    watcher->watchable.look = look;
}

/* ---- a turn -------------------------------------------------------------- */

#define HUB_OF(handle, member)                                                 \
 ((struct uvshm__hub*) (void*) ((char*) (handle) -offsetof(struct uvshm__hub,  \
                                                           member)))


static void on_idle(uv_idle_t* handle) {
  (void) handle;
}


static void on_prepare(uv_prepare_t* handle) {
  struct uvshm__hub* hub = HUB_OF(handle, prepare);

  uvshm__ears_arm(hub);
  if (!any_ready(hub)) return;
  uvshm__ears_disarm(hub);
  (void) uv_idle_start(&hub->idle, on_idle);
}


/* The program sleeps elsewhere when this turn is over. */
static void leave_to_foreign(struct uvshm__hub* hub) {
  uvshm__ears_arm(hub);
  if (!any_ready(hub)) return;
  uvshm__ears_disarm(hub);
  uvshm__ears_ring(hub);
}


static void on_check(uv_check_t* handle) {
  struct uvshm__hub* hub = HUB_OF(handle, check);

  uvshm__ears_disarm(hub);
  (void) uv_idle_stop(&hub->idle);
  if (hub->foreign != 0) uvshm__ears_answer(hub);
  deliver_all(hub);
  set_look(hub, 0);
  if (hub->foreign != 0) leave_to_foreign(hub);
}


static void on_timer(uv_timer_t* handle) {
  set_look(HUB_OF(handle, timer), 1);
}


/* It has made a turn, which is all that it is for. */
static void on_async(uv_async_t* handle) {
  (void) handle;
}

/* ---- its life ------------------------------------------------------------ */

static uv_handle_t* own_handle(struct uvshm__hub* hub, int i) {
  switch (i) {
    case 0:
      return (uv_handle_t*) &hub->prepare;
    case 1:
      return (uv_handle_t*) &hub->check;
    case 2:
      return (uv_handle_t*) &hub->idle;
    case 3:
      return (uv_handle_t*) &hub->timer;
    case 4:
      return UVSHM__PORT_BELL_POLLS ? NULL : (uv_handle_t*) &hub->async;
    default:
      return NULL;
  }
}


static int make_hub(uv_loop_t* loop, struct uvshm__hub** result) {
  struct uvshm__hub* hub = calloc(1, sizeof(*hub));
  uv_handle_t* handle;
  int err = 0;

  if (hub == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  hub->loop = loop;
  ring_init(&hub->started);
  /* The only one that can fail comes first. */
  if (!UVSHM__PORT_BELL_POLLS) err = uv_async_init(loop, &hub->async, on_async);
  if (err < 0) {
    free(hub);
    return err;
  }
  (void) uv_prepare_init(loop, &hub->prepare);
  (void) uv_check_init(loop, &hub->check);
  (void) uv_idle_init(loop, &hub->idle);
  (void) uv_timer_init(loop, &hub->timer);
  while ((handle = own_handle(hub, (int) hub->handles)) != NULL) {
    handle->data = &uvshm__hub_mark;
    uv_unref(handle);
    hub->handles++;
  }
  *result = hub;
  return 0;
}


int uvshm__hub_enter(uv_loop_t* loop, struct uvshm__hub** result) {
  struct uvshm__hub* hub;
  int err = 0;

  uvshm__port_process_lock();
  for (hub = hubs; hub != NULL && hub->loop != loop;) hub = hub->next;
  if (hub == NULL) {
    err = make_hub(loop, &hub);
    if (err == 0) {
      hub->next = hubs;
      hubs = hub;
    }
  }
  uvshm__port_process_unlock();
  if (err < 0) return err;
  hub->watchers++;
  *result = hub;
  return 0;
}


void uvshm__hub_closed(struct uvshm__hub* hub) {
  if (--hub->handles == 0) free(hub);
}


static void on_close(uv_handle_t* handle) {
  struct uvshm__hub* hub;

  switch (handle->type) {
    case UV_PREPARE:
      hub = HUB_OF(handle, prepare);
      break;
    case UV_CHECK:
      hub = HUB_OF(handle, check);
      break;
    case UV_IDLE:
      hub = HUB_OF(handle, idle);
      break;
    case UV_TIMER:
      hub = HUB_OF(handle, timer);
      break;
    default:
      hub = HUB_OF(handle, async);
      break;
  }
  uvshm__hub_closed(hub);
}


/* A handle that somebody has closed who should not (see uvshm_watch_owns) is
 * not counted down: its memory is libuv's for nobody knows how long. */
void uvshm__hub_leave(struct uvshm__hub* hub) {
  struct uvshm__hub** at = &hubs;
  uv_handle_t* handle;
  int i;

  if (--hub->watchers != 0) return;
  uvshm__port_process_lock();
  while (*at != hub) at = &(*at)->next;
  *at = hub->next;
  uvshm__port_process_unlock();
  for (i = 0; (handle = own_handle(hub, i)) != NULL; i++)
    if (!uv_is_closing(handle)) uv_close(handle, on_close);
}


/* Not to block in this turn makes up for a start that comes between prepare and
 * the wait, in a callback of the program's. */
int uvshm__hub_start(struct uvshm__watcher* watcher) {
  struct uvshm__hub* hub = watcher->hub;

  if (uv_is_closing((uv_handle_t*) &hub->prepare)) return UV_EINVAL;
  if (hub->active++ == 0) {
    (void) uv_prepare_start(&hub->prepare, on_prepare);
    (void) uv_check_start(&hub->check, on_check);
    (void) uv_timer_start(&hub->timer, on_timer, LOOK_MS, LOOK_MS);
  }
  (void) uv_idle_start(&hub->idle, on_idle);
  watcher->ear->active++;
  if (++hub->starts == 0) hub->starts = 1;
  watcher->started = hub->starts;
  ring_insert(&hub->started, watcher);
  return 0;
}


void uvshm__hub_stop(struct uvshm__watcher* watcher) {
  struct uvshm__hub* hub = watcher->hub;

  ring_remove(watcher);
  watcher->started = 0;
  if (--watcher->ear->active == 0) uvshm__ear_return(watcher->ear);
  if (--hub->active != 0) return;
  /* A turn may have armed them: stopping in a callback before `check`. */
  uvshm__ears_disarm(hub);
  (void) uv_prepare_stop(&hub->prepare);
  (void) uv_check_stop(&hub->check);
  (void) uv_idle_stop(&hub->idle);
  (void) uv_timer_stop(&hub->timer);
}
