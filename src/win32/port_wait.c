/* SPDX-License-Identifier: MIT */

/* Sleeping on a word that other processes change.
 *
 * Windows has no futex between processes: WaitOnAddress() and keyed events wake
 * threads of their own process only. So a sleeper sleeps on the named event of
 * its lane, and whoever changes the word looks up, in the segment, which lanes
 * wait for it and sets their events.
 *
 *   sleeper                             waker
 *   writes "lane L waits for W" (core)  changes W
 *   opens event L                       finds lane L (core)
 *   looks at W once more                opens event L, sets it
 *   sleeps
 *
 * When the waker finds no event, the sleeper has not looked at W yet and will
 * see the change. When it finds one, the event stays set until the sleeper
 * comes (auto-reset). A set event that nobody needed any more makes one later
 * sleep return at once, which is allowed.
 *
 * Handles are kept: those of our own lanes until the lane ends, those of others
 * in a small cache, where lane L has place L modulo its size.
 */

#include "win32.h"

#include <stdlib.h>


static HANDLE lane_event(struct uvshm__win* win, uint32_t lane, int make) {
  const DWORD access = SYNCHRONIZE | EVENT_MODIFY_STATE;
  SECURITY_ATTRIBUTES attributes = uvshm__win_attributes(win->beside);
  wchar_t name[UVSHM__WIN_TEXT];

  uvshm__win_event_name(name, win, L".lane", lane);
  if (!make) return OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
  return CreateEventExW(&attributes, name, 0, access);
}


/* Nobody closes the event of a lane but its own thread (forget), so it may be
 * waited for without the lock. */
static HANDLE own_event(struct uvshm__win* win, uint32_t lane) {
  struct uvshm__win_lane* at;
  HANDLE event = NULL;

  AcquireSRWLockExclusive(&win->lock);
  for (at = win->sleepers; at != NULL && at->lane != lane; at = at->next) {
  }
  if (at == NULL) {
    at = calloc(1, sizeof(*at));
    if (at != NULL) {
      at->event = lane_event(win, lane, 1);
      at->lane = lane;
      if (at->event != NULL) {
        at->next = win->sleepers;
        win->sleepers = at;
      } else {
        free(at);
        at = NULL;
      }
    }
  }
  if (at != NULL) event = at->event;
  ReleaseSRWLockExclusive(&win->lock);
  return event;
}


int uvshm__port_wait(struct uvshm__port_object* object,
                     const uvshm__a32_t* word,
                     uint32_t value,
                     uint32_t lane,
                     uint32_t timeout_ms) {
  HANDLE event = own_event(uvshm__win_of(object), lane);
  DWORD got;

  if (timeout_ms == INFINITE) timeout_ms = INFINITE - 1;
  /* Only now, with the event there to be found by whoever changes it. */
  if (uvshm__a32_load_seq_cst(word) != value) return 0;
  if (event == NULL) { /* no memory: nobody can wake us, so sleep little */
    Sleep(timeout_ms < 1 ? timeout_ms : 1);
    return timeout_ms <= 1 ? UV_ETIMEDOUT : 0;
  }
  got = WaitForSingleObject(event, timeout_ms);
  return got == WAIT_TIMEOUT ? UV_ETIMEDOUT : 0;
}


/* Setting happens under the lock, since another waker may put another lane in
 * this place of the cache and close the handle. */
void uvshm__port_wake(struct uvshm__port_object* object,
                      const uvshm__a32_t* word,
                      uint32_t lane,
                      uint32_t count) {
  struct uvshm__win* win = uvshm__win_of(object);
  struct uvshm__win_lane* at = &win->wakers[lane % UVSHM__WIN_WAKERS];

  (void) word;
  if (count == 0) return;
  AcquireSRWLockExclusive(&win->lock);
  if (at->event == NULL || at->lane != lane) {
    if (at->event != NULL) CloseHandle(at->event);
    at->event = lane_event(win, lane, 0);
    at->lane = lane;
  }
  if (at->event != NULL) SetEvent(at->event);
  ReleaseSRWLockExclusive(&win->lock);
}


void uvshm__port_wait_forget(struct uvshm__port_object* object, uint32_t lane) {
  struct uvshm__win* win = uvshm__win_of(object);
  struct uvshm__win_lane** at;
  struct uvshm__win_lane* found;

  AcquireSRWLockExclusive(&win->lock);
  for (at = &win->sleepers; *at != NULL && (*at)->lane != lane;)
    at = &(*at)->next;
  found = *at;
  if (found != NULL) {
    *at = found->next;
    CloseHandle(found->event);
    free(found);
  }
  ReleaseSRWLockExclusive(&win->lock);
}


void uvshm__win_wait_close(struct uvshm__win* win) {
  struct uvshm__win_lane* next;
  uint32_t i;

  AcquireSRWLockExclusive(&win->lock);
  for (; win->sleepers != NULL; win->sleepers = next) {
    next = win->sleepers->next;
    CloseHandle(win->sleepers->event);
    free(win->sleepers);
  }
  for (i = 0; i < UVSHM__WIN_WAKERS; i++) {
    if (win->wakers[i].event != NULL) CloseHandle(win->wakers[i].event);
    win->wakers[i].event = NULL;
  }
  ReleaseSRWLockExclusive(&win->lock);
}
