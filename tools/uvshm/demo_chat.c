/* SPDX-License-Identifier: MIT */

/* uvshm demo --chat: two terminals, lines both ways, nobody polls.
 *
 *   loop      stdin, signals; puts lines into the other side's ring
 *   listener  sleeps until there is news in our ring, and takes the lines out
 *   guard     sleeps on the other side's seat, and so learns of its end
 *
 * The two threads hand what they learn to the loop, which alone prints. A line
 * that is one zero byte means "I am here".
 */

#include "chat_input.h"
#include "chat_room.h"
#include "demo.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define NAME_DEFAULT "chat"
#define RETRY_MS 5

_Static_assert(CHAT_LINE_MAX <= ROOM_LINE_MAX, "a line fits into the ring");

enum event_kind {
  EVENT_LINE,
  EVENT_CAME,
  EVENT_LEFT,
  EVENT_DIED
};

/* Something to print, or a line to send. */
struct event {
  enum event_kind kind;
  uint32_t pid;
  uint32_t size;
  struct event* next;
  char bytes[];
};

struct chat {
  struct room room;
  struct chat_input input;
  uv_loop_t loop;
  uv_async_t async;
  uv_timer_t retry;
  struct signals signals;
  struct event* unsent; /* lines for the other side, oldest first */
  bool input_ended;
  bool closing; /* nothing is sent any more */
  bool warned;
  uv_thread_t listener;
  uv_thread_t guard;
  uv_sem_t look;     /* the guard is to see who sits there */
  uv_mutex_t taking; /* lines are taken and queued in one step */
  uv_mutex_t mutex;  /* guards the next two */
  struct event* events;
  bool over;
  int code;
};


static struct event* new_event(enum event_kind kind,
                               uint32_t pid,
                               const char* bytes,
                               uint32_t size) {
  struct event* event = text_alloc(sizeof *event + size + 1);
  event->kind = kind;
  event->pid = pid;
  event->size = size;
  if (size > 0) memcpy(event->bytes, bytes, size);
  return event;
}


static void append(struct event** list, struct event* event) {
  while (*list != NULL) list = &(*list)->next;
  *list = event;
}


static void drop_first(struct event** list) {
  struct event* first = *list;
  *list = first->next;
  free(first);
}


/* ---- the threads --------------------------------------------------------- */

static void post(struct chat* chat, struct event* event) {
  uv_mutex_lock(&chat->mutex);
  append(&chat->events, event);
  uv_mutex_unlock(&chat->mutex);
  uv_async_send(&chat->async);
}


static int take_lines(struct chat* chat) {
  char line[ROOM_LINE_MAX];
  int size;
  uv_mutex_lock(&chat->taking);
  while ((size = room_take(&chat->room, line)) > 0) {
    if (size == 1 && line[0] == '\0')
      uv_sem_post(&chat->look);
    else
      post(chat, new_event(EVENT_LINE, 0, line, (uint32_t) size));
  }
  uv_mutex_unlock(&chat->taking);
  return size;
}


static void listen_for_news(void* arg) {
  struct chat* chat = arg;
  do {
    if (take_lines(chat) < 0) break;
  } while (room_wait_news(&chat->room) >= 0);
}


static bool is_over(struct chat* chat) {
  uv_mutex_lock(&chat->mutex);
  bool over = chat->over;
  uv_mutex_unlock(&chat->mutex);
  return over;
}


static void guard_the_other(void* arg) {
  struct chat* chat = arg;
  for (;;) {
    uv_sem_wait(&chat->look);
    if (is_over(chat)) return;
    uint32_t pid = room_other(&chat->room);
    if (pid == 0) continue;
    post(chat, new_event(EVENT_CAME, pid, NULL, 0));
    int result = room_wait_gone(&chat->room);
    if (result < 0) return;
    take_lines(chat); /* its last words come before its end */
    bool died = result == UVSHM_OWNER_DIED;
    post(chat, new_event(died ? EVENT_DIED : EVENT_LEFT, pid, NULL, 0));
  }
}


/* ---- the loop ------------------------------------------------------------ */

static void finish(struct chat* chat, int code) {
  chat->code = code;
  uv_stop(&chat->loop);
}


static void show_line(const struct event* event) {
  char* text = text_escape_bytes(event->bytes, event->size);
  if (out_is_terminal())
    print("\r\033[K%s>%s %s\n", out_style(OUT_DIM), out_style(OUT_PLAIN), text);
  else
    print("%s\n", text);
  out_flush();
  free(text);
}


static void show(const struct event* event) {
  static const char* const words[] = {"", "is here", "left", "died"};
  if (event->kind == EVENT_LINE) {
    show_line(event);
    return;
  }
  if (args_quiet) return;
  say("%s%spid %" PRIu32 " %s%s\n",
      err_is_terminal() ? "\r\033[K" : "",
      err_style(event->kind == EVENT_DIED ? OUT_YELLOW : OUT_DIM),
      event->pid,
      words[event->kind],
      err_style(OUT_PLAIN));
}


static void on_events(uv_async_t* async) {
  struct chat* chat = async->data;
  uv_mutex_lock(&chat->mutex);
  struct event* events = chat->events;
  chat->events = NULL;
  uv_mutex_unlock(&chat->mutex);
  while (events != NULL) {
    show(events);
    drop_first(&events);
  }
}


static void on_retry(uv_timer_t* timer);


static void try_again(struct chat* chat) {
  uv_timer_start(&chat->retry, on_retry, RETRY_MS, 0);
}


/* The input is at its end. Lines that were typed are dropped with the room when
 * nobody came; lines out of a file or a pipe wait until they are taken. */
static void end_when_taken(struct chat* chat) {
  if (in_is_terminal() || room_is_taken(&chat->room)) {
    finish(chat, EXIT_OK);
    return;
  }
  try_again(chat);
}


/* The loop never waits: what cannot be put now is tried again a little
 * later. */
static void send_lines(struct chat* chat) {
  while (chat->unsent != NULL && !chat->closing) {
    struct event* first = chat->unsent;
    int err = room_put(&chat->room, first->bytes, first->size);
    if (err == UV_ENOBUFS && !chat->warned) {
      note("the other side is not reading: your lines wait");
      chat->warned = true;
    }
    if (err == UV_ENOBUFS || err == UV_EBUSY) {
      try_again(chat);
      return;
    }
    if (err < 0) {
      finish(chat, report(err));
      return;
    }
    drop_first(&chat->unsent);
  }
  chat->warned = false;
  if (chat->input_ended && !chat->closing) end_when_taken(chat);
}


static void on_retry(uv_timer_t* timer) {
  send_lines(timer->data);
}


static void on_line(void* data, const char* line, uint32_t size) {
  struct chat* chat = data;
  append(&chat->unsent, new_event(EVENT_LINE, 0, line, size));
  send_lines(chat);
}


static void on_end(void* data) {
  struct chat* chat = data;
  chat->input_ended = true;
  send_lines(chat);
}


static void on_signal(uv_signal_t* handle, int signal) {
  finish(handle->data, 128 + signal);
}


/* End the threads, whatever they wait for. */
static void stop_threads(struct chat* chat, bool both) {
  uv_mutex_lock(&chat->mutex);
  chat->over = true;
  uv_mutex_unlock(&chat->mutex);
  room_cancel(&chat->room);
  uv_sem_post(&chat->look);
  uv_thread_join(&chat->listener);
  if (both) uv_thread_join(&chat->guard);
}


static int start_threads(struct chat* chat) {
  int err = uv_thread_create(&chat->listener, listen_for_news, chat);
  if (err < 0) return err;
  err = uv_thread_create(&chat->guard, guard_the_other, chat);
  if (err < 0) stop_threads(chat, false);
  return err;
}


/* From "I am here" to the end, whoever brings it. */
static void run(struct chat* chat) {
  on_line(chat, "", 1);
  chat->input.on_line = on_line;
  chat->input.on_end = on_end;
  chat->input.data = chat;
  int err = chat_input_start(&chat->loop, &chat->input);
  if (err < 0)
    chat->code =
        report_as(EXIT_FAILED, "cannot read stdin: %s", uv_strerror(err));
  else
    uv_run(&chat->loop, UV_RUN_DEFAULT);
  stop_threads(chat, true);
  on_events(&chat->async);
}


static void open_loop(struct chat* chat) {
  uv_loop_init(&chat->loop);
  signals_watch(&chat->loop, &chat->signals, on_signal, chat);
  uv_async_init(&chat->loop, &chat->async, on_events);
  uv_timer_init(&chat->loop, &chat->retry);
  chat->async.data = chat->retry.data = chat;
  uv_mutex_init(&chat->mutex);
  uv_mutex_init(&chat->taking);
  uv_sem_init(&chat->look, 1); /* at once: somebody may sit there already */
}


static void close_loop(struct chat* chat) {
  chat->closing = true;
  chat->input.stopped = true;
  loop_finish(&chat->loop);
  while (chat->unsent != NULL) drop_first(&chat->unsent);
  uv_sem_destroy(&chat->look);
  uv_mutex_destroy(&chat->taking);
  uv_mutex_destroy(&chat->mutex);
}


static void talk(struct chat* chat, const char* name) {
  char* escaped = text_escape(name);
  bool usual = strcmp(name, NAME_DEFAULT) == 0;
  mention("in \"%s\" as number %d; the other one: uvshm demo --chat%s%s",
          escaped,
          chat->room.side + 1,
          usual ? "" : " ",
          usual ? "" : escaped);
  free(escaped);
  int err = start_threads(chat);
  if (err < 0)
    chat->code =
        report_as(EXIT_FAILED, "cannot start a thread: %s", uv_strerror(err));
  else
    run(chat);
}


int demo_chat(const struct args* args) {
  const char* name = args->count > 0 ? args->operands[0] : NAME_DEFAULT;
  struct chat* chat = text_alloc(sizeof *chat);
  open_loop(chat);
  int err = room_enter(&chat->room, name);
  if (err == UV_EBUSY)
    chat->code =
        report_as(EXIT_BUSY, "two are talking here already: choose a name");
  else if (err < 0)
    chat->code = report(err);
  else
    talk(chat, name);

  int code = chat->code;
  room_leave(&chat->room);
  close_loop(chat);
  free(chat);
  return code;
}
