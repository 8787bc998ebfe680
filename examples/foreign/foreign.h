/* SPDX-License-Identifier: MIT */

/* What the programs of this folder have in common: a child process sends 200
 * messages, now and then; this process gets them through a watch, whose loop is
 * run by another program's loop: that of Qt, of SDL, of Win32. */

#ifndef FOREIGN_H_
#define FOREIGN_H_

#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Is this the child? Then it sends, and *result is what main() returns. */
int foreign_is_child(int argc, char** argv, int* result);

/* Open the channel, watch it, start the child. 0 or an error, said already.
 * `fd` is what the foreign loop has to wait for. */
int foreign_begin(uv_os_fd_t* fd);

/* When `fd` says so, and once a second: run what is due. 1: all is over. */
int foreign_turn(void);

/* What main() returns: 0 when all messages came, in order. */
int foreign_end(void);

#ifdef __cplusplus
}
#endif

#endif /* FOREIGN_H_ */
