/* SPDX-License-Identifier: MIT */

/* The counting semaphore. Nobody owns its units, so a death changes nothing in
 * it and there is nothing to repair. */

#ifndef UVSHM_CORE_SEM_H_
#define UVSHM_CORE_SEM_H_

#include "core/core.h"
#include "core/lane.h"
#include "core/sem_layout.h"

#include <stdint.h>

/* `value` is at most UVSHM__SEM_VALUE. */
void uvshm__sem_format(struct uvshm__sem* sem, uint32_t value);

/* Take one unit without waiting: 0 or UV_EAGAIN. Needs no lane. */
int uvshm__sem_try(struct uvshm__sem* sem);

/* Take one unit: 0, UV_EAGAIN (timeout_ms 0), UV_ETIMEDOUT, UV_ECANCELED. */
int uvshm__sem_wait(struct uvshm__lane* lane,
                    struct uvshm__sem* sem,
                    uint64_t timeout_ms,
                    const uvshm__a32_t* cancelled);

/* Add `count` units (not 0), wake as many: 0, UV_EOVERFLOW, or UV_EPROTO when
 * somebody else changes the word without end. Needs no lane. */
int uvshm__sem_post(const struct uvshm__core* core,
                    struct uvshm__sem* sem,
                    uint32_t count);

uint32_t uvshm__sem_value(const struct uvshm__sem* sem);

#endif /* UVSHM_CORE_SEM_H_ */
