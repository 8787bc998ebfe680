/* SPDX-License-Identifier: MIT */

/* segment: a region with structure. Locks and everything that is built on them
 * live in one, found by name, and every change survives the death of whoever
 * makes it.
 *
 *   uvshm_segment_t* segment;
 *   uvshm_segment_options_t options = { .flags = UVSHM_CREATE | UVSHM_KEEP,
 *                                       .size = 1 << 20, .max_size = 1 << 30 };
 *   err = uvshm_segment_open(&segment, "shop", &options);
 *   err = uvshm_mutex_open(&lock, segment, "till", NULL);
 *
 * A peer is a process attached to a segment; a lane is what a segment keeps for
 * one of its threads. Both are counted, and the numbers are options of the
 * creator. Threads: as in region.h.
 */

#ifndef UVSHM_SEGMENT_H_
#define UVSHM_SEGMENT_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/region.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_segment_s uvshm_segment_t;

/* Ask for huge pages in this process; uvshm_segment_info() tells what was got
 * (region.huge). The same bit as UVSHM_REGION_HUGE. */
#define UVSHM_SEGMENT_HUGE UVSHM_REGION_HUGE

typedef struct {
  uint32_t flags;      /* as for a region, without UVSHM_REGION_..., and */
                       /* UVSHM_SEGMENT_HUGE */
  uint32_t mode;       /* POSIX permission bits of a new object; 0: 0600 */
  uint64_t size;       /* bytes for the caller's structures; 0: 64 KiB */
  uint64_t max_size;   /* the most it may grow to; 0: size */
  uint32_t peers;      /* most processes at once, 1 to 1024; 0: 64 */
  uint32_t threads;    /* most threads at once that use locks, all processes */
                       /* together, 1 to 4095; 0: 256 */
  uint32_t objects;    /* most named objects, 1 to 65535; 0: 64 */
  uint32_t reserved;   /* 0 */
  uint64_t timeout_ms; /* for the open itself; 0: 5000 */
  const char* group;   /* as in region.h */
  const char* sddl;
  const char* label;
} uvshm_segment_options_t;

typedef struct {
  uvshm_region_info_t region; /* its memory; `size` is the usable part */
  uint32_t peers_max;         /* most processes at once */
  uint32_t threads;           /* lanes in use */
  uint32_t threads_max;       /* most lanes */
  uint32_t objects;           /* named objects */
  uint32_t objects_max;       /* most of them */
  uint32_t format;            /* of its bytes (version.h) */
} uvshm_segment_info_t;

typedef struct {
  uint32_t slot;        /* its place, from 0 on */
  uint32_t pid;         /* as the peer saw itself; may mean another process */
                        /* here, in another pid namespace */
  uint32_t alive;       /* 1 or 0, as the kernel says, not the pid */
  uint32_t self;        /* 1: this is the calling handle */
  uint64_t attached_ms; /* Unix time in milliseconds */
  char label[UVSHM_LABEL_SIZE]; /* what it calls itself */
} uvshm_peer_info_t;

typedef struct {
  const char* type;              /* "mutex", "sem", "map", "root" (heap.h) */
  uint32_t open;                 /* peers that have it open */
  char name[UVSHM_NAME_MAX + 1]; /* in the segment */
} uvshm_object_info_t;

/* Attach to the segment `name`, or make it; results as uvshm_region_open().
 * Meeting a half-made segment it waits at most timeout_ms while the maker
 * lives, and takes over when it is dead. When the segment exists, the sizes and
 * numbers in `options` are ignored. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_open(
    uvshm_segment_t** segment,
    const char* name,
    const uvshm_segment_options_t* options);

/* Detach. Close the handles opened from it first; a lock that a thread of this
 * process still holds is released as if its owner had died. NULL is fine. */
UVSHM_EXTERN void uvshm_segment_close(uvshm_segment_t* segment);

/* Remove the name, as uvshm_region_unlink(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_unlink(const char* name,
                                                       uint32_t flags);

/* As uvshm_region_grow(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_grow(uvshm_segment_t* segment,
                                                     uint64_t size);

/* As uvshm_region_sync(), the whole segment. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_sync(uvshm_segment_t* segment,
                                                     int wait);

/* Sizes and numbers, as they are just now. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_info(
    const uvshm_segment_t* segment, uvshm_segment_info_t* info);

/* The peers, one a call. Start with *cursor 0; UV_ENOENT after the last. A peer
 * that comes or goes meanwhile may or may not be seen. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_peer(
    const uvshm_segment_t* segment, uint32_t* cursor, uvshm_peer_info_t* info);

/* The named objects, one a call, as uvshm_segment_peer(). */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_next(
    const uvshm_segment_t* segment,
    uint32_t* cursor,
    uvshm_object_info_t* info);

/* Read the whole structure and see whether it is well: 0, or UV_EPROTO with a
 * detail that says what is wrong first. Changes nothing. Peers may go on using
 * the segment meanwhile. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_check(
    const uvshm_segment_t* segment);

/* Make it well after deaths: what any blocked peer does by itself, for all dead
 * peers at once, and clear lock words that name nobody. The number of dead
 * peers that were cleared away goes to `repaired`, when not NULL. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_repair(uvshm_segment_t* segment,
                                                       uint32_t* repaired);

/* In a forked child, as uvshm_region_rejoin(). Revives the handles that were
 * opened from the segment too; locks that the parent held stay the parent's.
 * A child made by clone() by hand, which calls no fork handler, has the memory
 * of a segment with a name when it has rejoined; before, no call but this and
 * close is for it, and no pointer. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_segment_rejoin(
    uvshm_segment_t* segment);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_SEGMENT_H_ */
