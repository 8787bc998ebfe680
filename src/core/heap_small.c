/* SPDX-License-Identifier: MIT */

/* Small blocks: taken by one compare-and-swap of an owner word, in a span that
 * is cut into blocks of one size.
 *
 * Two things may happen to the span between our look at it and our
 * compare-and-swap. Each is found out afterwards, or kept from happening:
 *
 *   the span becomes free and is cut anew, or becomes part of a run
 *       The owner word is still an owner word, and free. So after the
 *       compare-and-swap we look at the span again: if it is not what it was,
 *       the word is given back. Whoever frees the span first says so, then
 *       looks at the owner words; we first take the word, then look at the
 *       span. With full barriers in between one of the two sees the other.
 *
 *   the zone becomes free and part of a huge block
 *       Then the owner words are a caller's bytes. So before we look at the
 *       zone we say in our lane which one it is. Whoever frees the zone first
 *       says so, then looks at all lanes, and lets it be when one names it.
 *
 * A death in between leaves a word that is private to the dead peer, or a lane
 * that names a zone, and both go when the peer is cleared away.
 *
 * Where to look first is private to the thread: the block that it freed last,
 * then the span that it took from last. What is shared are hints, wrong at
 * worst: which spans may have room, and which lane takes from a span, so that
 * two processes keep out of each other's cache lines while there is room for
 * both.
 */

#include "core/heap_inside.h"

#include "base/error.h"
#include "uvshm/flags.h"

/* Zones to look through for a span in use before a free one is cut. */
#define NEAR_ZONES 32u

/* ---- owner words --------------------------------------------------------- */

int uvshm__owners_are_zero(const uvshm__a16_t* owners) {
  uint32_t i;

  for (i = 0; i < UVSHM__OWNERS_WORDS; i++)
    if (uvshm__owners_word(owners, i) != 0) return 0;
  return 1;
}


uint32_t uvshm__owners_find(const uvshm__a16_t* owners,
                            uint32_t from,
                            uint32_t count) {
  while (from < count) {
    if (from % 4 == 0) {
      /* Past four that are all taken. */
      while (from + 4 <= count &&
             uvshm__zero_parts(uvshm__owners_word(owners, from / 4)) == 0)
        from += 4;
      if (from >= count) break;
    }
    if (uvshm__a16_load_relaxed(&owners[from]) == 0) return from;
    from++;
  }
  return count;
}

/* ---- taking -------------------------------------------------------------- */

/* A span as it was when we looked. */
struct look {
  struct uvshm__span_ent* entry;
  uvshm__a16_t* owners;
  uint64_t word;
};


/* From here to leave() nobody makes the zone anything but small. 1: it is small
 * and the span has blocks of `bin`. */
static int enter(struct uvshm__lane* lane,
                 uint32_t span,
                 uint32_t bin,
                 struct look* look) {
  const struct uvshm__core* core = lane->core;
  uint32_t zone = span / UVSHM__ZONE_SPANS;
  uint32_t place = span % UVSHM__ZONE_SPANS;
  uint64_t word;

  /* Pairs with the look at the lanes in may_become_free(), heap_zone.c. */
  (void) uvshm__a32_xchg_seq_cst(&lane->ent->zone, zone + 1);
  word = uvshm__a64_load_seq_cst(&uvshm__heap_zone(core, zone)->word);
  if (uvshm__word_kind(word) != UVSHM__ZONE_SMALL) return 0;
  look->entry = uvshm__heap_span(core, zone, place);
  look->owners = uvshm__heap_owners(core, zone, place);
  look->word = uvshm__a64_load_acquire(&look->entry->word);
  return uvshm__word_kind(look->word) == UVSHM__SPAN_SMALL &&
         uvshm__word_count(look->word) == bin;
}


static void leave(struct uvshm__lane* lane) {
  uvshm__a32_store_release(&lane->ent->zone, 0);
}


static int take_index(struct uvshm__lane* lane,
                      const struct look* look,
                      uint32_t index) {
  uint32_t me = uvshm__heap_me(lane->core);
  uvshm__a16_t* own = &look->owners[index];

  /* The allocation. */
  if (!uvshm__a16_cas_seq_cst(own, UVSHM__OWN_FREE, me)) return 0;
  /* Pairs with the look at the owner words in close_span(), heap_zone.c. */
  if (uvshm__a64_load_seq_cst(&look->entry->word) == look->word) return 1;
  uvshm__a16_cas_seq_cst(own, me, UVSHM__OWN_FREE);
  return 0;
}


static uint64_t block_at(const struct uvshm__core* core,
                         uint32_t span,
                         uint32_t bin,
                         uint32_t index) {
  return core->control_size + (uint64_t) span * UVSHM__SPAN_SIZE +
         (uint64_t) index * uvshm__heap_bin_size(bin);
}


/* The block that this thread freed last. */
static uint64_t take_freed(struct uvshm__lane* lane, uint32_t bin) {
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  uint32_t span = hint->freed_span;
  uint32_t index = hint->freed_index;
  struct look look;
  int taken;

  hint->freed_span = 0;
  taken = enter(lane, span, bin, &look) && take_index(lane, &look, index);
  leave(lane);
  return taken ? block_at(lane->core, span, bin, index) : 0;
}


static uint32_t take_between(struct uvshm__lane* lane,
                             const struct look* look,
                             uint32_t from,
                             uint32_t count) {
  uint32_t index = uvshm__owners_find(look->owners, from, count);

  while (index < count && !take_index(lane, look, index))
    index = uvshm__owners_find(look->owners, index + 1, count);
  return index;
}


/* Any block of the span that the hint names. */
static uint64_t take_any(struct uvshm__lane* lane, uint32_t bin) {
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  uint32_t count = uvshm__heap_bins[bin].count;
  uint32_t index = count;
  struct look look;

  if (enter(lane, hint->span, bin, &look)) {
    index = take_between(lane, &look, hint->index, count);
    if (index == count) index = take_between(lane, &look, 0, count);
  }
  leave(lane);
  if (index == count) return 0;
  hint->index = index + 1;
  return block_at(lane->core, hint->span, bin, index);
}


uint64_t uvshm__small_take_near(struct uvshm__lane* lane, uint32_t bin) {
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  uint64_t ref = 0;

  if (hint->freed_span != 0) ref = take_freed(lane, bin);
  if (ref == 0 && hint->span != 0) ref = take_any(lane, bin);
  return ref;
}

/* ---- searching ----------------------------------------------------------- */

/* Does a lane of somebody else take from the span? */
static int is_others(const struct uvshm__lane* lane, uint32_t user) {
  const struct uvshm__core* core = lane->core;

  if (user == 0 || user == lane->index + 1 || user > core->lanes_max) return 0;
  return uvshm__a32_load_relaxed(&uvshm__core_lane(core, user - 1)->owner) != 0;
}


/* Nothing was found in the span: say so, so that nobody looks there before
 * somebody frees a block in it. Whoever does first frees it, then looks whether
 * the bit is there; we first clear the bit, then look at the blocks again. */
static uint64_t take_again(struct uvshm__lane* lane,
                           uint32_t bin,
                           struct uvshm__zone_ent* zone,
                           uint32_t bit) {
  uint64_t ref;

  uvshm__a32_and(&zone->room, ~bit);
  uvshm__fence_seq_cst();
  ref = take_any(lane, bin);
  if (ref != 0) uvshm__a32_or(&zone->room, bit);
  return ref;
}


static uint64_t search_span(struct uvshm__lane* lane,
                            uint32_t bin,
                            uint32_t span,
                            int others) {
  const struct uvshm__core* core = lane->core;
  uint32_t place = span % UVSHM__ZONE_SPANS;
  uint32_t number = span / UVSHM__ZONE_SPANS;
  struct uvshm__zone_ent* zone = uvshm__heap_zone(core, number);
  struct uvshm__span_ent* entry = uvshm__heap_span(core, number, place);
  uint64_t word = uvshm__a64_load_relaxed(&entry->word);
  uint64_t ref;

  if (uvshm__word_kind(word) != UVSHM__SPAN_SMALL ||
      uvshm__word_count(word) != bin)
    return 0;
  if (!others && is_others(lane, uvshm__a32_load_relaxed(&entry->user)))
    return 0;
  lane->heap[bin].span = span;
  lane->heap[bin].index = 0;
  ref = take_any(lane, bin);
  if (ref == 0) ref = take_again(lane, bin, zone, 1u << place);
  if (ref != 0) uvshm__a32_store_relaxed(&entry->user, lane->index + 1);
  return ref;
}


static uint64_t search_zone(struct uvshm__lane* lane,
                            uint32_t bin,
                            uint32_t number,
                            uint32_t places,
                            int others) {
  struct uvshm__zone_ent* zone = uvshm__heap_zone(lane->core, number);
  uint32_t room = uvshm__a32_load_relaxed(&zone->room);
  uint32_t place;
  uint64_t ref = 0;

  if (room == 0 || uvshm__word_kind(uvshm__a64_load_acquire(&zone->word)) !=
                       UVSHM__ZONE_SMALL)
    return 0;
  for (place = 1; place < places && ref == 0; place++)
    if (room >> place & 1)
      ref = search_span(lane, bin, number * UVSHM__ZONE_SPANS + place, others);
  return ref;
}


/* A span of `bin` that has room: from the zone of the last one on, at most
 * `most` zones. */
static uint64_t search(struct uvshm__lane* lane,
                       uint32_t bin,
                       uint32_t most,
                       int others) {
  uint64_t exists = uvshm__a64_load_relaxed(lane->core->exists);
  uint32_t spans = uvshm__heap_spans(lane->core, exists);
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t first = lane->heap[bin].span / UVSHM__ZONE_SPANS;
  uint64_t ref = 0;
  uint32_t i;

  for (i = 0; i < zones && i < most && ref == 0; i++) {
    uint32_t zone = (first + i) % zones;

    ref = search_zone(lane, bin, zone, uvshm__zone_places(zone, spans), others);
  }
  return ref;
}


static int cut_span(struct uvshm__lane* lane, uint32_t bin, uint64_t* ref) {
  struct uvshm__lock* lock = uvshm__heap_lock(lane->core);
  uint32_t span;
  int err;

  err = uvshm__lock_acquire(
      lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL);
  if (err < 0) return err;
  span = uvshm__zone_new_span(lane, bin);
  if (span != 0) {
    lane->heap[bin].span = span;
    lane->heap[bin].index = 0;
    /* Before others find it. */
    *ref = take_any(lane, bin);
  }
  uvshm__lock_release(lane, lock);
  return 0;
}


int uvshm__small_take(struct uvshm__lane* lane, uint32_t bin, uint64_t* ref) {
  int err;

  (void) uvshm__heap_look(lane->core);
  *ref = search(lane, bin, NEAR_ZONES, 0);
  if (*ref != 0) return 0;
  err = cut_span(lane, bin, ref);
  if (err < 0 || *ref != 0) return err;
  *ref = search(lane, bin, UINT32_MAX, 1);
  return *ref != 0 ? 0 : UV_ENOSPC;
}
