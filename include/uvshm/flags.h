/* SPDX-License-Identifier: MIT */

/* Flags and constants that mean the same for every kind of object.
 *
 * An options struct is zeroed for all defaults; `flags` comes first in each. A
 * flag that a call does not know is UV_EINVAL. Bits 0 to 15 are common, bits 16
 * and up belong to the word that the options are for (UVSHM_MUTEX_RECURSIVE).
 *
 * Handles and results are not NULL, unless a call says that they may be, and
 * nothing uses a handle after its close: neither is looked for.
 */

#ifndef UVSHM_FLAGS_H_
#define UVSHM_FLAGS_H_

#include <stdint.h>

/* Make the object if it is not there. Regions and segments must exist
 * otherwise; a lock known by its name alone, or an object in a segment, is
 * always found or made, unless UVSHM_EXISTING is given. What is found stays as
 * it was made: lifetime, scope, rights and sizes are the maker's. */
#define UVSHM_CREATE (1u << 0)

/* With UVSHM_CREATE: UV_EEXIST when it is there already. */
#define UVSHM_EXCLUSIVE (1u << 1)

/* Never make it: UV_ENOENT when it is not there. */
#define UVSHM_EXISTING (1u << 2)

/* Attach for reading. The mapping cannot be widened later. */
#define UVSHM_READONLY (1u << 3)

/* Lifetime `keep`: stays until it is unlinked, or until reboot, also with no
 * process attached. Default: gone when its last user closes it or dies. */
#define UVSHM_KEEP (1u << 4)

/* Scope `system`: for all users of the machine whom the rights let in. Default:
 * this user only. On Windows the name then lies in Global\, which needs a
 * privilege that services have. */
#define UVSHM_SYSTEM (1u << 5)

/* The name is the path of the caller's own file, in UTF-8, and the bytes of the
 * file are the bytes of the region: nothing of uvshm's is in it. Lifetime
 * `file`. */
#define UVSHM_FILE (1u << 6)

/* With UVSHM_FILE: uvshm keeps its control area in the first 64 KiB of the
 * file, so that size, growth, peers and repair work as in any other object. */
#define UVSHM_MANAGED (1u << 7)

/* With UVSHM_MANAGED: open a file that was not closed cleanly before a reboot,
 * if its check passes; the open then returns UVSHM_UNCLEAN. */
#define UVSHM_UNCLEAN_OK (1u << 8)

/* One end of a channel. */
#define UVSHM_READER (1u << 9)
#define UVSHM_WRITER (1u << 10)

/* The name is the path of a folder, a `/` and the object's name: there the
 * object lies instead of in the system's place (Linux: /dev/shm), with the
 * lifetime and scope that it has there. For containers that share nothing but a
 * folder, best one of a tmpfs; every process gives the same folder, whatever
 * path leads to it. Whoever may write to the folder may remove names in it.
 * UV_ENOTSUP on Windows, whose names lie in no folder. */
#define UVSHM_DIR (1u << 11)

/* For regions and segments: another program may cut off the object's file while
 * it is mapped (truncate), and a process that then touches the missing part is
 * sent SIGBUS and dies. With this flag it finds zeros there that are private to
 * it, and every later call with the handle, and with what was opened from it,
 * is UV_EIO; waiting calls end with that. A call that is under way then may end
 * with any result; what it wrote may be lost. To others this peer is dead from
 * its next call on: what it holds passes on as from a dead owner. After a copy
 * of a region's bytes ask uvshm_region_size(), which is 0 then.
 *
 * The first such open sets a handler for SIGBUS, which stays, and passes on
 * what is not its own to the one that was there. A program that sets one later
 * must do the same. It helps no thread that blocks SIGBUS, and not against a
 * file that was made long again before anybody looked: that is zeros. At most
 * 256 such handles at once: UV_EMFILE. Windows cuts off nothing that is mapped;
 * there the flag does nothing. */
#define UVSHM_GUARD (1u << 12)

/* A timeout that never ends. */
#define UVSHM_FOREVER UINT64_MAX

/* Positive results: success with news.
 *
 *   UVSHM_OWNER_DIED  the lock is held; the one who held it before died
 *   UVSHM_UNCLEAN     the file is open; it was not closed cleanly before a
 *                     reboot, and its check passed
 *   UVSHM_MISSED      here is a message; others before it were lost to this
 *                     reader
 *   UVSHM_AGAIN       here is a message; another reader, which died, had it
 */
#define UVSHM_OWNER_DIED 1
#define UVSHM_UNCLEAN 2
#define UVSHM_MISSED 3
#define UVSHM_AGAIN 4

/* The longest portable name, in bytes of UTF-8, without its final zero. */
#define UVSHM_NAME_MAX 200

/* The longest label of a process, in bytes, with its final zero. */
#define UVSHM_LABEL_SIZE 48

#endif /* UVSHM_FLAGS_H_ */
