/* SPDX-License-Identifier: MIT */

/* What there is, seen from outside: nobody becomes a peer, and nothing in the
 * object is written. The gate is held while the object is looked at, which is
 * for microseconds; an opener that meets it tries again. */

#include "uvshm/name.h"

#include "base/error.h"
#include "base/text.h"
#include "core/control.h"
#include "core/barrier_layout.h"
#include "core/event.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/sem.h"
#include "core/wait.h"
#include "object/attach.h"
#include "object/name_check.h"
#include "object/unlink.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

/* How often a busy gate is tried before the name is left out of a list. */
#define TRIES 200

/* Where the system name does not tell the portable one (it is hashed when it is
 * long), the header does. */
struct entry {
  char* system_name;
  char* name; /* may be NULL */
};

struct uvshm_names_s {
  struct entry* entries;
  size_t count;
  size_t capacity;
  size_t next;
};


static void copy_control(uvshm_name_info_t* info,
                         const struct uvshm__control* control) {
  uint32_t size = control->name_size;

  info->kind = (uvshm_kind_t) control->kind;
  info->lifetime = (uvshm_lifetime_t) control->lifetime;
  info->system = control->system;
  info->creator_pid = control->creator_pid;
  info->size = control->size;
  info->committed_size = control->committed;
  info->max_size = control->max_size;
  info->created_ms = control->created_ms;
  if (size == 0) return;
  if (size > UVSHM_NAME_MAX) size = UVSHM_NAME_MAX;
  memcpy(info->name, control->name, size);
  info->name[size] = '\0';
}


/* A live peer if there is one, else the one that died last. */
static void copy_peers(uvshm_name_info_t* info, struct uvshm__attach* attach) {
  const struct uvshm__core* core = &attach->core;
  struct uvshm__peer_facts peer;
  uint64_t latest = 0;
  uint32_t slot;
  int alive;

  for (slot = 0; slot < core->peers_max; slot++) {
    if (uvshm__peer_is_free(core, slot)) continue;
    alive = core->env->alive(core->env_arg, slot);
    uvshm__peer_read(core, slot, &peer);
    if (alive && info->peers++ == 0) latest = 0;
    if ((alive == (info->peers > 0)) && peer.attached_ms >= latest) {
      latest = peer.attached_ms;
      info->last_pid = peer.pid;
      memcpy(info->label, peer.label, sizeof(info->label));
    }
  }
}


static void copy_lock(uvshm_name_info_t* info, struct uvshm__attach* attach) {
  const struct uvshm__core* core = &attach->core;
  struct uvshm__lock_facts facts;
  struct uvshm__peer_facts peer;

  uvshm__lock_read(
      core,
      (const struct uvshm__lock*) (core->base + UVSHM__ROOT_OFFSET),
      &facts);
  info->waiters = facts.waiters;
  if (facts.damaged) info->state = UVSHM_STATE_DAMAGED;
  if (!facts.locked || facts.damaged) return;
  uvshm__peer_read(core, facts.slot, &peer);
  info->locked = 1;
  info->lock_pid = peer.pid;
  info->lock_alive = (uint32_t) core->env->alive(core->env_arg, facts.slot);
  memcpy(info->label, peer.label, sizeof(info->label));
}


static void copy_root(uvshm_name_info_t* info, struct uvshm__attach* attach) {
  const struct uvshm__core* core = &attach->core;
  const void* root = core->base + UVSHM__ROOT_OFFSET;
  const struct uvshm__barrier* barrier = root;
  const struct uvshm__event* event = root;
  const struct uvshm__sem* sem = root;

  if (info->kind == UVSHM_KIND_MUTEX || info->kind == UVSHM_KIND_RWLOCK)
    copy_lock(info, attach);
  if (info->kind == UVSHM_KIND_SEM) {
    info->value = uvshm__sem_value(sem);
    info->waiters = uvshm__wait_count(core, &sem->word);
  }
  if (info->kind == UVSHM_KIND_EVENT) {
    info->value = (uint32_t) uvshm__event_is_set(event);
    info->waiters = uvshm__wait_count(core, &event->signal.word);
  }
  if (info->kind == UVSHM_KIND_BARRIER)
    info->value = (uint32_t) (uvshm__a64_load_relaxed(&barrier->word) &
                              UVSHM__BARRIER_COME);
}


static void look_inside(uvshm_name_info_t* info,
                        struct uvshm__attach* attach,
                        const struct uvshm__control* control) {
  attach->kind = control->kind;
  attach->readonly = 1;
  if (uvshm__attach_map_control(attach, control) < 0) return;
  copy_peers(info, attach);
  copy_root(info, attach);
  uvshm__attach_unmap(attach);
}


/* Fill `info` from a found object, and let it go. */
static void look(uvshm_name_info_t* info, struct uvshm__attach* attach) {
  struct uvshm__port_object* object = &attach->object;
  struct uvshm__port_attributes attributes;
  struct uvshm__control control;
  int err;

  uvshm__copy_text(
      info->system_name, sizeof(info->system_name), object->system_name);
  if (uvshm__port_attributes(object, &attributes) == 0) {
    info->owner_uid = attributes.uid;
    info->mode = attributes.mode;
    info->own = attributes.own;
    uvshm__copy_text(info->owner, sizeof(info->owner), attributes.owner);
  }
  memset(&control, 0, sizeof(control));
  err = uvshm__attach_examine(object, UVSHM_KIND_UNKNOWN, &control);
  info->state = UVSHM_STATE_LIVE;
  if (err == UVSHM__GONE) info->state = UVSHM_STATE_STALE;
  if (err < 0) info->state = UVSHM_STATE_DAMAGED;
  copy_control(info, &control);
  if (err >= 0 && control.peers_max != 0) look_inside(info, attach, &control);
  uvshm__port_drop(object);
}


int uvshm_name_info(const char* name, uint32_t flags, uvshm_name_info_t* info) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__attach* attach = calloc(1, sizeof(*attach));
  int err;

  if (attach == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__find_by_name(&attach->object, name, flags);
  if (err == 0) {
    memset(info, 0, sizeof(*info));
    look(info, attach);
    uvshm__copy_text(
        info->name, sizeof(info->name), uvshm__name_last(name, flags));
  }
  free(attach);
  if (err == UV_ENOENT && uvshm__error_count() != failures) return err;
  if (err < 0)
    return uvshm__fail(err,
                       "cannot look at \"%s\": %s",
                       name != NULL ? name : "",
                       uvshm__reason(err, failures));
  return 0;
}


int uvshm_name_unlink(const char* name, uint32_t flags) {
  return uvshm__attach_unlink(name, flags, UVSHM_KIND_UNKNOWN);
}


int uvshm_name_gc(const char* name, uint32_t flags) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__port_object object;
  struct uvshm__control control;
  int err;

  if (flags & ~(UVSHM_SYSTEM | UVSHM_DIR))
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  err = uvshm__find_by_name(&object, name, flags);
  if (err == 0) {
    err = uvshm__attach_examine(&object, UVSHM_KIND_UNKNOWN, &control);
    if (err == UVSHM__GONE)
      err = uvshm__port_unlink(&object);
    else if (err >= 0)
      err = uvshm__fail(UV_EBUSY, "it is in use, or to be kept");
    uvshm__port_drop(&object);
  }
  if (err == UV_ENOENT) return err;
  if (err < 0)
    return uvshm__fail(err,
                       "cannot clear \"%s\" away: %s",
                       name != NULL ? name : "",
                       uvshm__reason(err, failures));
  return 0;
}


/* ---- lists --------------------------------------------------------------- */

static int make_room(uvshm_names_t* names) {
  size_t capacity = names->capacity != 0 ? 2 * names->capacity : 64;
  struct entry* larger;

  if (names->count < names->capacity) return 0;
  larger = realloc(names->entries, capacity * sizeof(names->entries[0]));
  if (larger == NULL) return UV_ENOMEM;
  names->entries = larger;
  names->capacity = capacity;
  return 0;
}


static char* copy_of(const char* text) {
  size_t size = strlen(text) + 1;
  char* copy = malloc(size);

  return copy != NULL ? memcpy(copy, text, size) : NULL;
}


static int add_name(void* arg, const char* name, const char* system_name) {
  uvshm_names_t* names = arg;
  struct entry* entry;
  int err = make_room(names);

  if (err < 0) return err;
  entry = &names->entries[names->count++];
  entry->system_name = copy_of(system_name);
  entry->name = name != NULL ? copy_of(name) : NULL;
  if (entry->system_name == NULL || (name != NULL && entry->name == NULL))
    return UV_ENOMEM;
  return 0;
}


static int by_system_name(const void* a, const void* b) {
  return strcmp(((const struct entry*) a)->system_name,
                ((const struct entry*) b)->system_name);
}


int uvshm_names_open(uvshm_names_t** result, uint32_t flags) {
  return uvshm_names_open_in(result, NULL, flags);
}


int uvshm_names_open_in(uvshm_names_t** result,
                        const char* folder,
                        uint32_t flags) {
  unsigned int failures = uvshm__error_count();
  uvshm_names_t* names;
  int err;

  if (flags & ~UVSHM_SYSTEM)
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  names = calloc(1, sizeof(*names));
  if (names == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = uvshm__port_each_name(
      folder, (flags & UVSHM_SYSTEM) != 0, add_name, names);
  if (err < 0) {
    uvshm_names_close(names);
    return uvshm__fail(
        err, "cannot list names: %s", uvshm__reason(err, failures));
  }
  if (names->count != 0)
    qsort(names->entries,
          names->count,
          sizeof(names->entries[0]),
          by_system_name);
  *result = names;
  return 0;
}


static int find_patiently(struct uvshm__port_object* object,
                          const char* system_name) {
  uint32_t tries;
  int err = UV_EAGAIN;

  for (tries = 0; tries < TRIES && err == UV_EAGAIN; tries++) {
    if (tries != 0) uvshm__port_sleep_ms(1);
    err = uvshm__port_find_system(object, system_name);
  }
  return err;
}


/* What the header says of the name is not believed when the system knows it. */
static void tell_object(uvshm_name_info_t* info,
                        const struct entry* entry,
                        struct uvshm__attach* attach,
                        int err) {
  memset(info, 0, sizeof(*info));
  if (err == 0)
    look(info, attach);
  else
    info->state = UVSHM_STATE_DENIED;
  uvshm__copy_text(
      info->system_name, sizeof(info->system_name), entry->system_name);
  if (entry->name != NULL)
    uvshm__copy_text(info->name, sizeof(info->name), entry->name);
}


int uvshm_names_next(uvshm_names_t* names, uvshm_name_info_t* info) {
  struct uvshm__attach* attach = calloc(1, sizeof(*attach));
  const struct entry* entry;
  int err;

  if (attach == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  while (names->next < names->count) {
    entry = &names->entries[names->next++];
    memset(attach, 0, sizeof(*attach));
    err = find_patiently(&attach->object, entry->system_name);
    if (err == UV_ENOENT) continue;
    tell_object(info, entry, attach, err);
    free(attach);
    return 0;
  }
  free(attach);
  return uvshm__fail_bare(UV_ENOENT);
}


void uvshm_names_close(uvshm_names_t* names) {
  size_t i;

  if (names == NULL) return;
  for (i = 0; i < names->count; i++) {
    free(names->entries[i].system_name);
    free(names->entries[i].name);
  }
  free(names->entries);
  free(names);
}
