/* SPDX-License-Identifier: MIT */

/* Reading and writing a cell, by copy and in place. The usual way has no lane
 * and makes no system call. */

#include "object/cell.h"

#include "base/error.h"
#include "base/rare.h"
#include "object/lanes.h"

#define WRITE "write"
#define READ "read"


/* ---- this handle's own claims and pins ----------------------------------- */

static void note(uvshm__a64_t* mask, uint32_t number) {
  uvshm__a64_or(mask, UINT64_C(1) << number);
}


/* 1: it was noted. Of several threads one gets it. */
static int unnote(uvshm__a64_t* mask, uint32_t number) {
  uint64_t bit = UINT64_C(1) << number;

  return (uvshm__a64_and(mask, ~bit) & bit) != 0;
}


/* The buffer whose value begins at `data`; 0: none's does. */
static int find_buffer(const uvshm_cell_t* cell,
                       const void* data,
                       uint32_t* index) {
  const struct uvshm__cell* core = &cell->core;
  uintptr_t first = (uintptr_t) uvshm__cell_value(core, 0);
  uintptr_t at = (uintptr_t) data;

  if (at < first || (at - first) % core->stride != 0) return 0;
  if ((at - first) / core->stride >= core->buffers_max) return 0;
  *index = (uint32_t) ((at - first) / core->stride);
  return 1;
}

/* ---- writing ------------------------------------------------------------- */

UVSHM__RARE static int claim_slow(const uvshm_cell_t* cell, uint32_t* index) {
  struct uvshm__lane* lane;
  int err = uvshm__lane_get(cell->named.attach, &lane);

  return err < 0 ? err : uvshm__cell_claim_wait(lane, &cell->core, index);
}


static int claim(const uvshm_cell_t* cell, uint32_t* index) {
  int err = uvshm__cell_usable(cell);

  if (err < 0) return err;
  if (cell->readonly)
    return uvshm__fail(UV_EACCES, "it is attached for reading");
  err = uvshm__cell_claim_try(&cell->core, index);
  return err == UV_EAGAIN ? claim_slow(cell, index) : err;
}


static int too_long(const uvshm_cell_t* cell, size_t size) {
  return uvshm__fail(
      UV_EMSGSIZE,
      "cannot write %llu bytes into \"%s\": it is made for at most %llu",
      (unsigned long long) size,
      cell->named.name,
      (unsigned long long) cell->core.size);
}


int uvshm_cell_write(uvshm_cell_t* cell, const void* data, size_t size) {
  unsigned int failures = uvshm__error_count();
  uint32_t index;
  int err;

  if (size > cell->core.size) return too_long(cell, size);
  if (data == NULL && size != 0)
    return uvshm__fail(
        UV_EINVAL, "cannot write no bytes into \"%s\"", cell->named.name);
  err = claim(cell, &index);
  if (err == 0) {
    uvshm__cell_fill(&cell->core, index, data, size);
    err = uvshm__cell_commit(&cell->core, index, size);
  }
  return uvshm__cell_end(cell, WRITE, err, failures);
}


int uvshm_cell_claim(uvshm_cell_t* cell, void** data) {
  unsigned int failures = uvshm__error_count();
  uint32_t index;
  int err = claim(cell, &index);

  if (err < 0) return uvshm__cell_end(cell, WRITE, err, failures);
  note(&cell->claimed, index);
  *data = uvshm__cell_value(&cell->core, index);
  return 0;
}


/* The claimed buffer at `data` is not claimed any more, as far as this handle
 * knows. Of a cell that was removed it can still be given back. */
static int take_back(uvshm_cell_t* cell, const void* data, uint32_t* index) {
  if (!uvshm__attach_is_ours(cell->named.attach))
    return uvshm__attach_usable(cell->named.attach);
  if (find_buffer(cell, data, index) && unnote(&cell->claimed, *index)) {
    if (uvshm__cell_is_claimed(&cell->core, *index)) return 0;
    return uvshm__fail(UV_EPROTO,
                       "what was claimed of \"%s\" is another's now",
                       cell->named.name);
  }
  return uvshm__fail(UV_EINVAL,
                     "this handle of \"%s\" has claimed no such buffer",
                     cell->named.name);
}


/* `index` is set where gcc -O3 cannot see that a failure is negative. */
int uvshm_cell_commit(uvshm_cell_t* cell, void* data, size_t size) {
  unsigned int failures = uvshm__error_count();
  uint32_t index = 0;
  int err;

  if (size > cell->core.size) return too_long(cell, size);
  err = take_back(cell, data, &index);
  if (err < 0) return err;
  if (!uvshm__cell_is_there(&cell->core)) {
    uvshm__cell_abort(&cell->core, index);
    return uvshm__named_removed(&cell->named);
  }
  err = uvshm__cell_commit(&cell->core, index, size);
  return uvshm__cell_end(cell, WRITE, err, failures);
}


int uvshm_cell_abort(uvshm_cell_t* cell, void* data) {
  uint32_t index = 0;
  int err = take_back(cell, data, &index);

  if (err < 0) return err;
  uvshm__cell_abort(&cell->core, index);
  return 0;
}

/* ---- reading ------------------------------------------------------------- */

int uvshm_cell_read(uvshm_cell_t* cell,
                    void* data,
                    size_t* size,
                    uint64_t* version) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__cell_view view;
  int err = 0;

  if (!uvshm__attach_is_ours(cell->named.attach))
    err = uvshm__attach_usable(cell->named.attach);
  else
    err = uvshm__cell_read(
        &cell->core, !cell->readonly, data, data != NULL ? *size : 0, &view);
  if (err == UV_ENOBUFS && data == NULL) err = 0;
  if (err == 0 || err == UV_ENOBUFS) {
    *size = (size_t) view.size;
    if (version != NULL) *version = view.version;
  }
  return uvshm__cell_end(cell, READ, err, failures);
}


/* All pins are taken. Nobody waits for one, so nobody else finds out that who
 * had them is dead. */
UVSHM__RARE static int pin_slow(const uvshm_cell_t* cell,
                                struct uvshm__cell_view* view) {
  struct uvshm__lane* lane;

  if (uvshm__lane_get(cell->named.attach, &lane) < 0) return UV_EAGAIN;
  uvshm__cell_bury_users(lane, &cell->core);
  return uvshm__cell_pin(&cell->core, view);
}


static int pin(const uvshm_cell_t* cell, struct uvshm__cell_view* view) {
  int err = uvshm__cell_pin(&cell->core, view);

  return err == UV_EAGAIN ? pin_slow(cell, view) : err;
}


int uvshm_cell_peek(uvshm_cell_t* cell,
                    const void** data,
                    size_t* size,
                    uint64_t* version) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__cell_view view;
  int err = uvshm__cell_usable(cell);

  if (err == 0)
    err = cell->readonly ? uvshm__cell_look(&cell->core, &view)
                         : pin(cell, &view);
  if (err < 0) return uvshm__cell_end(cell, READ, err, failures);
  if (!cell->readonly) note(&cell->pinned, view.pin);
  *data = view.bytes;
  *size = (size_t) view.size;
  if (version != NULL) *version = view.version;
  return 0;
}


/* The pin by which this handle looks at the buffer. Another thread that looks
 * at it too may take ours, and then leaves its own, perhaps a newer one. */
static int find_pin(uvshm_cell_t* cell, uint32_t buffer, uint32_t* pin) {
  uint64_t mask = 0;
  uint64_t seen;
  uint32_t i;

  do {
    seen = mask;
    mask = uvshm__a64_load_acquire(&cell->pinned);
    for (i = 0; i < UVSHM_CELL_PINS_MAX; i++) {
      if ((mask >> i & 1) == 0) continue;
      if (!uvshm__cell_is_pinned_by(&cell->core, i, buffer)) continue;
      if (!unnote(&cell->pinned, i)) continue;
      *pin = i;
      return 1;
    }
  } while (mask != seen);
  return 0;
}


int uvshm_cell_release(uvshm_cell_t* cell, const void* data, uint64_t version) {
  uint32_t buffer;
  uint32_t pin;

  if (!uvshm__attach_is_ours(cell->named.attach))
    return uvshm__attach_usable(cell->named.attach);
  if (!find_buffer(cell, data, &buffer) ||
      (!cell->readonly && !find_pin(cell, buffer, &pin)))
    return uvshm__fail(UV_EINVAL,
                       "this handle of \"%s\" looks at no such value",
                       cell->named.name);
  if (!cell->readonly) {
    uvshm__cell_unpin(&cell->core, pin);
    return 0;
  }
  if (!uvshm__cell_is_whole(&cell->core, buffer, version))
    return uvshm__fail_brief(UV_EAGAIN, "it was overwritten meanwhile");
  uvshm__fence_acquire();
  return uvshm__cell_is_there(&cell->core) ? 0
                                           : uvshm__named_removed(&cell->named);
}
