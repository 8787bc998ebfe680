/* SPDX-License-Identifier: MIT */

/* top on a terminal: one loop with a timer, the keyboard and the signals. Every
 * event changes what is to be shown and draws it. The screen is written in one
 * piece over the old one, line by line, so that nothing flickers.
 *
 * The terminal is given back in one place, at the end of top_screen(), which
 * every key and every signal that ends us leads to. A crash gives it back too
 * (terminal.h); only SIGKILL does not, and `reset` is for that.
 */

#include "keys.h"
#include "names.h"
#include "out.h"
#include "report.h"
#include "spawn.h"
#include "terminal.h"
#include "text.h"
#include "top.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define LINES_AROUND 4 /* heading, empty, headings of columns, help */
#define END_OF_LINE "\033[K\r\n"
#define REVERSE "\033[7m"

struct screen {
  struct top_run* run;
  struct top_sample now;
  struct top_sample before;
  uv_loop_t loop;
  uv_tty_t keyboard;
  uv_timer_t timer;
  uv_signal_t resized;
  uv_signal_t continued;
  struct signals signals;
  struct keys keys;
  char chunk[64];
  int rows;     /* of the latest table */
  int selected; /* row */
  int first;    /* row on the screen */
  bool paused;
  bool taken; /* the terminal is ours to draw on */
  int code;
};

/* ---- drawing ------------------------------------------------------------- */

static int room(void) {
  int lines = out_height() - LINES_AROUND;
  return lines > 1 ? lines : 1;
}


static void keep_in_sight(struct screen* screen) {
  int lines = room();
  if (screen->selected >= screen->rows) screen->selected = screen->rows - 1;
  if (screen->selected < 0) screen->selected = 0;
  if (screen->first > screen->selected) screen->first = screen->selected;
  if (screen->first < screen->selected - lines + 1)
    screen->first = screen->selected - lines + 1;
  if (screen->first > screen->rows - lines)
    screen->first = screen->rows - lines;
  if (screen->first < 0) screen->first = 0;
}


/* Takes `text`. */
static void print_line(char* text, enum out_style style, const char* end) {
  char* cut = text_cut(text, out_width());
  print("%s%s%s%s", out_style(style), cut, out_style(OUT_PLAIN), end);
  free(cut);
  free(text);
}


static char* heading(const struct screen* screen) {
  char* summary = top_summary(&screen->now);
  char* text = text_format(
      "uvshm top: %s%s", summary, screen->paused ? " (paused)" : "");
  free(summary);
  return text;
}


static char* help(const struct screen* screen) {
  return text_format(
      "q quit  s sort (%s)  r reverse%s  arrows move  p peers  space %s  "
      "+ - every %.1f s",
      top_order_names[screen->run->view.order],
      screen->run->view.reverse ? " (on)" : "",
      screen->paused ? "go on" : "pause",
      (double) screen->run->delay_ms / 1000);
}


static void draw(struct screen* screen) {
  if (!screen->taken) return;
  struct table* table =
      top_table(&screen->now, &screen->run->view, &screen->rows);
  keep_in_sight(screen);
  print("\033[H");
  print_line(heading(screen), OUT_BOLD, END_OF_LINE END_OF_LINE);
  const struct table_part part = {.first = screen->first,
                                  .count = room(),
                                  .marked = screen->selected,
                                  .mark = REVERSE,
                                  .end = "\033[0m" END_OF_LINE};
  table_print_part(table, &part);
  table_free(table);
  if (screen->now.count == 0)
    print_line(text_copy("There is nothing yet."), OUT_DIM, END_OF_LINE);
  /* Below the rows nothing; the last line without its end, which would
   * scroll. */
  print("\033[J\033[%d;1H", out_height());
  print_line(help(screen), OUT_DIM, "\033[K");
  out_flush();
}

/* ---- samples ------------------------------------------------------------- */

static void stop(struct screen* screen, int code) {
  screen->code = code;
  uv_stop(&screen->loop);
}


static void sort(struct screen* screen) {
  top_sort(&screen->now, &screen->run->view);
}


static void take(struct screen* screen) {
  struct top_sample next;
  int err = top_take(&next, screen->run->args);
  if (err < 0) {
    stop(screen, err);
    return;
  }
  top_free(&screen->before);
  screen->before = screen->now;
  screen->now = next;
  top_measure(&screen->now, &screen->before);
  sort(screen);
}


static void on_timer(uv_timer_t* timer) {
  struct screen* screen = timer->data;
  uv_timer_start(timer, on_timer, screen->run->delay_ms, 0);
  if (screen->paused) return;
  take(screen);
  draw(screen);
  if (!out_is_good()) stop(screen, EXIT_FAILED);
  if (screen->run->left != UINT64_MAX && --screen->run->left == 0)
    stop(screen, EXIT_OK);
}

/* ---- the terminal -------------------------------------------------------- */

static int take_terminal(struct screen* screen) {
  int err = uv_tty_set_mode(&screen->keyboard, UV_TTY_MODE_RAW);
  if (err < 0) return err;
  print("%s", TERMINAL_TAKE);
  screen->taken = true;
  return 0;
}


static void give_terminal(struct screen* screen) {
  if (!screen->taken) return;
  screen->taken = false;
  print("%s", TERMINAL_GIVE);
  out_flush();
  uv_tty_set_mode(&screen->keyboard, UV_TTY_MODE_NORMAL);
}


static void suspend(struct screen* screen) {
  give_terminal(screen);
  terminal_suspend();
  if (take_terminal(screen) < 0) stop(screen, EXIT_FAILED);
  draw(screen);
}


static void on_end(uv_signal_t* signal, int number) {
  struct screen* screen = signal->data;
  stop(screen, number == SIGINT ? EXIT_INTERRUPTED : 128 + number);
}


static void on_resized(uv_signal_t* signal, int number) {
  (void) number;
  draw(signal->data);
}


/* Somebody stopped us from outside, and whoever had the terminal meanwhile left
 * it in his own mode. */
static void on_continued(uv_signal_t* signal, int number) {
  struct screen* screen = signal->data;
  (void) number;
  if (!screen->taken || !terminal_is_ours()) return;
  give_terminal(screen);
  if (take_terminal(screen) < 0) stop(screen, EXIT_FAILED);
  draw(screen);
}

/* ---- keys ---------------------------------------------------------------- */

static void change_order(struct screen* screen, int by) {
  int order = (int) screen->run->view.order + by;
  screen->run->view.order = (enum top_order)((order + TOP_ORDERS) % TOP_ORDERS);
  sort(screen);
}


static void change_delay(struct screen* screen, bool slower) {
  static const uint64_t steps[] = {100, 200, 500, 1000, 2000, 5000, 10000};
  const int count = (int) (sizeof steps / sizeof steps[0]);
  uint64_t* delay = &screen->run->delay_ms;
  int i = 0;
  while (i < count - 1 && steps[i] < *delay) i++;
  if (slower && steps[i] <= *delay && i < count - 1) i++;
  if (!slower && steps[i] >= *delay && i > 0) i--;
  *delay = steps[i];
  uv_timer_start(&screen->timer, on_timer, *delay, 0);
}


static void on_letter(struct screen* screen, int key) {
  switch (key) {
    case 'q':
      stop(screen, EXIT_OK);
      break;
    case KEY_INTERRUPT:
      stop(screen, EXIT_INTERRUPTED);
      break;
    case KEY_SUSPEND:
      suspend(screen);
      break;
    case 's':
      change_order(screen, 1);
      break;
    case 'r':
      screen->run->view.reverse = !screen->run->view.reverse;
      sort(screen);
      break;
    case 'p':
      screen->run->view.all_peers = !screen->run->view.all_peers;
      break;
    case ' ':
      screen->paused = !screen->paused;
      break;
    case '+':
    case '-':
      change_delay(screen, key == '+');
      break;
    default:
      break;
  }
}


static void on_key(void* data, int key) {
  struct screen* screen = data;
  switch (key) {
    case KEY_UP:
      screen->selected--;
      break;
    case KEY_DOWN:
      screen->selected++;
      break;
    case KEY_PAGE_UP:
      screen->selected -= room();
      break;
    case KEY_PAGE_DOWN:
      screen->selected += room();
      break;
    case KEY_HOME:
      screen->selected = 0;
      break;
    case KEY_END:
      screen->selected = screen->rows - 1;
      break;
    case KEY_LEFT:
    case KEY_RIGHT:
      change_order(screen, key == KEY_RIGHT ? 1 : -1);
      break;
    default:
      on_letter(screen, key);
      break;
  }
}


static void on_room(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  struct screen* screen = handle->data;
  (void) suggested;
  *buf = uv_buf_init(screen->chunk, sizeof screen->chunk);
}


static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
  struct screen* screen = stream->data;
  if (count < 0) {
    stop(screen, EXIT_OK); /* the terminal is gone */
    return;
  }
  keys_take(&screen->keys, buf->base, (size_t) count, on_key, screen);
  draw(screen);
}

/* ---- begin and end ------------------------------------------------------- */

static void watch_signal(struct screen* screen,
                         uv_signal_t* signal,
                         uv_signal_cb callback,
                         int number) {
  uv_signal_init(&screen->loop, signal);
  signal->data = screen;
  if (number != 0) uv_signal_start(signal, callback, number);
}


static int begin(struct screen* screen) {
#ifdef SIGCONT
  const int continued = SIGCONT;
#else
  const int continued = 0;
#endif
  int err = uv_tty_init(&screen->loop, &screen->keyboard, 0, 1);
  if (err < 0) return err;
  screen->keyboard.data = screen;
  signals_watch(&screen->loop, &screen->signals, on_end, screen);
  watch_signal(screen, &screen->resized, on_resized, SIGWINCH);
  watch_signal(screen, &screen->continued, on_continued, continued);
  uv_timer_init(&screen->loop, &screen->timer);
  screen->timer.data = screen;
  terminal_guard();
  err = take_terminal(screen);
  if (err == 0)
    err = uv_read_start((uv_stream_t*) &screen->keyboard, on_room, on_read);
  return err;
}


int top_screen(struct top_run* run) {
  struct screen* screen = text_alloc(sizeof *screen);
  uint64_t first_ms =
      run->delay_ms < TOP_FIRST_MS ? run->delay_ms : TOP_FIRST_MS;
  screen->run = run;
  uv_loop_init(&screen->loop);
  int code = begin(screen);
  if (code == 0) {
    take(screen);
    draw(screen);
    if (screen->code == 0) {
      uv_timer_start(&screen->timer, on_timer, first_ms, 0);
      uv_run(&screen->loop, UV_RUN_DEFAULT);
    }
    code = screen->code;
  }
  give_terminal(screen);
  loop_finish(&screen->loop);
  uv_tty_reset_mode();
  top_free(&screen->now);
  top_free(&screen->before);
  free(screen);
  return code < 0 ? report(code) : code;
}
