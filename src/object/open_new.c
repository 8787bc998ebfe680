/* SPDX-License-Identifier: MIT */

/* Making an object: memory that nobody can find, then its bytes, then its name.
 * The name is the commit. A maker that dies before leaves nothing behind where
 * the backend can make unnamed memory, and litter that nobody attaches to where
 * it cannot.
 */

#include "object/attach.h"

#include "base/align.h"
#include "base/error.h"
#include "core/control.h"
#include "object/name_check.h"
#include "port_caps.h"

#include <string.h>


static uint32_t lifetime_of(const struct uvshm__request* request) {
  if (request->flags & UVSHM_FILE) return UVSHM_LIFETIME_FILE;
  if (request->flags & UVSHM_KEEP) return UVSHM_LIFETIME_KEEP;
  return UVSHM_LIFETIME_LAST_CLOSE;
}


static int plan(struct uvshm__control* control,
                const struct uvshm__request* request) {
  uint64_t largest = request->max_size != 0 ? request->max_size : request->size;
  int err;

  memset(control, 0, sizeof(*control));
  if (largest < request->size)
    return uvshm__fail(UV_EINVAL, "max_size is smaller than size");
  control->kind = request->kind;
  control->lifetime = lifetime_of(request);
  control->system = (request->flags & UVSHM_SYSTEM) != 0;
  control->liveness = UVSHM__PORT_LIVENESS;
  control->waiting = UVSHM__PORT_WAITING;
  control->peers_max = request->peers;
  control->lanes_max = request->threads;
  control->objects_max = request->objects;
  control->size = request->size;
  control->max_size = largest;
  control->created_ms = uvshm__port_wall_ms();
  control->creator_pid = uvshm__port_pid();
  if (request->name != NULL && !(request->flags & UVSHM_FILE)) {
    const char* name = uvshm__name_last(request->name, request->flags);

    control->name_size = (uint32_t) strlen(name);
    memcpy(control->name, name, control->name_size);
  }
  err = uvshm__control_plan(control);
  if (err < 0) return uvshm__fail(err, "the sizes are too large");
  err = uvshm__port_random(control->id, sizeof(control->id));
  if (err < 0) return err;
  err = uvshm__port_boot_id(control->boot);
  if (err == UV_ENOTSUP && control->lifetime == UVSHM_LIFETIME_LAST_CLOSE)
    err = 0;
  return err;
}


/* Everything between "memory exists" and "it has a name". */
static int furnish(struct uvshm__attach* attach,
                   const struct uvshm__request* request,
                   const struct uvshm__control* control) {
  int err;

  attach->lifetime = control->lifetime;
  attach->system = control->system;
  attach->max_size = control->max_size;
  attach->reserve = control->reserve;
  attach->created_ms = control->created_ms;
  attach->creator_pid = control->creator_pid;
  uvshm__port_identify(&attach->object, control->id);
  if (attach->object.origin == UVSHM__PORT_FILE) {
    err = uvshm__attach_test_file(&attach->object);
    if (err < 0) return err;
  }
  err = uvshm__attach_map_control(attach, control);
  if (err < 0) return err;
  uvshm__control_format(attach->core.base, control);
  if (request->format_root != NULL)
    request->format_root(attach->core.base + UVSHM__ROOT_OFFSET,
                         request->root_argument);
  err = uvshm__attach_map_bytes(attach, request);
  if (err < 0) return err;
  return uvshm__attach_join(attach, NULL);
}


int uvshm__attach_new(struct uvshm__attach* attach,
                      const struct uvshm__request* request,
                      const struct uvshm__port_spec* given) {
  struct uvshm__port_spec spec = *given;
  struct uvshm__control control;
  int err;

  if (spec.origin == UVSHM__PORT_RAW_FILE || spec.origin == UVSHM__PORT_FOREIGN)
    return uvshm__attach_new_plain(attach, request, given);

  err = plan(&control, request);
  if (err < 0) return err;
  spec.reserve = control.reserve;
  spec.readonly = 0;
  err = uvshm__port_make(&attach->object, &spec, control.committed);
  if (err < 0) return err;

  err = furnish(attach, request, &control);
  if (err == 0) {
    uvshm__control_commit(attach->core.base);
    err = uvshm__port_publish(&attach->object);
    if (err == 0) {
      uvshm__port_gate_leave(&attach->object);
      return 0;
    }
    uvshm__attach_unjoin(attach);
  }
  uvshm__attach_unmap(attach);
  uvshm__port_drop(&attach->object);
  return err;
}
