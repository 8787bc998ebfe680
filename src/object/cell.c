/* SPDX-License-Identifier: MIT */

/* Cells: opening and closing, waiting and numbers. Reading and writing are in
 * cell_io.c; the algorithms are core/cell.c. */

#include "object/cell.h"

#include "base/error.h"
#include "core/contents.h"
#include "core/wait.h"
#include "object/alone.h"
#include "object/lanes.h"
#include "object/name_check.h"
#include "object/segment.h"

#include <stdlib.h>
#include <string.h>

#define PINS_DEFAULT 4u
#define WRITERS_DEFAULT 2u

/* ---- opening ------------------------------------------------------------- */

static void format_body(void* body, uint32_t argument) {
  (void) argument;
  memset(body, 0, UVSHM__ENTRY_BODY);
}


/* `shape` is the address of one. */
static int furnish(struct uvshm__lane* lane,
                   struct uvshm__directory_spec* spec,
                   void* body,
                   uint64_t shape) {
  return uvshm__cell_format(lane,
                            (const struct uvshm__cell_shape*) (uintptr_t) shape,
                            body,
                            &spec->blocks[0]);
}


static int check_options(const uvshm_cell_options_t* options) {
  if (options->pins > UVSHM_CELL_PINS_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a cell: it has 1 to %u pins",
                       UVSHM_CELL_PINS_MAX);
  if (options->writers > UVSHM_CELL_WRITERS_MAX)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a cell: it has 1 to %u writers",
                       UVSHM_CELL_WRITERS_MAX);
  if (options->size == 0 && options->flags & UVSHM_EXCLUSIVE)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a cell: a new one needs a largest size");
  return 0;
}


/* A segment of its own when `segment` is NULL. */
static int open_for_writing(uvshm_cell_t* cell,
                            const char* name,
                            struct uvshm_segment_s* segment,
                            const uvshm_cell_options_t* options) {
  struct uvshm__named_request request;
  struct uvshm__cell_shape shape;

  shape.pins = options->pins != 0 ? options->pins : PINS_DEFAULT;
  shape.writers = options->writers != 0 ? options->writers : WRITERS_DEFAULT;
  shape.size = options->size;
  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.flags = options->flags;
  if (options->size == 0) request.flags |= UVSHM_EXISTING;
  request.type = UVSHM__TYPE_CELL;
  request.kind = UVSHM_KIND_CELL;
  request.mode = options->mode;
  request.timeout_ms = options->timeout_ms;
  request.group = options->group;
  request.sddl = options->sddl;
  request.label = options->label;
  request.format_body = format_body;
  request.furnish = furnish;
  request.furnish_size = (uint64_t) (uintptr_t) &shape;
  return segment == NULL
             ? uvshm__alone_open(
                   &cell->named, &request, uvshm__cell_bytes(&shape))
             : uvshm__named_open(&cell->named, &request);
}


/* The segment of its own of a cell that is only to be read. */
static int open_readonly(const char* name,
                         const uvshm_cell_options_t* options,
                         struct uvshm_segment_s** segment) {
  struct uvshm__request open;

  if (options->flags &
      ~(UVSHM_READONLY | UVSHM_EXISTING | UVSHM_SYSTEM | UVSHM_DIR))
    return uvshm__fail(UV_EINVAL,
                       "cannot open a cell: one that is only read is not made");
  memset(&open, 0, sizeof(open));
  open.name = name;
  open.kind = UVSHM_KIND_CELL;
  open.contents = &uvshm__contents;
  open.flags = options->flags & ~UVSHM_EXISTING;
  open.timeout_ms =
      options->timeout_ms != 0 ? options->timeout_ms : UVSHM__OPEN_TIMEOUT_MS;
  open.label = options->label;
  return uvshm__segment_open(segment, &open);
}


/* Nothing can be noted in a segment that is attached for reading. So the cell
 * may go while we read it; every result is looked at with that in mind. */
static int open_for_reading(uvshm_cell_t* cell,
                            const char* name,
                            struct uvshm_segment_s* segment) {
  struct uvshm__named* named = &cell->named;
  int err = uvshm__name_check(name);

  if (err < 0) return err;
  named->segment = segment;
  named->attach = uvshm__segment_attach(segment);
  strcpy(named->name, name);
  err = uvshm__attach_usable(named->attach);
  if (err == 0)
    err = uvshm__directory_find(
        &named->attach->core, name, (uint32_t) strlen(name), &named->ref);
  if (err == UV_ENOENT)
    return uvshm__fail(
        err, "there is no \"%s\" in \"%s\"", name, named->attach->name);
  if (err == 0 && named->ref.type != UVSHM__TYPE_CELL)
    return uvshm__fail(UV_EPROTOTYPE,
                       "cannot open \"%s\": it is another kind of object",
                       name);
  return err;
}


static int attach(uvshm_cell_t* cell, const uvshm_cell_options_t* options) {
  struct uvshm__named* named = &cell->named;
  unsigned int failures = uvshm__error_count();
  int err = uvshm__cell_attach(&named->attach->core, &named->ref, &cell->core);

  if (err < 0)
    return uvshm__fail(err,
                       "cannot open \"%s\": %s",
                       named->name,
                       uvshm__reason(err, failures));
  if (options->size > cell->core.size)
    return uvshm__fail(
        UV_EMSGSIZE,
        "cannot open \"%s\": it was made for values of up to %llu bytes",
        named->name,
        (unsigned long long) cell->core.size);
  cell->core.cancelled = &named->cancelled;
  if (options->wait_ms != 0) cell->core.patience_ms = options->wait_ms;
  return 0;
}


static int open_in(uvshm_cell_t* cell,
                   const char* name,
                   struct uvshm_segment_s* segment,
                   const uvshm_cell_options_t* options) {
  const uint32_t known = UVSHM_EXISTING | UVSHM_EXCLUSIVE | UVSHM_CREATE;

  cell->readonly = uvshm__segment_attach(segment)->readonly;
  if (!cell->readonly) return open_for_writing(cell, name, segment, options);
  if (options->flags & ~known)
    return uvshm__fail(UV_EINVAL,
                       "unknown flag 0x%x",
                       (unsigned int) (options->flags & ~known));
  if (options->flags & UVSHM_EXCLUSIVE)
    return uvshm__fail(
        UV_EACCES, "cannot open \"%s\": attached for reading", name);
  return open_for_reading(cell, name, segment);
}


static int open_alone(uvshm_cell_t* cell,
                      const char* name,
                      const uvshm_cell_options_t* options) {
  struct uvshm_segment_s* segment;
  int err;

  cell->alone = 1;
  cell->readonly = (options->flags & UVSHM_READONLY) != 0;
  if (!cell->readonly) return open_for_writing(cell, name, NULL, options);
  err = open_readonly(name, options, &segment);
  if (err < 0) return err;
  err = open_for_reading(cell, uvshm__name_last(name, options->flags), segment);
  if (err < 0) uvshm_segment_close(segment);
  return err;
}


int uvshm_cell_open(uvshm_cell_t** result,
                    struct uvshm_segment_s* segment,
                    const char* name,
                    const uvshm_cell_options_t* given) {
  uvshm_cell_options_t options;
  uvshm_cell_t* cell;
  int err;

  memset(&options, 0, sizeof(options));
  if (given != NULL) options = *given;
  err = check_options(&options);
  if (err < 0) return err;
  cell = calloc(1, sizeof(*cell));
  if (cell == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = segment == NULL ? open_alone(cell, name, &options)
                        : open_in(cell, name, segment, &options);
  if (err < 0) {
    free(cell);
    return err;
  }
  err = attach(cell, &options);
  if (err < 0) {
    uvshm_cell_close(cell);
    return err;
  }
  *result = cell;
  return 0;
}


/* What was claimed and peeked at. In a forked child that is the parent's. */
static void give_back(uvshm_cell_t* cell) {
  uint64_t claimed = uvshm__a64_load_acquire(&cell->claimed);
  uint64_t pinned = uvshm__a64_load_acquire(&cell->pinned);
  uint32_t i;

  if (!uvshm__attach_is_ours(cell->named.attach)) return;
  for (i = 0; claimed != 0; i++, claimed >>= 1)
    if ((claimed & 1) != 0) uvshm__cell_abort(&cell->core, i);
  for (i = 0; pinned != 0; i++, pinned >>= 1)
    if ((pinned & 1) != 0) uvshm__cell_unpin(&cell->core, i);
}


void uvshm_cell_close(uvshm_cell_t* cell) {
  if (cell == NULL) return;
  if (!cell->readonly) {
    give_back(cell);
    uvshm__named_close(&cell->named);
  }
  if (cell->alone) uvshm_segment_close(cell->named.segment);
  free(cell);
}


int uvshm_cell_unlink(struct uvshm_segment_s* segment,
                      const char* name,
                      uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_CELL, UVSHM_KIND_CELL);
}

/* ---- what all calls do first and last ------------------------------------ */

int uvshm__cell_usable(const uvshm_cell_t* cell) {
  return uvshm__named_usable(&cell->named);
}


int uvshm__cell_end(const uvshm_cell_t* cell,
                    const char* verb,
                    int err,
                    unsigned int failures) {
  switch (err) {
    case 0:
      return 0;
    case UV_ENOENT:
      return uvshm__fail_brief(err, "nothing was written yet");
    case UV_EAGAIN:
      return uvshm__fail_brief(
          err, "it is replaced too fast, or all pins are taken");
    case UV_ENOBUFS:
      return uvshm__fail_brief(err, "the value is larger than the buffer");
    default:
      return uvshm__fail(err,
                         "cannot %s \"%s\": %s",
                         verb,
                         cell->named.name,
                         uvshm__reason(err, failures));
  }
}

/* ---- news ---------------------------------------------------------------- */

int uvshm_cell_wait(uvshm_cell_t* cell,
                    uint64_t* version,
                    uint64_t timeout_ms) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  uint64_t now;
  int err = uvshm__cell_usable(cell);

  if (err < 0) return err;
  now = uvshm__cell_version(&cell->core);
  if (now != *version && uvshm__cell_is_there(&cell->core)) {
    *version = now;
    return 0;
  }
  if (timeout_ms == 0) return uvshm__fail_bare(UV_EAGAIN);
  if (cell->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot wait for \"%s\": attached for reading",
                       cell->named.name);
  err = uvshm__lane_get(cell->named.attach, &lane);
  if (err == 0) err = uvshm__cell_wait(lane, &cell->core, timeout_ms, version);
  return uvshm__cell_end(cell, "wait for", err, failures);
}


void uvshm_cell_cancel(uvshm_cell_t* cell) {
  uvshm__a32_store_seq_cst(&cell->named.cancelled, 1);
  if (!cell->readonly && uvshm__attach_is_ours(cell->named.attach))
    uvshm__cell_wake(&cell->core);
}


static uint32_t count_used(const uvshm_cell_t* cell, int pins) {
  const struct uvshm__cell* core = &cell->core;
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; pins && i < core->pins_max; i++)
    if (uvshm__a32_load_relaxed(&core->pins[i].word) != 0) count++;
  for (i = 0; !pins && i < core->buffers_max; i++)
    if (uvshm__a32_load_relaxed(&core->block->own[i]) != 0) count++;
  return count;
}


int uvshm_cell_info(const uvshm_cell_t* cell, uvshm_cell_info_t* info) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__cell_view view;
  int err = uvshm__cell_usable(cell);

  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  info->size_max = cell->core.size;
  info->pins = cell->core.pins_max;
  info->writers = cell->core.writers_max;
  info->buffers = cell->core.buffers_max;
  info->pins_used = count_used(cell, 1);
  info->writing = count_used(cell, 0);
  info->waiters =
      uvshm__wait_count(cell->core.core, &cell->core.block->news.word);
  err = uvshm__cell_look(&cell->core, &view);
  if (err == UV_EPROTO) return uvshm__cell_end(cell, "look at", err, failures);
  if (err == 0) {
    info->version = view.version;
    info->size = view.size;
  }
  return uvshm__cell_is_there(&cell->core) ? 0
                                           : uvshm__named_removed(&cell->named);
}


int uvshm_cell_rejoin(uvshm_cell_t* cell) {
  int err;

  if (!cell->alone || uvshm__attach_is_ours(cell->named.attach)) return 0;
  err = uvshm__alone_rejoin(&cell->named);
  if (err < 0) return err;
  uvshm__a64_store_relaxed(&cell->claimed, 0);
  uvshm__a64_store_relaxed(&cell->pinned, 0);
  return 0;
}
