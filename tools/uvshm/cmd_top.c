/* SPDX-License-Identifier: MIT */

/* uvshm top: what there is, again and again.
 *
 * On a terminal that is one screen with keys (top_screen.c). Elsewhere it is
 * one table after the other, or a line of JSON for each look.
 */

#include "commands.h"
#include "report.h"
#include "spawn.h"
#include "text.h"
#include "top.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define DELAY_MS 1000
#define DELAY_MIN_MS 50

struct session {
  struct top_run* run;
  struct top_sample before;
  uv_loop_t loop;
  uv_timer_t timer;
  struct signals signals;
  bool some; /* a table was printed */
  int code;
  int err;
};


static void on_end(uv_signal_t* signal, int number) {
  struct session* session = signal->data;
  session->code = 128 + number;
  uv_stop(&session->loop);
}


static void print_json(const struct top_sample* sample) {
  json_t* document = top_json(sample);
  char* text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(6));
  if (text != NULL) print("%s\n", text);
  free(text);
  json_decref(document);
}


static void print_table(const struct session* session,
                        const struct top_sample* sample) {
  int rows;
  char* summary = top_summary(sample);
  struct table* table = top_table(sample, &session->run->view, &rows);
  print("%s%s\n", session->some ? "\n" : "", summary);
  table_print(table, !session->run->args->given[OPT_NO_HEADINGS]);
  table_free(table);
  free(summary);
}


static void on_timer(uv_timer_t* timer) {
  struct session* session = timer->data;
  struct top_run* run = session->run;
  struct top_sample sample;
  int err = top_take(&sample, run->args);
  if (err < 0) {
    session->err = err;
    uv_stop(&session->loop);
    return;
  }
  top_measure(&sample, &session->before);
  top_sort(&sample, &run->view);
  if (run->args->given[OPT_JSON])
    print_json(&sample);
  else
    print_table(session, &sample);
  session->some = true;
  top_free(&session->before);
  session->before = sample;
  if (run->left != UINT64_MAX) run->left--;
  if (out_flush() < 0 || run->left == 0)
    uv_stop(&session->loop);
  else
    uv_timer_start(timer, on_timer, run->delay_ms, 0);
}


/* A look that shows nothing comes first, so that each one shown has rates. */
static int stream(struct top_run* run) {
  struct session session = {.run = run};
  uint64_t first_ms =
      run->delay_ms < TOP_FIRST_MS ? run->delay_ms : TOP_FIRST_MS;
  uv_loop_init(&session.loop);
  signals_watch(&session.loop, &session.signals, on_end, &session);
  uv_timer_init(&session.loop, &session.timer);
  session.timer.data = &session;
  session.err = top_take(&session.before, run->args);
  if (session.err == 0) {
    uv_timer_start(&session.timer, on_timer, first_ms, 0);
    uv_run(&session.loop, UV_RUN_DEFAULT);
  }
  top_free(&session.before);
  loop_finish(&session.loop);
  return session.err < 0 ? report(session.err) : session.code;
}


static int parse_order(const struct args* args, enum top_order* order) {
  const char* wanted = args->text[OPT_SORT];
  if (wanted == NULL) return 0;
  for (int i = 0; i < TOP_ORDERS; i++) {
    if (strcmp(wanted, top_order_names[i]) == 0) {
      *order = (enum top_order) i;
      return 0;
    }
  }
  char* name = text_escape(wanted);
  int code = report_usage(args->command,
                          "there is no column \"%s\": name, kind, peers, used, "
                          "fill, depth, rate and waiters are",
                          name);
  free(name);
  return code;
}


/* A dumb terminal has no screen to draw on. */
static bool has_screen(void) {
  char term[16];
  size_t size = sizeof term;
  if (!in_is_terminal() || !out_is_terminal()) return false;
  return uv_os_getenv("TERM", term, &size) < 0 || strcmp(term, "dumb") != 0;
}


int cmd_top(const struct args* args) {
  struct top_run run = {.args = args, .delay_ms = DELAY_MS, .left = UINT64_MAX};
  int code = parse_order(args, &run.view.order);
  if (code != 0) return code;
  run.view.reverse = args->given[OPT_REVERSE];
  if (args->given[OPT_DELAY]) run.delay_ms = args->number[OPT_DELAY];
  if (run.delay_ms < DELAY_MIN_MS) run.delay_ms = DELAY_MIN_MS;
  if (args->given[OPT_MESSAGES]) run.left = args->number[OPT_MESSAGES];
  if (run.left == 0) return EXIT_OK;
  run.view.all_peers = !has_screen();
  if (args->given[OPT_JSON] || run.left == 1 || !has_screen())
    return stream(&run);
  return top_screen(&run);
}
