/* SPDX-License-Identifier: MIT */

/* libFuzzer on core, in plain memory. See fuzz/fuzz.h. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);


int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz_run(bytes, size, 64);
  return 0;
}
