/* SPDX-License-Identifier: MIT */

/* Mending what no protocol of ours leaves behind, and starting afresh when the
 * machine has been off.
 *
 * Mending is for damage: bytes that somebody overwrote. It clears what names
 * nobody, so that calls go on; it cannot know what was there. A death needs no
 * mending, only repair (reap.c).
 */

#include "core/reset.h"

#include "core/barrier_layout.h"
#include "core/contents.h"
#include "core/control.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/lock.h"
#include "core/signal.h"
#include "core/wait.h"
#include "uvshm/name.h"

#include <string.h>


/* The lock that `i` stands for: 0 is the one that the kind of object has, i > 0
 * that of directory entry i - 1. NULL: there is none. */
static struct uvshm__lock* lock_at(const struct uvshm__core* core,
                                   uint32_t kind,
                                   uint32_t i) {
  struct uvshm__directory_ent* ent;
  uint32_t type;

  if (i == 0) {
    if (kind == UVSHM_KIND_MUTEX || kind == UVSHM_KIND_RWLOCK)
      return (struct uvshm__lock*) (core->base + UVSHM__ROOT_OFFSET);
    if (uvshm__kind_is_segment(kind))
      return (struct uvshm__lock*) uvshm__core_header(core)->directory_lock;
    return NULL;
  }
  ent = uvshm__core_entry(core, i - 1);
  type = uvshm__a32_load_acquire(&ent->type);
  if ((uint32_t) uvshm__a64_load_acquire(&ent->state) == UVSHM__ENTRY_FREE ||
      (type != UVSHM__TYPE_MUTEX && type != UVSHM__TYPE_RWLOCK))
    return NULL;
  return (struct uvshm__lock*) ent->body;
}

/* ---- mend ---------------------------------------------------------------- */

uint32_t uvshm__core_mend(struct uvshm__lane* lane, uint32_t kind) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__lock* lock;
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < core->lanes_max; i++)
    count += (uint32_t) uvshm__lane_mend(core, i);
  for (i = 0; i < core->objects_max; i++)
    count += (uint32_t) uvshm__directory_mend(core, i);
  for (i = 0; i <= core->objects_max; i++) {
    lock = lock_at(core, kind, i);
    if (lock != NULL && uvshm__lock_mend(lane, lock)) count++;
  }
  return core->contents == NULL ? count : count + core->contents->mend(lane);
}

/* ---- reset --------------------------------------------------------------- */

static void reset_lane(struct uvshm__lane_ent* ent) {
  uint32_t i;

  for (i = 0; i < UVSHM__LANE_HELD; i++)
    uvshm__a32_store_relaxed(&ent->held[i], 0);
  uvshm__a64_store_relaxed(&ent->wait_on, 0);
  uvshm__a32_store_relaxed(&ent->turn, 0);
  uvshm__a64_store_relaxed(&ent->arrived, 0);
  uvshm__a32_store_relaxed(&ent->owner, 0);
}


/* What was on its way into memory when the machine stopped is anybody's guess,
 * so no log is replayed or taken back. */
void uvshm__lock_reset(struct uvshm__lock* lock) {
  uint32_t word = uvshm__a32_load_relaxed(&lock->word);

  uvshm__a32_store_relaxed(&lock->n, 0);
  uvshm__a64_store_relaxed(&lock->undo_n, 0);
  uvshm__a32_store_relaxed(&lock->depth, 0);
  if ((word & ~UVSHM__LOCK_WAITERS) != 0) word = UVSHM__LOCK_DIED;
  uvshm__a32_store_relaxed(&lock->word, word & ~UVSHM__LOCK_WAITERS);
}


/* Who had come is gone. */
static void reset_barrier(struct uvshm__barrier* barrier) {
  uint64_t round =
      uvshm__a64_load_relaxed(&barrier->word) >> UVSHM__BARRIER_ROUND_SHIFT;

  uvshm__a64_store_relaxed(&barrier->word,
                           (round + 1) << UVSHM__BARRIER_ROUND_SHIFT);
}


static void reset_barriers(const struct uvshm__core* core, uint32_t kind) {
  struct uvshm__directory_ent* ent;
  uint32_t i;

  if (kind == UVSHM_KIND_BARRIER)
    reset_barrier((struct uvshm__barrier*) (core->base + UVSHM__ROOT_OFFSET));
  for (i = 0; i < core->objects_max; i++) {
    ent = uvshm__core_entry(core, i);
    if ((uint32_t) uvshm__a64_load_acquire(&ent->state) == UVSHM__ENTRY_USED &&
        uvshm__a32_load_acquire(&ent->type) == UVSHM__TYPE_BARRIER)
      reset_barrier((struct uvshm__barrier*) ent->body);
  }
}


void uvshm__core_reset(const struct uvshm__core* core, uint32_t kind) {
  struct uvshm__lock* lock;
  uvshm__a64_t* state;
  uint32_t i;

  for (i = 0; i < core->peers_max; i++) {
    state = &uvshm__core_peer(core, i)->state;
    uvshm__a64_store_relaxed(state, uvshm__a64_load_relaxed(state) >> 32 << 32);
    uvshm__a32_store_relaxed(&uvshm__core_peer(core, i)->bell, 0);
  }
  memset(uvshm__peers_news(core), 0, sizeof(struct uvshm__signal));
  memset(uvshm__locks_news(core), 0, sizeof(struct uvshm__signal));
  for (i = 0; i < core->lanes_max; i++) reset_lane(uvshm__core_lane(core, i));
  for (i = 0; i < core->objects_max; i++) uvshm__directory_reset(core, i);
  for (i = 0; i <= core->objects_max; i++) {
    lock = lock_at(core, kind, i);
    if (lock != NULL) uvshm__lock_reset(lock);
  }
  reset_barriers(core, kind);
  if (core->contents != NULL) core->contents->reset(core);
}
