/* SPDX-License-Identifier: MIT */

/* What a failure says: which object, and which of the things that its code can
 * mean. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

static uvshm_segment_t* segment;
static char segment_name[64];


static int set_up(void** state) {
  uvshm_segment_options_t options = {.flags = UVSHM_CREATE, .size = 1 << 20};

  (void) state;
  snprintf(segment_name, sizeof(segment_name), "%s", test_name("says"));
  return uvshm_segment_open(&segment, segment_name, &options);
}


static int tear_down(void** state) {
  (void) state;
  uvshm_segment_close(segment);
  return test_leftovers();
}


static void says(const char* text) {
  if (strstr(uvshm_error_detail(), text) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", uvshm_error_detail(), text);
}


TEST(sentence_of_what_was_removed_names_it) {
  uvshm_channel_options_t writer = {.flags = UVSHM_WRITER};
  uvshm_cell_options_t of_eight = {.size = 8};
  uvshm_channel_t* channel;
  uvshm_cell_t* cell;
  uvshm_map_t* map;
  uvshm_sem_t* sem;

  (void) state;
  assert_int_equal(uvshm_channel_open(&channel, segment, "mail", &writer), 0);
  assert_int_equal(uvshm_cell_open(&cell, segment, "now", &of_eight), 0);
  assert_int_equal(uvshm_map_open(&map, segment, "stock", NULL), 0);
  assert_int_equal(uvshm_sem_open(&sem, segment, "seats", NULL), 0);
  assert_int_equal(uvshm_channel_unlink(segment, "mail", 0), 0);
  assert_int_equal(uvshm_cell_unlink(segment, "now", 0), 0);
  assert_int_equal(uvshm_map_unlink(segment, "stock", 0), 0);
  assert_int_equal(uvshm_sem_unlink(segment, "seats", 0), 0);

  assert_int_equal(uvshm_channel_send(channel, "x", 1, 0), UV_ENXIO);
  says("\"mail\" was removed");
  assert_int_equal(uvshm_cell_write(cell, "x", 1), UV_ENXIO);
  says("\"now\" was removed");
  assert_int_equal(uvshm_map_contains(map, "x", 1), UV_ENXIO);
  says("\"stock\" was removed");
  assert_int_equal(uvshm_sem_post(sem, 1), UV_ENXIO);
  says("\"seats\" was removed");
  uvshm_sem_close(sem);
  uvshm_map_close(map);
  uvshm_cell_close(cell);
  uvshm_channel_close(channel);
}


/* A mutex and an rwlock can be looked at there. */
TEST(sentence_of_an_object_in_a_reader_s_segment_says_why) {
  uvshm_segment_options_t options = {.flags = UVSHM_READONLY};
  uvshm_barrier_options_t two = {.count = 2};
  uvshm_mutex_options_t with_log = {.log_size = 64};
  uvshm_segment_t* reader;
  uvshm_barrier_t* barrier;
  uvshm_rwlock_t* rwlock;
  uvshm_mutex_t* mutex;
  uvshm_event_t* event;
  uvshm_cond_t* cond;
  uvshm_sem_t* sem;
  uvshm_txn_t txn;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "ro.m", &with_log), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(uvshm_rwlock_open(&rwlock, segment, "ro.rw", NULL), 0);
  uvshm_rwlock_close(rwlock);
  assert_int_equal(uvshm_segment_open(&reader, segment_name, &options), 0);

  assert_int_equal(uvshm_sem_open(&sem, reader, "s", NULL), UV_EACCES);
  says("for reading");
  assert_int_equal(uvshm_event_open(&event, reader, "e", NULL), UV_EACCES);
  assert_int_equal(uvshm_cond_open(&cond, reader, "c", NULL), UV_EACCES);
  assert_int_equal(uvshm_barrier_open(&barrier, reader, "b", &two), UV_EACCES);
  assert_int_equal(uvshm_mutex_open(&mutex, reader, "ro.m", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EACCES);
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 0), UV_EACCES);
  says("for reading");
  assert_int_equal(uvshm_rwlock_open(&rwlock, reader, "ro.rw", NULL), 0);
  assert_int_equal(uvshm_rwlock_rdlock(rwlock, 0), UV_EACCES);
  assert_int_equal(uvshm_rwlock_wrlock(rwlock, 0), UV_EACCES);
  uvshm_rwlock_close(rwlock);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(reader);
}


TEST(sentence_of_a_full_semaphore_names_it) {
  uvshm_sem_t* sem;

  (void) state;
  assert_int_equal(uvshm_sem_open(&sem, segment, "full", NULL), 0);
  assert_int_equal(uvshm_sem_post(sem, UVSHM_SEM_VALUE_MAX), 0);
  assert_int_equal(uvshm_sem_post(sem, 1), UV_EOVERFLOW);
  says("\"full\"");
  uvshm_sem_close(sem);
}


TEST(sentence_of_a_map_says_key_or_version) {
  uint64_t version = 99;
  uvshm_map_t* map;

  (void) state;
  assert_int_equal(uvshm_map_open(&map, segment, "keys", NULL), 0);
  assert_int_equal(uvshm_map_put(map, "a", 1, "1", 1), 0);
  assert_int_equal(uvshm_map_put_if_absent(map, "a", 1, "2", 1), UV_EEXIST);
  says("such a key already");
  assert_int_equal(uvshm_map_replace_if(map, "a", 1, "2", 1, &version),
                   UV_EAGAIN);
  says("others have changed it");
  uvshm_map_close(map);
}


TEST(sentence_of_a_cell_says_value_or_pin) {
  uvshm_cell_options_t options = {.size = 8, .pins = 1};
  uvshm_cell_t* cell;
  const void* bytes;
  uint64_t version;
  char byte;
  size_t size = 1;

  (void) state;
  assert_int_equal(uvshm_cell_open(&cell, segment, "price", &options), 0);
  assert_int_equal(uvshm_cell_read(cell, &byte, &size, NULL), UV_ENOENT);
  says("nothing was written");
  assert_int_equal(uvshm_cell_write(cell, "ab", 2), 0);
  assert_int_equal(uvshm_cell_read(cell, &byte, &size, NULL), UV_ENOBUFS);
  says("larger than the buffer");
  assert_int_equal(uvshm_cell_peek(cell, &bytes, &size, &version), 0);
  assert_int_equal(uvshm_cell_peek(cell, &bytes, &size, &version), UV_EAGAIN);
  says("pins");
  uvshm_cell_close(cell);
}


TEST(sentence_of_a_channel_says_room_or_message) {
  uvshm_channel_options_t options = {
      .flags = UVSHM_WRITER | UVSHM_CHANNEL_QUEUE,
      .size_max = 8,
      .messages = 2,
      .loans = 1};
  uvshm_channel_t* writer;
  uvshm_channel_t* reader;
  const void* bytes;
  char byte;
  size_t size = 1;

  (void) state;
  assert_int_equal(uvshm_channel_open(&writer, segment, "line", &options), 0);
  options.flags = UVSHM_READER;
  assert_int_equal(uvshm_channel_open(&reader, segment, "line", &options), 0);
  assert_int_equal(uvshm_channel_send(writer, "ab", 2, 0), 0);
  assert_int_equal(uvshm_channel_send(writer, "ab", 2, 0), 0);
  assert_int_equal(uvshm_channel_send(writer, "ab", 2, 0), UV_EAGAIN);
  says("no room");
  assert_int_equal(uvshm_channel_recv(reader, &byte, &size, 0), UV_ENOBUFS);
  says("larger than the buffer");
  assert_int_equal(uvshm_channel_peek(reader, &bytes, &size, 0), 0);
  assert_int_equal(uvshm_channel_peek(reader, &bytes, &size, 0), UV_ENOBUFS);
  says("many are peeked");
  uvshm_channel_close(reader);
  uvshm_channel_close(writer);
}


static void upgrade_too(void* arg) {
  uvshm_rwlock_t* lock = arg;

  if (uvshm_rwlock_rdlock(lock, 0) < 0) return;
  (void) !uvshm_rwlock_upgrade(lock, UVSHM_FOREVER);
  uvshm_rwlock_unlock(lock);
}


/* It has its turn when `locked` is 1: it waits for us. */
TEST(sentence_of_two_that_upgrade_says_who_has_to_give_way) {
  uvshm_rwlock_info_t info = {0};
  uvshm_rwlock_t* lock;
  uv_thread_t thread;
  int looks = 0;

  (void) state;
  assert_int_equal(uvshm_rwlock_open(&lock, segment, "book", NULL), 0);
  assert_int_equal(uvshm_rwlock_rdlock(lock, 0), 0);
  uv_thread_create(&thread, upgrade_too, lock);
  while (info.locked == 0 && looks++ < 5000) {
    uv_sleep(1);
    assert_int_equal(uvshm_rwlock_info(lock, &info), 0);
  }
  assert_int_equal(uvshm_rwlock_upgrade(lock, 10000), UV_EBUSY);
  says("\"book\"");
  says("waits for this one to unlock");
  assert_int_equal(uvshm_rwlock_unlock(lock), 0);
  uv_thread_join(&thread);
  uvshm_rwlock_close(lock);
}


TEST(sentence_of_a_root_in_a_transaction_says_what_was_tried) {
  uvshm_mutex_options_t with_log = {.log_size = 64};
  uvshm_mutex_t* mutex;
  uvshm_ref_t* root;
  uvshm_txn_t txn;

  (void) state;
  assert_int_equal(uvshm_heap_root(segment, "root", &root), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "till", &with_log), 0);
  assert_int_equal(uvshm_txn_begin(&txn, mutex, 0), 0);
  assert_int_equal(uvshm_heap_unlink(segment, "root"), UV_EINVAL);
  says("cannot unlink a root");
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_int_equal(uvshm_heap_unlink(segment, "root"), 0);
  uvshm_mutex_close(mutex);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sentence_of_what_was_removed_names_it),
      cmocka_unit_test(sentence_of_an_object_in_a_reader_s_segment_says_why),
      cmocka_unit_test(sentence_of_a_full_semaphore_names_it),
      cmocka_unit_test(sentence_of_a_map_says_key_or_version),
      cmocka_unit_test(sentence_of_a_cell_says_value_or_pin),
      cmocka_unit_test(sentence_of_a_channel_says_room_or_message),
      cmocka_unit_test(sentence_of_two_that_upgrade_says_who_has_to_give_way),
      cmocka_unit_test(sentence_of_a_root_in_a_transaction_says_what_was_tried),
  };

  return cmocka_run_group_tests_name("sentences", tests, set_up, tear_down);
}
