/* SPDX-License-Identifier: MIT */

/* What heap_zone.c and heap_reclaim.c share, both with the heap's lock held. */

#ifndef UVSHM_CORE_HEAP_ZONE_H_
#define UVSHM_CORE_HEAP_ZONE_H_

#include "core/heap_inside.h"

#include <stdint.h>

/* The first span of a zone that is the callers'. */
#define UVSHM__FIRST_PLACE 1u

struct uvshm__span_facts {
  uint64_t word;
  uint32_t count; /* of places that it takes */
  uint32_t is_free;
  uint32_t was_freed; /* just now */
};

/* What the span is, after what a dead holder of the lock left half done is
 * finished, and a run that was given back is free. */
struct uvshm__span_facts uvshm__span_settle(const struct uvshm__core* core,
                                            uint32_t zone,
                                            uint32_t place);

/* Say that `count` spans from `place` on have room. */
static inline void uvshm__zone_set_room(const struct uvshm__core* core,
                                        uint32_t zone,
                                        uint32_t place,
                                        uint32_t count) {
  uvshm__a32_or(&uvshm__heap_zone(core, zone)->room,
                uvshm__room_bits(place, count));
}

#endif /* UVSHM_CORE_HEAP_ZONE_H_ */
