/* SPDX-License-Identifier: MIT */

/* The product of two words, 128 bits, and then the exclusive or of its halves:
 * each bit of either word makes a difference to nearly all of the result. The
 * same number on every system. */

#ifndef UVSHM_BASE_FOLD_H_
#define UVSHM_BASE_FOLD_H_

#include <stdint.h>

#if defined(_MSC_VER) && defined(_M_X64) && !defined(__clang__)
# include <intrin.h>
#endif

/* For processors of 32 bits, and to compare with. */
static inline uint64_t uvshm__fold_by_halves(uint64_t a, uint64_t b) {
  uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
  uint64_t one = (a >> 32) * (b & UINT32_MAX);
  uint64_t two = (a & UINT32_MAX) * (b >> 32);
  uint64_t high = (a >> 32) * (b >> 32);
  uint64_t middle = (low >> 32) + (one & UINT32_MAX) + (two & UINT32_MAX);

  high += (one >> 32) + (two >> 32) + (middle >> 32);
  return high ^ (middle << 32 | (low & UINT32_MAX));
}


static inline uint64_t uvshm__fold(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__) && !defined(UVSHM__MSVC_RULES)
  __extension__ unsigned __int128 product = (unsigned __int128) a * b;

  return (uint64_t) (product >> 64) ^ (uint64_t) product;
#elif defined(_MSC_VER) && defined(_M_X64) && !defined(__clang__)
  uint64_t high;
  uint64_t low = _umul128(a, b, &high);

  return high ^ low;
#else
  return uvshm__fold_by_halves(a, b);
#endif
}

#endif /* UVSHM_BASE_FOLD_H_ */
