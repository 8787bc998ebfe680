/* SPDX-License-Identifier: MIT */

/* Filling a node, for map_write.c and map_update.c. Word by word, since readers
 * of what the block was before may be looking.
 */

#ifndef UVSHM_CORE_MAP_FILL_H_
#define UVSHM_CORE_MAP_FILL_H_

#include "base/rare.h"
#include "base/word.h"
#include "core/map.h"
#include "core/map_walk.h"
#include "core/peek.h"

#include <stdint.h>
#include <string.h>

/* A node that is private to this peer. Its owner word stays where it is as long
 * as the block is allocated, so it need not be looked for again. */
struct uvshm__map_fresh {
  struct uvshm__map_node* node;
  uvshm__a16_t* own;
  uint64_t ref;
};

static UVSHM__USUAL void uvshm__map_fill_8(uvshm__a64_t* to,
                                           const unsigned char* at) {
  uint64_t word;

  memcpy(&word, at, 8);
  uvshm__a64_store_relaxed(to, word);
}


/* As uvshm__peek_16(). */
static UVSHM__USUAL void uvshm__map_fill_16(uvshm__a64_t* to,
                                            const unsigned char* at) {
#if defined(UVSHM__PEEK_VECTOR) && !defined(UVSHM__PEEK_SANITIZED)
  uvshm__peek_vector_t both;

  memcpy(&both, at, 16);
  *(volatile uvshm__peek_vector_t*) to = both;
#else
  uvshm__map_fill_8(to, at);
  uvshm__map_fill_8(to + 1, at + 8);
#endif
}


/* Bytes, and zeros up to a multiple of 8. */
static UVSHM__USUAL void uvshm__map_fill_bytes(uvshm__a64_t* to,
                                               const void* bytes,
                                               uint64_t size) {
  const unsigned char* at = bytes;

  for (; size >= 64; size -= 64, at += 64, to += 8) {
    uvshm__map_fill_16(to, at);
    uvshm__map_fill_16(to + 2, at + 16);
    uvshm__map_fill_16(to + 4, at + 32);
    uvshm__map_fill_16(to + 6, at + 48);
  }
  if (size == 0) return;
  for (; size >= 8; size -= 8, at += 8, to++) uvshm__map_fill_8(to, at);
  if (size != 0)
    uvshm__a64_store_relaxed(to, uvshm__word_of(at, (size_t) size));
}


/* The same, once for all who are in no hurry (map_write.c). */
void uvshm__map_fill_long(uvshm__a64_t* to, const void* bytes, uint64_t size);


/* Whole but for next, version and the value, for which there is room where the
 * result says. */
static UVSHM__USUAL uvshm__a64_t* uvshm__map_fill(
    struct uvshm__map_node* node,
    const struct uvshm__map_key* key,
    uint64_t size,
    uint64_t expires) {
  uint64_t sizes = size << UVSHM__MAP_KEY_BITS | key->size;
  uvshm__a64_t* to = uvshm__map_node_key(node);

  /* Pairs with the acquire fence of readers that still look at what the block
   * was before: see map.c. */
  uvshm__fence_release();
  uvshm__a64_store_relaxed(&node->hash, key->hash);
  uvshm__a64_store_relaxed(&node->expires, expires);
  uvshm__a64_store_relaxed(&node->sizes, sizes);
  if (key->size > UVSHM__MAP_SHORT) {
    uvshm__map_fill_long(to, key->bytes, key->size);
  } else {
    uvshm__a64_store_relaxed(to, key->words[0]);
    if (key->size > 8) uvshm__a64_store_relaxed(to + 1, key->words[1]);
  }
  return uvshm__map_node_value(node, sizes);
}


static UVSHM__USUAL void uvshm__map_set_node(struct uvshm__map_node* node,
                                             uint64_t next,
                                             uint64_t version) {
  uvshm__a64_store_relaxed(&node->next, next);
  uvshm__a64_store_relaxed(&node->version, version);
}


/* The long way, and the part of it that comes after the shard was taken and the
 * node was filled; gives the shard back, and what is not needed (map_write.c).
 */
int uvshm__map_put_any(struct uvshm__lane* lane,
                       const struct uvshm__map* map,
                       const struct uvshm__map_key* key,
                       struct uvshm__map_put* put);
int uvshm__map_put_held(struct uvshm__lane* lane,
                        const struct uvshm__map* map,
                        const struct uvshm__map_key* key,
                        struct uvshm__map_put* put,
                        const struct uvshm__map_fresh* fresh);

#endif /* UVSHM_CORE_MAP_FILL_H_ */
