/* SPDX-License-Identifier: MIT */

/* Waiting for a call. See cond.c. The mutex is the caller's business. */

#ifndef UVSHM_CORE_COND_H_
#define UVSHM_CORE_COND_H_

#include "core/cond_layout.h"
#include "core/core.h"
#include "core/lane.h"

#include <stdint.h>

void uvshm__cond_format(struct uvshm__cond* cond, uint32_t argument);

/* A wait, in its parts:
 *
 *   begin    with the mutex; from here on a call may be for this lane
 *   (the mutex is given back)
 *   sleep    0: called, or take it that way; UV_ETIMEDOUT, UV_ECANCELED: not
 *            called, and not to be called any more
 *   (the mutex is taken again)
 *   end      a call that was not answered before a death goes to another one
 */
void uvshm__cond_begin(struct uvshm__lane* lane, struct uvshm__cond* cond);
int uvshm__cond_sleep(struct uvshm__lane* lane,
                      struct uvshm__cond* cond,
                      uint64_t timeout_ms,
                      const uvshm__a32_t* cancelled);
void uvshm__cond_end(struct uvshm__lane* lane);

/* Call one that waits, or all. Needs no lane. */
void uvshm__cond_signal(const struct uvshm__core* core,
                        struct uvshm__cond* cond);
void uvshm__cond_broadcast(const struct uvshm__core* core,
                           struct uvshm__cond* cond);

/* Wake those who wait without a call, to look at `cancelled`. */
void uvshm__cond_wake(const struct uvshm__core* core,
                      const struct uvshm__cond* cond);

uint32_t uvshm__cond_waiters(const struct uvshm__core* core,
                             const struct uvshm__cond* cond);

#endif /* UVSHM_CORE_COND_H_ */
