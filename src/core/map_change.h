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

struct uvshm__map_change {
  const struct uvshm__map* map;
  struct uvshm__map_shard* shard;
  void* words[UVSHM__LOCK_LOG];
  uint64_t values[UVSHM__LOCK_LOG];
  uint32_t widths[UVSHM__LOCK_LOG]; /* 2 or 8 */
  uvshm__a64_t nowhere; /* in place of a word that is not to be changed */
};

static inline void uvshm__map_change(struct uvshm__map_change* change,
                                     const struct uvshm__map* map,
                                     struct uvshm__map_shard* shard) {
  change->map = map;
  change->shard = shard;
  /* It is 0 already, unless somebody wrote where he should not. Then a death
   * would replay a log that is half ours. */
  uvshm__a32_store_release(&shard->lock.n, 0);
}


static inline void uvshm__map_note(struct uvshm__map_change* change,
                                   uint32_t index,
                                   void* word,
                                   uint32_t width,
                                   uint64_t value) {
  struct uvshm__lock_log* entry = &change->shard->lock.log[index];

  uvshm__a64_store_relaxed(&entry->target,
                           uvshm__map_offset(change->map, word) << 8 | width);
  uvshm__a64_store_relaxed(&entry->value, value);
  change->words[index] = word;
  change->values[index] = value;
  change->widths[index] = width;
}


/* Entry `index`: an 8-byte word, which exists. A chain that is damaged may lead
 * into what the heap keeps for itself, which nothing here may change. */
static inline void uvshm__map_log(struct uvshm__map_change* change,
                                  uint32_t index,
                                  uvshm__a64_t* word,
                                  uint64_t value) {
  uint64_t offset = uvshm__map_offset(change->map, word);

  uvshm__map_note(change, index, word, 8, value);
  if (uvshm__heap_may_be_own(change->map->core, offset) &&
      !uvshm__heap_has_word(change->map->core, offset, 8))
    change->words[index] = &change->nowhere;
}


/* The owner of the block at `ref` is to be `own`, the library or this peer, and
 * is the other one. 0: no block begins there, or it is not. Else a damaged
 * chain would give away what is not the map's, and a circle be cleared for
 * ever. */
static inline int uvshm__map_log_own(struct uvshm__map_change* change,
                                     uint32_t index,
                                     uint64_t ref,
                                     uint32_t own) {
  const struct uvshm__core* core = change->map->core;
  uint32_t before =
      own == UVSHM__OWN_LIBRARY ? uvshm__heap_me(core) : UVSHM__OWN_LIBRARY;
  uvshm__a16_t* word = uvshm__heap_own(core, ref);

  if (word == NULL || uvshm__a16_load_seq_cst(word) != before) return 0;
  uvshm__map_note(change, index, word, 2, own);
  return 1;
}


/* Make entries 0 .. count-1 true, in this order. Here, so that the compiler
 * sees which words they are. */
static UVSHM__USUAL void uvshm__map_commit(
    const struct uvshm__map_change* change, uint32_t count) {
  struct uvshm__lock* lock = &change->shard->lock;
  uint32_t i;

  /* The commit. */
  uvshm__a32_store_release(&lock->n, count);
  uvshm__fence_compiler();
  for (i = 0; i < count; i++) {
    if (change->widths[i] == 8)
      uvshm__a64_store_release((uvshm__a64_t*) change->words[i],
                               change->values[i]);
    else
      uvshm__a16_store_release((uvshm__a16_t*) change->words[i],
                               (uint32_t) change->values[i]);
  }
  uvshm__a32_store_release(&lock->n, 0);
}

#endif /* UVSHM_CORE_MAP_CHANGE_H_ */
