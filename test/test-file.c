/* SPDX-License-Identifier: MIT */

/* Regions that are files: the caller's own, managed or not, and those that an
 * object with lifetime `keep` lies in. What a reboot does to them is shown by
 * changing the boot id that they have stored. */

#include "harness.h"
#include "segment.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


TEST(region_of_a_plain_file_is_the_files_bytes) {
  const char* path = test_path("plain");
  uvshm_region_t* region = test_region(path, UVSHM_FILE, 5000);
  uvshm_region_info_t info;
  uv_fs_t request;
  char text[8] = "";
  uv_buf_t buf = uv_buf_init(text, 5);
  uv_file file;

  (void) state;
  strcpy(uvshm_region_base(region), "plain");
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_FILE);
  assert_int_equal(info.size, 5000);
  assert_int_equal(uvshm_region_sync(region, 0, 0, 1), 0);
  uvshm_region_close(region);
  file = uv_fs_open(NULL, &request, path, UV_FS_O_RDONLY, 0, NULL);
  assert_true(file >= 0);
  assert_int_equal(uv_fs_read(NULL, &request, file, &buf, 1, 0, NULL), 5);
  assert_string_equal(text, "plain");
  uv_fs_fstat(NULL, &request, file, NULL);
  assert_int_equal(request.statbuf.st_size, 5000);
  uv_fs_close(NULL, &request, file, NULL);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_READONLY), 0);
  assert_int_equal(uvshm_region_size(region), 5000);
  uvshm_region_close(region);
  uv_fs_unlink(NULL, &request, path, NULL);
  assert_int_equal(test_region_attach(&region, path, UVSHM_FILE), UV_ENOENT);
}


/* A program that runs may not be opened for writing, not even by root. */
TEST(region_of_a_file_that_is_only_read_may_be_copied_on_write) {
  uvshm_region_t* copy;
  uvshm_region_t* region;
  uvshm_region_info_t info;
  char path[1024];
  size_t size = sizeof(path);
  char* bytes;

  (void) state;
  assert_int_equal(uv_exepath(path, &size), 0);
  if (test_region_attach(&copy, path, UVSHM_FILE | UVSHM_REGION_PRIVATE) < 0)
    fail_msg("%s", uvshm_error_detail());
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_READONLY), 0);
  assert_true(uvshm_region_size(copy) == uvshm_region_size(region));
  assert_int_equal(uvshm_region_info(copy, &info), 0);
  assert_int_equal(info.readonly, 0);
  bytes = uvshm_region_base(copy);
  assert_int_equal(uvshm_region_protect(copy, 0, 0, UVSHM_PROTECT_READ), 0);
  assert_int_equal(uvshm_region_protect(copy, 0, 0, UVSHM_PROTECT_WRITE), 0);
  bytes[0] = (char) ~bytes[0];
  assert_int_equal(*(const char*) uvshm_region_base(region), (char) ~bytes[0]);
  assert_int_equal(uvshm_region_sync(copy, 0, 0, 1), 0);
  uvshm_region_close(region);
  uvshm_region_close(copy);
}


TEST(region_of_a_managed_file_outlives_its_users) {
  const char* path = test_path("managed");
  uvshm_region_t* region = test_region(path, UVSHM_FILE | UVSHM_MANAGED, 5000);
  uvshm_region_info_t info;

  (void) state;
  strcpy(uvshm_region_base(region), "managed");
  uvshm_region_close(region);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED), 0);
  assert_string_equal(uvshm_region_base(region), "managed");
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_FILE);
  assert_int_equal(info.size, 5000);
  uvshm_region_close(region);
  assert_int_equal(uvshm_region_unlink(path, UVSHM_FILE | UVSHM_MANAGED), 0);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED), UV_ENOENT);
}


static uint64_t size_of_file(const char* path) {
  uv_fs_t request;

  assert_int_equal(uv_fs_stat(NULL, &request, path, NULL), 0);
  return request.statbuf.st_size;
}


/* While it is open it may be as long as it may ever become (Windows). */
TEST(region_of_a_managed_file_is_cut_to_what_it_needs_when_closed) {
  const uint32_t flags = UVSHM_FILE | UVSHM_MANAGED;
  const char* path = test_path("trim");
  uvshm_region_options_t options;
  uvshm_region_t* region;
  int round;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | flags;
  options.size = 100000;
  options.max_size = 64 << 20;
  for (round = 0; round < 3; round++) {
    assert_int_equal(uvshm_region_open(&region, path, &options), 0);
    ((char*) uvshm_region_base(region))[99999] += 1;
    if (round == 1) {
      assert_int_equal(uvshm_region_grow(region, 1 << 20), 0);
      ((char*) uvshm_region_base(region))[(1 << 20) - 1] = 'z';
    }
    if (round == 2)
      assert_int_equal(((char*) uvshm_region_base(region))[(1 << 20) - 1], 'z');
    assert_int_equal(((char*) uvshm_region_base(region))[99999], round + 1);
    uvshm_region_close(region);
    /* The control area, and whole granules of 64 KiB. */
    assert_int_equal(size_of_file(path),
                     65536 + (round == 0 ? 2 * 65536 : 1 << 20));
  }
  assert_int_equal(uvshm_region_unlink(path, flags), 0);
}


/* Overwrite bytes of a file. */
static void patch(const char* path,
                  int64_t offset,
                  const void* bytes,
                  size_t size) {
  uv_fs_t request;
  uv_buf_t buf = uv_buf_init((char*) bytes, (unsigned int) size);
  uv_file file = uv_fs_open(NULL, &request, path, UV_FS_O_RDWR, 0, NULL);

  assert_true(file >= 0);
  assert_int_equal(uv_fs_write(NULL, &request, file, &buf, 1, offset, NULL),
                   (int) size);
  uv_fs_close(NULL, &request, file, NULL);
}


#define BOOT_OFFSET 48
#define CLEAN_OFFSET 132
#define LIVENESS_OFFSET 24


TEST(region_file_of_an_earlier_boot_opens_only_when_closed_cleanly) {
  static const uint64_t other_boot[2] = {1, 2};
  static const uint32_t zero = 0;
  const uint32_t flags = UVSHM_FILE | UVSHM_MANAGED;
  const char* path = test_path("boot");
  uvshm_region_t* region = test_region(path, flags, 5000);

  (void) state;
  strcpy(uvshm_region_base(region), "kept");
  uvshm_region_close(region);

  patch(path, BOOT_OFFSET, other_boot, sizeof(other_boot));
  assert_int_equal(test_region_attach(&region, path, flags), 0);
  assert_string_equal(uvshm_region_base(region), "kept");
  uvshm_region_close(region);

  patch(path, BOOT_OFFSET, other_boot, sizeof(other_boot));
  patch(path, CLEAN_OFFSET, &zero, sizeof(zero));
  assert_int_equal(test_region_attach(&region, path, flags), UV_EPROTO);
  assert_non_null(strstr(uvshm_error_detail(), "not closed cleanly"));
  assert_int_equal(test_region_attach(&region, path, flags | UVSHM_UNCLEAN_OK),
                   UVSHM_UNCLEAN);
  assert_string_equal(uvshm_region_base(region), "kept");
  uvshm_region_close(region);
  assert_int_equal(test_region_attach(&region, path, flags), 0);
  uvshm_region_close(region);
  assert_int_equal(uvshm_region_unlink(path, flags), 0);
}


/* On every system it is a file, and its system name a path. */
TEST(region_with_keep_ends_with_the_boot) {
  static const uint64_t other_boot[2] = {1, 2};
  const char* name = test_name("reboot");
  uvshm_region_t* region = test_region(name, UVSHM_KEEP, 5000);
  uvshm_region_info_t info;

  (void) state;
  strcpy(uvshm_region_base(region), "before");
  assert_int_equal(uvshm_region_info(region, &info), 0);
  uvshm_region_close(region);
  assert_int_equal(test_region_attach(&region, name, 0), 0);
  uvshm_region_close(region);

  patch(info.system_name, BOOT_OFFSET, other_boot, sizeof(other_boot));
  assert_int_equal(test_region_attach(&region, name, 0), UV_ENOENT);
  region = test_region(name, UVSHM_KEEP | UVSHM_EXCLUSIVE, 5000);
  assert_string_equal(uvshm_region_base(region), "");
  uvshm_region_close(region);
  assert_int_equal(uvshm_region_unlink(name, 0), 0);
  assert_int_equal(test_leftovers(), 0);
}


/* A program of another system: another kind of liveness. */
TEST(region_file_of_another_system_is_taken_over_only_when_clean) {
  static const uint32_t other_kind = 77;
  static const uint32_t zero = 0;
  const uint32_t flags = UVSHM_FILE | UVSHM_MANAGED;
  const char* path = test_path("kind");
  uvshm_region_t* region = test_region(path, flags, 5000);
  uvshm_region_t* second;

  (void) state;
  strcpy(uvshm_region_base(region), "theirs");
  uvshm_region_close(region);
  patch(path, LIVENESS_OFFSET, &other_kind, sizeof(other_kind));
  assert_int_equal(test_region_attach(&region, path, flags | UVSHM_READONLY),
                   UV_EPROTONOSUPPORT);
  assert_int_equal(test_region_attach(&region, path, flags), 0);
  assert_string_equal(uvshm_region_base(region), "theirs");
  assert_int_equal(test_region_attach(&second, path, flags), 0);
  uvshm_region_close(second);
  uvshm_region_close(region);

  patch(path, LIVENESS_OFFSET, &other_kind, sizeof(other_kind));
  patch(path, CLEAN_OFFSET, &zero, sizeof(zero));
  assert_int_equal(test_region_attach(&region, path, flags),
                   UV_EPROTONOSUPPORT);
  assert_int_equal(test_region_attach(&region, path, flags | UVSHM_UNCLEAN_OK),
                   UV_EPROTONOSUPPORT);
  assert_int_equal(uvshm_name_unlink(path, flags), 0);
}


TEST(region_file_that_is_not_uvshms_is_refused) {
  const char* path = test_path("strange");
  uvshm_region_t* region = test_region(path, UVSHM_FILE, 200000);
  static const uint32_t format = 99;
  uv_fs_t request;

  (void) state;
  memset(uvshm_region_base(region), 'z', 200000);
  uvshm_region_close(region);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED), UV_EPROTO);
  uv_fs_unlink(NULL, &request, path, NULL);

  region = test_region(path, UVSHM_FILE | UVSHM_MANAGED, 100);
  uvshm_region_close(region);
  patch(path, 8, &format, sizeof(format));
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED),
      UV_EPROTONOSUPPORT);
  assert_non_null(strstr(uvshm_error_detail(), "format 99"));
  uv_fs_unlink(NULL, &request, path, NULL);
}


TEST(region_file_that_was_cut_is_an_error) {
  const char* path = test_path("cut");
  uvshm_region_t* region =
      test_region(path, UVSHM_FILE | UVSHM_MANAGED, 100000);
  uv_fs_t request;
  uv_file file;

  (void) state;
  uvshm_region_close(region);
  file = uv_fs_open(NULL, &request, path, UV_FS_O_RDWR, 0, NULL);
  assert_int_equal(uv_fs_ftruncate(NULL, &request, file, 70000, NULL), 0);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED), UV_EPROTO);
  assert_int_equal(uv_fs_ftruncate(NULL, &request, file, 100, NULL), 0);
  assert_int_equal(
      test_region_attach(&region, path, UVSHM_FILE | UVSHM_MANAGED), UV_EPROTO);
  uv_fs_close(NULL, &request, file, NULL);
  uv_fs_unlink(NULL, &request, path, NULL);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(region_of_a_plain_file_is_the_files_bytes),
      cmocka_unit_test(
          region_of_a_file_that_is_only_read_may_be_copied_on_write),
      cmocka_unit_test(region_of_a_managed_file_outlives_its_users),
      cmocka_unit_test(
          region_of_a_managed_file_is_cut_to_what_it_needs_when_closed),
      cmocka_unit_test(
          region_file_of_an_earlier_boot_opens_only_when_closed_cleanly),
      cmocka_unit_test(region_with_keep_ends_with_the_boot),
      cmocka_unit_test(
          region_file_of_another_system_is_taken_over_only_when_clean),
      cmocka_unit_test(region_file_that_is_not_uvshms_is_refused),
      cmocka_unit_test(region_file_that_was_cut_is_an_error),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
