/* SPDX-License-Identifier: MIT */

/* The public face of a segment's heap; how it works is told in core/heap.c.
 *
 * Callers have addresses, the core has offsets. What this process frees is
 * marked for AddressSanitizer, except the first span of each zone: it becomes
 * the heap's own when the block was huge.
 */

#include "uvshm/heap.h"

#include "base/align.h"
#include "base/error.h"
#include "base/rare.h"
#include "core/heap_take.h"
#include "core/txn.h"
#include "object/lanes.h"
#include "object/marks.h"
#include "object/segment.h"

#include <string.h>

/* ---- who may ------------------------------------------------------------- */

UVSHM__RARE static int ready_slow(struct uvshm__attach* attach,
                                  struct uvshm__lane** lane) {
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (attach->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot change the heap of \"%s\": attached for reading",
                       attach->name);
  err = uvshm__lane_get(attach, lane);
  if (err < 0) return err;
  if (uvshm__lane_in_txn(*lane))
    return uvshm__fail(UV_EINVAL,
                       "cannot change the heap of \"%s\": this thread is in a "
                       "transaction, which could not take it back",
                       attach->name);
  return 0;
}


/* The calling thread's lane, if this process may change the heap now. One that
 * has a lane is not attached for reading. */
static inline int ready(const uvshm_segment_t* segment,
                        struct uvshm__lane** lane) {
  struct uvshm__attach* attach = segment->attach;

  if (uvshm__attach_is_ours(attach)) {
    *lane = uvshm__lane_recent(attach->serial);
    if (*lane != NULL && !uvshm__lane_in_txn(*lane)) return 0;
  }
  return ready_slow(attach, lane);
}


/* The same for the usual ways, which are not taken when blocks are marked. */
static inline struct uvshm__lane* ready_at_once(
    const uvshm_segment_t* segment) {
#if defined(UVSHM__ASAN)
  (void) segment;
  return NULL;
#else
  struct uvshm__lane* lane = uvshm__lane_first(segment->attach);

  return lane != NULL && !uvshm__lane_in_txn(lane) ? lane : NULL;
#endif
}

/* ---- marks --------------------------------------------------------------- */

#if defined(UVSHM__ASAN)

static void mark(const struct uvshm__core* core, uint64_t ref, uint64_t size) {
  uint64_t zone = (ref - core->control_size) % UVSHM__ZONE_SIZE;
  uint64_t part;

  for (; size > 0; size -= part, ref += part) {
    part = UVSHM__ZONE_SIZE - zone;
    if (part > size) part = size;
    if (zone >= UVSHM__SPAN_SIZE)
      uvshm__marks_add(core->base + ref, (size_t) part);
    else if (part > UVSHM__SPAN_SIZE - zone)
      uvshm__marks_add(core->base + ref + (UVSHM__SPAN_SIZE - zone),
                       (size_t) (part - (UVSHM__SPAN_SIZE - zone)));
    zone = 0;
  }
}


static void unmark(const struct uvshm__core* core, uint64_t ref) {
  UVSHM__UNPOISON(core->base + ref, (size_t) uvshm__heap_size(core, ref));
}


static int free_marked(struct uvshm__lane* lane, uint64_t ref) {
  const struct uvshm__core* core = lane->core;
  uint64_t size = uvshm__heap_size(core, ref);
  int err;

  /* Before it may be somebody's again. */
  mark(core, ref, size);
  err = uvshm__heap_free_checked(lane, ref);
  if (err < 0) UVSHM__UNPOISON(core->base + ref, (size_t) size);
  return err;
}

#else

static inline void unmark(const struct uvshm__core* core, uint64_t ref) {
  (void) core;
  (void) ref;
}


static inline int free_marked(struct uvshm__lane* lane, uint64_t ref) {
  return uvshm__heap_free_checked(lane, ref);
}

#endif

/* ---- blocks -------------------------------------------------------------- */

UVSHM__APART static int alloc(const uvshm_segment_t* segment,
                              void** block,
                              uint64_t size,
                              uint64_t alignment,
                              uint32_t flags) {
  struct uvshm__lane* lane;
  uint64_t ref;
  int err;

  if (flags & ~UVSHM_HEAP_SHARED)
    return uvshm__fail(UV_EINVAL, "unknown flag 0x%x", (unsigned int) flags);
  err = ready(segment, &lane);
  if (err < 0) return err;
  err =
      uvshm__heap_alloc(lane,
                        size,
                        alignment,
                        flags & UVSHM_HEAP_SHARED ? UVSHM__OWN_SHARED
                                                  : uvshm__heap_me(lane->core),
                        &ref);
  if (err < 0) return err;
  *block = lane->core->base + ref;
  unmark(lane->core, ref);
  return 0;
}


int uvshm_heap_alloc(uvshm_segment_t* segment,
                     void** block,
                     size_t size,
                     uint32_t flags) {
  struct uvshm__lane* lane = ready_at_once(segment);
  uint64_t ref = 0;

  if (lane != NULL && flags == 0) {
    ref = uvshm__heap_take_usual(lane, size);
    if (ref == 0) ref = uvshm__heap_take_near(lane, size);
  }
  if (ref == 0) return alloc(segment, block, size, 0, flags);
  *block = segment->attach->core.base + ref;
  return 0;
}


int uvshm_heap_alloc_aligned(uvshm_segment_t* segment,
                             void** block,
                             size_t size,
                             size_t alignment,
                             uint32_t flags) {
  if (!uvshm__is_power_of_2(alignment))
    return uvshm__fail(UV_EINVAL, "an alignment is a power of 2");
  return alloc(segment, block, size, alignment, flags);
}


int uvshm_heap_calloc(uvshm_segment_t* segment,
                      void** block,
                      size_t count,
                      size_t size,
                      uint32_t flags) {
  uint64_t sum;
  void* found = NULL;
  int err;

  if (!uvshm__mul(count, size, &sum) || sum > SIZE_MAX)
    return uvshm__fail(UV_ENOSPC, "no heap has so many bytes");
  /* Shared only when it is what was asked for. */
  err = alloc(segment, &found, sum, 0, flags & ~UVSHM_HEAP_SHARED);
  if (err < 0) return err;
  memset(found, 0, (size_t) sum);
  if (flags & UVSHM_HEAP_SHARED)
    (void) uvshm__heap_change(&segment->attach->core,
                              uvshm__heap_ref(&segment->attach->core, found),
                              uvshm__heap_me(&segment->attach->core),
                              UVSHM__OWN_SHARED);
  *block = found;
  return 0;
}


static int not_a_block(const void* address) {
  return uvshm__fail(UV_EINVAL, "no block of the heap begins at %p", address);
}


/* What has more than half of its bytes in use stays where it is. */
static int fits(uint64_t present, uint64_t wanted) {
  return wanted <= present && (wanted > present / 2 || present <= 64);
}


static int move(struct uvshm__lane* lane,
                const struct uvshm__heap_block* from,
                void** block,
                size_t size) {
  unsigned char* base = lane->core->base;
  uint64_t to;
  int err = uvshm__heap_alloc(lane, size, 0, from->own, &to);

  /* It was to become smaller, and is large enough as it is. */
  if (err == UV_ENOSPC && size <= from->size) return 0;
  if (err < 0) return err;
  unmark(lane->core, to);
  memcpy(base + to, *block, size < from->size ? size : (size_t) from->size);
  (void) free_marked(lane, from->ref);
  *block = base + to;
  return 0;
}


UVSHM__RARE int uvshm_heap_resize(uvshm_segment_t* segment,
                                  void** block,
                                  size_t size) {
  struct uvshm__heap_block found;
  struct uvshm__lane* lane;
  int err = ready(segment, &lane);

  if (err < 0) return err;
  if (uvshm__heap_find(
          lane->core, uvshm__heap_ref(lane->core, *block), &found) < 0 ||
      found.own == UVSHM__OWN_FREE)
    return not_a_block(*block);
  if (found.own == UVSHM__OWN_SHARED && size <= found.size) return 0;
  if (found.own == UVSHM__OWN_SHARED)
    return uvshm__fail(UV_EINVAL,
                       "a shared block of %llu bytes cannot become larger: "
                       "publish another instead",
                       (unsigned long long) found.size);
  if (found.own != uvshm__heap_me(lane->core))
    return uvshm__fail(UV_EPERM, "the block is not this process's own");
  return fits(found.size, size) ? 0 : move(lane, &found, block, size);
}


UVSHM__APART static int free_any(const uvshm_segment_t* segment, void* block) {
  struct uvshm__lane* lane;
  uint64_t ref;
  int err;

  if (block == NULL) return 0;
  err = ready(segment, &lane);
  if (err < 0) return err;
  ref = uvshm__heap_ref(lane->core, block);
  if (ref == 0) return not_a_block(block);
  return free_marked(lane, ref);
}


int uvshm_heap_free(uvshm_segment_t* segment, void* block) {
  struct uvshm__lane* lane = ready_at_once(segment);
  uint64_t ref =
      (uint64_t) ((uintptr_t) block - (uintptr_t) segment->attach->core.base);

  /* What is no block at all is none for these two either. */
  if (lane != NULL &&
      (uvshm__heap_give_usual(lane, ref) || uvshm__small_free(lane, ref)))
    return 0;
  return free_any(segment, block);
}


uint64_t uvshm_heap_size(const uvshm_segment_t* segment, const void* block) {
  const struct uvshm__core* core = &segment->attach->core;
  struct uvshm__heap_block found;

  if (uvshm__heap_find(core, uvshm__heap_ref(core, block), &found) < 0 ||
      found.own == UVSHM__OWN_FREE)
    return 0;
  return found.size;
}

/* ---- places -------------------------------------------------------------- */

uvshm_ref_t uvshm_heap_ref(const uvshm_segment_t* segment,
                           const void* address) {
  uvshm_ref_t ref;

  ref.offset = uvshm__heap_ref(&segment->attach->core, address);
  return ref;
}


void* uvshm_heap_pointer(const uvshm_segment_t* segment,
                         uvshm_ref_t ref,
                         size_t size) {
  return uvshm__heap_at(&segment->attach->core, ref.offset, size);
}


uvshm_ref_t uvshm_heap_get(const uvshm_ref_t* slot) {
  uvshm_ref_t ref;

  ref.offset =
      uvshm__a64_load_acquire((const uvshm__a64_t*) (const void*) slot);
  return ref;
}


UVSHM__RARE int uvshm_heap_info(const uvshm_segment_t* segment,
                                uvshm_heap_info_t* info) {
  const struct uvshm__attach* attach = segment->attach;
  struct uvshm__heap_facts facts;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  uvshm__heap_read(&attach->core, &facts);
  memset(info, 0, sizeof(*info));
  info->size = facts.size;
  info->max_size = attach->core.reserve - attach->core.control_size;
  info->used = facts.used;
  info->free = facts.free;
  info->bookkeeping = facts.bookkeeping;
  info->largest_free = facts.largest_free;
  info->blocks = facts.blocks;
  info->private_blocks = facts.blocks_private;
  if (facts.free != 0 && facts.largest_free < facts.free)
    info->fragmentation =
        (uint32_t) (100 - 100 * (facts.largest_free / 64) / (facts.free / 64));
  return 0;
}
