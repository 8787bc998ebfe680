/* SPDX-License-Identifier: MIT */

/* The public face of the barrier; the algorithm is core/barrier.c. */

#include "uvshm/barrier.h"

#include "base/error.h"
#include "core/barrier.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/named.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(UVSHM_BARRIER_COUNT_MAX == UVSHM__BARRIER_COUNT_MAX, "limits");

struct uvshm_barrier_s {
  struct uvshm__named named;
  struct uvshm__barrier* barrier;
  uint32_t count;
};


static void format_body(void* body, uint32_t count) {
  uvshm__barrier_format(body, count);
}


static int fill(struct uvshm__named_request* request,
                const uvshm_barrier_options_t* options) {
  if (options->count > UVSHM_BARRIER_COUNT_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a barrier: its count is at most %u",
                       UVSHM_BARRIER_COUNT_MAX);
  request->flags = options->flags;
  request->argument = options->count;
  request->mode = options->mode;
  request->timeout_ms = options->timeout_ms;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
  return 0;
}


/* The count is what the object says, and stays what it was found to be. */
static int check_count(uvshm_barrier_t* barrier, uint32_t wanted) {
  uint32_t count = uvshm__a32_load_relaxed(&barrier->barrier->count);

  barrier->count = count;
  if (count == 0 || count > UVSHM_BARRIER_COUNT_MAX)
    return uvshm__fail(UV_EPROTO,
                       "cannot open \"%s\": a barrier for %u",
                       barrier->named.name,
                       (unsigned int) count);
  if (wanted == 0 || wanted == count) return 0;
  return uvshm__fail(UV_EPROTOTYPE,
                     "cannot open \"%s\" for %u: it was made for %u",
                     barrier->named.name,
                     (unsigned int) wanted,
                     (unsigned int) count);
}


int uvshm_barrier_open(uvshm_barrier_t** result,
                       struct uvshm_segment_s* segment,
                       const char* name,
                       const uvshm_barrier_options_t* options) {
  struct uvshm__named_request request;
  uvshm_barrier_t* barrier;
  void* made;
  int err = 0;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.type = UVSHM__TYPE_BARRIER;
  request.kind = UVSHM_KIND_BARRIER;
  request.format_body = format_body;
  if (options != NULL) err = fill(&request, options);
  if (err < 0) return err;
  if (request.argument == 0) request.flags |= UVSHM_EXISTING;
  err = uvshm__named_new(&made,
                         sizeof(*barrier),
                         offsetof(struct uvshm_barrier_s, named),
                         &request);
  if (err < 0) return err;
  barrier = made;
  barrier->barrier = barrier->named.body;
  err = check_count(barrier, request.argument);
  if (err < 0) {
    uvshm_barrier_close(barrier);
    return err;
  }
  *result = barrier;
  return 0;
}


void uvshm_barrier_close(uvshm_barrier_t* barrier) {
  if (barrier == NULL) return;
  uvshm__named_close(&barrier->named);
  free(barrier);
}


int uvshm_barrier_unlink(struct uvshm_segment_s* segment,
                         const char* name,
                         uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_BARRIER, UVSHM_KIND_BARRIER);
}


static int wait_failed(const uvshm_barrier_t* barrier,
                       int err,
                       unsigned int failures) {
  const char* name = barrier->named.name;

  if (err == UV_EAGAIN) return uvshm__fail_bare(err);
  if (err == UV_ECONNRESET)
    return uvshm__fail(err,
                       "\"%s\" is broken: a process that takes part died, or "
                       "it was reset",
                       name);
  return uvshm__fail(
      err, "cannot wait at \"%s\": %s", name, uvshm__reason(err, failures));
}


int uvshm_barrier_wait(uvshm_barrier_t* barrier, uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  int err = uvshm__named_usable(&barrier->named);

  if (err == 0) err = uvshm__lane_get(barrier->named.attach, &lane);
  if (err == 0)
    err = uvshm__barrier_wait(lane,
                              barrier->barrier,
                              barrier->count,
                              timeout_ms,
                              &barrier->named.cancelled);
  UVSHM__SYNCED();
  return err >= 0 ? err : wait_failed(barrier, err, failures);
}


int uvshm_barrier_reset(uvshm_barrier_t* barrier) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__named_usable(&barrier->named);

  if (err < 0) return err;
  err = uvshm__barrier_reset(&barrier->named.attach->core, barrier->barrier);
  return err < 0 ? wait_failed(barrier, err, failures) : 0;
}


void uvshm_barrier_cancel(uvshm_barrier_t* barrier) {
  uvshm__a32_store_seq_cst(&barrier->named.cancelled, 1);
  if (uvshm__attach_is_ours(barrier->named.attach))
    uvshm__wait_wake(&barrier->named.attach->core,
                     &barrier->barrier->signal.word,
                     0,
                     UINT32_MAX);
}


int uvshm_barrier_info(const uvshm_barrier_t* barrier,
                       uvshm_barrier_info_t* info) {
  struct uvshm__barrier_facts facts;
  int err = uvshm__attach_usable(barrier->named.attach);

  if (err < 0) return err;
  uvshm__barrier_read(barrier->barrier, &facts);
  memset(info, 0, sizeof(*info));
  info->count = barrier->count;
  info->waiting = facts.come;
  info->round = facts.round;
  info->broken = facts.broken;
  return 0;
}


int uvshm_barrier_rejoin(uvshm_barrier_t* barrier) {
  if (barrier->named.segment != NULL) return 0;
  return uvshm__attach_rejoin(barrier->named.attach);
}
