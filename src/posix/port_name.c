/* SPDX-License-Identifier: MIT */

/* From portable names to paths and back.
 *
 *   scope user     <place>/uvshm-<uid>-<name>
 *   scope system   <place>/uvshm-sys-<name>
 *
 * On Linux the place is /dev/shm for both. Where there is none, user names lie
 * in a folder of the user's own, /tmp/uvshm-<uid>, which must be private, and
 * system names in /tmp. No environment variable decides, since two programs
 * with different environments must meet under one name.
 *
 * A name that would be longer than the system's limit is replaced by `~` and 13
 * digits of its hash; so is a name that begins with `~`, which keeps the two
 * kinds apart. The full name is then in the header only.
 */

#include "posix.h"

#include "base/hash.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "uvshm-"
#define SYSTEM_PREFIX "uvshm-sys-"
#define TEMP_PREFIX ".uvshm-tmp-"
#define HASH_DIGITS 13
#define FILE_NAME_LIMIT 255
#define LITTER_AGE_S 60

/* The longest prefix and a hash fit into the shortest limit there is. */
_Static_assert(UVSHM__PORT_NAME_LIMIT >= 17 + 1 + HASH_DIGITS, "31 at least");


int uvshm__posix_in_folder(void) {
  static uvshm__a32_t known; /* 0: not yet, 1: no, 2: yes */
  uint32_t answer = uvshm__a32_load_relaxed(&known);
  struct stat st;

  if (answer == 0) {
    answer = 1;
    if (UVSHM__PORT_NAMES_IN_FOLDER || stat(UVSHM__PORT_PLACE, &st) != 0 ||
        !S_ISDIR(st.st_mode))
      answer = 2;
    uvshm__a32_store_relaxed(&known, answer);
  }
  return answer == 2;
}


void uvshm__posix_place(char* text, size_t size, uint32_t system) {
  if (!uvshm__posix_in_folder())
    uvshm__copy_text(text, size, UVSHM__PORT_PLACE);
  else if (system)
    snprintf(text, size, "/tmp");
  else
    snprintf(text, size, "/tmp/uvshm-%lu", (unsigned long) geteuid());
}


/* /tmp is everybody's: what another user put there in our name is not ours,
 * even if it is empty now. */
int uvshm__posix_folder(uint32_t system, int make) {
  char path[64];
  struct stat st;

  if (system || !uvshm__posix_in_folder()) return 0;
  uvshm__posix_place(path, sizeof(path), system);
  if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
    return uvshm__posix_error(errno);
  if (lstat(path, &st) != 0) return uvshm__posix_error(errno);
  if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
      (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return 0;
  return uvshm__fail(UV_EPERM, "%s is not a private folder of this user", path);
}


static void digits_of(char* text, uint64_t hash) {
  static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  int i;

  for (i = HASH_DIGITS; i-- > 0; hash >>= 5) text[i] = alphabet[hash & 31];
  text[HASH_DIGITS] = '\0';
}


#define PREFIX_SIZE 32 /* with the longest number there is */

static void prefix_of(char text[PREFIX_SIZE], uint32_t system) {
  unsigned long uid = system ? 0 : (unsigned long) geteuid();
  char digits[PREFIX_SIZE];
  char* at = digits + sizeof(digits);

  if (system) {
    memcpy(text, SYSTEM_PREFIX, sizeof(SYSTEM_PREFIX));
    return;
  }
  *--at = '\0';
  *--at = '-';
  do *--at = (char) ('0' + uid % 10);
  while ((uid /= 10) != 0);
  memcpy(text, PREFIX, sizeof(PREFIX) - 1);
  strcpy(text + sizeof(PREFIX) - 1, at);
}


/* Of every open: printf() takes longer than what is printed. */
static int join(char** path, const char* a, const char* b, const char* c) {
  char* at = malloc(strlen(a) + strlen(b) + strlen(c) + 2);

  if (at == NULL) return UV_ENOMEM;
  *path = at;
  at = stpcpy(at, a);
  *at++ = '/';
  at = stpcpy(at, b);
  stpcpy(at, c);
  return 0;
}


/* Absolute, so that a later chdir() of the program changes nothing. */
static int absolute(char** path, const char* name) {
  char* folder;
  int err;

  if (*name == '/') {
    *path = strdup(name);
    return *path != NULL ? 0 : UV_ENOMEM;
  }
  folder = getcwd(NULL, 0);
  if (folder == NULL) return uvshm__posix_error(errno);
  err = join(path, strcmp(folder, "/") == 0 ? "" : folder, "", name);
  free(folder);
  return err;
}


static int named_path(char** path,
                      const char* place,
                      const char* name,
                      uint32_t system) {
  char prefix[PREFIX_SIZE];
  char hashed[HASH_DIGITS + 2];

  prefix_of(prefix, system);
  if (*name == '~' ||
      strlen(prefix) + strlen(name) > (size_t) UVSHM__PORT_NAME_LIMIT) {
    hashed[0] = '~';
    digits_of(hashed + 1, uvshm__hash(name, strlen(name)));
    name = hashed;
  }
  return join(path, place, prefix, name);
}


/* A folder of the caller's choice. It must be there. */
static int path_in_dir(char** path, const char* given, uint32_t system) {
  const char* slash = strrchr(given, '/');
  struct stat st;
  char* folder;
  int err;

  if (slash == NULL || slash[1] == '\0') return UV_EINVAL;
  err = absolute(&folder, given);
  if (err < 0) return err;
  *strrchr(folder, '/') = '\0';
  if (strlen(folder) > UVSHM__POSIX_DIR_LIMIT)
    err = uvshm__fail(UV_ENAMETOOLONG,
                      "the path of its folder has more than %d bytes",
                      UVSHM__POSIX_DIR_LIMIT);
  else if (*folder != '\0' && stat(folder, &st) != 0)
    err = uvshm__fail(uvshm__posix_error(errno), "no folder %s", folder);
  else if (*folder != '\0' && !S_ISDIR(st.st_mode))
    err = uvshm__fail(UV_ENOTDIR, "%s is no folder", folder);
  if (err == 0) err = named_path(path, folder, slash + 1, system);
  free(folder);
  return err;
}


static int file_path(char** path, const char* name) {
  if (*name == '\0') return UV_ENOENT;
  return absolute(path, name);
}


int uvshm__posix_path(char** path, const struct uvshm__port_spec* spec) {
  char place[64];

  if (spec->name == NULL) return UV_EINVAL;
  if (spec->origin == UVSHM__PORT_NAMED && spec->dir)
    return path_in_dir(path, spec->name, spec->system);
  if (spec->origin == UVSHM__PORT_NAMED) {
    /* The caller checked it; a slip here would leave the place. */
    if (*spec->name == '\0' || strchr(spec->name, '/') != NULL)
      return UV_EINVAL;
    uvshm__posix_place(place, sizeof(place), spec->system);
    return named_path(path, place, spec->name, spec->system);
  }
  return file_path(path, spec->name);
}


/* One temporary name for each name, beside it: what a dead maker left is then
 * met by the next one. */
int uvshm__posix_temp_path(char** temp, const char* path) {
  const char* slash = strrchr(path, '/');
  const char* base = slash + 1;
  char hashed[HASH_DIGITS + 1];
  size_t folder = (size_t) (slash - path) + 1;
  size_t size;

  if (sizeof(TEMP_PREFIX) - 1 + strlen(base) > FILE_NAME_LIMIT) {
    digits_of(hashed, uvshm__hash(base, strlen(base)));
    base = hashed;
  }
  size = folder + sizeof(TEMP_PREFIX) + strlen(base);
  *temp = malloc(size);
  if (*temp == NULL) return UV_ENOMEM;
  memcpy(*temp, path, folder);
  snprintf(*temp + folder, size - folder, TEMP_PREFIX "%s", base);
  return 0;
}


/* The rest of `file` after the prefix of a name that the listing wants; NULL:
 * it is no name of uvshm's, or not wanted. */
static const char* name_in(const char* file, uint32_t system, const char* own) {
  const char* at;

  if (strncmp(file, own, strlen(own)) == 0) return file + strlen(own);
  if (!system || strncmp(file, PREFIX, sizeof(PREFIX) - 1) != 0) return NULL;
  if (strncmp(file, SYSTEM_PREFIX, sizeof(SYSTEM_PREFIX) - 1) == 0)
    return file + sizeof(SYSTEM_PREFIX) - 1;
  at = file + sizeof(PREFIX) - 1;
  if (*at < '0' || *at > '9') return NULL;
  while (*at >= '0' && *at <= '9') at++;
  return *at == '-' ? at + 1 : NULL;
}


struct listing {
  const char* place;
  const char* own; /* prefix of the calling user's names */
  uint32_t system;
  int given; /* the caller's own choice: it must be there */
  int (*each)(void* arg, const char* name, const char* system_name);
  void* arg;
};


/* A maker that lives has its file's gate, but not yet in the first moment. So a
 * listing leaves alone what is not old. */
static int is_litter(const char* path) {
  struct stat st;
  time_t now = time(NULL);

  return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
         (st.st_mtime < now - LITTER_AGE_S || st.st_mtime > now + LITTER_AGE_S);
}


static int list_file(const struct listing* listing, const char* file) {
  const char* name;
  char* path;
  int result = 0;

  if (uvshm__posix_bell_litter(listing->place, file)) return 0;
  name = name_in(file, listing->system, listing->own);
  if (name == NULL && strncmp(file, TEMP_PREFIX, sizeof(TEMP_PREFIX) - 1) != 0)
    return 0;
  if (join(&path, listing->place, "", file) < 0) return UV_ENOMEM;
  if (name == NULL) {
    if (is_litter(path)) uvshm__posix_sweep(path);
  } else if (*name != '\0') {
    result = listing->each(listing->arg, *name == '~' ? NULL : name, path);
  }
  free(path);
  return result;
}


static int list_place(const struct listing* listing) {
  struct dirent* entry;
  DIR* folder;
  int result = 0;

  do folder = opendir(listing->place);
  while (
      folder == NULL &&
      (errno == EINTR || (errno == EMFILE && uvshm__posix_more_descriptors())));
  if (folder == NULL && errno == ENOENT && listing->given)
    return uvshm__fail(UV_ENOENT, "no folder %s", listing->place);
  if (folder == NULL) return errno == ENOENT ? 0 : uvshm__posix_error(errno);
  while (result == 0) {
    errno = 0;
    entry = readdir(folder);
    if (entry == NULL) {
      if (errno != 0) result = uvshm__posix_error(errno);
      break;
    }
    result = list_file(listing, entry->d_name);
  }
  closedir(folder);
  return result;
}


int uvshm__port_each_name(const char* dir,
                          uint32_t system,
                          int (*each)(void* arg,
                                      const char* name,
                                      const char* system_name),
                          void* arg) {
  char place[64];
  char own[PREFIX_SIZE];
  struct listing listing = {place, own, system, dir != NULL, each, arg};
  char* folder;
  int result;

  prefix_of(own, 0);
  if (dir != NULL) {
    result = absolute(&folder, dir);
    if (result < 0) return result;
    listing.place = folder;
    result = list_place(&listing);
    free(folder);
    return result;
  }
  result = uvshm__posix_folder(0, 0);
  if (result == UV_ENOENT) result = 0;
  if (result != 0) return result;
  uvshm__posix_place(place, sizeof(place), 0);
  result = list_place(&listing);
  if (result != 0 || !system || !uvshm__posix_in_folder()) return result;

  /* In /tmp lie the names of scope system, and none of the user's. */
  uvshm__posix_place(place, sizeof(place), 1);
  prefix_of(own, 1);
  listing.system = 0;
  return list_place(&listing);
}
