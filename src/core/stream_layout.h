/* SPDX-License-Identifier: MIT */

/* The bytes of a stream: the area of a channel of kind 1 (channel_layout.h).
 *
 *   offset  size  field     written by   meaning
 *        0     8  oldest    reader       position of the first message that is
 *                                        not released: successors begin there
 *        8     8  received  reader       messages released; a hint
 *       16   112  unused
 *      128     8  told      reader       as `oldest`, but told only at times
 *      136   120  unused
 *      256     8  sent      writer       messages; a hint
 *      264   120  unused
 *      384        ring      writer       `capacity` bytes, and room for one
 *                                        more record behind them
 *
 * A position counts bytes since the stream was made; position modulo capacity
 * is the place in the ring. Records lie one behind the other, at multiples of
 * 8. One that begins before the end of the ring goes on behind it, so that each
 * is in one piece, and the next one begins where it would have, the bytes at
 * the ring's start that this leaves out being unused. A record:
 *
 *   offset  size  field     written by   meaning
 *        0     8  word      writer       {bytes of the record / 8:32 | bytes
 *                                        of the message + 1:32}; 0: it is not
 *                                        there yet
 *        8        message   writer
 *
 * `word` of the record behind the last one is 0, always: it becomes 0 before
 * the last one's word is stored. With 0x80000000 in its low half a record is no
 * message but room that is left out, so that the next one begins at a multiple
 * of 64 (large messages do).
 *
 * A change to this table is a change to the format: raise UVSHM__FORMAT_CHANNEL
 * and say so in docs/format.md.
 */

#ifndef UVSHM_CORE_STREAM_LAYOUT_H_
#define UVSHM_CORE_STREAM_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>

struct uvshm__stream_hdr {
  uvshm__a64_t oldest;
  uvshm__a64_t received;
  unsigned char unused1[112];
  uvshm__a64_t told;
  unsigned char unused2[120];
  uvshm__a64_t sent;
  unsigned char unused3[120];
};

#define UVSHM__STREAM_SPAN_SHIFT 32
#define UVSHM__STREAM_SKIP 0x80000000u

struct uvshm__stream_ent {
  uvshm__a64_t word;
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__stream_hdr, received) == 8,
               "stream format");
_Static_assert(offsetof(struct uvshm__stream_hdr, told) == 128,
               "stream format");
_Static_assert(offsetof(struct uvshm__stream_hdr, sent) == 256,
               "stream format");
_Static_assert(sizeof(struct uvshm__stream_hdr) == 384, "stream format");
_Static_assert(sizeof(struct uvshm__stream_ent) == 8, "stream format");

#endif /* UVSHM_CORE_STREAM_LAYOUT_H_ */
