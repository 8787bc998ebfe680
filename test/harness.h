/* SPDX-License-Identifier: MIT */

/* Other processes for tests: the test program itself, started again with
 * `--role=NAME` through uv_spawn, talking lines over its standard input and
 * output. The same on every system.
 *
 *   static int holder(int argc, char** argv) { ... test_say("held"); ... }
 *   static const struct test_role roles[] = {{"holder", holder}, {NULL, NULL}};
 *   int main(int argc, char** argv) {
 *     if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
 *     ...cmocka...
 *   }
 *
 * Roles run outside cmocka and must not assert; they return an exit code or
 * end themselves. Every wait has a deadline, after which it fails the test.
 */

#ifndef UVSHM_TEST_HARNESS_H_
#define UVSHM_TEST_HARNESS_H_

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/* Longer than anything takes on a busy machine; an error when it passes. */
#define TEST_PATIENCE_MS 20000

struct test_role {
  const char* name;
  int (*run)(int argc, char** argv); /* argv[0] is the first argument */
};

int test_is_role(int argc, char** argv);
int test_role_main(int argc, char** argv, const struct test_role* roles);

/* In a role: say a line to the parent, hear one from it (NULL at its end; the
 * buffer is the function's own). */
void test_say(const char* format, ...);
const char* test_hear(void);

/* In a test: a process in a role. */
struct test_process {
  uv_loop_t loop;
  uv_process_t process;
  uv_pipe_t in;  /* its standard input */
  uv_pipe_t out; /* its standard output */
  uv_timer_t timer;
  char text[4096];
  size_t size;
  int timed_out;
  int ended; /* end of its output */
  int exited;
  int64_t status;
  int signal;
};

/* Start `role` with up to 8 arguments, ended by NULL. */
void test_spawn(struct test_process* process, const char* role, ...);

/* The same with another program, which is the same test built in another way;
 * `runner`, when not NULL, runs it (wine64). */
void test_spawn_other(struct test_process* process,
                      const char* runner,
                      const char* program,
                      const char* role,
                      ...);

/* `err` is what uv_spawn() said. Of some thousand processes Wine does not start
 * one (CreateProcess() says ERROR_INTERNAL_ERROR), whatever the program. 1: it
 * is that, and it may be tried again, which is so a few times; the handle is
 * closed first. Elsewhere 0. */
int test_may_spawn_again(int err);

/* The next line that it says, into `line`; fails the test when it ends or says
 * nothing for too long. */
void test_expect_line(struct test_process* process, char* line, size_t size);

/* The next line must be this. */
void test_expect(struct test_process* process, const char* text);

void test_tell(struct test_process* process, const char* text);

/* SIGKILL, or TerminateProcess; returns when it is gone. */
void test_kill(struct test_process* process);

/* Wait for its end; returns its exit code, or -1 - signal. */
int test_join(struct test_process* process);

/* A name that no other test or run uses. Valid until the fourth call after. */
const char* test_name(const char* stem);

/* A path for a file that no other test or run uses, in the folder for temporary
 * files. Valid like test_name()'s. */
const char* test_path(const char* stem);

uint64_t test_now_ms(void);
void test_sleep_ms(unsigned int ms);

/* Objects of this user, by the public list, whose names this process made with
 * test_name(). 0 when nothing was left behind; prints what was. */
int test_leftovers(void);

#endif /* UVSHM_TEST_HARNESS_H_ */
