/* SPDX-License-Identifier: MIT */

/* What the public API does to a segment, each with what must be true after a
 * death in the middle of it. Used three ways: in the lab (public.c), stepped
 * through as it is compiled for release (step.c), and killed at each system
 * call (syscalls.c).
 *
 * `before` runs in the process that will die, `repair` and `after` in others:
 * so all that they share is in the segment.
 */

#ifndef UVSHM_TEST_CRASH_OPS_H_
#define UVSHM_TEST_CRASH_OPS_H_

#include "uvshm.h"
#include "uvshm/crash.h"

#include <stddef.h>

extern const uvshm_crash_t crash_ops[];
extern const size_t crash_ops_count;

#endif /* UVSHM_TEST_CRASH_OPS_H_ */
