/* SPDX-License-Identifier: MIT */

/* What is empty becomes free: spans of small blocks none of which is allocated,
 * and zones all of whose spans are free. The heap's lock is held, but blocks
 * are taken without it. So a span or zone is "closing" first, and then looked
 * at again: who takes a block there names it before he looks at its word.
 */

#include "core/heap_zone.h"

/* Make a span of small blocks free if none is allocated. */
static int close_span(const struct uvshm__core* core,
                      uint32_t zone,
                      uint32_t place,
                      uint64_t word) {
  struct uvshm__span_ent* entry = uvshm__heap_span(core, zone, place);
  uvshm__a16_t* owners = uvshm__heap_owners(core, zone, place);

  if (uvshm__word_kind(word) == UVSHM__SPAN_MIXED) {
    /* Nobody takes blocks there without the lock. */
    if (!uvshm__mixed_clear(owners)) return 0;
    uvshm__a64_store_release(&entry->word,
                             uvshm__word_next(word, UVSHM__SPAN_FREE, 0));
    return 1;
  }

  if (uvshm__word_kind(word) != UVSHM__SPAN_SMALL ||
      !uvshm__owners_are_zero(owners))
    return 0;
  uvshm__a64_store_seq_cst(&entry->word,
                           uvshm__word_with_kind(word, UVSHM__SPAN_CLOSING));
  /* Pairs with uvshm__span_enter(), heap_take.h: who takes a block names the
   * span first, then looks at its word. Who is gone from it, by a release, has
   * left his block for us to see. */
  uvshm__fence_seq_cst();
  if (uvshm__span_is_entered(core, zone * UVSHM__ZONE_SPANS + place + 1) ||
      !uvshm__owners_are_zero(owners)) {
    uvshm__a64_store_release(&entry->word, word);
    return 0;
  }
  uvshm__a64_store_release(&entry->word,
                           uvshm__word_next(word, UVSHM__SPAN_FREE, 0));
  return 1;
}


int uvshm__span_is_entered(const struct uvshm__core* core, uint32_t number) {
  uint32_t i;

  for (i = 0; i < core->lanes_max; i++)
    if (uvshm__a32_load_seq_cst(&uvshm__core_lane(core, i)->span) == number)
      return 1;
  return 0;
}


/* In any span of the zone, only looking or not. */
static int anybody_in(const struct uvshm__core* core, uint32_t zone) {
  uint32_t number;
  uint32_t i;

  for (i = 0; i < core->lanes_max; i++) {
    number = uvshm__a32_load_seq_cst(&uvshm__core_lane(core, i)->span) &
             ~UVSHM__LANE_LOOKING;
    if (number != 0 && (number - 1) / UVSHM__ZONE_SPANS == zone) return 1;
  }
  for (i = 0; i < core->peers_max; i++)
    if (uvshm__a32_load_seq_cst(&uvshm__core_peer(core, i)->heap_zone) ==
        zone + 1)
      return 1;
  return 0;
}


static int all_owners_zero(const struct uvshm__core* core,
                           uint32_t zone,
                           uint32_t places) {
  uint32_t place;

  for (place = UVSHM__FIRST_PLACE; place < places; place++)
    if (!uvshm__owners_are_zero(uvshm__heap_owners(core, zone, place)))
      return 0;
  return 1;
}


/* All spans of the zone are free: nothing in it is anybody's, but somebody may
 * just be looking at a span that was freed under him. */
static int close_zone(const struct uvshm__core* core,
                      uint32_t zone,
                      uint32_t places) {
  struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_relaxed(&entry->word);

  uvshm__a64_store_seq_cst(&entry->word,
                           uvshm__word_with_kind(word, UVSHM__ZONE_CLOSING));
  /* Pairs with uvshm__span_enter(), heap_take.h, make_mine(), heap_small.c, and
   * walk_zone(), heap_repair.c: they name it first, then look at its word. */
  uvshm__fence_seq_cst();
  if (anybody_in(core, zone) || !all_owners_zero(core, zone, places)) {
    uvshm__a64_store_release(&entry->word, word);
    return 0;
  }
  /* Unless repair has put it back, which came after our look. */
  return uvshm__a64_cas(&entry->word,
                        uvshm__word_with_kind(word, UVSHM__ZONE_CLOSING),
                        uvshm__word_next(word, UVSHM__ZONE_FREE, 0));
}


/* The bit of a span with room may have been lost by somebody who died between
 * giving a block back and saying so. */
static uint32_t find_room(const struct uvshm__core* core,
                          uint32_t zone,
                          uint32_t place,
                          uint64_t word) {
  uint32_t room = uvshm__a32_load_relaxed(&uvshm__heap_zone(core, zone)->room);
  uint32_t count;

  if (room >> place & 1 || !uvshm__span_is_small(word)) return 0;
  count = uvshm__heap_bins[uvshm__word_count(word)].count;
  if (uvshm__owners_find(uvshm__heap_owners(core, zone, place), 0, count) >=
      count)
    return 0;
  uvshm__zone_set_room(core, zone, place, 1);
  return 1;
}


/* Returns how many spans became free; *empty: how many are. */
static uint32_t reclaim_spans(const struct uvshm__core* core,
                              uint32_t zone,
                              uint32_t places,
                              uint32_t* empty) {
  uint32_t place = UVSHM__FIRST_PLACE;
  uint32_t freed = 0;

  *empty = 0;
  while (place < places) {
    struct uvshm__span_facts span = uvshm__span_settle(core, zone, place);

    if (!span.is_free && close_span(core, zone, place, span.word)) {
      uvshm__zone_set_room(core, zone, place, 1);
      span.is_free = 1;
      span.was_freed = 1;
    }
    freed += span.was_freed;
    *empty += span.is_free;
    if (!span.is_free) freed += find_room(core, zone, place, span.word);
    place += span.count;
  }
  return freed;
}


static uint32_t reclaim_zone(const struct uvshm__core* core,
                             uint32_t zone,
                             uint32_t places,
                             int* has_free) {
  uint64_t before =
      uvshm__a64_load_relaxed(&uvshm__heap_zone(core, zone)->word);
  uint32_t kind = uvshm__zone_settle(core, zone);
  uint32_t freed = 0;
  uint32_t empty;

  *has_free = kind == UVSHM__ZONE_FREE;
  if (kind == UVSHM__ZONE_FREE)
    return uvshm__word_kind(before) != UVSHM__ZONE_FREE;
  if (kind != UVSHM__ZONE_SMALL) return 0;
  freed = reclaim_spans(core, zone, places, &empty);
  *has_free = empty != 0;
  if (empty + UVSHM__FIRST_PLACE == places && close_zone(core, zone, places))
    freed++;
  return freed;
}


uint32_t uvshm__zone_reclaim(struct uvshm__lane* lane) {
  const struct uvshm__core* core = lane->core;
  uvshm__a32_t* hint = &uvshm__heap_head(core)->free_zone;
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t lowest = UINT32_MAX;
  uint32_t freed = 0;
  uint32_t zone;
  int has_free;

  for (zone = 0; zone < zones; zone++) {
    freed +=
        reclaim_zone(core, zone, uvshm__zone_places(zone, spans), &has_free);
    if (has_free && lowest == UINT32_MAX) lowest = zone;
  }
  /* A hint that hid something was as bad as nothing being free. */
  if (lowest < uvshm__a32_load_relaxed(hint)) {
    uvshm__a32_store_relaxed(hint, lowest);
    freed++;
  }
  return freed;
}
