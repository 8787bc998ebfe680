/* SPDX-License-Identifier: MIT */

/* wait, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_wait(struct uvshm__port_object* object,
                     const uvshm__a32_t* word,
                     uint32_t value,
                     uint32_t lane,
                     uint32_t timeout_ms) {
  (void) object;
  (void) word;
  (void) value;
  (void) lane;
  (void) timeout_ms;
  return UV_ENOSYS;
}


void uvshm__port_wake(struct uvshm__port_object* object,
                      const uvshm__a32_t* word,
                      uint32_t lane,
                      uint32_t count) {
  (void) object;
  (void) word;
  (void) lane;
  (void) count;
}


void uvshm__port_wait_forget(struct uvshm__port_object* object, uint32_t lane) {
  (void) object;
  (void) lane;
}
