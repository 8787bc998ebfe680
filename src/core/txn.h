/* SPDX-License-Identifier: MIT */

/* Transactions: an undo log over a lock. See txn.c. */

#ifndef UVSHM_CORE_TXN_H_
#define UVSHM_CORE_TXN_H_

#include "core/core.h"
#include "core/lane.h"
#include "core/lock.h"
#include "core/txn_layout.h"

#include <stdint.h>

/* A transaction as its thread sees it. The numbers are its own: nobody else can
 * change them. */
struct uvshm__txn {
  struct uvshm__lane* lane;
  struct uvshm__lock* lock;
  uint64_t log;      /* offset */
  uint64_t capacity; /* bytes */
  uint64_t used;     /* bytes */
  uint32_t blocks;   /* entries that are about blocks */
};

/* Is this thread in a transaction of this object? Calls that change something
 * which abort could not take back are refused then. */
static inline int uvshm__lane_in_txn(const struct uvshm__lane* lane) {
  return lane->txn != 0;
}


/* What `undo` of a lock says about a log of `size` bytes at `offset`. `size` is
 * rounded up to a unit, and at most UVSHM__TXN_LOG_MAX. */
#define UVSHM__TXN_LOG_MAX (UINT64_C(1) << 29)

static inline uint64_t uvshm__txn_undo(uint64_t offset, uint64_t size) {
  uint64_t units = (size + UVSHM__LOCK_UNDO_UNIT - 1) / UVSHM__LOCK_UNDO_UNIT;

  return units << UVSHM__LOCK_UNDO_SHIFT | offset / UVSHM__LOCK_UNDO_UNIT;
}


/* Bytes of log that an entry takes. */
static inline uint64_t uvshm__txn_entry_size(uint64_t size) {
  return (size + 7) / 8 * 8 + sizeof(struct uvshm__txn_foot);
}


/* The lane holds the lock and is in no transaction; `log` and `capacity` are
 * what uvshm__txn_locate() has said once. From here on the lock can be given
 * back only after uvshm__txn_commit() or _abort(). */
void uvshm__txn_begin(struct uvshm__txn* txn,
                      struct uvshm__lane* lane,
                      struct uvshm__lock* lock,
                      uint64_t log,
                      uint64_t capacity);

/* Note what stands in `size` bytes at `offset`, before they are changed.
 *   UV_EINVAL     not inside one block that is allocated
 *   UV_EPERM      inside one of the library's
 *   UV_ENOSPC     the log is full
 *   UV_ECANCELED  this peer was declared dead; it was taken back */
int uvshm__txn_save(struct uvshm__txn* txn, uint64_t offset, uint64_t size);

/* A block that is there if and only if the transaction commits, until then this
 * peer's own; and one that is not. */
int uvshm__txn_alloc(struct uvshm__txn* txn, uint64_t size, uint64_t* block);
int uvshm__txn_free(struct uvshm__txn* txn, uint64_t block);

/* Store `block`, this peer's own, in the 8 bytes at `slot`, and share it with
 * the commit. */
int uvshm__txn_publish(struct uvshm__txn* txn, uint64_t slot, uint64_t block);

/* Both end the transaction, whatever they return, and leave the lock held.
 *   UV_ECANCELED  this peer was declared dead; all was taken back, and the lock
 *                 is not held */
int uvshm__txn_commit(struct uvshm__txn* txn);
int uvshm__txn_abort(struct uvshm__txn* txn);

/* txn_repair.c. Part of the repair of a lock whose owner, a thread of peer
 * `slot`, is dead: take back what was not committed, finish what was. Takes no
 * lock; can be done again at any point. */
void uvshm__txn_settle(const struct uvshm__core* core,
                       struct uvshm__lock* lock,
                       uint32_t slot);

/* Are these bytes inside one block of the caller's? */
int uvshm__txn_may_touch(const struct uvshm__core* core,
                         uint64_t offset,
                         uint64_t size);

/* Where the log of a lock lies: 1, or 0 when it has none or it cannot be there.
 * It stays where it is as long as the lock is one. */
int uvshm__txn_locate(const struct uvshm__core* core,
                      const struct uvshm__lock* lock,
                      uint64_t* offset,
                      uint64_t* size);

/* The entries, from the last to the first: *at is where the entry ends, and
 * afterwards where the one before it does. 0: there is none, or what stands
 * there is no entry. */
struct uvshm__txn_entry {
  uint32_t kind;
  uint64_t offset;
  uint64_t size;
  uint64_t bytes; /* offset of what was saved */
  uint64_t foot;  /* offset of its end */
};

int uvshm__txn_previous(const struct uvshm__core* core,
                        uint64_t log,
                        uint64_t* at,
                        struct uvshm__txn_entry* entry);

/* Put back what the entries up to `used` have saved. */
void uvshm__txn_restore(const struct uvshm__core* core,
                        uint64_t log,
                        uint64_t used);

/* After the commit: what was allocated or published is shared, what was freed
 * belongs to peer `slot`, which frees it, or whose repair does. */
void uvshm__txn_apply(const struct uvshm__core* core,
                      uint64_t log,
                      uint64_t used,
                      uint32_t slot);

/* The directory entry of a lock goes (directory_end.c): so does its log, by
 * `slot`. */
void uvshm__txn_bury(const struct uvshm__core* core,
                     uint32_t slot,
                     struct uvshm__lock* lock);

/* Part of uvshm__core_check(): what is wrong, or NULL. And of mending: a log
 * that cannot be is forgotten, and so are entries that are nobody's. 1: there
 * was something. */
const char* uvshm__txn_fault(const struct uvshm__core* core,
                             const struct uvshm__lock* lock);
int uvshm__txn_mend(const struct uvshm__core* core, struct uvshm__lock* lock);

#endif /* UVSHM_CORE_TXN_H_ */
