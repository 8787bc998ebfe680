/* SPDX-License-Identifier: MIT */

/* Sections of other software, by their exact name: `Local\name`,
 * `Global\name`, or a bare name, which is the same as `Local\`. No gate, no
 * header, no growth. Windows tells the size rounded up to the page. */

#include "win32.h"

#include <stdlib.h>
#include <string.h>


/* The names of POSIX's oldest memory, which there is none of here. */
static int check_name(const struct uvshm__port_spec* spec) {
  if (strncmp(spec->name, "sysv:", 5) != 0) return 0;
  return uvshm__fail(UV_ENOTSUP, "there is no System V memory on Windows");
}


int uvshm__win_foreign_find(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t* storage) {
  DWORD access = FILE_MAP_READ | (spec->readonly ? 0 : FILE_MAP_WRITE);
  int err = check_name(spec);

  if (err < 0) return err;
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

  err = check_name(spec);
  if (err == 0) err = uvshm__win_rights_new(&rights, spec);
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


int uvshm__port_unlink_foreign(const char* name) {
  (void) name;
  return uvshm__fail(UV_ENOTSUP,
                     "a section of another program goes with its last user");
}


int uvshm__port_each_foreign(
    int (*each)(void* arg, const struct uvshm__port_foreign* foreign),
    void* arg) {
  (void) each;
  (void) arg;
  return UV_ENOTSUP;
}
