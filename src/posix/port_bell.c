/* SPDX-License-Identifier: MIT */

/* Bells: a FIFO for each loop that watches something.
 *
 *   <place>/.uvshm-bell-<object's id>-<slot>-<number>
 *
 * An eventfd would be faster by a microsecond, but has no name by which another
 * process could find it; nor has anonymous memory one, so a bell is named after
 * the object's id, which every peer has in its header. The place is one for all
 * scopes, since the id says nothing of them; the FIFO has the object's rights.
 *
 * It is made under another name and given its own when it is open. So what can
 * be found has a reader, or its owner is dead: nobody needs to ask who that is
 * to clear it up. A new owner of the slot puts his own in its place.
 *
 * Who rings keeps the FIFO open for the next time, in a small cache. A slot's
 * next owner has another FIFO and another generation, so the cache tells them
 * apart.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX ".uvshm-bell-"
#define NEW ".new"
#define PATH_SIZE (UVSHM__POSIX_DIR_LIMIT + 160)
#define CACHE 16 /* a bell's place is its slot and number, modulo this */
#define LITTER_AGE_S 60

struct rung {
  uint32_t slot;
  uint32_t generation;
  uint32_t number;
  int fd;
};

struct uvshm__bells {
  struct rung rung[CACHE];
};


static void path_of(char path[PATH_SIZE],
                    const struct uvshm__port_object* object,
                    uint32_t slot,
                    uint32_t number) {
  const char* place = object->system_name;
  int place_size = 0;
  char usual[64];

  /* Beside an object in a folder of the caller's choice, because that may be
   * all that two containers have in common. */
  if (object->dir && place != NULL) {
    const char* slash = strrchr(place, '/');

    place_size = slash != NULL ? (int) (slash - place) : 0;
  } else {
    uvshm__posix_place(usual, sizeof(usual), 1);
    place = usual;
    place_size = (int) strlen(usual);
  }
  snprintf(path,
           PATH_SIZE,
           "%.*s/" PREFIX "%016llx%016llx-%u-%u",
           place_size,
           place,
           (unsigned long long) object->id[0],
           (unsigned long long) object->id[1],
           (unsigned int) slot,
           (unsigned int) number);
}

/* ---- the owner ----------------------------------------------------------- */

/* Whoever may change the object may ring. Of anonymous memory the mode means
 * nothing. */
static void give_rights(const struct uvshm__port_object* object,
                        const char* path) {
  mode_t mode = S_IRUSR | S_IWUSR;
  struct stat st;

  if (object->origin == UVSHM__PORT_ANONYMOUS ||
      fstat((int) object->os[UVSHM__OS_FD], &st) != 0)
    return;
  if (st.st_mode & S_IWGRP) mode |= S_IRGRP | S_IWGRP;
  if (st.st_mode & S_IWOTH) mode |= S_IROTH | S_IWOTH;
  if (mode == (S_IRUSR | S_IWUSR)) return;
  if (st.st_gid != getegid() && chown(path, (uid_t) -1, st.st_gid) != 0)
    mode &= ~(mode_t) (S_IRGRP | S_IWGRP);
  (void) chmod(path, mode);
}


int uvshm__posix_bell_make(struct uvshm__port_bell* bell,
                           struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t number,
                           int (*open_ends)(struct uvshm__port_bell* bell,
                                            const char* path)) {
  char path[PATH_SIZE];
  char temp[PATH_SIZE + sizeof(NEW)];
  char* copy;
  int err;

  path_of(path, object, slot, number);
  snprintf(temp, sizeof(temp), "%s" NEW, path);
  copy = strdup(path);
  if (copy == NULL) return UV_ENOMEM;
  /* The slot is ours, so this name is too, but for what a dead one left. */
  (void) unlink(temp);
  if (mkfifo(temp, S_IRUSR | S_IWUSR) != 0) {
    err = uvshm__posix_error(errno);
    free(copy);
    return err;
  }
  memset(bell, 0, sizeof(*bell));
  err = open_ends(bell, temp);
  if (err == 0) {
    give_rights(object, temp);
    if (rename(temp, path) == 0) {
      bell->os[UVSHM__BELL_PATH] = (intptr_t) copy;
      return 0;
    }
    err = uvshm__posix_error(errno);
    uvshm__port_bell_close(bell, 0);
  }
  (void) unlink(temp);
  free(copy);
  return err;
}


void uvshm__port_bell_sweep(struct uvshm__port_object* object,
                            uint32_t slot,
                            uint32_t count) {
  char path[PATH_SIZE];
  uint32_t i;

  for (i = 0; i < count; i++) {
    path_of(path, object, slot, i);
    (void) unlink(path);
  }
}


int uvshm__posix_bell_litter(const char* place, const char* file) {
  size_t size = strlen(file);
  char path[PATH_SIZE + sizeof(NEW)];
  struct stat st;
  int fd;

  if (strncmp(file, PREFIX, sizeof(PREFIX) - 1) != 0) return 0;
  if (snprintf(path, sizeof(path), "%s/%s", place, file) >= (int) sizeof(path))
    return 1;
  if (lstat(path, &st) != 0 || !S_ISFIFO(st.st_mode)) return 1;
  if (strcmp(file + size - (sizeof(NEW) - 1), NEW) == 0) {
    if (st.st_mtime < time(NULL) - LITTER_AGE_S) (void) unlink(path);
    return 1;
  }
  fd = uvshm__posix_open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd < 0 && errno == ENXIO) (void) unlink(path);
  if (fd >= 0) close(fd);
  return 1;
}

/* ---- who rings ----------------------------------------------------------- */

/* Process lock held, in this and the next. */
static struct rung* cached(struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t number) {
  struct uvshm__bells* bells;
  uint32_t i;

  bells = (struct uvshm__bells*) object->os[UVSHM__OS_BELLS];
  if (bells == NULL) {
    bells = malloc(sizeof(*bells));
    if (bells == NULL) return NULL;
    for (i = 0; i < CACHE; i++) bells->rung[i].fd = -1;
    object->os[UVSHM__OS_BELLS] = (intptr_t) bells;
  }
  return &bells->rung[(slot + number * 5) % CACHE];
}


void uvshm__port_bell_ring(struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t generation,
                           uint32_t number) {
  char path[PATH_SIZE];
  struct rung* rung;

  uvshm__port_process_lock();
  rung = cached(object, slot, number);
  if (rung != NULL &&
      (rung->fd < 0 || rung->slot != slot || rung->number != number ||
       rung->generation != generation)) {
    if (rung->fd >= 0) close(rung->fd);
    path_of(path, object, slot, number);
    rung->fd = uvshm__posix_bell_reach(path);
    rung->slot = slot;
    rung->number = number;
    rung->generation = generation;
  }
  if (rung != NULL && rung->fd >= 0) uvshm__posix_bell_write(rung->fd);
  uvshm__port_process_unlock();
}


void uvshm__posix_bells_close(struct uvshm__port_object* object) {
  struct uvshm__bells* bells;
  uint32_t i;

  bells = (struct uvshm__bells*) object->os[UVSHM__OS_BELLS];
  for (i = 0; i < CACHE; i++)
    if (bells->rung[i].fd >= 0) close(bells->rung[i].fd);
  free(bells);
  object->os[UVSHM__OS_BELLS] = 0;
}
