/* SPDX-License-Identifier: MIT */

/* libFuzzer on the public API, over a file of whose bytes some were changed
 * before it is opened, and some more between the calls. */

#include "fuzz/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);


int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz_segment_run(bytes, size, 32);
  return 0;
}
