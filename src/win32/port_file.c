/* SPDX-License-Identifier: MIT */

/* Memory that is a file: the caller's own, or one of ours for an object with
 * lifetime `keep`, which Windows has no other place for.
 *
 * The name of the file is the name of the object. A new file is made under
 * another name and renamed when it is complete, and to unlink is to rename and
 * then delete: Windows may refuse to delete what somebody has mapped, but it
 * lets it be renamed, so the name is free at once in any case.
 *
 *   P.uvshm-<random>.new --publish--> P --unlink--> P.uvshm-<random>.gone
 *
 * What a dead maker or a refused deletion leaves behind is swept away by later
 * calls; a file that somebody has open is never touched. All handles share
 * reading, writing and deleting.
 *
 * The file of a managed object is sparse and as long as it may ever become, so
 * that one view reaches all of it; what exists is what was written, if only
 * with zeros (port_grow.c).
 *
 * A file is told from another by volume and number, and its gate is named after
 * them, so that two paths to one file lead to one gate.
 */

#include "file.h"

#include "base/hash.h"
#include "port_caps.h"

#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

/* ---- one file ------------------------------------------------------------ */

int uvshm__win_full_path(wchar_t** path, const char* given) {
  wchar_t* wide;
  wchar_t* full;
  DWORD count;
  int err;

  err = uvshm__win_wide(&wide, given);
  if (err < 0) return err;
  count = GetFullPathNameW(wide, 0, NULL, NULL);
  full = malloc(((size_t) count + 1) * sizeof(*full));
  if (full == NULL)
    err = UV_ENOMEM;
  else if (count == 0 || GetFullPathNameW(wide, count, full, NULL) >= count)
    err = UV_EINVAL;
  free(wide);
  if (err == 0 && count < 200) {
    *path = full;
    return 0;
  }
  /* Behind the prefix a path may be longer than 260, with what we append. */
  if (err == 0) {
    *path = uvshm__win_join(
        wcsncmp(full, L"\\\\", 2) == 0 ? L"" : L"\\\\?\\", full, NULL);
    if (*path == NULL) err = UV_ENOMEM;
  }
  free(full);
  return err;
}


static HANDLE open_file(const wchar_t* path, DWORD access, DWORD flags) {
  HANDLE file = CreateFileW(path,
                            access,
                            SHARE_ALL,
                            NULL,
                            OPEN_EXISTING,
                            FILE_ATTRIBUTE_NORMAL | flags,
                            NULL);

  return file != INVALID_HANDLE_VALUE ? file : NULL;
}


static int is_link(HANDLE file) {
  FILE_ATTRIBUTE_TAG_INFO info;

  if (!GetFileInformationByHandleEx(
          file, FileAttributeTagInfo, &info, sizeof(info)))
    return 0;
  return (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
         (info.ReparseTag == IO_REPARSE_TAG_SYMLINK ||
          info.ReparseTag == IO_REPARSE_TAG_MOUNT_POINT);
}


static int is_folder(const wchar_t* path) {
  DWORD attributes = GetFileAttributesW(path);

  return attributes != INVALID_FILE_ATTRIBUTES &&
         (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}


/* Open what lies at `path`, if it is a file. */
static int open_memory(HANDLE* result, const wchar_t* path, int readonly) {
  DWORD access = GENERIC_READ | (readonly ? 0 : GENERIC_WRITE);
  HANDLE file = open_file(path, access, FILE_FLAG_OPEN_REPARSE_POINT);
  int link;

  if (file == NULL) {
    int err = uvshm__win_last_error();

    if (err == UV_EACCES && is_folder(path))
      return uvshm__fail(UV_EINVAL, "it is a folder");
    return err;
  }
  link = is_link(file);
  if (link || GetFileType(file) != FILE_TYPE_DISK) {
    CloseHandle(file);
    return uvshm__fail(UV_EINVAL,
                       link ? "it is a symbolic link" : "it is no file");
  }
  *result = file;
  return 0;
}


/* 128 bits that tell it from every other file of this machine. */
static int file_key(HANDLE file, uint64_t key[2]) {
  BY_HANDLE_FILE_INFORMATION old;
  FILE_ID_INFO info;

  /* ReFS has file numbers of 128 bits. */
  memset(&info, 0, sizeof(info));
  if (GetFileInformationByHandleEx(file, FileIdInfo, &info, sizeof(info))) {
    key[0] = info.VolumeSerialNumber;
    key[1] = uvshm__hash(&info.FileId, sizeof(info.FileId));
    return 0;
  }
  if (!GetFileInformationByHandle(file, &old)) return uvshm__win_last_error();
  key[0] = old.dwVolumeSerialNumber;
  key[1] = (uint64_t) old.nFileIndexHigh << 32 | old.nFileIndexLow;
  return 0;
}


int uvshm__win_file_size(HANDLE file, uint64_t* size) {
  LARGE_INTEGER value;

  if (!GetFileSizeEx(file, &value)) return uvshm__win_last_error();
  *size = (uint64_t) value.QuadPart;
  return 0;
}


int uvshm__win_file_resize(HANDLE file, uint64_t size) {
  FILE_END_OF_FILE_INFO end;

  end.EndOfFile.QuadPart = (LONGLONG) size;
  if (!SetFileInformationByHandle(file, FileEndOfFileInfo, &end, sizeof(end)))
    return uvshm__win_last_error();
  return 0;
}


/* Not every file system can; then the file takes its full length on the disk,
 * or is refused for lack of room. */
static void make_sparse(HANDLE file) {
  DWORD got;

  DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &got, NULL);
}


int uvshm__win_file_reach(HANDLE file, uint64_t size) {
  uint64_t present = 0;
  int err = uvshm__win_file_size(file, &present);

  if (err < 0 || present >= size) return err;
  make_sparse(file);
  return uvshm__win_file_resize(file, size);
}

/* ---- its gate ------------------------------------------------------------ */

static int open_gate(struct uvshm__win* win) {
  wchar_t hex[33];
  wchar_t* name;
  int err;

  err = uvshm__win_rights_beside(&win->beside, win->file, 1);
  if (err < 0) return err;
  uvshm__win_hex(hex, win->key);
  name = uvshm__win_join(L"Global\\uvshm-", hex, L".filegate", NULL);
  err = uvshm__win_gate_open(&win->file_gate, name, win->beside, 1);
  if (err < 0) return err;
  return uvshm__win_gate_take(&win->file_gate);
}


int uvshm__win_file_is_current(struct uvshm__win* win) {
  uint64_t key[2];
  HANDLE file;
  int same;

  if (win->temporary != NULL) return 0; /* before publish, after unlink */
  file =
      open_file(win->path, FILE_READ_ATTRIBUTES, FILE_FLAG_OPEN_REPARSE_POINT);
  if (file == NULL) return 0;
  same = file_key(file, key) == 0 && key[0] == win->key[0] &&
         key[1] == win->key[1];
  CloseHandle(file);
  return same;
}


int uvshm__win_file_find(struct uvshm__win* win,
                         const struct uvshm__port_spec* spec,
                         uint64_t* storage) {
  int err;

  err = open_memory(&win->file, win->path, (int) spec->readonly);
  if (err < 0) return err;
  if (win->keep && !win->system && !win->any_owner &&
      !uvshm__win_is_own(win->file, 1))
    return uvshm__fail(UV_EPERM, "another user has made what has this name");
  err = file_key(win->file, win->key);
  if (err == 0 && spec->origin != UVSHM__PORT_RAW_FILE) {
    err = open_gate(win);
    /* Renamed or replaced before we had the gate: look again. */
    if (err == 0 && !uvshm__win_file_is_current(win)) err = UV_EAGAIN;
  }
  if (err == 0) err = uvshm__win_file_size(win->file, storage);
  return err;
}

/* ---- making and removing ------------------------------------------------- */

static wchar_t* name_beside(const wchar_t* path, const wchar_t* suffix) {
  uint64_t number[2];
  wchar_t hex[33];

  if (uvshm__port_random(number, sizeof(number)) < 0) return NULL;
  uvshm__win_hex(hex, number);
  hex[16] = L'\0';
  return uvshm__win_join(path, L".uvshm-", hex, suffix, NULL);
}


/* What lies beside `path` and has no user any more. */
static void sweep_beside(const wchar_t* path) {
  wchar_t* mask = uvshm__win_join(path, L".uvshm-*", NULL);

  if (mask != NULL) uvshm__win_sweep(mask);
  free(mask);
}


static int create(struct uvshm__win* win, const struct uvshm__port_spec* spec) {
  SECURITY_ATTRIBUTES attributes;
  PSECURITY_DESCRIPTOR rights;
  int err;

  if (GetFileAttributesW(win->path) != INVALID_FILE_ATTRIBUTES)
    return is_folder(win->path) ? uvshm__fail(UV_EINVAL, "it is a folder")
                                : UV_EEXIST;
  win->temporary = name_beside(win->path, L".new");
  if (win->temporary == NULL) return UV_ENOMEM;
  err = uvshm__win_rights_new(&rights, spec);
  if (err < 0) return err;
  attributes = uvshm__win_attributes(rights);
  win->file = CreateFileW(win->temporary,
                          GENERIC_READ | GENERIC_WRITE | READ_CONTROL,
                          SHARE_ALL,
                          &attributes,
                          CREATE_NEW,
                          FILE_ATTRIBUTE_NORMAL,
                          NULL);
  if (win->file == INVALID_HANDLE_VALUE) {
    win->file = NULL;
    err = uvshm__win_last_error();
  }
  LocalFree(rights);
  return err;
}


int uvshm__win_file_make(struct uvshm__win* win,
                         const struct uvshm__port_spec* spec,
                         uint64_t size) {
  uint64_t reserve = spec->reserve > size ? spec->reserve : size;
  int err;

  sweep_beside(win->path);
  err = create(win, spec);
  if (err < 0) return err;
  if (spec->origin == UVSHM__PORT_RAW_FILE) {
    err = uvshm__win_file_resize(win->file, size);
  } else {
    make_sparse(win->file);
    err = uvshm__win_file_resize(win->file, reserve);
    if (err == 0) err = uvshm__win_file_zero(win->file, 0, size);
  }
  if (err == 0) err = file_key(win->file, win->key);
  if (err == 0 && spec->origin != UVSHM__PORT_RAW_FILE) err = open_gate(win);
  return err;
}


int uvshm__win_file_publish(struct uvshm__win* win) {
  if (!MoveFileExW(win->temporary, win->path, 0))
    return uvshm__win_last_error();
  free(win->temporary);
  win->temporary = NULL;
  return 0;
}


/* Whoever has it mapped keeps it: a file without a name, or with a name that
 * nobody looks for, until the last user is gone. */
int uvshm__win_file_unlink(struct uvshm__win* win) {
  wchar_t* gone = name_beside(win->path, L".gone");
  int err;

  if (gone == NULL) return UV_ENOMEM;
  if (!MoveFileExW(win->path, gone, 0)) {
    err = uvshm__win_last_error();
    free(gone);
    return err == UV_EACCES ? UV_EPERM : err;
  }
  DeleteFileW(gone);
  win->temporary = gone; /* tried again when we close */
  return 0;
}


/* Opened with no sharing at all, a file is nobody else's. */
static void delete_unused(const wchar_t* path) {
  HANDLE file =
      CreateFileW(path,
                  DELETE,
                  0,
                  NULL,
                  OPEN_EXISTING,
                  FILE_FLAG_DELETE_ON_CLOSE | FILE_FLAG_OPEN_REPARSE_POINT,
                  NULL);

  if (file != INVALID_HANDLE_VALUE) CloseHandle(file);
}


static int has_suffix(const wchar_t* text, const wchar_t* suffix) {
  size_t size = wcslen(text);
  size_t tail = wcslen(suffix);

  return size >= tail && wcscmp(text + size - tail, suffix) == 0;
}


void uvshm__win_sweep(const wchar_t* mask) {
  WIN32_FIND_DATAW found;
  const wchar_t* slash = wcsrchr(mask, L'\\');
  HANDLE search = FindFirstFileW(mask, &found);
  wchar_t* folder;
  wchar_t* path;

  if (search == INVALID_HANDLE_VALUE) return;
  folder = uvshm__win_join(mask, NULL);
  if (folder != NULL && slash != NULL) {
    folder[slash - mask + 1] = L'\0';
    do {
      if (!has_suffix(found.cFileName, L".new") &&
          !has_suffix(found.cFileName, L".gone"))
        continue;
      path = uvshm__win_join(folder, found.cFileName, NULL);
      if (path != NULL) delete_unused(path);
      free(path);
    } while (FindNextFileW(search, &found));
  }
  free(folder);
  FindClose(search);
}
