/* SPDX-License-Identifier: MIT */

/* Transactions, the owner's side: several changes of the caller's own bytes
 * that happen whole or not at all.
 *
 * Before bytes are changed, what stands there is copied into the log, and the
 * store of n makes the copy count. So at every moment the entries up to n lead
 * back to the state before the transaction:
 *
 *   begin                n is 0
 *   save                 copy, then n = more          [the entry counts]
 *   the caller changes the bytes in place
 *   commit               n = 0                        [all of it has happened]
 *   abort                the copies go back, the last first; then n = 0
 *
 * Undo and not redo, unlike the library's own structures (lock.c): the caller
 * changes his structs in place with plain stores, and those who read them take
 * the lock. If the owner dies, repair does what abort does.
 *
 * Blocks of the heap that come and go in a transaction belong to its peer alone
 * until it ends. With such entries the commit is not n = 0 but a bit in n; then
 * the blocks change their owners, and n = 0 says that this is done. What was
 * freed becomes private first, and free only when the log is gone: done at
 * once, a repairer that repeats it could free what somebody else has allocated
 * meanwhile. After a death the private block goes with its peer.
 *
 * models/txn.pml shows that it holds, and what happens when one of these is
 * done in another order.
 */

#include "core/txn.h"

#include "base/error.h"
#include "core/heap_take.h"

#include <string.h>


static const struct uvshm__core* core_of(const struct uvshm__txn* txn) {
  return txn->lane->core;
}


static void set_n(struct uvshm__txn* txn, uint64_t n) {
  /* Neither the compiler nor we let what the caller does next come before
   * this: a death must find the copy first. */
  uvshm__a64_store_release(&txn->lock->undo_n, n);
  uvshm__fence_compiler();
}


static int check_alive(const struct uvshm__txn* txn) {
  if (uvshm__a32_load_relaxed(&txn->lane->ent->owner) == txn->lane->owner)
    return 0;
  return uvshm__fail(UV_ECANCELED,
                     "this process was declared dead, and its transaction "
                     "taken back");
}

/* ---- begin --------------------------------------------------------------- */

void uvshm__txn_begin(struct uvshm__txn* txn,
                      struct uvshm__lane* lane,
                      struct uvshm__lock* lock,
                      uint64_t log,
                      uint64_t capacity) {
  txn->lane = lane;
  txn->lock = lock;
  txn->log = log;
  txn->capacity = capacity;
  txn->used = 0;
  txn->blocks = 0;
  /* It is 0 already, unless somebody wrote where he should not. */
  if (uvshm__a64_load_relaxed(&lock->undo_n) != 0) set_n(txn, 0);
  uvshm__lock_pin(lane, lock);
}

/* ---- entries ------------------------------------------------------------- */

static int check_room(const struct uvshm__txn* txn, uint64_t needed) {
  uint64_t room = txn->capacity - txn->used;

  if (needed <= room) return 0;
  return uvshm__fail(UV_ENOSPC,
                     "the log is full: %llu bytes are needed, %llu of %llu are "
                     "free",
                     (unsigned long long) needed,
                     (unsigned long long) room,
                     (unsigned long long) txn->capacity);
}


static void copy_into_log(uvshm__a64_t* to,
                          const unsigned char* from,
                          uint64_t size) {
  uint64_t words = size / 8;
  uint64_t four[4];
  uint64_t word;
  uint64_t i = 0;

  for (; i + 4 <= words; i += 4) {
    memcpy(four, from + i * 8, sizeof(four));
    uvshm__a64_store_relaxed(&to[i], four[0]);
    uvshm__a64_store_relaxed(&to[i + 1], four[1]);
    uvshm__a64_store_relaxed(&to[i + 2], four[2]);
    uvshm__a64_store_relaxed(&to[i + 3], four[3]);
  }
  for (; i < words; i++) {
    memcpy(&word, from + i * 8, sizeof(word));
    uvshm__a64_store_relaxed(&to[i], word);
  }
  if (size % 8 == 0) return;
  word = 0;
  memcpy(&word, from + words * 8, (size_t) (size % 8));
  uvshm__a64_store_relaxed(&to[words], word);
}


/* There is room. `from` has `size` bytes. */
static void append(struct uvshm__txn* txn,
                   uint32_t kind,
                   uint64_t offset,
                   const unsigned char* from,
                   uint64_t size) {
  unsigned char* end = core_of(txn)->base + txn->log + txn->used;
  uint64_t taken = uvshm__txn_entry_size(size);
  struct uvshm__txn_foot* foot;

  copy_into_log((uvshm__a64_t*) end, from, size);
  foot = (struct uvshm__txn_foot*) (end + taken) - 1;
  uvshm__a64_store_relaxed(&foot->target, offset << 8 | kind);
  uvshm__a64_store_relaxed(&foot->size, size);
  txn->used += taken;
  set_n(txn, txn->used);
}


static int not_to_touch(const struct uvshm__core* core,
                        uint64_t offset,
                        uint64_t size) {
  if (uvshm__heap_holds(core, offset, size) != 0)
    return uvshm__fail(UV_EPERM, "the bytes are the library's");
  return uvshm__fail(UV_EINVAL,
                     "%llu bytes at offset %llu are not inside one block that "
                     "is allocated",
                     (unsigned long long) size,
                     (unsigned long long) offset);
}


static inline int may_touch(const struct uvshm__core* core,
                            uint64_t offset,
                            uint64_t size) {
  uint32_t own = uvshm__small_holds(core, offset, size);

  if (own == UVSHM__OWN_FREE) return uvshm__txn_may_touch(core, offset, size);
  return own != UVSHM__OWN_LIBRARY;
}


int uvshm__txn_save(struct uvshm__txn* txn, uint64_t offset, uint64_t size) {
  const struct uvshm__core* core = core_of(txn);
  int err = check_alive(txn);

  if (err < 0) return err;
  if (size == 0) return 0;
  if (!may_touch(core, offset, size)) return not_to_touch(core, offset, size);
  err = check_room(txn, uvshm__txn_entry_size(size));
  if (err < 0) return err;
  append(txn, UVSHM__TXN_SAVE, offset, core->base + offset, size);
  return 0;
}

/* ---- blocks -------------------------------------------------------------- */

static void note_block(struct uvshm__txn* txn, uint32_t kind, uint64_t block) {
  append(txn, kind, block, NULL, 0);
  txn->blocks++;
}


int uvshm__txn_alloc(struct uvshm__txn* txn, uint64_t size, uint64_t* block) {
  uint64_t found;
  int err = check_alive(txn);

  if (err == 0) err = check_room(txn, uvshm__txn_entry_size(0));
  if (err == 0)
    err = uvshm__heap_alloc(
        txn->lane, size, 0, uvshm__heap_me(core_of(txn)), &found);
  if (err < 0) return err;
  /* If we die before it is noted it goes with our other private blocks. */
  note_block(txn, UVSHM__TXN_ALLOC, found);
  *block = found;
  return 0;
}


/* The last entry about `block`, if there is one. */
static int find_block(const struct uvshm__txn* txn,
                      uint64_t block,
                      struct uvshm__txn_entry* entry) {
  uint64_t at = txn->used;

  if (txn->blocks == 0) return 0;
  while (uvshm__txn_previous(core_of(txn), txn->log, &at, entry))
    if (entry->offset == block && entry->kind != UVSHM__TXN_SAVE &&
        entry->kind != UVSHM__TXN_NOTHING)
      return 1;
  return 0;
}


static void turn_into(const struct uvshm__txn* txn,
                      const struct uvshm__txn_entry* entry,
                      uint32_t kind) {
  struct uvshm__txn_foot* foot =
      (struct uvshm__txn_foot*) (core_of(txn)->base + entry->foot);

  uvshm__a64_store_release(&foot->target, entry->offset << 8 | kind);
}


/* A fresh block goes at once, so nothing may be put back there. */
static void forget_saves(const struct uvshm__txn* txn,
                         uint64_t block,
                         uint64_t size) {
  struct uvshm__txn_entry entry;
  uint64_t at = txn->used;

  while (uvshm__txn_previous(core_of(txn), txn->log, &at, &entry))
    if (entry.kind == UVSHM__TXN_SAVE && entry.offset >= block &&
        entry.offset - block < size) {
      entry.offset = 0; /* no block: restoring skips it */
      turn_into(txn, &entry, UVSHM__TXN_SAVE);
    }
}


static int check_freeable(const struct uvshm__txn* txn, uint64_t block) {
  struct uvshm__heap_block found;
  int err = uvshm__heap_find(core_of(txn), block, &found);

  if (err < 0) return err;
  if (found.own == UVSHM__OWN_FREE)
    return uvshm__fail(UV_EINVAL, "it is free already");
  if (found.own != UVSHM__OWN_SHARED &&
      found.own != uvshm__heap_me(core_of(txn)))
    return uvshm__fail(UV_EPERM, "it belongs to somebody else");
  return 0;
}


int uvshm__txn_free(struct uvshm__txn* txn, uint64_t block) {
  struct uvshm__txn_entry entry;
  int err = check_alive(txn);

  if (err == 0) err = check_freeable(txn, block);
  if (err < 0) return err;
  if (!find_block(txn, block, &entry)) {
    err = check_room(txn, uvshm__txn_entry_size(0));
    if (err < 0) return err;
    /* Before the block can become ours, by us or by who repairs after us. */
    uvshm__heap_mark(core_of(txn));
    note_block(txn, UVSHM__TXN_FREE, block);
    return 0;
  }
  switch (entry.kind) {
    case UVSHM__TXN_ALLOC:
      /* Nobody else ever saw it, so it may go at once. */
      forget_saves(txn, block, uvshm__heap_size(core_of(txn), block));
      turn_into(txn, &entry, UVSHM__TXN_NOTHING);
      return uvshm__heap_free(txn->lane, block);
    case UVSHM__TXN_PUBLISH:
      turn_into(txn, &entry, UVSHM__TXN_FREE);
      return 0;
    default:
      return uvshm__fail(UV_EINVAL, "it is freed in this transaction already");
  }
}


static int check_publishable(const struct uvshm__txn* txn,
                             uint64_t slot,
                             uint64_t block) {
  struct uvshm__heap_block found;
  struct uvshm__txn_entry entry;
  int err = uvshm__heap_find(core_of(txn), block, &found);

  if (err < 0) return err;
  if (found.own != uvshm__heap_me(core_of(txn)) ||
      find_block(txn, block, &entry))
    return uvshm__fail(
        UV_EINVAL, "only a block that is this process's alone is published");
  if (slot % 8 != 0 || !uvshm__txn_may_touch(core_of(txn), slot, 8))
    return uvshm__fail(UV_EINVAL, "a slot is 8 aligned bytes inside a block");
  return check_room(txn, uvshm__txn_entry_size(8) + uvshm__txn_entry_size(0));
}


int uvshm__txn_publish(struct uvshm__txn* txn, uint64_t slot, uint64_t block) {
  const struct uvshm__core* core = core_of(txn);
  int err = check_alive(txn);

  if (err == 0) err = check_publishable(txn, slot, block);
  if (err == 0) err = uvshm__txn_save(txn, slot, 8);
  if (err < 0) return err;
  note_block(txn, UVSHM__TXN_PUBLISH, block);
  uvshm__a64_store_release((uvshm__a64_t*) (core->base + slot), block);
  return 0;
}

/* ---- the end ------------------------------------------------------------- */

/* Of the blocks that entries of this kind are about, free those that are ours.
 * The log does not count any more, but nobody else writes there as long as the
 * lock is held. */
static void free_blocks(struct uvshm__txn* txn, uint32_t kind) {
  const struct uvshm__core* core = core_of(txn);
  struct uvshm__heap_block block;
  struct uvshm__txn_entry entry;
  uint64_t at = txn->used;

  while (uvshm__txn_previous(core, txn->log, &at, &entry)) {
    if (entry.kind != kind) continue;
    if (uvshm__heap_find(core, entry.offset, &block) < 0) continue;
    if (block.own == uvshm__heap_me(core))
      (void) uvshm__heap_free(txn->lane, entry.offset);
  }
}


int uvshm__txn_commit(struct uvshm__txn* txn) {
  int err = check_alive(txn);

  uvshm__lock_unpin(txn->lane, txn->lock);
  if (err < 0) return err;
  if (txn->blocks != 0) {
    /* The commit. What follows is done by us or by who repairs after us. */
    set_n(txn, txn->used | UVSHM__TXN_COMMITTED);
    uvshm__txn_apply(core_of(txn), txn->log, txn->used, core_of(txn)->slot);
  }
  /* The commit, if it was not above. */
  set_n(txn, 0);
  if (txn->blocks != 0) free_blocks(txn, UVSHM__TXN_FREE);
  return 0;
}


int uvshm__txn_abort(struct uvshm__txn* txn) {
  int err = check_alive(txn);

  uvshm__lock_unpin(txn->lane, txn->lock);
  if (err < 0) return err;
  uvshm__txn_restore(core_of(txn), txn->log, txn->used);
  set_n(txn, 0);
  if (txn->blocks != 0) free_blocks(txn, UVSHM__TXN_ALLOC);
  return 0;
}
