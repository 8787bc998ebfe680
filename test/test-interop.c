/* SPDX-License-Identifier: MIT */

/* Programs that were built in different ways share one object: 32 and 64 bits,
 * glibc and musl, and, through a file, a Windows program under Wine and a Linux
 * one. The other build of this program is named in the environment:
 *
 *   UVSHM_INTEROP_PROGRAM  its path
 *   UVSHM_INTEROP_RUNNER   what runs it, "/usr/lib/wine/wine64"; empty: nothing
 *
 * Without it the cases are skipped. scripts/test-interop.sh builds and names
 * the pairs. */

#include "harness.h"

#include "base/atomic.h"
#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define ROUNDS 20000
#define READS 10000000

static const char* program;
static const char* runner;


/* What both sides know of the plain bytes of a region. */
struct shared {
  uvshm__a32_t stop;
  uvshm__a32_t seen;
  uvshm__a64_t counter;
  double number;
  int64_t whole;
  char text[32];
};


/* ---- roles --------------------------------------------------------------- */

/* Add to a counter under a mutex of a segment, in turn with the parent. */
static int role_adder(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_region_t* region;
  volatile uint64_t* counter;
  int i;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_mutex_open(&mutex, segment, "m", NULL) < 0) return 2;
  if (uvshm_region_open(&region, argv[1], NULL) < 0) return 3;
  counter = uvshm_region_base(region);
  test_say("ready %d", (int) sizeof(void*));
  if (test_hear() == NULL) return 4;
  for (i = 0; i < ROUNDS; i++) {
    if (uvshm_mutex_lock(mutex, 20000) != 0) return 5;
    *counter = *counter + 1;
    if (uvshm_mutex_unlock(mutex) != 0) return 6;
  }
  if (uvshm_segment_check(segment) != 0) return 7;
  if (uvshm_region_grow(region, 300000) != 0) return 8;
  uvshm_mutex_close(mutex);
  uvshm_region_close(region);
  uvshm_segment_close(segment);
  return 0;
}


/* Die holding the mutex. */
static int role_dier(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_mutex_open(&mutex, segment, "m", NULL) < 0) return 2;
  test_say("locked %d", uvshm_mutex_lock(mutex, 20000));
  (void) test_hear();
  _Exit(0);
}


/* Read a 64-bit word through a read-only mapping while the parent writes it:
 * both halves always belong to one value. */
static int role_reader(int argc, char** argv) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  const struct shared* shared;
  uint64_t value;
  uint64_t torn = 0;
  int i;

  (void) argc;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_READONLY;
  if (uvshm_region_open(&region, argv[0], &options) < 0) return 1;
  shared = uvshm_region_base(region);
  test_say("ready %d", (int) sizeof(void*));
  for (i = 0; i < READS; i++) {
    value = uvshm__a64_load_acquire(&shared->counter);
    if ((value >> 32) != (value & 0xffffffff)) torn++;
  }
  test_say("torn %d", (int) torn);
  uvshm_region_close(region);
  return 0;
}


/* The same plain file, at the same time. */
static int role_file(int argc, char** argv) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  struct shared* shared;
  uint32_t i;

  (void) argc;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_FILE;
  if (uvshm_region_open(&region, argv[0], &options) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 1;
  }
  shared = uvshm_region_base(region);
  if (strcmp(shared->text, "over to you") != 0) return 2;
  if (shared->number != 0.125 || shared->whole != -5) return 3;
  test_say("ready %d", (int) sizeof(void*));
  for (i = 0; i < ROUNDS; i++) {
    while (uvshm__a32_load_acquire(&shared->seen) != 2 * i + 1)
      if (uvshm__a32_load_acquire(&shared->stop)) return 4;
    uvshm__a32_store_release(&shared->seen, 2 * i + 2);
  }
  uvshm_region_close(region);
  return 0;
}


/* A managed file with a segment, after the parent has closed it. */
static int role_after(int argc, char** argv) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_segment_info_t info;
  uvshm_mutex_t* mutex;

  (void) argc;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_FILE | UVSHM_MANAGED;
  if (uvshm_segment_open(&segment, argv[0], &options) < 0) {
    fprintf(stderr, "%s\n", uvshm_error_detail());
    return 1;
  }
  if (uvshm_segment_info(segment, &info) < 0 || info.objects != 1) return 2;
  if (uvshm_mutex_open(&mutex, segment, "made here", NULL) < 0) return 3;
  if (uvshm_mutex_lock(mutex, 0) != 0) return 4;
  uvshm_mutex_unlock(mutex);
  if (uvshm_segment_check(segment) != 0) return 5;
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* Values of both sides' keys differ in size and content. */
static int put_and_get(uvshm_map_t* map, uint64_t side) {
  unsigned char value[40];
  uint64_t key[2];
  size_t size;
  uint64_t i;
  int64_t sum;

  for (i = 0; i < ROUNDS / 4; i++) {
    key[0] = side;
    key[1] = i;
    memset(value, (int) (side + i) & 0xff, sizeof(value));
    if (uvshm_map_put(map, key, sizeof(key), value, (size_t) (i % 40)) < 0)
      return 0;
    if (uvshm_map_add(map, "sum", 3, (int64_t) 1 << 31, &sum) < 0) return 0;
    size = sizeof(value);
    if (uvshm_map_get(map, key, sizeof(key), value, &size, NULL) < 0 ||
        size != i % 40)
      return 0;
  }
  return 1;
}


static int role_mapper(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_map_t* map;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_map_open(&map, segment, "map", NULL) < 0) return 2;
  if (!put_and_get(map, 2)) return 3;
  if (uvshm_segment_check(segment) != 0) return 4;
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  return 0;
}


/* A message has a size and bytes that follow from its number. */
#define MESSAGE_MAX 100u

static size_t make_message(unsigned char* bytes, uint64_t number) {
  size_t size = 8 + (size_t) (number % (MESSAGE_MAX - 8));

  memset(bytes, (int) (number & 0xff), size);
  memcpy(bytes, &number, sizeof(number));
  return size;
}


static int is_message(const void* bytes, size_t size, uint64_t number) {
  unsigned char expected[MESSAGE_MAX];

  return size == make_message(expected, number) &&
         memcmp(bytes, expected, size) == 0;
}


static const struct {
  const char* name;
  uint32_t flags;
} kinds[] = {{"stream", UVSHM_CHANNEL_STREAM},
             {"queue", UVSHM_CHANNEL_QUEUE},
             {"topic", UVSHM_CHANNEL_TOPIC | UVSHM_CHANNEL_LOSSLESS}};


static uvshm_channel_t* open_end(uvshm_segment_t* segment,
                                 unsigned int kind,
                                 uint32_t end) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = end | kinds[kind].flags;
  options.size_max = MESSAGE_MAX;
  options.messages = 16;
  (void) !uvshm_channel_open(&channel, segment, kinds[kind].name, &options);
  return channel;
}


/* Half of them by copy, half in place. */
static int send_all(uvshm_channel_t* channel) {
  unsigned char bytes[MESSAGE_MAX];
  uint64_t i;
  size_t size;
  void* room;
  int err = 0;

  for (i = 0; i < ROUNDS && err == 0; i++) {
    size = make_message(bytes, i);
    if (i % 2 == 0) {
      err = uvshm_channel_send(channel, bytes, size, 20000);
      continue;
    }
    err = uvshm_channel_claim(channel, &room, size, 20000);
    if (err < 0) break;
    memcpy(room, bytes, size);
    err = uvshm_channel_commit(channel, room, size);
  }
  return err;
}


/* All kinds, one after the other; then a value for a cell. */
static int role_speaker(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_channel_t* channel;
  unsigned char bytes[MESSAGE_MAX];
  uvshm_cell_t* cell;
  unsigned int kind;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_cell_open(&cell, segment, "cell", NULL) < 0) return 2;
  for (kind = 0; kind < 3; kind++) {
    channel = open_end(segment, kind, UVSHM_WRITER);
    if (channel == NULL || send_all(channel) != 0) return 3;
    uvshm_channel_close(channel);
  }
  if (uvshm_cell_write(cell, bytes, make_message(bytes, ROUNDS)) != 0) return 4;
  if (uvshm_segment_check(segment) != 0) return 5;
  uvshm_cell_close(cell);
  uvshm_segment_close(segment);
  return 0;
}


/* Die in a transaction. */
static int role_spender(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_ref_t* root;
  uint64_t* money;
  uvshm_txn_t txn;
  void* block;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  if (uvshm_mutex_open(&mutex, segment, "m", NULL) < 0) return 2;
  if (uvshm_heap_root(segment, "money", &root) < 0) return 3;
  money = uvshm_heap_pointer(segment, uvshm_heap_get(root), 1000);
  if (money == NULL || uvshm_txn_begin(&txn, mutex, 20000) != 0) return 4;
  if (uvshm_txn_save(&txn, money, 1000) != 0) return 5;
  memset(money, 0xee, 1000);
  if (uvshm_txn_alloc(&txn, &block, 5000) != 0) return 6;
  if (uvshm_txn_free(&txn, money) != 0) return 7;
  test_say("spent");
  (void) test_hear();
  return 0;
}


static const struct test_role roles[] = {{"adder", role_adder},
                                         {"dier", role_dier},
                                         {"reader", role_reader},
                                         {"file", role_file},
                                         {"after", role_after},
                                         {"mapper", role_mapper},
                                         {"speaker", role_speaker},
                                         {"spender", role_spender},
                                         {NULL, NULL}};


/* ---- cases --------------------------------------------------------------- */

static void need_program(int same_system) {
  program = getenv("UVSHM_INTEROP_PROGRAM");
  runner = getenv("UVSHM_INTEROP_RUNNER");
  if (runner != NULL && *runner == '\0') runner = NULL;
  if (program == NULL || *program == '\0') skip();
  if (same_system && runner != NULL) skip(); /* objects are not shared */
}


static uvshm_region_t* make_region(const char* name, uint32_t flags) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = 4096;
  if (!(flags & UVSHM_FILE)) options.max_size = 1 << 20;
  if (uvshm_region_open(&region, name, &options) < 0)
    fail_msg("%s", uvshm_error_detail());
  return region;
}


TEST(interop_programs_share_a_segment_and_its_locks) {
  char segment_name[64];
  char region_name[64];
  char line[64];
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  struct test_process other;
  volatile uint64_t* counter;
  int i;

  (void) state;
  need_program(1);
  snprintf(segment_name, sizeof(segment_name), "%s", test_name("segment"));
  snprintf(region_name, sizeof(region_name), "%s", test_name("region"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  assert_int_equal(uvshm_segment_open(&segment, segment_name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  region = make_region(region_name, 0);
  counter = uvshm_region_base(region);
  test_spawn_other(
      &other, runner, program, "adder", segment_name, region_name, NULL);
  test_expect_line(&other, line, sizeof(line));
  printf(
      "this program: %d-bit; the other: %s\n", (int) sizeof(void*) * 8, line);
  test_tell(&other, "go");
  for (i = 0; i < ROUNDS; i++) {
    assert_int_equal(uvshm_mutex_lock(mutex, 20000), 0);
    *counter = *counter + 1;
    assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  }
  assert_int_equal(test_join(&other), 0);
  assert_int_equal(*counter, 2 * ROUNDS);
  assert_int_equal(uvshm_region_size(region), 300000);
  uvshm_mutex_close(mutex);
  uvshm_region_close(region);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(interop_death_of_the_other_is_told) {
  char name[64];
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  struct test_process other;

  (void) state;
  need_program(1);
  snprintf(name, sizeof(name), "%s", test_name("death"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  test_spawn_other(&other, runner, program, "dier", name, NULL);
  test_expect(&other, "locked 0");
  test_kill(&other);
  assert_int_equal(uvshm_mutex_lock(mutex, 20000), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(interop_reader_sees_no_torn_counter) {
  char name[64];
  char line[64];
  uvshm_region_t* region;
  struct shared* shared;
  struct test_process other;
  uint64_t value = 0;

  (void) state;
  need_program(1);
  snprintf(name, sizeof(name), "%s", test_name("torn"));
  region = make_region(name, 0);
  shared = uvshm_region_base(region);
  test_spawn_other(&other, runner, program, "reader", name, NULL);
  test_expect_line(&other, line, sizeof(line));
  while (memchr(other.text, '\n', other.size) == NULL && !other.exited) {
    for (int i = 0; i < 100000; i++) {
      value += UINT64_C(0x100000001);
      uvshm__a64_store_release(&shared->counter, value);
    }
    uv_run(&other.loop, UV_RUN_NOWAIT);
  }
  test_expect(&other, "torn 0");
  assert_int_equal(test_join(&other), 0);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


TEST(interop_programs_share_a_plain_file_at_once) {
  char path[1200];
  char line[64];
  uvshm_region_t* region;
  struct shared* shared;
  struct test_process other;
  uint32_t i;
  uv_fs_t request;

  (void) state;
  need_program(0);
  snprintf(path, sizeof(path), "%s", test_path("file"));
  region = make_region(path, UVSHM_FILE);
  shared = uvshm_region_base(region);
  strcpy(shared->text, "over to you");
  shared->number = 0.125;
  shared->whole = -5;
  test_spawn_other(&other, runner, program, "file", path, NULL);
  test_expect_line(&other, line, sizeof(line));
  for (i = 0; i < ROUNDS; i++) {
    uvshm__a32_store_release(&shared->seen, 2 * i + 1);
    while (uvshm__a32_load_acquire(&shared->seen) != 2 * i + 2) uvshm__pause();
  }
  assert_int_equal(test_join(&other), 0);
  uvshm_region_close(region);
  uv_fs_unlink(NULL, &request, path, NULL);
}


TEST(interop_programs_use_a_segment_in_a_file_one_after_the_other) {
  char path[1200];
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_segment_info_t info;
  uvshm_mutex_t* mutex;
  struct test_process other;

  (void) state;
  need_program(0);
  snprintf(path, sizeof(path), "%s", test_path("segment"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_FILE | UVSHM_MANAGED;
  assert_int_equal(uvshm_segment_open(&segment, path, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  test_spawn_other(&other, runner, program, "after", path, NULL);
  assert_int_equal(test_join(&other), 0);
  options.flags = UVSHM_FILE | UVSHM_MANAGED;
  assert_int_equal(uvshm_segment_open(&segment, path, &options), 0);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  assert_int_equal(info.objects, 2);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(uvshm_segment_unlink(path, UVSHM_FILE | UVSHM_MANAGED), 0);
}


TEST(interop_programs_share_a_map) {
  char name[64];
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_map_info_t info;
  uvshm_map_t* map;
  struct test_process other;
  uint64_t key[2];
  uint64_t i;
  int64_t sum;

  (void) state;
  need_program(1);
  snprintf(name, sizeof(name), "%s", test_name("segment"));
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.max_size = 16 << 20;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_map_open(&map, segment, "map", NULL), 0);
  test_spawn_other(&other, runner, program, "mapper", name, NULL);
  assert_true(put_and_get(map, 1));
  assert_int_equal(test_join(&other), 0);
  assert_int_equal(uvshm_map_add(map, "sum", 3, 0, &sum), 0);
  assert_true(sum == (int64_t) (ROUNDS / 4 * 2) << 31);
  assert_int_equal(uvshm_map_info(map, &info), 0);
  assert_int_equal(info.count, ROUNDS / 4 * 2 + 1);
  for (i = 0; i < ROUNDS / 4; i++) {
    key[0] = 2;
    key[1] = i;
    assert_int_equal(uvshm_map_contains(map, key, sizeof(key)), 0);
  }
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_map_close(map);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


/* Half of them by copy, half in place; then the end that the other gave. */
static void receive_all(uvshm_channel_t* channel) {
  unsigned char bytes[MESSAGE_MAX];
  const void* message = bytes;
  uint64_t i;
  size_t size;

  for (i = 0; i < ROUNDS; i++) {
    size = sizeof(bytes);
    if (i % 3 == 0)
      assert_int_equal(uvshm_channel_recv(channel, bytes, &size, 20000), 0);
    else
      assert_int_equal(uvshm_channel_peek(channel, &message, &size, 20000), 0);
    assert_true(is_message(i % 3 == 0 ? bytes : message, size, i));
    if (i % 3 != 0)
      assert_int_equal(uvshm_channel_release(channel, message), 0);
  }
  assert_int_equal(uvshm_channel_peek(channel, &message, &size, 20000), UV_EOF);
}


TEST(interop_programs_pass_messages) {
  char name[64];
  uvshm_segment_options_t options;
  uvshm_cell_options_t of_messages;
  uvshm_segment_t* segment;
  uvshm_channel_t* channels[3];
  uvshm_cell_t* cell;
  struct test_process other;
  unsigned char bytes[MESSAGE_MAX];
  size_t size = sizeof(bytes);
  uint64_t version = 0;
  unsigned int kind;

  (void) state;
  need_program(1);
  snprintf(name, sizeof(name), "%s", test_name("messages"));
  memset(&options, 0, sizeof(options));
  memset(&of_messages, 0, sizeof(of_messages));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  of_messages.size = MESSAGE_MAX;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_cell_open(&cell, segment, "cell", &of_messages), 0);
  for (kind = 0; kind < 3; kind++) {
    channels[kind] = open_end(segment, kind, UVSHM_READER);
    assert_non_null(channels[kind]);
  }
  test_spawn_other(&other, runner, program, "speaker", name, NULL);
  for (kind = 0; kind < 3; kind++) receive_all(channels[kind]);
  assert_int_equal(uvshm_cell_wait(cell, &version, 20000), 0);
  assert_int_equal(uvshm_cell_read(cell, bytes, &size, NULL), 0);
  assert_true(is_message(bytes, size, ROUNDS));
  assert_int_equal(test_join(&other), 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  for (kind = 0; kind < 3; kind++) uvshm_channel_close(channels[kind]);
  uvshm_cell_close(cell);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


/* What the other has saved, we put back. */
TEST(interop_transaction_of_the_other_is_taken_back) {
  char name[64];
  uvshm_segment_options_t options;
  uvshm_mutex_options_t with_log;
  uvshm_segment_t* segment;
  uvshm_heap_info_t info;
  uvshm_mutex_t* mutex;
  uvshm_ref_t* root;
  unsigned char* money;
  uvshm_txn_t txn;
  struct test_process other;
  uint64_t blocks;
  size_t i;

  (void) state;
  need_program(1);
  snprintf(name, sizeof(name), "%s", test_name("money"));
  memset(&options, 0, sizeof(options));
  memset(&with_log, 0, sizeof(with_log));
  options.flags = UVSHM_CREATE;
  options.size = 1 << 20;
  with_log.log_size = 2048;
  assert_int_equal(uvshm_segment_open(&segment, name, &options), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", &with_log), 0);
  assert_int_equal(uvshm_heap_root(segment, "money", &root), 0);
  assert_int_equal(uvshm_heap_alloc(segment, (void**) &money, 1000, 0), 0);
  for (i = 0; i < 1000; i++) money[i] = (unsigned char) i;
  assert_int_equal(uvshm_heap_publish(segment, root, money, NULL), 0);
  assert_int_equal(uvshm_heap_info(segment, &info), 0);
  blocks = info.blocks;

  test_spawn_other(&other, runner, program, "spender", name, NULL);
  test_expect(&other, "spent");
  assert_int_equal(money[0], 0xee);
  test_kill(&other);
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 20000), UVSHM_OWNER_DIED);
  for (i = 0; i < 1000; i++) assert_int_equal(money[i], i & 0xff);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  assert_int_equal(uvshm_segment_repair(segment, NULL), 0);
  assert_int_equal(uvshm_heap_info(segment, &info), 0);
  assert_int_equal(info.blocks, blocks);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(interop_programs_share_a_segment_and_its_locks),
      cmocka_unit_test(interop_death_of_the_other_is_told),
      cmocka_unit_test(interop_reader_sees_no_torn_counter),
      cmocka_unit_test(interop_programs_share_a_map),
      cmocka_unit_test(interop_programs_pass_messages),
      cmocka_unit_test(interop_transaction_of_the_other_is_taken_back),
      cmocka_unit_test(interop_programs_share_a_plain_file_at_once),
      cmocka_unit_test(
          interop_programs_use_a_segment_in_a_file_one_after_the_other),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("interop", tests, NULL, NULL);
}
