/* SPDX-License-Identifier: MIT */

/* event: a flag that threads of several processes wait for.
 *
 *   uvshm_event_t* ready;
 *   err = uvshm_event_open(&ready, NULL, "server.ready", NULL);
 *   err = uvshm_event_wait(ready, 5000);
 *   if (err < 0) return die(uvshm_strerror(err));
 *
 * Of two kinds, as on Windows. One that resets itself (the default) lets one
 * wait pass for each set; sets that nobody has taken yet are one. A manual one
 * (UVSHM_EVENT_MANUAL) lets every wait pass until it is reset; whoever waits at
 * a set passes, even if it is reset at once.
 *
 * Nobody owns an event. A wait takes the set in the moment in which it returns:
 * a process that dies while it waits, even one that was woken already, takes
 * nothing with it, and another that waits gets the set within 20 ms.
 *
 * To wait on a libuv loop, watch it (watch.h). Without waiters, set and reset
 * make no system call; a wait for what is set neither. Threads: a handle may be
 * used by all threads of its process at once.
 */

#ifndef UVSHM_EVENT_H_
#define UVSHM_EVENT_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_event_s uvshm_event_t;
struct uvshm_segment_s;

/* It stays set until it is reset. All who open it must agree. */
#define UVSHM_EVENT_MANUAL (1u << 16)

/* It is set when it is made. */
#define UVSHM_EVENT_SET (1u << 17)

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM, UVSHM_EVENT_MANUAL, UVSHM_EVENT_SET */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;
  const char* sddl;
  const char* label;
} uvshm_event_options_t;

typedef struct {
  uint32_t set;     /* 1: a wait would pass */
  uint32_t manual;  /* 1: of that kind */
  uint32_t waiters; /* threads that sleep for it just now, all processes */
  uint32_t reserved;
} uvshm_event_info_t;

/* Find or make the event `name`, in `segment` or, when that is NULL, known by
 * its name alone. UV_EPROTOTYPE when it is there and of the other kind. Other
 * results and rules as uvshm_mutex_open(), but for UV_EACCES where the segment
 * is attached for reading. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_event_open(
    uvshm_event_t** event,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_event_options_t* options);

/* Give the handle back. NULL is fine. */
UVSHM_EXTERN void uvshm_event_close(uvshm_event_t* event);

/* Remove the name, as uvshm_mutex_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_event_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Set it, and wake whom that concerns. 0, UV_ENXIO, UV_ENOTCONN; UV_EPROTO:
 * somebody changes its word without end. */
UVSHM_EXTERN int uvshm_event_set(uvshm_event_t* event);

/* It is not set any more. As uvshm_event_set(). */
UVSHM_EXTERN int uvshm_event_reset(uvshm_event_t* event);

/* Wait until it is set, for at most `timeout_ms` (0: try once), and take the
 * set unless it is a manual one.
 *
 *   0, UV_EAGAIN (not set, and timeout_ms was 0), UV_ETIMEDOUT, UV_ECANCELED,
 *   UV_EMFILE (all lanes are taken and it would have to sleep), UV_ENXIO,
 *   UV_ENOTCONN
 *
 * Never on a loop thread with a timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_event_wait(uvshm_event_t* event,
                                                   uint64_t timeout_ms);

/* Wake this process's own blocked calls, as uvshm_mutex_cancel(). */
UVSHM_EXTERN void uvshm_event_cancel(uvshm_event_t* event);

/* Whether it is set, and who waits, just now. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_event_info(const uvshm_event_t* event,
                                                   uvshm_event_info_t* info);

/* In a forked child, as uvshm_mutex_rejoin(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_event_rejoin(uvshm_event_t* event);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_EVENT_H_ */
