/* SPDX-License-Identifier: MIT */

/* What is inside, in words and in JSON. */

#include "inside.h"
#include "names.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>

/* ---- words --------------------------------------------------------------- */

/* ", 2 waiting", or nothing; new memory. */
static char* waiting(uint32_t count) {
  if (count == 0) return text_copy("");
  return text_format(", %" PRIu32 " waiting", count);
}


static char* owner_text(const uvshm_rwlock_info_t* lock, const char* others) {
  char* label = text_escape(lock->owner_label);
  bool named = label[0] != '\0';
  char* text =
      text_format("held by pid %" PRIu32 "%s%s%s%s%s",
                  lock->owner_pid,
                  named ? " (" : "",
                  label,
                  named ? ")" : "",
                  lock->owner_alive ? "" : ", who died; the next one is told",
                  others);
  free(label);
  return text;
}


static char* lock_text(const uvshm_rwlock_info_t* lock) {
  char* others = waiting(lock->waiters);
  char* text;
  if (lock->locked)
    text = owner_text(lock, others);
  else if (lock->readers > 0)
    text = text_format("%" PRIu32 " reading%s", lock->readers, others);
  else
    text = text_format(
        "free%s%s",
        lock->owner_died ? "; its owner died, the next one is told" : "",
        others);
  free(others);
  return text;
}


static const char* channel_kind(uint32_t kind) {
  if (kind == UVSHM_CHANNEL_QUEUE) return "queue";
  return kind == UVSHM_CHANNEL_TOPIC ? "topic" : "stream";
}


static char* channel_text(const uvshm_channel_info_t* channel) {
  char* lost = channel->lost > 0
                   ? text_format(", %" PRIu64 " lost", channel->lost)
                   : text_copy("");
  char* text = text_format("%s, %" PRIu32 " writing, %" PRIu32
                           " reading, %" PRIu64 " waiting, %" PRIu64 " sent%s",
                           channel_kind(channel->kind),
                           channel->writers,
                           channel->readers,
                           channel->depth,
                           channel->sent,
                           lost);
  free(lost);
  return text;
}


char* inside_text(const struct inside_part* part) {
  switch (part->known) {
    case INSIDE_LOCK:
      return lock_text(&part->is.lock);
    case INSIDE_CHANNEL:
      return channel_text(&part->is.channel);
    case INSIDE_MAP:
      return text_format("%" PRIu64 " entries, %" PRIu64 " changes",
                         part->is.map.count,
                         part->is.map.changes);
    case INSIDE_CELL:
      return text_format("value %" PRIu64 ", %" PRIu64 " bytes",
                         part->is.cell.version,
                         part->is.cell.size);
    default:
      return text_copy(part->err == UV_EPROTO ? "damaged" : "");
  }
}


char* inside_brief(const struct inside_part* part) {
  const uvshm_channel_info_t* channel = &part->is.channel;
  if (part->known == INSIDE_MAP)
    return text_format("%" PRIu64 " entries", part->is.map.count);
  if (part->known != INSIDE_CHANNEL) return inside_text(part);
  if (channel->lost == 0)
    return text_format("%s, %" PRIu32 " writing, %" PRIu32 " reading",
                       channel_kind(channel->kind),
                       channel->writers,
                       channel->readers);
  return text_format("%s, %" PRIu32 " writing, %" PRIu32 " reading, %" PRIu64
                     " lost",
                     channel_kind(channel->kind),
                     channel->writers,
                     channel->readers,
                     channel->lost);
}


enum out_style inside_style(const struct inside_part* part) {
  if (part->err == UV_EPROTO) return OUT_RED;
  if (part->known != INSIDE_LOCK) return OUT_PLAIN;
  const uvshm_rwlock_info_t* lock = &part->is.lock;
  bool dead = lock->owner_died || (lock->locked && !lock->owner_alive);
  return dead || lock->waiters > 0 ? OUT_YELLOW : OUT_PLAIN;
}

/* ---- JSON ---------------------------------------------------------------- */

/* What a damaged segment says may be any number. */
static void set(json_t* object, const char* name, uint64_t number) {
  if (number > INT64_MAX) number = INT64_MAX;
  json_object_set_new(object, name, json_integer((json_int_t) number));
}


static json_t* peer_json(const uvshm_peer_info_t* peer) {
  json_t* entry = json_object();
  set(entry, "slot", peer->slot);
  set(entry, "pid", peer->pid);
  json_object_set_new(entry, "alive", json_boolean(peer->alive));
  set(entry, "attached_ms", peer->attached_ms);
  json_object_set_new(entry, "label", json_text(peer->label));
  return entry;
}


static json_t* heap_json(const uvshm_heap_info_t* info) {
  json_t* heap = json_object();
  set(heap, "size", info->size);
  set(heap, "max_size", info->max_size);
  set(heap, "used", info->used);
  set(heap, "free", info->free);
  set(heap, "bookkeeping", info->bookkeeping);
  set(heap, "largest_free", info->largest_free);
  set(heap, "blocks", info->blocks);
  set(heap, "private_blocks", info->private_blocks);
  set(heap, "fragmentation", info->fragmentation);
  return heap;
}


static void lock_json(const uvshm_rwlock_info_t* lock, json_t* entry) {
  json_object_set_new(entry, "locked", json_boolean(lock->locked));
  json_object_set_new(entry, "owner_died", json_boolean(lock->owner_died));
  set(entry, "lock_pid", lock->owner_pid);
  json_object_set_new(entry, "lock_alive", json_boolean(lock->owner_alive));
  json_object_set_new(entry, "label", json_text(lock->owner_label));
  set(entry, "readers", lock->readers);
  set(entry, "waiters", lock->waiters);
}


static void channel_json(const uvshm_channel_info_t* channel, json_t* entry) {
  json_object_set_new(
      entry, "channel", json_string(channel_kind(channel->kind)));
  set(entry, "size_max", channel->size_max);
  set(entry, "capacity", channel->capacity);
  set(entry, "depth", channel->depth);
  set(entry, "high", channel->high);
  set(entry, "sent", channel->sent);
  set(entry, "received", channel->received);
  set(entry, "lost", channel->lost);
  set(entry, "again", channel->again);
  set(entry, "writers", channel->writers);
  set(entry, "readers", channel->readers);
}


static void facts_json(const struct inside_part* part, json_t* entry) {
  switch (part->known) {
    case INSIDE_LOCK:
      lock_json(&part->is.lock, entry);
      break;
    case INSIDE_CHANNEL:
      channel_json(&part->is.channel, entry);
      break;
    case INSIDE_MAP:
      set(entry, "entries", part->is.map.count);
      set(entry, "changes", part->is.map.changes);
      set(entry, "buckets", part->is.map.buckets);
      break;
    case INSIDE_CELL:
      set(entry, "version", part->is.cell.version);
      set(entry, "value_size", part->is.cell.size);
      set(entry, "waiters", part->is.cell.waiters);
      break;
    default:
      break;
  }
}


static void segment_json(const struct inside* inside, json_t* object) {
  set(object, "peers_max", inside->info.peers_max);
  set(object, "threads", inside->info.threads);
  set(object, "threads_max", inside->info.threads_max);
  set(object, "objects_max", inside->info.objects_max);
  set(object, "format", inside->info.format);
  if (inside->has_heap)
    json_object_set_new(object, "heap", heap_json(&inside->heap));
  json_t* peers = json_array();
  for (size_t i = 0; i < inside->peer_count; i++)
    json_array_append_new(peers, peer_json(&inside->peers[i]));
  json_object_set_new(object, "attached", peers);
}


void inside_json(const struct inside* inside, json_t* object) {
  if (inside->problem != NULL) {
    json_object_set_new(object, "problem", json_text(inside->problem));
    return;
  }
  if (inside->part_count == 1 && inside->parts[0].name[0] == '\0') {
    facts_json(&inside->parts[0], object);
    return;
  }
  segment_json(inside, object);
  json_t* holds = json_array();
  for (size_t i = 0; i < inside->part_count; i++) {
    const struct inside_part* part = &inside->parts[i];
    json_t* entry = json_object();
    json_object_set_new(entry, "name", json_text(part->name));
    json_object_set_new(entry, "type", json_string(part->type));
    set(entry, "open", part->open);
    if (part->err == UV_EPROTO)
      json_object_set_new(entry, "damaged", json_true());
    facts_json(part, entry);
    json_array_append_new(holds, entry);
  }
  json_object_set_new(object, "holds", holds);
}
