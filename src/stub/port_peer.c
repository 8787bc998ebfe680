/* SPDX-License-Identifier: MIT */

/* peer, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_claim(struct uvshm__port_claim* claim,
                      struct uvshm__port_object* object,
                      uint32_t slot) {
  (void) claim;
  (void) object;
  (void) slot;
  return UV_ENOSYS;
}


void uvshm__port_unclaim(struct uvshm__port_claim* claim) {
  (void) claim;
}


int uvshm__port_alive(struct uvshm__port_object* object,
                      uint32_t slot,
                      int* alive) {
  (void) object;
  (void) slot;
  (void) alive;
  return UV_ENOSYS;
}


int uvshm__port_peer_test(struct uvshm__port_object* object) {
  (void) object;
  return UV_ENOSYS;
}
