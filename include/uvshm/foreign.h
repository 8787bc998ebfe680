/* SPDX-License-Identifier: MIT */

/* foreign: the shared memory of other programs that this system has.
 *
 *   uvshm_foreign_t* list;
 *   uvshm_foreign_info_t info;
 *   int err = uvshm_foreign_open(&list, 0);
 *   while (err == 0 && (err = uvshm_foreign_next(list, &info)) == 0)
 *     printf("%s %u\n", info.name, info.attached);
 *   uvshm_foreign_close(list);
 *
 * POSIX objects (shm_open) and System V segments, that is what Python, Boost,
 * PHP and old C programs make. To use one, give its name to uvshm_region_open()
 * with UVSHM_REGION_FOREIGN; to remove it, to uvshm_region_unlink() with the
 * same flag. uvshm's own objects are not in this list: name.h lists them. Nor
 * are POSIX semaphores, which lie in /dev/shm too.
 *
 * It also tells what is in use and cannot be found any more: a name that was
 * removed, or was given to something else, while a process still has the old
 * object. Python's tracker does that, and systemd's RemoveIPC.
 *
 * Linux only; elsewhere the open is UV_ENOTSUP. Threads: any, one list each.
 * The open reads /proc/PID/maps of all processes that may be looked at, which
 * takes milliseconds; it waits for nobody.
 */

#ifndef UVSHM_FOREIGN_H_
#define UVSHM_FOREIGN_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who made it. */
typedef enum {
  UVSHM_FOREIGN_POSIX = 1,
  UVSHM_FOREIGN_SYSV = 2
} uvshm_foreign_kind_t;

/* The state of an object: bits. */
#define UVSHM_FOREIGN_REMOVED (1u << 0)  /* it has no name any more, and ends */
                                         /* with its last user */
#define UVSHM_FOREIGN_REPLACED (1u << 1) /* and its name means another one */
#define UVSHM_FOREIGN_LOCKED (1u << 2)   /* System V: never paged out */

typedef struct {
  uvshm_foreign_kind_t kind; /* whose */
  uint32_t state;            /* UVSHM_FOREIGN_REMOVED ... */
  uint32_t key;              /* System V; 0: private, or POSIX */
  uint32_t id;               /* System V */
  uint32_t attached;  /* processes that have it mapped. POSIX: as far as this */
                      /* user may see. System V: mappings, as the kernel says */
  uint32_t owner_uid; /* of whom it is */
  uint32_t mode;      /* permission bits */
  uint32_t own;       /* 1: the calling user's */
  uint32_t creator_pid; /* System V; else 0 */
  uint32_t last_pid;    /* of one that has it mapped, or used it last; or 0 */
  uint64_t size;        /* bytes; of a removed POSIX object what is mapped */
  uint64_t changed_ms;  /* System V: when it was made or its rights changed, */
                        /* Unix time in milliseconds; else 0 */
  char owner[64];       /* user name */
  char name[288]; /* as uvshm_region_open() takes it; raw bytes of another */
                  /* program: escape before printing to a terminal */
} uvshm_foreign_info_t;

typedef struct uvshm_foreign_s uvshm_foreign_t;

/* Look at what there is. `flags`: 0 for this user's, UVSHM_SYSTEM for all that
 * can be seen. The list is a snapshot, sorted: POSIX by name, then System V by
 * id. Free it with uvshm_foreign_close().
 *
 *   0, UV_ENOTSUP, UV_ENOMEM, UV_EINVAL
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_foreign_open(uvshm_foreign_t** list,
                                                     uint32_t flags);

/* The next one: 0, or UV_ENOENT after the last. Makes no system call. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_foreign_next(
    uvshm_foreign_t* list, uvshm_foreign_info_t* info);

/* NULL is fine. */
UVSHM_EXTERN void uvshm_foreign_close(uvshm_foreign_t* list);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_FOREIGN_H_ */
