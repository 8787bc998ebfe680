/* SPDX-License-Identifier: MIT */

/* Making bytes exist, so that touching them is never a fault for lack of room.
 *
 * A bare ftruncate() promises pages that a full file system does not have, and
 * the promise is broken by SIGBUS. fallocate() gets them or says ENOSPC, never
 * shrinks and never changes a byte, so growers need not know of each other.
 *
 * Where it is missing, zeros are written behind the end of the file. Then two
 * growers would matter: the slower one would write zeros over what was written
 * to memory after the faster one was done. So they take a byte lock in turn,
 * and what lies before the end of the file is never written. The kernel takes
 * the lock back from a dead grower, and the end of the file tells how far it
 * came.
 */

#include "posix.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#define CHUNK 65536u


/* Beyond the limit of file sizes a write is not only refused: the process gets
 * SIGXFSZ. */
int uvshm__posix_may_write(uint64_t to) {
  struct rlimit limit;

  if (to > INT64_MAX) return 0;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  return limit.rlim_cur == RLIM_INFINITY || to <= (uint64_t) limit.rlim_cur;
}


static int write_zeros(int fd, uint64_t from, uint64_t to) {
  static unsigned char zeros[CHUNK]; /* not const: in .bss it takes no file */
  size_t size;
  ssize_t count;

  while (from < to) {
    size = to - from < CHUNK ? (size_t) (to - from) : CHUNK;
    count = pwrite(fd, zeros, size, (off_t) from);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return uvshm__posix_error(errno);
    if (count == 0) return UV_ENOSPC;
    from += (uint64_t) count;
  }
  return 0;
}


static int size_of(int fd, uint64_t* size) {
  struct stat st;

  if (fstat(fd, &st) != 0) return uvshm__posix_error(errno);
  *size = (uint64_t) st.st_size;
  return 0;
}


int uvshm__posix_fill(int fd, uint64_t from, uint64_t to) {
  int err;

  if (!uvshm__posix_may_write(to)) return UV_ENOSPC;
  if (from >= to) return 0;
  err = uvshm__posix_allocate(fd, from, to);
  return err == UV_ENOTSUP ? write_zeros(fd, from, to) : err;
}


/* Holding the grow lock. What was written in vain is given back: nobody else
 * grows now, and no committed byte is cut off, since those lie before `end`. */
static int write_behind_end(int fd, uint64_t to) {
  uint64_t end = 0;
  int err;

  err = size_of(fd, &end);
  if (err < 0 || end >= to) return err;
  err = write_zeros(fd, end, to);
  if (err < 0 && ftruncate(fd, (off_t) end) != 0)
    return err; /* the room stays taken; the next grower finds it written */
  return err;
}


static int grow_in_turn(struct uvshm__port_object* object, uint64_t to) {
  struct uvshm__port_claim turn;
  int err;

  while ((err = uvshm__posix_claim_byte(&turn, object, UVSHM__BYTE_GROW, 1)) ==
         UV_EBUSY)
    uvshm__port_sleep_ms(1);
  if (err < 0) return err;
  err = write_behind_end((int) object->os[UVSHM__OS_FD], to);
  uvshm__port_unclaim(&turn);
  return err;
}


static void raise_to(uvshm__a64_t* committed, uint64_t to) {
  uint64_t now = uvshm__a64_load_acquire(committed);

  while (now < to && !uvshm__a64_cas(committed, now, to))
    now = uvshm__a64_load_acquire(committed);
}


int uvshm__port_grow(struct uvshm__port_object* object,
                     struct uvshm__port_view* view,
                     uvshm__a64_t* committed,
                     uint64_t to) {
  uint64_t from = uvshm__a64_load_acquire(committed);
  int fd = (int) object->os[UVSHM__OS_FD];
  uint64_t end = 0;
  int err;

  (void) view;
  if (object->os[UVSHM__OS_HOLDS] == 0) return UV_ENOTSUP;
  if (object->readonly) return UV_EACCES;
  if (!uvshm__posix_may_write(to)) return UV_ENOSPC;

  /* The word lies in shared memory: anybody may have written anything. The file
   * is as large as the word says, or one of them is damaged. */
  err = size_of(fd, &end);
  if (err < 0) return err;
  if (from > end || from % uvshm__port_page_size() != 0) return UV_EPROTO;
  if (from >= to) return 0;

  err = uvshm__posix_allocate(fd, from, to);
  if (err == UV_ENOTSUP) err = grow_in_turn(object, to);
  if (err < 0) return err;
  raise_to(committed, to);
  return 0;
}


/* Here a file has what exists, and no more. */
void uvshm__port_trim(struct uvshm__port_object* object, uint64_t to) {
  (void) object;
  (void) to;
}


int uvshm__port_exists(struct uvshm__port_object* object,
                       const struct uvshm__port_view* view,
                       uint64_t* size) {
  (void) view;
  if (object->os[UVSHM__OS_HOLDS] == 0) return UV_ENOTSUP;
  return size_of((int) object->os[UVSHM__OS_FD], size);
}
