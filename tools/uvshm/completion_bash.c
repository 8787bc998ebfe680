/* SPDX-License-Identifier: MIT */

/* Completion for bash 3.2 and later.
 *
 * bash gives the words of the line; which of them are values of options, and
 * which are operands, is found out here, from the left. `--dir=x` comes as
 * three words.
 */

#include "completion.h"
#include "out.h"

#include <stdlib.h>


static const char* operand_word(enum operand_kind operand) {
  static const char* const words[] = {
      "none", "name", "file", "command", "program", "shell", "bench"};
  return words[operand];
}


static bool takes_value(const struct option_spec* option) {
  return option->value != NULL;
}


static bool takes_file(const struct option_spec* option) {
  return option->kind == OPTION_FILE;
}


static bool takes_folder(const struct option_spec* option) {
  return option->kind == OPTION_FOLDER;
}


static void option_words(const struct option_spec* options) {
  print(" options+='");
  completion_spellings(options, NULL);
  print("' values+='");
  completion_spellings(options, takes_value);
  print(" ' files+='");
  completion_spellings(options, takes_file);
  print(" ' folders+='");
  completion_spellings(options, takes_folder);
  print(" '");
}


/* What each command, and the first word of each group, takes. */
static void cases(void) {
  for (const struct command* command = commands; command->name; command++) {
    if (command->hidden) continue;
    print(
        "    '%s') operand=%s", command->name, operand_word(command->operand));
    option_words(command->options);
    const char* choices = operand_choices(command->operand);
    print(" words='%s' ;;\n", choices != NULL ? choices : "");
  }
  for (const struct command* group = completion_group(NULL); group != NULL;
       group = completion_group(group)) {
    char* first = command_first(group);
    print("    %s) operand=second seconds='", first);
    completion_seconds(first);
    print("' ;;\n");
    free(first);
  }
}


static void takes(void) {
  print(
      "_uvshm_takes() {\n"
      "  operand=none options= values= files= folders= words= seconds=\n"
      "  case $1 in\n");
  cases();
  print("    '') operand=command");
  option_words(args_top_options);
  print(
      " ;;\n"
      "    *) return 1 ;;\n"
      "  esac\n ");
  option_words(args_common_options);
  print("\n}\n");
}


/* Options whose values are some words. Of one name there is one kind. */
static void choices_of(void) {
  static const enum option_kind kinds[] = {
      OPTION_COLOR, OPTION_KIND, OPTION_ORDER};
  static const char* const names[] = {"--color", "--kind", "--sort"};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    print("    %s) choices='%s' ;;\n", names[i], option_choices(kinds[i]));
}


/* Which command it is, the operand that we are at, and the option in `last`
 * whose value is to come. */
static void look_left(void) {
  print(
      "_uvshm_add() {\n"
      "  local line\n"
      "  while IFS= read -r line; do COMPREPLY+=(\"$line\"); done\n"
      "}\n"
      "_uvshm() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} command= operands=0 last= word\n"
      "  local operand options values files folders words seconds\n"
      "  local choices= line i\n"
      "  local -a dir=()\n"
      "  COMPREPLY=()\n"
      "  _uvshm_takes ''\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    [[ -n $last && $word == = ]] && continue\n"
      "    if [[ -n $last ]]; then\n"
      "      [[ $last == --dir ]] && dir=(--dir \"$word\")\n"
      "      last=\n"
      "      continue\n"
      "    fi\n"
      "    case $word in\n"
      "      -*) [[ $values == *\" $word \"* ]] && last=$word ;;\n"
      "      *) if [[ -z $command ]]; then command=$word\n"
      "         elif [[ $operand == second ]]; then command+=\" $word\"\n"
      "         else ((operands++)); fi\n"
      "         [[ $operands -eq 0 ]] || continue\n"
      "         _uvshm_takes \"$command\" || return ;;\n"
      "    esac\n"
      "    [[ $operand == program && $operands -ge 1 ]] && break\n"
      "  done\n"
      "  [[ -n $last && $cur == = ]] && cur=\n"
      "  case $last in\n");
  choices_of();
  print("  esac\n");
}


void completion_bash(void) {
  print("# bash completion for uvshm\n");
  takes();
  look_left();
  print(
      "  if [[ -n $choices ]]; then\n"
      "    _uvshm_add < <(compgen -W \"$choices\" -- \"$cur\")\n"
      "  elif [[ -n $last && $files == *\" $last \"* ]]; then\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    _uvshm_add < <(compgen -f -- \"$cur\")\n"
      "  elif [[ -n $last && $folders == *\" $last \"* ]]; then\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    _uvshm_add < <(compgen -d -- \"$cur\")\n"
      "  elif [[ -n $last ]]; then return\n"
      "  elif [[ $operand == program && $operands -ge 1 ]]; then\n"
      "    _uvshm_add < <(compgen -c -f -- \"$cur\")\n"
      "  elif [[ $cur == -* ]]; then\n"
      "    _uvshm_add < <(compgen -W \"$options\" -- \"$cur\")\n"
      "  else\n"
      "    case $operand in\n"
      "      command) _uvshm_add < <(compgen -W '");
  completion_commands();
  print(
      "' -- \"$cur\") ;;\n"
      "      second) _uvshm_add < <(compgen -W \"$seconds\" -- \"$cur\") ;;\n"
      "      shell|bench)\n"
      "        _uvshm_add < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
      "      file) compopt -o filenames 2>/dev/null\n"
      "        _uvshm_add < <(compgen -f -- \"$cur\") ;;\n"
      "      name|program)\n"
      "        while IFS= read -r line; do\n"
      "          line=$(printf %%q \"$line\")\n"
      "          [[ $line == \"$cur\"* ]] && COMPREPLY+=(\"$line\")\n"
      "        done < <(uvshm ls ${dir[@]+\"${dir[@]}\"} " COMPLETION_NAMES
      ") ;;\n"
      "    esac\n"
      "  fi\n"
      "}\n"
      "complete -F _uvshm uvshm\n");
}
