/* SPDX-License-Identifier: MIT */

/* Names in a folder of one's own choice (UVSHM_DIR), and what containers do to
 * shared memory: a /dev/shm of 64 MiB, pids that mean nothing to each other,
 * nothing in common but a folder, and a restart that leaves only files. The
 * containers are made with unshare(), which needs root on Linux. */

#include "harness.h"
#include "namespace.h"
#include "port_caps.h"

#include "uvshm.h"
#include "uvshm/watch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>

#define TEST(sentence) static void sentence(void** state)
#define MIB (1u << 20)

/* "size=64m": what Docker gives. The fallback has its names in /tmp. */
#define SMALL (UVSHM__PORT_NAMES_IN_FOLDER ? NULL : "size=64m")


/* ---- folders ------------------------------------------------------------- */

static void make_folder(char* folder, size_t size, const char* stem) {
  snprintf(folder, size, "%s", test_path(stem));
  if (mkdir(folder, 0700) != 0) fail_msg("cannot make %s", folder);
}


/* The path of a name in a folder; valid until the eighth call after. */
static const char* in(const char* folder, const char* name) {
  static char paths[8][1200];
  static unsigned int last;
  char* path = paths[last++ % 8];

  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}


static int count_files(const char* folder) {
  struct dirent* entry;
  DIR* dir = opendir(folder);
  int count = 0;

  if (dir == NULL) return -1;
  while ((entry = readdir(dir)) != NULL)
    count +=
        strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(dir);
  return count;
}


static int open_region(uvshm_region_t** region,
                       const char* path,
                       uint32_t flags,
                       uint64_t size) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = flags;
  options.size = size;
  return uvshm_region_open(region, path, &options);
}


static int open_mutex(uvshm_mutex_t** mutex, const char* path, uint32_t flags) {
  uvshm_mutex_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_DIR | flags;
  return uvshm_mutex_open(mutex, NULL, path, &options);
}


static int open_channel(uvshm_channel_t** channel,
                        const char* path,
                        uint32_t flags) {
  uvshm_channel_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_DIR | flags;
  return uvshm_channel_open(channel, NULL, path, &options);
}

/* ---- inside a container -------------------------------------------------- */

/* argv: path. Takes the mutex there and keeps it. */
static int role_holder(int argc, char** argv) {
  uvshm_mutex_t* mutex;

  (void) argc;
  if (test_container_enter(SMALL) != 0) return 90;
  if (open_mutex(&mutex, argv[0], UVSHM_EXISTING) < 0) return 1;
  if (uvshm_mutex_lock(mutex, 1000) != 0) return 2;
  test_say("held by %d", (int) getpid());
  test_hear();
  return 0;
}


/* argv: path. Sends a message each time it hears a line. */
static int role_sender(int argc, char** argv) {
  uvshm_channel_t* channel;

  (void) argc;
  if (test_container_enter(SMALL) != 0) return 90;
  if (open_channel(&channel, argv[0], UVSHM_WRITER) < 0) return 1;
  test_say("ready");
  while (test_hear() != NULL)
    if (uvshm_channel_send(channel, "hello", 5, 1000) != 0) return 2;
  uvshm_channel_close(channel);
  return 0;
}


/* argv: name. With 64 MiB, what fits and what does not. */
static int role_crowded(int argc, char** argv) {
  uvshm_region_options_t options;
  uvshm_region_t* region;

  (void) argc;
  if (test_container_enter("size=64m") != 0) return 90;
  if (open_region(&region, argv[0], UVSHM_CREATE, 128 * MIB) != UV_ENOSPC)
    return 1;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 32 * MIB;
  options.max_size = 256 * MIB;
  if (uvshm_region_open(&region, argv[0], &options) != 0) return 2;
  memset(uvshm_region_base(region), 1, 32 * MIB);
  if (uvshm_region_grow(region, 100 * MIB) != UV_ENOSPC) return 3;
  if (uvshm_region_size(region) != 32 * MIB) return 4;
  if (uvshm_region_grow(region, 48 * MIB) != 0) return 5;
  memset(uvshm_region_base(region), 2, 48 * MIB);
  uvshm_region_close(region);
  return 0;
}


/* argv: name, path of a file, "first" or "again". */
static int role_life(int argc, char** argv) {
  int first = argc == 3 && strcmp(argv[2], "first") == 0;
  uvshm_region_t* keep;
  uvshm_region_t* file;
  uint32_t* kept;
  uint32_t* filed;

  if (test_container_enter("size=16m") != 0) return 90;
  if (open_region(&keep, argv[0], UVSHM_KEEP, 0) != UV_ENOENT) return 1;
  if (open_region(&keep, argv[0], UVSHM_CREATE | UVSHM_KEEP, 4096) != 0)
    return 2;
  if (open_region(&file,
                  argv[1],
                  UVSHM_FILE | UVSHM_MANAGED | (first ? UVSHM_CREATE : 0),
                  first ? 4096 : 0) != 0)
    return 3;
  kept = uvshm_region_base(keep);
  filed = uvshm_region_base(file);
  if (*kept != 0) return 4;
  if (*filed != (first ? 0u : 1u)) return 5;
  (*kept)++;
  (*filed)++;
  uvshm_region_close(keep);
  uvshm_region_close(file);
  if (open_region(&keep, argv[0], UVSHM_KEEP, 0) != 0) return 6;
  if (*(uint32_t*) uvshm_region_base(keep) != 1) return 7;
  uvshm_region_close(keep);
  return 0; /* and with the last process of the container goes its tmpfs */
}


static const struct test_role roles[] = {{"holder", role_holder},
                                         {"sender", role_sender},
                                         {"crowded", role_crowded},
                                         {"life", role_life},
                                         {NULL, NULL}};

static void skip_without_containers(void) {
  if (test_container_can()) return;
  print_message("no mount and pid namespaces here (they need root on Linux)\n");
  skip();
}

/* ---- a folder of one's own choice ---------------------------------------- */

TEST(dir_has_objects_of_its_own_under_the_same_names) {
  const char* name = test_name("region");
  uvshm_region_t* usual;
  uvshm_region_t* one;
  uvshm_region_t* again;
  uvshm_region_info_t info;
  char folder[600];

  (void) state;
  make_folder(folder, sizeof(folder), "folder");
  assert_int_equal(open_region(&usual, name, UVSHM_CREATE, 100), 0);
  assert_int_equal(open_region(&one, in(folder, name), UVSHM_DIR, 0),
                   UV_ENOENT);
  assert_int_equal(
      open_region(&one, in(folder, name), UVSHM_DIR | UVSHM_CREATE, 200), 0);
  strcpy(uvshm_region_base(one), "in the folder");
  assert_int_equal(count_files(folder), 1);
  assert_int_equal(open_region(&again, in(folder, name), UVSHM_DIR, 0), 0);
  assert_string_equal(uvshm_region_base(again), "in the folder");
  assert_int_equal(uvshm_region_info(again, &info), 0);
  assert_int_equal(info.size, 200);
  assert_int_equal(info.peers, 2);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_LAST_CLOSE);
  assert_non_null(strstr(info.system_name, folder));
  assert_int_equal(*(char*) uvshm_region_base(usual), 0);
  uvshm_region_close(usual);
  uvshm_region_close(again);
  uvshm_region_close(one);
  assert_int_equal(count_files(folder), 0);
  assert_int_equal(rmdir(folder), 0);
}


TEST(dir_takes_every_kind_of_object_and_removes_it) {
  uvshm_segment_options_t segments;
  uvshm_cell_options_t cells;
  uvshm_name_info_t info;
  uvshm_segment_t* segment;
  uvshm_channel_t* reader;
  uvshm_channel_t* writer;
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  uvshm_mutex_t* inner;
  uvshm_cell_t* cell;
  char folder[600];

  (void) state;
  make_folder(folder, sizeof(folder), "kinds");
  memset(&segments, 0, sizeof(segments));
  segments.flags = UVSHM_CREATE | UVSHM_KEEP | UVSHM_DIR;
  assert_int_equal(uvshm_segment_open(&segment, in(folder, "s"), &segments), 0);
  assert_int_equal(uvshm_mutex_open(&inner, segment, "m", NULL), 0);
  uvshm_mutex_close(inner);
  assert_int_equal(open_mutex(&mutex, in(folder, "m"), UVSHM_KEEP), 0);
  assert_int_equal(open_channel(&reader, in(folder, "c"), UVSHM_READER), 0);
  assert_int_equal(open_channel(&writer, in(folder, "c"), UVSHM_WRITER), 0);
  memset(&cells, 0, sizeof(cells));
  cells.flags = UVSHM_DIR;
  cells.size = 8;
  assert_int_equal(uvshm_cell_open(&cell, NULL, in(folder, "v"), &cells), 0);
  assert_int_equal(open_region(&region, in(folder, "m"), UVSHM_DIR, 0),
                   UV_EPROTOTYPE);
  assert_int_equal(uvshm_name_info(in(folder, "s"), UVSHM_DIR, &info), 0);
  assert_int_equal(info.kind, UVSHM_KIND_SEGMENT);
  assert_string_equal(info.name, "s");
  assert_int_equal(uvshm_name_gc(in(folder, "s"), UVSHM_DIR), UV_EBUSY);
  uvshm_cell_close(cell);
  uvshm_channel_close(writer);
  uvshm_channel_close(reader);
  uvshm_mutex_close(mutex);
  uvshm_segment_close(segment);
  assert_int_equal(count_files(folder), 2);
  assert_int_equal(uvshm_mutex_unlink(NULL, in(folder, "m"), UVSHM_DIR), 0);
  assert_int_equal(uvshm_segment_unlink(in(folder, "s"), UVSHM_DIR), 0);
  assert_int_equal(uvshm_segment_unlink(in(folder, "s"), UVSHM_DIR), UV_ENOENT);
  assert_int_equal(rmdir(folder), 0);
}


/* Names of a folder, in a row: "long-... plain ". */
static const char* list_folder(const char* folder, uint32_t flags) {
  static char all[1200];
  uvshm_name_info_t info;
  uvshm_names_t* names;

  all[0] = '\0';
  assert_int_equal(uvshm_names_open_in(&names, folder, flags), 0);
  while (uvshm_names_next(names, &info) == 0) {
    assert_int_equal(info.state, UVSHM_STATE_LIVE);
    assert_int_equal(info.own, 1);
    strcat(strcat(all, info.name), " ");
  }
  uvshm_names_close(names);
  return all;
}


/* What lies elsewhere is not in the list, nor are the caller's own files. */
TEST(dir_is_listed_with_long_names_and_those_of_the_system) {
  const uint32_t make = UVSHM_DIR | UVSHM_CREATE;
  uvshm_region_t* all[4];
  uvshm_names_t* names;
  char folder[600];
  char deeper[700];
  char longest[UVSHM_NAME_MAX + 1];
  FILE* file;

  (void) state;
  make_folder(folder, sizeof(folder), "list");
  memset(longest, 'n', UVSHM_NAME_MAX);
  longest[UVSHM_NAME_MAX] = '\0';
  assert_string_equal(list_folder(folder, 0), "");
  assert_int_equal(open_region(&all[0], in(folder, "a b"), make, 8), 0);
  assert_int_equal(open_region(&all[1], in(folder, longest), make, 8), 0);
  assert_int_equal(
      open_region(&all[2], in(folder, "c"), make | UVSHM_SYSTEM, 8), 0);
  assert_int_equal(open_region(&all[3], test_name("else"), UVSHM_CREATE, 8), 0);
  file = fopen(in(folder, "notes"), "w");
  assert_non_null(file);
  fclose(file);
  assert_non_null(strstr(list_folder(folder, 0), "a b "));
  assert_non_null(strstr(list_folder(folder, 0), longest));
  assert_int_equal(strlen(list_folder(folder, 0)), UVSHM_NAME_MAX + 5);
  snprintf(deeper, sizeof(deeper), "%s/", folder);
  assert_int_equal(strlen(list_folder(deeper, UVSHM_SYSTEM)),
                   UVSHM_NAME_MAX + 7);
  for (int i = 0; i < 4; i++) uvshm_region_close(all[i]);
  assert_string_equal(list_folder(folder, UVSHM_SYSTEM), "");
  assert_int_equal(uvshm_names_open_in(&names, folder, UVSHM_DIR), UV_EINVAL);
  assert_int_equal(uvshm_names_open_in(&names, in(folder, "notes"), 0),
                   UV_ENOTDIR);
  assert_int_equal(unlink(in(folder, "notes")), 0);
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(uvshm_names_open_in(&names, folder, 0), UV_ENOENT);
  assert_non_null(strstr(uvshm_error_detail(), "no folder"));
}


TEST(dir_says_what_is_wrong_with_a_folder) {
  uvshm_segment_t* segment;
  uvshm_mutex_options_t options;
  uvshm_region_t* region;
  uvshm_mutex_t* mutex;
  char folder[600];
  char deep[2500];
  uint32_t make = UVSHM_DIR | UVSHM_CREATE;

  (void) state;
  make_folder(folder, sizeof(folder), "wrong");
  assert_int_equal(open_region(&region, "no-folder", make, 8), UV_EINVAL);
  assert_int_equal(open_region(&region, in(folder, ""), make, 8), UV_EINVAL);
  assert_int_equal(open_region(&region, in(folder, ".x"), make, 8), UV_EINVAL);
  assert_int_equal(open_region(&region, in(folder, "a/b"), make, 8), UV_ENOENT);
  assert_non_null(strstr(uvshm_error_detail(), "no folder"));
  assert_int_equal(open_region(&region, "/dev/null/b", make, 8), UV_ENOTDIR);
  memset(deep, 'd', sizeof(deep));
  memcpy(deep, "/tmp/", 5);
  memcpy(deep + sizeof(deep) - 3, "/b", 3);
  assert_int_equal(open_region(&region, deep, make, 8), UV_ENAMETOOLONG);
  assert_int_equal(open_region(&region, in(folder, "x"), make | UVSHM_FILE, 8),
                   UV_EINVAL);
  assert_int_equal(
      open_region(&region, in(folder, "x"), make | UVSHM_REGION_FOREIGN, 8),
      UV_EINVAL);
  assert_int_equal(open_region(&region, NULL, make, 8), UV_EINVAL);
  assert_int_equal(uvshm_segment_open(&segment, NULL, NULL), UV_EINVAL);
  assert_int_equal(uvshm_region_unlink(in(folder, "x"),
                                       UVSHM_DIR | UVSHM_FILE | UVSHM_MANAGED),
                   UV_EINVAL);
  {
    uvshm_segment_options_t make_segment;

    memset(&make_segment, 0, sizeof(make_segment));
    make_segment.flags = UVSHM_CREATE;
    assert_int_equal(uvshm_segment_open(&segment, NULL, &make_segment), 0);
  }
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_DIR;
  assert_int_equal(uvshm_mutex_open(&mutex, segment, in(folder, "m"), &options),
                   UV_EINVAL);
  uvshm_segment_close(segment);
  assert_int_equal(rmdir(folder), 0);
}

/* ---- containers ---------------------------------------------------------- */

TEST(container_that_shares_a_folder_shares_locks_and_deaths) {
  struct test_process holder;
  uvshm_mutex_t* mutex;
  char folder[600];

  (void) state;
  skip_without_containers();
  make_folder(folder, sizeof(folder), "locks");
  assert_int_equal(open_mutex(&mutex, in(folder, "m"), 0), 0);
  test_spawn(&holder, "holder", in(folder, "m"), NULL);
  test_expect(&holder, "held by 1"); /* not its pid here */
  assert_int_equal(uvshm_mutex_lock(mutex, 100), UV_ETIMEDOUT);
  test_kill(&holder);
  assert_int_equal(uvshm_mutex_lock(mutex, TEST_PATIENCE_MS), UVSHM_OWNER_DIED);
  assert_int_equal(uvshm_mutex_unlock(mutex), 0);
  uvshm_mutex_close(mutex);
  assert_int_equal(rmdir(folder), 0);
}


static void on_message(uvshm_watch_t* watch, int status) {
  int* got = watch->data;

  *got = status == 0 ? 1 : status;
  uvshm_watch_stop(watch);
}


/* A bell lies in the folder, too: nothing else is shared. */
TEST(container_that_shares_a_folder_wakes_a_loop) {
  struct test_process sender;
  uvshm_channel_t* channel;
  uvshm_watch_t watch;
  uv_loop_t loop;
  char text[16];
  size_t size = sizeof(text);
  char folder[600];
  int got = 0;

  (void) state;
  skip_without_containers();
  make_folder(folder, sizeof(folder), "bells");
  assert_int_equal(open_channel(&channel, in(folder, "c"), UVSHM_READER), 0);
  test_spawn(&sender, "sender", in(folder, "c"), NULL);
  test_expect(&sender, "ready");
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uvshm_watch_init(&loop, &watch), 0);
  watch.data = &got;
  assert_int_equal(uvshm_watch_start_readable(&watch, channel, on_message), 0);
  while (uv_run(&loop, UV_RUN_NOWAIT) && got != 0) continue;
  assert_int_equal(got, 0);
  test_tell(&sender, "send");
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(got, 1);
  assert_int_equal(uvshm_channel_recv(channel, text, &size, 1000), 0);
  assert_int_equal(size, 5);
  uvshm_watch_close(&watch, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  uvshm_channel_close(channel);
  test_kill(&sender);
  for (int i = 0; i < TEST_PATIENCE_MS / 10; i++) {
    if (uvshm_name_gc(in(folder, "c"), UVSHM_DIR) != UV_EBUSY) break;
    test_sleep_ms(10); /* the one inside dies a little after */
  }
  assert_int_equal(count_files(folder), 0);
  assert_int_equal(rmdir(folder), 0);
}


TEST(container_with_64_mib_says_no_room_and_never_faults) {
  struct test_process crowded;

  (void) state;
  skip_without_containers();
  if (UVSHM__PORT_NAMES_IN_FOLDER) skip();
  test_spawn(&crowded, "crowded", test_name("crowded"), NULL);
  assert_int_equal(test_join(&crowded), 0);
}


/* What was in the tmpfs is gone, though the machine has not booted; a file is
 * as its last user left it. */
TEST(container_made_again_has_no_keep_and_all_of_its_files) {
  struct test_process life;
  const char* name = test_name("life");
  const char* path = test_path("file");
  int round;

  (void) state;
  skip_without_containers();
  if (UVSHM__PORT_NAMES_IN_FOLDER) skip();
  for (round = 0; round < 2; round++) {
    test_spawn(&life, "life", name, path, round == 0 ? "first" : "again", NULL);
    assert_int_equal(test_join(&life), 0);
  }
  assert_int_equal(uvshm_region_unlink(path, UVSHM_FILE | UVSHM_MANAGED), 0);
}


static int nothing_left(void** state) {
  (void) state;
  return test_leftovers();
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dir_has_objects_of_its_own_under_the_same_names),
      cmocka_unit_test(dir_takes_every_kind_of_object_and_removes_it),
      cmocka_unit_test(dir_is_listed_with_long_names_and_those_of_the_system),
      cmocka_unit_test(dir_says_what_is_wrong_with_a_folder),
      cmocka_unit_test(container_that_shares_a_folder_shares_locks_and_deaths),
      cmocka_unit_test(container_that_shares_a_folder_wakes_a_loop),
      cmocka_unit_test(container_with_64_mib_says_no_room_and_never_faults),
      cmocka_unit_test(container_made_again_has_no_keep_and_all_of_its_files),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("container", tests, NULL, nothing_left);
}
