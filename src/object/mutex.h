/* SPDX-License-Identifier: MIT */

/* A mutex as its own calls and those of transactions see it. */

#ifndef UVSHM_OBJECT_MUTEX_H_
#define UVSHM_OBJECT_MUTEX_H_

#include "core/lock.h"
#include "object/lanes.h"
#include "object/named.h"
#include "port.h"
#include "port_caps.h"
#include "uvshm/mutex.h"

/* All that the usual case looks at of a handle is in its first line, as copies
 * where it has to be, because what counts there is how many loads wait for each
 * other. */
struct uvshm_mutex_s {
  uvshm__a64_t entry;  /* address of the lane that was used first (lanes.h) */
  uvshm__a64_t number; /* of the attach; the slow path brings it up to date */
                       /* after a fork */
  uint32_t place;
  const uvshm__a32_t* lineage_word; /* of this process, in port */
  struct uvshm__lock* lock;
  const uvshm__a64_t* state; /* of the directory entry, or `there` itself */
  uvshm__a64_t there;        /* what *state says unless it was removed */
  uint32_t flags;            /* UVSHM__LOCK_RECURSIVE or 0 */
  uint64_t log;              /* of transactions, as uvshm__txn_locate() said */
  uint64_t log_size;         /* 0: it has none */
  struct uvshm__named named; /* of a native one, the name alone */
  uint32_t is_native;        /* 1: `native` is the lock; UVSHM__IS_NATIVE */
  struct uvshm__port_native native;
};

static inline struct uvshm__lane_entry* uvshm__mutex_entry(
    const uvshm_mutex_t* mutex) {
  return (struct uvshm__lane_entry*) (uintptr_t) uvshm__a64_load_acquire(
      &mutex->entry);
}


/* The lane for the usual case, or NULL: this thread was the first to use the
 * handle, and it was not forked away from us. */
static inline struct uvshm__lane* uvshm__mutex_lane(
    const uvshm_mutex_t* mutex) {
  return uvshm__lane_of(uvshm__mutex_entry(mutex),
                        uvshm__a64_load_relaxed(&mutex->number),
                        mutex->lineage_word);
}


/* Was it not removed? */
static inline int uvshm__mutex_is_there(const uvshm_mutex_t* mutex) {
  return uvshm__a64_is(mutex->state, uvshm__a64_load_relaxed(&mutex->there));
}

/* uvshm__mutex_lane() the long way, which claims a lane if the thread has none
 * yet. UV_ENOTCONN, UV_ENXIO, UV_EMFILE. */
int uvshm__mutex_lane_get(uvshm_mutex_t* mutex, struct uvshm__lane** lane);

/* Is it one of the system's own locks? Where there are none this begins with a
 * plain 0, so that compilers leave out every call to mutex_native.c, which is
 * not built there. */
#define UVSHM__IS_NATIVE(mutex) (UVSHM__PORT_NATIVE_LOCKS && (mutex)->is_native)

/* mutex_native.c: what the calls of mutex.h do for a native one. */
int uvshm__mutex_native_open(uvshm_mutex_t** mutex,
                             struct uvshm_segment_s* segment,
                             const char* name,
                             const uvshm_mutex_options_t* options);
void uvshm__mutex_native_close(uvshm_mutex_t* mutex);
int uvshm__mutex_native_lock(uvshm_mutex_t* mutex, uint64_t timeout_ms);
int uvshm__mutex_native_unlock(uvshm_mutex_t* mutex);
void uvshm__mutex_native_cancel(uvshm_mutex_t* mutex);
int uvshm__mutex_native_info(const uvshm_mutex_t* mutex,
                             uvshm_mutex_info_t* info);

/* UV_ENOTSUP, for calls that such a mutex cannot be given to; `what` it cannot
 * do. */
int uvshm__mutex_native_refuse(const uvshm_mutex_t* mutex, const char* what);

#endif /* UVSHM_OBJECT_MUTEX_H_ */
