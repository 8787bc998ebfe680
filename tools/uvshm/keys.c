/* SPDX-License-Identifier: MIT */

/* ESC [ A, ESC O A, ESC [ 5 ~: what terminals agree on, and libuv sends for the
 * keys of a Windows console too.
 */

#include "keys.h"

enum {
  PLAIN,
  ESCAPE, /* ESC came */
  BRACKET /* ESC [ or ESC O, then digits */
};


static int of_letter(int letter) {
  switch (letter) {
    case 'A':
      return KEY_UP;
    case 'B':
      return KEY_DOWN;
    case 'C':
      return KEY_RIGHT;
    case 'D':
      return KEY_LEFT;
    case 'H':
      return KEY_HOME;
    case 'F':
      return KEY_END;
    default:
      return 0;
  }
}


static int of_number(int number) {
  switch (number) {
    case 1:
    case 7:
      return KEY_HOME;
    case 4:
    case 8:
      return KEY_END;
    case 5:
      return KEY_PAGE_UP;
    case 6:
      return KEY_PAGE_DOWN;
    default:
      return 0;
  }
}


/* The key that this byte completes; 0: none. */
static int next(struct keys* keys, int byte) {
  if (byte == '\033') {
    keys->state = ESCAPE;
    return 0;
  }
  if (keys->state == ESCAPE) {
    keys->state = byte == '[' || byte == 'O' ? BRACKET : PLAIN;
    keys->number = 0;
    return keys->state == BRACKET ? 0 : byte;
  }
  if (keys->state != BRACKET) return byte;
  if (byte >= '0' && byte <= '9') {
    if (keys->number < 1000) keys->number = keys->number * 10 + (byte - '0');
    return 0;
  }
  if (byte == ';') { /* what follows are Shift, Ctrl ... */
    keys->number = 0;
    return 0;
  }
  keys->state = PLAIN;
  return byte == '~' ? of_number(keys->number) : of_letter(byte);
}


void keys_take(struct keys* keys,
               const char* bytes,
               size_t size,
               void (*on_key)(void* data, int key),
               void* data) {
  for (size_t i = 0; i < size; i++) {
    int key = next(keys, (unsigned char) bytes[i]);
    if (key != 0) on_key(data, key);
  }
}
