/* SPDX-License-Identifier: MIT */

/* The heap of real segments, between processes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness.h"

#include "base/asan.h"
#include "uvshm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)


static uvshm_segment_t* open_one(const char* name,
                                 uint32_t flags,
                                 uint64_t size,
                                 uint64_t max_size) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = size;
  options.max_size = max_size;
  if (uvshm_segment_open(&segment, name, &options) != 0) return NULL;
  return segment;
}


static uvshm_heap_info_t info_of(const uvshm_segment_t* segment) {
  uvshm_heap_info_t info;

  assert_int_equal(uvshm_heap_info(segment, &info), 0);
  return info;
}

/* ---- one process --------------------------------------------------------- */

static void blocks_come_and_go(void** state) {
  uvshm_segment_t* segment = open_one(test_name("heap"), UVSHM_CREATE, 0, 0);
  void* block = NULL;
  void* zeros = NULL;
  void* aligned = NULL;
  size_t i;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 100, 0), 0);
  memset(block, 7, 100);
  assert_true(uvshm_heap_size(segment, block) >= 100);
  assert_int_equal(uvshm_heap_calloc(segment, &zeros, 10, 30, 0), 0);
  for (i = 0; i < 300; i++) assert_int_equal(((char*) zeros)[i], 0);
  assert_int_equal(uvshm_heap_alloc_aligned(segment, &aligned, 5, 4096, 0), 0);
  assert_true((uintptr_t) aligned % 4096 == 0);
  assert_true(info_of(segment).blocks == 3);
  assert_true(info_of(segment).private_blocks == 3);

  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_int_equal(uvshm_heap_free(segment, zeros), 0);
  assert_int_equal(uvshm_heap_free(segment, aligned), 0);
  assert_int_equal(uvshm_heap_free(segment, NULL), 0);
  assert_true(info_of(segment).blocks == 0);
  uvshm_segment_close(segment);
}


static void misuse_is_told(void** state) {
  uvshm_segment_t* segment = open_one(test_name("heap"), UVSHM_CREATE, 0, 0);
  uvshm_ref_t ref = {1};
  void* block = &ref;
  int here = 0;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_heap_free(segment, &here), UV_EINVAL);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 8, 1), UV_EINVAL);
  assert_int_equal(uvshm_heap_alloc_aligned(segment, &block, 8, 3, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_alloc_aligned(segment, &block, 8, 8192, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_calloc(segment, &block, SIZE_MAX, 2, 0),
                   UV_ENOSPC);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 1 << 20, 0), UV_ENOSPC);
  assert_ptr_equal(block, &ref);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 8, 0), 0);
  assert_int_equal(uvshm_heap_free(segment, (char*) block + 8), UV_EINVAL);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_int_equal(uvshm_heap_free(segment, block), UV_EINVAL);
  assert_true(uvshm_heap_size(segment, block) == 0);
  assert_null(uvshm_heap_pointer(segment, ref, 1));
  ref.offset = UINT64_MAX;
  assert_null(uvshm_heap_pointer(segment, ref, 1));
  ref.offset = 0;
  assert_null(uvshm_heap_pointer(segment, ref, 0));
  assert_true(uvshm_heap_ref(segment, &here).offset == 0);
  assert_true(uvshm_heap_ref(segment, NULL).offset == 0);
  uvshm_segment_close(segment);
}


static void resizing_keeps_the_bytes(void** state) {
  static const size_t sizes[] = {
      10, 64, 100, 5000, 40000, 300000, 3000000, 100000, 700, 1};
  uvshm_segment_t* segment =
      open_one(test_name("heap"), UVSHM_CREATE, 0, 16 * MIB);
  void* block = NULL;
  size_t least = 1;
  size_t i;
  size_t j;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 1, 0), 0);
  *(unsigned char*) block = 1;
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    unsigned char* bytes;

    assert_int_equal(uvshm_heap_resize(segment, &block, sizes[i]), 0);
    bytes = block;
    if (sizes[i] < least) least = sizes[i];
    for (j = 0; j < least; j++) assert_int_equal(bytes[j], (j * 7 + 1) & 255);
    least = sizes[i];
    for (j = 0; j < least; j++) bytes[j] = (unsigned char) (j * 7 + 1);
    assert_true(uvshm_heap_size(segment, block) >= sizes[i]);
    assert_true(uvshm_heap_size(segment, block) <= 3 * sizes[i] + 65536);
    assert_true(info_of(segment).blocks == 1);
  }
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 64, UVSHM_HEAP_SHARED), 0);
  assert_int_equal(uvshm_heap_resize(segment, &block, 60), 0);
  assert_int_equal(uvshm_heap_resize(segment, &block, 65), UV_EINVAL);
  uvshm_segment_close(segment);
}


static void it_grows_with_the_segment(void** state) {
  uvshm_segment_t* segment =
      open_one(test_name("heap"), UVSHM_CREATE, 0, 20 * MIB);
  uvshm_segment_info_t before;
  uvshm_segment_info_t after;
  void* block;
  int count = 0;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_segment_info(segment, &before), 0);
  assert_true(before.region.size == 65536);
  while (uvshm_heap_alloc(segment, &block, 10000, 0) == 0) {
    memset(block, 1, 10000);
    count++;
  }
  assert_true(count >= 1900);
  assert_int_equal(uvshm_segment_info(segment, &after), 0);
  assert_true(after.region.size == 20 * MIB);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


static void a_root_is_found_by_its_name(void** state) {
  const char* name = test_name("heap");
  uvshm_segment_t* segment = open_one(name, UVSHM_CREATE, 0, 0);
  uvshm_segment_t* reader;
  uvshm_object_info_t object;
  uvshm_ref_t* slot;
  uvshm_ref_t* again;
  uint32_t cursor = 0;
  void* block;
  void* old = &object;
  uvshm_mutex_t* mutex;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_heap_root(segment, "start", &slot), 0);
  assert_true(uvshm_heap_get(slot).offset == 0);
  assert_int_equal(uvshm_heap_root(segment, "start", &again), 0);
  assert_ptr_equal(slot, again);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 30, 0), 0);
  strcpy(block, "hello");
  assert_int_equal(uvshm_heap_publish(segment, slot, block, &old), 0);
  assert_null(old);
  assert_int_equal(uvshm_segment_next(segment, &cursor, &object), 0);
  assert_string_equal(object.type, "root");

  reader = open_one(name, UVSHM_READONLY, 0, 0);
  assert_non_null(reader);
  assert_int_equal(uvshm_heap_root(reader, "start", &again), 0);
  assert_string_equal(uvshm_heap_pointer(reader, uvshm_heap_get(again), 6),
                      "hello");
  assert_int_equal(uvshm_heap_root(reader, "other", &again), UV_ENOENT);
  assert_int_equal(uvshm_heap_alloc(reader, &old, 1, 0), UV_EACCES);
  assert_int_equal(uvshm_heap_free(reader, block), UV_EACCES);
  assert_true(info_of(reader).blocks == 1);
  assert_int_equal(uvshm_segment_check(reader), 0);
  uvshm_segment_close(reader);

  assert_int_equal(uvshm_heap_unlink(segment, "start"), UV_EBUSY);
  assert_int_equal(uvshm_heap_publish(segment, slot, NULL, &old), 0);
  assert_ptr_equal(old, block);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_int_equal(uvshm_heap_unlink(segment, "start"), 0);
  assert_int_equal(uvshm_heap_unlink(segment, "start"), UV_ENOENT);
  assert_int_equal(uvshm_heap_alloc(segment, &block, 30, 0), 0);
  assert_int_equal(uvshm_heap_publish(segment, slot, block, &old), UV_ENXIO);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "lock", NULL), 0);
  assert_int_equal(uvshm_heap_root(segment, "lock", &slot), UV_EPROTOTYPE);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
}


/* What AddressSanitizer is told, where the library is built with it. */
static void what_is_freed_is_marked(void** state) {
#if defined(UVSHM__ASAN)
  uvshm_segment_t* segment =
      open_one(test_name("heap"), UVSHM_CREATE, 0, 16 * MIB);
  uvshm_ref_t ref;
  char* block;

  (void) state;
  assert_int_equal(uvshm_heap_alloc(segment, (void**) &block, 100, 0), 0);
  ref = uvshm_heap_ref(segment, block);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_true(__asan_address_is_poisoned(block));
  assert_non_null(uvshm_heap_pointer(segment, ref, 100));
  assert_false(__asan_address_is_poisoned(block));
  assert_int_equal(uvshm_heap_alloc(segment, (void**) &block, 3000000, 0), 0);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_true(__asan_address_is_poisoned(block + 100000));
  while (uvshm_heap_alloc(segment, (void**) &block, 5000, 0) == 0)
    memset(block, 1, 5000);
  uvshm_segment_close(segment);
#else
  (void) state;
  skip();
#endif
}


#if defined(UVSHM__ASAN)

static char* freed_one(uvshm_segment_t* segment) {
  void* block;

  assert_int_equal(uvshm_heap_alloc(segment, &block, 5000, 0), 0);
  assert_int_equal(uvshm_heap_free(segment, block), 0);
  assert_true(__asan_address_is_poisoned(block));
  return block;
}

#endif


/* Who has a lock may follow pointers of another kind than uvshm's, to what
 * another process was given meanwhile. */
static void marks_go_with_the_next_lock_or_wait(void** state) {
#if defined(UVSHM__ASAN)
  uvshm_segment_t* segment =
      open_one(test_name("heap"), UVSHM_CREATE, 0, 16 * MIB);
  uvshm_mutex_options_t options;
  uvshm_mutex_t* mutex;
  uvshm_rwlock_t* rwlock;
  uvshm_sem_t* sem;
  uvshm_txn_t txn;
  char* block;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.log_size = 4096;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", &options), 0);
  assert_int_equal(uvshm_rwlock_open(&rwlock, segment, "r", NULL), 0);
  assert_int_equal(uvshm_sem_open(&sem, segment, "s", NULL), 0);
  for (int i = 0; i < 3; i++) {
    block = freed_one(segment);
    assert_int_equal(uvshm_mutex_lock(mutex, 1000), 0);
    assert_false(__asan_address_is_poisoned(block));
    assert_int_equal(uvshm_mutex_unlock(mutex), 0);
    block = freed_one(segment);
    assert_int_equal(uvshm_rwlock_rdlock(rwlock, 1000), 0);
    assert_false(__asan_address_is_poisoned(block));
    assert_int_equal(uvshm_rwlock_unlock(rwlock), 0);
    block = freed_one(segment);
    assert_int_equal(uvshm_rwlock_wrlock(rwlock, 1000), 0);
    assert_false(__asan_address_is_poisoned(block));
    assert_int_equal(uvshm_rwlock_unlock(rwlock), 0);
    block = freed_one(segment);
    assert_int_equal(uvshm_sem_wait(sem, 0), UV_EAGAIN);
    assert_false(__asan_address_is_poisoned(block));
    block = freed_one(segment);
    assert_int_equal(uvshm_txn_begin(&txn, mutex, 1000), 0);
    assert_false(__asan_address_is_poisoned(block));
    assert_int_equal(uvshm_txn_commit(&txn), 0);
  }
  /* More than there are places for: those that are left go as well. */
  for (int i = 0; i < 3000; i++) block = freed_one(segment);
  assert_int_equal(uvshm_mutex_lock(mutex, 1000), 0);
  assert_false(__asan_address_is_poisoned(block));
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_sem_close(sem);
  uvshm_rwlock_close(rwlock);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
#else
  (void) state;
  skip();
#endif
}

/* ---- two processes ------------------------------------------------------- */

/* NAME: allocates, publishes, says so, waits to be killed. */
static int holder(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_ref_t* slot;
  void* block;
  int i;

  if (argc < 1) return 2;
  segment = open_one(argv[0], 0, 0, 0);
  if (segment == NULL || uvshm_heap_root(segment, "root", &slot) != 0) return 3;
  for (i = 0; i < 100; i++)
    if (uvshm_heap_alloc(segment, &block, 50 + 1000 * (size_t) i, 0) != 0)
      return 4;
  strcpy(block, "from another process");
  if (uvshm_heap_publish(segment, slot, block, NULL) != 0) return 5;
  test_say("published");
  (void) test_hear();
  uvshm_segment_close(segment);
  return 0;
}


static void the_published_stays_when_its_maker_is_killed(void** state) {
  const char* name = test_name("heap");
  uvshm_segment_t* segment = open_one(name, UVSHM_CREATE, 0, 32 * MIB);
  struct test_process process;
  uvshm_ref_t* slot;
  uint32_t repaired = 0;
  char* text;

  (void) state;
  assert_non_null(segment);
  assert_int_equal(uvshm_heap_root(segment, "root", &slot), 0);
  test_spawn(&process, "holder", name, NULL);
  test_expect(&process, "published");
  assert_true(info_of(segment).blocks == 100);
  assert_true(info_of(segment).private_blocks == 99);
  text = uvshm_heap_pointer(segment, uvshm_heap_get(slot), 30);
  assert_string_equal(text, "from another process");

  test_kill(&process);
  assert_int_equal(uvshm_segment_repair(segment, &repaired), 0);
  assert_int_equal(repaired, 1);
  assert_true(info_of(segment).blocks == 1);
  assert_true(info_of(segment).private_blocks == 0);
  assert_string_equal(text, "from another process");
  assert_int_equal(uvshm_heap_publish(segment, slot, NULL, (void**) &text), 0);
  assert_int_equal(uvshm_heap_free(segment, text), 0);
  assert_true(info_of(segment).blocks == 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


static void the_private_goes_when_its_owner_closes(void** state) {
  const char* name = test_name("heap");
  uvshm_segment_t* segment = open_one(name, UVSHM_CREATE, 0, 32 * MIB);
  struct test_process process;

  (void) state;
  assert_non_null(segment);
  test_spawn(&process, "holder", name, NULL);
  test_expect(&process, "published");
  test_tell(&process, "go");
  assert_int_equal(test_join(&process), 0);
  assert_true(info_of(segment).blocks == 1);
  uvshm_segment_close(segment);
}


#define SLOTS 64

/* How large a block is; sometimes so large that zones have to be free. */
static size_t exchange_size(uint64_t random) {
  if ((random >> 58) == 0) return 2500000;
  if ((random >> 60) == 1) return 16 + (size_t) ((random >> 20) % 200000);
  return 16 + (size_t) ((random >> 20) % 2000);
}


/* Puts blocks into the words of a table and frees what was there. 0, or the
 * number of the step that went wrong. */
static int exchange(uvshm_segment_t* segment, uvshm_ref_t* table, int rounds) {
  uint64_t random = uv_hrtime() * UINT64_C(2654435761) | 1;
  uint64_t end = uv_hrtime() + TEST_PATIENCE_MS * UINT64_C(1000000);
  uint64_t* words;
  void* block;
  void* old;
  int err;

  while (rounds-- != 0 && uv_hrtime() < end) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    block = NULL;
    if (random & 3) {
      err = uvshm_heap_alloc(segment, &block, exchange_size(random), 0);
      if (err != 0 && err != UV_ENOSPC) return 5;
    }
    words = block;
    if (words != NULL) {
      words[0] = exchange_size(random);
      words[words[0] / 8 - 1] = words[0];
    }
    if (uvshm_heap_publish(
            segment, &table[(random >> 8) % SLOTS], block, &old) != 0)
      return 6;
    words = old;
    if (words == NULL) continue;
    if (words[0] < 16 || words[words[0] / 8 - 1] != words[0]) return 7;
    if (uvshm_heap_free(segment, old) != 0) return 8;
  }
  return 0;
}


static uvshm_ref_t* find_table(uvshm_segment_t* segment) {
  uvshm_ref_t* root;

  if (uvshm_heap_root(segment, "table", &root) != 0) return NULL;
  return uvshm_heap_pointer(
      segment, uvshm_heap_get(root), SLOTS * sizeof(*root));
}


/* NAME ROUNDS */
static int exchanger(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_ref_t* table;
  int err;

  if (argc < 2) return 2;
  segment = open_one(argv[0], 0, 0, 0);
  if (segment == NULL) return 3;
  table = find_table(segment);
  if (table == NULL) return 4;
  test_say("ready");
  err = exchange(segment, table, atoi(argv[1]));
  uvshm_segment_close(segment);
  return err;
}


struct exchanging {
  uvshm_segment_t* segment;
  uvshm_ref_t* table;
  int err;
};


static void exchange_in_thread(void* arg) {
  struct exchanging* exchanging = arg;

  exchanging->err = exchange(exchanging->segment, exchanging->table, 10000);
}


static uint64_t linked(const uvshm_segment_t* segment,
                       const uvshm_ref_t* table) {
  uint64_t count = 0;
  size_t i;

  for (i = 0; i < SLOTS; i++)
    if (uvshm_heap_get(&table[i]).offset != 0) {
      assert_true(
          uvshm_heap_size(segment,
                          uvshm_heap_pointer(
                              segment, uvshm_heap_get(&table[i]), 16)) >= 16);
      count++;
    }
  return count;
}


static uvshm_ref_t* make_table(uvshm_segment_t* segment) {
  uvshm_ref_t* root;
  void* table;

  assert_int_equal(uvshm_heap_root(segment, "table", &root), 0);
  assert_int_equal(uvshm_heap_calloc(segment, &table, SLOTS, sizeof(*root), 0),
                   0);
  assert_int_equal(uvshm_heap_publish(segment, root, table, NULL), 0);
  return table;
}


static void two_processes_exchange_blocks(void** state) {
  const char* name = test_name("heap");
  uvshm_segment_t* segment = open_one(name, UVSHM_CREATE, 0, 64 * MIB);
  struct test_process processes[2];
  uvshm_ref_t* table;
  int i;

  (void) state;
  assert_non_null(segment);
  table = make_table(segment);
  for (i = 0; i < 2; i++)
    test_spawn(&processes[i], "exchanger", name, "20000", NULL);
  for (i = 0; i < 2; i++) test_expect(&processes[i], "ready");
  for (i = 0; i < 2; i++) assert_int_equal(test_join(&processes[i]), 0);
  assert_true(info_of(segment).blocks == 1 + linked(segment, table));
  assert_true(info_of(segment).private_blocks == 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


static void threads_exchange_blocks(void** state) {
  uvshm_segment_t* segment =
      open_one(test_name("heap"), UVSHM_CREATE, 0, 24 * MIB);
  struct exchanging exchanging[3];
  uv_thread_t threads[3];
  uvshm_ref_t* table;
  int i;

  (void) state;
  assert_non_null(segment);
  table = make_table(segment);
  for (i = 0; i < 3; i++) {
    exchanging[i].segment = segment;
    exchanging[i].table = table;
    uv_thread_create(&threads[i], exchange_in_thread, &exchanging[i]);
  }
  for (i = 0; i < 3; i++) uv_thread_join(&threads[i]);
  for (i = 0; i < 3; i++) assert_int_equal(exchanging[i].err, 0);
  assert_true(info_of(segment).blocks == 1 + linked(segment, table));
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
}


/* Killed at random, no block is lost and none is linked that is free. */
static void killed_exchangers_lose_nothing(void** state) {
  const char* name = test_name("heap");
  uvshm_segment_t* segment = open_one(name, UVSHM_CREATE, 0, 64 * MIB);
  struct test_process processes[2];
  uvshm_ref_t* table;
  int round;
  int i;

  (void) state;
  assert_non_null(segment);
  table = make_table(segment);
  for (round = 0; round < 15; round++) {
    for (i = 0; i < 2; i++)
      test_spawn(&processes[i], "exchanger", name, "-1", NULL);
    for (i = 0; i < 2; i++) test_expect(&processes[i], "ready");
    test_sleep_ms(5 + (unsigned int) round * 3);
    for (i = 0; i < 2; i++) test_kill(&processes[i]);
    assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
    assert_int_equal(uvshm_segment_check(segment), 0);
    assert_true(info_of(segment).blocks == 1 + linked(segment, table));
    assert_true(info_of(segment).private_blocks == 0);
  }
  uvshm_segment_close(segment);
}


static int nothing_left(void** state) {
  (void) state;
  return test_leftovers();
}


static const struct test_role roles[] = {
    {"holder", holder}, {"exchanger", exchanger}, {NULL, NULL}};


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_come_and_go),
      cmocka_unit_test(misuse_is_told),
      cmocka_unit_test(resizing_keeps_the_bytes),
      cmocka_unit_test(it_grows_with_the_segment),
      cmocka_unit_test(a_root_is_found_by_its_name),
      cmocka_unit_test(what_is_freed_is_marked),
      cmocka_unit_test(marks_go_with_the_next_lock_or_wait),
      cmocka_unit_test(the_published_stays_when_its_maker_is_killed),
      cmocka_unit_test(the_private_goes_when_its_owner_closes),
      cmocka_unit_test(two_processes_exchange_blocks),
      cmocka_unit_test(threads_exchange_blocks),
      cmocka_unit_test(killed_exchangers_lose_nothing),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, nothing_left);
}
