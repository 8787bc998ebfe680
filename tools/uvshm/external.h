/* SPDX-License-Identifier: MIT */

/* Commands that are programs of their own: `uvshm bridge` runs uvshm-bridge. */

#ifndef UVSHM_TOOL_EXTERNAL_H_
#define UVSHM_TOOL_EXTERNAL_H_

#include <stdbool.h>

/* Run uvshm-NAME, found in PATH, with argv[1] and what follows; its own exit
 * code goes to *code. false: there is no such program. argv[0] is free to be
 * changed. */
bool external_run(const char* name, char** argv, int* code);

/* The command of the tool that is spelled most like `word`; NULL: none is. For
 * free(). */
char* external_similar(const char* word);

#endif /* UVSHM_TOOL_EXTERNAL_H_ */
