/* SPDX-License-Identifier: MIT */

/* A map is some hash tables, its shards, each with a lock. Writers take the
 * lock of the key's shard; readers take none and write nothing, so they need no
 * right to write, and their deaths leave no trace.
 *
 * An entry is a node, a block of the heap that never changes but for its link,
 * its time to live and the number in a counter. A new value is a new node in
 * the old one's place. Each change is one commit of the lock's log:
 *
 *   put, new key    bucket = new, version + 1, count + 1, new is the library's
 *   put, old key    link = new, version + 1, new is the library's, old is mine
 *   remove          link = next, version + 1, count - 1, old is mine
 *   add             value, node's version, version + 1
 *
 * in that order, so that a node can be used for something else only after the
 * version has changed. Before the commit the new node is private to the writer
 * and after it the old one is: whoever is killed loses his private blocks, so
 * nothing leaks, and the log makes all of the change happen or nothing.
 *
 * The usual put of an old key takes and frees its blocks under the lock, the
 * others before it and after it: map_update.c tells why that is the same.
 *
 * A reader notes the version, goes his way and copies, then looks at the
 * version again. If it has not changed, none of the nodes that he saw was used
 * for something else meanwhile: what he has is whole and was there at one
 * moment. (The writer who used it again began with a release fence, so a reader
 * who saw any of his bytes sees the new version after his own acquire fence.)
 * Else what he has may be anything, and he goes again. Nothing that he meets is
 * called damage before the version is found unchanged. After some rounds he
 * takes the lock, or, if he may only read, tells his caller so.
 *
 * A shard grows by one bucket at a time (linear hashing): when there are enough
 * entries, the next bucket takes its nodes over from one old bucket
 * (map_split.c). So no put is slow because of those before it, and no reader
 * ever waits for more than one bucket.
 *
 * models/map.pml and map_split.pml show these in every order of steps.
 *
 * Lock order: a shard's lock, then the heap's. Nobody holds two shards.
 */

#include "base/error.h"
#include "base/rare.h"
#include "core/lock.h"
#include "core/map_walk.h"
#include "core/reap.h"

#include <string.h>

/* No machine has memory for chains that long before its maps have buckets
 * enough; this ends circles. */
#define STEPS_MAX (1u << 20)

/* ---- making and attaching ------------------------------------------------ */

static uint64_t shards_size(uint32_t shard_bits) {
  return (uint64_t) sizeof(struct uvshm__map_shard) << shard_bits;
}


/* All zeros but the sizes. */
static void format_shards(struct uvshm__map_shard* shards,
                          uint32_t shard_bits) {
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) shards;
  uint64_t i;

  for (i = 0; i < shards_size(shard_bits) / 8; i++)
    uvshm__a64_store_relaxed(&words[i], 0);
  for (i = 0; i < (uint64_t) 1 << shard_bits; i++)
    uvshm__a64_store_relaxed(&shards[i].size, UVSHM__MAP_FIRST);
}


UVSHM__RARE int uvshm__map_format(struct uvshm__lane* lane,
                                  uint32_t shard_bits,
                                  const uint64_t seed[2],
                                  struct uvshm__map_hdr* body,
                                  uint64_t* block) {
  uint64_t size = shards_size(shard_bits);
  struct uvshm__map_shard* shards;
  uint64_t ref;
  int err;

  err = uvshm__heap_alloc(lane, size, 0, uvshm__heap_me(lane->core), &ref);
  if (err < 0) return err;
  shards = uvshm__heap_at(lane->core, ref, size);
  if (shards == NULL || ref > UVSHM__HEAP_LOCK_LIMIT - size) {
    (void) uvshm__heap_free(lane, ref);
    return uvshm__fail(UV_ENOMEM, "no room for locks in the first 128 GiB");
  }
  format_shards(shards, shard_bits);
  memset(body, 0, sizeof(*body));
  uvshm__a64_store_relaxed(&body->shards, ref);
  body->shard_bits = shard_bits;
  body->format = UVSHM__FORMAT_MAP;
  body->seed[0] = seed[0];
  body->seed[1] = seed[1];
  *block = ref;
  return 0;
}


static void copy_facts(const struct uvshm__core* core,
                       const struct uvshm__directory_ref* ref,
                       struct uvshm__map* map) {
  struct uvshm__map_hdr* hdr = uvshm__directory_body(core, ref->index);
  uint64_t seed[2];

  memset(map, 0, sizeof(*map));
  map->core = core;
  map->base = core->base;
  map->exists = core->exists;
  map->low = core->control_size;
  map->hdr = hdr;
  map->shard_bits = hdr->shard_bits;
  seed[0] = hdr->seed[0];
  seed[1] = hdr->seed[1];
  uvshm__map_secret(&map->secret, seed);
  map->boots = uvshm__a32_load_relaxed(&hdr->boots);
  map->state = &uvshm__core_entry(core, ref->index)->state;
  map->there = uvshm__directory_state(ref);
  map->patience_ms = UINT64_MAX;
  map->steps = core->reach / sizeof(struct uvshm__map_node);
  if (map->steps > STEPS_MAX) map->steps = STEPS_MAX;
}


UVSHM__RARE int uvshm__map_attach(const struct uvshm__core* core,
                                  const struct uvshm__directory_ref* ref,
                                  struct uvshm__map* map) {
  uint64_t shards;

  copy_facts(core, ref, map);
  shards = uvshm__a64_load_relaxed(&map->hdr->shards);
  if (map->hdr->format != UVSHM__FORMAT_MAP)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "the map was made with format %u, this uvshm reads %u",
                       (unsigned int) map->hdr->format,
                       UVSHM__FORMAT_MAP);
  if (map->shard_bits > UVSHM__MAP_SHARD_BITS_LIMIT)
    return uvshm__fail(UV_EPROTO,
                       "the map is damaged: 2^%u shards",
                       (unsigned int) map->shard_bits);
  if (uvshm__is_multiple(shards, UVSHM__LOCK_ALIGNMENT))
    map->shards = uvshm__heap_at(core, shards, shards_size(map->shard_bits));
  if (map->shards == NULL)
    return uvshm__fail(UV_EPROTO,
                       "the map is damaged: its shards at %llu",
                       (unsigned long long) shards);
  return 0;
}


/* ---- numbers ------------------------------------------------------------- */

uint64_t uvshm__map_count(const struct uvshm__map* map) {
  uint64_t sum = 0;
  uint32_t i;

  for (i = 0; i < 1u << map->shard_bits; i++)
    sum += uvshm__a64_load_relaxed(&map->shards[i].count);
  return sum;
}


uint64_t uvshm__map_changes(const struct uvshm__map* map) {
  uint64_t sum = 0;
  uint32_t i;

  for (i = 0; i < 1u << map->shard_bits; i++)
    sum += uvshm__a64_load_acquire(&map->shards[i].version);
  return sum;
}

/* ---- time ---------------------------------------------------------------- */

/* The machine's monotonic clock, which all processes see alike and nobody sets.
 * It begins anew with each boot, so the number of the boot stands beside it. */
#define TIME_MOST ((UINT64_C(1) << UVSHM__MAP_BOOTS_SHIFT) - 1)


static uint64_t now_ms(const struct uvshm__map* map) {
  return map->core->env->now_ms(map->core->env_arg);
}


uint64_t uvshm__map_deadline(const struct uvshm__map* map, uint64_t ttl_ms) {
  uint64_t boots = map->boots & 0xffff;
  uint64_t now;

  if (ttl_ms == 0) return 0;
  now = now_ms(map);
  if (ttl_ms >= TIME_MOST || now >= TIME_MOST - ttl_ms)
    now = TIME_MOST;
  else
    now += ttl_ms;
  return boots << UVSHM__MAP_BOOTS_SHIFT | now;
}


uint64_t uvshm__map_left(const struct uvshm__map* map, uint64_t expires) {
  uint64_t now;

  if (expires >> UVSHM__MAP_BOOTS_SHIFT != (map->boots & 0xffff)) return 0;
  now = now_ms(map);
  expires &= TIME_MOST;
  return expires > now ? expires - now : 0;
}


int uvshm__map_is_over(const struct uvshm__map* map, uint64_t expires) {
  return expires >> UVSHM__MAP_BOOTS_SHIFT != (map->boots & 0xffff) ||
         now_ms(map) >= (expires & TIME_MOST);
}

/* ---- the holder of a shard ----------------------------------------------- */

int uvshm__map_damaged(const struct uvshm__map* map,
                       const struct uvshm__map_shard* shard) {
  if (!uvshm__reap_reaches_all(map->core))
    return uvshm__fail(UV_ENOMEM,
                       "shard %u leads to where this process may have nothing "
                       "mapped",
                       (unsigned int) (shard - map->shards));
  return uvshm__fail(UV_EPROTO,
                     "the map is damaged: shard %u leads to what cannot be",
                     (unsigned int) (shard - map->shards));
}


int uvshm__map_settle(const struct uvshm__map* map,
                      struct uvshm__map_shard* shard) {
  if ((uvshm__a64_load_relaxed(&shard->size) & UVSHM__MAP_SPLITTING) == 0)
    return 0;
  return uvshm__map_split_on(map, shard);
}


int uvshm__map_enter(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     struct uvshm__map_shard* shard,
                     uint64_t timeout_ms) {
  int err = uvshm__lock_acquire(
      lane, &shard->lock, timeout_ms, UVSHM__LOCK_INTERNAL, map->cancelled);

  if (err < 0) return err;
  err = uvshm__map_settle(map, shard);
  if (err < 0) uvshm__lock_release(lane, &shard->lock);
  return err;
}


/* Bits of `signal` are set and cleared under the lock only, so a waiter who set
 * one before us is seen, and one who comes after us sees our change. If we die
 * before the wake, he sleeps to the end of his slice. */
void uvshm__map_leave(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      struct uvshm__map_shard* shard) {
  uint32_t signal = uvshm__a32_load_relaxed(&shard->signal);

  if ((signal & UVSHM__MAP_WAITS) != 0)
    uvshm__a32_store_relaxed(&shard->signal, (signal | UVSHM__MAP_WAITS) + 1);
  uvshm__lock_release(lane, &shard->lock);
  if ((signal & UVSHM__MAP_WAITS) != 0) uvshm__map_signal(map, shard, signal);
  uvshm__map_tell_watchers(map, shard);
}


UVSHM__RARE int uvshm__map_hold(struct uvshm__lane* lane,
                                const struct uvshm__map* map,
                                struct uvshm__map_shard* shard) {
  return uvshm__map_enter(lane, map, shard, map->patience_ms);
}


UVSHM__RARE void uvshm__map_let_go(struct uvshm__lane* lane,
                                   struct uvshm__map_shard* shard) {
  uvshm__lock_release(lane, &shard->lock);
}


int uvshm__map_owns(const struct uvshm__map* map,
                    const struct uvshm__map_place* place) {
  struct uvshm__heap_block block;

  return uvshm__heap_find(map->core, place->ref, &block) == 0 &&
         block.own == UVSHM__OWN_LIBRARY &&
         block.size >=
             uvshm__map_node_size(uvshm__map_key_size(place->sizes),
                                  uvshm__map_value_size(place->sizes));
}
