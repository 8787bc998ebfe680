/* SPDX-License-Identifier: MIT */

/* Finding or making a named object, in a segment or by its name alone. Both
 * ways end with the address of a body that stays what it is until close. */

#include "object/named.h"

#include "base/rare.h"
#include "base/text.h"
#include "core/contents.h"
#include "object/lanes.h"
#include "object/name_check.h"
#include "object/segment.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>


static int cannot(const struct uvshm__named_request* request,
                  int err,
                  unsigned int failures) {
  return uvshm__fail(err,
                     "cannot open \"%s\": %s",
                     request->name,
                     uvshm__reason(err, failures));
}


/* ---- in a segment -------------------------------------------------------- */

/* What was furnished, and then not made. */
static void free_blocks(struct uvshm__lane* lane,
                        const struct uvshm__directory_spec* spec) {
  uint32_t i;

  for (i = 0; i < UVSHM__DIRECTORY_BLOCKS; i++)
    if (spec->blocks[i] != 0)
      (void) lane->core->contents->block_free(lane, spec->blocks[i]);
}


static int make(struct uvshm__named* named,
                const struct uvshm__named_request* request,
                struct uvshm__lane* lane,
                struct uvshm__directory_spec* spec,
                int* made) {
  _Alignas(8) unsigned char body[UVSHM__ENTRY_BODY];
  int err = 0;

  spec->body = body;
  request->format_body(body, request->argument);
  if (request->furnish != NULL)
    err = request->furnish(lane, spec, body, request->furnish_size);
  if (err == 0)
    err = uvshm__directory_make(
        lane, spec, request->timeout_ms, &named->ref, made);
  if (err < 0 || !*made) free_blocks(lane, spec);
  spec->body = NULL; /* it ends here */
  /* Somebody else may have made it meanwhile, of the memory that we lack. */
  if ((err == UV_ENOSPC || err == UV_ENOMEM) &&
      uvshm__directory_find(
          &named->attach->core, spec->name, spec->name_size, &named->ref) == 0)
    err = 0;
  return err;
}


static int find_or_make(struct uvshm__named* named,
                        const struct uvshm__named_request* request,
                        struct uvshm__lane* lane) {
  struct uvshm__core* core = &named->attach->core;
  struct uvshm__directory_spec spec;
  int made = 0;
  int err;

  memset(&spec, 0, sizeof(spec));
  spec.name = request->name;
  spec.name_size = (uint32_t) strlen(request->name);
  spec.type = request->type;
  spec.flags = request->type_flags;
  err = uvshm__directory_find(core, spec.name, spec.name_size, &named->ref);
  if (err == UV_ENOENT && !(request->flags & UVSHM_EXISTING))
    err = make(named, request, lane, &spec, &made);
  if (err < 0) return err;
  if (!made && request->flags & UVSHM_EXCLUSIVE)
    return uvshm__fail(UV_EEXIST, "the name is taken");
  if (named->ref.type != request->type)
    return uvshm__fail(UV_EPROTOTYPE, "it is another kind of object");
  if (named->ref.flags != request->type_flags)
    return uvshm__fail(UV_EPROTOTYPE, "it was made with other flags");
  return 0;
}


/* Nothing can be noted in a segment that is attached for reading. So the object
 * may go, and another take its bytes, while it is looked at. */
static int open_to_look(struct uvshm__named* named,
                        const struct uvshm__named_request* request) {
  struct uvshm__named_request look = *request;
  int err;

  if (!request->looks || request->flags & UVSHM_EXCLUSIVE)
    return uvshm__fail(UV_EACCES, "the segment is attached for reading");
  look.flags |= UVSHM_EXISTING;
  err = find_or_make(named, &look, NULL);
  if (err == UV_ENOENT && !(request->flags & UVSHM_EXISTING))
    return uvshm__fail(UV_EACCES, "the segment is attached for reading");
  if (err == 0)
    named->body = uvshm__directory_body(&named->attach->core, named->ref.index);
  return err;
}


/* An object may be removed between the look and the open bit: look again. */
static int open_in_segment(struct uvshm__named* named,
                           const struct uvshm__named_request* request) {
  struct uvshm__lane* lane = NULL;
  uint32_t tries;
  int err;

  err = uvshm__attach_usable(named->attach);
  if (err == 0 && named->attach->readonly) return open_to_look(named, request);
  if (err == 0) err = uvshm__lane_get(named->attach, &lane);
  if (err != 0) return err;

  for (tries = 0; tries < 1000; tries++) {
    err = find_or_make(named, request, lane);
    if (err < 0) return err;
    uvshm__port_process_lock();
    err = uvshm__segment_retain(named->segment, &named->ref);
    uvshm__port_process_unlock();
    if (err != UV_ENXIO) break;
  }
  if (err == 0)
    named->body = uvshm__directory_body(&named->attach->core, named->ref.index);
  return err;
}


UVSHM__RARE int uvshm__named_removed(const struct uvshm__named* named) {
  return uvshm__fail(
      UV_ENXIO, "\"%s\" was removed from its segment", named->name);
}

/* ---- by its name alone --------------------------------------------------- */

static int open_alone(struct uvshm__named* named,
                      const struct uvshm__named_request* request) {
  struct uvshm__request open;

  memset(&open, 0, sizeof(open));
  open.name = request->name;
  open.kind = request->kind;
  open.flags = request->flags & ~UVSHM_EXISTING;
  if (!(request->flags & UVSHM_EXISTING)) open.flags |= UVSHM_CREATE;
  open.mode = request->mode;
  open.timeout_ms = request->timeout_ms;
  open.peers = UVSHM__PEERS_DEFAULT;
  open.threads = UVSHM__LANES_DEFAULT;
  open.group = request->group;
  open.sddl = request->sddl;
  open.label = request->label;
  open.format_root = request->format_body;
  open.root_argument = request->argument;
  return uvshm__attach_open(&named->attach, &open);
}


static int check(const struct uvshm__named_request* request) {
  const uint32_t alone = UVSHM_KEEP | UVSHM_SYSTEM | UVSHM_DIR;
  const uint32_t known =
      UVSHM_EXISTING | UVSHM_EXCLUSIVE | UVSHM_CREATE | alone;

  if (request->flags & ~known)
    return uvshm__fail(UV_EINVAL,
                       "unknown flag 0x%x",
                       (unsigned int) (request->flags & ~known));
  if (request->flags & UVSHM_EXISTING &&
      request->flags & (UVSHM_EXCLUSIVE | UVSHM_CREATE))
    return uvshm__fail(UV_EINVAL, "its flags contradict each other");
  if (request->segment != NULL && request->flags & alone)
    return uvshm__fail(UV_EINVAL,
                       "in a segment an object has the segment's lifetime and "
                       "scope");
  return uvshm__name_check_in(request->name, request->flags);
}


int uvshm__named_open(struct uvshm__named* named,
                      const struct uvshm__named_request* given) {
  struct uvshm__named_request request = *given;
  unsigned int failures = uvshm__error_count();
  int err;

  if (request.timeout_ms == 0) request.timeout_ms = UVSHM__OPEN_TIMEOUT_MS;
  memset(named, 0, sizeof(*named));
  named->segment = request.segment;
  err = check(&request);
  if (err < 0) return err;
  uvshm__copy_text(named->name, sizeof(named->name), request.name);
  if (request.segment == NULL) {
    err = open_alone(named, &request);
    if (err >= 0) named->body = named->attach->core.base + UVSHM__ROOT_OFFSET;
    return err;
  }
  named->attach = uvshm__segment_attach(request.segment);
  err = open_in_segment(named, &request);
  return err < 0 ? cannot(&request, err, failures) : err;
}


int uvshm__named_new(void** handle,
                     size_t size,
                     size_t offset,
                     const struct uvshm__named_request* request) {
  unsigned char* bytes = calloc(1, size);
  int err;

  if (bytes == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__named_open((struct uvshm__named*) (void*) (bytes + offset),
                          request);
  if (err < 0) {
    free(bytes);
    return err;
  }
  *handle = bytes;
  return 0;
}


void uvshm__named_close(struct uvshm__named* named) {
  if (named->segment == NULL) {
    uvshm__attach_close(named->attach);
    return;
  }
  if (!uvshm__attach_is_ours(named->attach) || named->attach->readonly) return;
  uvshm__port_process_lock();
  uvshm__segment_release(named->segment, &named->ref);
  uvshm__port_process_unlock();
}


int uvshm__named_unlink(struct uvshm_segment_s* segment,
                        const char* name,
                        uint32_t flags,
                        uint32_t type,
                        uint32_t kind) {
  struct uvshm__directory_ref ref;
  struct uvshm__attach* attach;
  uint32_t size;
  int err;

  if (segment == NULL) return uvshm__attach_unlink(name, flags, kind);
  attach = uvshm__segment_attach(segment);
  err = uvshm__name_check(name);
  if (err == 0) err = uvshm__attach_usable(attach);
  if (err < 0) return err;
  if (flags != 0)
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  if (attach->readonly)
    return uvshm__fail(
        UV_EACCES, "cannot unlink \"%s\": attached for reading", name);
  /* The bytes may be ours to free. */
  uvshm__a32_store_relaxed(&attach->traces, 1);
  size = (uint32_t) strlen(name);
  err = uvshm__directory_find(&attach->core, name, size, &ref);
  if (err == 0 && ref.type != type)
    return uvshm__fail(UV_EPROTOTYPE,
                       "cannot unlink \"%s\": it is another kind of object",
                       name);
  if (err == 0) err = uvshm__directory_remove(&attach->core, name, size);
  if (err < 0)
    return uvshm__fail(err, "there is no \"%s\" in \"%s\"", name, attach->name);
  return 0;
}
