/* SPDX-License-Identifier: MIT */

/* A watch in a program whose loop is a Windows message loop: the handle of the
 * watch is one more thing for MsgWaitForMultipleObjects(). */

#include "foreign.h"

#include <windows.h>


static void pump(void) {
  MSG message;
  while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE)) {
    TranslateMessage(&message);
    DispatchMessageW(&message);
  }
}


int main(int argc, char** argv) {
  uv_os_fd_t handle;
  int result;

  if (foreign_is_child(argc, argv, &result)) return result;
  if (foreign_begin(&handle) < 0) return 1;
  while (!foreign_turn()) {
    MsgWaitForMultipleObjects(1, &handle, FALSE, 1000, QS_ALLINPUT);
    pump();
  }
  return foreign_end();
}
