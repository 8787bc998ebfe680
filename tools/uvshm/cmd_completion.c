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


void completion_spellings(const struct option_spec* option,
                          bool (*wanted)(const struct option_spec*)) {
  for (; option != NULL && option->name != NULL; option++) {
    if (wanted != NULL && !wanted(option)) continue;
    if (option->letter != 0) print(" -%c", option->letter);
    print(" --%s", option->name);
  }
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


const struct command* completion_group(const struct command* command) {
  for (command = command == NULL ? commands : command + 1; command->name;
       command++)
    if (command_second(command) != NULL && command_begins(command))
      return command;
  return NULL;
}


int cmd_completion(const struct args* args) {
  static const struct {
    const char* name;
    void (*script)(void);
  } shells[] = {{"bash", completion_bash},
                {"zsh", completion_zsh},
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
