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

static const char* const kind_names[] = {"nothing known",
                                         "a region",
                                         "a segment",
                                         "a mutex",
                                         "a semaphore",
                                         "a read-write lock",
                                         "a condition variable",
                                         "an event",
                                         "a barrier",
                                         "a channel",
                                         "a cell"};


/* An object whose maker died before it was finished has a header of zeros, or
 * none at all; with the gate in our hands the maker cannot be alive. */
static int unfinished(const struct uvshm__port_object* object,
                      const struct uvshm__header* header) {
  const unsigned char* bytes = (const unsigned char*) header;
  size_t i;

  if (object->storage == 0) return 1;
  if (object->storage < UVSHM__GRANULE) return 0;
  for (i = 0; i < sizeof(*header); i++)
    if (bytes[i] != 0) return 0;
  return 1;
}


static int same_kind(const struct uvshm__control* control, uint32_t kind) {
  if (kind == UVSHM_KIND_UNKNOWN || control->kind == kind) return 0;
  return uvshm__fail(
      UV_EPROTOTYPE,
      "it is %s, not %s",
      kind_names[control->kind <= UVSHM_KIND_CELL ? control->kind
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


static int enough_storage(const struct uvshm__port_object* object,
                          const struct uvshm__control* control) {
  if (object->storage >= control->committed) return 0;
  return uvshm__fail(UV_EPROTO,
                     "it was cut to %llu bytes and needs %llu",
                     (unsigned long long) object->storage,
                     (unsigned long long) control->committed);
}


/* A lifetime that has ended leaves an object behind that is as good as gone:
 * `keep` ends with the boot, the other with the last user. */
static int has_ended(struct uvshm__port_object* object,
                     const struct uvshm__control* control,
                     int* ended) {
  uint64_t boot[2];
  int used;
  int err = 0;

  *ended = 0;
  if (control->lifetime == UVSHM_LIFETIME_KEEP) {
    err = uvshm__port_boot_id(boot);
    if (err == 0)
      *ended = boot[0] != control->boot[0] || boot[1] != control->boot[1];
  } else if (control->lifetime == UVSHM_LIFETIME_LAST_CLOSE &&
             object->origin == UVSHM__PORT_NAMED &&
             !UVSHM__PORT_LIFETIME_BY_KERNEL) {
    err = uvshm__port_in_use(object, &used);
    if (err == 0) *ended = !used;
  }
  return err;
}


static void copy_states(struct uvshm__control* control,
                        const struct uvshm__head* head) {
  uint32_t i;

  for (i = 0; i < UVSHM__PEERS_AT_ONCE; i++)
    control->states[i] = uvshm__a64_load_relaxed(&head->peers[i].state);
}


int uvshm__attach_examine(struct uvshm__port_object* object,
                          uint32_t kind,
                          struct uvshm__control* control) {
  struct uvshm__head head;
  const struct uvshm__header* header = &head.header;
  int ended;
  int err;

  if (object->storage >= UVSHM__GRANULE) {
    err = uvshm__port_peek(object, &head, sizeof(head));
    /* It grew before the word said so, and maybe after it was measured. */
    if (err == 0 &&
        uvshm__a64_load_relaxed(&header->committed) > object->storage)
      err = uvshm__port_measure(object);
    if (err < 0) return err;
  } else {
    memset(&head, 0, sizeof(head));
  }
  if (unfinished(object, header)) return UVSHM__GONE;
  err = uvshm__control_check(header, object->storage, control);
  if (err == 0) err = same_kind(control, kind);
  /* A managed file may change from one kind to the other (managed.c), and may
   * lie where nobody can tell who is alive. */
  if (err == 0 && object->origin == UVSHM__PORT_FILE)
    err = uvshm__attach_test_file(object);
  else if (err == 0)
    err = same_system(control);
  if (err == 0) err = enough_storage(object, control);
  if (err < 0) return err;
  copy_states(control, &head);
  uvshm__port_identify(object, control->id);
  err = has_ended(object, control, &ended);
  if (err < 0) return err;
  return ended ? UVSHM__GONE : 0;
}


/* In a folder where everybody may make names, only the owner may remove one.
 * Nor may the memory behind it be used again, though its rights may allow it:
 * it stays the owner's, and who has it open, with or without uvshm, has it. */
static int stays(struct uvshm__port_object* object, int err) {
  struct uvshm__port_attributes attributes;

  if (err != UV_EPERM || uvshm__port_attributes(object, &attributes) < 0)
    return uvshm__fail(err,
                       "its last user is dead, and its name cannot be removed");
  return uvshm__fail(err,
                     "its last user is dead, and only %s, whose it is, may "
                     "remove its name",
                     attributes.owner);
}


static int remove_gone(struct uvshm__attach* attach,
                       const struct uvshm__request* request) {
  int err;

  /* Without CREATE nothing needs the name: the next create or gc removes it. */
  if (!(request->flags & UVSHM_CREATE) || attach->object.readonly)
    return UVSHM__GONE;
  err = uvshm__port_unlink(&attach->object);
  return err < 0 ? stays(&attach->object, err) : UVSHM__GONE;
}


static int fits(const struct uvshm__control* control,
                const struct uvshm__request* request) {
  if (request->kind != UVSHM_KIND_REGION) return 0;
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


static int enter(struct uvshm__attach* attach,
                 const struct uvshm__request* request,
                 const struct uvshm__control* control) {
  int news = 0;
  int err;

  adopt(attach, control);
  err = uvshm__attach_map_control(attach, control);
  if (err == 0 && attach->lifetime == UVSHM_LIFETIME_FILE)
    err = news = uvshm__managed_open(attach, request, control);
  if (err >= 0) err = uvshm__attach_map_bytes(attach, request);
  if (err == 0) {
    attach->untouched = (uint32_t) uvshm__port_takes_calls(&attach->object);
    err = uvshm__attach_join(attach, control->states);
    attach->untouched = 0;
  }
  if (err == 0) return news;
  uvshm__attach_unmap(attach);
  return err;
}


int uvshm__attach_existing(struct uvshm__attach* attach,
                           const struct uvshm__request* request) {
  struct uvshm__control control;
  int err;

  if (attach->object.origin == UVSHM__PORT_RAW_FILE ||
      attach->object.origin == UVSHM__PORT_FOREIGN)
    return uvshm__attach_plain(attach, request);

  err = uvshm__attach_examine(&attach->object, request->kind, &control);
  if (err == UVSHM__GONE) return remove_gone(attach, request);
  if (err == 0) err = fits(&control, request);
  if (err < 0) return err;
  return enter(attach, request, &control);
}


int uvshm__attach_arrive(struct uvshm__attach* attach,
                         const struct uvshm__request* request) {
  struct uvshm__control control;
  int err;

  err = uvshm__attach_examine(&attach->object, request->kind, &control);
  if (err == UVSHM__GONE)
    return uvshm__fail(UV_EPROTO, "what arrived is not a uvshm object");
  if (err == 0) err = fits(&control, request);
  if (err < 0) return err;
  return enter(attach, request, &control);
}


int uvshm__attach_exclusive(struct uvshm__attach* attach,
                            const struct uvshm__request* request) {
  struct uvshm__control control;

  if (attach->object.origin == UVSHM__PORT_RAW_FILE ||
      attach->object.origin == UVSHM__PORT_FOREIGN)
    return UV_EEXIST;
  if (uvshm__attach_examine(&attach->object, UVSHM_KIND_UNKNOWN, &control) ==
      UVSHM__GONE)
    return remove_gone(attach, request);
  return uvshm__fail(UV_EEXIST, "the name is taken");
}
