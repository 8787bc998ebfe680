/* SPDX-License-Identifier: MIT */

/* native: a Win32 mutex by its exact name, which programs that know nothing of
 * uvshm make and take with CreateMutex and WaitForSingleObject.
 *
 * Beside it each handle has an event without a name, which ends its waits. The
 * mutex comes first in the wait, so a cancelled handle still gets a free lock.
 */

#include "win32.h"

#include <stdlib.h>

/* One wait of Windows is shorter than what `timeout_ms` can say. */
#define LONGEST_WAIT_MS 0x7ffffff0u

/* Querying and giving back are the same right. */
#define ACCESS (SYNCHRONIZE | MUTEX_MODIFY_STATE)

/* NtQueryMutant(), which Windows has had since NT and documents nowhere. The
 * second class came with Vista; Wine 8 has it not. */
#define MUTANT_BASIC 0
#define MUTANT_OWNER 1

struct mutant_basic {
  LONG count; /* 1: free; 0: held; -1: held twice ... */
  BOOLEAN own;
  BOOLEAN abandoned;
};

struct mutant_owner {
  HANDLE process;
  HANDLE thread;
};

typedef LONG(NTAPI* query_mutant)(HANDLE, int, void*, ULONG, ULONG*);


static HANDLE mutex_of(const struct uvshm__port_native* native) {
  return (HANDLE) native->os[0];
}


static HANDLE cancel_of(const struct uvshm__port_native* native) {
  return (HANDLE) native->os[1];
}


static int refused(DWORD error) {
  if (error == ERROR_INVALID_HANDLE)
    return uvshm__fail(UV_EPROTOTYPE, "the name is no mutex's");
  if (error == ERROR_PATH_NOT_FOUND)
    return uvshm__fail(UV_EINVAL,
                       "Windows knows no such folder of names; there are "
                       "Local\\ and Global\\");
  return uvshm__win_error(error);
}


/* The rights count when it is made. They are asked for anew when it was there,
 * because CreateMutexEx() then gives what was asked for or fails. */
static int open_mutex(HANDLE* mutex,
                      const wchar_t* name,
                      const struct uvshm__port_spec* spec,
                      uint32_t make,
                      uint32_t* made) {
  SECURITY_ATTRIBUTES attributes;
  PSECURITY_DESCRIPTOR rights;
  DWORD error;
  int err;

  if (!make) {
    *mutex = OpenMutexW(ACCESS, FALSE, name);
    return *mutex != NULL ? 0 : refused(GetLastError());
  }
  err = uvshm__win_rights_new(&rights, spec);
  if (err < 0) return err;
  attributes = uvshm__win_attributes(rights);
  *mutex = CreateMutexExW(&attributes, name, 0, ACCESS);
  error = GetLastError();
  LocalFree(rights);
  if (*mutex == NULL) return refused(error);
  *made = error != ERROR_ALREADY_EXISTS;
  return 0;
}


int uvshm__port_native_open(struct uvshm__port_native* native,
                            const struct uvshm__port_spec* spec,
                            uint32_t make,
                            uint32_t* made) {
  uint32_t is_new = 0;
  HANDLE mutex = NULL;
  HANDLE cancel;
  wchar_t* name;
  int err;

  err = uvshm__win_wide(&name, spec->name);
  if (err < 0) return err;
  err = open_mutex(&mutex, name, spec, make, &is_new);
  free(name);
  if (err < 0) return err;
  cancel = CreateEventW(NULL, TRUE, FALSE, NULL);
  if (cancel == NULL) {
    err = uvshm__win_last_error();
    CloseHandle(mutex);
    return err;
  }
  native->os[0] = (intptr_t) mutex;
  native->os[1] = (intptr_t) cancel;
  *made = is_new;
  return 0;
}


void uvshm__port_native_close(struct uvshm__port_native* native) {
  CloseHandle(cancel_of(native));
  CloseHandle(mutex_of(native));
}


/* 0: the time is over. */
static DWORD slice(uint64_t deadline, uint64_t timeout_ms) {
  uint64_t now;

  if (timeout_ms == UINT64_MAX) return LONGEST_WAIT_MS;
  now = uvshm__port_now_ms();
  if (now >= deadline) return 0;
  return deadline - now < LONGEST_WAIT_MS ? (DWORD) (deadline - now)
                                          : LONGEST_WAIT_MS;
}


int uvshm__port_native_lock(struct uvshm__port_native* native,
                            uint64_t timeout_ms) {
  HANDLE both[2] = {mutex_of(native), cancel_of(native)};
  uint64_t deadline = 0;
  DWORD wait = 0;

  for (;;) {
    DWORD got = WaitForMultipleObjects(wait == 0 ? 1 : 2, both, FALSE, wait);

    if (got == WAIT_OBJECT_0) return 0;
    if (got == WAIT_ABANDONED_0) return 1;
    if (got == WAIT_OBJECT_0 + 1) return UV_ECANCELED;
    if (got != WAIT_TIMEOUT) return uvshm__win_last_error();
    if (timeout_ms == 0) return UV_EBUSY;
    if (deadline == 0 && timeout_ms != UINT64_MAX) {
      deadline = uvshm__port_now_ms() + timeout_ms;
      if (deadline < timeout_ms) deadline = UINT64_MAX - 1;
    }
    wait = slice(deadline, timeout_ms);
    if (wait == 0) return UV_ETIMEDOUT;
  }
}


int uvshm__port_native_unlock(struct uvshm__port_native* native) {
  if (ReleaseMutex(mutex_of(native))) return 0;
  if (GetLastError() == ERROR_NOT_OWNER) return UV_EPERM;
  return uvshm__win_last_error();
}


void uvshm__port_native_cancel(struct uvshm__port_native* native) {
  SetEvent(cancel_of(native));
}


static query_mutant query(void) {
  return (query_mutant) (void (*)(void)) uvshm__win_function(L"ntdll.dll",
                                                             "NtQueryMutant");
}


int uvshm__port_native_read(const struct uvshm__port_native* native,
                            struct uvshm__port_native_facts* facts) {
  query_mutant ask = query();
  struct mutant_basic basic;
  struct mutant_owner owner;

  if (ask == NULL) return UV_ENOTSUP;
  if (ask(mutex_of(native), MUTANT_BASIC, &basic, sizeof(basic), NULL) < 0)
    return UV_EACCES;
  facts->depth = basic.count < 1 ? (uint32_t) (1 - basic.count) : 0;
  facts->own = facts->depth != 0 && basic.own;
  facts->owner_died = facts->depth == 0 && basic.abandoned;
  facts->owner_pid = 0;
  if (facts->own)
    facts->owner_pid = uvshm__port_pid();
  else if (facts->depth != 0 &&
           ask(mutex_of(native), MUTANT_OWNER, &owner, sizeof(owner), NULL) >=
               0)
    facts->owner_pid = (uint32_t) (uintptr_t) owner.process;
  return 0;
}
