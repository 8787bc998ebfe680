/* SPDX-License-Identifier: MIT */

/* cond: waiting, with a mutex, until another process has changed something.
 *
 *   err = uvshm_mutex_lock(lock, UVSHM_FOREVER);
 *   while (err == 0 && *jobs == 0)
 *     err = uvshm_cond_wait(cond, lock, UVSHM_FOREVER);
 *   if (err == UVSHM_OWNER_DIED) mend_jobs();
 *
 * and who changes it
 *
 *   err = uvshm_mutex_lock(lock, UVSHM_FOREVER);
 *   if (err >= 0) *jobs += 1;
 *   uvshm_mutex_unlock(lock);
 *   uvshm_cond_signal(cond);
 *
 * As with every condition variable, a wait may end without a signal: look
 * again, in a loop. Signals are not kept: one that nobody waits for is gone.
 *
 * A signal goes to one thread. When that one dies before it has the mutex
 * again, another one that waits gets the signal in its place, within 50 ms of
 * the kernel knowing of the death. Timeouts are of the monotonic clock.
 *
 * The mutex may be any of uvshm's, in the same segment, in another one or known
 * by its name alone; all who wait at the same time use the same one. Threads: a
 * handle may be used by all threads of its process at once.
 */

#ifndef UVSHM_COND_H_
#define UVSHM_COND_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/mutex.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_cond_s uvshm_cond_t;
struct uvshm_segment_s;

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;
  const char* sddl;
  const char* label;
} uvshm_cond_options_t;

typedef struct {
  uint32_t waiters; /* threads that wait for a signal just now, all processes */
  uint32_t reserved;
} uvshm_cond_info_t;

/* Find or make the condition variable `name`, in `segment` or, when that is
 * NULL, known by its name alone. Results and rules as uvshm_mutex_open(), but
 * for UV_EACCES where the segment is attached for reading. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cond_open(
    uvshm_cond_t** cond,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_cond_options_t* options);

/* Give the handle back. NULL is fine. */
UVSHM_EXTERN void uvshm_cond_close(uvshm_cond_t* cond);

/* Remove the name, as uvshm_mutex_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cond_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Give `mutex` back, which this thread holds, wait for a signal for at most
 * `timeout_ms`, and take the mutex again, for which it waits as long as it
 * takes. From the moment when the mutex is free, a signal counts for us.
 *
 *   0                 look again: there was a signal, or there was none
 *   UVSHM_OWNER_DIED  look again, and mend: whoever held the mutex before us
 *                     died. Also when the time was over or the wait cancelled
 *   UV_ETIMEDOUT      no signal within timeout_ms
 *   UV_ECANCELED      uvshm_cond_cancel() was called
 *   UV_ENXIO          the cond was removed from its segment
 *
 * With these the mutex is held again. Refused before anything was done, so it
 * is held too:
 *
 *   UV_EPERM     this thread does not hold the mutex
 *   UV_EINVAL    it took it more than once (recursive), or in a transaction
 *   UV_EMFILE    all lanes (threads) of the cond's segment are taken
 *   UV_ENXIO     as above, before
 *   UV_ENOTCONN  forked child that has not rejoined
 *
 * And when the mutex could not be had again, which takes damage:
 *
 *   UV_EPROTO    its word is damaged; it is not held
 *
 * Never on a loop thread: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cond_wait(uvshm_cond_t* cond,
                                                  uvshm_mutex_t* mutex,
                                                  uint64_t timeout_ms);

/* Wake one thread that waits, or all. Best called after the mutex was given
 * back; the caller may also hold it. No system call when nobody waits. 0,
 * UV_ENXIO, UV_ENOTCONN. */
UVSHM_EXTERN int uvshm_cond_signal(uvshm_cond_t* cond);
UVSHM_EXTERN int uvshm_cond_broadcast(uvshm_cond_t* cond);

/* Wake this process's own blocked calls, as uvshm_mutex_cancel(); they take the
 * mutex again before they return. */
UVSHM_EXTERN void uvshm_cond_cancel(uvshm_cond_t* cond);

/* How many wait just now. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cond_info(const uvshm_cond_t* cond,
                                                  uvshm_cond_info_t* info);

/* In a forked child, as uvshm_mutex_rejoin(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cond_rejoin(uvshm_cond_t* cond);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_COND_H_ */
