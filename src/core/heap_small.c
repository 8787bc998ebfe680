/* SPDX-License-Identifier: MIT */

/* Small blocks: taken by one store of an owner word, in a span that is cut into
 * blocks of one size.
 *
 * A span has one lane at a time that takes blocks of it, its `user`, so that
 * nobody competes for an owner word. What others may do meanwhile is free
 * blocks, become the user themselves, or make the span or its whole zone free.
 * So a lane names the span before it takes a block there and for as long as it
 * does:
 *
 *   take     lane names the span; barrier; zone small, span as it was, user =
 *            me?; owner word 0 -> mine; lane names nothing
 *   user     user -> moving to me; barrier; no lane names the span? user -> me
 *   close    span -> closing; barrier; no lane names it, all owner words 0?
 *            span -> free; else it is what it was. A zone likewise
 *
 * A put into a map (map_update.c) has the compare-and-swap of a lock as its
 * barrier.
 *
 * One of two sees the other. Whoever finds a span named leaves it as it is: it
 * is a matter of a few instructions, unless that thread was stopped in between.
 * That is why nobody names a span when he does not need to: each would keep
 * memory from others for as long as its thread does something else.
 *
 * A death in between leaves a word that is private to the dead peer, a lane
 * that names a span, or a user who is no more. The first two go when the peer
 * is cleared away, the last when somebody needs the span. models/heap_span.pml
 * shows all this.
 *
 * Where to look first is private to the thread: the blocks that it freed last,
 * then the span that it took from last. Which spans may have room is shared, a
 * hint, wrong at worst.
 */

#include "core/heap_take.h"

#include "base/error.h"
#include "uvshm/flags.h"

/* Zones to look through for a span in use before a free one is cut. */
#define NEAR_ZONES 32u

/* How often to look again whether somebody has left a span. */
#define PATIENCE 100u

/* ---- owner words --------------------------------------------------------- */

int uvshm__owners_are_zero(const uvshm__a16_t* owners) {
  uint32_t i;

  for (i = 0; i < UVSHM__OWNERS_WORDS; i++)
    if (uvshm__owners_word(owners, i) != 0) return 0;
  return 1;
}


/* Which of four. */
static uint32_t first_part(uint64_t zeros) {
  if ((uint32_t) zeros != 0) return (zeros & 0x8000u) != 0 ? 0 : 1;
  return (zeros & UINT64_C(0x800000000000)) != 0 ? 2 : 3;
}


/* Four at once; a span has room for words behind its last block. */
uint32_t uvshm__owners_find(const uvshm__a16_t* owners,
                            uint32_t from,
                            uint32_t count) {
  /* Those before `from` count as taken. */
  uint64_t before = (UINT64_C(1) << from % 4 * 16) - 1;
  uint64_t zeros;
  uint32_t index;

  for (from -= from % 4; from < count; from += 4) {
    zeros = uvshm__zero_parts(uvshm__owners_word(owners, from / 4) | before);
    before = 0;
    if (zeros == 0) continue;
    index = from + first_part(zeros);
    return index < count ? index : count;
  }
  return count;
}

/* ---- taking -------------------------------------------------------------- */

/* A block of the span that we are in, from block `from` on and below `count`;
 * else `count`. Nobody else makes a word anything that is 0. */
static uint32_t take_between(struct uvshm__lane* lane,
                             const struct uvshm__lane_span* span,
                             uint32_t from,
                             uint32_t count) {
  uint32_t index = uvshm__owners_find(span->own, from, count);

  if (index == count) return count;
  /* Pairs with the release by which it was freed: whoever had the block is done
   * with it. Not a fence, of which ThreadSanitizer knows nothing. */
  (void) uvshm__a16_load_seq_cst(&span->own[index]);
  /* The allocation. */
  uvshm__a16_store_release(&span->own[index], uvshm__heap_me(lane->core));
  return index;
}


/* Any block of `span`, which has `bin`, if this lane is the one that takes
 * there; its offset, or 0. */
static uint64_t take_any(struct uvshm__lane* lane,
                         uint32_t bin,
                         struct uvshm__lane_span* span) {
  uint32_t count = uvshm__heap_bins[bin].count;
  uint32_t first = span->index;
  uint32_t index = count;

  if (uvshm__span_enter(lane, span)) {
    index = take_between(lane, span, first, count);
    if (index == count) {
      index = take_between(lane, span, 0, first);
      if (index == first) index = count;
    }
  }
  uvshm__span_leave(lane);
  if (index == count) return 0;
  span->index = index + 1;
  return span->ref + (uint64_t) index * uvshm__heap_bin_size(bin);
}


uint64_t uvshm__small_take_near(struct uvshm__lane* lane, uint32_t bin) {
  struct uvshm__lane_heap* hint = &lane->heap[bin];
  uint64_t ref = uvshm__small_take_freed(lane, bin);

  if (ref == 0 && hint->span.entry != NULL)
    ref = take_any(lane, bin, &hint->span);
  return ref;
}


/* 1: the zone is small just now, so that there is something to look at. */
static int look_at(const struct uvshm__core* core,
                   uint32_t zone,
                   uint32_t place,
                   struct uvshm__lane_span* span) {
  span->zone = uvshm__heap_zone(core, zone);
  span->entry = uvshm__heap_span(core, zone, place);
  span->own = uvshm__heap_owners(core, zone, place);
  span->ref =
      uvshm__zone_offset(core, zone) + (uint64_t) place * UVSHM__SPAN_SIZE;
  span->number = zone * UVSHM__ZONE_SPANS + place + 1;
  span->index = 0;
  if (uvshm__word_kind(uvshm__a64_load_acquire(&span->zone->word)) !=
      UVSHM__ZONE_SMALL)
    return 0;
  span->word = uvshm__a64_load_acquire(&span->entry->word);
  return 1;
}

/* ---- freeing ------------------------------------------------------------- */

int uvshm__small_free(struct uvshm__lane* lane, uint64_t ref) {
  struct uvshm__small_place place;

  return uvshm__small_find(lane->core, ref, &place) &&
         uvshm__small_give(lane, &place, ref);
}

/* ---- searching ----------------------------------------------------------- */

/* Does a lane of somebody else take from the span? */
static int is_others(const struct uvshm__lane* lane, uint32_t user) {
  const struct uvshm__core* core = lane->core;

  user &= ~UVSHM__SPAN_MOVING;
  if (user == 0 || user == lane->index + 1 || user > core->lanes_max) return 0;
  return uvshm__a32_load_relaxed(&uvshm__core_lane(core, user - 1)->owner) != 0;
}


/* The span is what it was, and stays in a small zone. */
static int become_user(struct uvshm__lane* lane,
                       const struct uvshm__lane_span* span) {
  uvshm__a32_t* user = &span->entry->user;
  uint32_t me = lane->index + 1;
  uint32_t before = uvshm__a32_load_relaxed(user);

  /* Only we make it so, as below. */
  if (before == me) return 1;
  /* From here on nobody who is not in the span gets in. */
  if (!uvshm__a32_cas(user, before, me | UVSHM__SPAN_MOVING)) return 0;
  /* Pairs with uvshm__span_enter(). */
  uvshm__fence_seq_cst();
  if (!uvshm__span_is_entered(lane->core, span->number))
    return uvshm__a32_cas(user, me | UVSHM__SPAN_MOVING, me);
  (void) uvshm__a32_cas(user, me | UVSHM__SPAN_MOVING, 0);
  return 0;
}


/* Become the one who takes blocks of the span. 0: somebody is just taking one,
 * or it is not what it was. */
static int make_mine(struct uvshm__lane* lane,
                     const struct uvshm__lane_span* span) {
  int mine;

  /* While we look, the zone stays small, so that `user` is no caller's byte. */
  (void) uvshm__a32_xchg_seq_cst(&lane->ent->span,
                                 span->number | UVSHM__LANE_LOOKING);
  mine = uvshm__word_kind(uvshm__a64_load_seq_cst(&span->zone->word)) ==
             UVSHM__ZONE_SMALL &&
         uvshm__a64_load_seq_cst(&span->entry->word) == span->word &&
         become_user(lane, span);
  uvshm__span_leave(lane);
  return mine;
}


/* The same from somebody who lives: he is in the span for a moment only, if he
 * is. But he may have been stopped there. */
static int take_over(struct uvshm__lane* lane,
                     const struct uvshm__lane_span* span) {
  const struct uvshm__core* core = lane->core;
  uint32_t i;

  for (i = 0; i < PATIENCE; i++) {
    if (make_mine(lane, span)) return 1;
    if (uvshm__a64_load_acquire(&span->entry->word) != span->word) return 0;
    core->env->yield(core->env_arg);
  }
  return 0;
}


/* Nothing was found in the span: say so, so that nobody looks there before
 * somebody frees a block in it. Whoever does first frees it, then looks whether
 * the bit is there; we first clear the bit, then look at the blocks again. */
static uint64_t take_again(struct uvshm__lane* lane,
                           uint32_t bin,
                           struct uvshm__lane_span* span,
                           uint32_t bit) {
  uint64_t ref;

  uvshm__a32_and(&span->zone->room, ~bit);
  uvshm__fence_seq_cst();
  span->index = 0;
  ref = take_any(lane, bin, span);
  if (ref != 0) uvshm__a32_or(&span->zone->room, bit);
  return ref;
}


static uint64_t search_span(struct uvshm__lane* lane,
                            uint32_t bin,
                            uint32_t zone,
                            uint32_t place,
                            int others) {
  struct uvshm__lane_span span;
  uint64_t ref;

  if (!look_at(lane->core, zone, place, &span) ||
      uvshm__word_kind(span.word) != UVSHM__SPAN_SMALL ||
      uvshm__word_count(span.word) != bin)
    return 0;
  if (is_others(lane, uvshm__a32_load_relaxed(&span.entry->user))) {
    if (!others || !take_over(lane, &span)) return 0;
  } else if (!make_mine(lane, &span)) {
    return 0;
  }
  ref = take_any(lane, bin, &span);
  if (ref == 0) ref = take_again(lane, bin, &span, 1u << place);
  if (ref == 0) return 0;
  lane->heap[bin].span = span;
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
    if (room >> place & 1) ref = search_span(lane, bin, number, place, others);
  return ref;
}


/* A span of `bin` that has room: in the zone of the last one first, at most in
 * `most` zones. */
static uint64_t search(struct uvshm__lane* lane,
                       uint32_t bin,
                       uint32_t most,
                       int others) {
  uint64_t exists = uvshm__a64_load_relaxed(lane->core->exists);
  uint32_t spans = uvshm__heap_spans(lane->core, exists);
  uint32_t zones = uvshm__spans_to_zones(spans);
  uint32_t last = lane->heap[bin].span.number;
  uint32_t first = last != 0 ? (last - 1) / UVSHM__ZONE_SPANS : 0;
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
  struct uvshm__lane_span* span = &lane->heap[bin].span;
  uint32_t number;
  int err;

  err = uvshm__lock_acquire(
      lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL);
  if (err < 0) return err;
  number = uvshm__zone_may_cut(lane->core)
               ? uvshm__zone_new_span(lane, UVSHM__SPAN_SMALL, bin)
               : 0;
  /* Before others find it. */
  if (number != 0 && look_at(lane->core,
                             number / UVSHM__ZONE_SPANS,
                             number % UVSHM__ZONE_SPANS,
                             span))
    *ref = take_any(lane, bin, span);
  uvshm__lock_release(lane, lock);
  return 0;
}


static int take_mixed(struct uvshm__lane* lane,
                      const struct uvshm__heap_want* want,
                      uint64_t* ref) {
  struct uvshm__lock* lock = uvshm__heap_lock(lane->core);
  int err;

  err = uvshm__lock_acquire(
      lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL);
  if (err < 0) return err;
  if (!uvshm__zone_may_cut(lane->core)) *ref = uvshm__mixed_take(lane, want);
  uvshm__lock_release(lane, lock);
  return 0;
}


int uvshm__small_take(struct uvshm__lane* lane,
                      const struct uvshm__heap_want* want,
                      uint64_t* ref) {
  int err;

  (void) uvshm__heap_look(lane->core);
  *ref = search(lane, want->bin, NEAR_ZONES, 0);
  if (*ref != 0) return 0;
  err = cut_span(lane, want->bin, ref);
  if (err < 0 || *ref != 0) return err;
  *ref = search(lane, want->bin, UINT32_MAX, 1);
  if (*ref != 0) return 0;
  err = take_mixed(lane, want, ref);
  if (err < 0) return err;
  return *ref != 0 ? 0 : UV_ENOSPC;
}
