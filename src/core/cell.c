/* SPDX-License-Identifier: MIT */

/* A cell has some buffers and one word, `current`: which of them has the latest
 * value, and its version. To write is to fill a buffer that nobody needs and to
 * make it current by one compare-and-swap; a death or a stop before has changed
 * nothing, and no writer needs a lock.
 *
 *   writer                              reader in place
 *   own[b] = me       (CAS)             c = current
 *   c = current: not b                  pin[k] = {c.buffer, me}  (CAS)
 *   full fence                          full fence
 *   no pin names b                      current is still c: it may look
 *   stamp[b] = 0, release fence         ...
 *   fill, size                          pin[k] = 0
 *   stamp[b] = c.version + 1
 *   current = {c.version + 1, b} (CAS)
 *   own[b] = 0
 *
 * The two fences decide between a writer who takes b and a reader who has just
 * seen b as current. If the reader's comes first, the writer sees his pin and
 * looks for another buffer. If the writer's does, he knew before it that b is
 * not current, so the reader, who looks again after his, sees that too and
 * leaves the buffer alone.
 *
 * A reader who only copies writes nothing. He takes what is current, copies,
 * and looks whether the buffer's stamp still is the version that he went for:
 * the first thing that a writer does with a buffer is to take that away, with a
 * release fence behind it, so a reader who got any byte of the new value sees
 * after his acquire fence that the stamp is gone. Buffers are taken in turn, so
 * one is overwritten only when several values were written while he copied.
 *
 * There is always a buffer to be had: of pins + writers + 2 at most `pins` are
 * looked at, `writers` are written, and one is current. Only when more than
 * that want to write at the same moment somebody waits.
 *
 * After a death its pins and own words go (cell_repair.c). A buffer that it had
 * claimed is anybody's then; if it was made current before, it stays that.
 *
 * models/cell.pml shows this in every order of steps.
 */

#include "core/cell.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/heap.h"
#include "core/peek.h"
#include "core/reap.h"
#include "core/wait.h"

#include <limits.h>
#include <string.h>

/* How often others may be faster before that cannot be: each time one of them
 * has written a value. */
#define TRIES (1u << 20)

/* How often a writer looks at each buffer before he waits for one. */
#define ROUNDS 4u

/* Copies before a reader pins the value, or gives up. Each in vain means that
 * several values were written meanwhile. */
#define COPIES 16u

/* Of this many bytes and more, what is copied is pinned first if it may be: the
 * copy is faster than word by word, and would rarely come through. */
#define COPY_PINNED 16384u

/* ---- making and attaching ------------------------------------------------ */

static uint32_t buffers_of(const struct uvshm__cell_shape* shape) {
  return shape->pins + shape->writers + UVSHM__CELL_SPARE;
}


static uint32_t value_offset(uint64_t size) {
  return size <= UVSHM__CELL_SMALL
             ? (uint32_t) sizeof(struct uvshm__cell_buffer)
             : UVSHM__CELL_LINE;
}


static uint64_t stride_of(uint64_t size) {
  return (value_offset(size) + size + UVSHM__CELL_LINE - 1) / UVSHM__CELL_LINE *
         UVSHM__CELL_LINE;
}


static uint64_t buffers_offset(uint32_t pins) {
  return UVSHM__CELL_PINS_OFFSET + (uint64_t) pins * UVSHM__CELL_LINE;
}


uint64_t uvshm__cell_bytes(const struct uvshm__cell_shape* shape) {
  if (shape->size > UVSHM__CELL_SIZE_LIMIT) return 0;
  return buffers_offset(shape->pins) +
         stride_of(shape->size) * buffers_of(shape);
}


/* Zeros in all words that say something. */
static void format_block(unsigned char* block,
                         const struct uvshm__cell_shape* shape) {
  uint64_t stride = stride_of(shape->size);
  struct uvshm__cell_buffer* buffer;
  uint64_t i;

  for (i = 0; i < buffers_offset(shape->pins); i += 8)
    uvshm__a64_store_relaxed((uvshm__a64_t*) (void*) (block + i), 0);
  block += buffers_offset(shape->pins);
  for (i = 0; i < buffers_of(shape); i++, block += stride) {
    buffer = (struct uvshm__cell_buffer*) (void*) block;
    uvshm__a64_store_relaxed(&buffer->stamp, 0);
    uvshm__a64_store_relaxed(&buffer->size, 0);
  }
}


int uvshm__cell_format(struct uvshm__lane* lane,
                       const struct uvshm__cell_shape* shape,
                       struct uvshm__cell_hdr* body,
                       uint64_t* block) {
  uint64_t size = uvshm__cell_bytes(shape);
  unsigned char* bytes;
  uint64_t ref;
  int err;

  if (size == 0)
    return uvshm__fail(UV_ENOSPC, "no segment has room for values that large");
  err = uvshm__heap_alloc(lane, size, 0, uvshm__heap_me(lane->core), &ref);
  if (err < 0) return err;
  bytes = uvshm__heap_at(lane->core, ref, size);
  if (bytes == NULL) {
    (void) uvshm__heap_free(lane, ref);
    return uvshm__fail(UV_ENOMEM, "the new block is out of reach");
  }
  format_block(bytes, shape);
  memset(body, 0, sizeof(*body));
  uvshm__a64_store_relaxed(&body->block, ref);
  body->format = UVSHM__FORMAT_CELL;
  body->pins = shape->pins;
  body->writers = shape->writers;
  body->size = shape->size;
  *block = ref;
  return 0;
}


static int check_shape(const struct uvshm__cell_hdr* hdr,
                       struct uvshm__cell_shape* shape) {
  shape->pins = hdr->pins;
  shape->writers = hdr->writers;
  shape->size = hdr->size;
  if (hdr->format != UVSHM__FORMAT_CELL)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "the cell was made with format %u, this uvshm reads %u",
                       (unsigned int) hdr->format,
                       UVSHM__FORMAT_CELL);
  if (shape->pins - 1 < UVSHM__CELL_PINS_LIMIT &&
      shape->writers - 1 < UVSHM__CELL_WRITERS_LIMIT &&
      shape->size - 1 < UVSHM__CELL_SIZE_LIMIT)
    return 0;
  return uvshm__fail(UV_EPROTO,
                     "the cell is damaged: %u pins, %u writers, %llu bytes",
                     (unsigned int) shape->pins,
                     (unsigned int) shape->writers,
                     (unsigned long long) shape->size);
}


int uvshm__cell_attach(const struct uvshm__core* core,
                       const struct uvshm__directory_ref* ref,
                       struct uvshm__cell* cell) {
  struct uvshm__cell_hdr* hdr = uvshm__directory_body(core, ref->index);
  struct uvshm__cell_shape shape;
  unsigned char* block = NULL;
  uint64_t offset;
  int err = check_shape(hdr, &shape);

  if (err < 0) return err;
  memset(cell, 0, sizeof(*cell));
  offset = uvshm__a64_load_acquire(&hdr->block);
  if (uvshm__is_multiple(offset, UVSHM__CELL_LINE))
    block = uvshm__heap_at(core, offset, uvshm__cell_bytes(&shape));
  if (block == NULL)
    return uvshm__fail(UV_EPROTO,
                       "the cell is damaged: its buffers at %llu",
                       (unsigned long long) offset);
  cell->core = core;
  cell->block = (struct uvshm__cell_block*) (void*) block;
  cell->pins =
      (struct uvshm__cell_pin*) (void*) (block + UVSHM__CELL_PINS_OFFSET);
  cell->buffers = block + buffers_offset(shape.pins);
  cell->size = shape.size;
  cell->stride = stride_of(shape.size);
  cell->offset = value_offset(shape.size);
  cell->pins_max = shape.pins;
  cell->writers_max = shape.writers;
  cell->buffers_max = buffers_of(&shape);
  cell->state = &uvshm__core_entry(core, ref->index)->state;
  cell->there = uvshm__directory_state(ref);
  cell->patience_ms = UINT64_MAX;
  return 0;
}


UVSHM__RARE static int damaged(uint64_t current) {
  return uvshm__fail(
      UV_EPROTO,
      "the cell is damaged: value %llu in buffer %u",
      (unsigned long long) (current >> UVSHM__CELL_VERSION_SHIFT),
      (unsigned int) (current & UVSHM__CELL_BUFFER));
}

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

  if (current >= cell->buffers_max) return damaged(current);
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


/* Those who died with a buffer or a pin. Only a thread that holds no lock may
 * clear them away; one that does goes on waiting. */
static void bury_writers(const struct uvshm__lane* lane,
                         const struct uvshm__cell* cell) {
  const struct uvshm__core* core = cell->core;
  uint32_t slot;
  uint32_t i;

  if (lane->count != 0) return;
  for (i = 0; i < cell->buffers_max; i++) {
    slot = uvshm__a32_load_relaxed(&cell->block->own[i]) - 1;
    if (slot >= core->peers_max || slot == core->slot) continue;
    if (!core->env->alive(core->env_arg, slot)) (void) uvshm__reap(core, slot);
  }
}


int uvshm__cell_claim_wait(struct uvshm__lane* lane,
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
    if (err == UVSHM__WAIT_SLICE) bury_writers(lane, cell);
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
  for (tries = 0; tries < TRIES; tries++) {
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
  return damaged(word);
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

  if (size >= COPY_PINNED) {
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
      return damaged(current);
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

  for (tries = 0; tries < TRIES; tries++) {
    current = uvshm__a64_load_acquire(&cell->block->current);
    buffer = (uint32_t) current & UVSHM__CELL_BUFFER;
    if (current == 0) return UV_ENOENT;
    if (buffer >= cell->buffers_max) return damaged(current);
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
  return damaged(current);
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
    if (may_pin && (tries != 0 || cell->size >= COPY_PINNED)) {
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

  if (cell->size < COPY_PINNED || !may_pin)
    err = copy_once(cell, bytes, room, view);
  if (err == UV_EAGAIN) err = read_slow(cell, may_pin, bytes, room, view);
  /* It was read before this look: so it was there. */
  uvshm__fence_acquire();
  return uvshm__cell_is_there(cell) ? err : UV_ENXIO;
}

/* ---- wait ---------------------------------------------------------------- */

int uvshm__cell_wait(struct uvshm__lane* lane,
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


void uvshm__cell_wake(const struct uvshm__cell* cell) {
  uvshm__wait_wake(cell->core, &cell->block->news.word, 0, INT_MAX);
  uvshm__wait_wake(cell->core, &cell->block->room.word, 0, INT_MAX);
}
