/* SPDX-License-Identifier: MIT */

/* Every call of peers, lanes, locks, semaphores, directory, check and repair.
 */

#include "fuzz/fuzz.h"

#include "core/control.h"
#include "core/lock.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/sem.h"
#include "core/wait.h"
#include "uvshm/name.h"

#include <string.h>

static struct uvshm__lock* mutex(struct fuzz_world* world, uint32_t i) {
  return uvshm__directory_body(fuzz_core_of(world, 0),
                               world->mutexes[i % FUZZ_MUTEXES].index);
}


static struct uvshm__sem* sem(struct fuzz_world* world) {
  return uvshm__directory_body(fuzz_core_of(world, 0), world->sem.index);
}

/* ---- locks --------------------------------------------------------------- */

static void acquire(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint32_t which = fuzz_u8(input);

  if (lane == NULL) return;
  (void) uvshm__lock_acquire(lane,
                             mutex(world, which),
                             which & 0x80 ? 5 : 0,
                             which & 0x40 ? UVSHM__LOCK_RECURSIVE : 0,
                             NULL);
}


static void release(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint32_t which = fuzz_u8(input);

  if (lane == NULL) return;
  if (which & 0x80)
    (void) uvshm__lock_abandon(lane, mutex(world, which));
  else
    (void) uvshm__lock_release(lane, mutex(world, which));
}


static void commit(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  struct uvshm__lock* lock = mutex(world, fuzz_u8(input));
  uint32_t count = fuzz_u8(input) % (UVSHM__LOCK_LOG + 1);
  uint32_t i;

  if (lane == NULL || !uvshm__lock_is_held(lane, lock)) return;
  for (i = 0; i < count; i++)
    uvshm__lock_log(lock, i, fake_cell_offset(i), 8, i);
  uvshm__lock_commit(lane->core, lock, count);
}


static void read_lock(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lock_facts facts;

  uvshm__lock_read(
      fuzz_core_of(world, 0), mutex(world, fuzz_u8(input)), &facts);
}


static void use_sem(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint32_t count = 1 + fuzz_u8(input);

  (void) uvshm__sem_try(sem(world));
  if (lane != NULL && count & 1)
    (void) uvshm__sem_wait(lane, sem(world), 3, NULL);
  (void) uvshm__sem_post(fuzz_core_of(world, 0), sem(world), count);
}

/* ---- peers and lanes ----------------------------------------------------- */

static void claim_lane(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t peer = fuzz_u8(input) % FUZZ_PEERS;

  if (world->lane_claimed[peer]) {
    uvshm__lane_exit(&world->lanes[peer]);
    world->lane_claimed[peer] = 0;
  }
  if (uvshm__lane_claim(fuzz_core_of(world, peer), &world->lanes[peer]) == 0)
    world->lane_claimed[peer] = 1;
}


static void leave_and_join(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t peer = fuzz_u8(input) % FUZZ_PEERS;
  struct uvshm__core* core = fuzz_core_of(world, peer);

  if (world->lane_claimed[peer]) uvshm__lane_exit(&world->lanes[peer]);
  world->lane_claimed[peer] = 0;
  uvshm__peer_leave(core, 1);
  if (uvshm__peer_join(core, 1, "back", 1) < 0) return;
  if (uvshm__lane_claim(core, &world->lanes[peer]) == 0)
    world->lane_claimed[peer] = 1;
}


/* Killed, and sometimes another process in its place. */
static void die(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t peer = 1 + fuzz_u8(input) % (FUZZ_PEERS - 1);
  struct fake_peer* killed = &world->fake.peers[peer];

  if (killed->alive) fake_kill(killed);
  world->lane_claimed[peer] = 0;
  if (fuzz_u8(input) & 1) return;
  if (world->fake.env.claim(killed, peer) != 0) return;
  killed->alive = 1;
  world->fake.env.unclaim(killed, peer);
  if (uvshm__peer_join(&killed->core, 1, "again", 1) < 0) return;
  if (uvshm__lane_claim(&killed->core, &world->lanes[peer]) == 0)
    world->lane_claimed[peer] = 1;
}


static void look_at_peers(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  struct uvshm__peer_facts facts;
  uint32_t slot;

  for (slot = 0; slot < core->peers_max; slot++)
    uvshm__peer_read(core, slot, &facts);
  (void) uvshm__lane_used(core);
}

/* ---- directory ----------------------------------------------------------- */

static uint32_t pick_name(struct fuzz_input* input, char* name) {
  static const char* const names[] = {"a", "bb", "ccc", "units", "new"};
  uint32_t which = fuzz_u8(input);
  uint32_t size = 0;

  if (which % 8 < 5) {
    size = (uint32_t) strlen(names[which % 8]);
    memcpy(name, names[which % 8], size);
  } else {
    for (; size < which % 201; size++) name[size] = (char) fuzz_u8(input);
  }
  return size;
}


static void make(struct fuzz_world* world, struct fuzz_input* input) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  struct uvshm__directory_spec spec;
  struct uvshm__directory_ref ref;
  char name[256];
  int made;

  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.name_size = pick_name(input, name);
  spec.type = fuzz_u8(input) & 1 ? UVSHM__TYPE_SEM : UVSHM__TYPE_MUTEX;
  spec.body = body;
  if (lane == NULL) return;
  if (uvshm__directory_make(lane, &spec, 3, &ref, &made) < 0) return;
  if (uvshm__directory_open(lane->core, &ref) < 0) return;
  if (fuzz_u8(input) & 1) uvshm__directory_close(lane->core, ref.index);
}


static void find(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  struct uvshm__directory_ref ref;
  char name[256];
  uint32_t size = pick_name(input, name);

  if (uvshm__directory_find(core, name, size, &ref) < 0) return;
  if (uvshm__directory_open(core, &ref) < 0) return;
  (void) uvshm__directory_usable(core, &ref);
  uvshm__directory_close(core, ref.index);
}


static void take_away(struct fuzz_world* world, struct fuzz_input* input) {
  char name[256];
  uint32_t size = pick_name(input, name);

  (void) uvshm__directory_remove(
      fuzz_core_of(world, fuzz_u8(input)), name, size);
}


static void list(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  struct uvshm__directory_facts facts;
  uint32_t cursor = 0;

  while (uvshm__directory_next(core, &cursor, &facts) == 0) continue;
  (void) uvshm__directory_used(core);
}

/* ---- the whole ----------------------------------------------------------- */

static void check(struct fuzz_world* world, struct fuzz_input* input) {
  (void) uvshm__core_check(fuzz_core_of(world, fuzz_u8(input)),
                           UVSHM_KIND_SEGMENT);
}


static void reap(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t peer = fuzz_u8(input);
  uint32_t slot = fuzz_u8(input);

  (void) uvshm__reap_locks(fuzz_core_of(world, peer), slot);
  (void) uvshm__reap_all(fuzz_core_of(world, peer));
}


static void mend(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));

  if (lane != NULL) (void) uvshm__core_mend(lane, UVSHM_KIND_SEGMENT);
}


/* Nobody is attached; then all are again. */
static void reset(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t i;

  (void) input;
  uvshm__core_reset(fuzz_core_of(world, 0), UVSHM_KIND_SEGMENT);
  for (i = 0; i < FUZZ_PEERS; i++) {
    world->lane_claimed[i] = 0;
    world->fake.peers[i].alive = 1;
    world->fake.claimed_by[i] = 0;
    if (uvshm__peer_join(fuzz_core_of(world, i), 1, "reset", 1) < 0) continue;
    if (uvshm__lane_claim(fuzz_core_of(world, i), &world->lanes[i]) == 0)
      world->lane_claimed[i] = 1;
  }
}


/* What open does first with the bytes that it finds. */
static void examine(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__header copy;
  struct uvshm__control control;

  memcpy(&copy, world->fake.memory, sizeof(copy));
  (void) uvshm__control_check(
      &copy, world->fake.memory_size - (fuzz_u8(input) & 7), &control);
}

static const fuzz_op ops[] = {
    acquire,       acquire, release,    release,        commit,
    read_lock,     use_sem, claim_lane, leave_and_join, die,
    look_at_peers, make,    find,       take_away,      list,
    check,         reap,    mend,       reset,          examine,
};

const struct fuzz_table fuzz_core = {ops, sizeof(ops) / sizeof(ops[0])};
