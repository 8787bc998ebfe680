/* SPDX-License-Identifier: MIT */

/* Bytes that are fewer than a word, without a call of memcpy(). All systems are
 * little-endian. */

#ifndef UVSHM_BASE_WORD_H_
#define UVSHM_BASE_WORD_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The first `size` bytes, 1 to 7, as a word; zeros above. */
static inline uint64_t uvshm__word_of(const unsigned char* at, size_t size) {
  uint32_t low;
  uint32_t high;

  if (size >= 4) { /* two that may overlap */
    memcpy(&low, at, 4);
    memcpy(&high, at + size - 4, 4);
    return low | (uint64_t) high << 8 * (size - 4);
  }
  /* The first, the middle and the last one, which may be the same. */
  return at[0] | (uint64_t) at[size >> 1] << 8 * (size >> 1) |
         (uint64_t) at[size - 1] << 8 * (size - 1);
}


/* The opposite. */
static inline void uvshm__word_to(unsigned char* to,
                                  uint64_t word,
                                  size_t size) {
  uint32_t half = (uint32_t) word;
  uint16_t quarter;

  if (size & 4) {
    memcpy(to, &half, 4);
    half = (uint32_t) (word >> 32);
    to += 4;
  }
  if (size & 2) {
    quarter = (uint16_t) half;
    memcpy(to, &quarter, 2);
    half >>= 16;
    to += 2;
  }
  if (size & 1) *to = (unsigned char) half;
}

#endif /* UVSHM_BASE_WORD_H_ */
