/* SPDX-License-Identifier: MIT */

/* Values as PHP writes them:
 *
 *   N;  b:1;  i:-7;  d:0.1;  d:1.0E+100;  d:-INF;  d:NAN;  s:5:"hello";
 *
 * and everything else, arrays and objects, which is passed on as it is. Text is
 * copied before it is read, but for the bytes of a string, which nobody here
 * looks at. The decimal point of C's calls follows the program's locale; PHP's
 * does not.
 */

#include "object/php.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest text of a number that is believed. PHP's own have some 25. */
#define NUMBER_MAX 400


static int damaged(void) {
  return uvshm__fail(UV_EPROTO, "its text is not what PHP writes");
}

/* ---- numbers ------------------------------------------------------------- */

/* What this locale writes between 1 and 5 in 1.5; one byte nearly always. */
static void locale_point(char* point, size_t size) {
  char text[32];
  size_t count;

  snprintf(text, sizeof(text), "%.1f", 1.5);
  count = strlen(text);
  count = count > 2 ? count - 2 : 0;
  if (count == 0 || count >= size) {
    memcpy(point, ".", 2);
    return;
  }
  memcpy(point, text + 1, count);
  point[count] = '\0';
}


/* Replace the first `from` in `text` by `to`. */
static void swap_point(char* text,
                       size_t room,
                       const char* from,
                       const char* to) {
  char* at = strstr(text, from);
  size_t from_size = strlen(from);
  size_t to_size = strlen(to);
  size_t i;

  if (at == NULL || strlen(text) + to_size - from_size >= room) return;
  memmove(at + to_size, at + from_size, strlen(at + from_size) + 1);
  for (i = 0; i < to_size; i++) at[i] = to[i];
}


static int parse_float(const char* text, double* number) {
  char copy[NUMBER_MAX + 16];
  char point[8];
  char* end;

  /* C reads these words in any case. */
  if (strcmp(text, "INF") == 0 || strcmp(text, "-INF") == 0 ||
      strcmp(text, "NAN") == 0) {
    *number = strtod(text, NULL);
    return 0;
  }
  if (strspn(text, "+-.0123456789eE") != strlen(text)) return damaged();
  locale_point(point, sizeof(point));
  snprintf(copy, sizeof(copy), "%s", text);
  swap_point(copy, sizeof(copy), ".", point);
  *number = strtod(copy, &end);
  return end == copy || *end != '\0' ? damaged() : 0;
}


/* The shortest text that means this number, as PHP has it by default. */
static void format_float(char* text, size_t room, double number) {
  char point[8];
  int digits;

  if (!(number - number >= 0)) { /* which is no number for these three */
    snprintf(text, room, number < 0 ? "-INF" : number > 0 ? "INF" : "NAN");
    return;
  }
  for (digits = 15; digits <= 17; digits++) {
    snprintf(text, room, "%.*g", digits, number);
    if (!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number)) break;
  }
  locale_point(point, sizeof(point));
  swap_point(text, room, point, ".");
}


static int parse_int(const char* text, int64_t* number) {
  char* end;

  if (strspn(text, "+-0123456789") != strlen(text)) return damaged();
  errno = 0;
  *number = strtoll(text, &end, 10);
  return end == text || *end != '\0' || errno != 0 ? damaged() : 0;
}

/* ---- text to value ------------------------------------------------------- */

/* What stands between the colon and the semicolon of "i:7;". */
static int copy_number(char* copy, const unsigned char* text, uint64_t size) {
  if (size < 4 || size - 3 > NUMBER_MAX) return damaged();
  memcpy(copy, text + 1, (size_t) size - 1);
  if (copy[0] != ':' || copy[size - 2] != ';') return damaged();
  copy[size - 2] = '\0';
  if (strlen(copy) != size - 2) return damaged();
  memmove(copy, copy + 1, (size_t) size - 2);
  return 0;
}


/* s:5:"hello"; of which only what is around the bytes is read. */
static int decode_string(uvshm_php_value_t* value,
                         uint64_t* offset,
                         const unsigned char* text,
                         uint64_t size) {
  char copy[32];
  uint64_t start = size < sizeof(copy) - 1 ? size : sizeof(copy) - 1;
  uint64_t bytes;
  char* end;

  memcpy(copy, text, (size_t) start);
  copy[start] = '\0';
  if (start < 6 || copy[1] != ':' || copy[2] < '0' || copy[2] > '9')
    return damaged();
  errno = 0;
  bytes = strtoull(copy + 2, &end, 10);
  if (errno != 0 || end[0] != ':' || end[1] != '"') return damaged();
  *offset = (uint64_t) (end + 2 - copy);
  if (bytes > size - *offset || size - *offset - bytes != 2) return damaged();
  if (text[size - 2] != '"' || text[size - 1] != ';') return damaged();
  value->size = bytes;
  return 0;
}


static int decode_number(uvshm_php_value_t* value,
                         const unsigned char* text,
                         uint64_t size) {
  char copy[NUMBER_MAX + 4];
  int err = copy_number(copy, text, size);

  if (err < 0) return err;
  if (value->type == UVSHM_PHP_FLOAT) return parse_float(copy, &value->number);
  err = parse_int(copy, &value->integer);
  if (err == 0 && value->type == UVSHM_PHP_BOOL &&
      (value->integer < 0 || value->integer > 1))
    return damaged();
  return err;
}


int uvshm__php_decode(uvshm_php_value_t* value,
                      uint64_t* offset,
                      const unsigned char* text,
                      uint64_t size) {
  unsigned char first = size > 0 ? text[0] : 0;

  memset(value, 0, sizeof(*value));
  *offset = 0;
  switch (first) {
    case 'N':
      value->type = UVSHM_PHP_NULL;
      return size == 2 && text[1] == ';' ? 0 : damaged();
    case 'b':
      value->type = UVSHM_PHP_BOOL;
      return decode_number(value, text, size);
    case 'i':
      value->type = UVSHM_PHP_INT;
      return decode_number(value, text, size);
    case 'd':
      value->type = UVSHM_PHP_FLOAT;
      return decode_number(value, text, size);
    case 's':
      value->type = UVSHM_PHP_STRING;
      return decode_string(value, offset, text, size);
    default:
      value->type = UVSHM_PHP_SERIALIZED;
      value->size = size;
      return 0;
  }
}

/* ---- value to text ------------------------------------------------------- */

int uvshm__php_encode(struct uvshm__php_text* text,
                      char* room,
                      const uvshm_php_value_t* value,
                      const void* bytes) {
  const size_t size = UVSHM__PHP_NUMBER_ROOM;
  char number[48];

  memset(text, 0, sizeof(*text));
  switch (value->type) {
    case UVSHM_PHP_NULL:
      snprintf(room, size, "N;");
      break;
    case UVSHM_PHP_BOOL:
      snprintf(room, size, "b:%d;", value->integer != 0);
      break;
    case UVSHM_PHP_INT:
      snprintf(room, size, "i:%" PRId64 ";", value->integer);
      break;
    case UVSHM_PHP_FLOAT:
      format_float(number, sizeof(number), value->number);
      snprintf(room, size, "d:%s;", number);
      break;
    case UVSHM_PHP_STRING:
      snprintf(room, size, "s:%" PRIu64 ":\"", value->size);
      text->bytes[2] = "\";";
      text->size[2] = 2;
      break;
    case UVSHM_PHP_SERIALIZED:
      room[0] = '\0';
      break;
    default:
      return uvshm__fail(UV_EINVAL, "unknown type %d", (int) value->type);
  }
  text->bytes[0] = room;
  text->size[0] = strlen(room);
  if (value->type >= UVSHM_PHP_STRING) {
    text->bytes[1] = bytes;
    text->size[1] = value->size;
  }
  return 0;
}
