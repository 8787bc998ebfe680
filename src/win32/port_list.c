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

typedef LONG(NTAPI* open_cb)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES);
typedef LONG(NTAPI* query_cb)(
    HANDLE, PVOID, ULONG, BOOLEAN, BOOLEAN, PULONG, PULONG);

/* What NtQueryDirectoryObject() writes: two strings for each entry. */
struct entry {
  UNICODE_STRING name;
  UNICODE_STRING type;
};

struct walk {
  int (*each)(void* arg, const char* name, const char* system_name);
  void* arg;
  const wchar_t* scope;
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


/* `name` is `uvshm-N.index`, whole. */
static int tell_name(const struct walk* walk,
                     const wchar_t* name,
                     size_t count) {
  wchar_t* full = uvshm__win_join(walk->scope, name, NULL);
  wchar_t* portable = uvshm__win_join(name + wcslen(PREFIX), NULL);
  char* system_name = NULL;
  char* text = NULL;
  int result = 0;

  if (full != NULL && portable != NULL &&
      uvshm__win_index_means_something(full)) {
    portable[count - wcslen(PREFIX) - wcslen(SUFFIX)] = L'\0';
    if (uvshm__win_utf8(&system_name, full) == 0 &&
        uvshm__win_utf8(&text, portable) == 0)
      result = walk->each(walk->arg, text, system_name);
  }
  free(text);
  free(system_name);
  free(portable);
  free(full);
  return result;
}


static int visit(const struct walk* walk, const struct entry* entry) {
  size_t count = entry->name.Length / sizeof(wchar_t);
  size_t tail = wcslen(SUFFIX);
  wchar_t name[300];

  if (count <= wcslen(PREFIX) + tail || count >= 300) return 0;
  memcpy(name, entry->name.Buffer, count * sizeof(*name));
  name[count] = L'\0';
  if (wcsncmp(name, PREFIX, wcslen(PREFIX)) != 0) return 0;
  if (wcscmp(name + count - tail, SUFFIX) != 0) return 0;
  return tell_name(walk, name, count);
}


static int walk_scope(const struct walk* walk, uint32_t global) {
  union {
    struct entry entry;
    unsigned char bytes[4096];
  } found;
  HANDLE directory;
  ULONG context = 0;
  query_cb query;
  int result;

  query = (query_cb) (void (*)(void)) uvshm__win_function(
      L"ntdll.dll", "NtQueryDirectoryObject");
  if (query == NULL) return UV_ENOTSUP;
  result = open_scope(&directory, global);
  if (result < 0) return result;
  while (result == 0 &&
         query(directory, &found, sizeof(found), TRUE, FALSE, &context, NULL) ==
             0)
    result = visit(walk, &found.entry);
  CloseHandle(directory);
  return result;
}


int uvshm__port_each_name(uint32_t system,
                          int (*each)(void* arg,
                                      const char* name,
                                      const char* system_name),
                          void* arg) {
  struct walk walk;
  uint32_t scope;
  int result = 0;

  walk.each = each;
  walk.arg = arg;
  for (scope = 0; scope <= (system != 0) && result == 0; scope++) {
    walk.scope = scope ? L"Global\\" : L"Local\\";
    result = walk_scope(&walk, scope);
    if (result == 0) result = uvshm__win_keep_each(scope, each, arg);
  }
  return result;
}

/* ---- find_system ----------------------------------------------------------- */

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
