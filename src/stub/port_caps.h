/* SPDX-License-Identifier: MIT */

/* What this system can and cannot do, as constants. Portable code branches on
 * them, so that both branches compile everywhere. A real backend says the
 * reason beside each. */

#ifndef UVSHM_PORT_CAPS_H_
#define UVSHM_PORT_CAPS_H_

#include "core/control_layout.h"

/* How a death is told and how a waiter sleeps: one of the UVSHM__LIVENESS_ and
 * UVSHM__WAITING_ constants. They lie in every header, and an object that was
 * made with another kind is refused. A new way needs a new number. */
#define UVSHM__PORT_LIVENESS 0u
#define UVSHM__PORT_WAITING UVSHM__WAITING_POLL

/* 1: uvshm__port_wake() wants to be called for each sleeping lane. */
#define UVSHM__PORT_WAKES_LANES 0

/* 1: uvshm__port_bell_fileno() gives what uv_poll_init() takes. */
#define UVSHM__PORT_BELL_POLLS 0

/* 1: the system itself removes an object with its last user, so nobody has to
 * unlink it, and a crash leaves nothing behind. */
#define UVSHM__PORT_LIFETIME_BY_KERNEL 0

/* 1: a child finds an inherited handle under the value it has here; 0: through
 * a slot of its standard handles. */
#define UVSHM__PORT_INHERITS_VALUES 0

/* The longest name, in bytes, that the system takes; longer ones are hashed. */
#define UVSHM__PORT_NAME_LIMIT 255

/* Where objects lie, as a word for messages. */
#define UVSHM__PORT_PLACE "nowhere"

/* 1: the system has named locks of its own, which tell of their owner's
 * death, and the backend a port_native.c for them. */
#define UVSHM__PORT_NATIVE_LOCKS 0

/* 1: a caller may say in which folder a name lies. */
#define UVSHM__PORT_TAKES_DIRS 0

#endif /* UVSHM_PORT_CAPS_H_ */
