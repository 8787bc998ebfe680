/* SPDX-License-Identifier: MIT */

/* The heap on plain memory: sizes, growth, blocks that never meet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/heap.h"
#include "uvshm/error.h"
#include "fake.h"
#include "heap_desk.h"

#include <string.h>

/* ---- sizes --------------------------------------------------------------- */

static void the_table_of_sizes_is_what_it_says(void** state) {
  uint32_t previous = 0;
  uint32_t bin;
  uint32_t i;
  uint32_t index;

  (void) state;
  for (bin = 0; bin < UVSHM__HEAP_BINS; bin++) {
    uint32_t size = uvshm__heap_bin_size(bin);

    assert_true(uvshm__heap_bins[bin].units > previous);
    assert_int_equal(uvshm__heap_bins[bin].count, UVSHM__SPAN_SIZE / size);
    for (i = 0; i < UVSHM__SPAN_SIZE; i += 64) {
      int is_block = i % size == 0 && i / size < UVSHM__SPAN_SIZE / size;

      assert_int_equal(uvshm__heap_index_inside(bin, i), i / size);
      assert_int_equal(uvshm__heap_index(bin, i, &index), is_block);
      if (is_block) assert_int_equal(index, i / size);
    }
    /* The largest size that goes here, and the smallest. */
    assert_int_equal(uvshm__heap_bin(size), bin);
    assert_int_equal(uvshm__heap_bin(previous * 64 + 1), bin);
    previous = uvshm__heap_bins[bin].units;
  }
  assert_int_equal(uvshm__heap_bin_size(UVSHM__HEAP_BINS - 1),
                   UVSHM__HEAP_SMALL_MAX);
}


static void a_block_is_as_large_as_asked_for_and_aligned(void** state) {
  static const uint64_t sizes[] = {0,
                                   1,
                                   64,
                                   65,
                                   4096,
                                   4097,
                                   32768,
                                   32769,
                                   65536,
                                   65537,
                                   131072,
                                   2031616,
                                   2 * MIB - 65536 + 1,
                                   5 * MIB + 3};
  static struct world world;
  uint64_t ref;
  size_t i;

  (void) state;
  make(&world, 16 * MIB, 16 * MIB);
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    ref = get(&world, sizes[i]);
    assert_int_equal(ref % 64, 0);
    assert_true(uvshm__heap_size(world.core, ref) >= sizes[i]);
    assert_true(uvshm__heap_size(world.core, ref) <=
                sizes[i] + sizes[i] / 2 + 65536);
    assert_non_null(uvshm__heap_at(world.core, ref, sizes[i]));
    assert_int_equal(uvshm__heap_free(&world.lane, ref), 0);
  }
  assert_true(facts_of(&world).used == 0);
  unmake(&world);
}


static void an_alignment_is_kept(void** state) {
  static struct world world;
  uint64_t alignment;
  uint64_t size;
  uint64_t ref;

  (void) state;
  make(&world, 4 * MIB, 4 * MIB);
  for (alignment = 1; alignment <= 4096; alignment *= 2)
    for (size = 1; size < 70000; size = size * 3 + 1) {
      assert_int_equal(uvshm__heap_alloc(&world.lane, size, alignment, 1, &ref),
                       0);
      assert_true(ref % alignment == 0);
      assert_true(uvshm__heap_size(world.core, ref) >= size);
    }
  assert_int_equal(uvshm__heap_alloc(&world.lane, 1, 96, 1, &ref), UV_EINVAL);
  assert_int_equal(uvshm__heap_alloc(&world.lane, 1, 8192, 1, &ref), UV_EINVAL);
  unmake(&world);
}


/* What `size` promises can be had, in small pieces and in one. */
static void a_segment_of_the_least_size_has_that_much(void** state) {
  static struct world world;
  uint64_t ref;
  int i;

  (void) state;
  make(&world, 65536, 65536);
  for (i = 0; i < 1024; i++) (void) get(&world, 64);
  assert_int_equal(uvshm__heap_alloc(&world.lane, 1, 0, 1, &ref), UV_ENOSPC);
  assert_non_null(
      strstr(uvshm_error_detail(), "no room for a block of 1 byte"));
  unmake(&world);

  make(&world, 65536, 65536);
  (void) get(&world, 65536);
  unmake(&world);
  make(&world, 40 * MIB, 40 * MIB);
  (void) get(&world, 40 * MIB);
  unmake(&world);
}


static void bookkeeping_takes_at_most_four_per_cent(void** state) {
  static struct world world;
  struct uvshm__heap_facts facts;
  uint64_t ref;

  (void) state;
  make(&world, 32 * MIB, 32 * MIB);
  while (uvshm__heap_alloc(&world.lane, 64, 0, 1, &ref) == 0) {
  }
  facts = facts_of(&world);
  assert_true(facts.used == 32 * MIB);
  assert_true(facts.bookkeeping * 25 <= facts.size);
  unmake(&world);
}

/* ---- growth -------------------------------------------------------------- */

static void it_grows_up_to_the_reserve(void** state) {
  static const uint64_t sizes[] = {64, 1000, 30000, 65536, 500000, 3000000};
  static struct world world;
  struct uvshm__heap_facts facts;
  uint64_t ref;
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    make(&world, 65536, 24 * MIB);
    while (uvshm__heap_alloc(&world.lane, sizes[i], 0, 1, &ref) == 0)
      assert_int_equal(uvshm__heap_holds(world.core, ref, sizes[i]), 1);
    facts = facts_of(&world);
    assert_true(facts.size == world.core->reserve - world.core->control_size);
    assert_true(facts.used >= 16 * MIB);
    unmake(&world);
  }
}


static int refuse_to_grow(void* arg, uint64_t to) {
  (void) arg;
  (void) to;
  return UV_ENOSPC;
}


static void when_it_cannot_grow_it_is_as_before(void** state) {
  static struct world world;
  struct uvshm__heap_facts before;
  struct uvshm__heap_facts after;
  uint64_t ref = 77;

  (void) state;
  make(&world, 65536, MIB);
  world.fake.env.grow = refuse_to_grow;
  (void) get(&world, 100);
  before = facts_of(&world);
  assert_int_equal(uvshm__heap_alloc(&world.lane, 65536, 0, 1, &ref),
                   UV_ENOSPC);
  assert_true(ref == 77);
  after = facts_of(&world);
  assert_memory_equal(&before, &after, sizeof(before));
  unmake(&world);
}


static void what_is_not_mapped_is_not_given_out(void** state) {
  static struct world world;
  static struct uvshm__lane lane;
  struct fake_peer* other;
  uint64_t refs[8];
  uint64_t ref;
  int i;

  (void) state;
  make(&world, 65536, 8 * MIB);
  other = fake_join(&world.fake, 2);
  other->core.reach = other->core.control_size + 128 * 1024;
  assert_int_equal(uvshm__lane_claim(&other->core, &lane), 0);
  for (i = 0; i < 8; i++) refs[i] = get(&world, 500000);
  assert_null(uvshm__heap_at(&other->core, refs[7], 1));
  assert_int_equal(uvshm__heap_free(&lane, refs[7]), UV_EINVAL);
  while ((i = uvshm__heap_alloc(&lane, 64, 0, 1, &ref)) == 0)
    assert_true(ref + 64 <= other->core.reach);
  assert_int_equal(i, UV_ENOMEM);
  unmake(&world);
}

/* ---- blocks do not meet -------------------------------------------------- */

#define LIVE 3000

struct live {
  uint64_t ref;
  uint64_t size;
  unsigned char byte;
};


static void fill(const struct world* world, const struct live* live) {
  unsigned char* bytes = uvshm__heap_at(world->core, live->ref, live->size);

  assert_non_null(bytes);
  memset(bytes, live->byte, (size_t) live->size);
}


static void compare(const struct world* world, const struct live* live) {
  const unsigned char* bytes =
      uvshm__heap_at(world->core, live->ref, live->size);
  uint64_t i;

  assert_non_null(bytes);
  for (i = 0; i < live->size; i += 1 + live->size / 32)
    assert_int_equal(bytes[i], live->byte);
  assert_int_equal(bytes[live->size - 1], live->byte);
}


static uint64_t random_size(struct world* world) {
  uint64_t r = fake_random(&world->random);

  switch (r >> 8 & 63) {
    case 0:
      return 1 + (r >> 20) % (5 * MIB);
    case 1:
    case 2:
    case 3:
      return 1 + (r >> 20) % 200000;
    default:
      return 1 + (r >> 20) % 3000;
  }
}


static void step(struct world* world, struct live* live) {
  if (live->ref != 0) {
    compare(world, live);
    assert_int_equal(
        uvshm__heap_holds(world->core, live->ref + live->size - 1, 1),
        uvshm__heap_me(world->core));
    assert_int_equal(uvshm__heap_free(&world->lane, live->ref), 0);
    live->ref = 0;
    return;
  }
  live->size = random_size(world);
  live->byte = (unsigned char) fake_random(&world->random);
  if (uvshm__heap_alloc(&world->lane,
                        live->size,
                        0,
                        uvshm__heap_me(world->core),
                        &live->ref) == 0)
    fill(world, live);
  else
    live->ref = 0;
}


static void random_blocks_never_meet(void** state) {
  static struct live live[LIVE];
  static struct world world;
  struct uvshm__heap_facts facts;
  uint32_t i;

  (void) state;
  make(&world, 65536, 48 * MIB);
  memset(live, 0, sizeof(live));
  for (i = 0; i < 300000; i++) {
    step(&world, &live[fake_random(&world.random) % LIVE]);
    if (i % 30000 == 0) check(&world);
  }
  for (i = 0; i < LIVE; i++)
    if (live[i].ref != 0) step(&world, &live[i]);
  facts = facts_of(&world);
  assert_true(facts.used == 0 && facts.blocks == 0);
  /* It is one piece again. */
  assert_true(facts.largest_free ==
              world.core->reserve - world.core->control_size);
  (void) get(&world, facts.largest_free);
  unmake(&world);
}


/* A thread remembers blocks that it freed. By the time that it wants one again
 * their span is something else, or the block is another thread's. */
static void what_was_freed_may_be_another_block_by_now(void** state) {
  static struct live some[40];
  static struct live large[128];
  static struct world world;
  static struct uvshm__lane other;
  uint32_t me;
  uint64_t ref;
  uint32_t count;
  uint32_t i;

  (void) state;
  make(&world, 2 * MIB, 2 * MIB);
  me = uvshm__heap_me(world.core);
  assert_int_equal(uvshm__lane_claim(world.core, &other), 0);
  for (i = 0; i < 40; i++) some[i].ref = get(&world, 20000);
  for (i = 0; i < 40; i++)
    assert_int_equal(uvshm__heap_free(&world.lane, some[i].ref), 0);
  /* All there is, so that the spans are cut anew. */
  for (count = 0; count < 128; count++) {
    large[count].size = 32768;
    large[count].byte = (unsigned char) (count + 1);
    if (uvshm__heap_alloc(&world.lane, 32768, 0, me, &large[count].ref) < 0)
      break;
    fill(&world, &large[count]);
  }
  assert_true(count > 40 && count < 128);
  for (i = 0; i < 40; i++)
    assert_int_equal(uvshm__heap_alloc(&world.lane, 20000, 0, me, &ref),
                     UV_ENOSPC);
  for (i = 0; i < count; i++) compare(&world, &large[i]);
  for (i = 0; i < count; i++)
    assert_int_equal(uvshm__heap_free(&world.lane, large[i].ref), 0);
  /* Two threads take them again in turn. */
  for (i = 0; i < 40; i++) some[i].ref = get(&world, 20000);
  for (i = 0; i < 40; i++)
    assert_int_equal(uvshm__heap_free(&world.lane, some[i].ref), 0);
  for (i = 0; i < 40; i++) {
    some[i].size = 20000;
    some[i].byte = (unsigned char) (i + 100);
    assert_int_equal(
        uvshm__heap_alloc(
            i % 2 == 0 ? &other : &world.lane, 20000, 0, me, &some[i].ref),
        0);
    fill(&world, &some[i]);
  }
  for (i = 0; i < 40; i++) compare(&world, &some[i]);
  unmake(&world);
}


/* The same sizes in another order, a hundred times, in a heap that they just
 * fit. */
static void what_fitted_once_fits_after_a_hundred_times(void** state) {
  static struct live live[LIVE];
  static struct world world;
  uint64_t sizes[LIVE];
  uint32_t count = 0;
  uint32_t round;
  uint32_t i;

  (void) state;
  make(&world, 65536, 16 * MIB);
  /* Random, but the same sum for each size class in each round. */
  for (i = 0; i < LIVE; i++) sizes[i] = 1 + fake_random(&world.random) % 8000;
  for (round = 0; round < 100; round++) {
    for (i = LIVE - 1; i > 0; i--) {
      uint32_t j = (uint32_t) (fake_random(&world.random) % (i + 1));
      uint64_t t = sizes[i];

      sizes[i] = sizes[j];
      sizes[j] = t;
    }
    for (i = 0; i < LIVE; i++) {
      live[i].ref = get(&world, sizes[i]);
      count++;
    }
    for (i = 0; i < LIVE; i++)
      assert_int_equal(uvshm__heap_free(&world.lane, live[i].ref), 0);
  }
  assert_int_equal(count, LIVE * 100);
  assert_true(facts_of(&world).used == 0);
  unmake(&world);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_of_sizes_is_what_it_says),
      cmocka_unit_test(a_block_is_as_large_as_asked_for_and_aligned),
      cmocka_unit_test(an_alignment_is_kept),
      cmocka_unit_test(a_segment_of_the_least_size_has_that_much),
      cmocka_unit_test(bookkeeping_takes_at_most_four_per_cent),
      cmocka_unit_test(it_grows_up_to_the_reserve),
      cmocka_unit_test(when_it_cannot_grow_it_is_as_before),
      cmocka_unit_test(what_is_not_mapped_is_not_given_out),
      cmocka_unit_test(random_blocks_never_meet),
      cmocka_unit_test(what_was_freed_may_be_another_block_by_now),
      cmocka_unit_test(what_fitted_once_fits_after_a_hundred_times),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
