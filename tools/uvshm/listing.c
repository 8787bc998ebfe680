/* SPDX-License-Identifier: MIT */

#include "listing.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>


struct table* listing_begin(const struct args* args,
                            const struct column* columns,
                            int count,
                            int* code) {
  struct table* table = table_new(columns, count);
  const char* chosen = args->text[OPT_COLUMNS];
  const char* unknown = NULL;

  if (chosen == NULL || table_select(table, chosen, &unknown)) return table;
  char* name = text_escape_bytes(unknown, strcspn(unknown, ","));
  *code = report_usage(args->command, "there is no column \"%s\"", name);
  free(name);
  table_free(table);
  return NULL;
}


/* A terminal is told that the list is empty; a pipe gets headings alone. */
void listing_end(const struct args* args, struct table* table, size_t rows) {
  if (rows == 0 && out_is_terminal())
    note("nothing %s", args->count > 0 ? "matches" : "here");
  else
    table_print(table, !args->given[OPT_NO_HEADINGS]);
  table_free(table);
}
