/* SPDX-License-Identifier: MIT */

/* The side of a lock that others than its owner see: whom its word names, what
 * its log has committed, and how it is left after its owner's death. The idea
 * is told in lock.c.
 */

#include "core/lock.h"

#include "core/extent.h"
#include "core/rwlock_layout.h"
#include "core/signal.h"
#include "core/wait.h"

#include <limits.h>
#include <string.h>

/* ---- whom a word names --------------------------------------------------- */

/* Does a live generation of a peer own this generation of the lane? */
static int names_somebody(const struct uvshm__core* core,
                          uint32_t word,
                          uint32_t* slot) {
  uint32_t lane = word & UVSHM__LOCK_LANE;
  uint32_t generation =
      (word & UVSHM__LOCK_NAME) >> UVSHM__LOCK_GENERATION_SHIFT;
  const struct uvshm__lane_ent* ent;
  uint32_t owner;
  uint64_t state;

  if (lane == 0 || lane > core->lanes_max) return 0;
  ent = uvshm__core_lane(core, lane - 1);
  owner = uvshm__a32_load_acquire(&ent->owner);
  if ((uvshm__a32_load_acquire(&ent->generation) & UVSHM__LOCK_GENERATION) !=
      generation)
    return 0;

  *slot = (owner & UVSHM__LANE_SLOT) - 1;
  if (*slot >= core->peers_max) return 0; /* 0 - 1 as well */
  state = uvshm__a64_load_acquire(&uvshm__core_peer(core, *slot)->state);
  return (uint32_t) state != UVSHM__PEER_FREE &&
         ((uint32_t) (state >> 32) & UVSHM__LANE_PEER) ==
             owner >> UVSHM__LANE_PEER_SHIFT;
}


enum uvshm__lock_owner uvshm__lock_judge(const struct uvshm__core* core,
                                         const struct uvshm__lock* lock,
                                         uint32_t word,
                                         uint32_t* slot) {
  uint32_t again;

  if ((word & UVSHM__LOCK_NAME) == 0) return UVSHM__LOCK_FREE;
  if (names_somebody(core, word, slot)) return UVSHM__LOCK_OWNED;

  /* A lane loses its owner after its locks lost the lane. So if what we just
   * saw of the lane was true, a word that still names it cannot be. */
  again = uvshm__a32_load_acquire(&lock->word);
  if ((again & UVSHM__LOCK_NAME) != (word & UVSHM__LOCK_NAME))
    return UVSHM__LOCK_CHANGED;
  return UVSHM__LOCK_DAMAGED;
}


void uvshm__lock_read(const struct uvshm__core* core,
                      const struct uvshm__lock* lock,
                      struct uvshm__lock_facts* facts) {
  uint32_t word = uvshm__a32_load_acquire(&lock->word);

  memset(facts, 0, sizeof(*facts));
  facts->waiters = uvshm__wait_count(core, &lock->word);
  switch (uvshm__lock_judge(core, lock, word, &facts->slot)) {
    case UVSHM__LOCK_FREE:
      facts->died = (word & UVSHM__LOCK_DIED) != 0;
      break;
    case UVSHM__LOCK_OWNED:
      facts->locked = 1;
      facts->lane = (word & UVSHM__LOCK_LANE) - 1;
      facts->depth = uvshm__a32_load_relaxed(&lock->depth);
      if (facts->depth != UINT32_MAX) facts->depth++;
      break;
    case UVSHM__LOCK_DAMAGED:
      facts->locked = 1;
      facts->damaged = 1;
      break;
    case UVSHM__LOCK_CHANGED:
      break; /* it was given back while we looked */
  }
}

/* ---- the log ------------------------------------------------------------- */

void uvshm__lock_log(struct uvshm__lock* lock,
                     uint32_t index,
                     uint64_t offset,
                     uint32_t width,
                     uint64_t value) {
  /* It is 0 already, unless somebody wrote where he should not. Then a death
   * would replay a log that is half ours. */
  if (index == 0) uvshm__a32_store_release(&lock->n, 0);
  uvshm__a64_store_relaxed(&lock->log[index].target, offset << 8 | width);
  uvshm__a64_store_relaxed(&lock->log[index].value, value);
}


static void apply(const struct uvshm__core* core,
                  const struct uvshm__lock_log* entry) {
  uint64_t target = uvshm__a64_load_relaxed(&entry->target);
  uint64_t value = uvshm__a64_load_relaxed(&entry->value);
  uint64_t offset = target >> 8;
  uint32_t width = (uint32_t) (target & 0xff);

  if (!uvshm__extent_has_word(core, offset, width)) return;
  if (width == 8)
    uvshm__a64_store_release((uvshm__a64_t*) (core->base + offset), value);
  else if (width == 4)
    uvshm__a32_store_release((uvshm__a32_t*) (core->base + offset),
                             (uint32_t) value);
  else
    uvshm__a16_store_release((uvshm__a16_t*) (core->base + offset),
                             (uint32_t) value & 0xffff);
}


static void replay(const struct uvshm__core* core, struct uvshm__lock* lock) {
  uint32_t n = uvshm__a32_load_acquire(&lock->n);
  uint32_t i;

  if (n == 0) return;
  if (n <= UVSHM__LOCK_LOG)
    for (i = 0; i < n; i++) apply(core, &lock->log[i]);
  uvshm__a32_store_release(&lock->n, 0);
}


void uvshm__lock_commit(const struct uvshm__core* core,
                        struct uvshm__lock* lock,
                        uint32_t count) {
  /* The commit. */
  uvshm__a32_store_release(&lock->n, count);
  uvshm__fence_compiler();
  replay(core, lock);
}


/* The peer of the lane that `name` means. */
static uint32_t slot_of(const struct uvshm__core* core, uint32_t name) {
  uint32_t lane = (name & UVSHM__LOCK_LANE) - 1;
  uint32_t owner =
      uvshm__a32_load_relaxed(&uvshm__core_lane(core, lane)->owner);

  return (owner & UVSHM__LANE_SLOT) - 1;
}


int uvshm__lock_repair(const struct uvshm__core* core,
                       struct uvshm__lock* lock,
                       uint32_t name) {
  uint32_t word = uvshm__a32_load_acquire(&lock->word);

  if ((word & UVSHM__LOCK_NAME) != name) return 0;
  replay(core, lock);
  if (core->contents != NULL)
    core->contents->lock_settle(core, lock, slot_of(core, name));
  uvshm__a32_store_release(&lock->depth, 0);
  uvshm__a32_xchg(&lock->word, UVSHM__LOCK_DIED);
  /* All of them: one that was woken before may be dead too. */
  uvshm__wait_wake(core, &lock->word, 0, INT_MAX);
  uvshm__signal_raise_fenced(core, uvshm__locks_news(core), 0);
  if (uvshm__a32_load_relaxed(&lock->flags) & UVSHM__LOCK_READERS)
    uvshm__wait_wake(core,
                     &((const struct uvshm__rwlock*) lock)->gate.readers.word,
                     0,
                     INT_MAX);
  return 1;
}
