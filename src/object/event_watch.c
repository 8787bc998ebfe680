/* SPDX-License-Identifier: MIT */

/* What a loop needs to know of an event. */

#include "base/error.h"
#include "object/event.h"
#include "object/watchable.h"


static int is_ready(struct uvshm__watchable* watchable) {
  const struct uvshm_event_s* event = watchable->object;
  int err = uvshm__named_usable(&event->named);

  return err < 0 ? err : uvshm__event_is_set(event->event);
}


/* Auto-reset: the setting is the watch's. */
static int take(struct uvshm__watchable* watchable) {
  const struct uvshm_event_s* event = watchable->object;

  return uvshm__event_try(event->event, 0);
}


int uvshm__event_watchable(struct uvshm_event_s* event,
                           struct uvshm__watchable* watchable) {
  static const struct uvshm__watch_ops manual = {is_ready, NULL, NULL};
  static const struct uvshm__watch_ops by_itself = {is_ready, take, NULL};
  int err = uvshm__named_usable(&event->named);

  if (err < 0) return err;
  watchable->ops = event->manual ? &manual : &by_itself;
  watchable->attach = event->named.attach;
  watchable->signal = &event->event->signal;
  watchable->object = event;
  return 0;
}
