/* SPDX-License-Identifier: MIT */

/* heap: memory inside a segment, for structures of one's own.
 *
 *   struct job* job;
 *   uvshm_ref_t* todo;
 *   err = uvshm_heap_root(segment, "todo", &todo);
 *   err = uvshm_heap_alloc(segment, (void**) &job, sizeof(*job), 0);
 *   job->number = 7;
 *   err = uvshm_heap_publish(segment, todo, job, NULL);
 *
 * and in another process
 *
 *   struct job* job;
 *   uvshm_ref_t* todo;
 *   err = uvshm_heap_root(segment, "todo", &todo);
 *   job = uvshm_heap_pointer(segment, uvshm_heap_get(todo), sizeof(*job));
 *
 * Every segment has one heap. What a segment's `size` option gives is what its
 * blocks can have; the heap's bookkeeping comes on top. It grows by itself up
 * to max_size.
 *
 * A block is private at first: it belongs to the process that allocated it, and
 * is freed when that process closes the segment or dies. Publishing it stores
 * its place in a word that others read, and from that moment it belongs to all:
 * it stays until somebody frees it. Killed at any instruction, either both have
 * happened or neither, so nothing is ever lost and nothing freed is linked.
 *
 * An address differs from process to process, so what is stored in the segment
 * is a uvshm_ref_t, which does not. A block lies at a multiple of 64 bytes.
 *
 * Cost: up to 32 KiB a block is one of some 30 sizes, four to a doubling;
 * above, a multiple of 64 KiB; above 1984 KiB it begins at a multiple of 2 MiB.
 *
 * Threads: any. Blocking: alloc and free of up to 32 KiB take no lock as a
 * rule; larger ones, and publish, wait for other processes that do the same;
 * growing makes a system call.
 */

#ifndef UVSHM_HEAP_H_
#define UVSHM_HEAP_H_

#include "uvshm/export.h"
#include "uvshm/segment.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The place of a block in its segment, the same in every process; 0: none. Of
 * the same size and alignment everywhere, so it may be part of one's own
 * structures in the segment. */
#if defined(__cplusplus)
typedef struct {
  alignas(8) uint64_t offset;
} uvshm_ref_t;
#else
typedef struct {
  _Alignas(8) uint64_t offset; /* from a place that is the segment's */
} uvshm_ref_t;
#endif

/* The block belongs to all from the start: it stays until it is freed, also
 * when this process dies before it has told anybody where it is. */
#define UVSHM_HEAP_SHARED (1u << 16)

/* The largest alignment. */
#define UVSHM_HEAP_ALIGNMENT_MAX 4096

typedef struct {
  uint64_t size;           /* bytes that exist for the heap */
  uint64_t max_size;       /* the most that it may grow to */
  uint64_t used;           /* bytes in blocks that are allocated */
  uint64_t free;           /* bytes in blocks that are not */
  uint64_t bookkeeping;    /* bytes that tell which is which */
  uint64_t largest_free;   /* the largest block to be had without growing; */
                           /* may have bytes that small ones keep books in */
  uint64_t blocks;         /* allocated */
  uint64_t private_blocks; /* of these, not published */
  uint32_t fragmentation;  /* per cent of `free` that the largest leaves out */
  uint32_t reserved;
} uvshm_heap_info_t;

/* ---- blocks -------------------------------------------------------------- */

/* Allocate a block of `size` bytes, which may hold anything. `flags`: 0 or
 * UVSHM_HEAP_SHARED.
 *
 *   0
 *   UV_ENOSPC     no room, and the segment cannot grow; memory of processes
 *                 that died was reclaimed before. The sentence says how much is
 *                 free. In a thread that holds a lock of this segment the dead
 *                 are left alone: allocate before locking
 *   UV_ENOMEM     there would be room where this process has nothing mapped
 *   UV_EINVAL     an unknown flag, a bad alignment, or inside a transaction
 *   UV_EACCES     attached for reading
 *   UV_EMFILE     all lanes (threads) of the segment are taken
 *   UV_EPROTO     the heap's lock is damaged; repair clears it
 *   UV_ECANCELED  this process was declared dead
 *   UV_ENOTCONN   forked child that has not rejoined
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_alloc(uvshm_segment_t* segment,
                                                   void** block,
                                                   size_t size,
                                                   uint32_t flags);

/* The same for `count` things of `size` bytes, all bytes 0. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_calloc(uvshm_segment_t* segment,
                                                    void** block,
                                                    size_t count,
                                                    size_t size,
                                                    uint32_t flags);

/* The same at a multiple of `alignment`, a power of 2 up to 4096. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_alloc_aligned(
    uvshm_segment_t* segment,
    void** block,
    size_t size,
    size_t alignment,
    uint32_t flags);

/* Make a block that is private to this process larger or smaller. It may move:
 * *block is where it is then, with as much of its bytes as fits; its alignment
 * is 64. On failure it is what it was. A shared block is never moved: UV_EINVAL
 * when it would have to be.
 *
 *   as uvshm_heap_alloc(); UV_EINVAL, UV_EPERM as uvshm_heap_free() */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_resize(uvshm_segment_t* segment,
                                                    void** block,
                                                    size_t size);

/* Free a block: one that is private to this process, or a shared one to which
 * nothing leads any more. NULL is fine.
 *
 * Freeing a block twice is an error the second time, unless it has been given
 * out again meanwhile, or two threads free a private block at the same moment:
 * nobody finds that out, as in malloc(), since looking would cost every free a
 * locked instruction. Of two who free a shared block exactly one gets 0.
 *
 *   0
 *   UV_EINVAL  no block begins there, or it was freed already
 *   UV_EPERM   it is private to another process, or part of an object of the
 *              segment
 *   UV_EPROTO  its owner is damaged; repair clears it
 *   and UV_EACCES, UV_EMFILE, UV_ENOTCONN as above; UV_EINVAL inside a
 *   transaction */
UVSHM_EXTERN int uvshm_heap_free(uvshm_segment_t* segment, void* block);

/* Bytes that may be used of the block that begins there, at least as many as
 * asked for; 0: none does. */
UVSHM_EXTERN uint64_t uvshm_heap_size(const uvshm_segment_t* segment,
                                      const void* block);

/* Change what this process may do with all of a block: UVSHM_PROTECT_NONE, READ
 * or WRITE of region.h, for other processes nothing changes; a forked child may
 * begin with the same rights or with all of them. Rights go by the page: the
 * block must begin at one and end at one, as does each of
 * uvshm_heap_alloc_aligned() with a page as alignment and a multiple of it as
 * size up to 32 KiB, and each larger one. (A page of more than 4096 bytes:
 * blocks above 32 KiB.) Give WRITE back before the block is freed, resized or
 * changed by a transaction, in whatever process: what comes there next would
 * fault in this one.
 *
 *   0, UV_EINVAL (no block, or not whole pages), UV_EACCES (attached for
 *   reading, to WRITE), UV_ENOTCONN */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_protect(uvshm_segment_t* segment,
                                                     void* block,
                                                     uint32_t access);

/* ---- places -------------------------------------------------------------- */

/* The place of an address inside the heap; {0} for NULL, and when it lies
 * elsewhere. Never fails. */
UVSHM_EXTERN uvshm_ref_t uvshm_heap_ref(const uvshm_segment_t* segment,
                                        const void* address);

/* The address of `size` bytes at a place, or NULL: `ref` is {0}, or they do not
 * all lie inside the heap. Any value may be given, since others may have
 * written it; whether a block is there is not asked. Also when attached for
 * reading. */
UVSHM_EXTERN void* uvshm_heap_pointer(const uvshm_segment_t* segment,
                                      uvshm_ref_t ref,
                                      size_t size);

/* What a word says that others may be publishing in: one load that sees all
 * that the publisher wrote into the block before. */
UVSHM_EXTERN uvshm_ref_t uvshm_heap_get(const uvshm_ref_t* slot);

/* ---- links --------------------------------------------------------------- */

/* Link `block`, which is private to this process (NULL: nothing), in *slot, and
 * take out what was linked there, as one step. `slot` is a root, or lies inside
 * a block that is shared or one's own. The block is shared then, and what was
 * taken out is private to this process: to be freed when no reader is at it any
 * more, or linked elsewhere. Where it is goes to *old, NULL when there was
 * none. `old` may be NULL when nothing can have been linked, or to leave what
 * was taken out until this process closes the segment.
 *
 * A word in which blocks are published is changed by nothing else, unless a
 * mutex of this segment guards it, its publications included.
 *
 *   0
 *   UV_EINVAL  `slot` is no such word, `block` no private block of ours, or
 *              inside a transaction
 *   UV_EPROTO  the word does not say where a shared block is
 *   UV_ENOMEM  what it says lies where this process has nothing mapped
 *   UV_ENXIO   the root was removed
 *   and UV_EACCES, UV_EMFILE, UV_ECANCELED, UV_ENOTCONN as above */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_publish(uvshm_segment_t* segment,
                                                     uvshm_ref_t* slot,
                                                     void* block,
                                                     void** old);

/* Find the word `name`, or make it ({0} at first), for publishing: where others
 * begin to look. Names are those of the segment's other objects, too. *slot is
 * valid until the segment is closed. When attached for reading it must exist.
 *
 *   0, UV_ENOENT, UV_EPROTOTYPE (the name is another object's), UV_ENOSPC (the
 *   segment's directory is full), UV_EINVAL (name), and as above */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_root(uvshm_segment_t* segment,
                                                  const char* name,
                                                  uvshm_ref_t** slot);

/* Remove a root. UV_EBUSY: a block is linked there. UV_ENOENT, UV_EPROTOTYPE;
 * UV_EINVAL inside a transaction. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_unlink(uvshm_segment_t* segment,
                                                    const char* name);

/* Numbers. Reads all of the bookkeeping, some milliseconds for a GiB; while
 * others allocate they are not all of the same moment. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_heap_info(
    const uvshm_segment_t* segment, uvshm_heap_info_t* info);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_HEAP_H_ */
