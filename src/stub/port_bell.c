/* SPDX-License-Identifier: MIT */

/* bell, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_bell_open(struct uvshm__port_bell* bell,
                          struct uvshm__port_object* object,
                          uint32_t slot,
                          uint32_t number) {
  (void) bell;
  (void) object;
  (void) slot;
  (void) number;
  return UV_ENOSYS;
}


void uvshm__port_bell_close(struct uvshm__port_bell* bell, int remove) {
  (void) bell;
  (void) remove;
}


void uvshm__port_bell_ring(struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t generation,
                           uint32_t number) {
  (void) object;
  (void) slot;
  (void) generation;
  (void) number;
}


void uvshm__port_bell_sweep(struct uvshm__port_object* object,
                            uint32_t slot,
                            uint32_t count) {
  (void) object;
  (void) slot;
  (void) count;
}


int uvshm__port_bell_fileno(const struct uvshm__port_bell* bell, intptr_t* os) {
  (void) bell;
  (void) os;
  return UV_ENOSYS;
}


void uvshm__port_bell_answer(struct uvshm__port_bell* bell) {
  (void) bell;
}


int uvshm__port_bell_listen(struct uvshm__port_bell* bell,
                            void (*rung)(void* arg),
                            void* arg) {
  (void) bell;
  (void) rung;
  (void) arg;
  return UV_ENOSYS;
}


void uvshm__port_bell_ignore(struct uvshm__port_bell* bell) {
  (void) bell;
}
