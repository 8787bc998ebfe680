/* SPDX-License-Identifier: MIT */

/* A flag that is waited for. See event.c. */

#ifndef UVSHM_CORE_EVENT_H_
#define UVSHM_CORE_EVENT_H_

#include "core/core.h"
#include "core/event_layout.h"
#include "core/lane.h"

#include <stdint.h>

/* `argument`: UVSHM__EVENT_MANUAL or 0, and UVSHM__EVENT_FORMAT_SET. */
#define UVSHM__EVENT_FORMAT_SET 0x100u

void uvshm__event_format(struct uvshm__event* event, uint32_t argument);

static inline int uvshm__event_is_manual(const struct uvshm__event* event) {
  return (uvshm__a32_load_relaxed(&event->flags) & UVSHM__EVENT_MANUAL) != 0;
}


static inline int uvshm__event_is_set(const struct uvshm__event* event) {
  return (uvshm__a32_load_acquire(&event->word) & UVSHM__EVENT_IS_SET) != 0;
}

/* `manual`: as the event's own flag says; the handle's copy. No lane needed for
 * these.
 *   set    0, or UV_EPROTO when somebody else changes the word without end
 *   try    0, or UV_EAGAIN */
int uvshm__event_set(const struct uvshm__core* core,
                     struct uvshm__event* event,
                     int manual);
void uvshm__event_reset(struct uvshm__event* event);
int uvshm__event_try(struct uvshm__event* event, int manual);

/* 0, UV_EAGAIN (timeout_ms 0), UV_ETIMEDOUT, UV_ECANCELED. */
int uvshm__event_wait(struct uvshm__lane* lane,
                      struct uvshm__event* event,
                      int manual,
                      uint64_t timeout_ms,
                      const uvshm__a32_t* cancelled);

#endif /* UVSHM_CORE_EVENT_H_ */
