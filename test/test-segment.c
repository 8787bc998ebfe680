/* SPDX-License-Identifier: MIT */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static int open_with(uvshm_segment_t** segment,
                     const char* name,
                     uint32_t flags,
                     uint32_t peers,
                     uint32_t threads,
                     uint32_t objects) {
  uvshm_segment_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.peers = peers;
  options.threads = threads;
  options.objects = objects;
  options.max_size = 1 << 22;
  options.label = "the test";
  return uvshm_segment_open(segment, name, &options);
}


static uvshm_segment_t* make(const char* name) {
  uvshm_segment_t* segment = NULL;
  int err = open_with(&segment, name, UVSHM_CREATE, 0, 0, 0);

  if (err < 0) fail_msg("%s", uvshm_strerror(err));
  return segment;
}


/* ---- roles --------------------------------------------------------------- */

/* Be a peer with a label; hold the mutex named argv[1], if given. */
static int role_peer(int argc, char** argv) {
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex = NULL;
  int err;

  memset(&options, 0, sizeof(options));
  options.label = "a peer";
  err = uvshm_segment_open(&segment, argv[0], &options);
  if (err < 0) {
    test_say("error %s", uvshm_strerror(err));
    return 1;
  }
  if (argc > 1) {
    err = uvshm_mutex_open(&mutex, segment, argv[1], NULL);
    if (err == 0) err = uvshm_mutex_lock(mutex, 5000);
  }
  test_say("attached %d", err);
  if (test_hear() == NULL) return 2;
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  return 0;
}


/* Find or make the same object as everybody else, `argv[1]` times. */
static int role_maker(int argc, char** argv) {
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  char name[32];
  int n = atoi(argv[1]);
  int i;

  (void) argc;
  if (uvshm_segment_open(&segment, argv[0], NULL) < 0) return 1;
  test_say("ready");
  if (test_hear() == NULL) return 2;
  for (i = 0; i < n; i++) {
    snprintf(name, sizeof(name), "object %d", i);
    if (uvshm_mutex_open(&mutex, segment, name, NULL) < 0) return 3;
    uvshm_mutex_close(mutex);
  }
  uvshm_segment_close(segment);
  return 0;
}


static const struct test_role roles[] = {
    {"peer", role_peer}, {"maker", role_maker}, {NULL, NULL}};


/* ---- cases --------------------------------------------------------------- */

TEST(segment_tells_what_it_is) {
  uvshm_segment_t* segment = make(test_name("info"));
  uvshm_segment_info_t info;

  (void) state;
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  assert_int_equal(info.region.size, 65536);
  assert_int_equal(info.region.max_size, 1 << 22);
  assert_int_equal(info.peers_max, 64);
  assert_int_equal(info.threads_max, 256);
  assert_int_equal(info.objects_max, 64);
  assert_int_equal(info.objects, 0);
  assert_int_equal(info.format, UVSHM_FORMAT);
  assert_int_equal(uvshm_segment_grow(segment, 1 << 20), 0);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  assert_int_equal(info.region.size, 1 << 20);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_peers_are_told_by_the_kernel) {
  const char* name = test_name("peers");
  uvshm_segment_t* segment = make(name);
  struct test_process peer;
  uvshm_peer_info_t info;
  uint32_t cursor = 0;
  uint32_t repaired = 0;
  int waits = 0;

  (void) state;
  test_spawn(&peer, "peer", name, NULL);
  test_expect(&peer, "attached 0");
  assert_int_equal(uvshm_segment_peer(segment, &cursor, &info), 0);
  assert_int_equal(info.self, 1);
  assert_string_equal(info.label, "the test");
  assert_int_equal(uvshm_segment_peer(segment, &cursor, &info), 0);
  assert_int_equal(info.self, 0);
  assert_int_equal(info.alive, 1);
  assert_string_equal(info.label, "a peer");
  assert_int_equal(uvshm_segment_peer(segment, &cursor, &info), UV_ENOENT);
  test_kill(&peer);
  do {
    test_sleep_ms(2);
    cursor = info.slot;
    assert_int_equal(uvshm_segment_peer(segment, &cursor, &info), 0);
  } while (info.alive && ++waits < 1000);
  assert_int_equal(info.alive, 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  assert_int_equal(uvshm_segment_repair(segment, &repaired), 0);
  assert_int_equal(repaired, 1);
  cursor = 1;
  assert_int_equal(uvshm_segment_peer(segment, &cursor, &info), UV_ENOENT);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_objects_are_found_listed_and_removed) {
  uvshm_segment_t* segment = make(test_name("objects"));
  uvshm_mutex_t* mutex;
  uvshm_mutex_t* same;
  uvshm_sem_t* sem;
  uvshm_object_info_t info;
  uint32_t cursor = 0;
  int mutexes = 0;
  int sems = 0;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "a mutex", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&same, segment, "a mutex", NULL), 0);
  assert_int_equal(uvshm_sem_open(&sem, segment, "a sem", NULL), 0);
  while (uvshm_segment_next(segment, &cursor, &info) == 0) {
    assert_int_equal(info.open, 1);
    if (strcmp(info.type, "mutex") == 0) mutexes++;
    if (strcmp(info.type, "sem") == 0) sems++;
  }
  assert_int_equal(mutexes, 1);
  assert_int_equal(sems, 1);
  uvshm_sem_close(sem);
  assert_int_equal(uvshm_sem_open(&sem, segment, "a mutex", NULL),
                   UV_EPROTOTYPE);
  assert_int_equal(uvshm_sem_unlink(segment, "a mutex", 0), UV_EPROTOTYPE);
  assert_int_equal(uvshm_sem_unlink(segment, "a sem", 0), 0);
  cursor = 0;
  assert_int_equal(uvshm_segment_next(segment, &cursor, &info), 0);
  assert_int_equal(uvshm_segment_next(segment, &cursor, &info), UV_ENOENT);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_lock(same, 0), UV_EINVAL);
  assert_int_equal(uvshm_mutex_unlock(same), 0);
  uvshm_mutex_close(same);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_limits_are_named_errors) {
  const char* name = test_name("limits");
  uvshm_segment_t* segment;
  uvshm_segment_t* second;
  uvshm_segment_t* third;
  uvshm_mutex_t* mutex;
  uvshm_mutex_t* other;

  (void) state;
  assert_int_equal(open_with(&segment, name, UVSHM_CREATE, 2, 1, 1), 0);
  assert_int_equal(open_with(&second, name, 0, 0, 0, 0), 0);
  assert_int_equal(open_with(&third, name, 0, 0, 0, 0), UV_EMFILE);
  assert_non_null(strstr(uvshm_error_detail(), "2 peer slots"));
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "one", NULL), 0);
  assert_int_equal(uvshm_mutex_open(&other, segment, "two", NULL), UV_ENOSPC);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(second);
  assert_int_equal(open_with(&third, name, 0, 0, 0, 0), 0);
  uvshm_segment_close(third);
  uvshm_segment_close(segment);
  assert_int_equal(open_with(&third, name, UVSHM_CREATE, 9999, 0, 0),
                   UV_EINVAL);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_slot_of_a_dead_peer_is_repaired_by_who_takes_it) {
  const char* name = test_name("slot");
  uvshm_segment_t* segment;
  struct test_process peer;
  uvshm_segment_t* heir = NULL;
  uvshm_mutex_t* mutex;
  int waits = 0;
  int err;

  (void) state;
  assert_int_equal(open_with(&segment, name, UVSHM_CREATE, 2, 0, 0), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  test_spawn(&peer, "peer", name, "m", NULL);
  test_expect(&peer, "attached 0");
  test_kill(&peer);
  do {
    test_sleep_ms(2);
    err = open_with(&heir, name, 0, 0, 0, 0);
  } while (err == UV_EMFILE && ++waits < 1000);
  assert_int_equal(err, 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(heir);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


#define MAKERS 3
#define OBJECTS 40

TEST(segment_objects_are_made_once_however_many_ask) {
  const char* name = test_name("once");
  uvshm_segment_t* segment = make(name);
  struct test_process makers[MAKERS];
  uvshm_segment_info_t info;
  char count[16];
  int i;

  (void) state;
  snprintf(count, sizeof(count), "%d", OBJECTS);
  for (i = 0; i < MAKERS; i++) {
    test_spawn(&makers[i], "maker", name, count, NULL);
    test_expect(&makers[i], "ready");
  }
  for (i = 0; i < MAKERS; i++) test_tell(&makers[i], "go");
  for (i = 0; i < MAKERS; i++) assert_int_equal(test_join(&makers[i]), 0);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  assert_int_equal(info.objects, OBJECTS);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_for_reading_can_be_looked_at_only) {
  const char* name = test_name("reading");
  uvshm_segment_t* segment = make(name);
  uvshm_segment_t* reader;
  uvshm_mutex_t* mutex;
  uvshm_segment_info_t info;

  (void) state;
  assert_int_equal(open_with(&reader, name, UVSHM_READONLY, 0, 0, 0), 0);
  assert_int_equal(uvshm_segment_info(reader, &info), 0);
  assert_int_equal(info.region.readonly, 1);
  assert_int_equal(uvshm_segment_check(reader), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, reader, "m", NULL), UV_EACCES);
  assert_int_equal(uvshm_segment_repair(reader, NULL), UV_EACCES);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  assert_int_equal(uvshm_mutex_unlink(reader, "m", 0), UV_EACCES);
  assert_int_equal(uvshm_map_unlink(reader, "m", 0), UV_EACCES);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(reader);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


static void assert_is_locked(uvshm_segment_t* reader, const char* name) {
  uvshm_mutex_options_t options = {.flags = UVSHM_EXISTING};
  uvshm_mutex_info_t info;
  uvshm_mutex_t* mutex;

  assert_int_equal(uvshm_mutex_open(&mutex, reader, name, &options), 0);
  assert_int_equal(uvshm_mutex_info(mutex, &info), 0);
  assert_int_equal(info.locked, 1);
  assert_int_equal(info.owner_alive, 1);
  assert_int_equal(info.owner_pid, uv_os_getpid());
  assert_int_equal(uvshm_mutex_lock(mutex, 0), UV_EACCES);
  assert_int_equal(uvshm_mutex_unlock(mutex), UV_EPERM);
  uvshm_mutex_close(mutex);
}


static void assert_has_one_message(uvshm_segment_t* reader,
                                   const char* name,
                                   uint32_t flags) {
  uvshm_channel_options_t options = {.flags = flags};
  uvshm_channel_info_t info;
  uvshm_channel_t* channel;

  assert_int_equal(uvshm_channel_open(&channel, reader, name, &options), 0);
  assert_int_equal(uvshm_channel_info(channel, &info), 0);
  assert_int_equal(info.depth, 1);
  assert_int_equal(info.writers, 1);
  assert_int_equal(uvshm_channel_check(channel), 0);
  assert_int_equal(uvshm_channel_send(channel, "b", 1, 0), UV_EPERM);
  assert_int_equal(uvshm_channel_repair(channel, NULL), UV_EACCES);
  uvshm_channel_close(channel);
}


TEST(segment_for_reading_shows_its_locks_and_channels) {
  const char* name = test_name("looking");
  uvshm_channel_options_t writes = {.flags = UVSHM_WRITER};
  uvshm_segment_t* segment = make(name);
  uvshm_segment_t* reader;
  uvshm_channel_t* channel;
  uvshm_mutex_t* mutex;
  uvshm_object_info_t object;
  uint32_t cursor = 0;

  (void) state;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  assert_int_equal(uvshm_mutex_lock(mutex, 0), 0);
  assert_int_equal(uvshm_channel_open(&channel, segment, "c", &writes), 0);
  assert_int_equal(uvshm_channel_send(channel, "a", 1, 0), 0);
  assert_int_equal(open_with(&reader, name, UVSHM_READONLY, 0, 0, 0), 0);
  assert_is_locked(reader, "m");
  assert_has_one_message(reader, "c", UVSHM_EXISTING);
  writes.flags |= UVSHM_EXISTING;
  {
    uvshm_channel_t* end = NULL;
    assert_int_equal(uvshm_channel_open(&end, reader, "c", &writes), UV_EACCES);
  }
  /* Nobody noticed: each is open in one peer still. */
  while (uvshm_segment_next(reader, &cursor, &object) == 0)
    assert_int_equal(object.open, 1);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_segment_close(reader);
  uvshm_channel_close(channel);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(test_leftovers(), 0);
}


TEST(channel_by_name_alone_can_be_looked_at) {
  const char* name = test_name("looking");
  uvshm_channel_options_t options = {.flags = UVSHM_WRITER};
  uvshm_channel_t* channel;
  uvshm_channel_t* none = NULL;
  uvshm_name_info_t info;

  (void) state;
  options.flags = UVSHM_READONLY;
  assert_int_equal(uvshm_channel_open(&none, NULL, name, &options), UV_ENOENT);
  options.flags = UVSHM_WRITER;
  assert_int_equal(uvshm_channel_open(&channel, NULL, name, &options), 0);
  assert_int_equal(uvshm_channel_send(channel, "a", 1, 0), 0);
  assert_has_one_message(NULL, name, UVSHM_READONLY);
  options.flags = UVSHM_READONLY | UVSHM_READER;
  assert_int_equal(uvshm_channel_open(&none, NULL, name, &options), UV_EINVAL);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.peers, 1);
  uvshm_channel_close(channel);
  assert_int_equal(test_leftovers(), 0);
}


TEST(segment_in_a_file_starts_afresh_after_a_reboot_and_keeps_its_objects) {
  static const uint64_t other_boot[2] = {7, 7};
  const uint32_t flags = UVSHM_FILE | UVSHM_MANAGED;
  const char* path = test_path("file");
  uvshm_segment_t* segment;
  uvshm_segment_info_t info;
  uvshm_mutex_t* mutex;
  uv_fs_t request;
  uv_buf_t buf = uv_buf_init((char*) other_boot, sizeof(other_boot));
  uv_file file;

  (void) state;
  assert_int_equal(open_with(&segment, path, flags | UVSHM_CREATE, 0, 0, 0), 0);
  assert_int_equal(uvshm_mutex_open(&mutex, segment, "m", NULL), 0);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  file = uv_fs_open(NULL, &request, path, UV_FS_O_RDWR, 0, NULL);
  uv_fs_write(NULL, &request, file, &buf, 1, 48, NULL);
  uv_fs_close(NULL, &request, file, NULL);
  assert_int_equal(open_with(&segment, path, flags, 0, 0, 0), 0);
  assert_int_equal(uvshm_segment_info(segment, &info), 0);
  assert_int_equal(info.objects, 1);
  assert_int_equal(uvshm_segment_check(segment), 0);
  uvshm_segment_close(segment);
  assert_int_equal(uvshm_segment_unlink(path, flags), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segment_tells_what_it_is),
      cmocka_unit_test(segment_peers_are_told_by_the_kernel),
      cmocka_unit_test(segment_objects_are_found_listed_and_removed),
      cmocka_unit_test(segment_limits_are_named_errors),
      cmocka_unit_test(segment_slot_of_a_dead_peer_is_repaired_by_who_takes_it),
      cmocka_unit_test(segment_objects_are_made_once_however_many_ask),
      cmocka_unit_test(segment_for_reading_can_be_looked_at_only),
      cmocka_unit_test(segment_for_reading_shows_its_locks_and_channels),
      cmocka_unit_test(channel_by_name_alone_can_be_looked_at),
      cmocka_unit_test(
          segment_in_a_file_starts_afresh_after_a_reboot_and_keeps_its_objects),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
