/* SPDX-License-Identifier: MIT */

/* Memory shared with PHP: as bytes (shmop), and as the variables of
 * shm_put_var(). Skipped where there is no PHP. */

#include "others.h"

#include "uvshm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

TEST(php_with_shmop) {
  char number[32];
  char name[64];
  struct other_names names = {"shmop", number, name, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!other_start_php(&other)) skip();
  other_any_key(number, name);
  other_both(&other, &names);
  other_quit(&other);
}


static void hex(char* text, const void* bytes, size_t size) {
  size_t i;

  for (i = 0; i < size; i++)
    sprintf(text + 2 * i, "%02x", ((const unsigned char*) bytes)[i]);
  text[2 * size] = '\0';
}


/* Have PHP put what this line of PHP means. */
static void php_puts(struct test_process* php, int key, const char* code) {
  char text[400];

  hex(text, code, strlen(code));
  other_ask(php, "ok", "put %d %s", key, text);
}


static void assert_is(const uvshm_region_t* region,
                      int64_t key,
                      uvshm_php_type_t type,
                      const char* bytes) {
  uvshm_php_value_t value;
  char room[200];

  assert_int_equal(uvshm_php_get(region, key, &value, room, sizeof(room)), 0);
  assert_int_equal(value.type, type);
  assert_int_equal(value.size, strlen(bytes));
  assert_memory_equal(room, bytes, strlen(bytes));
}


static void php_writes_uvshm_reads(struct test_process* php,
                                   uvshm_region_t* region) {
  uvshm_php_value_t value;
  uvshm_php_info_t info;

  php_puts(php, 1, "42");
  php_puts(php, 2, "\"gr\\xc3\\xbc\\xc3\\x9fe\"");
  php_puts(php, 3, "0.1");
  php_puts(php, 4, "true");
  php_puts(php, 5, "null");
  php_puts(php, -6, "PHP_INT_MIN");
  php_puts(php, 7, "-INF");
  php_puts(php, 8, "[1, 'a' => 2]");
  php_puts(php, 9, "1/3");
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), 0);
  assert_int_equal(value.integer, 42);
  assert_is(region,
            2,
            UVSHM_PHP_STRING,
            "gr\xc3\xbc\xc3\x9f"
            "e");
  assert_int_equal(uvshm_php_get(region, 3, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_FLOAT);
  assert_true(!(value.number < 0.1) && !(value.number > 0.1));
  assert_int_equal(uvshm_php_get(region, 4, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_BOOL);
  assert_int_equal(value.integer, 1);
  assert_is(region, 5, UVSHM_PHP_NULL, "");
  assert_int_equal(uvshm_php_get(region, -6, &value, NULL, 0), 0);
  assert_true(value.integer == INT64_MIN);
  assert_int_equal(uvshm_php_get(region, 7, &value, NULL, 0), 0);
  assert_true(value.number < 0 && isinf(value.number));
  assert_is(region, 8, UVSHM_PHP_SERIALIZED, "a:2:{i:0;i:1;s:1:\"a\";i:2;}");
  assert_int_equal(uvshm_php_get(region, 9, &value, NULL, 0), 0);
  assert_true(!(value.number < 1.0 / 3) && !(value.number > 1.0 / 3));
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.count, 9);
  assert_int_equal(info.size, OTHER_BYTES);
}


static void put(uvshm_region_t* region,
                int64_t key,
                uvshm_php_value_t value,
                const void* bytes) {
  assert_int_equal(uvshm_php_put(region, key, &value, bytes), 0);
}


static void uvshm_writes_php_reads(struct test_process* php,
                                   uvshm_region_t* region) {
  uvshm_php_value_t value;

  memset(&value, 0, sizeof(value));
  put(region, 11, value, NULL);
  other_ask(php, "null:", "get 11");
  value.type = UVSHM_PHP_INT;
  value.integer = INT64_MIN;
  put(region, 12, value, NULL);
  other_ask(php, "int:-9223372036854775808", "get 12");
  value.type = UVSHM_PHP_BOOL;
  put(region, 13, value, NULL);
  other_ask(php, "bool:1", "get 13");
  value.type = UVSHM_PHP_FLOAT;
  value.number = 0.1;
  put(region, 14, value, NULL);
  other_ask(php, "float:0.10000000000000001", "get 14");
  value.number = HUGE_VAL;
  put(region, 14, value, NULL);
  other_ask(php, "float:INF", "get 14");
  value.type = UVSHM_PHP_STRING;
  value.size = 4;
  put(region, 15, value, "a\0\";");
  other_ask(php, "string:6100223b", "get 15");
  value.size = 0;
  put(region, 15, value, NULL);
  other_ask(php, "string:", "get 15");
  value.type = UVSHM_PHP_SERIALIZED;
  value.size = 14;
  put(region, 16, value, "a:1:{i:0;i:1;}");
  other_ask(php, "serialized:613a313a7b693a303b693a313b7d", "get 16");
}


TEST(php_variables_both_ways) {
  char number[32];
  char name[64];
  struct other_names names = {"vars", number, name, UVSHM_REGION_FOREIGN};
  uvshm_php_value_t value;
  uvshm_region_t* region;
  struct test_process php;

  (void) state;
  if (!other_start_php(&php)) skip();
  other_any_key(number, name);
  other_ask(&php, "ok", "open vars %s %u", number, OTHER_BYTES);
  assert_int_equal(other_open_ours(&region, &names, 0, 0), 0);
  php_writes_uvshm_reads(&php, region);
  uvshm_writes_php_reads(&php, region);

  /* What one removes is gone for both, and the others stay. */
  other_ask(&php, "ok", "del 1");
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), UV_ENOENT);
  assert_int_equal(uvshm_php_remove(region, 2), 0);
  other_ask(&php, "none", "get 2");
  other_ask(&php, "float:0.10000000000000001", "get 3");
  php_puts(&php, 3, "str_repeat('x', 100)");
  assert_int_equal(uvshm_php_get(region, 3, &value, NULL, 0), UV_ENOBUFS);
  assert_int_equal(value.size, 100);
  other_ask(&php, "ok", "remove");
  assert_int_equal(other_name_lost(region), UVSHM_NAME_REMOVED);
  uvshm_region_close(region);
  other_quit(&php);
}


/* The largest string that goes in is the same for both, to the byte. */
TEST(php_and_uvshm_agree_on_full) {
  char number[32];
  char name[64];
  struct other_names names = {"vars", number, name, UVSHM_REGION_FOREIGN};
  uvshm_php_value_t value;
  uvshm_region_t* region;
  struct test_process php;
  char code[100];
  char text[250];
  char bytes[1000];
  int largest = 0;
  int size;

  (void) state;
  if (!other_start_php(&php)) skip();
  other_any_key(number, name);
  memset(bytes, 'x', sizeof(bytes));
  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_STRING;
  assert_int_equal(other_open_ours(&region, &names, UVSHM_CREATE, 1000), 0);
  for (value.size = 880; value.size < 1000; value.size++)
    if (uvshm_php_put(region, 1, &value, bytes) == 0)
      largest = (int) value.size;
  assert_in_range(largest, 900, 960);
  assert_int_equal(uvshm_php_remove(region, 1), 0);
  other_ask(&php, "ok", "open vars %s 1000", number);
  for (size = largest; size <= largest + 1; size++) {
    snprintf(code, sizeof(code), "str_repeat('x', %d)", size);
    hex(text, code, strlen(code));
    other_ask(&php, size == largest ? "ok" : "full", "put 1 %s", text);
  }
  other_ask(&php, "none", "get 1"); /* PHP drops the old one first; we do not */
  other_ask(&php, "ok", "remove");
  uvshm_region_close(region);
  other_quit(&php);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(php_with_shmop),
      cmocka_unit_test(php_variables_both_ways),
      cmocka_unit_test(php_and_uvshm_agree_on_full),
  };

  return cmocka_run_group_tests_name("with-php", tests, NULL, NULL);
}
