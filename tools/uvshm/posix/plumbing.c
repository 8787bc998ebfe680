/* SPDX-License-Identifier: MIT */

#include "plumbing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
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


bool plumbing_ignores(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}


static void on_poke(int signal) {
  (void) signal;
}


/* SIGURG does nothing by itself, and nothing here has urgent data. */
void plumbing_poke(const uv_thread_t* thread) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_poke; /* without SA_RESTART */
  sigaction(SIGURG, &action, NULL);
  pthread_kill(*thread, SIGURG);
}
