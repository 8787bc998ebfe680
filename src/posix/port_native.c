/* SPDX-License-Identifier: MIT */

/* native: POSIX has no lock with a name that tells of its owner's death. */

#include "port.h"

#include "base/error.h"


int uvshm__port_native_open(struct uvshm__port_native* native,
                            const struct uvshm__port_spec* spec,
                            uint32_t make,
                            uint32_t* made) {
  (void) native;
  (void) spec;
  (void) make;
  (void) made;
  return UV_ENOTSUP;
}


void uvshm__port_native_close(struct uvshm__port_native* native) {
  (void) native;
}


int uvshm__port_native_lock(struct uvshm__port_native* native,
                            uint64_t timeout_ms) {
  (void) native;
  (void) timeout_ms;
  return UV_ENOTSUP;
}


int uvshm__port_native_unlock(struct uvshm__port_native* native) {
  (void) native;
  return UV_ENOTSUP;
}


void uvshm__port_native_cancel(struct uvshm__port_native* native) {
  (void) native;
}


int uvshm__port_native_read(const struct uvshm__port_native* native,
                            struct uvshm__port_native_facts* facts) {
  (void) native;
  (void) facts;
  return UV_ENOTSUP;
}
