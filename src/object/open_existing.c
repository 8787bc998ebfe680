/* SPDX-License-Identifier: MIT */

/* Attaching to what has the name. Under the gate the answer to each of these
 * questions stays true until we have our slot:
 *
 *   was it finished?              no: its maker is dead, as good as absent
 *   is it ours, of our format?    no: an error that says what it is
 *   is it of this boot?           keep: as good as absent; file: see below
 *   is anybody attached?          nobody, and it lives until the last close:
 *                                 it is stale, its name is removed
 *
 * The header is read into private memory and checked there before anything is
 * mapped; only its few changing words are looked at in shared memory later.
 */

#include "object/attach.h"

#include "base/error.h"
#include "core/control.h"
#include "port_caps.h"

#include <string.h>

static const char* const kind_names[] = {
    "nothing known", "a region", "a segment", "a mutex", "a semaphore"};


/* An object whose maker died before it was finished has a header of zeros, or
 * none at all; with the gate in our hands the maker cannot be alive. */
static int unfinished(struct uvshm__attach* attach,
                      const struct uvshm__header* header) {
  const unsigned char* bytes = (const unsigned char*) header;
  size_t i;

  if (attach->object.storage == 0) return 1;
  if (attach->object.storage < UVSHM__GRANULE) return 0;
  for (i = 0; i < sizeof(*header); i++)
    if (bytes[i] != 0) return 0;
  return 1;
}


static int remove_stale(struct uvshm__attach* attach) {
  int err;

  if (attach->readonly) return UVSHM__GONE;
  err = uvshm__port_unlink(&attach->object);
  if (err < 0)
    return uvshm__fail(
        err, "its last user is dead, and it cannot be removed");
  return UVSHM__GONE;
}


static int same_kind(const struct uvshm__control* control, uint32_t kind) {
  if (control->kind == kind) return 0;
  return uvshm__fail(UV_EPROTOTYPE,
                     "it is %s, not %s",
                     kind_names[control->kind <= UVSHM_KIND_SEM
                                    ? control->kind
                                    : UVSHM_KIND_UNKNOWN],
                     kind_names[kind]);
}


static int same_system(const struct uvshm__control* control) {
  if (control->liveness != UVSHM__PORT_LIVENESS)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "made with liveness kind %u, this uvshm uses %u",
                       control->liveness,
                       UVSHM__PORT_LIVENESS);
  if (control->waiting != UVSHM__PORT_WAITING)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "made with wait kind %u, this uvshm uses %u",
                       control->waiting,
                       UVSHM__PORT_WAITING);
  return 0;
}


static int enough_storage(const struct uvshm__attach* attach,
                          const struct uvshm__control* control) {
  if (attach->object.storage >= control->committed) return 0;
  return uvshm__fail(UV_EPROTO,
                     "it was cut to %llu bytes and needs %llu",
                     (unsigned long long) attach->object.storage,
                     (unsigned long long) control->committed);
}


static int same_boot(const struct uvshm__control* control, int* same) {
  uint64_t boot[2];
  int err = uvshm__port_boot_id(boot);

  if (err < 0) return err;
  *same = boot[0] == control->boot[0] && boot[1] == control->boot[1];
  return 0;
}


/* Is it still the object that the name promised? 0: attach. */
static int judge(struct uvshm__attach* attach,
                 const struct uvshm__control* control) {
  int used = 1;
  int same = 1;
  int err = 0;

  if (control->lifetime == UVSHM_LIFETIME_KEEP) {
    err = same_boot(control, &same);
    if (err == 0 && !same) return remove_stale(attach);
    return err;
  }
  if (control->lifetime == UVSHM_LIFETIME_LAST_CLOSE &&
      !UVSHM__PORT_LIFETIME_BY_KERNEL) {
    err = uvshm__port_in_use(&attach->object, &used);
    if (err == 0 && !used) return remove_stale(attach);
  }
  return err;
}


static int fits(const struct uvshm__control* control,
                const struct uvshm__request* request) {
  if (request->size <= control->size) return 0;
  return uvshm__fail(UV_ENOSPC,
                     "it has %llu bytes, %llu were asked for",
                     (unsigned long long) control->size,
                     (unsigned long long) request->size);
}


static void adopt(struct uvshm__attach* attach,
                  const struct uvshm__control* control) {
  attach->lifetime = control->lifetime;
  attach->system = control->system;
  attach->max_size = control->max_size;
  attach->reserve = control->reserve;
  attach->created_ms = control->created_ms;
  attach->creator_pid = control->creator_pid;
  if (!attach->readonly) attach->readonly = attach->object.readonly;
}


static int examine(struct uvshm__attach* attach,
                   struct uvshm__control* control,
                   uint32_t kind) {
  struct uvshm__header header;
  int err;

  memset(&header, 0, sizeof(header));
  if (attach->object.storage >= UVSHM__GRANULE) {
    err = uvshm__port_peek(&attach->object, &header, sizeof(header));
    if (err < 0) return err;
  }
  if (unfinished(attach, &header)) return remove_stale(attach);
  err = uvshm__control_check(&header, attach->object.storage, control);
  if (err < 0) return err;
  err = same_kind(control, kind);
  if (err == 0) err = same_system(control);
  if (err == 0) err = enough_storage(attach, control);
  return err;
}


int uvshm__attach_existing(struct uvshm__attach* attach,
                           const struct uvshm__request* request) {
  struct uvshm__control control;
  int news = 0;
  int err;

  if (attach->object.origin == UVSHM__PORT_RAW_FILE ||
      attach->object.origin == UVSHM__PORT_FOREIGN)
    return uvshm__attach_plain(attach, request);

  err = examine(attach, &control, request->kind);
  if (err != 0) return err;
  uvshm__port_identify(&attach->object, control.id);
  err = judge(attach, &control);
  if (err == 0) err = fits(&control, request);
  if (err != 0) return err;

  adopt(attach, &control);
  err = uvshm__attach_map_control(attach, &control);
  if (err == 0 && attach->lifetime == UVSHM_LIFETIME_FILE)
    err = news = uvshm__managed_open(attach, request);
  if (err >= 0) err = uvshm__attach_map_bytes(attach, request);
  if (err == 0) err = uvshm__attach_join(attach);
  if (err < 0) {
    uvshm__attach_unmap(attach);
    return err;
  }
  return news;
}
