/* SPDX-License-Identifier: MIT */

/* The public face of a segment. */

#include "uvshm/segment.h"

#include "base/error.h"
#include "core/contents.h"
#include "core/directory.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "object/attach.h"
#include "object/lanes.h"
#include "object/segment.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_FLAGS                                                            \
 (UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_EXISTING | UVSHM_READONLY |           \
  UVSHM_KEEP | UVSHM_SYSTEM | UVSHM_FILE | UVSHM_MANAGED | UVSHM_UNCLEAN_OK |  \
  UVSHM_DIR | UVSHM_GUARD | UVSHM_SEGMENT_HUGE)

#define SIZE_DEFAULT UVSHM__GRANULE

static int number(uint32_t* value,
                  uint32_t given,
                  uint32_t standard,
                  uint32_t limit,
                  const char* what) {
  if (given > limit)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a segment: %s is at most %u",
                       what,
                       (unsigned int) limit);
  *value = given != 0 ? given : standard;
  return 0;
}


static int check(const char* name, const uvshm_segment_options_t* options) {
  uint32_t flags = options->flags;
  int file = (flags & UVSHM_FILE) != 0;

  if (flags & ~KNOWN_FLAGS)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a segment: unknown flag 0x%x",
                       (unsigned int) (flags & ~KNOWN_FLAGS));
  if ((flags & UVSHM_CREATE && flags & (UVSHM_EXISTING | UVSHM_READONLY)) ||
      (flags & UVSHM_EXCLUSIVE && !(flags & UVSHM_CREATE)) ||
      file != ((flags & UVSHM_MANAGED) != 0) || (file && flags & UVSHM_KEEP) ||
      (flags & UVSHM_UNCLEAN_OK && !file) || (file && flags & UVSHM_DIR))
    return uvshm__fail(
        UV_EINVAL, "cannot open a segment: its flags contradict each other");
  if (name == NULL &&
      (flags & ~(UVSHM_SEGMENT_HUGE | UVSHM_GUARD)) != UVSHM_CREATE)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a segment: one without a name must be made "
                       "with UVSHM_CREATE alone");
  if (options->mode > 0777 || options->reserved != 0)
    return uvshm__fail(
        UV_EINVAL, "cannot open a segment: mode or reserved makes no sense");
  return 0;
}


static int fill(struct uvshm__request* request,
                const char* name,
                const uvshm_segment_options_t* options) {
  int err;

  memset(request, 0, sizeof(*request));
  request->name = name;
  request->kind = UVSHM_KIND_SEGMENT;
  request->contents = &uvshm__contents;
  request->flags = options->flags;
  request->mode = options->mode;
  request->timeout_ms =
      options->timeout_ms != 0 ? options->timeout_ms : UVSHM__OPEN_TIMEOUT_MS;
  request->group = options->group;
  request->sddl = options->sddl;
  request->label = options->label;
  err = number(&request->peers,
               options->peers,
               UVSHM__PEERS_DEFAULT,
               UVSHM__PEERS_LIMIT,
               "peers");
  if (err == 0)
    err = number(&request->threads,
                 options->threads,
                 UVSHM__LANES_DEFAULT,
                 UVSHM__LANES_LIMIT,
                 "threads");
  if (err == 0)
    err = number(&request->objects,
                 options->objects,
                 UVSHM__OBJECTS_DEFAULT,
                 UVSHM__OBJECTS_LIMIT,
                 "objects");
  if (!(options->flags & UVSHM_CREATE)) return err;
  /* Of an existing segment the size does not matter, so it is asked for only
   * when one may be made. */
  request->size = options->size != 0 ? options->size : SIZE_DEFAULT;
  request->max_size = options->max_size;
  return err;
}


int uvshm__segment_open(struct uvshm_segment_s** result,
                        const struct uvshm__request* request) {
  uvshm_segment_t* segment = calloc(1, sizeof(*segment));
  int news;

  if (segment == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  news = uvshm__attach_open(&segment->attach, request);
  if (news < 0) {
    free(segment);
    return news;
  }
  *result = segment;
  return news;
}


int uvshm_segment_open(uvshm_segment_t** result,
                       const char* name,
                       const uvshm_segment_options_t* given) {
  uvshm_segment_options_t options;
  struct uvshm__request request;
  int err;

  memset(&options, 0, sizeof(options));
  if (given != NULL) options = *given;
  err = check(name, &options);
  if (err == 0) err = fill(&request, name, &options);
  if (err < 0) return err;
  return uvshm__segment_open(result, &request);
}


void uvshm_segment_close(uvshm_segment_t* segment) {
  if (segment == NULL) return;
  uvshm__attach_close(segment->attach);
  free(segment->handles);
  free(segment);
}


int uvshm_segment_unlink(const char* name, uint32_t flags) {
  return uvshm__attach_unlink(name, flags, UVSHM_KIND_SEGMENT);
}


int uvshm_segment_grow(uvshm_segment_t* segment, uint64_t size) {
  return uvshm__attach_grow(segment->attach, size);
}


int uvshm_segment_sync(uvshm_segment_t* segment, int wait) {
  struct uvshm__attach* attach = segment->attach;
  unsigned int failures = uvshm__error_count();
  uint64_t size = uvshm__attach_committed(attach);
  int err = uvshm__attach_usable(attach);

  if (err < 0 || attach->readonly) return err;
  if (size > attach->control.size) size = attach->control.size;
  err = uvshm__port_sync(&attach->object, attach->control.addr, size, wait);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot sync \"%s\": %s",
                       attach->name,
                       uvshm__reason(err, failures));
  return 0;
}


int uvshm_segment_info(const uvshm_segment_t* segment,
                       uvshm_segment_info_t* info) {
  const struct uvshm__core* core = &segment->attach->core;
  int err;

  memset(info, 0, sizeof(*info));
  err = uvshm__attach_info(segment->attach, &info->region);
  if (err < 0) return err;
  info->peers_max = core->peers_max;
  info->threads = uvshm__lane_used(core);
  info->threads_max = core->lanes_max;
  info->objects = uvshm__directory_used(core);
  info->objects_max = core->objects_max;
  info->format = UVSHM__FORMAT;
  return 0;
}


int uvshm_segment_peer(const uvshm_segment_t* segment,
                       uint32_t* cursor,
                       uvshm_peer_info_t* info) {
  const struct uvshm__core* core = &segment->attach->core;
  struct uvshm__peer_facts facts;
  uint32_t slot;
  int err = uvshm__attach_usable(segment->attach);

  if (err < 0) return err;
  for (slot = *cursor; slot < core->peers_max; slot++)
    if (!uvshm__peer_is_free(core, slot)) break;
  if (slot >= core->peers_max) return uvshm__fail_bare(UV_ENOENT);
  uvshm__peer_read(core, slot, &facts);
  memset(info, 0, sizeof(*info));
  info->slot = slot;
  info->pid = facts.pid;
  info->alive = (uint32_t) core->env->alive(core->env_arg, slot);
  info->self = !segment->attach->readonly && slot == core->slot;
  info->attached_ms = facts.attached_ms;
  memcpy(info->label, facts.label, sizeof(info->label));
  *cursor = slot + 1;
  return 0;
}


int uvshm_segment_next(const uvshm_segment_t* segment,
                       uint32_t* cursor,
                       uvshm_object_info_t* info) {
  static const char* const types[] = {"unknown",
                                      "mutex",
                                      "sem",
                                      "map",
                                      "root",
                                      "rwlock",
                                      "cond",
                                      "event",
                                      "barrier",
                                      "channel",
                                      "cell"};
  struct uvshm__directory_facts facts;
  int err = uvshm__attach_usable(segment->attach);

  if (err < 0) return err;
  err = uvshm__directory_next(&segment->attach->core, cursor, &facts);
  if (err < 0) return uvshm__fail_bare(err);
  memset(info, 0, sizeof(*info));
  info->type = types[facts.ref.type <= UVSHM__TYPE_LAST ? facts.ref.type : 0];
  info->open = facts.open;
  memcpy(info->name, facts.name, sizeof(info->name));
  return 0;
}


int uvshm_segment_check(const uvshm_segment_t* segment) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__attach_usable(segment->attach);

  if (err < 0) return err;
  err = uvshm__core_check(&segment->attach->core, segment->attach->kind);
  if (err < 0)
    return uvshm__fail(err,
                       "\"%s\" is damaged: %s",
                       segment->attach->name,
                       uvshm__reason(err, failures));
  return 0;
}


int uvshm_segment_repair(uvshm_segment_t* segment, uint32_t* repaired) {
  struct uvshm__attach* attach = segment->attach;
  struct uvshm__lane* lane;
  uint32_t count;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (attach->readonly)
    return uvshm__fail(
        UV_EACCES, "cannot repair \"%s\": attached for reading", attach->name);
  count = uvshm__reap_all(&attach->core);
  err = uvshm__lane_get(attach, &lane);
  if (err < 0) return err;
  uvshm__core_mend(lane, attach->kind);
  if (repaired != NULL) *repaired = count;
  return 0;
}


/* The open bits in the directory are the parent's; ours are set anew. */
int uvshm_segment_rejoin(uvshm_segment_t* segment) {
  struct uvshm__attach* attach = segment->attach;
  uint32_t i;
  int err;

  if (uvshm__attach_is_ours(attach)) return 0;
  err = uvshm__attach_rejoin(attach);
  if (err < 0) return err;
  uvshm__a32_store_relaxed(&attach->traces, 1);
  /* One that was removed meanwhile answers UV_ENXIO to every use. */
  for (i = 0; segment->handles != NULL && i < attach->core.objects_max; i++)
    if (segment->handles[i].count != 0)
      (void) uvshm__directory_open(&attach->core, &segment->handles[i].ref);
  return 0;
}
