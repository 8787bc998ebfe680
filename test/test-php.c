/* SPDX-License-Identifier: MIT */

/* PHP's variables in shared memory: the chunks on plain memory, with any bytes
 * in them, and the calls on a region. (The real PHP is in test-with-php.c.) */

#include "harness.h"

#include "core/php.h"
#include "core/php_layout.h"
#include "uvshm.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)
#define BYTES 1000u
#define CANARY 0xa5
#define ROUNDS 20000


/* What PHP 8.2 wrote for shm_attach(.., 1000), shm_put_var(.., 1, 42),
 * shm_put_var(.., -7, "hello"), shm_put_var(.., 3, [1]). */
static const unsigned char by_php[] = {
    'P', 'H', 'P', '_', 'S', 'M', 0,   0,
    '(', 0,   0,   0,   0,   0,   0,   0, /**/
    176, 0,   0,   0,   0,   0,   0,   0,
    56,  3,   0,   0,   0,   0,   0,   0, /**/
    232, 3,   0,   0,   0,   0,   0,   0,
    1,   0,   0,   0,   0,   0,   0,   0, /**/
    5,   0,   0,   0,   0,   0,   0,   0,
    40,  0,   0,   0,   0,   0,   0,   0, /**/
    'i', ':', '4', '2', ';', 0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0, /**/
    249, 255, 255, 255, 255, 255, 255, 255,
    12,  0,   0,   0,   0,   0,   0,   0, /**/
    48,  0,   0,   0,   0,   0,   0,   0,
    115, 58,  53,  58,  34,  104, 101, 108, /**/
    108, 111, 34,  59,  0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0, /**/
    3,   0,   0,   0,   0,   0,   0,   0,
    14,  0,   0,   0,   0,   0,   0,   0, /**/
    48,  0,   0,   0,   0,   0,   0,   0,
    97,  58,  49,  58,  123, 105, 58,  48, /**/
    59,  105, 58,  49,  59,  125, 0,   0,
    0,   0,   0,   0,   0,   0,   0,   0, /**/
};


static uvshm_region_t* region_of(size_t size) {
  uvshm_region_options_t options;
  uvshm_region_t* region;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = size;
  assert_int_equal(uvshm_region_open(&region, NULL, &options), 0);
  return region;
}


static uvshm_region_t* region_with(const void* bytes, size_t count) {
  uvshm_region_t* region = region_of(BYTES);

  memcpy(uvshm_region_base(region), bytes, count);
  return region;
}


static int put_text(uvshm_region_t* region, int64_t key, const char* text) {
  uvshm_php_value_t value;

  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_STRING;
  value.size = strlen(text);
  return uvshm_php_put(region, key, &value, text);
}


static int put_int(uvshm_region_t* region, int64_t key, int64_t number) {
  uvshm_php_value_t value;

  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_INT;
  value.integer = number;
  return uvshm_php_put(region, key, &value, NULL);
}


static double through(uvshm_region_t* region, double number) {
  uvshm_php_value_t value;

  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_FLOAT;
  value.number = number;
  assert_int_equal(uvshm_php_put(region, 99, &value, NULL), 0);
  memset(&value, 0, sizeof(value));
  assert_int_equal(uvshm_php_get(region, 99, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_FLOAT);
  return value.number;
}


TEST(php_s_own_bytes_are_read) {
  uvshm_region_t* region = region_with(by_php, sizeof(by_php));
  uvshm_php_value_t value;
  uvshm_php_info_t info;
  uint64_t cursor = 0;
  char text[20];
  int64_t key;

  (void) state;
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_INT);
  assert_int_equal(value.integer, 42);
  assert_int_equal(uvshm_php_get(region, -7, &value, text, sizeof(text)), 0);
  assert_int_equal(value.type, UVSHM_PHP_STRING);
  assert_int_equal(value.size, 5);
  assert_memory_equal(text, "hello", 5);
  assert_int_equal(uvshm_php_get(region, -7, &value, text, 4), UV_ENOBUFS);
  assert_int_equal(value.size, 5);
  assert_int_equal(uvshm_php_get(region, 3, &value, text, sizeof(text)), 0);
  assert_int_equal(value.type, UVSHM_PHP_SERIALIZED);
  assert_int_equal(value.size, 14);
  assert_memory_equal(text, "a:1:{i:0;i:1;}", 14);
  assert_int_equal(uvshm_php_get(region, 2, &value, NULL, 0), UV_ENOENT);
  assert_non_null(strstr(uvshm_strerror(UV_ENOENT), "variable 2"));

  assert_int_equal(uvshm_php_next(region, &cursor, &key, &value), 0);
  assert_int_equal(key, 1);
  assert_int_equal(uvshm_php_next(region, &cursor, &key, &value), 0);
  assert_int_equal(key, -7);
  assert_int_equal(value.size, 5);
  assert_int_equal(uvshm_php_next(region, &cursor, &key, &value), 0);
  assert_int_equal(uvshm_php_next(region, &cursor, &key, &value), UV_ENOENT);
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.size, 1000);
  assert_int_equal(info.used, 176);
  assert_int_equal(info.free, 824);
  assert_int_equal(info.count, 3);
  uvshm_region_close(region);
}


TEST(the_same_variables_put_from_here_are_the_same_bytes) {
  uvshm_region_t* region = region_of(BYTES);
  uvshm_php_value_t value;

  (void) state;
  assert_int_equal(put_int(region, 1, 42), 0);
  assert_int_equal(put_text(region, -7, "hello"), 0);
  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_SERIALIZED;
  value.size = 14;
  assert_int_equal(uvshm_php_put(region, 3, &value, "a:1:{i:0;i:1;}"), 0);
  assert_memory_equal(uvshm_region_base(region), by_php, sizeof(by_php));
  uvshm_region_close(region);
}


TEST(zeros_have_no_variables_and_become_php_s_by_the_first) {
  uvshm_region_t* region = region_of(BYTES);
  uvshm_php_value_t value;
  uvshm_php_info_t info;
  uint64_t cursor = 0;
  int64_t key;

  (void) state;
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), UV_ENOENT);
  assert_int_equal(uvshm_php_next(region, &cursor, &key, &value), UV_ENOENT);
  assert_int_equal(uvshm_php_info(region, &info), UV_ENOENT);
  assert_int_equal(uvshm_php_remove(region, 1), UV_ENOENT);
  assert_int_equal(put_int(region, 1, 1), 0);
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.size, BYTES);
  uvshm_region_close(region);
}


TEST(scalars_come_back_as_they_were) {
  static const double numbers[] = {0.0, 0.1, 1e100, -2.5e-300, 1.0 / 3, 5e-324};
  uvshm_region_t* region = region_of(BYTES);
  uvshm_php_value_t value;
  double number;
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
    assert_true(!(through(region, numbers[i]) < numbers[i]) &&
                !(through(region, numbers[i]) > numbers[i]));
  assert_true(1 / through(region, -0.0) < 0); /* a zero with a sign */
  assert_true(through(region, HUGE_VAL) >= HUGE_VAL);
  assert_true(through(region, -HUGE_VAL) <= -HUGE_VAL);
  number = through(region, (double) NAN);
  assert_false(number < 0 || number >= 0);
  assert_int_equal(put_int(region, 5, INT64_MIN), 0);
  assert_int_equal(uvshm_php_get(region, 5, &value, NULL, 0), 0);
  assert_true(value.integer == INT64_MIN);
  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_BOOL;
  value.integer = 7;
  assert_int_equal(uvshm_php_put(region, 6, &value, NULL), 0);
  assert_int_equal(uvshm_php_get(region, 6, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_BOOL);
  assert_int_equal(value.integer, 1);
  memset(&value, 0, sizeof(value));
  assert_int_equal(uvshm_php_put(region, 6, &value, NULL), 0);
  value.type = UVSHM_PHP_INT;
  assert_int_equal(uvshm_php_get(region, 6, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_NULL);
  value.type = (uvshm_php_type_t) 9;
  assert_int_equal(uvshm_php_put(region, 6, &value, NULL), UV_EINVAL);
  uvshm_region_close(region);
}


/* musl takes every name and changes nothing. */
static int has_comma(const char* name) {
  return setlocale(LC_NUMERIC, name) != NULL &&
         strcmp(localeconv()->decimal_point, ",") == 0;
}


/* 1: one that the system has. 2: one made for us (Debian: locales), in a folder
 * to be removed. 0: neither. */
static int german(const char* folder) {
  char command[1500];

  if (has_comma("de_DE.UTF-8") || has_comma("de_DE.utf8") ||
      has_comma("German"))
    return 1;
  snprintf(command,
           sizeof(command),
           "mkdir %s && localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8",
           folder,
           folder);
  if (system(command) != 0 || uv_os_setenv("LOCPATH", folder) < 0) return 0;
  if (has_comma("de_DE.UTF-8")) return 2;
  snprintf(command, sizeof(command), "rm -rf %s", folder);
  assert_int_equal(system(command), 0);
  return 0;
}


TEST(the_decimal_point_is_php_s_in_every_locale) {
  const char* folder = test_path("locale");
  uvshm_region_t* region;
  char command[1500];
  char text[32];
  int found = german(folder);

  (void) state;
  if (!found) {
    setlocale(LC_NUMERIC, "C");
    print_message("there is no locale with a decimal comma (locales)\n");
    skip();
  }
  region = region_of(BYTES);
  snprintf(text, sizeof(text), "%.1f", 2.5);
  assert_true(fabs(through(region, 2.5) - 2.5) < 1e-9);
  setlocale(LC_NUMERIC, "C");
  assert_string_equal(text, "2,5");
  assert_non_null(strstr((char*) uvshm_region_base(region) + 64, "d:2.5;"));
  uvshm_region_close(region);
  snprintf(command, sizeof(command), "rm -rf %s", folder);
  if (found == 2) assert_int_equal(system(command), 0);
}


TEST(putting_again_and_removing_leave_the_others_alone) {
  uvshm_region_t* region = region_of(BYTES);
  uvshm_php_value_t value;
  uvshm_php_info_t info;
  char text[64];
  int i;

  (void) state;
  for (i = 1; i <= 3; i++) assert_int_equal(put_int(region, i, i), 0);
  assert_int_equal(put_text(region, 2, "a longer one, which moves to the end"),
                   0);
  assert_int_equal(put_int(region, 1, 11), 0);
  assert_int_equal(uvshm_php_remove(region, 3), 0);
  assert_int_equal(uvshm_php_remove(region, 3), UV_ENOENT);
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), 0);
  assert_int_equal(value.integer, 11);
  assert_int_equal(uvshm_php_get(region, 2, &value, text, sizeof(text)), 0);
  assert_memory_equal(text, "a longer one", 12);
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.count, 2);
  assert_int_equal(info.free + info.used, BYTES);
  assert_int_equal(uvshm_php_remove(region, 2), 0);
  assert_int_equal(uvshm_php_remove(region, 1), 0);
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.used, UVSHM__PHP_START);
  assert_int_equal(info.count, 0);
  uvshm_region_close(region);
}


/* 1000 bytes less the head are 960: the text of a string of n bytes is n + 8
 * here, and PHP rounds that and its 32 up to 960 at the most. */
TEST(what_php_would_call_full_is_enospc_and_changes_nothing) {
  uvshm_region_t* region = region_of(BYTES);
  uvshm_php_value_t value;
  char text[1000];

  (void) state;
  memset(text, 'x', sizeof(text));
  assert_int_equal(put_text(region, 1, "old"), 0);
  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_STRING;
  value.size = 921; /* 7 + 921 + 2 = 930; (930 + 31) / 8 * 8 + 8 = 968 */
  assert_int_equal(uvshm_php_put(region, 1, &value, text), UV_ENOSPC);
  value.size = 1 << 20;
  assert_int_equal(uvshm_php_put(region, 1, &value, text), UV_ENOSPC);
  value.size = UINT64_MAX - 8;
  assert_int_equal(uvshm_php_put(region, 2, &value, text), UV_ENOSPC);
  assert_int_equal(uvshm_php_get(region, 1, &value, text, 3), 0);
  assert_memory_equal(text, "old", 3);
  value.size = 919; /* 928; 959 / 8 * 8 + 8 = 960 */
  memset(text, 'y', sizeof(text));
  assert_int_equal(uvshm_php_put(region, 1, &value, text), 0);
  assert_int_equal(put_int(region, 2, 0), UV_ENOSPC);
  uvshm_region_close(region);
}


static void poke(uvshm_region_t* region, size_t at, uint64_t word) {
  memcpy((char*) uvshm_region_base(region) + at, &word, sizeof(word));
}


TEST(damage_is_named) {
  static const struct {
    size_t at;
    uint64_t word;
    int err;
  } cases[] = {
      {0, 0x1122334455667788, UV_EPROTO}, /* magic */
      {0, 0, UV_EPROTO},                  /* none, but the rest is there */
      {8, 48, UV_EPROTO},                 /* start */
      {8, UINT64_C(0xa000000018), UV_EPROTONOSUPPORT}, /* a PHP of 32 bits */
      {16, 32, UV_EPROTO},             /* end: before the start */
      {16, 177, UV_EPROTO},            /* at no multiple of 8 */
      {16, 1008, UV_EPROTO},           /* outside */
      {16, UINT64_MAX, UV_EPROTO},     /* negative */
      {16, 160, UV_EPROTO},            /* cuts the last one */
      {32, 100, UV_EPROTO},            /* total: before the end */
      {56, 0, UV_EPROTO},              /* next: for ever */
      {56, 8, UV_EPROTO},              /* too small */
      {56, 44, UV_EPROTO},             /* at no multiple of 8 */
      {56, 4000, UV_EPROTO},           /* outside */
      {56, (uint64_t) -40, UV_EPROTO}, /* backwards */
      {48, 17, UV_EPROTO},             /* length: into the next one */
      {48, UINT64_MAX, UV_EPROTO},     /* of everything */
  };
  uvshm_php_value_t value;
  uvshm_php_info_t info;
  char text[100];
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
    uvshm_region_t* region = region_with(by_php, sizeof(by_php));

    poke(region, cases[i].at, cases[i].word);
    assert_int_equal(uvshm_php_get(region, 3, &value, text, sizeof(text)),
                     cases[i].err);
    assert_int_equal(uvshm_php_info(region, &info), cases[i].err);
    assert_int_equal(put_int(region, 77, 1), cases[i].err);
    uvshm_region_close(region);
  }
}


TEST(damaged_text_is_named) {
  static const char* const texts[] = {"",
                                      "N",
                                      "N:",
                                      "i:;",
                                      "i:4x;",
                                      "i:4",
                                      "i 4;",
                                      "b:2;",
                                      "d:;",
                                      "d:0x1p3;",
                                      "d:inf;",
                                      "s:1:\"ab\";",
                                      "s:9:\"a\";",
                                      "s:-1:\"\";",
                                      "s:1:'a';",
                                      "s:99999999999999999999:\"\";",
                                      "i:99999999999999999999;",
                                      "s:",
                                      "s:1:\"a\"",
                                      "d:1.2.3;",
                                      "s:1:\"a';"};
  uvshm_php_value_t value;
  char bytes[64];
  size_t i;

  (void) state;
  for (i = 1; i < sizeof(texts) / sizeof(*texts); i++) {
    uvshm_region_t* region = region_of(BYTES);

    memset(&value, 0, sizeof(value));
    value.type = UVSHM_PHP_SERIALIZED;
    value.size = strlen(texts[i]);
    assert_int_equal(uvshm_php_put(region, 1, &value, texts[i]), 0);
    assert_int_equal(uvshm_php_get(region, 1, &value, bytes, sizeof(bytes)),
                     UV_EPROTO);
    uvshm_region_close(region);
  }
}


TEST(a_region_attached_for_reading_is_not_changed) {
  const char* name = test_name("php-readonly");
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_region_t* reader;
  uvshm_php_value_t value;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = BYTES;
  assert_int_equal(uvshm_region_open(&region, name, &options), 0);
  assert_int_equal(put_int(region, 1, 5), 0);
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_READONLY;
  assert_int_equal(uvshm_region_open(&reader, name, &options), 0);
  assert_int_equal(uvshm_php_get(reader, 1, &value, NULL, 0), 0);
  assert_int_equal(put_int(reader, 1, 6), UV_EACCES);
  assert_int_equal(uvshm_php_remove(reader, 1), UV_EACCES);
  uvshm_region_close(reader);
  uvshm_region_close(region);
}

/* ---- any bytes ----------------------------------------------------------- */

static uint64_t seed = 88172645463325252;


static uint64_t any(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}


/* Everything that core does with them; none of it may touch what is behind. */
static void use_all(unsigned char* bytes, uint64_t size) {
  struct uvshm__php_text text = {{"s:3:\"", "abc", "\";"}, {5, 3, 2}};
  struct uvshm__php_var var;
  struct uvshm__php php;
  uint64_t walked = 0;
  uint64_t at = 0;
  int err = uvshm__php_read(&php, bytes, size);

  if (err != 0) return;
  while (uvshm__php_next(&php, at, &var) == 0) {
    assert_true(var.at + var.next <= size);
    assert_true(++walked <= size / UVSHM__PHP_CHUNK);
    at = var.at + var.next;
  }
  (void) uvshm__php_next(&php, any() % (size * 2), &var);
  if (uvshm__php_find(&php, (int64_t) (any() % 4), &var) == 0)
    uvshm__php_remove(&php, &var);
  (void) uvshm__php_put(&php, (int64_t) (any() % 4), &text);
  text.size[1] = any() % 3;
  (void) uvshm__php_put(&php, (int64_t) (any() % 4), &text);
}


TEST(any_bytes_lead_nowhere_else) {
  unsigned char* bytes = malloc(256 + 64);
  uint64_t size;
  uint64_t word;
  int round;
  int i;

  (void) state;
  assert_non_null(bytes);
  for (round = 0; round < ROUNDS; round++) {
    size = 120 + any() % 137;
    memset(bytes, CANARY, 256 + 64);
    memset(bytes, 0, (size_t) size);
    memcpy(
        bytes, by_php, size < sizeof(by_php) ? (size_t) size : sizeof(by_php));
    for (i = 0; i < 3; i++) {
      word = any() % 3 == 0 ? any() : any() % 260 & ~UINT64_C(7);
      memcpy(bytes + any() % (size / 8) * 8, &word, sizeof(word));
    }
    memcpy(bytes, by_php, 16);
    use_all(bytes, size);
    for (i = 0; i < 64; i++)
      assert_int_equal(bytes[size + (uint64_t) i], CANARY);
  }
  free(bytes);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(php_s_own_bytes_are_read),
      cmocka_unit_test(the_same_variables_put_from_here_are_the_same_bytes),
      cmocka_unit_test(zeros_have_no_variables_and_become_php_s_by_the_first),
      cmocka_unit_test(scalars_come_back_as_they_were),
      cmocka_unit_test(the_decimal_point_is_php_s_in_every_locale),
      cmocka_unit_test(putting_again_and_removing_leave_the_others_alone),
      cmocka_unit_test(what_php_would_call_full_is_enospc_and_changes_nothing),
      cmocka_unit_test(damage_is_named),
      cmocka_unit_test(damaged_text_is_named),
      cmocka_unit_test(a_region_attached_for_reading_is_not_changed),
      cmocka_unit_test(any_bytes_lead_nowhere_else),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests_name("php", tests, NULL, NULL);
}
