/* SPDX-License-Identifier: MIT */

/* Nothing is lost, whoever is killed and whenever. A number of tokens lie in
 * boxes of every kind that a segment has; workers move them, putting a token
 * into its new box before they remove it from the old one, and are killed at
 * random. So a token may be in two boxes, but never in none.
 *
 *   UVSHM_KILLS=10000 build/test/stress-tokens
 *   UVSHM_TEST_SEED=7          the same choices again; what they meet differs
 *
 * A token has a mutex, shared with some others, which is held while it is moved
 * (two who move it to and fro at once would lose it, and that would be their
 * fault). Who has it looks whether the token is anywhere, at every move: the
 * oracle is asked all the time, and once more at the end.
 */

#include "fake.h"
#include "harness.h"
#include "tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3u

/* No worker does less than one move in this time. */
#define PATIENCE_NS UINT64_C(40000000000)

struct worker {
  uv_process_t process;
  uint32_t running;
  uint32_t killed;
  uint64_t born_ns;
  uint64_t age_ns; /* when it is to die, counted from its first move */
  uint32_t begun;  /* it has moved */
  uint64_t moves;
  uint64_t moved_ns;
};

static struct {
  uv_loop_t loop;
  struct worker workers[WORKERS];
  struct tokens tokens;
  char name[128];
  uint64_t random;
  uint64_t kills;
  uint32_t born;
  char failure[300];
} storm;


static void give_up(const char* what, int64_t number) {
  if (storm.failure[0] != '\0') return;
  snprintf(storm.failure,
           sizeof(storm.failure),
           "%s: %lld",
           what,
           (long long) number);
}


static void on_closed(uv_handle_t* handle) {
  ((struct worker*) handle->data)->running = 0;
}


static void on_exited(uv_process_t* process, int64_t status, int signal) {
  struct worker* worker = process->data;

  (void) signal;
  if (!worker->killed && status != 0)
    give_up("a worker ended with code", status);
  uv_close((uv_handle_t*) process, on_closed);
}


static void start(struct worker* worker) {
  char exe[2048];
  char texts[2][32];
  char* args[6];
  size_t size = sizeof(exe);
  uv_process_options_t options;
  uv_stdio_container_t stdio[3];
  int err;

  memset(&options, 0, sizeof(options));
  uv_exepath(exe, &size);
  snprintf(texts[0],
           sizeof(texts[0]),
           "%u",
           (unsigned int) (worker - storm.workers));
  snprintf(texts[1],
           sizeof(texts[1]),
           "%llu",
           (unsigned long long) fake_random(&storm.random));
  args[0] = exe;
  args[1] = (char*) "--role=mover";
  args[2] = storm.name;
  args[3] = texts[0];
  args[4] = texts[1];
  args[5] = NULL;
  stdio[0].flags = UV_IGNORE;
  stdio[1].flags = stdio[2].flags = UV_INHERIT_FD;
  stdio[1].data.fd = stdio[2].data.fd = 2;
  options.stdio = stdio;
  options.stdio_count = 3;
  options.file = exe;
  options.args = args;
  options.exit_cb = on_exited;
  worker->process.data = worker;
  worker->killed = worker->begun = 0;
  worker->moves =
      tokens_moves(&storm.tokens, (uint32_t) (worker - storm.workers));
  worker->born_ns = worker->moved_ns = uv_hrtime();
  worker->age_ns = fake_random(&storm.random) % 6000 * 1000;
  if (fake_random(&storm.random) % 16 == 0) worker->age_ns *= 10;
  err = uv_spawn(&storm.loop, &worker->process, &options);
  if (err < 0)
    give_up("uv_spawn", err);
  else
    worker->running = 1;
}


static void kill_worker(struct worker* worker) {
  worker->killed = 1;
  if (uv_process_kill(&worker->process, SIGKILL) == 0) storm.kills++;
}


static void look_after(struct worker* worker) {
  uint64_t moves =
      tokens_moves(&storm.tokens, (uint32_t) (worker - storm.workers));
  uint64_t now = uv_hrtime();

  if (worker->killed) return;
  if (moves != worker->moves) {
    if (!worker->begun) worker->born_ns = now;
    worker->begun = 1;
    worker->moves = moves;
    worker->moved_ns = now;
  } else if (now - worker->moved_ns > PATIENCE_NS) {
    give_up("a worker hangs", worker - storm.workers);
  }
  /* Some die while they begin. */
  if (!worker->begun && worker->age_ns > 1000000) return;
  if (now - worker->born_ns >= worker->age_ns) kill_worker(worker);
}


static int anybody_runs(void) {
  uint32_t i;

  for (i = 0; i < WORKERS; i++)
    if (storm.workers[i].running) return 1;
  return 0;
}


static void blow(uint64_t kills) {
  uint32_t i;

  while (storm.kills < kills && storm.failure[0] == '\0') {
    uv_run(&storm.loop, UV_RUN_NOWAIT);
    for (i = 0; i < WORKERS; i++) {
      if (storm.workers[i].running)
        look_after(&storm.workers[i]);
      else
        start(&storm.workers[i]);
    }
    uv_sleep(1);
  }
  for (i = 0; i < WORKERS; i++)
    if (storm.workers[i].running && !storm.workers[i].killed)
      kill_worker(&storm.workers[i]);
  while (anybody_runs()) uv_run(&storm.loop, UV_RUN_ONCE);
}


static uint64_t kills_wanted(void) {
  const char* text = getenv("UVSHM_KILLS");

#if defined(_WIN32)
  if (text == NULL) return 40;
#endif
  return text != NULL ? strtoull(text, NULL, 0) : 200;
}


static void no_token_is_ever_lost(void** state) {
  uint32_t repaired = 0;
  const char* fault;
  uint64_t moves = 0;
  uint32_t i;

  (void) state;
  storm.random = fake_seed();
  assert_int_equal(uv_loop_init(&storm.loop), 0);
  strcpy(storm.name, test_name("tokens"));
  fault = tokens_make(&storm.tokens, storm.name);
  if (fault != NULL) fail_msg("%s", fault);

  blow(kills_wanted());
  if (storm.failure[0] != '\0') fail_msg("%s", storm.failure);
  assert_int_equal(uv_loop_close(&storm.loop), 0);

  for (i = 0; i < WORKERS; i++) moves += tokens_moves(&storm.tokens, i);
  assert_int_equal(uvshm_segment_repair(storm.tokens.segment, &repaired), 0);
  assert_int_equal(uvshm_segment_check(storm.tokens.segment), 0);
  fault = tokens_audit(&storm.tokens);
  if (fault != NULL) fail_msg("%s", fault);
  tokens_close(&storm.tokens);
  assert_int_equal(test_leftovers(), 0);
  print_message("%llu kills, %llu moves, %u tokens, none lost\n",
                (unsigned long long) storm.kills,
                (unsigned long long) moves,
                TOKENS);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"mover", tokens_mover},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_token_is_ever_lost)};

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
