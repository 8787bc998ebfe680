/* SPDX-License-Identifier: MIT */

/* A loop's end of a bell. Where the system has a descriptor that a loop can
 * poll, it does; else a thread of the backend's listens, for whom
 * uv_async_send() is the one call of libuv that any thread may make.
 *
 * An ear stays with its watch while that is stopped, since programs stop and
 * start a watch all the time to say that they have nothing to send.
 */

#include "loop/hub.h"

#include "base/error.h"
#include "core/signal.h"
#include "port_caps.h"

#include <stdlib.h>


static void on_ring(uv_poll_t* poll, int status, int events) {
  struct uvshm__ear* ear =
      (struct uvshm__ear*) (void*) ((char*) poll -
                                    offsetof(struct uvshm__ear, poll));

  (void) events;
  /* In a forked child this is the parent's, and so are its rings. */
  if (status < 0 || !uvshm__bell_is_ours(ear->bell))
    (void) uv_poll_stop(poll);
  else
    uvshm__port_bell_answer(&ear->bell->port);
}


/* In a thread of the backend's. */
static void on_ring_elsewhere(void* arg) {
  struct uvshm__hub* hub = arg;

  (void) uv_async_send(&hub->async);
}


static int init_poll(struct uvshm__ear* ear) {
  intptr_t os;
  int err = uvshm__port_bell_fileno(&ear->bell->port, &os);

  if (err == 0) err = uv_poll_init(ear->hub->loop, &ear->poll, (int) os);
  if (err < 0) return err;
  ear->polled = 1;
  ear->hub->handles++;
  ear->poll.data = &uvshm__hub_mark;
  uv_unref((uv_handle_t*) &ear->poll);
  return 0;
}


static void stop_listening(struct uvshm__ear* ear) {
  if (ear->foreign) return;
  if (!UVSHM__PORT_BELL_POLLS)
    uvshm__port_bell_ignore(&ear->bell->port);
  else if (ear->polled && !uv_is_closing((uv_handle_t*) &ear->poll))
    (void) uv_poll_stop(&ear->poll);
}


static void on_close(uv_handle_t* poll) {
  struct uvshm__ear* ear =
      (struct uvshm__ear*) (void*) ((char*) poll -
                                    offsetof(struct uvshm__ear, poll));
  struct uvshm__hub* hub = ear->hub;

  free(ear);
  uvshm__hub_closed(hub);
}


/* Its descriptor may be closed from here on, the rest of it when libuv lets go
 * of the handle. */
static void end_ear(struct uvshm__ear* ear) {
  struct uvshm__ear** at = &ear->hub->ears;

  while (*at != ear) at = &(*at)->next;
  *at = ear->next;
  stop_listening(ear);
  if (ear->foreign) ear->hub->foreign--;
  uvshm__bell_put(ear->bell);
  if (!ear->polled)
    free(ear);
  else if (!uv_is_closing((uv_handle_t*) &ear->poll))
    uv_close((uv_handle_t*) &ear->poll, on_close);
}


static int start_listening(struct uvshm__ear* ear) {
  if (!UVSHM__PORT_BELL_POLLS)
    return uvshm__port_bell_listen(
        &ear->bell->port, on_ring_elsewhere, ear->hub);
  return uv_poll_start(&ear->poll, UV_READABLE, on_ring);
}


static int make_ear(struct uvshm__hub* hub,
                    struct uvshm__attach* attach,
                    struct uvshm__ear** result) {
  struct uvshm__ear* ear = calloc(1, sizeof(*ear));
  int err;

  if (ear == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__bell_get(attach, &ear->bell);
  if (err < 0) {
    free(ear);
    return err;
  }
  ear->hub = hub;
  ear->attach = attach;
  ear->next = hub->ears;
  hub->ears = ear;
  if (UVSHM__PORT_BELL_POLLS) err = init_poll(ear);
  if (err == 0) err = start_listening(ear);
  if (err < 0) {
    end_ear(ear);
    return err;
  }
  *result = ear;
  return 0;
}


static int is_for(const struct uvshm__ear* ear,
                  const struct uvshm__attach* attach) {
  return ear->bell->attach == attach && uvshm__bell_is_ours(ear->bell);
}


int uvshm__ear_enter(struct uvshm__watcher* watcher,
                     struct uvshm__attach* attach) {
  struct uvshm__ear* ear = watcher->hub->ears;
  int err;

  while (ear != NULL && !is_for(ear, attach)) ear = ear->next;
  if (ear != NULL && watcher->ear == ear) return 0;
  if (ear == NULL) {
    err = make_ear(watcher->hub, attach, &ear);
    if (err < 0) return err;
  }
  ear->users++;
  uvshm__ear_leave(watcher);
  watcher->ear = ear;
  return 0;
}


void uvshm__ear_leave(struct uvshm__watcher* watcher) {
  struct uvshm__ear* ear = watcher->ear;

  watcher->ear = NULL;
  if (ear != NULL && --ear->users == 0) end_ear(ear);
}

/* ---- in each turn -------------------------------------------------------- */

void uvshm__ears_arm(struct uvshm__hub* hub) {
  struct uvshm__ear* ear;

  for (ear = hub->ears; ear != NULL; ear = ear->next)
    if (ear->active != 0 && uvshm__bell_is_ours(ear->bell))
      uvshm__bell_arm(&ear->bell->attach->core, ear->bell->number);
}


void uvshm__ears_disarm(struct uvshm__hub* hub) {
  struct uvshm__ear* ear;

  /* Those too that were armed before their last watch was stopped. */
  for (ear = hub->ears; ear != NULL; ear = ear->next)
    if (uvshm__bell_is_ours(ear->bell))
      uvshm__bell_disarm(&ear->bell->attach->core, ear->bell->number);
}

/* ---- foreign loops ------------------------------------------------------- */

int uvshm__ear_lend(struct uvshm__ear* ear, intptr_t* os) {
  if (!ear->foreign) {
    stop_listening(ear);
    ear->foreign = 1;
    ear->hub->foreign++;
  }
  return uvshm__port_bell_fileno(&ear->bell->port, os);
}


/* If it cannot be listened to any more, there is the look once a second. */
void uvshm__ear_return(struct uvshm__ear* ear) {
  if (!ear->foreign) return;
  ear->foreign = 0;
  ear->hub->foreign--;
  (void) start_listening(ear);
}


void uvshm__ears_answer(struct uvshm__hub* hub) {
  struct uvshm__ear* ear;

  for (ear = hub->ears; ear != NULL; ear = ear->next)
    if (ear->foreign && uvshm__bell_is_ours(ear->bell))
      uvshm__port_bell_answer(&ear->bell->port);
}


void uvshm__ears_ring(struct uvshm__hub* hub) {
  struct uvshm__attach* attach;
  struct uvshm__ear* ear = hub->ears;

  while (ear != NULL && !(ear->foreign && uvshm__bell_is_ours(ear->bell)))
    ear = ear->next;
  if (ear == NULL) return;
  attach = ear->bell->attach;
  uvshm__port_bell_ring(&attach->object,
                        attach->core.slot,
                        attach->core.generation,
                        ear->bell->number);
}
