/* SPDX-License-Identifier: MIT */

/* Handing an object over to another process: not here. */

#include "base/error.h"
#include "port.h"


int uvshm__port_export(struct uvshm__port_object* object,
                       uint32_t readonly,
                       intptr_t* handle) {
  (void) object;
  (void) readonly;
  (void) handle;
  return UV_ENOSYS;
}


void uvshm__port_export_close(intptr_t handle) {
  (void) handle;
}


int uvshm__port_import(struct uvshm__port_object* object, intptr_t handle) {
  (void) object;
  (void) handle;
  return UV_ENOSYS;
}


int uvshm__port_send(intptr_t handle, intptr_t pipe, uint64_t timeout_ms) {
  (void) handle;
  (void) pipe;
  (void) timeout_ms;
  return UV_ENOSYS;
}


int uvshm__port_receive(struct uvshm__port_object* object,
                        intptr_t pipe,
                        uint64_t timeout_ms) {
  (void) object;
  (void) pipe;
  (void) timeout_ms;
  return UV_ENOSYS;
}
