/* SPDX-License-Identifier: MIT */

/* The log of a transaction on plain memory: blocks that come and go with it,
 * and bytes that nobody wrote. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/reset.h"
#include "core/txn.h"
#include "uvshm/name.h"
#include "fake.h"
#include "undo_desk.h"

#include <string.h>

/* ---- blocks -------------------------------------------------------------- */

static void blocks_come_and_go_with_the_transaction(void** state) {
  uint32_t me = uvshm__heap_me(&alice->core);
  uint64_t blocks = count_blocks();
  uint64_t fresh = 0;

  (void) state;
  begin();
  assert_int_equal(uvshm__txn_alloc(&txn, 100, &fresh), 0);
  assert_int_equal(own_of(fresh), me);
  assert_int_equal(uvshm__txn_free(&txn, place), 0);
  assert_int_equal(own_of(place), UVSHM__OWN_SHARED);
  assert_int_equal(uvshm__txn_free(&txn, place), UV_EINVAL);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_int_equal(own_of(fresh), UVSHM__OWN_FREE);
  assert_int_equal(own_of(place), UVSHM__OWN_SHARED);
  assert_true(count_blocks() == blocks);

  begin();
  assert_int_equal(uvshm__txn_alloc(&txn, 100, &fresh), 0);
  assert_int_equal(uvshm__txn_free(&txn, place), 0);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
  assert_int_equal(own_of(fresh), UVSHM__OWN_SHARED);
  assert_int_equal(own_of(place), UVSHM__OWN_FREE);
  assert_true(count_blocks() == blocks);
  is_well();
}


static void block_that_comes_and_goes_at_once_is_gone_either_way(void** state) {
  uint64_t blocks = count_blocks();
  uint64_t fresh = 0;
  int commit;

  (void) state;
  for (commit = 0; commit <= 1; commit++) {
    begin();
    assert_int_equal(uvshm__txn_alloc(&txn, 100, &fresh), 0);
    assert_int_equal(uvshm__txn_free(&txn, fresh), 0);
    assert_int_equal(uvshm__txn_free(&txn, fresh), UV_EINVAL);
    if (commit)
      assert_int_equal(uvshm__txn_commit(&txn), 0);
    else
      assert_int_equal(uvshm__txn_abort(&txn), 0);
    end();
    assert_true(count_blocks() == blocks);
  }
}


static void published_block_is_everybodys_after_the_commit(void** state) {
  uint32_t me = uvshm__heap_me(&alice->core);
  uint64_t mine = alloc(&a, 64, me);
  uint64_t* slot = (uint64_t*) (void*) (bytes + 8);
  uint64_t before = *slot;

  (void) state;
  begin();
  assert_int_equal(uvshm__txn_publish(&txn, place + 8, mine), 0);
  assert_true(*slot == mine);
  assert_int_equal(uvshm__txn_publish(&txn, place + 16, mine), UV_EINVAL);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_true(*slot == before);
  assert_int_equal(own_of(mine), me);

  begin();
  assert_int_equal(uvshm__txn_publish(&txn, place + 12, mine), UV_EINVAL);
  assert_int_equal(uvshm__txn_publish(&txn, place + 8, place), UV_EINVAL);
  assert_int_equal(uvshm__txn_publish(&txn, place + 8, mine), 0);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
  assert_true(*slot == mine);
  assert_int_equal(own_of(mine), UVSHM__OWN_SHARED);
}


static void blocks_of_others_cannot_be_freed(void** state) {
  uint64_t bobs = alloc(&b, 64, uvshm__heap_me(&bob->core));

  (void) state;
  begin();
  assert_int_equal(uvshm__txn_free(&txn, bobs), UV_EPERM);
  assert_int_equal(uvshm__txn_free(&txn, log_place), UV_EPERM);
  assert_int_equal(uvshm__txn_free(&txn, place + 64), UV_EINVAL);
  assert_int_equal(uvshm__txn_free(&txn, 64), UV_EINVAL);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
}


static void log_goes_with_its_mutex(void** state) {
  uint64_t blocks = count_blocks();

  (void) state;
  assert_int_equal(own_of(log_place), UVSHM__OWN_LIBRARY);
  assert_int_equal(uvshm__directory_remove(&bob->core, "till", 4), 0);
  assert_int_equal(own_of(log_place), UVSHM__OWN_LIBRARY);
  uvshm__directory_close(&alice->core, ref.index);
  assert_int_equal(own_of(log_place), UVSHM__OWN_FREE);
  assert_true(count_blocks() == blocks - 1);
  make_lock();
  assert_true(count_blocks() == blocks);
  is_well();
}

/* ---- strange bytes ------------------------------------------------------- */

/* Whatever stands in the log: only the caller's blocks change, and it ends. */
static void random_logs_are_survived(void** state) {
  uint64_t seed = fake_seed();
  uint64_t guard = alloc(&a, 64, uvshm__heap_me(&bob->core));
  uint64_t control[128];
  uint64_t word;
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < 3000; round++) {
    memcpy(control, fake.memory, sizeof(control));
    assert_true(uvshm__lock_acquire(&b, lock, 0, 0, NULL) >= 0);
    for (i = 0; i < LOG_SIZE / 8; i++) {
      word = fake_random(&seed);
      switch (fake_random(&seed) % 6) {
        case 0:
          word = (place + word % 300) << 8 | word % 6;
          break;
        case 1:
          word = word % 100;
          break;
        case 2:
          word = (word % fake.memory_size) << 8 | 1;
          break;
        case 3:
          word = 0;
          break;
        default:
          break;
      }
      uvshm__a64_store_relaxed(
          (uvshm__a64_t*) (void*) (fake.memory + log_place) + i, word);
    }
    word = round % 3 ? fake_random(&seed) % (LOG_SIZE / 8 + 9) * 8
                     : fake_random(&seed);
    if (round % 5 == 0) word |= UVSHM__TXN_COMMITTED;
    uvshm__a64_store_relaxed(&lock->undo_n, word);
    if (round % 16 == 7) {
      uvshm__a64_store_relaxed(&lock->undo, fake_random(&seed));
      (void) uvshm__txn_fault(&alice->core, lock);
    }
    assert_int_equal(uvshm__lock_abandon(&b, lock), 0);
    assert_true(uvshm__a64_load_relaxed(&lock->undo_n) == 0);
    uvshm__a64_store_relaxed(&lock->undo, uvshm__txn_undo(log_place, LOG_SIZE));
    assert_int_equal(own_of(log_place), UVSHM__OWN_LIBRARY);
    assert_true(own_of(guard) >= UVSHM__OWN_SHARED);
    assert_memory_equal(control, fake.memory, sizeof(control));
    assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT), 0);
  }
}


static void check_finds_what_is_wrong_with_a_log(void** state) {
  static const char* const texts[] = {"it has no undo log, but entries of one",
                                      "its undo log is not where it says",
                                      "its undo log says what none says",
                                      "it is free, but in a transaction"};
  uint64_t undo = uvshm__a64_load_relaxed(&lock->undo);
  const uint64_t wrong[][2] = {{0, 8},
                               {uvshm__txn_undo(place, BYTES), 0},
                               {undo, 2 * LOG_SIZE},
                               {undo, 32}};
  uint32_t i;

  (void) state;
  is_well();
  for (i = 0; i < 4; i++) {
    uvshm__a64_store_relaxed(&lock->undo, wrong[i][0]);
    uvshm__a64_store_relaxed(&lock->undo_n, wrong[i][1]);
    assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT),
                     UV_EPROTO);
    assert_non_null(strstr(uvshm__error_text(), texts[i]));
    assert_int_equal(uvshm__core_mend(&b, UVSHM_KIND_SEGMENT), 1);
    is_well();
    uvshm__a64_store_relaxed(&lock->undo, undo);
    is_well();
  }
}


int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(blocks_come_and_go_with_the_transaction),
      CASE(block_that_comes_and_goes_at_once_is_gone_either_way),
      CASE(published_block_is_everybodys_after_the_commit),
      CASE(blocks_of_others_cannot_be_freed),
      CASE(log_goes_with_its_mutex),
      CASE(random_logs_are_survived),
      CASE(check_finds_what_is_wrong_with_a_log),
  };

  return cmocka_run_group_tests_name("undo-log", tests, NULL, NULL);
}
