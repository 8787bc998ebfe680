/* SPDX-License-Identifier: MIT */

/* The words everything else is made of, on whichever half of base/atomic.h this
 * compiler gets, and the small things of src/base beside them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/align.h"
#include "base/atomic.h"
#include "base/error.h"
#include "base/hash.h"

#include <string.h>

#define ROUNDS 100000
#define THREADS 4

static uvshm__a64_t wide;
static uvshm__a32_t narrow;
static uvshm__a32_t stop;
static uvshm__a32_t torn;


static void words_of_32_bits_do_what_their_names_say(void** state) {
  uvshm__a32_t word = {5};

  (void) state;
  assert_int_equal(uvshm__a32_load_relaxed(&word), 5);
  assert_true(uvshm__a32_is(&word, 5));
  assert_false(uvshm__a32_is(&word, 4));
  uvshm__a32_store_relaxed(&word, 6);
  assert_int_equal(uvshm__a32_load_acquire(&word), 6);
  uvshm__a32_store_release(&word, 7);
  assert_int_equal(uvshm__a32_load_seq_cst(&word), 7);
  uvshm__a32_store_seq_cst(&word, UINT32_MAX);
  assert_int_equal(uvshm__a32_add(&word, 2), UINT32_MAX);
  assert_int_equal(uvshm__a32_xchg(&word, 0xf0), 1);
  assert_int_equal(uvshm__a32_or(&word, 0x0f), 0xf0);
  assert_int_equal(uvshm__a32_and(&word, 0x3c), 0xff);
  assert_int_equal(uvshm__a32_cas(&word, 0x3d, 1), 0);
  assert_int_equal(uvshm__a32_load_relaxed(&word), 0x3c);
  assert_int_equal(uvshm__a32_cas(&word, 0x3c, 1), 1);
  assert_int_equal(uvshm__a32_load_relaxed(&word), 1);
}


static void words_of_64_bits_do_what_their_names_say(void** state) {
  const uint64_t big = UINT64_C(0x123456789abcdef0);
  uvshm__a64_t word = {5};

  (void) state;
  assert_true(uvshm__a64_load_relaxed(&word) == 5);
  assert_true(uvshm__a64_is(&word, 5));
  assert_false(uvshm__a64_is(&word, 5 | UINT64_C(1) << 32));
  uvshm__a64_store_relaxed(&word, big);
  assert_true(uvshm__a64_load_acquire(&word) == big);
  uvshm__a64_store_release(&word, ~big);
  assert_true(uvshm__a64_load_seq_cst(&word) == ~big);
  uvshm__a64_store_seq_cst(&word, UINT64_MAX);
  assert_true(uvshm__a64_add(&word, 2) == UINT64_MAX);
  assert_true(uvshm__a64_xchg(&word, big) == 1);
  assert_true(uvshm__a64_or(&word, 0xf) == big);
  assert_true(uvshm__a64_and(&word, UINT64_C(0xff) << 56) == (big | 0xf));
  assert_true(uvshm__a64_cas(&word, big, 1) == 0);
  assert_true(uvshm__a64_load_relaxed(&word) == UINT64_C(0x12) << 56);
  assert_true(uvshm__a64_cas(&word, UINT64_C(0x12) << 56, 1) == 1);
  assert_true(uvshm__a64_load_relaxed(&word) == 1);
}


static void add_many(void* arg) {
  int i;

  (void) arg;
  for (i = 0; i < ROUNDS; i++) {
    uvshm__a32_add(&narrow, 1);
    uvshm__a64_add(&wide, UINT64_C(1) << 30);
  }
}


static void no_addition_is_lost_between_threads(void** state) {
  uv_thread_t threads[THREADS];
  int i;

  (void) state;
  uvshm__a32_store_seq_cst(&narrow, 0);
  uvshm__a64_store_seq_cst(&wide, 0);
  for (i = 0; i < THREADS; i++)
    assert_int_equal(uv_thread_create(&threads[i], add_many, NULL), 0);
  for (i = 0; i < THREADS; i++) uv_thread_join(&threads[i]);
  assert_int_equal(uvshm__a32_load_relaxed(&narrow), THREADS * ROUNDS);
  assert_true(uvshm__a64_load_relaxed(&wide) == ((uint64_t) THREADS * ROUNDS)
                                                    << 30);
}


/* Both halves of a value are always the same number. */
static void read_halves(void* arg) {
  uint64_t value;

  (void) arg;
  while (uvshm__a32_load_relaxed(&stop) == 0) {
    value = uvshm__a64_load_relaxed(&wide);
    if ((uint32_t) value != (uint32_t) (value >> 32)) uvshm__a32_add(&torn, 1);
  }
}


static void a_64_bit_load_is_never_torn(void** state) {
  uv_thread_t reader;
  uint64_t i;

  (void) state;
  uvshm__a64_store_seq_cst(&wide, 0);
  uvshm__a32_store_seq_cst(&stop, 0);
  assert_int_equal(uv_thread_create(&reader, read_halves, NULL), 0);
  for (i = 0; i < 20 * ROUNDS; i++)
    uvshm__a64_store_relaxed(&wide, i << 32 | i);
  for (i = 0; i < ROUNDS; i++) uvshm__a64_xchg(&wide, i << 32 | i);
  uvshm__a32_store_seq_cst(&stop, 1);
  uv_thread_join(&reader);
  assert_int_equal(uvshm__a32_load_relaxed(&torn), 0);
}


static uvshm__a32_t ours[2];
static uvshm__a32_t meeting;


/* Each of two threads stores its own word, then looks at the other's. */
static void store_then_look(void* arg) {
  uint32_t* seen = arg;
  uint32_t me = seen[0];
  uint32_t round;

  for (round = 1; round <= ROUNDS / 10; round++) {
    uvshm__a32_add(&meeting, 1);
    while (uvshm__a32_load_acquire(&meeting) < 2 * round) uvshm__pause();
    uvshm__a32_store_relaxed(&ours[me], round);
    uvshm__fence_seq_cst();
    /* Rounds in which we saw the other one come later than us. */
    if (uvshm__a32_load_relaxed(&ours[1 - me]) < round) seen[round] = 1;
  }
}


static void a_full_fence_lets_one_of_two_see_the_other(void** state) {
  static uint32_t seen[2][ROUNDS / 10 + 1];
  uv_thread_t threads[2];
  uint32_t round;
  uint32_t i;

  (void) state;
  for (i = 0; i < 2; i++) {
    seen[i][0] = i;
    assert_int_equal(uv_thread_create(&threads[i], store_then_look, seen[i]),
                     0);
  }
  for (i = 0; i < 2; i++) uv_thread_join(&threads[i]);
  for (round = 1; round <= ROUNDS / 10; round++)
    assert_false(seen[0][round] && seen[1][round]);
}


static void sizes_never_wrap_around(void** state) {
  uint64_t result = 42;

  (void) state;
  assert_true(uvshm__add(1, 2, &result));
  assert_true(result == 3);
  assert_false(uvshm__add(UINT64_MAX, 1, &result));
  assert_true(uvshm__mul(UINT64_MAX / 3, 3, &result));
  assert_false(uvshm__mul(UINT64_MAX / 3 + 1, 3, &result));
  assert_true(uvshm__mul(UINT64_MAX, 0, &result));
  assert_true(uvshm__round_up(65537, 65536, &result));
  assert_true(result == 131072);
  assert_true(uvshm__round_up(0, 65536, &result));
  assert_true(result == 0);
  assert_false(uvshm__round_up(UINT64_MAX - 1, 65536, &result));
  assert_true(uvshm__is_power_of_2(65536));
  assert_false(uvshm__is_power_of_2(0));
  assert_true(uvshm__fits(10, 6, 16));
  assert_false(uvshm__fits(11, 6, 16));
  assert_false(uvshm__fits(17, 0, 16));
  assert_false(uvshm__fits(8, UINT64_MAX, 16));
}


static void a_hash_is_the_same_number_for_ever(void** state) {
  (void) state;
  /* Stored in segments: a change is a change of the format. */
  assert_true(uvshm__hash("", 0) == UINT64_C(0xecba3df2c3383c52));
  assert_true(uvshm__hash("prices", 6) != uvshm__hash("price", 5));
}


static void a_failure_is_remembered_with_its_sentence(void** state) {
  char long_text[2 * UVSHM__ERROR_SIZE];

  (void) state;
  uvshm__error_clear();
  assert_string_equal(uvshm__error_text(), "");
  assert_int_equal(uvshm__fail(UV_ENOENT, "no %s", "bread"), UV_ENOENT);
  assert_string_equal(uvshm__error_text(), "no bread");
  /* A caller may wrap what a lower layer said. */
  uvshm__fail(UV_EPROTO, "cannot eat: %s", uvshm__error_text());
  assert_string_equal(uvshm__error_text(), "cannot eat: no bread");
  assert_int_equal(uvshm__error_code(), UV_EPROTO);
  memset(long_text, 'x', sizeof(long_text));
  long_text[sizeof(long_text) - 1] = '\0';
  uvshm__fail(UV_EINVAL, "%s", long_text);
  assert_int_equal(strlen(uvshm__error_text()), UVSHM__ERROR_SIZE - 1);
}


static void look_at_own_error(void* arg) {
  *(int*) arg = uvshm__error_code();
}


static void a_failure_belongs_to_its_thread(void** state) {
  uv_thread_t thread;
  int code = 1;

  (void) state;
  uvshm__fail(UV_EINVAL, "mine");
  assert_int_equal(uv_thread_create(&thread, look_at_own_error, &code), 0);
  uv_thread_join(&thread);
  assert_int_equal(code, 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_of_32_bits_do_what_their_names_say),
      cmocka_unit_test(words_of_64_bits_do_what_their_names_say),
      cmocka_unit_test(no_addition_is_lost_between_threads),
      cmocka_unit_test(a_64_bit_load_is_never_torn),
      cmocka_unit_test(a_full_fence_lets_one_of_two_see_the_other),
      cmocka_unit_test(sizes_never_wrap_around),
      cmocka_unit_test(a_hash_is_the_same_number_for_ever),
      cmocka_unit_test(a_failure_is_remembered_with_its_sentence),
      cmocka_unit_test(a_failure_belongs_to_its_thread),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
