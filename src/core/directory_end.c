/* SPDX-License-Identifier: MIT */

/* Who has a named object open, and how it goes. Removing is one
 * compare-and-swap and takes no lock.
 *
 * The bytes of a removed object stay as long as a peer has it open. Opener and
 * remover meet like this:
 *
 *   opener: set my bit,     fence, read state      removed: take the bit back
 *   closer: clear my bit,   fence, read state and bits  \  removed and no bits:
 *   remover: set `removed`, fence, read bits            /  free it
 *
 * One of the two sees the other, and whoever clears a bit looks whether it was
 * the last, so a removed entry without bits is always freed by somebody.
 *
 * Who frees it first makes {removed} {claimed by slot n}, by compare-and-swap,
 * so there is one of them, and looks at the bits again. An opener who comes too
 * late and is killed before he has seen it leaves a bit; who repairs after him
 * and finds {used} or {removed} beside the bit looks into the object. Whoever
 * claims it after that sees the bit and makes it {removed} again: so it is not
 * freed, and its place not used for something else, under the repairer's hands
 * (models/directory.pml). Beside {claimed} or {buried} there is nothing of the
 * dead one in it: an opener who was in time has his bit seen before.
 *
 * An object that has blocks of the heap is buried then: {claimed} becomes
 * {buried by slot n}, and when he dies it is part of his repair to finish it;
 * a claim alone is given back. No lock is needed, which counts because the last
 * one to close may be a repairer.
 */

#include "core/directory.h"

#include "base/error.h"
#include "core/contents.h"
#include "core/directory_inside.h"
#include "core/peer.h"
#include "core/reap.h"

/* How often an object that is being freed may be opened meanwhile, too late. */
#define SETTLE_TRIES 100u

static int has_open_bits(const struct uvshm__directory_ent* ent) {
  uint32_t i;

  for (i = 0; i < UVSHM__ENTRY_OPEN_WORDS; i++)
    if (uvshm__a64_load_relaxed(&ent->open[i]) != 0) return 1;
  return 0;
}


/* What an object has beside its entry, by its type. Each can be done again. */
static int has_blocks(const struct uvshm__directory_ent* ent) {
  uint32_t type = uvshm__a32_load_relaxed(&ent->type);

  return type == UVSHM__TYPE_MUTEX || type == UVSHM__TYPE_MAP ||
         type == UVSHM__TYPE_CELL || type == UVSHM__TYPE_CHANNEL;
}


static void bury(const struct uvshm__core* core,
                 struct uvshm__directory_ent* ent,
                 uint32_t slot) {
  if (core->contents != NULL)
    core->contents->bury(
        core, slot, uvshm__a32_load_relaxed(&ent->type), ent->body);
}


static uint64_t buried_by(uint64_t state, uint32_t slot) {
  return uvshm__entry_word(
      (uint32_t) (state >> 32),
      slot << UVSHM__ENTRY_SLOT_SHIFT | UVSHM__ENTRY_BURIED);
}


static uint64_t claimed_by(uint64_t state, uint32_t slot) {
  return uvshm__entry_word(
      (uint32_t) (state >> 32),
      slot << UVSHM__ENTRY_SLOT_SHIFT | UVSHM__ENTRY_CLAIMED);
}


static void free_entry(struct uvshm__directory_ent* ent, uint64_t state) {
  uvshm__a64_cas(
      &ent->state,
      state,
      uvshm__entry_word((uint32_t) (state >> 32), UVSHM__ENTRY_FREE));
}


/* Claimed by us, and nobody has it open. */
static void end_it(const struct uvshm__core* core,
                   struct uvshm__directory_ent* ent,
                   uint64_t claimed) {
  uint64_t buried = buried_by(claimed, core->slot);

  if (!has_blocks(ent)) {
    free_entry(ent, claimed);
  } else if (uvshm__a64_cas(&ent->state, claimed, buried)) {
    bury(core, ent, core->slot);
    free_entry(ent, buried);
  }
}


/* 0: it is to be looked at again, because somebody has come and gone. */
static int settle_once(const struct uvshm__core* core, uint32_t index) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t claimed;
  uint64_t state;

  uvshm__fence_seq_cst();
  state = uvshm__entry_state(core, index);
  if ((uint32_t) state != UVSHM__ENTRY_REMOVED || has_open_bits(ent)) return 1;
  /* Some of its blocks may lie where we have nothing mapped. It stays removed
   * for one who has. */
  if (has_blocks(ent) && !uvshm__reap_reaches_all(core)) return 1;
  claimed = claimed_by(state, core->slot);
  if (!uvshm__a64_cas(&ent->state, state, claimed)) return 1;
  uvshm__fence_seq_cst();
  if (!has_open_bits(ent)) {
    end_it(core, ent, claimed);
    return 1;
  }
  /* Whoever clears that bit now does nothing when he still finds our claim. */
  return !uvshm__a64_cas(&ent->state, claimed, state);
}


/* Somebody removed it or cleared a bit of it: is that its end? Others who come
 * too late again and again leave it removed, for one who needs room. */
void uvshm__directory_settle(const struct uvshm__core* core, uint32_t index) {
  uint32_t tries = 0;

  while (!settle_once(core, index) && ++tries < SETTLE_TRIES) continue;
}


uint32_t uvshm__directory_settle_all(const struct uvshm__core* core) {
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->objects_max; index++) {
    if ((uint32_t) uvshm__entry_state(core, index) != UVSHM__ENTRY_REMOVED)
      continue;
    uvshm__directory_settle(core, index);
    if ((uint32_t) uvshm__entry_state(core, index) == UVSHM__ENTRY_FREE)
      count++;
  }
  return count;
}


/* Nobody else does: `slot` is dead, and we hold it. */
static void finish_burial(const struct uvshm__core* core,
                          uint32_t index,
                          uint32_t slot) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t state = uvshm__entry_state(core, index);

  if (state == claimed_by(state, slot))
    uvshm__a64_cas(
        &ent->state,
        state,
        uvshm__entry_word((uint32_t) (state >> 32), UVSHM__ENTRY_REMOVED));
  if (state != buried_by(state, slot)) return;
  bury(core, ent, slot);
  free_entry(ent, state);
}


static void clear_bit(const struct uvshm__core* core,
                      uint32_t index,
                      uint32_t slot) {
  uvshm__a64_t* word = &uvshm__core_entry(core, index)->open[slot / 64];
  uint64_t bit = UINT64_C(1) << (slot % 64);

  if ((uvshm__a64_load_relaxed(word) & bit) == 0) return;
  uvshm__a64_and(word, ~bit);
  uvshm__directory_settle(core, index);
}


int uvshm__directory_open(const struct uvshm__core* core,
                          const struct uvshm__directory_ref* ref) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, ref->index);

  uvshm__a64_or(&ent->open[core->slot / 64], UINT64_C(1) << (core->slot % 64));
  uvshm__fence_seq_cst();
  if (uvshm__directory_usable(core, ref) == 0) return 0;
  clear_bit(core, ref->index, core->slot);
  return UV_ENXIO;
}


void uvshm__directory_close(const struct uvshm__core* core, uint32_t index) {
  clear_bit(core, index, core->slot);
}


void uvshm__directory_close_dead(const struct uvshm__core* core,
                                 uint32_t index,
                                 uint32_t slot) {
  clear_bit(core, index, slot);
}


int uvshm__directory_remove(const struct uvshm__core* core,
                            const char* name,
                            uint32_t name_size) {
  struct uvshm__directory_ref ref;
  int err = uvshm__directory_find(core, name, name_size, &ref);

  if (err < 0) return err;
  if (!uvshm__a64_cas(&uvshm__core_entry(core, ref.index)->state,
                      uvshm__entry_word(ref.generation, UVSHM__ENTRY_USED),
                      uvshm__entry_word(ref.generation, UVSHM__ENTRY_REMOVED)))
    return UV_ENOENT; /* somebody else did */
  uvshm__directory_settle(core, ref.index);
  return 0;
}


/* The bit first, then the state: see the head. */
int uvshm__directory_stays(const struct uvshm__core* core,
                           uint32_t index,
                           uint32_t slot) {
  const struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t bits = uvshm__a64_load_acquire(&ent->open[slot / 64]);
  uint32_t state;

  if ((bits >> slot % 64 & 1) == 0) return 0;
  uvshm__fence_seq_cst();
  state = (uint32_t) uvshm__entry_state(core, index);
  return state == UVSHM__ENTRY_USED || state == UVSHM__ENTRY_REMOVED;
}


/* What `slot` was in the middle of in an object. */
static void leave_object(const struct uvshm__core* core,
                         uint32_t index,
                         uint32_t slot) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);

  if (core->contents == NULL || !uvshm__directory_stays(core, index, slot))
    return;
  core->contents->leave(
      core, slot, uvshm__a32_load_relaxed(&ent->type), ent->body);
}


/* A remover may have died before it looked, so look at every removed entry, not
 * only at those that the dead peer had open. */
void uvshm__directory_forget(const struct uvshm__core* core, uint32_t slot) {
  uint32_t index;

  for (index = 0; index < core->objects_max; index++) {
    leave_object(core, index, slot);
    clear_bit(core, index, slot);
    finish_burial(core, index, slot);
    if ((uint32_t) uvshm__entry_state(core, index) == UVSHM__ENTRY_REMOVED)
      uvshm__directory_settle(core, index);
  }
}

/* ---- damage, and a new beginning ----------------------------------------- */

static int is_strange(const struct uvshm__core* core, uint64_t state) {
  uint32_t kind = (uint32_t) state & UVSHM__ENTRY_KIND;
  uint32_t slot = (uint32_t) state >> UVSHM__ENTRY_SLOT_SHIFT;

  if (kind < UVSHM__ENTRY_BURIED) return slot != 0;
  return kind > UVSHM__ENTRY_CLAIMED || slot >= core->peers_max ||
         uvshm__peer_is_free(core, slot);
}


int uvshm__directory_is_strange(const struct uvshm__core* core,
                                uint32_t index) {
  uint64_t state = uvshm__entry_state(core, index);

  /* A burier leaves after he is through. */
  return is_strange(core, state) && uvshm__entry_state(core, index) == state;
}


int uvshm__directory_mend(const struct uvshm__core* core, uint32_t index) {
  uint64_t state = uvshm__entry_state(core, index);

  if (!uvshm__directory_is_strange(core, index)) return 0;
  if (!uvshm__a64_cas(
          &uvshm__core_entry(core, index)->state,
          state,
          uvshm__entry_word((uint32_t) (state >> 32), UVSHM__ENTRY_REMOVED)))
    return 0;
  uvshm__directory_settle(core, index);
  return 1;
}


void uvshm__directory_reset(const struct uvshm__core* core, uint32_t index) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t state = uvshm__entry_state(core, index);
  uint32_t slot = (uint32_t) state >> UVSHM__ENTRY_SLOT_SHIFT;
  uint32_t i;

  for (i = 0; i < UVSHM__ENTRY_OPEN_WORDS; i++)
    uvshm__a64_store_relaxed(&ent->open[i], 0);
  if ((uint32_t) state == UVSHM__ENTRY_FREE ||
      (uint32_t) state == UVSHM__ENTRY_USED)
    return;
  /* Nobody buries it yet, or the word says what none says. */
  if (state != buried_by(state, slot) || slot >= core->peers_max)
    slot = core->slot;
  bury(core, ent, slot);
  free_entry(ent, state);
}
