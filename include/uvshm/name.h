/* SPDX-License-Identifier: MIT */

/* name: what there is on this system, whoever made it.
 *
 * One space of names holds objects of every kind. These calls look at them from
 * outside, without becoming a peer, and remove what nobody uses. They never
 * disturb a process that uses an object. Threads: any. They make system calls
 * and do not wait for other processes.
 */

#ifndef UVSHM_NAME_H_
#define UVSHM_NAME_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/region.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a name belongs to. UNKNOWN: that cannot be told. */
typedef enum {
  UVSHM_KIND_UNKNOWN = 0,
  UVSHM_KIND_REGION = 1,
  UVSHM_KIND_SEGMENT = 2,
  UVSHM_KIND_MUTEX = 3,
  UVSHM_KIND_SEM = 4,
  UVSHM_KIND_RWLOCK = 5,
  UVSHM_KIND_COND = 6,
  UVSHM_KIND_EVENT = 7,
  UVSHM_KIND_BARRIER = 8,
  UVSHM_KIND_CHANNEL = 9,
  UVSHM_KIND_CELL = 10
} uvshm_kind_t;

/* How it is with an object. */
typedef enum {
  UVSHM_STATE_LIVE = 0,  /* somebody is attached, or its lifetime is keep */
  UVSHM_STATE_STALE = 1, /* its last user died; gc or the next open clears it */
  UVSHM_STATE_DAMAGED = 2, /* its header cannot be believed */
  UVSHM_STATE_DENIED = 3   /* the rights do not let us look */
} uvshm_state_t;

typedef struct {
  uvshm_kind_t kind;         /* what it is */
  uvshm_state_t state;       /* how it is */
  uvshm_lifetime_t lifetime; /* when it ends */
  uint32_t system;           /* 1: scope system */
  uint32_t peers;            /* alive, as the kernel says */
  uint32_t last_pid;       /* of a peer: the one that died, or one that lives */
  uint32_t creator_pid;    /* as that process saw itself */
  uint32_t owner_uid;      /* POSIX */
  uint32_t mode;           /* POSIX permission bits */
  uint32_t own;            /* 1: the calling user's */
  uint64_t size;           /* in bytes, as region.h has it */
  uint64_t committed_size; /* memory that exists for it */
  uint64_t max_size;       /* the most that it may grow to */
  uint64_t created_ms;     /* Unix time in milliseconds */
  uint32_t locked;         /* a mutex by name alone, or the writer of */
                           /* an rwlock: 1 when held */
  uint32_t lock_pid;       /* by whom */
  uint32_t lock_alive;     /* 1: as the kernel says */
  uint32_t waiters;        /* how many sleep for it */
  uint32_t value;          /* by name alone: a semaphore's value; 1 when */
                           /* an event is set; how many have come to a */
                           /* barrier */
  char owner[64];          /* user name, or SID as text */
  char label[UVSHM_LABEL_SIZE];  /* of last_pid, or of the lock's owner */
  char name[UVSHM_NAME_MAX + 1]; /* raw bytes of another program: escape */
                                 /* before printing to a terminal */
  char system_name[288];         /* as in region.h */
} uvshm_name_info_t;

typedef struct uvshm_names_s uvshm_names_t;

/* List the names that exist now. `flags`: 0 for this user's, UVSHM_SYSTEM for
 * everybody's that can be seen. The list is a snapshot; free it with
 * uvshm_names_close(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_names_open(uvshm_names_t** names,
                                                   uint32_t flags);

/* The same for a folder that holds names by UVSHM_DIR; NULL: the system's
 * place. UV_ENOENT: no such folder; UV_ENOTSUP on Windows. The `name` of what
 * it finds is without the folder. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_names_open_in(uvshm_names_t** names,
                                                      const char* folder,
                                                      uint32_t flags);

/* The next one: 0, or UV_ENOENT after the last. What vanished since the
 * snapshot is left out. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_names_next(uvshm_names_t* names,
                                                   uvshm_name_info_t* info);

/* Free the list. NULL is fine. */
UVSHM_EXTERN void uvshm_names_close(uvshm_names_t* names);

/* What is `name`? `flags`: 0, UVSHM_SYSTEM, UVSHM_DIR, or UVSHM_FILE |
 * UVSHM_MANAGED with a path. 0, UV_ENOENT, UV_EINVAL. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_name_info(const char* name,
                                                  uint32_t flags,
                                                  uvshm_name_info_t* info);

/* Remove a name of any kind, as uvshm_region_unlink() does for regions; also
 * one that is damaged. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_name_unlink(const char* name,
                                                    uint32_t flags);

/* Remove `name` if it is stale: its lifetime ended with its last user, and the
 * kernel proves that nobody is attached.
 *
 *   0          removed
 *   UV_EBUSY   in use, or its lifetime has not ended
 *   UV_ENOENT, UV_EPERM (another user's)
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_name_gc(const char* name,
                                                uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_NAME_H_ */
