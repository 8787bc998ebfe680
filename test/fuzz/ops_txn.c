/* SPDX-License-Identifier: MIT */

/* Every call of transactions. Each peer has one at most. */

#include "fuzz/fuzz.h"

#include "core/heap.h"
#include "core/lock.h"
#include "core/txn.h"

#include <string.h>

#define BLOCKS (sizeof(((struct fuzz_world*) 0)->blocks) / sizeof(uint64_t))


static struct uvshm__lock* mutex(struct fuzz_world* world, uint32_t i) {
  return uvshm__directory_body(fuzz_core_of(world, 0),
                               world->mutexes[i % FUZZ_MUTEXES].index);
}


/* The transaction of a peer that is in one, else NULL. */
static struct uvshm__txn* txn_of(struct fuzz_world* world, uint32_t peer) {
  struct uvshm__lane* lane = fuzz_lane(world, peer);
  uint32_t i;

  if (lane == NULL || !uvshm__lane_in_txn(lane)) return NULL;
  for (i = 0; i < FUZZ_PEERS; i++)
    if (lane == &world->lanes[i]) return &world->txns[i];
  return NULL;
}


static void begin(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  struct uvshm__lock* lock = mutex(world, fuzz_u8(input));
  uint64_t log;
  uint64_t capacity;
  uint32_t i;

  if (lane == NULL || uvshm__lane_in_txn(lane)) return;
  if (!uvshm__txn_locate(lane->core, lock, &log, &capacity)) return;
  if (uvshm__lock_acquire(lane, lock, 0, 0, NULL) < 0) return;
  for (i = 0; i < FUZZ_PEERS; i++)
    if (lane == &world->lanes[i])
      uvshm__txn_begin(&world->txns[i], lane, lock, log, capacity);
}


static void save(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__txn* txn = txn_of(world, fuzz_u8(input));
  uint64_t offset = world->blocks[fuzz_u8(input) % BLOCKS];
  uint64_t size = fuzz_u8(input);
  unsigned char* bytes;

  if (txn == NULL) return;
  if (fuzz_u8(input) % 4 == 0) offset = fuzz_number(input);
  if (uvshm__txn_save(txn, offset, size) < 0) return;
  bytes = uvshm__heap_at(txn->lane->core, offset, size);
  if (bytes != NULL && size != 0) bytes[size - 1] ^= 1;
}


static void blocks(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__txn* txn = txn_of(world, fuzz_u8(input));
  uint64_t* mine = &world->blocks[fuzz_u8(input) % BLOCKS];
  uint64_t* other = &world->blocks[fuzz_u8(input) % BLOCKS];
  uint64_t block = 0;

  if (txn == NULL) return;
  switch (fuzz_u8(input) % 3) {
    case 0:
      if (uvshm__txn_alloc(txn, fuzz_u16(input), &block) == 0) *mine = block;
      break;
    case 1:
      (void) uvshm__txn_free(txn, *mine);
      break;
    default:
      (void) uvshm__txn_publish(txn, *other, *mine);
  }
}


static void end(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__txn* txn = txn_of(world, fuzz_u8(input));
  struct uvshm__lock* lock;
  struct uvshm__lane* lane;
  int err;

  if (txn == NULL) return;
  lock = txn->lock;
  lane = txn->lane;
  if (fuzz_u8(input) & 1)
    err = uvshm__txn_commit(txn);
  else
    err = uvshm__txn_abort(txn);
  if (err == 0) (void) uvshm__lock_release(lane, lock);
}

static const fuzz_op ops[] = {begin, begin, save, save, blocks, blocks, end};

const struct fuzz_table fuzz_txn = {ops, sizeof(ops) / sizeof(ops[0])};
