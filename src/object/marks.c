/* SPDX-License-Identifier: MIT */

/* The marks for AddressSanitizer that stand, in a ring: the oldest goes when a
 * new one needs its place. One word each, so that threads need no lock: the
 * address and the size in units of 16 bytes, 44 bits and 20.
 */

#include "object/marks.h"

#include "base/atomic.h"

#if defined(UVSHM__ASAN)

# define MARKS 1024
# define UNIT 16
# define SIZE_BITS 20
# define SIZE_MASK ((UINT64_C(1) << SIZE_BITS) - 1)

static uvshm__a64_t marks[MARKS];
static uvshm__a32_t next;
static uvshm__a32_t any;


static void put(uvshm__a64_t* mark, uint64_t instead) {
  uint64_t word = uvshm__a64_xchg(mark, instead);

  if (word != 0)
    UVSHM__UNPOISON((void*) (uintptr_t) ((word >> SIZE_BITS) * UNIT),
                    (size_t) (word & SIZE_MASK) * UNIT);
}


void uvshm__marks_add(unsigned char* address, size_t size) {
  uint64_t units = size / UNIT;
  uvshm__a64_t* mark = &marks[uvshm__a32_add(&next, 1) % MARKS];

  if (units > SIZE_MASK) units = SIZE_MASK;
  put(mark, 0); /* first: it may be the same memory */
  UVSHM__POISON(address, (size_t) units * UNIT);
  put(mark, ((uint64_t) (uintptr_t) address / UNIT) << SIZE_BITS | units);
  uvshm__a32_store_release(&any, 1);
}


void uvshm__marks_clear(void) {
  uint32_t i;

  if (uvshm__a32_load_relaxed(&any) == 0 || uvshm__a32_xchg(&any, 0) == 0)
    return;
  for (i = 0; i < MARKS; i++) put(&marks[i], 0);
}

#endif
