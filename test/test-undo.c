/* SPDX-License-Identifier: MIT */

/* Transactions on plain memory: what is taken back, and whose lock it is.
 * Blocks and damaged logs are in test-undo-log.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/heap.h"
#include "core/reset.h"
#include "core/txn.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"
#include "fake.h"
#include "undo_desk.h"

#include <string.h>

/* ---- bytes --------------------------------------------------------------- */

static void commit_keeps_what_was_changed(void** state) {
  (void) state;
  begin();
  change(8, 40);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
  assert_int_equal(bytes[8], 0xee);
  assert_int_equal(bytes[47], 0xee);
  assert_int_equal(bytes[48], 48);
  begin_as(&b, 0);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_int_equal(bytes[8], 0xee);
  is_well();
}


static void abort_puts_back_ranges_of_any_size_and_place(void** state) {
  uint64_t offset;
  uint64_t size;

  (void) state;
  for (offset = 0; offset < 10; offset++)
    for (size = 0; size < 40; size++) {
      begin();
      change(offset, size);
      if (size != 0) assert_int_equal(bytes[offset], 0xee);
      assert_int_equal(uvshm__txn_abort(&txn), 0);
      end();
      assert_true(is_untouched());
    }
  is_well();
}


static void bytes_saved_twice_are_as_before_the_first(void** state) {
  (void) state;
  begin();
  change(0, 16);
  change(8, 16);
  memset(bytes, 0x55, 32);
  assert_int_equal(uvshm__txn_save(&txn, place + 24, 8), 0);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  /* What was changed before it was saved stays changed. */
  assert_int_equal(bytes[0], 0);
  assert_int_equal(bytes[15], 15);
  assert_int_equal(bytes[16], 16);
  assert_int_equal(bytes[23], 23);
  assert_int_equal(bytes[24], 0x55);
}


static void full_log_says_so_and_can_be_taken_back(void** state) {
  uint64_t used = 0;
  int err = 0;

  (void) state;
  begin();
  while (err == 0) {
    used = txn.used;
    err = uvshm__txn_save(&txn, place, 100);
    if (err == 0) memset(bytes, 0xee, 100);
  }
  assert_int_equal(err, UV_ENOSPC);
  assert_non_null(strstr(uvshm__error_text(), "the log is full: 120 bytes"));
  assert_true(txn.used == used);
  assert_true(used == LOG_SIZE / 120 * 120);
  /* What fits still fits: the last bytes of the log. */
  assert_int_equal(uvshm__txn_save(&txn, place, LOG_SIZE - used - 16), 0);
  assert_true(txn.used == LOG_SIZE);
  assert_int_equal(uvshm__txn_free(&txn, place), UV_ENOSPC);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_true(is_untouched());
}


static void only_bytes_of_the_callers_can_be_saved(void** state) {
  uint64_t mine = alloc(&a, 64, uvshm__heap_me(&alice->core));
  uint64_t freed = alloc(&a, 64, UVSHM__OWN_SHARED);

  (void) state;
  assert_int_equal(uvshm__heap_free(&a, freed), 0);
  begin();
  assert_int_equal(uvshm__txn_save(&txn, mine, 64), 0);
  assert_int_equal(uvshm__txn_save(&txn, place, BYTES), 0);
  assert_int_equal(uvshm__txn_save(&txn, place, BYTES + 1), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, freed, 1), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, 0, 8), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, 4096, 8), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, fake.memory_size - 8, 8), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, UINT64_MAX - 8, 8), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, place, UINT64_MAX), UV_EINVAL);
  assert_int_equal(uvshm__txn_save(&txn, log_place, 8), UV_EPERM);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
}

/* ---- the lock ------------------------------------------------------------ */

static void lock_of_a_transaction_cannot_be_given_back(void** state) {
  (void) state;
  begin();
  assert_true(uvshm__lane_in_txn(&a));
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EINVAL);
  assert_int_equal(uvshm__lock_acquire(&a, lock, 0, 0, NULL), UV_EINVAL);
  assert_int_equal(uvshm__lock_acquire(&b, lock, 0, 0, NULL), UV_EBUSY);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  assert_false(uvshm__lane_in_txn(&a));
  end();
  begin_as(&b, 0);
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
}


static void other_locks_come_and_go_meanwhile(void** state) {
  struct uvshm__lock* first = fake_root(&fake);
  struct uvshm__lock* second = first + 1;

  (void) state;
  assert_int_equal(uvshm__lock_acquire(&a, first, 0, 0, NULL), 0);
  begin();
  assert_int_equal(uvshm__lock_acquire(&a, second, 0, 0, NULL), 0);
  change(0, 8);
  assert_int_equal(uvshm__lock_release(&a, first), 0);
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EINVAL);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_int_equal(uvshm__lock_release(&a, second), 0);
  assert_int_equal(a.count, 0);
  assert_true(is_untouched());
}


static void death_leads_back_to_the_start(void** state) {
  (void) state;
  begin();
  change(3, 50);
  change(100, 100);
  fake_kill(alice);
  assert_int_equal(uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT), 0);
  begin_as(&b, UVSHM_OWNER_DIED);
  assert_true(is_untouched());
  assert_int_equal(uvshm__txn_commit(&txn), 0);
  end();
  is_well();
}


static void end_of_the_thread_leads_back_to_the_start(void** state) {
  (void) state;
  begin();
  change(3, 50);
  uvshm__lane_exit(&a);
  assert_true(is_untouched());
  assert_false(uvshm__lane_in_txn(&a));
  begin_as(&b, UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
}


/* Its process goes on, so nobody repairs after that: the blocks must go. */
static void end_of_the_thread_frees_its_blocks(void** state) {
  uint64_t before = count_blocks();
  uint64_t block;

  (void) state;
  begin();
  assert_int_equal(uvshm__txn_alloc(&txn, 100, &block), 0);
  assert_int_equal(uvshm__txn_alloc(&txn, 100000, &block), 0);
  assert_true(count_blocks() == before + 2);
  uvshm__lane_exit(&a);
  assert_true(count_blocks() == before);
  /* After the commit it is what was freed that goes, and what was allocated
   * stays. */
  assert_int_equal(uvshm__lane_claim(&alice->core, &a), 0);
  begin_as(&a, UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__txn_alloc(&txn, 100, &block), 0);
  assert_int_equal(uvshm__txn_free(&txn, place), 0);
  uvshm__a64_store_release(&lock->undo_n, txn.used | UVSHM__TXN_COMMITTED);
  uvshm__lane_exit(&a);
  assert_true(count_blocks() == before);
  assert_int_equal(own_of(place), UVSHM__OWN_FREE);
  assert_int_equal(own_of(block), UVSHM__OWN_SHARED);
  is_well();
}


/* Somebody else has the block by the time that the transaction is taken back.
 */
static void nothing_is_put_back_into_a_block_that_was_freed(void** state) {
  uint64_t block;
  uint64_t again;

  (void) state;
  begin();
  assert_int_equal(uvshm__txn_alloc(&txn, 64, &block), 0);
  memset(fake.memory + block, 0, 64);
  assert_int_equal(uvshm__txn_save(&txn, block, 8), 0);
  assert_int_equal(uvshm__txn_save(&txn, block + 56, 8), 0);
  change(0, 8);
  assert_int_equal(uvshm__txn_free(&txn, block), 0);
  again = alloc(&a, 64, UVSHM__OWN_SHARED);
  assert_true(again == block);
  memset(fake.memory + block, 0x55, 64);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_int_equal(fake.memory[block], 0x55);
  assert_int_equal(fake.memory[block + 63], 0x55);
  assert_true(is_untouched());
  is_well();
}


static void declared_dead_is_told_and_changes_nothing(void** state) {
  struct uvshm__txn late;

  (void) state;
  begin();
  change(0, 8);
  late = txn;
  alice->alive = 0; /* only the kernel's word */
  begin_as(&b, UVSHM_OWNER_DIED);
  assert_int_equal(uvshm__txn_save(&late, place, 8), UV_ECANCELED);
  assert_int_equal(uvshm__txn_commit(&late), UV_ECANCELED);
  assert_int_equal(uvshm__lock_release(&a, lock), UV_EPERM);
  assert_true(is_untouched());
  change(0, 8);
  assert_int_equal(uvshm__txn_abort(&txn), 0);
  end();
  assert_true(is_untouched());
}


int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(commit_keeps_what_was_changed),
      CASE(abort_puts_back_ranges_of_any_size_and_place),
      CASE(bytes_saved_twice_are_as_before_the_first),
      CASE(full_log_says_so_and_can_be_taken_back),
      CASE(only_bytes_of_the_callers_can_be_saved),
      CASE(lock_of_a_transaction_cannot_be_given_back),
      CASE(other_locks_come_and_go_meanwhile),
      CASE(death_leads_back_to_the_start),
      CASE(end_of_the_thread_leads_back_to_the_start),
      CASE(end_of_the_thread_frees_its_blocks),
      CASE(nothing_is_put_back_into_a_block_that_was_freed),
      CASE(declared_dead_is_told_and_changes_nothing),
  };

  return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
