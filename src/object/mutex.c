/* SPDX-License-Identifier: MIT */

/* The public face of the robust lock. The algorithm is core/lock.c; here a
 * thread gets its lane, and failures get their sentences. */

#include "uvshm/mutex.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/contents.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/txn.h"
#include "core/wait.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/mutex.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void format_body(void* body, uint32_t flags) {
  uvshm__lock_format(body, flags);
}


static void remember_attach(uvshm_mutex_t* mutex) {
  uvshm__a64_store_relaxed(&mutex->number,
                           uvshm__lane_number(mutex->named.attach->serial));
}


/* Unless it leads to a lane of this object already. */
static void remember_lane(uvshm_mutex_t* mutex, struct uvshm__lane* lane) {
  struct uvshm__lane_entry* entry = uvshm__lane_entry_of(lane);

  if (!uvshm__a64_is(&uvshm__mutex_entry(mutex)->serial,
                     uvshm__lane_serial(mutex->named.attach->serial)))
    uvshm__a64_store_release(&mutex->entry, (uint64_t) (uintptr_t) entry);
}


/* For the usual case. By its name alone a mutex cannot be removed. */
static void note_facts(uvshm_mutex_t* mutex) {
  struct uvshm__named* named = &mutex->named;
  struct uvshm__core* core = &named->attach->core;

  mutex->lock = named->body;
  mutex->place = uvshm__lock_place(core, mutex->lock);
  mutex->lineage_word = named->attach->lineage_word;
  mutex->state = &mutex->there;
  if (named->segment != NULL) {
    mutex->state = &uvshm__core_entry(core, named->ref.index)->state;
    uvshm__a64_store_relaxed(&mutex->there,
                             uvshm__directory_state(&named->ref));
  }
  uvshm__a64_store_relaxed(&mutex->entry,
                           (uint64_t) (uintptr_t) &uvshm__lane_nobodys);
  remember_attach(mutex);
}


static int give_log(struct uvshm__lane* lane,
                    struct uvshm__directory_spec* spec,
                    void* body,
                    uint64_t size) {
  if (size == 0) return 0;
  return lane->core->contents->log_make(lane, spec, body, size);
}


static int check_log(uvshm_mutex_t* mutex, uint64_t wanted) {
  const struct uvshm__core* core = &mutex->named.attach->core;

  if (uvshm__a64_load_relaxed(&mutex->lock->undo) == 0) {
    if (wanted == 0) return 0;
    return uvshm__fail(UV_EPROTOTYPE,
                       "cannot open \"%s\": it was made without log_size",
                       mutex->named.name);
  }
  if (core->contents != NULL &&
      core->contents->log_locate(
          core, mutex->lock, &mutex->log, &mutex->log_size))
    return 0;
  return uvshm__fail(UV_EPROTO,
                     "cannot open \"%s\": its log is not where it says",
                     mutex->named.name);
}


static int check_options(const struct uvshm_segment_s* segment,
                         const uvshm_mutex_options_t* options) {
  if (options == NULL || options->log_size == 0) return 0;
  if (segment == NULL)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a mutex: one with log_size lies in the "
                       "segment whose bytes its transactions change");
  if (options->flags & UVSHM_MUTEX_RECURSIVE)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a mutex: one with log_size is not "
                       "recursive");
  if (options->log_size > UVSHM__TXN_LOG_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a mutex: log_size is at most %llu",
                       (unsigned long long) UVSHM__TXN_LOG_MAX);
  return 0;
}


static int check_root(const uvshm_mutex_t* mutex) {
  if (uvshm__a32_load_relaxed(&mutex->lock->flags) == mutex->flags) return 0;
  return uvshm__fail(UV_EPROTOTYPE,
                     "cannot open \"%s\": it is %srecursive",
                     mutex->named.name,
                     mutex->flags & UVSHM__LOCK_RECURSIVE ? "not " : "");
}


static int open_native(uvshm_mutex_t** result,
                       struct uvshm_segment_s* segment,
                       const char* name,
                       const uvshm_mutex_options_t* options) {
  if (UVSHM__PORT_NATIVE_LOCKS)
    return uvshm__mutex_native_open(result, segment, name, options);
  return uvshm__fail(UV_ENOTSUP,
                     "cannot open a native mutex: this system has no named "
                     "lock that tells of its owner's death; Windows has");
}


UVSHM__RARE int uvshm_mutex_open(uvshm_mutex_t** result,
                                 struct uvshm_segment_s* segment,
                                 const char* name,
                                 const uvshm_mutex_options_t* options) {
  struct uvshm__named_request request;
  uvshm_mutex_t* mutex;
  void* made;
  int err;

  if (options != NULL && options->flags & UVSHM_MUTEX_NATIVE)
    return open_native(result, segment, name, options);
  err = check_options(segment, options);
  if (err < 0) return err;
  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_MUTEX;
  request.kind = UVSHM_KIND_MUTEX;
  request.format_body = format_body;
  request.looks = 1;
  if (options != NULL) {
    request.flags = options->flags & ~UVSHM_MUTEX_RECURSIVE;
    if (options->flags & UVSHM_MUTEX_RECURSIVE)
      request.type_flags = UVSHM__LOCK_RECURSIVE;
    request.argument = request.type_flags;
    request.mode = options->mode;
    request.timeout_ms = options->timeout_ms;
    request.group = options->group;
    request.sddl = options->sddl;
    request.label = options->label;
    request.furnish = give_log;
    request.furnish_size = options->log_size;
  }
  err = uvshm__named_new(
      &made, sizeof(*mutex), offsetof(struct uvshm_mutex_s, named), &request);
  if (err < 0) return err;
  mutex = made;
  mutex->flags = request.type_flags;
  note_facts(mutex);
  err = check_root(mutex);
  if (err == 0) err = check_log(mutex, request.furnish_size);
  if (err < 0) {
    uvshm_mutex_close(mutex);
    return err;
  }
  *result = mutex;
  return 0;
}


/* What this thread still holds is left as a dead owner leaves it. */
static void abandon(uvshm_mutex_t* mutex) {
  struct uvshm__lane* lane;

  if (!uvshm__attach_is_ours(mutex->named.attach)) return;
  if (uvshm__lane_have(mutex->named.attach, &lane) < 0) return;
  if (uvshm__lock_is_held(lane, mutex->lock))
    (void) uvshm__lock_abandon(lane, mutex->lock);
}


UVSHM__RARE void uvshm_mutex_close(uvshm_mutex_t* mutex) {
  if (mutex == NULL) return;
  if (UVSHM__IS_NATIVE(mutex)) {
    uvshm__mutex_native_close(mutex);
    return;
  }
  abandon(mutex);
  uvshm__named_close(&mutex->named);
  free(mutex);
}


UVSHM__RARE int uvshm_mutex_unlink(struct uvshm_segment_s* segment,
                                   const char* name,
                                   uint32_t flags) {
  if (flags & UVSHM_MUTEX_NATIVE)
    return uvshm__fail(UV_ENOTSUP,
                       "cannot unlink a native mutex: the system removes it "
                       "with its last user");
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_MUTEX, UVSHM_KIND_MUTEX);
}


/* A timeout is where a person asks who has it. */
static int tell_holder(const uvshm_mutex_t* mutex, uint64_t timeout_ms) {
  uvshm_mutex_info_t info;

  if (uvshm_mutex_info(mutex, &info) < 0 || !info.locked)
    return uvshm__fail(UV_ETIMEDOUT,
                       "cannot lock \"%s\" within %llu ms",
                       mutex->named.name,
                       (unsigned long long) timeout_ms);
  return uvshm__fail(UV_ETIMEDOUT,
                     "cannot lock \"%s\" within %llu ms: pid %u (%s) has it",
                     mutex->named.name,
                     (unsigned long long) timeout_ms,
                     (unsigned int) info.owner_pid,
                     info.owner_label);
}


static int lock_failed(const uvshm_mutex_t* mutex,
                       int err,
                       uint64_t timeout_ms,
                       unsigned int failures) {
  switch (err) {
    case UV_ETIMEDOUT:
      return tell_holder(mutex, timeout_ms);
    case UV_EBUSY:
      return uvshm__fail_bare(err);
    case UV_EINVAL:
      return uvshm__fail(
          err, "this thread has \"%s\" locked already", mutex->named.name);
    case UV_ENOBUFS:
      return uvshm__fail(err,
                         "cannot lock \"%s\": this thread holds %d locks "
                         "already",
                         mutex->named.name,
                         UVSHM_MUTEX_HELD_MAX);
    default:
      return uvshm__fail(err,
                         "cannot lock \"%s\": %s",
                         mutex->named.name,
                         uvshm__reason(err, failures));
  }
}


int uvshm__mutex_lane_get(uvshm_mutex_t* mutex, struct uvshm__lane** lane) {
  int err;

  if (UVSHM__IS_NATIVE(mutex))
    return uvshm__mutex_native_refuse(mutex, "have transactions");
  err = uvshm__named_usable(&mutex->named);
  if (err < 0) return err;
  remember_attach(mutex);
  err = uvshm__lane_get(mutex->named.attach, lane);
  if (err < 0) return err;
  remember_lane(mutex, *lane);
  return 0;
}


UVSHM__RARE static int lock_slow(uvshm_mutex_t* mutex, uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  int err;

  if (UVSHM__IS_NATIVE(mutex))
    return uvshm__mutex_native_lock(mutex, timeout_ms);
  err = uvshm__mutex_lane_get(mutex, &lane);
  if (err == 0)
    err = uvshm__lock_acquire(
        lane, mutex->lock, timeout_ms, mutex->flags, &mutex->named.cancelled);
  UVSHM__SYNCED();
  return err >= 0 ? err : lock_failed(mutex, err, timeout_ms, failures);
}


/* The usual case is a few loads, one compare-and-swap and no call. */
UVSHM__AT_LINE int uvshm_mutex_lock(uvshm_mutex_t* mutex, uint64_t timeout_ms) {
  struct uvshm__lane* lane = uvshm__mutex_lane(mutex);
  uint32_t place = mutex->place;
  size_t count;

  if (lane == NULL) return lock_slow(mutex, timeout_ms);
  count = uvshm__lock_note(lane, place);
  if (count == 0) return lock_slow(mutex, timeout_ms);
  if (uvshm__mutex_is_there(mutex) &&
      uvshm__lock_take_noted(lane, mutex->lock, place, count)) {
    UVSHM__SYNCED();
    return 0;
  }
  uvshm__lock_unnote(lane);
  return lock_slow(mutex, timeout_ms);
}


UVSHM__RARE static int unlock_slow(uvshm_mutex_t* mutex) {
  struct uvshm__lane* lane;
  int err;

  if (UVSHM__IS_NATIVE(mutex)) return uvshm__mutex_native_unlock(mutex);
  if (!uvshm__attach_is_ours(mutex->named.attach))
    return uvshm__attach_usable(mutex->named.attach);
  err = uvshm__lane_have(mutex->named.attach, &lane);
  if (err == 0) err = uvshm__lock_release(lane, mutex->lock);
  if (err == 0) return 0;
  if (err == UV_EINVAL)
    return uvshm__fail(
        err, "\"%s\" is in a transaction: commit or abort", mutex->named.name);
  return uvshm__fail(
      UV_EPERM, "this thread has not locked \"%s\"", mutex->named.name);
}


/* A mutex that was removed meanwhile can still be given back. */
UVSHM__AT_LINE int uvshm_mutex_unlock(uvshm_mutex_t* mutex) {
  struct uvshm__lane* lane = uvshm__mutex_lane(mutex);

  if (lane != NULL && uvshm__lock_give(lane, mutex->lock, mutex->place))
    return 0;
  return unlock_slow(mutex);
}


UVSHM__RARE int uvshm_mutex_abandon(uvshm_mutex_t* mutex) {
  struct uvshm__lane* lane;

  if (UVSHM__IS_NATIVE(mutex))
    return uvshm__mutex_native_refuse(mutex, "be abandoned by a thread alive");
  if (!uvshm__attach_is_ours(mutex->named.attach))
    return uvshm__attach_usable(mutex->named.attach);
  if (uvshm__lane_have(mutex->named.attach, &lane) < 0 ||
      !uvshm__lock_is_held(lane, mutex->lock))
    return uvshm__fail(
        UV_EPERM, "this thread has not locked \"%s\"", mutex->named.name);
  if (lane->txn == mutex->place)
    return uvshm__fail(UV_EINVAL,
                       "\"%s\" is in a transaction: commit or abort",
                       mutex->named.name);
  return uvshm__lock_abandon(lane, mutex->lock);
}


UVSHM__RARE void uvshm_mutex_cancel(uvshm_mutex_t* mutex) {
  if (UVSHM__IS_NATIVE(mutex)) {
    uvshm__mutex_native_cancel(mutex);
    return;
  }
  uvshm__a32_store_seq_cst(&mutex->named.cancelled, 1);
  if (uvshm__attach_is_ours(mutex->named.attach))
    uvshm__wait_wake(
        &mutex->named.attach->core, &mutex->lock->word, 0, UINT32_MAX);
}


UVSHM__RARE int uvshm_mutex_info(const uvshm_mutex_t* mutex,
                                 uvshm_mutex_info_t* info) {
  const struct uvshm__core* core;
  struct uvshm__lock_facts facts;
  struct uvshm__peer_facts peer;
  int err;

  if (UVSHM__IS_NATIVE(mutex)) return uvshm__mutex_native_info(mutex, info);
  err = uvshm__attach_usable(mutex->named.attach);
  if (err < 0) return err;
  core = &mutex->named.attach->core;
  memset(info, 0, sizeof(*info));
  uvshm__lock_read(core, mutex->lock, &facts);
  info->locked = facts.locked;
  info->owner_died = facts.died;
  info->waiters = facts.waiters;
  info->recursive = mutex->flags & UVSHM__LOCK_RECURSIVE;
  info->depth = facts.depth;
  if (!facts.locked || facts.damaged) return 0;
  uvshm__peer_read(core, facts.slot, &peer);
  info->owner_pid = peer.pid;
  info->owner_alive = (uint32_t) core->env->alive(core->env_arg, facts.slot);
  memcpy(info->owner_label, peer.label, sizeof(info->owner_label));
  return 0;
}


UVSHM__RARE int uvshm_mutex_rejoin(uvshm_mutex_t* mutex) {
  if (mutex->named.segment != NULL || UVSHM__IS_NATIVE(mutex)) return 0;
  return uvshm__attach_rejoin(mutex->named.attach);
}
