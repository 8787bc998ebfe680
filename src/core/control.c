/* SPDX-License-Identifier: MIT */

/* The control area: sizes, header, magic.
 *
 * The tables follow each other: peers, lanes, directory. A reader does not go
 * by that; it takes the offsets from the header and checks that no table leaves
 * the control area or lies on another.
 */

#include "core/control.h"

#include "base/align.h"
#include "base/error.h"
#include "core/directory_layout.h"
#include "core/heap_layout.h"
#include "core/lane_layout.h"

#include <string.h>

#define NAME_LIMIT 200u
#define PEERS_END(peers)                                                       \
 (UVSHM__PEERS_OFFSET + (uint64_t) (peers) * sizeof(struct uvshm__peer))
#define LANES_SIZE(lanes) ((uint64_t) (lanes) * sizeof(struct uvshm__lane_ent))
#define OBJECTS_SIZE(objects) ((uint64_t) (objects) *UVSHM__ENTRY_SIZE)
#define HEAP_SIZE(zones)                                                       \
 (UVSHM__HEAP_HEAD_SIZE + (uint64_t) (zones) * sizeof(struct uvshm__zone_ent))
#define DATA_SPANS (UVSHM__ZONE_SPANS - 1)

/* 64 peers and 256 lanes without a directory, a stand-alone lock, take no more
 * than the first granule. */
_Static_assert(UVSHM__PEERS_OFFSET +
                       UVSHM__PEERS_DEFAULT * sizeof(struct uvshm__peer) +
                       UVSHM__LANES_DEFAULT * sizeof(struct uvshm__lane_ent) <=
                   UVSHM__GRANULE,
               "a lock of its own takes one granule");


static int within_limits(const struct uvshm__control* control) {
  return control->peers_max >= 1 && control->peers_max <= UVSHM__PEERS_LIMIT &&
         control->lanes_max <= UVSHM__LANES_LIMIT &&
         control->objects_max <= UVSHM__OBJECTS_LIMIT;
}

/* ---- making -------------------------------------------------------------- */

int uvshm__control_extent(uint32_t kind, uint64_t size, uint64_t* bytes) {
  uint64_t spans;

  if (!uvshm__round_up(size, UVSHM__GRANULE, &size)) return 0;
  *bytes = size;
  if (!uvshm__kind_is_segment(kind)) return 1;
  spans = size / UVSHM__SPAN_SIZE;
  spans += (spans + DATA_SPANS - 1) / DATA_SPANS;
  return uvshm__mul(spans, UVSHM__SPAN_SIZE, bytes);
}


uint64_t uvshm__control_capacity(uint32_t kind, uint64_t bytes) {
  uint64_t spans = bytes / UVSHM__SPAN_SIZE;

  if (!uvshm__kind_is_segment(kind)) return bytes;
  spans -= (spans + UVSHM__ZONE_SPANS - 1) / UVSHM__ZONE_SPANS;
  return spans * UVSHM__SPAN_SIZE;
}


/* Where the control area ends. A segment's heap has an entry for each zone that
 * there may ever be. */
static int plan_control_size(struct uvshm__control* control,
                             uint64_t max_extent) {
  uint64_t end = control->objects_offset + OBJECTS_SIZE(control->objects_max);
  uint64_t zones =
      max_extent / UVSHM__ZONE_SIZE + (max_extent % UVSHM__ZONE_SIZE != 0);

  control->heap_offset = 0;
  control->heap_zones = 0;
  if (uvshm__kind_is_segment(control->kind)) {
    if (zones > UVSHM__ZONES_LIMIT) return 0;
    control->heap_offset = (uint32_t) end;
    control->heap_zones = (uint32_t) zones;
    end += HEAP_SIZE(zones);
  }
  (void) uvshm__round_up(end, UVSHM__GRANULE, &end);
  control->control_size = (uint32_t) end;
  return 1;
}


int uvshm__control_plan(struct uvshm__control* control) {
  uint64_t extent;
  uint64_t max_extent;
  uint64_t reserve;

  if (!within_limits(control))
    return uvshm__fail(UV_EINVAL,
                       "at most %u peers, %u threads and %u objects",
                       UVSHM__PEERS_LIMIT,
                       UVSHM__LANES_LIMIT,
                       UVSHM__OBJECTS_LIMIT);
  control->lanes_offset = (uint32_t) PEERS_END(control->peers_max);
  control->objects_offset =
      control->lanes_offset + (uint32_t) LANES_SIZE(control->lanes_max);
  if (control->size > control->max_size ||
      !uvshm__control_extent(control->kind, control->size, &extent) ||
      !uvshm__control_extent(control->kind, control->max_size, &max_extent) ||
      !plan_control_size(control, max_extent) ||
      !uvshm__add(control->control_size, max_extent, &reserve))
    return uvshm__fail(UV_ENOSPC,
                       "no object can have %llu bytes and grow to %llu",
                       (unsigned long long) control->size,
                       (unsigned long long) control->max_size);
  control->committed = control->control_size + extent;
  control->reserve = reserve;
  return 0;
}


static void format_facts(struct uvshm__header* header,
                         const struct uvshm__control* control) {
  header->format = UVSHM__FORMAT;
  header->kind = control->kind;
  header->features = 0;
  header->liveness = control->liveness;
  header->waiting = control->waiting;
  header->id[0] = control->id[0];
  header->id[1] = control->id[1];
  header->lifetime = control->lifetime;
  header->system = control->system;
  header->reserve = control->reserve;
  header->max_size = control->max_size;
  header->created_ms = control->created_ms;
  header->creator_pid = control->creator_pid;
  header->control_size = control->control_size;
  header->peers_max = control->peers_max;
  header->lanes_max = control->lanes_max;
  header->lanes_offset = control->lanes_offset;
  header->objects_max = control->objects_max;
  header->objects_offset = control->objects_offset;
  header->heap_offset = control->heap_offset;
  header->heap_zones = control->heap_zones;
  header->name_size = control->name_size;
  memcpy(header->name, control->name, sizeof(header->name));
}


/* Free peers, lanes, entries and locks are all zeros, so they are formatted
 * already. */
void uvshm__control_format(unsigned char* base,
                           const struct uvshm__control* control) {
  struct uvshm__header* header = (struct uvshm__header*) base;

  format_facts(header, control);
  uvshm__a64_store_relaxed(&header->boot[0], control->boot[0]);
  uvshm__a64_store_relaxed(&header->boot[1], control->boot[1]);
  uvshm__a64_store_relaxed(&header->size, control->size);
  uvshm__a64_store_relaxed(&header->committed, control->committed);
}


void uvshm__control_commit(unsigned char* base) {
  uvshm__a64_store_release(&((struct uvshm__header*) base)->magic,
                           UVSHM__MAGIC);
}

/* ---- checking ------------------------------------------------------------ */

static int not_ours(const struct uvshm__header* header) {
  if (uvshm__a64_load_relaxed(&header->magic) != UVSHM__MAGIC)
    return uvshm__fail(UV_EPROTO, "it was not made by uvshm");
  if (header->format != UVSHM__FORMAT)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "made with format %u, this uvshm reads %u",
                       (unsigned int) header->format,
                       (unsigned int) UVSHM__FORMAT);
  if (header->features != 0)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "made with features (%llx) that this uvshm does not "
                       "know",
                       (unsigned long long) header->features);
  return 0;
}


static void copy(struct uvshm__control* control,
                 const struct uvshm__header* header) {
  control->id[0] = header->id[0];
  control->id[1] = header->id[1];
  control->boot[0] = uvshm__a64_load_relaxed(&header->boot[0]);
  control->boot[1] = uvshm__a64_load_relaxed(&header->boot[1]);
  control->size = uvshm__a64_load_relaxed(&header->size);
  control->committed = uvshm__a64_load_relaxed(&header->committed);
  control->reserve = header->reserve;
  control->max_size = header->max_size;
  control->created_ms = header->created_ms;
  control->kind = header->kind;
  control->liveness = header->liveness;
  control->waiting = header->waiting;
  control->lifetime = header->lifetime;
  control->system = header->system;
  control->creator_pid = header->creator_pid;
  control->control_size = header->control_size;
  control->peers_max = header->peers_max;
  control->lanes_max = header->lanes_max;
  control->lanes_offset = header->lanes_offset;
  control->objects_max = header->objects_max;
  control->objects_offset = header->objects_offset;
  control->heap_offset = header->heap_offset;
  control->heap_zones = header->heap_zones;
  control->name_size = header->name_size;
  memcpy(control->name, header->name, sizeof(control->name));
}


static int damaged(const char* what, uint64_t value) {
  return uvshm__fail(UV_EPROTO,
                     "its header is damaged: %s %llu",
                     what,
                     (unsigned long long) value);
}


static int check_facts(const struct uvshm__control* control) {
  if (control->kind < UVSHM_KIND_REGION || control->kind > UVSHM_KIND_CELL)
    return damaged("kind", control->kind);
  if (control->lifetime > UVSHM_LIFETIME_FILE)
    return damaged("lifetime", control->lifetime);
  if (control->system > 1) return damaged("scope", control->system);
  if (control->name_size > NAME_LIMIT)
    return damaged("name size", control->name_size);
  return 0;
}


static int check_tables(const struct uvshm__control* control) {
  uint64_t lanes_size = LANES_SIZE(control->lanes_max);
  uint64_t objects_size = OBJECTS_SIZE(control->objects_max);

  if (!within_limits(control))
    return damaged("peers, lanes or objects above their limit, peers",
                   control->peers_max);
  if (control->kind != UVSHM_KIND_REGION && control->lanes_max == 0)
    return damaged("lanes", 0);
  if (control->control_size == 0 ||
      !uvshm__is_multiple(control->control_size, UVSHM__GRANULE))
    return damaged("control size", control->control_size);
  if (!uvshm__is_multiple(control->lanes_offset, 128) ||
      control->lanes_offset < PEERS_END(control->peers_max) ||
      !uvshm__fits(control->lanes_offset, lanes_size, control->objects_offset))
    return damaged("lanes offset", control->lanes_offset);
  if (!uvshm__is_multiple(control->objects_offset, 128) ||
      !uvshm__fits(
          control->objects_offset, objects_size, control->control_size))
    return damaged("objects offset", control->objects_offset);
  return 0;
}


static int check_heap(const struct uvshm__control* control) {
  uint64_t objects_end =
      control->objects_offset + OBJECTS_SIZE(control->objects_max);

  if (!uvshm__kind_is_segment(control->kind)) {
    if (control->heap_offset != 0)
      return damaged("heap offset", control->heap_offset);
    return 0;
  }
  if (control->heap_zones > UVSHM__ZONES_LIMIT ||
      (uint64_t) control->heap_zones * UVSHM__ZONE_SIZE <
          control->reserve - control->control_size)
    return damaged("heap zones", control->heap_zones);
  if (!uvshm__is_multiple(control->heap_offset, 128) ||
      control->heap_offset < objects_end ||
      !uvshm__fits(control->heap_offset,
                   HEAP_SIZE(control->heap_zones),
                   control->control_size))
    return damaged("heap offset", control->heap_offset);
  return 0;
}


static int check_sizes(const struct uvshm__control* control, uint64_t storage) {
  uint64_t sum;

  if (control->size > control->max_size) return damaged("size", control->size);
  if (!uvshm__add(control->control_size, control->max_size, &sum) ||
      sum > control->reserve)
    return damaged("max size", control->max_size);
  if (!uvshm__is_multiple(control->reserve, UVSHM__GRANULE))
    return damaged("reserve", control->reserve);
  if (control->committed > control->reserve ||
      control->committed < control->control_size + control->size)
    return damaged("committed size", control->committed);
  if (storage < control->control_size)
    return uvshm__fail(UV_EPROTO,
                       "it was cut to %llu bytes, its control area alone has "
                       "%lu",
                       (unsigned long long) storage,
                       (unsigned long) control->control_size);
  return 0;
}


int uvshm__control_check(const struct uvshm__header* header,
                         uint64_t storage,
                         struct uvshm__control* control) {
  struct uvshm__control found;
  int err = not_ours(header);

  if (err < 0) return err;
  copy(&found, header);
  err = check_facts(&found);
  if (err == 0) err = check_tables(&found);
  if (err == 0) err = check_sizes(&found, storage);
  if (err == 0) err = check_heap(&found);
  if (err < 0) return err;
  *control = found;
  return 0;
}
