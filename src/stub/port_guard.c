/* SPDX-License-Identifier: MIT */

/* guard, for a system that has nothing. */

#include "port.h"

#include "base/error.h"


int uvshm__port_guard_begin(struct uvshm__port_guard* guard) {
  (void) guard;
  return UV_ENOSYS;
}


int uvshm__port_guard_add(struct uvshm__port_guard* guard,
                          const struct uvshm__port_view* view) {
  (void) guard;
  (void) view;
  return UV_ENOSYS;
}


void uvshm__port_guard_end(struct uvshm__port_guard* guard) {
  (void) guard;
}


int uvshm__port_guard_is_cut(const struct uvshm__port_guard* guard) {
  (void) guard;
  return 0;
}


int uvshm__port_guard_blank(struct uvshm__port_guard* guard) {
  (void) guard;
  return 0;
}


void uvshm__port_guard_rejoin(struct uvshm__port_guard* guard) {
  (void) guard;
}
