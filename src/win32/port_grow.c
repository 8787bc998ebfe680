/* SPDX-License-Identifier: MIT */

/* Growing in place, and the two ways in which bytes come to exist.
 *
 * Of the pagefile: the section has its full size from the start, and pages are
 * committed. Committing twice is harmless, shows at once in every process's
 * view, and new pages are zeros; so any number of processes may do it at once.
 *
 * In a file: the file has its full length from the start, and zeros are written
 * over the new range, which takes the room on the disk or says ERROR_DISK_FULL.
 * Doing that twice would wipe out what the faster process has written there
 * meanwhile, so one process does it at a time, under a lock on one byte far
 * behind the end of the file. The kernel gives it back when the process dies.
 */

#include "file.h"

#include <string.h>
#include <winioctl.h>

/* Windows' byte locks keep others from reading and writing the byte: so this is
 * one that nobody has. */
#define LOCK_OFFSET_HIGH 0x3fffffff

static unsigned char zeros[65536]; /* never written; not const: .bss */


static void raise_committed(uvshm__a64_t* committed, uint64_t to) {
  uint64_t seen = uvshm__a64_load_acquire(committed);

  while (seen < to && !uvshm__a64_cas(committed, seen, to))
    seen = uvshm__a64_load_acquire(committed);
}

/* ---- pagefile ------------------------------------------------------------ */

static int commit(void* addr, uint64_t size, DWORD protect) {
  DWORD error;

  if (VirtualAlloc(addr, (SIZE_T) size, MEM_COMMIT, protect) != NULL) return 0;
  error = GetLastError();
  /* Memory and pagefile are full; that is no lack of address space. */
  if (error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_OUTOFMEMORY)
    return UV_ENOSPC;
  return uvshm__win_error(error);
}


/* `base` maps the section from `offset`. The word that says how much exists
 * lies in shared memory: anybody may have written anything. What it promises
 * must be there. */
static int commit_in(unsigned char* base,
                     uint64_t offset,
                     uint64_t from,
                     uint64_t to,
                     DWORD protect) {
  const uint64_t page = uvshm__port_page_size();
  MEMORY_BASIC_INFORMATION info;

  if (from != 0 &&
      (VirtualQuery(base + (from - page - offset), &info, sizeof(info)) == 0 ||
       info.State != MEM_COMMIT))
    return UV_EPROTO;
  return commit(base + (from - offset), to - from, protect);
}


/* Commit [from, to) through a view that is there for this alone; what is
 * committed stays so. The view reaches beyond `to`, into the spare granule at
 * the end if need be, because Wine forgets a commit that ends where its view
 * ends. */
int uvshm__win_section_commit(HANDLE data, uint64_t from, uint64_t to) {
  const uint64_t unit = uvshm__port_alignment();
  uint64_t before = from < unit ? 0 : (from - 1) / unit * unit;
  uint64_t size = to - before + UVSHM__WIN_SPARE;
  unsigned char* base;
  int err;

  if (size > SIZE_MAX) return UV_ENOMEM;
  base = MapViewOfFile(data,
                       FILE_MAP_WRITE,
                       (DWORD) (before >> 32),
                       (DWORD) before,
                       (SIZE_T) size);
  /* Denied: beyond the end of the section. */
  if (base == NULL)
    return GetLastError() == ERROR_ACCESS_DENIED ? UV_EPROTO
                                                 : uvshm__win_last_error();
  err = commit_in(base, before, from, to, PAGE_READWRITE);
  UnmapViewOfFile(base);
  return err;
}


/* Is [from - 1 page, to) inside the view, and may it be written? */
static int covers(const struct uvshm__port_view* view,
                  uint64_t from,
                  uint64_t to) {
  return view->addr != NULL && view->access == UVSHM__PORT_WRITE &&
         view->offset < from && to <= view->offset + view->size;
}


/* When address space is too short for a second view: in the caller's own. */
static int grow_section(struct uvshm__win* win,
                        struct uvshm__port_view* view,
                        uint64_t from,
                        uint64_t to) {
  int err = uvshm__win_section_commit(win->data, from, to);

  if (err == UV_ENOMEM && covers(view, from, to))
    err = commit_in(view->addr, view->offset, from, to, PAGE_READWRITE);
  return err;
}

/* ---- file ---------------------------------------------------------------- */

static int write_zeros(HANDLE file, uint64_t from, uint64_t to) {
  OVERLAPPED at;
  DWORD count;
  DWORD done;

  for (; from < to; from += done) {
    memset(&at, 0, sizeof(at));
    at.Offset = (DWORD) from;
    at.OffsetHigh = (DWORD) (from >> 32);
    count = to - from < sizeof(zeros) ? (DWORD) (to - from) : sizeof(zeros);
    if (!WriteFile(file, zeros, count, &done, &at))
      return uvshm__win_last_error();
    if (done == 0) return UV_ENOSPC;
  }
  return 0;
}


static void give_back(HANDLE file, uint64_t from, uint64_t to) {
  FILE_ZERO_DATA_INFORMATION range;
  DWORD got;

  range.FileOffset.QuadPart = (LONGLONG) from;
  range.BeyondFinalZero.QuadPart = (LONGLONG) to;
  DeviceIoControl(
      file, FSCTL_SET_ZERO_DATA, &range, sizeof(range), NULL, 0, &got, NULL);
}


int uvshm__win_file_zero(HANDLE file, uint64_t from, uint64_t to) {
  int err = write_zeros(file, from, to);

  if (err < 0) give_back(file, from, to);
  return err;
}


/* Blocks while another process grows: for as long as the disk takes. */
static int lock_growth(HANDLE file) {
  OVERLAPPED at;

  memset(&at, 0, sizeof(at));
  at.OffsetHigh = LOCK_OFFSET_HIGH;
  if (!LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &at))
    return uvshm__win_last_error();
  return 0;
}


static void unlock_growth(HANDLE file) {
  OVERLAPPED at;

  memset(&at, 0, sizeof(at));
  at.OffsetHigh = LOCK_OFFSET_HIGH;
  UnlockFileEx(file, 0, 1, 0, &at);
}


/* The process lock is for threads with one handle, which the byte lock may not
 * tell apart; `committed` is read anew under both. */
static int grow_file(struct uvshm__win* win,
                     uvshm__a64_t* committed,
                     uint64_t to) {
  uint64_t present = 0;
  uint64_t from;
  int err;

  AcquireSRWLockExclusive(&win->growth);
  err = lock_growth(win->file);
  if (err == 0) {
    from = uvshm__a64_load_acquire(committed);
    err = uvshm__win_file_size(win->file, &present);
    if (err == 0 && from > present) err = UV_EPROTO;
    if (err == 0) err = uvshm__win_file_reach(win->file, to);
    if (err == 0 && from < to) err = uvshm__win_file_zero(win->file, from, to);
    if (err == 0) raise_committed(committed, to);
    unlock_growth(win->file);
  }
  ReleaseSRWLockExclusive(&win->growth);
  return err;
}


/* Nothing to do, if the word is right. */
static int check_present(struct uvshm__win* win, uint64_t from) {
  uint64_t present = 0;
  int err;

  if (win->backing == UVSHM__WIN_FILE)
    err = uvshm__win_file_size(win->file, &present);
  else
    err = uvshm__win_section_size(win->data, &present);
  return err == 0 && from > present ? UV_EPROTO : err;
}


int uvshm__port_grow(struct uvshm__port_object* object,
                     struct uvshm__port_view* view,
                     uvshm__a64_t* committed,
                     uint64_t to) {
  struct uvshm__win* win = uvshm__win_of(object);
  uint64_t from = uvshm__a64_load_acquire(committed);
  int err;

  if (win->backing == UVSHM__WIN_FOREIGN ||
      object->origin == UVSHM__PORT_RAW_FILE)
    return UV_ENOTSUP;
  if (object->readonly) return UV_EACCES;
  if (from % uvshm__port_page_size() != 0) return UV_EPROTO;
  if (from >= to) return check_present(win, from);
  if (win->backing == UVSHM__WIN_FILE) return grow_file(win, committed, to);
  err = grow_section(win, view, from, to);
  if (err == 0) raise_committed(committed, to);
  return err;
}


/* A death in between leaves it long; the next last close cuts it. */
void uvshm__port_trim(struct uvshm__port_object* object, uint64_t to) {
  struct uvshm__win* win = uvshm__win_of(object);
  uint64_t present = 0;

  if (win->backing == UVSHM__WIN_FILE &&
      uvshm__win_file_size(win->file, &present) == 0 && present > to)
    (void) uvshm__win_file_resize(win->file, to);
}


/* Of the pagefile: the first page that is only reserved ends it. */
static int section_exists(const struct uvshm__port_view* view, uint64_t* size) {
  const unsigned char* base = view->addr;
  MEMORY_BASIC_INFORMATION info;
  uint64_t end = 0;

  while (end < view->size) {
    if (VirtualQuery(base + end, &info, sizeof(info)) == 0)
      return uvshm__win_last_error();
    if (info.State != MEM_COMMIT || info.RegionSize == 0) break;
    end += info.RegionSize;
  }
  *size = end;
  return 0;
}


int uvshm__port_exists(struct uvshm__port_object* object,
                       const struct uvshm__port_view* view,
                       uint64_t* size) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing == UVSHM__WIN_FOREIGN) return UV_ENOTSUP;
  if (win->backing == UVSHM__WIN_FILE)
    return uvshm__win_file_size(win->file, size);
  return section_exists(view, size);
}
