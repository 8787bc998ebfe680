/* SPDX-License-Identifier: MIT */

/* Maps: opening and closing, and what all calls do first and last. Reading is
 * in map_read.c, writing in map_write.c; the algorithms are core/map*.c.
 */

#include "object/map.h"

#include "base/error.h"
#include "object/name_check.h"
#include "object/segment.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

#define SHARD_BITS_LEAST 2u
#define SHARD_BITS_MOST 6u

/* ---- opening ------------------------------------------------------------- */

/* Room for as much again in other things. */
static uint32_t bits_for(uint64_t max_size) {
  uint32_t bits = SHARD_BITS_LEAST;

  while (bits < SHARD_BITS_MOST && max_size >> (17 + bits) != 0) bits++;
  return bits;
}


static void format_body(void* body, uint32_t argument) {
  (void) argument;
  memset(body, 0, UVSHM__ENTRY_BODY);
}


/* `shard_bits` as in uvshm__map_format(). */
static int furnish(struct uvshm__lane* lane,
                   struct uvshm__directory_spec* spec,
                   void* body,
                   uint64_t shard_bits) {
  uint64_t seed[2];
  int err = uvshm__port_random(seed, sizeof(seed));

  if (err < 0) return err;
  return uvshm__map_format(
      lane, (uint32_t) shard_bits, seed, body, &spec->blocks[0]);
}


static int check_options(const uvshm_map_options_t* options) {
  const uint32_t known = UVSHM_EXISTING | UVSHM_EXCLUSIVE | UVSHM_CREATE;

  if (options->flags & ~known)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a map: unknown flag 0x%x",
                       (unsigned int) (options->flags & ~known));
  if (options->shards > 1u << UVSHM__MAP_SHARD_BITS_LIMIT ||
      (options->shards & (options->shards - 1)) != 0)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a map: shards is a power of 2, up to 1024");
  return 0;
}


static int open_for_writing(uvshm_map_t* map,
                            struct uvshm_segment_s* segment,
                            const char* name,
                            const uvshm_map_options_t* options) {
  struct uvshm__named_request request;
  uint32_t bits = bits_for(uvshm__segment_attach(segment)->max_size);

  if (options->shards != 0)
    for (bits = 0; 1u << bits != options->shards;) bits++;
  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.flags = options->flags;
  request.type = UVSHM__TYPE_MAP;
  request.format_body = format_body;
  request.furnish = furnish;
  request.furnish_size = bits;
  return uvshm__named_open(&map->named, &request);
}


static int none_there(const struct uvshm__named* named) {
  return uvshm__fail(UV_ENOENT,
                     "there is no \"%s\" in \"%s\"",
                     named->name,
                     named->attach->name);
}


/* Nothing can be noted in a segment that is attached for reading. So the map
 * may go while we read it; every result is looked at with that in mind. */
static int open_for_reading(uvshm_map_t* map,
                            struct uvshm_segment_s* segment,
                            const char* name,
                            const uvshm_map_options_t* options) {
  struct uvshm__named* named = &map->named;
  int err;

  if (options->flags & UVSHM_EXCLUSIVE)
    return uvshm__fail(
        UV_EACCES, "cannot open \"%s\": attached for reading", name);
  err = uvshm__name_check(name);
  if (err < 0) return err;
  named->segment = segment;
  named->attach = uvshm__segment_attach(segment);
  strcpy(named->name, name);
  err = uvshm__attach_usable(named->attach);
  if (err == 0)
    err = uvshm__directory_find(
        &named->attach->core, name, (uint32_t) strlen(name), &named->ref);
  if (err == UV_ENOENT) return none_there(named);
  if (err == 0 && named->ref.type != UVSHM__TYPE_MAP)
    return uvshm__fail(UV_EPROTOTYPE,
                       "cannot open \"%s\": it is another kind of object",
                       name);
  return err;
}


static int attach(uvshm_map_t* map, const uvshm_map_options_t* options) {
  struct uvshm__named* named = &map->named;
  unsigned int failures = uvshm__error_count();
  int err = uvshm__map_attach(&named->attach->core, &named->ref, &map->core);

  /* A reader has no part in its staying: what was read may be of its end. */
  uvshm__fence_acquire();
  if (map->readonly && !uvshm__map_is_there(&map->core))
    return none_there(named);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot open \"%s\": %s",
                       named->name,
                       uvshm__reason(err, failures));
  map->core.cancelled = &named->cancelled;
  if (options->wait_ms != 0) map->core.patience_ms = options->wait_ms;
  return 0;
}


int uvshm_map_open(uvshm_map_t** result,
                   struct uvshm_segment_s* segment,
                   const char* name,
                   const uvshm_map_options_t* given) {
  uvshm_map_options_t options;
  uvshm_map_t* map;
  int err;

  memset(&options, 0, sizeof(options));
  if (given != NULL) options = *given;
  err = check_options(&options);
  if (err < 0) return err;
  if (segment == NULL)
    return uvshm__fail(UV_EINVAL, "cannot open a map without a segment");
  map = calloc(1, sizeof(*map));
  if (map == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  map->readonly = uvshm__segment_attach(segment)->readonly;
  err = map->readonly ? open_for_reading(map, segment, name, &options)
                      : open_for_writing(map, segment, name, &options);
  if (err < 0) {
    free(map);
    return err;
  }
  err = attach(map, &options);
  if (err < 0) {
    uvshm_map_close(map);
    return err;
  }
  *result = map;
  return 0;
}


void uvshm_map_close(uvshm_map_t* map) {
  if (map == NULL) return;
  if (!map->readonly) uvshm__named_close(&map->named);
  free(map);
}


int uvshm_map_unlink(struct uvshm_segment_s* segment,
                     const char* name,
                     uint32_t flags) {
  if (segment == NULL)
    return uvshm__fail(UV_EINVAL, "cannot unlink a map without a segment");
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_MAP, UVSHM_KIND_UNKNOWN);
}


int uvshm_map_info(const uvshm_map_t* map, uvshm_map_info_t* info) {
  struct uvshm__map_call call;
  uvshm_map_info_t found;
  uint32_t i;
  int err =
      uvshm__map_begin(&call, map, "read", &uvshm__map_all, UVSHM__MAP_NO_KEY);

  if (err < 0) return err;
  memset(&found, 0, sizeof(found));
  found.count = uvshm__map_count(&map->core);
  found.changes = uvshm__map_changes(&map->core);
  found.shards = 1u << map->core.shard_bits;
  for (i = 0; i < found.shards; i++)
    found.buckets +=
        uvshm__a64_load_relaxed(&map->core.shards[i].size) & UVSHM__MAP_BUCKETS;
  uvshm__fence_acquire();
  if (!uvshm__map_is_there(&map->core)) return uvshm__map_end(&call, UV_ENXIO);
  *info = found;
  return 0;
}


void uvshm_map_cancel(uvshm_map_t* map) {
  uvshm__a32_store_seq_cst(&map->named.cancelled, 1);
  if (!map->readonly && uvshm__attach_is_ours(map->named.attach))
    uvshm__map_wake(&map->core);
}

/* ---- first and last ------------------------------------------------------ */

const char uvshm__map_all = 0;


int uvshm__map_begin(struct uvshm__map_call* call,
                     const uvshm_map_t* map,
                     const char* verb,
                     const void* key,
                     size_t key_size) {
  int err = uvshm__named_usable(&map->named);

  if (err < 0) return err;
  call->map = map;
  call->verb = verb;
  call->failures = uvshm__error_count();
  if (key == &uvshm__map_all) return 0;
  if (key == NULL || key_size == 0 || key_size > UVSHM__MAP_KEY_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot %s \"%s\": a key has 1 to %u bytes, not %llu",
                       verb,
                       map->named.name,
                       UVSHM__MAP_KEY_MAX,
                       (unsigned long long) key_size);
  uvshm__map_hash(&map->core, key, (uint32_t) key_size, &call->key);
  return 0;
}


int uvshm__map_begin_write(struct uvshm__map_call* call,
                           const uvshm_map_t* map,
                           const char* verb,
                           const void* key,
                           size_t key_size,
                           struct uvshm__lane** lane) {
  int err = uvshm__map_begin(call, map, verb, key, key_size);

  if (err < 0) return err;
  if (map->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot %s \"%s\": its segment is attached for reading",
                       verb,
                       map->named.name);
  err = uvshm__lane_get(map->named.attach, lane);
  if (err == 0 && (*lane)->txn != 0)
    return uvshm__fail(UV_EINVAL,
                       "cannot %s \"%s\": this thread is in a transaction, "
                       "which could not take it back",
                       verb,
                       map->named.name);
  return err < 0 ? uvshm__map_end(call, err) : 0;
}


int uvshm__map_end(const struct uvshm__map_call* call, int err) {
  switch (err) {
    case 0:
      return 0;
    case UV_ENOENT:
      return uvshm__fail_brief(err, "there is no such key");
    case UV_ENOBUFS:
      return uvshm__fail_brief(err, "the value is larger than the buffer");
    case UV_EEXIST:
      return uvshm__fail_brief(err, "there is such a key already");
    case UV_EAGAIN:
      return uvshm__fail_brief(err, "others have changed it meanwhile");
    default:
      return uvshm__fail(err,
                         "cannot %s \"%s\": %s",
                         call->verb,
                         call->map->named.name,
                         uvshm__reason(err, call->failures));
  }
}
