/* SPDX-License-Identifier: MIT */

/* What other software has on Linux, for listings: the files of /dev/shm, and
 * System V's table in the kernel.
 *
 * Who has a file of /dev/shm mapped is told by /proc/PID/maps alone, of the
 * processes that we may look at. The same lines tell of objects without a name:
 * their path is the one they had, and their inode is none that lies there. All
 * this changes while it is read; what is told is what was seen.
 */

#include "posix.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/sysmacros.h>

#define PLACE UVSHM__PORT_PLACE "/"
#define DELETED " (deleted)"
#define MODE_MASK 0777u

/* A kernel newer than the headers may know it. */
#ifndef SHM_STAT_ANY
# define SHM_STAT_ANY 15
#endif

/* A file of /dev/shm that somebody has mapped. */
struct mapped {
  uint64_t inode;
  uint64_t size; /* as far as it is mapped */
  uint32_t attached;
  uint32_t pid; /* the last one seen */
  uint32_t uid; /* of that process */
  uint32_t listed;
  char name[256];
};

struct list {
  struct mapped* items;
  size_t count;
  size_t capacity;
  dev_t device; /* of /dev/shm */
};


static struct mapped* find(const struct list* list, uint64_t inode) {
  size_t i;

  for (i = 0; i < list->count; i++)
    if (list->items[i].inode == inode) return &list->items[i];
  return NULL;
}


static struct mapped* add(struct list* list, uint64_t inode) {
  size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
  struct mapped* larger;

  if (list->count == list->capacity) {
    larger = realloc(list->items, capacity * sizeof(*larger));
    if (larger == NULL) return NULL;
    list->items = larger;
    list->capacity = capacity;
  }
  larger = &list->items[list->count++];
  memset(larger, 0, sizeof(*larger));
  larger->inode = inode;
  return larger;
}

/* ---- who has what mapped ------------------------------------------------- */

/* A file name, of which the kernel writes a line end as \012. */
static void copy_name(char* to, size_t size, const char* from) {
  size_t at = 0;

  while (*from != '\0' && *from != '\n' && at + 1 < size) {
    if (strncmp(from, "\\012", 4) == 0) {
      to[at++] = '\n';
      from += 4;
    } else {
      to[at++] = *from++;
    }
  }
  to[at] = '\0';
}


/* uvshm's own, and semaphores, are not what is looked for. */
static int is_wanted(const char* name) {
  return strncmp(name, "uvshm-", 6) != 0 && strncmp(name, ".uvshm-", 7) != 0 &&
         strncmp(name, "sem.", 4) != 0 && strchr(name, '/') == NULL;
}


/* One line of /proc/PID/maps:
 * 7f12-7f34 rw-s 00001000 00:1a 4711   /dev/shm/name (deleted) */
static int read_line(struct list* list,
                     const char* line,
                     uint32_t pid,
                     uint32_t uid) {
  unsigned long long start;
  unsigned long long end;
  unsigned long long offset;
  unsigned long long inode;
  unsigned int major_number;
  unsigned int minor_number;
  struct mapped* item;
  int at = 0;

  if (sscanf(line,
             "%llx-%llx %*s %llx %x:%x %llu %n",
             &start,
             &end,
             &offset,
             &major_number,
             &minor_number,
             &inode,
             &at) != 6 ||
      strncmp(line + at, PLACE, sizeof(PLACE) - 1) != 0 ||
      makedev(major_number, minor_number) != list->device)
    return 0;
  item = find(list, inode);
  if (item == NULL) item = add(list, inode);
  if (item == NULL) return UV_ENOMEM;
  copy_name(item->name, sizeof(item->name), line + at + sizeof(PLACE) - 1);
  if (item->pid != pid) item->attached++;
  item->pid = pid;
  item->uid = uid;
  if (offset + (end - start) > item->size) item->size = offset + (end - start);
  return 0;
}


/* One that may not be looked at, or just ended, has nothing to tell. */
static int read_process(struct list* list, const char* pid) {
  char path[64];
  struct stat st;
  char* line = NULL;
  size_t size = 0;
  FILE* file;
  int err = 0;

  snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
  if (stat(path, &st) != 0) return 0;
  file = fopen(path, "re");
  if (file == NULL) return 0;
  while (err == 0 && getline(&line, &size, file) > 0)
    err = read_line(
        list, line, (uint32_t) strtoul(pid, NULL, 10), (uint32_t) st.st_uid);
  free(line);
  fclose(file);
  return err;
}


static int read_processes(struct list* list) {
  DIR* folder = opendir("/proc");
  struct dirent* entry;
  int err = 0;

  if (folder == NULL) return 0;
  while (err == 0 && (entry = readdir(folder)) != NULL)
    if (isdigit((unsigned char) entry->d_name[0]))
      err = read_process(list, entry->d_name);
  closedir(folder);
  return err;
}

/* ---- POSIX --------------------------------------------------------------- */

typedef int (*each_cb)(void* arg, const struct uvshm__port_foreign* foreign);


static void fill_user(struct uvshm__port_foreign* foreign, uint32_t uid) {
  foreign->uid = uid;
  foreign->own = uid == (uint32_t) geteuid();
  uvshm__posix_user(uid, foreign->owner, sizeof(foreign->owner));
}


static int tell_file(struct list* list,
                     const char* name,
                     const struct stat* st,
                     each_cb each,
                     void* arg) {
  struct mapped* item = find(list, (uint64_t) st->st_ino);
  struct uvshm__port_foreign foreign;

  if (item != NULL) item->listed = 1;
  if (!is_wanted(name)) return 0;
  memset(&foreign, 0, sizeof(foreign));
  foreign.size = (uint64_t) st->st_size;
  foreign.mode = (uint32_t) st->st_mode & MODE_MASK;
  fill_user(&foreign, (uint32_t) st->st_uid);
  if (item != NULL) {
    foreign.attached = item->attached;
    foreign.last_pid = item->pid;
  }
  snprintf(foreign.name, sizeof(foreign.name), "/%s", name);
  return each(arg, &foreign);
}


/* Several files may lie under one name, one after the other. */
static uint32_t state_of(const char* name) {
  char path[sizeof(PLACE) + 256];
  struct stat st;

  snprintf(path, sizeof(path), "%s%s", PLACE, name);
  if (lstat(path, &st) != 0) return UVSHM__PORT_REMOVED;
  return UVSHM__PORT_REMOVED | UVSHM__PORT_REPLACED;
}


/* Its owner is told by nobody; that of a process that has it is near enough. */
static int tell_removed(struct mapped* item, each_cb each, void* arg) {
  struct uvshm__port_foreign foreign;
  size_t size = strlen(item->name);
  size_t mark = sizeof(DELETED) - 1;

  if (size < mark || strcmp(item->name + size - mark, DELETED) != 0) return 0;
  item->name[size - mark] = '\0';
  if (!is_wanted(item->name)) return 0;
  memset(&foreign, 0, sizeof(foreign));
  foreign.state = state_of(item->name);
  foreign.size = item->size;
  foreign.attached = item->attached;
  foreign.last_pid = item->pid;
  fill_user(&foreign, item->uid);
  snprintf(foreign.name, sizeof(foreign.name), "/%s", item->name);
  return each(arg, &foreign);
}


static int tell_folder(struct list* list,
                       DIR* folder,
                       each_cb each,
                       void* arg) {
  struct dirent* entry;
  struct stat st;
  size_t i;
  int err = 0;

  while (err == 0 && (entry = readdir(folder)) != NULL)
    if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode))
      err = tell_file(list, entry->d_name, &st, each, arg);
  for (i = 0; err == 0 && i < list->count; i++)
    if (!list->items[i].listed) err = tell_removed(&list->items[i], each, arg);
  return err;
}


static int tell_posix(each_cb each, void* arg) {
  struct list list;
  struct stat st;
  DIR* folder = opendir(PLACE);
  int err = 0;

  if (folder == NULL) return 0;
  memset(&list, 0, sizeof(list));
  if (fstat(dirfd(folder), &st) == 0) {
    list.device = st.st_dev;
    err = read_processes(&list);
    if (err == 0) err = tell_folder(&list, folder, each, arg);
  }
  free(list.items);
  closedir(folder);
  return err;
}

/* ---- System V ------------------------------------------------------------ */

static int tell_segment(uint32_t id,
                        const struct shmid_ds* ds,
                        each_cb each,
                        void* arg) {
  struct uvshm__port_foreign foreign;

  memset(&foreign, 0, sizeof(foreign));
  foreign.sysv = 1;
  foreign.id = id;
  foreign.key = (uint32_t) ds->shm_perm.__key;
  foreign.mode = (uint32_t) ds->shm_perm.mode & MODE_MASK;
  if (ds->shm_perm.mode & SHM_DEST) foreign.state |= UVSHM__PORT_REMOVED;
  if (ds->shm_perm.mode & SHM_LOCKED) foreign.state |= UVSHM__PORT_LOCKED;
  foreign.attached = (uint32_t) ds->shm_nattch;
  foreign.creator_pid = (uint32_t) ds->shm_cpid;
  foreign.last_pid = (uint32_t) ds->shm_lpid;
  foreign.size = (uint64_t) ds->shm_segsz;
  foreign.changed_ms = (uint64_t) ds->shm_ctime * 1000;
  fill_user(&foreign, (uint32_t) ds->shm_perm.uid);
  if (foreign.key != 0)
    snprintf(
        foreign.name, sizeof(foreign.name), "sysv:key=0x%08x", foreign.key);
  else
    snprintf(foreign.name, sizeof(foreign.name), "sysv:id=%u", id);
  return each(arg, &foreign);
}


/* Before Linux 4.17, only of those that we may read. */
static int stat_index(int index, struct shmid_ds* ds) {
  int id = shmctl(index, SHM_STAT_ANY, ds);

  if (id < 0 && errno == EINVAL) id = shmctl(index, SHM_STAT, ds);
  return id;
}


static int tell_sysv(each_cb each, void* arg) {
  struct shmid_ds ds;
  struct shm_info numbers;
  int err = 0;
  int last;
  int index;
  int id;

  /* A kernel without System V says ENOSYS, and has none to tell of. */
  last = shmctl(0, SHM_INFO, (struct shmid_ds*) (void*) &numbers);
  for (index = 0; err == 0 && index <= last; index++) {
    id = stat_index(index, &ds);
    if (id >= 0) err = tell_segment((uint32_t) id, &ds, each, arg);
  }
  return err;
}


int uvshm__port_each_foreign(
    int (*each)(void* arg, const struct uvshm__port_foreign* foreign),
    void* arg) {
  int err = tell_posix(each, arg);

  return err != 0 ? err : tell_sysv(each, arg);
}
