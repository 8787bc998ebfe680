/* SPDX-License-Identifier: MIT */

/* Maps at their limits, and maps whose bytes somebody has changed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness.h"

#include "core/map_walk.h"
#include "object/map.h"
#include "object/segment.h"
#include "uvshm.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

static uvshm_segment_t* segment;
static uvshm_map_t* map;


static void open_map(uint64_t max_size, uint32_t shards) {
  uvshm_segment_options_t options;
  uvshm_map_options_t map_options;
  int err;

  memset(&options, 0, sizeof(options));
  memset(&map_options, 0, sizeof(map_options));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  options.max_size = max_size;
  map_options.shards = shards;
  err = uvshm_segment_open(&segment, test_name("map-edge"), &options);
  if (err == 0) err = uvshm_map_open(&map, segment, "map", &map_options);
  if (err < 0) fail_msg("%s", uvshm_strerror(err));
}


static void close_map(void) {
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


/* The node of a key, to be damaged. */
static struct uvshm__map_node* node_of(const void* bytes,
                                       uint32_t size,
                                       uint64_t* ref) {
  struct uvshm__map_place place;
  struct uvshm__map_key key;

  memset(&place, 0, sizeof(place));
  uvshm__map_hash(&map->core, bytes, size, &key);
  assert_int_equal(
      uvshm__map_way(
          &map->core, uvshm__map_shard(&map->core, key.hash), &key, &place),
      UVSHM__MAP_FOUND);
  *ref = place.ref;
  return place.node;
}

/* ---- limits -------------------------------------------------------------- */

/* So many buckets have a shard's numbers no room for more. */
TEST(map_whose_shard_has_all_its_buckets_goes_on) {
  const uint32_t entries = 3u << 17; /* for 2^19 buckets */
  uvshm_map_info_t info;
  uint32_t key;
  size_t size;

  (void) state;
  open_map(128 << 20, 1);
  for (key = 0; key < entries + 1000; key++)
    assert_int_equal(uvshm_map_put(map, &key, 4, &key, 4), 0);
  assert_int_equal(uvshm_map_info(map, &info), 0);
  assert_true(info.buckets == (1u << 19) - 1);
  assert_true(info.count == entries + 1000);
  for (key = 0; key < entries + 1000; key += 999) {
    uint32_t value = 0;

    size = 4;
    assert_int_equal(uvshm_map_get(map, &key, 4, &value, &size, NULL), 0);
    assert_int_equal(value, key);
  }
  close_map();
}


TEST(map_refuses_a_key_of_the_largest_size) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  uint64_t version = 0;
  int64_t sum;
  size_t size = 0;

  (void) state;
  open_map(2 << 20, 1);
  assert_int_equal(uvshm_map_put(map, "k", SIZE_MAX, "v", 1), UV_EINVAL);
  assert_int_equal(uvshm_map_get(map, "k", SIZE_MAX, NULL, &size, NULL),
                   UV_EINVAL);
  assert_int_equal(uvshm_map_contains(map, "k", SIZE_MAX), UV_EINVAL);
  assert_int_equal(uvshm_map_remove(map, "k", SIZE_MAX), UV_EINVAL);
  assert_int_equal(uvshm_map_add(map, "k", SIZE_MAX, 1, &sum), UV_EINVAL);
  assert_int_equal(uvshm_map_expire(map, "k", SIZE_MAX, 1), UV_EINVAL);
  assert_int_equal(uvshm_map_wait_change(map, "k", SIZE_MAX, &version, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_map_wait_change(map, NULL, 5, &version, 0), UV_EINVAL);
  assert_int_equal(uvshm_map_next(map, &cursor, NULL, NULL, NULL, NULL),
                   UV_ENOENT);
  close_map();
}

/* ---- damage -------------------------------------------------------------- */

TEST(map_clear_of_a_circle_comes_to_an_end) {
  struct uvshm__map_node* node;
  uint64_t ref;

  (void) state;
  open_map(2 << 20, 1);
  assert_int_equal(uvshm_map_put(map, "a", 1, "b", 1), 0);
  node = node_of("a", 1, &ref);
  uvshm__a64_store_relaxed(&node->next, ref);
  assert_int_equal(uvshm_map_clear(map), UV_EPROTO);
  close_map();
}


/* A chain that leads to a block of the caller's: neither put nor remove give
 * that away. */
TEST(map_chain_into_a_callers_block_gives_nothing_away) {
  struct uvshm__map_place place;
  struct uvshm__map_key key;
  uvshm_heap_info_t before;
  uvshm_heap_info_t after;
  void* block;
  uint64_t ref;

  (void) state;
  memset(&place, 0, sizeof(place));
  open_map(2 << 20, 1);
  assert_int_equal(uvshm_map_put(map, "a", 1, "b", 1), 0);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 64, UVSHM_HEAP_SHARED), 0);
  memcpy(block, node_of("a", 1, &ref), 64);
  uvshm__map_hash(&map->core, "a", 1, &key);
  assert_int_equal(uvshm__map_way(&map->core, map->core.shards, &key, &place),
                   1);
  uvshm__a64_store_relaxed(place.link, uvshm_heap_ref(segment, block).offset);
  assert_int_equal(uvshm_heap_info(segment, &before), 0);
  assert_int_equal(uvshm_map_remove(map, "a", 1), UV_EPROTO);
  assert_int_equal(uvshm_map_put(map, "a", 1, "c", 1), UV_EPROTO);
  assert_int_equal(uvshm_heap_info(segment, &after), 0);
  assert_true(before.blocks == after.blocks);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  close_map();
}


/* A block of the caller's in a bucket of its own, with the bytes of the node of
 * "a". */
static struct uvshm__map_node* plant_callers_block(void** block) {
  struct uvshm__map_place place;
  struct uvshm__map_key key;
  uint64_t ref;

  memset(&place, 0, sizeof(place));
  assert_int_equal(uvshm_heap_alloc(segment, block, 64, UVSHM_HEAP_SHARED), 0);
  memcpy(*block, node_of("a", 1, &ref), 64);
  uvshm__map_hash(&map->core, "a", 1, &key);
  assert_int_equal(uvshm__map_way(&map->core, map->core.shards, &key, &place),
                   UVSHM__MAP_FOUND);
  uvshm__a64_store_relaxed(place.link, uvshm_heap_ref(segment, *block).offset);
  return *block;
}


TEST(map_changes_nothing_in_a_callers_block) {
  struct uvshm__map_node* node;
  unsigned char before[64];
  int64_t number = 5;
  void* block;

  (void) state;
  open_map(2 << 20, 1);
  assert_int_equal(uvshm_map_put(map, "a", 1, &number, 8), 0);
  node = plant_callers_block(&block);
  memcpy(before, node, sizeof(before));
  assert_int_equal(uvshm_map_expire(map, "a", 1, 1000), UV_EPROTO);
  assert_int_equal(uvshm_map_add(map, "a", 1, 1, &number), UV_EPROTO);
  assert_memory_equal(before, node, sizeof(before));
  close_map();
}


/* Blocks of buckets that are a caller's: the map goes, his bytes stay. */
TEST(map_burial_changes_nothing_in_a_callers_block) {
  struct uvshm__map_shard* shard;
  unsigned char before[64];
  void* block;

  (void) state;
  open_map(2 << 20, 1);
  shard = map->core.shards;
  assert_int_equal(uvshm_heap_alloc(segment, &block, 64, UVSHM_HEAP_SHARED), 0);
  memset(block, 0x55, 64);
  memcpy(before, block, 64);
  uvshm__a64_store_relaxed(&shard->more[0],
                           uvshm_heap_ref(segment, block).offset);
  uvshm__a64_store_relaxed(&shard->size,
                           UINT64_C(1) << UVSHM__MAP_LEVEL_SHIFT | 16);
  assert_int_equal(uvshm_map_unlink(segment, "map", 0), 0);
  uvshm_map_close(map);
  map = NULL;
  assert_memory_equal(before, block, sizeof(before));
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  close_map();
}


TEST(map_touches_no_result_when_it_fails) {
  struct uvshm__map_node* node;
  uvshm_map_info_t info;
  uint64_t removed = 77;
  uint64_t ref;

  (void) state;
  open_map(2 << 20, 1);
  assert_int_equal(uvshm_map_put(map, "a", 1, "b", 1), 0);
  node = node_of("a", 1, &ref);
  uvshm__a64_store_relaxed(&node->next, ref);
  assert_int_equal(uvshm_map_sweep(map, &removed), UV_EPROTO);
  assert_true(removed == 77);
  assert_int_equal(uvshm_map_unlink(segment, "map", 0), 0);
  memset(&info, 0x77, sizeof(info));
  assert_int_equal(uvshm_map_info(map, &info), UV_ENXIO);
  assert_int_equal(info.shards, 0x77777777);
  assert_true(info.count == info.buckets && info.count == info.changes);
  close_map();
}

/* ---- between two looks --------------------------------------------------- */

/* Somebody makes the counter while we allocate it. */
TEST(map_counter_that_is_there_by_now_is_added_to) {
  struct uvshm__map_key key;
  struct uvshm__map_put put;
  struct uvshm__lane* lane;
  uvshm_heap_info_t before;
  uvshm_heap_info_t after;
  int64_t one = 1;
  int64_t value = 0;
  size_t size = sizeof(value);
  int i;

  (void) state;
  open_map(2 << 20, 1);
  assert_int_equal(uvshm__lane_get(map->named.attach, &lane), 0);
  uvshm__map_hash(&map->core, "n", 1, &key);
  memset(&put, 0, sizeof(put));
  put.bytes = &one;
  put.size = sizeof(one);
  put.mode = UVSHM__MAP_ADD;
  for (i = 1; i <= 3; i++) {
    put.sum = one;
    assert_int_equal(uvshm__map_put(lane, &map->core, &key, &put), 0);
    assert_int_equal(put.sum, i);
    assert_int_equal(uvshm_heap_info(segment, &after), 0);
    if (i > 1) assert_true(before.blocks == after.blocks);
    before = after;
  }
  assert_int_equal(uvshm_map_get(map, "n", 1, &value, &size, NULL), 0);
  assert_int_equal(value, 3);
  value = INT64_MAX;
  assert_int_equal(uvshm_map_put(map, "n", 1, &value, 8), 0);
  put.sum = one;
  assert_int_equal(uvshm__map_put(lane, &map->core, &key, &put), UV_EOVERFLOW);
  assert_int_equal(uvshm_heap_info(segment, &after), 0);
  assert_true(before.blocks == after.blocks);
  close_map();
}


static uvshm__a32_t is_over;


static void make_and_remove(void* arg) {
  uvshm_map_options_t options;
  uvshm_map_t* brief;

  (void) arg;
  memset(&options, 0, sizeof(options));
  options.shards = 1;
  while (!uvshm__a32_load_relaxed(&is_over)) {
    if (uvshm_map_open(&brief, segment, "brief", &options) < 0) return;
    (void) !uvshm_map_unlink(segment, "brief", 0);
    uvshm_map_close(brief);
  }
}


/* A reader in a segment attached for reading finds a map or finds none. */
TEST(map_that_goes_while_it_is_opened_is_not_there) {
  uvshm_segment_options_t options;
  uvshm_segment_t* reading;
  uvshm_map_t* brief;
  uv_thread_t thread;
  const char* name;
  uint64_t end;
  int err = 0;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  name = test_name("brief");
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  options.flags = UVSHM_READONLY;
  assert_int_equal(uvshm_segment_open(&reading, name, &options), 0);
  uvshm__a32_store_relaxed(&is_over, 0);
  assert_int_equal(uv_thread_create(&thread, make_and_remove, NULL), 0);
  for (end = test_now_ms() + 500; test_now_ms() < end;) {
    err = uvshm_map_open(&brief, reading, "brief", NULL);
    if (err == 0) uvshm_map_close(brief);
    if (err != 0 && err != UV_ENOENT) break;
  }
  uvshm__a32_store_relaxed(&is_over, 1);
  uv_thread_join(&thread);
  if (err != 0 && err != UV_ENOENT) fail_msg("%s", uvshm_error_detail());
  uvshm_segment_close(reading);
  uvshm_segment_close(segment);
}

/* ---- large keys ---------------------------------------------------------- */

/* Of this process: a busy machine has no part in it. */
static uint64_t processor_ms(void) {
  uv_rusage_t usage;

  assert_int_equal(uv_getrusage(&usage), 0);
  return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
         (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}


/* An eighth of the time for 64 GiB of keys, here and in this build; one that is
 * run under valgrind has a hundredth of the speed. */
static uint64_t soon_ms(const unsigned char* key, size_t size) {
  uint64_t before = processor_ms();
  uint64_t limit;
  int i;

  for (i = 0; i < 256; i++)
    assert_int_equal(uvshm_map_contains(map, key, size), 0);
  limit = (processor_ms() - before) * 512;
  return limit > TEST_PATIENCE_MS / 2 ? limit : TEST_PATIENCE_MS / 2;
}


/* Else each would look at 64 GiB. */
TEST(map_circle_of_a_large_key_comes_to_an_end_soon) {
  static unsigned char key[UVSHM_MAP_KEY_MAX];
  static unsigned char other[UVSHM_MAP_KEY_MAX];
  uvshm_map_cursor_t cursor = {{0, 0}};
  struct uvshm__map_node* node;
  struct uvshm__map_split split;
  struct uvshm__map_key wanted;
  struct uvshm__map_shard* shard;
  uint64_t before;
  uint64_t soon;
  uint64_t ref;

  (void) state;
  memset(&split, 0, sizeof(split));
  open_map(64 << 20, 1);
  shard = map->core.shards;
  assert_int_equal(uvshm_map_put(map, key, sizeof(key), "", 0), 0);
  soon = soon_ms(key, sizeof(key));
  before = processor_ms();
  node = node_of(key, sizeof(key), &ref);
  uvshm__a64_store_relaxed(&node->next, ref);
  assert_int_equal(uvshm_map_next(map, &cursor, NULL, NULL, NULL, NULL),
                   UV_EPROTO);
  assert_int_equal(uvshm_segment_check(segment), UV_EPROTO);
  /* One that has the hash of another. */
  other[sizeof(other) - 1] = 1;
  uvshm__map_hash(&map->core, other, sizeof(other), &wanted);
  uvshm__a64_store_relaxed(&node->hash, wanted.hash);
  assert_true(
      uvshm__map_split_of(uvshm__a64_load_relaxed(&shard->size), &split));
  uvshm__a64_store_relaxed(
      uvshm__map_bucket(
          &map->core, shard, uvshm__map_bucket_of(&split, wanted.hash)),
      ref);
  assert_int_equal(uvshm_map_contains(map, other, sizeof(other)), UV_EPROTO);
  assert_int_equal(uvshm_map_contains(map, key, sizeof(key)), UV_EPROTO);
  assert_true(processor_ms() - before < soon);
  close_map();
}


/* One chain in all buckets is found out at the first that is not its own. */
TEST(map_iteration_does_not_follow_a_chain_from_every_bucket) {
  uvshm_map_cursor_t cursor = {{0, 0}};
  struct uvshm__map_shard* shard;
  uint64_t ref;
  uint32_t i;
  int err;

  (void) state;
  open_map(2 << 20, 1);
  shard = map->core.shards;
  assert_int_equal(uvshm_map_put(map, "a", 1, "b", 1), 0);
  (void) node_of("a", 1, &ref);
  for (i = 0; i < UVSHM__MAP_FIRST; i++)
    uvshm__a64_store_relaxed(&shard->first[i], ref);
  do err = uvshm_map_next(map, &cursor, NULL, NULL, NULL, NULL);
  while (err == 0);
  assert_int_equal(err, UV_EPROTO);
  close_map();
}


/* What the caller freed, and a node that is made of it: of more than a line. */
TEST(map_put_into_a_block_that_the_caller_freed) {
  char value[1000];
  void* block;
  size_t size;

  (void) state;
  open_map(1 << 20, 0);
  memset(value, 'v', sizeof(value));
  for (size = 8; size <= sizeof(value); size += 62) {
    assert_int_equal(uvshm_map_put(map, "k", 1, value, size), 0);
    assert_int_equal(uvshm_heap_alloc(segment, &block, size + 48, 0), 0);
    assert_int_equal(uvshm_heap_free(segment, block), 0);
    assert_int_equal(uvshm_map_put(map, "k", 1, value, size), 0);
    assert_int_equal(uvshm_map_put(map, "k", 1, value, size), 0);
  }
  assert_int_equal(uvshm_segment_check(segment), 0);
  close_map();
}


static void* blocks[8192];
static size_t filled;


static void fill_heap(void* arg) {
  (void) arg;
  while (filled < sizeof(blocks) / sizeof(*blocks) &&
         uvshm_heap_alloc(segment, &blocks[filled], 248, 0) == 0)
    filled++;
}


static void give_two_back(void* arg) {
  (void) arg;
  if (uvshm_heap_free(segment, blocks[--filled]) < 0 ||
      uvshm_heap_free(segment, blocks[--filled]) < 0)
    filled = 0;
}


static void in_a_thread(void (*run)(void* arg)) {
  uv_thread_t thread;

  assert_int_equal(uv_thread_create(&thread, run, NULL), 0);
  uv_thread_join(&thread);
}


static void expect_bytes(int byte) {
  unsigned char got[200];
  size_t size = sizeof(got);

  assert_int_equal(uvshm_map_get(map, "k", 1, got, &size, NULL), 0);
  assert_int_equal(size, sizeof(got));
  assert_int_equal(got[0], byte);
  assert_int_equal(got[199], byte);
}


/* A put remembers the block that the last one freed, and looks whether it may
 * have it still. */
TEST(map_put_whose_block_another_thread_has_taken) {
  unsigned char value[200];

  (void) state;
  open_map(1 << 20, 0);
  memset(value, 1, sizeof(value));
  assert_int_equal(uvshm_map_put(map, "k", 1, value, sizeof(value)), 0);
  assert_int_equal(uvshm_map_put(map, "k", 1, value, sizeof(value)), 0);
  in_a_thread(fill_heap);
  assert_true(filled > 100 && filled < sizeof(blocks) / sizeof(*blocks));
  memset(value, 2, sizeof(value));
  assert_int_equal(uvshm_map_put(map, "k", 1, value, sizeof(value)), UV_ENOSPC);
  expect_bytes(1);
  in_a_thread(give_two_back);
  assert_true(filled > 0);
  assert_int_equal(uvshm_map_put(map, "k", 1, value, sizeof(value)), 0);
  expect_bytes(2);
  assert_int_equal(uvshm_segment_check(segment), 0);
  close_map();
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(map_whose_shard_has_all_its_buckets_goes_on),
      cmocka_unit_test(map_refuses_a_key_of_the_largest_size),
      cmocka_unit_test(map_clear_of_a_circle_comes_to_an_end),
      cmocka_unit_test(map_chain_into_a_callers_block_gives_nothing_away),
      cmocka_unit_test(map_changes_nothing_in_a_callers_block),
      cmocka_unit_test(map_burial_changes_nothing_in_a_callers_block),
      cmocka_unit_test(map_touches_no_result_when_it_fails),
      cmocka_unit_test(map_counter_that_is_there_by_now_is_added_to),
      cmocka_unit_test(map_that_goes_while_it_is_opened_is_not_there),
      cmocka_unit_test(map_circle_of_a_large_key_comes_to_an_end_soon),
      cmocka_unit_test(map_iteration_does_not_follow_a_chain_from_every_bucket),
      cmocka_unit_test(map_put_into_a_block_that_the_caller_freed),
      cmocka_unit_test(map_put_whose_block_another_thread_has_taken),
  };

  return cmocka_run_group_tests_name("map-edge", tests, NULL, NULL);
}
