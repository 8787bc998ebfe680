/* SPDX-License-Identifier: MIT */

/* errno, and the one error that can be mended: too few descriptors. */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/resource.h>

#ifdef __APPLE__
# include <limits.h> /* OPEN_MAX */
#endif


/* libuv's codes are negated errno values here. Only those that would mean
 * something else to our callers, or that libuv has no name for, are listed. */
int uvshm__posix_error(int err) {
  switch (err) {
    case 0:
      return UV_EIO; /* a failure that left no reason */
    case ELOOP:
      return UV_EINVAL; /* O_NOFOLLOW met a symbolic link */
    case EISDIR:
      return UV_EINVAL;
    case ENOLCK:
      return UV_ENOTSUP; /* a file system without locks */
    case EDQUOT:
    case EFBIG:
      return UV_ENOSPC;
#if EOPNOTSUPP != ENOTSUP
    case EOPNOTSUPP:
      return UV_ENOTSUP;
#endif
    default:
      return uv_translate_sys_error(err);
  }
}


int uvshm__posix_more_descriptors(void) {
  struct rlimit limit;
  rlim_t most;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  most = limit.rlim_max;
#ifdef __APPLE__
  /* The hard limit may say "infinite", which setting refuses. */
  if (most > OPEN_MAX) most = OPEN_MAX;
#endif
  if (limit.rlim_cur >= most) return 0;
  limit.rlim_cur = most;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}


int uvshm__posix_open(const char* path, int flags, mode_t mode) {
  int raised = 0;
  int fd;

  for (;;) {
    fd = open(path, flags | O_CLOEXEC, mode);
    if (fd >= 0) return fd;
    if (errno == EINTR) continue;
    if (errno != EMFILE || raised) return -1;
    raised = uvshm__posix_more_descriptors();
    if (!raised) {
      errno = EMFILE;
      return -1;
    }
  }
}


long uvshm__posix_read(const char* path, void* bytes, size_t size) {
  size_t done = 0;
  ssize_t count;
  int fd = uvshm__posix_open(path, O_RDONLY, 0);

  if (fd < 0) return uvshm__posix_error(errno);
  while (done < size) {
    count = read(fd, (char*) bytes + done, size - done);
    if (count == 0 || (count < 0 && errno != EINTR)) break;
    if (count > 0) done += (size_t) count;
  }
  close(fd);
  return (long) done;
}
