/* SPDX-License-Identifier: MIT */

/* Commands over the public API. See fuzz-segment.c. */

#ifndef UVSHM_TEST_FUZZ_SEGMENT_H_
#define UVSHM_TEST_FUZZ_SEGMENT_H_

#include "fuzz/fuzz.h"
#include "uvshm.h"

/* One open of the damaged file, what was opened from it, and where it lies. */
struct fuzz_segment {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_sem_t* sem;
  unsigned char* base;
  uint64_t size;
};

typedef void (*fuzz_segment_op)(struct fuzz_segment* world,
                                struct fuzz_input* input);

struct fuzz_segment_table {
  const fuzz_segment_op* ops;
  uint32_t count;
};

extern const struct fuzz_segment_table fuzz_segment_calls;

void fuzz_segment_run(const uint8_t* bytes, size_t size, uint32_t commands);

#endif /* UVSHM_TEST_FUZZ_SEGMENT_H_ */
