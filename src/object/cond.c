/* SPDX-License-Identifier: MIT */

/* The public face of the condition variable. The algorithm is core/cond.c; the
 * mutex is given back and taken again here, and may lie somewhere else, where
 * this thread has another lane. */

#include "uvshm/cond.h"

#include "base/error.h"
#include "core/cond.h"
#include "core/lock.h"
#include "core/wait.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/mutex.h"
#include "object/named.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct uvshm_cond_s {
  struct uvshm__named named;
  struct uvshm__cond* cond;
};


static void format_body(void* body, uint32_t argument) {
  uvshm__cond_format(body, argument);
}


static void fill(struct uvshm__named_request* request,
                 const uvshm_cond_options_t* options) {
  request->flags = options->flags;
  request->mode = options->mode;
  request->timeout_ms = options->timeout_ms;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
}


int uvshm_cond_open(uvshm_cond_t** result,
                    struct uvshm_segment_s* segment,
                    const char* name,
                    const uvshm_cond_options_t* options) {
  struct uvshm__named_request request;
  uvshm_cond_t* cond;
  void* made;
  int err;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_COND;
  request.kind = UVSHM_KIND_COND;
  request.format_body = format_body;
  if (options != NULL) fill(&request, options);
  err = uvshm__named_new(
      &made, sizeof(*cond), offsetof(struct uvshm_cond_s, named), &request);
  if (err < 0) return err;
  cond = made;
  cond->cond = cond->named.body;
  *result = cond;
  return 0;
}


void uvshm_cond_close(uvshm_cond_t* cond) {
  if (cond == NULL) return;
  uvshm__named_close(&cond->named);
  free(cond);
}


int uvshm_cond_unlink(struct uvshm_segment_s* segment,
                      const char* name,
                      uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_COND, UVSHM_KIND_COND);
}

/* ---- wait ---------------------------------------------------------------- */

/* The lane with which this thread holds the mutex, as giving it back once would
 * free it. */
static int check_mutex(uvshm_mutex_t* mutex, struct uvshm__lane** lane) {
  const char* name = mutex->named.name;
  uint32_t held = 0;

  if (UVSHM__IS_NATIVE(mutex))
    return uvshm__mutex_native_refuse(mutex, "go with a condition");
  if (!uvshm__attach_is_ours(mutex->named.attach))
    return uvshm__attach_usable(mutex->named.attach);
  if (uvshm__lane_have(mutex->named.attach, lane) == 0)
    held = uvshm__lock_find(*lane, mutex->lock);
  if (held == 0)
    return uvshm__fail(UV_EPERM, "this thread has not locked \"%s\"", name);
  if ((*lane)->depth[held] != 0)
    return uvshm__fail(
        UV_EINVAL, "this thread has locked \"%s\" more than once", name);
  if ((*lane)->txn == mutex->place)
    return uvshm__fail(UV_EINVAL, "\"%s\" is in a transaction", name);
  return 0;
}


static int not_held(const uvshm_cond_t* cond,
                    const uvshm_mutex_t* mutex,
                    int err,
                    unsigned int failures) {
  return uvshm__fail(err,
                     "waited for \"%s\", and cannot lock \"%s\" again: %s",
                     cond->named.name,
                     mutex->named.name,
                     uvshm__reason(err, failures));
}


static int wait_failed(const uvshm_cond_t* cond,
                       int err,
                       unsigned int failures) {
  return uvshm__fail(err,
                     "cannot wait for \"%s\": %s",
                     cond->named.name,
                     uvshm__reason(err, failures));
}


int uvshm_cond_wait(uvshm_cond_t* cond,
                    uvshm_mutex_t* mutex,
                    uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* owner;
  struct uvshm__lane* lane;
  int news;
  int err;

  err = uvshm__named_usable(&cond->named);
  if (err == 0) err = check_mutex(mutex, &owner);
  if (err < 0) return err;
  err = uvshm__lane_get(cond->named.attach, &lane);
  if (err < 0) return wait_failed(cond, err, failures);

  uvshm__cond_begin(lane, cond->cond);
  err = uvshm__lock_release(owner, mutex->lock);
  if (err == 0)
    err =
        uvshm__cond_sleep(lane, cond->cond, timeout_ms, &cond->named.cancelled);
  news = uvshm__lock_acquire(
      owner, mutex->lock, UVSHM__WAIT_FOREVER, mutex->flags, NULL);
  uvshm__cond_end(lane);
  UVSHM__SYNCED();
  if (news < 0) return not_held(cond, mutex, news, failures);
  if (news > 0) return news;
  return err < 0 ? wait_failed(cond, err, failures) : 0;
}

/* ---- others -------------------------------------------------------------- */

int uvshm_cond_signal(uvshm_cond_t* cond) {
  int err = uvshm__named_usable(&cond->named);

  if (err < 0) return err;
  uvshm__cond_signal(&cond->named.attach->core, cond->cond);
  return 0;
}


int uvshm_cond_broadcast(uvshm_cond_t* cond) {
  int err = uvshm__named_usable(&cond->named);

  if (err < 0) return err;
  uvshm__cond_broadcast(&cond->named.attach->core, cond->cond);
  return 0;
}


void uvshm_cond_cancel(uvshm_cond_t* cond) {
  uvshm__a32_store_seq_cst(&cond->named.cancelled, 1);
  if (uvshm__attach_is_ours(cond->named.attach))
    uvshm__cond_wake(&cond->named.attach->core, cond->cond);
}


int uvshm_cond_info(const uvshm_cond_t* cond, uvshm_cond_info_t* info) {
  int err = uvshm__attach_usable(cond->named.attach);

  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  info->waiters = uvshm__cond_waiters(&cond->named.attach->core, cond->cond);
  return 0;
}


int uvshm_cond_rejoin(uvshm_cond_t* cond) {
  if (cond->named.segment != NULL) return 0;
  return uvshm__attach_rejoin(cond->named.attach);
}
