/* SPDX-License-Identifier: MIT */

/* SipHash-1-3 (Aumasson and Bernstein), 64 bits: a hash for people who choose
 * keys to collide, as long as they do not know the seed. The same number for
 * the same bytes and seed on every system. */

#ifndef UVSHM_BASE_SIPHASH_H_
#define UVSHM_BASE_SIPHASH_H_

#include "base/word.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct uvshm__sip {
  uint64_t a, b, c, d;
  uint64_t last; /* bytes that are no whole word, and the size on top */
};

static inline uint64_t uvshm__sip_rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}


static inline void uvshm__sip_round(struct uvshm__sip* s) {
  s->a += s->b;
  s->b = uvshm__sip_rotate(s->b, 13) ^ s->a;
  s->a = uvshm__sip_rotate(s->a, 32);
  s->c += s->d;
  s->d = uvshm__sip_rotate(s->d, 16) ^ s->c;
  s->a += s->d;
  s->d = uvshm__sip_rotate(s->d, 21) ^ s->a;
  s->c += s->b;
  s->b = uvshm__sip_rotate(s->b, 17) ^ s->c;
  s->c = uvshm__sip_rotate(s->c, 32);
}


static inline void uvshm__sip_word(struct uvshm__sip* s, uint64_t word) {
  s->d ^= word;
  uvshm__sip_round(s);
  s->a ^= word;
}


/* Of `size` bytes that come in parts. */
static inline void uvshm__sip_begin(struct uvshm__sip* s,
                                    const uint64_t seed[2],
                                    uint64_t size) {
  s->a = seed[0] ^ UINT64_C(0x736f6d6570736575);
  s->b = seed[1] ^ UINT64_C(0x646f72616e646f6d);
  s->c = seed[0] ^ UINT64_C(0x6c7967656e657261);
  s->d = seed[1] ^ UINT64_C(0x7465646279746573);
  s->last = size << 56;
}


/* Each part but the last is a multiple of 8 bytes. */
static inline void uvshm__sip_add(struct uvshm__sip* s,
                                  const void* bytes,
                                  size_t size) {
  const unsigned char* at = bytes;
  uint64_t word;

  for (; size >= 8; size -= 8, at += 8) {
    memcpy(&word, at, 8); /* all systems are little-endian */
    uvshm__sip_word(s, word);
  }
  if (size != 0) s->last |= uvshm__word_of(at, size);
}


static inline uint64_t uvshm__sip_end(struct uvshm__sip* s) {
  uvshm__sip_word(s, s->last);
  s->c ^= 0xff;
  uvshm__sip_round(s);
  uvshm__sip_round(s);
  uvshm__sip_round(s);
  return s->a ^ s->b ^ s->c ^ s->d;
}


static inline uint64_t uvshm__siphash(const uint64_t seed[2],
                                      const void* bytes,
                                      size_t size) {
  struct uvshm__sip s;
  uint64_t word;

  uvshm__sip_begin(&s, seed, size);
  if (size == 8) { /* as below, without the questions */
    memcpy(&word, bytes, 8);
    uvshm__sip_word(&s, word);
    return uvshm__sip_end(&s);
  }
  uvshm__sip_add(&s, bytes, size);
  return uvshm__sip_end(&s);
}

#endif /* UVSHM_BASE_SIPHASH_H_ */
