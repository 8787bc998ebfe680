/* SPDX-License-Identifier: MIT */

/* uvshm completion SHELL: scripts made from the table of commands.
 *
 * The scripts ask `uvshm ls` for names. A name is foreign text, so no script
 * lets its shell expand one: bash's compgen -W would run $(...) in it.
 */

#include "commands.h"
#include "out.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NAMES "uvshm ls --no-headings -o name 2>/dev/null"


/* In single quotes; `quote` is how the shell writes one inside of them. */
static void print_quoted(const char* text, const char* quote) {
  print("'");
  for (; *text != '\0'; text++) {
    if (*text == '\'')
      print("%s", quote);
    else
      print("%c", *text);
  }
  print("'");
}


/* " --json -b --bytes": all spellings. Only those that take a file, or all. */
static void print_spellings(const struct option_spec* option, bool files_only) {
  for (; option != NULL && option->name != NULL; option++) {
    if (files_only && option->kind != OPTION_FILE) continue;
    if (option->letter != 0) print(" -%c", option->letter);
    print(" --%s", option->name);
  }
}


static const char* operand_word(enum operand_kind operand) {
  static const char* const words[] = {
      "none", "name", "file", "command", "program", "shell"};
  return words[operand];
}


/* "ls info ...": first words. */
static void print_commands(void) {
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden || !command_begins(command)) continue;
    char* first = command_first(command);
    print("%s%s", command == commands ? "" : " ", first);
    free(first);
  }
}


/* "create put ...": second words of `first`. */
static void print_seconds(const char* first) {
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
    print_spellings(command->options, false);
    print("' files='");
    print_spellings(command->options, true);
    print(" ' ;;\n");
  }
  for (const struct command* group = next_group(NULL); group != NULL;
       group = next_group(group)) {
    char* first = command_first(group);
    print("    %s) operand=second seconds='", first);
    print_seconds(first);
    print("' ;;\n");
    free(first);
  }
}


static void bash(void) {
  print(
      "# bash completion for uvshm\n"
      "_uvshm() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local command= operands=0 options= files= operand=command i line\n"
      "  local seconds=\n"
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
  bash_cases();
  print("    '') options='");
  print_spellings(args_top_options, false);
  print(
      "' ;;\n"
      "    *) return ;;\n"
      "  esac\n"
      "  options+='");
  print_spellings(args_common_options, false);
  print(
      "'\n"
      "  COMPREPLY=()\n"
      "  if [[ $prev == --color ]]; then\n"
      "    COMPREPLY=($(compgen -W 'auto always never' -- \"$cur\"))\n"
      "  elif [[ $files == *\" $prev \"* ]]; then\n"
      "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  elif [[ $operand == program && $operands -ge 1 ]]; then\n"
      "    COMPREPLY=($(compgen -c -f -- \"$cur\"))\n"
      "  elif [[ $cur == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
      "  else\n"
      "    case $operand in\n"
      "      command) COMPREPLY=($(compgen -W '");
  print_commands();
  print(
      "' -- \"$cur\")) ;;\n"
      "      second) COMPREPLY=($(compgen -W \"$seconds\" -- \"$cur\")) ;;\n"
      "      shell) COMPREPLY=($(compgen -W 'bash zsh fish powershell' -- "
      "\"$cur\")) ;;\n"
      "      file) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
      "      name|program)\n"
      "        while IFS= read -r line; do\n"
      "          [[ $line == \"$cur\"* ]] && "
      "COMPREPLY+=(\"$(printf %%q \"$line\")\")\n"
      "        done < <(" NAMES
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
    const char* value =
        option->kind == OPTION_FILE    ? ":file:_files"
        : option->kind == OPTION_COLOR ? ":when:(auto always never)"
        : option->kind == OPTION_KIND  ? ":kind:(stream queue topic)"
        : option->value != NULL        ? ":value: "
                                       : "";
    char* help = zsh_text(option->help);
    char* spec = text_format("[%s]%s", help, value);
    const char* equals = option->value != NULL ? "=" : "";
    if (option->letter != 0)
      print(" \\\n        {-%c%s,--%s%s}",
            option->letter,
            option->value != NULL ? "+" : "",
            option->name,
            equals);
    else
      print(" \\\n        --%s%s", option->name, equals);
    print_quoted(spec, "'\\''");
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
  print_seconds(first);
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
      "  names=(${(f)\"$(" NAMES
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
    print_quoted(entry, "'\\''");
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


static void fish_options(const char* when, const struct option_spec* option) {
  for (; option != NULL && option->name != NULL; option++) {
    print("complete -c uvshm%s -l %s", when, option->name);
    if (option->letter != 0) print(" -s %c", option->letter);
    if (option->kind == OPTION_FILE)
      print(" -r -F");
    else if (option->kind == OPTION_COLOR)
      print(" -x -a 'auto always never'");
    else if (option->kind == OPTION_KIND)
      print(" -x -a 'stream queue topic'");
    else if (option->value != NULL)
      print(" -x");
    print(" -d ");
    print_quoted(option->help, "\\'");
    print("\n");
  }
}


static void fish_operand(const char* when, enum operand_kind operand) {
  switch (operand) {
    case OPERAND_NAME:
      print("complete -c uvshm%s -a '(" NAMES ")'\n", when);
      break;
    case OPERAND_FILE:
      print("complete -c uvshm%s -F\n", when);
      break;
    case OPERAND_COMMAND:
      print("complete -c uvshm%s -a '", when);
      print_commands();
      print("'\n");
      break;
    case OPERAND_PROGRAM:
      print("complete -c uvshm%s -a '(" NAMES
            ") "
            "(__fish_complete_subcommand --fcs-skip=3)'\n",
            when);
      break;
    case OPERAND_SHELL:
      print("complete -c uvshm%s -a 'bash zsh fish powershell'\n", when);
      break;
    default:
      break;
  }
}


static void fish_command(const struct command* command) {
  print("complete -c uvshm -n __fish_use_subcommand -a %s -d ", command->name);
  print_quoted(command->summary, "\\'");
  print("\n");
  char* when =
      text_format(" -n '__fish_seen_subcommand_from %s'", command->name);
  fish_options(when, command->options);
  fish_operand(when, command->operand);
  free(when);
}


static void fish_two_words(const struct command* command) {
  const char* second = command_second(command);
  char* first = command_first(command);
  if (command_begins(command))
    print(
        "complete -c uvshm -n __fish_use_subcommand -a %s "
        "-d 'Several commands'\n",
        first);
  print(
      "# %s\ncomplete -c uvshm -n '__fish_seen_subcommand_from %s; and not "
      "__fish_seen_subcommand_from ",
      command->name,
      first);
  print_seconds(first);
  print("' -a %s -d ", second);
  print_quoted(command->summary, "\\'");
  print("\n");
  char* when = text_format(
      " -n '__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from "
      "%s'",
      first,
      second);
  fish_options(when, command->options);
  fish_operand(when, command->operand);
  free(when);
  free(first);
}


static void fish(void) {
  print(
      "# fish completion for uvshm\n"
      "complete -c uvshm -f\n");
  fish_options("", args_common_options);
  fish_options(" -n __fish_use_subcommand", args_top_options);
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    if (command_second(command) != NULL)
      fish_two_words(command);
    else
      fish_command(command);
  }
}


static void powershell(void) {
  print(
      "# PowerShell completion for uvshm\n"
      "Register-ArgumentCompleter -Native -CommandName uvshm -ScriptBlock {\n"
      "  param($word, $ast, $position)\n"
      "  $options = @{\n");
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    print("    '%s' = '", command->name);
    print_spellings(command->options, false);
    print("'\n");
  }
  print("  }\n  $named = @(");
  bool first = true;
  for (const struct command* command = commands; command->name; command++) {
    bool named =
        command->operand == OPERAND_NAME || command->operand == OPERAND_PROGRAM;
    if (command->hidden || !named) continue;
    print("%s'%s'", first ? "" : ", ", command->name);
    first = false;
  }
  print(
      ")\n"
      "  $words = @($ast.CommandElements | Select-Object -Skip 1 |\n"
      "    Where-Object { $_.Extent.EndOffset -lt $position } |\n"
      "    ForEach-Object { \"$_\" })\n"
      "  $plain = @($words | Where-Object { $_ -notlike '-*' })\n"
      "  $command = $plain[0]\n"
      "  $groups = $options.Keys | Where-Object { $_ -like '* *' } |\n"
      "    ForEach-Object { ($_ -split ' ')[0] } | Sort-Object -Unique\n"
      "  $group = $groups -contains $command\n"
      "  if ($group) { $command = $plain[0..1] -join ' ' }\n"
      "  $found = if (-not $command) { $options.Keys |\n"
      "      ForEach-Object { ($_ -split ' ')[0] } | Sort-Object -Unique }\n"
      "    elseif ($group -and $plain.Count -lt 2) { $options.Keys |\n"
      "      Where-Object { $_ -like \"$command *\" } |\n"
      "      ForEach-Object { ($_ -split ' ')[1] } | Sort-Object }\n"
      "    elseif ($word -like '-*') { $options[$command].Trim() -split ' ' }\n"
      "    elseif ($named -contains $command) {\n"
      "      uvshm ls --no-headings -o name 2>$null\n"
      "    }\n"
      "  $found | Where-Object { $_ -and $_.StartsWith($word) } | "
      "ForEach-Object {\n"
      "    [System.Management.Automation.CompletionResult]::new($_)\n"
      "  }\n"
      "}\n");
}


int cmd_completion(const struct args* args) {
  static const struct {
    const char* name;
    void (*script)(void);
  } shells[] = {
      {"bash", bash}, {"zsh", zsh}, {"fish", fish}, {"powershell", powershell}};

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
