/* SPDX-License-Identifier: MIT */

/* Sizes, times and patterns, as people write and read them. */

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


void text_size(char* text, uint64_t size, bool exact) {
  static const char letters[] = "KMGTPE";
  if (exact || size < 1024) {
    snprintf(text, TEXT_SIZE_ROOM, "%" PRIu64, size);
    return;
  }

  /* `unit` is the largest power of 1024 that is not above it. */
  uint64_t unit = 1024;
  size_t i = 0;
  while (size / unit >= 1024) {
    unit *= 1024;
    i++;
  }
  bool whole =
      i == 0 ? size % unit == 0 || size / unit >= 10 : size / unit >= 10;
  double value = (double) size / (double) unit;
  snprintf(
      text, TEXT_SIZE_ROOM, whole ? "%.0f%c" : "%.1f%c", value, letters[i]);
}


void text_age(char* text, uint64_t ms) {
  uint64_t seconds = ms / 1000;
  if (seconds < 60)
    snprintf(text, TEXT_SIZE_ROOM, "%" PRIu64 "s", seconds);
  else if (seconds < 3600)
    snprintf(text, TEXT_SIZE_ROOM, "%" PRIu64 "m", seconds / 60);
  else if (seconds < UINT64_C(172800)) /* two days */
    snprintf(text, TEXT_SIZE_ROOM, "%" PRIu64 "h", seconds / 3600);
  else
    snprintf(text, TEXT_SIZE_ROOM, "%" PRIu64 "d", seconds / 86400);
}


void text_rate(char* text, double bytes) {
  static const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  size_t i = 0;
  while (bytes >= 999.5 && i < 4) {
    bytes /= 1000;
    i++;
  }
  const char* format = bytes < 9.95 && i > 0 ? "%.1f %s" : "%.0f %s";
  snprintf(text, TEXT_SIZE_ROOM, format, bytes, units[i]);
}


/* A digit's value in `base`, or `base` for none. */
static unsigned int digit(char c, unsigned int base) {
  unsigned int value = base;
  if (c >= '0' && c <= '9')
    value = (unsigned int) (c - '0');
  else if (c >= 'a' && c <= 'f')
    value = (unsigned int) (c - 'a') + 10;
  else if (c >= 'A' && c <= 'F')
    value = (unsigned int) (c - 'A') + 10;
  return value < base ? value : base;
}


/* Digits from *text on, which then stands behind them. */
static bool digits(const char** text, unsigned int base, uint64_t* number) {
  const char* at = *text;
  uint64_t value = 0;
  for (; digit(*at, base) < base; at++) {
    unsigned int next = digit(*at, base);
    if (value > (UINT64_MAX - next) / base) return false;
    value = value * base + next;
  }
  if (at == *text) return false;
  *text = at;
  *number = value;
  return true;
}


bool text_parse_number(const char* text, uint64_t max, uint64_t* number) {
  unsigned int base = 10;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text += 2;
  }
  return digits(&text, base, number) && *text == '\0' && *number <= max;
}


/* K, KiB ... -> how far to shift; false for anything else. KB is refused: half
 * of the world means 1000 by it. */
static bool unit_shift(const char* text, unsigned int* shift) {
  static const char letters[] = "KMGTPE";
  *shift = 0;
  if (*text == '\0') return true;
  char letter = *text >= 'a' && *text <= 'z' ? (char) (*text - 32) : *text;
  const char* found = strchr(letters, letter);
  if (found == NULL) return false;
  *shift = 10u * (unsigned int) (found - letters + 1);
  return text[1] == '\0' || strcmp(text + 1, "iB") == 0;
}


bool text_parse_size(const char* text, uint64_t* size) {
  if (text_parse_number(text, UINT64_MAX, size)) return true;

  uint64_t whole;
  uint64_t tenths = 0;
  unsigned int shift;
  if (!digits(&text, 10, &whole)) return false;
  bool fraction = text[0] == '.' && digit(text[1], 10) < 10;
  if (fraction) {
    tenths = digit(text[1], 10);
    text += 2;
  }
  if (!unit_shift(text, &shift) || (fraction && shift == 0)) return false;
  if (whole > (UINT64_MAX >> shift) - 1) return false;
  *size = (whole << shift) + ((tenths << shift) / 10);
  return true;
}


bool text_parse_mode(const char* text, uint64_t* mode) {
  return digits(&text, 8, mode) && *text == '\0' && *mode > 0 && *mode <= 0777;
}


bool text_parse_seconds(const char* text, uint64_t* ms) {
  uint64_t seconds = 0;
  uint64_t part = 0;
  if (*text != '.' && !digits(&text, 10, &seconds)) return false;
  if (*text == '.') {
    text++;
    uint64_t scale = 100;
    bool any = false;
    for (; digit(*text, 10) < 10; text++, scale /= 10, any = true)
      part += scale * digit(*text, 10);
    if (!any) return false;
  }
  if (*text != '\0' || seconds > UINT64_C(4000000000)) return false;
  *ms = seconds * 1000 + part;
  return true;
}


/* Does `c` belong to the set behind '['? *end then stands behind ']'. */
static bool in_set(const char* set, unsigned char c, const char** end) {
  bool inverted = *set == '!' || *set == '^';
  if (inverted) set++;
  bool found = false;
  const char* at = set;
  do {
    if (*at == '\0') return false;
    unsigned char from = (unsigned char) *at;
    unsigned char to = from;
    if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
      to = (unsigned char) at[2];
      at += 2;
    }
    found = found || (c >= from && c <= to);
    at++;
  } while (*at != ']');
  *end = at + 1;
  return found != inverted;
}


/* One element of the pattern that is not a star. 0: no match; else how many
 * bytes of the name it took. */
static size_t match_one(const char** pattern, const char* name) {
  uint32_t point;
  size_t size = text_character(name, strlen(name), &point);
  if (size == 0) size = 1;
  if (**pattern == '?') {
    (*pattern)++;
    return size;
  }
  const char* end = NULL;
  if (**pattern == '[' && strchr(*pattern, ']') != NULL) {
    bool found = in_set(*pattern + 1, (unsigned char) *name, &end);
    if (end != NULL) *pattern = end;
    return found && end != NULL ? 1 : 0;
  }
  return *(*pattern)++ == *name ? 1 : 0;
}


bool text_match(const char* pattern, const char* name) {
  const char* star = NULL; /* behind the last star, where to go back to */
  const char* again = NULL;
  while (*name != '\0') {
    size_t taken = 0;
    if (*pattern == '*') {
      star = ++pattern;
      again = name;
      continue;
    }
    if (*pattern != '\0') taken = match_one(&pattern, name);
    if (taken > 0) {
      name += taken;
    } else if (star != NULL) {
      pattern = star;
      name = ++again;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}
