/* SPDX-License-Identifier: MIT */

#include "argv.h"


char** argv_utf8(int* argc, char** argv) {
  (void) argc;
  return argv;
}
