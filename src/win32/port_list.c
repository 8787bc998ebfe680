/* SPDX-License-Identifier: MIT */

/* Which names there are, and opening by the name that the system uses.
 *
 * Windows has no call for listing named objects; the native one that WinObj
 * uses reads the session's folder in the kernel's tree of names. Every name
 * that means something has an index there (port_section.c), every `keep` object
 * a file.
 */

#include "win32.h"

#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#define DIRECTORY_QUERY_ONLY 0x0001
#define PREFIX L"uvshm-"
#define SUFFIX L".index"

/* NTSTATUS of a query that has more, that found no room for one, or nothing. */
#define STATUS_MORE ((LONG) 0x00000105)
#define STATUS_TOO_SMALL ((LONG) 0xC0000023)
#define STATUS_EMPTY ((LONG) 0x8000001A)

#define MOST_BYTES (16u << 20)
#define ROUNDS 4

typedef LONG(NTAPI* open_cb)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES);
typedef LONG(NTAPI* query_cb)(
    HANDLE, PVOID, ULONG, BOOLEAN, BOOLEAN, PULONG, PULONG);

/* What NtQueryDirectoryObject() writes: two strings for each entry. */
struct entry {
  UNICODE_STRING name;
  UNICODE_STRING type;
};

/* Full names of indexes, each once. */
struct names {
  wchar_t** items;
  size_t count;
  size_t room;
};


static int open_directory(HANDLE* directory, const wchar_t* path) {
  OBJECT_ATTRIBUTES attributes;
  UNICODE_STRING name;
  open_cb open;

  open = (open_cb) (void (*)(void)) uvshm__win_function(
      L"ntdll.dll", "NtOpenDirectoryObject");
  if (open == NULL) return UV_ENOTSUP;
  name.Buffer = (PWSTR) path;
  name.Length = (USHORT) (wcslen(path) * sizeof(*path));
  name.MaximumLength = name.Length;
  memset(&attributes, 0, sizeof(attributes));
  attributes.Length = sizeof(attributes);
  attributes.ObjectName = &name;
  return open(directory, DIRECTORY_QUERY_ONLY, &attributes) >= 0 ? 0
                                                                 : UV_EACCES;
}


/* Session 0, that of services, has its names at the root. */
static int open_scope(HANDLE* directory, uint32_t global) {
  wchar_t path[64];
  wchar_t digits[16];
  DWORD session = 0;

  if (!global) ProcessIdToSessionId(GetCurrentProcessId(), &session);
  if (session == 0) return open_directory(directory, L"\\BaseNamedObjects");
  _ultow(session, digits, 10);
  wcscpy(path, L"\\Sessions\\");
  wcscat(path, digits);
  wcscat(path, L"\\BaseNamedObjects");
  return open_directory(directory, path);
}


/* ---- what there is ------------------------------------------------------- */

static void names_free(struct names* names) {
  while (names->count > 0) free(names->items[--names->count]);
  free(names->items);
}


static int names_add(struct names* names, const wchar_t* name) {
  size_t room = names->room != 0 ? names->room * 2 : 64;
  wchar_t** items;
  size_t i;

  for (i = 0; i < names->count; i++)
    if (wcscmp(names->items[i], name) == 0) return 0;
  if (names->count == names->room) {
    items = realloc(names->items, room * sizeof(*items));
    if (items == NULL) return UV_ENOMEM;
    names->items = items;
    names->room = room;
  }
  names->items[names->count] = uvshm__win_join(name, NULL);
  if (names->items[names->count] == NULL) return UV_ENOMEM;
  names->count++;
  return 0;
}


/* Only what is called `uvshm-N.index`. */
static int add_entry(struct names* names, const struct entry* entry) {
  size_t count = entry->name.Length / sizeof(wchar_t);
  size_t tail = wcslen(SUFFIX);
  wchar_t name[300];

  if (count <= wcslen(PREFIX) + tail || count >= 300) return 0;
  memcpy(name, entry->name.Buffer, count * sizeof(*name));
  name[count] = L'\0';
  if (wcsncmp(name, PREFIX, wcslen(PREFIX)) != 0) return 0;
  if (wcscmp(name + count - tail, SUFFIX) != 0) return 0;
  return names_add(names, name);
}


/* All entries in one call, which sees one moment. 1: the buffer is too small;
 * UV_ENOSYS: it cannot (Wine 8). */
static int read_at_once(struct names* names,
                        HANDLE directory,
                        query_cb query,
                        ULONG size) {
  struct entry* entries = malloc(size);
  struct entry* at;
  ULONG context = 0;
  LONG status;
  int err = 0;

  if (entries == NULL) return UV_ENOMEM;
  status = query(directory, entries, size, FALSE, TRUE, &context, NULL);
  if (status == 0)
    for (at = entries; err == 0 && at->name.Buffer != NULL; at++)
      err = add_entry(names, at);
  free(entries);
  if (status == STATUS_MORE || status == STATUS_TOO_SMALL) return 1;
  if (status == STATUS_EMPTY) return 0;
  return status < 0 ? UV_ENOSYS : err;
}


/* Entry by entry. What is made and removed meanwhile shifts the others, so that
 * one comes twice and another not at all. */
static int read_one_by_one(struct names* names,
                           HANDLE directory,
                           query_cb query) {
  union {
    struct entry entry;
    unsigned char bytes[4096];
  } found;
  ULONG context = 0;
  int err = 0;

  while (err == 0 &&
         query(directory, &found, sizeof(found), TRUE, FALSE, &context, NULL) ==
             0)
    err = add_entry(names, &found.entry);
  return err;
}


static int read_directory(struct names* names, HANDLE directory) {
  ULONG size = 65536;
  query_cb query;
  int round;
  int err = 1;

  query = (query_cb) (void (*)(void)) uvshm__win_function(
      L"ntdll.dll", "NtQueryDirectoryObject");
  if (query == NULL) return UV_ENOTSUP;
  for (; err == 1 && size <= MOST_BYTES; size *= 2)
    err = read_at_once(names, directory, query, size);
  if (err == 0 || err == UV_ENOMEM) return err;
  for (round = 0, err = 0; err == 0 && round < ROUNDS; round++)
    err = read_one_by_one(names, directory, query);
  return err;
}

/* ---- telling it ---------------------------------------------------------- */

struct audience {
  int (*each)(void* arg, const char* name, const char* system_name);
  void* arg;
};


/* `name` is `uvshm-N.index`. */
static int tell_name(const struct audience* audience,
                     const wchar_t* scope,
                     const wchar_t* name) {
  size_t count = wcslen(name) - wcslen(PREFIX) - wcslen(SUFFIX);
  wchar_t* full = uvshm__win_join(scope, name, NULL);
  wchar_t* portable = uvshm__win_join(name + wcslen(PREFIX), NULL);
  char* system_name = NULL;
  char* text = NULL;
  int result = 0;

  if (full != NULL && portable != NULL &&
      uvshm__win_index_means_something(full)) {
    portable[count] = L'\0';
    if (uvshm__win_utf8(&system_name, full) == 0 &&
        uvshm__win_utf8(&text, portable) == 0)
      result = audience->each(audience->arg, text, system_name);
  }
  free(text);
  free(system_name);
  free(portable);
  free(full);
  return result;
}


static int tell_scope(const struct audience* audience, uint32_t global) {
  struct names names;
  HANDLE directory;
  size_t i;
  int result;

  memset(&names, 0, sizeof(names));
  result = open_scope(&directory, global);
  /* "All that can be seen": other scopes than one's own may be hidden. */
  if (result < 0) return global && result == UV_EACCES ? 0 : result;
  result = read_directory(&names, directory);
  CloseHandle(directory);
  for (i = 0; result == 0 && i < names.count; i++)
    result =
        tell_name(audience, global ? L"Global\\" : L"Local\\", names.items[i]);
  names_free(&names);
  return result;
}


int uvshm__port_each_name(const char* dir,
                          uint32_t system,
                          int (*each)(void* arg,
                                      const char* name,
                                      const char* system_name),
                          void* arg) {
  struct audience audience;
  uint32_t scope;
  int result = 0;

  if (dir != NULL) return UV_ENOTSUP;
  audience.each = each;
  audience.arg = arg;
  for (scope = 0; scope <= (system != 0) && result == 0; scope++) {
    result = tell_scope(&audience, scope);
    if (result == 0) result = uvshm__win_keep_each(scope, each, arg);
  }
  return result;
}

/* ---- find_system --------------------------------------------------------- */

/* `Local\uvshm-N.index` -> N, in place; NULL: it is none. */
static char* portable_name(char* system_name, uint32_t* system) {
  static const char* const scopes[] = {"Local\\uvshm-", "Global\\uvshm-"};
  size_t count = strlen(system_name);
  uint32_t i;

  if (count < 6 || strcmp(system_name + count - 6, ".index") != 0) return NULL;
  for (i = 0; i < 2; i++) {
    size_t head = strlen(scopes[i]);

    if (count <= head + 6 || strncmp(system_name, scopes[i], head) != 0)
      continue;
    system_name[count - 6] = '\0';
    *system = i;
    return system_name + head;
  }
  return NULL;
}


static int find_writable_or_not(struct uvshm__port_object* object,
                                struct uvshm__port_spec* spec,
                                uint32_t backing) {
  int err = uvshm__win_find_unowned(object, spec, backing);

  if (err != UV_EACCES) return err;
  spec->readonly = 1;
  return uvshm__win_find_unowned(object, spec, backing);
}


int uvshm__port_find_system(struct uvshm__port_object* object,
                            const char* system_name) {
  struct uvshm__port_spec spec;
  char* copy = malloc(strlen(system_name) + 1);
  int err;

  if (copy == NULL) return UV_ENOMEM;
  strcpy(copy, system_name);
  memset(&spec, 0, sizeof(spec));
  spec.origin = UVSHM__PORT_NAMED;
  spec.name = portable_name(copy, &spec.system);
  if (spec.name != NULL) {
    err = find_writable_or_not(object, &spec, UVSHM__WIN_SECTION);
  } else {
    spec.name = system_name;
    err = find_writable_or_not(object, &spec, UVSHM__WIN_FILE);
  }
  free(copy);
  return err;
}
