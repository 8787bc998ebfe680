/* SPDX-License-Identifier: MIT */

/* What the files of the heap share: where its parts lie, how its words are
 * made, and what they do for each other. Others include heap_take.h at most.
 *
 * A span is numbered through the whole heap: zone * 32 + its place in the zone.
 * 0 is no span of the caller's, so it stands for none.
 */

#ifndef UVSHM_CORE_HEAP_INSIDE_H_
#define UVSHM_CORE_HEAP_INSIDE_H_

#include "core/core.h"
#include "core/heap.h"
#include "core/heap_bin.h"
#include "core/heap_layout.h"
#include "core/lane.h"
#include "core/lock.h"

#include <stdint.h>

/* ---- words --------------------------------------------------------------- */

static inline uint32_t uvshm__word_kind(uint64_t word) {
  return (uint32_t) word & 0xff;
}


/* Bin, or spans. */
static inline uint32_t uvshm__word_count(uint64_t word) {
  return (uint32_t) word >> 8 & 0x7fffff;
}


/* Of a free zone: was it part of a huge block? */
static inline int uvshm__word_is_used(uint64_t word) {
  return ((uint32_t) word >> 8 & UVSHM__ZONE_USED) != 0;
}


/* What follows `word`: another generation. */
static inline uint64_t uvshm__word_next(uint64_t word,
                                        uint32_t kind,
                                        uint32_t count) {
  return ((word >> 32) + 1) << 32 | (uint64_t) count << 8 | kind;
}


static inline uint64_t uvshm__word_with_kind(uint64_t word, uint32_t kind) {
  return (word & ~UINT64_C(0xff)) | kind;
}

/* ---- places -------------------------------------------------------------- */

static inline struct uvshm__heap_head* uvshm__heap_head(
    const struct uvshm__core* core) {
  return (struct uvshm__heap_head*) (core->base + core->heap_offset);
}


static inline struct uvshm__lock* uvshm__heap_lock(
    const struct uvshm__core* core) {
  return (struct uvshm__lock*) uvshm__heap_head(core)->lock;
}


static inline struct uvshm__zone_ent* uvshm__heap_zone(
    const struct uvshm__core* core, uint32_t zone) {
  return (struct uvshm__zone_ent*) (core->base + core->heap_offset +
                                    UVSHM__HEAP_HEAD_SIZE) +
         zone;
}


/* Where the zone begins, as an offset. */
static inline uint64_t uvshm__zone_offset(const struct uvshm__core* core,
                                          uint32_t zone) {
  return core->control_size + (uint64_t) zone * UVSHM__ZONE_SIZE;
}


/* These two only while the zone is small: else the bytes are a caller's. */
static inline struct uvshm__span_ent* uvshm__heap_span(
    const struct uvshm__core* core, uint32_t zone, uint32_t place) {
  return (struct uvshm__span_ent*) (core->base +
                                    uvshm__zone_offset(core, zone)) +
         place;
}


static inline uvshm__a16_t* uvshm__heap_owners(const struct uvshm__core* core,
                                               uint32_t zone,
                                               uint32_t place) {
  return (uvshm__a16_t*) (core->base + uvshm__zone_offset(core, zone) +
                          (uint64_t) place * UVSHM__OWNERS_SIZE);
}


static inline uint64_t uvshm__offset_of(const struct uvshm__core* core,
                                        const void* address) {
  return (uint64_t) ((const unsigned char*) address - core->base);
}


static inline int uvshm__zone_is_small(uint64_t word) {
  uint32_t kind = uvshm__word_kind(word);

  return kind == UVSHM__ZONE_SMALL || kind == UVSHM__ZONE_CLOSING;
}


static inline int uvshm__span_is_small(uint64_t word) {
  uint32_t kind = uvshm__word_kind(word);

  return (kind == UVSHM__SPAN_SMALL || kind == UVSHM__SPAN_CLOSING) &&
         uvshm__word_count(word) < UVSHM__HEAP_BINS;
}


/* How many spans exist, the last zone's included; zones likewise, when one of
 * which a part exists counts. */
static inline uint32_t uvshm__heap_spans(const struct uvshm__core* core,
                                         uint64_t exists) {
  uint64_t most = (uint64_t) core->heap_zones * UVSHM__ZONE_SPANS;
  uint64_t spans;

  if (exists < core->control_size) return 0;
  spans = (exists - core->control_size) / UVSHM__SPAN_SIZE;
  return (uint32_t) (spans < most ? spans : most);
}


static inline uint32_t uvshm__spans_to_zones(uint32_t spans) {
  return (spans + UVSHM__ZONE_SPANS - 1) / UVSHM__ZONE_SPANS;
}


/* How many places of `zone` exist, of `spans` in all: 0 to 32. */
static inline uint32_t uvshm__zone_places(uint32_t zone, uint32_t spans) {
  uint32_t first = zone * UVSHM__ZONE_SPANS;

  if (spans <= first) return 0;
  return spans - first < UVSHM__ZONE_SPANS ? spans - first : UVSHM__ZONE_SPANS;
}


/* Bits of `count` places from `place` on, 1 to 31 places. */
static inline uint32_t uvshm__room_bits(uint32_t place, uint32_t count) {
  return ((1u << count) - 1) << place;
}

/* ---- owner words, several at once ---------------------------------------- */

#define UVSHM__OWNERS_WORDS (UVSHM__OWNERS_SIZE / 8)

static inline uint64_t uvshm__owners_word(const uvshm__a16_t* owners,
                                          uint32_t i) {
  return uvshm__a64_load_relaxed((const uvshm__a64_t*) (const void*) owners +
                                 i);
}


/* Not 0 when one of the four parts of 16 bits of `word` may be 0; surely 0 when
 * none is. The lowest bit that is set tells the first one rightly. */
static inline uint64_t uvshm__zero_parts(uint64_t word) {
  return (word - UINT64_C(0x0001000100010001)) & ~word &
         UINT64_C(0x8000800080008000);
}


/* Are all owner words of the span 0? */
int uvshm__owners_are_zero(const uvshm__a16_t* owners);

/* The first block from `from` on, below `count`, whose owner word is 0; else
 * `count`. */
uint32_t uvshm__owners_find(const uvshm__a16_t* owners,
                            uint32_t from,
                            uint32_t count);

/* What is asked for: a small block. */
struct uvshm__heap_want {
  uint32_t bin;
  uint32_t units; /* of 64 bytes */
  uint32_t step;  /* units that it begins at a multiple of */
};

/* ---- heap_small.c -------------------------------------------------------- */

/* A block of `bin` for this peer, from where the thread allocated last; its
 * offset, or 0. Takes no lock. */
uint64_t uvshm__small_take_near(struct uvshm__lane* lane, uint32_t bin);

/* The same from anywhere, taking the heap's lock when a span has to be cut. 0,
 * or UV_ENOSPC: from what is free now, it cannot be had. */
int uvshm__small_take(struct uvshm__lane* lane,
                      const struct uvshm__heap_want* want,
                      uint64_t* ref);

/* Free a small block that is private to this peer; 0: it is not one. */
int uvshm__small_free(struct uvshm__lane* lane, uint64_t ref);

/* ---- heap_zone.c, the heap's lock held ----------------------------------- */

/* A free span for blocks of `bin`, UVSHM__SPAN_SMALL, or of any size,
 * UVSHM__SPAN_MIXED; its number, or 0. */
uint32_t uvshm__zone_new_span(struct uvshm__lane* lane,
                              uint32_t kind,
                              uint32_t bin);

/* Are there so many free spans, or to be had by growing, that one size may have
 * one of its own? */
int uvshm__zone_may_cut(const struct uvshm__core* core);

/* `count` free spans in a row, 1 to 31, as one block for this peer; its
 * offset, or 0. */
uint64_t uvshm__zone_take_run(struct uvshm__lane* lane, uint32_t count);

/* What kind of zone it is, after what a dead holder of the lock left half done
 * is finished, and a huge block that was given back is free. */
uint32_t uvshm__zone_settle(const struct uvshm__core* core, uint32_t zone);

/* Is it part of the huge block that its word, UVSHM__ZONE_CONT, says it is part
 * of? Without the lock as well. */
int uvshm__zone_is_inside(const struct uvshm__core* core,
                          uint32_t zone,
                          uint64_t word);

/* ---- heap_reclaim.c, the heap's lock held -------------------------------- */

/* Free what is empty: spans of small blocks none of which is allocated, and
 * zones without any block. Returns how many became free. */
uint32_t uvshm__zone_reclaim(struct uvshm__lane* lane);

/* Does a lane say that it takes blocks of the span just now? `number` is the
 * span's + 1. After a full barrier; also without the lock. */
int uvshm__span_is_entered(const struct uvshm__core* core, uint32_t number);

/* ---- heap_mixed.c -------------------------------------------------------- */

/* A block of any size; its offset, or 0. The heap's lock is held. */
uint64_t uvshm__mixed_take(struct uvshm__lane* lane,
                           const struct uvshm__heap_want* want);

/* Make the span's owner words 0 if there is no block in it: 1. The lock is
 * held. */
int uvshm__mixed_clear(uvshm__a16_t* owners);

/* How many units the block at `index` has; where the block begins that unit
 * `index` is in; and how many units to the next block or gap, with the owner of
 * this one. */
uint32_t uvshm__mixed_units(const uvshm__a16_t* owners, uint32_t index);
uint32_t uvshm__mixed_begin(const uvshm__a16_t* owners, uint32_t index);
uint32_t uvshm__mixed_next(const uvshm__a16_t* owners,
                           uint32_t index,
                           uint32_t* own);

/* ---- heap_huge.c, the heap's lock held ----------------------------------- */

/* `count` spans, more than 31, as whole zones. Its offset; or 0, and then
 * *needed is how many spans would have to exist, 0: that would not help. */
uint64_t uvshm__huge_take(struct uvshm__lane* lane,
                          uint32_t count,
                          uint32_t* needed);

/* ---- heap_find.c --------------------------------------------------------- */

/* Where a block is, and where its owner word. */
struct uvshm__heap_place {
  uvshm__a16_t* own;
  uint32_t span;  /* number; of a huge block, of its first span */
  uint32_t bin;   /* UVSHM__HEAP_BINS: a run or a huge block */
  uint32_t index; /* of a small block in its span */
  uint32_t count; /* spans of a run or a huge block */
  uint32_t units; /* of a block in a span of any sizes */
};

/* 1: a block begins at `ref`, free or not. */
int uvshm__place_find(const struct uvshm__core* core,
                      uint64_t ref,
                      struct uvshm__heap_place* place);

/* Its owner word was just set to 0: say that there is room. */
void uvshm__place_freed(const struct uvshm__core* core,
                        const struct uvshm__heap_place* place);

#endif /* UVSHM_CORE_HEAP_INSIDE_H_ */
