/* SPDX-License-Identifier: MIT */

/* The list of what other programs have: taken at once, then handed out. */

#include "uvshm/foreign.h"

#include "base/error.h"
#include "base/text.h"
#include "object/attach.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(UVSHM_FOREIGN_REMOVED == UVSHM__PORT_REMOVED, "port's bits");
_Static_assert(UVSHM_FOREIGN_REPLACED == UVSHM__PORT_REPLACED, "port's bits");
_Static_assert(UVSHM_FOREIGN_LOCKED == UVSHM__PORT_LOCKED, "port's bits");
_Static_assert(UVSHM_NAME_REMOVED == UVSHM__PORT_REMOVED, "port's words");
_Static_assert(UVSHM_NAME_REPLACED == UVSHM__PORT_REPLACED, "port's words");

struct uvshm_foreign_s {
  uvshm_foreign_info_t* entries;
  size_t count;
  size_t capacity;
  size_t next;
  uint32_t all; /* of all users */
};


static int make_room(uvshm_foreign_t* list) {
  size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
  uvshm_foreign_info_t* larger;

  if (list->count < list->capacity) return 0;
  larger = realloc(list->entries, capacity * sizeof(*larger));
  if (larger == NULL) return UV_ENOMEM;
  list->entries = larger;
  list->capacity = capacity;
  return 0;
}


static int add(void* arg, const struct uvshm__port_foreign* foreign) {
  uvshm_foreign_t* list = arg;
  uvshm_foreign_info_t* info;
  int err;

  if (!foreign->own && !list->all) return 0;
  err = make_room(list);
  if (err < 0) return err;
  info = &list->entries[list->count++];
  memset(info, 0, sizeof(*info));
  info->kind = foreign->sysv ? UVSHM_FOREIGN_SYSV : UVSHM_FOREIGN_POSIX;
  info->state = foreign->state;
  info->key = foreign->key;
  info->id = foreign->id;
  info->attached = foreign->attached;
  info->owner_uid = foreign->uid;
  info->mode = foreign->mode;
  info->own = foreign->own;
  info->creator_pid = foreign->creator_pid;
  info->last_pid = foreign->last_pid;
  info->size = foreign->size;
  info->changed_ms = foreign->changed_ms;
  uvshm__copy_text(info->owner, sizeof(info->owner), foreign->owner);
  uvshm__copy_text(info->name, sizeof(info->name), foreign->name);
  return 0;
}


static int in_order(const void* a, const void* b) {
  const uvshm_foreign_info_t* left = a;
  const uvshm_foreign_info_t* right = b;
  int difference;

  if (left->kind != right->kind) return left->kind < right->kind ? -1 : 1;
  if (left->id != right->id) return left->id < right->id ? -1 : 1;
  difference = strcmp(left->name, right->name);
  if (difference != 0) return difference;
  return left->state < right->state ? -1 : left->state > right->state;
}


int uvshm_foreign_open(uvshm_foreign_t** result, uint32_t flags) {
  unsigned int failures = uvshm__error_count();
  uvshm_foreign_t* list;
  int err;

  if (flags & ~UVSHM_SYSTEM)
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  list = calloc(1, sizeof(*list));
  if (list == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  list->all = (flags & UVSHM_SYSTEM) != 0;
  err = uvshm__port_each_foreign(add, list);
  if (err < 0) {
    uvshm_foreign_close(list);
    if (err == UV_ENOTSUP)
      return uvshm__fail(err,
                         "this system does not list the memory of other "
                         "programs; what has a name can be opened by it");
    return uvshm__fail(err,
                       "cannot list the memory of other programs: %s",
                       uvshm__reason(err, failures));
  }
  if (list->count != 0)
    qsort(list->entries, list->count, sizeof(list->entries[0]), in_order);
  *result = list;
  return 0;
}


int uvshm_foreign_next(uvshm_foreign_t* list, uvshm_foreign_info_t* info) {
  if (list->next == list->count) return uvshm__fail_bare(UV_ENOENT);
  *info = list->entries[list->next++];
  return 0;
}


void uvshm_foreign_close(uvshm_foreign_t* list) {
  if (list == NULL) return;
  free(list->entries);
  free(list);
}
