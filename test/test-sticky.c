/* SPDX-License-Identifier: MIT */

/* What another user left in a folder where everybody may make names. Needs
 * root, who can be a second user. */

#include "harness.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

#define NOBODY 65534

#define SIZE 4096u


static int make(uvshm_region_t** region, const char* name) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE | UVSHM_SYSTEM;
  options.mode = 0666;
  options.size = SIZE;
  return uvshm_region_open(region, name, &options);
}


/* Make it, and be killed. */
static int role_hold(int argc, char** argv) {
  uvshm_region_t* region;

  if (argc != 1 || make(&region, argv[0]) < 0) return 1;
  memset(uvshm_region_base(region), 7, SIZE);
  test_say("holding");
  test_hear();
  return 2;
}


/* The other user: tries to make it, says what came of it. */
static int role_other(int argc, char** argv) {
  uvshm_region_t* region;
  int err;

  if (argc != 1 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) return 1;
  err = make(&region, argv[0]);
  if (err >= 0) {
    test_say("made, first byte %d", *(char*) uvshm_region_base(region));
    uvshm_region_close(region);
    return 0;
  }
  test_say(err == UV_EPERM ? "refused" : "another error");
  test_say("%s", uvshm_strerror(err));
  return 0;
}


static const struct test_role roles[] = {
    {"hold", role_hold},
    {"other", role_other},
    {NULL, NULL},
};


/* Answers with the sentence. */
static void refused(const char* name, char* line, size_t size) {
  struct test_process other;

  test_spawn(&other, "other", name, NULL);
  test_expect(&other, "refused");
  test_expect_line(&other, line, size);
  assert_int_equal(test_join(&other), 0);
}


TEST(stale_object_of_another_user_is_not_made_anew) {
  char name[UVSHM_NAME_MAX + 1];
  struct test_process holder;
  struct test_process other;
  uvshm_region_t* region;
  char line[512];

  (void) state;
  if (geteuid() != 0) skip();
  strcpy(name, test_name("stale"));
  test_spawn(&holder, "hold", name, NULL);
  test_expect(&holder, "holding");
  /* While it lives it is shared, as its mode says. */
  test_spawn(&other, "other", name, NULL);
  test_expect(&other, "made, first byte 7");
  assert_int_equal(test_join(&other), 0);

  test_kill(&holder);
  refused(name, line, sizeof(line));
  assert_non_null(strstr(line, name));
  assert_non_null(strstr(line, "only root, whose it is,"));
  refused(name, line, sizeof(line));

  /* Its owner makes it anew: empty. */
  assert_int_equal(make(&region, name), 0);
  assert_int_equal(*(char*) uvshm_region_base(region), 0);
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stale_object_of_another_user_is_not_made_anew),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("sticky", tests, NULL, NULL);
}
