/* SPDX-License-Identifier: MIT */

#include "base64.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


char* base64_encode(const void* bytes, size_t size) {
  const unsigned char* from = bytes;
  char* text = text_alloc(size / 3 * 4 + 5);
  char* to = text;
  for (size_t at = 0; at < size; at += 3) {
    size_t count = size - at < 3 ? size - at : 3;
    uint32_t group = (uint32_t) from[at] << 16;
    if (count > 1) group |= (uint32_t) from[at + 1] << 8;
    if (count > 2) group |= from[at + 2];
    for (size_t i = 0; i < 4; i++)
      *to++ = i > count ? '=' : letters[group >> (18 - 6 * i) & 63];
  }
  *to = '\0';
  return text;
}


bool base64_decode(const char* text, void** bytes, size_t* size) {
  size_t count = strlen(text);
  while (count > 0 && text[count - 1] == '=') count--;
  if (count % 4 == 1 || strlen(text) - count > 2) return false;

  unsigned char* result = text_alloc(count / 4 * 3 + 4);
  size_t used = 0;
  uint32_t group = 0;
  for (size_t i = 0; i < count; i++) {
    const char* letter = text[i] != '\0' ? strchr(letters, text[i]) : NULL;
    if (letter == NULL) {
      free(result);
      return false;
    }
    group = group << 6 | (uint32_t) (letter - letters);
    if (i % 4 == 0) continue;
    result[used++] = (unsigned char) (group >> (6 - 2 * (i % 4)));
  }
  *bytes = result;
  *size = used;
  return true;
}
