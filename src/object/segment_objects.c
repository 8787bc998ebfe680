/* SPDX-License-Identifier: MIT */

/* How many handles of each object in a segment this process has. Others see one
 * bit: open or not. */

#include "object/segment.h"

#include "base/error.h"

#include <stdlib.h>


struct uvshm__attach* uvshm__segment_attach(struct uvshm_segment_s* segment) {
  return segment->attach;
}


int uvshm__segment_retain(struct uvshm_segment_s* segment,
                          const struct uvshm__directory_ref* ref) {
  struct handles* handles;
  int err;

  if (segment->handles == NULL)
    segment->handles =
        calloc(segment->attach->core.objects_max, sizeof(segment->handles[0]));
  if (segment->handles == NULL)
    return uvshm__fail(UV_ENOMEM, "no private memory");
  handles = &segment->handles[ref->index];
  uvshm__a32_store_relaxed(&segment->attach->traces, 1);
  /* Handles of an earlier object in this entry, which was removed before this
   * forked process rejoined, do not have the new one open. */
  if (handles->count == 0 || handles->ref.generation != ref->generation)
    err = uvshm__directory_open(&segment->attach->core, ref);
  else
    err = uvshm__directory_usable(&segment->attach->core, ref);
  if (err < 0) return err;
  handles->count++;
  handles->ref = *ref;
  return 0;
}


void uvshm__segment_release(struct uvshm_segment_s* segment,
                            const struct uvshm__directory_ref* ref) {
  if (--segment->handles[ref->index].count == 0)
    uvshm__directory_close(&segment->attach->core, ref->index);
}
