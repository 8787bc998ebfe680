/* SPDX-License-Identifier: MIT */

/* The writer of a cell: claim a buffer that nobody needs, fill it, make it the
 * latest value. cell.c says why this is safe. */

#include "core/cell.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/cell_inside.h"
#include "core/reap.h"
#include "core/wait.h"

#include <limits.h>
#include <string.h>

/* How often a writer looks at each buffer before he waits for one. */
#define ROUNDS 4u

/* ---- claim --------------------------------------------------------------- */

/* Acquire: what its readers have loaded is loaded before it is overwritten. */
static int is_pinned(const struct uvshm__cell* cell, uint32_t index) {
  uint32_t word;
  uint32_t pin;

  for (pin = 0; pin < cell->pins_max; pin++) {
    word = uvshm__a32_load_acquire(&cell->pins[pin].word);
    if (word != 0 && word >> UVSHM__CELL_PIN_SHIFT == index) return 1;
  }
  return 0;
}


static uint32_t current_buffer(const struct uvshm__cell* cell) {
  return (uint32_t) uvshm__a64_load_acquire(&cell->block->current) &
         UVSHM__CELL_BUFFER;
}


/* Before a value was written buffer 0 counts as current, and is left out. */
static int claim_one(const struct uvshm__cell* cell, uint32_t index) {
  uvshm__a32_t* own = &cell->block->own[index];
  struct uvshm__cell_buffer* buffer = uvshm__cell_buffer(cell, index);

  if (uvshm__a32_load_relaxed(own) != 0 || is_pinned(cell, index)) return 0;
  if (!uvshm__a32_cas(own, 0, cell->core->slot + 1)) return 0;
  /* It may have become current since we looked, by him who had it then. From
   * now on only we can make it that. */
  if (current_buffer(cell) != index) {
    /* Pairs with the fence in uvshm__cell_pin(). */
    uvshm__fence_seq_cst();
    if (!is_pinned(cell, index)) {
      uvshm__a64_store_relaxed(&buffer->stamp, 0);
      /* Pairs with the fence in uvshm__cell_is_whole(). */
      uvshm__fence_release();
      return 1;
    }
  }
  uvshm__a32_store_release(own, 0);
  return 0;
}


int uvshm__cell_claim_try(const struct uvshm__cell* cell, uint32_t* index) {
  uint32_t current = current_buffer(cell);
  uint32_t candidate = current;
  uint32_t i;

  if (current >= cell->buffers_max) return uvshm__cell_damaged(current);
  /* In turn, so that what was replaced last is overwritten last. Others may
   * have had a buffer just while they found that they may not. */
  for (i = 0; i < ROUNDS * cell->buffers_max; i++) {
    if (++candidate == cell->buffers_max) candidate = 0;
    if (!claim_one(cell, candidate)) continue;
    *index = candidate;
    return 0;
  }
  return UV_EAGAIN;
}


static void bury_if_dead(const struct uvshm__core* core, uint32_t slot) {
  if (slot >= core->peers_max || slot == core->slot) return;
  if (!core->env->alive(core->env_arg, slot)) (void) uvshm__reap(core, slot);
}


/* Only a thread that holds no lock may clear the dead away; one that does goes
 * on waiting. */
UVSHM__RARE void uvshm__cell_bury_users(const struct uvshm__lane* lane,
                                        const struct uvshm__cell* cell) {
  uint32_t word;
  uint32_t i;

  if (lane->count != 0) return;
  for (i = 0; i < cell->buffers_max; i++)
    bury_if_dead(cell->core, uvshm__a32_load_relaxed(&cell->block->own[i]) - 1);
  for (i = 0; i < cell->pins_max; i++) {
    word = uvshm__a32_load_relaxed(&cell->pins[i].word);
    bury_if_dead(cell->core, (word & UVSHM__CELL_PIN_SLOT) - 1);
  }
}


UVSHM__RARE int uvshm__cell_claim_wait(struct uvshm__lane* lane,
                                       const struct uvshm__cell* cell,
                                       uint32_t* index) {
  struct uvshm__signal* room = &cell->block->room;
  struct uvshm__wait wait;
  uint32_t word;
  int err;

  uvshm__wait_begin(
      &wait, lane, &room->word, cell->patience_ms, cell->cancelled);
  for (;;) {
    word = uvshm__signal_prepare(room);
    err = uvshm__cell_claim_try(cell, index);
    if (err == UV_EAGAIN && !uvshm__cell_is_there(cell)) err = UV_ENXIO;
    if (err != UV_EAGAIN) break;
    err = uvshm__wait_sleep(&wait, word);
    if (err < 0) break;
    if (err == UVSHM__WAIT_SLICE) uvshm__cell_bury_users(lane, cell);
  }
  if (wait.sleeps != 0) uvshm__signal_pass(cell->core, room, 0);
  return err;
}

/* ---- commit -------------------------------------------------------------- */

/* Without a fence: who misses the news that there is room loses a slice of his
 * sleep, and he waits only because there are too many of him. */
static void give_back(const struct uvshm__cell* cell, uint32_t index) {
  uvshm__a32_store_release(&cell->block->own[index], 0);
  uvshm__signal_raise_fenced(cell->core, &cell->block->room, 1);
}


int uvshm__cell_commit(const struct uvshm__cell* cell,
                       uint32_t index,
                       uint64_t size) {
  struct uvshm__cell_buffer* buffer = uvshm__cell_buffer(cell, index);
  uvshm__a64_t* current = &cell->block->current;
  uint64_t version;
  uint64_t word;
  uint32_t tries;

  uvshm__a64_store_relaxed(&buffer->size, size);
  for (tries = 0; tries < UVSHM__CELL_TRIES; tries++) {
    word = uvshm__a64_load_relaxed(current);
    version = (word >> UVSHM__CELL_VERSION_SHIFT) + 1;
    uvshm__a64_store_relaxed(&buffer->stamp, version);
    /* What makes it the value. Who reads the word, with acquire, sees all of
     * the buffer. */
    if (uvshm__a64_cas(
            current, word, version << UVSHM__CELL_VERSION_SHIFT | index)) {
      give_back(cell, index);
      uvshm__signal_raise(cell->core, &cell->block->news, INT_MAX);
      return 0;
    }
  }
  return uvshm__cell_damaged(word);
}


void uvshm__cell_abort(const struct uvshm__cell* cell, uint32_t index) {
  give_back(cell, index);
}


void uvshm__cell_fill(const struct uvshm__cell* cell,
                      uint32_t index,
                      const void* bytes,
                      uint64_t size) {
  uvshm__a64_t* to = (uvshm__a64_t*) (void*) uvshm__cell_value(cell, index);
  const unsigned char* at = bytes;
  uint64_t word;

  if (size >= UVSHM__CELL_COPY_PINNED) {
    memcpy(to, bytes, (size_t) size);
    return;
  }
  for (; size >= 8; size -= 8, at += 8, to++) {
    memcpy(&word, at, 8);
    uvshm__a64_store_relaxed(to, word);
  }
  if (size == 0) return;
  word = 0;
  memcpy(&word, at, (size_t) size);
  uvshm__a64_store_relaxed(to, word);
}
