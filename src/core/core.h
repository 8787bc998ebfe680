/* SPDX-License-Identifier: MIT */

/* What the core knows of an object that this process has attached to, and what
 * it gets from outside.
 *
 * Core code works on (base, reach) and has no operating system in it: sleeping,
 * waking, the clock and the question whether a peer is alive come in through
 * struct uvshm__env, so that tests run it on plain memory and stop it between
 * any two steps.
 */

#ifndef UVSHM_CORE_CORE_H_
#define UVSHM_CORE_CORE_H_

#include "base/atomic.h"
#include "core/control_layout.h"

#include <stddef.h>
#include <stdint.h>

/* The meanings are those of the functions of the same name in port.h. */
struct uvshm__env {
  int (*wait)(void* arg,
              const uvshm__a32_t* word,
              uint32_t value,
              uint32_t lane,
              uint32_t timeout_ms);
  void (*wake)(void* arg,
               const uvshm__a32_t* word,
               uint32_t lane,
               uint32_t count);
  uint32_t wakes_lanes;                      /* UVSHM__PORT_WAKES_LANES */
  int (*alive)(void* arg, uint32_t slot);    /* 1 on any doubt */
  int (*claim)(void* arg, uint32_t slot);    /* as a repairer: 0, UV_EBUSY */
  void (*unclaim)(void* arg, uint32_t slot); /* what claim took */
  uint64_t (*now_ms)(void* arg);
  uint64_t (*now_ns)(void* arg); /* for spins: any start, may be coarse */
  void (*yield)(void* arg);

  /* Read or write bytes of the object, `at` bytes from base, by a call of the
   * system, seen in the order of the calls, each byte whole. NULL, or < 0: not
   * possible, or not cheaper now: through the mapping. */
  int (*read_at)(void* arg, uint64_t at, void* bytes, size_t size);
  int (*write_at)(void* arg, uint64_t at, const void* bytes, size_t size);

  /* Wake those of a peer's loops whose bits are set. NULL where nothing has
   * loops. And: the peer is dead, its first `count` bells can go. */
  void (*ring)(void* arg, uint32_t slot, uint32_t generation, uint32_t loops);
  void (*hush)(void* arg, uint32_t slot, uint32_t count);

  /* Make the object's first `to` bytes exist (a multiple of the granule, at
   * most the reserve) and its header say so. 0, UV_ENOSPC, UV_ENOMEM: they
   * would lie where this process has nothing mapped. */
  int (*grow)(void* arg, uint64_t to);
  /* How many bytes from base exist and are mapped, as the system says. */
  uint64_t (*exists)(void* arg);
};

struct uvshm__contents;

/* One attached object, in private memory. The numbers were copied from the
 * header and checked once; the header's own are never looked at again. */
struct uvshm__core {
  unsigned char* base;
  uint64_t reach; /* bytes mapped from base */
  uint32_t peers_max;
  uint32_t lanes_max;
  uint32_t lanes_offset;
  uint32_t objects_max;
  uint32_t objects_offset;
  uint32_t control_size;
  uint32_t heap_offset; /* 0: it has no heap */
  uint32_t heap_zones;
  uint64_t reserve;     /* bytes that it may grow to */
  uvshm__a64_t* exists; /* private: what env->exists last said; only rises */
  uint32_t slot;        /* our own peer slot */
  uint32_t generation;  /* and its generation */
  const struct uvshm__contents* contents; /* contents.h; NULL: none */
  const struct uvshm__env* env;
  void* env_arg;
};

static inline struct uvshm__header* uvshm__core_header(
    const struct uvshm__core* core) {
  return (struct uvshm__header*) core->base;
}

static inline struct uvshm__peer* uvshm__core_peer(
    const struct uvshm__core* core, uint32_t slot) {
  return (struct uvshm__peer*) (core->base + UVSHM__PEERS_OFFSET) + slot;
}

#endif /* UVSHM_CORE_CORE_H_ */
