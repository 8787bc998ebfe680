/* SPDX-License-Identifier: MIT */

/* One entry for each file that this process has open, for locks of the process.
 * The kernel drops all of those on a file when *any* descriptor of it is
 * closed. So the entry has at most one descriptor for reading and one for
 * reading and writing, which all objects share; any other one that was opened
 * by the way is kept until the entry ends, with the last object and the last
 * claim.
 *
 * What is left: code outside uvshm that opens and closes a managed file itself,
 * or a second copy of uvshm in the same process, drops our locks. Both are
 * documented as unsupported.
 */

#include "inode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct uvshm__inode* inodes;


struct uvshm__inode* uvshm__inode_of(const struct uvshm__port_object* object) {
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
void uvshm__inode_leave(struct uvshm__inode* inode) {
  struct uvshm__inode** at;
  struct uvshm__spare* spare;

  if (--inode->users > 0) return;
  for (at = &inodes; *at != inode; at = &(*at)->next) continue;
  *at = inode->next;
  while ((spare = inode->spares) != NULL) {
    inode->spares = spare->next;
    close(spare->fd);
    free(spare);
  }
  if (inode->fd[UVSHM__FOR_READING] >= 0) close(inode->fd[UVSHM__FOR_READING]);
  if (inode->fd[UVSHM__FOR_WRITING] >= 0) close(inode->fd[UVSHM__FOR_WRITING]);
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
  inode->fd[UVSHM__FOR_READING] = -1;
  inode->fd[UVSHM__FOR_WRITING] = -1;
  inode->next = inodes;
  inodes = inode;
  return inode;
}


/* The entry gets `fd`, if it has none of that mode. Otherwise it becomes a
 * spare; `spare` was got beforehand, since a descriptor that cannot be kept
 * could not be closed either. */
static void keep_descriptor(struct uvshm__inode* inode,
                            int fd,
                            int mode,
                            struct uvshm__spare* spare) {
  if (inode->fd[mode] < 0) {
    inode->fd[mode] = fd;
    free(spare);
    return;
  }
  spare->fd = fd;
  spare->next = inode->spares;
  inode->spares = spare;
}


/* `fd` is handed over. */
static int take_descriptor(struct uvshm__port_object* object,
                           int fd,
                           int mode,
                           struct uvshm__spare* spare,
                           struct stat* st) {
  struct uvshm__inode* inode;

  /* It was opened a moment ago: this fails only on what can hold no lock. */
  if (fstat(fd, st) != 0) {
    mode = errno;
    close(fd);
    free(spare);
    return -mode;
  }
  inode = find_inode(st);
  if (inode == NULL) inode = add_inode(st);
  if (inode == NULL) {
    close(fd); /* no entry, so no lock of ours to lose */
    free(spare);
    return UV_ENOMEM;
  }
  keep_descriptor(inode, fd, mode, spare);
  join_inode(object, inode, mode, st);
  return 0;
}


static int open_locked(struct uvshm__port_object* object,
                       const char* path,
                       struct stat* st) {
  int mode = object->readonly ? UVSHM__FOR_READING : UVSHM__FOR_WRITING;
  int flags = mode == UVSHM__FOR_READING ? O_RDONLY : O_RDWR;
  struct uvshm__inode* inode;
  struct uvshm__spare* spare;
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
  struct uvshm__spare* spare = malloc(sizeof(*spare));
  struct stat st;
  int err;

  if (spare == NULL) {
    close(fd); /* a new file: nobody has a lock on it */
    return UV_ENOMEM;
  }
  uvshm__port_process_lock();
  err = take_descriptor(object, fd, UVSHM__FOR_WRITING, spare, &st);
  uvshm__port_process_unlock();
  return err < 0 ? uvshm__posix_error(-err) : 0;
}


/* The entry's descriptor for reading, opened if there is none yet. Only where a
 * descriptor can be opened anew by its number; elsewhere /dev/fd/N, if there is
 * such a thing, gives a copy that can still write. */
static int reading_descriptor(struct uvshm__inode* inode) {
  char path[64];
  int fd;

  if (inode->fd[UVSHM__FOR_READING] >= 0) return 0;
  snprintf(
      path, sizeof(path), "/proc/self/fd/%d", inode->fd[UVSHM__FOR_WRITING]);
  fd = uvshm__posix_open(path, O_RDONLY, 0);
  if (fd < 0) return errno == ENOENT ? UV_ENOTSUP : uvshm__posix_error(errno);
  inode->fd[UVSHM__FOR_READING] = fd;
  return 0;
}


/* Not a copy: closing it would drop our locks. */
int uvshm__posix_data_export(struct uvshm__port_object* object,
                             int readonly,
                             int* fd) {
  struct uvshm__inode* inode = uvshm__inode_of(object);
  int err = 0;

  if (inode == NULL) return UV_ENOTSUP;
  uvshm__port_process_lock();
  if (readonly) err = reading_descriptor(inode);
  if (err == 0)
    *fd = readonly ? inode->fd[UVSHM__FOR_READING]
                   : (int) object->os[UVSHM__OS_FD];
  uvshm__port_process_unlock();
  return err;
}


static int is_of(const struct uvshm__inode* inode, int fd) {
  return inode->fd[UVSHM__FOR_READING] == fd ||
         inode->fd[UVSHM__FOR_WRITING] == fd;
}


void uvshm__posix_data_export_close(int fd) {
  struct uvshm__inode* inode;

  uvshm__port_process_lock();
  for (inode = inodes; inode != NULL && !is_of(inode, fd);) inode = inode->next;
  if (inode == NULL) close(fd);
  uvshm__port_process_unlock();
}


int uvshm__posix_data_import(struct uvshm__port_object* object,
                             int fd,
                             const struct stat* st) {
  int mode = object->readonly ? UVSHM__FOR_READING : UVSHM__FOR_WRITING;
  struct uvshm__spare* spare = malloc(sizeof(*spare));
  struct uvshm__inode* inode;
  int err = 0;

  if (spare == NULL) return UV_ENOMEM;
  uvshm__port_process_lock();
  inode = find_inode(st);
  if (inode == NULL) inode = add_inode(st);
  if (inode == NULL) {
    err = UV_ENOMEM;
    free(spare);
  } else {
    if (is_of(inode, fd))
      free(spare); /* it never left this process */
    else
      keep_descriptor(inode, fd, mode, spare);
    join_inode(object, inode, mode, st);
  }
  uvshm__port_process_unlock();
  return err;
}


/* Memory that other software made has no entry. */
void uvshm__posix_data_close(struct uvshm__port_object* object) {
  struct uvshm__inode* inode = uvshm__inode_of(object);

  if (inode == NULL) {
    close((int) object->os[UVSHM__OS_FD]);
  } else {
    uvshm__port_process_lock();
    uvshm__inode_leave(inode);
    uvshm__port_process_unlock();
  }
  object->os[UVSHM__OS_INODE] = 0;
  object->os[UVSHM__OS_FD] = -1;
}
