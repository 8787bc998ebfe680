/* SPDX-License-Identifier: MIT */

/* How large an object is, and making it larger.
 *
 * Two words in the header only ever rise: `committed`, the bytes that exist,
 * raised by the backend after they do; and `size`, what the caller asked for,
 * raised here after that. A grower that dies in between leaves memory that
 * exists and is not counted, which the next growth uses.
 */

#include "object/attach.h"

#include "base/align.h"
#include "base/error.h"
#include "base/text.h"
#include "core/control.h"
#include "core/peer.h"

#include <string.h>


/* A word in shared memory is read once, and never believed beyond what this
 * process was told at attach. */
static uint64_t at_most(uint64_t value, uint64_t limit) {
  return value < limit ? value : limit;
}


uint64_t uvshm__attach_size(const struct uvshm__attach* attach) {
  const uvshm__a64_t* word = attach->plain
                                 ? &attach->plain_size
                                 : &uvshm__core_header(&attach->core)->size;

  return at_most(uvshm__a64_load_acquire(word), attach->max_size);
}


uint64_t uvshm__attach_committed(const struct uvshm__attach* attach) {
  const uvshm__a64_t* word =
      attach->plain ? &attach->plain_size
                    : &uvshm__core_header(&attach->core)->committed;

  return at_most(uvshm__a64_load_acquire(word), attach->reserve);
}


static void raise_to(uvshm__a64_t* word, uint64_t value) {
  uint64_t old = uvshm__a64_load_relaxed(word);

  while (old < value && !uvshm__a64_cas(word, old, value))
    old = uvshm__a64_load_relaxed(word);
}


static struct uvshm__port_view* view_of(struct uvshm__attach* attach) {
  return attach->kind == UVSHM_KIND_REGION ? &attach->bytes : &attach->control;
}


static int too_large(const struct uvshm__attach* attach, uint64_t size) {
  return uvshm__fail(UV_ENOSPC,
                     "cannot grow \"%s\" to %llu bytes: its max_size is %llu",
                     attach->name,
                     (unsigned long long) size,
                     (unsigned long long) attach->max_size);
}


/* What a process has mapped may be less than the object may become. */
static int reaches(const struct uvshm__attach* attach, uint64_t end) {
  const struct uvshm__port_view* view = &attach->bytes;
  uint64_t start = attach->core.control_size + attach->window;

  if (attach->kind != UVSHM_KIND_REGION) return end <= attach->control.size;
  if (view->addr == NULL) return 1;
  return end <= start + view->size || view->size < attach->reserve - start;
}


static int commit_to(struct uvshm__attach* attach, uint64_t end) {
  if (end <= uvshm__attach_committed(attach)) return 0;
  if (!reaches(attach, end)) return UV_ENOMEM;
  return uvshm__port_grow(&attach->object,
                          view_of(attach),
                          &uvshm__core_header(&attach->core)->committed,
                          end);
}


static int grow_committed(struct uvshm__attach* attach, uint64_t size) {
  uint64_t end;

  if (!uvshm__control_extent(attach->kind, size, &end) ||
      !uvshm__add(end, attach->core.control_size, &end))
    return UV_ENOSPC;
  return commit_to(attach, end);
}


/* What was asked for by heap calls counts as if it had been asked for by grow:
 * `size` follows. */
int uvshm__attach_extend(struct uvshm__attach* attach, uint64_t to) {
  uint64_t size;
  int err;

  if (to > attach->reserve) return UV_ENOSPC;
  err = commit_to(attach, to);
  if (err < 0) return err;
  size = uvshm__control_capacity(
      attach->kind,
      uvshm__attach_committed(attach) - attach->core.control_size);
  raise_to(&uvshm__core_header(&attach->core)->size,
           at_most(size, attach->max_size));
  return 0;
}


uint64_t uvshm__attach_exists(struct uvshm__attach* attach) {
  uint64_t end = at_most(uvshm__attach_committed(attach), attach->core.reach);
  uint64_t size;

  if (uvshm__port_exists(&attach->object, &attach->control, &size) < 0)
    return uvshm__a64_load_relaxed(&attach->exists);
  return at_most(size, end);
}


static int growable(const struct uvshm__attach* attach) {
  if (attach->plain)
    return uvshm__fail(UV_ENOTSUP,
                       "cannot grow \"%s\": its bytes are not uvshm's to "
                       "manage",
                       attach->name);
  if (attach->readonly)
    return uvshm__fail(
        UV_EACCES, "cannot grow \"%s\": attached for reading", attach->name);
  return 0;
}


int uvshm__attach_grow(struct uvshm__attach* attach, uint64_t size) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__attach_usable(attach);

  if (err == 0) err = growable(attach);
  if (err < 0) return err;
  if (size <= uvshm__attach_size(attach)) return 0;
  if (size > attach->max_size) return too_large(attach, size);
  err = grow_committed(attach, size);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot grow \"%s\" to %llu bytes: %s",
                       attach->name,
                       (unsigned long long) size,
                       uvshm__reason(err, failures));
  raise_to(&uvshm__core_header(&attach->core)->size, size);
  return 0;
}


uint32_t uvshm__attach_peers(const struct uvshm__attach* attach) {
  const struct uvshm__core* core = &attach->core;
  uint32_t count = 0;
  uint32_t slot;

  if (attach->plain) return 0;
  for (slot = 0; slot < core->peers_max; slot++)
    if (!uvshm__peer_is_free(core, slot) &&
        core->env->alive(core->env_arg, slot))
      count++;
  return count;
}


static uint64_t later(uint64_t ms, const uvshm__a64_t* word) {
  uint64_t other = uvshm__a64_load_relaxed(word);

  return other > ms ? other : ms;
}


static void times_info(const struct uvshm__attach* attach,
                       uvshm_region_info_t* info) {
  const struct uvshm__core* core = &attach->core;
  const struct uvshm__peer* peer;
  uint32_t slot;

  info->created_ms = attach->created_ms;
  info->creator_pid = attach->creator_pid;
  for (slot = 0; slot < core->peers_max; slot++) {
    peer = uvshm__core_peer(core, slot);
    info->attached_ms = later(info->attached_ms, &peer->attached_ms);
    info->detached_ms = later(info->detached_ms, &peer->left_ms);
  }
}


int uvshm__attach_info(const struct uvshm__attach* attach,
                       uvshm_region_info_t* info) {
  /* The backend's calls take the object for writing because some keep what they
   * learn in it. */
  struct uvshm__port_object* object =
      (struct uvshm__port_object*) &attach->object;
  struct uvshm__port_attributes attributes;
  int err = uvshm__attach_usable(attach);

  if (err == 0) err = uvshm__port_attributes(object, &attributes);
  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  if (!attach->plain) times_info(attach, info);
  info->size = uvshm__attach_size(attach);
  info->max_size = attach->max_size;
  info->committed_size = uvshm__attach_committed(attach);
  info->reserved_size = attach->control.size + attach->bytes.size;
  info->page_size = uvshm__port_page_size();
  info->granule_size = UVSHM__GRANULE;
  info->lifetime = (uvshm_lifetime_t) attach->lifetime;
  info->readonly = attach->readonly;
  info->huge = attach->bytes.huge | attach->control.huge;
  info->peers = uvshm__attach_peers(attach);
  info->owner_uid = attributes.uid;
  info->mode = attributes.mode;
  info->name_lost = uvshm__port_name_lost(object);
  uvshm__copy_text(info->owner, sizeof(info->owner), attributes.owner);
  uvshm__copy_text(info->sddl, sizeof(info->sddl), attributes.sddl);
  uvshm__copy_text(
      info->system_name, sizeof(info->system_name), object->system_name);
  return 0;
}
