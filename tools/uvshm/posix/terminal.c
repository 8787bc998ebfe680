/* SPDX-License-Identifier: MIT */

#include "terminal.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>


/* write(), uv_tty_reset_mode() and raise() may be called in a handler. */
static void on_crash(int number) {
  static const char give[] = TERMINAL_GIVE;
  ssize_t written = write(1, give, sizeof give - 1);
  (void) written;
  uv_tty_reset_mode();
  raise(number); /* blocked until we return; then it has its default effect */
}


void terminal_guard(void) {
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_crash;
  action.sa_flags = (int) SA_RESETHAND;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    sigaction(numbers[i], &action, NULL);
}


void terminal_suspend(void) {
  kill(0, SIGTSTP); /* the whole job, as a terminal does it */
}


bool terminal_is_ours(void) {
  return tcgetpgrp(0) == getpgrp();
}
