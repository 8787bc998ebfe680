/* SPDX-License-Identifier: MIT */

/* Blocks of more spans than a zone has for its callers: whole zones in a row,
 * which keep no books of their own meanwhile. The heap's lock is held.
 *
 * The zones after the first are written before the first, whose store makes the
 * block. Killed before, what they say is not confirmed by the zone that they
 * point at, so they are free. For the same reason giving the block back changes
 * the first zone only.
 */

#include "core/heap_inside.h"


static void take_zones(struct uvshm__lane* lane,
                       uint32_t zone,
                       uint32_t count) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__zone_ent* first = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_relaxed(&first->word);
  uint32_t zones = uvshm__spans_to_zones(count);
  uint32_t i;

  for (i = 1; i < zones; i++) {
    struct uvshm__zone_ent* inside = uvshm__heap_zone(core, zone + i);
    uint64_t old = uvshm__a64_load_relaxed(&inside->word);

    uvshm__a64_store_release(&inside->word,
                             uvshm__word_next(old, UVSHM__ZONE_CONT, i));
  }
  /* The allocation. */
  uvshm__a64_store_release(&first->word,
                           uvshm__word_next(word, UVSHM__ZONE_HUGE, count));
}


/* The owner of a free zone is 0, unless a peer died in here and is not cleared
 * away yet. */
static int own(struct uvshm__lane* lane, uint32_t zone) {
  if (uvshm__a16_cas_seq_cst(&uvshm__heap_zone(lane->core, zone)->own,
                             UVSHM__OWN_FREE,
                             uvshm__heap_me(lane->core)))
    return 1;
  lane->late = 1;
  return 0;
}


uint64_t uvshm__huge_take(struct uvshm__lane* lane,
                          uint32_t count,
                          uint32_t* needed) {
  const struct uvshm__core* core = lane->core;
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t first = 0; /* of the free ones in a row up to `zone` */
  uint32_t zone;

  for (zone = 0; zone < zones; zone++) {
    if (uvshm__zone_settle(core, zone) != UVSHM__ZONE_FREE) first = zone + 1;
    /* The last zone may exist in part; that may be enough. */
    while (zone + 1 - first >= uvshm__spans_to_zones(count) &&
           spans - first * UVSHM__ZONE_SPANS >= count) {
      if (own(lane, first)) {
        take_zones(lane, first, count);
        return uvshm__zone_offset(core, first);
      }
      first++;
    }
  }
  *needed = first * UVSHM__ZONE_SPANS + count;
  return 0;
}
