/* SPDX-License-Identifier: MIT */

/* Maps: keys to values, both bytes. See map.c for how they work and
 * map_layout.h for the bytes.
 *
 * Keys have 1 to UVSHM__MAP_KEY_MAX bytes, which the caller has checked.
 * Whoever reads needs no lane unless a call answers UV_EAGAIN: writers were
 * faster all the time, and uvshm__map_hold() makes them wait. Results beside
 * those that are listed: UV_EPROTO, the map is damaged, and for writers what
 * uvshm__lock_acquire() and uvshm__heap_alloc() return.
 */

#ifndef UVSHM_CORE_MAP_H_
#define UVSHM_CORE_MAP_H_

#include "core/core.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/map_hash.h"
#include "core/map_layout.h"

#include <stdint.h>

/* One map as this process sees it; the numbers were copied and checked. */
struct uvshm__map {
  /* What a get needs. */
  const uvshm__a64_t* state; /* of the directory entry */
  uint64_t there;            /* what that says unless the map was removed */
  struct uvshm__map_shard* shards;
  struct uvshm__map_secret secret;
  unsigned char* base;        /* core's */
  const uvshm__a64_t* exists; /* core's */
  uint64_t low;               /* where the heap begins */
  uint32_t shard_bits;
  /* What others do. */
  const struct uvshm__core* core;
  struct uvshm__map_hdr* hdr;
  uint64_t steps; /* no chain has more nodes */
  uint32_t boots;
  uint64_t patience_ms;          /* for locks; UINT64_MAX: no end */
  const uvshm__a32_t* cancelled; /* may be NULL */
};

static inline struct uvshm__map_shard* uvshm__map_shard(
    const struct uvshm__map* map, uint64_t hash) {
  /* In two shifts, because of no shards but one. */
  return &map->shards[hash >> (63 - map->shard_bits) >> 1];
}


/* Is it still the map that was opened? */
static inline int uvshm__map_is_there(const struct uvshm__map* map) {
  return uvshm__a64_load_acquire(map->state) == map->there;
}

/* ---- making and attaching (map.c) ---------------------------------------- */

/* Shards for a new map in a block that is private to this peer, and the body of
 * the entry that will name it. The caller makes the entry, and the block the
 * library's with it, or frees the block. */
int uvshm__map_format(struct uvshm__lane* lane,
                      uint32_t shard_bits,
                      const uint64_t seed[2],
                      struct uvshm__map_hdr* body,
                      uint64_t* block);

/* Copy what entry `ref` says and check it. */
int uvshm__map_attach(const struct uvshm__core* core,
                      const struct uvshm__directory_ref* ref,
                      struct uvshm__map* map);

static inline void uvshm__map_hash(const struct uvshm__map* map,
                                   const void* bytes,
                                   uint32_t size,
                                   struct uvshm__map_key* key) {
  key->bytes = bytes;
  key->size = size;
  uvshm__map_hash_key(&map->secret, key);
}


/* Entries, those included whose time is over and that nobody has removed. */
uint64_t uvshm__map_count(const struct uvshm__map* map);

/* Grows with every change. */
uint64_t uvshm__map_changes(const struct uvshm__map* map);

/* ---- reading (map_read.c, map_next.c) ------------------------------------ */

/* Where a value goes, and what is known of it. */
struct uvshm__map_value {
  void* bytes;      /* NULL: nowhere, and `room` does not matter */
  uint64_t room;    /* bytes there */
  uint64_t size;    /* out: bytes of the value */
  uint64_t version; /* out: grows with every change of this key */
  uint32_t expired; /* out, with UV_ENOENT: it is there, but its time is over */
};

/* `locked`: the caller has the key's shard (uvshm__map_hold).
 *   UV_ENOENT
 *   UV_ENOBUFS  it has more than `room` bytes; nothing was copied
 *   UV_EAGAIN   again, with `locked`
 *   UV_ENXIO    the map was removed meanwhile */
int uvshm__map_get(const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int locked,
                   struct uvshm__map_value* value);

/* How far an iteration has come; zeros: to the beginning. */
struct uvshm__map_cursor {
  uint64_t at;    /* hash of the last entry, its bits in the opposite order */
  uint32_t tie;   /* second hash of it */
  uint32_t shard; /* number, and UVSHM__MAP_CURSOR_WITHIN */
};

#define UVSHM__MAP_CURSOR_WITHIN 0x80000000u

/* The entry after the cursor. Entries come in an order that depends on nothing
 * but their keys, so one that stays is met once whatever others do. UV_ENOENT
 * after the last; UV_ENOBUFS leaves the cursor where it was, both sizes told;
 * UV_EAGAIN and `locked` as above, for the shard that the cursor is in. */
int uvshm__map_next(const struct uvshm__map* map,
                    int locked,
                    struct uvshm__map_cursor* cursor,
                    struct uvshm__map_value* key,
                    struct uvshm__map_value* value);

/* Take and give back a shard, for a reader to whom UV_EAGAIN was said. */
int uvshm__map_hold(struct uvshm__lane* lane,
                    const struct uvshm__map* map,
                    struct uvshm__map_shard* shard);
void uvshm__map_let_go(struct uvshm__lane* lane,
                       struct uvshm__map_shard* shard);

/* ---- writing (map_write.c, map_add.c, map_expire.c) ---------------------- */

enum uvshm__map_mode {
  UVSHM__MAP_ALWAYS,
  UVSHM__MAP_NEW,     /* only when the key is not there: else UV_EEXIST */
  UVSHM__MAP_VERSION, /* only when it is there, with this version */
  UVSHM__MAP_ADD      /* add `bytes`, a number, to one that is there */
};

struct uvshm__map_put {
  const void* bytes;
  uint64_t size;
  uint64_t ttl_ms; /* 0: stays */
  enum uvshm__map_mode mode;
  uint64_t version; /* in: for UVSHM__MAP_VERSION; out: of what was put */
  int64_t sum;      /* out: of UVSHM__MAP_ADD */
};

/*   UV_EEXIST, UV_ENOENT, UV_EAGAIN (another version): see the mode
 *   UV_ENOSPC  the map is as it was */
int uvshm__map_put(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   struct uvshm__map_put* put);

/* With `value`, get and remove at once; without, NULL. UV_ENOENT, UV_ENOBUFS:
 * it stays. */
int uvshm__map_remove(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      const struct uvshm__map_key* key,
                      struct uvshm__map_value* value);

/* Add to a value of 8 bytes; one that is not there counts as 0.
 *   UV_EINVAL     it has another size
 *   UV_EOVERFLOW  no 64 bits have room for the sum */
int uvshm__map_add(struct uvshm__lane* lane,
                   const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int64_t delta,
                   int64_t* sum);

/* Time to live from now on; 0: stays. UV_ENOENT. */
int uvshm__map_expire(struct uvshm__lane* lane,
                      const struct uvshm__map* map,
                      const struct uvshm__map_key* key,
                      uint64_t ttl_ms);

/* How many ms the entry has to live yet, at least 1; 0: it stays. Results and
 * `locked` as uvshm__map_get(). */
int uvshm__map_ttl(const struct uvshm__map* map,
                   const struct uvshm__map_key* key,
                   int locked,
                   uint64_t* ttl_ms);

/* Remove the entry of `key` if its time is over, without waiting. */
void uvshm__map_drop(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     const struct uvshm__map_key* key);

/* Remove all entries, or those whose time is over. Each is a change of its own;
 * what others put meanwhile may stay. *count: how many it were. */
int uvshm__map_clear(struct uvshm__lane* lane,
                     const struct uvshm__map* map,
                     int only_expired,
                     uint64_t* count);

/* ---- waiting (map_wait.c) ------------------------------------------------ */

/* Sleep until the version of `key` (0: it is not there) is not `*version` any
 * more, and store what it is; with key NULL, until uvshm__map_changes() is
 * another. UV_ETIMEDOUT, UV_ECANCELED. */
int uvshm__map_wait(struct uvshm__lane* lane,
                    const struct uvshm__map* map,
                    const struct uvshm__map_key* key,
                    uint64_t timeout_ms,
                    uint64_t* version);

/* Wake those who sleep in this process (and others) to look again. */
void uvshm__map_wake(const struct uvshm__map* map);

/* For loops: from now on raise hdr->news after each change, of `key` or (NULL)
 * of any. Not taken back. The caller looks at the version after this. */
void uvshm__map_watch(const struct uvshm__map* map,
                      const struct uvshm__map_key* key);

/* ---- from outside (map_check.c, map_bury.c) ------------------------------ */

/* Is the map in this entry well? As uvshm__core_check(), a part of it. */
int uvshm__map_check(const struct uvshm__core* core,
                     const struct uvshm__directory_ref* ref);

/* Clear lock words that name nobody. How many. */
uint32_t uvshm__map_mend(struct uvshm__lane* lane, void* body);

/* After a reboot, nobody attached: no locks, and what had a time to live is
 * over. */
void uvshm__map_reset(const struct uvshm__core* core, void* body);

/* Free all that the map has. Nobody uses it, or ever will: its entry says that
 * peer `slot` buries it, and the caller is that peer or repairs after it. Can
 * be done again after a death at any point. */
void uvshm__map_bury(const struct uvshm__core* core, uint32_t slot, void* body);

#endif /* UVSHM_CORE_MAP_H_ */
