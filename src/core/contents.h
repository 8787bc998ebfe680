/* SPDX-License-Identifier: MIT */

/* What a segment holds beside peers, lanes, locks and names: a heap, maps, logs
 * of transactions. Locks, repair, check and the directory reach it through this
 * table, which an attached segment has and nothing else: so a program that uses
 * regions and locks by their names alone carries none of it.
 */

#ifndef UVSHM_CORE_CONTENTS_H_
#define UVSHM_CORE_CONTENTS_H_

#include "core/core.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/lock_layout.h"

#include <stdint.h>

struct uvshm__contents {
  /* extent.h: may a lock's log change this word of the heap, may a lock lie
   * there? */
  int (*has_word)(const struct uvshm__core* core,
                  uint64_t offset,
                  uint32_t width);
  int (*has_lock)(const struct uvshm__core* core, uint64_t offset);

  /* Blocks of an object that is being made (directory.c, named.c): the offset
   * of a block's owner word, and freeing one that was made in vain. */
  uint64_t (*block_word)(const struct uvshm__core* core, uint64_t block);
  int (*block_free)(struct uvshm__lane* lane, uint64_t block);

  /* A log for the transactions of the lock `body`, which is being made: as many
   * bytes in a block of spec->blocks. And where the log of a lock is: 1, or 0
   * when it has none or it cannot be there. */
  int (*log_make)(struct uvshm__lane* lane,
                  struct uvshm__directory_spec* spec,
                  void* body,
                  uint64_t size);
  int (*log_locate)(const struct uvshm__core* core,
                    const struct uvshm__lock* lock,
                    uint64_t* offset,
                    uint64_t* size);

  /* Of a lock whose owner, a thread of peer `slot`, is dead: end what it was
   * in the middle of. As the parts of repair, again at any point. */
  void (*lock_settle)(const struct uvshm__core* core,
                      struct uvshm__lock* lock,
                      uint32_t slot);
  const char* (*lock_fault)(const struct uvshm__core* core,
                            const struct uvshm__lock* lock);
  int (*lock_mend)(const struct uvshm__core* core, struct uvshm__lock* lock);

  /* An entry of the directory goes: so do its blocks, by peer `slot`. */
  void (*bury)(const struct uvshm__core* core,
               uint32_t slot,
               uint32_t type,
               void* body);

  /* Part of the repair of `slot`, or of its leaving, for each object that it
   * has open, and while it still has: what it was in the middle of there. Again
   * at any point. */
  void (*leave)(const struct uvshm__core* core,
                uint32_t slot,
                uint32_t type,
                void* body);

  /* Part of the repair of `slot`: nothing is private to it any more. */
  void (*forget)(const struct uvshm__core* core, uint32_t slot);

  /* Parts of uvshm__core_check(), _mend() and _reset(). */
  int (*check_object)(const struct uvshm__core* core,
                      const struct uvshm__directory_ref* ref);
  int (*check)(const struct uvshm__core* core);
  uint32_t (*mend)(struct uvshm__lane* lane);
  void (*reset)(const struct uvshm__core* core);
};

/* contents.c: of segments as we make them. */
extern const struct uvshm__contents uvshm__contents;

#endif /* UVSHM_CORE_CONTENTS_H_ */
