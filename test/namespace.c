/* SPDX-License-Identifier: MIT */

#include "namespace.h"

#ifdef __linux__

# include <sched.h>
# include <signal.h>
# include <unistd.h>

# include <sys/prctl.h>
# include <sys/wait.h>


int test_namespace_can(void) {
  pid_t pid = fork();
  int status;

  if (pid == 0) _exit(unshare(CLONE_NEWPID) == 0 ? 0 : 1);
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}


int test_namespace_enter(void) {
  pid_t pid;
  int status = 0;

  if (unshare(CLONE_NEWPID) != 0) return -1;
  pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : -1;
  waitpid(pid, &status, 0);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

#else

int test_namespace_can(void) {
  return 0;
}


int test_namespace_enter(void) {
  return -1;
}

#endif
