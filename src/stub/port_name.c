/* SPDX-License-Identifier: MIT */

/* name, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec) {
  (void) object;
  (void) spec;
  return UV_ENOSYS;
}


int uvshm__port_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size) {
  (void) object;
  (void) spec;
  (void) size;
  return UV_ENOSYS;
}


void uvshm__port_identify(struct uvshm__port_object* object,
                          const uint64_t id[2]) {
  object->id[0] = id[0];
  object->id[1] = id[1];
}


int uvshm__port_publish(struct uvshm__port_object* object) {
  (void) object;
  return UV_ENOSYS;
}


int uvshm__port_gate_enter(struct uvshm__port_object* object) {
  (void) object;
  return UV_ENOSYS;
}


void uvshm__port_gate_leave(struct uvshm__port_object* object) {
  (void) object;
}


int uvshm__port_peek(struct uvshm__port_object* object,
                     void* bytes,
                     size_t size) {
  (void) object;
  (void) bytes;
  (void) size;
  return UV_ENOSYS;
}


int uvshm__port_measure(struct uvshm__port_object* object) {
  (void) object;
  return UV_ENOSYS;
}


int uvshm__port_in_use(struct uvshm__port_object* object, int* used) {
  (void) object;
  (void) used;
  return UV_ENOSYS;
}


int uvshm__port_unlink(struct uvshm__port_object* object) {
  (void) object;
  return UV_ENOSYS;
}


void uvshm__port_drop(struct uvshm__port_object* object) {
  (void) object;
}


int uvshm__port_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes) {
  (void) object;
  (void) attributes;
  return UV_ENOSYS;
}


int uvshm__port_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec) {
  (void) object;
  (void) spec;
  return UV_ENOSYS;
}


int uvshm__port_each_name(const char* dir,
                          uint32_t system,
                          int (*each)(void* arg,
                                      const char* name,
                                      const char* system_name),
                          void* arg) {
  (void) dir;
  (void) system;
  (void) each;
  (void) arg;
  return UV_ENOSYS;
}


uint32_t uvshm__port_name_lost(const struct uvshm__port_object* object) {
  (void) object;
  return 0;
}


int uvshm__port_unlink_foreign(const char* name) {
  (void) name;
  return UV_ENOSYS;
}


int uvshm__port_each_foreign(
    int (*each)(void* arg, const struct uvshm__port_foreign* foreign),
    void* arg) {
  (void) each;
  (void) arg;
  return UV_ENOSYS;
}


int uvshm__port_find_system(struct uvshm__port_object* object,
                            const char* system_name) {
  (void) object;
  (void) system_name;
  return UV_ENOSYS;
}
