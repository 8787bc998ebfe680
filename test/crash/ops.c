/* SPDX-License-Identifier: MIT */

#include "crash/ops.h"

#include <string.h>

#include <uv.h>

#define REQUIRE UVSHM_CRASH_REQUIRE

#define WORDS 10

/* In a block that the root "ledger" links. */
struct ledger {
  uint64_t blocks; /* in the heap, at rest */
  uint64_t words[WORDS];
};

/* The actor's handles. */
static struct {
  uvshm_mutex_t* plain;
  uvshm_mutex_t* till; /* with a log */
  uvshm_sem_t* units;
  uvshm_ref_t* slot; /* a root that is published in */
  struct ledger* ledger;
  uvshm_map_t* map;
} actor;

/* ---- the start ----------------------------------------------------------- */

static uvshm_mutex_t* open_mutex(uvshm_segment_t* segment,
                                 const char* name,
                                 uint64_t log_size) {
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;

  memset(&options, 0, sizeof(options));
  options.log_size = (uint32_t) log_size;
  REQUIRE(uvshm_mutex_open(&mutex, segment, name, &options) == 0);
  return mutex;
}


static uint64_t blocks_of(uvshm_segment_t* segment) {
  uvshm_heap_info_t info;

  REQUIRE(uvshm_heap_info(segment, &info) == 0);
  return info.blocks;
}


static struct ledger* find_ledger(uvshm_segment_t* segment) {
  struct ledger* ledger;
  uvshm_ref_t* root;

  REQUIRE(uvshm_heap_root(segment, "ledger", &root) == 0);
  ledger = uvshm_heap_pointer(segment, uvshm_heap_get(root), sizeof(*ledger));
  REQUIRE(ledger != NULL);
  return ledger;
}


static void publish_number(uvshm_segment_t* segment,
                           uvshm_ref_t* slot,
                           uint64_t number) {
  void* block;
  void* old = NULL;

  REQUIRE(uvshm_heap_alloc(segment, &block, sizeof(number), 0) == 0);
  memcpy(block, &number, sizeof(number));
  REQUIRE(uvshm_heap_publish(segment, slot, block, &old) == 0);
  REQUIRE(uvshm_heap_free(segment, old) == 0);
}


/* One shard, and keys "a" to "f" with values of 20 bytes. */
static void fill_map(uvshm_segment_t* segment) {
  static const char value[20] = "1";
  uvshm_map_options_t options;
  char key;

  memset(&options, 0, sizeof(options));
  options.shards = 1;
  REQUIRE(uvshm_map_open(&actor.map, segment, "map", &options) == 0);
  for (key = 'a'; key < 'g'; key++)
    REQUIRE(uvshm_map_put(actor.map, &key, 1, value, sizeof(value)) == 0);
}


static void before(uvshm_segment_t* segment, void* data) {
  uvshm_ref_t* root;
  void* block;

  (void) data;
  REQUIRE(uvshm_heap_root(segment, "ledger", &root) == 0);
  REQUIRE(uvshm_heap_calloc(segment, &block, 1, sizeof(*actor.ledger), 0) == 0);
  REQUIRE(uvshm_heap_publish(segment, root, block, NULL) == 0);
  actor.ledger = block;
  actor.plain = open_mutex(segment, "plain", 0);
  actor.till = open_mutex(segment, "till", 512);
  REQUIRE(uvshm_sem_open(&actor.units, segment, "units", NULL) == 0);
  REQUIRE(uvshm_heap_root(segment, "slot", &actor.slot) == 0);
  publish_number(segment, actor.slot, 1);
  fill_map(segment);
  actor.ledger->blocks = blocks_of(segment);
}

/* ---- the operations ------------------------------------------------------ */

static void lock_and_unlock(uvshm_segment_t* segment, void* data) {
  (void) segment;
  (void) data;
  REQUIRE(uvshm_mutex_lock(actor.plain, 0) == 0);
  REQUIRE(uvshm_mutex_unlock(actor.plain) == 0);
}


static void post_and_wait(uvshm_segment_t* segment, void* data) {
  (void) segment;
  (void) data;
  REQUIRE(uvshm_sem_post(actor.units, 2) == 0);
  REQUIRE(uvshm_sem_wait(actor.units, 0) == 0);
}


static void make_and_unlink(uvshm_segment_t* segment, void* data) {
  uvshm_mutex_t* mutex = open_mutex(segment, "another", 300);

  (void) data;
  REQUIRE(uvshm_mutex_unlink(segment, "another", 0) == 0);
  uvshm_mutex_close(mutex);
}


static void alloc_and_free(uvshm_segment_t* segment, void* data) {
  void* blocks[3];

  (void) data;
  REQUIRE(uvshm_heap_alloc(segment, &blocks[0], 60, 0) == 0);
  REQUIRE(uvshm_heap_calloc(segment, &blocks[1], 1, 1000, 0) == 0);
  REQUIRE(uvshm_heap_alloc(segment, &blocks[2], 70000, 0) == 0);
  REQUIRE(uvshm_heap_free(segment, blocks[0]) == 0);
  REQUIRE(uvshm_heap_resize(segment, &blocks[1], 5000) == 0);
  REQUIRE(uvshm_heap_free(segment, blocks[2]) == 0);
  REQUIRE(uvshm_heap_free(segment, blocks[1]) == 0);
}


/* More than exists at first. */
static void alloc_that_grows(uvshm_segment_t* segment, void* data) {
  void* block;

  (void) data;
  REQUIRE(uvshm_heap_alloc(segment, &block, 600000, UVSHM_HEAP_SHARED) == 0);
  REQUIRE(uvshm_heap_free(segment, block) == 0);
  uvshm_crash_commit();
  REQUIRE(uvshm_heap_alloc(segment, &block, 300000, 0) == 0);
}


static void publish(uvshm_segment_t* segment, void* data) {
  (void) data;
  publish_number(segment, actor.slot, 2);
  uvshm_crash_commit();
  publish_number(segment, actor.slot, 3);
}


static void change_words(struct ledger* ledger, uvshm_txn_t* txn) {
  size_t i;

  REQUIRE(uvshm_txn_save(txn, ledger->words, sizeof(ledger->words)) == 0);
  for (i = 0; i < WORDS; i++) ledger->words[i]++;
}


static void commit(uvshm_segment_t* segment, void* data) {
  uvshm_txn_t txn;

  (void) segment;
  (void) data;
  REQUIRE(uvshm_txn_begin(&txn, actor.till, 0) == 0);
  change_words(actor.ledger, &txn);
  REQUIRE(uvshm_txn_commit(&txn) == 0);
  uvshm_crash_commit();
  REQUIRE(uvshm_txn_begin(&txn, actor.till, 0) == 0);
  change_words(actor.ledger, &txn);
  REQUIRE(uvshm_txn_commit(&txn) == 0);
}


static void take_back(uvshm_segment_t* segment, void* data) {
  uvshm_txn_t txn;

  (void) segment;
  (void) data;
  REQUIRE(uvshm_txn_begin(&txn, actor.till, 0) == 0);
  change_words(actor.ledger, &txn);
  REQUIRE(uvshm_txn_abort(&txn) == 0);
}

/* "a" is '1', then '2', then gone, then '4'. */
static void put_and_take(uvshm_segment_t* segment, void* data) {
  char value[64] = "2";
  size_t size = sizeof(value);

  (void) segment;
  (void) data;
  REQUIRE(uvshm_map_put(actor.map, "a", 1, value, sizeof(value)) == 0);
  uvshm_crash_commit();
  REQUIRE(uvshm_map_take(actor.map, "a", 1, value, &size) == 0);
  uvshm_crash_commit();
  value[0] = '4';
  REQUIRE(uvshm_map_put_if_absent(actor.map, "a", 1, value, 30) == 0);
}


/* So many keys that buckets are split. */
static void put_many(uvshm_segment_t* segment, void* data) {
  char key[2] = {'n', 0};

  (void) segment;
  (void) data;
  for (key[1] = 'a'; key[1] < 'o'; key[1]++) {
    REQUIRE(uvshm_map_put(actor.map, key, 2, key, 2) == 0);
    uvshm_crash_commit();
  }
}


static void add(uvshm_segment_t* segment, void* data) {
  int64_t sum;

  (void) segment;
  (void) data;
  REQUIRE(uvshm_map_add(actor.map, "sum", 3, 5, &sum) == 0);
  uvshm_crash_commit();
  REQUIRE(uvshm_map_add(actor.map, "sum", 3, 5, &sum) == 0);
}


static void clear_map(uvshm_segment_t* segment, void* data) {
  (void) segment;
  (void) data;
  REQUIRE(uvshm_map_clear(actor.map) == 0);
}


static void make_and_unlink_map(uvshm_segment_t* segment, void* data) {
  uvshm_map_t* map;

  (void) data;
  REQUIRE(uvshm_map_open(&map, segment, "another", NULL) == 0);
  REQUIRE(uvshm_map_put(map, "k", 1, "v", 1) == 0);
  REQUIRE(uvshm_map_unlink(segment, "another", 0) == 0);
  uvshm_map_close(map);
}

/* ---- afterwards ---------------------------------------------------------- */

/* Everything can be used, and leaves nothing behind. */
static void go_on(uvshm_segment_t* segment) {
  struct ledger* ledger = find_ledger(segment);
  uvshm_mutex_t* till = open_mutex(segment, "till", 512);
  uvshm_mutex_t* plain = open_mutex(segment, "plain", 0);
  uint64_t blocks = blocks_of(segment);
  uvshm_ref_t* slot;
  uvshm_txn_t txn;
  void* block;

  REQUIRE(uvshm_mutex_lock(plain, 0) >= 0);
  REQUIRE(uvshm_mutex_unlock(plain) == 0);
  REQUIRE(uvshm_txn_begin(&txn, till, 0) >= 0);
  change_words(ledger, &txn);
  REQUIRE(uvshm_txn_commit(&txn) == 0);
  REQUIRE(uvshm_heap_alloc(segment, &block, 200, 0) == 0);
  REQUIRE(uvshm_heap_free(segment, block) == 0);
  REQUIRE(uvshm_heap_root(segment, "slot", &slot) == 0);
  publish_number(segment, slot, 9);
  REQUIRE(blocks_of(segment) == blocks);
  uvshm_mutex_close(plain);
  uvshm_mutex_close(till);
}


static void no_block_is_lost(uvshm_segment_t* segment) {
  uvshm_heap_info_t info;

  REQUIRE(uvshm_heap_info(segment, &info) == 0);
  REQUIRE(info.private_blocks == 0);
  REQUIRE(info.blocks == find_ledger(segment)->blocks);
}


static void after_any(uvshm_segment_t* segment, void* data, uint32_t parts) {
  (void) data;
  (void) parts;
  no_block_is_lost(segment);
  go_on(segment);
}


/* A block that was shared at once and whose owner died is nobody's now. */
static void after_growing(uvshm_segment_t* segment,
                          void* data,
                          uint32_t parts) {
  uvshm_heap_info_t info;
  uint64_t blocks = find_ledger(segment)->blocks;

  (void) data;
  REQUIRE(uvshm_heap_info(segment, &info) == 0);
  REQUIRE(info.private_blocks == 0);
  REQUIRE(info.blocks == blocks || (parts == 0 && info.blocks == blocks + 1));
  go_on(segment);
}


/* A mutex that was made and not yet unlinked stays. */
static void after_making(uvshm_segment_t* segment, void* data, uint32_t parts) {
  int err = uvshm_mutex_unlink(segment, "another", 0);

  REQUIRE(err == 0 || err == UV_ENOENT);
  after_any(segment, data, parts);
}


static void after_publish(uvshm_segment_t* segment,
                          void* data,
                          uint32_t parts) {
  uvshm_ref_t* slot;
  uint64_t number;
  void* block;

  REQUIRE(uvshm_heap_root(segment, "slot", &slot) == 0);
  block = uvshm_heap_pointer(segment, uvshm_heap_get(slot), sizeof(number));
  REQUIRE(block != NULL);
  memcpy(&number, block, sizeof(number));
  REQUIRE(number == 1 + parts || number == 2 + parts);
  after_any(segment, data, parts);
}


static void after_txn(uvshm_segment_t* segment, void* data, uint32_t parts) {
  const struct ledger* ledger = find_ledger(segment);
  uint64_t first = ledger->words[0];
  size_t i;

  REQUIRE(first == parts || first == parts + 1);
  for (i = 0; i < WORDS; i++) REQUIRE(ledger->words[i] == first);
  after_any(segment, data, parts);
}


static void after_taking_back(uvshm_segment_t* segment,
                              void* data,
                              uint32_t parts) {
  REQUIRE(find_ledger(segment)->words[0] == 0);
  after_txn(segment, data, parts);
}

static uvshm_map_t* open_map(uvshm_segment_t* segment) {
  uvshm_map_t* map;

  REQUIRE(uvshm_map_open(&map, segment, "map", NULL) == 0);
  return map;
}


/* First byte of the value; 0: it is not there. */
static int first_byte(uvshm_map_t* map, const char* key, size_t key_size) {
  char value[64];
  size_t size = sizeof(value);
  int err = uvshm_map_get(map, key, key_size, value, &size, NULL);

  REQUIRE(err == 0 || err == UV_ENOENT);
  return err == 0 ? value[0] : 0;
}


/* Fill it, look, empty it: nothing is left of it. */
static void empty_map(uvshm_segment_t* segment) {
  uvshm_map_t* map = open_map(segment);
  uvshm_map_info_t info;
  char key[2] = {'x', 0};

  for (key[1] = 0; key[1] < 40; key[1]++)
    REQUIRE(uvshm_map_put(map, key, 2, "z", 1) == 0);
  for (key[1] = 0; key[1] < 40; key[1]++)
    REQUIRE(first_byte(map, key, 2) == 'z');
  REQUIRE(uvshm_map_clear(map) == 0);
  REQUIRE(uvshm_map_info(map, &info) == 0);
  REQUIRE(info.count == 0);
  uvshm_map_close(map);
  go_on(segment);
}


static void after_put_and_take(uvshm_segment_t* segment,
                               void* data,
                               uint32_t parts) {
  static const int values[] = {'1', '2', 0, '4', '4'};
  uvshm_map_t* map = open_map(segment);
  int value = first_byte(map, "a", 1);

  (void) data;
  REQUIRE(value == values[parts] || value == values[parts + 1]);
  REQUIRE(first_byte(map, "b", 1) == '1');
  uvshm_map_close(map);
  empty_map(segment);
}


static void after_put_many(uvshm_segment_t* segment,
                           void* data,
                           uint32_t parts) {
  uvshm_map_t* map = open_map(segment);
  char key[2] = {'n', 0};
  uint32_t there = 0;
  char old;

  (void) data;
  for (key[1] = 'a'; key[1] < 'o'; key[1]++)
    if (first_byte(map, key, 2) == 'n') there++;
  REQUIRE(there == parts || there == parts + 1);
  for (old = 'a'; old < 'g'; old++) REQUIRE(first_byte(map, &old, 1) == '1');
  uvshm_map_close(map);
  empty_map(segment);
}


static void after_add(uvshm_segment_t* segment, void* data, uint32_t parts) {
  uvshm_map_t* map = open_map(segment);
  int64_t sum = 0;

  (void) data;
  REQUIRE(uvshm_map_add(map, "sum", 3, 0, &sum) == 0);
  REQUIRE(sum == 5 * (int64_t) parts || sum == 5 * (int64_t) parts + 5);
  uvshm_map_close(map);
  empty_map(segment);
}


static void after_clear(uvshm_segment_t* segment, void* data, uint32_t parts) {
  (void) data;
  (void) parts;
  empty_map(segment);
}


static void after_making_a_map(uvshm_segment_t* segment,
                               void* data,
                               uint32_t parts) {
  int err = uvshm_map_unlink(segment, "another", 0);

  REQUIRE(err == 0 || err == UV_ENOENT);
  after_any(segment, data, parts);
}

/* ---- the table ----------------------------------------------------------- */

static const uvshm_segment_options_t options = {.size = 524288,
                                                .max_size = 1048576,
                                                .peers = 8,
                                                .threads = 8,
                                                .objects = 16};

#define OP(op, check)                                                          \
 {                                                                             \
  .name = #op, .options = &options, .before = before, .run = op,               \
  .after = check                                                               \
 }

const uvshm_crash_t crash_ops[] = {
    OP(lock_and_unlock, after_any),
    OP(post_and_wait, after_any),
    OP(make_and_unlink, after_making),
    OP(alloc_and_free, after_any),
    OP(alloc_that_grows, after_growing),
    OP(publish, after_publish),
    OP(commit, after_txn),
    OP(take_back, after_taking_back),
    OP(put_and_take, after_put_and_take),
    OP(put_many, after_put_many),
    OP(add, after_add),
    OP(clear_map, after_clear),
    OP(make_and_unlink_map, after_making_a_map),
};

const size_t crash_ops_count = sizeof(crash_ops) / sizeof(crash_ops[0]);
