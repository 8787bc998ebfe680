/* SPDX-License-Identifier: MIT */

/* Lossless topics on plain memory: who is waited for, and who is not. */

#include "topic.h"


static void a_lossless_writer_waits_for_the_slowest(void** state) {
  static const struct shape shape = {UVSHM__CHANNEL_LOSSLESS, 4, 2, 3, 2};
  struct uvshm__channel_end writers[2];
  struct uvshm__channel_end slow;
  struct uvshm__channel_end fast;
  uvshm_message_t message;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writers[0]);
  join_writer(&desk, 1, &writers[1]);
  join_reader(&desk, 2, &slow);
  join_reader(&desk, 3, &fast);
  for (i = 0; i < 4; i++) must_send(&writers[i % 2], i);
  for (i = 0; i < 4; i++) must_recv(&fast, i, 0);
  assert_false(uvshm__topic_writable(&writers[0], 1));
  assert_int_equal(send_one(&writers[0], 4), UV_EAGAIN);
  /* What is peeked is not read yet. */
  must_peek(&slow, 0, &message);
  assert_int_equal(send_one(&writers[1], 4), UV_EAGAIN);
  assert_int_equal(uvshm__channel_release(&slow, &message, 1), 0);
  assert_true(uvshm__topic_writable(&writers[0], 1));
  must_send(&writers[1], 4);
  assert_int_equal(send_one(&writers[0], 5), UV_EAGAIN);
  for (i = 5; i < 100; i++) {
    must_recv(&slow, i - 4, 0);
    must_send(&writers[i % 2], i);
    must_recv(&fast, i - 1, 0);
  }
  assert_false(uvshm__topic_drained(&writers[1]));
  for (i = 96; i < 100; i++) must_recv(&slow, i, 0);
  must_recv(&fast, 99, 0);
  assert_true(uvshm__topic_drained(&writers[1]));
  desk_finish(&desk);
}


/* Each has claimed while there was room for one. */
static void what_was_claimed_can_be_committed(void** state) {
  static const struct shape shape = {UVSHM__CHANNEL_LOSSLESS, 2, 3, 1, 2};
  struct uvshm__channel_end writers[3];
  uvshm_message_t claims[3];
  struct uvshm__channel_end reader;
  struct desk desk;
  size_t one = 1;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_reader(&desk, 3, &reader);
  for (i = 0; i < 3; i++) join_writer(&desk, (uint32_t) i, &writers[i]);
  must_send(&writers[0], 0);
  for (i = 0; i < 3; i++) {
    claims[i].size = TOPIC_SIZE;
    assert_int_equal(uvshm__channel_claim(&writers[i], &claims[i], &one), 0);
  }
  for (i = 0; i < 3; i++) {
    fill(claims[i].bytes, i + 1);
    claims[i].size = size_of(i + 1);
    assert_int_equal(uvshm__channel_commit(&writers[i], &claims[i], 1), 0);
  }
  assert_int_equal(send_one(&writers[0], 4), UV_EAGAIN);
  for (i = 0; i < 4; i++) must_recv(&reader, i, 0);
  must_send(&writers[0], 4);
  desk_finish(&desk);
}


static void before_the_first_reader_it_fills(void** state) {
  static const struct shape shape = {UVSHM__CHANNEL_LOSSLESS, 3, 1, 2, 2};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct uvshm__channel_end late;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  for (i = 0; i < 3; i++) must_send(&writer, i);
  assert_int_equal(send_one(&writer, 3), UV_EAGAIN);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST, 0);
  join_reader(&desk, 2, &late);
  assert_int_equal(send_one(&writer, 3), UV_EAGAIN);
  for (i = 0; i < 3; i++) must_recv(&reader, i, 0);
  must_send(&writer, 3);
  must_recv(&reader, 3, 0);
  must_recv(&late, 3, 0);
  uvshm__channel_leave(&reader);
  for (i = 4; i < 7; i++) must_send(&writer, i);
  assert_int_equal(send_one(&writer, 7), UV_EAGAIN);
  uvshm__channel_leave(&late);
  assert_int_equal(send_one(&writer, 7), UV_EPIPE);
  desk_finish(&desk);
}


static void the_dead_are_not_waited_for(void** state) {
  static const struct shape shape = {UVSHM__CHANNEL_LOSSLESS, 3, 1, 2, 2};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct uvshm__channel_end dead;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &dead);
  join_reader(&desk, 2, &reader);
  for (i = 0; i < 3; i++) must_send(&writer, i);
  for (i = 0; i < 3; i++) must_recv(&reader, i, 0);
  fake_kill(desk.peers[1]);
  assert_int_equal(send_one(&writer, 3), UV_EAGAIN);
  assert_int_equal(uvshm__channel_tend(&desk.lanes[0], &desk.channels[0]), 1);
  for (; i < 6; i++) must_send(&writer, i);
  for (i = 3; i < 6; i++) must_recv(&reader, i, 0);
  desk_finish(&desk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_lossless_writer_waits_for_the_slowest),
      cmocka_unit_test(what_was_claimed_can_be_committed),
      cmocka_unit_test(before_the_first_reader_it_fills),
      cmocka_unit_test(the_dead_are_not_waited_for),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
