/* SPDX-License-Identifier: MIT */

/* The hash of a key: the same number for the same bytes in every process that
 * has the map open, and for nobody else, since it goes by the map's seed.
 *
 *   1 to 16 bytes   two folded products (base/fold.h) with four numbers that
 *                   SipHash made of the seed
 *   more            SipHash-1-3
 *
 * Long keys cost time for each byte anyway. For short ones SipHash would be a
 * quarter of all that a get does. Whoever does not know the seed can choose no
 * keys that collide, with either; decision 10 tells what the difference is.
 */

#ifndef UVSHM_CORE_MAP_HASH_H_
#define UVSHM_CORE_MAP_HASH_H_

#include "base/fold.h"
#include "base/siphash.h"
#include "base/word.h"

#include <stdint.h>
#include <string.h>

#define UVSHM__MAP_SHORT 16u

struct uvshm__map_secret {
  uint64_t seed[2];
  uint64_t numbers[4];
};

struct uvshm__map_key {
  const void* bytes;
  uint32_t size;
  uint64_t hash;
  uint64_t words[2]; /* of a short key: the bytes, and zeros above */
};

static inline void uvshm__map_secret(struct uvshm__map_secret* secret,
                                     const uint64_t seed[2]) {
  uint64_t i;

  secret->seed[0] = seed[0];
  secret->seed[1] = seed[1];
  for (i = 0; i < 4; i++)
    secret->numbers[i] = uvshm__siphash(seed, &i, sizeof(i));
}


/* Of a key of 1 to 16 bytes in two words. */
static inline uint64_t uvshm__map_hash_words(
    const struct uvshm__map_secret* secret,
    uint64_t one,
    uint64_t two,
    uint64_t size) {
  const uint64_t* numbers = secret->numbers;

  return uvshm__fold(
      uvshm__fold(one ^ numbers[0], two ^ numbers[1] ^ size << 56) ^ numbers[2],
      numbers[3]);
}


static inline void uvshm__map_hash_short(const struct uvshm__map_secret* secret,
                                         struct uvshm__map_key* key) {
  const unsigned char* at = key->bytes;
  uint64_t* words = key->words;

  words[1] = 0;
  if (key->size >= 8)
    memcpy(&words[0], at, 8);
  else
    words[0] = uvshm__word_of(at, key->size);
  if (key->size > 8) {
    memcpy(&words[1], at + key->size - 8, 8);
    words[1] >>= 8 * (UVSHM__MAP_SHORT - key->size);
  }
  key->hash = uvshm__map_hash_words(secret, words[0], words[1], key->size);
}


static inline void uvshm__map_hash_key(const struct uvshm__map_secret* secret,
                                       struct uvshm__map_key* key) {
  if (key->size <= UVSHM__MAP_SHORT) {
    uvshm__map_hash_short(secret, key);
    return;
  }
  key->words[0] = key->words[1] = 0; /* nobody asks */
  key->hash = uvshm__siphash(secret->seed, key->bytes, key->size);
}

#endif /* UVSHM_CORE_MAP_HASH_H_ */
