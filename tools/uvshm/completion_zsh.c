/* SPDX-License-Identifier: MIT */

/* Completion for zsh: _arguments does the work. */

#include "completion.h"
#include "out.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>


/* What stands between [ and ] in an _arguments spec. */
static char* zsh_text(const char* text) {
  char* result = text_alloc(2 * strlen(text) + 1);
  char* to = result;
  for (; *text != '\0'; text++) {
    if (strchr("[]:\\", *text) != NULL) *to++ = '\\';
    *to++ = *text;
  }
  return result;
}


static void zsh_options(const struct option_spec* option) {
  for (; option != NULL && option->name != NULL; option++) {
    const char* choices = option_choices(option->kind);
    char* value =
        choices != NULL
            ? text_format(":value:(%s)", choices)
            : text_copy(option->kind == OPTION_FILE     ? ":file:_files"
                        : option->kind == OPTION_FOLDER ? ":folder:_files -/"
                        : option->value != NULL         ? ":value: "
                                                        : "");
    char* help = zsh_text(option->help);
    char* spec = text_format("[%s]%s", help, value);
    free(value);
    const char* equals = option->value != NULL ? "=" : "";
    if (option->letter != 0)
      print(" \\\n        {-%c%s,--%s%s}",
            option->letter,
            option->value != NULL ? "+" : "",
            option->name,
            equals);
    else
      print(" \\\n        --%s%s", option->name, equals);
    completion_quoted(spec, "'\\''");
    free(spec);
    free(help);
  }
}


static const char* zsh_operand(enum operand_kind operand) {
  switch (operand) {
    case OPERAND_NAME:
      return "'*:name:_uvshm_names'";
    case OPERAND_FILE:
      return "'*:file:_files'";
    case OPERAND_COMMAND:
      return "'*:command:_uvshm_commands'";
    case OPERAND_PROGRAM:
      return "'1:name:_uvshm_names' '*:::program:_normal'";
    case OPERAND_SHELL:
      return "'1:shell:(bash zsh fish powershell)'";
    case OPERAND_BENCH:
      return "'*:what:(lock map channel segment)'";
    default:
      return "";
  }
}


static void zsh_case(const char* word, const struct command* command) {
  print("    %s) _arguments -S %s", word, zsh_operand(command->operand));
  zsh_options(command->options);
  zsh_options(args_common_options);
  print(" ;;\n");
}


/* Commands of two words: the second is completed, then what follows it. */
static void zsh_group(const struct command* group) {
  char* first = command_first(group);
  print("    # %s\n    %s) _arguments -C -A '-*' '1:command:(",
        group->name,
        first);
  completion_seconds(first);
  print(
      ")' '*::word:->seconds'\n"
      "    [[ $state == seconds ]] || return\n"
      "    case $words[1] in\n");
  for (const struct command* command = commands; command->name; command++) {
    int words;
    const char* second = command_second(command);
    if (second == NULL || command_of(first, second, &words) != command)
      continue;
    print("    # %s\n", command->name);
    zsh_case(second, command);
  }
  print("    esac ;;\n");
  free(first);
}


void completion_zsh(void) {
  print(
      "#compdef uvshm\n"
      "_uvshm_names() {\n"
      "  local -a names\n"
      "  names=(${(f)\"$(uvshm ls \"${uvshm_dir[@]}\" " COMPLETION_NAMES
      ")\"})\n"
      "  compadd -a names\n"
      "}\n"
      "_uvshm_commands() {\n"
      "  local -a commands\n"
      "  commands=(");
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden || !command_begins(command)) continue;
    char* first = command_first(command);
    char* entry =
        text_format("%s:%s",
                    first,
                    command_second(command) != NULL ? "Several commands"
                                                    : command->summary);
    print("\n    ");
    completion_quoted(entry, "'\\''");
    free(entry);
    free(first);
  }
  print(
      ")\n"
      "  _describe -t commands command commands\n"
      "}\n"
      "_uvshm() {\n"
      "  local state line curcontext=$curcontext\n"
      "  local -a uvshm_dir\n"
      "  local -i at=${words[(I)--dir]}\n"
      "  (( at && at < CURRENT )) && "
      "uvshm_dir=(--dir \"${(Q)words[at+1]}\")\n"
      "  _arguments -C -A '-*' '1:command:_uvshm_commands' '*::word:->words'");
  zsh_options(args_top_options);
  zsh_options(args_common_options);
  print(
      "\n"
      "  [[ $state == words ]] || return\n"
      "  case $words[1] in\n");
  for (const struct command* command = commands; command->name; command++)
    if (!command->hidden && command_second(command) == NULL)
      zsh_case(command->name, command);
  for (const struct command* group = completion_group(NULL); group != NULL;
       group = completion_group(group))
    zsh_group(group);
  print(
      "  esac\n"
      "}\n"
      "# sourced: register; autoloaded from fpath: this is the first call\n"
      "if [[ $funcstack[1] == _uvshm ]]; then _uvshm \"$@\"\n"
      "else compdef _uvshm uvshm; fi\n");
}
