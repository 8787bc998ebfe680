/* SPDX-License-Identifier: MIT */

/* Transactions as programs see them: whole or not at all, also when the process
 * is killed in the midst. What is refused is in test-txn-refused.c. */

#include "harness.h"
#include "txn_desk.h"

#include "uvshm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- roles --------------------------------------------------------------- */

/* Begins, changes all, says so, and waits to be killed. */
static int role_midst(int argc, char** argv) {
  struct shop shop;
  uvshm_txn_t txn;
  void* mine;

  (void) argc;
  if (open_shop(&shop, argv[0], 0) < 0) return 1;
  if (uvshm_txn_begin(&txn, shop.lock, 10000) < 0) return 2;
  if (uvshm_txn_save(&txn, shop.bank, sizeof(*shop.bank)) < 0) return 3;
  memset(shop.bank, 0x5a, sizeof(*shop.bank));
  if (uvshm_txn_alloc(&txn, &mine, 40000) < 0) return 4;
  test_say("changed");
  (void) test_hear();
  return 5;
}


/* Moves money until it is killed. */
static int role_mover(int argc, char** argv) {
  uint64_t random = strtoull(argv[1], NULL, 10) | 1;
  struct shop shop;
  uvshm_txn_t txn;
  int err;

  (void) argc;
  if (open_shop(&shop, argv[0], 0) < 0) return 1;
  test_say("ready");
  for (;;) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    if (uvshm_txn_begin(&txn, shop.lock, UVSHM_FOREVER) < 0) return 2;
    err = move(&txn, &shop, random);
    if (err < 0) {
      fprintf(stderr, "%s\n", uvshm_error_detail());
      return 3;
    }
    err = random % 8 == 0 ? uvshm_txn_abort(&txn) : uvshm_txn_commit(&txn);
    if (err < 0) return 4;
  }
}


static const struct test_role roles[] = {
    {"midst", role_midst}, {"mover", role_mover}, {NULL, NULL}};

/* ---- cases --------------------------------------------------------------- */

TEST(txn_commits_or_takes_back) {
  struct shop shop = make_shop(test_name("simple"));
  uvshm_txn_t txn;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(move(&txn, &shop, 1), 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  assert_true(shop.bank->moves == 1);
  is_balanced(&shop);

  begin(&txn, &shop, 0);
  assert_int_equal(move(&txn, &shop, 1), 0);
  assert_true(shop.bank->moves == 2);
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_true(shop.bank->moves == 1);
  is_balanced(&shop);
  is_well(&shop);
  close_shop(&shop);
}


TEST(txn_of_a_killed_process_is_taken_back_and_told) {
  const char* name = test_name("killed");
  struct shop shop = make_shop(name);
  struct test_process process;
  uint64_t before;
  struct bank kept;
  uvshm_txn_t txn;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(move(&txn, &shop, 1), 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  kept = *shop.bank;
  before = blocks(&shop);

  test_spawn(&process, "midst", name, NULL);
  test_expect(&process, "changed");
  assert_true(shop.bank->moves != 1);
  test_kill(&process);
  begin(&txn, &shop, UVSHM_OWNER_DIED);
  assert_memory_equal(&kept, shop.bank, sizeof(kept));
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_int_equal(uvshm_segment_repair(shop.segment, NULL), 0);
  assert_true(blocks(&shop) == before);
  is_well(&shop);
  close_shop(&shop);
}


TEST(txn_survives_a_storm_of_kills) {
  const char* name = test_name("storm");
  struct shop shop = make_shop(name);
  struct test_process movers[3];
  uint64_t before;
  uint64_t moves = 0;
  uvshm_txn_t txn;
  char seed[24];
  uint32_t round;
  uint32_t i;

  (void) state;
  begin(&txn, &shop, 0);
  assert_int_equal(move(&txn, &shop, 1), 0);
  assert_int_equal(uvshm_txn_commit(&txn), 0);
  before = blocks(&shop);
  for (round = 0; round < 25; round++) {
    for (i = 0; i < 3; i++) {
      snprintf(seed, sizeof(seed), "%u", (unsigned int) (round * 77 + i * 13));
      test_spawn(&movers[i], "mover", name, seed, NULL);
    }
    for (i = 0; i < 3; i++) test_expect(&movers[i], "ready");
    uv_sleep(1 + round % 7);
    for (i = 0; i < 3; i++) test_kill(&movers[i]);
    assert_true(uvshm_txn_begin(&txn, shop.lock, 15000) >= 0);
    is_balanced(&shop);
    assert_true(shop.bank->moves >= moves);
    moves = shop.bank->moves;
    assert_int_equal(uvshm_txn_commit(&txn), 0);
    assert_int_equal(uvshm_segment_repair(shop.segment, NULL), 0);
    assert_true(blocks(&shop) == before);
    is_well(&shop);
  }
  print_message("%llu moves\n", (unsigned long long) moves);
  assert_true(moves > 100);
  close_shop(&shop);
}


TEST(txn_full_log_can_be_taken_back) {
  struct shop shop = make_shop(test_name("full"));
  uvshm_txn_t txn;
  int err = 0;
  int saves;

  (void) state;
  begin(&txn, &shop, 0);
  for (saves = 0; err == 0; saves++) {
    err = uvshm_txn_save(&txn, shop.bank, sizeof(*shop.bank));
    if (err == 0) shop.bank->moves++;
  }
  assert_int_equal(err, UV_ENOSPC);
  assert_non_null(strstr(uvshm_error_detail(), "till"));
  assert_int_equal(saves - 1, LOG_SIZE / (sizeof(struct bank) + 16));
  assert_int_equal(uvshm_txn_abort(&txn), 0);
  assert_true(shop.bank->moves == 0);
  is_well(&shop);
  close_shop(&shop);
}


TEST(txn_nothing_is_left_behind) {
  (void) state;
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(txn_commits_or_takes_back),
      cmocka_unit_test(txn_of_a_killed_process_is_taken_back_and_told),
      cmocka_unit_test(txn_survives_a_storm_of_kills),
      cmocka_unit_test(txn_full_log_can_be_taken_back),
      cmocka_unit_test(txn_nothing_is_left_behind),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
