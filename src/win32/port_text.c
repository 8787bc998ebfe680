/* SPDX-License-Identifier: MIT */

/* UTF-8 outside, UTF-16 inside, and Windows' error numbers as UV_E codes. */

#include "win32.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifndef ERROR_DISK_QUOTA_EXCEEDED /* mingw */
# define ERROR_DISK_QUOTA_EXCEEDED 1295L
#endif

/* libuv has a table of its own. These are the ones that mean something else in
 * front of shared memory, or that it does not know. */
static const struct {
  DWORD error;
  int code;
} codes[] = {
    {ERROR_FILE_NOT_FOUND, UV_ENOENT},
    {ERROR_PATH_NOT_FOUND, UV_ENOENT},
    {ERROR_ACCESS_DENIED, UV_EACCES},
    {ERROR_PRIVILEGE_NOT_HELD, UV_EACCES},
    {ERROR_SHARING_VIOLATION, UV_EBUSY},
    {ERROR_LOCK_VIOLATION, UV_EBUSY},
    {ERROR_USER_MAPPED_FILE, UV_EBUSY},
    {ERROR_DELETE_PENDING, UV_EBUSY},
    {ERROR_ALREADY_EXISTS, UV_EEXIST},
    {ERROR_FILE_EXISTS, UV_EEXIST},
    {ERROR_DISK_FULL, UV_ENOSPC},
    {ERROR_HANDLE_DISK_FULL, UV_ENOSPC},
    {ERROR_DISK_QUOTA_EXCEEDED, UV_ENOSPC},
    {ERROR_COMMITMENT_LIMIT, UV_ENOSPC},
    {ERROR_COMMITMENT_MINIMUM, UV_ENOSPC},
    {ERROR_FILE_TOO_LARGE, UV_ENOSPC},
    {ERROR_NO_SYSTEM_RESOURCES, UV_ENOMEM},
    {ERROR_NOT_ENOUGH_MEMORY, UV_ENOMEM},
    {ERROR_OUTOFMEMORY, UV_ENOMEM},
    {ERROR_WORKING_SET_QUOTA, UV_ENOMEM},
    {ERROR_TOO_MANY_OPEN_FILES, UV_EMFILE},
    {ERROR_NO_MORE_USER_HANDLES, UV_EMFILE},
    {ERROR_INVALID_HANDLE, UV_EINVAL},
    {ERROR_INVALID_NAME, UV_EINVAL},
    {ERROR_BAD_PATHNAME, UV_EINVAL},
    {ERROR_INVALID_PARAMETER, UV_EINVAL},
    {ERROR_INVALID_ADDRESS, UV_ENOMEM},
    {ERROR_NOT_SUPPORTED, UV_ENOTSUP},
    {ERROR_INVALID_FUNCTION, UV_ENOTSUP},
    {ERROR_CALL_NOT_IMPLEMENTED, UV_ENOTSUP},
};


int uvshm__win_error(DWORD error) {
  size_t i;
  int code;

  for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
    if (codes[i].error == error) return codes[i].code;
  code = uv_translate_sys_error((int) error);
  return code < 0 ? code : UV_UNKNOWN;
}


int uvshm__win_last_error(void) {
  return uvshm__win_error(GetLastError());
}


int uvshm__win_wide(wchar_t** result, const char* utf8) {
  int count;
  wchar_t* wide;

  count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, NULL, 0);
  if (count <= 0) return uvshm__fail(UV_EINVAL, "the name is not valid UTF-8");
  wide = malloc((size_t) count * sizeof(*wide));
  if (wide == NULL) return UV_ENOMEM;
  MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, wide, count);
  *result = wide;
  return 0;
}


int uvshm__win_utf8(char** result, const wchar_t* wide) {
  int count;
  char* utf8;

  count = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
  if (count <= 0) return UV_EINVAL;
  utf8 = malloc((size_t) count);
  if (utf8 == NULL) return UV_ENOMEM;
  WideCharToMultiByte(CP_UTF8, 0, wide, -1, utf8, count, NULL, NULL);
  *result = utf8;
  return 0;
}


wchar_t* uvshm__win_join(const wchar_t* first, ...) {
  const wchar_t* part;
  wchar_t* joined;
  size_t count = 1;
  va_list parts;

  va_start(parts, first);
  for (part = first; part != NULL; part = va_arg(parts, const wchar_t*))
    count += wcslen(part);
  va_end(parts);

  joined = malloc(count * sizeof(*joined));
  if (joined == NULL) return NULL;
  joined[0] = L'\0';
  va_start(parts, first);
  for (part = first; part != NULL; part = va_arg(parts, const wchar_t*))
    wcscat(joined, part);
  va_end(parts);
  return joined;
}


void uvshm__win_hex(wchar_t text[33], const uint64_t value[2]) {
  static const wchar_t digits[] = L"0123456789abcdef";
  int i;

  for (i = 0; i < 32; i++)
    text[i] = digits[(value[i / 16] >> (60 - 4 * (i % 16))) & 15];
  text[32] = L'\0';
}


FARPROC uvshm__win_function(const wchar_t* dll, const char* name) {
  HMODULE module = GetModuleHandleW(dll);

  /* By full search of the system folder alone: a DLL of that name beside the
   * program is not what is meant. */
  if (module == NULL)
    module = LoadLibraryExW(dll, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  return module != NULL ? GetProcAddress(module, name) : NULL;
}
