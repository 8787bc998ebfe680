/* SPDX-License-Identifier: MIT */

/* A watch in a program whose loop is SDL's: SDL waits for no descriptors, so a
 * thread does it and pushes an event. A game that draws 60 times a second needs
 * no thread: it calls uv_run(loop, UV_RUN_NOWAIT) in each frame. */

#include "foreign.h"

#include <SDL.h>

#ifdef _WIN32
# include <windows.h>
#else
# include <poll.h>
#endif

static uv_os_fd_t fd;
static Uint32 news; /* the event's number */
static SDL_atomic_t over;
static SDL_sem* seen; /* posted when the loop has had a turn */


static void wait_for_news(void) {
#ifdef _WIN32
  WaitForSingleObject(fd, 1000);
#else
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  poll(&entry, 1, 1000);
#endif
}


static int waiter(void* arg) {
  SDL_Event event;
  (void) arg;
  while (SDL_AtomicGet(&over) == 0) {
    wait_for_news();
    SDL_zero(event);
    event.type = news;
    SDL_PushEvent(&event);
    SDL_SemWait(seen);
  }
  return 0;
}


int main(int argc, char** argv) {
  SDL_Thread* thread;
  SDL_Event event;
  int result;

  if (foreign_is_child(argc, argv, &result)) return result;
  if (SDL_Init(SDL_INIT_EVENTS) != 0 || foreign_begin(&fd) < 0) return 1;
  news = SDL_RegisterEvents(1);
  seen = SDL_CreateSemaphore(0);
  result = foreign_turn();
  thread = SDL_CreateThread(waiter, "waiter", NULL);
  if (thread == NULL || seen == NULL) return 1;
  while (result == 0 && SDL_WaitEvent(&event)) {
    if (event.type != news) continue;
    result = foreign_turn();
    if (result != 0) SDL_AtomicSet(&over, 1);
    SDL_SemPost(seen);
  }
  SDL_AtomicSet(&over, 1);
  SDL_SemPost(seen);
  SDL_WaitThread(thread, NULL);
  SDL_DestroySemaphore(seen);
  SDL_Quit();
  return foreign_end();
}
