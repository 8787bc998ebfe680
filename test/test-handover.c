/* SPDX-License-Identifier: MIT */

/* Regions without a name, handed to a spawned child and through a pipe. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static uvshm_region_t* make(const char* name) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  options.max_size = 1 << 20;
  if (uvshm_region_open(&region, name, &options) < 0)
    fail_msg("%s", uvshm_error_detail());
  return region;
}


/* What a receiver does: see the parent's bytes, write its own, grow. */
static int use(uvshm_region_t* region, int readonly) {
  char* base = uvshm_region_base(region);
  uvshm_region_info_t info;

  if (strcmp(base, "from the parent") != 0) return 11;
  if (uvshm_region_info(region, &info) < 0) return 12;
  if (readonly) {
    if (!info.readonly) return 13;
    if (uvshm_region_protect(region, 0, 4096, UVSHM_PROTECT_WRITE) != UV_EACCES)
      return 14;
    if (uvshm_region_grow(region, 8192) != UV_EACCES) return 15;
  } else {
    if (info.peers != 2) return 16;
    strcpy(base, "from the child");
    if (uvshm_region_grow(region, 500000) < 0) return 17;
    base[499999] = 'x';
  }
  uvshm_region_close(region);
  return 0;
}


/* argv: ticket, then "readonly" or nothing. */
static int role_child(int argc, char** argv) {
  uvshm_region_t* region;
  int err = uvshm_region_accept(&region, argv[0], NULL);

  if (err < 0) {
    fprintf(stderr, "%s\n", uvshm_strerror(err));
    return 10;
  }
  return use(region, argc > 1);
}


/* Receive through the IPC pipe that is standard input. */
static int role_receiver(int argc, char** argv) {
  uvshm_region_t* region;
  uv_loop_t loop;
  uv_pipe_t pipe;
  int err;

  (void) argv;
  uv_loop_init(&loop);
  uv_pipe_init(&loop, &pipe, 1);
  if (uv_pipe_open(&pipe, 0) < 0) return 9;
  err = uvshm_region_recv(
      &region, (struct uv_stream_s*) &pipe, NULL, TEST_PATIENCE_MS);
  uv_close((uv_handle_t*) &pipe, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  if (err < 0) {
    fprintf(stderr, "%s\n", uvshm_strerror(err));
    return 10;
  }
  return use(region, argc > 0);
}


static const struct test_role roles[] = {
    {"child", role_child}, {"receiver", role_receiver}, {NULL, NULL}};


struct outcome {
  int64_t status;
  int signal;
};


static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  struct outcome* outcome = process->data;

  outcome->status = status;
  outcome->signal = signal;
  uv_close((uv_handle_t*) process, NULL);
}


static void spawn(uv_loop_t* loop,
                  uv_process_t* process,
                  struct outcome* outcome,
                  uv_process_options_t* options,
                  char** args) {
  static char exe[2048];
  size_t size = sizeof(exe);

  assert_int_equal(uv_exepath(exe, &size), 0);
  args[0] = exe;
  options->file = exe;
  options->args = args;
  options->exit_cb = on_exit_of;
  process->data = outcome;
  assert_int_equal(uv_spawn(loop, process, options), 0);
}


static void hand_to_child(uint32_t flags) {
  uvshm_region_t* region = make(NULL);
  char* base = uvshm_region_base(region);
  char ticket[UVSHM_TICKET_SIZE];
  char role[] = "--role=child";
  char readonly[] = "readonly";
  char* args[5] = {NULL, role, ticket, NULL, NULL};
  uv_process_options_t options;
  uv_stdio_container_t stdio[4];
  struct outcome outcome = {-1, 0};
  uv_process_t process;
  uv_loop_t loop;
  int i;

  strcpy(base, "from the parent");
  if (flags & UVSHM_READONLY) args[3] = readonly;
  memset(&options, 0, sizeof(options));
  for (i = 0; i < 3; i++) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = i;
  }
  options.stdio = stdio;
  options.stdio_count = 4;
  assert_int_equal(uvshm_region_prepare(region, &options, 3, flags, ticket), 0);
  uv_loop_init(&loop);
  spawn(&loop, &process, &outcome, &options, args);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  assert_int_equal(outcome.signal, 0);
  assert_int_equal(outcome.status, 0);
  if (flags & UVSHM_READONLY) {
    assert_string_equal(base, "from the parent");
  } else {
    assert_string_equal(base, "from the child");
    assert_int_equal(base[499999], 'x');
  }
  uvshm_region_close(region);
}


TEST(handover_to_a_spawned_child_takes_one_call_on_each_side) {
  (void) state;
  hand_to_child(0);
}


TEST(handover_for_reading_gives_nothing_to_widen) {
  (void) state;
  hand_to_child(UVSHM_READONLY);
}


static void send_through_pipe(uint32_t flags) {
  uvshm_region_t* region = make(NULL);
  char* base = uvshm_region_base(region);
  char role[] = "--role=receiver";
  char readonly[] = "readonly";
  char* args[4] = {NULL, role, NULL, NULL};
  uv_process_options_t options;
  uv_stdio_container_t stdio[3];
  struct outcome outcome = {-1, 0};
  uv_process_t process;
  uv_pipe_t pipe;
  uv_loop_t loop;
  int i;

  strcpy(base, "from the parent");
  if (flags & UVSHM_READONLY) args[2] = readonly;
  uv_loop_init(&loop);
  uv_pipe_init(&loop, &pipe, 1);
  memset(&options, 0, sizeof(options));
  stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE;
  stdio[0].data.stream = (uv_stream_t*) &pipe;
  for (i = 1; i < 3; i++) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = i;
  }
  options.stdio = stdio;
  options.stdio_count = 3;
  spawn(&loop, &process, &outcome, &options, args);
  assert_int_equal(
      uvshm_region_send(
          region, (struct uv_stream_s*) &pipe, flags, TEST_PATIENCE_MS),
      0);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t*) &pipe, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  assert_int_equal(outcome.signal, 0);
  assert_int_equal(outcome.status, 0);
  if (!(flags & UVSHM_READONLY)) assert_string_equal(base, "from the child");
  uvshm_region_close(region);
}


TEST(handover_through_an_ipc_pipe) {
  (void) state;
  send_through_pipe(0);
  send_through_pipe(UVSHM_READONLY);
}


TEST(handover_misuse_is_refused) {
  uvshm_region_t* region = make(test_name("named"));
  uvshm_region_t* anonymous = make(NULL);
  uvshm_region_t* none;
  uv_process_options_t options;
  uv_stdio_container_t stdio[4];
  char ticket[UVSHM_TICKET_SIZE];
  uv_loop_t loop;
  uv_pipe_t pipe;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.stdio = stdio;
  options.stdio_count = 4;
  assert_int_equal(uvshm_region_prepare(region, &options, 3, 0, ticket),
                   UV_ENOTSUP);
  assert_int_equal(uvshm_region_prepare(anonymous, &options, 2, 0, ticket),
                   UV_EINVAL);
  assert_int_equal(uvshm_region_prepare(anonymous, &options, 4, 0, ticket),
                   UV_EINVAL);
  assert_int_equal(
      uvshm_region_prepare(anonymous, &options, 3, UVSHM_CREATE, ticket),
      UV_EINVAL);
  assert_int_equal(uvshm_region_accept(&none, "", NULL), UV_EINVAL);
  assert_int_equal(uvshm_region_accept(&none, "uvshm-1:", NULL), UV_EINVAL);
  assert_int_equal(uvshm_region_accept(&none, "uvshm-1:7ffffff0", NULL),
                   UV_EINVAL);
  uv_loop_init(&loop);
  uv_pipe_init(&loop, &pipe, 0);
  assert_int_equal(
      uvshm_region_send(anonymous, (struct uv_stream_s*) &pipe, 0, 0),
      UV_EINVAL);
  uv_close((uv_handle_t*) &pipe, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  uvshm_region_close(anonymous);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handover_to_a_spawned_child_takes_one_call_on_each_side),
      cmocka_unit_test(handover_for_reading_gives_nothing_to_widen),
      cmocka_unit_test(handover_through_an_ipc_pipe),
      cmocka_unit_test(handover_misuse_is_refused),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
