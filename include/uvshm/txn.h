/* SPDX-License-Identifier: MIT */

/* txn: several changes of your own structs in a segment, whole or not at all.
 *
 *   uvshm_mutex_options_t options = { .log_size = 4096 };
 *   err = uvshm_mutex_open(&lock, segment, "till", &options);
 *
 *   uvshm_txn_t txn;
 *   err = uvshm_txn_begin(&txn, lock, UVSHM_FOREVER);
 *   if (err < 0) return die(uvshm_strerror(err));
 *   err = uvshm_txn_save(&txn, a, sizeof *a);     // killed from here on ...
 *   if (err == 0) err = uvshm_txn_save(&txn, b, sizeof *b);
 *   if (err < 0) return uvshm_txn_abort(&txn);
 *   a->balance -= 100;
 *   b->balance += 100;
 *   err = uvshm_txn_commit(&txn);                 // ... to here: both or none
 *
 * A transaction takes the mutex. Save a range before you change it, change it
 * in place, then commit or abort; both give the mutex back. If the process dies
 * in between, or its thread ends, what was saved is put back before anybody
 * else gets the mutex: the next one to take it is told UVSHM_OWNER_DIED and
 * finds the state before begin. So nothing need be mended, unless somebody
 * changes the same bytes under the plain lock.
 *
 * What is protected is what the heap of the segment has given you. Whoever
 * reads it takes the mutex too; a reader without it sees changes as they are
 * made.
 *
 * The log has log_size bytes, an option of the mutex. A save of n bytes takes
 * n, rounded up to 8, and 16 more; a block that comes or goes takes 16. When
 * the log is full a call says UV_ENOSPC and has changed nothing; abort still
 * works.
 *
 * Inside a transaction, in the same thread and segment:
 *
 *   uvshm_txn_alloc, _free, _publish        part of it: abort takes them back
 *   reading: uvshm_map_get, _contains,      allowed
 *   _next, _count, info and check calls
 *   what changes something that abort       UV_EINVAL, nothing changed
 *   could not take back: uvshm_heap_...
 *   (alloc, free, resize, publish, unlink),
 *   uvshm_map_... (put, remove, add,
 *   wait_change, ...), uvshm_channel_...
 *   (send, claim, commit, recv, peek,
 *   release, ...; not open, close, info).
 *   Send after the commit
 *   uvshm_txn_begin                         UV_EINVAL: they do not nest
 *   other mutexes and locks, semaphores,    allowed, on their own: abort takes
 *   events, uvshm_cell_...                  nothing of that back
 *   uvshm_mutex_lock of the mutex           UV_EINVAL: the thread holds it
 *   uvshm_mutex_unlock of it                UV_EINVAL
 *   uvshm_mutex_close of it                 as if the process had died
 *   opening, closing, removing objects      allowed, on their own
 *
 * Other threads, and other segments, are not affected. To change a map and a
 * struct together, put into the map first what cannot be mistaken (a key with
 * the number of the change), then commit the struct that says which one counts;
 * examples/failover.c does it.
 *
 * A segment that is attached for reading has no transactions: to begin one is
 * UV_EACCES there.
 *
 * Threads: a transaction is of the thread that began it.
 */

#ifndef UVSHM_TXN_H_
#define UVSHM_TXN_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/heap.h"
#include "uvshm/mutex.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Yours to keep, as long as the transaction lasts; nothing in it is for you. */
typedef struct {
  uvshm_mutex_t* mutex; /* the one it took */
  uint64_t reserved[7]; /* the library's */
} uvshm_txn_t;

/* Take the mutex, waiting at most `timeout_ms`, and begin.
 *
 *   0                 begun
 *   UVSHM_OWNER_DIED  begun; the one who had the mutex before died, and what
 *                     his transaction had changed was taken back. What he may
 *                     have changed under the plain lock is as he left it
 *   UV_EINVAL         this thread is in a transaction of this segment, or the
 *                     mutex was made without log_size
 *   and what uvshm_mutex_lock() returns
 *
 * A negative result means that the mutex is not held. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_begin(uvshm_txn_t* txn,
                                                  uvshm_mutex_t* mutex,
                                                  uint64_t timeout_ms);

/* Before you change `size` bytes at `address`: note what they are. The same
 * bytes may be saved again.
 *
 *   UV_EINVAL     not inside one block of the segment's heap, or not this
 *                 thread's transaction, or it has ended
 *   UV_EPERM      the bytes are a map's or another structure of the library
 *   UV_ENOSPC     the log is full
 *   UV_ECANCELED  this process was declared dead; the transaction was taken
 *                 back */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_save(uvshm_txn_t* txn,
                                                 const void* address,
                                                 size_t size);

/* As uvshm_heap_alloc(): a block that is this process's alone until the commit
 * and then belongs to all; abort, or a death, frees it. Save the word in which
 * you link it.
 *
 *   what uvshm_txn_save() and uvshm_heap_alloc() return; the memory of other
 *   processes that have died is not reclaimed for it */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_alloc(uvshm_txn_t* txn,
                                                  void** block,
                                                  size_t size);

/* Free `block` with the commit, not before; abort leaves it. It must be shared,
 * or this process's own. NULL is fine.
 *
 *   UV_EINVAL  no block begins there, or it is free, or is freed in this
 *              transaction already
 *   UV_EPERM   it belongs to another process, or to an object of the segment
 *   and as uvshm_txn_save() */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_free(uvshm_txn_t* txn, void* block);

/* Link `block`, which is this process's alone, in *slot, 8 aligned bytes inside
 * a block; with the commit it belongs to all. Abort puts back what *slot said,
 * and the block still is this process's. What was linked there before is not
 * touched: free it in the same transaction, or keep it.
 *
 * Roots (uvshm_heap_root) are changed by uvshm_heap_publish() alone, outside of
 * transactions. A block of uvshm_txn_alloc() belongs to all with the commit
 * anyway: save the word and store the block's uvshm_heap_ref() in it.
 *
 *   UV_EINVAL  no such block, one of uvshm_txn_alloc(), or no such word
 *   and as uvshm_txn_save() */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_publish(uvshm_txn_t* txn,
                                                    uvshm_ref_t* slot,
                                                    void* block);

/* Make it so, and give the mutex back. After UV_ECANCELED, the only failure of
 * a transaction that was begun, nothing has happened. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_txn_commit(uvshm_txn_t* txn);

/* Put back what was saved, and give the mutex back. */
UVSHM_EXTERN int uvshm_txn_abort(uvshm_txn_t* txn);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_TXN_H_ */
