/* SPDX-License-Identifier: MIT */

/* Locks of the process, which every POSIX system has. The kernel takes them back
 * when the process ends, or execs (every descriptor here is O_CLOEXEC); a
 * forked child does not have them. Two things make them hard to use:
 *
 *   - Closing *any* descriptor of a file drops all locks of the process on it.
 *     So there is one entry for each file that this process has open, with at
 *     most one descriptor for reading and one for reading and writing, which
 *     all objects share; any other descriptor that was opened by the way is
 *     kept until the entry ends, with the last object and the last claim.
 *   - A process never meets its own locks. So the entry remembers what this
 *     process holds, and the kernel is asked only about the others.
 *
 * What is left: code outside uvshm that opens and closes a managed file itself,
 * or a second copy of uvshm in the same process, drops our locks. Both are
 * documented as unsupported.
 *
 *   entry ends <=> users == 0,  users == objects + holds of this file
 *
 * All of it is under the process lock.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  FOR_READING,
  FOR_WRITING
};

/* A descriptor that may not be closed yet. */
struct spare {
  struct spare* next;
  int fd;
};

struct uvshm__inode {
  struct uvshm__inode* next;
  struct uvshm__hold* holds;
  struct spare* spares;
  uint64_t key[2];
  uint32_t users;
  int fd[2];
  int gate; /* 1: an object of this process has the gate */
};

static struct uvshm__inode* inodes;


static struct uvshm__inode* inode_of(const struct uvshm__port_object* object) {
  return (struct uvshm__inode*) object->os[UVSHM__OS_INODE];
}


static struct uvshm__inode* find_inode(const struct stat* st) {
  struct uvshm__inode* inode;

  for (inode = inodes; inode != NULL; inode = inode->next)
    if (inode->key[0] == (uint64_t) st->st_dev &&
        inode->key[1] == (uint64_t) st->st_ino)
      return inode;
  return NULL;
}


/* A user less. With the last one all descriptors go, and with them all locks of
 * this process, of which there are none by then. */
static void leave_inode(struct uvshm__inode* inode) {
  struct uvshm__inode** at;
  struct spare* spare;

  if (--inode->users > 0) return;
  for (at = &inodes; *at != inode; at = &(*at)->next) continue;
  *at = inode->next;
  while ((spare = inode->spares) != NULL) {
    inode->spares = spare->next;
    close(spare->fd);
    free(spare);
  }
  if (inode->fd[FOR_READING] >= 0) close(inode->fd[FOR_READING]);
  if (inode->fd[FOR_WRITING] >= 0) close(inode->fd[FOR_WRITING]);
  free(inode);
}


static void join_inode(struct uvshm__port_object* object,
                       struct uvshm__inode* inode,
                       int mode,
                       const struct stat* st) {
  inode->users++;
  object->os[UVSHM__OS_INODE] = (intptr_t) inode;
  object->os[UVSHM__OS_FD] = inode->fd[mode];
  uvshm__posix_set_key(object, st);
}


static struct uvshm__inode* add_inode(const struct stat* st) {
  struct uvshm__inode* inode = calloc(1, sizeof(*inode));

  if (inode == NULL) return NULL;
  inode->key[0] = (uint64_t) st->st_dev;
  inode->key[1] = (uint64_t) st->st_ino;
  inode->fd[FOR_READING] = -1;
  inode->fd[FOR_WRITING] = -1;
  inode->next = inodes;
  inodes = inode;
  return inode;
}


/* The file of `fd` gets it, if it has none of that mode. Otherwise it becomes a
 * spare; `spare` was got beforehand, since a descriptor that cannot be kept
 * could not be closed either. */
static struct uvshm__inode* give_descriptor(const struct stat* st,
                                            int fd,
                                            int mode,
                                            struct spare* spare) {
  struct uvshm__inode* inode = find_inode(st);

  if (inode == NULL) {
    inode = add_inode(st);
    if (inode == NULL) {
      close(fd); /* no entry, so no lock of ours to lose */
      free(spare);
      return NULL;
    }
  }
  if (inode->fd[mode] < 0) {
    inode->fd[mode] = fd;
    free(spare);
  } else {
    spare->fd = fd;
    spare->next = inode->spares;
    inode->spares = spare;
  }
  return inode;
}


/* `fd` is handed over. */
static int take_descriptor(struct uvshm__port_object* object,
                           int fd,
                           int mode,
                           struct spare* spare,
                           struct stat* st) {
  struct uvshm__inode* inode;

  /* It was opened a moment ago: this fails only on what can hold no lock. */
  if (fstat(fd, st) != 0) {
    mode = errno;
    close(fd);
    free(spare);
    return -mode;
  }
  inode = give_descriptor(st, fd, mode, spare);
  if (inode == NULL) return UV_ENOMEM;
  join_inode(object, inode, mode, st);
  return 0;
}


static int open_locked(struct uvshm__port_object* object,
                       const char* path,
                       struct stat* st) {
  int mode = object->readonly ? FOR_READING : FOR_WRITING;
  int flags = mode == FOR_READING ? O_RDONLY : O_RDWR;
  struct uvshm__inode* inode;
  struct spare* spare;
  int fd;

  /* Look before opening: what is open already is not opened again. */
  if (lstat(path, st) != 0) return -errno;
  if (!S_ISREG(st->st_mode)) return -ENXIO;
  inode = find_inode(st);
  if (inode != NULL && inode->fd[mode] >= 0) {
    join_inode(object, inode, mode, st);
    return 0;
  }
  spare = malloc(sizeof(*spare));
  if (spare == NULL) return UV_ENOMEM;
  fd = uvshm__posix_open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) {
    fd = -errno;
    free(spare);
    return fd;
  }
  return take_descriptor(object, fd, mode, spare, st);
}


int uvshm__posix_data_open(struct uvshm__port_object* object,
                           const char* path,
                           struct stat* st) {
  int err;

  uvshm__port_process_lock();
  err = open_locked(object, path, st);
  uvshm__port_process_unlock();
  return err;
}


int uvshm__posix_data_adopt(struct uvshm__port_object* object, int fd) {
  struct spare* spare = malloc(sizeof(*spare));
  struct stat st;
  int err;

  if (spare == NULL) {
    close(fd); /* a new file: nobody has a lock on it */
    return UV_ENOMEM;
  }
  uvshm__port_process_lock();
  err = take_descriptor(object, fd, FOR_WRITING, spare, &st);
  uvshm__port_process_unlock();
  return err < 0 ? uvshm__posix_error(-err) : 0;
}


/* Memory that other software made has no entry. */
void uvshm__posix_data_close(struct uvshm__port_object* object) {
  struct uvshm__inode* inode = inode_of(object);

  if (inode == NULL) {
    close((int) object->os[UVSHM__OS_FD]);
  } else {
    uvshm__port_process_lock();
    leave_inode(inode);
    uvshm__port_process_unlock();
  }
  object->os[UVSHM__OS_INODE] = 0;
  object->os[UVSHM__OS_FD] = -1;
}


/* An exclusive lock needs a descriptor that may write. */
static int lock_descriptor(const struct uvshm__inode* inode) {
  if (inode->fd[FOR_WRITING] >= 0) return inode->fd[FOR_WRITING];
  return inode->fd[FOR_READING];
}


int uvshm__posix_gate(struct uvshm__port_object* object, const char* path) {
  struct uvshm__inode* inode = inode_of(object);
  short type = inode->fd[FOR_WRITING] >= 0 ? F_WRLCK : F_RDLCK;
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
  struct uvshm__inode* inode = inode_of(object);

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
  struct uvshm__inode* inode = inode_of(object);
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


void uvshm__posix_forget(struct uvshm__hold* hold) {
  struct uvshm__hold** at = &hold->inode->holds;

  while (*at != hold) at = &(*at)->peer;
  *at = hold->peer;
  leave_inode(hold->inode);
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
  struct uvshm__inode* inode = inode_of(object);
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
