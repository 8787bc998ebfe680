/* SPDX-License-Identifier: MIT */

/* region: memory that several processes map.
 *
 *   uvshm_region_t* region;
 *   uvshm_region_options_t options = { .flags = UVSHM_CREATE, .size = 4096 };
 *   int err = uvshm_region_open(&region, "hello", &options);
 *   if (err < 0) return die(uvshm_strerror(err));
 *   strcpy(uvshm_region_base(region), "hello, other process");
 *   uvshm_region_close(region);
 *
 * The bytes are the caller's. What uvshm needs to know (exact size, lifetime,
 * who is attached) lies in a control area of 64 KiB in front of them.
 *
 * A name is 1 to 200 bytes of UTF-8 without `/`, `\`, control characters or a
 * leading dot, and means the same object on every system. All kinds of objects
 * share one space of names.
 *
 * Threads: a handle may be used by any number of threads at once, except that
 * nothing may use it during and after close. No call here touches a uv_loop_t.
 * Blocking: open, close and unlink make system calls and wait, at most
 * `timeout_ms`, for another process that is just making or removing the object;
 * grow, sync and advise make system calls; the others do not block.
 */

#ifndef UVSHM_REGION_H_
#define UVSHM_REGION_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_region_s uvshm_region_t;

/* Changes of this process are seen by this process alone (copy on write). Of a
 * file that is not managed it takes no more than the right to read it. Growing
 * is not among them: the region becomes larger for all. */
#define UVSHM_REGION_PRIVATE (1u << 16)

/* The name is the exact name that the system uses, and the bytes are another
 * program's: no control area, no lifetime, no growth. POSIX: a shm_open name
 * ("/name"). Windows: a section name ("Local\name"). System V, on POSIX:
 * "sysv:key=0x1234", "sysv:id=7", "sysv:ftok=/path:1", "sysv:private". */
#define UVSHM_REGION_FOREIGN (1u << 17)

/* Ask for huge pages; uvshm_region_info() tells what was got. */
#define UVSHM_REGION_HUGE (1u << 18)

typedef struct {
  uint32_t flags;       /* UVSHM_CREATE ... and UVSHM_REGION_... */
  uint32_t mode;        /* POSIX permission bits of a new object; 0: 0600 */
  uint64_t size;        /* bytes, to create; 0 when it must exist */
  uint64_t max_size;    /* the most it may grow to; 0: size, no growth */
  uint64_t offset;      /* a window: its first byte, a multiple of */
                        /* uvshm_region_alignment() */
  uint64_t window_size; /* its size; 0: all from `offset` to max_size */
  uint64_t timeout_ms;  /* for the open itself; 0: 5000 */
  const char* group; /* POSIX: group name. Windows: account or SID that may */
                     /* read and write as well. NULL: none */
  const char* sddl;  /* Windows: the whole DACL in SDDL, or "service" for */
                     /* the preset: services and interactive users read, */
                     /* this user writes. NULL: this user and SYSTEM */
  const char* label; /* what listings call this process; NULL: the */
                     /* program's name */
} uvshm_region_options_t;

/* When an object ends: flags.h says how each is chosen. FOREIGN: that is its
 * maker's business. */
typedef enum {
  UVSHM_LIFETIME_LAST_CLOSE = 0,
  UVSHM_LIFETIME_KEEP = 1,
  UVSHM_LIFETIME_FILE = 2,
  UVSHM_LIFETIME_FOREIGN = 3
} uvshm_lifetime_t;

/* What can become of a name while a handle has the object open. The handle goes
 * on; nobody else finds the object any more. */
#define UVSHM_NAME_REMOVED 1u  /* it was unlinked, by whoever may */
#define UVSHM_NAME_REPLACED 2u /* and it means another object now */

typedef struct {
  uint64_t size;           /* exact size in bytes, as asked for or grown to */
  uint64_t max_size;       /* the most that it may grow to */
  uint64_t committed_size; /* memory that exists for it, control included */
  uint64_t reserved_size;  /* address space that this handle has mapped */
  uint64_t page_size;      /* of the mapping, bytes */
  uint64_t granule_size;   /* growth and sizes in memory are multiples of it */
  uint64_t created_ms;     /* Unix time in milliseconds; 0: not known */
  uint64_t attached_ms;    /* the last attach */
  uint64_t detached_ms;    /* the last clean detach; 0: none yet */
  uvshm_lifetime_t lifetime; /* when it ends */
  uint32_t readonly;         /* 1: this handle reads only */
  uint32_t huge;             /* 1: huge pages were got */
  uint32_t peers;        /* peers attached for writing, dead ones left out */
  uint32_t creator_pid;  /* as the creator saw itself; 0: not known */
  uint32_t owner_uid;    /* POSIX; 0 elsewhere */
  uint32_t mode;         /* POSIX permission bits; 0 elsewhere */
  uint32_t name_lost;    /* 0, or what became of its name: UVSHM_NAME_... */
  char owner[64];        /* user name, or SID as text */
  char sddl[256];        /* Windows: the DACL as SDDL; empty elsewhere */
  char system_name[288]; /* what the system calls it; a path on Linux */
} uvshm_region_info_t;

/* Attach to the region `name`, making it if UVSHM_CREATE says so.
 *
 * On success the handle is the caller's until uvshm_region_close(). A new
 * region reads as zeros, and its memory exists: a full /dev/shm is UV_ENOSPC
 * here, never a SIGBUS later. `options` may be NULL (attach to what exists);
 * it is read only during the call. When the region exists, `size` may be 0 or
 * at most its size; larger is UV_ENOSPC.
 *
 * With `name` NULL and UVSHM_CREATE the region is anonymous: reached by forked
 * children (uvshm_region_rejoin) and by those it is handed to, see below.
 *
 *   0                   attached
 *   UVSHM_UNCLEAN       attached; see UVSHM_UNCLEAN_OK
 *   UV_ENOENT           there is none; or, with lifetime last close, its last
 *                       user is gone
 *   UV_EEXIST           UVSHM_EXCLUSIVE and it is there
 *   UV_EPERM            the name was taken by another user
 *   UV_EACCES           the rights do not let us in
 *   UV_EPROTO           what lies there is not uvshm's, or is damaged
 *   UV_EPROTONOSUPPORT  made with another format
 *   UV_EPROTOTYPE       the name belongs to a segment, a mutex ...
 *   UV_ENOSPC           no room for `size` bytes
 *   UV_ENOMEM           no address space
 *   UV_EMFILE           no descriptor, or all peer slots are taken
 *   UV_ETIMEDOUT        another process was busy making it for timeout_ms
 *   UV_EINVAL           a bad name, flag, size or offset; a folder, a symbolic
 *                       link or a device has that name
 *   UV_ENOTSUP          this system cannot do what a flag asks for
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_open(
    uvshm_region_t** region,
    const char* name,
    const uvshm_region_options_t* options);

/* Detach. The last one out of a region without UVSHM_KEEP removes it. NULL is
 * fine. Pointers into the region are invalid afterwards. In a forked child that
 * has not rejoined it frees the handle and leaves the parent's peer alone. */
UVSHM_EXTERN void uvshm_region_close(uvshm_region_t* region);

/* Remove the name. An open then finds nothing, a create makes a new, empty
 * region at once, and whoever still has the old one keeps it until close.
 * `flags`: 0, UVSHM_SYSTEM, UVSHM_FILE | UVSHM_MANAGED with a path, or
 * UVSHM_REGION_FOREIGN with a name as that flag takes it.
 *
 *   0, UV_ENOENT, UV_EPERM, UV_EPROTOTYPE
 *   UV_ENOTSUP          foreign, on Windows: it goes with its last user
 *   UV_EBUSY            this system cannot remove it while it is in use
 *                       (PLATFORMS.md)
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_unlink(const char* name,
                                                      uint32_t flags);

/* The first byte of the region, or of the window. Differs from process to
 * process; page aligned; valid until close. Never fails. */
UVSHM_EXTERN void* uvshm_region_base(const uvshm_region_t* region);

/* The exact size in bytes, as grown by any process up to now; of a window, how
 * much of it exists. Never fails; one load. */
UVSHM_EXTERN uint64_t uvshm_region_size(const uvshm_region_t* region);

/* What the offset of a window must be a multiple of: the page size on POSIX,
 * 64 KiB on Windows. */
UVSHM_EXTERN uint64_t uvshm_region_alignment(void);

/* Make the region at least `size` bytes large. Every attached process sees the
 * new bytes (zeros) at once, and no address changes. A smaller size than the
 * present one changes nothing: regions do not shrink. Any process may grow; two
 * at once end with the larger size.
 *
 *   0, UV_ENOSPC (memory is full, or above max_size), UV_ENOMEM (this handle
 *   has mapped less than that), UV_EACCES (read-only), UV_ENOTSUP (foreign, or
 *   a file that is not managed), UV_ENOTCONN
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_grow(uvshm_region_t* region,
                                                    uint64_t size);

/* What a process may do with a range. */
#define UVSHM_PROTECT_NONE 0u
#define UVSHM_PROTECT_READ 1u
#define UVSHM_PROTECT_WRITE 2u /* and read */

/* Change what this process may do with a range (size 0: all that exists from
 * offset on), which must begin and end at a page (or end at the region's end).
 * Other processes are not affected.
 *
 *   0, UV_EINVAL (range), UV_EACCES (a read-only attach cannot be widened)
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_protect(uvshm_region_t* region,
                                                       uint64_t offset,
                                                       uint64_t size,
                                                       uint32_t access);

/* Write a range (size 0: all from offset on) of a file-backed region to its
 * file. `wait` 1: return when it is on the disk; 0: only start. Does nothing
 * for memory without a file. May block for as long as the disk takes. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_sync(uvshm_region_t* region,
                                                    uint64_t offset,
                                                    uint64_t size,
                                                    int wait);

#define UVSHM_ADVISE_PREFAULT (1u << 0) /* map the pages in now */
#define UVSHM_ADVISE_LOCK (1u << 1)     /* keep them in memory */
#define UVSHM_ADVISE_HUGE (1u << 2)     /* use huge pages if there are any */

/* Ask for something about a range (size 0: all that exists from offset on).
 * `got`, when not NULL, tells which of it was done. Huge pages that cannot be
 * had are no error, nor are pages from which uvshm_region_protect() has taken
 * rights: those are not mapped in.
 *
 *   0, UV_EINVAL, UV_ENOMEM (above the limit of locked memory), UV_ENOTSUP
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_advise(uvshm_region_t* region,
                                                      uint64_t offset,
                                                      uint64_t size,
                                                      uint32_t advice,
                                                      uint32_t* got);

/* Fill `info`. Makes system calls, but does not block. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_info(
    const uvshm_region_t* region, uvshm_region_info_t* info);

/* Change mode, group or DACL of an existing region to those of `options`; its
 * other fields are not looked at, and fields that are 0 or NULL change nothing.
 *
 *   0, UV_EPERM (not the owner), UV_EINVAL (no such group, bad SDDL)
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_set(
    uvshm_region_t* region, const uvshm_region_options_t* options);

/* In a forked child: become a peer of one's own, on the same mapping at the
 * same address. Until then every other call with the parent's handle is
 * UV_ENOTCONN. In a process that is a peer already it does nothing.
 *
 *   0, UV_EMFILE, UV_ENXIO (the parent was the last user and is gone),
 *   UV_ENOMEM (no memory for its mapping; or made by clone() by hand, and
 *   something else lies there by now)
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_rejoin(uvshm_region_t* region);

/* ---- handing an anonymous region to another process ---------------------- */

/* Those of libuv, so that this header does not need <uv.h>. */
struct uv_process_options_s;
struct uv_stream_s;

/* Bytes of a ticket, with its final zero. */
#define UVSHM_TICKET_SIZE 64

/* One call before uv_spawn(): prepare `options` so that the child can open the
 * region, and write into `ticket` (UVSHM_TICKET_SIZE bytes) the text that the
 * child opens it with; pass it as an argument, say. Takes element `index` (3 or
 * more, below stdio_count) of options->stdio for itself. With UVSHM_READONLY in
 * `flags` the child's handle and mapping cannot be widened, and a child that
 * runs as another user has no way to write; one of the same user that is bent
 * on it has the system's own (/proc/self/fd). Anonymous regions cannot be made
 * smaller by anyone where the system can see to that (Linux seals). What was
 * prepared lasts until the region is closed.
 *
 *   0, UV_EINVAL (index, flags), UV_ENOTSUP (a region with a name: the child
 *   opens it by that), UV_EMFILE
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_prepare(
    uvshm_region_t* region,
    struct uv_process_options_s* options,
    int index,
    uint32_t flags,
    char* ticket);

/* One call in the child. Each ticket is for one call: another one with it is a
 * mistake that may not be found out. Of `options` (may be NULL) the flags
 * UVSHM_READONLY and UVSHM_REGION_PRIVATE, the window and the label count.
 * Results as uvshm_region_open(); UV_EINVAL: no such ticket here. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_accept(
    uvshm_region_t** region,
    const char* ticket,
    const uvshm_region_options_t* options);

/* Send the region to the process at the other end of `pipe`, a uv_pipe_t that
 * was initialised with ipc 1, and receive one there. Both block, at most
 * `timeout_ms`, and are for a moment when libuv neither reads nor writes on
 * that pipe: before uv_read_start(), or after uv_read_stop().
 *
 *   0, UV_ETIMEDOUT, UV_EOF, UV_EPROTO (something else came), UV_ENOTSUP
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_send(uvshm_region_t* region,
                                                    struct uv_stream_s* pipe,
                                                    uint32_t flags,
                                                    uint64_t timeout_ms);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_region_recv(
    uvshm_region_t** region,
    struct uv_stream_s* pipe,
    const uvshm_region_options_t* options,
    uint64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_REGION_H_ */
