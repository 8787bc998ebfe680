/* SPDX-License-Identifier: MIT */

/* What zones and spans are. All of it changes under the heap's lock alone, but
 * that repair puts back a zone which is being closed (heap_repair.c), and each
 * change is one store that makes it true:
 *
 *   zone   free --format, store--> small --closing--> free
 *          free --owner, insides, store--> huge --owner 0--> free
 *   span   free --store--> small --closing--> free
 *          free --owner, store--> run --owner 0--> free
 *
 * A run, and a huge block, is given back by its owner word alone, without the
 * lock, in the same way as a small block. That it is free then is said by the
 * next one who holds the lock and comes by.
 *
 * Killed before the store, a holder of the lock leaves an owner word that is
 * private to the dead peer, or a span or zone that says "closing" though nobody
 * is at it. The next holder of the lock puts the latter back.
 *
 * Spans of small blocks, and small zones, are not made free when their last
 * block goes, but when there is need for them: heap_reclaim.c.
 */

#include "core/heap_zone.h"

/* How many of the last free spans are kept for blocks of any size. */
#define MIXED_SPANS 8u

/* ---- settling ------------------------------------------------------------ */

/* Nobody but us changes span words now. */
struct uvshm__span_facts uvshm__span_settle(const struct uvshm__core* core,
                                            uint32_t zone,
                                            uint32_t place) {
  struct uvshm__span_ent* entry = uvshm__heap_span(core, zone, place);
  struct uvshm__span_facts span = {0, 1, 0, 0};

  span.word = uvshm__a64_load_acquire(&entry->word);
  switch (uvshm__word_kind(span.word)) {
    case UVSHM__SPAN_FREE:
      span.is_free = 1;
      break;
    case UVSHM__SPAN_CLOSING: /* who began this is dead */
      span.word = uvshm__word_with_kind(span.word, UVSHM__SPAN_SMALL);
      uvshm__a64_store_release(&entry->word, span.word);
      break;
    case UVSHM__SPAN_RUN:
      span.count = uvshm__word_count(span.word);
      if (span.count == 0 || span.count > UVSHM__ZONE_SPANS - place)
        span.count = 1; /* damaged; check tells of it */
      else if (uvshm__a16_load_seq_cst(uvshm__heap_owners(core, zone, place)) ==
               UVSHM__OWN_FREE) {
        span.word = uvshm__word_next(span.word, UVSHM__SPAN_FREE, 0);
        uvshm__a64_store_release(&entry->word, span.word);
        uvshm__zone_set_room(core, zone, place, span.count);
        span.count = 1;
        span.is_free = 1;
        span.was_freed = 1;
      }
      break;
    default:
      break;
  }
  return span;
}


int uvshm__zone_is_inside(const struct uvshm__core* core,
                          uint32_t zone,
                          uint64_t word) {
  uint32_t back = uvshm__word_count(word);
  const struct uvshm__zone_ent* entry;
  uint64_t head;

  if (back == 0 || back > zone) return 0;
  entry = uvshm__heap_zone(core, zone - back);
  head = uvshm__a64_load_acquire(&entry->word);
  return uvshm__word_kind(head) == UVSHM__ZONE_HUGE &&
         uvshm__spans_to_zones(uvshm__word_count(head)) > back &&
         uvshm__a16_load_seq_cst(&entry->own) != UVSHM__OWN_FREE;
}


uint32_t uvshm__zone_settle(const struct uvshm__core* core, uint32_t zone) {
  struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_acquire(&entry->word);

  switch (uvshm__word_kind(word)) {
    case UVSHM__ZONE_CLOSING: /* who began this is dead */
      uvshm__a64_store_release(&entry->word,
                               uvshm__word_with_kind(word, UVSHM__ZONE_SMALL));
      return UVSHM__ZONE_SMALL;
    case UVSHM__ZONE_HUGE:
      if (uvshm__a16_load_seq_cst(&entry->own) != UVSHM__OWN_FREE)
        return UVSHM__ZONE_HUGE;
      uvshm__a64_store_release(
          &entry->word,
          uvshm__word_next(word, UVSHM__ZONE_FREE, UVSHM__ZONE_USED));
      return UVSHM__ZONE_FREE;
    case UVSHM__ZONE_CONT:
      if (uvshm__zone_is_inside(core, zone, word)) return UVSHM__ZONE_CONT;
      uvshm__a64_store_release(
          &entry->word,
          uvshm__word_next(word, UVSHM__ZONE_FREE, UVSHM__ZONE_USED));
      return UVSHM__ZONE_FREE;
    default:
      return uvshm__word_kind(word);
  }
}

/* ---- making zones small -------------------------------------------------- */

/* Nobody looks into a free zone, but some may still be reading, who came when
 * it was another: so word by word. */
static void clear_bookkeeping(const struct uvshm__core* core, uint32_t zone) {
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) uvshm__heap_span(core, zone, 0);
  uint32_t i;

  for (i = 0; i < UVSHM__SPAN_SIZE / 8; i++)
    uvshm__a64_store_relaxed(&words[i], 0);
}


static void make_small(const struct uvshm__core* core, uint32_t zone) {
  struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_relaxed(&entry->word);

  if (uvshm__word_is_used(word)) clear_bookkeeping(core, zone);
  uvshm__a32_store_relaxed(
      &entry->room,
      uvshm__room_bits(UVSHM__FIRST_PLACE, UVSHM__ZONE_SPANS - 1));
  uvshm__a64_store_release(&entry->word,
                           uvshm__word_next(word, UVSHM__ZONE_SMALL, 0));
}


/* A zone of which `places` places exist, small already or made so. */
static int is_small(const struct uvshm__core* core,
                    uint32_t zone,
                    uint32_t places) {
  uint32_t kind = uvshm__zone_settle(core, zone);

  if (kind == UVSHM__ZONE_FREE && places > UVSHM__FIRST_PLACE) {
    make_small(core, zone);
    kind = UVSHM__ZONE_SMALL;
  }
  return kind == UVSHM__ZONE_SMALL;
}

/* ---- a span for small blocks --------------------------------------------- */

static uint32_t first_free(const struct uvshm__core* core,
                           uint32_t zone,
                           uint32_t places) {
  uint32_t place = UVSHM__FIRST_PLACE;
  struct uvshm__span_facts span;

  while (place < places) {
    span = uvshm__span_settle(core, zone, place);
    if (span.is_free) return place;
    place += span.count;
  }
  return 0;
}


static void cut(struct uvshm__lane* lane,
                uint32_t zone,
                uint32_t place,
                uint32_t kind,
                uint32_t bin) {
  struct uvshm__span_ent* entry = uvshm__heap_span(lane->core, zone, place);
  uint64_t word = uvshm__a64_load_relaxed(&entry->word);

  uvshm__a32_store_relaxed(&entry->user, lane->index + 1);
  uvshm__zone_set_room(lane->core, zone, place, 1);
  uvshm__a64_store_release(&entry->word, uvshm__word_next(word, kind, bin));
}


uint32_t uvshm__zone_new_span(struct uvshm__lane* lane,
                              uint32_t kind,
                              uint32_t bin) {
  const struct uvshm__core* core = lane->core;
  uvshm__a32_t* hint = &uvshm__heap_head(core)->free_zone;
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t zone = uvshm__a32_load_relaxed(hint);
  uint32_t place;

  for (; zone < zones; zone++) {
    uint32_t places = uvshm__zone_places(zone, spans);

    if (!is_small(core, zone, places)) continue;
    place = first_free(core, zone, places);
    if (place == 0) continue;
    uvshm__a32_store_relaxed(hint, zone);
    cut(lane, zone, place, kind, bin);
    return zone * UVSHM__ZONE_SPANS + place;
  }
  /* The last zone may get more of its spans yet. */
  uvshm__a32_store_relaxed(hint, zones != 0 ? zones - 1 : 0);
  return 0;
}

static uint32_t count_free(const struct uvshm__core* core,
                           uint32_t zone,
                           uint32_t places) {
  uint32_t kind = uvshm__zone_settle(core, zone);
  uint32_t place = UVSHM__FIRST_PLACE;
  uint32_t count = 0;

  if (kind == UVSHM__ZONE_FREE) return places - UVSHM__FIRST_PLACE;
  if (kind != UVSHM__ZONE_SMALL) return 0;
  while (place < places) {
    struct uvshm__span_facts span = uvshm__span_settle(core, zone, place);

    count += span.is_free;
    place += span.count;
  }
  return count;
}


/* The last spans are for all sizes. */
int uvshm__zone_may_cut(const struct uvshm__core* core) {
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t most = uvshm__heap_spans(core, core->reserve);
  uint32_t count = most - spans;
  uint32_t zone = uvshm__a32_load_relaxed(&uvshm__heap_head(core)->free_zone);

  for (; zone < zones && count <= MIXED_SPANS; zone++)
    count += count_free(core, zone, uvshm__zone_places(zone, spans));
  return count > MIXED_SPANS;
}

/* ---- runs ---------------------------------------------------------------- */

/* The first of `count` free spans in a row; 0: there are not so many. */
static uint32_t find_row(const struct uvshm__core* core,
                         uint32_t zone,
                         uint32_t places,
                         uint32_t count) {
  uint32_t place = UVSHM__FIRST_PLACE;
  uint32_t row = 0;
  struct uvshm__span_facts span;

  while (place < places && row < count) {
    span = uvshm__span_settle(core, zone, place);
    row = span.is_free ? row + 1 : 0;
    place += span.count;
  }
  return row == count ? place - count : 0;
}


static int take_row(struct uvshm__lane* lane,
                    uint32_t zone,
                    uint32_t place,
                    uint32_t count) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__span_ent* entry = uvshm__heap_span(core, zone, place);
  uint64_t word = uvshm__a64_load_relaxed(&entry->word);

  /* Not 0 until a peer that died here is cleared away. */
  if (!uvshm__a16_cas_seq_cst(uvshm__heap_owners(core, zone, place),
                              UVSHM__OWN_FREE,
                              uvshm__heap_me(core))) {
    lane->late = 1;
    return 0;
  }
  /* The allocation. */
  uvshm__a64_store_release(&entry->word,
                           uvshm__word_next(word, UVSHM__SPAN_RUN, count));
  uvshm__a32_and(&uvshm__heap_zone(core, zone)->room,
                 ~uvshm__room_bits(place, count));
  return 1;
}


uint64_t uvshm__zone_take_run(struct uvshm__lane* lane, uint32_t count) {
  const struct uvshm__core* core = lane->core;
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t zone = uvshm__a32_load_relaxed(&uvshm__heap_head(core)->free_zone);
  uint32_t place;

  for (; zone < zones; zone++) {
    uint32_t places = uvshm__zone_places(zone, spans);

    if (places <= count || !is_small(core, zone, places)) continue;
    place = find_row(core, zone, places, count);
    if (place != 0 && take_row(lane, zone, place, count))
      return uvshm__zone_offset(core, zone) +
             (uint64_t) place * UVSHM__SPAN_SIZE;
  }
  return 0;
}
