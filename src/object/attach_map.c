/* SPDX-License-Identifier: MIT */

/* What of an object is mapped where.
 *
 *   a segment, a lock   one view of everything from offset 0, so that core code
 *                       can go from any offset to any other
 *   a region            one view of the control area, shared; one of the bytes
 *                       that the caller asked for, which may be a window, read
 *                       only or copy-on-write
 *   a plain object      only the bytes
 *
 * Views are as large as the object may become, so growth moves nothing. When
 * address space is short a view is smaller, and the object's growth beyond it
 * is refused to this process alone.
 */

#include "object/attach.h"

#include "base/align.h"
#include "base/asan.h"
#include "base/error.h"
#include "core/control.h"
#include "object/marks.h"

#include <string.h>


static int is_region(const struct uvshm__attach* attach) {
  return attach->kind == UVSHM_KIND_REGION;
}


/* A view that was just mapped; whoever unmaps it ends its guard. */
static int guard_view(struct uvshm__attach* attach,
                      const struct uvshm__port_view* view) {
  int err = 0;

  if (!attach->guarded) return 0;
  if (attach->guard.os == 0) {
    err = uvshm__port_guard_begin(&attach->guard);
    if (attach->guard.os != 0) attach->lineage_word = attach->guard.lineage;
  }
  if (err == 0 && attach->guard.os != 0)
    err = uvshm__port_guard_add(&attach->guard, view);
  return err;
}


/* A mapping that carries the claim is cheaper than a claim beside it. But
 * guards put other memory in a view's place, a managed file needs its view
 * longer than its claim, and a child gets no huge pages. */
static uint32_t wants_of(const struct uvshm__attach* attach) {
  if (attach->huge && !is_region(attach)) return UVSHM__PORT_HUGE;
  if (attach->guarded || attach->lifetime == UVSHM_LIFETIME_FILE) return 0;
  return UVSHM__PORT_CARRIER;
}


int uvshm__attach_map_control(struct uvshm__attach* attach,
                              const struct uvshm__control* control) {
  struct uvshm__core* core = &attach->core;
  uint64_t size = is_region(attach) ? control->control_size : control->reserve;
  uint64_t least =
      is_region(attach) ? control->control_size : control->committed;
  int err;

  err = uvshm__port_map(&attach->control,
                        &attach->object,
                        0,
                        size,
                        least,
                        attach->readonly ? UVSHM__PORT_READ : UVSHM__PORT_WRITE,
                        wants_of(attach));
  if (err == 0) err = guard_view(attach, &attach->control);
  if (err < 0) return err;
  core->base = attach->control.addr;
  core->reach = attach->control.size;
  core->peers_max = control->peers_max;
  core->lanes_max = control->lanes_max;
  core->lanes_offset = control->lanes_offset;
  core->objects_max = control->objects_max;
  core->objects_offset = control->objects_offset;
  core->control_size = control->control_size;
  core->heap_offset = control->heap_offset;
  core->heap_zones = control->heap_zones;
  core->reserve = control->reserve;
  core->exists = &attach->exists;
  uvshm__a64_store_relaxed(
      &attach->exists,
      control->committed < core->reach ? control->committed : core->reach);
  uvshm__attach_wire(attach);
  return 0;
}


static uint32_t access_of(const struct uvshm__attach* attach) {
  if (attach->private_copy) return UVSHM__PORT_COPY;
  return attach->readonly ? UVSHM__PORT_READ : UVSHM__PORT_WRITE;
}


static int bad_window(void) {
  return uvshm__fail(UV_EINVAL,
                     "a window begins at a multiple of %llu and lies within "
                     "max_size",
                     (unsigned long long) uvshm__port_alignment());
}


/* Map the window that the request names, out of `start`..`end` of the object,
 * of which `exists` bytes exist already. */
int uvshm__attach_map_window(struct uvshm__attach* attach,
                             const struct uvshm__request* request,
                             uint64_t start,
                             uint64_t end,
                             uint64_t exists) {
  uint64_t size = request->window_size;
  uint64_t least;
  int err;

  if (request->offset % uvshm__port_alignment() != 0) return bad_window();
  if (request->offset > end - start ||
      (request->offset != 0 && request->offset >= attach->max_size))
    return bad_window();
  if (size == 0) size = end - start - request->offset;
  if (size > end - start - request->offset) return bad_window();
  attach->window = request->offset;
  if (size == 0) return 0;

  start += request->offset;
  least = exists > start ? exists - start : 1;
  if (least > size) least = size;
  err = uvshm__port_map(
      &attach->bytes,
      &attach->object,
      start,
      size,
      least,
      access_of(attach),
      request->flags & UVSHM_REGION_HUGE ? UVSHM__PORT_HUGE : 0);
  return err == 0 ? guard_view(attach, &attach->bytes) : err;
}


int uvshm__attach_map_bytes(struct uvshm__attach* attach,
                            const struct uvshm__request* request) {
  if (!is_region(attach)) return 0;
  return uvshm__attach_map_window(attach,
                                  request,
                                  attach->core.control_size,
                                  attach->reserve,
                                  uvshm__attach_committed(attach));
}


void uvshm__attach_unmap(struct uvshm__attach* attach) {
  if (attach->guard.os != 0) {
    uvshm__port_guard_end(&attach->guard);
    attach->lineage_word = uvshm__port_lineage_word();
  }
  if (attach->bytes.addr != NULL) uvshm__port_unmap(&attach->bytes);
  if (attach->control.addr != NULL) {
    /* Something else may be mapped there next. */
    UVSHM__SYNCED();
    UVSHM__UNPOISON(attach->control.addr, (size_t) attach->control.size);
    uvshm__port_unmap(&attach->control);
  }
  memset(&attach->bytes, 0, sizeof(attach->bytes));
  memset(&attach->control, 0, sizeof(attach->control));
  attach->core.base = NULL;
}
