/* SPDX-License-Identifier: MIT */

/* Ctrl-C and its like for commands that wait outside of a loop. The wait is
 * cut short, the command closes what it has open, so that nothing is left of
 * it, and ends with 128 and the signal's number. Who has not ended a second
 * later, or is told again, ends as if nothing had been watched.
 *
 * On Windows an ended process leaves nothing behind anyway, and none of this
 * does anything. */

#ifndef UVSHM_TOOL_STOP_H_
#define UVSHM_TOOL_STOP_H_

#include <stdbool.h>

/* From here on signals are watched, by the one caller's thread. */
void stop_begin(void);

/* What ends the wait on `object`; called by another thread, or at once when the
 * signal has come already. */
void stop_cancels(void (*cancel)(void* object), void* object);

/* Has a signal come? */
bool stop_came(void);

/* No more: `code`, or 128 and the signal's number. Before `object` is closed.
 */
int stop_end(int code);

#endif /* UVSHM_TOOL_STOP_H_ */
