/* SPDX-License-Identifier: MIT */

#include "child.h"

#if !defined(_WIN32)

# include <signal.h>
# include <unistd.h>

# include <sys/wait.h>

# define PATIENCE_S 60


void child_start(struct child* child,
                 int (*run)(struct subject* subject),
                 struct subject* subject) {
  int fds[2];
  int line;

  assert_int_equal(pipe(fds), 0);
  child->pid = fork();
  assert_true(child->pid >= 0);
  if (child->pid == 0) {
    alarm(PATIENCE_S); /* its parent kills it, unless a case fails before */
    close(fds[0]);
    line = run(subject);
    if (write(fds[1], &line, sizeof(line)) != sizeof(line)) _exit(2);
    for (;;) pause();
  }
  close(fds[1]);
  child->report = fds[0];
}


void child_report(struct child* child) {
  int line = 0;
  ssize_t size = read(child->report, &line, sizeof(line));

  close(child->report);
  if (size == sizeof(line) && line == 0) return;

  /* The case ends here, and with it the child. */
  child_end(child);
  if (size != sizeof(line)) fail_msg("the child died");
  if (line == CHILD_SKIPS)
    skip();
  else
    fail_msg("the child failed in line %d", line);
}


void child_end(struct child* child) {
  assert_int_equal(kill(child->pid, SIGKILL), 0);
  assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}


void in_child(int (*run)(struct subject* subject), struct subject* subject) {
  struct child child;

  child_start(&child, run, subject);
  child_report(&child);
  child_end(&child);
}

#endif
