/* SPDX-License-Identifier: MIT */

/* Regions that can be checked by anybody at any time.
 *
 *   word 0      the region's number; 0: nobody chose one yet
 *   word 1      how many bytes are filled for sure; only rises
 *   word i > 1  f(number, i) if filled; else that or still 0
 *
 * Filling is idempotent, so any number of processes may do it at once, and one
 * that dies in it leaves nothing to clear up.
 */

#include "storm.h"

#include <stdio.h>

#define FIRST 2u


static uint64_t value_of(uint64_t number, uint64_t index) {
  uint64_t x = number ^ (index * UINT64_C(0x9e3779b97f4a7c15));

  x ^= x >> 29;
  x *= UINT64_C(0xbf58476d1ce4e5b9);
  return (x ^ x >> 32) | 1;
}


static uvshm__a64_t* words_of(uvshm_region_t* region) {
  return uvshm_region_base(region);
}


static void raise(uvshm__a64_t* word, uint64_t value) {
  uint64_t old = uvshm__a64_load_relaxed(word);

  while (old < value && !uvshm__a64_cas(word, old, value))
    old = uvshm__a64_load_relaxed(word);
}


void storm_region_fill(uvshm_region_t* region, uint64_t number) {
  uvshm__a64_t* words = words_of(region);
  uint64_t size = uvshm_region_size(region) / 8 * 8;
  uint64_t i;

  if (uvshm__a64_cas(&words[0], 0, number) == 0)
    number = uvshm__a64_load_acquire(&words[0]);
  i = uvshm__a64_load_acquire(&words[1]) / 8;
  for (i = i < FIRST ? FIRST : i; i < size / 8; i++)
    uvshm__a64_store_relaxed(&words[i], value_of(number, i));
  raise(&words[1], size);
}


static const char* wrong(uint64_t index, uint64_t value, uint64_t size) {
  static char text[128];

  snprintf(text,
           sizeof(text),
           "word %llu is %016llx, %llu bytes are filled",
           (unsigned long long) index,
           (unsigned long long) value,
           (unsigned long long) size);
  return text;
}


const char* storm_region_check(uvshm_region_t* region,
                               uint64_t* random,
                               uint64_t window) {
  uvshm__a64_t* words = words_of(region);
  /* What was filled before is true of the number and the size now; the other
   * way round somebody may fill it all between two looks. */
  uint64_t filled = uvshm__a64_load_acquire(&words[1]);
  uint64_t number = uvshm__a64_load_acquire(&words[0]);
  uint64_t end = uvshm_region_size(region) / 8;
  uint64_t i = FIRST;
  uint64_t value;

  if (filled > end * 8) return "more is filled than there is";
  if (number == 0) return filled == 0 ? NULL : "its number is gone";
  if (window != 0 && end > FIRST + window) {
    i += storm_random(random) % (end - FIRST - window);
    end = i + window;
  }
  for (; i < end; i++) {
    value = uvshm__a64_load_relaxed(&words[i]);
    if (value == value_of(number, i)) continue;
    if (value != 0 || i < filled / 8) return wrong(i, value, filled);
  }
  return NULL;
}
