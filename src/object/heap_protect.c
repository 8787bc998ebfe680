/* SPDX-License-Identifier: MIT */

/* Rights of this process alone to a block. The unit of rights is the page, so a
 * block that shares a page with another one, or with the heap's own bytes, is
 * refused: they would lose theirs too. */

#include "uvshm/heap.h"

#include "base/error.h"
#include "object/attach.h"
#include "object/segment.h"
#include "port.h"

static const uint32_t meanings[] = {
    UVSHM__PORT_NONE, UVSHM__PORT_READ, UVSHM__PORT_WRITE};


int uvshm_heap_protect(uvshm_segment_t* segment, void* block, uint32_t access) {
  const struct uvshm__attach* attach = segment->attach;
  unsigned int failures = uvshm__error_count();
  uint64_t page = uvshm__port_page_size();
  uint64_t size;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (access > UVSHM_PROTECT_WRITE)
    return uvshm__fail(UV_EINVAL, "unknown access %u", (unsigned int) access);
  if (access == UVSHM_PROTECT_WRITE && attach->readonly)
    return uvshm__fail(
        UV_EACCES, "cannot widen \"%s\": attached for reading", attach->name);
  size = uvshm_heap_size(segment, block);
  if (size == 0)
    return uvshm__fail(UV_EINVAL, "cannot protect: no block begins there");
  if ((uintptr_t) block % page != 0 || size % page != 0)
    return uvshm__fail(UV_EINVAL,
                       "cannot protect a block of %llu bytes that shares a "
                       "page (of %llu bytes) with others: allocate whole "
                       "pages at a multiple of the page, or use a region",
                       (unsigned long long) size,
                       (unsigned long long) page);
  err = uvshm__port_protect(block, size, meanings[access]);
  if (err >= 0) return 0;
  return uvshm__fail(err,
                     "cannot protect a block of \"%s\": %s",
                     attach->name,
                     uvshm__reason(err, failures));
}
