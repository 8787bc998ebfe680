/* SPDX-License-Identifier: MIT */

/* The place where objects lie: what kind of file system it is, whether objects
 * of all users can be made there, and which versions made those that are there.
 */

#include "args.h"
#include "doctor.h"
#include "names.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>

#define SHM "/dev/shm"


/* Does the mount point, which ends at a blank, hold `folder`? */
static bool holds(const char* point, const char* folder) {
  size_t size = strcspn(point, " ");
  if (size == 1) return true;
  return strncmp(point, folder, size) == 0 &&
         (folder[size] == '/' || folder[size] == '\0');
}


/* The words of /proc/self/mounts about the mount that `folder` lies in: its
 * type, and its options. Of several the deepest, and of these the last, which
 * covers the others. NULL: there is none. */
static char* mount_of(const char* folder) {
  char* mounts = doctor_file("/proc/self/mounts");
  const char* found = NULL;
  size_t deepest = 0;
  for (char* line = mounts; line != NULL && *line != '\0';) {
    char* next = strchr(line, '\n');
    char* point = strchr(line, ' ');
    if (point != NULL && (next == NULL || point < next) &&
        holds(++point, folder) && strcspn(point, " \n") >= deepest) {
      deepest = strcspn(point, " \n");
      found = point + deepest;
    }
    line = next != NULL ? next + 1 : NULL;
  }
  char* words =
      found != NULL && *found == ' '
          ? text_format("%.*s", (int) strcspn(found + 1, "\n"), found + 1)
          : NULL;
  free(mounts);
  return words;
}


char* doctor_place(void) {
  uv_fs_t req;
  if (args_dir == NULL) return text_copy(SHM);
  int err = uv_fs_realpath(NULL, &req, args_dir, NULL);
  char* place = text_copy(err == 0 ? req.ptr : args_dir);
  uv_fs_req_cleanup(&req);
  return place;
}


static bool has_option(const char* options, const char* name) {
  size_t size = strlen(name);
  for (;;) {
    size_t one = strcspn(options, ", ");
    if (one == size && strncmp(options, name, size) == 0) return true;
    if (options[one] != ',') return false;
    options += one + 1;
  }
}


/* noexec, nosuid and nodev are no trouble: nothing in an object is run. */
void doctor_mount(struct doctor* doctor) {
  char* place = doctor_place();
  char* mount = mount_of(place);
  if (mount != NULL) {
    size_t size = strcspn(mount, " ");
    char* type = text_format("%.*s", (int) size, mount);
    const char* options = mount[size] == ' ' ? mount + size + 1 : "";
    bool memory = strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0;
    bool readonly = has_option(options, "ro");
    char* name = text_escape(type);
    char* where = text_escape(place);
    char* remount = text_format("mount -o remount,rw %s", where);
    doctor_tell(doctor,
                readonly  ? VERDICT_FAIL
                : !memory ? VERDICT_WARN
                          : VERDICT_OK,
                "mount",
                readonly  ? remount
                : !memory ? "no memory but a disk, perhaps: slow, and not "
                            "empty after a restart"
                          : NULL,
                "%s %s %s%s",
                where,
                args_dir != NULL ? "lies on" : "is a",
                name,
                readonly                        ? ", only to be read"
                : has_option(options, "noexec") ? ", noexec, which is fine"
                                                : "");
    free(remount);
    free(where);
    free(name);
    free(type);
  }
  free(mount);
  free(place);
}


/* On Windows that takes a privilege that services have; elsewhere nothing. */
void doctor_all_users(struct doctor* doctor) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {
      .flags = UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_SYSTEM | names_where(),
      .size = 4096};
  uint32_t random = 0;
  uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
  char* name = text_format("doctor-%08" PRIx32, random);
  int err = uvshm_region_open(&region, names_at(name), &options);
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
  uvshm_region_options_t options = {.flags = UVSHM_READONLY | names_where(),
                                    .timeout_ms = 200};
  if (info->state != UVSHM_STATE_DAMAGED || info->name[0] == '\0') return false;
  int err = uvshm_region_open(&region, names_at(info->name), &options);
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
