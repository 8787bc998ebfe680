/* SPDX-License-Identifier: MIT */

/* A thread with a loop of its own waits for the signals. When one comes, it
 * cancels the wait in the library, and pokes the thread that may be in a system
 * call, again and again, because a poke just before the call is lost.
 */

#include "stop.h"
#include "plumbing.h"
#include "spawn.h"

#include <stddef.h>

#define POKE_MS 10
#define POKES_MAX 100

static struct {
  bool begun;
  uv_thread_t self; /* of the command */
  uv_thread_t thread;
  uv_loop_t loop;
  struct signals signals;
  uv_async_t end;
  uv_timer_t timer;
  int pokes;
  uv_mutex_t mutex; /* over the rest */
  int signal;
  void (*cancel)(void* object);
  void* object;
} stop;


/* The signal does now what it would have done. */
static void give_up(void) {
  int signal = stop.signal;
  for (size_t i = 0; i < SIGNALS_MAX; i++)
    if (stop.signals.handles[i].data != NULL)
      uv_signal_stop(&stop.signals.handles[i]);
  uv_kill(uv_os_getpid(), signal);
}


static void on_timer(uv_timer_t* timer) {
  (void) timer;
  if (stop.pokes++ < POKES_MAX)
    plumbing_poke(&stop.self);
  else
    give_up();
}


static void on_signal(uv_signal_t* handle, int signal) {
  (void) handle;
  uv_mutex_lock(&stop.mutex);
  bool again = stop.signal != 0;
  stop.signal = signal;
  if (!again && stop.cancel != NULL) stop.cancel(stop.object);
  uv_mutex_unlock(&stop.mutex);
  if (again)
    give_up();
  else
    uv_timer_start(&stop.timer, on_timer, 0, POKE_MS);
}


static void on_end(uv_async_t* async) {
  uv_stop(async->loop);
}


static void run(void* arg) {
  (void) arg;
  uv_run(&stop.loop, UV_RUN_DEFAULT);
}


void stop_begin(void) {
  if (on_windows() || stop.begun) return;
  stop.self = uv_thread_self();
  uv_mutex_init(&stop.mutex);
  uv_loop_init(&stop.loop);
  uv_async_init(&stop.loop, &stop.end, on_end);
  uv_timer_init(&stop.loop, &stop.timer);
  signals_watch(&stop.loop, &stop.signals, on_signal, &stop);
  stop.begun = uv_thread_create(&stop.thread, run, NULL) == 0;
  if (stop.begun) return;
  loop_finish(&stop.loop);
  uv_mutex_destroy(&stop.mutex);
}


void stop_cancels(void (*cancel)(void* object), void* object) {
  if (!stop.begun) return;
  uv_mutex_lock(&stop.mutex);
  stop.cancel = cancel;
  stop.object = object;
  if (stop.signal != 0) cancel(object);
  uv_mutex_unlock(&stop.mutex);
}


bool stop_came(void) {
  if (!stop.begun) return false;
  uv_mutex_lock(&stop.mutex);
  bool came = stop.signal != 0;
  uv_mutex_unlock(&stop.mutex);
  return came;
}


int stop_end(int code) {
  if (!stop.begun) return code;
  uv_async_send(&stop.end);
  uv_thread_join(&stop.thread);
  loop_finish(&stop.loop);
  uv_mutex_destroy(&stop.mutex);
  stop.begun = false;
  return stop.signal != 0 ? 128 + stop.signal : code;
}
