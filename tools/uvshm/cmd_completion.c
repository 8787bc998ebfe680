/* SPDX-License-Identifier: MIT */

/* uvshm completion SHELL: scripts made from the table of commands.
 *
 * The scripts ask `uvshm ls` for names. A name is foreign text, so no script
 * lets its shell expand one: bash's compgen -W would run $(...) in it.
 */

#include "commands.h"
#include "completion.h"
#include "out.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>


void completion_quoted(const char* text, const char* quote) {
  print("'");
  for (; *text != '\0'; text++) {
    if (*text == '\'')
      print("%s", quote);
    else
      print("%c", *text);
  }
  print("'");
}


void completion_spellings(const struct option_spec* option, bool files_only) {
  for (; option != NULL && option->name != NULL; option++) {
    if (files_only && option->kind != OPTION_FILE) continue;
    if (option->letter != 0) print(" -%c", option->letter);
    print(" --%s", option->name);
  }
}


static const char* operand_word(enum operand_kind operand) {
  static const char* const words[] = {
      "none", "name", "file", "command", "program", "shell", "bench"};
  return words[operand];
}


void completion_commands(void) {
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden || !command_begins(command)) continue;
    char* first = command_first(command);
    print("%s%s", command == commands ? "" : " ", first);
    free(first);
  }
}


void completion_seconds(const char* first) {
  const char* between = "";
  for (const struct command* command = commands; command->name; command++) {
    int words;
    const char* second = command_second(command);
    if (second == NULL || command_of(first, second, &words) != command)
      continue;
    print("%s%s", between, second);
    between = " ";
  }
}


/* The first command of each group, after `command`; NULL: no more. */
static const struct command* next_group(const struct command* command) {
  for (command = command == NULL ? commands : command + 1; command->name;
       command++)
    if (command_second(command) != NULL && command_begins(command))
      return command;
  return NULL;
}


/* What each command, and the first word of each group, takes. */
static void bash_cases(void) {
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    print("    '%s') operand=%s options='",
          command->name,
          operand_word(command->operand));
    completion_spellings(command->options, false);
    print("' files='");
    completion_spellings(command->options, true);
    const char* choices = operand_choices(command->operand);
    print(" ' words='%s' ;;\n", choices != NULL ? choices : "");
  }
  for (const struct command* group = next_group(NULL); group != NULL;
       group = next_group(group)) {
    char* first = command_first(group);
    print("    %s) operand=second seconds='", first);
    completion_seconds(first);
    print("' ;;\n");
    free(first);
  }
}


/* Options whose values are some words. Of one name there is one kind. */
static void bash_choices(void) {
  static const enum option_kind kinds[] = {
      OPTION_COLOR, OPTION_KIND, OPTION_ORDER};
  static const char* const names[] = {"--color", "--kind", "--sort"};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    print("    %s) choices='%s' ;;\n", names[i], option_choices(kinds[i]));
}


/* Which command it is, and the operand that we are at. */
static void bash_begin(void) {
  print(
      "# bash completion for uvshm\n"
      "_uvshm() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local command= operands=0 options= files= operand=command i line\n"
      "  local seconds= words=\n"
      "  local groups='");
  for (const struct command* group = next_group(NULL); group != NULL;
       group = next_group(group)) {
    char* first = command_first(group);
    print(" %s ", first);
    free(first);
  }
  print(
      "'\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "      -*) ;;\n"
      "      *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}\n"
      "         elif [[ $groups == *\" $command \"* ]]; then\n"
      "           command+=\" ${COMP_WORDS[i]}\"\n"
      "         else ((operands++)); fi ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n");
}


static void bash(void) {
  bash_begin();
  bash_cases();
  print("    '') options='");
  completion_spellings(args_top_options, false);
  print(
      "' ;;\n"
      "    *) return ;;\n"
      "  esac\n"
      "  options+='");
  completion_spellings(args_common_options, false);
  print(
      "'\n"
      "  COMPREPLY=()\n"
      "  local choices=\n"
      "  case $prev in\n");
  bash_choices();
  print(
      "  esac\n"
      "  if [[ -n $choices ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$choices\" -- \"$cur\"))\n"
      "  elif [[ $files == *\" $prev \"* ]]; then\n"
      "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  elif [[ $operand == program && $operands -ge 1 ]]; then\n"
      "    COMPREPLY=($(compgen -c -f -- \"$cur\"))\n"
      "  elif [[ $cur == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
      "  else\n"
      "    case $operand in\n"
      "      command) COMPREPLY=($(compgen -W '");
  completion_commands();
  print(
      "' -- \"$cur\")) ;;\n"
      "      second) COMPREPLY=($(compgen -W \"$seconds\" -- \"$cur\")) ;;\n"
      "      shell|bench) COMPREPLY=($(compgen -W \"$words\" -- "
      "\"$cur\")) ;;\n"
      "      file) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
      "      name|program)\n"
      "        while IFS= read -r line; do\n"
      "          [[ $line == \"$cur\"* ]] && "
      "COMPREPLY+=(\"$(printf %%q \"$line\")\")\n"
      "        done < <(" COMPLETION_NAMES
      ") ;;\n"
      "    esac\n"
      "  fi\n"
      "}\n"
      "complete -F _uvshm uvshm\n");
}


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
    char* value = choices != NULL
                      ? text_format(":value:(%s)", choices)
                      : text_copy(option->kind == OPTION_FILE ? ":file:_files"
                                  : option->value != NULL     ? ":value: "
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
  print("    # %s\n    %s) _arguments -C '1:command:(", group->name, first);
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


static void zsh(void) {
  print(
      "#compdef uvshm\n"
      "_uvshm_names() {\n"
      "  local -a names\n"
      "  names=(${(f)\"$(" COMPLETION_NAMES
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
      "  _arguments -C '1:command:_uvshm_commands' '*::word:->words'");
  zsh_options(args_top_options);
  zsh_options(args_common_options);
  print(
      "\n"
      "  [[ $state == words ]] || return\n"
      "  case $words[1] in\n");
  for (const struct command* command = commands; command->name; command++)
    if (!command->hidden && command_second(command) == NULL)
      zsh_case(command->name, command);
  for (const struct command* group = next_group(NULL); group != NULL;
       group = next_group(group))
    zsh_group(group);
  print(
      "  esac\n"
      "}\n"
      "# sourced: register; autoloaded from fpath: this is the first call\n"
      "if [[ $funcstack[1] == _uvshm ]]; then _uvshm \"$@\"\n"
      "else compdef _uvshm uvshm; fi\n");
}


int cmd_completion(const struct args* args) {
  static const struct {
    const char* name;
    void (*script)(void);
  } shells[] = {{"bash", bash},
                {"zsh", zsh},
                {"fish", completion_fish},
                {"powershell", completion_powershell}};

  for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
    if (strcmp(args->operands[0], shells[i].name) == 0) {
      shells[i].script();
      return EXIT_OK;
    }
  }
  char* name = text_escape(args->operands[0]);
  int code = report_usage(args->command, "no completion for \"%s\"", name);
  free(name);
  return code;
}
