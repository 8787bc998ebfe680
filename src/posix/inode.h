/* SPDX-License-Identifier: MIT */

/* The fallback's entry for each file that this process has open: made by
 * port_inode_fallback.c, which says why, and used by port_peer_fallback.c. */

#ifndef UVSHM_POSIX_INODE_H_
#define UVSHM_POSIX_INODE_H_

#include "posix.h"

enum {
  UVSHM__FOR_READING,
  UVSHM__FOR_WRITING
};

/* A descriptor that may not be closed yet. */
struct uvshm__spare {
  struct uvshm__spare* next;
  int fd;
};

/* The entry ends with its last user: users == objects + holds of this file. All
 * of it is under the process lock. */
struct uvshm__inode {
  struct uvshm__inode* next;
  struct uvshm__hold* holds;
  struct uvshm__spare* spares;
  uint64_t key[2];
  uint32_t users;
  int fd[2]; /* FOR_READING, FOR_WRITING; -1: none yet */
  int gate;  /* 1: an object of this process has the gate */
};

struct uvshm__inode* uvshm__inode_of(const struct uvshm__port_object* object);

/* A user less. */
void uvshm__inode_leave(struct uvshm__inode* inode);

#endif /* UVSHM_POSIX_INODE_H_ */
