/* SPDX-License-Identifier: MIT */

/* The reader of a cell: look at the latest value and see whether it was whole,
 * pin it, copy it, wait for another. cell.c says why this is safe. */

#include "core/cell.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/cell_inside.h"
#include "core/peek.h"
#include "core/wait.h"

#include <string.h>

/* Copies before a reader pins the value, or gives up. Each in vain means that
 * several values were written meanwhile. */
#define COPIES 16u

/* ---- read ---------------------------------------------------------------- */

int uvshm__cell_is_whole(const struct uvshm__cell* cell,
                         uint32_t buffer,
                         uint64_t version) {
  /* Pairs with the fence in claim_one(). */
  uvshm__fence_acquire();
  return uvshm__a64_load_relaxed(&uvshm__cell_buffer(cell, buffer)->stamp) ==
         version;
}


/* 1: *view is that of `current`; 0: it is not any more, or cannot be. */
static UVSHM__USUAL int look_once(const struct uvshm__cell* cell,
                                  uint64_t current,
                                  struct uvshm__cell_view* view) {
  uint32_t buffer = (uint32_t) current & UVSHM__CELL_BUFFER;

  if (buffer >= cell->buffers_max) return 0;
  view->version = current >> UVSHM__CELL_VERSION_SHIFT;
  view->buffer = buffer;
  view->pin = UVSHM__CELL_UNPINNED;
  view->bytes = uvshm__cell_value(cell, buffer);
  view->size = uvshm__peek(&uvshm__cell_buffer(cell, buffer)->size);
  return view->size <= cell->size;
}


UVSHM__RARE static int look_again(const struct uvshm__cell* cell,
                                  struct uvshm__cell_view* view) {
  uint64_t current = 0;
  uint32_t tries;

  for (tries = 0; tries < COPIES; tries++) {
    current = uvshm__a64_load_acquire(&cell->block->current);
    if (current == 0) return UV_ENOENT;
    if (look_once(cell, current, view) &&
        uvshm__cell_is_whole(cell, view->buffer, view->version))
      return 0;
    /* What is wrong and does not change is damage. Pairs with the fences in
     * claim_one(): who has lost the stamp was replaced as the latest before. */
    uvshm__fence_acquire();
    if (uvshm__a64_load_acquire(&cell->block->current) == current)
      return uvshm__cell_damaged(current);
    uvshm__pause();
  }
  return UV_EAGAIN;
}


int uvshm__cell_look(const struct uvshm__cell* cell,
                     struct uvshm__cell_view* view) {
  uint64_t current = uvshm__a64_load_acquire(&cell->block->current);

  if (current != 0 && look_once(cell, current, view) &&
      uvshm__cell_is_whole(cell, view->buffer, view->version))
    return 0;
  return look_again(cell, view);
}

/* ---- pin ----------------------------------------------------------------- */

/* A free one, for `buffer`. Each peer begins somewhere else. */
static int take_pin(const struct uvshm__cell* cell,
                    uint32_t buffer,
                    uint32_t* pin) {
  uint32_t word = buffer << UVSHM__CELL_PIN_SHIFT | (cell->core->slot + 1);
  uint32_t i;

  *pin = cell->core->slot % cell->pins_max;
  for (i = 0; i < cell->pins_max; i++) {
    if (uvshm__a32_load_relaxed(&cell->pins[*pin].word) == 0 &&
        uvshm__a32_cas(&cell->pins[*pin].word, 0, word))
      return 1;
    if (++*pin == cell->pins_max) *pin = 0;
  }
  return 0;
}


void uvshm__cell_unpin(const struct uvshm__cell* cell, uint32_t pin) {
  uvshm__a32_store_release(&cell->pins[pin].word, 0);
}


int uvshm__cell_pin(const struct uvshm__cell* cell,
                    struct uvshm__cell_view* view) {
  uint64_t current = 0;
  uint32_t tries;
  uint32_t buffer;
  uint32_t pin;

  for (tries = 0; tries < UVSHM__CELL_TRIES; tries++) {
    current = uvshm__a64_load_acquire(&cell->block->current);
    buffer = (uint32_t) current & UVSHM__CELL_BUFFER;
    if (current == 0) return UV_ENOENT;
    if (buffer >= cell->buffers_max) return uvshm__cell_damaged(current);
    if (!take_pin(cell, buffer, &pin)) return UV_EAGAIN;
    /* Pairs with the fence in claim_one(). */
    uvshm__fence_seq_cst();
    if (uvshm__a64_load_acquire(&cell->block->current) == current) {
      if (look_once(cell, current, view) &&
          uvshm__cell_is_whole(cell, buffer, view->version)) {
        view->pin = pin;
        return 0;
      }
      uvshm__cell_unpin(cell, pin);
      break;
    }
    uvshm__cell_unpin(cell, pin);
  }
  return uvshm__cell_damaged(current);
}

/* ---- copy ---------------------------------------------------------------- */

/* 0, UV_ENOBUFS, or UV_EAGAIN. */
static UVSHM__USUAL int copy_once(const struct uvshm__cell* cell,
                                  void* bytes,
                                  uint64_t room,
                                  struct uvshm__cell_view* view) {
  uint64_t current = uvshm__a64_load_acquire(&cell->block->current);

  if (current == 0 || !look_once(cell, current, view)) return UV_EAGAIN;
  if (view->size <= room)
    uvshm__peek_bytes(
        bytes, (const uvshm__a64_t*) (const void*) view->bytes, view->size);
  if (!uvshm__cell_is_whole(cell, view->buffer, view->version))
    return UV_EAGAIN;
  return view->size <= room ? 0 : UV_ENOBUFS;
}


static int copy_pinned(const struct uvshm__cell* cell,
                       void* bytes,
                       uint64_t room,
                       struct uvshm__cell_view* view) {
  int err = uvshm__cell_pin(cell, view);

  if (err < 0) return err;
  if (view->size > room)
    err = UV_ENOBUFS;
  else if (view->size != 0)
    memcpy(bytes, view->bytes, (size_t) view->size);
  uvshm__cell_unpin(cell, view->pin);
  return err;
}


UVSHM__RARE static int read_slow(const struct uvshm__cell* cell,
                                 int may_pin,
                                 void* bytes,
                                 uint64_t room,
                                 struct uvshm__cell_view* view) {
  uint32_t tries;
  int err;

  for (tries = 0; tries < COPIES; tries++) {
    /* Is there a value that can be at all? */
    err = uvshm__cell_look(cell, view);
    if (err < 0 && err != UV_EAGAIN) return err;
    if (may_pin && (tries != 0 || cell->size >= UVSHM__CELL_COPY_PINNED)) {
      err = copy_pinned(cell, bytes, room, view);
      if (err != UV_EAGAIN) return err;
    }
    err = copy_once(cell, bytes, room, view);
    if (err != UV_EAGAIN) return err;
    uvshm__pause();
  }
  return UV_EAGAIN;
}


int uvshm__cell_read(const struct uvshm__cell* cell,
                     int may_pin,
                     void* bytes,
                     uint64_t room,
                     struct uvshm__cell_view* view) {
  int err = UV_EAGAIN;

  if (cell->size < UVSHM__CELL_COPY_PINNED || !may_pin)
    err = copy_once(cell, bytes, room, view);
  if (err == UV_EAGAIN) err = read_slow(cell, may_pin, bytes, room, view);
  /* It was read before this look: so it was there. */
  uvshm__fence_acquire();
  return uvshm__cell_is_there(cell) ? err : UV_ENXIO;
}

/* ---- wait ---------------------------------------------------------------- */

UVSHM__RARE int uvshm__cell_wait(struct uvshm__lane* lane,
                                 const struct uvshm__cell* cell,
                                 uint64_t timeout_ms,
                                 uint64_t* version) {
  struct uvshm__signal* news = &cell->block->news;
  struct uvshm__wait wait;
  uint64_t now;
  uint32_t word;
  int err;

  /* All who sleep are woken by a value, so nobody needs to pass it on. */
  uvshm__wait_begin(&wait, lane, &news->word, timeout_ms, cell->cancelled);
  uvshm__wait_is_for_news(&wait);
  for (;;) {
    word = uvshm__signal_prepare(news);
    now = uvshm__cell_version(cell);
    if (!uvshm__cell_is_there(cell)) return UV_ENXIO;
    if (now != *version) {
      *version = now;
      return 0;
    }
    err = uvshm__wait_sleep(&wait, word);
    if (err < 0) return err;
  }
}
