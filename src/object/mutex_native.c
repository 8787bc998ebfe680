/* SPDX-License-Identifier: MIT */

/* A mutex handle that is one of the system's own locks (UVSHM_MUTEX_NATIVE),
 * which programs without uvshm share under its exact name.
 *
 * It has no attach, no lane and no lock word, so the fast paths of mutex.c must
 * never believe in it: the lane that it remembers is nobody's, and each slow
 * path asks UVSHM__IS_NATIVE() first. Where the system has no such lock, this
 * file is not built.
 *
 * The system's lock lets its owner take it again. A handle that was not opened
 * as recursive looks, once it has the lock, how often its owner has it: this
 * finds also what the thread took through another handle, or without uvshm.
 */

#include "base/error.h"
#include "base/text.h"
#include "object/mutex.h"
#include "port.h"
#include "uvshm/error.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_FLAGS                                                            \
 (UVSHM_CREATE | UVSHM_EXISTING | UVSHM_EXCLUSIVE | UVSHM_MUTEX_RECURSIVE |    \
  UVSHM_MUTEX_NATIVE)


static int check(const struct uvshm_segment_s* segment,
                 const char* name,
                 const uvshm_mutex_options_t* options) {
  if (segment != NULL || options->log_size != 0)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a native mutex: it lies in no segment and "
                       "takes no log_size");
  if (options->flags & (UVSHM_KEEP | UVSHM_SYSTEM))
    return uvshm__fail(UV_EINVAL,
                       "cannot open a native mutex: the system removes it "
                       "with its last user, and its name says its scope "
                       "(Local\\, Global\\)");
  if (options->flags & ~KNOWN_FLAGS)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a native mutex: unknown flag 0x%x",
                       (unsigned int) (options->flags & ~KNOWN_FLAGS));
  if (options->flags & UVSHM_EXISTING &&
      options->flags & (UVSHM_EXCLUSIVE | UVSHM_CREATE))
    return uvshm__fail(UV_EINVAL,
                       "cannot open a native mutex: its flags contradict");
  if (name == NULL || *name == '\0')
    return uvshm__fail(UV_EINVAL, "a name needs at least one byte");
  return 0;
}


static int open_port(uvshm_mutex_t* mutex,
                     const char* name,
                     const uvshm_mutex_options_t* options) {
  struct uvshm__port_spec spec;
  uint32_t made = 0;
  int err;

  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.origin = UVSHM__PORT_FOREIGN;
  spec.group = options->group;
  spec.sddl = options->sddl;
  err = uvshm__port_native_open(
      &mutex->native, &spec, !(options->flags & UVSHM_EXISTING), &made);
  if (err < 0) return err;
  if (made || !(options->flags & UVSHM_EXCLUSIVE)) return 0;
  uvshm__port_native_close(&mutex->native);
  return uvshm__fail(UV_EEXIST, "it is there already");
}


int uvshm__mutex_native_open(uvshm_mutex_t** result,
                             struct uvshm_segment_s* segment,
                             const char* name,
                             const uvshm_mutex_options_t* options) {
  unsigned int failures;
  uvshm_mutex_t* mutex;
  int err = check(segment, name, options);

  if (err < 0) return err;
  mutex = calloc(1, sizeof(*mutex));
  if (mutex == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  failures = uvshm__error_count();
  err = open_port(mutex, name, options);
  if (err < 0) {
    free(mutex);
    return uvshm__fail(
        err, "cannot open \"%s\": %s", name, uvshm__reason(err, failures));
  }
  mutex->is_native = 1;
  uvshm__a64_store_relaxed(&mutex->entry,
                           (uint64_t) (uintptr_t) &uvshm__lane_nobodys);
  if (options->flags & UVSHM_MUTEX_RECURSIVE)
    mutex->flags = UVSHM__LOCK_RECURSIVE;
  uvshm__copy_text(mutex->named.name, sizeof(mutex->named.name), name);
  *result = mutex;
  return 0;
}


void uvshm__mutex_native_close(uvshm_mutex_t* mutex) {
  uvshm__port_native_close(&mutex->native);
  free(mutex);
}


static int timed_out(const uvshm_mutex_t* mutex, uint64_t timeout_ms) {
  uvshm_mutex_info_t info;

  if (uvshm__mutex_native_info(mutex, &info) < 0 || info.owner_pid == 0)
    return uvshm__fail(UV_ETIMEDOUT,
                       "cannot lock \"%s\" within %llu ms",
                       mutex->named.name,
                       (unsigned long long) timeout_ms);
  return uvshm__fail(UV_ETIMEDOUT,
                     "cannot lock \"%s\" within %llu ms: pid %u has it",
                     mutex->named.name,
                     (unsigned long long) timeout_ms,
                     (unsigned int) info.owner_pid);
}


static int lock_failed(const uvshm_mutex_t* mutex,
                       int err,
                       uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();

  if (err == UV_EBUSY) return uvshm__fail_bare(err);
  if (err == UV_ETIMEDOUT) return timed_out(mutex, timeout_ms);
  return uvshm__fail(err,
                     "cannot lock \"%s\": %s",
                     mutex->named.name,
                     uvshm__reason(err, failures));
}


int uvshm__mutex_native_lock(uvshm_mutex_t* mutex, uint64_t timeout_ms) {
  struct uvshm__port_native_facts facts;
  int news = uvshm__port_native_lock(&mutex->native, timeout_ms);

  if (news < 0) return lock_failed(mutex, news, timeout_ms);
  if (!(mutex->flags & UVSHM__LOCK_RECURSIVE) &&
      uvshm__port_native_read(&mutex->native, &facts) == 0 && facts.depth > 1) {
    (void) uvshm__port_native_unlock(&mutex->native);
    return uvshm__fail(
        UV_EINVAL, "this thread has \"%s\" locked already", mutex->named.name);
  }
  return news > 0 ? UVSHM_OWNER_DIED : 0;
}


int uvshm__mutex_native_unlock(uvshm_mutex_t* mutex) {
  int err = uvshm__port_native_unlock(&mutex->native);

  if (err == 0) return 0;
  return uvshm__fail(
      err, "this thread has not locked \"%s\"", mutex->named.name);
}


void uvshm__mutex_native_cancel(uvshm_mutex_t* mutex) {
  uvshm__port_native_cancel(&mutex->native);
}


int uvshm__mutex_native_info(const uvshm_mutex_t* mutex,
                             uvshm_mutex_info_t* info) {
  struct uvshm__port_native_facts facts;
  int err = uvshm__port_native_read(&mutex->native, &facts);

  if (err < 0) return uvshm__fail_bare(err);
  memset(info, 0, sizeof(*info));
  info->locked = facts.depth != 0;
  info->depth = facts.depth;
  info->owner_died = facts.owner_died;
  info->recursive = (mutex->flags & UVSHM__LOCK_RECURSIVE) != 0;
  info->owner_pid = facts.owner_pid;
  /* The system takes it from the dead at once. */
  info->owner_alive = facts.depth != 0;
  return 0;
}


int uvshm__mutex_native_refuse(const uvshm_mutex_t* mutex, const char* what) {
  return uvshm__fail(UV_ENOTSUP,
                     "\"%s\" is a mutex of the system's own, which cannot %s",
                     mutex->named.name,
                     what);
}
