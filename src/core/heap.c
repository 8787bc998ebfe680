/* SPDX-License-Identifier: MIT */

/* Memory in a segment that survives the death of whoever uses it.
 *
 * A block is allocated when its owner word is not 0, and the word says whose it
 * is. So allocating and saying who owns it are one compare-and-swap, freeing is
 * another, and there is nothing else: no free lists to leave half linked, no
 * counts to leave wrong. What a dead peer had private is found by looking for
 * its number in the owner words.
 *
 *   up to 32 KiB     a block of its size's span             heap_small.c
 *                    when few spans are left, of a span
 *                    for all sizes                          heap_mixed.c
 *   up to 31 spans   a run of spans in one zone             heap_zone.c
 *   more             zones in a row                         heap_huge.c
 *
 * Finding room for a small block is a look at one owner word in the usual case.
 * Otherwise, in this order: another span of the size that has room, a free
 * span, a span that other threads take from, one for all sizes; what is empty
 * is made free; the segment grows; dead peers are cleared away.
 *
 * A block is private to the peer when it has been taken, whatever was asked
 * for, and becomes shared by a second store. So a death in between leaves
 * nothing that nobody owns.
 */

#include "core/heap_inside.h"

#include "base/error.h"
#include "core/directory.h"
#include "core/reap.h"
#include "uvshm/flags.h"

/* How often room is made and taken away by others before we give up. */
#define ROUNDS 64u

/* How often those in the way of a run or of a huge block get time to go: the
 * dead who are just being cleared away. */
#define LATE_ROUNDS 8u

/* The segment grows by an eighth, and at least by half a MiB. */
#define GROWTH_SHARE 8u
#define GROWTH_SPANS 8u

/* ---- growth -------------------------------------------------------------- */

static uint64_t end_of(const struct uvshm__core* core, uint32_t spans) {
  return core->control_size + (uint64_t) spans * UVSHM__SPAN_SIZE;
}


/* Make `needed` spans exist in all, and some more if that is to be had. */
static int grow(const struct uvshm__core* core, uint32_t needed) {
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t most = uvshm__heap_spans(core, core->reserve);
  uint32_t step = spans / GROWTH_SHARE;
  uint32_t wanted;
  int err;

  if (needed <= spans) return 0; /* somebody else grew it */
  if (spans >= most) return UV_ENOSPC;
  /* With what is free at the end now the rest may be enough. */
  if (needed > most) needed = most;
  if (end_of(core, needed) > core->reach) return UV_ENOMEM;
  most = uvshm__heap_spans(core, core->reach);
  if (step < GROWTH_SPANS) step = GROWTH_SPANS;
  wanted = step < most - spans ? spans + step : most;
  if (wanted < needed) wanted = needed;
  err = core->env->grow(core->env_arg, end_of(core, wanted));
  if (err < 0 && wanted > needed)
    err = core->env->grow(core->env_arg, end_of(core, needed));
  if (err == 0 && uvshm__heap_spans(core, uvshm__heap_look(core)) <= spans)
    err = UV_ENOSPC;
  return err;
}


/* How many spans have to exist for a run of `count` behind what exists. */
static uint32_t needed_for_run(const struct uvshm__core* core, uint32_t count) {
  uint32_t spans = uvshm__heap_spans(core, uvshm__heap_look(core));
  uint32_t place = spans % UVSHM__ZONE_SPANS;

  if (place != 0 && place + count <= UVSHM__ZONE_SPANS) return spans + count;
  return uvshm__spans_to_zones(spans) * UVSHM__ZONE_SPANS + 1 + count;
}

/* ---- room ---------------------------------------------------------------- */

static int with_lock(struct uvshm__lane* lane) {
  return uvshm__lock_acquire(lane,
                             uvshm__heap_lock(lane->core),
                             UVSHM_FOREVER,
                             UVSHM__LOCK_INTERNAL,
                             NULL);
}


static void without_lock(struct uvshm__lane* lane) {
  uvshm__lock_release(lane, uvshm__heap_lock(lane->core));
}


/* Nothing was found: 0 when something has changed since. */
static int make_room(struct uvshm__lane* lane, uint32_t needed) {
  uint32_t freed;
  int err = with_lock(lane);

  if (err < 0) return err;
  freed = uvshm__zone_reclaim(lane);
  without_lock(lane);
  if (freed != 0) return 0;
  err = grow(lane->core, needed);
  if (err < 0 && uvshm__directory_settle_all(lane->core) != 0) return 0;
  /* Repair takes locks, so only when we have none. */
  if (err < 0 && lane->count == 0 && uvshm__reap_all(lane->core) != 0) return 0;
  return err;
}


static int no_room(const struct uvshm__core* core, int err, uint64_t size) {
  struct uvshm__heap_facts facts;

  if (err != UV_ENOSPC && err != UV_ENOMEM) return err;
  uvshm__heap_read(core, &facts);
  /* A large block can have what would be bookkeeping among small ones. */
  if (facts.free < facts.largest_free) facts.free = facts.largest_free;
  return uvshm__fail(
      err,
      "no room for a block of %llu bytes: %llu of %llu bytes "
      "are free, %llu of them in one piece%s",
      (unsigned long long) size,
      (unsigned long long) facts.free,
      (unsigned long long) facts.size,
      (unsigned long long) facts.largest_free,
      err == UV_ENOMEM ? "; more is not mapped by this process" : "");
}

/* ---- allocating ---------------------------------------------------------- */

static int take_spans(struct uvshm__lane* lane,
                      uint32_t count,
                      uint64_t* ref,
                      uint32_t* needed) {
  int err = with_lock(lane);

  if (err < 0) return err;
  if (count < UVSHM__ZONE_SPANS) {
    *ref = uvshm__zone_take_run(lane, count);
    if (*ref == 0) *needed = needed_for_run(lane->core, count);
  } else {
    *ref = uvshm__huge_take(lane, count, needed);
  }
  without_lock(lane);
  return *ref != 0 ? 0 : UV_ENOSPC;
}


static int take_small(struct uvshm__lane* lane,
                      const struct uvshm__heap_want* want,
                      uint64_t* ref,
                      uint32_t* needed) {
  int err = uvshm__small_take(lane, want, ref);

  if (err == UV_ENOSPC) *needed = needed_for_run(lane->core, 1);
  return err;
}


/* The long way, private to us. `count` not 0: so many spans. */
static int take(struct uvshm__lane* lane,
                const struct uvshm__heap_want* want,
                uint32_t count,
                uint64_t* ref) {
  uint32_t needed = 0;
  uint32_t late = 0;
  uint32_t round;
  int err = UV_ENOSPC;

  if (uvshm__a32_load_acquire(&lane->ent->owner) != lane->owner)
    return uvshm__fail(UV_ECANCELED, "this process was declared dead");
  uvshm__heap_mark(lane->core);
  for (round = 0; round < ROUNDS; round++) {
    lane->late = 0;
    if (count == 0)
      err = take_small(lane, want, ref, &needed);
    else
      err = take_spans(lane, count, ref, &needed);
    if (err != UV_ENOSPC) return err;
    err = make_room(lane, needed);
    if (err == 0) continue;
    if (err != UV_ENOSPC && err != UV_ENOMEM) return err;
    if (!lane->late || late++ == LATE_ROUNDS) return err;
    lane->core->env->yield(lane->core->env_arg);
  }
  return UV_ENOSPC;
}


/* Blocks lie at multiples of their size from a multiple of 64 KiB. */
static uint32_t aligned_bin(uint32_t bin, uint32_t alignment) {
  uint32_t units = alignment / UVSHM__HEAP_UNIT;

  while (units > 1 && uvshm__heap_bins[bin].units % units != 0) bin++;
  return bin;
}


static int alloc_small(struct uvshm__lane* lane,
                       uint32_t size,
                       uint32_t alignment,
                       uint64_t* ref) {
  struct uvshm__heap_want want;

  want.bin = aligned_bin(uvshm__heap_bin(size), alignment);
  want.units = (size + UVSHM__HEAP_UNIT - 1) / UVSHM__HEAP_UNIT;
  want.step = alignment / UVSHM__HEAP_UNIT;
  if (want.step == 0) want.step = 1;
  *ref = 0;
  if (uvshm__a32_load_relaxed(&lane->ent->owner) == lane->owner)
    *ref = uvshm__small_take_near(lane, want.bin);
  return *ref != 0 ? 0 : take(lane, &want, 0, ref);
}


static int alloc_spans(struct uvshm__lane* lane, uint64_t size, uint64_t* ref) {
  uint64_t count = size / UVSHM__SPAN_SIZE + (size % UVSHM__SPAN_SIZE != 0);

  if (count > (uint64_t) lane->core->heap_zones * UVSHM__ZONE_SPANS ||
      count >= UVSHM__ZONE_USED)
    return UV_ENOSPC;
  return take(lane, NULL, (uint32_t) count, ref);
}


/* All that is not at hand. */
static int alloc_slow(struct uvshm__lane* lane,
                      uint64_t size,
                      uint64_t alignment,
                      uint64_t* ref) {
  int err;

  if (size == 0) size = 1;
  if (alignment > UVSHM__HEAP_UNIT && (alignment > UVSHM__HEAP_ALIGNMENT_MAX ||
                                       !uvshm__is_power_of_2(alignment)))
    return uvshm__fail(UV_EINVAL,
                       "an alignment is a power of 2, at most %u",
                       UVSHM__HEAP_ALIGNMENT_MAX);
  if (size <= UVSHM__HEAP_SMALL_MAX)
    err = alloc_small(lane, (uint32_t) size, (uint32_t) alignment, ref);
  else
    err = alloc_spans(lane, size, ref);
  return err < 0 ? no_room(lane->core, err, size) : 0;
}


uint64_t uvshm__heap_take_near(struct uvshm__lane* lane, uint64_t size) {
  /* A peer that was declared dead finds its lane gone. */
  if (size - 1 >= UVSHM__HEAP_SMALL_MAX ||
      uvshm__a32_load_relaxed(&lane->ent->owner) != lane->owner)
    return 0;
  return uvshm__small_take_near(lane, uvshm__heap_bin((uint32_t) size));
}


int uvshm__heap_alloc(struct uvshm__lane* lane,
                      uint64_t size,
                      uint64_t alignment,
                      uint32_t own,
                      uint64_t* ref) {
  uint32_t me = uvshm__heap_me(lane->core);
  uint64_t found = 0;
  int err;

  /* The usual case. */
  if (alignment <= UVSHM__HEAP_UNIT) found = uvshm__heap_take_near(lane, size);
  if (found == 0) {
    err = alloc_slow(lane, size, alignment, &found);
    if (err < 0) return err;
  }
  if (own != me) (void) uvshm__heap_change(lane->core, found, me, own);
  *ref = found;
  return 0;
}

/* ---- freeing ------------------------------------------------------------- */

static int no_block(uint64_t ref) {
  return uvshm__fail(
      UV_EINVAL, "no block begins at offset %llu", (unsigned long long) ref);
}


static int freed_already(uint64_t ref) {
  return uvshm__fail(UV_EINVAL,
                     "the block at offset %llu is free already",
                     (unsigned long long) ref);
}


static int free_owned(struct uvshm__lane* lane,
                      const struct uvshm__heap_place* place,
                      uint64_t ref,
                      uint32_t own) {
  /* Nothing of what we wrote into the block comes after this. */
  if (!uvshm__a16_cas_seq_cst(place->own, own, UVSHM__OWN_FREE))
    return freed_already(ref);
  uvshm__place_freed(lane->core, place);
  return 0;
}


int uvshm__heap_free(struct uvshm__lane* lane, uint64_t ref) {
  struct uvshm__heap_place place;
  uint32_t own;

  if (uvshm__small_free(lane, ref)) return 0;
  if (!uvshm__place_find(lane->core, ref, &place)) return no_block(ref);
  own = uvshm__a16_load_relaxed(place.own);
  if (own == UVSHM__OWN_FREE) return freed_already(ref);
  return free_owned(lane, &place, ref, own);
}


static int not_yours(const struct uvshm__core* core,
                     uint64_t ref,
                     uint32_t own) {
  if (own == UVSHM__OWN_LIBRARY)
    return uvshm__fail(UV_EPERM,
                       "the block at offset %llu belongs to an object of the "
                       "segment",
                       (unsigned long long) ref);
  if (own >= UVSHM__OWN_PRIVATE && own - UVSHM__OWN_PRIVATE < core->peers_max)
    return uvshm__fail(UV_EPERM,
                       "the block at offset %llu is private to peer %u",
                       (unsigned long long) ref,
                       (unsigned int) (own - UVSHM__OWN_PRIVATE));
  return uvshm__fail(UV_EPROTO,
                     "the owner of the block at offset %llu is damaged: %u",
                     (unsigned long long) ref,
                     (unsigned int) own);
}


int uvshm__heap_free_checked(struct uvshm__lane* lane, uint64_t ref) {
  struct uvshm__heap_place place;
  uint32_t own;

  if (uvshm__small_free(lane, ref)) return 0;
  if (!uvshm__place_find(lane->core, ref, &place)) return no_block(ref);
  own = uvshm__a16_load_relaxed(place.own);
  if (own == UVSHM__OWN_FREE) return freed_already(ref);
  if (own != UVSHM__OWN_SHARED && own != uvshm__heap_me(lane->core))
    return not_yours(lane->core, ref, own);
  return free_owned(lane, &place, ref, own);
}


void uvshm__heap_mark(const struct uvshm__core* core) {
  uvshm__a32_t* used = &uvshm__core_peer(core, core->slot)->heap_used;

  /* Before any owner word can say that it is ours. */
  if (uvshm__a32_load_relaxed(used) == 0) uvshm__a32_store_release(used, 1);
}
