/* SPDX-License-Identifier: MIT */

/* Getting pages by fallocate() (Linux), of the new range only. On tmpfs it is
 * all or nothing. On a disk file system a failure may leave the file partly
 * grown, which is why nobody takes the file's size for what is committed.
 *
 * Not posix_fallocate(): where the call is missing, glibc reads and rewrites a
 * byte of every block, and so may undo what another process stores meanwhile.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>


int uvshm__posix_allocate(int fd, uint64_t from, uint64_t to) {
  while (fallocate(fd, 0, (off_t) from, (off_t) (to - from)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)
      return UV_ENOTSUP;
    return uvshm__posix_error(errno);
  }
  return 0;
}
