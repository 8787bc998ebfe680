/* SPDX-License-Identifier: MIT */

/* The heap on plain memory: whose a block is, what becomes of it when its owner
 * dies or publishes it, and words that somebody overwrote. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/heap.h"
#include "core/heap_inside.h"
#include "core/reap.h"
#include "core/reset.h"
#include "uvshm/error.h"
#include "uvshm/name.h"
#include "fake.h"
#include "heap_desk.h"

#include <string.h>

/* ---- owners -------------------------------------------------------------- */

static void freeing_twice_is_an_error(void** state) {
  static const uint64_t sizes[] = {64, 5000, 70000, 3 * MIB};
  static struct world world;
  uint64_t ref;
  size_t i;

  (void) state;
  make(&world, 65536, 16 * MIB);
  for (i = 0; i < 4; i++) {
    ref = get(&world, sizes[i]);
    assert_int_equal(uvshm__heap_free(&world.lane, ref + 64), UV_EINVAL);
    assert_int_equal(uvshm__heap_free_checked(&world.lane, ref), 0);
    assert_int_equal(uvshm__heap_free_checked(&world.lane, ref), UV_EINVAL);
    assert_non_null(strstr(uvshm_error_detail(), "free already"));
    assert_int_equal(uvshm__heap_free(&world.lane, ref), UV_EINVAL);
  }
  unmake(&world);
}


static void what_is_anothers_is_not_freed(void** state) {
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t ref;
  uint64_t own;

  (void) state;
  make(&world, MIB, MIB);
  other = fake_join(&world.fake, 2);
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  ref = get(&world, 64);
  assert_int_equal(uvshm__heap_free_checked(&lane, ref), UV_EPERM);
  assert_non_null(strstr(uvshm_error_detail(), "private to peer 1"));
  assert_int_equal(
      uvshm__heap_change(
          world.core, ref, uvshm__heap_me(world.core), UVSHM__OWN_LIBRARY),
      1);
  assert_int_equal(uvshm__heap_free_checked(&lane, ref), UV_EPERM);
  assert_non_null(strstr(uvshm_error_detail(), "belongs to an object"));
  own = uvshm__heap_word(world.core, ref);
  uvshm__a16_store_release((uvshm__a16_t*) (void*) (world.core->base + own), 9);
  assert_int_equal(uvshm__heap_free_checked(&lane, ref), UV_EPROTO);
  assert_int_equal(uvshm__core_check(world.core, UVSHM_KIND_SEGMENT),
                   UV_EPROTO);
  assert_int_equal(uvshm__core_mend(&world.lane, UVSHM_KIND_SEGMENT), 1);
  assert_int_equal(uvshm__heap_free_checked(&lane, ref), 0);
  unmake(&world);
}


static void no_offset_is_a_block_unless_one_begins_there(void** state) {
  static struct world world;
  struct uvshm__heap_block block;
  uint64_t random;
  uint64_t ref;
  uint32_t i;

  (void) state;
  make(&world, 65536, 16 * MIB);
  (void) get(&world, 100);
  (void) get(&world, 100000);
  (void) get(&world, 3 * MIB);
  random = world.random;
  for (i = 0; i < 200000; i++) {
    ref = fake_random(&random);
    if (i % 2) ref %= world.fake.memory_size + 65536;
    if (i % 4 == 3) ref &= ~UINT64_C(63);
    if (uvshm__heap_find(world.core, ref, &block) == 0)
      assert_true(uvshm__heap_at(world.core, ref, block.size) != NULL ||
                  block.own == 0);
    (void) uvshm__heap_holds(world.core, ref, i % 300);
    (void) uvshm__heap_has_word(world.core, ref, 2);
    (void) uvshm__heap_has_word(world.core, ref, 8);
    (void) uvshm__heap_has_lock(world.core, ref);
  }
  unmake(&world);
}

/* ---- deaths -------------------------------------------------------------- */

static void what_was_private_goes_with_its_peer(void** state) {
  static const uint64_t sizes[] = {64, 5000, 70000, 3 * MIB};
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t shared[4];
  uint64_t ref;
  int i;

  (void) state;
  make(&world, 65536, 32 * MIB);
  other = fake_join(&world.fake, 2);
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  for (i = 0; i < 4; i++) {
    assert_int_equal(
        uvshm__heap_alloc(
            &lane, sizes[i], 0, uvshm__heap_me(&other->core), &ref),
        0);
    assert_int_equal(
        uvshm__heap_alloc(&lane, sizes[i], 0, UVSHM__OWN_SHARED, &shared[i]),
        0);
    (void) get(&world, sizes[i]);
  }
  assert_true(facts_of(&world).blocks == 12);
  fake_kill(other);
  assert_int_equal(uvshm__reap_all(world.core), 1);
  assert_true(facts_of(&world).blocks == 8);
  assert_true(facts_of(&world).blocks_private == 4);
  for (i = 0; i < 4; i++) {
    assert_int_equal(uvshm__heap_holds(world.core, shared[i], sizes[i]),
                     UVSHM__OWN_SHARED);
    assert_int_equal(uvshm__heap_free_checked(&world.lane, shared[i]), 0);
  }
  unmake(&world);
}


static void memory_of_the_dead_is_found_when_it_is_needed(void** state) {
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t ref;

  (void) state;
  make(&world, MIB, MIB);
  other = fake_join(&world.fake, 2);
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  while (uvshm__heap_alloc(
             &lane, 2000, 0, uvshm__heap_me(&other->core), &ref) == 0) {
  }
  fake_kill(other);
  (void) get(&world, 700000);
  unmake(&world);
}


/* Killed as the holder of the heap's lock, half way in closing a span and a
 * zone. */
static void half_a_closing_is_put_back(void** state) {
  static struct world world;
  struct uvshm__zone_ent* zone;
  struct uvshm__span_ent* span;
  uint64_t ref;

  (void) state;
  make(&world, 65536, 65536);
  ref = get(&world, 64);
  zone = uvshm__heap_zone(world.core, 0);
  span = uvshm__heap_span(world.core, 0, 1);
  uvshm__a64_store_release(
      &zone->word,
      uvshm__word_with_kind(uvshm__a64_load_relaxed(&zone->word),
                            UVSHM__ZONE_CLOSING));
  uvshm__a64_store_release(
      &span->word,
      uvshm__word_with_kind(uvshm__a64_load_relaxed(&span->word),
                            UVSHM__SPAN_CLOSING));
  check(&world);
  assert_true(uvshm__heap_size(world.core, ref) == 64);
  (void) get(&world, 64);
  assert_int_equal(uvshm__heap_free(&world.lane, ref), 0);
  assert_int_equal(uvshm__word_kind(uvshm__a64_load_relaxed(&zone->word)),
                   UVSHM__ZONE_SMALL);
  unmake(&world);
}


/* A lane that says that it is at a zone keeps it from being part of a huge
 * block, however empty it is. */
static void a_zone_that_somebody_is_at_stays_small(void** state) {
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t ref;

  (void) state;
  make(&world, 4 * MIB, 4 * MIB);
  other = fake_join(&world.fake, 2);
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  assert_int_equal(uvshm__heap_free(&world.lane, get(&world, 64)), 0);
  uvshm__a32_store_release(&lane.ent->span, (1 + 7) | UVSHM__LANE_LOOKING);
  assert_int_equal(uvshm__heap_alloc(&world.lane, 4 * MIB, 0, 1, &ref),
                   UV_ENOSPC);
  fake_kill(other);
  assert_int_equal(uvshm__heap_alloc(&world.lane, 4 * MIB, 0, 1, &ref), 0);
  unmake(&world);
}


/* How many blocks of 64 bytes it gets. */
static uint32_t take_all(struct uvshm__lane* lane) {
  uint32_t count = 0;
  uint64_t ref;

  while (uvshm__heap_alloc(lane, 64, 0, uvshm__heap_me(lane->core), &ref) == 0)
    count++;
  return count;
}


/* While memory is there, two threads keep out of each other's spans; then one
 * takes over what the other has, unless he is just in it. */
static void a_span_is_taken_over_but_not_from_under_somebody(void** state) {
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t first;

  (void) state;
  make(&world, MIB, MIB);
  other = fake_join(&world.fake, 2);
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  first = get(&world, 64);
  uvshm__a32_store_release(&world.lane.ent->span,
                           world.lane.heap[0].span.number);
  assert_true(take_all(&lane) > 1024);
  assert_int_equal(facts_of(&world).free / 64, UVSHM__SPAN_OWNERS - 1);
  uvshm__a32_store_release(&world.lane.ent->span, 0);
  assert_int_equal(take_all(&lane), UVSHM__SPAN_OWNERS - 1);
  assert_int_equal(facts_of(&world).free, 0);
  check(&world);
  /* What he frees there is his who took it over. */
  assert_int_equal(uvshm__heap_free(&world.lane, first), 0);
  assert_int_equal(take_all(&world.lane), 1);
  fake_kill(other);
  assert_true(take_all(&world.lane) > 1024);
  unmake(&world);
}


static void after_a_reboot_only_what_is_shared_is_left(void** state) {
  static struct world world;
  uint64_t shared;

  (void) state;
  make(&world, 65536, 8 * MIB);
  (void) get(&world, 64);
  (void) get(&world, 3 * MIB);
  assert_int_equal(
      uvshm__heap_alloc(&world.lane, 100, 0, UVSHM__OWN_SHARED, &shared), 0);
  uvshm__core_reset(world.core, UVSHM_KIND_SEGMENT);
  assert_true(facts_of(&world).blocks == 1);
  assert_int_equal(uvshm__heap_holds(world.core, shared, 100),
                   UVSHM__OWN_SHARED);
  fake_free(&world.fake);
}

/* ---- publishing ---------------------------------------------------------- */

static void publishing_exchanges_owners(void** state) {
  static struct world world;
  struct uvshm__heap_block block;
  uint64_t holder;
  uint64_t first;
  uint64_t second;
  uint64_t old = 1;

  (void) state;
  make(&world, 65536, 65536);
  holder = get(&world, 64);
  first = get(&world, 64);
  second = get(&world, 64);
  memset(uvshm__heap_at(world.core, holder, 64), 0, 64);
  assert_int_equal(uvshm__heap_publish(&world.lane, holder + 8, first, &old),
                   0);
  assert_true(old == 0);
  assert_int_equal(uvshm__heap_holds(world.core, first, 64), UVSHM__OWN_SHARED);
  assert_int_equal(uvshm__heap_publish(&world.lane, holder + 8, second, &old),
                   0);
  assert_true(old == first);
  assert_int_equal(uvshm__heap_find(world.core, first, &block), 0);
  assert_int_equal(block.own, uvshm__heap_me(world.core));
  assert_int_equal(uvshm__heap_publish(&world.lane, holder + 8, 0, &old), 0);
  assert_true(old == second);
  assert_int_equal(uvshm__heap_holds(world.core, second, 64),
                   uvshm__heap_me(world.core));
  unmake(&world);
}


static void what_cannot_be_published_is_refused(void** state) {
  static struct world world;
  uint64_t holder;
  uint64_t block;
  uint64_t old = 5;

  (void) state;
  make(&world, 65536, 65536);
  holder = get(&world, 64);
  block = get(&world, 64);
  memset(uvshm__heap_at(world.core, holder, 64), 0, 64);
  assert_int_equal(uvshm__heap_publish(&world.lane, holder + 4, block, &old),
                   UV_EINVAL);
  assert_int_equal(uvshm__heap_publish(&world.lane, 8, block, &old), UV_EINVAL);
  assert_int_equal(
      uvshm__heap_publish(&world.lane, world.core->heap_offset, block, &old),
      UV_EINVAL);
  assert_int_equal(
      uvshm__heap_publish(&world.lane, world.core->control_size, block, &old),
      UV_EINVAL);
  assert_int_equal(
      uvshm__heap_publish(&world.lane, UINT64_MAX - 7, block, &old), UV_EINVAL);
  assert_int_equal(uvshm__heap_publish(&world.lane, holder, block + 8, &old),
                   UV_EINVAL);
  /* Somebody has written what is no block into the word. */
  uvshm__a64_store_relaxed(
      (uvshm__a64_t*) uvshm__heap_at(world.core, holder, 8), 12345);
  assert_int_equal(uvshm__heap_publish(&world.lane, holder, block, &old),
                   UV_EPROTO);
  assert_true(old == 5);
  unmake(&world);
}

/* ---- damage -------------------------------------------------------------- */

static void try_everything(struct world* world) {
  uint64_t refs[40];
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < 40; i++)
    if (uvshm__heap_alloc(&world->lane,
                          i % 10 == 9 ? 70000 * i : 1 + 37 * i,
                          0,
                          uvshm__heap_me(world->core),
                          &refs[count]) == 0) {
      assert_non_null(uvshm__heap_at(world->core, refs[count], 1));
      count++;
    }
  for (i = 0; i < count; i++) (void) uvshm__heap_free(&world->lane, refs[i]);
  (void) facts_of(world);
  (void) uvshm__heap_check(world->core);
}


/* Whatever the bookkeeping says, nothing outside the segment is touched and
 * everything comes to an end. */
static void garbage_hurts_nobody_else(void** state) {
  static struct world world;
  uint32_t round;
  uint32_t i;

  (void) state;
  make(&world, 65536, 8 * MIB);
  for (round = 0; round < 300; round++) {
    unsigned char* table = world.fake.memory + world.core->heap_offset +
                           UVSHM__HEAP_HEAD_SIZE - 128;
    unsigned char* first = world.fake.memory + world.core->control_size;

    for (i = 0; i < 8; i++)
      table[fake_random(&world.random) % (128 + 16 * world.core->heap_zones)] =
          (unsigned char) (fake_random(&world.random) % (i % 2 ? 5 : 256));
    for (i = 0; i < 8; i++)
      first[fake_random(&world.random) % (i % 2 ? 512 : 65536)] =
          (unsigned char) fake_random(&world.random);
    try_everything(&world);
  }
  fake_free(&world.fake);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(freeing_twice_is_an_error),
      cmocka_unit_test(what_is_anothers_is_not_freed),
      cmocka_unit_test(no_offset_is_a_block_unless_one_begins_there),
      cmocka_unit_test(what_was_private_goes_with_its_peer),
      cmocka_unit_test(memory_of_the_dead_is_found_when_it_is_needed),
      cmocka_unit_test(half_a_closing_is_put_back),
      cmocka_unit_test(a_zone_that_somebody_is_at_stays_small),
      cmocka_unit_test(a_span_is_taken_over_but_not_from_under_somebody),
      cmocka_unit_test(after_a_reboot_only_what_is_shared_is_left),
      cmocka_unit_test(publishing_exchanges_owners),
      cmocka_unit_test(what_cannot_be_published_is_refused),
      cmocka_unit_test(garbage_hurts_nobody_else),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
