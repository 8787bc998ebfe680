/* SPDX-License-Identifier: MIT */

/* One CTest entry for each case of a cmocka program, so that a case that cannot
 * run here is counted as skipped and never hides among its neighbours that
 * passed, and so that the list of names can be read without running anything.
 *
 * test/CMakeLists.txt compiles every test with _cmocka_run_group_tests defined
 * as uvshm_test_run_group. A test does nothing for it and knows nothing of it.
 *
 *   UVSHM_TEST_LIST=1       print "case: <name>" for each case, run none
 *   UVSHM_TEST_CASE=<name>  run this one
 *   neither                 run all, as cmocka does
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int uvshm_test_run_group(const char* group,
                         const struct CMUnitTest* tests,
                         size_t count,
                         CMFixtureFunction setup,
                         CMFixtureFunction teardown);


int uvshm_test_run_group(const char* group,
                         const struct CMUnitTest* tests,
                         size_t count,
                         CMFixtureFunction setup,
                         CMFixtureFunction teardown) {
  const char* wanted = getenv("UVSHM_TEST_CASE");
  size_t found = count;
  size_t i;

  if (getenv("UVSHM_TEST_LIST") != NULL) {
    for (i = 0; i < count; i++) printf("case: %s\n", tests[i].name);
    return 0;
  }
  if (wanted == NULL)
    return _cmocka_run_group_tests(group, tests, count, setup, teardown);

  for (i = 0; i < count; i++)
    if (strcmp(tests[i].name, wanted) == 0) found = i;
  if (found == count) return 0; /* another group of this program has it */
  return _cmocka_run_group_tests(group, tests + found, 1, setup, teardown);
}
