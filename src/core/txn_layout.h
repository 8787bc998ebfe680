/* SPDX-License-Identifier: MIT */

/* The bytes of an undo log: what a transaction notes before each change, so
 * that it can be taken back. The log is a block of the heap; the lock whose
 * transaction it is says where it lies and how large it is (`undo` of
 * lock_layout.h).
 *
 * Entries follow each other from the start of the log. Each ends with what
 * tells about it, so that the log is read from its end to its start:
 *
 *   offset        size  field   meaning
 *        0  up to size  bytes   what stood there (save), filled up to a
 *                               multiple of 8
 *    after           8  target  {offset:56 | kind:8}
 *    after           8  size    bytes that were saved; other kinds: 0
 *
 *   kind         offset of      commit            abort
 *   1 save       the bytes      -                 the bytes are put back
 *   2 alloc      a new block    it is shared      it is freed
 *   3 free       a block        it is freed       -
 *   4 publish    caller's own   it is shared      -
 *   0 nothing    -              -                 -
 *
 * `undo_n` of the lock is {committed:1 | bytes of the log that count:63}, and
 * its store is the commit of an entry, and of the whole.
 */

#ifndef UVSHM_CORE_TXN_LAYOUT_H_
#define UVSHM_CORE_TXN_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>

#define UVSHM__TXN_COMMITTED (UINT64_C(1) << 63)

#define UVSHM__TXN_NOTHING 0u
#define UVSHM__TXN_SAVE 1u
#define UVSHM__TXN_ALLOC 2u
#define UVSHM__TXN_FREE 3u
#define UVSHM__TXN_PUBLISH 4u

/* The end of an entry. */
struct uvshm__txn_foot {
  uvshm__a64_t target;
  uvshm__a64_t size;
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__txn_foot, size) == 8, "undo log format");
_Static_assert(sizeof(struct uvshm__txn_foot) == 16, "undo log format");

#endif /* UVSHM_CORE_TXN_LAYOUT_H_ */
