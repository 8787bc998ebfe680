/* SPDX-License-Identifier: MIT */

/* Memory of the pagefile: a name N, and its incarnations.
 *
 * Windows has no unlink: a section has its name until the last handle to it is
 * closed. So the section that is called N holds no data. It is an index, one
 * page that says which incarnation N means now, and the data of incarnation K
 * lies in a section N.K that is found through it. To unlink is to clear the
 * index: from then on N means nothing, a new incarnation may be made at once,
 * and whoever has the old one keeps it. Everybody who has any incarnation open
 * keeps the index open, so there is one index as long as there is anything.
 *
 *   index: published 0 --> key, then published 1 --> published 0 ...
 *
 * All of that happens under the gate. An index may name a K whose last user is
 * gone while users of older ones keep the index alive: then N means nothing.
 *
 * Data is a section of the whole reserve, of which only what was committed
 * exists (SEC_RESERVE, MEM_COMMIT); growing never moves anything.
 */

#include "win32.h"

#include "base/align.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_SIZE 4096

struct index_page {
  uint64_t key[2];
  uvshm__a32_t published; /* 1: `key` is whole and means something */
};


wchar_t* uvshm__win_section_name(const struct uvshm__win* win,
                                 const wchar_t* suffix) {
  return uvshm__win_join(win->system ? L"Global\\" : L"Local\\",
                         L"uvshm-",
                         win->name,
                         suffix,
                         NULL);
}


static wchar_t* data_name(const struct uvshm__win* win, const uint64_t key[2]) {
  wchar_t hex[33];
  wchar_t suffix[48];

  uvshm__win_hex(hex, key);
  wcscpy(suffix, L".");
  wcscat(suffix, hex);
  wcscat(suffix, L".data");
  return uvshm__win_section_name(win, suffix);
}

/* ---- index --------------------------------------------------------------- */

/* Something has our name, and it cannot be opened as asked. Whose is it? An
 * owner can always read the rights of what is his. */
static int denied(const wchar_t* name, int anybody) {
  HANDLE section = OpenFileMappingW(READ_CONTROL, FALSE, name);
  int own = 0;

  if (section != NULL) {
    own = uvshm__win_is_own(section, 0);
    CloseHandle(section);
  }
  if (own || anybody) return UV_EACCES;
  return uvshm__fail(UV_EPERM, "another user has made what has this name");
}


/* In the user's own scope nobody else's index is believed. */
static int check_owner(const struct uvshm__win* win) {
  if (win->system || win->any_owner || uvshm__win_is_own(win->index, 0))
    return 0;
  return uvshm__fail(UV_EPERM, "another user has made what has this name");
}


static int index_open(struct uvshm__win* win, int readonly) {
  DWORD access = FILE_MAP_READ | READ_CONTROL | (readonly ? 0 : FILE_MAP_WRITE);
  wchar_t* name = uvshm__win_section_name(win, L".index");
  int err = 0;

  if (name == NULL) return UV_ENOMEM;
  win->index = OpenFileMappingW(access, FALSE, name);
  if (win->index == NULL) {
    err = uvshm__win_last_error();
    if (err == UV_EACCES) err = denied(name, win->system || win->any_owner);
  }
  free(name);
  return err < 0 ? err : check_owner(win);
}


/* What exists is opened, not "created" once more: that would ask for all
 * rights, which a group has not. */
static int index_make(struct uvshm__win* win, PSECURITY_DESCRIPTOR rights) {
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(rights);
  wchar_t* name;
  int err = index_open(win, 0);

  if (err != UV_ENOENT) return err;
  err = 0;
  name = uvshm__win_section_name(win, L".index");
  if (name == NULL) return UV_ENOMEM;
  win->index = CreateFileMappingW(
      INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE, 0, INDEX_SIZE, name);
  if (win->index == NULL) {
    err = uvshm__win_last_error();
    if (err == UV_EACCES && win->system)
      err = uvshm__fail(UV_EACCES,
                        "a name in Global\\ needs the privilege "
                        "SeCreateGlobalPrivilege");
  } else {
    err = check_owner(win);
  }
  free(name);
  return err;
}


static struct index_page* index_map(const struct uvshm__win* win, int write) {
  return MapViewOfFile(win->index,
                       write ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ,
                       0,
                       0,
                       sizeof(struct index_page));
}


/* 0: `key` is what the name means; UV_ENOENT: it means nothing. With the gate
 * that stays so; without it, the key may be two halves of different ones. */
static int index_read(const struct uvshm__win* win, uint64_t key[2]) {
  struct index_page* page = index_map(win, 0);
  int err = UV_ENOENT;

  if (page == NULL) return uvshm__win_last_error();
  if (uvshm__a32_load_acquire(&page->published) == 1) {
    key[0] = page->key[0];
    key[1] = page->key[1];
    err = 0;
  }
  UnmapViewOfFile(page);
  return err;
}


/* Gate held. With `key` NULL the name means nothing from now on. A writer that
 * dies between the stores leaves "nothing". */
static int index_write(const struct uvshm__win* win, const uint64_t* key) {
  struct index_page* page = index_map(win, 1);

  if (page == NULL) return uvshm__win_last_error();
  uvshm__a32_store_seq_cst(&page->published, 0);
  if (key != NULL) {
    page->key[0] = key[0];
    page->key[1] = key[1];
    uvshm__a32_store_release(&page->published, 1);
  }
  UnmapViewOfFile(page);
  return 0;
}

/* ---- data ---------------------------------------------------------------- */

static int data_open(const struct uvshm__win* win,
                     const uint64_t key[2],
                     int readonly,
                     HANDLE* data) {
  DWORD access = FILE_MAP_READ | (readonly ? 0 : FILE_MAP_WRITE);
  wchar_t* name = data_name(win, key);
  int err = 0;

  if (name == NULL) return UV_ENOMEM;
  /* With the right to read the DACL, from which those of our events come. */
  *data = OpenFileMappingW(access | READ_CONTROL, FALSE, name);
  if (*data == NULL && GetLastError() == ERROR_ACCESS_DENIED)
    *data = OpenFileMappingW(access, FALSE, name);
  if (*data == NULL) err = uvshm__win_last_error();
  free(name);
  return err;
}


static int data_make(struct uvshm__win* win,
                     PSECURITY_DESCRIPTOR rights,
                     uint64_t reserve,
                     uint64_t size) {
  const uint64_t most = reserve + UVSHM__WIN_SPARE;
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(rights);
  wchar_t* name = NULL;
  int err;

  err = uvshm__port_random(win->key, sizeof(win->key));
  if (err < 0) return err;
  if (win->name != NULL) {
    name = data_name(win, win->key);
    if (name == NULL) return UV_ENOMEM;
  }
  win->data = CreateFileMappingW(INVALID_HANDLE_VALUE,
                                 &attributes,
                                 PAGE_READWRITE | SEC_RESERVE,
                                 (DWORD) (most >> 32),
                                 (DWORD) most,
                                 name);
  if (win->data == NULL)
    err = uvshm__win_last_error();
  else if (GetLastError() == ERROR_ALREADY_EXISTS)
    err = UV_EAGAIN; /* nobody is that unlucky, but somebody may be that evil */
  free(name);
  if (err < 0) return err;
  return uvshm__win_section_commit(win->data, 0, size);
}


/* How much of [offset, offset + chunk) exists, from its start. 0 when it cannot
 * be mapped, which is so behind the end as well. */
static uint64_t committed_run(HANDLE data, uint64_t offset, uint64_t chunk) {
  MEMORY_BASIC_INFORMATION info;
  uint64_t run = 0;
  void* view = MapViewOfFile(data,
                             FILE_MAP_READ,
                             (DWORD) (offset >> 32),
                             (DWORD) offset,
                             (SIZE_T) chunk);

  if (view == NULL) return 0;
  if (VirtualQuery(view, &info, sizeof(info)) != 0 && info.State == MEM_COMMIT)
    run = info.RegionSize;
  UnmapViewOfFile(view);
  return run;
}


int uvshm__win_section_size(HANDLE data, uint64_t* size) {
  uint64_t chunk = 0; /* all the rest, which address space may not hold */
  uint64_t at = 0;
  uint64_t run;

  for (;;) {
    run = committed_run(data, at, chunk);
    at += run;
    if (run == 0) {
      chunk = chunk == 0 ? UINT64_C(64) << 20 : chunk / 2;
      if (chunk < 65536) break;
    } else {
      if (chunk == 0 || run < chunk) break;
      chunk = 0;
    }
  }
  *size = at;
  return 0;
}

/* ---- what port_name.c calls ---------------------------------------------- */

int uvshm__win_section_find(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t* storage) {
  int readonly = (int) spec->readonly;
  wchar_t* gate;
  int err;

  err = index_open(win, readonly);
  if (err < 0) return err;
  err = index_read(win, win->key);
  if (err < 0) return err;

  /* Whoever has the index open has the gate open: if there is none, the last
   * one is just going. */
  gate = uvshm__win_section_name(win, L".gate");
  err = uvshm__win_gate_open(&win->name_gate, gate, NULL, 0);
  if (err == UV_ENOENT) return UV_EAGAIN;
  if (err == 0) err = uvshm__win_gate_take(&win->name_gate);
  if (err == 0) err = index_read(win, win->key);
  if (err == 0) err = data_open(win, win->key, readonly, &win->data);
  if (err == 0) err = uvshm__win_rights_beside(&win->beside, win->data, 0);
  if (err == 0) err = uvshm__win_section_size(win->data, storage);
  return err;
}


int uvshm__win_section_make(struct uvshm__win* win,
                            const struct uvshm__port_spec* spec,
                            uint64_t size) {
  uint64_t reserve = spec->reserve > size ? spec->reserve : size;
  PSECURITY_DESCRIPTOR rights;
  int err;

  if (win->name != NULL)
    err = uvshm__win_rights_new(&rights, spec);
  else
    err = uvshm__win_rights_anonymous(&rights);
  if (err < 0) return err;
  if (win->name == NULL) err = uvshm__win_rights_usual(&win->beside);
  if (win->name != NULL) {
    err = index_make(win, rights);
    if (err == 0 && uvshm__win_section_exists(win)) err = UV_EEXIST;
  }
  if (err == 0) err = data_make(win, rights, reserve, size);
  LocalFree(rights);
  return err;
}


int uvshm__win_section_publish(struct uvshm__win* win) {
  return win->name != NULL ? index_write(win, win->key) : 0;
}


/* The index alone proves nothing: users of older incarnations keep it too. */
int uvshm__win_section_exists(struct uvshm__win* win) {
  uint64_t key[2];
  HANDLE data = NULL;
  int had_index = win->index != NULL;
  int exists = 0;

  if (had_index || index_open(win, 1) == 0)
    exists =
        index_read(win, key) == 0 && data_open(win, key, 1, &data) != UV_ENOENT;
  if (data != NULL) CloseHandle(data);
  if (!had_index && win->index != NULL) {
    CloseHandle(win->index);
    win->index = NULL;
  }
  return exists;
}


int uvshm__win_index_means_something(const wchar_t* name) {
  struct uvshm__win win;
  uint64_t key[2];
  int err;

  memset(&win, 0, sizeof(win));
  win.index = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
  if (win.index == NULL) return GetLastError() != ERROR_FILE_NOT_FOUND;
  err = index_read(&win, key);
  CloseHandle(win.index);
  return err != UV_ENOENT;
}


int uvshm__win_section_is_current(struct uvshm__win* win) {
  uint64_t key[2];

  if (win->name == NULL) return 1;
  return index_read(win, key) == 0 && key[0] == win->key[0] &&
         key[1] == win->key[1];
}


int uvshm__win_section_unlink(struct uvshm__win* win) {
  return win->name != NULL ? index_write(win, NULL) : UV_ENOENT;
}
