/* SPDX-License-Identifier: MIT */

/* The public face of the rwlock. The algorithm is core/rwlock.c; here a thread
 * gets its lane, and failures get their sentences. */

#include "uvshm/rwlock.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/peer.h"
#include "core/rwlock.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/named.h"
#include "uvshm/mutex.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct uvshm_rwlock_s {
  struct uvshm__rwlock* rwlock;
  uint32_t place;
  struct uvshm__named named;
};

typedef int (*acquire_fn)(struct uvshm__lane* lane,
                          struct uvshm__rwlock* rwlock,
                          uint64_t timeout_ms,
                          const uvshm__a32_t* cancelled);


static void format_body(void* body, uint32_t argument) {
  uvshm__rwlock_format(body, argument);
}


static void fill(struct uvshm__named_request* request,
                 const uvshm_rwlock_options_t* options) {
  request->flags = options->flags;
  request->mode = options->mode;
  request->timeout_ms = options->timeout_ms;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
}


UVSHM__RARE int uvshm_rwlock_open(uvshm_rwlock_t** result,
                                  struct uvshm_segment_s* segment,
                                  const char* name,
                                  const uvshm_rwlock_options_t* options) {
  struct uvshm__named_request request;
  uvshm_rwlock_t* rwlock;
  void* made;
  int err;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_RWLOCK;
  request.kind = UVSHM_KIND_RWLOCK;
  request.format_body = format_body;
  request.looks = 1;
  if (options != NULL) fill(&request, options);
  err = uvshm__named_new(
      &made, sizeof(*rwlock), offsetof(struct uvshm_rwlock_s, named), &request);
  if (err < 0) return err;
  rwlock = made;
  rwlock->rwlock = rwlock->named.body;
  rwlock->place =
      uvshm__lock_place(&rwlock->named.attach->core, &rwlock->rwlock->lock);
  *result = rwlock;
  return 0;
}


UVSHM__RARE void uvshm_rwlock_close(uvshm_rwlock_t* rwlock) {
  struct uvshm__lane* lane;

  if (rwlock == NULL) return;
  if (uvshm__attach_is_ours(rwlock->named.attach) &&
      uvshm__lane_have(rwlock->named.attach, &lane) == 0)
    uvshm__rwlock_abandon(lane, rwlock->rwlock);
  uvshm__named_close(&rwlock->named);
  free(rwlock);
}


UVSHM__RARE int uvshm_rwlock_unlink(struct uvshm_segment_s* segment,
                                    const char* name,
                                    uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_RWLOCK, UVSHM_KIND_RWLOCK);
}

/* ---- failures ------------------------------------------------------------ */

/* A timeout is where a person asks who has it. */
static int tell_holder(const uvshm_rwlock_t* rwlock,
                       const char* verb,
                       uint64_t timeout_ms) {
  const char* name = rwlock->named.name;
  unsigned long long ms = (unsigned long long) timeout_ms;
  uvshm_rwlock_info_t info;

  if (uvshm_rwlock_info(rwlock, &info) < 0) memset(&info, 0, sizeof(info));
  if (info.locked)
    return uvshm__fail(
        UV_ETIMEDOUT,
        "cannot %s \"%s\" within %llu ms: pid %u (%s) has it or its turn",
        verb,
        name,
        ms,
        (unsigned int) info.owner_pid,
        info.owner_label);
  return uvshm__fail(UV_ETIMEDOUT,
                     "cannot %s \"%s\" within %llu ms: %u are reading",
                     verb,
                     name,
                     ms,
                     (unsigned int) info.readers);
}


static int failed(const uvshm_rwlock_t* rwlock,
                  int err,
                  const char* verb,
                  uint64_t timeout_ms,
                  unsigned int failures) {
  const char* name = rwlock->named.name;

  switch (err) {
    case UV_ETIMEDOUT:
      return tell_holder(rwlock, verb, timeout_ms);
    case UV_EBUSY:
      if (timeout_ms == 0) return uvshm__fail_bare(err);
      return uvshm__fail(err,
                         "cannot %s \"%s\": another thread has its turn and "
                         "waits for this one to unlock",
                         verb,
                         name);
    case UV_EPERM:
      return uvshm__fail(
          err, "this thread has not locked \"%s\" for reading", name);
    case UV_EINVAL:
      return uvshm__fail(err, "this thread has \"%s\" locked already", name);
    case UV_ENOBUFS:
      return uvshm__fail(err,
                         "cannot %s \"%s\": this thread holds %d locks already",
                         verb,
                         name,
                         UVSHM_MUTEX_HELD_MAX);
    default:
      return uvshm__fail(err,
                         "cannot %s \"%s\": %s",
                         verb,
                         name,
                         uvshm__reason(err, failures));
  }
}

/* ---- lock ---------------------------------------------------------------- */

UVSHM__RARE static int acquire(uvshm_rwlock_t* rwlock,
                               uint64_t timeout_ms,
                               acquire_fn how,
                               const char* verb) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  int err = uvshm__named_usable(&rwlock->named);

  if (err == 0) err = uvshm__lane_get(rwlock->named.attach, &lane);
  if (err == 0)
    err = how(lane, rwlock->rwlock, timeout_ms, &rwlock->named.cancelled);
  UVSHM__SYNCED();
  return err >= 0 ? err : failed(rwlock, err, verb, timeout_ms, failures);
}


/* The lane for the usual case, or NULL. */
static inline struct uvshm__lane* recent_lane(const uvshm_rwlock_t* rwlock) {
  const struct uvshm__attach* attach = rwlock->named.attach;

  return uvshm__attach_is_ours(attach) ? uvshm__lane_recent(attach->serial)
                                       : NULL;
}


int uvshm_rwlock_rdlock(uvshm_rwlock_t* rwlock, uint64_t timeout_ms) {
  struct uvshm__lane* lane = recent_lane(rwlock);

  if (lane != NULL && uvshm__named_is_there(&rwlock->named) &&
      uvshm__rwlock_read_take(lane, rwlock->rwlock, rwlock->place)) {
    UVSHM__SYNCED();
    return 0;
  }
  return acquire(rwlock, timeout_ms, uvshm__rwlock_read_slow, "lock");
}


int uvshm_rwlock_wrlock(uvshm_rwlock_t* rwlock, uint64_t timeout_ms) {
  return acquire(rwlock, timeout_ms, uvshm__rwlock_write, "lock");
}


int uvshm_rwlock_upgrade(uvshm_rwlock_t* rwlock, uint64_t timeout_ms) {
  return acquire(rwlock, timeout_ms, uvshm__rwlock_upgrade, "upgrade");
}

/* ---- give back ----------------------------------------------------------- */

UVSHM__RARE static int give(uvshm_rwlock_t* rwlock,
                            int (*how)(struct uvshm__lane* lane,
                                       struct uvshm__rwlock* rwlock),
                            const char* way) {
  struct uvshm__lane* lane;
  int err;

  if (!uvshm__attach_is_ours(rwlock->named.attach))
    return uvshm__attach_usable(rwlock->named.attach);
  err = uvshm__lane_have(rwlock->named.attach, &lane);
  if (err == 0) err = how(lane, rwlock->rwlock);
  if (err == 0) return 0;
  return uvshm__fail(
      UV_EPERM, "this thread has not locked \"%s\"%s", rwlock->named.name, way);
}


/* One that was removed meanwhile can still be given back. */
int uvshm_rwlock_unlock(uvshm_rwlock_t* rwlock) {
  struct uvshm__lane* lane = recent_lane(rwlock);

  if (lane != NULL &&
      uvshm__rwlock_read_give(lane, rwlock->rwlock, rwlock->place))
    return 0;
  return give(rwlock, uvshm__rwlock_release_slow, "");
}


static int give_up(struct uvshm__lane* lane, struct uvshm__rwlock* rwlock) {
  if (!uvshm__lock_is_held(lane, &rwlock->lock)) return UV_EPERM;
  uvshm__rwlock_abandon(lane, rwlock);
  return 0;
}


int uvshm_rwlock_abandon(uvshm_rwlock_t* rwlock) {
  return give(rwlock, give_up, "");
}


int uvshm_rwlock_downgrade(uvshm_rwlock_t* rwlock) {
  return give(rwlock, uvshm__rwlock_downgrade, " for writing");
}

/* ---- others -------------------------------------------------------------- */

UVSHM__RARE void uvshm_rwlock_cancel(uvshm_rwlock_t* rwlock) {
  uvshm__a32_store_seq_cst(&rwlock->named.cancelled, 1);
  if (uvshm__attach_is_ours(rwlock->named.attach))
    uvshm__rwlock_wake(&rwlock->named.attach->core, rwlock->rwlock);
}


UVSHM__RARE int uvshm_rwlock_info(const uvshm_rwlock_t* rwlock,
                                  uvshm_rwlock_info_t* info) {
  const struct uvshm__core* core = &rwlock->named.attach->core;
  struct uvshm__lock_facts facts;
  struct uvshm__peer_facts peer;
  int err = uvshm__attach_usable(rwlock->named.attach);

  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  uvshm__lock_read(core, &rwlock->rwlock->lock, &facts);
  info->locked = facts.locked;
  info->owner_died = facts.died;
  info->readers = uvshm__rwlock_readers(core, rwlock->rwlock);
  info->waiters = uvshm__rwlock_waiters(core, rwlock->rwlock);
  if (!facts.locked || facts.damaged) return 0;
  uvshm__peer_read(core, facts.slot, &peer);
  info->owner_pid = peer.pid;
  info->owner_alive = (uint32_t) core->env->alive(core->env_arg, facts.slot);
  memcpy(info->owner_label, peer.label, sizeof(info->owner_label));
  return 0;
}


UVSHM__RARE int uvshm_rwlock_rejoin(uvshm_rwlock_t* rwlock) {
  if (rwlock->named.segment != NULL) return 0;
  return uvshm__attach_rejoin(rwlock->named.attach);
}
