/* SPDX-License-Identifier: MIT */

/* A region without a name, for another process: a handle that a child inherits,
 * told by a ticket, or one that is sent through a pipe. The receiver becomes a
 * peer like any other; there is no gate, since nobody can find or remove what
 * has no name.
 */

#include "uvshm/region.h"

#include "base/error.h"
#include "object/attach.h"
#include "port_caps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define TICKET_PREFIX "uvshm-1:"

struct uvshm__export {
  intptr_t handle;
  struct uvshm__export* next;
};


static struct uvshm__attach* attach_of(const uvshm_region_t* region) {
  return (struct uvshm__attach*) region;
}


void uvshm__exports_close(struct uvshm__attach* attach) {
  struct uvshm__export* export;

  while ((export = attach->exports) != NULL) {
    attach->exports = export->next;
    uvshm__port_export_close(export->handle);
    free(export);
  }
}


static int may_hand_over(const struct uvshm__attach* attach, uint32_t flags) {
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (flags & ~UVSHM_READONLY)
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  if (attach->object.origin != UVSHM__PORT_ANONYMOUS)
    return uvshm__fail(UV_ENOTSUP,
                       "cannot hand over \"%s\": it has a name to open it by",
                       attach->name);
  return 0;
}


static int make_export(struct uvshm__attach* attach,
                       uint32_t readonly,
                       intptr_t* handle) {
  struct uvshm__export* export = malloc(sizeof(*export));
  int err;

  if (export == NULL) return UV_ENOMEM;
  err = uvshm__port_export(&attach->object, readonly, handle);
  if (err < 0) {
    free(export);
    return err;
  }
  export->handle = *handle;
  uvshm__port_process_lock();
  export->next = attach->exports;
  attach->exports = export;
  uvshm__port_process_unlock();
  return 0;
}


/* What the child finds is the slot's number, or the handle's own value. */
static void fill_slot(uv_stdio_container_t* slot,
                      int index,
                      intptr_t handle,
                      char* ticket) {
  unsigned long long number = (unsigned long long) index;

  slot->flags = UV_IGNORE;
  if (UVSHM__PORT_INHERITS_VALUES) {
    number = (unsigned long long) (uintptr_t) handle;
  } else {
    slot->flags = UV_INHERIT_FD;
    slot->data.fd = (int) handle;
  }
  snprintf(ticket, UVSHM_TICKET_SIZE, TICKET_PREFIX "%llx", number);
}


int uvshm_region_prepare(uvshm_region_t* region,
                         struct uv_process_options_s* options,
                         int index,
                         uint32_t flags,
                         char* ticket) {
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  intptr_t handle = -1;
  int err = may_hand_over(attach, flags);

  if (err < 0) return err;
  if (index < 3 || index >= options->stdio_count)
    return uvshm__fail(
        UV_EINVAL,
        "cannot hand a region over: stdio has no element %d that "
        "is free",
        index);
  err = make_export(attach, flags & UVSHM_READONLY, &handle);
  if (err < 0)
    return uvshm__fail(
        err, "cannot hand a region over: %s", uvshm__reason(err, failures));
  fill_slot(&options->stdio[index], index, handle, ticket);
  return 0;
}


static void fill(struct uvshm__request* request,
                 const uvshm_region_options_t* options) {
  memset(request, 0, sizeof(*request));
  request->kind = UVSHM_KIND_REGION;
  if (options == NULL) return;
  request->flags = options->flags;
  request->size = options->size;
  request->offset = options->offset;
  request->window_size = options->window_size;
  request->label = options->label;
}


static int check(const uvshm_region_options_t* options) {
  const uint32_t known = UVSHM_READONLY | UVSHM_GUARD | UVSHM_REGION_PRIVATE;

  if (options == NULL || !(options->flags & ~known)) return 0;
  return uvshm__fail(
      UV_EINVAL, "unknown flag 0x%x", (unsigned int) (options->flags & ~known));
}


/* An object has arrived in attach->object; enter it, or let it go. */
static int settle(struct uvshm__attach* attach,
                  const struct uvshm__request* request,
                  unsigned int failures) {
  int err = uvshm__attach_arrive(attach, request);

  if (err >= 0) return err;
  uvshm__port_drop(&attach->object);
  free(attach);
  return uvshm__fail(err,
                     "cannot open a region that was handed over: %s",
                     uvshm__reason(err, failures));
}


static int read_ticket(const char* ticket, intptr_t* handle) {
  const size_t prefix = strlen(TICKET_PREFIX);
  unsigned long long number;
  char* end;

  if (ticket == NULL || strncmp(ticket, TICKET_PREFIX, prefix) != 0)
    return UV_EINVAL;
  number = strtoull(ticket + prefix, &end, 16);
  if (end == ticket + prefix || *end != '\0' || number > INTPTR_MAX)
    return UV_EINVAL;
  *handle = (intptr_t) number;
  return 0;
}


int uvshm_region_accept(uvshm_region_t** region,
                        const char* ticket,
                        const uvshm_region_options_t* options) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__request request;
  struct uvshm__attach* attach;
  intptr_t handle = -1;
  int err = check(options);

  if (err < 0) return err;
  fill(&request, options);
  attach = uvshm__attach_alloc(&request);
  if (attach == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = read_ticket(ticket, &handle);
  if (err == 0) err = uvshm__port_import(&attach->object, handle);
  if (err < 0) {
    free(attach);
    return uvshm__fail(err, "no region was handed over with this ticket");
  }
  err = settle(attach, &request, failures);
  if (err >= 0) *region = (uvshm_region_t*) attach;
  return err;
}


static int pipe_handle(struct uv_stream_s* pipe, intptr_t* handle) {
  uv_os_fd_t fd;
  int err;

  if (pipe->type != UV_NAMED_PIPE || !((uv_pipe_t*) pipe)->ipc)
    return uvshm__fail(UV_EINVAL, "it is not a pipe for IPC");
  err = uv_fileno((const uv_handle_t*) pipe, &fd);
  if (err < 0) return err;
  *handle = (intptr_t) fd;
  return 0;
}


/* Where the receiver fetches the handle from us, it is kept like a child's. */
static int send_handle(struct uvshm__attach* attach,
                       uint32_t readonly,
                       intptr_t pipe,
                       uint64_t timeout_ms) {
  intptr_t handle = -1;
  int err;

  if (UVSHM__PORT_INHERITS_VALUES) {
    err = make_export(attach, readonly, &handle);
    return err < 0 ? err : uvshm__port_send(handle, pipe, timeout_ms);
  }
  err = uvshm__port_export(&attach->object, readonly, &handle);
  if (err < 0) return err;
  err = uvshm__port_send(handle, pipe, timeout_ms);
  uvshm__port_export_close(handle);
  return err;
}


int uvshm_region_send(uvshm_region_t* region,
                      struct uv_stream_s* pipe,
                      uint32_t flags,
                      uint64_t timeout_ms) {
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  intptr_t handle = -1;
  int err = may_hand_over(attach, flags);

  if (err < 0) return err;
  err = pipe_handle(pipe, &handle);
  if (err == 0)
    err = send_handle(attach, flags & UVSHM_READONLY, handle, timeout_ms);
  if (err < 0)
    return uvshm__fail(
        err, "cannot send a region: %s", uvshm__reason(err, failures));
  return 0;
}


int uvshm_region_recv(uvshm_region_t** region,
                      struct uv_stream_s* pipe,
                      const uvshm_region_options_t* options,
                      uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__request request;
  struct uvshm__attach* attach;
  intptr_t handle = -1;
  int err = check(options);

  if (err < 0) return err;
  fill(&request, options);
  attach = uvshm__attach_alloc(&request);
  if (attach == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = pipe_handle(pipe, &handle);
  if (err == 0) err = uvshm__port_receive(&attach->object, handle, timeout_ms);
  if (err < 0) {
    free(attach);
    return uvshm__fail(
        err, "cannot receive a region: %s", uvshm__reason(err, failures));
  }
  err = settle(attach, &request, failures);
  if (err >= 0) *region = (uvshm_region_t*) attach;
  return err;
}
