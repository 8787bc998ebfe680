/* SPDX-License-Identifier: MIT */

/* barrier: a number of threads, of several processes, wait for each other.
 *
 *   uvshm_barrier_t* barrier;
 *   uvshm_barrier_options_t options = {.count = 4};
 *   err = uvshm_barrier_open(&barrier, NULL, "step", &options);
 *   err = uvshm_barrier_wait(barrier, UVSHM_FOREVER);
 *   if (err == UV_ECONNRESET) return die("one of the four is dead");
 *   if (err > 0) sum_up();
 *
 * When `count` threads have come, all of them go on, and the next round begins.
 *
 * Each process that has the barrier open takes part in it. When one dies (is
 * killed, or ends without a close), the barrier is broken: whoever waits, and
 * whoever comes later, gets UV_ECONNRESET instead of waiting for the dead one,
 * until uvshm_barrier_reset(). Within 50 ms of the kernel knowing of the death.
 * A process that closes its handle has left, and nothing breaks; who waits for
 * it waits on.
 *
 * Threads: a handle may be used by all threads of its process at once.
 */

#ifndef UVSHM_BARRIER_H_
#define UVSHM_BARRIER_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_barrier_s uvshm_barrier_t;
struct uvshm_segment_s;

/* How many may wait for each other. */
#define UVSHM_BARRIER_COUNT_MAX 4095u

/* Of uvshm_barrier_wait(), for one thread of each round. */
#define UVSHM_BARRIER_LAST 1

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM */
  uint32_t count;      /* threads in a round, 1 to UVSHM_BARRIER_COUNT_MAX; */
                       /* 0: as it was made, and it must be there */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint32_t reserved;   /* 0 */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;
  const char* sddl;
  const char* label;
} uvshm_barrier_options_t;

typedef struct {
  uint32_t count;   /* threads in a round */
  uint32_t waiting; /* how many of them have come */
  uint32_t round;   /* rounds before this one, modulo 2^32 */
  uint32_t broken;  /* 1: until it is reset */
} uvshm_barrier_info_t;

/* Find or make the barrier `name`, in `segment` or, when that is NULL, known by
 * its name alone. NULL options: it must be there. UV_EPROTOTYPE when it has
 * another count. Other results and rules as uvshm_mutex_open(), but for
 * UV_EACCES where the segment is attached for reading. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_barrier_open(
    uvshm_barrier_t** barrier,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_barrier_options_t* options);

/* Give the handle back. No thread of the process waits on it. NULL is fine. */
UVSHM_EXTERN void uvshm_barrier_close(uvshm_barrier_t* barrier);

/* Remove the name, as uvshm_mutex_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_barrier_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Come, and wait at most `timeout_ms` until all have come.
 *
 *   UVSHM_BARRIER_LAST  all have come; for one of them, as uv_barrier_wait()
 *   0                   all have come; for the others
 *   UV_EAGAIN           they have not, and timeout_ms was 0
 *   UV_ETIMEDOUT        they have not within timeout_ms
 *   UV_ECONNRESET       broken: one that takes part died, or it was reset while
 *                       we waited
 *   UV_ECANCELED        uvshm_barrier_cancel() was called
 *   UV_EMFILE           all lanes (threads) are taken
 *   UV_ENXIO, UV_ENOTCONN, UV_EPROTO (its word changes without end)
 *
 * After a negative result this thread has not come. Never on a loop thread with
 * a timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_barrier_wait(uvshm_barrier_t* barrier,
                                                     uint64_t timeout_ms);

/* Make a broken barrier whole: a new round, for which nobody has come yet. One
 * that is not broken is broken first, for those who wait. Whoever waited before
 * gets UV_ECONNRESET, however late he looks. 0, UV_ENXIO, UV_ENOTCONN,
 * UV_EPROTO. */
UVSHM_EXTERN int uvshm_barrier_reset(uvshm_barrier_t* barrier);

/* Wake this process's own blocked calls, as uvshm_mutex_cancel(). */
UVSHM_EXTERN void uvshm_barrier_cancel(uvshm_barrier_t* barrier);

/* What it is and who has come. A snapshot. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_barrier_info(
    const uvshm_barrier_t* barrier, uvshm_barrier_info_t* info);

/* In a forked child, as uvshm_mutex_rejoin(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_barrier_rejoin(
    uvshm_barrier_t* barrier);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_BARRIER_H_ */
