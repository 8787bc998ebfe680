/* SPDX-License-Identifier: MIT */

/* macOS has no list of POSIX objects, the BSDs have none of who uses them. */

#include "posix.h"


int uvshm__port_each_foreign(
    int (*each)(void* arg, const struct uvshm__port_foreign* foreign),
    void* arg) {
  (void) each;
  (void) arg;
  return UV_ENOTSUP;
}
