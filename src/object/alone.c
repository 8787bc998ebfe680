/* SPDX-License-Identifier: MIT */

/* A lock that is known by its name alone has its bytes in the root of a small
 * object. What has blocks of a heap needs more: it gets a whole segment, of the
 * object's kind, so that nobody takes it for a segment of the caller's, with a
 * directory in which there is one entry. All the rest is as in a segment.
 *
 * Two steps make it, and a maker may die between them. Then the next one finds
 * an empty segment and makes the object in it, so opening always is "find or
 * make" twice; that the name is new (UVSHM_EXCLUSIVE) is a matter of the first
 * step alone.
 *
 * The segment has room for one object. Of two that make it at once, the second
 * finds no memory and not yet the object: it waits until the first one is done,
 * or is dead, when its memory is there again.
 */

#include "object/alone.h"

#include "core/contents.h"
#include "object/name_check.h"
#include "object/segment.h"
#include "port.h"

#include <string.h>

/* An entry that is removed and one that takes its place. */
#define OBJECTS 2u


static int check(const struct uvshm__named_request* request) {
  const uint32_t known = UVSHM_EXISTING | UVSHM_EXCLUSIVE | UVSHM_CREATE |
                         UVSHM_KEEP | UVSHM_SYSTEM | UVSHM_DIR |
                         (request->looks ? UVSHM_READONLY : 0);

  if (request->flags & ~known)
    return uvshm__fail(UV_EINVAL,
                       "unknown flag 0x%x",
                       (unsigned int) (request->flags & ~known));
  if (request->flags & (UVSHM_EXISTING | UVSHM_READONLY) &&
      request->flags & (UVSHM_EXCLUSIVE | UVSHM_CREATE))
    return uvshm__fail(UV_EINVAL, "its flags contradict each other");
  return uvshm__name_check_in(request->name, request->flags);
}


static uint64_t open_timeout(const struct uvshm__named_request* request) {
  return request->timeout_ms != 0 ? request->timeout_ms
                                  : UVSHM__OPEN_TIMEOUT_MS;
}


static int open_segment(struct uvshm_segment_s** segment,
                        const struct uvshm__named_request* request,
                        uint64_t size) {
  struct uvshm__request open;

  memset(&open, 0, sizeof(open));
  open.name = request->name;
  open.kind = request->kind;
  open.contents = &uvshm__contents;
  open.flags = request->flags & ~UVSHM_EXISTING;
  if (!(request->flags & (UVSHM_EXISTING | UVSHM_READONLY)))
    open.flags |= UVSHM_CREATE;
  open.mode = request->mode;
  open.timeout_ms = open_timeout(request);
  open.peers = UVSHM__PEERS_DEFAULT;
  open.threads = UVSHM__LANES_DEFAULT;
  open.objects = OBJECTS;
  open.size = size;
  open.group = request->group;
  open.sddl = request->sddl;
  open.label = request->label;
  return uvshm__segment_open(segment, &open);
}


static int open_object(struct uvshm__named* named,
                       const struct uvshm__named_request* request) {
  uint64_t deadline = 0;
  int err;

  for (;;) {
    err = uvshm__named_open(named, request);
    if (err != UV_ENOSPC) return err;
    if (deadline == 0)
      deadline = uvshm__port_now_ms() + open_timeout(request);
    else if (uvshm__port_now_ms() >= deadline)
      return err;
    uvshm__port_sleep_ms(1);
  }
}


int uvshm__alone_open(struct uvshm__named* named,
                      const struct uvshm__named_request* given,
                      uint64_t size) {
  struct uvshm__named_request request = *given;
  struct uvshm_segment_s* segment;
  int err = check(&request);

  if (err == 0) err = open_segment(&segment, &request, size);
  if (err < 0) return err;
  request.segment = segment;
  request.name = uvshm__name_last(request.name, request.flags);
  request.flags = request.flags & UVSHM_EXISTING;
  err = open_object(named, &request);
  if (err < 0) uvshm_segment_close(segment);
  return err;
}


void uvshm__alone_close(struct uvshm__named* named) {
  struct uvshm_segment_s* segment = named->segment;

  uvshm__named_close(named);
  uvshm_segment_close(segment);
}


int uvshm__alone_rejoin(struct uvshm__named* named) {
  return uvshm_segment_rejoin(named->segment);
}
