/* SPDX-License-Identifier: MIT */

/* Clearing up after a dead peer. See reap.c. */

#ifndef UVSHM_CORE_REAP_H_
#define UVSHM_CORE_REAP_H_

#include "core/core.h"

#include <stdint.h>

/* Has this process mapped all that exists of what repair may have to change? */
int uvshm__reap_reaches_all(const struct uvshm__core* core);

/* First part: the locks of `slot`. Takes no lock and never waits, so anybody
 * who is blocked by the dead peer may do it, whatever it holds itself.
 *   0         done (also when there was nothing to do)
 *   UV_EBUSY  it lives, somebody is at it just now, or this peer has mapped
 *             less than there is */
int uvshm__reap_locks(const struct uvshm__core* core, uint32_t slot);

/* Both parts: the second is everything else the peer had, and its slot is free
 * afterwards. Only in a thread that holds no lock of this object. */
int uvshm__reap(const struct uvshm__core* core, uint32_t slot);

/* Both parts, when the caller has claimed the slot itself: who joins in a dead
 * peer's slot, which is noted in the peer's entry ... */
void uvshm__reap_dead(const struct uvshm__core* core, uint32_t slot);

/* ... and who leaves. */
void uvshm__reap_claimed(const struct uvshm__core* core, uint32_t slot);

/* uvshm__reap() for every peer that is dead. How many there were. */
uint32_t uvshm__reap_all(const struct uvshm__core* core);

#endif /* UVSHM_CORE_REAP_H_ */
