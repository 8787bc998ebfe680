/* SPDX-License-Identifier: MIT */

#include "plumbing.h"


/* Who makes a pipe says how large it is, and nobody later. */
void plumbing_widen(int fd) {
  (void) fd;
}
