/* SPDX-License-Identifier: MIT */

/* Rights on Windows: what was asked for is read back from the object. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)


static void make(const char* name,
                 const char* group,
                 const char* sddl,
                 uvshm_region_info_t* info) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  int err;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  options.group = group;
  options.sddl = sddl;
  err = uvshm_region_open(&region, name, &options);
  if (err < 0) fail_msg("%s", uvshm_error_detail());
  assert_int_equal(uvshm_region_info(region, info), 0);
  uvshm_region_close(region);
}


/* The ACE of an account in a DACL: its rights are the third field. */
static const char* ace_of(const char* sddl, const char* account) {
  const char* at = strstr(sddl, account);

  while (at != NULL && at > sddl && *at != '(') at--;
  return at;
}


TEST(rights_are_this_users_and_the_systems_by_default) {
  uvshm_region_info_t info;

  (void) state;
  make(test_name("default"), NULL, NULL, &info);
  assert_non_null(strstr(info.sddl, "D:P"));
  assert_non_null(ace_of(info.sddl, ";SY)"));
  assert_null(strstr(info.sddl, ";WD)")); /* everyone */
  assert_null(strstr(info.sddl, ";AU)")); /* authenticated users */
}


TEST(rights_of_a_group_are_added) {
  uvshm_region_info_t info;

  (void) state;
  make(test_name("group"), "S-1-5-32-545", NULL, &info); /* Users */
  assert_true(ace_of(info.sddl, ";BU)") != NULL ||
              ace_of(info.sddl, "S-1-5-32-545") != NULL);
}


TEST(rights_may_be_given_as_sddl) {
  uvshm_region_info_t info;

  (void) state;
  make(test_name("sddl"), NULL, "D:P(A;;GA;;;WD)", &info);
  assert_non_null(ace_of(info.sddl, ";WD)"));
}


TEST(rights_for_services_let_interactive_users_read) {
  uvshm_region_info_t info;

  (void) state;
  make(test_name("service"), NULL, "service", &info);
  assert_non_null(ace_of(info.sddl, ";IU)"));
  assert_non_null(ace_of(info.sddl, ";SU)"));
}


TEST(rights_that_make_no_sense_are_refused) {
  uvshm_region_options_t options;
  uvshm_region_t* region;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  options.sddl = "this is no SDDL";
  assert_int_equal(uvshm_region_open(&region, test_name("bad"), &options),
                   UV_EINVAL);
  options.sddl = NULL;
  options.group = "no such account at all";
  assert_int_equal(uvshm_region_open(&region, test_name("bad"), &options),
                   UV_EINVAL);
}


TEST(rights_can_be_changed_later) {
  uvshm_region_options_t options;
  uvshm_region_t* region;
  uvshm_region_info_t info;

  (void) state;
  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4096;
  assert_int_equal(uvshm_region_open(&region, test_name("set"), &options), 0);
  memset(&options, 0, sizeof(options));
  options.sddl = "service";
  assert_int_equal(uvshm_region_set(region, &options), 0);
  assert_int_equal(uvshm_region_info(region, &info), 0);
  assert_non_null(ace_of(info.sddl, ";IU)"));
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rights_are_this_users_and_the_systems_by_default),
      cmocka_unit_test(rights_of_a_group_are_added),
      cmocka_unit_test(rights_may_be_given_as_sddl),
      cmocka_unit_test(rights_for_services_let_interactive_users_read),
      cmocka_unit_test(rights_that_make_no_sense_are_refused),
      cmocka_unit_test(rights_can_be_changed_later),
  };

  return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
