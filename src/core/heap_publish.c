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
#include "core/directory.h"
#include "core/extent.h"
#include "core/reap.h"
#include "uvshm/flags.h"

#include <string.h>


static int bad(const char* what, uint64_t offset) {
  return uvshm__fail(UV_EINVAL,
                     "cannot publish: %s at offset %llu",
                     what,
                     (unsigned long long) offset);
}


static int is_body(const struct uvshm__core* core, uint64_t slot) {
  return slot >= core->objects_offset &&
         slot < core->objects_offset +
                    (uint64_t) core->objects_max * UVSHM__ENTRY_SIZE &&
         (slot - core->objects_offset) % UVSHM__ENTRY_SIZE ==
             offsetof(struct uvshm__directory_ent, body);
}


/* 0: `slot` is the word of a root. The lock is held under which roots go. */
static int may_be_root(const struct uvshm__core* core, uint64_t slot) {
  const struct uvshm__directory_ent* ent;
  uint64_t state;

  if (!is_body(core, slot)) return bad("no word for it", slot);
  ent = uvshm__core_entry(
      core, (uint32_t) ((slot - core->objects_offset) / UVSHM__ENTRY_SIZE));
  state = uvshm__a64_load_acquire(&ent->state);
  if (((uint32_t) state & UVSHM__ENTRY_KIND) != UVSHM__ENTRY_USED)
    return uvshm__fail(UV_ENXIO, "cannot publish: the root was removed");
  if (uvshm__a32_load_relaxed(&ent->type) != UVSHM__TYPE_ROOT)
    return bad("no word for it", slot);
  return 0;
}


static int may_be_slot(const struct uvshm__core* core, uint64_t slot) {
  uint32_t own;

  if (slot < core->control_size) return may_be_root(core, slot);
  own = uvshm__heap_holds(core, slot, 8);
  if (own != UVSHM__OWN_SHARED && own != uvshm__heap_me(core))
    return bad("no word for it", slot);
  return 0;
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
  int err;

  if (ref == 0) return 0;
  err = uvshm__heap_find(core, ref, block);
  if (err == 0 && block->own == UVSHM__OWN_SHARED) return 0;
  if (err == UV_ENOMEM && !uvshm__reap_reaches_all(core))
    return uvshm__fail(
        err, "cannot publish: this process has nothing mapped where it leads");
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
  struct uvshm__heap_block comes;
  struct uvshm__heap_block goes;
  uint32_t n = 0;
  int err = may_be_slot(core, slot);

  if (err < 0) return err;
  *old = uvshm__a64_load_acquire((uvshm__a64_t*) (void*) (core->base + slot));
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


static struct uvshm__lock* lock_for(const struct uvshm__core* core,
                                    uint64_t slot) {
  return uvshm__heap_lock_at(
      core, 1 + (uint32_t) (slot / 8 % UVSHM__HEAP_PUBLISH_LOCKS));
}


static int acquire(struct uvshm__lane* lane, struct uvshm__lock* lock) {
  return uvshm__lock_acquire(
      lane, lock, UVSHM_FOREVER, UVSHM__LOCK_INTERNAL, NULL);
}


int uvshm__heap_publish(struct uvshm__lane* lane,
                        uint64_t slot,
                        uint64_t ref,
                        uint64_t* old) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__lock* lock = lock_for(core, slot);
  uint64_t gone = 0;
  int err;

  if (lock == NULL || !uvshm__is_multiple(slot, 8))
    return bad("no word for it", slot);
  err = acquire(lane, lock);
  if (err < 0) return err;
  err = exchange(core, lock, slot, ref, &gone);
  uvshm__lock_release(lane, lock);
  if (err < 0) return err;
  *old = gone;
  return 0;
}


static int remove_root(const struct uvshm__core* core,
                       uint64_t slot,
                       const char* name) {
  uint32_t size = (uint32_t) strlen(name);
  struct uvshm__directory_ref ref;
  int err = uvshm__directory_find(core, name, size, &ref);

  if (err < 0) return err;
  if (ref.type != UVSHM__TYPE_ROOT ||
      uvshm__offset_of(core, uvshm__directory_body(core, ref.index)) != slot)
    return UV_ENOENT; /* it was made anew meanwhile */
  if (uvshm__a64_load_acquire((uvshm__a64_t*) (void*) (core->base + slot)) != 0)
    return UV_EBUSY;
  return uvshm__directory_remove(core, name, size);
}


/* Nobody publishes there meanwhile, so nothing is lost with it. */
int uvshm__heap_remove_root(struct uvshm__lane* lane,
                            uint64_t slot,
                            const char* name) {
  struct uvshm__lock* lock = lock_for(lane->core, slot);
  int err = acquire(lane, lock);

  if (err < 0) return err;
  err = remove_root(lane->core, slot, name);
  uvshm__lock_release(lane, lock);
  return err;
}
