/* SPDX-License-Identifier: MIT */

/* An event as its own calls and those of watches see it. */

#ifndef UVSHM_OBJECT_EVENT_H_
#define UVSHM_OBJECT_EVENT_H_

#include "core/event.h"
#include "object/named.h"
#include "uvshm/event.h"

struct uvshm_event_s {
  struct uvshm__named named;
  struct uvshm__event* event;
  int manual;
};

#endif /* UVSHM_OBJECT_EVENT_H_ */
