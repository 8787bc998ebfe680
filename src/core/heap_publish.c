/* SPDX-License-Identifier: MIT */

/* Linking a block where others find it, or taking it out, as one change: the
 * word that links, the owner of what comes, and the owner of what goes.
 *
 * It is the redo log of a lock. There are several such locks, and the place of
 * the word says which one is its own; so words are exchanged side by side, and
 * a word by one at a time. A log that somebody left behind is replayed before
 * its lock is free, so what it stores again is what still is there.
 */

#include "core/heap_inside.h"

#include "base/error.h"
#include "core/extent.h"
#include "uvshm/flags.h"


static int is_slot(const struct uvshm__core* core, uint64_t slot) {
  uint32_t own;

  if (!uvshm__is_multiple(slot, 8)) return 0;
  if (slot < core->control_size)
    return slot >= core->objects_offset && uvshm__extent_holds(core, slot, 8);
  own = uvshm__heap_holds(core, slot, 8);
  return own == UVSHM__OWN_SHARED || own == uvshm__heap_me(core);
}


static int bad(const char* what, uint64_t offset) {
  return uvshm__fail(UV_EINVAL,
                     "cannot publish: %s at offset %llu",
                     what,
                     (unsigned long long) offset);
}


static int may_come(const struct uvshm__core* core,
                    uint64_t ref,
                    struct uvshm__heap_block* block) {
  if (ref == 0) return 0;
  if (uvshm__heap_find(core, ref, block) < 0) return bad("no block", ref);
  if (block->own != uvshm__heap_me(core))
    return bad("not this process's own block", ref);
  return 0;
}


static int may_go(const struct uvshm__core* core,
                  uint64_t ref,
                  struct uvshm__heap_block* block) {
  if (ref == 0) return 0;
  if (uvshm__heap_find(core, ref, block) == 0 &&
      block->own == UVSHM__OWN_SHARED)
    return 0;
  return uvshm__fail(UV_EPROTO,
                     "cannot publish: what is linked there, offset %llu, is no "
                     "shared block",
                     (unsigned long long) ref);
}


/* The lock is held. */
static int exchange(const struct uvshm__core* core,
                    struct uvshm__lock* lock,
                    uint64_t slot,
                    uint64_t ref,
                    uint64_t* old) {
  uvshm__a64_t* word = (uvshm__a64_t*) (void*) (core->base + slot);
  struct uvshm__heap_block comes;
  struct uvshm__heap_block goes;
  uint32_t n = 0;
  int err;

  *old = uvshm__a64_load_acquire(word);
  err = may_come(core, ref, &comes);
  if (err == 0) err = may_go(core, *old, &goes);
  if (err < 0) return err;
  uvshm__heap_mark(core);
  uvshm__lock_log(lock, n++, slot, 8, ref);
  if (ref != 0) uvshm__lock_log(lock, n++, comes.word, 2, UVSHM__OWN_SHARED);
  if (*old != 0) uvshm__lock_log(lock, n++, goes.word, 2, uvshm__heap_me(core));
  uvshm__lock_commit(core, lock, n);
  return 0;
}


int uvshm__heap_publish(struct uvshm__lane* lane,
                        uint64_t slot,
                        uint64_t ref,
                        uint64_t* old) {
  const struct uvshm__core* core = lane->core;
  uint32_t which = (uint32_t) (slot / 8 % UVSHM__HEAP_PUBLISH_LOCKS);
  struct uvshm__lock* lock = uvshm__heap_lock_at(core, 1 + which);
  uint64_t gone = 0;
  int err;

  if (lock == NULL || !is_slot(core, slot)) return bad("no word for it", slot);
  err = uvshm__lock_acquire(
      lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL);
  if (err < 0) return err;
  err = exchange(core, lock, slot, ref, &gone);
  uvshm__lock_release(lane, lock);
  if (err < 0) return err;
  *old = gone;
  return 0;
}
