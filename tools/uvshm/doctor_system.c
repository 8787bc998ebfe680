/* SPDX-License-Identifier: MIT */

/* What uvshm stands on: memory, limits, who deletes things behind our back. All
 * of it is read from files; where a file is not there, there is nothing to
 * tell.
 */

#include "args.h"
#include "doctor.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>

#define SHM "/dev/shm"
#define SMALL_SHM (UINT64_C(64) << 20) /* what containers get by default */
#define FEW_FILES 256


void doctor_versions(struct doctor* doctor) {
  uv_utsname_t system;
  if (uv_os_uname(&system) < 0) memset(&system, 0, sizeof system);
  doctor_tell(doctor,
              VERDICT_OK,
              "uvshm",
              NULL,
              "%s, format %d, libuv %s, on %s %s %s",
              uvshm_version_string(),
              UVSHM_FORMAT,
              uv_version_string(),
              system.sysname,
              system.release,
              system.machine);
}


/* Bytes in all and free of the file system at `path`. */
static bool space(const char* path, uint64_t* all, uint64_t* free_bytes) {
  uv_fs_t req;
  int err = uv_fs_statfs(NULL, &req, path, NULL);
  if (err == 0) {
    const uv_statfs_t* found = req.ptr;
    *all = found->f_blocks * found->f_bsize;
    *free_bytes = found->f_bavail * found->f_bsize;
  }
  uv_fs_req_cleanup(&req);
  return err == 0;
}


static bool exists(const char* path) {
  uv_fs_t req;
  int err = uv_fs_stat(NULL, &req, path, NULL);
  uv_fs_req_cleanup(&req);
  return err == 0;
}


static void tell_space(struct doctor* doctor,
                       const char* place,
                       uint64_t all,
                       uint64_t free_bytes) {
  char size[TEXT_SIZE_ROOM];
  uint64_t used = all > 0 ? 100 - 100 * free_bytes / all : 100;
  uint64_t allowed = uv_get_constrained_memory();
  enum verdict verdict = VERDICT_OK;
  const char* hint = NULL;
  if (all <= SMALL_SHM) {
    verdict = VERDICT_WARN;
    hint = args_dir != NULL
               ? "small: mount -o remount,size=1g, if it is a tmpfs"
               : "small: docker run --shm-size=1g, or mount -o "
                 "remount,size=1g " SHM;
  } else if (used >= 90) {
    verdict = VERDICT_WARN;
    hint = "nearly full: growing will end with ENOSPC";
  } else if (allowed > 0 && allowed < all) {
    verdict = VERDICT_WARN;
    hint = "the memory limit of this container or service is lower than that";
  }
  text_size(size, all, false);
  doctor_tell(doctor,
              verdict,
              "shared memory",
              hint,
              "%s, %s, %" PRIu64 " %% used",
              place,
              size,
              used);
}


void doctor_memory(struct doctor* doctor) {
  char* place = doctor_place();
  char* name = text_escape(place);
  uint64_t all;
  uint64_t free_bytes;
  if (space(place, &all, &free_bytes))
    tell_space(doctor, name, all, free_bytes);
  else if (args_dir != NULL || exists("/proc/self"))
    doctor_tell(doctor,
                VERDICT_FAIL,
                "shared memory",
                args_dir != NULL ? "--dir takes a folder that is there"
                                 : "mount -t tmpfs shm " SHM,
                "%s is not there",
                name);
  free(name);
  free(place);
}


/* The soft limit in the line of /proc/self/limits that begins with `name`. */
static bool limit(const char* limits, const char* name, uint64_t* value) {
  const char* line = strstr(limits, name);
  if (line == NULL) return false;
  line += strlen(name);
  while (*line == ' ') line++;
  *value = UINT64_MAX;
  char word[TEXT_SIZE_ROOM];
  size_t size = strcspn(line, " \n");
  if (size >= sizeof word) return false;
  memcpy(word, line, size);
  word[size] = '\0';
  return strcmp(word, "unlimited") == 0 ||
         text_parse_number(word, UINT64_MAX, value);
}


void doctor_limits(struct doctor* doctor) {
  char* limits = doctor_file("/proc/self/limits");
  uint64_t files;
  uint64_t file_size;
  uint64_t space_limit;
  uint64_t locked;
  if (limits == NULL) return;

  if (!limit(limits, "Max file size", &file_size)) file_size = UINT64_MAX;
  if (!limit(limits, "Max address space", &space_limit))
    space_limit = UINT64_MAX;
  if (limit(limits, "Max open files", &files))
    doctor_tell(doctor,
                files < FEW_FILES ? VERDICT_WARN : VERDICT_OK,
                "open files",
                files < FEW_FILES ? "ulimit -n 1024" : NULL,
                "at most %" PRIu64,
                files);
  if (limit(limits, "Max locked memory", &locked) && locked != UINT64_MAX)
    doctor_tell(doctor,
                VERDICT_OK,
                "locked memory",
                NULL,
                "at most %" PRIu64 " bytes (ulimit -l)",
                locked);
  if (file_size != UINT64_MAX)
    doctor_tell(doctor,
                VERDICT_WARN,
                "file size",
                "ulimit -f unlimited: shared memory counts as a file",
                "at most %" PRIu64 " bytes",
                file_size);
  if (space_limit != UINT64_MAX)
    doctor_tell(doctor,
                VERDICT_WARN,
                "address space",
                "ulimit -v unlimited: an object is mapped at its largest size",
                "at most %" PRIu64 " bytes",
                space_limit);
  free(limits);
}


/* The value of RemoveIPC= in a file of logind, if it is set there. */
static void read_remove_ipc(const char* path, bool* removes) {
  char* text = doctor_file(path);
  if (text == NULL) return;
  for (char* line = text; line != NULL; line = strchr(line, '\n')) {
    line += strspn(line, " \t\r\n");
    if (strncmp(line, "RemoveIPC", 9) != 0) continue;
    const char* value = line + 9;
    value += strspn(value, " \t=");
    *removes = strchr("yYtT1", *value) != NULL || strncmp(value, "on", 2) == 0;
  }
  free(text);
}


static int by_text(const void* a, const void* b) {
  return strcmp(*(char* const*) a, *(char* const*) b);
}


/* Every *.conf of a folder, in the order that systemd reads them. */
static void read_folder(const char* folder, bool* removes) {
  uv_fs_t req;
  uv_dirent_t entry;
  char* names[64];
  size_t count = 0;
  if (uv_fs_scandir(NULL, &req, folder, 0, NULL) >= 0) {
    while (count < 64 && uv_fs_scandir_next(&req, &entry) == 0)
      names[count++] = text_format("%s/%s", folder, entry.name);
  }
  uv_fs_req_cleanup(&req);
  qsort(names, count, sizeof names[0], by_text);
  for (size_t i = 0; i < count; i++) {
    size_t size = strlen(names[i]);
    if (size > 5 && strcmp(names[i] + size - 5, ".conf") == 0)
      read_remove_ipc(names[i], removes);
    free(names[i]);
  }
}


void doctor_logind(struct doctor* doctor) {
  bool removes = true; /* what logind does when nobody says otherwise */
  uv_passwd_t user;
  if (!exists("/run/systemd/seats")) return;
  read_remove_ipc("/etc/systemd/logind.conf", &removes);
  read_folder("/usr/lib/systemd/logind.conf.d", &removes);
  read_folder("/run/systemd/logind.conf.d", &removes);
  read_folder("/etc/systemd/logind.conf.d", &removes);

  bool normal = uv_os_get_passwd(&user) == 0;
  if (normal) {
    normal = user.uid >= 1000;
    uv_os_free_passwd(&user);
  }
  if (removes && normal)
    doctor_tell(doctor,
                VERDICT_WARN,
                "logind",
                "RemoveIPC=no in /etc/systemd/logind.conf, or loginctl "
                "enable-linger",
                "RemoveIPC=yes deletes your objects at logout");
  else
    doctor_tell(
        doctor,
        VERDICT_OK,
        "logind",
        NULL,
        removes ? "leaves the objects of system users alone" : "RemoveIPC=no");
}


void doctor_runtime_dir(struct doctor* doctor) {
  char path[1024];
  size_t size = sizeof path;
  uv_fs_t req;
  uv_passwd_t user;
  if (uv_os_getenv("XDG_RUNTIME_DIR", path, &size) < 0 ||
      uv_os_get_passwd(&user) < 0)
    return;
  int err = uv_fs_stat(NULL, &req, path, NULL);
  bool ours = err == 0 && req.statbuf.st_uid == (uint64_t) user.uid;
  bool closed = err == 0 && (req.statbuf.st_mode & 022) == 0;
  uv_fs_req_cleanup(&req);
  uv_os_free_passwd(&user);

  char* name = text_escape(path);
  if (ours && closed)
    doctor_tell(doctor, VERDICT_OK, "runtime folder", NULL, "%s", name);
  else
    doctor_tell(doctor,
                VERDICT_WARN,
                "runtime folder",
                "XDG_RUNTIME_DIR should be yours, with mode 0700",
                "%s %s",
                name,
                err < 0 ? "is not there"
                : ours  ? "can be written by others"
                        : "belongs to another user");
  free(name);
}


/* The target of a symbolic link in /proc, for free(), or NULL. */
static char* link_target(const char* path) {
  uv_fs_t req;
  int err = uv_fs_readlink(NULL, &req, path, NULL);
  char* target = err == 0 ? text_copy(req.ptr) : NULL;
  uv_fs_req_cleanup(&req);
  return target;
}


void doctor_container(struct doctor* doctor) {
  /* The number of the first pid namespace of a machine, fixed in the kernel. */
  static const char first[] = "pid:[4026531836]";
  static const char first_ipc[] = "ipc:[4026531839]";
  char* ours = link_target("/proc/self/ns/pid");
  char* ipc = link_target("/proc/self/ns/ipc");
  bool own_ipc = ipc != NULL && strcmp(ipc, first_ipc) != 0;
  free(ipc);
  if (ours == NULL) return;
  bool boxed = exists("/.dockerenv") || exists("/run/.containerenv");
  if (strcmp(ours, first) == 0 && !boxed)
    doctor_tell(doctor, VERDICT_OK, "container", NULL, "none");
  else
    doctor_tell(doctor,
                VERDICT_OK,
                "container",
                "others are reached through the same " SHM
                " (docker: --ipc=container:... or a volume)",
                "%s: pids here are not those of other containers%s",
                boxed ? "in one" : "in a pid namespace of its own",
                own_ipc ? ", nor is System V memory" : "");
  free(ours);
}


void doctor_confinement(struct doctor* doctor) {
  char* context = doctor_file("/proc/self/attr/current");
  if (context == NULL) return;
  context[strcspn(context, "\n")] = '\0';
  char* name = text_escape(context);
  bool free_of_it = name[0] == '\0' || strstr(name, "unconfined") != NULL;
  doctor_tell(doctor,
              VERDICT_OK,
              "confinement",
              free_of_it ? NULL : "its rules may forbid " SHM,
              "%s",
              name[0] != '\0' ? name : "none");
  free(name);
  free(context);
}


/* Reading these takes a microsecond and more, and a system call. */
void doctor_clock(struct doctor* doctor) {
  char* source = doctor_file(
      "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (source == NULL) return;
  source[strcspn(source, "\n")] = '\0';
  bool slow = strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0;
  char* name = text_escape(source);
  doctor_tell(
      doctor,
      slow ? VERDICT_WARN : VERDICT_OK,
      "clock",
      slow ? "slow to read: calls that wait with a timeout take longer" : NULL,
      "%s",
      name);
  free(name);
  free(source);
}
