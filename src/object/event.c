/* SPDX-License-Identifier: MIT */

/* The public face of the event; the algorithm is core/event.c. A thread needs a
 * lane only when it has to sleep. */

#include "object/event.h"

#include "base/error.h"
#include "core/wait.h"
#include "object/lanes.h"
#include "object/marks.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>


static void format_body(void* body, uint32_t argument) {
  uvshm__event_format(body, argument);
}


static void fill(struct uvshm__named_request* request,
                 const uvshm_event_options_t* options) {
  const uint32_t own = UVSHM_EVENT_MANUAL | UVSHM_EVENT_SET;

  request->flags = options->flags & ~own;
  if (options->flags & UVSHM_EVENT_MANUAL)
    request->type_flags = UVSHM__EVENT_MANUAL;
  request->argument = request->type_flags;
  if (options->flags & UVSHM_EVENT_SET)
    request->argument |= UVSHM__EVENT_FORMAT_SET;
  request->mode = options->mode;
  request->timeout_ms = options->timeout_ms;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
}


/* By its name alone the kind is in the body only. */
static int check_kind(const uvshm_event_t* event) {
  if (uvshm__event_is_manual(event->event) == event->manual) return 0;
  return uvshm__fail(UV_EPROTOTYPE,
                     "cannot open \"%s\": it is %s event",
                     event->named.name,
                     event->manual ? "an auto-reset" : "a manual");
}


int uvshm_event_open(uvshm_event_t** result,
                     struct uvshm_segment_s* segment,
                     const char* name,
                     const uvshm_event_options_t* options) {
  struct uvshm__named_request request;
  uvshm_event_t* event;
  void* made;
  int err;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_EVENT;
  request.kind = UVSHM_KIND_EVENT;
  request.format_body = format_body;
  if (options != NULL) fill(&request, options);
  err = uvshm__named_new(
      &made, sizeof(*event), offsetof(struct uvshm_event_s, named), &request);
  if (err < 0) return err;
  event = made;
  event->event = event->named.body;
  event->manual = request.type_flags != 0;
  err = check_kind(event);
  if (err < 0) {
    uvshm_event_close(event);
    return err;
  }
  *result = event;
  return 0;
}


void uvshm_event_close(uvshm_event_t* event) {
  if (event == NULL) return;
  uvshm__named_close(&event->named);
  free(event);
}


int uvshm_event_unlink(struct uvshm_segment_s* segment,
                       const char* name,
                       uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_EVENT, UVSHM_KIND_EVENT);
}


int uvshm_event_set(uvshm_event_t* event) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__named_usable(&event->named);

  if (err < 0) return err;
  err =
      uvshm__event_set(&event->named.attach->core, event->event, event->manual);
  if (err == 0) return 0;
  return uvshm__fail(err,
                     "cannot set \"%s\": %s",
                     event->named.name,
                     uvshm__reason(err, failures));
}


int uvshm_event_reset(uvshm_event_t* event) {
  int err = uvshm__named_usable(&event->named);

  if (err < 0) return err;
  uvshm__event_reset(event->event);
  return 0;
}


static int wait_failed(const uvshm_event_t* event,
                       int err,
                       unsigned int failures) {
  if (err == UV_EAGAIN) return uvshm__fail_bare(err);
  return uvshm__fail(err,
                     "cannot wait for \"%s\": %s",
                     event->named.name,
                     uvshm__reason(err, failures));
}


int uvshm_event_wait(uvshm_event_t* event, uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  int err = uvshm__named_usable(&event->named);

  if (err == 0) err = uvshm__event_try(event->event, event->manual);
  if (err == UV_EAGAIN && timeout_ms != 0) {
    err = uvshm__lane_get(event->named.attach, &lane);
    if (err == 0)
      err = uvshm__event_wait(lane,
                              event->event,
                              event->manual,
                              timeout_ms,
                              &event->named.cancelled);
  }
  UVSHM__SYNCED();
  return err >= 0 ? err : wait_failed(event, err, failures);
}


void uvshm_event_cancel(uvshm_event_t* event) {
  uvshm__a32_store_seq_cst(&event->named.cancelled, 1);
  if (uvshm__attach_is_ours(event->named.attach))
    uvshm__wait_wake(
        &event->named.attach->core, &event->event->signal.word, 0, UINT32_MAX);
}


int uvshm_event_info(const uvshm_event_t* event, uvshm_event_info_t* info) {
  int err = uvshm__attach_usable(event->named.attach);

  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  info->set = (uint32_t) uvshm__event_is_set(event->event);
  info->manual = (uint32_t) event->manual;
  info->waiters =
      uvshm__wait_count(&event->named.attach->core, &event->event->signal.word);
  return 0;
}


int uvshm_event_rejoin(uvshm_event_t* event) {
  if (event->named.segment != NULL) return 0;
  return uvshm__attach_rejoin(event->named.attach);
}
