/* SPDX-License-Identifier: MIT */

/* Segments and regions for tests of other things. */

#ifndef UVSHM_TEST_SEGMENT_H_
#define UVSHM_TEST_SEGMENT_H_

#include "uvshm.h"

#include <stdint.h>

/* Open it, or with UVSHM_CREATE make it: 1 MiB, which may grow to 64. Fails the
 * test when that cannot be. */
uvshm_segment_t* test_segment(const char* name, uint32_t flags);

/* A region with UVSHM_CREATE. Fails the test when that cannot be. */
uvshm_region_t* test_region(const char* name, uint32_t flags, uint64_t size);

/* Open one; what uvshm_region_open() returns. */
int test_region_attach(uvshm_region_t** region,
                       const char* name,
                       uint32_t flags);

#endif /* UVSHM_TEST_SEGMENT_H_ */
