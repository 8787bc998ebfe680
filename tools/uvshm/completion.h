/* SPDX-License-Identifier: MIT */

/* What the scripts for all shells have in common; bash and zsh are in
 * cmd_completion.c. */

#ifndef UVSHM_TOOL_COMPLETION_H_
#define UVSHM_TOOL_COMPLETION_H_

#include "args.h"

/* How a script asks for the names of objects. */
#define COMPLETION_NAMES "uvshm ls --no-headings -o name 2>/dev/null"

/* In single quotes; `quote` is how the shell writes one inside of them. */
void completion_quoted(const char* text, const char* quote);

/* " --json -b --bytes": all spellings. Only those that take a file, or all. */
void completion_spellings(const struct option_spec* option, bool files_only);

/* "ls info ...": first words. */
void completion_commands(void);

/* "create put ...": second words of `first`. */
void completion_seconds(const char* first);

void completion_fish(void);
void completion_powershell(void);

#endif /* UVSHM_TOOL_COMPLETION_H_ */
