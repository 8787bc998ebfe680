/* SPDX-License-Identifier: MIT */

/* uvshm top without a terminal; with one: tool/terminal.py. */

#include "harness.h"
#include "tool/run.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <uvshm.h>

#define DAMAGED 24
#define LOCKS 300
#define SEGMENTS 20

/* A segment with something of each kind. */
struct shop {
  char name[128];
  uvshm_segment_t* segment;
  uvshm_mutex_t* till;
  uvshm_mutex_t* again;
  uvshm_rwlock_t* prices;
  uvshm_channel_t* orders;
  uvshm_map_t* stock;
  uvshm_cell_t* latest;
};


static void shop_open(struct shop* shop, const char* word) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE, .size = 1 << 20};
  uvshm_mutex_options_t recursive = {.flags = UVSHM_MUTEX_RECURSIVE};
  uvshm_channel_options_t writes = {.flags = UVSHM_WRITER | UVSHM_CHANNEL_QUEUE,
                                    .size_max = 64,
                                    .messages = 512};
  uvshm_cell_options_t cell = {.size = 8};
  memset(shop, 0, sizeof(*shop));
  snprintf(shop->name, sizeof(shop->name), "%s", test_name(word));
  assert_int_equal(uvshm_segment_open(&shop->segment, shop->name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&shop->till, shop->segment, "till", NULL),
                   0);
  assert_int_equal(
      uvshm_mutex_open(&shop->again, shop->segment, "again", &recursive), 0);
  assert_int_equal(
      uvshm_rwlock_open(&shop->prices, shop->segment, "prices", NULL), 0);
  assert_int_equal(
      uvshm_channel_open(&shop->orders, shop->segment, "orders", &writes), 0);
  assert_int_equal(uvshm_map_open(&shop->stock, shop->segment, "stock", NULL),
                   0);
  assert_int_equal(
      uvshm_cell_open(&shop->latest, shop->segment, "latest", &cell), 0);
}


static void shop_fill(struct shop* shop) {
  assert_int_equal(uvshm_mutex_lock(shop->till, 0), 0);
  assert_int_equal(uvshm_rwlock_rdlock(shop->prices, 0), 0);
  for (int i = 0; i < 3; i++)
    assert_int_equal(uvshm_channel_send(shop->orders, "tea", 3, 0), 0);
  assert_int_equal(uvshm_map_put(shop->stock, "tea", 3, "green", 5), 0);
  assert_int_equal(uvshm_cell_write(shop->latest, "12345678", 8), 0);
}


static void shop_close(struct shop* shop) {
  uvshm_cell_close(shop->latest);
  uvshm_map_close(shop->stock);
  uvshm_channel_close(shop->orders);
  uvshm_rwlock_close(shop->prices);
  uvshm_mutex_close(shop->again);
  uvshm_mutex_close(shop->till);
  uvshm_segment_close(shop->segment);
}

/* ---- JSON ---------------------------------------------------------------- */

static json_t* parsed(const char* line) {
  json_error_t error;
  json_t* document = json_loads(line, JSON_DISABLE_EOF_CHECK, &error);
  if (document == NULL) fail_msg("not JSON (%s): %s", error.text, line);
  assert_int_equal(json_integer_value(json_object_get(document, "schema")), 1);
  return document;
}


static int64_t number_of(const json_t* object, const char* key) {
  const json_t* value = json_object_get(object, key);
  if (!json_is_integer(value)) fail_msg("no number \"%s\"", key);
  return json_integer_value(value);
}


/* The entry of a list whose "name" that is. */
static json_t* named(const json_t* list, const char* name) {
  size_t i;
  json_t* entry;
  json_array_foreach(list, i, entry) {
    const char* found = json_string_value(json_object_get(entry, "name"));
    if (found != NULL && strcmp(found, name) == 0) return entry;
  }
  fail_msg("no \"%s\" in the list", name);
  return NULL;
}


/* ---- what it shows ------------------------------------------------------- */

static void top_shows_what_a_segment_holds(void** state) {
  struct shop shop;
  struct tool tool;
  (void) state;
  shop_open(&shop, "shop");
  shop_fill(&shop);
  assert_int_equal(tool_run(&tool, "top", "-n", "1", "--json", shop.name, NULL),
                   0);
  json_t* document = parsed(tool.out.bytes);
  json_t* object = named(json_object_get(document, "objects"), shop.name);
  json_t* holds = json_object_get(object, "holds");
  assert_int_equal(json_array_size(holds), 6);
  assert_int_equal(number_of(object, "peers"), 1);
  assert_int_equal(json_array_size(json_object_get(object, "attached")), 1);
  assert_true(number_of(json_object_get(object, "heap"), "used") > 0);

  json_t* till = named(holds, "till");
  assert_true(json_is_true(json_object_get(till, "locked")));
  assert_true(json_is_true(json_object_get(till, "lock_alive")));
  assert_int_equal(number_of(till, "lock_pid"), uv_os_getpid());
  assert_true(json_is_false(json_object_get(named(holds, "again"), "locked")));
  assert_int_equal(number_of(named(holds, "prices"), "readers"), 1);
  assert_int_equal(number_of(named(holds, "orders"), "depth"), 3);
  assert_int_equal(number_of(named(holds, "stock"), "entries"), 1);
  assert_int_equal(number_of(named(holds, "latest"), "version"), 1);
  assert_true(json_is_real(json_object_get(named(holds, "orders"), "rate")));
  /* Nobody noticed: each thing is open in one peer still. */
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(number_of(json_array_get(holds, i), "open"), 1);
  json_decref(document);
  tool_free(&tool);
  shop_close(&shop);
}


static void a_table_has_the_same_without_a_terminal(void** state) {
  struct shop shop;
  struct tool tool;
  (void) state;
  shop_open(&shop, "table");
  shop_fill(&shop);
  assert_int_equal(
      tool_run(&tool, "top", "-n", "2", "-d", "0.1", shop.name, NULL), 0);
  assert_contains(tool.out.bytes, "1 object, 1 peer, 1 lock held, 0 waiting");
  assert_contains(tool.out.bytes, "held by pid");
  assert_contains(tool.out.bytes, "3/512");
  assert_contains(tool.out.bytes, "queue, 1 writing, 0 reading");
  assert_contains(tool.out.bytes, "1 reading");
  char* second = strstr(tool.out.bytes, "\n\n1 object");
  assert_non_null(second);
  assert_null(strchr(tool.out.bytes, '\033'));
  assert_string_equal(tool.err.bytes, "");
  tool_free(&tool);
  shop_close(&shop);
}


static void rates_are_differences(void** state) {
  struct shop shop;
  struct tool tool;
  uint64_t end = test_now_ms() + TEST_PATIENCE_MS;
  double rate = 0;
  (void) state;
  shop_open(&shop, "rates");
  tool_start(&tool, "top", "--json", "-d", "0.1", "-n", "4", shop.name, NULL);
  while (!tool.exited && test_now_ms() < end) {
    assert_int_equal(uvshm_map_put(shop.stock, "tea", 3, "x", 1), 0);
    uv_run(&tool.loop, UV_RUN_NOWAIT);
    uv_sleep(1);
  }
  assert_int_equal(tool_join(&tool), 0);
  int lines = 0;
  for (const char* line = tool.out.bytes; *line != '\0'; lines++) {
    json_t* document = parsed(line);
    json_t* object = named(json_object_get(document, "objects"), shop.name);
    json_t* stock = named(json_object_get(object, "holds"), "stock");
    double now = json_real_value(json_object_get(stock, "rate"));
    rate = now > rate ? now : rate;
    assert_true(number_of(document, "span_ms") > 0);
    json_decref(document);
    line = strchr(line, '\n');
    assert_non_null(line);
    line++;
  }
  assert_int_equal(lines, 4);
  assert_true(rate > 1);
  tool_free(&tool);
  shop_close(&shop);
}


/* Where `text` is in the output. */
static size_t place_of(const struct tool* tool, const char* text) {
  const char* found = strstr(tool->out.bytes, text);
  if (found == NULL) fail_msg("no \"%s\" in: %s", text, tool->out.bytes);
  return (size_t) (found - tool->out.bytes);
}


static void rows_can_be_sorted(void** state) {
  struct shop shop;
  struct tool tool;
  (void) state;
  shop_open(&shop, "sorted");
  shop_fill(&shop);
  assert_int_equal(tool_run(&tool, "top", "-n1", shop.name, NULL), 0);
  assert_true(place_of(&tool, "  again") < place_of(&tool, "  orders"));
  assert_true(place_of(&tool, "  orders") < place_of(&tool, "  till"));
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "top", "-n1", "-r", shop.name, NULL), 0);
  assert_true(place_of(&tool, "  till") < place_of(&tool, "  orders"));
  tool_free(&tool);
  assert_int_equal(
      tool_run(&tool, "top", "-n1", "-s", "depth", shop.name, NULL), 0);
  assert_true(place_of(&tool, "  orders") < place_of(&tool, "  again"));
  tool_free(&tool);
  assert_int_equal(tool_code("top", "-n1", "-s", "nonsense", NULL), 2);
  shop_close(&shop);
}

/* What matches all names of this run that are like `name`. */
static void pattern_of(char* pattern, size_t size, const char* name) {
  snprintf(pattern, size, "%.*s-*", (int) (strrchr(name, '-') - name), name);
}

/* ---- in nobody's way ----------------------------------------------------- */

/* A segment that takes a while to look at. */
static uvshm_segment_t* open_long(void) {
  char name[16];
  uvshm_mutex_t* lock;
  uvshm_segment_t* segment;
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE, .objects = LOCKS};
  assert_int_equal(uvshm_segment_open(&segment, test_name("brief"), &options),
                   0);
  for (int i = 0; i < LOCKS; i++) {
    snprintf(name, sizeof(name), "%d", i);
    assert_int_equal(uvshm_mutex_open(&lock, segment, name, NULL), 0);
    uvshm_mutex_close(lock);
  }
  return segment;
}


/* Whoever closes last while top looks finds it in use; then top ends it. */
static void looking_keeps_nothing_alive(void** state) {
  uvshm_segment_t* segments[SEGMENTS] = {NULL};
  int next = 0;
  struct tool tool;
  struct shop shop;
  (void) state;
  char pattern[160];
  shop_open(&shop, "brief");
  pattern_of(pattern, sizeof(pattern), shop.name);
  tool_start(&tool, "top", "--json", "-d", "0.05", pattern, NULL);
  tool_expect_out(&tool, shop.name);
  shop_close(&shop);
  for (uint64_t end = test_now_ms() + 2500; test_now_ms() < end;) {
    uvshm_segment_close(segments[next]);
    segments[next] = open_long();
    next = (next + 1) % SEGMENTS;
    uv_run(&tool.loop, UV_RUN_NOWAIT);
    if (tool.out.size > TOOL_TEXT_MAX / 2) tool.out.size = 0;
  }
  for (int i = 0; i < SEGMENTS; i++) uvshm_segment_close(segments[i]);
  /* One more look at what the last one left, if it met one that closed. */
  tool.out.size = 0;
  tool.out.bytes[0] = '\0';
  tool_expect_out(&tool, "\"objects\":[]");
  assert_int_equal(test_leftovers(), 0);
  tool_signal(&tool, SIGTERM);
  (void) tool_join(&tool);
  tool_free(&tool);
}


static void a_signal_ends_it(void** state) {
  struct tool tool;
  (void) state;
  if (!tool_has_signals()) skip();
  tool_start(&tool, "top", "-d", "0.1", "no-such-thing", NULL);
  tool_expect_out(&tool, "0 objects");
  tool_signal(&tool, SIGTERM);
  assert_int_equal(tool_join(&tool), 128 + 15);
  tool_free(&tool);
  tool_start(&tool, "top", "-d", "0.1", "no-such-thing", NULL);
  tool_expect_out(&tool, "0 objects");
  tool_signal(&tool, SIGINT);
  assert_int_equal(tool_join(&tool), 130);
  tool_free(&tool);
}

/* ---- damage -------------------------------------------------------------- */

static uint32_t noise(uint64_t* seed) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t) (*seed >> 33);
}


/* Write over `count` words of the object, anywhere. */
static void scribble(const char* name, uint32_t count, uint64_t seed) {
  uvshm_name_info_t info;
  uvshm_region_t* bytes;
  uvshm_region_options_t options = {0};
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  /* A file, or a section of Windows. */
  options.flags =
      tool_has_signals() ? (uint32_t) UVSHM_FILE : UVSHM_REGION_FOREIGN;
  assert_int_equal(uvshm_region_open(&bytes, info.system_name, &options), 0);
  uint64_t words = uvshm_region_size(bytes) / 8;
  uint64_t* at = uvshm_region_base(bytes);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t value = (uint64_t) noise(&seed) << 32 | noise(&seed);
    /* Most of what counts is at the beginning. */
    uint64_t span = i % 2 == 0 ? words : words / 16;
    at[noise(&seed) % span] = i % 3 == 0 ? value % 4096 : value;
  }
  uvshm_region_close(bytes);
}


static void damage_is_shown_and_harms_nobody(void** state) {
  static struct shop shops[DAMAGED];
  struct tool tool;
  (void) state;
  for (uint32_t i = 0; i < DAMAGED; i++) {
    shop_open(&shops[i], "damaged");
    shop_fill(&shops[i]);
  }
  for (uint32_t i = 1; i < DAMAGED; i++)
    scribble(shops[i].name, 1u << (i % 14), i);
  char pattern[160];
  pattern_of(pattern, sizeof(pattern), shops[0].name);
  /* All of them, as tables and as JSON; a crash would be a signal. */
  assert_int_equal(
      tool_run(&tool, "top", "-n", "2", "-d", "0.1", pattern, NULL), 0);
  assert_contains(tool.out.bytes, shops[0].name);
  assert_contains(tool.out.bytes, "damaged");
  tool_free(&tool);
  assert_int_equal(tool_run(&tool, "top", "-n", "1", "--json", pattern, NULL),
                   0);
  json_t* document = parsed(tool.out.bytes);
  json_t* whole = named(json_object_get(document, "objects"), shops[0].name);
  assert_true(json_is_false(json_object_get(whole, "damaged")));
  json_decref(document);
  tool_free(&tool);
  int removed = 0;
  for (uint32_t i = 0; i < DAMAGED; i++) {
    shop_close(&shops[i]);
    if (uvshm_name_unlink(shops[i].name, 0) == 0) removed++;
  }
  print_message("%d of %d were there still\n", removed, DAMAGED);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(top_shows_what_a_segment_holds),
      cmocka_unit_test(a_table_has_the_same_without_a_terminal),
      cmocka_unit_test(rates_are_differences),
      cmocka_unit_test(rows_can_be_sorted),
      cmocka_unit_test(looking_keeps_nothing_alive),
      cmocka_unit_test(a_signal_ends_it),
      cmocka_unit_test(damage_is_shown_and_harms_nobody),
  };
  (void) argc;
  (void) argv;
  return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
