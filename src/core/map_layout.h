/* SPDX-License-Identifier: MIT */

/* The bytes of a map.
 *
 * Header, in the body of its directory entry (128 bytes):
 *
 *   offset  size  field       written by        meaning
 *        0     8  shards      maker             offset of the shards, a block
 *        8     4  shard_bits  maker             log2 of how many there are
 *       12     4  format      maker             UVSHM__FORMAT_MAP
 *       16    16  seed        maker             random, for the hash of keys
 *                                              (map_hash.h)
 *       32     4  boots       who opens first   +1 at the first use after each
 *                             after a reboot    reboot
 *       36     4  any         anyone, by add    what those sleep on who wait
 *                                               for any change
 *       40    16  news        all               a signal (core/signal.h), for
 *                                               loops
 *       56    72  unused
 *
 * The top `shard_bits` bits of a key's hash say which shard it is in. A shard
 * (384 bytes, at a multiple of 64) is a hash table of its own:
 *
 *   offset  size  field       written by        meaning
 *        0   128  lock        lock_layout.h     guards all that follows
 *      128     8  version     holder, by log    +1 with every change; readers
 *                                               without the lock go by it
 *      136     8  size        holder            {splitting:1 | level:7 |
 *                                               buckets:56}
 *      144     8  count       holder, by log    entries
 *      152     4  signal      holder            who waits: bit 0 for a key,
 *                                               bit 1 for any change of the
 *                                               map; the rest counts wakes
 *      156     4  watched     who begins to     1: raise `news` after a change
 *                             watch
 *      160    32  unused
 *      192    64  first       holder, by log    buckets 0 to 7
 *      256   128  more        holder, by log    offsets of blocks: number n has
 *                                               buckets 8<<n to (16<<n)-1
 *
 * size: 8<<level <= buckets < 16<<level. A key's bucket is its hash modulo
 * 16<<level when there is a bucket of that number, else modulo 8<<level. With
 * `splitting`, bucket `buckets` is just taking nodes over from bucket
 * `buckets` - (8<<level).
 *
 * A bucket is the offset of a node (0: none), the first of a chain. A node is a
 * block:
 *
 *   offset  size  field       written by        meaning
 *        0     8  next        holder, by log    offset of the next one; 0: last
 *        8     8  version     maker; holder     the shard's version with which
 *                             (add), by log     the value came
 *       16     8  hash        maker             of the key
 *       24     8  expires     maker; holder,    0: never; else {boots:16 |
 *                             by log            milliseconds:48} of the
 *                                               machine's monotonic clock
 *       32     8  sizes       maker             {bytes of value:47 | of key:17}
 *       40        key         maker             zeros up to a multiple of 8
 *                 value       maker; holder     zeros up to a multiple of 8
 *                             (add), by log
 *
 * A change to these tables is a change to the format: raise UVSHM__FORMAT_MAP
 * and say so in docs/format.md.
 */

#ifndef UVSHM_CORE_MAP_LAYOUT_H_
#define UVSHM_CORE_MAP_LAYOUT_H_

#include "base/atomic.h"
#include "core/lock_layout.h"
#include "core/signal.h"

#include <stddef.h>

#define UVSHM__FORMAT_MAP 2u

#define UVSHM__MAP_SHARD_BITS_LIMIT 10u
#define UVSHM__MAP_FIRST 8u   /* buckets inside a shard */
#define UVSHM__MAP_LEVELS 16u /* blocks of more */

#define UVSHM__MAP_SPLITTING (UINT64_C(1) << 63)
#define UVSHM__MAP_LEVEL_SHIFT 56
#define UVSHM__MAP_LEVEL 0x7fu /* after the shift */
#define UVSHM__MAP_BUCKETS ((UINT64_C(1) << UVSHM__MAP_LEVEL_SHIFT) - 1)

#define UVSHM__MAP_KEY_WAITS 1u
#define UVSHM__MAP_ANY_WAITS 2u
#define UVSHM__MAP_WAITS 3u

#define UVSHM__MAP_KEY_MAX 65536u
#define UVSHM__MAP_KEY_BITS 17
#define UVSHM__MAP_VALUE_MAX (UINT64_C(1) << 46)

#define UVSHM__MAP_BOOTS_SHIFT 48

struct uvshm__map_hdr {
  uvshm__a64_t shards;
  uint32_t shard_bits;
  uint32_t format;
  uint64_t seed[2];
  uvshm__a32_t boots;
  uvshm__a32_t any;
  struct uvshm__signal news;
  unsigned char unused[72];
};

struct uvshm__map_shard {
  struct uvshm__lock lock;
  uvshm__a64_t version;
  uvshm__a64_t size;
  uvshm__a64_t count;
  uvshm__a32_t signal;
  uvshm__a32_t watched;
  unsigned char unused[32];
  uvshm__a64_t first[UVSHM__MAP_FIRST];
  uvshm__a64_t more[UVSHM__MAP_LEVELS];
};

struct uvshm__map_node {
  uvshm__a64_t next;
  uvshm__a64_t version;
  uvshm__a64_t hash;
  uvshm__a64_t expires;
  uvshm__a64_t sizes;
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__map_hdr, shard_bits) == 8, "map format");
_Static_assert(offsetof(struct uvshm__map_hdr, format) == 12, "map format");
_Static_assert(offsetof(struct uvshm__map_hdr, seed) == 16, "map format");
_Static_assert(offsetof(struct uvshm__map_hdr, boots) == 32, "map format");
_Static_assert(offsetof(struct uvshm__map_hdr, any) == 36, "map format");
_Static_assert(offsetof(struct uvshm__map_hdr, news) == 40, "map format");
_Static_assert(sizeof(struct uvshm__map_hdr) == 128, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, version) == 128, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, size) == 136, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, count) == 144, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, signal) == 152, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, watched) == 156, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, first) == 192, "map format");
_Static_assert(offsetof(struct uvshm__map_shard, more) == 256, "map format");
_Static_assert(sizeof(struct uvshm__map_shard) == 384, "map format");
_Static_assert(offsetof(struct uvshm__map_node, version) == 8, "map format");
_Static_assert(offsetof(struct uvshm__map_node, hash) == 16, "map format");
_Static_assert(offsetof(struct uvshm__map_node, expires) == 24, "map format");
_Static_assert(offsetof(struct uvshm__map_node, sizes) == 32, "map format");
_Static_assert(sizeof(struct uvshm__map_node) == 40, "map format");

#endif /* UVSHM_CORE_MAP_LAYOUT_H_ */
