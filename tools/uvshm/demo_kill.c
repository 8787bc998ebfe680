/* SPDX-License-Identifier: MIT */

/* uvshm demo --kill: the owner of a mutex dies in the middle of a change.
 *
 * The holder takes the mutex, changes one of two numbers that belong together,
 * and sleeps. The heir waits for the mutex. Then the holder is killed. The heir
 * gets the mutex with UVSHM_OWNER_DIED, finds the numbers unequal, and makes
 * them equal again. The parent sees each step in uvshm_mutex_info(), which
 * never waits.
 */

#include "commands.h"
#include "demo.h"
#include "report.h"
#include "spawn.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define LOOK_MS 2

enum step {
  STEP_HOLDING, /* the holder is to take the mutex */
  STEP_WAITING, /* the heir is to wait for it */
  STEP_KILLED   /* the heir is to get it, and to end */
};

struct death {
  struct demo demo;
  struct demo_death* found;
  int talk;
  enum step step;
  uint64_t began_ns;
  uint64_t killed_ns;
  uv_loop_t loop;
  uv_timer_t timer;
  struct signals signals;
  struct child holder;
  struct child heir;
  int code;
};


/* The holder: never comes to its second line. */
int cmd_demo_holder(const struct args* args) {
  struct demo demo;
  int err = demo_join(&demo, args->operands[0], "demo holder");
  if (err >= 0) err = uvshm_mutex_lock(demo.lock, DEMO_PATIENCE_MS);
  if (err < 0) return report(err);
  demo.board->left++;
  uv_sleep(2 * DEMO_PATIENCE_MS); /* killed here */
  demo.board->right++;
  uvshm_mutex_unlock(demo.lock);
  demo_close(&demo);
  return EXIT_FAILED;
}


int cmd_demo_heir(const struct args* args) {
  struct demo demo;
  int err = demo_join(&demo, args->operands[0], "demo heir");
  if (err >= 0) err = uvshm_mutex_lock(demo.lock, DEMO_PATIENCE_MS);
  if (err < 0) return report(err);

  demo.board->told_ns = uv_hrtime();
  bool half = demo.board->left != demo.board->right;
  if (err == UVSHM_OWNER_DIED) demo.board->right = demo.board->left;
  uvshm_mutex_unlock(demo.lock);
  demo_close(&demo);
  return err == UVSHM_OWNER_DIED && half ? EXIT_OK : EXIT_FAILED;
}


static void give_up(struct death* death, int code) {
  death->code = code;
  child_kill(&death->holder);
  child_kill(&death->heir);
  uv_stop(&death->loop);
}


static void one_ended(struct child* child) {
  struct death* death = child->data;
  if (child_interrupted(child))
    give_up(death, EXIT_INTERRUPTED);
  else if (death->step != STEP_KILLED && death->code == EXIT_OK)
    give_up(death, report_as(EXIT_FAILED, "a process ended too early"));
  else if (death->holder.done && death->heir.done)
    uv_stop(&death->loop);
}


static int start(struct death* death, struct child* child, char* role) {
  char* argv[] = {NULL, role, "--", death->demo.name, NULL};
  child->data = death;
  child->on_exit = one_ended;
  int err = child_start_self(&death->loop, child, argv);
  if (err < 0)
    give_up(
        death,
        report_as(EXIT_FAILED, "cannot start a process: %s", uv_strerror(err)));
  return err;
}


static void holder_holds(struct death* death) {
  death->found->holder_pid = child_pid(&death->holder);
  if (death->talk)
    demo_line("writer",
              "pid %" PRIu32 ", holds the mutex, in the middle of a change",
              death->found->holder_pid);
  death->step = STEP_WAITING;
  if (start(death, &death->heir, "demo-heir") == 0)
    death->found->heir_pid = child_pid(&death->heir);
}


static void heir_waits(struct death* death) {
  if (death->talk)
    demo_line("reader",
              "pid %" PRIu32 ", sleeps until it gets the mutex",
              death->found->heir_pid);
  death->step = STEP_KILLED;
  death->killed_ns = uv_hrtime();
  child_kill(&death->holder);
  if (death->talk)
    demo_line("killed",
              "pid %" PRIu32 ", with %s",
              death->found->holder_pid,
              on_windows() ? "TerminateProcess" : "SIGKILL");
}


static void on_timer(uv_timer_t* timer) {
  struct death* death = timer->data;
  uvshm_mutex_info_t info;
  if (uv_hrtime() - death->began_ns > UINT64_C(1000000) * DEMO_PATIENCE_MS)
    give_up(death, report_as(EXIT_TIMEOUT, "it took too long"));
  else if (uvshm_mutex_info(death->demo.lock, &info) < 0)
    give_up(death, EXIT_FAILED);
  else if (death->step == STEP_HOLDING && info.locked)
    holder_holds(death);
  else if (death->step == STEP_WAITING && info.waiters > 0)
    heir_waits(death);
}


static void on_signal(uv_signal_t* handle, int signal) {
  struct death* death = handle->data;
  give_up(death, 128 + signal);
}


static int run(struct death* death) {
  uv_timer_start(&death->timer, on_timer, LOOK_MS, LOOK_MS);
  death->began_ns = uv_hrtime();

  if (start(death, &death->holder, "demo-holder") == 0)
    uv_run(&death->loop, UV_RUN_DEFAULT);
  uv_timer_stop(&death->timer);
  if (death->code != EXIT_OK) return death->code;

  uint64_t told_ns = death->demo.board->told_ns;
  death->found->ms = (double) (told_ns - death->killed_ns) / 1e6;
  death->found->heir_code = child_code(&death->heir);
  return death->found->heir_code == 0 ? EXIT_OK : EXIT_FAILED;
}


int demo_death(struct demo_death* found, int talk) {
  struct death* death = text_alloc(sizeof *death);
  int code;
  memset(found, 0, sizeof *found);
  death->found = found;
  death->talk = talk;
  uv_loop_init(&death->loop);
  signals_watch(&death->loop, &death->signals, on_signal, death);
  uv_timer_init(&death->loop, &death->timer);
  death->timer.data = death;

  int err = demo_make(&death->demo);
  if (err < 0) {
    code = report(err);
  } else {
    if (talk) {
      demo_line("region", "%s", death->demo.name);
      demo_line("mutex", "%s", death->demo.lock_name);
    }
    code = run(death);
  }
  demo_close(&death->demo);
  loop_finish(&death->loop);
  free(death);
  return code;
}


int demo_kill(const struct args* args) {
  struct demo_death found;
  (void) args;
  int code = demo_death(&found, 1);
  if (code == EXIT_OK) {
    demo_line("reader",
              "pid %" PRIu32
              ", has the mutex, %.1f ms after the kill, and was "
              "told that its owner died",
              found.heir_pid,
              found.ms);
    demo_line("repaired", "the half-made change");
  } else if (found.heir_code != 0) {
    report_as(code, "the reader was not told that the owner died");
  }
  return code;
}
