/* SPDX-License-Identifier: MIT */

/* Taking a name away. Under the gate, so that nobody attaches in between; who
 * is attached keeps the memory, and the name is free at once. */

#include "object/unlink.h"

#include "base/error.h"
#include "core/control.h"
#include "object/name_check.h"
#include "port.h"
#include "port_caps.h"

#include <string.h>

/* As long as an open waits for a busy gate by default. */
#define TRIES 5000
#define YIELDS 20


int uvshm__find_by_name(struct uvshm__port_object* object,
                        const char* name,
                        uint32_t flags) {
  struct uvshm__port_spec spec;
  uint32_t tries;
  int err;

  if (flags & ~(UVSHM_SYSTEM | UVSHM_FILE | UVSHM_MANAGED | UVSHM_DIR))
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  if (flags & UVSHM_FILE && flags & UVSHM_DIR)
    return uvshm__fail(UV_EINVAL, "its flags contradict each other");
  if (flags & UVSHM_FILE && !(flags & UVSHM_MANAGED))
    return uvshm__fail(UV_EINVAL, "a plain file is the caller's own to remove");
  if (!(flags & UVSHM_FILE)) {
    err = uvshm__name_check_in(name, flags);
    if (err < 0) return err;
  }
  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.origin = flags & UVSHM_FILE ? UVSHM__PORT_FILE : UVSHM__PORT_NAMED;
  spec.system = (flags & UVSHM_SYSTEM) != 0;
  spec.dir = (flags & UVSHM_DIR) != 0;
  for (tries = 0; tries < TRIES; tries++) {
    err = uvshm__port_find(object, &spec);
    if (err == 0) return 0;
    if (err != UV_EAGAIN) break;
    if (tries < YIELDS)
      uvshm__port_yield();
    else
      uvshm__port_sleep_ms(1);
  }
  if (err == UV_ENOENT && !(flags & (UVSHM_FILE | UVSHM_DIR)))
    return uvshm__fail(err,
                       "there is no \"%s\" (%s, in %s)",
                       name,
                       flags & UVSHM_SYSTEM ? "of the system" : "of this user",
                       UVSHM__PORT_PLACE);
  return err == UV_EAGAIN ? UV_ETIMEDOUT : err;
}


/* A damaged object may be removed by whoever does not care what it is. */
static int may_unlink(struct uvshm__port_object* object, uint32_t kind) {
  struct uvshm__control control;
  int err;

  if (kind == UVSHM_KIND_UNKNOWN) return 0;
  err = uvshm__attach_examine(object, kind, &control);
  return err == UVSHM__GONE ? 0 : err;
}


static int unlink_foreign(const char* name) {
  unsigned int failures = uvshm__error_count();
  int err = name != NULL ? uvshm__port_unlink_foreign(name) : UV_EINVAL;

  if (err == 0) return 0;
  return uvshm__fail(err,
                     "cannot unlink \"%s\": %s",
                     name != NULL ? name : "",
                     uvshm__reason(err, failures));
}


int uvshm__attach_unlink(const char* name, uint32_t flags, uint32_t kind) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__port_object object;
  int err;

  if (kind == UVSHM_KIND_REGION && flags == UVSHM_REGION_FOREIGN)
    return unlink_foreign(name);
  err = uvshm__find_by_name(&object, name, flags);
  if (err == UV_ENOENT && uvshm__error_count() != failures) return err;
  if (err == 0) {
    err = may_unlink(&object, kind);
    if (err == 0) err = uvshm__port_unlink(&object);
    uvshm__port_drop(&object);
  }
  if (err < 0)
    return uvshm__fail(err,
                       "cannot unlink \"%s\": %s",
                       name != NULL ? name : "",
                       uvshm__reason(err, failures));
  return 0;
}
