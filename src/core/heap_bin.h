/* SPDX-License-Identifier: MIT */

/* Sizes of small blocks, called bins: four to a doubling, in units of 64 bytes.
 * From 4 KiB on they are what remains of a span when it is cut into so many
 * equal parts, so that little is left over.
 */

#ifndef UVSHM_CORE_HEAP_BIN_H_
#define UVSHM_CORE_HEAP_BIN_H_

#include "core/heap_layout.h"

#include <stdint.h>

#define UVSHM__HEAP_UNIT 64u
#define UVSHM__HEAP_SMALL_MAX 32768u /* the largest small block */

struct uvshm__heap_bin {
  uint32_t units;      /* of one block */
  uint32_t count;      /* blocks in a span */
  uint32_t reciprocal; /* 2^31 / units, rounded up */
};

/* By bin; and for sizes up to 4096 bytes the bin, by (size - 1) / 64. */
extern const struct uvshm__heap_bin uvshm__heap_bins[UVSHM__HEAP_BINS];
extern const uint8_t uvshm__heap_bin_of[64];

/* Of 1 to UVSHM__HEAP_SMALL_MAX bytes. */
static inline uint32_t uvshm__heap_bin(uint32_t size) {
  uint32_t units = (size + UVSHM__HEAP_UNIT - 1) / UVSHM__HEAP_UNIT;
  uint32_t bin;

  if (units <= 64) return uvshm__heap_bin_of[units - 1];
  for (bin = 20; uvshm__heap_bins[bin].units < units;) bin++;
  return bin;
}


static inline uint32_t uvshm__heap_bin_size(uint32_t bin) {
  return uvshm__heap_bins[bin].units * UVSHM__HEAP_UNIT;
}


/* Which block of a span begins at byte `offset` of it. 0: none, or there is no
 * such bin. */
static inline int uvshm__heap_index(uint32_t bin,
                                    uint32_t offset,
                                    uint32_t* index) {
  uint32_t units;
  uint32_t i;

  if (bin >= UVSHM__HEAP_BINS) return 0;
  units = uvshm__heap_bins[bin].units;
  i = (uint32_t) ((uint64_t) (offset / UVSHM__HEAP_UNIT) *
                      uvshm__heap_bins[bin].reciprocal >>
                  31);
  *index = i;
  return i * units * UVSHM__HEAP_UNIT == offset &&
         i < uvshm__heap_bins[bin].count;
}


/* Which block of a span byte `offset` lies in, if it lies in one. */
static inline uint32_t uvshm__heap_index_inside(uint32_t bin, uint32_t offset) {
  return (uint32_t) ((uint64_t) (offset / UVSHM__HEAP_UNIT) *
                         uvshm__heap_bins[bin].reciprocal >>
                     31);
}

#endif /* UVSHM_CORE_HEAP_BIN_H_ */
