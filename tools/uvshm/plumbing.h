/* SPDX-License-Identifier: MIT */

/* stdin and stdout as what they are: files, pipes, whatever a shell connects. A
 * command that moves much writes here and not through out.h. */

#ifndef UVSHM_TOOL_PLUMBING_H_
#define UVSHM_TOOL_PLUMBING_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/* The next bytes of stdin, some of them, as soon as there are any: how many, 0
 * at the end, or a UV_E code; UV_ECANCELED: a signal came (stop.h). */
int plumbing_read(void* bytes, size_t size);

/* uv_fs_read() of the next bytes of a file or pipe, also into memory that
 * several processes share. */
int plumbing_read_from(uv_file file, void* bytes, size_t size);

/* All of these to stdout: 0, or a UV_E code. Changes the buffers. */
int plumbing_write(uv_buf_t* bufs, unsigned int count);

/* How many bytes stdin still has if it is a file; 0: that is not known. */
uint64_t plumbing_left(void);

/* Where stdin or stdout (0 or 1) is a pipe and the system lets us: more room in
 * it, so that the program behind it is woken less often. */
void plumbing_widen(int fd);

/* Was this process started with the signal ignored, as nohup(1) does and shells
 * do for what runs in the background? */
bool plumbing_ignores(int signal);

/* Make the system call that this thread waits in end with UV_EINTR. */
void plumbing_poke(const uv_thread_t* thread);

/* Two Unix-domain sockets, each the other's end, to hand to children, where
 * there are such. 0 or a UV_E code. */
bool plumbing_has_sockets(void);
int plumbing_sockets(int fds[2]);

#endif /* UVSHM_TOOL_PLUMBING_H_ */
