/* SPDX-License-Identifier: MIT */

/* The proof that nobody ever sees half a push or half a pop, whoever is killed
 * and when. Compare it with <uvshm/crash.h>, which explains every step. */

#include "stack.h"

#include <uvshm/crash.h>

#include <string.h>

#define REQUIRE UVSHM_CRASH_REQUIRE

/* The actor's own. */
static stack_handle actor;


static void before(uvshm_segment_t* segment, void* data) {
  (void) data;
  REQUIRE(stack_open(&actor, segment, "stack") == 0);
  REQUIRE(stack_push(&actor, 10) == 0);
}


/* Sums that have been told: 10, then 30, then 60, then 30. */
static void push_push_pop(uvshm_segment_t* segment, void* data) {
  uint64_t number;

  (void) segment;
  (void) data;
  REQUIRE(stack_push(&actor, 20) == 0);
  uvshm_crash_commit();
  REQUIRE(stack_push(&actor, 30) == 0);
  uvshm_crash_commit();
  REQUIRE(stack_pop(&actor, &number) == 0 && number == 30);
}


static void after(uvshm_segment_t* segment, void* data, uint32_t parts) {
  static const uint64_t sums[] = {10, 30, 60, 30};
  stack_handle stack;
  uint64_t number;
  uint64_t count;
  uint64_t sum;

  (void) data;
  REQUIRE(stack_open(&stack, segment, "stack") == 0);
  REQUIRE(stack_sum(&stack, &count, &sum) == 0);
  REQUIRE(sum == sums[parts] || sum == sums[parts + 1]);

  /* It can be used: filled to the brim, and emptied. */
  while (count++ < STACK_ROOM) REQUIRE(stack_push(&stack, 1) == 0);
  REQUIRE(stack_push(&stack, 1) < 0);
  while (--count > 0) REQUIRE(stack_pop(&stack, &number) == 0);
  REQUIRE(stack_sum(&stack, &count, &sum) == 0 && count == 0 && sum == 0);
  stack_close(&stack);
}


int main(void) {
  uvshm_segment_options_t options;
  uvshm_crash_info_t info;
  uvshm_crash_t test;

  memset(&options, 0, sizeof(options));
  options.size = 262144;
  memset(&test, 0, sizeof(test));
  test.name = "push, push, pop";
  test.options = &options;
  test.before = before;
  test.run = push_push_pop;
  test.after = after;
  return uvshm_crash_check(&test, &info) != 0;
}
