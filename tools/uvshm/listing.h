/* SPDX-License-Identifier: MIT */

/* A table as every form of ls shows it: the columns that -o asks for, and an
 * empty one as who looks expects it. */

#ifndef UVSHM_TOOL_LISTING_H_
#define UVSHM_TOOL_LISTING_H_

#include "args.h"
#include "table.h"

#include <stddef.h>

/* A table for listing_end(). NULL: -o names a column that is not there, which
 * has been said; *code is what to exit with. */
struct table* listing_begin(const struct args* args,
                            const struct column* columns,
                            int count,
                            int* code);

/* Print and free it; it has so many rows. */
void listing_end(const struct args* args, struct table* table, size_t rows);

#endif /* UVSHM_TOOL_LISTING_H_ */
