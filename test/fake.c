/* SPDX-License-Identifier: MIT */

#include "fake.h"

#include "base/error.h"
#include "core/contents.h"
#include "core/peer.h"
#include "uvshm/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_sleeper {
  const uvshm__a32_t* word;
  uint32_t lane;
  uint32_t woken;
  uv_cond_t cond;
  struct fake_sleeper* next;
};

/* ---- sleeping ------------------------------------------------------------ */

static void enqueue(struct fake* fake, struct fake_sleeper* sleeper) {
  struct fake_sleeper** link = &fake->sleepers;

  while (*link != NULL) link = &(*link)->next;
  sleeper->next = NULL;
  *link = sleeper;
}


static void dequeue(struct fake* fake, struct fake_sleeper* sleeper) {
  struct fake_sleeper** link = &fake->sleepers;

  while (*link != sleeper) link = &(*link)->next;
  *link = sleeper->next;
}


static int sleep_until_woken(struct fake* fake,
                             struct fake_sleeper* sleeper,
                             uint32_t ms) {
  uint64_t end = uv_hrtime() + ms * UINT64_C(1000000);
  uint64_t now = 0;

  while (!sleeper->woken && (now = uv_hrtime()) < end)
    uv_cond_timedwait(&sleeper->cond, &fake->mutex, end - now);
  return sleeper->woken ? 0 : UV_ETIMEDOUT;
}


/* The word is compared in the same breath as we fall asleep, as futexes do;
 * with events the wake itself is what is remembered. */
static int env_wait(void* arg,
                    const uvshm__a32_t* word,
                    uint32_t value,
                    uint32_t lane,
                    uint32_t timeout_ms) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  struct fake_sleeper sleeper;
  uint32_t ms = fake->patience_ms != 0 ? fake->patience_ms : timeout_ms;
  int err = 0;

  sleeper.word = word;
  sleeper.lane = lane;
  sleeper.woken = 0;
  uv_cond_init(&sleeper.cond);
  uv_mutex_lock(&fake->mutex);
  if (fake->env.wakes_lanes && fake->events[lane])
    fake->events[lane] = 0;
  else if (uvshm__a32_load_seq_cst(word) == value) {
    enqueue(fake, &sleeper);
    err = sleep_until_woken(fake, &sleeper, ms);
    dequeue(fake, &sleeper);
  }
  uv_mutex_unlock(&fake->mutex);
  uv_cond_destroy(&sleeper.cond);
  if (err != 0 && fake->patience_ms != 0) uvshm__a32_add(&fake->lost, 1);
  return err;
}


static void env_wake(void* arg,
                     const uvshm__a32_t* word,
                     uint32_t lane,
                     uint32_t count) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  struct fake_sleeper* sleeper;
  uint32_t found = 0;

  uvshm__a32_add(&fake->wakes, 1);
  uv_mutex_lock(&fake->mutex);
  for (sleeper = fake->sleepers; sleeper != NULL && found < count;
       sleeper = sleeper->next) {
    if (sleeper->woken) continue;
    if (fake->env.wakes_lanes ? sleeper->lane != lane : sleeper->word != word)
      continue;
    sleeper->woken = 1;
    uv_cond_signal(&sleeper->cond);
    found++;
  }
  if (fake->env.wakes_lanes && found == 0) fake->events[lane] = 1;
  uv_mutex_unlock(&fake->mutex);
}

/* ---- the kernel's word --------------------------------------------------- */

static int env_alive(void* arg, uint32_t slot) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  int alive = 1;

  uvshm__a32_add(&fake->questions, 1);
  uv_mutex_lock(&fake->mutex);
  if (slot < FAKE_PEERS)
    alive = fake->peers[slot].alive || fake->claimed_by[slot] != 0;
  uv_mutex_unlock(&fake->mutex);
  return alive;
}


static int env_claim(void* arg, uint32_t slot) {
  struct fake_peer* peer = arg;
  struct fake* fake = peer->fake;
  int err = UV_EBUSY;

  uv_mutex_lock(&fake->mutex);
  if (slot < FAKE_PEERS && !fake->peers[slot].alive &&
      fake->claimed_by[slot] == 0) {
    fake->claimed_by[slot] = peer->core.slot + 1;
    err = 0;
  }
  uv_mutex_unlock(&fake->mutex);
  return err;
}


static void env_unclaim(void* arg, uint32_t slot) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;

  uv_mutex_lock(&fake->mutex);
  fake->claimed_by[slot] = 0;
  uv_mutex_unlock(&fake->mutex);
}


static uint64_t env_now_ms(void* arg) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;

  uvshm__a32_add(&fake->clocks, 1);
  return uv_hrtime() / 1000000;
}


static uint64_t env_now_ns(void* arg) {
  (void) arg;
  return uv_hrtime();
}


static void env_yield(void* arg) {
  (void) arg;
}

/* All the memory is there from the start; what the header says is what counts,
 * as far as it can be true. */
static uint64_t env_exists(void* arg) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  const struct uvshm__header* header =
      (const struct uvshm__header*) fake->memory;
  uint64_t committed = uvshm__a64_load_acquire(&header->committed);

  return committed < fake->memory_size ? committed : fake->memory_size;
}


static int env_grow(void* arg, uint64_t to) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  struct uvshm__header* header = (struct uvshm__header*) fake->memory;
  uint64_t old;

  if (to > fake->memory_size) return UV_ENOSPC;
  do old = uvshm__a64_load_acquire(&header->committed);
  while (old < to && !uvshm__a64_cas(&header->committed, old, to));
  return 0;
}

/* ---- making -------------------------------------------------------------- */

void fake_make(struct fake* fake, uint32_t kind) {
  fake_make_sized(fake, kind, 0, 0);
}


void fake_make_sized(struct fake* fake,
                     uint32_t kind,
                     uint64_t size,
                     uint64_t max_size) {
  memset(fake, 0, sizeof(*fake));
  fake->control.kind = kind;
  fake->control.size = size;
  fake->control.max_size = max_size > size ? max_size : size;
  fake->control.peers_max = FAKE_PEERS;
  fake->control.lanes_max = kind == UVSHM_KIND_REGION ? 0 : FAKE_LANES;
  fake->control.objects_max = kind == UVSHM_KIND_SEGMENT ? FAKE_OBJECTS : 0;
  if (uvshm__control_plan(&fake->control) < 0) abort();
  fake->memory_size = fake->control.reserve;
  fake->memory = calloc(1, (size_t) fake->memory_size);
  if (fake->memory == NULL) abort();
  uvshm__control_format(fake->memory, &fake->control);
  if (kind != UVSHM_KIND_REGION) uvshm__lock_format(fake_root(fake), 0);
  uvshm__control_commit(fake->memory);
  uv_mutex_init(&fake->mutex);

  fake->env.wait = env_wait;
  fake->env.wake = env_wake;
  fake->env.alive = env_alive;
  fake->env.claim = env_claim;
  fake->env.unclaim = env_unclaim;
  fake->env.now_ms = env_now_ms;
  fake->env.now_ns = env_now_ns;
  fake->env.yield = env_yield;
  fake->env.grow = env_grow;
  fake->env.exists = env_exists;
}


void fake_free(struct fake* fake) {
  uv_mutex_destroy(&fake->mutex);
  free(fake->memory);
}


struct fake_peer* fake_join(struct fake* fake, uint32_t slot) {
  struct fake_peer* peer = &fake->peers[slot];
  struct uvshm__core* core = &peer->core;

  peer->fake = fake;
  core->base = fake->memory;
  core->reach = fake->memory_size;
  core->peers_max = fake->control.peers_max;
  core->lanes_max = fake->control.lanes_max;
  core->lanes_offset = fake->control.lanes_offset;
  core->objects_max = fake->control.objects_max;
  core->objects_offset = fake->control.objects_offset;
  core->control_size = fake->control.control_size;
  core->heap_offset = fake->control.heap_offset;
  core->heap_zones = fake->control.heap_zones;
  core->reserve = fake->control.reserve;
  core->exists = &peer->exists;
  uvshm__a64_store_relaxed(&peer->exists, env_exists(peer));
  if (fake->control.kind == UVSHM_KIND_SEGMENT)
    core->contents = &uvshm__contents;
  core->slot = slot;
  core->env = &fake->env;
  core->env_arg = peer;
  peer->alive = 1;
  if (uvshm__peer_join(core, 1000 + slot, "fake", 1) < 0) abort();
  return peer;
}


void fake_kill(struct fake_peer* peer) {
  struct fake* fake = peer->fake;
  uint32_t slot;

  uv_mutex_lock(&fake->mutex);
  peer->alive = 0;
  for (slot = 0; slot < FAKE_PEERS; slot++)
    if (fake->claimed_by[slot] == peer->core.slot + 1)
      fake->claimed_by[slot] = 0;
  uv_mutex_unlock(&fake->mutex);
}


void fake_revive(struct fake_peer* peer) {
  struct fake* fake = peer->fake;

  while (env_claim(peer, peer->core.slot) != 0) uv_sleep(1);
  uv_mutex_lock(&fake->mutex);
  peer->alive = 1;
  fake->claimed_by[peer->core.slot] = 0;
  uv_mutex_unlock(&fake->mutex);
  if (uvshm__peer_join(&peer->core, 1, "again", 1) < 0) abort();
}


struct uvshm__lock* fake_root(struct fake* fake) {
  return (struct uvshm__lock*) (fake->memory + UVSHM__ROOT_OFFSET);
}


uint64_t fake_cell_offset(uint32_t i) {
  return UVSHM__ROOT_OFFSET + UVSHM__ROOT_SIZE / 2 + i * UINT64_C(8);
}


uvshm__a64_t* fake_cell(struct fake* fake, uint32_t i) {
  return (uvshm__a64_t*) (fake->memory + fake_cell_offset(i));
}

/* ---- chance -------------------------------------------------------------- */

uint64_t fake_seed(void) {
  const char* text = getenv("UVSHM_TEST_SEED");
  uint64_t seed = uv_hrtime() | 1;

  if (text != NULL) seed = strtoull(text, NULL, 0) | 1;
  printf("UVSHM_TEST_SEED=%llu\n", (unsigned long long) seed);
  return seed;
}


uint64_t fake_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}
