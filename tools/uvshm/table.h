/* SPDX-License-Identifier: MIT */

/* Aligned columns for people. */

#ifndef UVSHM_TOOL_TABLE_H_
#define UVSHM_TOOL_TABLE_H_

#include "out.h"

#include <stdbool.h>

struct column {
  const char* name; /* for -o */
  const char* heading;
  bool right; /* numbers stand to the right */
  int drop;   /* goes first (1), second ... when the terminal is too */
              /* narrow; 0: never */
};

struct table;

/* `columns` must live as long as the table. */
struct table* table_new(const struct column* columns, int count);
void table_free(struct table* table);

/* The next cell, row by row. Text that is safe to print; it is copied. */
void table_add(struct table* table, const char* text, enum out_style style);

/* Show only these, "name,size", in this order. false: there is no such column,
 * and *unknown points to its name in `list` (up to a comma). */
bool table_select(struct table* table, const char* list, const char** unknown);

/* To stdout. On a terminal it fits: columns go, then the widest is cut. */
void table_print(struct table* table, bool headings);

/* The headings and some of the rows, for who draws a screen. */
struct table_part {
  int first; /* row, from 0 on */
  int count;
  int marked;       /* this row is written without styles ... */
  const char* mark; /* ... behind this; -1: none is */
  const char* end;  /* of each line */
};
void table_print_part(struct table* table, const struct table_part* part);

#endif /* UVSHM_TOOL_TABLE_H_ */
