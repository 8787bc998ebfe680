/* SPDX-License-Identifier: MIT */

/* Roots and publishing: how a block becomes one that others find. */

#include "uvshm/heap.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/txn.h"
#include "object/lanes.h"
#include "object/name_check.h"
#include "object/named.h"
#include "object/segment.h"

#include <string.h>


static int lane_of(struct uvshm__attach* attach,
                   const char* verb,
                   struct uvshm__lane** lane) {
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (attach->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot %s \"%s\": attached for reading",
                       verb,
                       attach->name);
  err = uvshm__lane_get(attach, lane);
  if (err == 0 && uvshm__lane_in_txn(*lane))
    err = uvshm__fail(UV_EINVAL,
                      "cannot %s \"%s\": this thread is in a "
                      "transaction, which could not take it back",
                      verb,
                      attach->name);
  return err;
}


/* An address in the control area counts too: a root. */
static uint64_t offset_of(const struct uvshm__core* core, const void* address) {
  uintptr_t base = (uintptr_t) core->base;
  uintptr_t at = (uintptr_t) address;

  return at > base && at - base < core->reach ? (uint64_t) (at - base) : 0;
}


int uvshm_heap_publish(uvshm_segment_t* segment,
                       uvshm_ref_t* slot,
                       void* block,
                       void** old) {
  const struct uvshm__core* core = &segment->attach->core;
  struct uvshm__lane* lane;
  uint64_t ref = 0;
  uint64_t gone;
  int err = lane_of(segment->attach, "publish in", &lane);

  if (err < 0) return err;
  if (block != NULL) {
    ref = uvshm__heap_ref(core, block);
    if (ref == 0)
      return uvshm__fail(
          UV_EINVAL, "cannot publish %p: it is not in the heap", block);
  }
  err = uvshm__heap_publish(lane, offset_of(core, slot), ref, &gone);
  if (err < 0) return err;
  /* All of the block, for AddressSanitizer. */
  if (old != NULL)
    *old = gone == 0 ? NULL
                     : uvshm__heap_at(core, gone, uvshm__heap_size(core, gone));
  return 0;
}

/* ---- roots --------------------------------------------------------------- */

UVSHM__RARE static void format_root(void* body, uint32_t argument) {
  (void) argument;
  memset(body, 0, UVSHM__ENTRY_BODY);
}


/* For reading: no open bit, so the word may be another's one day; what it says
 * is checked like everything that is read. */
static int find_root(struct uvshm__attach* attach,
                     const char* name,
                     uvshm_ref_t** slot) {
  struct uvshm__directory_ref ref;
  int err = uvshm__attach_usable(attach);

  if (err == 0) err = uvshm__name_check(name);
  if (err < 0) return err;
  err =
      uvshm__directory_find(&attach->core, name, (uint32_t) strlen(name), &ref);
  if (err < 0)
    return uvshm__fail(err, "there is no \"%s\" in \"%s\"", name, attach->name);
  if (ref.type != UVSHM__TYPE_ROOT)
    return uvshm__fail(UV_EPROTOTYPE, "\"%s\" is another kind of object", name);
  *slot = uvshm__directory_body(&attach->core, ref.index);
  return 0;
}


/* The count of this process's handles stays: it is closed with the segment. */
int uvshm_heap_root(uvshm_segment_t* segment,
                    const char* name,
                    uvshm_ref_t** slot) {
  struct uvshm__named_request request;
  struct uvshm__named named;
  int err;

  if (segment->attach->readonly) return find_root(segment->attach, name, slot);
  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_ROOT;
  request.format_body = format_root;
  err = uvshm__named_open(&named, &request);
  if (err < 0) return err;
  *slot = named.body;
  return 0;
}


UVSHM__RARE int uvshm_heap_unlink(uvshm_segment_t* segment, const char* name) {
  struct uvshm__attach* attach = segment->attach;
  struct uvshm__lane* lane;
  uvshm_ref_t* slot;
  int err = lane_of(attach, "unlink a root of", &lane);

  if (err == 0) err = find_root(attach, name, &slot);
  if (err < 0) return err;
  err = uvshm__heap_remove_root(lane, offset_of(&attach->core, slot), name);
  if (err == UV_EBUSY)
    return uvshm__fail(
        err, "cannot unlink \"%s\": a block is linked there", name);
  if (err < 0)
    return uvshm__fail(err, "there is no \"%s\" in \"%s\"", name, attach->name);
  return 0;
}
