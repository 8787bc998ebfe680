/* SPDX-License-Identifier: MIT */

/* What the files of the public face of a cell have in common. */

#ifndef UVSHM_OBJECT_CELL_H_
#define UVSHM_OBJECT_CELL_H_

#include "core/cell.h"
#include "object/named.h"
#include "uvshm/cell.h"

struct uvshm_cell_s {
  struct uvshm__cell core;
  struct uvshm__named named;
  uint32_t alone;    /* known by its name alone: named.segment is its own */
  uint32_t readonly; /* nothing is held open in the directory then */

  /* Private: bit n says that this handle has pin n, or has claimed buffer n. */
  uvshm__a64_t pinned;
  uvshm__a64_t claimed;
};

/* May it be used (and written) now? No sentence for what is usual. */
int uvshm__cell_usable(const uvshm_cell_t* cell);

/* 0, or `err` with its sentence: "cannot <verb> "<name>": ...". */
int uvshm__cell_end(const uvshm_cell_t* cell,
                    const char* verb,
                    int err,
                    unsigned int failures);

#endif /* UVSHM_OBJECT_CELL_H_ */
