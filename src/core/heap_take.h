/* SPDX-License-Identifier: MIT */

/* The usual way of small blocks: what was freed last is what is allocated next.
 * In a header, so that it is one function with its callers. What it relies on
 * is told in heap_small.c.
 */

#ifndef UVSHM_CORE_HEAP_TAKE_H_
#define UVSHM_CORE_HEAP_TAKE_H_

#include "base/rare.h"
#include "core/heap_inside.h"

#include <stddef.h>
#include <stdint.h>

/* ---- places -------------------------------------------------------------- */

/* Where a small block is. */
struct uvshm__small_place {
  struct uvshm__zone_ent* zone;
  struct uvshm__span_ent* entry;
  uvshm__a16_t* own;
  uint64_t word;   /* of the span */
  uint32_t number; /* of the span */
};

/* 1: a block of a span of small blocks begins at `ref`, free or not. 0: none,
 * or it is something else, or not known to exist. */
static UVSHM__USUAL int uvshm__small_find(const struct uvshm__core* core,
                                          uint64_t ref,
                                          struct uvshm__small_place* place) {
  /* Once, not after each load of what others change. */
  unsigned char* base = core->base;
  uint64_t low = core->control_size;
  uint64_t at = ref - low;
  uint32_t span = (uint32_t) (at / UVSHM__SPAN_SIZE);
  uint32_t within = span % UVSHM__ZONE_SPANS;
  unsigned char* books; /* as uvshm__heap_span() and uvshm__heap_owners() */
  uint32_t index;

  if (within == 0 || at >= uvshm__a64_load_relaxed(core->exists) - low)
    return 0;
  place->number = span;
  place->zone = uvshm__heap_zone(core, span / UVSHM__ZONE_SPANS);
  if (uvshm__word_kind(uvshm__a64_load_acquire(&place->zone->word)) !=
      UVSHM__ZONE_SMALL)
    return 0;
  books = base + low + at / UVSHM__ZONE_SIZE * UVSHM__ZONE_SIZE;
  place->entry = (struct uvshm__span_ent*) (void*) books + within;
  place->word = uvshm__a64_load_acquire(&place->entry->word);
  if (uvshm__word_kind(place->word) != UVSHM__SPAN_SMALL ||
      !uvshm__heap_index(uvshm__word_count(place->word),
                         (uint32_t) at % UVSHM__SPAN_SIZE,
                         &index))
    return 0;
  place->own =
      (uvshm__a16_t*) (void*) (books + within * UVSHM__OWNERS_SIZE) + index;
  return 1;
}


/* The owner word of the block that begins at `ref`; NULL: there is none. */
static UVSHM__USUAL uvshm__a16_t* uvshm__heap_own(
    const struct uvshm__core* core, uint64_t ref) {
  struct uvshm__small_place small;
  struct uvshm__heap_place place;

  if (uvshm__small_find(core, ref, &small)) return small.own;
  return uvshm__place_find(core, ref, &place) ? place.own : NULL;
}


/* What the owner word says of the small block in which all of these bytes lie;
 * UVSHM__OWN_FREE: they do not, or it is free, or uvshm__heap_holds() knows. */
static UVSHM__USUAL uint32_t uvshm__small_holds(const struct uvshm__core* core,
                                                uint64_t offset,
                                                uint64_t size) {
  uint64_t at = offset - core->control_size;
  uint32_t span = (uint32_t) (at / UVSHM__SPAN_SIZE);
  uint32_t inside = (uint32_t) at % UVSHM__SPAN_SIZE;
  uint32_t zone = span / UVSHM__ZONE_SPANS;
  uint32_t place = span % UVSHM__ZONE_SPANS;
  uint64_t word;
  uint32_t bin;
  uint32_t i;

  if (place == 0 ||
      at >= uvshm__a64_load_relaxed(core->exists) - core->control_size ||
      uvshm__word_kind(uvshm__a64_load_acquire(
          &uvshm__heap_zone(core, zone)->word)) != UVSHM__ZONE_SMALL)
    return UVSHM__OWN_FREE;
  word = uvshm__a64_load_acquire(&uvshm__heap_span(core, zone, place)->word);
  bin = uvshm__word_count(word);
  if (uvshm__word_kind(word) != UVSHM__SPAN_SMALL || bin >= UVSHM__HEAP_BINS)
    return UVSHM__OWN_FREE;
  i = uvshm__heap_index_inside(bin, inside);
  if (i >= uvshm__heap_bins[bin].count ||
      !uvshm__fits(inside - i * uvshm__heap_bin_size(bin),
                   size,
                   uvshm__heap_bin_size(bin)))
    return UVSHM__OWN_FREE;
  return uvshm__a16_load_seq_cst(uvshm__heap_owners(core, zone, place) + i);
}


/* May the byte at `offset`, which is in the heap, be the heap's own? In a huge
 * block it is not, which this does not know. */
static inline int uvshm__heap_may_be_own(const struct uvshm__core* core,
                                         uint64_t offset) {
  return (offset - core->control_size) % UVSHM__ZONE_SIZE < UVSHM__SPAN_SIZE;
}

/* ---- taking and giving back ---------------------------------------------- */

/* 1: until leave() the span is what it was, and nobody else takes blocks of it.
 * Pairs with close_span() and close_zone(), heap_reclaim.c, and make_mine(),
 * heap_small.c: we name the span, then look at it; they change it, then look
 * whether somebody names it. All of it is seq_cst, so one of the two sees the
 * other. The first is the look alone, for who has named the span and passed a
 * full barrier. */
static UVSHM__USUAL int uvshm__span_is_ours(
    const struct uvshm__lane* lane, const struct uvshm__lane_span* span) {
  return uvshm__word_kind(uvshm__a64_load_seq_cst(&span->zone->word)) ==
             UVSHM__ZONE_SMALL &&
         uvshm__a64_load_seq_cst(&span->entry->word) == span->word &&
         uvshm__a32_load_seq_cst(&span->entry->user) == lane->index + 1;
}


static UVSHM__USUAL int uvshm__span_enter(struct uvshm__lane* lane,
                                          const struct uvshm__lane_span* span) {
  (void) uvshm__a32_xchg_seq_cst(&lane->ent->span, span->number);
  return uvshm__span_is_ours(lane, span);
}


/* Release: whoever does not find us in the span any more sees what we took. */
static inline void uvshm__span_leave(struct uvshm__lane* lane) {
  uvshm__a32_store_release(&lane->ent->span, 0);
}


/* A block that this thread freed, the last one or nearly, which is there; or
 * 0. */
static UVSHM__USUAL uint64_t uvshm__small_take_freed(struct uvshm__lane* lane,
                                                     uint32_t bin) {
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  struct uvshm__lane_span* freed = &hint->freed;
  uint64_t ref = 0;

  if (freed->index != 0)
    freed->index = 0;
  else if (hint->count != 0)
    freed = &lane->more[bin][--hint->count];
  else
    return 0;
  if (uvshm__span_enter(lane, freed) &&
      uvshm__a16_load_seq_cst(freed->own) == UVSHM__OWN_FREE) {
    /* The allocation. */
    uvshm__a16_store_release(freed->own, uvshm__heap_me(lane->core));
    lane->recent = freed;
    ref = freed->ref;
  }
  uvshm__span_leave(lane);
  return ref;
}


/* A block of `size` bytes, private to this peer, if this thread freed one of
 * its size lately; its offset, or 0. *lane->recent is what is known of it. */
static UVSHM__USUAL uint64_t uvshm__heap_take_usual(struct uvshm__lane* lane,
                                                    uint64_t size) {
  /* A peer that was declared dead finds its lane gone. */
  if (size - 1 >= UVSHM__HEAP_UNIT * 64 ||
      uvshm__a32_load_relaxed(&lane->ent->owner) != lane->owner)
    return 0;
  return uvshm__small_take_freed(
      lane, uvshm__heap_bin_of[(size - 1) / UVSHM__HEAP_UNIT]);
}


/* Its owner word was just set to 0: say that there is room. */
static UVSHM__USUAL void uvshm__small_freed(struct uvshm__zone_ent* zone,
                                            uint32_t place) {
  if ((uvshm__a32_load_relaxed(&zone->room) >> place & 1) == 0)
    uvshm__a32_or(&zone->room, 1u << place);
}


/* Free the block at `ref`, which is at `place` and private to this peer. Stores
 * as in uvshm__heap_give_usual(). The block is remembered, so that the next one
 * of its size need not be searched for and is still in the cache; not when its
 * span is another thread's. Field by field: a copy of a struct that was just
 * written is slow. */
static UVSHM__USUAL void uvshm__small_give_mine(
    struct uvshm__lane* lane,
    const struct uvshm__small_place* place,
    uint64_t ref) {
  uint32_t bin = uvshm__word_count(place->word);
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  struct uvshm__lane_span* freed = &hint->freed;
  uint32_t index = 1;

  uvshm__a16_store_release(place->own, UVSHM__OWN_FREE);
  uvshm__small_freed(place->zone, place->number % UVSHM__ZONE_SPANS);
  if (uvshm__a32_load_relaxed(&place->entry->user) != lane->index + 1) return;
  if (freed->index != 0 && hint->count < UVSHM__LANE_MORE) {
    freed = &lane->more[bin][hint->count++];
    index = 2;
  }
  freed->zone = place->zone;
  freed->entry = place->entry;
  freed->own = place->own;
  freed->word = place->word;
  freed->ref = ref;
  freed->number = place->number + 1;
  freed->index = index;
}


/* The same if it is private to this peer; 0: it is not. */
static UVSHM__USUAL int uvshm__small_give(
    struct uvshm__lane* lane,
    const struct uvshm__small_place* place,
    uint64_t ref) {
  if (uvshm__a16_load_relaxed(place->own) != uvshm__heap_me(lane->core))
    return 0;
  uvshm__small_give_mine(lane, place, ref);
  return 1;
}


/* Free the block at `ref`, if that is the last one which the above has given to
 * this thread, out of `freed`, and nothing has changed since; 0: it is not.
 *
 * What is private to us nobody else frees, so a store will do. It is no
 * barrier: who clears the bit of the span's room just now (take_again) may not
 * see it, and then the bit is set again only by a look at all spans. */
static UVSHM__USUAL int uvshm__heap_give_usual(struct uvshm__lane* lane,
                                               uint64_t ref) {
  struct uvshm__lane_span* recent = lane->recent;

  if (recent == NULL || recent->ref != ref || recent->index != 0 ||
      uvshm__word_kind(uvshm__a64_load_acquire(&recent->zone->word)) !=
          UVSHM__ZONE_SMALL ||
      uvshm__a64_load_acquire(&recent->entry->word) != recent->word ||
      uvshm__a16_load_relaxed(recent->own) != uvshm__heap_me(lane->core))
    return 0;
  uvshm__a16_store_release(recent->own, UVSHM__OWN_FREE);
  uvshm__small_freed(recent->zone, (recent->number - 1) % UVSHM__ZONE_SPANS);
  recent->index = 1;
  return 1;
}

#endif /* UVSHM_CORE_HEAP_TAKE_H_ */
