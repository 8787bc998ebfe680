/* SPDX-License-Identifier: MIT */

/* Who is attached, and is it alive? The kernel's answer, not a pid's.
 *
 * A slot is a named event, and creating it is taking the slot: CreateEvent
 * tells whether it was there already. Nothing is ever set or waited for. When
 * the process dies, by whatever hand, the kernel closes its handles, the event
 * goes and with it the name.
 *
 * A prober's handle keeps a dead slot's event alive for some microseconds. That
 * is a false "alive", which is only delay; a false "dead" cannot happen. What
 * may not be opened is there, so it is alive too.
 *
 * Readers have no slot. All peers, readers too, hold one more event, `life`;
 * if it is not there, nobody is.
 */

#include "win32.h"

#include <string.h>


#define SLOTS 65536u


/* 0: made, it is ours alone. UV_EBUSY: it was there. */
static int make_event(HANDLE* result,
                      const wchar_t* name,
                      PSECURITY_DESCRIPTOR rights) {
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(rights);
  HANDLE event;

  event =
      CreateEventExW(&attributes, name, CREATE_EVENT_MANUAL_RESET, SYNCHRONIZE);
  if (event == NULL)
    return GetLastError() == ERROR_ACCESS_DENIED ? UV_EBUSY
                                                 : uvshm__win_last_error();
  if (GetLastError() == ERROR_ALREADY_EXISTS) {
    CloseHandle(event);
    return UV_EBUSY;
  }
  *result = event;
  return 0;
}


/* Make or open: any number of processes hold it. */
static int share_event(HANDLE* result,
                       const wchar_t* name,
                       PSECURITY_DESCRIPTOR rights,
                       int* was_there) {
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(rights);
  HANDLE event;

  event =
      CreateEventExW(&attributes, name, CREATE_EVENT_MANUAL_RESET, SYNCHRONIZE);
  *was_there = GetLastError() == ERROR_ALREADY_EXISTS;
  if (event == NULL) return uvshm__win_last_error();
  *result = event;
  return 0;
}


static int add_life(struct uvshm__win* win) {
  wchar_t name[UVSHM__WIN_TEXT];
  int was_there;
  int err = 0;

  AcquireSRWLockExclusive(&win->lock);
  if (win->life == NULL) {
    uvshm__win_event_name(name, win, L".life", UINT32_MAX);
    err = share_event(&win->life, name, win->beside, &was_there);
  }
  if (err == 0) win->claims++;
  ReleaseSRWLockExclusive(&win->lock);
  return err;
}


static void remove_life(struct uvshm__win* win) {
  AcquireSRWLockExclusive(&win->lock);
  if (--win->claims == 0) {
    CloseHandle(win->life);
    win->life = NULL;
  }
  ReleaseSRWLockExclusive(&win->lock);
}


int uvshm__port_claim(struct uvshm__port_claim* claim,
                      struct uvshm__port_object* object,
                      uint32_t slot) {
  struct uvshm__win* win = uvshm__win_of(object);
  wchar_t name[UVSHM__WIN_TEXT];
  HANDLE event = NULL;
  int err;

  if (slot != UVSHM__PORT_READERS) {
    if (slot >= SLOTS) return UV_EINVAL;
    if (object->readonly) return UV_EACCES;
  }
  err = add_life(win);
  if (err < 0) return err;
  if (slot != UVSHM__PORT_READERS) {
    uvshm__win_event_name(name, win, L".peer", slot);
    err = make_event(&event, name, win->beside);
    if (err < 0) {
      remove_life(win);
      return err;
    }
  }
  InterlockedIncrement(&win->references);
  claim->os[0] = (intptr_t) event;
  claim->os[1] = (intptr_t) win;
  return 0;
}


/* The slot before the life: whoever finds nobody alive finds no slot taken. */
void uvshm__port_unclaim(struct uvshm__port_claim* claim) {
  struct uvshm__win* win = (struct uvshm__win*) claim->os[1];

  if (claim->os[0] != 0) CloseHandle((HANDLE) claim->os[0]);
  if (win != NULL) {
    remove_life(win);
    uvshm__win_unref(win);
  }
  memset(claim, 0, sizeof(*claim));
}


int uvshm__port_alive(struct uvshm__port_object* object,
                      uint32_t slot,
                      int* alive) {
  struct uvshm__win* win = uvshm__win_of(object);
  wchar_t name[UVSHM__WIN_TEXT];
  HANDLE event;

  if (slot >= SLOTS) return UV_EINVAL;
  uvshm__win_event_name(name, win, L".peer", slot);
  event = OpenEventW(SYNCHRONIZE, FALSE, name);
  *alive = event != NULL || GetLastError() != ERROR_FILE_NOT_FOUND;
  if (event != NULL) CloseHandle(event);
  return 0;
}


/* Our own hold on `life` is let go for a moment. Nobody draws a conclusion from
 * that: whoever asks has the gate, and the gate is ours. */
int uvshm__port_in_use(struct uvshm__port_object* object, int* used) {
  struct uvshm__win* win = uvshm__win_of(object);
  wchar_t name[UVSHM__WIN_TEXT];
  HANDLE event = NULL;
  int was_there = 1;
  int err;

  uvshm__win_event_name(name, win, L".life", UINT32_MAX);
  AcquireSRWLockExclusive(&win->lock);
  if (win->life != NULL) CloseHandle(win->life);
  win->life = NULL;
  err = share_event(&event, name, win->beside, &was_there);
  if (err == UV_EACCES) { /* another user's, and he is alive */
    was_there = 1;
    err = 0;
  }
  if (win->claims != 0)
    win->life = event;
  else if (event != NULL)
    CloseHandle(event);
  ReleaseSRWLockExclusive(&win->lock);
  if (err == 0) *used = was_there;
  return err;
}


/* Events are objects of one machine, and a file on a server is reached from
 * many. */
static int is_remote(HANDLE file) {
  typedef DWORD(WINAPI * path_cb)(HANDLE, LPWSTR, DWORD, DWORD);
  wchar_t path[32768 / 16];
  path_cb get;
  DWORD count;

  get = (path_cb) (void (*)(void)) uvshm__win_function(
      L"kernel32.dll", "GetFinalPathNameByHandleW");
  if (get == NULL) return 0;
  count = get(file, path, sizeof(path) / sizeof(path[0]), 0);
  return count > 8 && count < sizeof(path) / sizeof(path[0]) &&
         wcsncmp(path, L"\\\\?\\UNC\\", 8) == 0;
}


int uvshm__port_peer_test(struct uvshm__port_object* object) {
  struct uvshm__win* win = uvshm__win_of(object);
  struct uvshm__win probe;
  wchar_t name[UVSHM__WIN_TEXT];
  HANDLE event;
  HANDLE again;
  int err;

  if (win->backing == UVSHM__WIN_FILE && is_remote(win->file))
    return uvshm__fail(UV_ENOTSUP, "the file is on another machine");

  memset(&probe, 0, sizeof(probe));
  probe.global = win->global;
  err = uvshm__port_random(probe.id, sizeof(probe.id));
  if (err < 0) return err;
  uvshm__win_event_name(name, &probe, L".peer", 0);
  err = make_event(&event, name, win->beside);
  if (err < 0) return UV_ENOTSUP;
  if (make_event(&again, name, win->beside) != UV_EBUSY) err = UV_ENOTSUP;
  CloseHandle(event);
  event = OpenEventW(SYNCHRONIZE, FALSE, name);
  if (event != NULL) {
    CloseHandle(event);
    err = UV_ENOTSUP;
  }
  return err;
}
