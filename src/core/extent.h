/* SPDX-License-Identifier: MIT */

/* Where in an object a lock, or a word that a lock's log changes, may lie.
 *
 * Repair follows offsets that it finds in shared memory: in a lane's notes and
 * in logs. Any bytes may stand there, so every such offset passes here first.
 * What it lets through exists (the control area does, as long as the object
 * does; of the heap, contents.h knows) and is none of the tables that repair
 * itself goes by, the owner words of blocks excepted.
 */

#ifndef UVSHM_CORE_EXTENT_H_
#define UVSHM_CORE_EXTENT_H_

#include "base/align.h"
#include "core/contents.h"
#include "core/core.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__DIRECTORY_LOCK_OFFSET                                           \
 ((uint64_t) offsetof(struct uvshm__header, directory_lock))

static inline int uvshm__extent_holds(const struct uvshm__core* core,
                                      uint64_t offset,
                                      uint64_t size) {
  if (offset >= UVSHM__ROOT_OFFSET && offset < UVSHM__PEERS_OFFSET)
    return uvshm__fits(offset, size, UVSHM__ROOT_OFFSET + UVSHM__ROOT_SIZE);
  return core->objects_max != 0 && offset >= core->objects_offset &&
         uvshm__fits(
             offset,
             size,
             core->heap_offset != 0 ? core->heap_offset : core->control_size);
}


/* May a lock begin at `offset`? */
static inline int uvshm__extent_has_lock(const struct uvshm__core* core,
                                         uint64_t offset) {
  return offset == UVSHM__DIRECTORY_LOCK_OFFSET ||
         uvshm__extent_holds(core, offset, 128) ||
         (core->contents != NULL && core->contents->has_lock(core, offset));
}


/* May a log change `width` bytes at `offset`? */
static inline int uvshm__extent_has_word(const struct uvshm__core* core,
                                         uint64_t offset,
                                         uint32_t width) {
  if (width != 2 && width != 4 && width != 8) return 0;
  if (!uvshm__is_multiple(offset, width)) return 0;
  if (width != 2 && uvshm__extent_holds(core, offset, width)) return 1;
  return core->contents != NULL &&
         core->contents->has_word(core, offset, width);
}

#endif /* UVSHM_CORE_EXTENT_H_ */
