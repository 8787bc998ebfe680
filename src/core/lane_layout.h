/* SPDX-License-Identifier: MIT */

/* The bytes of a lane: what an object keeps for one thread of one peer, so that
 * others can clear up after that thread. Two cache lines, at a multiple of 64.
 *
 *   offset  size  field       written by           meaning
 *        0     4  owner       claimer by CAS,      0 free, else {peer's
 *                             owner, repairer      generation:21 | slot+1:11}
 *        4     4  generation  owner                +1 at every claim, before
 *                                                  the lane is first used
 *        8     8  wait_on     owner, repairer      offset of the word that the
 *                                                  thread sleeps on; 0 awake
 *       16    80  held        owner, repairer      offsets / 64 of locks that
 *                                                  it holds, is taking or has
 *                                                  just given back; 0 none.
 *                                                  Bit 31: for reading, of an
 *                                                  rwlock
 *       96     4  span        owner, repairer      {only looking:1 | span + 1
 *                                                  whose owner words the thread
 *                                                  may change just now; 0: none
 *                                                  :31} (heap_small.c)
 *      100     4  turn        owner; signaller     place of the cond that the
 *                             by CAS; repairer     thread waits for (offset /
 *                                                  64); bit 31: it waits, bit
 *                                                  30: it was called
 *      104    16  unused
 *      120     8  arrived     owner; resetter by   {lost:1 | place of the
 *                             CAS; repairer        barrier:31 | round:32} that
 *                                                  it has come to; 0 none
 *
 * A lane is freed only when all of `held` is 0, so no lock word ever names a
 * free lane or an older generation of a lane.
 *
 * The lowest free lane is claimed first, and one that was claimed never has
 * generation 0 again. So who looks through lanes may stop at the first one that
 * is free and of generation 0: no thread has had it, nor any after it.
 */

#ifndef UVSHM_CORE_LANE_LAYOUT_H_
#define UVSHM_CORE_LANE_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>

/* For the caller's locks, and for those that the library takes meanwhile. */
#define UVSHM__LANE_HELD_CALLER 16u
#define UVSHM__LANE_HELD 20u

#define UVSHM__LANE_READ 0x80000000u /* of a note */

#define UVSHM__TURN_WAITS 0x80000000u
#define UVSHM__TURN_CALLED 0x40000000u
#define UVSHM__TURN_PLACE 0x3fffffffu

#define UVSHM__ARRIVED_LOST (UINT64_C(1) << 63)

#define UVSHM__LANE_LOOKING 0x80000000u /* of `span` */

#define UVSHM__LANE_SLOT 0x7ffu /* slot + 1 */
#define UVSHM__LANE_PEER_SHIFT 11
#define UVSHM__LANE_PEER 0x1fffffu /* peer's generation, after the shift */

struct uvshm__lane_ent {
  uvshm__a32_t owner;
  uvshm__a32_t generation;
  uvshm__a64_t wait_on;
  uvshm__a32_t held[UVSHM__LANE_HELD];
  uvshm__a32_t span;
  uvshm__a32_t turn;
  unsigned char unused[16];
  uvshm__a64_t arrived;
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__lane_ent, generation) == 4,
               "lane format");
_Static_assert(offsetof(struct uvshm__lane_ent, wait_on) == 8, "lane format");
_Static_assert(offsetof(struct uvshm__lane_ent, held) == 16, "lane format");
_Static_assert(offsetof(struct uvshm__lane_ent, span) == 96, "lane format");
_Static_assert(offsetof(struct uvshm__lane_ent, turn) == 100, "lane format");
_Static_assert(offsetof(struct uvshm__lane_ent, arrived) == 120, "lane format");
_Static_assert(sizeof(struct uvshm__lane_ent) == 128, "lane format");

#endif /* UVSHM_CORE_LANE_LAYOUT_H_ */
