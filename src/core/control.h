/* SPDX-License-Identifier: MIT */

/* The control area: laid out for a new object, written, and checked.
 *
 * struct uvshm__control is the private copy of a header. Whoever attaches reads
 * the header's bytes once, checks them here, and works with the copy.
 */

#ifndef UVSHM_CORE_CONTROL_H_
#define UVSHM_CORE_CONTROL_H_

#include "core/control_layout.h"
#include "uvshm/name.h"

#include <stdint.h>

struct uvshm__control {
  uint64_t id[2];
  uint64_t boot[2];
  uint64_t size;
  uint64_t committed;
  uint64_t reserve;
  uint64_t max_size;
  uint64_t created_ms;
  uint32_t kind;
  uint32_t liveness;
  uint32_t waiting;
  uint32_t lifetime;
  uint32_t system;
  uint32_t creator_pid;
  uint32_t control_size;
  uint32_t peers_max;
  uint32_t lanes_max;
  uint32_t lanes_offset;
  uint32_t objects_max;
  uint32_t objects_offset;
  uint32_t heap_offset;
  uint32_t heap_zones;
  uint32_t name_size;
  unsigned char name[256];
  uint64_t states[UVSHM__PEERS_AT_ONCE]; /* of the first peers, as they were */
                                         /* when the header was read */
};

/* Is it a segment, with directory and heap? Also one for a single object that
 * is known by its name alone. */
static inline int uvshm__kind_is_segment(uint32_t kind) {
  return kind == UVSHM_KIND_SEGMENT || kind == UVSHM_KIND_CHANNEL ||
         kind == UVSHM_KIND_CELL;
}


/* Given kind, peers_max, lanes_max, objects_max (0 where the kind has none),
 * size and max_size: fill in the offsets, heap_zones, control_size, committed
 * and reserve.
 * UV_EINVAL: a number above its limit. UV_ENOSPC: the sum overflows. */
int uvshm__control_plan(struct uvshm__control* control);

/* How many bytes behind the control area hold `size` bytes of the caller's, in
 * granules: of a segment each zone has one granule more, for the heap's
 * bookkeeping. 0: that has no place in 64 bits. And the opposite. */
int uvshm__control_extent(uint32_t kind, uint64_t size, uint64_t* bytes);
uint64_t uvshm__control_capacity(uint32_t kind, uint64_t bytes);

/* Write a header for `control` at the start of zeroed memory, and format what
 * the control area has apart from the root: peers, lanes, directory and its
 * lock. Everything but the magic. */
void uvshm__control_format(unsigned char* base,
                           const struct uvshm__control* control);

/* Write the magic: from now on the object is one. */
void uvshm__control_commit(unsigned char* base);

/* Check a private copy of a header, of an object of `storage` bytes, and copy
 * it out. Believes nothing: every offset lies where its table fits, every
 * number is within its limit. Liveness and wait kind are copied, not judged.
 * Stores a reason on failure.
 *   UV_EPROTO           not a uvshm object, or damaged
 *   UV_EPROTONOSUPPORT  another format, or features that we do not know */
int uvshm__control_check(const struct uvshm__header* header,
                         uint64_t storage,
                         struct uvshm__control* control);

#endif /* UVSHM_CORE_CONTROL_H_ */
