/* SPDX-License-Identifier: MIT */

/* FNV-1a with a last stir: the same number for the same bytes on every system,
 * since hashes are stored in segments and in system names. Not a defence
 * against people who choose keys to collide. */

#ifndef UVSHM_BASE_HASH_H_
#define UVSHM_BASE_HASH_H_

#include <stddef.h>
#include <stdint.h>

static inline uint64_t uvshm__hash(const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  size_t i;

  for (i = 0; i < size; i++) {
    hash ^= at[i];
    hash *= UINT64_C(0x100000001b3);
  }

  /* FNV leaves the high bits of short keys nearly alike. */
  hash ^= hash >> 33;
  hash *= UINT64_C(0xff51afd7ed558ccd);
  hash ^= hash >> 33;
  return hash;
}

#endif /* UVSHM_BASE_HASH_H_ */
