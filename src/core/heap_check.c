/* SPDX-License-Identifier: MIT */

/* Is the heap well, and how full is it? Both read everything while others work,
 * so what a reader sees of a zone counts only when the zone still is what it
 * was afterwards, and what looks wrong is looked at twice.
 *
 *   zones   a known kind; a huge block has as many spans as there may be
 *   spans   a known kind; a run ends in its zone; a size that there is
 *   owners  free, shared, or private to a peer that is there. Where no block
 *           is, they are free or, for the moment of a try or until he is
 *           cleared away, private to somebody
 */

#include "core/heap_inside.h"

#include "base/error.h"
#include "core/peer.h"

#include <string.h>

/* ---- check --------------------------------------------------------------- */

/* `most`: the largest that it may be without being private; 0 where no block
 * is. */
static const char* fault_of_own(const struct uvshm__core* core,
                                const uvshm__a16_t* word,
                                uint32_t most) {
  uint32_t own = uvshm__a16_load_seq_cst(word);

  if (own <= most) return NULL;
  if (own < UVSHM__OWN_PRIVATE)
    return most == 0 && own <= UVSHM__OWN_LIBRARY ? "an owner where no block is"
                                                  : "an owner that cannot be";
  if (own - UVSHM__OWN_PRIVATE >= core->peers_max)
    return "an owner that cannot be";
  if (!uvshm__peer_is_free(core, own - UVSHM__OWN_PRIVATE)) return NULL;
  /* It may have left since. */
  if (uvshm__a16_load_seq_cst(word) != own) return NULL;
  return "an owner that is no peer";
}


static const char* fault_of_owners(const struct uvshm__core* core,
                                   const uvshm__a16_t* owners,
                                   uint32_t count,
                                   uint32_t most) {
  const char* fault = NULL;
  uint32_t i;

  for (i = 0; i < UVSHM__SPAN_OWNERS && fault == NULL; i++) {
    if (i % 4 == 0 && uvshm__owners_word(owners, i / 4) == 0) {
      i += 3;
      continue;
    }
    fault = fault_of_own(core, &owners[i], i < count ? most : 0);
  }
  return fault;
}


static int is_mixed(uint64_t word) {
  return uvshm__word_kind(word) == UVSHM__SPAN_MIXED;
}


/* How many blocks the span has; -1: what its word says cannot be. */
static int32_t blocks_of(uint64_t word, uint32_t place) {
  uint32_t count = uvshm__word_count(word);

  if (uvshm__span_is_small(word))
    return (int32_t) uvshm__heap_bins[count].count;
  if (uvshm__word_kind(word) == UVSHM__SPAN_FREE) return 0;
  if (is_mixed(word)) return (int32_t) UVSHM__SPAN_OWNERS;
  if (uvshm__word_kind(word) == UVSHM__SPAN_RUN && count != 0 &&
      count <= UVSHM__ZONE_SPANS - place)
    return 1;
  return -1;
}


/* Places that the span takes, as far as that is known. */
static uint32_t places_of(uint64_t word, int32_t blocks) {
  return blocks == 1 && uvshm__word_kind(word) == UVSHM__SPAN_RUN
             ? uvshm__word_count(word)
             : 1;
}


static const char* fault_of_span(const struct uvshm__core* core,
                                 uint32_t zone,
                                 uint32_t place,
                                 uint32_t* taken) {
  const struct uvshm__span_ent* entry = uvshm__heap_span(core, zone, place);
  const uvshm__a16_t* owners = uvshm__heap_owners(core, zone, place);
  uint64_t word = uvshm__a64_load_acquire(&entry->word);
  int32_t blocks = blocks_of(word, place);
  const char* fault = "a kind of span that there is not";

  *taken = places_of(word, blocks);
  if (blocks >= 0)
    fault = fault_of_owners(
        core,
        owners,
        (uint32_t) blocks,
        is_mixed(word) ? UVSHM__OWN_INSIDE : UVSHM__OWN_LIBRARY);
  uvshm__fence_acquire();
  /* It was becoming another. */
  return uvshm__a64_load_acquire(&entry->word) == word ? fault : NULL;
}


static const char* fault_of_zone(const struct uvshm__core* core,
                                 uint32_t zone,
                                 uint64_t word) {
  uint32_t count = uvshm__word_count(word);
  uint32_t kind = uvshm__word_kind(word);

  if (kind > UVSHM__ZONE_CONT) return "a kind of zone that there is not";
  if (kind == UVSHM__ZONE_HUGE &&
      (count == 0 || count > (core->heap_zones - zone) * UVSHM__ZONE_SPANS))
    return "a huge block that cannot be";
  return fault_of_own(core,
                      &uvshm__heap_zone(core, zone)->own,
                      kind == UVSHM__ZONE_HUGE ? UVSHM__OWN_LIBRARY : 0);
}


static int check_zone(const struct uvshm__core* core,
                      uint32_t zone,
                      uint32_t places) {
  const struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_acquire(&entry->word);
  const char* fault = fault_of_zone(core, zone, word);
  uint32_t place = 0;
  uint32_t taken = 1;

  if (uvshm__zone_is_small(word))
    for (place = 1; place < places && fault == NULL; place += taken)
      fault = fault_of_span(core, zone, place, &taken);
  if (fault == NULL) return 0;
  uvshm__fence_acquire();
  if (uvshm__a64_load_acquire(&entry->word) != word) return 0;
  return uvshm__fail(UV_EPROTO,
                     "the heap's zone %u, span %u: %s",
                     zone,
                     place != 0 ? place - taken : 0,
                     fault);
}


int uvshm__heap_check(const struct uvshm__core* core) {
  uint32_t spans;
  uint32_t zone;
  int err = 0;

  if (core->heap_offset == 0) return 0;
  spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  for (zone = 0; zone < uvshm__spans_to_zones(spans) && err == 0; zone++)
    err = check_zone(core, zone, uvshm__zone_places(zone, spans));
  return err;
}

/* ---- numbers ------------------------------------------------------------- */

/* What was counted up to some zone. */
struct count {
  struct uvshm__heap_facts* facts;
  uint32_t row;   /* free spans in a row, up to the last one looked at */
  uint32_t zones; /* spans of free zones in a row */
};


static void enlarge(struct count* count, uint64_t size) {
  if (size > count->facts->largest_free) count->facts->largest_free = size;
}


static void count_block(struct count* count, uint32_t own, uint64_t size) {
  if (own == UVSHM__OWN_FREE) {
    count->facts->free += size;
    return;
  }
  count->facts->used += size;
  count->facts->blocks++;
  if (own >= UVSHM__OWN_PRIVATE) count->facts->blocks_private++;
}


static void count_free_span(struct count* count) {
  count->facts->free += UVSHM__SPAN_SIZE;
  count->row++;
  enlarge(count, (uint64_t) count->row * UVSHM__SPAN_SIZE);
}


static void count_small(struct count* count,
                        const uvshm__a16_t* owners,
                        uint32_t bin) {
  uint32_t size = uvshm__heap_bin_size(bin);
  uint64_t blocks = count->facts->blocks;
  uint64_t free_before = count->facts->free;
  uint32_t i;

  for (i = 0; i < uvshm__heap_bins[bin].count; i++)
    count_block(count, uvshm__a16_load_relaxed(&owners[i]), size);
  if (blocks == count->facts->blocks) {
    /* As good as free. */
    count->facts->free = free_before;
    count_free_span(count);
    return;
  }
  if (count->facts->free != free_before) enlarge(count, size);
  count->row = 0;
}


static void count_mixed(struct count* count, const uvshm__a16_t* owners) {
  uint64_t blocks = count->facts->blocks;
  uint64_t free_before = count->facts->free;
  uint32_t gap = 0;
  uint32_t units;
  uint32_t own;
  uint32_t i;

  for (i = 0; i < UVSHM__SPAN_OWNERS; i += units) {
    units = uvshm__mixed_next(owners, i, &own);
    count_block(count, own, (uint64_t) units * UVSHM__HEAP_UNIT);
    gap = own == UVSHM__OWN_FREE ? gap + units : 0;
    enlarge(count, (uint64_t) gap * UVSHM__HEAP_UNIT);
  }
  if (blocks != count->facts->blocks) {
    count->row = 0;
    return;
  }
  count->facts->free = free_before;
  count_free_span(count);
}


/* Returns how many places the span takes. */
static uint32_t count_span(const struct uvshm__core* core,
                           uint32_t zone,
                           uint32_t place,
                           struct count* count) {
  const uvshm__a16_t* owners = uvshm__heap_owners(core, zone, place);
  uint64_t word =
      uvshm__a64_load_acquire(&uvshm__heap_span(core, zone, place)->word);
  int32_t blocks = blocks_of(word, place);
  uint32_t own;

  if (blocks < 0) {
    count->row = 0;
  } else if (uvshm__span_is_small(word)) {
    count_small(count, owners, uvshm__word_count(word));
  } else if (is_mixed(word)) {
    count_mixed(count, owners);
  } else if (blocks == 0) {
    count_free_span(count);
  } else {
    own = uvshm__a16_load_relaxed(&owners[0]);
    if (own == UVSHM__OWN_FREE) {
      count_free_span(count); /* the rest of it says free itself */
      return 1;
    }
    count_block(
        count, own, (uint64_t) uvshm__word_count(word) * UVSHM__SPAN_SIZE);
    count->row = 0;
  }
  return places_of(word, blocks);
}


static void count_small_zone(const struct uvshm__core* core,
                             uint32_t zone,
                             uint32_t places,
                             struct count* count) {
  uint64_t blocks = count->facts->blocks;
  uint32_t place;

  count->facts->bookkeeping += UVSHM__SPAN_SIZE;
  count->row = 0;
  for (place = 1; place < places;)
    place += count_span(core, zone, place, count);
  /* One without blocks can become free. */
  count->zones = blocks == count->facts->blocks ? count->zones + places : 0;
}


static void count_zone(const struct uvshm__core* core,
                       uint32_t zone,
                       uint32_t places,
                       struct count* count) {
  const struct uvshm__zone_ent* entry = uvshm__heap_zone(core, zone);
  uint64_t word = uvshm__a64_load_acquire(&entry->word);
  uint32_t own = uvshm__a16_load_relaxed(&entry->own);

  if (uvshm__zone_is_small(word)) {
    count_small_zone(core, zone, places, count);
  } else if (uvshm__word_kind(word) == UVSHM__ZONE_HUGE &&
             own != UVSHM__OWN_FREE) {
    count_block(
        count, own, (uint64_t) uvshm__word_count(word) * UVSHM__SPAN_SIZE);
    count->zones = 0;
  } else if (uvshm__word_kind(word) == UVSHM__ZONE_CONT &&
             uvshm__zone_is_inside(core, zone, word)) {
    count->zones = 0;
  } else {
    count->facts->free += (uint64_t) (places - 1) * UVSHM__SPAN_SIZE;
    count->facts->bookkeeping += UVSHM__SPAN_SIZE;
    count->zones += places;
    enlarge(count, (uint64_t) (places - 1) * UVSHM__SPAN_SIZE);
  }
  if (count->zones >= UVSHM__ZONE_SPANS)
    enlarge(count, (uint64_t) count->zones * UVSHM__SPAN_SIZE);
}


void uvshm__heap_read(const struct uvshm__core* core,
                      struct uvshm__heap_facts* facts) {
  struct count count = {facts, 0, 0};
  uint32_t spans;
  uint32_t zone;

  memset(facts, 0, sizeof(*facts));
  if (core->heap_offset == 0) return;
  spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  facts->size = (uint64_t) spans * UVSHM__SPAN_SIZE;
  for (zone = 0; zone < uvshm__spans_to_zones(spans); zone++)
    count_zone(core, zone, uvshm__zone_places(zone, spans), &count);
}
