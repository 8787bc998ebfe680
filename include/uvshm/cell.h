/* SPDX-License-Identifier: MIT */

/* cell: the latest value of one thing, shared by any number of processes: a
 * position, a price, a picture.
 *
 *   uvshm_cell_t* cell;
 *   uvshm_cell_options_t options = {.size = sizeof(position)};
 *   err = uvshm_cell_open(&cell, segment, "position", &options);
 *   err = uvshm_cell_write(cell, &position, sizeof(position));
 *   size = sizeof(position);
 *   err = uvshm_cell_read(cell, &position, &size, NULL);
 *
 * A writer never waits for readers, nor a reader for writers. What is read is
 * one value, whole, and never older than the last write that was done when the
 * read began. Values may have any size up to the largest given when the cell is
 * made, from a few bytes to pictures of many megabytes; those can be written
 * and read in place (claim and commit, peek and release), with no copy at all.
 *
 * A cell has several buffers. A writer fills one that is neither the latest
 * value nor looked at in place, and one compare-and-swap makes it the latest;
 * whoever is killed or stopped before has changed nothing. Memory: (pins +
 * writers + 2) * size.
 *
 *   pins     how many values may be looked at in place at the same moment, by
 *            all readers together. One more is UV_EAGAIN; reading by copy is
 *            never refused
 *   writers  how many may be writing at the same moment without one waiting
 *            for another. More than that may have to wait, so a process that
 *            was stopped in the middle of a write holds others up only when
 *            there are more writers than that. One that died is not waited for
 *
 * Each write gives the cell a new version, larger than all before; 0 is that of
 * a cell that was never written. Calls in the middle of a transaction (txn.h)
 * are no part of it: a rollback takes no write back.
 *
 * Where the segment, or the cell that is known by its name alone, is attached
 * for reading, values can be read, and looked at in place with a check at the
 * end (uvshm_cell_release), but not waited for.
 *
 * Beside what stands with each call, all return UV_ENXIO (the cell was
 * removed), UV_ENOTCONN (a forked child that has not rejoined), UV_EPROTO
 * (damaged); those that write UV_EACCES (attached for reading).
 *
 * Threads: a handle may be used by all threads of its process at once; what one
 * has claimed or peeked at another may commit or release.
 */

#ifndef UVSHM_CELL_H_
#define UVSHM_CELL_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_cell_s uvshm_cell_t;
struct uvshm_segment_s;

/* The largest `pins` and `writers`. */
#define UVSHM_CELL_PINS_MAX 48u
#define UVSHM_CELL_WRITERS_MAX 14u

typedef struct {
  uint32_t flags;      /* UVSHM_EXISTING, UVSHM_EXCLUSIVE; by name alone also */
                       /* UVSHM_KEEP, UVSHM_SYSTEM, UVSHM_READONLY */
  uint32_t pins;       /* when it is made, 1 to 48; 0: 4 */
  uint32_t writers;    /* when it is made, 1 to 14; 0: 2 */
  uint32_t mode;       /* by name alone, as in mutex.h */
  uint64_t size;       /* largest value, in bytes; 0: the cell must exist */
  uint64_t wait_ms;    /* how long a write may wait for other writers, when */
                       /* there are more than `writers`; 0: for ever */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;   /* these three by name alone, as in mutex.h */
  const char* sddl;
  const char* label;
} uvshm_cell_options_t;

typedef struct {
  uint64_t version;   /* of the latest value; 0: none was written */
  uint64_t size;      /* of the latest value, bytes */
  uint64_t size_max;  /* of any value */
  uint32_t pins;      /* as the cell was made */
  uint32_t pins_used; /* values that are looked at in place just now */
  uint32_t writers;   /* as the cell was made */
  uint32_t writing;   /* buffers that are claimed just now */
  uint32_t buffers;   /* all there are */
  uint32_t waiters;   /* threads that sleep until there is news */
} uvshm_cell_info_t;

/* Find or make the cell `name`, in `segment` or, when that is NULL, known by
 * its name alone. A segment must stay open longer. An existing cell keeps the
 * numbers it was made with.
 *
 *   0, UV_ENOENT, UV_EEXIST, UV_EPROTOTYPE (another kind of object), UV_ENOSPC,
 *   UV_EMSGSIZE (it exists, for values smaller than `size`), UV_EINVAL,
 *   and by name alone what uvshm_segment_open() returns */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_open(
    uvshm_cell_t** cell,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_cell_options_t* options);

/* Give the handle back, and what it has claimed and peeked at. NULL is fine. */
UVSHM_EXTERN void uvshm_cell_close(uvshm_cell_t* cell);

/* Remove the cell. Whoever has it open in a segment gets UV_ENXIO from now on;
 * one known by its name alone goes on with those who have it. `flags`: 0, or
 * UVSHM_SYSTEM by name alone. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* ---- by copy ------------------------------------------------------------- */

/* Make `size` bytes the latest value.
 *   UV_EMSGSIZE   more than the cell is made for
 *   UV_ETIMEDOUT  (wait_ms) there are more writers than the cell is made for
 *   UV_EMFILE     the same, and all lanes are taken
 *   UV_ECANCELED  the same, and uvshm_cell_cancel() was called */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_write(uvshm_cell_t* cell,
                                                   const void* data,
                                                   size_t size);

/* Copy the latest value into `data`, which has room for *size bytes; *size
 * becomes its size, *version (may be NULL) its version. After a failure the
 * bytes at `data` may be anything.
 *
 *   UV_ENOENT   nothing was written yet
 *   UV_ENOBUFS  the value has *size bytes, more than there is room for
 *   UV_EAGAIN   it was replaced again and again while it was being copied, and
 *               all pins are taken or this process is attached for reading */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_read(uvshm_cell_t* cell,
                                                  void* data,
                                                  size_t* size,
                                                  uint64_t* version);

/* ---- in place ------------------------------------------------------------ */

/* A buffer for the next value, of the cell's largest size, at a multiple of 64
 * (of 16 when the largest size is at most 48). Its bytes are those of some
 * older value. Nobody sees it before uvshm_cell_commit(). Several may be
 * claimed at the same time; the last one that is committed is the latest value.
 * Results as uvshm_cell_write(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_claim(uvshm_cell_t* cell,
                                                   void** data);

/* Make the first `size` bytes of a claimed buffer the latest value, or give it
 * back unused. The buffer is not the caller's any more.
 *   UV_EINVAL    it is no buffer that this handle has claimed
 *   UV_EMSGSIZE  it is smaller; it stays claimed */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_commit(uvshm_cell_t* cell,
                                                    void* data,
                                                    size_t size);
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_abort(uvshm_cell_t* cell,
                                                   void* data);

/* The latest value in place, until uvshm_cell_release(). It stays as it is,
 * however much is written meanwhile, unless attached for reading: then it may
 * be overwritten by a later value at any time, and only release tells.
 *
 *   UV_ENOENT  nothing was written yet
 *   UV_EAGAIN  all pins are taken: read a copy, or try again */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_peek(uvshm_cell_t* cell,
                                                  const void** data,
                                                  size_t* size,
                                                  uint64_t* version);

/* Done with what peek gave, `version` included.
 *   UV_EAGAIN  (attached for reading) it was overwritten meanwhile: whatever
 *              was made of it is void
 *   UV_EINVAL  this handle does not look at it */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_release(uvshm_cell_t* cell,
                                                     const void* data,
                                                     uint64_t version);

/* ---- news ---------------------------------------------------------------- */

/* Wait until the version of the latest value is not *version any more (0: the
 * first value), and store what it is then.
 *
 *   UV_EAGAIN     there is none newer, and timeout_ms was 0
 *   UV_ETIMEDOUT
 *   UV_ECANCELED  uvshm_cell_cancel() was called
 *   UV_EMFILE     it would have to sleep, and all lanes are taken
 *   UV_EACCES     the same where attached for reading
 *
 * Never on a loop thread with a timeout other than 0: it blocks. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_wait(uvshm_cell_t* cell,
                                                  uint64_t* version,
                                                  uint64_t timeout_ms);

/* Wake this process's own blocked calls on this handle with UV_ECANCELED, and
 * refuse those that would block from now on. Any thread. */
UVSHM_EXTERN void uvshm_cell_cancel(uvshm_cell_t* cell);

/* Numbers, as they are just now. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_info(const uvshm_cell_t* cell,
                                                  uvshm_cell_info_t* info);

/* In a forked child, of a cell known by its name alone: become a peer of its
 * own. Of one in a segment, rejoin the segment. What the parent has claimed or
 * peeked at stays the parent's. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_cell_rejoin(uvshm_cell_t* cell);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_CELL_H_ */
