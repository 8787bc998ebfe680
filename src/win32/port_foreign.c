/* SPDX-License-Identifier: MIT */

/* Sections of other software, by their exact name: `Local\name`,
 * `Global\name`, or a bare name, which is the same as `Local\`. No gate, no
 * header, no growth. Windows tells the size rounded up to the page. */

#include "win32.h"

#include <stdlib.h>


int uvshm__win_foreign_find(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t* storage) {
  DWORD access = FILE_MAP_READ | (spec->readonly ? 0 : FILE_MAP_WRITE);

  win->data = OpenFileMappingW(access, FALSE, win->name);
  if (win->data == NULL) return uvshm__win_last_error();
  return uvshm__win_section_size(win->data, storage);
}


/* It has its name from the start: Windows cannot give it one later. */
int uvshm__win_foreign_make(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t size) {
  SECURITY_ATTRIBUTES attributes;
  PSECURITY_DESCRIPTOR rights;
  int err;

  err = uvshm__win_rights_new(&rights, spec);
  if (err < 0) return err;
  attributes = uvshm__win_attributes(rights);
  win->data = CreateFileMappingW(INVALID_HANDLE_VALUE,
                                 &attributes,
                                 PAGE_READWRITE,
                                 (DWORD) (size >> 32),
                                 (DWORD) size,
                                 win->name);
  if (win->data == NULL)
    err = uvshm__win_last_error();
  else if (GetLastError() == ERROR_ALREADY_EXISTS)
    err = UV_EEXIST;
  LocalFree(rights);
  return err;
}
