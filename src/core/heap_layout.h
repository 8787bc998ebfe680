/* SPDX-License-Identifier: MIT */

/* The bytes of a segment's heap.
 *
 * All that follows the control area is the heap's, in zones of 2 MiB, each of
 * 32 spans of 64 KiB. The last zone may exist in part. A small zone keeps what
 * is known of its spans in its own first span; a huge block takes whole zones,
 * which then keep nothing, so it may cross them.
 *
 * In the control area, at heap_offset:
 *
 *   offset  size  part
 *        0   128  lock       who changes what zones and spans are
 *      128   768  publish    6 locks, chosen by the slot that is written
 *      896     4  free_zone  holder of the lock: no zone before it has a free
 *                            span. A hint
 *      900   124  unused
 *     1024  16*Z  zones      one entry each, Z = heap_zones
 *
 * zone entry:
 *   offset  size  field  written by            meaning
 *        0     8  word   holder of the lock    {generation:32 | spans:24 |
 *                                              kind:8}
 *        8     4  room   anyone                bit n: span n may have room. A
 *                                              hint
 *       12     2  own    anyone, by CAS        owner of the huge block that
 *                                              begins here
 *       14     2  unused
 *
 * First span of a small zone:
 *   offset  size  part
 *        0    16  unused
 *    16*n     16  span entry n, 1 to 31
 *      512  1536  unused
 *  2048*n   2048  owner words of span n, 1024 of 2 bytes
 *
 * The owner words lie where they lie whatever the span is used for, so who
 * reads one late, of a span that became something else meanwhile, meets another
 * owner word, never the caller's bytes.
 *
 * span entry:
 *   offset  size  field  written by            meaning
 *        0     8  word   holder of the lock    {generation:32 | bin or
 *                                              spans:24 | kind:8}
 *        8     4  user   anyone, by CAS        {moving:1 | lane + 1 of the only
 *                                              one that takes blocks of it:31}
 *       12     4  unused
 *
 * Words of zones: kind 0 free, 1 small, 2 a huge block of `spans` spans begins
 * here, 3 small and looked at: about to become free (who walks through it after
 * a death, without the lock, says small again), 4 inside a huge block that
 * begins `spans` zones earlier, if that zone says so too. Bit 23 of spans
 * (UVSHM__ZONE_USED), of a free zone: it was part of a huge block, so its first
 * span may hold anything. Else that span is as a small zone without blocks
 * leaves it, or zeros.
 *
 * user: with `moving` nobody takes blocks: that lane is looking whether
 * somebody still does. heap_small.c tells more.
 *
 * Words of spans: kind 0 free, 1 blocks of one bin, 2 a run of `spans` spans
 * begins here (those after the first say free), 3 blocks of one bin and
 * looked at: about to become free, 4 blocks of any size.
 *
 * owner word: 0 free, 1 shared, 2 shared and the library's own, 16 + n private
 * to peer n; in a span of blocks of any size, 3 inside the block before. Block
 * i of a span has word i, or, of any size, that of its first 64 bytes; a run
 * has word 0 of its first span. A block is allocated when its word is not 0,
 * and that is all that says so.
 */

#ifndef UVSHM_CORE_HEAP_LAYOUT_H_
#define UVSHM_CORE_HEAP_LAYOUT_H_

#include "base/atomic.h"
#include "core/control_layout.h"

#include <stddef.h>

#define UVSHM__SPAN_SIZE UVSHM__GRANULE
#define UVSHM__ZONE_SPANS 32u
/* 32 TiB: spans are numbered in 32 bits with room to spare. */
#define UVSHM__ZONES_LIMIT (1u << 24)
#define UVSHM__ZONE_SIZE (UVSHM__ZONE_SPANS * UVSHM__SPAN_SIZE)
#define UVSHM__SPAN_OWNERS 1024u
#define UVSHM__OWNERS_SIZE (UVSHM__SPAN_OWNERS * 2)

/* How many sizes of small blocks there are (heap_bin.h): span entries say which
 * their span has. */
#define UVSHM__HEAP_BINS 30u

#define UVSHM__ZONE_FREE 0u
#define UVSHM__ZONE_SMALL 1u
#define UVSHM__ZONE_HUGE 2u
#define UVSHM__ZONE_CLOSING 3u
#define UVSHM__ZONE_CONT 4u
#define UVSHM__ZONE_USED 0x800000u

#define UVSHM__SPAN_FREE 0u
#define UVSHM__SPAN_SMALL 1u
#define UVSHM__SPAN_RUN 2u
#define UVSHM__SPAN_CLOSING 3u
#define UVSHM__SPAN_MIXED 4u

#define UVSHM__SPAN_MOVING 0x80000000u /* of `user` */

#define UVSHM__OWN_FREE 0u
#define UVSHM__OWN_SHARED 1u
#define UVSHM__OWN_LIBRARY 2u
#define UVSHM__OWN_INSIDE 3u
#define UVSHM__OWN_PRIVATE 16u /* + the peer's slot */

#define UVSHM__HEAP_PUBLISH_LOCKS 6u
#define UVSHM__HEAP_HEAD_SIZE 1024u

struct uvshm__zone_ent {
  uvshm__a64_t word;
  uvshm__a32_t room;
  uvshm__a16_t own;
  unsigned char unused[2];
};

struct uvshm__span_ent {
  uvshm__a64_t word;
  uvshm__a32_t user;
  unsigned char unused[4];
};

struct uvshm__heap_head {
  unsigned char lock[128];
  unsigned char publish[UVSHM__HEAP_PUBLISH_LOCKS][128];
  uvshm__a32_t free_zone;
  unsigned char unused[124];
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__zone_ent, room) == 8, "heap format");
_Static_assert(offsetof(struct uvshm__zone_ent, own) == 12, "heap format");
_Static_assert(sizeof(struct uvshm__zone_ent) == 16, "heap format");
_Static_assert(offsetof(struct uvshm__span_ent, user) == 8, "heap format");
_Static_assert(sizeof(struct uvshm__span_ent) == 16, "heap format");
_Static_assert(offsetof(struct uvshm__heap_head, free_zone) == 896,
               "heap format");
_Static_assert(sizeof(struct uvshm__heap_head) == UVSHM__HEAP_HEAD_SIZE,
               "heap format");
_Static_assert(UVSHM__ZONE_SIZE == 2097152, "heap format");
_Static_assert(UVSHM__OWNERS_SIZE* UVSHM__ZONE_SPANS == UVSHM__SPAN_SIZE,
               "owner words fill the first span");
_Static_assert(sizeof(struct uvshm__span_ent) * UVSHM__ZONE_SPANS <=
                   UVSHM__OWNERS_SIZE,
               "span entries lie before them");

#endif /* UVSHM_CORE_HEAP_LAYOUT_H_ */
