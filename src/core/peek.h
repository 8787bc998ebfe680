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
#include "base/word.h"

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

/* Two words in one load, which need not be of one moment. */
#if defined(__GNUC__) && defined(__SSE2__) && !defined(UVSHM__MSVC_RULES) &&   \
    !defined(UVSHM__WATCHED)
# define UVSHM__PEEK_VECTOR 1
typedef uint64_t uvshm__peek_vector_t
    __attribute__((vector_size(16), aligned(8), may_alias));
#endif

/* One word, at a multiple of 8. */
static UVSHM__PEEK uint64_t uvshm__peek(const uvshm__a64_t* word) {
#if defined(UVSHM__PEEK_SANITIZED)
  return *(const volatile uint64_t*) &word->value;
#else
  return uvshm__a64_load_relaxed(word);
#endif
}


/* 8 bytes, and 16, to where the caller wants them. Each goes through a register
 * of its own: gathered in an array by eight and loaded by sixteen, for which
 * processors wait, it would cost as much as all the rest. */
static UVSHM__PEEK void uvshm__peek_8(unsigned char* to,
                                      const uvshm__a64_t* from) {
  uint64_t word = uvshm__peek(from);

  memcpy(to, &word, 8);
}


static UVSHM__PEEK void uvshm__peek_16(unsigned char* to,
                                       const uvshm__a64_t* from) {
#if defined(UVSHM__PEEK_VECTOR)
  uvshm__peek_vector_t both = *(const volatile uvshm__peek_vector_t*) from;

  memcpy(to, &both, 16);
#else
  uvshm__peek_8(to, from);
  uvshm__peek_8(to + 8, from + 1);
#endif
}


/* `size` bytes, from a multiple of 8 on. */
static UVSHM__PEEK void uvshm__peek_bytes(void* to,
                                          const uvshm__a64_t* from,
                                          uint64_t size) {
  unsigned char* at = to;

  for (; size >= 128; size -= 32, at += 32, from += 4) {
    uvshm__peek_16(at, from);
    uvshm__peek_16(at + 16, from + 2);
  }
  /* The rest without a loop, and 64 bytes with the fewest of questions. */
  if (size & 64) {
    uvshm__peek_16(at, from);
    uvshm__peek_16(at + 16, from + 2);
    uvshm__peek_16(at + 32, from + 4);
    uvshm__peek_16(at + 48, from + 6);
    at += 64;
    from += 8;
  }
  size &= 63;
  if (size == 0) return;
  if (size & 32) {
    uvshm__peek_16(at, from);
    uvshm__peek_16(at + 16, from + 2);
    at += 32;
    from += 4;
  }
  if (size & 16) {
    uvshm__peek_16(at, from);
    at += 16;
    from += 2;
  }
  if (size & 8) {
    uvshm__peek_8(at, from);
    at += 8;
    from++;
  }
  size &= 7;
  if (size != 0) uvshm__word_to(at, uvshm__peek(from), (size_t) size);
}


/* Are they the same as `bytes`? */
static UVSHM__PEEK int uvshm__peek_same(const uvshm__a64_t* from,
                                        const void* bytes,
                                        uint64_t size) {
  const unsigned char* at = bytes;
  uint64_t word;

  for (; size >= 8; size -= 8, at += 8, from++) {
    memcpy(&word, at, 8);
    if (uvshm__peek(from) != word) return 0;
  }
  /* Zeros stand after the last byte. */
  return size == 0 || uvshm__peek(from) == uvshm__word_of(at, (size_t) size);
}

#endif /* UVSHM_CORE_PEEK_H_ */
