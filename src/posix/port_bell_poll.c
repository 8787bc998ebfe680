/* SPDX-License-Identifier: MIT */

/* Bells that a loop polls itself. Linux opens both ends of a FIFO at once: the
 * owner never sees its end, and who rings is no writer without a reader, whom
 * SIGPIPE would kill.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>


static int open_fifo(const char* path) {
  struct stat st;
  int fd = uvshm__posix_open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW, 0);

  if (fd < 0) return -1;
  if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) return fd;
  close(fd);
  errno = EPERM;
  return -1;
}


static int open_ends(struct uvshm__port_bell* bell, const char* path) {
  int fd = open_fifo(path);

  if (fd < 0) return uvshm__posix_error(errno);
  bell->os[UVSHM__BELL_FD] = fd;
  return 0;
}


int uvshm__port_bell_open(struct uvshm__port_bell* bell,
                          struct uvshm__port_object* object,
                          uint32_t slot,
                          uint32_t number) {
  return uvshm__posix_bell_make(bell, object, slot, number, open_ends);
}


void uvshm__port_bell_close(struct uvshm__port_bell* bell, int remove) {
  char* path = (char*) bell->os[UVSHM__BELL_PATH];

  if (path != NULL && remove) (void) unlink(path);
  free(path);
  close((int) bell->os[UVSHM__BELL_FD]);
  bell->os[UVSHM__BELL_PATH] = 0;
}


int uvshm__posix_bell_reach(const char* path) {
  return open_fifo(path);
}


/* A full FIFO rings too. */
void uvshm__posix_bell_write(int fd) {
  while (write(fd, "", 1) < 0 && errno == EINTR) continue;
}


int uvshm__port_bell_fileno(const struct uvshm__port_bell* bell, intptr_t* os) {
  *os = bell->os[UVSHM__BELL_FD];
  return 0;
}


/* One ring for each time that it was armed, as a rule; what is more than this
 * buffer stays readable. */
void uvshm__port_bell_answer(struct uvshm__port_bell* bell) {
  char bytes[64];

  while (read((int) bell->os[UVSHM__BELL_FD], bytes, sizeof(bytes)) < 0 &&
         errno == EINTR)
    continue;
}


int uvshm__port_bell_listen(struct uvshm__port_bell* bell,
                            void (*rung)(void* arg),
                            void* arg) {
  (void) bell;
  (void) rung;
  (void) arg;
  return UV_ENOTSUP;
}


void uvshm__port_bell_ignore(struct uvshm__port_bell* bell) {
  (void) bell;
}
