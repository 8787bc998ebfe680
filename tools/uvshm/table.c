/* SPDX-License-Identifier: MIT */

/* Aligned columns. What does not fit a terminal is made to fit in two steps:
 * columns that say least go away, in the order that their table gives them;
 * then the widest text is cut. A pipe or a file gets everything.
 */

#include "table.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2
#define CUT_MIN 8 /* no column is cut to less */

struct cell {
  char* text;
  enum out_style style;
};

struct table {
  const struct column* columns;
  int count;
  int* shown; /* places in `columns` */
  int shown_count;
  bool chosen; /* the user named the columns: none goes by itself */
  struct cell* cells;
  int cell_count;
  int room;
};


struct table* table_new(const struct column* columns, int count) {
  struct table* table = text_alloc(sizeof *table);
  table->columns = columns;
  table->count = count;
  table->shown = text_alloc((size_t) count * sizeof *table->shown);
  table->shown_count = count;
  for (int i = 0; i < count; i++) table->shown[i] = i;
  return table;
}


void table_free(struct table* table) {
  for (int i = 0; i < table->cell_count; i++) free(table->cells[i].text);
  free(table->cells);
  free(table->shown);
  free(table);
}


void table_add(struct table* table, const char* text, enum out_style style) {
  if (table->cell_count == table->room) {
    table->room = table->room * 2 + 64;
    table->cells =
        text_resize(table->cells, (size_t) table->room * sizeof *table->cells);
  }
  table->cells[table->cell_count].text = text_copy(text);
  table->cells[table->cell_count].style = style;
  table->cell_count++;
}


static int find_column(const struct table* table,
                       const char* name,
                       size_t size) {
  for (int i = 0; i < table->count; i++) {
    const char* column = table->columns[i].name;
    if (strlen(column) == size && memcmp(column, name, size) == 0) return i;
  }
  return -1;
}


bool table_select(struct table* table, const char* list, const char** unknown) {
  int* chosen = text_alloc((strlen(list) + 1) * sizeof *chosen);
  int count = 0;
  for (const char* at = list;;) {
    size_t size = strcspn(at, ",");
    int column = find_column(table, at, size);
    if (column < 0) {
      *unknown = at;
      free(chosen);
      return false;
    }
    chosen[count++] = column;
    if (at[size] == '\0') break;
    at += size + 1;
  }
  free(table->shown);
  table->shown = chosen;
  table->shown_count = count;
  table->chosen = true;
  return true;
}


static const struct cell* cell_at(const struct table* table, int row, int i) {
  return &table->cells[row * table->count + table->shown[i]];
}


static int rows(const struct table* table) {
  return table->cell_count / table->count;
}


/* How wide shown column `i` would like to be. */
static int natural_width(const struct table* table, int i, bool headings) {
  const struct column* column = &table->columns[table->shown[i]];
  int width = headings ? text_width(column->heading) : 0;
  for (int row = 0; row < rows(table); row++) {
    int other = text_width(cell_at(table, row, i)->text);
    width = other > width ? other : width;
  }
  return width;
}


static int total(const int* widths, int count) {
  int sum = count > 0 ? (count - 1) * GAP : 0;
  for (int i = 0; i < count; i++) sum += widths[i];
  return sum;
}


/* The shown column that goes first; -1: none may. */
static int next_to_drop(const struct table* table) {
  int found = -1;
  for (int i = 0; i < table->shown_count && !table->chosen; i++) {
    int drop = table->columns[table->shown[i]].drop;
    if (drop > 0 &&
        (found < 0 || drop < table->columns[table->shown[found]].drop))
      found = i;
  }
  return found;
}


static int widest(const int* widths, int count) {
  int found = 0;
  for (int i = 1; i < count; i++)
    if (widths[i] > widths[found]) found = i;
  return found;
}


static void fit(struct table* table, int* widths, int screen) {
  int drop;
  while (total(widths, table->shown_count) > screen &&
         (drop = next_to_drop(table)) >= 0) {
    for (int i = drop; i + 1 < table->shown_count; i++) {
      table->shown[i] = table->shown[i + 1];
      widths[i] = widths[i + 1];
    }
    table->shown_count--;
  }
  int over = total(widths, table->shown_count) - screen;
  for (; over > 0; over--) {
    int i = widest(widths, table->shown_count);
    if (widths[i] <= CUT_MIN) return;
    widths[i]--;
  }
}


static void print_blanks(int count) {
  print("%*s", count > 0 ? count : 0, "");
}


static void print_cell(const struct table* table,
                       int i,
                       int width,
                       const char* text,
                       enum out_style style) {
  bool last = i == table->shown_count - 1;
  bool right = table->columns[table->shown[i]].right;
  char* cut = text_cut(text, width);
  int blanks = width - text_width(cut);
  if (right) print_blanks(blanks);
  if (style == OUT_PLAIN)
    print("%s", cut);
  else
    print("%s%s%s", out_style(style), cut, out_style(OUT_PLAIN));
  if (!last) print_blanks((right ? 0 : blanks) + GAP);
  free(cut);
}


static int* fitted_widths(struct table* table, bool headings) {
  int* widths = text_alloc((size_t) table->shown_count * sizeof *widths);
  for (int i = 0; i < table->shown_count; i++)
    widths[i] = natural_width(table, i, headings);
  if (out_width() > 0) fit(table, widths, out_width());
  return widths;
}


static void print_headings(const struct table* table, const int* widths) {
  for (int i = 0; i < table->shown_count; i++)
    print_cell(
        table, i, widths[i], table->columns[table->shown[i]].heading, OUT_DIM);
}


static void print_row(const struct table* table,
                      const int* widths,
                      int row,
                      bool styled) {
  for (int i = 0; i < table->shown_count; i++) {
    const struct cell* cell = cell_at(table, row, i);
    print_cell(
        table, i, widths[i], cell->text, styled ? cell->style : OUT_PLAIN);
  }
}


void table_print(struct table* table, bool headings) {
  int* widths = fitted_widths(table, headings);
  if (headings) {
    print_headings(table, widths);
    print("\n");
  }
  for (int row = 0; row < rows(table); row++) {
    print_row(table, widths, row, true);
    print("\n");
  }
  free(widths);
}


void table_print_part(struct table* table, const struct table_part* part) {
  int* widths = fitted_widths(table, true);
  int end = part->first + part->count;
  print_headings(table, widths);
  print("%s", part->end);
  for (int row = part->first; row < end && row < rows(table); row++) {
    bool marked = row == part->marked;
    print("%s", marked ? part->mark : "");
    print_row(table, widths, row, !marked);
    print("%s", part->end);
  }
  free(widths);
}
