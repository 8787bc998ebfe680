/* SPDX-License-Identifier: MIT */

/* Reading memory that somebody may be changing, or using for something else
 * altogether: what was read means nothing until a version that was read before
 * is found unchanged after it. Callers have made sure that the bytes exist.
 *
 * The race is meant, so the sanitizers are off here, and only here: the block
 * may be somebody's plain bytes by now, or poisoned as free.
 */

#ifndef UVSHM_CORE_PEEK_H_
#define UVSHM_CORE_PEEK_H_

#include "base/atomic.h"
#include "base/rare.h"

#include <stdint.h>
#include <string.h>

#if defined(UVSHM__WATCHED)
/* The crash lab (test/lab) looks through a sanitizer's eyes. */
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
# define UVSHM__PEEK_SANITIZED 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#  define UVSHM__PEEK_SANITIZED 1
# endif
#endif

#if defined(UVSHM__PEEK_SANITIZED)
# define UVSHM__PEEK                                                           \
  __attribute__((unused,                                                       \
                 noinline,                                                     \
                 no_sanitize("thread"),                                        \
                 no_sanitize("address"),                                       \
                 no_sanitize("undefined")))
#else
# define UVSHM__PEEK UVSHM__USUAL
#endif

/* One word, at a multiple of 8. */
static UVSHM__PEEK uint64_t uvshm__peek(const uvshm__a64_t* word) {
#if defined(UVSHM__PEEK_SANITIZED)
  return *(const volatile uint64_t*) &word->value;
#else
  return uvshm__a64_load_relaxed(word);
#endif
}


/* `size` bytes, from a multiple of 8 on. */
static UVSHM__PEEK void uvshm__peek_bytes(void* to,
                                          const uvshm__a64_t* from,
                                          uint64_t size) {
  unsigned char* at = to;
  uint64_t words[4];
  uint64_t last;

  for (; size >= 32; size -= 32, at += 32, from += 4) {
    words[0] = uvshm__peek(from);
    words[1] = uvshm__peek(from + 1);
    words[2] = uvshm__peek(from + 2);
    words[3] = uvshm__peek(from + 3);
    memcpy(at, words, 32);
  }
  for (; size >= 8; size -= 8, at += 8, from++) {
    words[0] = uvshm__peek(from);
    memcpy(at, words, 8);
  }
  if (size == 0) return;
  last = uvshm__peek(from);
  memcpy(at, &last, (size_t) size);
}


/* Are they the same as `bytes`? */
static UVSHM__PEEK int uvshm__peek_same(const uvshm__a64_t* from,
                                        const void* bytes,
                                        uint64_t size) {
  const unsigned char* at = bytes;
  uint64_t last = 0;
  uint64_t word;

  for (; size >= 8; size -= 8, at += 8, from++) {
    memcpy(&word, at, 8);
    if (uvshm__peek(from) != word) return 0;
  }
  if (size == 0) return 1;
  /* Zeros stand after the last byte. */
  memcpy(&last, at, (size_t) size);
  return uvshm__peek(from) == last;
}

#endif /* UVSHM_CORE_PEEK_H_ */
