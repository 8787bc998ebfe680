/* SPDX-License-Identifier: MIT */

/* Who came, who left, who died: what the table of peers says now, compared with
 * what was told. A signal comes with each change that somebody makes; a death
 * makes nobody do anything, so once a second the kernel is asked after each
 * live peer. Who finds a dead one repairs after it, if he holds no locks.
 *
 * How one ended is in its entry: who leaves frees it himself, and who repairs
 * after a dead one notes the generation.
 */

#include "object/segment_watch.h"

#include "base/error.h"
#include "core/peer.h"
#include "core/reap.h"
#include "object/lanes.h"
#include "object/segment.h"
#include "object/watchable.h"

#include <stdlib.h>
#include <string.h>

/* What was told of a slot. */
struct told {
  uvshm_peer_info_t info;
  uint32_t generation;
  uint32_t there; /* 1: it attached, and nothing was told since */
};

struct uvshm__peers_told {
  struct told* slots;
  uint64_t changes; /* of the table, before the look at it that goes on */
  uint32_t next;    /* slot to look at */
  uint32_t due;     /* a look is to be made or goes on */
};


static uint64_t changes_of(const struct uvshm__core* core) {
  return uvshm__a64_load_acquire(&uvshm__core_header(core)->peers_changes);
}


/* Nothing is told of those about whom there is doubt: the next look will. */
static int died(const struct uvshm__core* core, const struct told* told) {
  return uvshm__a32_load_acquire(
             &uvshm__core_peer(core, told->info.slot)->died) ==
         told->generation;
}


static int is_dead(const struct uvshm__core* core,
                   const struct told* told,
                   uint32_t look) {
  return look && told->there &&
         !core->env->alive(core->env_arg, told->info.slot);
}


/* The thread may be anywhere in the program, with locks held. */
static void repair(struct uvshm__attach* attach, uint32_t slot) {
  struct uvshm__lane* lane;

  if (uvshm__lane_have(attach, &lane) == 0 && lane->count != 0) return;
  (void) uvshm__reap(&attach->core, slot);
}


static void note_attached(const struct uvshm__core* core,
                          struct told* told,
                          const struct uvshm__peer_facts* facts,
                          uint32_t slot) {
  memset(told, 0, sizeof(*told));
  told->generation = facts->generation;
  told->there = 1;
  told->info.slot = slot;
  told->info.pid = facts->pid;
  told->info.alive = (uint32_t) core->env->alive(core->env_arg, slot);
  told->info.attached_ms = facts->attached_ms;
  memcpy(told->info.label, facts->label, sizeof(told->info.label));
}


/* One slot: 0, or what happened there. */
static int look_at(struct uvshm__watchable* watchable, uint32_t slot) {
  const struct uvshm__core* core = &watchable->attach->core;
  struct uvshm__peers_told* memory = watchable->memory;
  struct told* told = &memory->slots[slot];
  struct uvshm__peer_facts facts;
  int same;

  if (slot == core->slot) return 0;
  uvshm__peer_read(core, slot, &facts);
  same = facts.generation == told->generation;
  if (told->there) {
    if (same && facts.state != UVSHM__PEER_FREE) {
      if (!is_dead(core, told, watchable->look)) return 0;
      repair(watchable->attach, slot);
      told->info.alive = 0;
      told->there = 0;
      return UVSHM__PEER_DIED;
    }
    told->info.alive = 0;
    told->there = 0;
    return died(core, told) ? UVSHM__PEER_DIED : UVSHM__PEER_LEFT;
  }
  if (same || facts.state != UVSHM__PEER_LIVE) return 0;
  note_attached(core, told, &facts, slot);
  return UVSHM__PEER_ATTACHED;
}


static int ready(struct uvshm__watchable* watchable) {
  struct uvshm__peers_told* memory = watchable->memory;

  return memory->due || watchable->look ||
         changes_of(&watchable->attach->core) != memory->changes;
}


int uvshm__segment_watch_next(struct uvshm__watchable* watchable,
                              uvshm_peer_info_t* info) {
  const struct uvshm__core* core = &watchable->attach->core;
  struct uvshm__peers_told* memory = watchable->memory;
  int what;

  if (!memory->due) {
    memory->due = 1;
    memory->next = 0;
    memory->changes = changes_of(core);
  }
  while (memory->next < core->peers_max) {
    /* One that ended may have a successor in the same slot. */
    what = look_at(watchable, memory->next);
    if (what != 0) {
      *info = memory->slots[memory->next].info;
      return what;
    }
    memory->next++;
  }
  memory->due = 0;
  return 0;
}


static void end(struct uvshm__watchable* watchable) {
  struct uvshm__peers_told* memory = watchable->memory;

  free(memory->slots);
  free(memory);
}


int uvshm__segment_watchable(struct uvshm_segment_s* segment,
                             struct uvshm__watchable* watchable) {
  static const struct uvshm__watch_ops ops = {ready, NULL, end};
  struct uvshm__attach* attach = segment->attach;
  struct uvshm__peers_told* memory;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  memory = calloc(1, sizeof(*memory));
  if (memory != NULL)
    memory->slots = calloc(attach->core.peers_max, sizeof(memory->slots[0]));
  if (memory == NULL || memory->slots == NULL) {
    free(memory);
    return uvshm__fail(UV_ENOMEM, "no private memory");
  }
  memory->due = 1;
  memory->changes = changes_of(&attach->core);
  watchable->ops = &ops;
  watchable->attach = attach;
  watchable->signal = uvshm__peers_news(&attach->core);
  watchable->object = segment;
  watchable->memory = memory;
  return 0;
}
