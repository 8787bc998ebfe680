/* SPDX-License-Identifier: MIT */

/* Bells: a named auto-reset event for each loop that watches something. Its
 * name has the object's id and the loop's number among those of its peer.
 *
 * A thread of the system's pool waits for the event and tells the loop. The
 * kernel clears up: an event goes with the last handle. A cached handle of who
 * rings may keep a dead loop's event; the next owner of the slot makes "a new
 * one", is given that, and all is well.
 */

#include "win32.h"

#include "port_caps.h"

#include <stdlib.h>

enum {
  OS_EVENT,
  OS_LISTENER /* struct listener*, or 0 */
};

struct listener {
  HANDLE wait;
  void (*rung)(void* arg);
  void* arg;
};


static HANDLE bell_event(struct uvshm__win* win, uint32_t loop, int make) {
  const DWORD access = SYNCHRONIZE | EVENT_MODIFY_STATE;
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(win->beside);
  wchar_t name[UVSHM__WIN_TEXT];

  uvshm__win_event_name(name, win, L".bell", loop);
  if (!make) return OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
  return CreateEventExW(&attributes, name, 0, access);
}


static uint32_t loop_of(uint32_t slot, uint32_t number) {
  return slot * UVSHM__BELLS_LIMIT + number;
}


int uvshm__port_bell_open(struct uvshm__port_bell* bell,
                          struct uvshm__port_object* object,
                          uint32_t slot,
                          uint32_t number) {
  HANDLE event = bell_event(uvshm__win_of(object), loop_of(slot, number), 1);

  if (event == NULL) return uvshm__win_last_error();
  (void) ResetEvent(event); /* what a predecessor was rung for */
  bell->os[OS_EVENT] = (intptr_t) event;
  bell->os[OS_LISTENER] = 0;
  return 0;
}


void uvshm__port_bell_close(struct uvshm__port_bell* bell, int remove) {
  (void) remove;
  CloseHandle((HANDLE) bell->os[OS_EVENT]);
  bell->os[OS_EVENT] = 0;
}


/* As uvshm__port_wake(). */
void uvshm__port_bell_ring(struct uvshm__port_object* object,
                           uint32_t slot,
                           uint32_t generation,
                           uint32_t number) {
  struct uvshm__win* win = uvshm__win_of(object);
  uint32_t loop = loop_of(slot, number);
  struct uvshm__win_lane* at =
      &win->ringers[(slot + number * 5) % UVSHM__WIN_WAKERS];

  (void) generation;
  AcquireSRWLockExclusive(&win->lock);
  if (at->event == NULL || at->lane != loop) {
    if (at->event != NULL) CloseHandle(at->event);
    at->event = bell_event(win, loop, 0);
    at->lane = loop;
  }
  if (at->event != NULL) (void) SetEvent(at->event);
  ReleaseSRWLockExclusive(&win->lock);
}


void uvshm__win_bells_close(struct uvshm__win* win) {
  uint32_t i;

  AcquireSRWLockExclusive(&win->lock);
  for (i = 0; i < UVSHM__WIN_WAKERS; i++) {
    if (win->ringers[i].event != NULL) CloseHandle(win->ringers[i].event);
    win->ringers[i].event = NULL;
  }
  ReleaseSRWLockExclusive(&win->lock);
}


void uvshm__port_bell_sweep(struct uvshm__port_object* object,
                            uint32_t slot,
                            uint32_t count) {
  (void) object;
  (void) slot;
  (void) count;
}


int uvshm__port_bell_fileno(const struct uvshm__port_bell* bell, intptr_t* os) {
  *os = bell->os[OS_EVENT];
  return 0;
}


/* Auto-reset: to have waited for it is to have answered. */
void uvshm__port_bell_answer(struct uvshm__port_bell* bell) {
  (void) WaitForSingleObject((HANDLE) bell->os[OS_EVENT], 0);
}


static VOID CALLBACK on_event(PVOID parameter, BOOLEAN timed_out) {
  struct listener* listener = parameter;

  (void) timed_out;
  listener->rung(listener->arg);
}


int uvshm__port_bell_listen(struct uvshm__port_bell* bell,
                            void (*rung)(void* arg),
                            void* arg) {
  struct listener* listener = malloc(sizeof(*listener));

  if (listener == NULL) return UV_ENOMEM;
  listener->rung = rung;
  listener->arg = arg;
  /* In the waiting thread itself, since `rung` is short. */
  if (!RegisterWaitForSingleObject(&listener->wait,
                                   (HANDLE) bell->os[OS_EVENT],
                                   on_event,
                                   listener,
                                   INFINITE,
                                   WT_EXECUTEINWAITTHREAD)) {
    free(listener);
    return uvshm__win_last_error();
  }
  bell->os[OS_LISTENER] = (intptr_t) listener;
  return 0;
}


/* Waits for a call that is under way. */
void uvshm__port_bell_ignore(struct uvshm__port_bell* bell) {
  struct listener* listener = (struct listener*) bell->os[OS_LISTENER];

  if (listener == NULL) return;
  (void) UnregisterWaitEx(listener->wait, INVALID_HANDLE_VALUE);
  free(listener);
  bell->os[OS_LISTENER] = 0;
}
