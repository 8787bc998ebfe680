/* SPDX-License-Identifier: MIT */

/* Reading a map. The usual way takes no lane; a thread that may write takes the
 * lock when writers are faster all the time. */

#include "object/map.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/map_near.h"

#include <stdlib.h>
#include <string.h>

/* How often a value may grow between our asking for its size and getting it. */
#define ROUNDS 1000

#define READ "read"


/* Others are faster: with the lock. */
UVSHM__RARE static int get_locked(const uvshm_map_t* map,
                                  const struct uvshm__map_key* key,
                                  struct uvshm__map_value* value) {
  struct uvshm__map_shard* shard = uvshm__map_shard(&map->core, key->hash);
  struct uvshm__lane* lane;
  int err;

  if (map->readonly) return UV_EAGAIN;
  err = uvshm__lane_get(map->named.attach, &lane);
  if (err == 0) err = uvshm__map_hold(lane, &map->core, shard);
  if (err < 0) return err;
  err = uvshm__map_get(&map->core, key, 1, value);
  uvshm__map_let_go(lane, shard);
  return err;
}


/* Its time is over: whoever comes by frees it, unless somebody is writing. */
UVSHM__RARE static void drop(const uvshm_map_t* map,
                             const struct uvshm__map_key* key) {
  struct uvshm__lane* lane;

  if (map->readonly || uvshm__lane_get(map->named.attach, &lane) < 0) return;
  if (lane->txn == 0) uvshm__map_drop(lane, &map->core, key);
}


static int get(const uvshm_map_t* map,
               const struct uvshm__map_key* key,
               struct uvshm__map_value* value) {
  int err = uvshm__map_get(&map->core, key, 0, value);

  if (err == UV_EAGAIN) err = get_locked(map, key, value);
  if (err == UV_ENOENT && value->expired) drop(map, key);
  return err;
}


/* With all questions asked, to find which one has a bad answer, or none. */
UVSHM__APART static int get_slow(const uvshm_map_t* map,
                                 const void* key,
                                 size_t key_size,
                                 void* room,
                                 size_t* size,
                                 uint64_t* version) {
  struct uvshm__map_value value;
  struct uvshm__map_call call;
  int err = uvshm__map_begin(&call, map, READ, key, key_size);

  if (err < 0) return err;
  value.bytes = room;
  value.room = *size;
  err = get(map, &call.key, &value);
  if (err == 0 || err == UV_ENOBUFS) *size = (size_t) value.size;
  if (err == 0 && version != NULL) *version = value.version;
  return uvshm__map_end(&call, err);
}


/* The usual way has no lane and no call. Whether the map was removed is asked
 * when the value has been read, which is when it matters. */
static UVSHM__USUAL int get_near(uvshm_map_t* map,
                                 struct uvshm__map_key* key,
                                 void* room,
                                 size_t* size,
                                 uint64_t* version) {
  struct uvshm__map_value value;
  int err;

  value.bytes = room;
  value.room = *size;
  value.size = 0;
  value.version = 0;
  uvshm__map_hash_key(&map->core.secret, key);
  err = uvshm__map_get_near(&map->core, key, &value);
  if (err == UV_ENOENT) return uvshm__fail_brief(err, "there is no such key");
  if (err != 0)
    return get_slow(map, key->bytes, key->size, room, size, version);
  *size = (size_t) value.size;
  if (version != NULL) *version = value.version;
  return 0;
}


UVSHM__APART static int get_long(uvshm_map_t* map,
                                 const void* bytes,
                                 size_t key_size,
                                 void* room,
                                 size_t* size,
                                 uint64_t* version) {
  struct uvshm__map_key key;

  if (!uvshm__attach_is_ours(map->named.attach) || bytes == NULL ||
      room == NULL || key_size - 1 >= UVSHM__MAP_KEY_MAX)
    return get_slow(map, bytes, key_size, room, size, version);
  key.bytes = bytes;
  key.size = (uint32_t) key_size;
  return get_near(map, &key, room, size, version);
}


/* Keys of 8 bytes, which are numbers, have a way that is made for them alone:
 * it needs fewer registers and a quarter fewer instructions. */
int uvshm_map_get(uvshm_map_t* map,
                  const void* bytes,
                  size_t key_size,
                  void* room,
                  size_t* size,
                  uint64_t* version) {
  struct uvshm__map_key key;

  if (key_size != sizeof(uint64_t) || bytes == NULL || room == NULL ||
      !uvshm__attach_is_ours(map->named.attach))
    return get_long(map, bytes, key_size, room, size, version);
  key.bytes = bytes;
  key.size = sizeof(uint64_t);
  return get_near(map, &key, room, size, version);
}


static int ttl_locked(const uvshm_map_t* map,
                      const struct uvshm__map_key* key,
                      uint64_t* ttl_ms) {
  struct uvshm__map_shard* shard = uvshm__map_shard(&map->core, key->hash);
  struct uvshm__lane* lane;
  int err;

  if (map->readonly) return UV_EAGAIN;
  err = uvshm__lane_get(map->named.attach, &lane);
  if (err == 0) err = uvshm__map_hold(lane, &map->core, shard);
  if (err < 0) return err;
  err = uvshm__map_ttl(&map->core, key, 1, ttl_ms);
  uvshm__map_let_go(lane, shard);
  return err;
}


int uvshm_map_get_ttl(uvshm_map_t* map,
                      const void* key,
                      size_t key_size,
                      uint64_t* ttl_ms) {
  struct uvshm__map_call call;
  uint64_t left = 0;
  int err = uvshm__map_begin(&call, map, READ, key, key_size);

  if (err < 0) return err;
  err = uvshm__map_ttl(&map->core, &call.key, 0, &left);
  if (err == UV_EAGAIN) err = ttl_locked(map, &call.key, &left);
  if (err == 0) *ttl_ms = left;
  return uvshm__map_end(&call, err);
}


int uvshm_map_contains(uvshm_map_t* map, const void* key, size_t key_size) {
  size_t size = 0;

  return uvshm_map_get(map, key, key_size, NULL, &size, NULL);
}


int uvshm_map_get_copy(uvshm_map_t* map,
                       const void* key,
                       size_t key_size,
                       void** result,
                       size_t* result_size,
                       uint64_t* version) {
  unsigned char* bytes = NULL;
  unsigned char* more;
  size_t room = 64;
  size_t size = 0;
  uint32_t round;
  int err = UV_ENOBUFS;

  for (round = 0; round < ROUNDS; round++) {
    more = room < SIZE_MAX ? realloc(bytes, room + 1) : NULL;
    if (more == NULL) {
      err = uvshm__fail(UV_ENOMEM,
                        "no private memory for a value of %llu bytes",
                        (unsigned long long) room);
      break;
    }
    bytes = more;
    size = room;
    err = uvshm_map_get(map, key, key_size, bytes, &size, version);
    if (err == 0) {
      bytes[size] = '\0';
      *result = bytes;
      *result_size = size;
      return 0;
    }
    if (err != UV_ENOBUFS) break;
    room = size;
  }
  free(bytes);
  return err;
}


void uvshm_map_free(void* value) {
  free(value);
}

/* ---- all of them --------------------------------------------------------- */

UVSHM__RARE static int next_locked(const uvshm_map_t* map,
                                   struct uvshm__map_cursor* cursor,
                                   struct uvshm__map_value* key,
                                   struct uvshm__map_value* value) {
  uint32_t number = cursor->shard & ~UVSHM__MAP_CURSOR_WITHIN;
  struct uvshm__map_shard* shard = &map->core.shards[number];
  struct uvshm__lane* lane;
  int err;

  if (map->readonly) return UV_EAGAIN;
  err = uvshm__lane_get(map->named.attach, &lane);
  if (err == 0) err = uvshm__map_hold(lane, &map->core, shard);
  if (err < 0) return err;
  err = uvshm__map_next(&map->core, 1, cursor, key, value);
  uvshm__map_let_go(lane, shard);
  return err;
}


static int next(const uvshm_map_t* map,
                struct uvshm__map_cursor* cursor,
                struct uvshm__map_value* key,
                struct uvshm__map_value* value) {
  uint32_t shard;
  int err;

  for (shard = 0; shard <= 1u << map->core.shard_bits; shard++) {
    err = uvshm__map_next(&map->core, 0, cursor, key, value);
    if (err == UV_EAGAIN) err = next_locked(map, cursor, key, value);
    /* In another shard than the one that was held then. */
    if (err != UV_EAGAIN || map->readonly) return err;
  }
  return UV_EAGAIN;
}


static void begin_part(struct uvshm__map_value* part,
                       void* bytes,
                       const size_t* size) {
  memset(part, 0, sizeof(*part));
  part->bytes = bytes;
  if (size != NULL) part->room = *size;
}


int uvshm_map_next(uvshm_map_t* map,
                   uvshm_map_cursor_t* cursor,
                   void* key,
                   size_t* key_size,
                   void* value,
                   size_t* size) {
  struct uvshm__map_cursor at;
  struct uvshm__map_value key_part;
  struct uvshm__map_value value_part;
  struct uvshm__map_call call;
  int err =
      uvshm__map_begin(&call, map, READ, &uvshm__map_all, UVSHM__MAP_NO_KEY);

  if (err < 0) return err;
  if ((key != NULL && key_size == NULL) || (value != NULL && size == NULL))
    return uvshm__fail(UV_EINVAL, "a buffer of no size");
  at.at = cursor->opaque[0];
  at.tie = (uint32_t) cursor->opaque[1];
  at.shard = (uint32_t) (cursor->opaque[1] >> 32);
  begin_part(&key_part, key, key_size);
  begin_part(&value_part, value, size);
  err = next(map, &at, &key_part, &value_part);
  if (err < 0 && err != UV_ENOBUFS) return uvshm__map_end(&call, err);
  if (key_size != NULL) *key_size = (size_t) key_part.size;
  if (size != NULL) *size = (size_t) value_part.size;
  cursor->opaque[0] = at.at;
  cursor->opaque[1] = (uint64_t) at.shard << 32 | at.tie;
  return uvshm__map_end(&call, err);
}
