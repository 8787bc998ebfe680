/* SPDX-License-Identifier: MIT */

/* What the writing and the reading side of a cell share. */

#ifndef UVSHM_CORE_CELL_INSIDE_H_
#define UVSHM_CORE_CELL_INSIDE_H_

#include <stdint.h>

/* How often others may be faster before that cannot be: each time one of them
 * has written a value. */
#define UVSHM__CELL_TRIES (1u << 20)

/* Of this many bytes and more a value is copied as memory, not word by word:
 * that is faster. A reader pins it first if he may, because his copy would
 * rarely come through. */
#define UVSHM__CELL_COPY_PINNED 16384u

/* UV_EPROTO: `current` cannot be. */
int uvshm__cell_damaged(uint64_t current);

#endif /* UVSHM_CORE_CELL_INSIDE_H_ */
