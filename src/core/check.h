/* SPDX-License-Identifier: MIT */

/* The whole structure of an attached object, looked at from outside any lock:
 * is it well, and how it is made well when it cannot be.
 */

#ifndef UVSHM_CORE_CHECK_H_
#define UVSHM_CORE_CHECK_H_

#include "core/core.h"

#include <stdint.h>

/* Changes nothing; peers may go on meanwhile. `kind` is uvshm_kind_t. 0, or
 * UV_EPROTO with a reason stored that names the first fault. */
int uvshm__core_check(const struct uvshm__core* core, uint32_t kind);

/* Repair after every dead peer (all of uvshm__reap), then clear lock words that
 * name nobody: free, out of range or another generation of their lane, and
 * unchanged on a second look. Counts the peers into *repaired. */
int uvshm__core_repair(struct uvshm__core* core,
                       uint32_t kind,
                       uint32_t* repaired);

/* After a reboot, with nobody attached: peers, lanes, lock words, open bits and
 * half-done redo logs (replayed first) start afresh; what was committed stays. */
void uvshm__core_reset(struct uvshm__core* core, uint32_t kind);

#endif /* UVSHM_CORE_CHECK_H_ */
