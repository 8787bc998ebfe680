/* SPDX-License-Identifier: MIT */

/* Foreign text, made safe. A name or a label comes out of memory that any
 * process of the user may have written, so nothing of it goes to a terminal
 * before it passed text_escape(). How numbers are written is in text_number.c.
 */

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void* text_resize(void* memory, size_t size) {
  void* result = realloc(memory, size > 0 ? size : 1);
  if (result == NULL) {
    fputs("uvshm: out of memory\n", stderr);
    exit(1);
  }
  return result;
}


void* text_alloc(size_t size) {
  void* result = text_resize(NULL, size);
  memset(result, 0, size > 0 ? size : 1);
  return result;
}


char* text_copy(const char* text) {
  size_t size = strlen(text) + 1;
  return memcpy(text_alloc(size), text, size);
}


char* text_vformat(const char* format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, args);
  if (size < 0) size = 0;
  char* text = text_alloc((size_t) size + 1);
  vsnprintf(text, (size_t) size + 1, format, again);
  va_end(again);
  return text;
}


char* text_format(const char* format, ...) {
  va_list args;
  va_start(args, format);
  char* text = text_vformat(format, args);
  va_end(args);
  return text;
}


/* How many bytes a first byte announces, and its share of the number. */
static size_t announced(unsigned char first, uint32_t* point, uint32_t* least) {
  if (first < 0x80) {
    *point = first;
    *least = 0;
    return 1;
  }
  if (first >= 0xc2 && first < 0xe0) {
    *point = first & 0x1fu;
    *least = 0x80;
    return 2;
  }
  if (first >= 0xe0 && first < 0xf0) {
    *point = first & 0x0fu;
    *least = 0x800;
    return 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    *point = first & 0x07u;
    *least = 0x10000;
    return 4;
  }
  return 0;
}


size_t text_character(const char* text, size_t size, uint32_t* point) {
  uint32_t least = 0;
  if (size == 0) return 0;
  size_t count = announced((unsigned char) text[0], point, &least);
  if (count == 0 || count > size) return 0;
  for (size_t i = 1; i < count; i++) {
    unsigned char next = (unsigned char) text[i];
    if ((next & 0xc0u) != 0x80u) return 0;
    *point = *point << 6 | (next & 0x3fu);
  }
  bool surrogate = *point >= 0xd800 && *point < 0xe000;
  return *point < least || *point > 0x10ffff || surrogate ? 0 : count;
}


struct range {
  uint32_t from;
  uint32_t to;
};


static bool in_ranges(const struct range* ranges,
                      size_t count,
                      uint32_t point) {
  for (size_t i = 0; i < count; i++)
    if (point >= ranges[i].from && point <= ranges[i].to) return true;
  return false;
}


/* May it go to a terminal as it is? */
static bool printable(uint32_t point) {
  static const struct range bad[] = {{0x00, 0x1f},
                                     {0x7f, 0x9f},
                                     {0xad, 0xad},
                                     {0x61c, 0x61c},
                                     {0x200b, 0x200f},
                                     {0x2028, 0x202e},
                                     {0x2060, 0x206f},
                                     {0xd800, 0xf8ff},
                                     {0xfeff, 0xfeff},
                                     {0xfff0, 0xfffb},
                                     {0xfffe, 0xffff},
                                     {0xe0000, 0x10ffff}};
  return !in_ranges(bad, sizeof bad / sizeof bad[0], point);
}


/* Columns of a printable character: 0 for those that stand on the one before,
 * 2 for the wide ones of East Asia and the pictures. */
static int columns(uint32_t point) {
  static const struct range combining[] = {{0x300, 0x36f},
                                           {0x483, 0x489},
                                           {0x591, 0x5bd},
                                           {0x610, 0x61a},
                                           {0x64b, 0x65f},
                                           {0x1ab0, 0x1aff},
                                           {0x1dc0, 0x1dff},
                                           {0x20d0, 0x20ff},
                                           {0xfe00, 0xfe0f},
                                           {0xfe20, 0xfe2f}};
  static const struct range wide[] = {{0x1100, 0x115f},
                                      {0x2e80, 0x303e},
                                      {0x3041, 0xa4cf},
                                      {0xa960, 0xa97f},
                                      {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},
                                      {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},
                                      {0xffe0, 0xffe6},
                                      {0x1f300, 0x1f64f},
                                      {0x1f680, 0x1f6ff},
                                      {0x1f900, 0x1faff},
                                      {0x20000, 0x3fffd}};
  if (point < 0x300) return 1;
  if (in_ranges(combining, sizeof combining / sizeof combining[0], point))
    return 0;
  return in_ranges(wide, sizeof wide / sizeof wide[0], point) ? 2 : 1;
}


char* text_escape_bytes(const void* bytes, size_t size) {
  const char* from = bytes;
  char* text = text_alloc(4 * size + 1);
  char* to = text;
  while (size > 0) {
    uint32_t point;
    size_t count = text_character(from, size, &point);
    if (count > 0 && printable(point)) {
      memcpy(to, from, count);
      to += count;
    } else {
      if (count == 0) count = 1;
      for (size_t i = 0; i < count; i++)
        to +=
            snprintf(to, 5, "\\x%02x", (unsigned int) (unsigned char) from[i]);
    }
    from += count;
    size -= count;
  }
  *to = '\0';
  return text;
}


char* text_escape(const char* text) {
  return text_escape_bytes(text, strlen(text));
}


int text_width(const char* text) {
  int width = 0;
  size_t size = strlen(text);
  while (size > 0) {
    uint32_t point = '?';
    size_t count = text_character(text, size, &point);
    if (count == 0) count = 1;
    width += columns(point);
    text += count;
    size -= count;
  }
  return width;
}


char* text_cut(const char* text, int width) {
  if (text_width(text) <= width) return text_copy(text);

  char* result = text_alloc(strlen(text) + 4);
  size_t size = strlen(text);
  size_t used = 0;
  int column = 0;
  while (used < size) {
    uint32_t point = '?';
    size_t count = text_character(text + used, size - used, &point);
    if (count == 0) count = 1;
    if (column + columns(point) > width - 1) break;
    column += columns(point);
    used += count;
  }
  memcpy(result, text, used);
  memcpy(result + used, "\xe2\x80\xa6", 4); /* one character: three dots */
  return result;
}
