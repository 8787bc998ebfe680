/* SPDX-License-Identifier: MIT */

/* Transactions on plain memory: what a log says, who may touch what, and what
 * strange bytes in it can do. Deaths at every store are in crash-txn.c,
 * programs in test-txn.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/txn.h"
#include "uvshm/flags.h"
#include "uvshm/name.h"

#include <stdio.h>
#include <string.h>

#define LOG_SIZE 1024u
#define BYTES 256u

static struct fake fake;
static struct fake_peer* alice;
static struct fake_peer* bob;
static struct uvshm__lane a;
static struct uvshm__lane b;
static struct uvshm__directory_ref ref;
static struct uvshm__lock* lock;
static struct uvshm__txn txn;
static uint64_t place; /* of a block of the caller's */
static unsigned char* bytes;
static uint64_t log_place;
static uint64_t log_size;


static uint64_t alloc(struct uvshm__lane* lane, uint64_t size, uint32_t own) {
  uint64_t block = 0;

  assert_int_equal(uvshm__heap_alloc(lane, size, 0, own, &block), 0);
  return block;
}


static uint32_t own_of(uint64_t block) {
  struct uvshm__heap_block found;

  if (uvshm__heap_find(&bob->core, block, &found) < 0) return UVSHM__OWN_FREE;
  return found.own;
}


static uint64_t count_blocks(void) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(&bob->core, &facts);
  return facts.blocks;
}


static void make_lock(void) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      "till", 4, UVSHM__TYPE_MUTEX, 0, body, {0}};
  int made = 0;

  spec.blocks[0] = alloc(&a, LOG_SIZE, uvshm__heap_me(&alice->core));
  uvshm__lock_format((struct uvshm__lock*) (void*) body, 0);
  ((struct uvshm__lock*) (void*) body)->undo.value =
      uvshm__txn_undo(spec.blocks[0], LOG_SIZE);
  assert_int_equal(uvshm__directory_make(&a, &spec, 100, &ref, &made), 0);
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  lock = uvshm__directory_body(&alice->core, ref.index);
  assert_true(uvshm__txn_locate(&alice->core, lock, &log_place, &log_size));
}


static int make(void** state) {
  uint32_t i;

  (void) state;
  fake_make_sized(&fake, UVSHM_KIND_SEGMENT, 1 << 18, 1 << 21);
  alice = fake_join(&fake, 0);
  bob = fake_join(&fake, 1);
  if (uvshm__lane_claim(&alice->core, &a) < 0) return -1;
  if (uvshm__lane_claim(&bob->core, &b) < 0) return -1;
  make_lock();
  place = alloc(&a, BYTES, UVSHM__OWN_SHARED);
  bytes = fake.memory + place;
  for (i = 0; i < BYTES; i++) bytes[i] = (unsigned char) i;
  return 0;
}


static int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static void begin_as(struct uvshm__lane* lane, int news) {
  assert_int_equal(uvshm__lock_acquire(lane, lock, 0, 0, NULL), news);
  uvshm__txn_begin(&txn, lane, lock, log_place, log_size);
}


static void begin(void) {
  begin_as(&a, 0);
}


static void end(void) {
  assert_int_equal(uvshm__lock_release(txn.lane, lock), 0);
}


static void change(uint64_t offset, uint64_t size) {
  assert_int_equal(uvshm__txn_save(&txn, place + offset, size), 0);
  memset(bytes + offset, 0xee, (size_t) size);
}


static int is_untouched(void) {
  uint32_t i;

  for (i = 0; i < BYTES; i++)
    if (bytes[i] != (unsigned char) i) return 0;
  return 1;
}


static void is_well(void) {
  if (uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT) < 0)
    fail_msg("%s", uvshm__error_text());
}

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


#define CASE(name) cmocka_unit_test_setup_teardown(name, make, unmake)

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
      CASE(blocks_come_and_go_with_the_transaction),
      CASE(block_that_comes_and_goes_at_once_is_gone_either_way),
      CASE(published_block_is_everybodys_after_the_commit),
      CASE(blocks_of_others_cannot_be_freed),
      CASE(log_goes_with_its_mutex),
      CASE(random_logs_are_survived),
      CASE(check_finds_what_is_wrong_with_a_log),
  };

  return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
