/* SPDX-License-Identifier: MIT */

/* How a command says that something went wrong: one sentence on stderr, and an
 * exit code that scripts can rely on. */

#ifndef UVSHM_TOOL_REPORT_H_
#define UVSHM_TOOL_REPORT_H_

#include "args.h"
#include "out.h"

/* The exit code for a result of the library or of libuv. */
int report_code(int result);

/* Say the library's own sentence for its last failure; its exit code. */
int report(int result);

/* Say a sentence; returns `code`. */
int report_as(int code, const char* format, ...) OUT_PRINTF(2, 3);

/* Say what is wrong with the command line and where help is. */
int report_usage(const struct command* command, const char* format, ...)
    OUT_PRINTF(2, 3);

/* Say something that is no failure; not with --quiet. */
void note(const char* format, ...) OUT_PRINTF(1, 2);

/* Say what was done: with --verbose, or when somebody watches. */
void mention(const char* format, ...) OUT_PRINTF(1, 2);

#endif /* UVSHM_TOOL_REPORT_H_ */
