/* SPDX-License-Identifier: MIT */

/* The usual way of small blocks: what was freed last is what is allocated next.
 * In a header, so that it is one function with its callers. What it relies on is
 * told in heap_small.c.
 */

#ifndef UVSHM_CORE_HEAP_TAKE_H_
#define UVSHM_CORE_HEAP_TAKE_H_

#include "base/rare.h"
#include "core/heap_inside.h"

#include <stddef.h>
#include <stdint.h>

/* 1: until leave() the span is what it was, and nobody else takes blocks of it.
 * Pairs with close_span() and close_zone(), heap_zone.c, and make_mine(),
 * heap_small.c: we name the span, then look at it; they change it, then look
 * whether somebody names it. All of it is seq_cst, so one of the two sees the
 * other. */
static UVSHM__USUAL int uvshm__span_enter(struct uvshm__lane* lane,
                                          const struct uvshm__lane_span* span) {
  (void) uvshm__a32_xchg_seq_cst(&lane->ent->span, span->number);
  return uvshm__word_kind(uvshm__a64_load_seq_cst(&span->zone->word)) ==
             UVSHM__ZONE_SMALL &&
         uvshm__a64_load_seq_cst(&span->entry->word) == span->word &&
         uvshm__a32_load_seq_cst(&span->entry->user) == lane->index + 1;
}


/* Release: whoever does not find us in the span any more sees what we took. */
static inline void uvshm__span_leave(struct uvshm__lane* lane) {
  uvshm__a32_store_release(&lane->ent->span, 0);
}


/* The block that this thread freed last, which is there, or 0. */
static UVSHM__USUAL uint64_t uvshm__small_take_freed(
    struct uvshm__lane* lane, struct uvshm__lane_span* freed) {
  uint64_t ref = 0;

  freed->index = 0;
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


/* A block of `size` bytes, private to this peer, if that is the last one of its
 * size which this thread freed; its offset, or 0. */
static UVSHM__USUAL uint64_t uvshm__heap_take_usual(struct uvshm__lane* lane,
                                                    uint64_t size) {
  struct uvshm__lane_span* freed;

  /* A peer that was declared dead finds its lane gone. */
  if (size - 1 >= UVSHM__HEAP_UNIT * 64 ||
      uvshm__a32_load_relaxed(&lane->ent->owner) != lane->owner)
    return 0;
  freed = &lane->heap[uvshm__heap_bin_of[(size - 1) / UVSHM__HEAP_UNIT]].freed;
  return freed->index != 0 ? uvshm__small_take_freed(lane, freed) : 0;
}


/* Its owner word was just set to 0: say that there is room. */
static UVSHM__USUAL void uvshm__small_freed(struct uvshm__zone_ent* zone,
                                            uint32_t place) {
  if ((uvshm__a32_load_relaxed(&zone->room) >> place & 1) == 0)
    uvshm__a32_or(&zone->room, 1u << place);
}


/* Free the block at `ref`, if that is the last one which the above has given to
 * this thread and nothing has changed since; 0: it is not.
 *
 * What is private to us nobody else frees, so a store will do. It is no
 * barrier: who clears the bit of the span's room just now (take_again) may not
 * see it, and then the bit is set again only by a look at all spans. */
static UVSHM__USUAL int uvshm__heap_give_usual(struct uvshm__lane* lane,
                                               uint64_t ref) {
  struct uvshm__lane_span* recent = lane->recent;

  if (recent == NULL || recent->ref != ref ||
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
