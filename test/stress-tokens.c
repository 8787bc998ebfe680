/* SPDX-License-Identifier: MIT */

/* Nothing is lost, whoever is killed and whenever. A number of tokens lie in
 * boxes of every kind that a segment has; workers move them, putting a token
 * into its new box before they remove it from the old one, and are killed at
 * random. So a token may be in two boxes, but never in none.
 *
 *   UVSHM_KILLS=10000 build/test/stress-tokens
 *   UVSHM_TEST_SEED=7          the same choices again; what they meet differs
 *
 * A token has a mutex, shared with some others, which is held while it is moved
 * (two who move it to and fro at once would lose it, and that would be their
 * fault). Who has it looks whether the token is anywhere, at every move: the
 * oracle is asked all the time, and once more at the end.
 */

#include "fake.h"
#include "harness.h"
#include "mortals.h"
#include "tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3u

static struct {
  struct mortals workers;
  struct tokens tokens;
  char name[128];
} storm;


static void words_of(uint32_t number, char words[MORTAL_WORDS][128]) {
  snprintf(words[0], 128, "mover");
  snprintf(words[1], 128, "%s", storm.name);
  snprintf(words[2], 128, "%u", (unsigned int) number);
  snprintf(words[3],
           128,
           "%llu",
           (unsigned long long) fake_random(&storm.workers.random));
}


static uint64_t moves_of(uint32_t number) {
  return tokens_moves(&storm.tokens, number);
}


static void no_token_is_ever_lost(void** state) {
  uint32_t repaired = 0;
  const char* fault;
  uint64_t moves = 0;
  uint32_t i;

  (void) state;
  storm.workers.count = WORKERS;
  storm.workers.random = fake_seed();
  storm.workers.words = words_of;
  storm.workers.steps = moves_of;
  storm.workers.age_us = 6000;
  storm.workers.early_us = 1000;
  storm.workers.may_end = 1;
  strcpy(storm.name, test_name("tokens"));
  fault = tokens_make(&storm.tokens, storm.name);
  if (fault != NULL) fail_msg("%s", fault);

  mortals_storm(&storm.workers, mortals_kills(200));
  if (storm.workers.failure[0] != '\0') fail_msg("%s", storm.workers.failure);

  for (i = 0; i < WORKERS; i++) moves += tokens_moves(&storm.tokens, i);
  assert_int_equal(uvshm_segment_repair(storm.tokens.segment, &repaired), 0);
  assert_int_equal(uvshm_segment_check(storm.tokens.segment), 0);
  fault = tokens_audit(&storm.tokens);
  if (fault != NULL) fail_msg("%s", fault);
  tokens_close(&storm.tokens);
  assert_int_equal(test_leftovers(), 0);
  print_message("%llu kills, %llu moves, %u tokens, none lost\n",
                (unsigned long long) storm.workers.kills,
                (unsigned long long) moves,
                TOKENS);
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"mover", tokens_mover},
                                           {NULL, NULL}};
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_token_is_ever_lost)};

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
