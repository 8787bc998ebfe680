/* SPDX-License-Identifier: MIT */

/* Does this backend keep the promises of src/port.h? The cases are listed in
 * conformance.h and lie in conformance_<section>.c; the same ones run on every
 * system. What only one system has is in port-posix.c and port-win32.c. */

#include "conformance.h"

static const struct test_role roles[] = {{"agent", agent_role}, {NULL, NULL}};


static int nothing_is_left(void** state) {
  (void) state;
  return test_leftovers() == 0 ? 0 : -1;
}


int main(int argc, char** argv) {
#define CASE(name) cmocka_unit_test(name),
  static const struct CMUnitTest cases[] = {CONFORMANCE_CASES(CASE)};
#undef CASE

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(cases, NULL, nothing_is_left);
}
