/* SPDX-License-Identifier: MIT */

/* The whole structure at once: is it well, mend it, start it afresh. `kind` is
 * uvshm_kind_t and tells what lies in the root. */

#ifndef UVSHM_CORE_RESET_H_
#define UVSHM_CORE_RESET_H_

#include "core/core.h"
#include "core/lane.h"

#include <stdint.h>

/* Read everything: 0, or UV_EPROTO with a sentence that says what is wrong
 * first. Changes nothing; peers may go on meanwhile. A dead peer that has not
 * been repaired yet is no fault. */
int uvshm__core_check(const struct uvshm__core* core, uint32_t kind);

/* Clear what names nobody: lock words (the next owner is told of a death),
 * lanes, entries in no state, logs that cannot be. How many there were. Call
 * uvshm__reap_all() before. `lane` is the caller's. */
uint32_t uvshm__core_mend(struct uvshm__lane* lane, uint32_t kind);

/* Nobody is attached and nobody was since the last boot: free all peers, lanes,
 * open bits and locks. A lock that was held says that its owner died. Can be
 * done again after a death in the middle. */
void uvshm__core_reset(const struct uvshm__core* core, uint32_t kind);

#endif /* UVSHM_CORE_RESET_H_ */
