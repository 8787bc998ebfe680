/* SPDX-License-Identifier: MIT */

/* Memory inside a segment: blocks, and who owns each. See heap.c for how it
 * works and heap_layout.h for the bytes.
 *
 * A block is named by its offset from the segment's first byte, the same in all
 * processes; 0 is none. Each block has one owner word, 2 bytes that lie apart
 * from the block:
 *
 *   0                      free
 *   UVSHM__OWN_SHARED      allocated, belongs to the callers of the library;
 *                          stays until somebody frees it
 *   UVSHM__OWN_LIBRARY     the same, but of a map or another structure of the
 *                          library: uvshm_heap_free() refuses it
 *   UVSHM__OWN_PRIVATE+n   peer n's alone: goes when that peer leaves or dies
 *
 * The word is the allocation: there are no free lists and no counts, so there
 * is no moment at which a block is allocated and nobody's. A structure that
 * links a new block and unlinks an old one does it like this, under its lock:
 *
 *   err = uvshm__heap_alloc(lane, size, 0, PRIVATE, &fresh);   before the lock
 *   fill it
 *   uvshm__lock_log(lock, 0, link, 8, fresh);
 *   uvshm__lock_log(lock, 1, uvshm__heap_word(core, fresh), 2,
 *                   UVSHM__OWN_LIBRARY);
 *   uvshm__lock_log(lock, 2, uvshm__heap_word(core, old), 2,
 *                   uvshm__heap_me(core));
 *   uvshm__lock_commit(core, lock, 3);
 *   release the lock
 *   uvshm__heap_free(lane, old);
 *
 * Killed anywhere, the block that is linked is the library's, and the other one
 * is private to the dead peer and goes with it. A log entry of width 2 names an
 * owner word; widths 4 and 8 name words inside blocks, in directory bodies, or
 * in the control area as before (extent.h). Only the owner of a private block,
 * or whoever holds the lock that guards the only link to a shared one, changes
 * its word.
 *
 * Locks may lie in blocks too (at a multiple of 64, which every block is), when
 * the block begins below uvshm__heap_lock_limit.
 *
 * Lock order: the heap's locks come last. No heap call takes another lock while
 * it holds one of them, and each may be called while holding others; but memory
 * of dead peers is recovered, when there is no more, only by a thread that
 * holds none, so allocate before locking.
 */

#ifndef UVSHM_CORE_HEAP_H_
#define UVSHM_CORE_HEAP_H_

#include "base/align.h"
#include "base/asan.h"
#include "core/core.h"
#include "core/heap_layout.h"
#include "core/lane.h"

#include <stdint.h>

struct uvshm__lock;

/* The largest alignment: pages are at least this large everywhere, and a
 * mapping begins at a page. */
#define UVSHM__HEAP_ALIGNMENT_MAX 4096u

/* Notes in lanes cannot name locks beyond (lane.h). */
#define UVSHM__HEAP_LOCK_LIMIT (UINT64_C(1) << 37)

/* ---- blocks -------------------------------------------------------------- */

/* Allocate `size` bytes (0: as 1), which are not zeroed, at a multiple of
 * `alignment`, a power of 2 up to 4096 (0: 64). `own`: UVSHM__OWN_SHARED,
 * UVSHM__OWN_LIBRARY, or uvshm__heap_me(core). The block is 64-byte aligned at
 * least and may be larger than asked for (uvshm__heap_size). Grows the segment
 * when it may grow.
 *
 *   UV_ENOSPC     no room, also after dead peers were cleared away and the
 *                 segment has grown as far as it may; the sentence says how
 *                 much was needed and how much is free
 *   UV_ENOMEM     there would be room where this process has nothing mapped
 *   UV_EINVAL     the alignment
 *   UV_ECANCELED  this peer was declared dead
 *   UV_EPROTO     what lies there cannot be
 */
int uvshm__heap_alloc(struct uvshm__lane* lane,
                      uint64_t size,
                      uint64_t alignment,
                      uint32_t own,
                      uint64_t* ref);

/* The same for what is at hand: private to this peer, and 0 when there is
 * nothing. */
uint64_t uvshm__heap_take_near(struct uvshm__lane* lane, uint64_t size);

/* Free a block: one compare-and-swap of its owner word. Of a run as well.
 *   UV_EINVAL  no block begins there, or it is free already
 *   UV_EPROTO  its owner word says what no owner word says */
int uvshm__heap_free(struct uvshm__lane* lane, uint64_t ref);

/* The same for what came from a caller: refuses what is not his, with a
 * sentence.
 *   UV_EPERM  private to another peer, or a structure of the library */
int uvshm__heap_free_checked(struct uvshm__lane* lane, uint64_t ref);

/* What is known of the block that begins at `ref`. */
struct uvshm__heap_block {
  uint64_t ref;
  uint64_t size; /* bytes that may be used */
  uint64_t word; /* offset of its owner word, for logs */
  uint32_t own;  /* what that said */
};

/* Look a block up. No lock, writes nothing, also from a read-only mapping.
 *   UV_EINVAL  no block begins there
 *   UV_ENOMEM  it lies where this process has nothing mapped */
int uvshm__heap_find(const struct uvshm__core* core,
                     uint64_t ref,
                     struct uvshm__heap_block* block);

/* Bytes of the block at `ref`, 0 when there is none. */
uint64_t uvshm__heap_size(const struct uvshm__core* core, uint64_t ref);

/* Offset of the owner word of the block at `ref`, for logs; 0: there is none.
 * Stays the same as long as the block is allocated. */
uint64_t uvshm__heap_word(const struct uvshm__core* core, uint64_t ref);

/* What the owner word of a block that is private to this peer says. */
static inline uint32_t uvshm__heap_me(const struct uvshm__core* core) {
  return UVSHM__OWN_PRIVATE + core->slot;
}


/* Change the owner word of the block at `ref` from one known value to another,
 * also in a repair: for those who own the block, or the only link to it.
 * Private to shared, shared to private, private to free. 1: it was so. A peer
 * for whom blocks become private that he did not allocate has called
 * uvshm__heap_mark() before. */
int uvshm__heap_change(const struct uvshm__core* core,
                       uint64_t ref,
                       uint32_t from,
                       uint32_t to);

/* Does [offset, offset + size) lie inside one block that is allocated? What its
 * owner word says; UVSHM__OWN_FREE: it does not. Also in a repair. */
uint32_t uvshm__heap_holds(const struct uvshm__core* core,
                           uint64_t offset,
                           uint64_t size);

/* Before a word is stored, by a log or at once, that makes a block private to
 * this peer which it did not allocate itself: a peer that never had a private
 * block is cleared away without a look at the heap. One load, mostly;
 * uvshm__heap_alloc() does it too. */
void uvshm__heap_mark(const struct uvshm__core* core);

/* ---- addresses ----------------------------------------------------------- */

/* How many bytes from base may be touched by this process: they exist and are
 * mapped. Asks the system when the header says more than was known. */
uint64_t uvshm__heap_look(const struct uvshm__core* core);

/* Bytes `ref` .. `ref` + `size` of the heap as an address, or NULL when they do
 * not all exist here. Says nothing about blocks: a reader that follows offsets
 * which may be stale uses this for each. One load and two comparisons. */
static inline void* uvshm__heap_at(const struct uvshm__core* core,
                                   uint64_t ref,
                                   uint64_t size) {
  if (!uvshm__fits(ref, size, uvshm__a64_load_relaxed(core->exists)) &&
      !uvshm__fits(ref, size, uvshm__heap_look(core)))
    return NULL;
  if (ref < core->control_size) return NULL;
  UVSHM__UNPOISON(core->base + ref, (size_t) size);
  return core->base + ref;
}


/* The offset of an address inside the heap; 0 when it is not in it. */
static inline uint64_t uvshm__heap_ref(const struct uvshm__core* core,
                                       const void* address) {
  uint64_t offset = (uint64_t) ((uintptr_t) address - (uintptr_t) core->base);

  return (uintptr_t) address > (uintptr_t) core->base &&
                 offset >= core->control_size && offset < core->reach
             ? offset
             : 0;
}

/* May a log change `width` bytes at `offset`, or a lock lie there (extent.h)? A
 * width of 2 means an owner word, 4 and 8 what is not bookkeeping. */
int uvshm__heap_has_word(const struct uvshm__core* core,
                         uint64_t offset,
                         uint32_t width);
int uvshm__heap_has_lock(const struct uvshm__core* core, uint64_t offset);

/* ---- links --------------------------------------------------------------- */

/* Store `ref` (0: none) in the 8-byte word at offset `slot`, which lies in a
 * block or is a root; the block becomes shared (it was private to
 * this peer), and what the slot named before becomes private to this peer, who
 * frees it or not; its offset goes to *old, 0: there was none. Both or nothing,
 * wherever somebody is killed. Words that are changed by this are changed by
 * nothing else while others may publish there.
 *
 *   UV_EINVAL  `slot` is no such word, or `ref` not a block private to us
 *   UV_ENXIO   it was a root, and was removed
 *   UV_EPROTO  the slot names what is no shared block
 *   and what uvshm__lock_acquire() returns, UV_ETIMEDOUT left out */
int uvshm__heap_publish(struct uvshm__lane* lane,
                        uint64_t slot,
                        uint64_t ref,
                        uint64_t* old);

/* Remove the root `name`, whose word is at `slot`. UV_EBUSY: it names a block;
 * UV_ENOENT. */
int uvshm__heap_remove_root(struct uvshm__lane* lane,
                            uint64_t slot,
                            const char* name);

/* ---- repair and looks from outside --------------------------------------- */

/* Part of the repair of `slot` (reap.c): its private blocks are free. Needs no
 * lock. The logs of its locks were replayed before, and all that exists is
 * mapped here, unless the slot is our own. */
void uvshm__heap_forget(const struct uvshm__core* core, uint32_t slot);

/* After a reboot, nobody else attached: no private blocks, no half steps. */
void uvshm__heap_reset(const struct uvshm__core* core);

/* The locks of the heap, 0 to UVSHM__HEAP_LOCKS - 1, for those who look at all
 * locks. NULL: there is no heap. */
#define UVSHM__HEAP_LOCKS (1u + UVSHM__HEAP_PUBLISH_LOCKS)

struct uvshm__lock* uvshm__heap_lock_at(const struct uvshm__core* core,
                                        uint32_t i);

/* Is it well, its locks apart? As uvshm__core_check(), a part of it. */
int uvshm__heap_check(const struct uvshm__core* core);

/* Free the blocks of peers that are not there, and make shared what has an
 * owner that cannot be. Returns how many. */
uint32_t uvshm__heap_mend(struct uvshm__lane* lane);

/* Numbers, as they are while others work: each is right, but not all are of the
 * same moment. Reads everything. */
struct uvshm__heap_facts {
  uint64_t size;           /* bytes that exist for blocks and bookkeeping */
  uint64_t used;           /* bytes in blocks that are allocated */
  uint64_t free;           /* bytes in blocks and spans that are not */
  uint64_t bookkeeping;    /* bytes that say which is which */
  uint64_t largest_free;   /* largest block to be had without growing */
  uint64_t blocks;         /* allocated */
  uint64_t blocks_private; /* of these, private to a peer */
};

void uvshm__heap_read(const struct uvshm__core* core,
                      struct uvshm__heap_facts* facts);

#endif /* UVSHM_CORE_HEAP_H_ */
