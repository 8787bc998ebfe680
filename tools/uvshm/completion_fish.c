/* SPDX-License-Identifier: MIT */

/* Completion for fish and for PowerShell. */

#include "completion.h"
#include "out.h"
#include "text.h"

#include <stdlib.h>


static void fish_options(const char* when, const struct option_spec* option) {
  for (; option != NULL && option->name != NULL; option++) {
    print("complete -c uvshm%s -l %s", when, option->name);
    if (option->letter != 0) print(" -s %c", option->letter);
    if (option->kind == OPTION_FILE)
      print(" -r -F");
    else if (option->kind == OPTION_FOLDER)
      print(" -x -a '(__fish_complete_directories)'");
    else if (option_choices(option->kind) != NULL)
      print(" -x -a '%s'", option_choices(option->kind));
    else if (option->value != NULL)
      print(" -x");
    print(" -d ");
    completion_quoted(option->help, "\\'");
    print("\n");
  }
}


static void fish_operand(const char* when, enum operand_kind operand) {
  switch (operand) {
    case OPERAND_NAME:
      print("complete -c uvshm%s -a '(__uvshm_names)'\n", when);
      break;
    case OPERAND_FILE:
      print("complete -c uvshm%s -F\n", when);
      break;
    case OPERAND_COMMAND:
      print("complete -c uvshm%s -a '", when);
      completion_commands();
      print("'\n");
      break;
    case OPERAND_PROGRAM:
      print("complete -c uvshm%s -a '(__uvshm_program)'\n", when);
      break;
    case OPERAND_SHELL:
    case OPERAND_BENCH:
      print("complete -c uvshm%s -a '%s'\n", when, operand_choices(operand));
      break;
    default:
      break;
  }
}


static void fish_command(const struct command* command) {
  print("complete -c uvshm -n __uvshm_begins -a %s -d ", command->name);
  completion_quoted(command->summary, "\\'");
  print("\n");
  char* when = text_format(" -n '__uvshm_in %s'", command->name);
  fish_options(when, command->options);
  fish_operand(when, command->operand);
  free(when);
}


static void fish_two_words(const struct command* command) {
  const char* second = command_second(command);
  char* first = command_first(command);
  if (command_begins(command))
    print(
        "complete -c uvshm -n __uvshm_begins -a %s "
        "-d 'Several commands'\n",
        first);
  print("# %s\ncomplete -c uvshm -n '__uvshm_at %s' -a %s -d ",
        command->name,
        first,
        second);
  completion_quoted(command->summary, "\\'");
  print("\n");
  char* when = text_format(" -n '__uvshm_in %s'", command->name);
  fish_options(when, command->options);
  fish_operand(when, command->operand);
  free(when);
  free(first);
}


/* fish's own __fish_seen_subcommand_from looks for a word anywhere, also where
 * it is the name of an object. */
static void fish_functions(void) {
  print(
      "function __uvshm_words\n"
      "  set -l skip no\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if test $skip = yes\n"
      "      set skip no\n"
      "      continue\n"
      "    end\n"
      "    switch $word\n"
      "      case --dir --color\n"
      "        set skip yes\n"
      "      case '-*'\n"
      "      case '*'\n"
      "        echo -- $word\n"
      "    end\n"
      "  end\n"
      "end\n"
      "function __uvshm_begins\n"
      "  test (count (__uvshm_words)) -eq 0\n"
      "end\n"
      "function __uvshm_in\n"
      "  set -l words (__uvshm_words)\n"
      "  test (count $words) -ge (count $argv); or return 1\n"
      "  set words $words[1..(count $argv)]\n"
      "  test \"$words\" = \"$argv\"\n"
      "end\n"
      "function __uvshm_at\n"
      "  set -l words (__uvshm_words)\n"
      "  test \"$words\" = \"$argv\"\n"
      "end\n"
      "function __uvshm_names\n"
      "  set -l words (commandline -opc)\n"
      "  set -l dir\n"
      "  if set -l at (contains -i -- --dir $words)\n"
      "    set dir --dir $words[(math $at + 1)]\n"
      "  end\n"
      "  uvshm ls $dir " COMPLETION_NAMES
      "\n"
      "end\n"
      "function __uvshm_program\n"
      "  set -l words (commandline -opc)\n"
      "  if set -l at (contains -i -- -- $words)\n"
      "    set -l line (string escape -- $words[(math $at + 1)..-1])\n"
      "    complete -C \"$line \"(commandline -ct)\n"
      "  else\n"
      "    __uvshm_names\n"
      "  end\n"
      "end\n");
}


void completion_fish(void) {
  print(
      "# fish completion for uvshm\n"
      "complete -c uvshm -f\n");
  fish_functions();
  fish_options("", args_common_options);
  fish_options(" -n __uvshm_begins", args_top_options);
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    if (command_second(command) != NULL)
      fish_two_words(command);
    else
      fish_command(command);
  }
}


void completion_powershell(void) {
  print(
      "# PowerShell completion for uvshm\n"
      "Register-ArgumentCompleter -Native -CommandName uvshm -ScriptBlock {\n"
      "  param($word, $ast, $position)\n"
      "  $options = @{\n");
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    print("    '%s' = '", command->name);
    completion_spellings(command->options, NULL);
    print("'\n");
  }
  print(
      "  }\n  $choices = @{\n    '--color' = '%s'\n    '--kind' = '%s'\n"
      "    '--sort' = '%s'\n",
      option_choices(OPTION_COLOR),
      option_choices(OPTION_KIND),
      option_choices(OPTION_ORDER));
  for (const struct command* command = commands; command->name; command++)
    if (operand_choices(command->operand) != NULL)
      print("    '%s' = '%s'\n",
            command->name,
            operand_choices(command->operand));
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
      "    elseif ($choices.ContainsKey(\"$($words[-1])\")) {\n"
      "      $choices[$words[-1]] -split ' ' }\n"
      "    elseif ($word -like '-*') { $options[$command].Trim() -split ' ' }\n"
      "    elseif ($choices.ContainsKey($command)) {\n"
      "      $choices[$command] -split ' ' }\n"
      "    elseif ($named -contains $command) {\n"
      "      uvshm ls --no-headings -o name 2>$null\n"
      "    }\n"
      "  $found | Where-Object { $_ -and $_.StartsWith($word) } | "
      "ForEach-Object {\n"
      "    [System.Management.Automation.CompletionResult]::new($_)\n"
      "  }\n"
      "}\n");
}
