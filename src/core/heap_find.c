/* SPDX-License-Identifier: MIT */

/* From an offset to what lies there. All of this takes no lock, writes nothing
 * but owner words, and believes no offset: any may come from bytes that
 * somebody overwrote, or from a reader that is behind.
 */

#include "core/heap_inside.h"

#include "base/error.h"
#include "base/rare.h"

/* ---- what exists --------------------------------------------------------- */

uint64_t uvshm__heap_look(const struct uvshm__core* core) {
  uint64_t known = uvshm__a64_load_relaxed(core->exists);
  uint64_t said = uvshm__a64_load_acquire(&uvshm__core_header(core)->committed);
  uint64_t now;

  if (said > core->reach) said = core->reach;
  if (said <= known) return known;
  /* The word may say anything; the system knows. */
  now = core->env->exists(core->env_arg);
  if (now > core->reach) now = core->reach;
  while (known < now && !uvshm__a64_cas(core->exists, known, now))
    known = uvshm__a64_load_relaxed(core->exists);
  return known < now ? now : known;
}

/* ---- places -------------------------------------------------------------- */

static int find_huge(const struct uvshm__core* core,
                     uint32_t zone,
                     uint64_t word,
                     struct uvshm__heap_place* place) {
  place->own = &uvshm__heap_zone(core, zone)->own;
  place->span = zone * UVSHM__ZONE_SPANS;
  place->bin = UVSHM__HEAP_BINS;
  place->index = 0;
  place->count = uvshm__word_count(word);
  return place->count != 0 &&
         place->count <= (core->heap_zones - zone) * UVSHM__ZONE_SPANS;
}


static int find_run(const struct uvshm__core* core,
                    uint64_t word,
                    uint32_t inside,
                    struct uvshm__heap_place* place) {
  uint32_t zone = place->span / UVSHM__ZONE_SPANS;
  uint32_t number = place->span % UVSHM__ZONE_SPANS;

  place->own = uvshm__heap_owners(core, zone, number);
  place->bin = UVSHM__HEAP_BINS;
  place->index = 0;
  place->count = uvshm__word_count(word);
  return inside == 0 && place->count != 0 &&
         place->count <= UVSHM__ZONE_SPANS - number;
}


static int find_small(const struct uvshm__core* core,
                      uint64_t word,
                      uint32_t inside,
                      struct uvshm__heap_place* place) {
  uint32_t zone = place->span / UVSHM__ZONE_SPANS;
  uint32_t number = place->span % UVSHM__ZONE_SPANS;

  place->bin = uvshm__word_count(word);
  place->count = 0;
  if (!uvshm__heap_index(place->bin, inside, &place->index)) return 0;
  place->own = uvshm__heap_owners(core, zone, number) + place->index;
  return 1;
}


static int find_mixed(const struct uvshm__core* core,
                      uint32_t inside,
                      struct uvshm__heap_place* place) {
  uvshm__a16_t* owners = uvshm__heap_owners(
      core, place->span / UVSHM__ZONE_SPANS, place->span % UVSHM__ZONE_SPANS);

  place->bin = UVSHM__HEAP_BINS;
  place->index = inside / UVSHM__HEAP_UNIT;
  place->count = 0;
  place->own = owners + place->index;
  if (!uvshm__is_multiple(inside, UVSHM__HEAP_UNIT) ||
      uvshm__a16_load_relaxed(place->own) == UVSHM__OWN_INSIDE)
    return 0;
  place->units = uvshm__mixed_units(owners, place->index);
  return 1;
}


int uvshm__place_find(const struct uvshm__core* core,
                      uint64_t ref,
                      struct uvshm__heap_place* place) {
  uint32_t zone;
  uint32_t inside;
  uint64_t word;

  if (uvshm__heap_at(core, ref, 1) == NULL) return 0;
  ref -= core->control_size;
  if (ref / UVSHM__ZONE_SIZE >= core->heap_zones) return 0;
  zone = (uint32_t) (ref / UVSHM__ZONE_SIZE);
  inside = (uint32_t) (ref % UVSHM__ZONE_SIZE);
  word = uvshm__a64_load_acquire(&uvshm__heap_zone(core, zone)->word);
  if (uvshm__word_kind(word) == UVSHM__ZONE_HUGE)
    return inside == 0 && find_huge(core, zone, word, place);
  if (!uvshm__zone_is_small(word) || inside < UVSHM__SPAN_SIZE) return 0;

  place->span = (uint32_t) (ref / UVSHM__SPAN_SIZE);
  inside %= UVSHM__SPAN_SIZE;
  word = uvshm__a64_load_acquire(
      &uvshm__heap_span(core, zone, place->span % UVSHM__ZONE_SPANS)->word);
  if (uvshm__span_is_small(word)) return find_small(core, word, inside, place);
  if (uvshm__word_kind(word) == UVSHM__SPAN_MIXED)
    return find_mixed(core, inside, place);
  return uvshm__word_kind(word) == UVSHM__SPAN_RUN &&
         find_run(core, word, inside, place);
}


void uvshm__place_freed(const struct uvshm__core* core,
                        const struct uvshm__heap_place* place) {
  struct uvshm__zone_ent* zone =
      uvshm__heap_zone(core, place->span / UVSHM__ZONE_SPANS);
  uint32_t number = place->span % UVSHM__ZONE_SPANS;
  uint32_t bits;

  if (number == 0) return; /* huge */
  bits = uvshm__room_bits(number, place->count != 0 ? place->count : 1);
  /* Pairs with take_again(), heap_small.c. The store of 0 was a full
   * barrier. */
  if ((uvshm__a32_load_seq_cst(&zone->room) & bits) != bits)
    uvshm__a32_or(&zone->room, bits);
}


static uint64_t size_of(const struct uvshm__heap_place* place) {
  if (place->bin < UVSHM__HEAP_BINS) return uvshm__heap_bin_size(place->bin);
  if (place->count == 0) return (uint64_t) place->units * UVSHM__HEAP_UNIT;
  return (uint64_t) place->count * UVSHM__SPAN_SIZE;
}


int uvshm__heap_find(const struct uvshm__core* core,
                     uint64_t ref,
                     struct uvshm__heap_block* block) {
  struct uvshm__heap_place place;

  if (!uvshm__place_find(core, ref, &place)) {
    if (ref >= core->reach && ref < core->reserve) return UV_ENOMEM;
    return UV_EINVAL;
  }
  block->ref = ref;
  block->size = size_of(&place);
  /* The words of a run or a huge block may claim more than there is. */
  if (!uvshm__fits(ref, block->size, uvshm__a64_load_relaxed(core->exists)) &&
      !uvshm__fits(ref, block->size, uvshm__heap_look(core)))
    return UV_ENOMEM;
  block->word = uvshm__offset_of(core, place.own);
  block->own = uvshm__a16_load_seq_cst(place.own);
  return 0;
}


uint64_t uvshm__heap_size(const struct uvshm__core* core, uint64_t ref) {
  struct uvshm__heap_place place;

  return uvshm__place_find(core, ref, &place) ? size_of(&place) : 0;
}


uint64_t uvshm__heap_word(const struct uvshm__core* core, uint64_t ref) {
  struct uvshm__heap_place place;

  return uvshm__place_find(core, ref, &place)
             ? uvshm__offset_of(core, place.own)
             : 0;
}


int uvshm__heap_change(const struct uvshm__core* core,
                       uint64_t ref,
                       uint32_t from,
                       uint32_t to) {
  struct uvshm__heap_place place;

  if (!uvshm__place_find(core, ref, &place) ||
      !uvshm__a16_cas_seq_cst(place.own, from, to))
    return 0;
  if (to == UVSHM__OWN_FREE) uvshm__place_freed(core, &place);
  return 1;
}

/* ---- what repair may touch ----------------------------------------------- */

/* Is the byte the heap's own, in a zone? *owner 1: of an owner word. */
static int is_bookkeeping(const struct uvshm__core* core,
                          uint64_t offset,
                          int* owner) {
  uint64_t at = offset - core->control_size;
  uint64_t zone = at / UVSHM__ZONE_SIZE;

  at %= UVSHM__ZONE_SIZE;
  *owner = 0;
  if (zone >= core->heap_zones) return 1;
  if (at >= UVSHM__SPAN_SIZE ||
      !uvshm__zone_is_small(uvshm__a64_load_acquire(
          &uvshm__heap_zone(core, (uint32_t) zone)->word)))
    return 0;
  *owner = at >= UVSHM__OWNERS_SIZE;
  return 1;
}


static int is_own_of_zone(const struct uvshm__core* core, uint64_t offset) {
  uint64_t table = core->heap_offset + UVSHM__HEAP_HEAD_SIZE;

  return core->heap_offset != 0 && offset >= table &&
         offset - table <
             (uint64_t) core->heap_zones * sizeof(struct uvshm__zone_ent) &&
         (offset - table) % sizeof(struct uvshm__zone_ent) ==
             offsetof(struct uvshm__zone_ent, own);
}


int uvshm__heap_has_word(const struct uvshm__core* core,
                         uint64_t offset,
                         uint32_t width) {
  int owner;
  int book;

  if (width == 2 && is_own_of_zone(core, offset)) return 1;
  if (core->heap_offset == 0 || uvshm__heap_at(core, offset, width) == NULL)
    return 0;
  book = is_bookkeeping(core, offset, &owner);
  if (width == 2) return book && owner && uvshm__is_multiple(offset, 2);
  return !book;
}


UVSHM__RARE int uvshm__heap_has_lock(const struct uvshm__core* core,
                                     uint64_t offset) {
  int owner;

  if (core->heap_offset == 0) return 0;
  if (offset >= core->heap_offset &&
      offset - core->heap_offset <
          (uint64_t) UVSHM__HEAP_LOCKS * sizeof(struct uvshm__lock))
    return (offset - core->heap_offset) % sizeof(struct uvshm__lock) == 0;
  return uvshm__heap_at(core, offset, sizeof(struct uvshm__lock)) != NULL &&
         !is_bookkeeping(core, offset, &owner) &&
         !is_bookkeeping(core, offset + sizeof(struct uvshm__lock) - 1, &owner);
}

/* ---- inside a block ------------------------------------------------------ */

/* Where the block begins that the byte at `offset` is in, if it is in one. */
static uint64_t begin_of(const struct uvshm__core* core, uint64_t offset) {
  uint64_t at = offset - core->control_size;
  uint32_t zone = (uint32_t) (at / UVSHM__ZONE_SIZE);
  uint32_t place = (uint32_t) (at % UVSHM__ZONE_SIZE / UVSHM__SPAN_SIZE);
  uint64_t word;
  uint32_t bin;

  word = uvshm__a64_load_acquire(&uvshm__heap_zone(core, zone)->word);
  if (!uvshm__zone_is_small(word)) {
    if (uvshm__word_kind(word) == UVSHM__ZONE_CONT &&
        uvshm__zone_is_inside(core, zone, word))
      zone -= uvshm__word_count(word);
    return uvshm__zone_offset(core, zone);
  }
  /* The insides of a run say free. */
  for (; place > 0; place--) {
    word = uvshm__a64_load_acquire(&uvshm__heap_span(core, zone, place)->word);
    if (uvshm__word_kind(word) != UVSHM__SPAN_FREE) break;
  }
  if (place == 0) return 0;
  at = uvshm__zone_offset(core, zone) + (uint64_t) place * UVSHM__SPAN_SIZE;
  if (offset - at >= UVSHM__SPAN_SIZE) return at;
  if (uvshm__word_kind(word) == UVSHM__SPAN_MIXED)
    return at +
           UVSHM__HEAP_UNIT * (uint64_t) uvshm__mixed_begin(
                                  uvshm__heap_owners(core, zone, place),
                                  (uint32_t) (offset - at) / UVSHM__HEAP_UNIT);
  if (!uvshm__span_is_small(word)) return at;
  bin = uvshm__word_count(word);
  return at +
         (uint64_t) uvshm__heap_index_inside(bin, (uint32_t) (offset - at)) *
             uvshm__heap_bin_size(bin);
}


uint32_t uvshm__heap_holds(const struct uvshm__core* core,
                           uint64_t offset,
                           uint64_t size) {
  struct uvshm__heap_block block;
  uint64_t begin;

  if (uvshm__heap_at(core, offset, size) == NULL ||
      (offset - core->control_size) / UVSHM__ZONE_SIZE >= core->heap_zones)
    return 0;
  begin = begin_of(core, offset);
  if (begin == 0 || uvshm__heap_find(core, begin, &block) < 0 ||
      !uvshm__fits(offset - begin, size, block.size))
    return UVSHM__OWN_FREE;
  return block.own;
}
