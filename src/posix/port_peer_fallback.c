/* SPDX-License-Identifier: MIT */

/* Locks of the process, which every POSIX system has. The kernel takes them
 * back when the process ends, or execs (every descriptor here is O_CLOEXEC); a
 * forked child does not have them.
 *
 * A process never meets its own locks. So the file's entry (inode.h) remembers
 * what this process holds, and the kernel is asked only about the others.
 */

#include "inode.h"

#include <fcntl.h>

/* An exclusive lock needs a descriptor that may write. */
static int lock_descriptor(const struct uvshm__inode* inode) {
  if (inode->fd[UVSHM__FOR_WRITING] >= 0) return inode->fd[UVSHM__FOR_WRITING];
  return inode->fd[UVSHM__FOR_READING];
}


int uvshm__posix_gate(struct uvshm__port_object* object, const char* path) {
  struct uvshm__inode* inode = uvshm__inode_of(object);
  short type = inode->fd[UVSHM__FOR_WRITING] >= 0 ? F_WRLCK : F_RDLCK;
  int fd = lock_descriptor(inode);
  int err;

  if (inode->gate) return UV_EAGAIN;
  err = uvshm__posix_set_lock(fd, F_SETLK, UVSHM__BYTE_GATE, type);
  if (err < 0) return err;
  if (path != NULL) err = uvshm__posix_leads_here(object, path);
  if (err < 0) {
    uvshm__posix_set_lock(fd, F_SETLK, UVSHM__BYTE_GATE, F_UNLCK);
    return err;
  }
  inode->gate = 1;
  return 0;
}


void uvshm__posix_ungate(struct uvshm__port_object* object) {
  struct uvshm__inode* inode = uvshm__inode_of(object);

  uvshm__posix_set_lock(
      lock_descriptor(inode), F_SETLK, UVSHM__BYTE_GATE, F_UNLCK);
  inode->gate = 0;
}


/* Does this process hold one of [from, from + size)? `size` 0: to the end. What
 * a parent held does not count. */
static int held_here(const struct uvshm__inode* inode,
                     uint64_t from,
                     uint64_t size) {
  const struct uvshm__hold* hold;

  for (hold = inode->holds; hold != NULL; hold = hold->peer)
    if (hold->lineage == uvshm__port_lineage() && hold->byte >= from &&
        (size == 0 || hold->byte - from < size))
      return 1;
  return 0;
}


int uvshm__posix_hold(struct uvshm__port_object* object,
                      struct uvshm__hold* hold,
                      int exclusive) {
  struct uvshm__inode* inode = uvshm__inode_of(object);
  int err;

  if (held_here(inode, hold->byte, 1)) return UV_EBUSY;
  err = uvshm__posix_set_lock(lock_descriptor(inode),
                              F_SETLK,
                              hold->byte,
                              exclusive ? F_WRLCK : F_RDLCK);
  if (err < 0) return err == UV_EAGAIN ? UV_EBUSY : err;
  hold->inode = inode;
  hold->peer = inode->holds;
  inode->holds = hold;
  inode->users++;
  return 0;
}


/* Locks of the process need no mapping. */
int uvshm__posix_carrier_fd(const struct uvshm__port_object* object) {
  (void) object;
  return -1;
}


void uvshm__posix_forget(struct uvshm__hold* hold) {
  struct uvshm__hold** at = &hold->inode->holds;

  while (*at != hold) at = &(*at)->peer;
  *at = hold->peer;
  uvshm__inode_leave(hold->inode);
}


void uvshm__posix_release(struct uvshm__hold* hold) {
  uvshm__posix_set_lock(
      lock_descriptor(hold->inode), F_SETLK, hold->byte, F_UNLCK);
  uvshm__posix_forget(hold);
}


int uvshm__posix_probe(struct uvshm__port_object* object,
                       uint64_t from,
                       uint64_t size,
                       int* held) {
  struct uvshm__inode* inode = uvshm__inode_of(object);
  int err = 0;

  uvshm__port_process_lock();
  if (held_here(inode, from, size))
    *held = 1;
  else
    err = uvshm__posix_get_lock(
        lock_descriptor(inode), F_GETLK, from, size, held);
  uvshm__port_process_unlock();
  return err;
}
