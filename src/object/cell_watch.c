/* SPDX-License-Identifier: MIT */

/* A cell on a loop: there is a value newer than the one that was told last. */

#include "object/watchable.h"

#include "base/error.h"
#include "object/cell.h"


static int ready(struct uvshm__watchable* watchable) {
  const uvshm_cell_t* cell = watchable->object;

  if (!uvshm__cell_is_there(&cell->core)) return UV_ENXIO;
  return uvshm__cell_version(&cell->core) != watchable->seen;
}


static int take(struct uvshm__watchable* watchable) {
  const uvshm_cell_t* cell = watchable->object;

  watchable->seen = uvshm__cell_version(&cell->core);
  return 0;
}


static const struct uvshm__watch_ops ops = {ready, take, NULL};


int uvshm__cell_watchable(struct uvshm_cell_s* cell,
                          struct uvshm__watchable* watchable) {
  int err = uvshm__cell_usable(cell);

  if (err < 0) return err;
  if (cell->readonly)
    return uvshm__fail(UV_EACCES,
                       "cannot watch \"%s\": attached for reading",
                       cell->named.name);
  watchable->ops = &ops;
  watchable->attach = cell->named.attach;
  watchable->signal = &cell->core.block->news;
  watchable->object = cell;
  return 0;
}
