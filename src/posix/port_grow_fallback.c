/* SPDX-License-Identifier: MIT */

/* Getting pages where there is no fallocate(): port_grow.c writes them. */

#include "posix.h"


int uvshm__posix_allocate(int fd, uint64_t from, uint64_t to) {
  (void) fd;
  (void) from;
  (void) to;
  return UV_ENOTSUP;
}
