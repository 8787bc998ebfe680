/* SPDX-License-Identifier: MIT */

/* Sentences and exit codes. What the library says about a failure may hold a
 * name that another program chose, so it is escaped like everything foreign.
 */

#include "report.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>

#include <uv.h>
#include <uvshm.h>


int report_code(int result) {
  switch (result) {
    case UV_ENOENT:
    case UV_ENXIO:
      return EXIT_NOT_FOUND;
    case UV_ETIMEDOUT:
    case UV_EAGAIN:
      return EXIT_TIMEOUT;
    case UV_EPERM:
    case UV_EACCES:
      return EXIT_PERMISSION;
    case UV_EBUSY:
      return EXIT_BUSY;
    case UV_EPROTO:
    case UV_EPROTONOSUPPORT:
      return EXIT_DAMAGED;
    case UV_EINVAL:
    case UV_ENAMETOOLONG:
      return EXIT_USAGE;
    default:
      return result < 0 ? EXIT_FAILED : EXIT_OK;
  }
}


static void say_sentence(const char* prefix, const char* format, va_list args) {
  char* text = text_vformat(format, args);
  say("%suvshm%s%s: %s\n",
      err_style(OUT_BOLD),
      err_style(OUT_PLAIN),
      prefix,
      text);
  free(text);
}


int report(int result) {
  char* sentence = text_escape(uvshm_strerror(result));
  int code = report_as(report_code(result), "%s", sentence);
  free(sentence);
  return code;
}


int report_as(int code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  say_sentence("", format, args);
  va_end(args);
  return code;
}


int report_usage(const struct command* command, const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* prefix =
      command != NULL ? text_format(" %s", command->name) : text_copy("");
  say_sentence(prefix, format, args);
  va_end(args);
  say("%sHelp: uvshm%s --help%s\n",
      err_style(OUT_DIM),
      prefix,
      err_style(OUT_PLAIN));
  free(prefix);
  return EXIT_USAGE;
}


void note(const char* format, ...) {
  if (args_quiet) return;
  va_list args;
  va_start(args, format);
  say_sentence("", format, args);
  va_end(args);
}


void mention(const char* format, ...) {
  if (args_quiet || (!args_verbose && !err_is_terminal())) return;
  va_list args;
  va_start(args, format);
  say_sentence("", format, args);
  va_end(args);
}
