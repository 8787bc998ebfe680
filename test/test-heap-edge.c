/* SPDX-License-Identifier: MIT */

/* The heap between two steps: what somebody else does just then, what a death
 * there leaves behind, and words that claim what is not so. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

#include "core/directory.h"
#include "core/peer.h"
#include "core/reap.h"
#include "core/reset.h"
#include "core/txn.h"
#include "uvshm/error.h"
#include "uvshm/name.h"

/* For what lies between the steps of these. */
#include "core/heap_mixed.c" /* NOLINT(bugprone-suspicious-include) */

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)

static struct fake fake;
static struct fake_peer* alice;
static struct fake_peer* bob;
static struct uvshm__lane a;
static struct uvshm__lane b;


static void make(uint64_t size, uint64_t max_size) {
  memset(&a, 0, sizeof(a));
  memset(&b, 0, sizeof(b));
  fake_make_sized(&fake, UVSHM_KIND_SEGMENT, size, max_size);
  alice = fake_join(&fake, 0);
  bob = fake_join(&fake, 1);
  assert_int_equal(uvshm__lane_claim(&alice->core, &a), 0);
  assert_int_equal(uvshm__lane_claim(&bob->core, &b), 0);
}


static void unmake(void) {
  if (uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT) < 0)
    fail_msg("%s", uvshm_error_detail());
  fake_free(&fake);
}


static uint64_t get(struct uvshm__lane* lane, uint64_t size) {
  uint64_t ref = 0;

  assert_int_equal(
      uvshm__heap_alloc(lane, size, 0, uvshm__heap_me(lane->core), &ref), 0);
  return ref;
}


static uvshm__a16_t* own_word(uint64_t ref) {
  uint64_t word = uvshm__heap_word(&alice->core, ref);

  assert_true(word != 0);
  return (uvshm__a16_t*) (void*) (fake.memory + word);
}

/* ---- two at once --------------------------------------------------------- */

/* Another thread of ours, late with a block of what the span was before, holds
 * the word between our look and our change, and gives it back afterwards: then
 * the block must not be ours. */
static void a_word_that_another_thread_has_taken_is_not_ours_too(void** state) {
  uvshm__a16_t* owners;
  uint32_t index;
  uint32_t me;

  (void) state;
  make(64 * KIB, 64 * KIB);
  (void) get(&a, 64); /* the span is one for all sizes now */
  owners = uvshm__heap_owners(&alice->core, 0, 1);
  me = uvshm__heap_me(&alice->core);
  index = find_gap(owners, 2, 1);
  assert_true(index < UVSHM__SPAN_OWNERS);
  assert_true(uvshm__a16_cas_seq_cst(&owners[index], UVSHM__OWN_FREE, me));
  assert_int_equal(take_gap(&alice->core, owners, index, 2), 0);
  assert_true(uvshm__a16_cas_seq_cst(&owners[index], me, UVSHM__OWN_FREE));
  assert_int_equal(take_gap(&alice->core, owners, index, 2), 1);
  unmake();
}


static uvshm__a16_t* late_word;
static uint32_t late_yields;


static void the_late_one_goes_on(void* arg) {
  (void) arg;
  if (++late_yields == 3) uvshm__a16_store_release(late_word, UVSHM__OWN_FREE);
}


/* The same for a run: there is room in a moment, so it is not said that there
 * is none; and if the late one was stopped for good, it is said after all. */
static void room_that_there_is_in_a_moment_is_waited_for(void** state) {
  uint64_t ref;

  (void) state;
  make(128 * KIB, 128 * KIB);
  late_yields = 0;
  late_word = uvshm__heap_owners(&alice->core, 0, 1);
  ref = get(&a, 128 * KIB);
  assert_int_equal(uvshm__heap_free(&a, ref), 0);
  uvshm__a16_store_release(late_word, uvshm__heap_me(&alice->core));
  /* The run is settled as free only while its word is. */
  uvshm__a64_store_relaxed(&uvshm__heap_span(&alice->core, 0, 1)->word, 0);
  assert_int_equal(uvshm__heap_alloc(&b, 128 * KIB, 0, 1, &ref), UV_ENOSPC);
  fake.env.yield = the_late_one_goes_on;
  assert_int_equal(uvshm__heap_alloc(&b, 128 * KIB, 0, 1, &ref), 0);
  assert_int_equal(late_yields, 3);
  unmake();
}


static int somebody_joins_just_now(void* arg, uint32_t slot) {
  (void) arg;
  (void) slot;
  return UV_EBUSY;
}


/* Mending looks which peers are there. One that joins after that look may have
 * a block before the change. */
static void mending_takes_nothing_from_one_who_joins(void** state) {
  int (*claim)(void* arg, uint32_t slot);
  uint64_t ref;

  (void) state;
  make(MIB, MIB);
  ref = get(&a, 100);
  claim = fake.env.claim;
  fake.env.claim = somebody_joins_just_now;
  uvshm__a16_store_release(own_word(ref), UVSHM__OWN_PRIVATE + 5);
  (void) uvshm__heap_mend(&b);
  assert_int_equal(uvshm__a16_load_relaxed(own_word(ref)),
                   UVSHM__OWN_PRIVATE + 5);
  fake.env.claim = claim;
  /* One that really is not there. */
  assert_int_equal(uvshm__heap_mend(&b), 1);
  assert_int_equal(uvshm__a16_load_relaxed(own_word(ref)), UVSHM__OWN_FREE);
  unmake();
}

/* ---- half done ----------------------------------------------------------- */

/* Who gives a block back and dies before he says that there is room. Whoever
 * did not allocate there last finds it all the same. */
static void room_that_nobody_spoke_of_is_found(void** state) {
  struct uvshm__zone_ent* zone;
  uint64_t first = 0;
  uint64_t ref;

  (void) state;
  make(MIB, MIB);
  while (uvshm__heap_alloc(&a, 64, 0, UVSHM__OWN_SHARED, &ref) == 0)
    if (first == 0) first = ref;
  assert_int_equal(uvshm__heap_alloc(&b, 64, 0, UVSHM__OWN_SHARED, &ref),
                   UV_ENOSPC);
  zone = uvshm__heap_zone(&alice->core, 0);
  assert_int_equal(
      uvshm__word_kind(uvshm__a64_load_relaxed(
          &uvshm__heap_span(&alice->core,
                            0,
                            (uint32_t) ((first - alice->core.control_size) /
                                        UVSHM__SPAN_SIZE))
               ->word)),
      UVSHM__SPAN_SMALL);
  uvshm__a32_store_relaxed(&zone->room, 0);
  uvshm__a16_store_release(own_word(first), UVSHM__OWN_FREE);
  assert_int_equal(uvshm__heap_alloc(&b, 64, 0, UVSHM__OWN_SHARED, &ref), 0);
  assert_true(ref == first);
  unmake();
}

/* Repair comes to a zone that somebody is just closing, who has looked for it
 * before: then it is put back, and not closed under the one who walks there. */
static void repair_puts_back_a_zone_that_is_being_closed(void** state) {
  struct uvshm__zone_ent* zone;
  uvshm__a16_t* word;
  uint64_t before;

  (void) state;
  make(128 * KIB, 128 * KIB);
  word = own_word(get(&a, 64));
  zone = uvshm__heap_zone(&alice->core, 0);
  before = uvshm__a64_load_relaxed(&zone->word);
  uvshm__a64_store_relaxed(&zone->word,
                           uvshm__word_with_kind(before, UVSHM__ZONE_CLOSING));
  fake_kill(alice);
  assert_int_equal(uvshm__reap(&bob->core, 0), 0);
  assert_int_equal(uvshm__a16_load_relaxed(word), UVSHM__OWN_FREE);
  assert_true(uvshm__a64_load_relaxed(&zone->word) == before);
  unmake();
}

/* ---- words that lie ------------------------------------------------------ */

/* A huge block or a run is as large as its word says, if that much exists. */
static void a_block_that_claims_more_than_there_is_is_none(void** state) {
  struct uvshm__heap_block block;
  struct uvshm__zone_ent* zone;
  struct uvshm__span_ent* span;
  uint64_t ref;
  uint64_t word;

  (void) state;
  make(4 * MIB, 16 * MIB);
  ref = get(&a, 3 * MIB);
  assert_int_equal(uvshm__heap_find(&alice->core, ref, &block), 0);
  zone = uvshm__heap_zone(
      &alice->core,
      (uint32_t) ((ref - alice->core.control_size) / UVSHM__ZONE_SIZE));
  word = uvshm__a64_load_relaxed(&zone->word);
  uvshm__a64_store_relaxed(&zone->word,
                           uvshm__word_next(word, UVSHM__ZONE_HUGE, 200));
  assert_int_equal(uvshm__heap_find(&alice->core, ref, &block), UV_ENOMEM);
  assert_int_equal(uvshm__heap_holds(&alice->core, ref, 64), UVSHM__OWN_FREE);
  uvshm__a64_store_relaxed(&zone->word, word);
  assert_int_equal(uvshm__heap_free(&a, ref), 0);
  unmake();

  make(512 * KIB, 16 * MIB);
  ref = get(&a, 100 * KIB);
  span = uvshm__heap_span(
      &alice->core,
      0,
      (uint32_t) ((ref - alice->core.control_size) / UVSHM__SPAN_SIZE));
  word = uvshm__a64_load_relaxed(&span->word);
  uvshm__a64_store_relaxed(&span->word,
                           uvshm__word_next(word, UVSHM__SPAN_RUN, 31));
  assert_int_equal(uvshm__heap_find(&alice->core, ref, &block), UV_ENOMEM);
  uvshm__a64_store_relaxed(&span->word, word);
  unmake();
}


/* The root's entry became another object's while we were on our way. */
static void removing_a_root_removes_nothing_else(void** state) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec;
  struct uvshm__directory_ref ref;
  uint64_t slot;
  int made;

  (void) state;
  make(64 * KIB, 64 * KIB);
  memset(&spec, 0, sizeof(spec));
  spec.name = "name";
  spec.name_size = 4;
  spec.type = UVSHM__TYPE_SEM;
  spec.body = body;
  assert_int_equal(uvshm__directory_make(&a, &spec, 0, &ref, &made), 0);
  slot = uvshm__offset_of(&alice->core,
                          uvshm__directory_body(&alice->core, ref.index));
  assert_int_equal(uvshm__heap_remove_root(&a, slot, "name"), UV_ENOENT);
  assert_int_equal(uvshm__directory_usable(&alice->core, &ref), 0);
  unmake();
}


/* ---- not all of it mapped ------------------------------------------------ */

static void make_logged(struct uvshm__directory_ref* ref) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      "till", 4, UVSHM__TYPE_MUTEX, 0, body, {0}};
  int made = 0;

  spec.blocks[0] = get(&a, 100 * KIB);
  uvshm__lock_format((struct uvshm__lock*) (void*) body, 0);
  ((struct uvshm__lock*) (void*) body)->undo.value =
      uvshm__txn_undo(spec.blocks[0], 100 * KIB);
  assert_int_equal(uvshm__directory_make(&a, &spec, 0, ref, &made), 0);
  assert_int_equal(uvshm__directory_open(&alice->core, ref), 0);
}


static uint64_t blocks(void) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(&bob->core, &facts);
  return facts.blocks;
}


/* What the object has may lie where the last one to close it has nothing
 * mapped. Its memory is not lost: one who has all mapped frees it when there is
 * need, or when somebody leaves. */
static void the_last_to_close_buries_only_what_it_has_mapped(void** state) {
  struct uvshm__directory_ref ref;
  uint64_t reach;
  uint64_t block;
  uint32_t round;

  (void) state;
  for (round = 0; round < 2; round++) {
    make(512 * KIB, 512 * KIB);
    make_logged(&ref);
    assert_int_equal(uvshm__directory_remove(&bob->core, "till", 4), 0);
    reach = alice->core.reach;
    alice->core.reach = alice->core.control_size + UVSHM__SPAN_SIZE;
    uvshm__directory_close(&alice->core, ref.index);
    alice->core.reach = reach;
    assert_true(blocks() == 1);
    if (round == 0) {
      while (uvshm__heap_alloc(&b, 64 * KIB, 0, 1, &block) == 0) continue;
      assert_true(blocks() == 512 / 64);
    } else {
      uvshm__lane_exit(&a);
      uvshm__peer_leave(&alice->core, 1);
      assert_true(blocks() == 0);
    }
    unmake();
  }
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_word_that_another_thread_has_taken_is_not_ours_too),
      cmocka_unit_test(room_that_there_is_in_a_moment_is_waited_for),
      cmocka_unit_test(mending_takes_nothing_from_one_who_joins),
      cmocka_unit_test(room_that_nobody_spoke_of_is_found),
      cmocka_unit_test(repair_puts_back_a_zone_that_is_being_closed),
      cmocka_unit_test(a_block_that_claims_more_than_there_is_is_none),
      cmocka_unit_test(removing_a_root_removes_nothing_else),
      cmocka_unit_test(the_last_to_close_buries_only_what_it_has_mapped),
  };

  return cmocka_run_group_tests_name("heap-edge", tests, NULL, NULL);
}
