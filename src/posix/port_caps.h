/* SPDX-License-Identifier: MIT */

/* What this backend can and cannot do, as data. Every backend defines the same
 * constants, so that portable code branches on them instead of on the system.
 *
 * UVSHM__PORT_FALLBACK is defined by the build where futexes, OFD locks and
 * unnamed files are missing (macOS, the BSDs) and, as a test, on Linux.
 */

#ifndef UVSHM_POSIX_PORT_CAPS_H_
#define UVSHM_POSIX_PORT_CAPS_H_

#include "core/control_layout.h"

#if !defined(UVSHM__PORT_FALLBACK)

/* An OFD lock belongs to an open file description, and a mapping keeps that
 * alive: the lock lives exactly as long as this process's address space. */
# define UVSHM__PORT_LIVENESS UVSHM__LIVENESS_OFD

/* A futex works between processes, also for a waiter that may only read. */
# define UVSHM__PORT_WAITING UVSHM__WAITING_FUTEX

/* A loop polls its FIFO, which Linux lets one process open for both ends. */
# define UVSHM__PORT_BELL_POLLS 1

/* Names lie in /dev/shm, one flat folder for all users. */
# define UVSHM__PORT_NAMES_IN_FOLDER 0
# define UVSHM__PORT_PLACE "/dev/shm"

/* A file can be made without a name (O_TMPFILE, memfd) and be given one, or be
 * opened anew, through /proc/self/fd: a maker that dies leaves nothing. */
# define UVSHM__PORT_UNNAMED_FILES 1

/* Mappings and calls share pages; and the first byte of a word is its lowest,
 * which is what joining counts on (core/peer.c). */
# define UVSHM__PORT_TAKES_CALLS (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#else

/* Byte locks of the process, which every POSIX system has. They vanish when any
 * descriptor of the file is closed; port_peer_fallback.c lives with that. */
# define UVSHM__PORT_LIVENESS UVSHM__LIVENESS_POSIX_LOCK

/* There is nothing to sleep on between processes, so a waiter looks again and
 * again, at most 1 ms apart. */
# define UVSHM__PORT_WAITING UVSHM__WAITING_POLL

/* A thread reads the FIFOs of all loops: not every system's way to poll many
 * things takes FIFOs. */
# define UVSHM__PORT_BELL_POLLS 0

/* A shared memory object of macOS takes no locks, is sized once and cannot be
 * listed. An ordinary mapped file in a folder of the user's own can do all. */
# define UVSHM__PORT_NAMES_IN_FOLDER 1
# define UVSHM__PORT_PLACE "/tmp"

/* A new file has a temporary name until it is published; what a dead maker
 * left is swept by the next maker of that name and by listings. */
# define UVSHM__PORT_UNNAMED_FILES 0

/* Not on every system do mappings and calls share pages. */
# define UVSHM__PORT_TAKES_CALLS 0

#endif

/* A waker wakes a word, wherever its sleepers are. */
#define UVSHM__PORT_WAKES_LANES 0

/* The longest system name, in bytes, prefix included; longer ones are hashed
 * and the full name is read from the header. 255 is what file systems have. The
 * build may lower it, to test what happens where names have 31 bytes. */
#if defined(UVSHM__NAME_LIMIT)
# define UVSHM__PORT_NAME_LIMIT UVSHM__NAME_LIMIT
#elif !defined(UVSHM__PORT_NAME_LIMIT)
# define UVSHM__PORT_NAME_LIMIT 255
#endif

/* A child gets a descriptor through a slot of its standard handles. */
#define UVSHM__PORT_INHERITS_VALUES 0

/* A file stays when its last user dies. The next open, or gc, finds by the
 * locks that nobody is attached, and removes it. */
#define UVSHM__PORT_LIFETIME_BY_KERNEL 0

/* A named lock of the system's that tells of its owner's death: POSIX has none.
 * (A semaphore has no owner; a robust mutex has no name.) */
#define UVSHM__PORT_NATIVE_LOCKS 0

/* A name is a file, which may lie in any folder. */
#define UVSHM__PORT_TAKES_DIRS 1

#endif /* UVSHM_POSIX_PORT_CAPS_H_ */
