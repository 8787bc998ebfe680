/* SPDX-License-Identifier: MIT */

/* rwlock: many readers or one writer, between processes; survives both.
 *
 *   uvshm_rwlock_t* lock;
 *   err = uvshm_rwlock_open(&lock, NULL, "prices", NULL);
 *   err = uvshm_rwlock_rdlock(lock, 5000);
 *   if (err < 0) return die(uvshm_strerror(err));
 *   look_at_prices();
 *   uvshm_rwlock_unlock(lock);
 *
 * Readers do not disturb each other: to lock and unlock for reading, each
 * writes in memory of its own only, makes no system call and reads no clock. A
 * writer pays for that: it looks at every thread that ever had a lock in this
 * object. For data that is read much more often than it is written; else a
 * mutex is faster.
 *
 * Writers go first: once a writer has its turn, readers that come later wait,
 * and it goes on when those inside have left. Between two writers both may get
 * in. Writers that follow each other without a pause keep readers out.
 *
 * A reader that dies (killed, exited, replaced by exec, or its thread ended)
 * just leaves. A writer that dies leaves news: the next writer gets the lock
 * with UVSHM_OWNER_DIED, once; readers that come before it get it too, each of
 * them, since what they look at may be half changed. So does one that had its
 * turn and still waited for readers to leave.
 *
 * Known by its name alone it gets a small object of its own (64 KiB); or it
 * lies in a segment. Threads: what holds it is a thread of a process. A handle
 * may be used by all threads of its process at once.
 */

#ifndef UVSHM_RWLOCK_H_
#define UVSHM_RWLOCK_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_rwlock_s uvshm_rwlock_t;
struct uvshm_segment_s;

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;
  const char* sddl;
  const char* label;
} uvshm_rwlock_options_t;

typedef struct {
  uint32_t locked;     /* 1: a writer holds it, or has its turn and waits for */
                       /* readers to leave */
  uint32_t owner_died; /* 1: no writer, and the next one will be told */
  uint32_t readers;    /* threads that hold it for reading */
  uint32_t waiters;    /* threads that sleep for it just now, all processes */
  uint32_t owner_pid;  /* of the writer; 0: there is none */
  uint32_t owner_alive;               /* 1: the kernel says so */
  char owner_label[UVSHM_LABEL_SIZE]; /* what the writer calls itself */
} uvshm_rwlock_info_t;

/* Find or make the lock `name`, in `segment` or, when that is NULL, known by
 * its name alone. Results and rules as uvshm_mutex_open(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_open(
    uvshm_rwlock_t** rwlock,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_rwlock_options_t* options);

/* Give the handle back. What this thread still holds is released, a write lock
 * as if its owner had died. NULL is fine. */
UVSHM_EXTERN void uvshm_rwlock_close(uvshm_rwlock_t* rwlock);

/* Remove the name, as uvshm_mutex_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Lock for reading, waiting at most `timeout_ms` (0: try once).
 *
 *   0                 held, with other readers perhaps
 *   UVSHM_OWNER_DIED  held; the last writer died, and no writer came since
 *   UV_EBUSY          a writer has it or its turn, and timeout_ms was 0
 *   UV_ETIMEDOUT      not held after timeout_ms
 *   UV_EINVAL         this thread holds it already, for reading or writing
 *   UV_ENOBUFS        this thread holds 16 locks of this segment already
 *   UV_EMFILE, UV_ECANCELED, UV_EPROTO, UV_ENXIO, UV_ENOTCONN
 *                     as uvshm_mutex_lock()
 *
 * Never on a loop thread with a timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_rdlock(uvshm_rwlock_t* rwlock,
                                                      uint64_t timeout_ms);

/* Lock for writing. UVSHM_OWNER_DIED: held; the last writer died, and nobody
 * who could mend what it left was told before. All else as
 * uvshm_rwlock_rdlock(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_wrlock(uvshm_rwlock_t* rwlock,
                                                      uint64_t timeout_ms);

/* From reading to writing, without letting another writer in between. Waits at
 * most `timeout_ms` (0: try once) for the other readers to leave.
 *
 *   0, UVSHM_OWNER_DIED  held for writing
 *   UV_EBUSY             another writer, or another reader that upgrades, has
 *                        its turn and waits for us: unlock, or both wait for
 *                        ever. Or timeout_ms was 0 and there are other readers
 *   UV_ETIMEDOUT         they did not leave within timeout_ms
 *   UV_EPERM             this thread does not hold it for reading
 *   UV_ECANCELED, UV_EPROTO, UV_ENXIO, UV_ENOTCONN
 *
 * After a negative result it is held for reading, as before. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_upgrade(uvshm_rwlock_t* rwlock,
                                                       uint64_t timeout_ms);

/* From writing to reading, at once and without letting a writer in between. 0;
 * UV_EPERM: this thread does not hold it for writing. */
UVSHM_EXTERN int uvshm_rwlock_downgrade(uvshm_rwlock_t* rwlock);

/* Give the lock back, however it is held. 0; UV_EPERM: this thread does not
 * hold it. */
UVSHM_EXTERN int uvshm_rwlock_unlock(uvshm_rwlock_t* rwlock);

/* The same, and a writer as if this thread had died with it: the next one is
 * told UVSHM_OWNER_DIED, as uvshm_mutex_abandon(). */
UVSHM_EXTERN int uvshm_rwlock_abandon(uvshm_rwlock_t* rwlock);

/* Wake this process's own blocked calls, as uvshm_mutex_cancel(). */
UVSHM_EXTERN void uvshm_rwlock_cancel(uvshm_rwlock_t* rwlock);

/* Who holds it, and how many wait. A snapshot; no lock is taken. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_info(
    const uvshm_rwlock_t* rwlock, uvshm_rwlock_info_t* info);

/* In a forked child, as uvshm_mutex_rejoin(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_rwlock_rejoin(uvshm_rwlock_t* rwlock);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_RWLOCK_H_ */
