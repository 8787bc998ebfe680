/* SPDX-License-Identifier: MIT */

/* Commands over the public API. See fuzz-segment.c. */

#ifndef UVSHM_TEST_FUZZ_SEGMENT_H_
#define UVSHM_TEST_FUZZ_SEGMENT_H_

#include "fuzz/fuzz.h"
#include "uvshm.h"

#define FUZZ_SEGMENT_BLOCKS 4u

/* One open of the damaged file, what was opened from it, and where it lies. */
struct fuzz_segment {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_sem_t* sem;
  uvshm_map_t* map;
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  uvshm_txn_t txn;
  uint32_t in_txn; /* `txn` was begun, and its mutex is open */
  void* blocks[FUZZ_SEGMENT_BLOCKS];
  uvshm_ref_t* root;
  uint64_t recent; /* a place in it that a call was about */
  unsigned char* base;
  uint64_t size;
};

typedef void (*fuzz_segment_op)(struct fuzz_segment* world,
                                struct fuzz_input* input);

struct fuzz_segment_table {
  const fuzz_segment_op* ops;
  uint32_t count;
};

/* One for each structure, in the file of its name. */
extern const struct fuzz_segment_table fuzz_segment_calls;
extern const struct fuzz_segment_table fuzz_segment_heap;
extern const struct fuzz_segment_table fuzz_segment_map;
extern const struct fuzz_segment_table fuzz_segment_channel;
extern const struct fuzz_segment_table fuzz_segment_txn;

/* Remember that a call was about this place. */
void fuzz_segment_at(struct fuzz_segment* world, const void* address);

void fuzz_segment_run(const uint8_t* bytes, size_t size, uint32_t commands);

#endif /* UVSHM_TEST_FUZZ_SEGMENT_H_ */
