/* SPDX-License-Identifier: MIT */

/* map, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access,
                    uint32_t wants) {
  (void) view;
  (void) object;
  (void) offset;
  (void) size;
  (void) at_least;
  (void) access;
  (void) wants;
  return UV_ENOSYS;
}


void uvshm__port_unmap(struct uvshm__port_view* view) {
  (void) view;
}


int uvshm__port_remap(struct uvshm__port_view* view) {
  (void) view;
  return UV_ENOSYS;
}


int uvshm__port_grow(struct uvshm__port_object* object,
                     struct uvshm__port_view* view,
                     uvshm__a64_t* committed,
                     uint64_t to) {
  (void) object;
  (void) view;
  (void) committed;
  (void) to;
  return UV_ENOSYS;
}


void uvshm__port_trim(struct uvshm__port_object* object, uint64_t to) {
  (void) object;
  (void) to;
}


int uvshm__port_exists(struct uvshm__port_object* object,
                       const struct uvshm__port_view* view,
                       uint64_t* size) {
  (void) object;
  (void) view;
  (void) size;
  return UV_ENOSYS;
}


int uvshm__port_protect(void* addr, uint64_t size, uint32_t access) {
  (void) addr;
  (void) size;
  (void) access;
  return UV_ENOSYS;
}


int uvshm__port_sync(struct uvshm__port_object* object,
                     void* addr,
                     uint64_t size,
                     int wait) {
  (void) object;
  (void) addr;
  (void) size;
  (void) wait;
  return UV_ENOSYS;
}


int uvshm__port_prefault(void* addr, uint64_t size, int writable) {
  (void) addr;
  (void) size;
  (void) writable;
  return UV_ENOSYS;
}


int uvshm__port_pin(void* addr, uint64_t size) {
  (void) addr;
  (void) size;
  return UV_ENOSYS;
}


int uvshm__port_huge(void* addr, uint64_t size, uint32_t* got) {
  (void) addr;
  (void) size;
  (void) got;
  return UV_ENOSYS;
}


int uvshm__port_takes_calls(const struct uvshm__port_object* object) {
  (void) object;
  return 0;
}


int uvshm__port_read_at(struct uvshm__port_object* object,
                        uint64_t at,
                        void* bytes,
                        size_t size) {
  (void) object;
  (void) at;
  (void) bytes;
  (void) size;
  return UV_ENOSYS;
}


int uvshm__port_write_at(struct uvshm__port_object* object,
                         uint64_t at,
                         const void* bytes,
                         size_t size) {
  (void) object;
  (void) at;
  (void) bytes;
  (void) size;
  return UV_ENOSYS;
}
