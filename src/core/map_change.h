/* SPDX-License-Identifier: MIT */

/* One change of a shard: what goes into its lock's log, and from there into the
 * words. The log is for whoever repairs after us. We ourselves store what we
 * keep here, where nobody else writes, so that we need not ask of each word
 * whether a log may change it.
 */

#ifndef UVSHM_CORE_MAP_CHANGE_H_
#define UVSHM_CORE_MAP_CHANGE_H_

#include "core/heap_take.h"
#include "core/map_walk.h"

#include <stdint.h>

/* No change of a map has more words. */
#define UVSHM__MAP_CHANGE 4u

_Static_assert(UVSHM__MAP_CHANGE <= UVSHM__LOCK_LOG, "a change fits the log");

/* What is kept of each entry stays in registers as long as every index is a
 * constant: hence no loops, and all of it inline. */
struct uvshm__map_change {
  const struct uvshm__core* core;
  unsigned char* base;
  struct uvshm__lock* lock;
  uvshm__a64_t* words[UVSHM__MAP_CHANGE];  /* of 8 bytes; NULL: not to be set */
  uvshm__a16_t* owners[UVSHM__MAP_CHANGE]; /* or of 2; NULL */
  uint64_t values[UVSHM__MAP_CHANGE];
};

static UVSHM__USUAL void uvshm__map_change(struct uvshm__map_change* change,
                                           const struct uvshm__map* map,
                                           struct uvshm__map_shard* shard) {
  change->core = map->core;
  change->base = map->base;
  change->lock = &shard->lock;
  /* It is 0 already, unless somebody wrote where he should not. Then a death
   * would replay a log that is half ours. */
  uvshm__a32_store_release(&shard->lock.n, 0);
}


static UVSHM__USUAL void uvshm__map_note(struct uvshm__map_change* change,
                                         uint32_t index,
                                         uint64_t offset,
                                         uint32_t width,
                                         uint64_t value) {
  struct uvshm__lock_log* entry = &change->lock->log[index];

  uvshm__a64_store_relaxed(&entry->target, offset << 8 | width);
  uvshm__a64_store_relaxed(&entry->value, value);
  change->values[index] = value;
}


/* Entry `index`: an 8-byte word, which exists. A chain that is damaged may lead
 * into what the heap keeps for itself, which nothing here may change. */
static UVSHM__USUAL void uvshm__map_log(struct uvshm__map_change* change,
                                        uint32_t index,
                                        uvshm__a64_t* word,
                                        uint64_t value) {
  uint64_t offset = (uint64_t) ((const unsigned char*) word - change->base);

  uvshm__map_note(change, index, offset, 8, value);
  change->owners[index] = NULL;
  change->words[index] = word;
  if (uvshm__heap_may_be_own(change->core, offset) &&
      !uvshm__heap_has_word(change->core, offset, 8))
    change->words[index] = NULL;
}


/* `word` (NULL: no block begins there) is the owner word of a block that is to
 * be `own`, the library or this peer, and is the other one. 0: it is not. Else
 * a damaged chain would give away what is not the map's, and a circle be
 * cleared for ever. */
static UVSHM__USUAL int uvshm__map_log_owner(struct uvshm__map_change* change,
                                             uint32_t index,
                                             uvshm__a16_t* word,
                                             uint32_t own) {
  uint32_t me = uvshm__heap_me(change->core);
  uint32_t before = own == UVSHM__OWN_LIBRARY ? me : UVSHM__OWN_LIBRARY;

  if (word == NULL || uvshm__a16_load_seq_cst(word) != before) return 0;
  uvshm__map_note(change,
                  index,
                  (uint64_t) ((const unsigned char*) word - change->base),
                  2,
                  own);
  change->words[index] = NULL;
  change->owners[index] = word;
  return 1;
}


/* The same for the block at `ref`. */
static UVSHM__USUAL int uvshm__map_log_own(struct uvshm__map_change* change,
                                           uint32_t index,
                                           uint64_t ref,
                                           uint32_t own) {
  return uvshm__map_log_owner(
      change, index, uvshm__heap_own(change->core, ref), own);
}


static UVSHM__USUAL void uvshm__map_set(const struct uvshm__map_change* change,
                                        uint32_t index,
                                        uint32_t count) {
  if (index >= count) return;
  if (change->words[index] != NULL)
    uvshm__a64_store_release(change->words[index], change->values[index]);
  else if (change->owners[index] != NULL)
    uvshm__a16_store_release(change->owners[index],
                             (uint32_t) change->values[index]);
}


/* Make entries 0 .. count-1 true, in this order. Here, so that the compiler
 * sees which words they are. */
static UVSHM__USUAL void uvshm__map_commit(
    const struct uvshm__map_change* change, uint32_t count) {
  struct uvshm__lock* lock = change->lock;

  /* The commit. */
  uvshm__a32_store_release(&lock->n, count);
  uvshm__fence_compiler();
  uvshm__map_set(change, 0, count);
  uvshm__map_set(change, 1, count);
  uvshm__map_set(change, 2, count);
  uvshm__map_set(change, 3, count);
  uvshm__a32_store_release(&lock->n, 0);
}

#endif /* UVSHM_CORE_MAP_CHANGE_H_ */
