/* SPDX-License-Identifier: MIT */

/* What the scripts for all shells have in common; each has
 * a file of its own, but PowerShell, which is beside fish. */

#ifndef UVSHM_TOOL_COMPLETION_H_
#define UVSHM_TOOL_COMPLETION_H_

#include "args.h"

/* How a script asks for the names of objects: "uvshm ls", the folder, this. */
#define COMPLETION_NAMES "--no-headings -o name 2>/dev/null"

/* In single quotes; `quote` is how the shell writes one inside of them. */
void completion_quoted(const char* text, const char* quote);

/* " --json -b --bytes": all spellings of those that are wanted; NULL: all. */
void completion_spellings(const struct option_spec* option,
                          bool (*wanted)(const struct option_spec*));

/* The first command of each group, after `command`; NULL: no more. */
const struct command* completion_group(const struct command* command);

/* "ls info ...": first words. */
void completion_commands(void);

/* "create put ...": second words of `first`. */
void completion_seconds(const char* first);

void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);
void completion_powershell(void);

#endif /* UVSHM_TOOL_COMPLETION_H_ */
