/* SPDX-License-Identifier: MIT */

/* What lies under our name is not what we expect: planted by somebody, left by
 * a maker that died, cut, overwritten, or made by other software. Each is a
 * precise error, never a crash and never a wait. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST(sentence) static void sentence(void** state)


static uvshm_region_options_t creating(uint32_t flags) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = 100000;
  return options;
}


/* The path that the system has for a name, with a region of lifetime keep there
 * if `keep`, else with nothing. */
static const char* path_of(const char* name, int keep) {
  static char path[300];
  uvshm_region_options_t options = creating(UVSHM_KEEP);
  uvshm_region_t* region;
  uvshm_region_info_t info;

  assert_int_equal(uvshm_region_open(&region, name, &options), 0);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  strcpy(path, info.system_name);
  uvshm_region_close(region);
  if (!keep) assert_int_equal(uvshm_region_unlink(name, 0), 0);
  return path;
}


static void plant_file(const char* path, const void* bytes, size_t size) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, size), size);
  close(fd);
}


static void patch(const char* path, off_t at, const void* bytes, size_t size) {
  int fd = open(path, O_RDWR);

  assert_true(fd >= 0);
  assert_int_equal(pwrite(fd, bytes, size, at), size);
  close(fd);
}


static int open_plain(const char* name) {
  uvshm_region_t* region;
  int err = uvshm_region_open(&region, name, NULL);

  if (err >= 0) uvshm_region_close(region);
  return err;
}


static int open_creating(const char* name) {
  uvshm_region_options_t options = creating(0);
  uvshm_region_t* region;
  int err = uvshm_region_open(&region, name, &options);

  if (err >= 0) uvshm_region_close(region);
  return err;
}


static int is_listed(const char* name) {
  uvshm_names_t* names;
  uvshm_name_info_t info;
  int count = 0;

  assert_int_equal(uvshm_names_open(&names, 0), 0);
  while (uvshm_names_next(names, &info) == 0)
    count += strcmp(info.name, name) == 0;
  uvshm_names_close(names);
  return count;
}


TEST(planted_empty_file_is_a_dead_makers_and_taken_over) {
  const char* name = test_name("empty");
  const char* path = path_of(name, 0);
  uvshm_name_info_t info;

  (void) state;
  plant_file(path, "", 0);
  assert_int_equal(open_plain(name), UV_ENOENT);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.state, UVSHM_STATE_STALE);
  assert_int_equal(open_creating(name), 0);
  assert_int_equal(open_plain(name), UV_ENOENT);
  assert_int_equal(access(path, F_OK), -1);
}


TEST(planted_file_of_zeros_is_a_dead_makers_and_taken_over) {
  const char* name = test_name("zeros");
  const char* path = path_of(name, 0);
  char* zeros = calloc(1, 200000);

  (void) state;
  plant_file(path, zeros, 200000);
  free(zeros);
  assert_int_equal(open_plain(name), UV_ENOENT);
  assert_int_equal(uvshm_name_gc(name, 0), 0);
  assert_int_equal(access(path, F_OK), -1);
}


TEST(planted_bytes_of_other_software_are_refused) {
  const char* name = test_name("other");
  const char* path = path_of(name, 0);
  char* bytes = malloc(200000);
  uvshm_name_info_t info;

  (void) state;
  memset(bytes, 0x5a, 200000);
  plant_file(path, bytes, 200000);
  assert_int_equal(open_plain(name), UV_EPROTO);
  assert_int_equal(open_creating(name), UV_EPROTO);
  plant_file(path, bytes, 100);
  free(bytes);
  assert_int_equal(open_plain(name), UV_EPROTO);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.state, UVSHM_STATE_DAMAGED);
  /* So that it can be removed. The name is not in a hash of it. */
  if (strstr(path, name) != NULL) assert_int_equal(is_listed(name), 1);
  assert_int_equal(uvshm_name_gc(name, 0), UV_EPROTO);
  assert_int_equal(uvshm_region_unlink(name, 0), UV_EPROTO);
  assert_int_equal(uvshm_name_unlink(name, 0), 0);
  assert_int_equal(access(path, F_OK), -1);
}


TEST(planted_symbolic_link_is_not_followed) {
  const char* name = test_name("link");
  const char* path = path_of(name, 0);

  (void) state;
  assert_int_equal(symlink("/etc/passwd", path), 0);
  assert_int_equal(open_plain(name), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "symbolic link"));
  assert_int_equal(open_creating(name), UV_EINVAL);
  unlink(path);
}


TEST(planted_folder_or_fifo_is_refused_without_waiting) {
  const char* name = test_name("folder");
  const char* path = path_of(name, 0);

  (void) state;
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(open_plain(name), UV_EINVAL);
  rmdir(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(open_creating(name), UV_EINVAL);
  assert_non_null(strstr(uvshm_error_detail(), "not a regular file"));
  unlink(path);
}


TEST(planted_by_another_user_is_refused) {
  const char* name = test_name("user");
  const char* path = path_of(name, 1);

  (void) state;
  if (geteuid() != 0 || chown(path, 65534, 65534) != 0) {
    assert_int_equal(uvshm_region_unlink(name, 0), 0);
    skip(); /* only root can give a file away */
  }
  assert_int_equal(open_plain(name), UV_EPERM);
  assert_non_null(strstr(uvshm_error_detail(), "another user"));
  assert_int_equal(open_creating(name), UV_EPERM);
  assert_int_equal(uvshm_region_unlink(name, 0), UV_EPERM);
  unlink(path);
}


TEST(planted_header_fields_out_of_range_are_refused) {
  /* offsets of docs/format.md */
  static const struct {
    off_t at;
    uint32_t value;
    int err;
  } fields[] = {
      {8, 3, UV_EPROTONOSUPPORT},   /* format */
      {12, 77, UV_EPROTO},          /* kind */
      {16, 1, UV_EPROTONOSUPPORT},  /* features */
      {24, 9, UV_EPROTONOSUPPORT},  /* liveness */
      {28, 9, UV_EPROTONOSUPPORT},  /* waiting */
      {64, 99, UV_EPROTO},          /* lifetime */
      {80, 0x7fffffff, UV_EPROTO},  /* committed */
      {88, 17, UV_EPROTO},          /* reserve */
      {136, 0xffff0000, UV_EPROTO}, /* control_size */
      {140, 0xffffffff, UV_EPROTO}, /* peers_max */
      {144, 0xffffffff, UV_EPROTO}, /* lanes_max */
      {148, 0xfffffff0, UV_EPROTO}, /* lanes_offset */
      {160, 5000, UV_EPROTO},       /* name_size */
  };
  const char* name = test_name("fields");
  const char* path;
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    path = path_of(name, 1);
    patch(path, fields[i].at, &fields[i].value, sizeof(fields[i].value));
    if (open_plain(name) != fields[i].err)
      fail_msg("offset %d: %s", (int) fields[i].at, uvshm_error_detail());
    assert_int_equal(uvshm_name_unlink(name, 0), 0);
  }
}


TEST(planted_random_headers_are_survived) {
  const char* name = test_name("random");
  const char* path = path_of(name, 1);
  uint32_t seed = 12345;
  unsigned char byte;
  off_t at;
  int i;
  uvshm_name_info_t info;

  (void) state;
  for (i = 0; i < 2000; i++) {
    seed = seed * 1664525u + 1013904223u;
    at = (off_t) ((seed >> 8) % 1024);
    byte = (unsigned char) (seed >> 24);
    patch(path, at, &byte, 1);
    assert_true(open_plain(name) <= 0);
    assert_true(uvshm_name_info(name, 0, &info) <= 0);
    if (i % 16 != 15) continue;
    assert_int_equal(uvshm_name_unlink(name, 0), 0);
    path = path_of(name, 1);
  }
  assert_int_equal(uvshm_name_unlink(name, 0), 0);
}


TEST(planted_object_cut_by_its_owner_is_an_error_at_open) {
  const char* name = test_name("cut");
  const char* path = path_of(name, 1);

  (void) state;
  assert_int_equal(truncate(path, 65536), 0);
  assert_int_equal(open_plain(name), UV_EPROTO);
  assert_non_null(strstr(uvshm_error_detail(), "cut to 65536 bytes"));
  assert_int_equal(truncate(path, 10), 0);
  assert_int_equal(open_plain(name), UV_EPROTO);
  assert_int_equal(uvshm_name_unlink(name, 0), 0);
}


TEST(planted_keep_object_of_an_earlier_boot_counts_as_absent) {
  static const uint64_t other_boot[2] = {5, 6};
  const char* name = test_name("boot");
  const char* path = path_of(name, 1);
  uvshm_name_info_t info;

  (void) state;
  patch(path, 48, other_boot, sizeof(other_boot));
  assert_int_equal(open_plain(name), UV_ENOENT);
  assert_int_equal(uvshm_name_info(name, 0, &info), 0);
  assert_int_equal(info.state, UVSHM_STATE_STALE);
  assert_int_equal(uvshm_name_gc(name, 0), 0);
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(planted_empty_file_is_a_dead_makers_and_taken_over),
      cmocka_unit_test(planted_file_of_zeros_is_a_dead_makers_and_taken_over),
      cmocka_unit_test(planted_bytes_of_other_software_are_refused),
      cmocka_unit_test(planted_symbolic_link_is_not_followed),
      cmocka_unit_test(planted_folder_or_fifo_is_refused_without_waiting),
      cmocka_unit_test(planted_by_another_user_is_refused),
      cmocka_unit_test(planted_header_fields_out_of_range_are_refused),
      cmocka_unit_test(planted_random_headers_are_survived),
      cmocka_unit_test(planted_object_cut_by_its_owner_is_an_error_at_open),
      cmocka_unit_test(planted_keep_object_of_an_earlier_boot_counts_as_absent),
  };

  return cmocka_run_group_tests_name("planted", tests, NULL, NULL);
}
