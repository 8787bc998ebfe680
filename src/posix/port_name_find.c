/* SPDX-License-Identifier: MIT */

/* Opening what has a name, its gate, and its end.
 *
 * Whoever has the gate of a file knows that its name stays: names are removed
 * under the gate alone, and never renamed over. So opening is
 *
 *   open the path -> is it what we expect? -> take the gate of that file
 *   -> does the path still lead to it? if not, start again
 *
 * and what a name means is decided once, by the file that it leads to while its
 * gate is ours.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>


void uvshm__posix_init(struct uvshm__port_object* object, uint32_t origin) {
  memset(object, 0, sizeof(*object));
  object->os[UVSHM__OS_FD] = -1;
  object->os[UVSHM__OS_GATE] = -1;
  object->origin = origin;
}


int uvshm__posix_init_holds(struct uvshm__port_object* object) {
  struct uvshm__holds* holds = calloc(1, sizeof(*holds));

  if (holds == NULL) return UV_ENOMEM;
  object->os[UVSHM__OS_HOLDS] = (intptr_t) holds;
  return 0;
}


void uvshm__posix_set_key(struct uvshm__port_object* object,
                          const struct stat* st) {
  object->key[0] = (uint64_t) st->st_dev;
  object->key[1] = (uint64_t) st->st_ino;
  object->storage = (uint64_t) st->st_size;
}


int uvshm__posix_same_key(const struct uvshm__port_object* object,
                          const struct stat* st) {
  return object->key[0] == (uint64_t) st->st_dev &&
         object->key[1] == (uint64_t) st->st_ino;
}


/* With the gate ours, a path stays what it is. Does it lead to the object? */
int uvshm__posix_leads_here(const struct uvshm__port_object* object,
                            const char* path) {
  struct stat st;

  if (lstat(path, &st) != 0)
    return errno == ENOENT ? UV_ENXIO : uvshm__posix_error(errno);
  return uvshm__posix_same_key(object, &st) ? 0 : UV_ENXIO;
}


static int has_gate(const struct uvshm__port_object* object) {
  return object->origin != UVSHM__PORT_RAW_FILE &&
         object->origin != UVSHM__PORT_FOREIGN;
}


static int acceptable(const struct stat* st, int own) {
  if (!S_ISREG(st->st_mode)) {
    if (S_ISLNK(st->st_mode))
      return uvshm__fail(UV_EINVAL, "it is a symbolic link");
    return uvshm__fail(UV_EINVAL, "it is not a regular file");
  }
  if (own && st->st_uid != geteuid())
    return uvshm__fail(UV_EPERM,
                       "it was made by another user (uid %lu)",
                       (unsigned long) st->st_uid);
  return 0;
}


/* Why did open() refuse? What another user planted often cannot be opened at
 * all, and "another user's" tells more than "no access". */
static int refusal(const char* path, int err, int own) {
  struct stat st;
  int code;

  if (err != EACCES && err != ELOOP && err != ENXIO && err != EISDIR)
    return uvshm__posix_error(err);
  if (lstat(path, &st) != 0) return uvshm__posix_error(errno);
  code = acceptable(&st, own);
  return code < 0 ? code : uvshm__posix_error(err);
}


/* `own`: it must be the calling user's. */
static int open_file(struct uvshm__port_object* object,
                     const char* path,
                     int own) {
  struct stat st;
  int err;

  err = uvshm__posix_data_open(object, path, &st);
  if (err < 0) return refusal(path, -err, own);
  err = acceptable(&st, own);
  if (err < 0) uvshm__posix_data_close(object);
  return err;
}


static int open_gated(struct uvshm__port_object* object,
                      const char* path,
                      int own) {
  int err;

  err = uvshm__posix_watch_forks();
  if (err < 0) return err;
  uvshm__port_process_lock();
  err = open_file(object, path, own);
  if (err == 0) {
    err = uvshm__posix_gate(object, path);
    if (err == 0) {
      object->gated = 1;
      return 0;
    }
    if (err == UV_ENXIO) err = UV_EAGAIN;
    uvshm__posix_data_close(object);
  }
  uvshm__port_process_unlock();
  return err;
}


/* `path` becomes the object's. */
static int find_path(struct uvshm__port_object* object, char* path, int own) {
  int err = 0;

  object->system_name = path;
  object->os[UVSHM__OS_NAMED] = 1;
  if (!has_gate(object)) return open_file(object, path, own);
  err = uvshm__posix_init_holds(object);
  if (err < 0) return err;
  err = open_gated(object, path, own);
  if (err < 0) free((void*) object->os[UVSHM__OS_HOLDS]);
  return err;
}


int uvshm__port_find(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec) {
  int user_scope = spec->origin == UVSHM__PORT_NAMED && !spec->system;
  struct uvshm__port_object found;
  char* path;
  int err;

  if (spec->origin == UVSHM__PORT_FOREIGN)
    return uvshm__foreign_find(object, spec);
  if (user_scope && !spec->dir) {
    err = uvshm__posix_folder(0, 0);
    if (err < 0) return err;
  }
  err = uvshm__posix_path(&path, spec);
  if (err < 0) return err;
  uvshm__posix_init(&found, spec->origin);
  found.readonly = spec->readonly;
  found.dir = spec->dir;
  err = find_path(&found, path, user_scope);
  if (err < 0) {
    free(path);
    return err;
  }
  *object = found;
  return 0;
}


int uvshm__port_find_system(struct uvshm__port_object* object,
                            const char* system_name) {
  struct uvshm__port_object found;
  char* path;
  int err;

  if (*system_name != '/') return UV_EINVAL;
  path = strdup(system_name);
  if (path == NULL) return UV_ENOMEM;
  uvshm__posix_init(&found, UVSHM__PORT_NAMED);
  err = find_path(&found, path, 0);
  if (err == UV_EACCES || err == UV_EPERM || err == UV_EROFS) {
    uvshm__posix_init(&found, UVSHM__PORT_NAMED);
    found.readonly = 1;
    err = find_path(&found, path, 0);
  }
  if (err < 0) {
    free(path);
    return err;
  }
  *object = found;
  return 0;
}


void uvshm__port_identify(struct uvshm__port_object* object,
                          const uint64_t id[2]) {
  object->id[0] = id[0];
  object->id[1] = id[1];
}


int uvshm__port_gate_enter(struct uvshm__port_object* object) {
  const char* path = NULL;
  int err;

  if (!has_gate(object)) return 0;
  if (object->gated) return UV_EAGAIN;
  if (object->os[UVSHM__OS_NAMED]) path = object->system_name;
  uvshm__port_process_lock();
  err = uvshm__posix_gate(object, path);
  if (err == 0)
    object->gated = 1;
  else
    uvshm__port_process_unlock();
  return err;
}


void uvshm__port_gate_leave(struct uvshm__port_object* object) {
  if (!object->gated) return;
  uvshm__posix_ungate(object);
  object->gated = 0;
  uvshm__port_process_unlock();
}


int uvshm__port_peek(struct uvshm__port_object* object,
                     void* bytes,
                     size_t size) {
  size_t done = 0;
  ssize_t count;

  if (object->os[UVSHM__OS_SYSV]) return UV_ENOTSUP;
  while (done < size) {
    count = pread((int) object->os[UVSHM__OS_FD],
                  (char*) bytes + done,
                  size - done,
                  (off_t) done);
    if (count == 0) return UV_EPROTO;
    if (count < 0 && errno != EINTR) return uvshm__posix_error(errno);
    if (count > 0) done += (size_t) count;
  }
  return 0;
}


int uvshm__port_measure(struct uvshm__port_object* object) {
  struct stat st;

  if (fstat((int) object->os[UVSHM__OS_FD], &st) != 0)
    return uvshm__posix_error(errno);
  object->storage = (uint64_t) st.st_size;
  return 0;
}


int uvshm__port_unlink(struct uvshm__port_object* object) {
  int err;

  if (object->origin == UVSHM__PORT_ANONYMOUS) return 0;
  if (object->origin == UVSHM__PORT_FOREIGN)
    return uvshm__foreign_unlink(object);

  /* Readers share the gate, so it does not keep a second one from removing the
   * name after the first and, with it, a new object that got it in between. */
  if (object->readonly && has_gate(object)) return UV_EACCES;
  /* Under the gate it is ours, but for a link that somebody made by hand. */
  err = uvshm__posix_leads_here(object, object->system_name);
  if (err == UV_ENXIO && has_gate(object)) return 0;
  if (err < 0) return err;
  if (unlink(object->system_name) == 0 || errno == ENOENT) return 0;
  return errno == EACCES ? UV_EPERM : uvshm__posix_error(errno);
}


uint32_t uvshm__port_name_lost(const struct uvshm__port_object* object) {
  struct stat st;

  if (object->system_name == NULL || !object->os[UVSHM__OS_NAMED]) return 0;
  if (object->origin == UVSHM__PORT_FOREIGN)
    return uvshm__foreign_name_lost(object);
  if (lstat(object->system_name, &st) != 0)
    return errno == ENOENT ? UVSHM__PORT_REMOVED : 0;
  return uvshm__posix_same_key(object, &st) ? 0 : UVSHM__PORT_REPLACED;
}


/* A raw file or foreign memory that was made and never published. */
static int is_unwanted(const struct uvshm__port_object* object) {
  return !has_gate(object) && !object->os[UVSHM__OS_NAMED];
}


void uvshm__port_drop(struct uvshm__port_object* object) {
  char* temp = (char*) object->os[UVSHM__OS_TEMP];

  if (is_unwanted(object)) uvshm__port_unlink(object);
  if (temp != NULL) {
    unlink(temp);
    free(temp);
  }
  uvshm__port_gate_leave(object);
  if (object->os[UVSHM__OS_HOLDS]) uvshm__posix_orphan_holds(object);
  if (object->os[UVSHM__OS_BELLS]) uvshm__posix_bells_close(object);
  if (object->os[UVSHM__OS_FD] >= 0) uvshm__posix_data_close(object);
  free(object->system_name);
  uvshm__posix_init(object, object->origin);
}


int uvshm__posix_sweep(const char* temp) {
  struct uvshm__port_object litter;
  int err;

  uvshm__posix_init(&litter, UVSHM__PORT_NAMED);
  err = open_gated(&litter, temp, 0);
  if (err < 0) return err == UV_ENOENT ? 0 : err;
  if (unlink(temp) != 0 && errno != ENOENT) err = uvshm__posix_error(errno);
  uvshm__port_gate_leave(&litter);
  uvshm__posix_data_close(&litter);
  return err;
}
