/* SPDX-License-Identifier: MIT */

/* Mappings. One mapping is made as large as the object may ever become; growth
 * by any process is then seen in it at once, and no address changes. */

#include "posix.h"

#include "core/control_layout.h"

#include <errno.h>
#include <unistd.h>

#include <sys/mman.h>

/* Values of the kernel, for libcs that do not know them yet. */
#if defined(__linux__) && !defined(MADV_POPULATE_READ)
# define MADV_POPULATE_READ 22
# define MADV_POPULATE_WRITE 23
#endif


static int prot_of(uint32_t access) {
  switch (access) {
    case UVSHM__PORT_READ:
      return PROT_READ;
    case UVSHM__PORT_WRITE:
    case UVSHM__PORT_COPY:
      return PROT_READ | PROT_WRITE;
    default:
      return PROT_NONE;
  }
}


/* A copy promises no memory for pages that were not written to. */
static int flags_of(uint32_t access) {
  int flags = access == UVSHM__PORT_COPY ? MAP_PRIVATE : MAP_SHARED;

#ifdef MAP_NORESERVE
  if (access == UVSHM__PORT_COPY) flags |= MAP_NORESERVE;
#endif
  return flags;
}


static int map_once(void** addr,
                    uint64_t offset,
                    uint64_t size,
                    uint32_t access,
                    int fd,
                    uint32_t huge) {
  int prot = prot_of(access);
  int flags = flags_of(access);
  void* got;

  if (size > SIZE_MAX / 2) return UV_ENOMEM;
  if (huge)
    return uvshm__posix_map_huge(addr, fd, offset, (size_t) size, prot, flags);
  got = mmap(NULL, (size_t) size, prot, flags, fd, (off_t) offset);
  if (got == MAP_FAILED) return uvshm__posix_error(errno);
  *addr = got;
  return 0;
}


/* Half, in whole granules, but not less than `at_least`. */
static uint64_t smaller(uint64_t size, uint64_t at_least) {
  uint64_t half = size / 2 / UVSHM__GRANULE * UVSHM__GRANULE;

  return half > at_least ? half : at_least;
}


/* Whose mapping is it to be? */
static int descriptor_for(const struct uvshm__port_object* object,
                          uint64_t offset,
                          uint32_t access,
                          uint32_t wants,
                          int* carries) {
  int fd = -1;

  if (wants == UVSHM__PORT_CARRIER && offset == 0 &&
      access != UVSHM__PORT_COPY && !object->os[UVSHM__OS_SYSV])
    fd = uvshm__posix_carrier_fd(object);
  *carries = fd >= 0;
  return fd >= 0 ? fd : (int) object->os[UVSHM__OS_FD];
}


/* A claim must not outlive this process in a child. */
static int begin_to_carry(struct uvshm__port_view* view,
                          struct uvshm__port_object* object) {
  int err;

#ifdef MADV_DONTFORK
  if (madvise(view->addr, (size_t) view->size, MADV_DONTFORK) != 0)
    err = uvshm__posix_error(errno);
  else
#endif
    err = uvshm__posix_carrier_begin(view, object, prot_of(view->access));
  if (err < 0) munmap(view->addr, (size_t) view->size);
  return err;
}


int uvshm__port_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access,
                    uint32_t wants) {
  struct uvshm__port_view made = {0};
  uint32_t huge = wants & UVSHM__PORT_HUGE;
  int carries;
  int fd;
  int err;

  if (size == 0 || at_least > size || offset > INT64_MAX ||
      size > INT64_MAX - offset || offset % uvshm__port_alignment() != 0)
    return UV_EINVAL;
  if (access == UVSHM__PORT_WRITE && object->readonly) return UV_EACCES;
  if (object->os[UVSHM__OS_SYSV])
    return uvshm__sysv_map(view, object, offset, size, at_least, access);

  fd = descriptor_for(object, offset, access, wants, &carries);
  while ((err = map_once(&made.addr, offset, size, access, fd, huge)) ==
             UV_ENOMEM &&
         size > at_least)
    size = smaller(size, at_least);
  if (err < 0) return err;
  made.size = size;
  made.offset = offset;
  made.access = access;
  if (carries) err = begin_to_carry(&made, object);
  if (err < 0) return err;
  if (huge) uvshm__port_huge(made.addr, size, &made.huge);
  *view = made;
  return 0;
}


void uvshm__port_unmap(struct uvshm__port_view* view) {
  if (view->carrier != 0) {
    uvshm__posix_carrier_end(view);
    return;
  }
  if (uvshm__sysv_unmap(view->addr)) return;
  munmap(view->addr, (size_t) view->size);
}


int uvshm__port_protect(void* addr, uint64_t size, uint32_t access) {
  if (mprotect(addr, (size_t) size, prot_of(access)) == 0) return 0;
  return uvshm__posix_error(errno);
}


int uvshm__port_sync(struct uvshm__port_object* object,
                     void* addr,
                     uint64_t size,
                     int wait) {
  if (object->os[UVSHM__OS_SYSV]) return 0; /* has no file */
  if (msync(addr, (size_t) size, wait ? MS_SYNC : MS_ASYNC) == 0) return 0;
  return uvshm__posix_error(errno);
}


/* One access to each page. Adding nothing writes without changing a byte, and
 * without undoing what another process stores at the same time. */
static void touch(void* addr, uint64_t size, int writable) {
  uint64_t page = uvshm__port_page_size();
  uvshm__a32_t* word;
  uint64_t at;

  for (at = 0; at < size; at += page) {
    word = (uvshm__a32_t*) (void*) ((unsigned char*) addr + at);
    if (writable)
      uvshm__a32_add(word, 0);
    else
      uvshm__a32_load_relaxed(word);
  }
}


int uvshm__port_prefault(void* addr, uint64_t size, int writable) {
#if defined(MADV_POPULATE_READ) && !defined(UVSHM__PORT_FALLBACK)
  int advice = writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

  for (;;) {
    if (madvise(addr, (size_t) size, advice) == 0) return 0;
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno != EINVAL && errno != ENOSYS) return uvshm__posix_error(errno);
    break; /* a kernel before 5.14 */
  }
#endif
  touch(addr, size, writable);
  return 0;
}


int uvshm__port_pin(void* addr, uint64_t size) {
  if (mlock(addr, (size_t) size) == 0) return 0;
  /* All ways to say that the limit of locked memory is too low. */
  if (errno == EPERM || errno == EAGAIN) return UV_ENOMEM;
  return uvshm__posix_error(errno);
}
