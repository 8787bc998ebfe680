/* SPDX-License-Identifier: MIT */

/* What is left of a peer in a cell: pins, and buffers that it was writing. All
 * of them are words that name it, so taking them away is all there is to do,
 * and can be done again. Values need no repair: a buffer is current or it is
 * not. (A stamp may be there without a value, when its writer died just before
 * the compare-and-swap. The next writer takes it away before he fills.)
 */

#include "core/cell.h"

#include "base/error.h"
#include "core/heap.h"
#include "core/peer.h"

#include <limits.h>


static int attach(const struct uvshm__core* core,
                  void* body,
                  struct uvshm__cell* cell) {
  struct uvshm__directory_ref ref = {0, 0, 0, 0};

  if (uvshm__a64_load_relaxed(&((struct uvshm__cell_hdr*) body)->block) == 0)
    return UV_ENXIO;
  ref.index = uvshm__directory_index(core, body);
  return uvshm__cell_attach(core, &ref, cell);
}


void uvshm__cell_forget(const struct uvshm__core* core,
                        uint32_t slot,
                        void* body) {
  struct uvshm__cell cell;
  uvshm__a32_t* word;
  uint32_t value;
  uint32_t i;

  if (attach(core, body, &cell) < 0) return;
  for (i = 0; i < cell.pins_max; i++) {
    word = &cell.pins[i].word;
    value = uvshm__a32_load_relaxed(word);
    if ((value & UVSHM__CELL_PIN_SLOT) == slot + 1)
      (void) uvshm__a32_cas(word, value, 0);
  }
  for (i = 0; i < cell.buffers_max; i++)
    (void) uvshm__a32_cas(&cell.block->own[i], slot + 1, 0);
  uvshm__signal_raise(core, &cell.block->room, INT_MAX);
}


/* Three stores, as map_bury.c has them: the block is private to `slot`; nothing
 * names it; it is free. A death in between leaves it named and private, which
 * the next burier goes on with, or private to the dead alone. */
void uvshm__cell_bury(const struct uvshm__core* core,
                      uint32_t slot,
                      void* body) {
  struct uvshm__cell_hdr* hdr = body;
  uint32_t own = UVSHM__OWN_PRIVATE + slot;
  uint64_t ref = uvshm__a64_load_relaxed(&hdr->block);
  struct uvshm__heap_block block;

  if (ref == 0 || uvshm__heap_find(core, ref, &block) < 0) return;
  uvshm__a32_store_release(&uvshm__core_peer(core, slot)->heap_used, 1);
  if (block.own != own &&
      !uvshm__heap_change(core, ref, UVSHM__OWN_LIBRARY, own))
    return;
  uvshm__a64_store_release(&hdr->block, 0);
  (void) uvshm__heap_change(core, ref, own, UVSHM__OWN_FREE);
}

/* ---- check --------------------------------------------------------------- */

static int is_peer(const struct uvshm__core* core, uint32_t number) {
  return number <= core->peers_max && !uvshm__peer_is_free(core, number - 1);
}


/* A pin or own word that names nobody. It may have been taken back since. */
static int is_strange(const struct uvshm__core* core,
                      const struct uvshm__cell* cell,
                      const uvshm__a32_t* word,
                      int is_pin) {
  uint32_t value = uvshm__a32_load_acquire(word);
  uint32_t buffer = is_pin ? value >> UVSHM__CELL_PIN_SHIFT : 0;
  uint32_t number = is_pin ? value & UVSHM__CELL_PIN_SLOT : value;

  if (value == 0) return 0;
  if (number != 0 && buffer < cell->buffers_max && is_peer(core, number))
    return 0;
  return uvshm__a32_load_acquire(word) == value;
}


static uint32_t count_strange(const struct uvshm__core* core,
                              const struct uvshm__cell* cell,
                              int mend) {
  uint32_t count = 0;
  uvshm__a32_t* word;
  uint32_t i;

  for (i = 0; i < cell->pins_max + cell->buffers_max; i++) {
    word = i < cell->pins_max ? &cell->pins[i].word
                              : &cell->block->own[i - cell->pins_max];
    if (!is_strange(core, cell, word, i < cell->pins_max)) continue;
    count++;
    if (mend) uvshm__a32_store_release(word, 0);
  }
  return count;
}


int uvshm__cell_check(const struct uvshm__core* core,
                      const struct uvshm__directory_ref* ref) {
  struct uvshm__cell_view view;
  struct uvshm__cell cell;
  int err = uvshm__cell_attach(core, ref, &cell);

  /* Removed meanwhile, it is nothing any more. */
  if (err < 0) return uvshm__directory_usable(core, ref) < 0 ? 0 : err;
  err = uvshm__cell_look(&cell, &view);
  if (err != UV_EPROTO) err = 0;
  if (err == 0 && count_strange(core, &cell, 0) != 0)
    err = uvshm__fail(UV_EPROTO, "the cell is held by a peer that is none");
  return uvshm__cell_is_there(&cell) ? err : 0;
}


uint32_t uvshm__cell_mend(const struct uvshm__core* core, void* body) {
  struct uvshm__cell cell;

  return attach(core, body, &cell) < 0 ? 0 : count_strange(core, &cell, 1);
}


static void reset_signal(struct uvshm__signal* signal) {
  uvshm__a32_store_relaxed(&signal->word, 0);
  uvshm__a64_store_relaxed(&signal->bells, 0);
}


void uvshm__cell_reset(const struct uvshm__core* core, void* body) {
  struct uvshm__cell cell;
  uint32_t i;

  if (attach(core, body, &cell) < 0) return;
  for (i = 0; i < cell.pins_max; i++)
    uvshm__a32_store_relaxed(&cell.pins[i].word, 0);
  for (i = 0; i < cell.buffers_max; i++)
    uvshm__a32_store_relaxed(&cell.block->own[i], 0);
  reset_signal(&cell.block->news);
  reset_signal(&cell.block->room);
}
