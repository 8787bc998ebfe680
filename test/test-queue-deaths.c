/* SPDX-License-Identifier: MIT */

/* The queue kind of channels on plain memory, with peers that die when we say
 * so, at steps that we choose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/channel.h"
#include "core/contents.h"
#include "core/directory.h"
#include "core/queue_inside.h"
#include "core/reap.h"
#include "fake.h"
#include "queue_desk.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- deaths -------------------------------------------------------------- */

TEST(what_a_dead_writer_has_claimed_is_free) {
  uvshm_message_t room[CAPACITY];
  size_t count = CAPACITY;
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < 5; round++) {
    memset(room, 0, sizeof(room));
    assert_int_equal(send_number(1, round), 0);
    count = CAPACITY;
    assert_int_equal(uvshm__queue_kind.claim(&writers[1], room, &count), 0);
    kill_and_repair(1);
    assert_int_equal(recv_number(0), round);
    for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(0, i), 0);
    for (i = 0; i < CAPACITY; i++) assert_int_equal(recv_number(2), i);
    come_back(1);
  }
  assert_int_equal(info().lost, 0);
}


TEST(what_a_dead_reader_has_peeked_is_lost) {
  uvshm_message_t held[2];
  uint32_t i;

  (void) state;
  for (i = 0; i < 4; i++) assert_int_equal(send_number(0, i), 0);
  assert_int_equal(peek_number(1, &held[0]), 0);
  assert_int_equal(peek_number(1, &held[1]), 1);
  kill_and_repair(1);
  assert_int_equal(info().lost, 2);
  assert_int_equal(recv_number(2), 2);
  assert_int_equal(recv_number(2), 3);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


TEST(with_redelivery_it_goes_to_another_one_that_is_told) {
  uvshm_message_t held[3];
  uint32_t i;

  (void) state;
  for (i = 0; i < 4; i++) assert_int_equal(send_number(0, i), 0);
  for (i = 0; i < 3; i++) assert_int_equal(peek_number(1, &held[i]), i);
  assert_int_equal(uvshm__channel_release(&readers[1], &held[1], 1), 0);
  kill_and_repair(1);
  assert_int_equal(info().again, 2);
  assert_int_equal(info().lost, 0);
  assert_int_equal(info().sent, 4);
  assert_int_equal(recv_number(2), 3);
  assert_int_equal(peek_number(2, &held[0]), 1000);
  kill_and_repair(2);
  assert_int_equal(recv_number(0), 1002);
  assert_int_equal(recv_number(0), 1000);
  assert_int_equal(recv_number(0), UV_EAGAIN);
}


TEST(with_redelivery_a_full_queue_takes_it_back) {
  uvshm_message_t held[LOANS];
  uint32_t i;

  (void) state;
  for (i = 0; i < LOANS; i++) {
    assert_int_equal(send_number(0, i), 0);
    assert_int_equal(peek_number(1, &held[i]), i);
  }
  for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(0, 10 + i), 0);
  kill_and_repair(1);
  assert_int_equal(info().depth, CAPACITY + LOANS);
  assert_int_equal(send_number(0, 99), UV_EAGAIN);
  for (i = 0; i < CAPACITY; i++) assert_int_equal(recv_number(2), 10 + i);
  for (i = 0; i < LOANS; i++) assert_true(recv_number(2) >= 1000);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


TEST(who_closes_with_peeked_messages_gives_them_back) {
  uvshm_message_t held;

  (void) state;
  assert_int_equal(send_number(0, 5), 0);
  assert_int_equal(peek_number(1, &held), 5);
  uvshm__channel_leave(&readers[1]);
  assert_int_equal(recv_number(2), 1005);
}

/* ---- deaths at one message ----------------------------------------------- */

/* What reader `slot` does before it takes what comes next. */
static uint32_t note_next(uint32_t slot) {
  const struct uvshm__queue* queue = &channels[slot].u.queue;
  uvshm__a64_t* hand = readers[slot].ent->own;
  uint64_t place = 0;
  uint64_t word;

  assert_int_equal(
      uvshm__queue_seek(&channels[slot], UVSHM__QUEUE_MESSAGE, &place, &word),
      0);
  word &= UVSHM__QUEUE_CHUNK;
  assert_true(word != 0);
  uvshm__a64_store_relaxed(
      &hand[UVSHM__QUEUE_HAND_OWN],
      uvshm__a64_load_relaxed(&queue->notes[word - 1].own));
  uvshm__a64_store_relaxed(&hand[UVSHM__QUEUE_HAND], word);
  return (uint32_t) word - 1;
}


/* And when it has just taken it. */
static uint32_t take_next(uint32_t slot) {
  const struct uvshm__queue* queue = &channels[slot].u.queue;
  uint32_t chunk = note_next(slot);
  uvshm__a64_t* at =
      &queue->slots[uvshm__a32_load_relaxed(&queue->notes[chunk].slot)];

  uvshm__a64_store_relaxed(at,
                           (uvshm__a64_load_relaxed(at) & ~UVSHM__QUEUE_CHUNK) +
                               (UINT64_C(1) << UVSHM__QUEUE_LAP_SHIFT));
  return chunk;
}


TEST(noted_is_not_taken) {
  (void) state;
  assert_int_equal(send_number(0, 1), 0);
  (void) note_next(1);
  kill_and_repair(1);
  assert_int_equal(recv_number(2), 1);
}


TEST(taken_is_lost_once) {
  (void) state;
  assert_int_equal(send_number(0, 1), 0);
  (void) take_next(1);
  kill_and_repair(1);
  assert_int_equal(info().lost, 1);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


TEST(taken_goes_to_another_one_with_redelivery) {
  (void) state;
  assert_int_equal(send_number(0, 1), 0);
  (void) take_next(1);
  kill_and_repair(1);
  assert_int_equal(recv_number(2), 1001);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


TEST(the_writer_dies_while_a_reader_that_lives_has_it_in_its_hand) {
  uint32_t chunk;

  (void) state;
  assert_int_equal(send_number(3, 1), 0);
  chunk = take_next(1);
  kill_and_repair(3);
  /* It is as the reader has noted it. */
  assert_int_equal(
      uvshm__a64_load_relaxed(&channels[1].u.queue.notes[chunk].own),
      uvshm__a64_load_relaxed(&readers[1].ent->own[UVSHM__QUEUE_HAND_OWN]));
  kill_and_repair(1);
  assert_int_equal(recv_number(2), 1001);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


TEST(writer_and_reader_die_and_the_message_does_not) {
  uint32_t first;

  (void) state;
  for (first = 0; first < 2; first++) {
    assert_int_equal(send_number(3 - first, 7), 0);
    (void) take_next(2 + first);
    fake_kill(&fake.peers[2]);
    fake_kill(&fake.peers[3]);
    assert_int_equal(uvshm__reap(&fake.peers[0].core, first == 0 ? 2 : 3), 0);
    assert_int_equal(uvshm__reap(&fake.peers[0].core, first == 0 ? 3 : 2), 0);
    assert_int_equal(recv_number(0), 1007);
    assert_int_equal(recv_number(0), UV_EAGAIN);
    come_back(2);
    come_back(3);
  }
}


TEST(of_two_that_noted_it_the_dead_one_had_it) {
  uint32_t chunk;

  (void) state;
  assert_int_equal(send_number(0, 1), 0);
  (void) note_next(2);
  chunk = take_next(1);
  kill_and_repair(2);
  /* Reader 1 sees that it is not as it has noted it. */
  assert_int_not_equal(
      uvshm__a64_load_relaxed(&channels[1].u.queue.notes[chunk].own),
      uvshm__a64_load_relaxed(&readers[1].ent->own[UVSHM__QUEUE_HAND_OWN]));
  uvshm__a64_store_relaxed(&readers[1].ent->own[UVSHM__QUEUE_HAND], 0);
  assert_int_equal(recv_number(0), 1001);
}

/* ---- damage -------------------------------------------------------------- */

TEST(after_a_reboot_there_is_what_was_sent_and_not_received) {
  uvshm_message_t held;
  uint32_t i;

  (void) state;
  for (i = 0; i < 5; i++) assert_int_equal(send_number(0, i), 0);
  assert_int_equal(peek_number(1, &held), 0);
  uvshm__channel_reset(&fake.peers[0].core,
                       uvshm__directory_body(&fake.peers[0].core, ref.index));
  for (i = 0; i < ENDS; i++) {
    memset(&writers[i], 0, sizeof(writers[i]));
    memset(&readers[i], 0, sizeof(readers[i]));
    join(i);
  }
  for (i = 1; i < 5; i++) assert_int_equal(recv_number(2), i);
  assert_int_equal(recv_number(2), UV_EAGAIN);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      ON(what_a_dead_writer_has_claimed_is_free),
      ON(what_a_dead_reader_has_peeked_is_lost),
      AGAIN(with_redelivery_it_goes_to_another_one_that_is_told),
      AGAIN(with_redelivery_a_full_queue_takes_it_back),
      AGAIN(who_closes_with_peeked_messages_gives_them_back),
      ON(noted_is_not_taken),
      ON(taken_is_lost_once),
      AGAIN(taken_goes_to_another_one_with_redelivery),
      AGAIN(the_writer_dies_while_a_reader_that_lives_has_it_in_its_hand),
      AGAIN(writer_and_reader_die_and_the_message_does_not),
      AGAIN(of_two_that_noted_it_the_dead_one_had_it),
      ON(after_a_reboot_there_is_what_was_sent_and_not_received),
  };

  return cmocka_run_group_tests_name("queue-deaths", tests, NULL, NULL);
}
