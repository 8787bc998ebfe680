/* SPDX-License-Identifier: MIT */

/* Bytes of an object by pread() and pwrite(). On Linux a file's mappings and
 * its calls share the same pages, so each sees the other at once. It is done
 * for names in /dev/shm alone, which is memory: elsewhere a write may wait for
 * a journal, and in a folder of the caller's choice a file system may keep the
 * two apart.
 *
 * What the kernel copies it may copy in any order. So the callers ask for no
 * more than whole bytes.
 */

#include "posix.h"

#include "port_caps.h"

#include <errno.h>
#include <unistd.h>


/* In front of the limit a write would be a SIGXFSZ. */
int uvshm__port_takes_calls(const struct uvshm__port_object* object) {
  return UVSHM__PORT_TAKES_CALLS && object->origin == UVSHM__PORT_NAMED &&
         !object->dir && !object->readonly &&
         uvshm__posix_may_write(object->storage);
}


static int result_of(ssize_t count, size_t size) {
  if (count < 0) return uvshm__posix_error(errno);
  return (size_t) count == size ? 0 : UV_EPROTO;
}


int uvshm__port_read_at(struct uvshm__port_object* object,
                        uint64_t at,
                        void* bytes,
                        size_t size) {
  int fd = (int) object->os[UVSHM__OS_FD];

  if (!UVSHM__PORT_TAKES_CALLS || fd < 0) return UV_ENOTSUP;
  return result_of(pread(fd, bytes, size, (off_t) at), size);
}


int uvshm__port_write_at(struct uvshm__port_object* object,
                         uint64_t at,
                         const void* bytes,
                         size_t size) {
  int fd = (int) object->os[UVSHM__OS_FD];

  if (!UVSHM__PORT_TAKES_CALLS || fd < 0) return UV_ENOTSUP;
  return result_of(pwrite(fd, bytes, size, (off_t) at), size);
}
