/* SPDX-License-Identifier: MIT */

#include "plumbing.h"


/* Who makes a pipe says how large it is, and nobody later. */
void plumbing_widen(int fd) {
  (void) fd;
}


/* uv_socketpair() makes TCP connections there, and not for children. */
bool plumbing_has_sockets(void) {
  return false;
}


int plumbing_sockets(int fds[2]) {
  (void) fds;
  return UV_ENOTSUP;
}


bool plumbing_ignores(int signal) {
  (void) signal;
  return false;
}


/* Nobody does (stop.h). */
void plumbing_poke(const uv_thread_t* thread) {
  (void) thread;
}
