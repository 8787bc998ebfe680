/* SPDX-License-Identifier: MIT */

/* The hash of keys is part of the format: the same in every process. And keys
 * that differ in little are different keys, whatever their sizes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness.h"

#include "core/map_hash.h"
#include "uvshm.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

#define SIZES 40u

static const char text[] = "abcdefghijklmnopqrst";


/* Computed by another program, from docs/format.md. */
TEST(map_hash_is_that_of_the_format) {
  static const uint64_t seed[2] = {UINT64_C(0x0706050403020100),
                                   UINT64_C(0x0f0e0d0c0b0a0908)};
  static const struct {
    uint32_t size;
    uint64_t hash;
  } cases[] = {{1, UINT64_C(0xbc1c5e5aac5da63d)},
               {3, UINT64_C(0x18ee9494180b2c85)},
               {4, UINT64_C(0x52120b33ebe6ae80)},
               {7, UINT64_C(0x4b360a9f5a4cb6e6)},
               {8, UINT64_C(0x30a39ce64b0db659)},
               {9, UINT64_C(0x76846b1e1f7aecba)},
               {15, UINT64_C(0x4b0277ef086ed8d6)},
               {16, UINT64_C(0xc44bd4e58bd9558f)},
               {17, UINT64_C(0xabe8494af38e15cf)},
               {20, UINT64_C(0x31b10b3d9e125930)}};
  struct uvshm__map_secret secret;
  struct uvshm__map_key key;
  size_t i;

  (void) state;
  uvshm__map_secret(&secret, seed);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    key.bytes = text;
    key.size = cases[i].size;
    uvshm__map_hash_key(&secret, &key);
    assert_true(key.hash == cases[i].hash);
  }
}


TEST(fold_is_the_same_with_and_without_128_bits) {
  uint64_t a = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t b = UINT64_C(0xd1b54a32d192ed03);
  uint32_t i;

  (void) state;
  assert_true(uvshm__fold_by_halves(UINT64_MAX, UINT64_MAX) ==
              uvshm__fold(UINT64_MAX, UINT64_MAX));
  assert_true(uvshm__fold(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
  for (i = 0; i < 10000; i++) {
    assert_true(uvshm__fold_by_halves(a, b) == uvshm__fold(a, b));
    a = a * 3 ^ b >> 7;
    b = b * 5 + (a >> (i % 64));
  }
}


/* Zeros at the end count: "a" is not "a\0". And the last byte does. Values have
 * all sizes too, since they are copied in parts. */
TEST(map_tells_keys_of_all_sizes_apart) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  unsigned char bytes[SIZES];
  unsigned char value[SIZES + 1];
  unsigned char other;
  uvshm_map_t* map;
  uint32_t round;
  size_t size;
  size_t n;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  assert_int_equal(
      uvshm_segment_open(&segment, test_name("map-hash"), &options), 0);
  assert_int_equal(uvshm_map_open(&map, segment, "map", NULL), 0);
  for (round = 0; round < 3; round++) {
    memset(bytes, round == 0 ? 0 : 0x80 + (int) round, sizeof(bytes));
    for (n = 1; n <= SIZES; n++) {
      memset(value, (int) (n + round), n);
      assert_int_equal(uvshm_map_put(map, bytes, n, value, n), 0);
    }
    for (n = 1; n <= SIZES; n++) {
      memset(value, 0xee, sizeof(value));
      size = n;
      assert_int_equal(uvshm_map_get(map, bytes, n, value, &size, NULL), 0);
      assert_int_equal(size, n);
      assert_int_equal(value[0], n + round);
      assert_memory_equal(value, value + 1, n - 1);
      assert_int_equal(value[n], 0xee); /* no byte too many */
      other = bytes[n - 1];
      bytes[n - 1] = 0x33;
      assert_int_equal(uvshm_map_contains(map, bytes, n), UV_ENOENT);
      size = n;
      assert_int_equal(uvshm_map_get(map, bytes, n, value, &size, NULL),
                       UV_ENOENT);
      bytes[n - 1] = other;
    }
  }
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(map_hash_is_that_of_the_format),
      cmocka_unit_test(fold_is_the_same_with_and_without_128_bits),
      cmocka_unit_test(map_tells_keys_of_all_sizes_apart),
  };

  return cmocka_run_group_tests_name("map-hash", tests, NULL, NULL);
}
