/* SPDX-License-Identifier: MIT */

/* The bytes of a cell.
 *
 * Header, in the body of its directory entry (128 bytes), written by the maker:
 *
 *   offset  size  field     meaning
 *        0     8  block     offset of all the rest, a block of the heap;
 *                           becomes 0 when the cell is buried
 *        8     4  format    UVSHM__FORMAT_CELL
 *       12     4  pins      1 to 48
 *       16     4  writers   1 to 14
 *       20     4  unused
 *       24     8  size      of the largest value, bytes; at least 1
 *       32    96  unused
 *
 * The block, at a multiple of 64:
 *
 *   offset  size  field     written by        meaning
 *        0     8  current   writers, by CAS   {version:56 | buffer:8}; 0: no
 *                                             value was written yet
 *        8    16  news      signal.h          raised with each new value
 *       24    40  unused
 *       64    16  room      signal.h          raised when a buffer is given
 *                                             back and somebody waits for one
 *       80    48  unused
 *      128   256  own       writers, by CAS;  buffer n is being written by peer
 *                           repairer          own[n] - 1; 0: by nobody
 *      384  64*P  pin       readers, by CAS;  one line each, its first 4 bytes:
 *                           repairer          {buffer:16 | slot+1:16}, peer
 *                                             `slot` looks at `buffer`; 0: free
 *           S*B  buffers
 *
 * P is pins, B is pins + writers + 2, S the bytes of a buffer: a multiple of
 * 64, with room for its head and a value of the largest size.
 *
 *   offset  size  field     written by        meaning
 *        0     8  stamp     its writer        version of its value; 0: it is
 *                                             being written, or never was
 *        8     8  size      its writer        of its value, bytes
 *       16 or     value     its writer        at 16 when values have at most 48
 *       64                                    bytes, else at 64
 *
 * A change to these tables is a change to the format: raise UVSHM__FORMAT_CELL
 * and say so in docs/format.md.
 */

#ifndef UVSHM_CORE_CELL_LAYOUT_H_
#define UVSHM_CORE_CELL_LAYOUT_H_

#include "base/atomic.h"
#include "core/signal.h"

#include <stddef.h>

#define UVSHM__FORMAT_CELL 1u

#define UVSHM__CELL_PINS_LIMIT 48u
#define UVSHM__CELL_WRITERS_LIMIT 14u
#define UVSHM__CELL_BUFFERS_LIMIT 64u
#define UVSHM__CELL_SPARE 2u /* the latest value, and one more */

/* Larger than any heap. */
#define UVSHM__CELL_SIZE_LIMIT (UINT64_C(1) << 46)

#define UVSHM__CELL_BUFFER 0xffu /* of `current` */
#define UVSHM__CELL_VERSION_SHIFT 8

#define UVSHM__CELL_PIN_SHIFT 16
#define UVSHM__CELL_PIN_SLOT 0xffffu

#define UVSHM__CELL_PINS_OFFSET 384u
#define UVSHM__CELL_LINE 64u
#define UVSHM__CELL_SMALL 48u /* values that lie in the line of their head */

struct uvshm__cell_hdr {
  uvshm__a64_t block;
  uint32_t format;
  uint32_t pins;
  uint32_t writers;
  uint32_t unused1;
  uint64_t size;
  unsigned char unused2[96];
};

struct uvshm__cell_block {
  uvshm__a64_t current;
  struct uvshm__signal news;
  unsigned char unused1[40];
  struct uvshm__signal room;
  unsigned char unused2[48];
  uvshm__a32_t own[UVSHM__CELL_BUFFERS_LIMIT];
};

struct uvshm__cell_pin {
  uvshm__a32_t word;
  unsigned char unused[60];
};

struct uvshm__cell_buffer {
  uvshm__a64_t stamp;
  uvshm__a64_t size;
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__cell_hdr, format) == 8, "cell format");
_Static_assert(offsetof(struct uvshm__cell_hdr, pins) == 12, "cell format");
_Static_assert(offsetof(struct uvshm__cell_hdr, writers) == 16, "cell format");
_Static_assert(offsetof(struct uvshm__cell_hdr, size) == 24, "cell format");
_Static_assert(sizeof(struct uvshm__cell_hdr) == 128, "cell format");
_Static_assert(offsetof(struct uvshm__cell_block, news) == 8, "cell format");
_Static_assert(offsetof(struct uvshm__cell_block, room) == 64, "cell format");
_Static_assert(offsetof(struct uvshm__cell_block, own) == 128, "cell format");
_Static_assert(sizeof(struct uvshm__cell_block) == UVSHM__CELL_PINS_OFFSET,
               "cell format");
_Static_assert(sizeof(struct uvshm__cell_pin) == UVSHM__CELL_LINE,
               "cell format");
_Static_assert(offsetof(struct uvshm__cell_buffer, size) == 8, "cell format");
_Static_assert(sizeof(struct uvshm__cell_buffer) == 16, "cell format");
_Static_assert(UVSHM__CELL_PINS_LIMIT + UVSHM__CELL_WRITERS_LIMIT +
                       UVSHM__CELL_SPARE ==
                   UVSHM__CELL_BUFFERS_LIMIT,
               "a buffer for everybody");

#endif /* UVSHM_CORE_CELL_LAYOUT_H_ */
