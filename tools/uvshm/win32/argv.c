/* SPDX-License-Identifier: MIT */

#include "argv.h"
#include "text.h"

#include <windows.h>
#include <shellapi.h>


static char* to_utf8(const wchar_t* wide) {
  int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
  char* text = text_alloc((size_t) (size > 0 ? size : 1));
  WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
  return text;
}


/* Lives as long as the program. */
char** argv_utf8(int* argc, char** argv) {
  int count;
  wchar_t** wide = CommandLineToArgvW(GetCommandLineW(), &count);
  if (wide == NULL) return argv;
  char** result = text_alloc(((size_t) count + 1) * sizeof *result);
  for (int i = 0; i < count; i++) result[i] = to_utf8(wide[i]);
  LocalFree(wide);
  *argc = count;
  return result;
}
