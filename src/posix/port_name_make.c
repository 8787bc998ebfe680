/* SPDX-License-Identifier: MIT */

/* Making new memory that nobody finds before it is complete.
 *
 *   unnamed   a file without a name, which publish gives one: a maker that dies
 *             leaves nothing. Needs O_TMPFILE (memfd for anonymous objects) and
 *             /proc, to open the file a second time and to link it.
 *   temp      everywhere else: a temporary name beside the final one, linked
 *             over on publish. Its maker has its gate, so whoever meets the
 *             file and gets the gate knows that it is litter.
 *   raw       the caller's file of plain bytes: it just appears, and goes again
 *             if it is not published.
 *
 * All three end with the same steps: rights, then the bytes. The name comes
 * last, so neither the umask nor a half-filled file is ever seen.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

/* How often the temporary name of a dead maker is swept before we give up: each
 * time somebody else was faster. */
#define SWEEPS 3


/* Seals and descriptors for anonymous memory; -1 and errno without them. */
static int open_anonymous(void) {
#if defined(MFD_ALLOW_SEALING)
  int fd;

  if (!UVSHM__PORT_UNNAMED_FILES) {
    errno = ENOSYS;
    return -1;
  }
  fd = memfd_create("uvshm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 && errno == EMFILE && uvshm__posix_more_descriptors())
    fd = memfd_create("uvshm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
#else
  errno = ENOSYS;
  return -1;
#endif
}


/* A file without a name in the folder of `path`; -1 and errno. */
static int open_unnamed(const char* path) {
#if defined(O_TMPFILE)
  char* folder;
  char* slash;
  int fd;
  int err;

  if (!UVSHM__PORT_UNNAMED_FILES) {
    errno = ENOSYS;
    return -1;
  }
  folder = strdup(path);
  if (folder == NULL) return -1;
  slash = strrchr(folder, '/');
  slash[slash == folder] = '\0';
  fd = uvshm__posix_open(folder, O_TMPFILE | O_RDWR, 0600);
  err = errno;
  free(folder);
  errno = err;
  return fd;
#else
  (void) path;
  errno = ENOSYS;
  return -1;
#endif
}


/* Is it only that this system or file system has no unnamed files? Old kernels
 * take O_TMPFILE for O_DIRECTORY and say EISDIR. */
static int cannot_unnamed(int err) {
  return err == ENOSYS || err == EOPNOTSUPP || err == EISDIR || err == EINVAL;
}


/* Rights and bytes. Anonymous memory is never made smaller again: not even a
 * hostile peer that got its descriptor can take pages away. */
static int furnish(struct uvshm__port_object* object,
                   const struct uvshm__port_spec* spec,
                   uint64_t size) {
  int fd = (int) object->os[UVSHM__OS_FD];
  int err;

  err = uvshm__posix_rights(fd, spec, 1);
  if (err == 0) err = uvshm__posix_fill(fd, 0, size);
  if (err < 0) return err;
  object->storage = size;
#if defined(F_ADD_SEALS)
  if (UVSHM__PORT_UNNAMED_FILES && spec->origin == UVSHM__PORT_ANONYMOUS)
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
#endif
  return 0;
}


/* UV_ENOSYS: not possible here, nothing was done. */
static int make_unnamed(struct uvshm__port_object* object,
                        const struct uvshm__port_spec* spec,
                        uint64_t size) {
  int fd = object->system_name != NULL ? open_unnamed(object->system_name)
                                       : open_anonymous();
  int err;

  if (fd < 0)
    return cannot_unnamed(errno) ? UV_ENOSYS : uvshm__posix_error(errno);
  err = uvshm__posix_data_adopt(object, fd);
  if (err < 0) return err;
  err = furnish(object, spec, size);
  if (err == 0) {
    uvshm__port_process_lock();
    err = uvshm__posix_gate(object, NULL);
    if (err == 0) {
      object->gated = 1;
      return 0;
    }
    uvshm__port_process_unlock();
    /* No /proc: the file cannot be opened again, nor be named. */
    if (err == UV_ENOTSUP) err = UV_ENOSYS;
  }
  uvshm__posix_data_close(object);
  return err;
}


static int open_temp(const char* temp) {
  int tries;
  int err;
  int fd;

  for (tries = 0;; tries++) {
    fd = uvshm__posix_open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd >= 0) return fd;
    if (errno != EEXIST) return uvshm__posix_error(errno);
    if (tries == SWEEPS) return UV_EAGAIN;
    err = uvshm__posix_sweep(temp);
    if (err < 0) return err;
  }
}


/* Gate first, so that nobody takes it for litter; whoever was faster than that
 * makes us start again. */
static int make_temp(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size,
                     char* temp) {
  int err = open_temp(temp);

  if (err < 0) return err;
  uvshm__port_process_lock();
  err = uvshm__posix_data_adopt(object, err);
  if (err == 0) {
    err = uvshm__posix_gate(object, temp);
    if (err == UV_ENXIO) err = UV_EAGAIN;
    if (err == 0) {
      object->gated = 1;
      err = furnish(object, spec, size);
      if (err == 0) return 0;
      unlink(temp);
      object->gated = 0;
      uvshm__posix_ungate(object);
    }
    uvshm__posix_data_close(object);
  }
  uvshm__port_process_unlock();
  return err;
}


/* An anonymous object where there is no memfd: a file that loses its name as
 * soon as its gate is ours. */
static int anonymous_temp(char** temp) {
  struct uvshm__port_spec spec = {0};
  uint64_t number;
  char name[32];
  char* path;
  int err;

  err = uvshm__port_random(&number, sizeof(number));
  if (err < 0) return err;
  snprintf(name,
           sizeof(name),
           "anonymous-%08lx",
           (unsigned long) (number & 0xffffffffu));
  spec.origin = UVSHM__PORT_NAMED;
  spec.name = name;
  err = uvshm__posix_path(&path, &spec);
  if (err < 0) return err;
  err = uvshm__posix_temp_path(temp, path);
  free(path);
  return err;
}


static int make_with_temp(struct uvshm__port_object* object,
                          const struct uvshm__port_spec* spec,
                          uint64_t size) {
  char* temp;
  int err;

  if (object->system_name != NULL)
    err = uvshm__posix_temp_path(&temp, object->system_name);
  else
    err = anonymous_temp(&temp);
  if (err < 0) return err;
  err = make_temp(object, spec, size, temp);
  if (err == 0 && object->system_name != NULL) {
    object->os[UVSHM__OS_TEMP] = (intptr_t) temp;
    return 0;
  }
  if (err == 0) unlink(temp);
  free(temp);
  return err;
}


static int make_raw(struct uvshm__port_object* object,
                    const struct uvshm__port_spec* spec,
                    uint64_t size) {
  const char* path = object->system_name;
  int fd = uvshm__posix_open(
      path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0600);
  int err;

  if (fd < 0) return uvshm__posix_error(errno);
  err = uvshm__posix_data_adopt(object, fd);
  if (err == 0) {
    err = furnish(object, spec, size);
    if (err == 0) return 0;
    uvshm__posix_data_close(object);
  }
  unlink(path);
  return err;
}


static int make(struct uvshm__port_object* object,
                const struct uvshm__port_spec* spec,
                uint64_t size) {
  int err;

  if (spec->origin == UVSHM__PORT_RAW_FILE) return make_raw(object, spec, size);
  err = uvshm__posix_init_holds(object);
  if (err < 0) return err;
  err = make_unnamed(object, spec, size);
  if (err == UV_ENOSYS && UVSHM__PORT_UNNAMED_FILES &&
      spec->origin == UVSHM__PORT_ANONYMOUS)
    err = UV_ENOTSUP; /* locks could not be told apart after a fork */
  if (err == UV_ENOSYS) err = make_with_temp(object, spec, size);
  if (err < 0) free((void*) object->os[UVSHM__OS_HOLDS]);
  return err;
}


int uvshm__port_make(struct uvshm__port_object* object,
                     const struct uvshm__port_spec* spec,
                     uint64_t size) {
  struct uvshm__port_object made;
  int err;

  if (spec->origin == UVSHM__PORT_FOREIGN)
    return uvshm__foreign_make(object, spec, size);
  err = uvshm__posix_watch_forks();
  if (err < 0) return err;
  uvshm__posix_init(&made, spec->origin);
  made.dir = spec->dir;
  if ((spec->origin == UVSHM__PORT_NAMED && !spec->dir) ||
      spec->origin == UVSHM__PORT_ANONYMOUS) {
    err = uvshm__posix_folder(spec->system, 1);
    if (err < 0) return err;
  }
  if (spec->origin != UVSHM__PORT_ANONYMOUS) {
    err = uvshm__posix_path(&made.system_name, spec);
    if (err < 0) return err;
  }
  err = make(&made, spec, size);
  if (err < 0) {
    free(made.system_name);
    return err;
  }
  *object = made;
  return 0;
}


static int publish_temp(struct uvshm__port_object* object) {
  char* temp = (char*) object->os[UVSHM__OS_TEMP];

  if (link(temp, object->system_name) != 0) {
    /* Swept, in the moment before its gate was ours. */
    if (errno == ENOENT) return UV_EAGAIN;
    if (errno == EPERM) return UV_ENOTSUP; /* a file system without links */
    return uvshm__posix_error(errno);
  }
  unlink(temp);
  free(temp);
  object->os[UVSHM__OS_TEMP] = 0;
  return 0;
}


static int publish_unnamed(struct uvshm__port_object* object) {
  char path[64];

  snprintf(
      path, sizeof(path), "/proc/self/fd/%d", (int) object->os[UVSHM__OS_FD]);
  if (linkat(
          AT_FDCWD, path, AT_FDCWD, object->system_name, AT_SYMLINK_FOLLOW) ==
      0)
    return 0;
  return uvshm__posix_error(errno);
}


int uvshm__port_publish(struct uvshm__port_object* object) {
  int err;

  if (object->origin == UVSHM__PORT_ANONYMOUS) return 0;
  if (object->origin == UVSHM__PORT_RAW_FILE ||
      object->origin == UVSHM__PORT_FOREIGN)
    err = 0; /* it has its name already; now it is wanted */
  else if (object->os[UVSHM__OS_TEMP])
    err = publish_temp(object);
  else
    err = publish_unnamed(object);
  if (err == 0) object->os[UVSHM__OS_NAMED] = 1;
  return err;
}
