/* SPDX-License-Identifier: MIT */

/* map: keys to values, both bytes, shared by any number of processes.
 *
 *   uvshm_map_t* map;
 *   err = uvshm_map_open(&map, segment, "prices", NULL);
 *   err = uvshm_map_put(map, "eggs", 4, &price, sizeof(price));
 *   size = sizeof(price);
 *   err = uvshm_map_get(map, "eggs", 4, &price, &size, NULL);
 *
 * Each change of a key happens whole or not at all, whoever is killed when, and
 * what was put stays. Reading takes no lock and writes nothing, so it works in
 * a segment that is attached for reading too. The map grows with its entries,
 * out of the segment's heap, and the segment up to its max_size.
 *
 * A key has 1 to 65536 bytes, a value any number that the heap has room for.
 * Every value has a version, which grows with every change of its key and is
 * never the same again, not even after the key was removed.
 *
 * Entries may have a time to live. It is counted by the machine's monotonic
 * clock: the same for all processes, and whoever sets the time of day changes
 * nothing. After a reboot (in a segment of lifetime `file`) every entry that
 * had one is over. Without one, no call looks at a clock.
 *
 * Calls in the middle of a transaction (txn.h) that change a map, or wait for a
 * change, are UV_EINVAL: an abort could not take them back, and others could
 * not go on meanwhile.
 *
 * Beside what stands with each call, all return UV_ENXIO (the map was removed),
 * UV_ENOTCONN (a forked child that has not rejoined), UV_EPROTO (damaged) and
 * UV_EINVAL (a key of no such size); where address space is short UV_ENOMEM (it
 * lies where this process has nothing mapped); those that change something or
 * wait for a change UV_EACCES (attached for reading), UV_EMFILE, UV_ETIMEDOUT
 * (wait_ms) and UV_ECANCELED.
 * Threads: as in region.h.
 */

#ifndef UVSHM_MAP_H_
#define UVSHM_MAP_H_

#include "uvshm/export.h"
#include "uvshm/flags.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uvshm_map_s uvshm_map_t;

/* The largest key, in bytes. */
#define UVSHM_MAP_KEY_MAX 65536u

typedef struct {
  uint32_t flags; /* UVSHM_EXISTING, UVSHM_EXCLUSIVE */
  uint32_t
      shards; /* parts that can be written at the same time, a power of 2 */
              /* up to 1024; 0: as fits the segment, 4 to 64 */
  uint64_t wait_ms; /* how long a call may wait for another process that is */
                    /* writing; 0: for ever. One that died is not waited for */
} uvshm_map_options_t;

typedef struct {
  uint64_t count;   /* entries; those whose time is over count until they are */
                    /* met or swept */
  uint64_t changes; /* grows with every change */
  uint32_t shards;  /* parts that can be written at the same time */
  uint32_t reserved; /* 0 */
  uint64_t buckets;  /* of its table */
} uvshm_map_info_t;

/* Where an iteration is. Zeros: at the beginning. */
typedef struct {
  uint64_t opaque[2]; /* the library's */
} uvshm_map_cursor_t;

struct uvshm_segment_s;

/* Find or make the map `name` in `segment`, which must stay open longer.
 * UVSHM_EXISTING: do not make it. UVSHM_EXCLUSIVE: it must be new. Where the
 * segment is attached for reading, the map must exist.
 *
 *   0, UV_ENOENT, UV_EEXIST, UV_EPROTOTYPE (another kind of object), UV_ENOSPC
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_open(
    uvshm_map_t** map,
    struct uvshm_segment_s* segment,
    const char* name,
    const uvshm_map_options_t* options);

/* Give the handle back. NULL is fine. */
UVSHM_EXTERN void uvshm_map_close(uvshm_map_t* map);

/* Remove the map. Whoever has it open gets UV_ENXIO from now on; its memory is
 * free when the last of them has closed it or died. `flags`: 0. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_unlink(
    struct uvshm_segment_s* segment, const char* name, uint32_t flags);

/* ---- reading ------------------------------------------------------------- */

/* Copy the value of a key into `value`, which has room for *size bytes; *size
 * becomes the size of the value, and *version (may be NULL) its version. A NULL
 * `value` asks for size and version alone. After a failure the bytes at `value`
 * may be anything.
 *
 *   UV_ENOENT   there is no such key
 *   UV_ENOBUFS  the value has *size bytes, more than there is room for
 *   UV_EAGAIN   in a segment attached for reading: others change this part of
 *               the map faster than it can be read
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_get(uvshm_map_t* map,
                                                const void* key,
                                                size_t key_size,
                                                void* value,
                                                size_t* size,
                                                uint64_t* version);

/* The same into memory of its own, for uvshm_map_free(). UV_ENOMEM. One zero
 * stands behind the value. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_get_copy(uvshm_map_t* map,
                                                     const void* key,
                                                     size_t key_size,
                                                     void** value,
                                                     size_t* size,
                                                     uint64_t* version);
UVSHM_EXTERN void uvshm_map_free(void* value);

/* How many milliseconds the entry has to live yet, at least 1; 0: it stays.
 * Does not wait, as uvshm_map_get(). UV_ENOENT, UV_EAGAIN. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_get_ttl(uvshm_map_t* map,
                                                    const void* key,
                                                    size_t key_size,
                                                    uint64_t* ttl_ms);

/* 0, or UV_ENOENT. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_contains(uvshm_map_t* map,
                                                     const void* key,
                                                     size_t key_size);

/* How many entries, and more. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_info(const uvshm_map_t* map,
                                                 uvshm_map_info_t* info);

/* The entries, one a call, in no useful order. Others may change the map
 * meanwhile: an entry that is there all the time comes once, one that comes or
 * goes once or not at all. Both buffers as the value of uvshm_map_get(), NULL
 * for what is not wanted. UV_ENOENT after the last; UV_ENOBUFS tells both sizes
 * and stays where it is. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_next(uvshm_map_t* map,
                                                 uvshm_map_cursor_t* cursor,
                                                 void* key,
                                                 size_t* key_size,
                                                 void* value,
                                                 size_t* size);

/* ---- writing ------------------------------------------------------------- */

/* Set the value of a key. When it cannot be done nothing has changed.
 *   UV_ENOSPC  no room; uvshm_error_detail() says how much was needed */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_put(uvshm_map_t* map,
                                                const void* key,
                                                size_t key_size,
                                                const void* value,
                                                size_t size);

/* The same if the key is not there: else UV_EEXIST. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_put_if_absent(uvshm_map_t* map,
                                                          const void* key,
                                                          size_t key_size,
                                                          const void* value,
                                                          size_t size);

/* The same if the key still has *version, which becomes the new one.
 *   UV_ENOENT  it was removed
 *   UV_EAGAIN  it was changed: get it again */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_replace_if(uvshm_map_t* map,
                                                       const void* key,
                                                       size_t key_size,
                                                       const void* value,
                                                       size_t size,
                                                       uint64_t* version);

/* UV_ENOENT. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_remove(uvshm_map_t* map,
                                                   const void* key,
                                                   size_t key_size);

/* Get and remove at once: of many who try, one gets it. Results as
 * uvshm_map_get(); with UV_ENOBUFS it stays. With a NULL `value` it is removed
 * and only its size told. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_take(uvshm_map_t* map,
                                                 const void* key,
                                                 size_t key_size,
                                                 void* value,
                                                 size_t* size);

/* Add to a counter, an int64_t of the machine's; one that is not there is made,
 * from 0. *sum (may be NULL) becomes the new value.
 *   UV_EINVAL     the value of the key has not 8 bytes
 *   UV_EOVERFLOW  the sum has no place in 64 bits */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_add(uvshm_map_t* map,
                                                const void* key,
                                                size_t key_size,
                                                int64_t delta,
                                                int64_t* sum);

/* Let the entry end `ttl_ms` from now; 0: let it stay. The next put or replace
 * takes the time away again, add leaves it as it is. Not a change of the value.
 * UV_ENOENT. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_expire(uvshm_map_t* map,
                                                   const void* key,
                                                   size_t key_size,
                                                   uint64_t ttl_ms);

/* Free the memory of entries whose time is over. An entry that is asked for is
 * freed then anyway, one that nobody asks for only by this. How many goes to
 * `removed`, when not NULL; after a failure it is what it was, though some may
 * have gone. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_sweep(uvshm_map_t* map,
                                                  uint64_t* removed);

/* Remove all entries. Each is a change of its own: what others put meanwhile
 * may stay, and a death in the middle leaves the rest. */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_clear(uvshm_map_t* map);

/* ---- waiting ------------------------------------------------------------- */

/* Wait until the version of a key is not *version any more (0: the key is not
 * there), and store what it is. With key NULL: until anything in the map has
 * changed since `changes` of uvshm_map_info() was *version.
 *
 *   UV_ETIMEDOUT  nothing happened for timeout_ms (0: look once)
 *   UV_ECANCELED  uvshm_map_cancel() was called
 *   UV_EACCES     attached for reading: who waits leaves a note of it
 *   UV_EINVAL     inside a transaction
 */
UVSHM_EXTERN UVSHM_MUST_CHECK int uvshm_map_wait_change(uvshm_map_t* map,
                                                        const void* key,
                                                        size_t key_size,
                                                        uint64_t* version,
                                                        uint64_t timeout_ms);

/* Wake this process's own blocked calls on this handle with UV_ECANCELED, and
 * refuse those that would block from now on. Any thread. */
UVSHM_EXTERN void uvshm_map_cancel(uvshm_map_t* map);

#ifdef __cplusplus
}
#endif

#endif /* UVSHM_MAP_H_ */
