/* SPDX-License-Identifier: MIT */

/* Locks of open file descriptions (Linux), held by a mapping.
 *
 * An OFD lock lives as long as its description, and a description lives as long
 * as a descriptor or a mapping refers to it. So: open the file anew, lock the
 * byte, map one page of it that may not be touched and that a fork does not
 * copy, close the descriptor. Now the lock lives exactly as long as this
 * process's address space, whatever ends it: SIGKILL, exit, exec. No child has
 * it, and no descriptor that was passed on. Who opens an object maps it of that
 * description, which does the same (port_carrier.c).
 *
 *   data description   mapped, inherited, passed on; never locks; asks
 *   gate description   opened anew for each gate; locks the gate and, for a
 *                      claim that is made under it, the claim's byte too
 *   claim description  opened anew for a claim without a gate
 *
 * A description is always opened, never dup()ed or received: two processes that
 * share one would both be granted the same byte.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>


int uvshm__posix_data_open(struct uvshm__port_object* object,
                           const char* path,
                           struct stat* st) {
  int flags = object->readonly ? O_RDONLY : O_RDWR;

  /* O_NONBLOCK: a FIFO that somebody planted must not stop us. */
  int fd =
      uvshm__posix_open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  int err;

  if (fd < 0) return -errno;
  if (fstat(fd, st) != 0) {
    err = errno;
    close(fd);
    return -err;
  }
  object->os[UVSHM__OS_FD] = fd;
  uvshm__posix_set_key(object, st);
  return 0;
}


int uvshm__posix_data_adopt(struct uvshm__port_object* object, int fd) {
  struct stat st;
  int err;

  if (fstat(fd, &st) != 0) {
    err = uvshm__posix_error(errno);
    close(fd);
    return err;
  }
  object->os[UVSHM__OS_FD] = fd;
  uvshm__posix_set_key(object, &st);
  return 0;
}


void uvshm__posix_data_close(struct uvshm__port_object* object) {
  close((int) object->os[UVSHM__OS_FD]);
  object->os[UVSHM__OS_FD] = -1;
}


/* A description that can do no more than read is not made from one that can
 * write; it is opened anew. */
int uvshm__posix_data_export(struct uvshm__port_object* object,
                             int readonly,
                             int* fd) {
  int own = (int) object->os[UVSHM__OS_FD];
  char path[64];
  int got;

  if (readonly) {
    snprintf(path, sizeof(path), "/proc/self/fd/%d", own);
    got = uvshm__posix_open(path, O_RDONLY, 0);
  } else {
    got = fcntl(own, F_DUPFD_CLOEXEC, 3);
  }
  if (got < 0) return uvshm__posix_error(errno);
  *fd = got;
  return 0;
}


void uvshm__posix_data_export_close(int fd) {
  close(fd);
}


int uvshm__posix_data_import(struct uvshm__port_object* object,
                             int fd,
                             const struct stat* st) {
  object->os[UVSHM__OS_FD] = fd;
  uvshm__posix_set_key(object, st);
  return 0;
}


/* Is it the object's file? */
static int is_object(const struct uvshm__port_object* object,
                     const char* path,
                     int fd,
                     struct stat* st) {
  if (fstat(fd, st) != 0) return uvshm__posix_error(errno);
  if (uvshm__posix_same_key(object, st)) return 0;
  return path != NULL ? UV_ENXIO : UV_ENOTSUP;
}


/* With the gate ours: does the name still lead to it? In memory a file has one
 * name, so that one without is one that was removed. In other folders people
 * make links. */
static int is_named(const struct uvshm__port_object* object,
                    const char* path,
                    const struct stat* st) {
  if (st->st_nlink == 1 && uvshm__posix_in_memory(object)) return 0;
  return uvshm__posix_leads_here(object, path);
}


/* A new description of what the path leads to, or of the object's file. Process
 * lock held until it is closed. UV_ENXIO: the path leads nowhere. */
static int open_description(const struct uvshm__port_object* object,
                            const char* path,
                            int* description) {
  int flags = object->readonly ? O_RDONLY : O_RDWR;
  char buffer[64];
  const char* at = path;
  int fd;

  if (path == NULL) {
    snprintf(buffer,
             sizeof(buffer),
             "/proc/self/fd/%d",
             (int) object->os[UVSHM__OS_FD]);
    at = buffer;
  } else {
    flags |= O_NOFOLLOW;
  }
  fd = uvshm__posix_open(at, flags | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) {
    if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)
      return path != NULL ? UV_ENXIO : UV_ENOTSUP; /* no /proc */
    return uvshm__posix_error(errno);
  }
  *description = fd;
  return 0;
}


static int set_lock(int fd, uint64_t byte, short type) {
  return uvshm__posix_set_lock(fd, F_OFD_SETLK, byte, type);
}


int uvshm__posix_gate(struct uvshm__port_object* object, const char* path) {
  int fd = -1;
  int err = open_description(object, path, &fd);
  struct stat st;
  int locked;

  if (err < 0) return err;
  locked = set_lock(fd, UVSHM__BYTE_GATE, object->readonly ? F_RDLCK : F_WRLCK);
  /* Of a file that took the place of ours meanwhile the lock says nothing. */
  err = is_object(object, path, fd, &st);
  if (err == 0) err = locked;
  if (err == 0 && path != NULL) err = is_named(object, path, &st);
  if (err < 0) {
    if (locked == 0) set_lock(fd, UVSHM__BYTE_GATE, F_UNLCK);
    close(fd);
    return err;
  }
  uvshm__posix_set_key(object, &st); /* of a size that stays, but for growth */
  object->os[UVSHM__OS_GATE] = fd;
  return 0;
}


/* The gate goes by an unlock of its byte, not by the close: claims keep the
 * description alive, and a child between vfork() and exec() may have a copy. */
void uvshm__posix_ungate(struct uvshm__port_object* object) {
  struct uvshm__holds* holds =
      (struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];
  struct uvshm__hold* hold;
  int fd = (int) object->os[UVSHM__OS_GATE];

  for (hold = holds != NULL ? holds->first : NULL; hold != NULL;
       hold = hold->next)
    hold->gate = -1;
  uvshm__posix_carrier_settle(holds);
  set_lock(fd, UVSHM__BYTE_GATE, F_UNLCK);
  close(fd);
  object->os[UVSHM__OS_GATE] = -1;
}


/* May this claim use the gate's own description? One claim may: with two, the
 * description would outlive the first that is given back. */
static int gate_is_free(const struct uvshm__port_object* object) {
  const struct uvshm__holds* holds =
      (const struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];
  const struct uvshm__hold* hold;

  if (object->os[UVSHM__OS_GATE] < 0) return 0;
  for (hold = holds->first; hold != NULL; hold = hold->next)
    if (hold->gate >= 0) return 0;
  return 1;
}


/* Of what has no name a child may know no more than its addresses. */
int uvshm__posix_carrier_fd(const struct uvshm__port_object* object) {
  const struct uvshm__holds* holds =
      (const struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];

  if (object->origin == UVSHM__PORT_ANONYMOUS || !gate_is_free(object) ||
      holds->carrier != NULL)
    return -1;
  return (int) object->os[UVSHM__OS_GATE];
}


static int open_object(const struct uvshm__port_object* object,
                       const char* path,
                       int* fd) {
  int err = open_description(object, path, fd);
  struct stat st;

  if (err < 0) return err;
  err = is_object(object, path, *fd, &st);
  if (err < 0) close(*fd);
  return err;
}


/* The path first, since /proc need not be there; but the path may be gone. */
static int open_for_claim(const struct uvshm__port_object* object, int* fd) {
  int err = UV_ENXIO;

  if (object->os[UVSHM__OS_NAMED])
    err = open_object(object, object->system_name, fd);
  if (err == UV_ENXIO) err = open_object(object, NULL, fd);
  return err;
}


static int keep_in_page(struct uvshm__hold* hold, int fd) {
  size_t size = (size_t) uvshm__port_page_size();
  void* page = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
  int err;

  if (page == MAP_FAILED) return uvshm__posix_error(errno);
  if (madvise(page, size, MADV_DONTFORK) != 0) {
    err = uvshm__posix_error(errno);
    munmap(page, size);
    return err;
  }
  hold->page = page;
  return 0;
}


/* The claim's description stays alive as long as the claim. */
static int keep(struct uvshm__port_object* object,
                struct uvshm__hold* hold,
                int fd) {
  const struct uvshm__holds* holds =
      (const struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];

  if (fd == (int) object->os[UVSHM__OS_GATE] && holds->carrier != NULL)
    return 0;
  return keep_in_page(hold, fd);
}


int uvshm__posix_hold(struct uvshm__port_object* object,
                      struct uvshm__hold* hold,
                      int exclusive) {
  int shares = gate_is_free(object);
  int fd = (int) object->os[UVSHM__OS_GATE];
  int err;

  if (!shares) {
    err = open_for_claim(object, &fd);
    if (err < 0) return err;
  }
  err = set_lock(fd, hold->byte, exclusive ? F_WRLCK : F_RDLCK);
  if (err == UV_EAGAIN) err = UV_EBUSY;
  if (err == 0) {
    err = keep(object, hold, fd);
    if (err < 0 && shares) set_lock(fd, hold->byte, F_UNLCK);
  }
  if (!shares)
    close(fd);
  else if (err == 0)
    hold->gate = fd;
  return err;
}


void uvshm__posix_release(struct uvshm__hold* hold) {
  if (hold->gate >= 0) set_lock(hold->gate, hold->byte, F_UNLCK);
  if (hold->page != NULL) munmap(hold->page, (size_t) uvshm__port_page_size());
}


/* The page did not come along, and what lies at its address now is not ours to
 * unmap. */
void uvshm__posix_forget(struct uvshm__hold* hold) {
  (void) hold;
}


/* The data description owns no lock, so it is shown every lock, those of this
 * process too. */
int uvshm__posix_probe(struct uvshm__port_object* object,
                       uint64_t from,
                       uint64_t size,
                       int* held) {
  return uvshm__posix_get_lock(
      (int) object->os[UVSHM__OS_FD], F_OFD_GETLK, from, size, held);
}
