/* SPDX-License-Identifier: MIT */

/* Clearing up after a dead peer: the only recovery code there is.
 *
 * Whoever repairs after peer p holds p's slot meanwhile, which the kernel gives
 * to one process at a time and takes back when that one dies too. So there is
 * one repairer, it knows that p is dead, and nobody joins as p before it is
 * through. It may die anywhere: every step can be done again, and the next
 * repairer starts from the beginning.
 *
 *   live --reap_locks--> reaping --the rest--> free
 *
 * Two parts, because somebody who is blocked by p may hold locks himself:
 *
 *   locks     takes none, waits for nobody; anybody may do it
 *   the rest  what p had open, its lanes, and last the slot's state; will need
 *             locks once there are structures that do, so only a thread that
 *             holds none does it
 *
 * Locks come first, because what a log finishes may belong to p. Lanes come
 * after locks, because a lane that is free has no notes.
 */

#include "core/reap.h"

#include "base/error.h"
#include "core/barrier.h"
#include "core/contents.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/peer.h"
#include "core/signal.h"
#include "uvshm/name.h"


static uvshm__a64_t* state_of(const struct uvshm__core* core, uint32_t slot) {
  return &uvshm__core_peer(core, slot)->state;
}


static void set_state(const struct uvshm__core* core,
                      uint32_t slot,
                      uint32_t kind) {
  uint64_t generation = uvshm__a64_load_acquire(state_of(core, slot)) >> 32;

  uvshm__a64_store_release(state_of(core, slot), generation << 32 | kind);
}


static int is_lane_of(const struct uvshm__core* core,
                      uint32_t index,
                      uint32_t slot,
                      uint32_t* owner) {
  *owner = uvshm__a32_load_acquire(&uvshm__core_lane(core, index)->owner);
  return (*owner & UVSHM__LANE_SLOT) == slot + 1;
}


/* We hold the slot, in this and the next. Whatever generation the lane's owner
 * says: no live process is this peer. */
static void part_locks(const struct uvshm__core* core, uint32_t slot) {
  uint64_t state = uvshm__a64_load_acquire(state_of(core, slot));
  uint32_t index;
  uint32_t owner;

  if ((uint32_t) state != UVSHM__PEER_FREE)
    set_state(core, slot, UVSHM__PEER_REAPING);
  for (index = 0; index < core->lanes_max; index++)
    if (is_lane_of(core, index, slot, &owner)) uvshm__lane_repair(core, index);
}


/* The dead one took part in the barriers that it had open: who waits for it
 * would wait for ever. Before it is forgotten that it had. */
static void break_barriers(const struct uvshm__core* core, uint32_t slot) {
  struct uvshm__directory_ent* ent;
  uint32_t index;

  if (core->objects_max == 0 &&
      uvshm__core_header(core)->kind == UVSHM_KIND_BARRIER)
    uvshm__barrier_break(
        core, (struct uvshm__barrier*) (core->base + UVSHM__ROOT_OFFSET));
  for (index = 0; index < core->objects_max; index++) {
    ent = uvshm__core_entry(core, index);
    if (uvshm__directory_stays(core, index, slot) &&
        uvshm__a32_load_relaxed(&ent->type) == UVSHM__TYPE_BARRIER)
      uvshm__barrier_break(core, (struct uvshm__barrier*) ent->body);
  }
}


static void part_rest(const struct uvshm__core* core, uint32_t slot) {
  uint32_t index;
  uint32_t owner;

  uvshm__directory_forget(core, slot);
  if (core->contents != NULL) core->contents->forget(core, slot);
  for (index = 0; index < core->lanes_max; index++)
    if (is_lane_of(core, index, slot, &owner))
      uvshm__lane_free(core, index, owner);
  uvshm__bell_clear(core, slot);
  /* From here on the slot is anybody's who claims it. */
  set_state(core, slot, UVSHM__PEER_FREE);
  uvshm__peers_raise(core);
}


/* What a transaction has changed may lie anywhere in what exists. Who has
 * mapped less of it (address space is short) leaves repair to the others. */
int uvshm__reap_reaches_all(const struct uvshm__core* core) {
  return core->contents == NULL ||
         uvshm__a64_load_relaxed(&uvshm__core_header(core)->committed) <=
             core->reach;
}


static int may_repair(const struct uvshm__core* core, uint32_t slot) {
  return slot < core->peers_max && slot != core->slot &&
         uvshm__reap_reaches_all(core);
}


int uvshm__reap_locks(const struct uvshm__core* core, uint32_t slot) {
  int err;

  if (!may_repair(core, slot)) return UV_EBUSY;
  err = core->env->claim(core->env_arg, slot);
  if (err < 0) return err;
  part_locks(core, slot);
  core->env->unclaim(core->env_arg, slot);
  return 0;
}


int uvshm__reap(const struct uvshm__core* core, uint32_t slot) {
  int err;

  if (!may_repair(core, slot)) return UV_EBUSY;
  err = core->env->claim(core->env_arg, slot);
  if (err < 0) return err;
  uvshm__reap_dead(core, slot);
  core->env->unclaim(core->env_arg, slot);
  return 0;
}


/* Before all else: who dies at it leaves it to be said again. */
void uvshm__reap_dead(const struct uvshm__core* core, uint32_t slot) {
  uint64_t state = uvshm__a64_load_acquire(state_of(core, slot));

  if ((uint32_t) state != UVSHM__PEER_FREE) { /* else it has left */
    uvshm__a32_store_release(&uvshm__core_peer(core, slot)->died,
                             (uint32_t) (state >> 32));
    break_barriers(core, slot);
  }
  uvshm__reap_claimed(core, slot);
}


void uvshm__reap_claimed(const struct uvshm__core* core, uint32_t slot) {
  part_locks(core, slot);
  part_rest(core, slot);
}


uint32_t uvshm__reap_all(const struct uvshm__core* core) {
  uint32_t count = 0;
  uint32_t slot;

  for (slot = 0; slot < core->peers_max; slot++) {
    if ((uint32_t) uvshm__a64_load_acquire(state_of(core, slot)) ==
        UVSHM__PEER_FREE)
      continue;
    if (slot == core->slot || core->env->alive(core->env_arg, slot)) continue;
    if (uvshm__reap(core, slot) == 0) count++;
  }
  return count;
}
