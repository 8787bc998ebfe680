/* SPDX-License-Identifier: MIT */

/* Sizes that cannot wrap around. Each function answers 1 and writes its result,
 * or answers 0 when the result has no place in 64 bits. */

#ifndef UVSHM_BASE_ALIGN_H_
#define UVSHM_BASE_ALIGN_H_

#include <stdint.h>

static inline int uvshm__add(uint64_t a, uint64_t b, uint64_t* sum) {
  if (a > UINT64_MAX - b) return 0;
  *sum = a + b;
  return 1;
}


static inline int uvshm__mul(uint64_t a, uint64_t b, uint64_t* product) {
  if (b != 0 && a > UINT64_MAX / b) return 0;
  *product = a * b;
  return 1;
}


static inline int uvshm__is_power_of_2(uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}


/* The next multiple of `unit`, which must be a power of 2. */
static inline int uvshm__round_up(uint64_t value,
                                  uint64_t unit,
                                  uint64_t* result) {
  uint64_t sum;

  if (!uvshm__add(value, unit - 1, &sum)) return 0;
  *result = sum & ~(unit - 1);
  return 1;
}


static inline int uvshm__is_multiple(uint64_t value, uint64_t unit) {
  return (value & (unit - 1)) == 0;
}


/* Does [offset, offset + size) lie inside [0, limit)? */
static inline int uvshm__fits(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

#endif /* UVSHM_BASE_ALIGN_H_ */
