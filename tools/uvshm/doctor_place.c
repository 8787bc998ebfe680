/* SPDX-License-Identifier: MIT */

/* The place where objects lie: what kind of file system it is, whether objects
 * of all users can be made there, and which versions made those that are there.
 */

#include "doctor.h"
#include "names.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>

#define SHM "/dev/shm"


/* The words of the last line of /proc/self/mounts that is about `folder`: its
 * type, and its options behind a zero. NULL: there is none. */
static char* mount_of(const char* folder) {
  char* mounts = doctor_file("/proc/self/mounts");
  char* wanted = text_format(" %s ", folder);
  char* found = NULL;
  for (char* at = mounts; at != NULL && (at = strstr(at, wanted)) != NULL;) {
    at += strlen(wanted);
    free(found);
    found = text_copy(at);
  }
  free(wanted);
  free(mounts);
  if (found == NULL) return NULL;
  found[strcspn(found, "\n")] = '\0';
  return found;
}


/* noexec, nosuid and nodev are no trouble: nothing in an object is run. */
void doctor_mount(struct doctor* doctor) {
  char* mount = mount_of(SHM);
  if (mount == NULL) return;
  size_t size = strcspn(mount, " ");
  char* type = text_format("%.*s", (int) size, mount);
  const char* options = mount[size] == ' ' ? mount + size + 1 : "";
  bool memory = strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0;
  bool readonly = strncmp(options, "ro", 2) == 0 &&
                  (options[2] == ',' || options[2] == ' ');
  char* name = text_escape(type);
  doctor_tell(doctor,
              readonly  ? VERDICT_FAIL
              : !memory ? VERDICT_WARN
                        : VERDICT_OK,
              "mount",
              readonly  ? "mount -o remount,rw " SHM
              : !memory ? "no memory but a disk, perhaps: slow, and not empty "
                          "after a restart"
                        : NULL,
              SHM " is a %s%s",
              name,
              readonly                            ? ", only to be read"
              : strstr(options, "noexec") != NULL ? ", noexec, which is fine"
                                                  : "");
  free(name);
  free(type);
  free(mount);
}


/* On Windows that takes a privilege that services have; elsewhere nothing. */
void doctor_all_users(struct doctor* doctor) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {
      .flags = UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_SYSTEM, .size = 4096};
  uint32_t random = 0;
  uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
  char* name = text_format("doctor-%08" PRIx32, random);
  int err = uvshm_region_open(&region, name, &options);
  free(name);
  if (err >= 0) {
    uvshm_region_close(region);
    doctor_tell(
        doctor, VERDICT_OK, "all users", NULL, "objects for all can be made");
    return;
  }
  char* why = text_escape(uvshm_strerror(err));
  doctor_tell(doctor,
              VERDICT_WARN,
              "all users",
              "objects with --system are for others to make; opening them "
              "needs no privilege",
              "%s",
              why);
  free(why);
}


/* Does another version's format keep us from opening it? */
static bool is_of_another_version(const uvshm_name_info_t* info) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {.flags = UVSHM_READONLY, .timeout_ms = 200};
  if (info->state != UVSHM_STATE_DAMAGED || info->name[0] == '\0') return false;
  int err = uvshm_region_open(&region, info->name, &options);
  if (err >= 0) uvshm_region_close(region);
  return err == UV_EPROTONOSUPPORT;
}


void doctor_layout(struct doctor* doctor) {
  uvshm_name_info_t* list = NULL;
  size_t count = 0;
  unsigned int others = 0;
  if (names_list(0, &list, &count) < 0) return;
  for (size_t i = 0; i < count; i++)
    if (is_of_another_version(&list[i])) others++;
  free(list);
  doctor_tell(doctor,
              others > 0 ? VERDICT_WARN : VERDICT_OK,
              "layout",
              others > 0 ? "use one version of uvshm on all sides; uvshm rm "
                           "removes what is left of another"
                         : NULL,
              "%d is ours, %u objects are of another version",
              UVSHM_FORMAT,
              others);
}
