/* SPDX-License-Identifier: MIT */

/* uvshm help, uvshm COMMAND --help, and the same for programs (--json). */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "text.h"
#include "wrap.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_COLUMN 2
#define HELP_COLUMN 29


static void heading(const char* text) {
  print("\n%s%s%s\n", out_style(OUT_BOLD), text, out_style(OUT_PLAIN));
}


/* "  left      text", the text on a line of its own when left is too wide. */
static void print_pair(const char* left, const char* text, int column) {
  int used = OPTION_COLUMN + text_width(left);
  bool narrow = wrap_width() - column < 20;
  if (narrow) column = OPTION_COLUMN + 4;
  print("%*s%s", OPTION_COLUMN, "", left);
  if (used + 2 > column || narrow)
    print("\n%*s", column, "");
  else
    print("%*s", column - used, "");
  wrap_print(text, column, column);
}


static void print_options(const struct option_spec* option) {
  for (; option != NULL && option->name != NULL; option++) {
    char letter[5] = {'-', option->letter, ',', ' ', '\0'};
    char* left = text_format("%s--%s%s%s",
                             option->letter != 0 ? letter : "    ",
                             option->name,
                             option->value != NULL ? " " : "",
                             option->value != NULL ? option->value : "");
    print_pair(left, option->help, HELP_COLUMN);
    free(left);
  }
}


static void print_examples(const char* const* example) {
  if (example == NULL) return;
  heading("Examples");
  for (; *example != NULL; example += 2)
    print("  %s\n      %s%s%s\n",
          example[0],
          out_style(OUT_DIM),
          example[1],
          out_style(OUT_PLAIN));
}


void help_command(const struct command* command) {
  print("%suvshm %s%s%s%s\n",
        out_style(OUT_BOLD),
        command->name,
        out_style(OUT_PLAIN),
        command->operands[0] != '\0' ? " [OPTION...] " : " [OPTION...]",
        command->operands);
  print("%s.\n", command->summary);
  if (command->details != NULL) wrap_print(command->details, 0, 0);
  heading("Options");
  print_options(command->options);
  print_options(args_common_options);
  print_examples(command->examples);
}


/* Of commands with the same first word: how many words there are to say. */
static char* group_summary(const char* first) {
  char* text = NULL;
  for (const struct command* command = commands; command->name; command++) {
    int words;
    const char* second = command_second(command);
    if (second == NULL || command_of(first, second, &words) != command)
      continue;
    char* longer =
        text_format("%s%s%s",
                    text != NULL                ? text
                    : strcmp(first, "php") == 0 ? "Of PHP's variables: "
                                                : "Of maps: ",
                    text != NULL ? ", " : "",
                    second);
    free(text);
    text = longer;
  }
  return text;
}


static void print_line(const struct command* command) {
  char* first = command_first(command);
  bool group = command_second(command) != NULL;
  char* text = group ? group_summary(first) : text_copy(command->summary);
  print_pair(first, text, 14);
  free(text);
  free(first);
}


void help_group(const char* first) {
  print("%suvshm %s%s COMMAND [OPTION...] ...\n",
        out_style(OUT_BOLD),
        first,
        out_style(OUT_PLAIN));
  heading("Commands");
  for (const struct command* command = commands; command->name; command++) {
    int words;
    const char* second = command_second(command);
    if (second != NULL && command_of(first, second, &words) == command)
      print_pair(second, command->summary, 14);
  }
  print("\nuvshm %s COMMAND --help tells more.\n", first);
}


void help_tool(void) {
  print("%suvshm%s [OPTION...] COMMAND ...\n",
        out_style(OUT_BOLD),
        out_style(OUT_PLAIN));
  print("Shared memory between processes: see it, use it, clean up.\n");
  heading("Commands");
  for (const struct command* command = commands; command->name; command++)
    if (!command->hidden && command_begins(command)) print_line(command);
  heading("Options");
  print_options(args_top_options);
  print_options(args_common_options);
  heading("Exit codes");
  print(
      "  0 done        1 failed        2 usage       3 not found\n"
      "  4 timed out   5 no right to   6 in use      7 damaged or "
      "incompatible\n"
      "  130 interrupted\n");
  print("\nuvshm COMMAND --help tells more.\n");
}


static json_t* options_json(const struct option_spec* option) {
  json_t* list = json_array();
  for (; option != NULL && option->name != NULL; option++) {
    char letter[2] = {option->letter, '\0'};
    json_t* entry = json_object();
    json_object_set_new(entry, "name", json_string(option->name));
    if (option->letter != 0)
      json_object_set_new(entry, "letter", json_string(letter));
    if (option->value != NULL)
      json_object_set_new(entry, "value", json_string(option->value));
    json_object_set_new(entry, "help", json_string(option->help));
    json_array_append_new(list, entry);
  }
  return list;
}


static void help_json(void) {
  json_t* document = json_document();
  json_t* list = json_array();
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    json_t* entry = json_object();
    json_object_set_new(entry, "name", json_string(command->name));
    json_object_set_new(entry, "operands", json_string(command->operands));
    json_object_set_new(entry, "summary", json_string(command->summary));
    json_object_set_new(entry, "options", options_json(command->options));
    json_array_append_new(list, entry);
  }
  json_object_set_new(document, "commands", list);
  json_object_set_new(
      document, "common_options", options_json(args_common_options));
  json_object_set_new(document, "options", options_json(args_top_options));
  json_print(document);
}


int cmd_help(const struct args* args) {
  if (args->given[OPT_JSON]) {
    help_json();
    return EXIT_OK;
  }
  if (args->count == 0) {
    help_tool();
    return EXIT_OK;
  }
  int words;
  const struct command* command =
      command_of(args->operands[0], args->operands[1], &words);
  if (args->count == 1 && command_is_group(args->operands[0])) {
    help_group(args->operands[0]);
    return EXIT_OK;
  }
  if (command == NULL || command->hidden || args->count > words) {
    char* name = text_escape(args->operands[0]);
    int code = report_usage(args->command, "there is no command \"%s\"", name);
    free(name);
    return code;
  }
  help_command(command);
  return EXIT_OK;
}
