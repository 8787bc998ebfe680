/* SPDX-License-Identifier: MIT */

/* The queue kind of channels on plain memory that somebody wrote into. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/channel.h"
#include "core/contents.h"
#include "core/queue_inside.h"
#include "core/reap.h"
#include "fake.h"
#include "queue_desk.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- damage -------------------------------------------------------------- */

TEST(a_slot_that_names_no_chunk_is_damage_and_can_be_mended) {
  const struct uvshm__queue* queue = &channels[0].u.queue;
  uint32_t i;

  (void) state;
  for (i = 0; i < 3; i++) assert_int_equal(send_number(0, i), 0);
  uvshm__a64_store_relaxed(&queue->slots[1], 0xffffff);
  assert_int_equal(recv_number(1), 0);
  assert_int_equal(recv_number(1), UV_EPROTO);
  assert_int_equal(uvshm__queue_kind.check(&channels[0]), UV_EPROTO);
  assert_int_equal(uvshm__queue_kind.readable(&readers[1]), 1);
  assert_true(uvshm__queue_kind.mend(&channels[0]) > 0);
  assert_int_equal(uvshm__queue_kind.check(&channels[0]), 0);
  assert_int_equal(recv_number(1), 2);
}


TEST(hints_may_say_anything) {
  uint64_t seed = fake_seed();
  uint32_t i;

  (void) state;
  for (i = 0; i < 1000; i++) {
    uvshm__a64_store_relaxed(channels[0].u.queue.head,
                             fake_random(&seed) >> (i % 64));
    uvshm__a64_store_relaxed(channels[0].u.queue.tail,
                             fake_random(&seed) >> (i % 63));
    uvshm__queue_kind.check(&channels[0]);
    (void) info();
    (void) send_number(i % 4, i);
    (void) recv_number(i % 3);
  }
  uvshm__a64_store_relaxed(channels[0].u.queue.head, 0);
  uvshm__a64_store_relaxed(channels[0].u.queue.tail, 0);
}


static void scribble(uint64_t* seed) {
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) channels[0].area;
  uint64_t count = channels[0].facts.area_size / 8;
  uint64_t at = fake_random(seed) % count;
  uint64_t word = uvshm__a64_load_relaxed(&words[at]);

  switch (fake_random(seed) % 4) {
    case 0:
      word = fake_random(seed);
      break;
    case 1:
      word ^= UINT64_C(1) << fake_random(seed) % 64;
      break;
    case 2:
      word = uvshm__a64_load_relaxed(&words[fake_random(seed) % count]);
      break;
    default:
      word += 1;
  }
  uvshm__a64_store_relaxed(&words[at], word);
}


static void hostile_round(uint64_t* seed) {
  uvshm_message_t held;
  uint32_t i;
  size_t one;

  for (i = 0; i < 40; i++) {
    uint32_t slot = (uint32_t) (fake_random(seed) % 3);

    scribble(seed);
    switch (fake_random(seed) % 8) {
      case 0:
      case 1:
      case 2:
        (void) send_number(slot, i);
        break;
      case 3:
        one = 1;
        memset(&held, 0, sizeof(held));
        held.size = 8;
        (void) uvshm__queue_kind.claim(&writers[slot], &held, &one);
        (void) uvshm__queue_kind.commit(&writers[slot], &held, i % 2);
        break;
      case 4:
        one = 1;
        if (uvshm__queue_kind.peek(&readers[slot], &held, &one) == 0) {
          assert_true(held.size <= SIZE);
          assert_true((unsigned char*) held.bytes >= channels[0].area &&
                      (unsigned char*) held.bytes + SIZE <=
                          channels[0].area + channels[0].facts.area_size);
          if (i % 2 == 0)
            (void) uvshm__queue_kind.release(&readers[slot], &held, 1);
        }
        break;
      case 5:
        (void) uvshm__queue_kind.check(&channels[0]);
        (void) info();
        break;
      case 6:
        if (i % 4 == 0) (void) uvshm__queue_kind.mend(&channels[0]);
        break;
      default: {
        unsigned char bytes[SIZE];

        one = 1;
        held.bytes = bytes;
        held.size = sizeof(bytes);
        (void) uvshm__queue_kind.recv(&readers[slot], &held, &one);
        (void) uvshm__queue_kind.readable(&readers[slot]);
        (void) uvshm__queue_kind.drained(&writers[slot]);
      }
    }
  }
}


TEST(garbage_is_an_error_and_nothing_worse) {
  uint64_t seed = fake_seed();
  uint32_t i;

  (void) state;
  for (i = 0; i < 300; i++) {
    begin(i % 2 ? UVSHM__CHANNEL_REDELIVER : 0);
    hostile_round(&seed);
    fake_kill(&fake.peers[3]);
    (void) uvshm__reap_all(&fake.peers[0].core);
    (void) uvshm__queue_kind.mend(&channels[0]);
    uvshm__queue_kind.reset(&channels[0]);
    fake_free(&fake);
  }
}


int main(void) {
  const struct CMUnitTest tests[] = {
      ON(a_slot_that_names_no_chunk_is_damage_and_can_be_mended),
      ON(hints_may_say_anything),
      cmocka_unit_test(garbage_is_an_error_and_nothing_worse),
  };

  return cmocka_run_group_tests_name("queue-damage", tests, NULL, NULL);
}
