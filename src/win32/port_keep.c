/* SPDX-License-Identifier: MIT */

/* The folder with the files of `keep` objects: %LOCALAPPDATA%\uvshm for this
 * user, %ProgramData%\uvshm for the system, asked of the shell and not of the
 * environment.
 *
 * File names do not tell upper from lower case, and names of objects do. So a
 * file is called `uvshm-<name>.keep` with everything percent-encoded but lower
 * case letters, digits, and `-`, `_` and `.`. What gets too long is cut and
 * gets a hash of the whole name; the header has the name then.
 */

#include "file.h"

#include "base/hash.h"
#include "port_caps.h"

#include <stdlib.h>
#include <string.h>

/* Of the shell, and not in every header. */
#define LOCAL_APPDATA 0x001c
#define COMMON_APPDATA 0x0023
#define CREATE_IT 0x8000

#define PREFIX L"uvshm-"
#define SUFFIX L".keep"

/* Longest encoded name; a file name may have 255 units with all that may be put
 * before and behind it. */
#define ENCODED_MAX                                                            \
 (UVSHM__PORT_NAME_LIMIT < 180 ? UVSHM__PORT_NAME_LIMIT : 180)
#define HASH_SIZE 18 /* `%~` and 16 digits */

_Static_assert(ENCODED_MAX > HASH_SIZE, "a limit that leaves no name");

static SRWLOCK folder_lock = SRWLOCK_INIT;
static wchar_t* folders[2]; /* user, system; with a backslash at the end */


static wchar_t* ask_shell(uint32_t system) {
  typedef HRESULT(WINAPI * path_cb)(HWND, int, HANDLE, DWORD, LPWSTR);
  wchar_t path[MAX_PATH];
  path_cb get;

  get = (path_cb) (void (*)(void)) uvshm__win_function(L"shell32.dll",
                                                       "SHGetFolderPathW");
  if (get == NULL || get(NULL,
                         (system ? COMMON_APPDATA : LOCAL_APPDATA) | CREATE_IT,
                         NULL,
                         0,
                         path) != S_OK)
    return NULL;
  /* With `\\?\` the path may be longer than 260. */
  return uvshm__win_join(L"\\\\?\\", path, L"\\uvshm\\", NULL);
}


/* NULL: there is none. Never freed: found once. */
static const wchar_t* folder_of(uint32_t system) {
  const wchar_t* folder;
  uint32_t i = system != 0;

  AcquireSRWLockExclusive(&folder_lock);
  if (folders[i] == NULL) folders[i] = ask_shell(system);
  folder = folders[i];
  ReleaseSRWLockExclusive(&folder_lock);
  return folder;
}


static int is_plain(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}


/* 3 units for each byte at most, and a zero. */
static size_t encode(wchar_t* to, const char* name) {
  static const wchar_t digits[] = L"0123456789ABCDEF";
  size_t count = 0;

  for (; *name != '\0'; name++) {
    unsigned char c = (unsigned char) *name;

    if (is_plain(c)) {
      to[count++] = c;
    } else {
      to[count++] = L'%';
      to[count++] = digits[c >> 4];
      to[count++] = digits[c & 15];
    }
  }
  to[count] = L'\0';
  return count;
}


static void shorten(wchar_t* encoded, size_t room, const char* name) {
  uint64_t hash[2];
  wchar_t hex[33];
  size_t keep = room - HASH_SIZE;

  hash[0] = uvshm__hash(name, strlen(name));
  hash[1] = 0;
  uvshm__win_hex(hex, hash);
  hex[16] = L'\0';
  wcscpy(encoded + keep, L"%~");
  wcscat(encoded + keep, hex);
}


static int hex_digit(wchar_t c) {
  if (c >= L'0' && c <= L'9') return c - L'0';
  if (c >= L'A' && c <= L'F') return c - L'A' + 10;
  return -1;
}


/* The name that a file name is for. NULL: it was shortened, or is not ours. */
static char* decode(const wchar_t* file) {
  size_t count = wcslen(file) - wcslen(PREFIX) - wcslen(SUFFIX);
  const wchar_t* at = file + wcslen(PREFIX);
  const wchar_t* end = at + count;
  char* name = malloc(count + 1);
  size_t size = 0;

  if (name == NULL) return NULL;
  while (at < end) {
    int c = (int) *at++;

    if (c == L'%') {
      int high = at < end ? hex_digit(at[0]) : -1;
      int low = high >= 0 && at + 1 < end ? hex_digit(at[1]) : -1;

      c = low >= 0 ? high * 16 + low : -1;
      at += 2;
    }
    if (c <= 0 || c > 255) {
      free(name);
      return NULL;
    }
    name[size++] = (char) c;
  }
  name[size] = '\0';
  return name;
}


int uvshm__win_keep_path(wchar_t** path,
                         const char* name,
                         uint32_t system,
                         int make) {
  const wchar_t* folder = folder_of(system);
  wchar_t* encoded;

  if (folder == NULL) return make ? UV_EACCES : UV_ENOENT;
  if (make) CreateDirectoryW(folder, NULL); /* or it is there, or make fails */
  encoded = malloc((strlen(name) * 3 + 1 + HASH_SIZE) * sizeof(*encoded));
  if (encoded == NULL) return UV_ENOMEM;
  if (encode(encoded, name) > ENCODED_MAX) shorten(encoded, ENCODED_MAX, name);
  *path = uvshm__win_join(folder, PREFIX, encoded, SUFFIX, NULL);
  free(encoded);
  return *path != NULL ? 0 : UV_ENOMEM;
}


static int tell_file(const wchar_t* folder,
                     const wchar_t* file,
                     int (*each)(void* arg,
                                 const char* name,
                                 const char* system_name),
                     void* arg) {
  wchar_t* path = uvshm__win_join(folder, file, NULL);
  char* system_name = NULL;
  char* name;
  int result = 0;

  if (path != NULL && uvshm__win_utf8(&system_name, path) == 0) {
    name = decode(file);
    result = each(arg, name, system_name);
    free(name);
  }
  free(system_name);
  free(path);
  return result;
}


int uvshm__win_keep_each(uint32_t system,
                         int (*each)(void* arg,
                                     const char* name,
                                     const char* system_name),
                         void* arg) {
  const wchar_t* folder = folder_of(system);
  WIN32_FIND_DATAW found;
  wchar_t* mask;
  HANDLE search;
  int result = 0;

  if (folder == NULL) return 0;
  mask = uvshm__win_join(folder, L"*.uvshm-*", NULL);
  if (mask != NULL) uvshm__win_sweep(mask);
  free(mask);
  mask = uvshm__win_join(folder, PREFIX, L"*", SUFFIX, NULL);
  if (mask == NULL) return UV_ENOMEM;
  search = FindFirstFileW(mask, &found);
  free(mask);
  if (search == INVALID_HANDLE_VALUE) return 0;
  do result = tell_file(folder, found.cFileName, each, arg);
  while (result == 0 && FindNextFileW(search, &found));
  FindClose(search);
  return result;
}
