/* SPDX-License-Identifier: MIT */

/* Becoming a peer, and the table through which core code reaches the system:
 * sleeping, waking, the clock, and the kernel's word on who is alive.
 */

#include "object/attach.h"

#include "base/error.h"
#include "core/peer.h"
#include "port_caps.h"


/* Slots whose entry says free first: they cost no repair. A dead peer's slot is
 * taken when nothing else is left, and repaired by uvshm__peer_join(). */
static int claim_one(struct uvshm__attach* attach,
                     const uint64_t* known,
                     int dead) {
  struct uvshm__core* core = &attach->core;
  uint64_t looked[UVSHM__PEERS_AT_ONCE];
  const uint64_t* states;
  uint32_t first;
  uint32_t count;
  uint32_t i;
  int err;

  for (first = 0; first < core->peers_max; first += count) {
    count = uvshm__peer_count(core, first);
    states = first == 0 && known != NULL ? known : looked;
    if (states == looked) uvshm__peer_states(core, first, looked);
    for (i = 0; i < count; i++) {
      if (((uint32_t) states[i] != UVSHM__PEER_FREE) != dead) continue;
      err = uvshm__port_claim(&attach->claim, &attach->object, first + i);
      if (err == 0) core->slot = first + i;
      if (err != UV_EBUSY) return err;
    }
  }
  return UV_EBUSY;
}


static int claim_any(struct uvshm__attach* attach, const uint64_t* states) {
  int err = claim_one(attach, states, 0);

  if (err == UV_EBUSY) err = claim_one(attach, states, 1);
  if (err != UV_EBUSY) return err;
  return uvshm__fail(
      UV_EMFILE, "all its %u peer slots are taken", attach->core.peers_max);
}


/* Gate held, or a forked child's own handle. */
int uvshm__attach_join(struct uvshm__attach* attach, const uint64_t* states) {
  uint64_t now = uvshm__port_wall_ms();
  int err;

  if (attach->readonly)
    return uvshm__port_claim(
        &attach->claim, &attach->object, UVSHM__PORT_READERS);

  err = claim_any(attach, states);
  if (err < 0) return err;
  err = uvshm__peer_join(&attach->core, uvshm__port_pid(), attach->label, now);
  if (err < 0) uvshm__port_unclaim(&attach->claim);
  return err;
}


void uvshm__attach_unjoin(struct uvshm__attach* attach) {
  if (!attach->readonly)
    uvshm__peer_leave(&attach->core, uvshm__port_wall_ms());
  uvshm__port_unclaim(&attach->claim);
}


static int env_read_at(void* arg, uint64_t at, void* bytes, size_t size) {
  struct uvshm__attach* attach = arg;

  if (!attach->untouched) return UV_ENOTSUP;
  return uvshm__port_read_at(&attach->object, at, bytes, size);
}


static int env_write_at(void* arg,
                        uint64_t at,
                        const void* bytes,
                        size_t size) {
  struct uvshm__attach* attach = arg;

  if (!attach->untouched) return UV_ENOTSUP;
  return uvshm__port_write_at(&attach->object, at, bytes, size);
}


static int env_wait(void* arg,
                    const uvshm__a32_t* word,
                    uint32_t value,
                    uint32_t lane,
                    uint32_t timeout_ms) {
  struct uvshm__attach* attach = arg;

  if (uvshm__attach_is_cut(attach)) return UV_EIO;
  return uvshm__port_wait(&attach->object, word, value, lane, timeout_ms);
}


static void env_wake(void* arg,
                     const uvshm__a32_t* word,
                     uint32_t lane,
                     uint32_t count) {
  struct uvshm__attach* attach = arg;

  uvshm__port_wake(&attach->object, word, lane, count);
}


static int env_alive(void* arg, uint32_t slot) {
  struct uvshm__attach* attach = arg;
  int alive;

  if (uvshm__port_alive(&attach->object, slot, &alive) < 0) return 1;
  return alive;
}


/* One repair at a time in a process is enough: a second thread that is blocked
 * by another dead peer tries again after its next slice. */
static int env_claim(void* arg, uint32_t slot) {
  struct uvshm__attach* attach = arg;
  int err = UV_EBUSY;

  uvshm__port_process_lock();
  if (!attach->reaping) {
    err = uvshm__port_claim(&attach->repair_claim, &attach->object, slot);
    if (err == 0) attach->reaping = 1;
  }
  uvshm__port_process_unlock();
  return err;
}


static void env_unclaim(void* arg, uint32_t slot) {
  struct uvshm__attach* attach = arg;

  (void) slot;
  uvshm__port_process_lock();
  uvshm__port_unclaim(&attach->repair_claim);
  attach->reaping = 0;
  uvshm__port_process_unlock();
}


static uint64_t env_now_ms(void* arg) {
  (void) arg;
  return uvshm__port_now_ms();
}


static uint64_t env_now_ns(void* arg) {
  (void) arg;
  return uv_hrtime();
}


static int env_grow(void* arg, uint64_t to) {
  return uvshm__attach_extend(arg, to);
}


static uint64_t env_exists(void* arg) {
  return uvshm__attach_exists(arg);
}


static void env_yield(void* arg) {
  (void) arg;
  uvshm__port_yield();
}


static void env_ring(void* arg,
                     uint32_t slot,
                     uint32_t generation,
                     uint32_t loops) {
  struct uvshm__attach* attach = arg;
  uint32_t i;

  for (i = 0; i < UVSHM__BELLS_LIMIT; i++)
    if (loops >> i & 1)
      uvshm__port_bell_ring(&attach->object, slot, generation, i);
}


static void env_hush(void* arg, uint32_t slot, uint32_t count) {
  struct uvshm__attach* attach = arg;

  uvshm__port_bell_sweep(&attach->object, slot, count);
}


void uvshm__attach_wire(struct uvshm__attach* attach) {
  static const struct uvshm__env env = {.grow = env_grow,
                                        .exists = env_exists,
                                        .wait = env_wait,
                                        .wake = env_wake,
                                        .wakes_lanes = UVSHM__PORT_WAKES_LANES,
                                        .alive = env_alive,
                                        .claim = env_claim,
                                        .unclaim = env_unclaim,
                                        .now_ms = env_now_ms,
                                        .now_ns = env_now_ns,
                                        .yield = env_yield,
                                        .read_at = env_read_at,
                                        .write_at = env_write_at,
                                        .ring = env_ring,
                                        .hush = env_hush};

  attach->core.env = &env;
  attach->core.env_arg = attach;
}
