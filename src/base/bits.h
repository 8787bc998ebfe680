/* SPDX-License-Identifier: MIT */

#ifndef UVSHM_BASE_BITS_H_
#define UVSHM_BASE_BITS_H_

#include <stdint.h>

/* The number of the highest bit that is set; `value` is not 0. */
static inline uint32_t uvshm__highest_bit(uint32_t value) {
#if defined(__GNUC__) && !defined(UVSHM__MSVC_RULES)
  return 31u ^ (uint32_t) __builtin_clz(value);
#else
  uint32_t bit = 0;
  uint32_t step;

  for (step = 16; step != 0; step /= 2) {
    if (value >> step == 0) continue;
    value >>= step;
    bit += step;
  }
  return bit;
#endif
}


/* The bits in the opposite order. */
static inline uint64_t uvshm__reverse_bits(uint64_t x) {
  x = (x >> 1 & UINT64_C(0x5555555555555555)) |
      (x & UINT64_C(0x5555555555555555)) << 1;
  x = (x >> 2 & UINT64_C(0x3333333333333333)) |
      (x & UINT64_C(0x3333333333333333)) << 2;
  x = (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) |
      (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
  x = (x >> 8 & UINT64_C(0x00ff00ff00ff00ff)) |
      (x & UINT64_C(0x00ff00ff00ff00ff)) << 8;
  x = (x >> 16 & UINT64_C(0x0000ffff0000ffff)) |
      (x & UINT64_C(0x0000ffff0000ffff)) << 16;
  return x >> 32 | x << 32;
}

#endif /* UVSHM_BASE_BITS_H_ */
