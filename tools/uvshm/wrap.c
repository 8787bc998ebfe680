/* SPDX-License-Identifier: MIT */

#include "wrap.h"
#include "out.h"
#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 80
#define WIDTH_MIN 20 /* less than that is no room for prose */


int wrap_width(void) {
  int screen = out_width();
  return screen == 0 || screen > WIDTH_MAX ? WIDTH_MAX : screen;
}


/* Bytes of the next part: up to a blank, or behind a comma. */
static size_t next_part(const char* text) {
  size_t size = strcspn(text, " \n,");
  return text[size] == ',' ? size + 1 : size;
}


void wrap_print(const char* text, int column, int indent) {
  bool breaks = wrap_width() - indent >= WIDTH_MIN;
  bool blank = false; /* one stands before this part */
  while (*text != '\0') {
    size_t size = next_part(text);
    char* part = text_alloc(size + 1);
    memcpy(part, text, size);
    int width = text_width(part);
    if (breaks && column + blank + width > wrap_width() && column > indent) {
      print("\n%*s", indent, "");
      column = indent;
      blank = false;
    }
    print("%s%s", blank ? " " : "", part);
    column += blank + width;
    free(part);

    text += size;
    blank = *text == ' ' || *text == '\n';
    text += strspn(text, " \n");
  }
  print("\n");
}
