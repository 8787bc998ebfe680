/* SPDX-License-Identifier: MIT */

/* A segment for tests of what lies in one. */

#ifndef UVSHM_TEST_SEGMENT_H_
#define UVSHM_TEST_SEGMENT_H_

#include "uvshm.h"

#include <stdint.h>

/* Open it, or with UVSHM_CREATE make it: 1 MiB, which may grow to 64. Fails the
 * test when that cannot be. */
uvshm_segment_t* test_segment(const char* name, uint32_t flags);

#endif /* UVSHM_TEST_SEGMENT_H_ */
