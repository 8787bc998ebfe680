/* SPDX-License-Identifier: MIT */

/* System V segments, for meeting programs that have used them since before
 * files could be shared (PHP's shmop, databases):
 *
 *   sysv:key=0x1234      by key
 *   sysv:id=7            by identifier
 *   sysv:ftok=/path:1    by path and project number
 *   sysv:private         a new one that only its identifier leads to
 *
 * They have no descriptor and are attached whole. An attachment must be undone
 * by shmdt() at its own address, so the addresses are remembered here.
 */

#include "posix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ipc.h>
#include <sys/shm.h>

#define MODE_MASK 0777u

enum kind {
  BY_KEY,
  BY_ID,
  IS_PRIVATE
};

struct attachment {
  struct attachment* next;
  void* base; /* what shmat() gave */
  void* addr; /* what the view begins with */
};

static struct attachment* attachments; /* process lock */
static uvshm__a32_t attachment_count;  /* a look without the lock */


static int parse_number(const char* text, unsigned long* number) {
  char* end;

  if (*text < '0' || *text > '9') return UV_EINVAL;
  errno = 0;
  *number = strtoul(text, &end, 0);
  if (*end != '\0' || errno != 0 || *number > UINT32_MAX) return UV_EINVAL;
  return 0;
}


static int parse_ftok(const char* text, key_t* key) {
  const char* colon = strrchr(text, ':');
  unsigned long number;
  char* path;
  int err;

  if (colon == NULL || colon == text) return UV_EINVAL;
  err = parse_number(colon + 1, &number);
  if (err < 0) return err;
  if (number == 0 || number > 255) return UV_EINVAL;
  path = strndup(text, (size_t) (colon - text));
  if (path == NULL) return UV_ENOMEM;
  *key = ftok(path, (int) number);
  err = *key == (key_t) -1 ? uvshm__posix_error(errno) : 0;
  free(path);
  return err;
}


static int parse_name(const char* name, enum kind* kind, key_t* key, int* id) {
  const char* text = name + 5;
  unsigned long number = 0;
  int err = UV_EINVAL;

  if (strcmp(text, "private") == 0) {
    *kind = IS_PRIVATE;
    *key = IPC_PRIVATE;
    return 0;
  }
  *kind = BY_KEY;
  if (strncmp(text, "ftok=", 5) == 0) return parse_ftok(text + 5, key);
  if (strncmp(text, "key=", 4) == 0) {
    err = parse_number(text + 4, &number);
    *key = (key_t) (uint32_t) number;
    if (*key == IPC_PRIVATE) err = UV_EINVAL;
  } else if (strncmp(text, "id=", 3) == 0) {
    err = parse_number(text + 3, &number);
    *kind = BY_ID;
    *id = (int) number;
    if (number > INT32_MAX) err = UV_EINVAL;
  }
  return err;
}


/* A segment that was removed meanwhile is no segment. */
static int sysv_error(int err) {
  if (err == EIDRM || err == EINVAL) return UV_ENOENT;
  return uvshm__posix_error(err);
}


static int id_of(const struct uvshm__port_object* object) {
  return (int) object->os[UVSHM__OS_SYSV] - 1;
}


/* The object of segment `id`. `name` is what it was asked for by. */
static int adopt(struct uvshm__port_object* object, int id, const char* name) {
  struct shmid_ds ds;

  if (shmctl(id, IPC_STAT, &ds) != 0) return sysv_error(errno);
  object->system_name = strdup(name);
  if (object->system_name == NULL) return UV_ENOMEM;
  object->os[UVSHM__OS_SYSV] = (intptr_t) id + 1;
  object->key[0] = UINT64_MAX; /* no device has this number */
  object->key[1] = (uint64_t) id;
  object->storage = (uint64_t) ds.shm_segsz;
  return 0;
}


int uvshm__sysv_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec) {
  struct uvshm__port_object found;
  enum kind kind;
  key_t key = 0;
  int id = 0;
  int err = parse_name(spec->name, &kind, &key, &id);

  if (err < 0) return err;
  if (kind == IS_PRIVATE) return UV_ENOENT; /* each one is a new one */
  if (kind == BY_KEY) {
    id = shmget(key, 0, spec->readonly ? 0444 : 0666);
    if (id < 0) return uvshm__posix_error(errno);
  }
  uvshm__posix_init(&found, UVSHM__PORT_FOREIGN);
  found.readonly = spec->readonly;
  err = adopt(&found, id, spec->name);
  found.os[UVSHM__OS_NAMED] = 1;
  if (err == 0) *object = found;
  return err;
}


int uvshm__sysv_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size) {
  struct uvshm__port_object made;
  struct uvshm__port_spec rights = *spec;
  char name[32];
  enum kind kind;
  key_t key = 0;
  int id = 0;
  int err = parse_name(spec->name, &kind, &key, &id);

  if (err < 0) return err;
  if (kind == BY_ID) return UV_EINVAL; /* the system chooses identifiers */
  if (size > SIZE_MAX) return UV_ENOMEM;
  id = shmget(key, (size_t) size, IPC_CREAT | IPC_EXCL | 0600);
  if (id < 0) return uvshm__posix_error(errno);
  uvshm__posix_init(&made, UVSHM__PORT_FOREIGN);
  snprintf(name, sizeof(name), "sysv:id=%d", id);
  err = adopt(&made, id, kind == IS_PRIVATE ? name : spec->name);
  if (err == 0) {
    err = uvshm__sysv_set_rights(&made, &rights);
    if (err < 0) free(made.system_name);
  }
  if (err < 0) {
    shmctl(id, IPC_RMID, NULL);
    return err;
  }
  *object = made;
  return 0;
}


int uvshm__sysv_unlink(struct uvshm__port_object* object) {
  if (shmctl(id_of(object), IPC_RMID, NULL) == 0) return 0;
  if (errno == EIDRM || errno == EINVAL) return UV_ENXIO;
  return errno == EACCES ? UV_EPERM : uvshm__posix_error(errno);
}


int uvshm__sysv_unlink_name(const char* name) {
  enum kind kind;
  key_t key = 0;
  int id = 0;
  int err = parse_name(name, &kind, &key, &id);

  if (err < 0) return err;
  if (kind == IS_PRIVATE) return UV_ENOENT;
  if (kind == BY_KEY) id = shmget(key, 0, 0);
  if (id < 0) return sysv_error(errno);
  if (shmctl(id, IPC_RMID, NULL) == 0) return 0;
  return errno == EACCES ? UV_EPERM : sysv_error(errno);
}


/* One that was removed lives on without a key while it is attached. */
static int is_doomed(int id) {
  struct shmid_ds ds;

  if (shmctl(id, IPC_STAT, &ds) != 0) return errno == EIDRM || errno == EINVAL;
#ifdef SHM_DEST
  return (ds.shm_perm.mode & SHM_DEST) != 0;
#else
  return 0;
#endif
}


uint32_t uvshm__sysv_name_lost(const struct uvshm__port_object* object) {
  enum kind kind;
  key_t key = 0;
  int id = 0;
  int err = parse_name(object->system_name, &kind, &key, &id);

  if (err == 0 && kind == BY_KEY) {
    id = shmget(key, 0, 0);
    if (id < 0) return errno == ENOENT ? UVSHM__PORT_REMOVED : 0;
    return id == id_of(object) ? 0 : UVSHM__PORT_REPLACED;
  }
  return is_doomed(id_of(object)) ? UVSHM__PORT_REMOVED : 0;
}


int uvshm__sysv_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes) {
  struct uvshm__port_attributes got;
  struct shmid_ds ds;

  if (shmctl(id_of(object), IPC_STAT, &ds) != 0) return sysv_error(errno);
  memset(&got, 0, sizeof(got));
  got.storage_size = (uint64_t) ds.shm_segsz;
  got.uid = (uint32_t) ds.shm_perm.uid;
  got.mode = (uint32_t) ds.shm_perm.mode & MODE_MASK;
  got.own = ds.shm_perm.uid == geteuid();
  uvshm__posix_user(got.uid, got.owner, sizeof(got.owner));
  *attributes = got;
  return 0;
}


int uvshm__sysv_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec) {
  struct shmid_ds ds;
  gid_t gid;
  int err;

  if ((spec->mode & ~MODE_MASK) != 0) return UV_EINVAL;
  if (spec->mode == 0 && spec->group == NULL) return 0;
  if (shmctl(id_of(object), IPC_STAT, &ds) != 0) return sysv_error(errno);
  if (spec->group != NULL) {
    err = uvshm__posix_group(spec->group, &gid);
    if (err < 0) return err;
    ds.shm_perm.gid = gid;
  }
  if (spec->mode != 0) {
    ds.shm_perm.mode &= (unsigned short) ~MODE_MASK;
    ds.shm_perm.mode |= (unsigned short) spec->mode;
  }
  if (shmctl(id_of(object), IPC_SET, &ds) == 0) return 0;
  return sysv_error(errno);
}


static int remember(void* base, void* addr) {
  struct attachment* attachment = malloc(sizeof(*attachment));

  if (attachment == NULL) return UV_ENOMEM;
  attachment->base = base;
  attachment->addr = addr;
  uvshm__port_process_lock();
  attachment->next = attachments;
  attachments = attachment;
  uvshm__port_process_unlock();
  uvshm__a32_add(&attachment_count, 1);
  return 0;
}


int uvshm__sysv_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access) {
  uint64_t left = object->storage - offset;
  unsigned char* base;
  int err;

  /* It is as large as it is, and every attachment is shared. */
  if (access == UVSHM__PORT_COPY) return UV_ENOTSUP;
  if (offset > object->storage || left < at_least || left == 0)
    return UV_EINVAL;
  base =
      shmat(id_of(object), NULL, access == UVSHM__PORT_WRITE ? 0 : SHM_RDONLY);
  if ((intptr_t) base == -1) return sysv_error(errno);
  err = remember(base, base + offset);
  if (err < 0) {
    shmdt(base);
    return err;
  }
  view->addr = base + offset;
  view->size = size < left ? size : left;
  view->offset = offset;
  view->carrier = 0;
  view->access = access;
  view->huge = 0;
  return 0;
}


int uvshm__sysv_unmap(void* addr) {
  struct attachment** at;
  struct attachment* found;

  if (uvshm__a32_load_acquire(&attachment_count) == 0) return 0;
  uvshm__port_process_lock();
  for (at = &attachments; *at != NULL && (*at)->addr != addr;)
    at = &(*at)->next;
  found = *at;
  if (found != NULL) *at = found->next;
  uvshm__port_process_unlock();
  if (found == NULL) return 0;
  shmdt(found->base);
  free(found);
  uvshm__a32_add(&attachment_count, UINT32_MAX);
  return 1;
}
