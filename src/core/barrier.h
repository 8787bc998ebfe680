/* SPDX-License-Identifier: MIT */

/* Threads that wait for each other. See barrier.c. */

#ifndef UVSHM_CORE_BARRIER_H_
#define UVSHM_CORE_BARRIER_H_

#include "core/barrier_layout.h"
#include "core/core.h"
#include "core/lane.h"
#include "core/wait.h"

#include <limits.h>
#include <stdint.h>

void uvshm__barrier_format(struct uvshm__barrier* barrier, uint32_t count);

/* Whoever waits need not, and whoever comes neither. Here because repair does
 * it (reap.c), which has nothing else of barriers. */
static inline void uvshm__barrier_break(const struct uvshm__core* core,
                                        struct uvshm__barrier* barrier) {
  (void) uvshm__a64_or(&barrier->word, UVSHM__BARRIER_BROKEN);
  (void) uvshm__a32_add(&barrier->signal.word, 2);
  uvshm__wait_wake(core, &barrier->signal.word, 0, INT_MAX);
}


struct uvshm__barrier_facts {
  uint32_t count;
  uint32_t come;
  uint32_t round;
  uint32_t broken;
};

void uvshm__barrier_read(const struct uvshm__barrier* barrier,
                         struct uvshm__barrier_facts* facts);

/* Come, and wait. `count` is the handle's copy of barrier->count.
 *   1              all have come, and we made it so
 *   0              all have come
 *   UV_EAGAIN      timeout_ms was 0
 *   UV_ECONNRESET  broken, or reset meanwhile
 *   UV_ETIMEDOUT, UV_ECANCELED, UV_EPROTO (the word changes without end) */
int uvshm__barrier_wait(struct uvshm__lane* lane,
                        struct uvshm__barrier* barrier,
                        uint32_t count,
                        uint64_t timeout_ms,
                        const uvshm__a32_t* cancelled);

/* A new round, and nobody has come. Needs no lane. 0 or UV_EPROTO. */
int uvshm__barrier_reset(const struct uvshm__core* core,
                         struct uvshm__barrier* barrier);

#endif /* UVSHM_CORE_BARRIER_H_ */
