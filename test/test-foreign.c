/* SPDX-License-Identifier: MIT */

/* Sections of other software on Windows: the program at the other end knows
 * nothing of uvshm and calls CreateFileMapping and MapViewOfFile. (What POSIX
 * has for this is in port-foreign.c.) */

#include <winsock2.h>
#include <windows.h>

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)
#define BYTES 10000u

/* ---- the other program --------------------------------------------------- */

static char* view_of(HANDLE section) {
  return section == NULL ? NULL
                         : MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
}


/* argv: name. Makes it, and says what it finds there after each line. */
static int role_maker(int argc, char** argv) {
  HANDLE section = CreateFileMappingA(
      INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, BYTES, argv[0]);
  char* bytes = view_of(section);

  (void) argc;
  if (bytes == NULL) return 1;
  strcpy(bytes, "made by Win32");
  test_say("made");
  while (test_hear() != NULL) test_say("%s", bytes);
  return 0;
}


/* argv: name. Opens what is there, says what it finds, writes. */
static int role_opener(int argc, char** argv) {
  HANDLE section = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, argv[0]);
  char* bytes = view_of(section);

  (void) argc;
  if (bytes == NULL) {
    test_say("error %lu", GetLastError());
    return 1;
  }
  test_say("%s", bytes);
  strcpy(bytes, "written by Win32");
  return 0;
}


static const struct test_role roles[] = {
    {"maker", role_maker}, {"opener", role_opener}, {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

static int attach(uvshm_region_t** region, const char* name, uint32_t flags) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_REGION_FOREIGN | flags;
  options.size = flags & UVSHM_CREATE ? BYTES : 0;
  return uvshm_region_open(region, name, &options);
}


/* `Local\\` and a name of this test's own. */
static const char* local_name(const char* stem) {
  static char name[300];

  snprintf(name, sizeof(name), "Local\\%s", test_name(stem));
  return name;
}


TEST(foreign_section_of_a_win32_program_is_read_and_written) {
  const char* name = local_name("theirs");
  struct test_process maker;
  uvshm_region_t* region;
  uvshm_region_info_t info;

  (void) state;
  assert_int_equal(attach(&region, name, 0), UV_ENOENT);
  test_spawn(&maker, "maker", name, NULL);
  test_expect(&maker, "made");
  assert_int_equal(attach(&region, name, 0), 0);
  assert_string_equal(uvshm_region_base(region), "made by Win32");
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_int_equal(info.lifetime, UVSHM_LIFETIME_FOREIGN);
  assert_true(info.size >= BYTES && info.size < BYTES + 65536);
  strcpy(uvshm_region_base(region), "written by uvshm");
  test_tell(&maker, "look");
  test_expect(&maker, "written by uvshm");
  assert_int_equal(uvshm_region_grow(region, 1 << 20), UV_ENOTSUP);
  uvshm_region_close(region);
  test_kill(&maker);
  assert_int_equal(attach(&region, name, 0), UV_ENOENT);
}


TEST(foreign_section_that_uvshm_makes_is_one_of_win32) {
  const char* name = local_name("ours");
  struct test_process opener;
  uvshm_region_t* region;

  (void) state;
  assert_int_equal(attach(&region, name, UVSHM_CREATE), 0);
  strcpy(uvshm_region_base(region), "made by uvshm");
  test_spawn(&opener, "opener", name, NULL);
  test_expect(&opener, "made by uvshm");
  assert_int_equal(test_join(&opener), 0);
  assert_string_equal(uvshm_region_base(region), "written by Win32");
  uvshm_region_close(region);
}


TEST(foreign_section_attached_for_reading_cannot_be_widened) {
  const char* name = local_name("reading");
  uvshm_region_t* region;
  uvshm_region_t* reader;

  (void) state;
  assert_int_equal(attach(&region, name, UVSHM_CREATE), 0);
  assert_int_equal(attach(&reader, name, UVSHM_READONLY), 0);
  assert_int_equal(uvshm_region_protect(reader, 0, 4096, UVSHM_PROTECT_WRITE),
                   UV_EACCES);
  uvshm_region_close(reader);
  uvshm_region_close(region);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(foreign_section_of_a_win32_program_is_read_and_written),
      cmocka_unit_test(foreign_section_that_uvshm_makes_is_one_of_win32),
      cmocka_unit_test(foreign_section_attached_for_reading_cannot_be_widened),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
