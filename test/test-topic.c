/* SPDX-License-Identifier: MIT */

/* Topics on plain memory: what a reader gets, what one that was passed has
 * missed, what stays as long as it is read. */

#include "topic.h"


/* ---- one writer, one reader ---------------------------------------------- */

static void a_reader_gets_every_message_whole_and_in_order(void** state) {
  static const struct shape shape = {0, 4, 1, 1, 2};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  must_find_nothing(&reader);
  for (i = 0; i < 1000; i += 3) {
    must_send(&writer, i);
    must_send(&writer, i + 1);
    must_send(&writer, i + 2);
    must_recv(&reader, i, 0);
    must_recv(&reader, i + 1, 0);
    must_recv(&reader, i + 2, 0);
    must_find_nothing(&reader);
  }
  uvshm__channel_leave(&writer);
  uvshm__channel_leave(&reader);
  desk_finish(&desk);
}


static void what_has_no_room_stays_the_next_one(void** state) {
  static const struct shape shape = {0, 4, 1, 1, 2};
  unsigned char bytes[TOPIC_SIZE];
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  uvshm_message_t message = {0};
  struct desk desk;
  size_t one = 1;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  must_send(&writer, 0);
  message.bytes = bytes;
  message.size = size_of(0) - 1;
  assert_int_equal(uvshm__channel_recv(&reader, &message, &one), UV_ENOBUFS);
  assert_int_equal(message.size, size_of(0));
  must_recv(&reader, 0, 0);
  message.size = TOPIC_SIZE + 1;
  assert_int_equal(uvshm__channel_send(&writer, &message, &one), UV_EMSGSIZE);
  message.size = 0;
  assert_int_equal(uvshm__channel_send(&writer, &message, &one), 0);
  message.size = 0;
  assert_int_equal(uvshm__channel_recv(&reader, &message, &one), 0);
  assert_int_equal(message.size, 0);
  desk_finish(&desk);
}


static void a_batch_is_one_call(void** state) {
  static const struct shape shape = {0, 8, 1, 1, 4};
  unsigned char bytes[6][TOPIC_SIZE];
  uvshm_message_t messages[6];
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct desk desk;
  size_t count = 6;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  memset(messages, 0, sizeof(messages));
  for (i = 0; i < 6; i++) {
    fill(bytes[i], i);
    messages[i].bytes = bytes[i];
    messages[i].size = size_of(i);
  }
  assert_int_equal(uvshm__channel_send(&writer, messages, &count), 0);
  assert_int_equal(count, 6);
  /* As many as there may be loans. */
  assert_int_equal(uvshm__channel_peek(&reader, messages, &count), 0);
  assert_int_equal(count, 4);
  for (i = 0; i < 4; i++)
    assert_int_equal(number_of(messages[i].bytes, messages[i].size), i);
  assert_int_equal(uvshm__channel_release(&reader, messages, 4), 0);
  assert_int_equal(uvshm__channel_release(&reader, messages, 1), UV_EINVAL);
  must_recv(&reader, 4, 0);
  must_recv(&reader, 5, 0);
  desk_finish(&desk);
}


static void what_is_claimed_is_sent_by_commit_only(void** state) {
  static const struct shape shape = {0, 4, 1, 1, 2};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  uvshm_message_t message = {0};
  struct desk desk;
  size_t one = 1;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  message.size = 100;
  assert_int_equal(uvshm__channel_claim(&writer, &message, &one), 0);
  assert_int_equal(one, 1);
  assert_int_equal(
      ((unsigned char*) message.bytes - desk.peers[0]->core.base) % 64, 0);
  assert_int_equal(uvshm__channel_claim(&writer, &message, &one), UV_EINVAL);
  assert_int_equal(send_one(&writer, 0), UV_EINVAL);
  must_find_nothing(&reader);
  assert_int_equal(uvshm__channel_commit(&writer, NULL, 0), 0);
  must_find_nothing(&reader);
  assert_int_equal(uvshm__channel_commit(&writer, &message, 1), UV_EINVAL);

  message.size = 100;
  assert_int_equal(uvshm__channel_claim(&writer, &message, &one), 0);
  message.size = 101;
  assert_int_equal(uvshm__channel_commit(&writer, &message, 1), UV_EINVAL);
  fill(message.bytes, 0);
  message.size = size_of(0);
  assert_int_equal(uvshm__channel_commit(&writer, &message, 1), 0);
  must_recv(&reader, 0, 0);
  desk_finish(&desk);
}

/* ---- being passed -------------------------------------------------------- */

static void who_was_passed_learns_how_many_he_missed(void** state) {
  static const struct shape shape = {0, 8, 1, 2, 2};
  uvshm_channel_end_t facts = {0};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end slow;
  struct uvshm__channel_end fast;
  uvshm_channel_info_t info = {0};
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &slow);
  join_reader(&desk, 2, &fast);
  for (i = 0; i < 8; i++) must_send(&writer, i);
  must_recv(&slow, 0, 0);
  for (i = 0; i < 8; i++) must_recv(&fast, i, 0);
  for (i = 8; i < 29; i++) {
    must_send(&writer, i);
    must_recv(&fast, i, 0);
  }
  uvshm__topic_kind.end_info(&desk.channels[0], slow.index, &facts);
  assert_int_equal(facts.lag, 8);
  assert_true(uvshm__topic_readable(&slow));
  must_recv(&slow, 21, 20);
  must_recv(&slow, 22, 0);
  uvshm__topic_kind.info(&desk.channels[0], &info);
  assert_int_equal(info.sent, 29);
  assert_int_equal(info.depth, 6);
  assert_int_equal(info.lost, 20);
  assert_int_equal(info.received, 29 + 3);
  desk_finish(&desk);
}


static void who_is_stopped_stops_nobody(void** state) {
  static const struct shape shape = {0, 1, 1, 3, 4};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end stopped[3];
  uvshm_message_t held[3][4];
  struct desk desk;
  uint64_t number = 0;
  uint32_t reader;
  uint32_t loan;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  for (reader = 0; reader < 3; reader++)
    join_reader(&desk, 1 + reader, &stopped[reader]);
  /* Each holds as much as it can, and goes no further. */
  for (loan = 0; loan < 4; loan++)
    for (reader = 0; reader < 3; reader++) {
      must_send(&writer, number++);
      assert_int_equal(peek_one(&stopped[reader], &held[reader][loan]), 0);
      assert_int_equal(held[reader][loan].sequence, number - 1);
    }
  for (; number < 100; number++) must_send(&writer, number);
  for (reader = 0; reader < 3; reader++) {
    for (loan = 0; loan < 4; loan++)
      assert_int_equal(
          number_of(held[reader][loan].bytes, held[reader][loan].size),
          held[reader][loan].sequence);
    assert_int_equal(peek_one(&stopped[reader], &held[0][0]), UV_ENOBUFS);
    /* Without a pin it still gets the last one. */
    must_recv(&stopped[reader], 99, 99 - 1 - held[reader][3].sequence);
  }
  desk_finish(&desk);
}

/* ---- where one begins ---------------------------------------------------- */

static void late_ones_begin_where_they_say(void** state) {
  static const struct shape shape = {0, 8, 1, 8, 2};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST, 0);
  must_find_nothing(&reader);
  for (i = 0; i < 5; i++) must_send(&writer, i);
  must_recv(&reader, 0, 0);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST, 0);
  must_recv(&reader, 0, 0);
  for (; i < 20; i++) must_send(&writer, i);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST, 0);
  must_recv(&reader, 12, 0);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_SEQUENCE, 15);
  must_recv(&reader, 15, 0);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_SEQUENCE, 3);
  must_recv(&reader, 12, 0);
  join_as(&desk, 1, &reader, UVSHM_READER | UVSHM_CHANNEL_SEQUENCE, 37);
  must_find_nothing(&reader);
  for (; i < 37; i++) must_send(&writer, i);
  must_find_nothing(&reader);
  for (; i < 40; i++) must_send(&writer, i);
  must_recv(&reader, 37, 0);
  join_reader(&desk, 1, &reader);
  must_find_nothing(&reader);
  must_send(&writer, 40);
  must_recv(&reader, 40, 0);
  desk_finish(&desk);
}

/* ---- pins ---------------------------------------------------------------- */

static void what_is_peeked_stays_until_it_is_released(void** state) {
  static const struct shape shape = {0, 2, 1, 1, 3};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  uvshm_message_t held[3];
  uvshm_message_t message;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  for (i = 0; i < 3; i++) {
    must_send(&writer, i);
    must_peek(&reader, i, &held[i]);
  }
  for (; i < 50; i++) must_send(&writer, i);
  for (i = 0; i < 3; i++)
    assert_int_equal(number_of(held[i].bytes, held[i].size), i);
  assert_int_equal(uvshm__channel_release(&reader, &held[1], 1), 0);
  assert_int_equal(uvshm__channel_release(&reader, &held[1], 1), UV_EINVAL);
  must_peek(&reader, 48, &message);
  for (i = 50; i < 100; i++) must_send(&writer, i);
  assert_int_equal(number_of(held[0].bytes, held[0].size), 0);
  assert_int_equal(number_of(held[2].bytes, held[2].size), 2);
  assert_int_equal(number_of(message.bytes, message.size), 48);
  assert_int_equal(uvshm__channel_release(&reader, &message, 1), 0);
  /* Taken back, it comes again. */
  must_peek(&reader, 98, &message);
  assert_int_equal(uvshm__topic_kind.unpeek(&reader, &message), 0);
  must_recv(&reader, 98, 49);
  desk_finish(&desk);
}


static void pins_of_the_dead_go(void** state) {
  static const struct shape shape = {0, 2, 1, 1, 3};
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  uvshm_message_t message;
  struct desk desk;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  must_send(&writer, 0);
  must_peek(&reader, 0, &message);
  fake_kill(desk.peers[1]);
  for (i = 1; i < 10; i++) must_send(&writer, i);
  assert_int_equal(uvshm__reap_all(&desk.peers[0]->core), 1);
  join_reader(&desk, 2, &reader);
  for (i = 0; i < 3; i++)
    assert_int_equal(uvshm__a64_load_relaxed(
                         &uvshm__topic_pins(&desk.channels[0].u.topic, 0)[i]),
                     0);
  must_send(&writer, 10);
  must_recv(&reader, 10, 0);
  desk_finish(&desk);
}

/* ---- several writers ----------------------------------------------------- */

static void numbers_have_no_gap_whoever_sends(void** state) {
  static const struct shape shape = {0, 3, 3, 1, 1};
  struct uvshm__channel_end writers[3];
  struct uvshm__channel_end reader;
  struct desk desk;
  uint64_t number = 0;
  uint32_t round;

  (void) state;
  desk_begin(&desk, &shape);
  join_reader(&desk, 3, &reader);
  for (round = 0; round < 3; round++)
    join_writer(&desk, round, &writers[round]);
  for (round = 0; round < 200; round++) {
    must_send(&writers[round * 7 % 3], number++);
    must_send(&writers[round % 3], number++);
    must_recv(&reader, number - 2, 0);
    must_recv(&reader, number - 1, 0);
  }
  desk_finish(&desk);
}


/* Whoever is killed in the middle of an exchange has left his hand as it was:
 * here that is done to one by hand. */
static void a_late_hand_is_brought_up_to_date(void** state) {
  static const struct shape shape = {0, 2, 2, 1, 1};
  struct uvshm__channel_end writers[2];
  struct uvshm__channel_end reader;
  struct uvshm__topic* topic;
  struct desk desk;
  uint64_t before;
  uint64_t after;
  uint64_t i;

  (void) state;
  desk_begin(&desk, &shape);
  topic = &desk.channels[0].u.topic;
  join_writer(&desk, 0, &writers[0]);
  join_writer(&desk, 1, &writers[1]);
  join_as(&desk, 2, &reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST, 0);
  before = uvshm__a64_load_relaxed(&topic->hands[0].word);
  must_send(&writers[0], 0);
  after = uvshm__a64_load_relaxed(&topic->hands[0].word);
  uvshm__a64_store_relaxed(&topic->hands[0].word, before);
  uvshm__a64_store_relaxed(&topic->hdr->tail, 2);
  assert_int_equal(uvshm__channel_check(&desk.peers[0]->core, &desk.ref), 0);
  must_recv(&reader, 0, 0);
  for (i = 1; i < 3; i++) {
    must_send(&writers[1], i);
    must_recv(&reader, i, 0);
  }
  assert_int_equal(uvshm__a64_load_relaxed(&topic->hands[0].word), after);
  for (; i < 20; i++) must_send(&writers[i % 2], i);
  desk_finish(&desk);
}

/* ---- after very many messages -------------------------------------------- */

/* As if `tail` messages had been sent. */
static void wind(struct desk* desk, uint64_t tail) {
  struct uvshm__topic* topic = &desk->channels[0].u.topic;
  uint64_t count = topic->slots_count;
  uint64_t i;

  tail += count;
  for (i = 0; i < count; i++)
    uvshm__a64_store_relaxed(
        &topic->slots[uvshm__topic_slot_of(topic, tail + i)],
        uvshm__topic_word(tail + i - count, (uint32_t) i));
  uvshm__a64_store_relaxed(&topic->hdr->tail, tail);
  uvshm__a64_store_relaxed(&topic->hdr->limit,
                           (tail + count) & UVSHM__TOPIC_COUNT);
}


static void numbers_go_on_beyond_40_bits(void** state) {
  static const struct shape shapes[] = {{0, 5, 1, 2, 2},
                                        {UVSHM__CHANNEL_LOSSLESS, 5, 1, 2, 2}};
  const uint64_t first = (UINT64_C(1) << 40) - 40;
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct desk desk;
  uint32_t which;
  uint64_t i;

  (void) state;
  for (which = 0; which < 2; which++) {
    desk_begin(&desk, &shapes[which]);
    wind(&desk, first);
    join_writer(&desk, 0, &writer);
    join_reader(&desk, 1, &reader);
    for (i = first; i < first + 200; i++) {
      must_send(&writer, i);
      must_recv(&reader, i, 0);
      must_find_nothing(&reader);
    }
    assert_true((i & UVSHM__TOPIC_COUNT) < 1000);
    desk_finish(&desk);
  }
}


static void who_slept_for_years_is_passed_too(void** state) {
  static const struct shape shape = {0, 5, 1, 2, 2};
  const uint64_t later = (UINT64_C(1) << 41) + 3;
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
  struct desk desk;

  (void) state;
  desk_begin(&desk, &shape);
  join_writer(&desk, 0, &writer);
  join_reader(&desk, 1, &reader);
  must_send(&writer, 0);
  must_recv(&reader, 0, 0);
  wind(&desk, later);
  must_send(&writer, later);
  assert_true(uvshm__topic_readable(&reader));
  must_send(&writer, later + 1);
  /* What was wound on holds nothing, but counts. */
  assert_int_equal(uvshm__topic_kind.writable(&writer, 1), 1);
  fake_free(&desk.fake);
}

/* ---- any bytes ----------------------------------------------------------- */

/* Nothing may end the program or go on for ever; what calls say does not
 * matter. */
static void try_all(struct desk* desk, uint64_t* random) {
  struct uvshm__channel_end ends[2];
  uvshm_channel_info_t info = {0};
  unsigned char bytes[TOPIC_SIZE] = {0};
  uvshm_message_t message = {0};
  size_t one = 1;
  uint32_t i;

  for (i = 0; i < 2; i++) {
    memset(&ends[i], 0, sizeof(ends[i]));
    ends[i].channel = &desk->channels[i];
    ends[i].writer = i == 0;
    ends[i].flags = fake_random(random) % 2 ? UVSHM_CHANNEL_OLDEST : 0;
    if (uvshm__channel_join(&desk->lanes[i], &ends[i], 2000) < 0) return;
  }
  for (i = 0; i < 8; i++) {
    (void) send_one(&ends[0], i);
    message.bytes = bytes;
    message.size = sizeof(bytes);
    one = 1;
    (void) uvshm__channel_recv(&ends[1], &message, &one);
    one = 1;
    if (uvshm__channel_peek(&ends[1], &message, &one) == 0 && one == 1)
      (void) uvshm__channel_release(&ends[1], &message, 1);
    (void) uvshm__topic_readable(&ends[1]);
    (void) uvshm__topic_writable(&ends[0], 1);
    (void) uvshm__topic_drained(&ends[0]);
  }
  (void) uvshm__channel_check(&desk->peers[0]->core, &desk->ref);
  uvshm__topic_kind.info(&desk->channels[0], &info);
  for (i = 0; i < 2; i++) uvshm__channel_leave(&ends[i]);
}


static void any_bytes_are_survived_and_mended(void** state) {
  static const struct shape shapes[] = {{0, 4, 2, 2, 2},
                                        {UVSHM__CHANNEL_LOSSLESS, 4, 2, 2, 2}};
  uint64_t random = fake_seed();
  struct uvshm__channel_end ends[2];
  struct uvshm__topic* topic;
  struct desk desk;
  uvshm__a64_t* words;
  uint64_t count;
  uint32_t round;
  uint32_t i;

  (void) state;
  for (round = 0; round < 300; round++) {
    desk_begin(&desk, &shapes[round % 2]);
    topic = &desk.channels[0].u.topic;
    words = (uvshm__a64_t*) (void*) desk.channels[0].area;
    count = (uint64_t) (topic->messages - desk.channels[0].area) / 8;
    for (i = 0; i <= round % 7 * 5; i++)
      uvshm__a64_store_relaxed(
          &words[fake_random(&random) % count],
          fake_random(&random) >> fake_random(&random) % 64);
    try_all(&desk, &random);
    uvshm__topic_reset(&desk.channels[0]);
    assert_int_equal(uvshm__channel_check(&desk.peers[0]->core, &desk.ref), 0);
    join_writer(&desk, 0, &ends[0]);
    join_reader(&desk, 1, &ends[1]);
    assert_int_equal(send_one(&ends[0], 7), 0);
    {
      uvshm_message_t message;
      uint64_t number = 0;

      assert_int_equal(recv_one(&ends[1], &number, &message), 0);
      assert_int_equal(number, 7);
    }
    desk_finish(&desk);
  }
}


static void impossible_sizes_are_refused(void** state) {
  struct uvshm__channel_facts facts;

  (void) state;
  memset(&facts, 0, sizeof(facts));
  facts.kind = UVSHM__CHANNEL_TOPIC;
  facts.size_max = 64;
  facts.writers = 1;
  facts.readers = 1;
  facts.loans = 1;
  assert_int_equal(uvshm__channel_plan(&facts, 0, 0), 0);
  assert_int_equal(facts.capacity, 4096);
  facts.capacity = 0;
  assert_int_equal(uvshm__channel_plan(&facts, 0, 1), 0);
  assert_int_equal(facts.capacity, 1);
  facts.capacity = 0;
  assert_int_equal(uvshm__channel_plan(&facts, 1 << 24, 0), UV_EINVAL);
  facts.capacity = 0;
  facts.flags = UVSHM__CHANNEL_REDELIVER;
  assert_int_equal(uvshm__channel_plan(&facts, 1, 0), UV_EINVAL);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reader_gets_every_message_whole_and_in_order),
      cmocka_unit_test(what_has_no_room_stays_the_next_one),
      cmocka_unit_test(a_batch_is_one_call),
      cmocka_unit_test(what_is_claimed_is_sent_by_commit_only),
      cmocka_unit_test(who_was_passed_learns_how_many_he_missed),
      cmocka_unit_test(who_is_stopped_stops_nobody),
      cmocka_unit_test(late_ones_begin_where_they_say),
      cmocka_unit_test(what_is_peeked_stays_until_it_is_released),
      cmocka_unit_test(pins_of_the_dead_go),
      cmocka_unit_test(numbers_have_no_gap_whoever_sends),
      cmocka_unit_test(a_late_hand_is_brought_up_to_date),
      cmocka_unit_test(numbers_go_on_beyond_40_bits),
      cmocka_unit_test(who_slept_for_years_is_passed_too),
      cmocka_unit_test(any_bytes_are_survived_and_mended),
      cmocka_unit_test(impossible_sizes_are_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
