/* SPDX-License-Identifier: MIT */

/* Spans with blocks of any size, in units of 64 bytes: for heaps so small, or
 * so full, that a size cannot have a span of its own. The heap's lock is held
 * when a block is taken; freeing is one store of its owner word, as everywhere.
 *
 * A block of n units has the owner word of its first unit, and its other units
 * say "inside". When it is freed they still do, but behind a word that says
 * free, where they mean nothing. So a block ends where the next word does not
 * say inside, and that word is seen to first:
 *
 *   the word behind it     made free, if it says inside
 *   its other units        made inside, from the last to the first
 *   its first unit         made ours: the allocation
 *
 * Killed before the last of these, nothing is allocated. Words are changed by
 * compare-and-swap here: blocks of this span are freed meanwhile.
 */

#include "core/heap_inside.h"


static uint32_t own_of(const uvshm__a16_t* owners, uint32_t i) {
  return uvshm__a16_load_relaxed(&owners[i]);
}


uint32_t uvshm__mixed_units(const uvshm__a16_t* owners, uint32_t index) {
  uint32_t i = index + 1;

  while (i < UVSHM__SPAN_OWNERS && own_of(owners, i) == UVSHM__OWN_INSIDE) i++;
  return i - index;
}


uint32_t uvshm__mixed_begin(const uvshm__a16_t* owners, uint32_t index) {
  while (index > 0 && own_of(owners, index) == UVSHM__OWN_INSIDE) index--;
  return index;
}


uint32_t uvshm__mixed_next(const uvshm__a16_t* owners,
                           uint32_t index,
                           uint32_t* own) {
  *own = own_of(owners, index);
  if (*own == UVSHM__OWN_INSIDE) *own = UVSHM__OWN_FREE; /* behind nothing */
  return uvshm__mixed_units(owners, index);
}


/* The first place for `units` units at a multiple of `step`; none: the number
 * of units of a span. */
static uint32_t find_gap(const uvshm__a16_t* owners,
                         uint32_t units,
                         uint32_t step) {
  uint32_t gap = 0; /* where it begins */
  uint32_t i = 0;
  uint32_t own;

  while (i < UVSHM__SPAN_OWNERS) {
    uint32_t next = i + uvshm__mixed_next(owners, i, &own);

    if (own != UVSHM__OWN_FREE) gap = (next + step - 1) / step * step;
    if (next >= gap + units) return gap;
    i = next;
  }
  return UVSHM__SPAN_OWNERS;
}


static int set(uvshm__a16_t* word, uint32_t to) {
  uint32_t own = uvshm__a16_load_relaxed(word);

  if (own == to) return 1;
  return (own == UVSHM__OWN_FREE || own == UVSHM__OWN_INSIDE) &&
         uvshm__a16_cas_seq_cst(word, own, to);
}


static int take_gap(const struct uvshm__core* core,
                    uvshm__a16_t* owners,
                    uint32_t index,
                    uint32_t units) {
  uint32_t end = index + units;
  uint32_t own;
  uint32_t i;

  if (end < UVSHM__SPAN_OWNERS && own_of(owners, end) == UVSHM__OWN_INSIDE &&
      !set(&owners[end], UVSHM__OWN_FREE))
    return 0;
  for (i = end - 1; i > index; i--)
    if (!set(&owners[i], UVSHM__OWN_INSIDE)) return 0;
  /* Not set(): only what is free may become ours. */
  own = own_of(owners, index);
  return (own == UVSHM__OWN_FREE || own == UVSHM__OWN_INSIDE) &&
         uvshm__a16_cas_seq_cst(&owners[index], own, uvshm__heap_me(core));
}


static uint64_t take_in(struct uvshm__lane* lane,
                        uint32_t zone,
                        uint32_t place,
                        const struct uvshm__heap_want* want) {
  const struct uvshm__core* core = lane->core;
  uvshm__a16_t* owners = uvshm__heap_owners(core, zone, place);
  uint32_t index = find_gap(owners, want->units, want->step);

  if (index == UVSHM__SPAN_OWNERS) return 0;
  if (!take_gap(core, owners, index, want->units)) {
    lane->late = 1;
    return 0;
  }
  return uvshm__zone_offset(core, zone) + (uint64_t) place * UVSHM__SPAN_SIZE +
         (uint64_t) index * UVSHM__HEAP_UNIT;
}


static uint64_t take_from(struct uvshm__lane* lane,
                          uint32_t spans,
                          const struct uvshm__heap_want* want) {
  const struct uvshm__core* core = lane->core;
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint64_t ref = 0;
  uint32_t zone;
  uint32_t place;

  for (zone = 0; zone < zones && ref == 0; zone++) {
    if (uvshm__zone_settle(core, zone) != UVSHM__ZONE_SMALL) continue;
    for (place = 1; place < uvshm__zone_places(zone, spans) && ref == 0;
         place++)
      if (uvshm__word_kind(uvshm__a64_load_acquire(
              &uvshm__heap_span(core, zone, place)->word)) == UVSHM__SPAN_MIXED)
        ref = take_in(lane, zone, place, want);
  }
  return ref;
}


uint64_t uvshm__mixed_take(struct uvshm__lane* lane,
                           const struct uvshm__heap_want* want) {
  const struct uvshm__core* core = lane->core;
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint64_t ref = take_from(lane, spans, want);
  uint32_t span;

  if (ref != 0) return ref;
  span = uvshm__zone_new_span(lane, UVSHM__SPAN_MIXED, 0);
  if (span == 0) return 0;
  return take_in(
      lane, span / UVSHM__ZONE_SPANS, span % UVSHM__ZONE_SPANS, want);
}


/* Free words only, when it can be had. */
int uvshm__mixed_clear(uvshm__a16_t* owners) {
  uint32_t i;

  for (i = 0; i < UVSHM__SPAN_OWNERS; i++)
    if (own_of(owners, i) != UVSHM__OWN_FREE &&
        own_of(owners, i) != UVSHM__OWN_INSIDE)
      return 0;
  for (i = 0; i < UVSHM__SPAN_OWNERS; i++)
    if (!set(&owners[i], UVSHM__OWN_FREE)) return 0;
  return 1;
}
