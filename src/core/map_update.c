/* SPDX-License-Identifier: MIT */

/* The usual put: a new value for a key that is there, of about the size of one
 * that this thread has freed before. Everything else goes the long way
 * (map_write.c), if need be from the middle of this one.
 *
 * What is done, and when it is true, is as there. What differs is when the
 * block for the new node is taken: after the lock and not before it. A thread
 * that takes a block names its span, and looks at the span after a full barrier
 * (heap_small.c). Here the lock's compare-and-swap is the barrier, since it
 * comes between the two anyway, and so one locked instruction of three is
 * saved. And the old block is free before the lock is, while the processor
 * still waits for the old node.
 *
 *   note the lock, name the span; take the lock; look at the span; the block is
 *   mine; name nothing; fill; log, commit; the old block is free; give the lock
 *   back
 *
 * A death in between leaves no more than a death on the long way does: the
 * block is free, or private to the dead peer, or the library's by a log that is
 * replayed before private blocks are freed; and the name of the span goes when
 * the lane is freed, after that.
 */

#include "core/heap_take.h"
#include "core/lock.h"
#include "core/map_fill.h"
#include "core/map_near.h"
#include "core/signal.h"

/* Larger nodes are filled before the lock is taken. A value lies on two pages
 * then, at most. */
#define UPDATE_MAX 4096u

_Static_assert(UPDATE_MAX <= sizeof(uvshm__heap_bin_of) * UVSHM__HEAP_UNIT,
               "block_for() looks there");

/* A block for the node that this thread has freed last; NULL: none, or one for
 * the long way. */
static UVSHM__USUAL struct uvshm__lane_span* block_for(
    struct uvshm__lane* lane,
    const struct uvshm__map_key* key,
    const struct uvshm__map_put* put) {
  struct uvshm__lane_span* block;
  uint64_t size;

  if ((put->mode != UVSHM__MAP_ALWAYS && put->mode != UVSHM__MAP_VERSION) ||
      put->ttl_ms != 0 || put->size > UPDATE_MAX)
    return NULL;
  size = uvshm__map_node_size(key->size, put->size);
  if (size > UPDATE_MAX) return NULL;
  block = &lane->heap[uvshm__heap_bin_of[(size - 1) / UVSHM__HEAP_UNIT]].freed;
  return block->index != 0 ? block : NULL;
}


/* The caller's bytes may be a file's, or gone: a fault in them, from which he
 * may jump away, comes before the lock and not under it. */
static UVSHM__USUAL void reach(const struct uvshm__map_put* put) {
  const volatile unsigned char* bytes = put->bytes;

  if (put->size == 0) return;
  (void) bytes[0];
  (void) bytes[put->size - 1];
}


static UVSHM__USUAL void note(struct uvshm__lock_log* entry,
                              const struct uvshm__map* map,
                              const void* word,
                              uint32_t width,
                              uint64_t value) {
  uint64_t offset = (uint64_t) ((const unsigned char*) word - map->base);

  uvshm__a64_store_relaxed(&entry->target, offset << 8 | width);
  uvshm__a64_store_relaxed(&entry->value, value);
}


/* As a change in map_change.h, but for what is known here: the new node is
 * private to this peer, and no shard is what the heap keeps for itself. The old
 * one is private to this peer afterwards. 0: nothing was changed. */
static UVSHM__USUAL int replace(const struct uvshm__map* map,
                                struct uvshm__map_shard* shard,
                                const struct uvshm__map_place* place,
                                uvshm__a16_t* old,
                                struct uvshm__map_node* node,
                                const struct uvshm__lane_span* block) {
  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
  uint64_t next = uvshm__a64_load_relaxed(&place->node->next);
  uint32_t me = uvshm__heap_me(map->core);
  struct uvshm__lock* lock = &shard->lock;
  uvshm__a16_t* own = block->own;
  uint64_t ref = block->ref;

  if (uvshm__a16_load_seq_cst(old) != UVSHM__OWN_LIBRARY ||
      uvshm__heap_may_be_own(
          map->core,
          (uint64_t) ((const unsigned char*) place->link - map->base)))
    return 0;
  uvshm__map_set_node(node, next, version);
  uvshm__a32_store_release(&lock->n, 0);
  note(&lock->log[0], map, place->link, 8, ref);
  note(&lock->log[1], map, &shard->version, 8, version);
  note(&lock->log[2], map, own, 2, UVSHM__OWN_LIBRARY);
  note(&lock->log[3], map, old, 2, me);
  /* The commit. */
  uvshm__a32_store_release(&lock->n, 4);
  uvshm__fence_compiler();
  uvshm__a64_store_release(place->link, ref);
  uvshm__a64_store_release(&shard->version, version);
  uvshm__a16_store_release(own, UVSHM__OWN_LIBRARY);
  uvshm__a16_store_release(old, me);
  uvshm__a32_store_release(&lock->n, 0);
  return 1;
}


/* As uvshm__map_leave(). */
static UVSHM__USUAL void leave(struct uvshm__lane* lane,
                               const struct uvshm__map* map,
                               struct uvshm__map_shard* shard,
                               uint32_t place) {
  if ((uvshm__a32_load_relaxed(&shard->signal) & UVSHM__MAP_WAITS) != 0 ||
      !uvshm__lock_give(lane, &shard->lock, place))
    uvshm__map_leave(lane, map, shard);
  else
    uvshm__map_tell_watchers(map, shard);
}


/* May the node be replaced, as the mode says? 0: no, or the long way knows. */
static UVSHM__USUAL int may_replace(const struct uvshm__map_put* put,
                                    const struct uvshm__map_node* node) {
  return put->mode == UVSHM__MAP_ALWAYS ||
         (uvshm__a64_load_relaxed(&node->version) == put->version &&
          uvshm__a64_load_relaxed(&node->expires) == 0);
}


static UVSHM__USUAL struct uvshm__map_node* node_in(
    const struct uvshm__map* map, const struct uvshm__lane_span* block) {
  return (struct uvshm__map_node*) (void*) (map->base + block->ref);
}


/* With the lock, whose place is given, and the block of the new node. 0: done;
 * else nothing was changed. */
static UVSHM__USUAL int update(struct uvshm__lane* lane,
                               const struct uvshm__map* map,
                               struct uvshm__map_shard* shard,
                               uvshm__a64_t* bucket,
                               const struct uvshm__map_key* key,
                               struct uvshm__map_put* put,
                               const struct uvshm__lane_span* block,
                               uint32_t at) {
  struct uvshm__map_node* node = node_in(map, block);
  struct uvshm__small_place old;
  struct uvshm__map_place place;

  if (uvshm__map_near_chain(
          map, shard, uvshm__map_there(map), bucket, key, &place) !=
          UVSHM__MAP_FOUND ||
      !may_replace(put, place.node) ||
      !uvshm__small_find(map->core, place.ref, &old) ||
      !replace(map, shard, &place, old.own, node, block))
    return UVSHM__MAP_UNUSUAL;
  put->version = uvshm__a64_load_relaxed(&node->version);
  uvshm__small_give_mine(lane, &old, place.ref);
  leave(lane, map, shard, at);
  return 0;
}


/* The rest of the long way. */
UVSHM__APART static int go_on(struct uvshm__lane* lane,
                              const struct uvshm__map* map,
                              const struct uvshm__map_key* key,
                              struct uvshm__map_put* put,
                              const struct uvshm__lane_span* block) {
  struct uvshm__map_fresh fresh;

  fresh.node = node_in(map, block);
  fresh.own = block->own;
  fresh.ref = block->ref;
  return uvshm__map_put_held(lane, map, key, put, &fresh);
}


int uvshm__map_put(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   struct uvshm__map_put* put) {
  struct uvshm__map_shard* shard = uvshm__map_shard(map, key->hash);
  uint64_t size = uvshm__a64_load_acquire(&shard->size);
  struct uvshm__lane_span* block = block_for(lane, key, put);
  struct uvshm__map_node* node;
  uvshm__a64_t* bucket;
  uint32_t place;
  size_t count;

  bucket = uvshm__map_near_bucket(
      map, shard, uvshm__map_there(map), size, key->hash);
  UVSHM__PREFETCH_WRITE(&shard->lock);
  UVSHM__PREFETCH_WRITE(&shard->lock.log[3]);
  if (bucket == NULL || !uvshm__map_prefetch(map, bucket) || block == NULL)
    return uvshm__map_put_any(lane, map, key, put);
  reach(put);
  place = uvshm__lock_place(map->core, &shard->lock);
  count = uvshm__lock_note(lane, place);
  if (count == 0) return uvshm__map_put_any(lane, map, key, put);
  uvshm__a32_store_relaxed(&lane->ent->span, block->number);
  if (!uvshm__lock_take_noted(lane, &shard->lock, place, count)) {
    uvshm__span_leave(lane);
    uvshm__lock_unnote(lane);
    return uvshm__map_put_any(lane, map, key, put);
  }
  uvshm__fence_after_cas();
  block->index = 0;
  if (!uvshm__span_is_ours(lane, block) ||
      uvshm__a16_load_seq_cst(block->own) != UVSHM__OWN_FREE) {
    uvshm__span_leave(lane);
    uvshm__map_leave(lane, map, shard);
    return uvshm__map_put_any(lane, map, key, put);
  }
  /* The allocation. */
  uvshm__a16_store_release(block->own, uvshm__heap_me(lane->core));
  uvshm__span_leave(lane);
  node = node_in(map, block);
  UVSHM__UNPOISON(node, (size_t) uvshm__map_node_size(key->size, put->size));
  uvshm__map_fill_bytes(
      uvshm__map_fill(node, key, put->size, 0), put->bytes, put->size);
  if (uvshm__a64_load_relaxed(&shard->size) == size &&
      update(lane, map, shard, bucket, key, put, block, place) == 0)
    return 0;
  return go_on(lane, map, key, put, block);
}
