/* SPDX-License-Identifier: MIT */

/* Looking into objects. Whoever looks holds the object for the moment, as the
 * kernel sees it. If its last user closes it in this moment, he finds it in use
 * and leaves it behind; so whoever looked then does what the last user would
 * have done, and only that (let_go()).
 */

#include "inside.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

/* The longest that half-made objects are waited for. */
#define PATIENCE_MS 200

#define PARTS_MAX 65535u /* as many as a segment may have */


bool inside_has(const uvshm_name_info_t* object) {
  if (object->state != UVSHM_STATE_LIVE) return false;
  return object->kind == UVSHM_KIND_SEGMENT ||
         object->kind == UVSHM_KIND_CHANNEL || object->kind == UVSHM_KIND_CELL;
}

/* ---- one part ------------------------------------------------------------ */

static int look_at_mutex(struct inside_part* part, uvshm_segment_t* segment) {
  uvshm_mutex_options_t options = {.flags = UVSHM_EXISTING};
  uvshm_mutex_info_t info;
  uvshm_mutex_t* mutex;
  int err = uvshm_mutex_open(&mutex, segment, part->name, &options);
  if (err == UV_EPROTOTYPE) {
    options.flags |= UVSHM_MUTEX_RECURSIVE;
    err = uvshm_mutex_open(&mutex, segment, part->name, &options);
  }
  if (err < 0) return err;
  err = uvshm_mutex_info(mutex, &info);
  uvshm_mutex_close(mutex);
  if (err < 0) return err;

  part->known = INSIDE_LOCK;
  part->is.lock.locked = info.locked;
  part->is.lock.owner_died = info.owner_died;
  part->is.lock.waiters = info.waiters;
  part->is.lock.owner_pid = info.owner_pid;
  part->is.lock.owner_alive = info.owner_alive;
  memcpy(part->is.lock.owner_label,
         info.owner_label,
         sizeof part->is.lock.owner_label);
  return 0;
}


static int look_at_rwlock(struct inside_part* part, uvshm_segment_t* segment) {
  uvshm_rwlock_options_t options = {.flags = UVSHM_EXISTING};
  uvshm_rwlock_t* rwlock;
  int err = uvshm_rwlock_open(&rwlock, segment, part->name, &options);
  if (err < 0) return err;
  err = uvshm_rwlock_info(rwlock, &part->is.lock);
  uvshm_rwlock_close(rwlock);
  if (err == 0) part->known = INSIDE_LOCK;
  return err;
}


static int look_at_channel(struct inside_part* part,
                           uvshm_segment_t* segment,
                           const char* name,
                           uint32_t flags) {
  uvshm_channel_options_t options = {.flags = flags, .timeout_ms = PATIENCE_MS};
  uvshm_channel_t* channel;
  int err = uvshm_channel_open(&channel, segment, name, &options);
  if (err < 0) return err;
  err = uvshm_channel_info(channel, &part->is.channel);
  uvshm_channel_close(channel);
  if (err == 0) part->known = INSIDE_CHANNEL;
  return err;
}


static int look_at_cell(struct inside_part* part,
                        uvshm_segment_t* segment,
                        const char* name,
                        uint32_t flags) {
  uvshm_cell_options_t options = {.flags = flags, .timeout_ms = PATIENCE_MS};
  uvshm_cell_t* cell;
  int err = uvshm_cell_open(&cell, segment, name, &options);
  if (err < 0) return err;
  err = uvshm_cell_info(cell, &part->is.cell);
  uvshm_cell_close(cell);
  if (err == 0) part->known = INSIDE_CELL;
  return err;
}


static int look_at_map(struct inside_part* part, uvshm_segment_t* segment) {
  uvshm_map_options_t options = {.flags = UVSHM_EXISTING};
  uvshm_map_t* map;
  int err = uvshm_map_open(&map, segment, part->name, &options);
  if (err < 0) return err;
  err = uvshm_map_info(map, &part->is.map);
  uvshm_map_close(map);
  if (err == 0) part->known = INSIDE_MAP;
  return err;
}


static int look_at(struct inside_part* part, uvshm_segment_t* segment) {
  if (strcmp(part->type, "mutex") == 0) return look_at_mutex(part, segment);
  if (strcmp(part->type, "rwlock") == 0) return look_at_rwlock(part, segment);
  if (strcmp(part->type, "map") == 0) return look_at_map(part, segment);
  if (strcmp(part->type, "channel") == 0)
    return look_at_channel(part, segment, part->name, UVSHM_EXISTING);
  if (strcmp(part->type, "cell") == 0)
    return look_at_cell(part, segment, part->name, UVSHM_EXISTING);
  return 0;
}

/* ---- all of them --------------------------------------------------------- */

static struct inside_part* add_part(struct inside* inside) {
  size_t size = (inside->part_count + 1) * sizeof *inside->parts;
  inside->parts = text_resize(inside->parts, size);
  struct inside_part* part = &inside->parts[inside->part_count++];
  memset(part, 0, sizeof *part);
  return part;
}


static void look_at_parts(struct inside* inside, uvshm_segment_t* segment) {
  uvshm_object_info_t object;
  uint32_t cursor = 0;
  while (inside->part_count < PARTS_MAX &&
         uvshm_segment_next(segment, &cursor, &object) == 0) {
    struct inside_part* part = add_part(inside);
    part->type = object.type;
    part->open = object.open;
    memcpy(part->name, object.name, sizeof part->name);
    part->err = look_at(part, segment);
    /* Gone since, which is no news; or not as it should be. */
    if (part->err == UV_ENOENT || part->err == UV_ENXIO)
      inside->part_count--;
    else if (part->err == UV_EPROTO)
      inside->damaged = true;
  }
}


static void look_at_peers(struct inside* inside, uvshm_segment_t* segment) {
  uvshm_peer_info_t peer;
  uint32_t cursor = 0;
  while (inside->peer_count < inside->info.peers_max &&
         uvshm_segment_peer(segment, &cursor, &peer) == 0) {
    if (peer.self) continue;
    size_t size = (inside->peer_count + 1) * sizeof *inside->peers;
    inside->peers = text_resize(inside->peers, size);
    inside->peers[inside->peer_count++] = peer;
  }
}


static int look_at_segment(struct inside* inside,
                           const char* name,
                           uint32_t flags,
                           const char* as) {
  uvshm_segment_t* segment;
  uvshm_segment_options_t options = {
      .flags = flags | UVSHM_READONLY, .timeout_ms = PATIENCE_MS, .label = as};
  int err = uvshm_segment_open(&segment, name, &options);
  if (err < 0) return err;
  err = uvshm_segment_info(segment, &inside->info);
  if (err == 0) {
    inside->has_heap = uvshm_heap_info(segment, &inside->heap) == 0;
    look_at_peers(inside, segment);
    look_at_parts(inside, segment);
  }
  uvshm_segment_close(segment);
  return err < 0 ? err : 0;
}


static int look_at_alone(struct inside* inside,
                         const char* name,
                         uvshm_kind_t kind,
                         uint32_t flags) {
  struct inside_part* part = add_part(inside);
  flags |= UVSHM_READONLY;
  part->type = kind == UVSHM_KIND_CHANNEL ? "channel" : "cell";
  part->err = kind == UVSHM_KIND_CHANNEL
                  ? look_at_channel(part, NULL, name, flags)
                  : look_at_cell(part, NULL, name, flags);
  return part->err;
}


/* A user that died leaves its pid behind; then the rest is for gc. */
static void let_go(const uvshm_name_info_t* before,
                   const char* name,
                   uint32_t flags) {
  uvshm_name_info_t now;
  if (before->lifetime != UVSHM_LIFETIME_LAST_CLOSE ||
      uvshm_name_info(name, flags, &now) < 0)
    return;
  bool same = now.created_ms == before->created_ms && now.kind == before->kind;
  if (same && now.own && now.state == UVSHM_STATE_STALE && now.last_pid == 0 &&
      uvshm_name_gc(name, flags) < 0)
    return;
}


int inside_look(struct inside* inside,
                const uvshm_name_info_t* object,
                const char* name,
                uint32_t flags,
                const char* as) {
  memset(inside, 0, sizeof *inside);
  int err = object->kind == UVSHM_KIND_SEGMENT
                ? look_at_segment(inside, name, flags, as)
                : look_at_alone(inside, name, object->kind, flags);
  if (err < 0) {
    inside->problem = text_escape(uvshm_strerror(err));
    if (err == UV_EPROTO) inside->damaged = true;
  }
  let_go(object, name, flags);
  return err;
}


void inside_free(struct inside* inside) {
  free(inside->problem);
  free(inside->peers);
  free(inside->parts);
  memset(inside, 0, sizeof *inside);
}


uint64_t inside_count(const struct inside_part* part) {
  switch (part->known) {
    case INSIDE_CHANNEL:
      return part->is.channel.sent;
    case INSIDE_MAP:
      return part->is.map.changes;
    case INSIDE_CELL:
      return part->is.cell.version;
    default:
      return 0;
  }
}
