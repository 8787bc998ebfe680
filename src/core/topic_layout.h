/* SPDX-License-Identifier: MIT */

/* The bytes of a topic, inside its channel's block (channel_layout.h).
 *
 * Positions count the messages from the number of slots on: message n has
 * position `slots` + n and goes to the slot of index (position modulo slots).
 * Of each whole block of 64 slots, index 8 a + b means slot 8 b + a; of what is
 * left over, slot and index are the same. Words that
 * name a chunk have its number in the low 24 bits and 40 bits of something that
 * never comes twice above.
 *
 * The area:
 *
 *   header    384 bytes
 *   slots     8 bytes each: capacity, and `writers` + 1 more when lossless
 *   spares    8 bytes each: readers * loans
 *   swaps     8 bytes for each chunk: slots + spares + writers
 *   sizes     8 bytes for each chunk
 *   hands     64 bytes for each writer
 *   pins      8 bytes for each loan of a reader; each reader's begin at a
 *             multiple of 64
 *   messages  size_max bytes for each chunk, at a multiple of 64
 *
 * each of them at a multiple of 64. Header:
 *
 *   offset  size  field    written by       meaning
 *        0     8  tail     anyone, by CAS   position of the next message; at
 *                                           most one late
 *        8   120  unused
 *      128     8  limit    writers and      lossless: {readers that ever came:
 *                          readers, by CAS  24 | position:40} positions before
 *                                           it may be written
 *      136   120  unused
 *      256   128  pinners  readers          bit n of word m: reader 64 m + n
 *                                           may have pins
 *
 *   word   size  written by          meaning
 *   slot      8  writers, by CAS     {position:40 | chunk:24}
 *   spare     8  writers, by CAS     {exchanges:40 | chunk:24}
 *   hand      8  its writer; others  {exchanges:40 | chunk:24}
 *                that help, by CAS
 *   pin       8  its reader,         {generation of the reader's entry:32 |
 *                repairers           chunk + 1 that it reads in place:32};
 *                                    0 none
 *   swap      8  who has the chunk   {for:24 | place:29 | writer+1:11}: with
 *                in his hand         what it is exchanged, where (slots first,
 *                                    then spares), and whose hand it comes
 *                                    from; 0 nothing
 *   size      8  the same, if it is  bytes of the message
 *                another one
 *
 * Of an end's entry a topic uses own[0], of a reader: the position of the
 * oldest message that it has not done with; 0 before it is known.
 *
 * A change to these tables is a change to the format: raise
 * UVSHM__FORMAT_CHANNEL and say so in docs/format.md.
 */

#ifndef UVSHM_CORE_TOPIC_LAYOUT_H_
#define UVSHM_CORE_TOPIC_LAYOUT_H_

#include "base/atomic.h"
#include "core/channel_layout.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__TOPIC_CHUNK_BITS 24
#define UVSHM__TOPIC_CHUNKS (1u << UVSHM__TOPIC_CHUNK_BITS)
#define UVSHM__TOPIC_COUNT ((UINT64_C(1) << 40) - 1) /* what 40 bits hold */

#define UVSHM__TOPIC_WRITER_BITS 11
#define UVSHM__TOPIC_PLACE_BITS 29

#define UVSHM__TOPIC_PINNERS (UVSHM__CHANNEL_ENDS_LIMIT / 64)

struct uvshm__topic_hdr {
  uvshm__a64_t tail;
  unsigned char unused1[120];
  uvshm__a64_t limit;
  unsigned char unused2[120];
  uvshm__a64_t pinners[UVSHM__TOPIC_PINNERS];
};

struct uvshm__topic_hand {
  uvshm__a64_t word;
  unsigned char unused[56];
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__topic_hdr, limit) == 128, "topic format");
_Static_assert(offsetof(struct uvshm__topic_hdr, pinners) == 256,
               "topic format");
_Static_assert(sizeof(struct uvshm__topic_hdr) == 384, "topic format");
_Static_assert(sizeof(struct uvshm__topic_hand) == 64, "topic format");

#endif /* UVSHM_CORE_TOPIC_LAYOUT_H_ */
