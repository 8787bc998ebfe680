/* SPDX-License-Identifier: MIT */

/* The latest value of one thing. See cell.c for how it works and cell_layout.h
 * for the bytes. */

#ifndef UVSHM_CORE_CELL_H_
#define UVSHM_CORE_CELL_H_

#include "core/cell_layout.h"
#include "core/core.h"
#include "core/directory.h"
#include "core/lane.h"

#include <stdint.h>

/* What a cell is made with; checked by the caller. */
struct uvshm__cell_shape {
  uint32_t pins;
  uint32_t writers;
  uint64_t size;
};

/* One attached cell. The numbers were copied and checked once. */
struct uvshm__cell {
  const struct uvshm__core* core;
  struct uvshm__cell_block* block;
  struct uvshm__cell_pin* pins;
  unsigned char* buffers;
  uint64_t size;   /* of the largest value */
  uint64_t stride; /* from buffer to buffer */
  uint32_t offset; /* of a value in its buffer */
  uint32_t pins_max;
  uint32_t writers_max;
  uint32_t buffers_max;
  const uvshm__a64_t* state; /* of its directory entry, and what that says as */
  uint64_t there;            /* long as the cell was not removed */
  const uvshm__a32_t* cancelled; /* may be NULL */
  uint64_t patience_ms;          /* of a writer, for a buffer */
};

/* A value that a reader looks at. */
struct uvshm__cell_view {
  uint64_t version;
  uint64_t size;
  const unsigned char* bytes;
  uint32_t buffer;
  uint32_t pin; /* UVSHM__CELL_UNPINNED: none */
};

#define UVSHM__CELL_UNPINNED UINT32_MAX

/* All bytes of a cell of this shape; 0: no heap has as many. */
uint64_t uvshm__cell_bytes(const struct uvshm__cell_shape* shape);

/* Make the block of a new cell, private to this peer, and the body that names
 * it. What uvshm__heap_alloc() returns. */
int uvshm__cell_format(struct uvshm__lane* lane,
                       const struct uvshm__cell_shape* shape,
                       struct uvshm__cell_hdr* body,
                       uint64_t* block);

/* Check the body of `ref` and fill `cell`. UV_EPROTO, UV_EPROTONOSUPPORT. */
int uvshm__cell_attach(const struct uvshm__core* core,
                       const struct uvshm__directory_ref* ref,
                       struct uvshm__cell* cell);

static inline int uvshm__cell_is_there(const struct uvshm__cell* cell) {
  return uvshm__a64_load_acquire(cell->state) == cell->there;
}


static inline struct uvshm__cell_buffer* uvshm__cell_buffer(
    const struct uvshm__cell* cell, uint32_t index) {
  return (struct uvshm__cell_buffer*) (void*) (cell->buffers +
                                               cell->stride * index);
}


static inline unsigned char* uvshm__cell_value(const struct uvshm__cell* cell,
                                               uint32_t index) {
  return cell->buffers + cell->stride * index + cell->offset;
}


/* Of the latest value; 0: none. */
static inline uint64_t uvshm__cell_version(const struct uvshm__cell* cell) {
  return uvshm__a64_load_acquire(&cell->block->current) >>
         UVSHM__CELL_VERSION_SHIFT;
}


/* ---- writing (cell_write.c) ---------------------------------------------- */

/* Take a buffer to write into, without waiting. UV_EAGAIN: there is none, so
 * more than writers_max have one. */
int uvshm__cell_claim_try(const struct uvshm__cell* cell, uint32_t* index);

/* The same, waiting up to cell->patience_ms, and clearing away dead writers.
 * UV_ETIMEDOUT, UV_ECANCELED, UV_ENXIO. */
int uvshm__cell_claim_wait(struct uvshm__lane* lane,
                           const struct uvshm__cell* cell,
                           uint32_t* index);

/* Clear away those who died with a buffer or a pin. */
void uvshm__cell_bury_users(const struct uvshm__lane* lane,
                            const struct uvshm__cell* cell);

/* Does this peer write into it? */
static inline int uvshm__cell_is_claimed(const struct uvshm__cell* cell,
                                         uint32_t index) {
  return uvshm__a32_load_relaxed(&cell->block->own[index]) ==
         cell->core->slot + 1;
}


/* Make a claimed buffer the latest value, `size` bytes of it (at most the
 * largest). UV_EPROTO. */
int uvshm__cell_commit(const struct uvshm__cell* cell,
                       uint32_t index,
                       uint64_t size);

/* Give a claimed buffer back. */
void uvshm__cell_abort(const struct uvshm__cell* cell, uint32_t index);

/* Copy into a claimed buffer: others may still be reading what it was. */
void uvshm__cell_fill(const struct uvshm__cell* cell,
                      uint32_t index,
                      const void* bytes,
                      uint64_t size);

/* ---- reading (cell_read.c) ----------------------------------------------- */

/* The latest value as it is now; it may be overwritten at any time.
 * UV_ENOENT, UV_EPROTO; UV_EAGAIN: again and again. */
int uvshm__cell_look(const struct uvshm__cell* cell,
                     struct uvshm__cell_view* view);

/* Is it still what it was? All that was read of it before was right, then. */
int uvshm__cell_is_whole(const struct uvshm__cell* cell,
                         uint32_t buffer,
                         uint64_t version);

/* The latest value, which stays as it is until it is unpinned. UV_ENOENT,
 * UV_EPROTO; UV_EAGAIN: all pins are taken. */
int uvshm__cell_pin(const struct uvshm__cell* cell,
                    struct uvshm__cell_view* view);
void uvshm__cell_unpin(const struct uvshm__cell* cell, uint32_t pin);

/* Does this peer look at `buffer` by that pin? */
static inline int uvshm__cell_is_pinned_by(const struct uvshm__cell* cell,
                                           uint32_t pin,
                                           uint32_t buffer) {
  return uvshm__a32_load_relaxed(&cell->pins[pin].word) ==
         (buffer << UVSHM__CELL_PIN_SHIFT | (cell->core->slot + 1));
}


/* Copy the latest value out if it has at most `room` bytes; view->size says how
 * many there are, view->bytes nothing. `may_pin` 0: writes nothing.
 *
 *   UV_ENOENT, UV_ENOBUFS, UV_EPROTO, UV_ENXIO (removed)
 *   UV_EAGAIN  writers are faster all the time, and all pins are taken */
int uvshm__cell_read(const struct uvshm__cell* cell,
                     int may_pin,
                     void* bytes,
                     uint64_t room,
                     struct uvshm__cell_view* view);

/* ---- waiting ------------------------------------------------------------- */

/* Sleep until the version is another than *version, which it becomes.
 * UV_EAGAIN (timeout_ms is 0), UV_ETIMEDOUT, UV_ECANCELED, UV_ENXIO. */
int uvshm__cell_wait(struct uvshm__lane* lane,
                     const struct uvshm__cell* cell,
                     uint64_t timeout_ms,
                     uint64_t* version);

/* Wake all that sleep on it. */
void uvshm__cell_wake(const struct uvshm__cell* cell);

/* ---- repair (cell_repair.c) ---------------------------------------------- */

/* Part of the repair of `slot`, or of its leaving, while it still has the cell
 * open: it looks at nothing and writes nothing any more. */
void uvshm__cell_forget(const struct uvshm__core* core,
                        uint32_t slot,
                        void* body);

/* The cell is removed and nobody has it open: its block goes, by `slot`. */
void uvshm__cell_bury(const struct uvshm__core* core,
                      uint32_t slot,
                      void* body);

/* Is it well? As parts of uvshm__core_check(), _mend() and _reset(). */
int uvshm__cell_check(const struct uvshm__core* core,
                      const struct uvshm__directory_ref* ref);
uint32_t uvshm__cell_mend(const struct uvshm__core* core, void* body);
void uvshm__cell_reset(const struct uvshm__core* core, void* body);

#endif /* UVSHM_CORE_CELL_H_ */
