/* SPDX-License-Identifier: MIT */

/* The whole screen of a terminal, for a command that draws on it: taken, and
 * given back as it was, however the program ends. */

#ifndef UVSHM_TOOL_TERMINAL_H_
#define UVSHM_TOOL_TERMINAL_H_

#include <stdbool.h>

/* What switches to the other screen of a terminal, without a cursor and without
 * wrapping, and back. */
#define TERMINAL_TAKE "\033[?1049h\033[?25l\033[?7l\033[2J"
#define TERMINAL_GIVE "\033[?7h\033[?25h\033[?1049l"

/* From now on a crash of this program gives the screen back first. */
void terminal_guard(void);

/* Stop this program, as Ctrl-Z does; returns when it is continued. Where there
 * is no such thing it returns at once. The screen has been given back. */
void terminal_suspend(void);

/* Is this the terminal's foreground program? One in the background that changes
 * the terminal's mode is stopped by the system. */
bool terminal_is_ours(void);

#endif /* UVSHM_TOOL_TERMINAL_H_ */
