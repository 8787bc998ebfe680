/* SPDX-License-Identifier: MIT */

/* sem: a counting semaphore between processes.
 *
 * A semaphore has no owner, so the death of a process that has taken units from
 * it is not noticed: the units are gone. Where that matters, use a mutex.
 *
 * Uncontended, wait and post make no system call and read no clock. Threads: a
 * handle may be used by all threads of its process at once.
 */

#ifndef UVSHM_SEM_H_
#define UVSHM_SEM_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_sem_s uvshm_sem_t;
struct uvshm_segment_s;

/* The largest value. */
#define UVSHM_SEM_VALUE_MAX 0x7fffffffu

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM */
  uint32_t value;      /* first value, when it is made */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint32_t reserved;   /* 0 */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;
  const char* sddl;
  const char* label;
} uvshm_sem_options_t;

typedef struct {
  uint32_t value;   /* units that are there */
  uint32_t waiters; /* threads that sleep for it just now, all processes */
} uvshm_sem_info_t;

/* Find or make the semaphore `name`, in `segment` or, when that is NULL, known
 * by its name alone. Results and rules as uvshm_mutex_open(), but for UV_EACCES
 * where the segment is attached for reading. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_open(
    uvshm_sem_t** sem,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_sem_options_t* options);

/* Give the handle back. NULL is fine. */
UVSHM_EXTERN void uvshm_sem_close(uvshm_sem_t* sem);

/* Remove the name, as uvshm_mutex_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Take one unit, waiting at most `timeout_ms` (0: try once).
 *
 *   0, UV_EAGAIN (none, and timeout_ms was 0), UV_ETIMEDOUT, UV_ECANCELED,
 *   UV_EMFILE (all lanes are taken and it would have to sleep), UV_ENXIO,
 *   UV_ENOTCONN
 *
 * Never on a loop thread with a timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_wait(uvshm_sem_t* sem,
                                                 uint64_t timeout_ms);

/* Add `count` units (1 to UVSHM_SEM_VALUE_MAX) and wake as many sleepers.
 * 0, UV_EOVERFLOW (nothing was added), UV_EINVAL, UV_ENXIO, UV_ENOTCONN. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_post(uvshm_sem_t* sem,
                                                 uint32_t count);

/* Wake this process's own blocked calls, as uvshm_mutex_cancel(). */
UVSHM_EXTERN void uvshm_sem_cancel(uvshm_sem_t* sem);

/* Value and waiters just now. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_info(const uvshm_sem_t* sem,
                                                 uvshm_sem_info_t* info);

/* In a forked child, as uvshm_mutex_rejoin(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_sem_rejoin(uvshm_sem_t* sem);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_SEM_H_ */
