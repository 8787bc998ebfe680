/* SPDX-License-Identifier: MIT */

/* The bytes at the start of every object: the control area. It takes the first
 * granule (64 KiB) of a region, a stand-alone lock or a small segment, and as
 * many granules as its tables need in a large one.
 *
 *   offset   size  part
 *        0   1024  header, below
 *     1024    512  root: the body of an object known by its name alone
 *     2048  128*P  peers
 *   lanes_offset    128*L  lanes (none in a region)
 *   objects_offset  512*E  directory (segments only)
 *   heap_offset  1024+16*Z heap: locks, zones (segments only, heap_layout.h)
 *   control_size           the caller's bytes, or the heap's zones, begin; a
 *                          multiple of 64 KiB
 *
 * header:
 *   offset  size  field          written by        meaning
 *        0     8  magic          maker, last       "uvshm\0\r\n"
 *        8     4  format         maker             UVSHM__FORMAT
 *       12     4  kind           maker             1 region 2 segment 3 mutex
 *                                                  ... (uvshm_kind_t)
 *       16     8  features       maker             bits a reader must know; 0
 *       24     4  liveness       maker, and who    how a death is told (below)
 *       28     4  waiting        takes a clean     how a waiter sleeps (below)
 *                                managed file over
 *       32    16  id             maker             incarnation: random
 *       48    16  boot           first user of     boot that it was opened in
 *                                each boot
 *       64     4  lifetime       maker             uvshm_lifetime_t
 *       68     4  system         maker             1: scope system
 *       72     8  size           anyone, raised    exact bytes of the caller's
 *       80     8  committed      anyone, raised    bytes that exist, from 0
 *       88     8  reserve        maker             most that it may grow to,
 *                                                  from 0, multiple of 64 KiB
 *       96     8  max_size       maker             most that `size` may become
 *      104     8  created_ms     maker             Unix time
 *      112    16  unused
 *      128     4  creator_pid    maker             as the maker saw itself
 *      132     4  clean          under the gate    managed file: 1 closed well
 *      136     4  control_size   maker             bytes before the caller's
 *      140     4  peers_max      maker             P
 *      144     4  lanes_max      maker             L
 *      148     4  lanes_offset   maker
 *      152     4  objects_max    maker             E
 *      156     4  objects_offset maker
 *      160     4  name_size      maker             bytes in `name`
 *      164     4  heap_offset    maker             0: no heap
 *      168     4  heap_zones     maker             Z
 *      172     4  unused
 *      176    16  peers_news     all               a signal (core/signal.h):
 *                                                  a peer came or went
 *      192    16  locks_news     all               a signal: a lock was given
 *                                                  back that somebody waits for
 *      208     8  peers_changes  all, by add       how many came and went since
 *                                                  somebody watched; a hint
 *      216    40  unused
 *      256   256  name           maker             UTF-8, no final zero needed
 *      512   128  directory_lock                   a lock (lock_layout.h)
 *      640   384  unused
 *
 * peer (128 bytes), written by the process that holds its slot, and by whoever
 * repairs after it:
 *        0     8  state          {generation:32 | 0 free, 1 live, 2 reaping}
 *        8     8  left_ms        Unix time of the last that left here
 *       16     8  attached_ms    Unix time of the last that came
 *       24     4  pid            as the peer saw itself
 *       28     4  label_size
 *       32     4  heap_used      1: it may have private blocks in the heap
 *       36     4  heap_zone      zone + 1 that who repairs after it looks at
 *       40    48  label          UTF-8
 *       88     4  bell           bit n: its loop number n may sleep, and wants
 *                                to be rung; cleared by who rings
 *       92     4  bells          loops that it has had a bell for: 0 to n-1 may
 *                                have left one behind
 *       96     4  died           generation of the last that died here
 *      100    28  unused
 *
 * Only `magic`, `size`, `committed`, `boot` and `clean` ever change; a process
 * copies the rest into its own memory at attach, checks it there and never
 * reads it again.
 *
 * A change to this table is a change to the format: raise UVSHM__FORMAT and say
 * so in docs/format.md.
 */

#ifndef UVSHM_CORE_CONTROL_LAYOUT_H_
#define UVSHM_CORE_CONTROL_LAYOUT_H_

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>

#define UVSHM__FORMAT 2
#define UVSHM__GRANULE 65536u

/* "uvshm\0\r\n" read as a little-endian number. */
#define UVSHM__MAGIC UINT64_C(0x0a0d006d68737675)

/* How deaths are told. Kinds do not see each other, so an object that was made
 * with another kind than ours is refused. Values of UVSHM__PORT_LIVENESS. */
#define UVSHM__LIVENESS_OFD 1u        /* OFD byte locks held by a mapping */
#define UVSHM__LIVENESS_POSIX_LOCK 2u /* POSIX byte locks of the process */
#define UVSHM__LIVENESS_EVENT 3u      /* named events of Windows */

/* How waiters sleep. Values of UVSHM__PORT_WAITING. */
#define UVSHM__WAITING_FUTEX 1u
#define UVSHM__WAITING_POLL 2u
#define UVSHM__WAITING_EVENT 3u

#define UVSHM__HEADER_SIZE 1024u
#define UVSHM__ROOT_OFFSET 1024u
#define UVSHM__ROOT_SIZE 512u
#define UVSHM__PEERS_OFFSET 2048u

#define UVSHM__PEER_FREE 0u
#define UVSHM__PEER_LIVE 1u
#define UVSHM__PEER_REAPING 2u

/* Loops of one process that may watch one object. */
#define UVSHM__BELLS_LIMIT 32u

#define UVSHM__PEERS_DEFAULT 64u
#define UVSHM__PEERS_AT_ONCE 16u /* that are looked at with one call */
#define UVSHM__PEERS_LIMIT 1024u
#define UVSHM__LANES_DEFAULT 256u
#define UVSHM__LANES_LIMIT 4095u
#define UVSHM__OBJECTS_DEFAULT 64u
#define UVSHM__OBJECTS_LIMIT 65535u

struct uvshm__header {
  uvshm__a64_t magic;
  uint32_t format;
  uint32_t kind;
  uint64_t features;
  uint32_t liveness;
  uint32_t waiting;
  uint64_t id[2];
  uvshm__a64_t boot[2];
  uint32_t lifetime;
  uint32_t system;
  uvshm__a64_t size;
  uvshm__a64_t committed;
  uint64_t reserve;
  uint64_t max_size;
  uint64_t created_ms;
  unsigned char unused4[16];
  uint32_t creator_pid;
  uvshm__a32_t clean;
  uint32_t control_size;
  uint32_t peers_max;
  uint32_t lanes_max;
  uint32_t lanes_offset;
  uint32_t objects_max;
  uint32_t objects_offset;
  uint32_t name_size;
  uint32_t heap_offset;
  uint32_t heap_zones;
  unsigned char unused1[4];
  unsigned char peers_news[16];
  unsigned char locks_news[16];
  uvshm__a64_t peers_changes;
  unsigned char unused3[40];
  unsigned char name[256];
  unsigned char directory_lock[128];
  unsigned char unused2[384];
};

struct uvshm__peer {
  uvshm__a64_t state;
  uvshm__a64_t left_ms;
  uvshm__a64_t attached_ms;
  uvshm__a32_t pid;
  uvshm__a32_t label_size;
  uvshm__a32_t heap_used;
  uvshm__a32_t heap_zone;
  unsigned char label[48];
  uvshm__a32_t bell;
  uvshm__a32_t bells;
  uvshm__a32_t died;
  unsigned char unused[28];
};

/* The first bytes of every object, as they are read before it is mapped: one
 * call reads a page as fast as it reads the header. */
struct uvshm__head {
  struct uvshm__header header;
  unsigned char root[UVSHM__ROOT_SIZE];
  unsigned char
      unused[UVSHM__PEERS_OFFSET - UVSHM__ROOT_OFFSET - UVSHM__ROOT_SIZE];
  struct uvshm__peer peers[UVSHM__PEERS_AT_ONCE];
};

/* The tables above, checked by the compiler. */
_Static_assert(offsetof(struct uvshm__head, peers) == UVSHM__PEERS_OFFSET,
               "format");
_Static_assert(offsetof(struct uvshm__header, format) == 8, "format");
_Static_assert(offsetof(struct uvshm__header, features) == 16, "format");
_Static_assert(offsetof(struct uvshm__header, id) == 32, "format");
_Static_assert(offsetof(struct uvshm__header, boot) == 48, "format");
_Static_assert(offsetof(struct uvshm__header, lifetime) == 64, "format");
_Static_assert(offsetof(struct uvshm__header, size) == 72, "format");
_Static_assert(offsetof(struct uvshm__header, committed) == 80, "format");
_Static_assert(offsetof(struct uvshm__header, max_size) == 96, "format");
_Static_assert(offsetof(struct uvshm__header, unused4) == 112, "format");
_Static_assert(offsetof(struct uvshm__header, creator_pid) == 128, "format");
_Static_assert(offsetof(struct uvshm__header, clean) == 132, "format");
_Static_assert(offsetof(struct uvshm__header, control_size) == 136, "format");
_Static_assert(offsetof(struct uvshm__header, lanes_max) == 144, "format");
_Static_assert(offsetof(struct uvshm__header, objects_max) == 152, "format");
_Static_assert(offsetof(struct uvshm__header, name_size) == 160, "format");
_Static_assert(offsetof(struct uvshm__header, heap_zones) == 168, "format");
_Static_assert(offsetof(struct uvshm__header, peers_news) == 176, "format");
_Static_assert(offsetof(struct uvshm__header, locks_news) == 192, "format");
_Static_assert(offsetof(struct uvshm__header, peers_changes) == 208, "format");
_Static_assert(offsetof(struct uvshm__header, name) == 256, "format");
_Static_assert(offsetof(struct uvshm__header, directory_lock) == 512, "format");
_Static_assert(sizeof(struct uvshm__header) == UVSHM__HEADER_SIZE, "format");
_Static_assert(offsetof(struct uvshm__peer, left_ms) == 8, "format");
_Static_assert(offsetof(struct uvshm__peer, attached_ms) == 16, "format");
_Static_assert(offsetof(struct uvshm__peer, pid) == 24, "format");
_Static_assert(offsetof(struct uvshm__peer, heap_used) == 32, "format");
_Static_assert(offsetof(struct uvshm__peer, label) == 40, "format");
_Static_assert(offsetof(struct uvshm__peer, bell) == 88, "format");
_Static_assert(offsetof(struct uvshm__peer, bells) == 92, "format");
_Static_assert(offsetof(struct uvshm__peer, died) == 96, "format");
_Static_assert(sizeof(struct uvshm__peer) == 128, "format");

#endif /* UVSHM_CORE_CONTROL_LAYOUT_H_ */
