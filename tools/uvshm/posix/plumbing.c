/* SPDX-License-Identifier: MIT */

#include "plumbing.h"

#include <fcntl.h>
#include <sys/socket.h>

#define PIPE_SIZE (1 << 20)


void plumbing_widen(int fd) {
#if defined(F_SETPIPE_SZ)
  /* Not a pipe, or more than this user may: as it was. */
  (void) fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
#else
  (void) fd;
#endif
}


bool plumbing_has_sockets(void) {
  return true;
}


int plumbing_sockets(int fds[2]) {
  return uv_socketpair(SOCK_STREAM, 0, fds, 0, 0);
}
