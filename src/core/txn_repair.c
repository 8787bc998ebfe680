/* SPDX-License-Identifier: MIT */

/* The side of a transaction that others than its owner see: reading a log,
 * taking back what it has saved, finishing what it has committed. The idea is
 * told in txn.c.
 *
 * Any bytes may stand in a log. Each number is read once, every loop is bounded
 * by what of the log counts, and nothing is written but whole ranges inside
 * blocks of the caller's and owner words that say what they must.
 */

#include "core/txn.h"

#include "base/align.h"
#include "core/heap.h"

#include <string.h>

/* A log that is not in use is looked at again before it is called damaged. */
#define LOOKS 100


/* Blocks of the caller's: the library's own structures are none of a
 * transaction's, nor is the log itself, which is one of them. */
int uvshm__txn_may_touch(const struct uvshm__core* core,
                         uint64_t offset,
                         uint64_t size) {
  uint32_t own = uvshm__heap_holds(core, offset, size);

  return own != UVSHM__OWN_FREE && own != UVSHM__OWN_LIBRARY;
}


int uvshm__txn_locate(const struct uvshm__core* core,
                      const struct uvshm__lock* lock,
                      uint64_t* offset,
                      uint64_t* size) {
  uint64_t undo = uvshm__a64_load_acquire(&lock->undo);

  *offset = (undo & UVSHM__LOCK_UNDO_OFFSET) * UVSHM__LOCK_UNDO_UNIT;
  *size = (undo >> UVSHM__LOCK_UNDO_SHIFT) * UVSHM__LOCK_UNDO_UNIT;
  return *offset != 0 && *size != 0 &&
         uvshm__heap_holds(core, *offset, *size) == UVSHM__OWN_LIBRARY &&
         uvshm__heap_at(core, *offset, *size) != NULL;
}

/* ---- entries ------------------------------------------------------------- */

int uvshm__txn_previous(const struct uvshm__core* core,
                        uint64_t log,
                        uint64_t* at,
                        struct uvshm__txn_entry* entry) {
  const struct uvshm__txn_foot* foot;
  uint64_t target;
  uint64_t size;
  uint64_t start;

  if (*at < sizeof(*foot)) return 0;
  start = *at - sizeof(*foot);
  foot = (const struct uvshm__txn_foot*) (core->base + log + start);
  target = uvshm__a64_load_relaxed(&foot->target);
  size = uvshm__a64_load_relaxed(&foot->size);
  entry->kind = (uint32_t) (target & 0xff);
  entry->offset = target >> 8;
  entry->size = size;
  entry->foot = log + start;
  if (entry->kind > UVSHM__TXN_PUBLISH) return 0;
  if (entry->kind != UVSHM__TXN_SAVE && size != 0) return 0;
  /* start is a multiple of 8, so that what is filled up fits as well. */
  if (size > start) return 0;
  start -= (size + 7) / 8 * 8;
  entry->bytes = log + start;
  *at = start;
  return 1;
}


static void copy_words(unsigned char* to,
                       const uvshm__a64_t* from,
                       uint64_t count) {
  uint64_t word;
  uint64_t i;

  if ((uintptr_t) to % 8 == 0) {
    for (i = 0; i < count; i++)
      uvshm__a64_store_relaxed((uvshm__a64_t*) (void*) to + i,
                               uvshm__a64_load_relaxed(&from[i]));
    return;
  }
  for (i = 0; i < count; i++, to += sizeof(word)) {
    word = uvshm__a64_load_relaxed(&from[i]);
    memcpy(to, &word, sizeof(word));
  }
}


static void copy_back(unsigned char* to,
                      const uvshm__a64_t* from,
                      uint64_t size) {
  uint64_t words = size / 8;
  uint64_t last;

  copy_words(to, from, words);
  if (size % 8 == 0) return;
  last = uvshm__a64_load_relaxed(&from[words]);
  memcpy(to + words * 8, &last, (size_t) (size % 8));
}


/* The last first: of bytes that were saved twice the first copy is the one from
 * before the transaction. */
void uvshm__txn_restore(const struct uvshm__core* core,
                        uint64_t log,
                        uint64_t used) {
  struct uvshm__txn_entry entry;
  uint64_t at = used;
  unsigned char* to;

  while (uvshm__txn_previous(core, log, &at, &entry)) {
    if (entry.kind != UVSHM__TXN_SAVE) continue;
    if (!uvshm__txn_may_touch(core, entry.offset, entry.size)) continue;
    to = uvshm__heap_at(core, entry.offset, entry.size);
    if (to == NULL) continue;
    copy_back(to, (const uvshm__a64_t*) (core->base + entry.bytes), entry.size);
  }
}


void uvshm__txn_apply(const struct uvshm__core* core,
                      uint64_t log,
                      uint64_t used,
                      uint32_t slot) {
  uint32_t owner = UVSHM__OWN_PRIVATE + slot;
  struct uvshm__txn_entry entry;
  uint64_t at = used;

  while (uvshm__txn_previous(core, log, &at, &entry)) switch (entry.kind) {
      case UVSHM__TXN_ALLOC:
      case UVSHM__TXN_PUBLISH:
        uvshm__heap_change(core, entry.offset, owner, UVSHM__OWN_SHARED);
        break;
      case UVSHM__TXN_FREE:
        uvshm__heap_change(core, entry.offset, UVSHM__OWN_SHARED, owner);
        break;
      default:
        break;
    }
}

/* ---- repair -------------------------------------------------------------- */

static void free_private(const struct uvshm__core* core,
                         uint64_t log,
                         uint64_t used,
                         uint32_t slot,
                         uint32_t kind) {
  struct uvshm__txn_entry entry;
  uint64_t at = used;

  while (uvshm__txn_previous(core, log, &at, &entry))
    if (entry.kind == kind)
      uvshm__heap_change(
          core, entry.offset, UVSHM__OWN_PRIVATE + slot, UVSHM__OWN_FREE);
}


void uvshm__txn_settle(const struct uvshm__core* core,
                       struct uvshm__lock* lock,
                       uint32_t slot) {
  uint64_t n = uvshm__a64_load_acquire(&lock->undo_n);
  uint64_t used = n & ~UVSHM__TXN_COMMITTED;
  uint64_t log;
  uint64_t size;
  int ended = 0;

  if (n == 0) return;
  if (uvshm__txn_locate(core, lock, &log, &size) && used <= size &&
      uvshm__is_multiple(used, 8)) {
    if (n & UVSHM__TXN_COMMITTED)
      uvshm__txn_apply(core, log, used, slot);
    else
      uvshm__txn_restore(core, log, used);
    ended = 1;
  }
  /* Last: a repairer that dies before this is followed by one that does all of
   * it again. */
  uvshm__a64_store_release(&lock->undo_n, 0);
  /* Only a thread of ours is gone, or closed the mutex: no repair of this peer
   * comes that would free what is private to it. The lock is not free yet, so
   * nobody else writes the log. */
  if (slot == core->slot && ended)
    free_private(core,
                 log,
                 used,
                 slot,
                 n & UVSHM__TXN_COMMITTED ? UVSHM__TXN_FREE : UVSHM__TXN_ALLOC);
}


/* The log becomes the burier's, then the lock forgets its size, which says so,
 * then it is freed. In another order, who repeats it could free the block after
 * somebody else has allocated it. */
void uvshm__txn_bury(const struct uvshm__core* core,
                     uint32_t slot,
                     struct uvshm__lock* lock) {
  uint64_t undo = uvshm__a64_load_acquire(&lock->undo);
  uint64_t place = undo & UVSHM__LOCK_UNDO_OFFSET;
  uint64_t log = place * UVSHM__LOCK_UNDO_UNIT;
  uint32_t owner = UVSHM__OWN_PRIVATE + slot;

  if (place == 0) return;
  if (undo != place) {
    uvshm__heap_change(core, log, UVSHM__OWN_LIBRARY, owner);
    uvshm__a64_store_release(&lock->undo, place);
  }
  uvshm__heap_change(core, log, owner, UVSHM__OWN_FREE);
  uvshm__a64_store_release(&lock->undo, 0);
}

/* ---- check --------------------------------------------------------------- */

static int is_free(const struct uvshm__lock* lock) {
  return (uvshm__a32_load_acquire(&lock->word) & UVSHM__LOCK_NAME) == 0;
}


/* Entries count, and nobody holds the lock: not for a moment, unless it changed
 * hands while we looked. */
static int is_left_open(const struct uvshm__lock* lock) {
  uint32_t looks;

  for (looks = 0; looks < LOOKS; looks++)
    if (!is_free(lock) || uvshm__a64_load_acquire(&lock->undo_n) == 0 ||
        !is_free(lock))
      return 0;
  return 1;
}


/* What the two words of a lock say about its undo log. */
enum fault {
  NONE,
  NO_LOG,
  NOWHERE,
  TOO_LONG,
  LEFT_OPEN
};

static enum fault find_fault(const struct uvshm__core* core,
                             const struct uvshm__lock* lock) {
  uint64_t n = uvshm__a64_load_acquire(&lock->undo_n);
  uint64_t used = n & ~UVSHM__TXN_COMMITTED;
  uint64_t log;
  uint64_t size;

  if (uvshm__a64_load_acquire(&lock->undo) == 0) return n == 0 ? NONE : NO_LOG;
  if (!uvshm__txn_locate(core, lock, &log, &size)) return NOWHERE;
  if (used > size || !uvshm__is_multiple(used, 8)) return TOO_LONG;
  return n != 0 && is_left_open(lock) ? LEFT_OPEN : NONE;
}


const char* uvshm__txn_fault(const struct uvshm__core* core,
                             const struct uvshm__lock* lock) {
  static const char* const faults[] = {NULL,
                                       "it has no undo log, but entries of one",
                                       "its undo log is not where it says",
                                       "its undo log says what none says",
                                       "it is free, but in a transaction"};

  return faults[find_fault(core, lock)];
}


/* No owner ever says so, so there is none whose transaction this could end. */
int uvshm__txn_mend(const struct uvshm__core* core, struct uvshm__lock* lock) {
  uint64_t n = uvshm__a64_load_acquire(&lock->undo_n);
  enum fault fault = find_fault(core, lock);

  if (fault == NOWHERE) uvshm__a64_store_release(&lock->undo, 0);
  if (fault != NONE) (void) uvshm__a64_cas(&lock->undo_n, n, 0);
  return fault != NONE;
}
