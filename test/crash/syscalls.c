/* SPDX-License-Identifier: MIT */

/* A SIGKILL at every system call of a life: open or make the segment, furnish
 * it, the operation, close. At each entry and each exit of each call a child is
 * killed there; a survivor who is attached already repairs and looks, and after
 * the last close nothing is left. Then the same with nobody attached: who comes
 * next opens it or makes it afresh.
 *
 *   syscalls             every operation
 *   syscalls NAME...     these
 */

#include "crash/ops.h"

#include "base/error.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define STOPS_MAX 100000u

static struct {
  const uvshm_crash_t* op;
  char name[64]; /* of the segment */
  uint32_t nth;  /* stop at which the child dies */
  /* Shared with the child: is the start state there, and how far is it? */
  struct progress {
    uint32_t ready;
    uint32_t parts;
    uint32_t done;
  } * progress;
} run;


void uvshm_crash_commit(void) {
  run.progress->parts++;
}


void uvshm_crash_abort(const char* sentence) {
  fprintf(stderr,
          "syscalls: %s: killed at stop %u: %s (%s)\n",
          run.op->name,
          run.nth,
          sentence,
          uvshm_error_detail());
  _exit(3);
}


static void must(int condition, const char* what) {
  if (!condition) uvshm_crash_abort(what);
}


static int open_segment(uvshm_segment_t** segment, uint32_t flags) {
  uvshm_segment_options_t options = *run.op->options;

  options.flags = flags;
  return uvshm_segment_open(segment, run.name, &options);
}

/* ---- the one who dies ---------------------------------------------------- */

static void child(void) {
  uvshm_segment_t* segment;

  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  if (open_segment(&segment, UVSHM_CREATE) < 0) _exit(4);
  run.op->before(segment, NULL);
  run.progress->ready = 1;
  run.op->run(segment, NULL);
  run.progress->done = 1;
  uvshm_segment_close(segment);
  _exit(0);
}


/* 1: killed at the nth stop; 0: it came to its end before. */
static int kill_at(uint32_t nth) {
  pid_t pid;
  int status;
  uint32_t stops;

  memset(run.progress, 0, sizeof(*run.progress));
  fflush(NULL);
  pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) child();
  must(waitpid(pid, &status, 0) == pid, "wait");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) exit(77);
  for (stops = 0; stops < nth; stops++) {
    must(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0, "step");
    must(waitpid(pid, &status, 0) == pid, "wait");
    if (WIFEXITED(status)) {
      must(WEXITSTATUS(status) == 0, "the child failed");
      return 0;
    }
    must(WIFSTOPPED(status), "the child died");
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status)) continue;
  return 1;
}

/* ---- those who live ------------------------------------------------------ */

static void look(uvshm_segment_t* segment) {
  must(uvshm_segment_repair(segment, NULL) == 0, "it cannot be repaired");
  must(uvshm_segment_check(segment) == 0, "it is damaged");
  if (run.progress->ready && !run.progress->done)
    run.op->after(segment, NULL, run.progress->parts);
}


static void see_that_nothing_is_left(void) {
  uvshm_segment_t* segment;

  must(open_segment(&segment, 0) == UV_ENOENT, "something is left");
}


/* Who was attached all the time. */
static int beside_a_survivor(void) {
  uvshm_segment_t* segment;
  int killed;

  must(open_segment(&segment, UVSHM_CREATE | UVSHM_EXCLUSIVE) == 0, "make");
  killed = kill_at(run.nth);
  look(segment);
  uvshm_segment_close(segment);
  see_that_nothing_is_left();
  return killed;
}


/* Nobody was: the segment is made by the one who dies. What it was is gone with
 * it, and the name is free for a new one. */
static int all_alone(void) {
  uvshm_segment_t* segment;
  int killed = kill_at(run.nth);

  must(open_segment(&segment, UVSHM_CREATE) == 0, "it cannot be opened again");
  run.progress->ready = 0;
  look(segment);
  uvshm_segment_close(segment);
  see_that_nothing_is_left();
  return killed;
}


static void prove(const uvshm_crash_t* op) {
  static int (*const ways[])(void) = {beside_a_survivor, all_alone};
  uint32_t kills = 0;
  size_t way;

  run.op = op;
  for (way = 0; way < 2; way++)
    for (run.nth = 1; run.nth < STOPS_MAX; run.nth++) {
      snprintf(run.name,
               sizeof(run.name),
               "crash-syscalls-%d-%llx",
               (int) getpid(),
               (unsigned long long) random());
      if (!ways[way]()) break;
      kills++;
    }
  printf("syscalls: %s: %u kills, 0 wrong\n", op->name, (unsigned int) kills);
  fflush(stdout);
}


int main(int argc, char** argv) {
  size_t i;
  int j;

  srandom((unsigned int) uv_hrtime());
  run.progress = mmap(NULL,
                      sizeof(*run.progress),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
  if (run.progress == MAP_FAILED) return 2;
  for (i = 0; i < crash_ops_count; i++) {
    for (j = 1; j < argc; j++)
      if (strcmp(argv[j], crash_ops[i].name) == 0) break;
    if (argc == 1 || j < argc) prove(&crash_ops[i]);
  }
  return 0;
}
