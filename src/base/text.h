/* SPDX-License-Identifier: MIT */

/* Copying text into a field of fixed size. */

#ifndef UVSHM_BASE_TEXT_H_
#define UVSHM_BASE_TEXT_H_

#include <stddef.h>
#include <string.h>

/* Copy `from` (NULL: nothing), cut to what `size` bytes hold with a final zero.
 * What is cut off ends at a character of UTF-8. */
static inline void uvshm__copy_text(char* to, size_t size, const char* from) {
  size_t count = from != NULL ? strlen(from) : 0;

  if (count >= size) {
    count = size - 1;
    while (count > 0 && ((unsigned char) from[count] & 0xc0) == 0x80) count--;
  }
  if (count != 0) memcpy(to, from, count);
  to[count] = '\0';
}

#endif /* UVSHM_BASE_TEXT_H_ */
