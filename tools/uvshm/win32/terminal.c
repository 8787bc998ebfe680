/* SPDX-License-Identifier: MIT */

#include "terminal.h"

#include <uv.h>


static LONG WINAPI on_crash(EXCEPTION_POINTERS* what) {
  static const char give[] = TERMINAL_GIVE;
  DWORD written;
  (void) what;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE),
            give,
            (DWORD) sizeof give - 1,
            &written,
            NULL);
  uv_tty_reset_mode();
  return EXCEPTION_CONTINUE_SEARCH;
}


void terminal_guard(void) {
  SetUnhandledExceptionFilter(on_crash);
}


void terminal_suspend(void) {
}


bool terminal_is_ours(void) {
  return true;
}
