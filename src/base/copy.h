/* SPDX-License-Identifier: MIT */

/* As memcpy(), for messages, most of which are short: up to 64 bytes by two
 * copies of a fixed size that overlap, which compilers turn into a few moves
 * where the call and its choices would take longer than the copying. */

#ifndef UVSHM_BASE_COPY_H_
#define UVSHM_BASE_COPY_H_

#include "base/rare.h"

#include <stddef.h>
#include <string.h>

static UVSHM__USUAL void uvshm__copy(unsigned char* to,
                                     const unsigned char* from,
                                     size_t size) {
  if (size > 64 || size < 8) {
    if (size != 0) memcpy(to, from, size);
  } else if (size >= 32) {
    memcpy(to, from, 32);
    memcpy(to + size - 32, from + size - 32, 32);
  } else if (size >= 16) {
    memcpy(to, from, 16);
    memcpy(to + size - 16, from + size - 16, 16);
  } else {
    memcpy(to, from, 8);
    memcpy(to + size - 8, from + size - 8, 8);
  }
}

#endif /* UVSHM_BASE_COPY_H_ */
