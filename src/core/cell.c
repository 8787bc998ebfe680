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
 * models/cell.pml shows this in every order of steps. This file makes cells and
 * attaches them; the left side of the table is cell_write.c, the right side
 * cell_read.c.
 */

#include "core/cell.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/cell_inside.h"
#include "core/heap.h"
#include "core/wait.h"

#include <limits.h>
#include <string.h>


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


UVSHM__RARE int uvshm__cell_damaged(uint64_t current) {
  return uvshm__fail(
      UV_EPROTO,
      "the cell is damaged: value %llu in buffer %u",
      (unsigned long long) (current >> UVSHM__CELL_VERSION_SHIFT),
      (unsigned int) (current & UVSHM__CELL_BUFFER));
}


void uvshm__cell_wake(const struct uvshm__cell* cell) {
  uvshm__wait_wake(cell->core, &cell->block->news.word, 0, INT_MAX);
  uvshm__wait_wake(cell->core, &cell->block->room.word, 0, INT_MAX);
}
