/* SPDX-License-Identifier: MIT */

#include "namespace.h"

#ifdef __linux__

# include <sched.h>
# include <signal.h>
# include <unistd.h>

# include <sys/mount.h>
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

static int mount_new(const char* options) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  return mount("tmpfs", "/dev/shm", "tmpfs", 0, options);
}


int test_container_can(void) {
  pid_t pid = fork();
  int status;

  if (pid == 0)
    _exit(mount_new("size=1m") == 0 && unshare(CLONE_NEWPID) == 0 ? 0 : 1);
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}


int test_container_enter(const char* options) {
  if (options != NULL && mount_new(options) != 0) return -1;
  return test_namespace_enter();
}

#else

int test_container_can(void) {
  return 0;
}


int test_container_enter(const char* options) {
  (void) options;
  return -1;
}


int test_namespace_can(void) {
  return 0;
}


int test_namespace_enter(void) {
  return -1;
}

#endif
