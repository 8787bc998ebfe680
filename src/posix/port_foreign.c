/* SPDX-License-Identifier: MIT */

/* Memory that other software made, by the system's exact name: shm_open()
 * names here, System V in port_sysv.c. No gate, no claims, nothing of ours in
 * it. */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>


static int is_sysv(const char* name) {
  return strncmp(name, "sysv:", 5) == 0;
}


static int open_shm(const char* name, int flags) {
  int raised = 0;
  int fd;

  /* shm_open() sets O_CLOEXEC itself. */
  while ((fd = shm_open(name, flags, 0600)) < 0) {
    if (errno == EINTR) continue;
    if (errno != EMFILE || raised) return -1;
    raised = uvshm__posix_more_descriptors();
    if (!raised) {
      errno = EMFILE;
      return -1;
    }
  }
  return fd;
}


/* `fd` becomes the object's, or is closed. */
static int adopt(struct uvshm__port_object* object, const char* name, int fd) {
  struct stat st;
  int err = 0;

  object->system_name = strdup(name);
  if (object->system_name == NULL) err = UV_ENOMEM;
  if (err == 0 && fstat(fd, &st) != 0) err = uvshm__posix_error(errno);
  /* shm_open() opens the folder of all objects too. */
  if (err == 0 && S_ISDIR(st.st_mode))
    err = uvshm__fail(UV_EINVAL, "it is not a regular file");
  if (err < 0) {
    free(object->system_name);
    close(fd);
    return err;
  }
  object->os[UVSHM__OS_FD] = fd;
  uvshm__posix_set_key(object, &st);
  return 0;
}


int uvshm__foreign_find(struct uvshm__port_object* object,
                        const struct uvshm__port_spec* spec) {
  struct uvshm__port_object found;
  int fd;
  int err;

  if (spec->name == NULL) return UV_EINVAL;
  if (is_sysv(spec->name)) return uvshm__sysv_find(object, spec);
  fd = open_shm(spec->name, spec->readonly ? O_RDONLY : O_RDWR);
  if (fd < 0) return uvshm__posix_error(errno);
  uvshm__posix_init(&found, UVSHM__PORT_FOREIGN);
  found.readonly = spec->readonly;
  err = adopt(&found, spec->name, fd);
  found.os[UVSHM__OS_NAMED] = 1;
  if (err == 0) *object = found;
  return err;
}


/* Other systems have memory objects that only ftruncate() sizes. */
static int size_it(int fd, uint64_t size) {
  int err = uvshm__posix_fill(fd, 0, size);

  if (err == 0 || err == UV_ENOSPC) return err;
  if (ftruncate(fd, (off_t) size) == 0) return 0;
  return uvshm__posix_error(errno);
}


int uvshm__foreign_make(struct uvshm__port_object* object,
                        const struct uvshm__port_spec* spec,
                        uint64_t size) {
  struct uvshm__port_object made;
  int fd;
  int err;

  if (spec->name == NULL) return UV_EINVAL;
  if (is_sysv(spec->name)) return uvshm__sysv_make(object, spec, size);
  fd = open_shm(spec->name, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) return uvshm__posix_error(errno);
  err = uvshm__posix_rights(fd, spec, 1);
  if (err == 0) err = size_it(fd, size);
  uvshm__posix_init(&made, UVSHM__PORT_FOREIGN);
  if (err == 0)
    err = adopt(&made, spec->name, fd);
  else
    close(fd);
  if (err < 0) {
    shm_unlink(spec->name);
    return err;
  }
  *object = made;
  return 0;
}


int uvshm__foreign_unlink(struct uvshm__port_object* object) {
  if (object->os[UVSHM__OS_SYSV]) return uvshm__sysv_unlink(object);
  if (shm_unlink(object->system_name) == 0) return 0;
  if (errno == ENOENT) return UV_ENXIO;
  return errno == EACCES ? UV_EPERM : uvshm__posix_error(errno);
}


int uvshm__port_unlink_foreign(const char* name) {
  if (is_sysv(name)) return uvshm__sysv_unlink_name(name);
  if (shm_unlink(name) == 0) return 0;
  return errno == EACCES ? UV_EPERM : uvshm__posix_error(errno);
}


/* Where names are files their rights do not matter; elsewhere the object has to
 * be opened, and one that we may not open may be anything. */
static int stat_name(const char* name, struct stat* st) {
  char path[300];
  int err = 0;
  int fd;

  if (!uvshm__posix_in_folder()) {
    while (*name == '/') name++;
    snprintf(path, sizeof(path), "%s/%s", UVSHM__PORT_PLACE, name);
    return lstat(path, st) == 0 ? 0 : errno;
  }
  fd = open_shm(name, O_RDONLY);
  if (fd < 0) return errno;
  if (fstat(fd, st) != 0) err = errno;
  close(fd);
  return err;
}


uint32_t uvshm__foreign_name_lost(const struct uvshm__port_object* object) {
  struct stat st;
  int err;

  if (object->os[UVSHM__OS_SYSV]) return uvshm__sysv_name_lost(object);
  err = stat_name(object->system_name, &st);
  if (err == ENOENT) return UVSHM__PORT_REMOVED;
  if (err != 0 || uvshm__posix_same_key(object, &st)) return 0;
  return UVSHM__PORT_REPLACED;
}
