/* SPDX-License-Identifier: MIT */

/* Bytes of an object by pread() and pwrite(). On Linux a file's mappings and
 * its calls share the same pages, so each sees the other at once. It is done
 * for names in memory alone, which /dev/shm is as a rule: elsewhere a write may
 * wait for a journal, and some file systems keep the two apart.
 *
 * What the kernel copies it may copy in any order. So the callers ask for no
 * more than whole bytes.
 */

#include "posix.h"

#include "port_caps.h"

#include <errno.h>
#include <unistd.h>

#if UVSHM__PORT_TAKES_CALLS
# include <sys/vfs.h>
# define TMPFS 0x01021994u
# define RAMFS 0x858458f6u
#endif


/* Asked once for each file system that is not the one asked for last. */
int uvshm__posix_in_memory(const struct uvshm__port_object* object) {
#if UVSHM__PORT_TAKES_CALLS
  static uvshm__a64_t known; /* device */
  struct statfs fs;

  if (object->origin != UVSHM__PORT_NAMED || object->dir) return 0;
  if (uvshm__a64_load_relaxed(&known) == object->key[0]) return 1;
  if (fstatfs((int) object->os[UVSHM__OS_FD], &fs) != 0) return 0;
  if ((uint32_t) fs.f_type != TMPFS && (uint32_t) fs.f_type != RAMFS) return 0;
  uvshm__a64_store_relaxed(&known, object->key[0]);
  return 1;
#else
  (void) object;
  return 0;
#endif
}


/* In front of the limit a write would be a SIGXFSZ. */
int uvshm__port_takes_calls(const struct uvshm__port_object* object) {
  return uvshm__posix_in_memory(object) && !object->readonly &&
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
