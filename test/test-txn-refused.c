/* SPDX-License-Identifier: MIT */

/* What cannot be done in a transaction, or with one that is over or another
 * thread's, is refused and harms nothing. */

#include "harness.h"
#include "txn_desk.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- cases --------------------------------------------------------------- */

TEST(txn_needs_a_mutex_with_a_log) {
  struct shop shop = make_shop(test_name("nolog"));
  uvshm_mutex_options_t options;
  uvshm_mutex_t* plain;
  uvshm_mutex_t* mutex;
  uvshm_txn_t txn;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&plain, shop.segment, "plain", NULL), 0);
  assert_int_equal(uvshm_txn_begin(&txn, plain, 0), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "log_size"));

  memset(&options, 0, sizeof(options));
  options.log_size = 64;
  assert_int_equal(uvshm_mutex_open(&mutex, shop.segment, "plain", &options),
                   UV_EPROTOTYPE);
  assert_int_equal(uvshm_mutex_open(&mutex, NULL, test_name("x"), &options),
                   UV_EINVAL);
  options.flags = UVSHM_MUTEX_RECURSIVE;
  assert_int_equal(uvshm_mutex_open(&mutex, shop.segment, "r", &options),
                   UV_EINVAL);
  options.flags = 0;
  options.log_size = UINT64_MAX;
  assert_int_equal(uvshm_mutex_open(&mutex, shop.segment, "r", &options),
                   UV_EINVAL);
  options.log_size = 1 << 28;
  assert_int_equal(uvshm_mutex_open(&mutex, shop.segment, "r", &options),
                   UV_ENOSPC);
  /* The second to open it need not know the size. */
  assert_int_equal(uvshm_mutex_open(&mutex, shop.segment, "till", NULL), 0);
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 0), 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  uvshm_mutex_close(mutex);
  uvshm_mutex_close(plain);
  is_well(&shop);
  close_shop(&shop);
}


static uvshm_map_t* open_map(const struct shop* shop) {
  uvshm_map_t* map;

  if (uvshm_map_open(&map, shop->segment, "stock", NULL) < 0)
    fail_msg("%s", uvshm_error_detail());
  assert_int_equal(uvshm_map_put(map, "a", 1, "old", 3), 0);
  return map;
}


/* The list in txn.h, for maps. */
TEST(txn_lets_maps_be_read_and_not_changed) {
  struct shop shop = make_shop(test_name("maps"));
  uvshm_map_t* map = open_map(&shop);
  uvshm_map_cursor_t cursor = {{0, 0}};
  uvshm_map_info_t info;
  uvshm_txn_t txn;
  uint64_t version;
  char value[8];
  char key[8];
  size_t size = sizeof(value);
  size_t key_size = sizeof(key);
  int64_t sum;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_map_get(map, "a", 1, value, &size, &version), 0);
  assert_int_equal(uvshm_map_contains(map, "a", 1), 0);
  assert_int_equal(uvshm_map_info(map, &info), 0);
  assert_int_equal(uvshm_map_next(map, &cursor, key, &key_size, NULL, NULL), 0);

  assert_int_equal(uvshm_map_put(map, "a", 1, "new", 3), UV_EINVAL);
  assert_int_equal(uvshm_map_put_if_absent(map, "b", 1, "new", 3), UV_EINVAL);
  assert_int_equal(uvshm_map_replace_if(map, "a", 1, "new", 3, &version),
                   UV_EINVAL);
  assert_int_equal(uvshm_map_add(map, "n", 1, 1, &sum), UV_EINVAL);
  assert_int_equal(uvshm_map_expire(map, "a", 1, 1), UV_EINVAL);
  assert_int_equal(uvshm_map_remove(map, "a", 1), UV_EINVAL);
  size = sizeof(value);
  assert_int_equal(uvshm_map_take(map, "a", 1, value, &size), UV_EINVAL);
  assert_int_equal(uvshm_map_clear(map), UV_EINVAL);
  assert_int_equal(uvshm_txn_commit(&txn), 0);

  size = sizeof(value);
  assert_int_equal(uvshm_map_get(map, "a", 1, value, &size, NULL), 0);
  assert_memory_equal(value, "old", 3);
  assert_int_equal(uvshm_map_info(map, &info), 0);
  assert_int_equal(info.count, 1);
  assert_int_equal(uvshm_map_put(map, "a", 1, "new", 3), 0);
  uvshm_map_close(map);
  is_well(&shop);
  close_shop(&shop);
}


static void all_calls_are_refused(uvshm_channel_t* writer,
                                  uvshm_channel_t* reader,
                                  void* claimed,
                                  const void* peeked) {
  uvshm_message_t message = {0};
  const void* in_place;
  char bytes[8];
  size_t size = sizeof(bytes);
  size_t one = 1;
  void* room;

  message.bytes = bytes;
  message.size = sizeof(bytes);
  assert_int_equal(uvshm_channel_send(writer, "x", 1, 0), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "transaction"));
  assert_int_equal(uvshm_channel_send_many(writer, &message, &one, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_channel_claim(writer, &room, 1, 0), UV_EINVAL);
  assert_int_equal(uvshm_channel_commit(writer, claimed, 1), UV_EINVAL);
  assert_int_equal(uvshm_channel_abort(writer, claimed), UV_EINVAL);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), UV_EINVAL);
  assert_int_equal(uvshm_channel_recv_many(reader, &message, &one, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_channel_peek(reader, &in_place, &size, 0), UV_EINVAL);
  assert_int_equal(uvshm_channel_release(reader, peeked), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "jobs"));
}


struct sender {
  uvshm_channel_t* writer;
  int result;
};


static void send_in_thread(void* arg) {
  struct sender* sender = arg;

  sender->result = uvshm_channel_send(sender->writer, "t", 1, 0);
}


/* As a stream has it, whose calls have no lane otherwise. Before, while there
 * has been no transaction at all, and after: all is as ever. */
static void channel_of_kind(uint32_t kind) {
  struct shop shop = make_shop(test_name("sends"));
  uvshm_channel_options_t options = {.flags = kind | UVSHM_WRITER};
  uvshm_channel_info_t info;
  struct sender sender;
  uvshm_channel_t* reader;
  uvshm_channel_t* alone;
  uv_thread_t thread;
  const void* peeked;
  uvshm_txn_t txn;
  void* claimed;
  char bytes[8];
  size_t size;

  assert_int_equal(
      uvshm_channel_open(&sender.writer, shop.segment, "jobs", &options), 0);
  assert_int_equal(
      uvshm_channel_open(&alone, NULL, test_name("alone"), &options), 0);
  options.flags = kind | UVSHM_READER;
  assert_int_equal(uvshm_channel_open(&reader, shop.segment, "jobs", &options),
                   0);
  assert_int_equal(uvshm_channel_send(sender.writer, "a", 1, 0), 0);
  assert_int_equal(uvshm_channel_peek(reader, &peeked, &size, 0), 0);
  assert_int_equal(uvshm_channel_claim(sender.writer, &claimed, 1, 0), 0);
  memcpy(claimed, "b", 1);

  begin(&txn, &shop, 0);
  all_calls_are_refused(sender.writer, reader, claimed, peeked);
  assert_int_equal(uvshm_channel_info(reader, &info), 0);
  assert_int_equal(info.sent, 1);
  /* Another segment's is not affected. */
  assert_int_equal(uvshm_channel_send(alone, "x", 1, 0), 0);
  assert_int_equal(uvshm_txn_abort(&txn), 0);

  assert_int_equal(uvshm_channel_release(reader, peeked), 0);
  assert_int_equal(uvshm_channel_commit(sender.writer, claimed, 1), 0);
  size = sizeof(bytes);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), 0);
  assert_memory_equal(bytes, "b", 1);

  /* Nor is another thread. */
  begin(&txn, &shop, 0);
  uv_thread_create(&thread, send_in_thread, &sender);
  uv_thread_join(&thread);
  assert_int_equal(sender.result, 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  size = sizeof(bytes);
  assert_int_equal(uvshm_channel_recv(reader, bytes, &size, 0), 0);
  assert_memory_equal(bytes, "t", 1);

  uvshm_channel_close(alone);
  uvshm_channel_close(reader);
  uvshm_channel_close(sender.writer);
  is_well(&shop);
  close_shop(&shop);
}


TEST(txn_refuses_messages) {
  (void) state;
  channel_of_kind(UVSHM_CHANNEL_STREAM);
  channel_of_kind(UVSHM_CHANNEL_QUEUE);
  channel_of_kind(UVSHM_CHANNEL_TOPIC);
}


/* The list in txn.h. */
TEST(txn_refuses_inside_what_it_cannot_take_back) {
  struct shop shop = make_shop(test_name("inside"));
  uvshm_mutex_options_t options;
  uvshm_mutex_t* other;
  uvshm_mutex_t* logged;
  uvshm_sem_t* sem;
  uvshm_heap_info_t info;
  uvshm_txn_t second;
  uvshm_txn_t txn;
  uvshm_ref_t* root;
  void* block;
  void* mine;
  uint64_t before;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.log_size = 256;
  assert_int_equal(uvshm_mutex_open(&other, shop.segment, "other", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&logged, shop.segment, "2", &options), 0);
  assert_int_equal(uvshm_sem_open(&sem, shop.segment, "sem", NULL), 0);
  assert_int_equal(uvshm_heap_root(shop.segment, "bank", &root), 0);
  assert_int_equal(uvshm_heap_alloc(shop.segment, &mine, 64, 0), 0);
  before = blocks(&shop);

  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_txn_save(&txn, shop.bank, 8), 0);
  shop.bank->balance[0] = 99;

  /* Not nested, not given back on the way. */
  assert_int_equal(uvshm_txn_begin(&second, logged, 0), UV_EINVAL);
  assert_int_equal(uvshm_txn_begin(&second, shop.lock, 0), UV_EINVAL);
  assert_int_equal(uvshm_mutex_lock(shop.lock, 0), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlock(shop.lock), UV_EINVAL);
  assert_int_equal(uvshm_mutex_abandon(shop.lock), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "in a transaction"));

  /* The heap has calls of its own for it. */
  assert_int_equal(uvshm_heap_alloc(shop.segment, &block, 64, 0), UV_EINVAL);
  assert_int_equal(uvshm_heap_calloc(shop.segment, &block, 1, 64, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_resize(shop.segment, &mine, 5000), UV_EINVAL);
  assert_int_equal(uvshm_heap_free(shop.segment, mine), UV_EINVAL);
  assert_int_equal(uvshm_heap_publish(shop.segment, root, mine, &block),
                   UV_EINVAL);
  assert_int_equal(uvshm_heap_info(shop.segment, &info), 0);

  /* On their own. */
  assert_int_equal(uvshm_mutex_lock(other, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(other), 0);
  assert_int_equal(uvshm_sem_post(sem, 1), 0);

  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_true(shop.bank->balance[0] == 0);
  assert_int_equal(uvshm_sem_wait(sem, 0), 0);
  assert_true(blocks(&shop) == before);
  assert_int_equal(uvshm_heap_free(shop.segment, mine), 0);
  is_well(&shop);
  uvshm_sem_close(sem);
  uvshm_mutex_close(logged);
  uvshm_mutex_close(other);
  close_shop(&shop);
}


TEST(txn_that_has_ended_is_over) {
  struct shop shop = make_shop(test_name("over"));
  uvshm_txn_t txn;
  uvshm_txn_t copy;

  (void) state;
  begin(&txn, &shop, 0);
  copy = txn;
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  assert_int_equal(uvshm_txn_save(&txn, shop.bank, 8), UV_EINVAL);
  assert_int_equal(uvshm_txn_commit(&txn), UV_EINVAL);
  assert_int_equal(uvshm_txn_abort(&txn), UV_EINVAL);
  assert_int_equal(uvshm_txn_save(&copy, shop.bank, 8), UV_EINVAL);
  assert_int_equal(uvshm_txn_commit(&copy), UV_EINVAL);
  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  close_shop(&shop);
}


TEST(txn_is_taken_back_when_the_handle_is_closed) {
  const char* name = test_name("closed");
  struct shop shop = make_shop(name);
  uvshm_txn_t txn;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_txn_save(&txn, &shop.bank->moves, 8), 0);
  shop.bank->moves = 5;
  uvshm_mutex_close(shop.lock);
  assert_true(shop.bank->moves == 0);
  assert_int_equal(uvshm_mutex_open(&shop.lock, shop.segment, "till", NULL), 0);
  begin(&txn, &shop, UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  close_shop(&shop);
}


struct other {
  struct shop* shop;
  uvshm_txn_t* txn;
  int results[4];
};


static void use_anothers(void* arg) {
  struct other* other = arg;

  other->results[0] = uvshm_txn_save(other->txn, other->shop->bank, 8);
  other->results[1] = uvshm_txn_commit(other->txn);
  other->results[2] = uvshm_txn_abort(other->txn);
}


static void leave_in_the_midst(void* arg) {
  struct other* other = arg;
  uvshm_txn_t txn;

  other->results[0] = uvshm_txn_begin(&txn, other->shop->lock, 0);
  other->results[1] =
      uvshm_txn_save(&txn, &other->shop->bank->moves, sizeof(uint64_t));
  other->shop->bank->moves = 6;
}


TEST(txn_is_its_threads_alone) {
  struct shop shop = make_shop(test_name("thread"));
  struct other other;
  uvshm_txn_t txn;
  uv_thread_t thread;

  (void) state;
  begin(&txn, &shop, 0);
  other.shop = &shop;
  other.txn = &txn;
  uv_thread_create(&thread, use_anothers, &other);
  uv_thread_join(&thread);
  assert_int_equal(other.results[0], UV_EINVAL);
  assert_int_equal(other.results[1], UV_EINVAL);
  assert_int_equal(other.results[2], UV_EINVAL);
  assert_int_equal(uvshm_txn_commit(&txn), 0);

  uv_thread_create(&thread, leave_in_the_midst, &other);
  uv_thread_join(&thread);
  assert_int_equal(other.results[0], 0);
  assert_int_equal(other.results[1], 0);
  begin(&txn, &shop, UVSHM_OWNER_DIED);
  assert_true(shop.bank->moves == 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  close_shop(&shop);
}


TEST(txn_saves_only_what_the_heap_has_given) {
  struct shop shop = make_shop(test_name("bytes"));
  uint64_t mine = 0;
  uvshm_txn_t txn;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_txn_save(&txn, &mine, 8), UV_EINVAL);
  assert_int_equal(uvshm_txn_save(&txn, NULL, 8), UV_EINVAL);
  assert_int_equal(uvshm_txn_save(&txn, shop.bank, 1 << 20), UV_EINVAL);
  assert_int_equal(uvshm_txn_free(&txn, &mine), UV_EINVAL);
  assert_int_equal(uvshm_txn_free(&txn, NULL), 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  close_shop(&shop);
}


TEST(txn_publishes_only_what_it_says) {
  struct shop shop = make_shop(test_name("publish"));
  uvshm_ref_t* root;
  uvshm_ref_t* odd;
  uvshm_txn_t txn;
  void* fresh;
  void* mine;

  (void) state;
  assert_int_equal(uvshm_heap_alloc(shop.segment, &mine, 64, 0), 0);
  assert_int_equal(uvshm_heap_root(shop.segment, "bank", &root), 0);
  odd = (uvshm_ref_t*) (void*) ((unsigned char*) &shop.bank->note + 4);
  begin(&txn, &shop, 0);
  assert_int_equal(uvshm_txn_alloc(&txn, &fresh, 64), 0);
  assert_int_equal(uvshm_txn_publish(&txn, root, mine), UV_EINVAL);
  assert_int_equal(uvshm_txn_publish(&txn, odd, mine), UV_EINVAL);
  assert_int_equal(uvshm_txn_publish(&txn, &shop.bank->note, fresh), UV_EINVAL);
  assert_int_equal(uvshm_txn_publish(&txn, &shop.bank->note, shop.bank),
                   UV_EINVAL);
  assert_true(shop.bank->note.offset == 0);
  assert_int_equal(uvshm_txn_publish(&txn, &shop.bank->note, mine), 0);
  assert_true(shop.bank->note.offset ==
              uvshm_heap_ref(shop.segment, mine).offset);
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_true(shop.bank->note.offset == 0);
  assert_int_equal(uvshm_heap_free(shop.segment, mine), 0);
  close_shop(&shop);
}


TEST(txn_nothing_is_left_behind) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(txn_needs_a_mutex_with_a_log),
      cmocka_unit_test(txn_lets_maps_be_read_and_not_changed),
      cmocka_unit_test(txn_refuses_messages),
      cmocka_unit_test(txn_refuses_inside_what_it_cannot_take_back),
      cmocka_unit_test(txn_that_has_ended_is_over),
      cmocka_unit_test(txn_is_taken_back_when_the_handle_is_closed),
      cmocka_unit_test(txn_is_its_threads_alone),
      cmocka_unit_test(txn_saves_only_what_the_heap_has_given),
      cmocka_unit_test(txn_publishes_only_what_it_says),
      cmocka_unit_test(txn_nothing_is_left_behind),
  };

  return cmocka_run_group_tests_name("txn-refused", tests, NULL, NULL);
}
