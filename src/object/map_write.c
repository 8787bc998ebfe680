/* SPDX-License-Identifier: MIT */

/* Changing a map, and waiting for a change. */

#include "object/map.h"

#include "base/error.h"
#include "base/rare.h"

#include <string.h>

#define PUT "put into"


/* With all questions asked, to find which one has a bad answer, or none. */
UVSHM__APART static int put_slow(uvshm_map_t* map,
                                 const void* key,
                                 size_t key_size,
                                 struct uvshm__map_put* what) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int err = uvshm__map_begin_write(&call, map, PUT, key, key_size, &lane);

  if (err < 0) return err;
  err = uvshm__map_put(lane, &map->core, &call.key, what);
  return err < 0 ? uvshm__map_end(&call, err) : 0;
}


UVSHM__APART static int failed(const uvshm_map_t* map,
                               unsigned int failures,
                               int err) {
  struct uvshm__map_call call;

  call.map = map;
  call.verb = PUT;
  call.failures = failures;
  return uvshm__map_end(&call, err);
}


/* The usual way finds the lane at once. One that has a lane is not attached for
 * reading. */
UVSHM__APART static int put(uvshm_map_t* map,
                            const void* bytes,
                            size_t key_size,
                            struct uvshm__map_put* what) {
  struct uvshm__lane* lane = uvshm__lane_first(map->named.attach);
  struct uvshm__map_key key;
  unsigned int failures;
  int err;

  if (lane == NULL || lane->txn != 0 || bytes == NULL ||
      key_size - 1 >= UVSHM__MAP_KEY_MAX || !uvshm__map_is_there(&map->core))
    return put_slow(map, bytes, key_size, what);
  failures = uvshm__error_count();
  uvshm__map_hash(&map->core, bytes, (uint32_t) key_size, &key);
  err = uvshm__map_put(lane, &map->core, &key, what);
  return err < 0 ? failed(map, failures, err) : 0;
}


static void describe(struct uvshm__map_put* what,
                     const void* value,
                     size_t size,
                     enum uvshm__map_mode mode) {
  what->bytes = value;
  what->size = size;
  what->ttl_ms = 0;
  what->mode = mode;
  what->version = 0;
}


/* Keys of 8 bytes, which are numbers, have a way of their own, as in a get. */
int uvshm_map_put(uvshm_map_t* map,
                  const void* bytes,
                  size_t key_size,
                  const void* value,
                  size_t size) {
  struct uvshm__lane* lane = uvshm__lane_first(map->named.attach);
  struct uvshm__map_put what;
  struct uvshm__map_key key;
  unsigned int failures;
  int err;

  describe(&what, value, size, UVSHM__MAP_ALWAYS);
  if (key_size != sizeof(uint64_t) || bytes == NULL || lane == NULL ||
      lane->txn != 0 || !uvshm__map_is_there(&map->core))
    return put(map, bytes, key_size, &what);
  failures = uvshm__error_count();
  key.bytes = bytes;
  key.size = sizeof(uint64_t);
  uvshm__map_hash_short(&map->core.secret, &key);
  err = uvshm__map_put(lane, &map->core, &key, &what);
  return err < 0 ? failed(map, failures, err) : 0;
}


int uvshm_map_put_if_absent(uvshm_map_t* map,
                            const void* key,
                            size_t key_size,
                            const void* value,
                            size_t size) {
  struct uvshm__map_put what;

  describe(&what, value, size, UVSHM__MAP_NEW);
  return put(map, key, key_size, &what);
}


int uvshm_map_replace_if(uvshm_map_t* map,
                         const void* key,
                         size_t key_size,
                         const void* value,
                         size_t size,
                         uint64_t* version) {
  struct uvshm__map_put what;
  int err;

  describe(&what, value, size, UVSHM__MAP_VERSION);
  what.version = *version;
  err = put(map, key, key_size, &what);
  if (err == 0) *version = what.version;
  return err;
}


int uvshm_map_remove(uvshm_map_t* map, const void* key, size_t key_size) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int err =
      uvshm__map_begin_write(&call, map, "remove from", key, key_size, &lane);

  if (err < 0) return err;
  err = uvshm__map_remove(lane, &map->core, &call.key, NULL);
  return uvshm__map_end(&call, err);
}


int uvshm_map_take(uvshm_map_t* map,
                   const void* key,
                   size_t key_size,
                   void* bytes,
                   size_t* size) {
  struct uvshm__map_value value;
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int err =
      uvshm__map_begin_write(&call, map, "take from", key, key_size, &lane);

  if (err < 0) return err;
  memset(&value, 0, sizeof(value));
  value.bytes = bytes;
  value.room = *size;
  err = uvshm__map_remove(lane, &map->core, &call.key, &value);
  if (err == 0 || err == UV_ENOBUFS) *size = (size_t) value.size;
  return uvshm__map_end(&call, err);
}


int uvshm_map_add(uvshm_map_t* map,
                  const void* key,
                  size_t key_size,
                  int64_t delta,
                  int64_t* result) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int64_t sum;
  int err = uvshm__map_begin_write(&call, map, "add in", key, key_size, &lane);

  if (err < 0) return err;
  err = uvshm__map_add(lane, &map->core, &call.key, delta, &sum);
  if (err == 0 && result != NULL) *result = sum;
  return uvshm__map_end(&call, err);
}


int uvshm_map_expire(uvshm_map_t* map,
                     const void* key,
                     size_t key_size,
                     uint64_t ttl_ms) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int err =
      uvshm__map_begin_write(&call, map, "set a time in", key, key_size, &lane);

  if (err < 0) return err;
  err = uvshm__map_expire(lane, &map->core, &call.key, ttl_ms);
  return uvshm__map_end(&call, err);
}


UVSHM__RARE int uvshm_map_sweep(uvshm_map_t* map, uint64_t* removed) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  uint64_t count = 0;
  int err = uvshm__map_begin_write(
      &call, map, "sweep", &uvshm__map_all, UVSHM__MAP_NO_KEY, &lane);

  if (err < 0) return err;
  err = uvshm__map_clear(lane, &map->core, 1, &count);
  if (err == 0 && removed != NULL) *removed = count;
  return uvshm__map_end(&call, err);
}


UVSHM__RARE int uvshm_map_clear(uvshm_map_t* map) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  uint64_t count;
  int err = uvshm__map_begin_write(
      &call, map, "clear", &uvshm__map_all, UVSHM__MAP_NO_KEY, &lane);

  if (err < 0) return err;
  err = uvshm__map_clear(lane, &map->core, 0, &count);
  return uvshm__map_end(&call, err);
}


UVSHM__RARE int uvshm_map_wait_change(uvshm_map_t* map,
                                      const void* key,
                                      size_t key_size,
                                      uint64_t* version,
                                      uint64_t timeout_ms) {
  struct uvshm__map_call call;
  struct uvshm__lane* lane;
  int err;

  err = uvshm__map_begin_write(
      &call,
      map,
      "wait for",
      key == NULL && key_size == 0 ? &uvshm__map_all : key,
      key_size,
      &lane);

  if (err < 0) return err;
  err = uvshm__map_wait(
      lane, &map->core, key != NULL ? &call.key : NULL, timeout_ms, version);
  return uvshm__map_end(&call, err);
}
