/* SPDX-License-Identifier: MIT */

/* Memory shared with C programs, Boost and Python, made by either side. Whoever
 * is not installed is skipped, and said so. PHP is in test-with-php.c. */

#include "others.h"

#include "uvshm.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

static const struct test_role roles[] = {{"c", other_role_c}, {NULL, NULL}};


TEST(c_with_shm_open_and_mmap) {
  struct other_names names = {"shm", NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  names.theirs = names.ours = other_shm_name("with-c");
  test_spawn(&other, "c", NULL);
  other_both(&other, &names);
  other_quit(&other);
}


TEST(c_with_shmget_and_a_key) {
  char number[32];
  char name[64];
  struct other_names names = {"sysv", number, name, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  other_any_key(number, name);
  test_spawn(&other, "c", NULL);
  other_both(&other, &names);
  other_quit(&other);
}


TEST(c_with_shmget_and_ftok) {
  const char* path = test_path("ftok");
  char their[1300];
  char our[1300];
  struct other_names names = {"sysv", their, our, UVSHM_REGION_FOREIGN};
  struct test_process other;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

  (void) state;
  assert_true(fd >= 0);
  close(fd);
  snprintf(their, sizeof(their), "%s:65", path);
  snprintf(our, sizeof(our), "sysv:ftok=%s:65", path);
  test_spawn(&other, "c", NULL);
  other_both(&other, &names);
  other_quit(&other);
  unlink(path);
}


TEST(c_with_mmap_of_a_file) {
  struct other_names names = {"file", NULL, NULL, UVSHM_FILE};
  struct test_process other;

  (void) state;
  names.theirs = names.ours = test_path("with-file");
  test_spawn(&other, "c", NULL);
  other_both(&other, &names);
  other_quit(&other);
}


TEST(boost_with_shared_memory_object) {
  char their[256];
  struct other_names names = {"shm", their, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!other_start_boost(&other)) skip();
  names.ours = other_shm_name("with-boost");
  snprintf(their, sizeof(their), "%s", names.ours + 1); /* Boost adds the / */
  other_both(&other, &names);
  other_quit(&other);
}


TEST(boost_with_file_mapping) {
  const char* path = test_path("with-boost-file");
  struct other_names names = {"file", path, path, UVSHM_FILE};
  struct test_process other;
  uvshm_region_t* region;

  (void) state;
  if (!other_start_boost(&other)) skip();
  other_ask(&other, "none", "open file %s 0", path);
  assert_int_equal(other_open_ours(&region, &names, UVSHM_CREATE, OTHER_BYTES),
                   0);
  memcpy(uvshm_region_base(region), "ours", 4);
  other_ask(&other, "ok", "open file %s 0", path);
  other_ask(&other, "10000", "size");
  other_ask(&other, "ours", "read 0 4");
  other_ask(&other, "ok", "write 9990 theirs");
  assert_memory_equal((char*) uvshm_region_base(region) + 9990, "theirs", 6);
  uvshm_region_close(region);
  other_quit(&other);
  unlink(path);
}

/* ---- Python -------------------------------------------------------------- */

TEST(python_with_shared_memory) {
  struct other_names names = {"attach", NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!other_start_python(&other)) skip();
  names.theirs = names.ours = other_shm_name("with-python");
  other_both(&other, &names);
  other_quit(&other);
}


/* Wait until somebody has taken the name away; 0: nobody has, for `ms`. */
static int wait_for_theft(const uvshm_region_t* region, uint64_t ms) {
  uint64_t end = test_now_ms() + ms;

  while (other_name_lost(region) == 0) {
    if (test_now_ms() > end) return 0;
    test_sleep_ms(20);
  }
  return 1;
}


/* One Python attaches in the way of `kind` and ends; is our name there? */
static int name_survives(const char* kind, uint64_t ms) {
  struct other_names names = {kind, NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;
  uvshm_region_t* region;
  int stolen;

  if (!other_start_python(&other)) return -1;
  names.theirs = names.ours = other_shm_name("with-tracker");
  assert_int_equal(other_open_ours(&region, &names, UVSHM_CREATE, OTHER_BYTES),
                   0);
  other_ask(&other, "ok", "open %s %s 0", kind, names.theirs);
  other_ask(&other, "ok", "write 0 python");
  other_ask(&other, "ok", "close");
  other_quit(&other);
  stolen = wait_for_theft(region, ms);
  assert_memory_equal(uvshm_region_base(region), "python", 6);
  assert_int_equal(uvshm_region_unlink(names.ours, UVSHM_REGION_FOREIGN),
                   stolen ? UV_ENOENT : 0);
  uvshm_region_close(region);
  return !stolen;
}


TEST(python_s_tracker_takes_the_name_and_it_is_told) {
  int survives;

  (void) state;
  survives = name_survives("tracked", TEST_PATIENCE_MS);
  if (survives < 0) skip();
  assert_int_equal(survives, 0);
}


TEST(python_with_attach_py_leaves_the_name) {
  int survives;

  (void) state;
  survives = name_survives("attach", 1000);
  if (survives < 0) skip();
  assert_int_equal(survives, 1);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(c_with_shm_open_and_mmap),
      cmocka_unit_test(c_with_shmget_and_a_key),
      cmocka_unit_test(c_with_shmget_and_ftok),
      cmocka_unit_test(c_with_mmap_of_a_file),
      cmocka_unit_test(boost_with_shared_memory_object),
      cmocka_unit_test(boost_with_file_mapping),
      cmocka_unit_test(python_with_shared_memory),
      cmocka_unit_test(python_s_tracker_takes_the_name_and_it_is_told),
      cmocka_unit_test(python_with_attach_py_leaves_the_name),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("with-others", tests, NULL, NULL);
}
