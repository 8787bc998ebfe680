/* SPDX-License-Identifier: MIT */

/* Views of memory, and what may be asked for of a range of one.
 *
 * A section of the pagefile was made as large as it may become, so any part of
 * it can be mapped, and touching what does not exist yet is an access
 * violation. A file gets a section for each mapping; Windows maps no byte
 * beyond the end of a file, so a managed file is made longer (sparse, without
 * content) and of a plain one only what there is gets mapped.
 */

#include "win32.h"

#include "base/align.h"

#include <string.h>

typedef BOOL(WINAPI* prefetch_cb)(HANDLE, ULONG_PTR, PVOID, ULONG);

/* WIN32_MEMORY_RANGE_ENTRY, since Windows 8. */
struct range {
  void* addr;
  SIZE_T size;
};


static DWORD view_access(uint32_t access) {
  if (access == UVSHM__PORT_WRITE) return FILE_MAP_READ | FILE_MAP_WRITE;
  if (access == UVSHM__PORT_COPY) return FILE_MAP_COPY;
  return FILE_MAP_READ;
}


static int protection(uint32_t access, DWORD* protect) {
  switch (access) {
    case UVSHM__PORT_NONE:
      *protect = PAGE_NOACCESS;
      return 0;
    case UVSHM__PORT_READ:
      *protect = PAGE_READONLY;
      return 0;
    case UVSHM__PORT_WRITE:
      *protect = PAGE_READWRITE;
      return 0;
    case UVSHM__PORT_COPY:
      *protect = PAGE_WRITECOPY;
      return 0;
    default:
      return UV_EINVAL;
  }
}

/* ---- map ----------------------------------------------------------------- */

static void* map_once(HANDLE section,
                      uint64_t offset,
                      uint64_t size,
                      uint32_t access) {
  if (size > SIZE_MAX) {
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
  }
  return MapViewOfFile(section,
                       view_access(access),
                       (DWORD) (offset >> 32),
                       (DWORD) offset,
                       (SIZE_T) size);
}


/* Halve until it fits or is less than `at_least`. */
static int map_section(struct uvshm__port_view* view,
                       HANDLE section,
                       uint64_t offset,
                       uint64_t size,
                       uint64_t at_least,
                       uint32_t access) {
  const uint64_t page = uvshm__port_page_size();
  void* addr;
  DWORD error;

  for (;;) {
    addr = map_once(section, offset, size, access);
    if (addr != NULL) break;
    error = GetLastError();
    if (error != ERROR_NOT_ENOUGH_MEMORY && error != ERROR_INVALID_ADDRESS &&
        error != ERROR_NO_SYSTEM_RESOURCES &&
        error != ERROR_COMMITMENT_LIMIT) /* copy-on-write has to be backed */
      return uvshm__win_error(error);
    if (size <= at_least) return UV_ENOMEM;
    size = size / 2 & ~(page - 1);
    if (size < at_least) size = at_least;
  }
  view->addr = addr;
  view->size = size;
  view->offset = offset;
  view->carrier = 0;
  view->access = access;
  view->huge = 0;
  return 0;
}


/* A section over as much of the file as is wanted, or as there is. */
static int section_of_file(HANDLE* section,
                           struct uvshm__win* win,
                           const struct uvshm__port_object* object,
                           uint64_t offset,
                           uint64_t* size,
                           uint64_t at_least,
                           uint32_t access) {
  DWORD protect = PAGE_READWRITE;
  uint64_t end;
  uint64_t present;
  int err;

  if (!uvshm__add(offset, *size, &end)) return UV_EINVAL;
  if (object->origin != UVSHM__PORT_RAW_FILE && !object->readonly) {
    err = uvshm__win_file_reach(win->file, end);
    if (err < 0) return err;
  }
  err = uvshm__win_file_size(win->file, &present);
  if (err < 0) return err;
  if (end > present) {
    /* The rest of the last page is there, and zeros. */
    if (present <= offset || at_least > present - offset + 65535)
      return uvshm__fail(UV_EINVAL, "the file is shorter than that");
    *size = present - offset;
  }

  if (object->readonly)
    protect = access == UVSHM__PORT_COPY ? PAGE_WRITECOPY : PAGE_READONLY;
  *section = CreateFileMappingW(win->file, NULL, protect, 0, 0, NULL);
  return *section != NULL ? 0 : uvshm__win_last_error();
}


int uvshm__port_map(struct uvshm__port_view* view,
                    struct uvshm__port_object* object,
                    uint64_t offset,
                    uint64_t size,
                    uint64_t at_least,
                    uint32_t access,
                    uint32_t wants) {
  struct uvshm__win* win = uvshm__win_of(object);
  HANDLE section = win->data;
  DWORD unused;
  int err;

  /* Huge pages must be asked for when a section is made, and need a privilege;
   * a claim needs no mapping. */
  (void) wants;
  if (protection(access, &unused) < 0) return UV_EINVAL;
  if (object->readonly && access == UVSHM__PORT_WRITE) return UV_EACCES;
  if (win->backing == UVSHM__WIN_FILE) {
    err =
        section_of_file(&section, win, object, offset, &size, at_least, access);
    if (err < 0) return err;
    if (at_least > size) at_least = size;
  }
  err = map_section(view, section, offset, size, at_least, access);
  if (win->backing == UVSHM__WIN_FILE) CloseHandle(section);
  if (err == 0 && access == UVSHM__PORT_NONE)
    err = uvshm__port_protect(view->addr, view->size, UVSHM__PORT_NONE);
  return err;
}


void uvshm__port_unmap(struct uvshm__port_view* view) {
  if (view->addr != NULL) UnmapViewOfFile(view->addr);
  memset(view, 0, sizeof(*view));
}


/* There are no forks. */
int uvshm__port_remap(struct uvshm__port_view* view) {
  (void) view;
  return 0;
}

/* ---- a range ------------------------------------------------------------- */

/* A view that was mapped copy-on-write stays so: "write" means that there. */
static int is_copy(void* addr) {
  MEMORY_BASIC_INFORMATION info;

  return VirtualQuery(addr, &info, sizeof(info)) != 0 &&
         info.AllocationProtect == PAGE_WRITECOPY;
}


int uvshm__port_protect(void* addr, uint64_t size, uint32_t access) {
  DWORD protect;
  DWORD before;
  DWORD error;
  int err = protection(access, &protect);

  if (err < 0) return err;
  if (protect == PAGE_READWRITE && is_copy(addr)) protect = PAGE_WRITECOPY;
  if (VirtualProtect(addr, (SIZE_T) size, protect, &before)) return 0;
  error = GetLastError();
  /* What a read-only view says when it is to be widened. */
  if (error == ERROR_INVALID_PARAMETER) return UV_EACCES;
  return uvshm__win_error(error);
}


int uvshm__port_sync(struct uvshm__port_object* object,
                     void* addr,
                     uint64_t size,
                     int wait) {
  struct uvshm__win* win = uvshm__win_of(object);

  if (win->backing != UVSHM__WIN_FILE) return 0;
  if (!FlushViewOfFile(addr, (SIZE_T) size)) return uvshm__win_last_error();
  /* The view's pages are on their way now; this waits for them, and for the
   * file's size. A read-only handle may not, and has nothing to write. */
  if (wait && !object->readonly && !FlushFileBuffers(win->file))
    return uvshm__win_last_error();
  return 0;
}


static void touch(unsigned char* addr, uint64_t size, int writable) {
  const uint64_t page = uvshm__port_page_size();
  uint64_t at;

  for (at = 0; at < size; at += page) {
    if (writable) /* changes nothing, and races with nobody */
      InterlockedOr((volatile LONG*) (void*) (addr + at), 0);
    else
      (void) *(volatile unsigned char*) (addr + at);
  }
}


int uvshm__port_prefault(void* addr, uint64_t size, int writable) {
  struct range range;
  prefetch_cb prefetch;

  prefetch = (prefetch_cb) (void (*)(void)) uvshm__win_function(
      L"kernel32.dll", "PrefetchVirtualMemory");
  range.addr = addr;
  range.size = (SIZE_T) size;
  /* Reads from the disk in large pieces; the pages come with the touch. */
  if (prefetch != NULL) prefetch(GetCurrentProcess(), 1, (PVOID) &range, 0);
  touch(addr, size, writable);
  return 0;
}


/* The working set has a limit, and by default it is some 200 pages. */
static int widen_working_set(uint64_t size) {
  HANDLE process = GetCurrentProcess();
  SIZE_T least;
  SIZE_T most;

  if (!GetProcessWorkingSetSize(process, &least, &most)) return 0;
  if (size > SIZE_MAX / 2) return 0;
  return SetProcessWorkingSetSize(
      process, least + (SIZE_T) size, most + (SIZE_T) size);
}


int uvshm__port_pin(void* addr, uint64_t size) {
  if (VirtualLock(addr, (SIZE_T) size)) return 0;
  if (GetLastError() == ERROR_WORKING_SET_QUOTA && widen_working_set(size) &&
      VirtualLock(addr, (SIZE_T) size))
    return 0;
  return uvshm__win_last_error();
}


int uvshm__port_huge(void* addr, uint64_t size, uint32_t* got) {
  (void) addr;
  (void) size;
  *got = 0;
  return 0;
}


int uvshm__port_takes_calls(const struct uvshm__port_object* object) {
  (void) object;
  return 0;
}


int uvshm__port_read_at(struct uvshm__port_object* object,
                        uint64_t at,
                        void* bytes,
                        size_t size) {
  (void) object;
  (void) at;
  (void) bytes;
  (void) size;
  return UV_ENOTSUP;
}


int uvshm__port_write_at(struct uvshm__port_object* object,
                         uint64_t at,
                         const void* bytes,
                         size_t size) {
  (void) object;
  (void) at;
  (void) bytes;
  (void) size;
  return UV_ENOTSUP;
}
