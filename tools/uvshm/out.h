/* SPDX-License-Identifier: MIT */

/* Where the tool's words go. Data goes to stdout, messages, questions and
 * progress to stderr; colour only where somebody sees it.
 *
 * All calls are for the main thread.
 */

#ifndef UVSHM_TOOL_OUT_H_
#define UVSHM_TOOL_OUT_H_

#include <stdbool.h>
#include <stddef.h>

/* Lets the compiler compare arguments with the format. */
#if defined(__MINGW_PRINTF_FORMAT)
# define OUT_PRINTF(text, first)                                               \
  __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#elif defined(__GNUC__)
# define OUT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
# define OUT_PRINTF(text, first)
#endif

enum out_color {
  OUT_COLOR_AUTO,
  OUT_COLOR_ALWAYS,
  OUT_COLOR_NEVER
};

enum out_style {
  OUT_PLAIN,
  OUT_BOLD,
  OUT_DIM,
  OUT_RED,
  OUT_GREEN,
  OUT_YELLOW,
  OUT_STYLES
};

/* Find out what stdout and stderr are. Once, before anything else here. */
void out_init(void);

/* --color=WHEN. With AUTO: on a terminal, unless NO_COLOR is set or TERM is
 * dumb; elsewhere only when CLICOLOR_FORCE is set. */
void out_set_color(enum out_color when);

/* To stdout, buffered. Text for people must have been escaped (text.h). */
void print(const char* format, ...) OUT_PRINTF(1, 2);
void out_bytes(const void* bytes, size_t size);

/* Everything out. 0 or a UV_E code, also that of an earlier failure. */
int out_flush(void);

/* Has nothing failed so far? For loops that print a lot. */
bool out_is_good(void);

/* To stderr at once, after all that went to stdout before. */
void say(const char* format, ...) OUT_PRINTF(1, 2);

/* What begins and ends a style on stdout or stderr; empty without colour.
 * OUT_PLAIN ends every style. */
const char* out_style(enum out_style style);
const char* err_style(enum out_style style);

bool in_is_terminal(void);
bool out_is_terminal(void);
bool err_is_terminal(void);

/* Columns of the terminal on stdout, or on stderr; 0 when it is none. */
int out_width(void);
int err_width(void);

/* Lines of the terminal on stdout; 0 when it is none. */
int out_height(void);

/* Ask on stderr and read the answer from stdin: true for y or yes. Only where
 * both are terminals (can_ask); never otherwise. */
bool can_ask(void);
bool ask(const char* question);

#endif /* UVSHM_TOOL_OUT_H_ */
