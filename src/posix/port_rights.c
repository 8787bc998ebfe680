/* SPDX-License-Identifier: MIT */

/* Who may have an object: mode and group of its file. */

#include "posix.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODE_DEFAULT 0600u
#define MODE_MASK 0777u
#define ENTRY_SIZE 4096 /* first guess at the text of a user or group */
#define ENTRY_SIZE_LIMIT (1u << 20)


static int numeric_group(const char* text, gid_t* gid) {
  unsigned long number;
  char* end;

  if (*text < '0' || *text > '9') return UV_EINVAL;
  errno = 0;
  number = strtoul(text, &end, 10);
  if (*end != '\0' || errno != 0 || number >= UINT32_MAX) return UV_EINVAL;
  *gid = (gid_t) number;
  return 0;
}


int uvshm__posix_group(const char* text, gid_t* gid) {
  struct group entry;
  struct group* found = NULL;
  size_t size = ENTRY_SIZE;
  char* buffer;
  int err;

  if (numeric_group(text, gid) == 0) return 0;
  for (;;) {
    buffer = malloc(size);
    if (buffer == NULL) return UV_ENOMEM;
    err = getgrnam_r(text, &entry, buffer, size, &found);
    if (err == 0 && found != NULL) *gid = found->gr_gid;
    free(buffer);
    if (err == EINTR) continue;
    if (err != ERANGE || size >= ENTRY_SIZE_LIMIT) break;
    size *= 2;
  }
  if (err == 0 && found != NULL) return 0;
  return uvshm__fail(UV_EINVAL, "there is no group \"%s\"", text);
}


void uvshm__posix_user(uint32_t uid, char* text, size_t size) {
  char buffer[ENTRY_SIZE];
  struct passwd entry;
  struct passwd* found = NULL;

  if (getpwuid_r((uid_t) uid, &entry, buffer, sizeof(buffer), &found) == 0 &&
      found != NULL)
    snprintf(text, size, "%s", entry.pw_name);
  else
    snprintf(text, size, "%lu", (unsigned long) uid);
}


/* Group first: giving a file to a group clears bits of its mode. */
int uvshm__posix_rights(int fd,
                        const struct uvshm__port_spec* spec,
                        int fresh) {
  mode_t mode = (mode_t) spec->mode;
  struct stat before;
  gid_t gid;
  int err;

  if ((spec->mode & ~MODE_MASK) != 0) return UV_EINVAL;
  if (mode == 0 && fresh) mode = MODE_DEFAULT;
  if (spec->group != NULL) {
    err = uvshm__posix_group(spec->group, &gid);
    if (err < 0) return err;
    if (fstat(fd, &before) != 0 || fchown(fd, (uid_t) -1, gid) != 0)
      return uvshm__posix_error(errno);
  }
  if (mode == 0 || fchmod(fd, mode) == 0) return 0;
  err = uvshm__posix_error(errno);
  if (spec->group != NULL && fchown(fd, (uid_t) -1, before.st_gid) != 0)
    return err; /* the group is changed now; nothing more can be done */
  return err;
}


int uvshm__port_attributes(struct uvshm__port_object* object,
                           struct uvshm__port_attributes* attributes) {
  struct uvshm__port_attributes got;
  struct stat st;

  if (object->os[UVSHM__OS_SYSV])
    return uvshm__sysv_attributes(object, attributes);
  if (fstat((int) object->os[UVSHM__OS_FD], &st) != 0)
    return uvshm__posix_error(errno);
  memset(&got, 0, sizeof(got));
  got.storage_size = (uint64_t) st.st_size;
  got.uid = (uint32_t) st.st_uid;
  got.mode = (uint32_t) st.st_mode & MODE_MASK;
  got.own = st.st_uid == geteuid();
  uvshm__posix_user(got.uid, got.owner, sizeof(got.owner));
  *attributes = got;
  return 0;
}


/* An SDDL text is for Windows; a program that gives one for both systems gets
 * the default here, which lets nobody else in. */
int uvshm__port_set_rights(struct uvshm__port_object* object,
                           const struct uvshm__port_spec* spec) {
  if (object->os[UVSHM__OS_SYSV]) return uvshm__sysv_set_rights(object, spec);
  return uvshm__posix_rights((int) object->os[UVSHM__OS_FD], spec, 0);
}
