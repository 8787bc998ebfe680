/* SPDX-License-Identifier: MIT */

/* The bytes of the directory: an array of entries, 512 bytes each, at
 * objects_offset.
 *
 *   offset  size  field       written by        meaning
 *        0     8  state       maker, remover,   {generation:32 | slot:24 |
 *                             last closer,      0 free, 1 used, 2 removed,
 *                             repairer          3 buried by peer `slot`,
 *                                               4 claimed by it, to bury it}
 *        8     4  type        maker             1 mutex, 2 sem, 3 map, 4 root,
 *                                             5 rwlock, 6 cond, 7 event,
 *                                             8 barrier, 9 channel, 10 cell
 *       12     4  flags       maker             the type's own
 *       16     4  hash        maker             of the name, low 32 bits
 *       20     4  name_size   maker             bytes
 *       24     8  unused
 *       32   128  open        peers, repairer   bit n of word n/64: peer n has
 *                                               it open
 *      160   208  name        maker             UTF-8, zeros after it
 *      368    16  unused
 *      384   128  body        the object        a lock, a semaphore
 *
 * The life of an entry:
 *
 *   free --make--> used --remove--> removed --last open bit gone--> claimed
 *     ^                                 ^--a bit has come meanwhile--/   |
 *     |<--no blocks------------------------------------------------------|
 *     \--- buried <--with blocks-----------------------------------------/
 *
 * Everything but `state` and `open` is written while the entry is free, under
 * the directory's lock; the store of {generation+1, used} is the commit. Each
 * step is one store, so a death leaves nothing to repair but its open bits, and
 * what the dead one was burying: the blocks of the heap that an object has.
 */

#ifndef UVSHM_CORE_DIRECTORY_LAYOUT_H_
#define UVSHM_CORE_DIRECTORY_LAYOUT_H_

#include "base/atomic.h"
#include "core/control_layout.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__ENTRY_FREE 0u
#define UVSHM__ENTRY_USED 1u
#define UVSHM__ENTRY_REMOVED 2u
#define UVSHM__ENTRY_BURIED 3u
#define UVSHM__ENTRY_CLAIMED 4u
#define UVSHM__ENTRY_KIND 0xffu /* of the low half of `state` */
#define UVSHM__ENTRY_SLOT_SHIFT 8

#define UVSHM__TYPE_MUTEX 1u
#define UVSHM__TYPE_SEM 2u
#define UVSHM__TYPE_MAP 3u
#define UVSHM__TYPE_ROOT 4u
#define UVSHM__TYPE_RWLOCK 5u
#define UVSHM__TYPE_COND 6u
#define UVSHM__TYPE_EVENT 7u
#define UVSHM__TYPE_BARRIER 8u
#define UVSHM__TYPE_CHANNEL 9u
#define UVSHM__TYPE_CELL 10u
#define UVSHM__TYPE_LAST UVSHM__TYPE_CELL

#define UVSHM__ENTRY_SIZE 512u
#define UVSHM__ENTRY_BODY 128u
#define UVSHM__ENTRY_NAME_MAX 200u
#define UVSHM__ENTRY_NAME_WORDS 26u
#define UVSHM__ENTRY_OPEN_WORDS (UVSHM__PEERS_LIMIT / 64u)

struct uvshm__directory_ent {
  uvshm__a64_t state;
  uvshm__a32_t type;
  uvshm__a32_t flags;
  uvshm__a32_t hash;
  uvshm__a32_t name_size;
  unsigned char unused1[8];
  uvshm__a64_t open[UVSHM__ENTRY_OPEN_WORDS];
  uvshm__a64_t name[UVSHM__ENTRY_NAME_WORDS];
  unsigned char unused2[16];
  unsigned char body[UVSHM__ENTRY_BODY];
};

/* The table above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__directory_ent, type) == 8, "format");
_Static_assert(offsetof(struct uvshm__directory_ent, name_size) == 20,
               "format");
_Static_assert(offsetof(struct uvshm__directory_ent, open) == 32, "format");
_Static_assert(offsetof(struct uvshm__directory_ent, name) == 160, "format");
_Static_assert(offsetof(struct uvshm__directory_ent, body) == 384, "format");
_Static_assert(sizeof(struct uvshm__directory_ent) == UVSHM__ENTRY_SIZE,
               "format");

#endif /* UVSHM_CORE_DIRECTORY_LAYOUT_H_ */
