/* SPDX-License-Identifier: MIT */

/* What the system allows to memory of other programs: System V segments and
 * names of shm_open(). uvshm's own objects are files, which neither limits. */

#include "doctor.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/types.h>
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__)
# include <sys/sysctl.h>
#endif

#define SMALL_SEGMENT (UINT64_C(64) << 20) /* macOS: 4 MiB by default */
#define FEW_SEGMENTS 128                   /* macOS: 32 */
#define LONGEST_NAME 255
#define NO_LIMIT (UINT64_C(1) << 62)

#if defined(__APPLE__)
# define LIMIT_PREFIX "kern.sysv."
#else
# define LIMIT_PREFIX "kern.ipc."
#endif


/* "shmmax" or "shmmni": a number of the system. */
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__)
static bool system_limit(const char* name, uint64_t* value) {
  char* whole = text_format(LIMIT_PREFIX "%s", name);
  unsigned char bytes[8] = {0};
  uint32_t narrow;
  size_t size = sizeof bytes;
  int err = sysctlbyname(whole, bytes, &size, NULL, 0);
  free(whole);
  if (err != 0) return false;
  memcpy(&narrow, bytes, sizeof narrow);
  memcpy(value, bytes, sizeof *value);
  if (size == sizeof narrow) *value = narrow;
  return true;
}
#else
static bool system_limit(const char* name, uint64_t* value) {
  char* path = text_format("/proc/sys/kernel/%s", name);
  char* text = doctor_file(path);
  bool known = text != NULL && text[0] >= '0' && text[0] <= '9';
  if (known) *value = strtoull(text, NULL, 10);
  free(text);
  free(path);
  return known;
}
#endif


static void tell_sysv(struct doctor* doctor) {
  char size[TEXT_SIZE_ROOM];
  uint64_t most;
  uint64_t count;
  if (!system_limit("shmmax", &most) || !system_limit("shmmni", &count)) return;
  bool small = most < SMALL_SEGMENT || count < FEW_SEGMENTS;
  text_size(size, most, false);
  doctor_tell(doctor,
              small ? VERDICT_WARN : VERDICT_OK,
              "system v",
              small ? "only shmget() of other programs is bound by it; sysctl "
                      "changes it"
                    : NULL,
              "%s%s for a segment (shmmax), %" PRIu64 " segments (shmmni)",
              most >= NO_LIMIT ? "" : "at most ",
              most >= NO_LIMIT ? "no limit" : size,
              count);
}


/* Is a name of `size` letters behind its slash too long? Nothing is made. */
static bool is_too_long(size_t size) {
  char name[LONGEST_NAME + 3] = "/uvshm-doctor-";
  size_t begin = strlen(name);
  if (size + 1 > begin) memset(name + begin, 'x', size + 1 - begin);
  name[size + 1] = '\0';
  int fd = shm_open(name, O_RDONLY, 0);
  if (fd >= 0) close(fd);
  return fd < 0 && errno == ENAMETOOLONG;
}


static void tell_names(struct doctor* doctor) {
  size_t fits = 1;
  size_t fails = LONGEST_NAME + 1;
  while (fails - fits > 1) {
    size_t middle = (fits + fails) / 2;
    if (is_too_long(middle))
      fails = middle;
    else
      fits = middle;
  }
  doctor_tell(doctor,
              VERDICT_OK,
              "posix names",
              fits < 200 ? "short, but only for shm_open(): a name of uvshm "
                           "may have 200 bytes here, too"
                         : NULL,
              "shm_open() takes up to %u bytes behind the slash",
              (unsigned int) fits);
}


void doctor_native(struct doctor* doctor) {
  tell_sysv(doctor);
  tell_names(doctor);
}
