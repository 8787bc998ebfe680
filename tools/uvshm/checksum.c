/* SPDX-License-Identifier: MIT */

/* Eight bytes a step, with one table for each place among them: the sum must
 * not be what the demo measures.
 */

#include "checksum.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* its bits in reverse */

static uint32_t tables[8][256];


static void make_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t sum = i;
    for (int bit = 0; bit < 8; bit++)
      sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
    tables[0][i] = sum;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int t = 1; t < 8; t++)
      tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
}


static uint32_t little(const unsigned char* at) {
  return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
         (uint32_t) at[3] << 24;
}


uint32_t checksum(uint32_t sum, const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  if (tables[0][1] == 0) make_tables();

  sum = ~sum;
  for (; size >= 8; at += 8, size -= 8) {
    uint32_t low = sum ^ little(at);
    uint32_t high = little(at + 4);
    sum = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^
          tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^
          tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
          tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
  }
  for (; size > 0; at++, size--) sum = sum >> 8 ^ tables[0][(sum ^ *at) & 0xff];
  return ~sum;
}
