/* SPDX-License-Identifier: MIT */

#include "mortals.h"

#include "fake.h"
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nobody does less than one step in this time. */
#define PATIENCE_NS UINT64_C(40000000000)

/* How long one that is stopped stays so: the others must go on. */
#define STOPPED_NS 8000000u


static void give_up(struct mortals* all, const char* what, int64_t number) {
  if (all->failure[0] != '\0') return;
  snprintf(
      all->failure, sizeof(all->failure), "%s: %lld", what, (long long) number);
}


static uint32_t number_of(const struct mortals* all,
                          const struct mortal* mortal) {
  return (uint32_t) (mortal - all->list);
}


static void on_closed(uv_handle_t* handle) {
  struct mortals* all = handle->loop->data;

  all->list[(uintptr_t) handle->data].running = 0;
}


static void on_exited(uv_process_t* process, int64_t status, int signal) {
  struct mortals* all = process->loop->data;
  struct mortal* mortal = &all->list[(uintptr_t) process->data];

  if (!mortal->killed && !(all->may_end && status == 0 && signal == 0))
    give_up(all, "a worker ended with code", status * 100 + signal);
  uv_close((uv_handle_t*) process, on_closed);
}


static int spawn(struct mortals* all, struct mortal* mortal) {
  char words[MORTAL_WORDS][128] = {""};
  char* args[MORTAL_WORDS + 2];
  char exe[2048];
  char role[160];
  size_t size = sizeof(exe);
  uv_process_options_t options;
  uv_stdio_container_t stdio[3];
  uint32_t i;

  all->words(number_of(all, mortal), words);
  uv_exepath(exe, &size);
  snprintf(role, sizeof(role), "--role=%s", words[0]);
  args[0] = exe;
  args[1] = role;
  for (i = 1; i < MORTAL_WORDS && words[i][0] != '\0'; i++)
    args[i + 1] = words[i];
  args[i + 1] = NULL;
  memset(&options, 0, sizeof(options));
  stdio[0].flags = UV_IGNORE;
  stdio[1].flags = stdio[2].flags = UV_INHERIT_FD;
  stdio[1].data.fd = stdio[2].data.fd = 2;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.file = exe;
  options.args = args;
  options.exit_cb = on_exited;
  mortal->process.data = (void*) (uintptr_t) number_of(all, mortal);
  return uv_spawn(&all->loop, &mortal->process, &options);
}


static void start(struct mortals* all, struct mortal* mortal) {
  int err;

  mortal->killed = mortal->begun = mortal->stopped = 0;
  mortal->steps = all->steps(number_of(all, mortal));
  mortal->born_ns = mortal->stepped_ns = uv_hrtime();
  mortal->age_ns = fake_random(&all->random) % all->age_us * 1000;
  if (fake_random(&all->random) % 16 == 0) mortal->age_ns *= 10;
  err = spawn(all, mortal);
  mortal->running = 1;
  if (err == 0) return;
  /* The next turn starts it. */
  uv_close((uv_handle_t*) &mortal->process, on_closed);
  while (mortal->running) uv_run(&all->loop, UV_RUN_NOWAIT);
  if (!test_may_spawn_again(err)) give_up(all, "uv_spawn", err);
}


static void kill_it(struct mortals* all, struct mortal* mortal) {
  mortal->killed = 1;
  if (uv_process_kill(&mortal->process, SIGKILL) != 0) return;
  all->kills++;
  all->deaths[number_of(all, mortal)]++;
}


/* 1: it is stopped for a while; then it dies. */
static int is_stopped(struct mortals* all,
                      struct mortal* mortal,
                      uint64_t now) {
#if !defined(_WIN32)
  if (mortal->stopped == 0) {
    mortal->stopped = fake_random(&all->random) % 4 == 0 ? 1 : 2;
    if (mortal->stopped == 1) {
      uv_process_kill(&mortal->process, SIGSTOP);
      mortal->stepped_ns = now;
    }
  }
  if (mortal->stopped == 1 && now - mortal->stepped_ns < STOPPED_NS) return 1;
#else
  (void) all;
  (void) mortal;
  (void) now;
#endif
  return 0;
}


static void note_steps(struct mortals* all,
                       struct mortal* mortal,
                       uint64_t now) {
  uint64_t steps = all->steps(number_of(all, mortal));

  if (steps != mortal->steps) {
    if (!mortal->begun) mortal->born_ns = now;
    mortal->begun = 1;
    mortal->steps = steps;
    mortal->stepped_ns = now;
  } else if (now - mortal->stepped_ns > PATIENCE_NS) {
    give_up(all, "a worker hangs", number_of(all, mortal));
  }
}


static void look_after(struct mortals* all, struct mortal* mortal) {
  uint64_t now = uv_hrtime();

  if (mortal->killed) return;
  if (mortal->stopped != 1) note_steps(all, mortal, now);
  /* Some die while they begin. */
  if (!mortal->begun && mortal->age_ns > all->early_us * UINT64_C(1000)) return;
  if (now - mortal->born_ns < mortal->age_ns) return;
  if (!all->stops || !is_stopped(all, mortal, now)) kill_it(all, mortal);
}


static int anybody_runs(const struct mortals* all) {
  uint32_t i;

  for (i = 0; i < all->count; i++)
    if (all->list[i].running) return 1;
  return 0;
}


void mortals_storm(struct mortals* mortals, uint64_t kills) {
  uint32_t i;
  int err = uv_loop_init(&mortals->loop);

  if (err < 0) {
    give_up(mortals, "uv_loop_init", err);
    return;
  }
  mortals->loop.data = mortals;
  while (mortals->kills < kills && mortals->failure[0] == '\0') {
    uv_run(&mortals->loop, UV_RUN_NOWAIT);
    for (i = 0; i < mortals->count; i++) {
      if (mortals->list[i].running)
        look_after(mortals, &mortals->list[i]);
      else
        start(mortals, &mortals->list[i]);
    }
    uv_sleep(1);
  }
  for (i = 0; i < mortals->count; i++)
    if (mortals->list[i].running && !mortals->list[i].killed)
      kill_it(mortals, &mortals->list[i]);
  while (anybody_runs(mortals)) uv_run(&mortals->loop, UV_RUN_ONCE);
  err = uv_loop_close(&mortals->loop);
  if (err < 0) give_up(mortals, "uv_loop_close", err);
}


uint64_t mortals_kills(uint64_t usual) {
  const char* text = getenv("UVSHM_KILLS");

#if defined(_WIN32)
  if (usual > 40) usual = 40;
#endif
  return text != NULL ? strtoull(text, NULL, 0) : usual;
}
