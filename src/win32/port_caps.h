/* SPDX-License-Identifier: MIT */

/* What Windows can and cannot do, as constants. The same names as in every
 * backend's port_caps.h. */

#ifndef UVSHM_PORT_CAPS_H_
#define UVSHM_PORT_CAPS_H_

#include "core/control_layout.h"

/* A slot is a named event that exists while its process lives: the kernel
 * closes a dead process's handles, whatever killed it. */
#define UVSHM__PORT_LIVENESS UVSHM__LIVENESS_EVENT

/* A waiter sleeps on the named event of its lane. WaitOnAddress and keyed
 * events do not wake across processes, by design. */
#define UVSHM__PORT_WAITING UVSHM__WAITING_EVENT

/* So the waker has to know whose event to set. */
#define UVSHM__PORT_WAKES_LANES 1

/* A bell is a named event, which libuv cannot poll: a thread of the system's
 * pool waits for it. */
#define UVSHM__PORT_BELL_POLLS 0

/* A section of the pagefile lives as long as somebody has a handle or a view:
 * there is nothing to unlink, and a crash leaves nothing behind. */
#define UVSHM__PORT_LIFETIME_BY_KERNEL 1

/* In bytes. 200 bytes are at most 200 UTF-16 units; with `Global\uvshm-`, an
 * incarnation and a suffix that stays below the 260 that Windows documents. The
 * file of a `keep` object has its name percent-encoded and is hashed when that
 * is too long (keep_name() in port_file.c). */
#ifdef UVSHM__NAME_LIMIT
# define UVSHM__PORT_NAME_LIMIT UVSHM__NAME_LIMIT
#else
# define UVSHM__PORT_NAME_LIMIT 200
#endif

/* Where objects lie, as a word for messages. */
#define UVSHM__PORT_PLACE "Local\\"

/* An inheritable handle has the same value in the child; uv_spawn() starts it
 * with all of them. */
#define UVSHM__PORT_INHERITS_VALUES 1

/* A named mutex of Win32 has an owner, an exact name and a way to tell of a
 * death: uvshm can be one of its users. */
#define UVSHM__PORT_NATIVE_LOCKS 1

/* Names lie in the kernel, not in a folder that a caller could choose. */
#define UVSHM__PORT_TAKES_DIRS 0

#endif /* UVSHM_PORT_CAPS_H_ */
