/* SPDX-License-Identifier: MIT */

/* mutex: a lock between processes that survives its owner.
 *
 *   uvshm_mutex_t* lock;
 *   err = uvshm_mutex_open(&lock, NULL, "printer", NULL);
 *   err = uvshm_mutex_lock(lock, 5000);
 *   if (err == UVSHM_OWNER_DIED) reset_the_printer();
 *   else if (err < 0) return die(uvshm_strerror(err));
 *   print();
 *   uvshm_mutex_unlock(lock);
 *
 * Known by its name alone it gets a small object of its own (64 KiB); or it
 * lies in a segment, which costs nothing but a place in its directory.
 *
 * When the owner dies (killed, exited, replaced by exec, or its thread ended)
 * one waiter gets the lock with UVSHM_OWNER_DIED, within 50 ms of the kernel
 * knowing of the death. Uncontended, lock and unlock make no system call and
 * read no clock.
 *
 * Threads: the owner is a thread of a process. A handle may be used by all
 * threads of its process at once. A lock known by its name alone that a process
 * opens twice has two handles that know nothing of each other: a thread that
 * holds it by one waits for itself with the other.
 */

#ifndef UVSHM_MUTEX_H_
#define UVSHM_MUTEX_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_mutex_s uvshm_mutex_t;
struct uvshm_segment_s;

/* The owner may take it again; it is free after as many unlocks. */
#define UVSHM_MUTEX_RECURSIVE (1u << 16)

/* The lock is the system's own of exactly this name, so that programs without
 * uvshm share it. On Windows that is the mutex of CreateMutex() and
 * OpenMutex(), "Local\\name", "Global\\name" or a bare name; elsewhere it is
 * UV_ENOTSUP, because no other system has a named lock that tells of its
 * owner's death. It differs:
 *
 *   open        UVSHM_KEEP, UVSHM_SYSTEM, a segment, log_size: UV_EINVAL.
 *               `group` and `sddl` count when it is made
 *   lock        WAIT_ABANDONED is UVSHM_OWNER_DIED. The system's lock is always
 *               recursive. Without UVSHM_MUTEX_RECURSIVE this handle refuses
 *               (UV_EINVAL) what the thread has, however it took it. Never
 *               UV_ENOBUFS, UV_EMFILE, UV_EPROTO, UV_ENXIO. Each call is one to
 *               three system calls
 *   close       held: it stays held until the thread ends, and the next owner
 *               is told then. So does Windows
 *   unlink      UV_ENOTSUP: it goes with its last user
 *   info        `waiters` is 0 and `owner_label` empty; `owner_pid` is 0 where
 *               the system does not tell (Wine), unless it is this thread
 *   abandon, transactions, conditions, watches
 *               UV_ENOTSUP */
#define UVSHM_MUTEX_NATIVE (1u << 17)

/* How many of the caller's locks one thread may hold in one segment. */
#define UVSHM_MUTEX_HELD_MAX 16

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE, UVSHM_KEEP, */
                       /* UVSHM_SYSTEM, UVSHM_MUTEX_RECURSIVE, */
                       /* UVSHM_MUTEX_NATIVE */
  uint32_t mode;       /* by name alone: POSIX permission bits; 0: 0600 */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;   /* by name alone, as in region.h */
  const char* sddl;
  const char* label;
  uint64_t log_size; /* in a segment: room for transactions (txn.h), bytes, */
                     /* counts when it is made; 0: none */
} uvshm_mutex_options_t;

typedef struct {
  uint32_t locked;      /* 1: somebody holds it */
  uint32_t owner_died;  /* 1: free, and the next owner will be told */
  uint32_t waiters;     /* threads that sleep for it just now, all processes; */
                        /* one that died until somebody notices */
  uint32_t recursive;   /* 1: of that kind */
  uint32_t depth;       /* how many times the owner took it */
  uint32_t owner_pid;   /* as the owner saw itself; 0: not held, not known */
  uint32_t owner_alive; /* 1: the kernel says so */
  char owner_label[UVSHM_LABEL_SIZE]; /* what the owner calls itself */
} uvshm_mutex_info_t;

/* Find or make the mutex `name`, in `segment` or, when that is NULL, known by
 * its name alone. UVSHM_EXISTING: do not make it. UVSHM_EXCLUSIVE: it must be
 * new. UVSHM_KEEP and UVSHM_SYSTEM count by name alone. A segment must stay
 * open longer than the handles opened from it. From one that is attached for
 * reading a mutex that exists is opened to be looked at: uvshm_mutex_info().
 *
 *   0, UV_ENOENT, UV_EEXIST, UV_EPROTOTYPE (another kind of object, recursive
 *   against not recursive, or log_size given and made without), UV_ENOSPC (the
 *   segment's directory is full, or no room for the log), and what
 *   uvshm_region_open() returns
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_mutex_open(
    uvshm_mutex_t** mutex,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_mutex_options_t* options);

/* Give the handle back. A mutex that this thread still holds is released as if
 * its owner had died. NULL is fine. */
UVSHM_EXTERN void uvshm_mutex_close(uvshm_mutex_t* mutex);

/* Remove the name, as uvshm_region_unlink() does. `flags`: 0 or UVSHM_SYSTEM;
 * with a segment, 0 (UV_EACCES: it is attached for reading). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_mutex_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* Take the lock, waiting at most `timeout_ms` (0: try once).
 *
 *   0                 held
 *   UVSHM_OWNER_DIED  held; whoever held it before died. What it guards may be
 *                     half changed. Told to one owner only
 *   UV_EBUSY          not held, and timeout_ms was 0
 *   UV_ETIMEDOUT      not held after timeout_ms
 *   UV_EINVAL         this thread holds it already, and it is not recursive
 *   UV_ENOBUFS        this thread holds 16 locks of this segment already
 *   UV_EMFILE         all lanes (threads) of the segment are taken
 *   UV_ECANCELED      uvshm_mutex_cancel() was called
 *   UV_EPROTO         the lock word is damaged; repair clears it
 *   UV_ENXIO          the mutex was removed from its segment, before or while
 *                     this call waited (within 20 ms)
 *   UV_ENOTCONN       forked child that has not rejoined
 *   UV_EACCES         its segment is attached for reading
 *
 * A negative result always means "not held". Never on a loop thread with a
 * timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_mutex_lock(uvshm_mutex_t* mutex,
                                                   uint64_t timeout_ms);

/* Give the lock back. 0; UV_EPERM: this thread does not hold it; UV_EINVAL: it
 * is in a transaction, which gives it back when it ends. */
UVSHM_EXTERN int uvshm_mutex_unlock(uvshm_mutex_t* mutex);

/* Give the lock back as if this thread had died with it, however often it took
 * it: the next owner is told UVSHM_OWNER_DIED. For who was told that himself
 * and cannot mend what the lock guards, or has broken it. Results as
 * uvshm_mutex_unlock(). */
UVSHM_EXTERN int uvshm_mutex_abandon(uvshm_mutex_t* mutex);

/* Wake this process's own blocked calls on this handle with UV_ECANCELED, and
 * refuse those that would block from now on (for a shutdown). Other processes
 * and other handles are not affected. Any thread. */
UVSHM_EXTERN void uvshm_mutex_cancel(uvshm_mutex_t* mutex);

/* Who holds it, and how many wait. A snapshot; no lock is taken. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_mutex_info(const uvshm_mutex_t* mutex,
                                                   uvshm_mutex_info_t* info);

/* In a forked child: revive a handle known by its name alone, as
 * uvshm_region_rejoin(). A handle from a segment is revived with the segment;
 * calling this does nothing then. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_mutex_rejoin(uvshm_mutex_t* mutex);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_MUTEX_H_ */
