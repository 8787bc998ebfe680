/* SPDX-License-Identifier: MIT */

/* The public face of the counting semaphore; the algorithm is core/sem.c. A
 * thread needs a lane only when it has to sleep. */

#include "uvshm/sem.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/sem.h"
#include "core/wait.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/named.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct uvshm_sem_s {
  struct uvshm__named named;
  struct uvshm__sem* sem;
};


static void format_body(void* body, uint32_t value) {
  uvshm__sem_format(body, value);
}


static int fill(struct uvshm__named_request* request,
                const uvshm_sem_options_t* options) {
  if (options->value > UVSHM_SEM_VALUE_MAX)
    return uvshm__fail(
        UV_EINVAL, "a semaphore's value is at most %u", UVSHM_SEM_VALUE_MAX);
  request->flags = options->flags;
  request->argument = options->value;
  request->mode = options->mode;
  request->timeout_ms = options->timeout_ms;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
  return 0;
}


UVSHM__RARE int uvshm_sem_open(uvshm_sem_t** result,
                               struct uvshm_segment_s* segment,
                               const char* name,
                               const uvshm_sem_options_t* options) {
  struct uvshm__named_request request;
  uvshm_sem_t* sem;
  void* made;
  int err = 0;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_SEM;
  request.kind = UVSHM_KIND_SEM;
  request.format_body = format_body;
  if (options != NULL) err = fill(&request, options);
  if (err < 0) return err;
  err = uvshm__named_new(
      &made, sizeof(*sem), offsetof(struct uvshm_sem_s, named), &request);
  if (err < 0) return err;
  sem = made;
  sem->sem = sem->named.body;
  *result = sem;
  return 0;
}


UVSHM__RARE void uvshm_sem_close(uvshm_sem_t* sem) {
  if (sem == NULL) return;
  uvshm__named_close(&sem->named);
  free(sem);
}


UVSHM__RARE int uvshm_sem_unlink(struct uvshm_segment_s* segment,
                                 const char* name,
                                 uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_SEM, UVSHM_KIND_SEM);
}


static int wait_failed(const uvshm_sem_t* sem, int err, unsigned int failures) {
  if (err == UV_EAGAIN) return uvshm__fail_bare(err);
  return uvshm__fail(err,
                     "cannot wait for \"%s\": %s",
                     sem->named.name,
                     uvshm__reason(err, failures));
}


int uvshm_sem_wait(uvshm_sem_t* sem, uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  int err = uvshm__named_usable(&sem->named);

  if (err == 0) err = uvshm__sem_try(sem->sem);
  if (err == UV_EAGAIN && timeout_ms != 0) {
    err = uvshm__lane_get(sem->named.attach, &lane);
    if (err == 0)
      err = uvshm__sem_wait(lane, sem->sem, timeout_ms, &sem->named.cancelled);
  }
  UVSHM__SYNCED();
  return err >= 0 ? err : wait_failed(sem, err, failures);
}


int uvshm_sem_post(uvshm_sem_t* sem, uint32_t count) {
  int err = uvshm__named_usable(&sem->named);

  if (err < 0) return err;
  if (count == 0 || count > UVSHM_SEM_VALUE_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot post to \"%s\": count is 1 to %u",
                       sem->named.name,
                       UVSHM_SEM_VALUE_MAX);
  err = uvshm__sem_post(&sem->named.attach->core, sem->sem, count);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot post to \"%s\": its value would pass %u",
                       sem->named.name,
                       UVSHM_SEM_VALUE_MAX);
  return 0;
}


UVSHM__RARE void uvshm_sem_cancel(uvshm_sem_t* sem) {
  uvshm__a32_store_seq_cst(&sem->named.cancelled, 1);
  if (uvshm__attach_is_ours(sem->named.attach))
    uvshm__wait_wake(&sem->named.attach->core, &sem->sem->word, 0, UINT32_MAX);
}


UVSHM__RARE int uvshm_sem_info(const uvshm_sem_t* sem, uvshm_sem_info_t* info) {
  int err = uvshm__attach_usable(sem->named.attach);

  if (err < 0) return err;
  info->value = uvshm__sem_value(sem->sem);
  info->waiters = uvshm__wait_count(&sem->named.attach->core, &sem->sem->word);
  return 0;
}


UVSHM__RARE int uvshm_sem_rejoin(uvshm_sem_t* sem) {
  if (sem->named.segment != NULL) return 0;
  return uvshm__attach_rejoin(sem->named.attach);
}
