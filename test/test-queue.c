/* SPDX-License-Identifier: MIT */

/* The queue kind of channels on plain memory: order, room, loans, batches. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/channel.h"
#include "core/contents.h"
#include "core/queue_inside.h"
#include "fake.h"
#include "queue_desk.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

/* ---- sending and receiving ----------------------------------------------- */

TEST(messages_come_in_the_order_in_which_they_were_sent) {
  uint32_t i;

  (void) state;
  for (i = 0; i < 500; i++) {
    assert_int_equal(send_number(0, 2 * i), 0);
    assert_int_equal(send_number(1, 2 * i + 1), 0);
    assert_int_equal(recv_number(i % 3), 2 * i);
    assert_int_equal(recv_number(2 - i % 3), 2 * i + 1);
  }
  assert_int_equal(recv_number(0), UV_EAGAIN);
  assert_int_equal(info().sent, 1000);
  assert_int_equal(info().received, 1000);
  assert_int_equal(info().depth, 0);
  assert_int_equal(info().high, 2);
}


TEST(a_queue_is_full_when_as_many_wait_as_it_was_made_for) {
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < 30; round++) {
    for (i = 0; i < CAPACITY; i++)
      assert_int_equal(send_number(i % ENDS, i), 0);
    for (i = 0; i < ENDS; i++) {
      assert_int_equal(send_number(i, 99), UV_EAGAIN);
      assert_int_equal(uvshm__queue_kind.writable(&writers[i], 8), 0);
    }
    assert_int_equal(info().depth, CAPACITY);
    assert_int_equal(recv_number(1), 0);
    assert_int_equal(uvshm__queue_kind.writable(&writers[2], 8), 1);
    assert_int_equal(send_number(2, CAPACITY), 0);
    assert_int_equal(send_number(3, 99), UV_EAGAIN);
    for (i = 1; i <= CAPACITY; i++) assert_int_equal(recv_number(i % ENDS), i);
    assert_int_equal(recv_number(3), UV_EAGAIN);
  }
  assert_int_equal(info().high, CAPACITY);
}


TEST(who_has_not_looked_for_a_long_time_finds_his_place) {
  uint32_t i;

  (void) state;
  assert_int_equal(send_number(3, 7), 0);
  assert_int_equal(recv_number(3), 7);
  for (i = 0; i < 10000; i++) {
    assert_int_equal(send_number(0, i % 1000), 0);
    assert_int_equal(recv_number(0), i % 1000);
  }
  assert_int_equal(send_number(3, 8), 0);
  assert_int_equal(recv_number(3), 8);
  /* Also without the hints. */
  for (i = 0; i < 1000; i++) {
    assert_int_equal(send_number(0, i), 0);
    assert_int_equal(recv_number(0), i);
  }
  uvshm__a64_store_relaxed(channels[0].u.queue.head, 0);
  uvshm__a64_store_relaxed(channels[0].u.queue.tail, 0);
  assert_int_equal(info().sent, 11002);
  assert_int_equal(send_number(3, 9), 0);
  assert_int_equal(recv_number(3), 9);
}


TEST(peeked_messages_take_no_room_and_come_back_in_any_order) {
  uvshm_message_t held[LOANS];
  uvshm_message_t more;
  uint32_t i;

  (void) state;
  for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(0, i), 0);
  for (i = 0; i < LOANS; i++) assert_int_equal(peek_number(1, &held[i]), i);
  assert_int_equal(peek_number(1, &more), UV_ENOBUFS);
  for (i = 0; i < LOANS; i++) assert_int_equal(send_number(0, 50 + i), 0);
  assert_int_equal(send_number(0, 99), UV_EAGAIN);
  assert_int_equal(uvshm__channel_release(&readers[1], &held[1], 1), 0);
  assert_int_equal(uvshm__channel_release(&readers[1], &held[1], 1), UV_EINVAL);
  assert_int_equal(uvshm__channel_release(&readers[2], &held[0], 1), UV_EINVAL);
  assert_int_equal(peek_number(1, &more), LOANS);
  assert_int_equal(number_in(&held[0]), 0);
  assert_int_equal(number_in(&held[2]), 2);
  assert_int_equal(uvshm__channel_release(&readers[1], &held[2], 1), 0);
  assert_int_equal(uvshm__channel_release(&readers[1], &held[0], 1), 0);
  assert_int_equal(uvshm__channel_release(&readers[1], &more, 1), 0);
  assert_int_equal(recv_number(0), LOANS + 1);
}


TEST(all_readers_may_hold_all_their_loans_and_the_queue_fills) {
  uvshm_message_t held[ENDS][LOANS];
  uint32_t i;

  (void) state;
  for (i = 0; i < ENDS * LOANS; i++) {
    assert_int_equal(send_number(0, i), 0);
    assert_int_equal(peek_number(i % ENDS, &held[i % ENDS][i / ENDS]), i);
  }
  for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(1, i), 0);
  assert_int_equal(send_number(1, 99), UV_EAGAIN);
  for (i = 0; i < ENDS * LOANS; i++)
    assert_int_equal(number_in(&held[i % ENDS][i / ENDS]), i);
  for (i = 0; i < ENDS; i++)
    assert_int_equal(uvshm__channel_release(&readers[i], held[i], LOANS), 0);
}


TEST(what_has_no_room_at_the_reader_stays_the_next) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  size_t count = 1;

  (void) state;
  assert_int_equal(send_number(0, 10), 0);
  memset(&message, 0, sizeof(message));
  message.bytes = bytes;
  message.size = size_of(10) - 1;
  assert_int_equal(uvshm__channel_recv(&readers[1], &message, &count),
                   UV_ENOBUFS);
  assert_int_equal(message.size, size_of(10));
  assert_int_equal(recv_number(1), 10);
}


TEST(claims_are_sent_as_far_as_they_are_committed) {
  uvshm_message_t room[8];
  size_t count = 8;
  size_t one = 1;
  uint32_t i;

  (void) state;
  memset(room, 0, sizeof(room));
  for (i = 0; i < 8; i++) room[i].size = SIZE;
  assert_int_equal(uvshm__queue_kind.claim(&writers[0], room, &count), 0);
  assert_int_equal(count, CAPACITY);
  assert_int_equal(uvshm__queue_kind.claim(&writers[0], room, &one), UV_EINVAL);
  for (i = 0; i < 3; i++) {
    assert_int_equal((uintptr_t) room[i].bytes % 64,
                     (uintptr_t) fake.memory % 64);
    fill(room[i].bytes, i);
    room[i].size = size_of(i);
  }
  assert_int_equal(recv_number(1), UV_EAGAIN);
  assert_int_equal(uvshm__channel_commit(&writers[0], room, 3), 0);
  assert_int_equal(uvshm__channel_commit(&writers[0], room, 1), UV_EINVAL);
  for (i = 0; i < 3; i++) assert_int_equal(recv_number(1), i);
  assert_int_equal(recv_number(1), UV_EAGAIN);

  assert_int_equal(uvshm__queue_kind.claim(&writers[0], room, &one), 0);
  room[0].size = SIZE + 1;
  assert_int_equal(uvshm__channel_commit(&writers[0], room, 1), UV_EINVAL);
  assert_int_equal(uvshm__channel_commit(&writers[0], NULL, 0), 0);
  assert_int_equal(recv_number(1), UV_EAGAIN);
  for (i = 0; i < CAPACITY; i++) assert_int_equal(send_number(1, i), 0);
}


TEST(batches_take_what_there_is) {
  unsigned char bytes[8][SIZE];
  uvshm_message_t messages[8];
  size_t count = 8;
  uint32_t i;

  (void) state;
  memset(messages, 0, sizeof(messages));
  for (i = 0; i < 8; i++) {
    fill(bytes[i], i);
    messages[i].bytes = bytes[i];
    messages[i].size = size_of(i);
  }
  assert_int_equal(uvshm__channel_send(&writers[0], messages, &count), 0);
  assert_int_equal(count, CAPACITY);
  for (i = 0; i < 8; i++) messages[i].size = SIZE;
  count = 4;
  assert_int_equal(uvshm__channel_recv(&readers[2], messages, &count), 0);
  assert_int_equal(count, 4);
  for (i = 0; i < 4; i++) assert_int_equal(number_in(&messages[i]), i);
  count = 4;
  messages[1].size = size_of(5) - 1;
  messages[0].size = SIZE;
  assert_int_equal(uvshm__channel_recv(&readers[2], messages, &count), 0);
  assert_int_equal(count, 1);
  assert_int_equal(number_in(&messages[0]), 4);
  count = 4;
  assert_int_equal(uvshm__channel_peek(&readers[2], messages, &count), 0);
  assert_int_equal(count, 1);
  assert_int_equal(number_in(&messages[0]), 5);
  assert_int_equal(uvshm__channel_release(&readers[2], messages, 1), 0);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      ON(messages_come_in_the_order_in_which_they_were_sent),
      ON(a_queue_is_full_when_as_many_wait_as_it_was_made_for),
      ON(who_has_not_looked_for_a_long_time_finds_his_place),
      ON(peeked_messages_take_no_room_and_come_back_in_any_order),
      ON(all_readers_may_hold_all_their_loans_and_the_queue_fills),
      ON(what_has_no_room_at_the_reader_stays_the_next),
      ON(claims_are_sent_as_far_as_they_are_committed),
      ON(batches_take_what_there_is),
  };

  return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
