/* SPDX-License-Identifier: MIT */

/* Prose that fits the terminal. */

#ifndef UVSHM_TOOL_WRAP_H_
#define UVSHM_TOOL_WRAP_H_

/* Columns for prose on stdout: those of the terminal, 80 at most. */
int wrap_width(void);

/* Words to stdout from column `column` on, further lines from `indent` on, and
 * the end of the last line. A word of several parts may break behind a comma. A
 * newline in `text` is a blank. Where there is no room it is not broken at
 * all. */
void wrap_print(const char* text, int column, int indent);

#endif /* UVSHM_TOOL_WRAP_H_ */
