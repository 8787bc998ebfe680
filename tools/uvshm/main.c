/* SPDX-License-Identifier: MIT */

/* uvshm, the command-line tool: over the public API, libuv and jansson alone.
 *
 * main() finds the command in the table, parses its words and runs it. Data
 * goes to stdout, everything else to stderr, and the exit codes are those of
 * args.h.
 */

#include "argv.h"
#include "commands.h"
#include "external.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <uvshm.h>


static void settle(const struct args* args) {
  if (args->given[OPT_COLOR])
    out_set_color((enum out_color) args->number[OPT_COLOR]);
  args_quiet = args_quiet || args->given[OPT_QUIET];
  args_verbose = args_verbose || args->given[OPT_VERBOSE];
  if (args->given[OPT_DIR]) args_dir = args->text[OPT_DIR];
}


static int run_command(const struct command* command, int argc, char** argv) {
  struct args args;
  int code = args_parse(&args, command, argc, argv);
  settle(&args);
  if (code == 0 && args.given[OPT_HELP])
    help_command(command);
  else if (code == 0 && command->nowhere && args_dir != NULL)
    code = report_usage(command, "--dir is for objects of uvshm");
  else if (code == 0)
    code = command->run(&args);
  args_free(&args);
  return code;
}


/* There is no such command; or a group of them was named alone. */
static int no_command(const char* first, const char* second) {
  bool group = command_is_group(first);
  if (group && second != NULL &&
      (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
    help_group(first);
    return EXIT_OK;
  }
  if (group && second == NULL)
    return report_usage(NULL, "%s what? See uvshm help %s", first, first);
  char* name = group ? text_format("%s %s", first, second) : text_copy(first);
  char* similar = group ? NULL : external_similar(first);
  char* escaped = text_escape(name);
  int code =
      similar != NULL
          ? report_usage(NULL,
                         "there is no command \"%s\", and no uvshm-%s in "
                         "PATH; is it \"%s\"?",
                         escaped,
                         escaped,
                         similar)
          : report_usage(NULL, "there is no command \"%s\"", escaped);
  free(escaped);
  free(similar);
  free(name);
  return code;
}


static int run(int argc, char** argv) {
  struct args top;
  int next;
  int code = args_parse_top(&top, argc, argv, &next);
  settle(&top);
  if (code != 0) return code;
  if (top.given[OPT_VERSION]) {
    print("uvshm %s (libuv %s)\n", uvshm_version_string(), uv_version_string());
    return EXIT_OK;
  }
  if (top.given[OPT_HELP]) {
    help_tool();
    return EXIT_OK;
  }
  if (next >= argc) return report_usage(NULL, "a command is missing");

  const char* second = next + 1 < argc ? argv[next + 1] : NULL;
  int words;
  const struct command* command = command_of(argv[next], second, &words);
  next += words - 1;
  if (command != NULL) return run_command(command, argc - next, argv + next);
  const char* first = argv[next + 1 - words];
  if (words == 1 && args_dir != NULL)
    return report_usage(NULL, "--dir is for the commands of uvshm itself");
  if (words == 1 && external_run(first, argv + next, &code)) return code;
  return no_command(first, words == 2 ? second : NULL);
}


int main(int argc, char** argv) {
  argv = argv_utf8(&argc, uv_setup_args(argc, argv));
  out_init();
  int code = run(argc, argv);

  /* A full disk behind stdout must not pass for success. */
  int err = out_flush();
  if (err < 0 && code == EXIT_OK)
    code = err == UV_EPIPE ? EXIT_FAILED
                           : report_as(EXIT_FAILED,
                                       "cannot write to stdout: %s",
                                       uv_strerror(err));
  return code;
}
