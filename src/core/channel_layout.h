/* SPDX-License-Identifier: MIT */

/* The bytes of a channel of any kind.
 *
 * Header, in the body of its directory entry (128 bytes), written by the maker
 * and never again:
 *
 *   offset  size  field      meaning
 *        0     8  block      offset of the block that has all the rest
 *        8     8  size       bytes of it that are used
 *       16     8  capacity   stream: bytes of the ring; else messages
 *       24     8  size_max   bytes of the largest message
 *       32     4  kind       1 stream, 2 queue, 3 topic
 *       36     4  flags      1 lossless, 2 redeliver
 *       40     4  writers    most ends of each
 *       44     4  readers
 *       48     4  loans      that one reader may hold
 *       52     4  format     UVSHM__FORMAT_CHANNEL
 *       56    72  unused
 *
 * The block, at a multiple of 128: the front, one entry for each end (first
 * `writers`, then `readers`), and what the kind needs (<kind>_layout.h), at the
 * next multiple of 128. The front (256 bytes):
 *
 *   offset  size  field      written by        meaning
 *        0    16  readable   signal.h          a message came, writers changed
 *       16   112  unused
 *      128    16  writable   signal.h          room came, readers changed
 *      144    48  unused
 *      192     4  writers    ends, repairers   {changes:30 | 0 never one, 1
 *      196     4  readers                      open, 2 closed, 3 died}: of the
 *                                              last that came or went; a hint,
 *                                              the entries are the truth
 *      200     8  high       writers           most messages seen waiting
 *      208     8  lost       readers,          of ends that are gone; hints
 *      216     8  again      repairers
 *      224    32  unused
 *
 * An end (64 bytes). Who is in state 1 or 2 is there; one that died is in state
 * 3 until all that it had is cleared away, one that leaves in state 4 while it
 * says so:
 *
 *   offset  size  field      written by        meaning
 *        0     8  owner      taker by CAS,     {generation:32 | slot+1:16 | 0
 *                            owner, repairer   free, 1 joining, 2 live, 3 dead,
 *                                              4 leaving}; generation +1 when
 *                                              taken
 *        8     8  messages   owner             sent or received
 *       16     8  lost       owner             missed
 *       24    40  own        owner, repairer   the kind's
 *
 * A change to these tables is a change to the format: raise
 * UVSHM__FORMAT_CHANNEL and say so in docs/format.md.
 */

#ifndef UVSHM_CORE_CHANNEL_LAYOUT_H_
#define UVSHM_CORE_CHANNEL_LAYOUT_H_

#include "base/atomic.h"
#include "core/signal.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__FORMAT_CHANNEL 1u

#define UVSHM__CHANNEL_STREAM 1u
#define UVSHM__CHANNEL_QUEUE 2u
#define UVSHM__CHANNEL_TOPIC 3u

#define UVSHM__CHANNEL_LOSSLESS 1u
#define UVSHM__CHANNEL_REDELIVER 2u

#define UVSHM__CHANNEL_ENDS_LIMIT 1024u /* writers; and readers */
#define UVSHM__CHANNEL_LOANS_LIMIT 64u
#define UVSHM__CHANNEL_ALIGNMENT 128u

struct uvshm__channel_hdr {
  uvshm__a64_t block;
  uint64_t size;
  uint64_t capacity;
  uint64_t size_max;
  uint32_t kind;
  uint32_t flags;
  uint32_t writers;
  uint32_t readers;
  uint32_t loans;
  uint32_t format;
  unsigned char unused[72];
};

#define UVSHM__CHANNEL_NEVER 0u
#define UVSHM__CHANNEL_OPEN 1u
#define UVSHM__CHANNEL_CLOSED 2u
#define UVSHM__CHANNEL_DIED 3u
#define UVSHM__CHANNEL_WAS 3u /* the bits of these */

struct uvshm__channel_front {
  struct uvshm__signal readable;
  unsigned char unused1[112];
  struct uvshm__signal writable;
  unsigned char unused2[48];
  uvshm__a32_t writers;
  uvshm__a32_t readers;
  uvshm__a64_t high;
  uvshm__a64_t lost;
  uvshm__a64_t again;
  unsigned char unused3[32];
};

#define UVSHM__END_FREE 0u
#define UVSHM__END_JOINING 1u
#define UVSHM__END_LIVE 2u
#define UVSHM__END_DEAD 3u
#define UVSHM__END_LEAVING 4u
#define UVSHM__END_SLOT_SHIFT 16
#define UVSHM__END_WORDS 5u

struct uvshm__channel_ent {
  uvshm__a64_t owner;
  uvshm__a64_t messages;
  uvshm__a64_t lost;
  uvshm__a64_t own[UVSHM__END_WORDS];
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__channel_hdr, size_max) == 24,
               "channel format");
_Static_assert(offsetof(struct uvshm__channel_hdr, kind) == 32,
               "channel format");
_Static_assert(offsetof(struct uvshm__channel_hdr, format) == 52,
               "channel format");
_Static_assert(sizeof(struct uvshm__channel_hdr) == 128, "channel format");
_Static_assert(offsetof(struct uvshm__channel_front, writable) == 128,
               "channel format");
_Static_assert(offsetof(struct uvshm__channel_front, writers) == 192,
               "channel format");
_Static_assert(offsetof(struct uvshm__channel_front, high) == 200,
               "channel format");
_Static_assert(sizeof(struct uvshm__channel_front) == 256, "channel format");
_Static_assert(offsetof(struct uvshm__channel_ent, own) == 24,
               "channel format");
_Static_assert(sizeof(struct uvshm__channel_ent) == 64, "channel format");

#endif /* UVSHM_CORE_CHANNEL_LAYOUT_H_ */
