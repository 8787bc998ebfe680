/* SPDX-License-Identifier: MIT */

/* Keys, out of the bytes that a terminal sends in raw mode. */

#ifndef UVSHM_TOOL_KEYS_H_
#define UVSHM_TOOL_KEYS_H_

#include <stddef.h>

/* A key is the byte it sends, or one of these. */
enum key {
  KEY_INTERRUPT = 3, /* Ctrl-C */
  KEY_SUSPEND = 26,  /* Ctrl-Z */
  KEY_UP = 256,
  KEY_DOWN,
  KEY_RIGHT,
  KEY_LEFT,
  KEY_PAGE_UP,
  KEY_PAGE_DOWN,
  KEY_HOME,
  KEY_END
};

/* What of a sequence has come so far. Zeroed at first. */
struct keys {
  int state;
  int number;
};

/* Call `on_key` for each key in these bytes. A sequence may come in pieces; one
 * that is not known is no key. */
void keys_take(struct keys* keys,
               const char* bytes,
               size_t size,
               void (*on_key)(void* data, int key),
               void* data);

#endif /* UVSHM_TOOL_KEYS_H_ */
