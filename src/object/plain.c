/* SPDX-License-Identifier: MIT */

/* Objects without a control area: the caller's own file as plain bytes, and
 * memory that other software made. uvshm maps them and keeps nothing in them,
 * so there are no peers, no lifetime and no repair. What the system says of the
 * size when the object is opened is the size.
 */

#include "object/attach.h"

#include "base/error.h"

#include <string.h>


static int is_foreign(const struct uvshm__attach* attach) {
  return attach->object.origin == UVSHM__PORT_FOREIGN;
}


/* A raw file may be mapped beyond its end, to grow into; foreign memory is as
 * large as it is. */
static int furnish(struct uvshm__attach* attach,
                   const struct uvshm__request* request) {
  uint64_t end = attach->object.storage;

  attach->plain = 1;
  attach->lifetime =
      is_foreign(attach) ? UVSHM_LIFETIME_FOREIGN : UVSHM_LIFETIME_FILE;
  attach->readonly =
      attach->readonly || (attach->object.readonly && !attach->private_copy);
  uvshm__a64_store_relaxed(&attach->plain_size, end);
  if (!is_foreign(attach) && !attach->object.readonly &&
      request->max_size > end)
    end = request->max_size;
  attach->max_size = end;
  attach->reserve = end;
  return uvshm__attach_map_window(
      attach, request, 0, end, attach->object.storage);
}


int uvshm__attach_plain(struct uvshm__attach* attach,
                        const struct uvshm__request* request) {
  int err;

  if (request->size > attach->object.storage)
    return uvshm__fail(UV_ENOSPC,
                       "it has %llu bytes, %llu were asked for",
                       (unsigned long long) attach->object.storage,
                       (unsigned long long) request->size);
  err = furnish(attach, request);
  if (err < 0) uvshm__attach_unmap(attach);
  return err;
}


int uvshm__attach_new_plain(struct uvshm__attach* attach,
                            const struct uvshm__request* request,
                            const struct uvshm__port_spec* given) {
  struct uvshm__port_spec spec = *given;
  int err;

  if (request->size == 0)
    return uvshm__fail(UV_EINVAL, "its size must be given to make it");
  if (request->max_size != 0 && request->max_size < request->size)
    return uvshm__fail(UV_EINVAL, "max_size is smaller than size");
  spec.reserve =
      request->max_size > request->size ? request->max_size : request->size;
  spec.readonly = 0;
  err = uvshm__port_make(&attach->object, &spec, request->size);
  if (err < 0) return err;
  err = furnish(attach, request);
  if (err == 0) {
    err = uvshm__port_publish(&attach->object);
    if (err == 0) {
      uvshm__port_gate_leave(&attach->object);
      return 0;
    }
  }
  uvshm__attach_unmap(attach);
  uvshm__port_drop(&attach->object);
  return err;
}
