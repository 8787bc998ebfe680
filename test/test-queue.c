/* SPDX-License-Identifier: MIT */

/* The queue kind of channels on plain memory, with peers that die when we say
 * so, at steps that we choose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/contents.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/queue_inside.h"
#include "core/reap.h"
#include "core/reset.h"
#include "fake.h"

#include <string.h>

#define TEST(sentence) static void sentence(void** state)

#define SIZE 100u
#define CAPACITY 6u
#define LOANS 3u
#define ENDS 4u

static struct fake fake;
static struct uvshm__directory_ref ref;

/* One of each for peers 0 to 3. */
static struct uvshm__lane lanes[ENDS];
static struct uvshm__channel channels[ENDS];
static struct uvshm__channel_end writers[ENDS];
static struct uvshm__channel_end readers[ENDS];


static void make_channel(uint32_t flags) {
  struct uvshm__channel_facts facts;
  struct uvshm__directory_spec spec;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  memset(&spec, 0, sizeof(spec));
  facts.kind = UVSHM__CHANNEL_QUEUE;
  facts.flags = flags;
  facts.size_max = SIZE;
  facts.writers = ENDS;
  facts.readers = ENDS;
  facts.loans = LOANS;
  assert_int_equal(uvshm__channel_plan(&facts, CAPACITY, 0), 0);
  assert_int_equal(facts.capacity, CAPACITY);
  assert_int_equal(
      uvshm__channel_format(&lanes[0], &facts, &body, &spec.blocks[0]), 0);
  spec.name = "queue";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  assert_int_equal(uvshm__directory_make(&lanes[0], &spec, 100, &ref, &made),
                   0);
  assert_int_equal(made, 1);
}


static void join(uint32_t slot) {
  struct uvshm__core* core = &fake.peers[slot].core;

  assert_int_equal(uvshm__directory_open(core, &ref), 0);
  assert_int_equal(
      uvshm__channel_attach(
          core, uvshm__directory_body(core, ref.index), &channels[slot]),
      0);
  writers[slot].channel = &channels[slot];
  writers[slot].writer = 1;
  readers[slot].channel = &channels[slot];
  assert_int_equal(uvshm__channel_join(&lanes[slot], &writers[slot], 2000), 0);
  assert_int_equal(uvshm__channel_join(&lanes[slot], &readers[slot], 2000), 0);
}


static void begin(uint32_t flags) {
  uint32_t i;

  memset(lanes, 0, sizeof(lanes));
  memset(channels, 0, sizeof(channels));
  memset(writers, 0, sizeof(writers));
  memset(readers, 0, sizeof(readers));
  fake_make_sized(&fake, UVSHM_KIND_SEGMENT, 1 << 16, 1 << 16);
  for (i = 0; i < ENDS; i++) {
    fake_join(&fake, i);
    assert_int_equal(uvshm__lane_claim(&fake.peers[i].core, &lanes[i]), 0);
    if (i == 0) make_channel(flags);
    join(i);
  }
}


static int set_up(void** state) {
  (void) state;
  begin(0);
  return 0;
}


static int set_up_redelivery(void** state) {
  (void) state;
  begin(UVSHM__CHANNEL_REDELIVER);
  return 0;
}


static int tear_down(void** state) {
  int err = uvshm__channel_check(&fake.peers[0].core, &ref);

  (void) state;
  if (err < 0) print_error("%s\n", uvshm__error_text());
  fake_free(&fake);
  return err;
}


/* ---- messages: a number, and a size that goes with it -------------------- */

static size_t size_of(uint32_t number) {
  return 4 + number * 7 % (SIZE - 3);
}


static void fill(unsigned char* bytes, uint32_t number) {
  memset(bytes, (int) (number & 0xff), size_of(number));
  memcpy(bytes, &number, 4);
}


static int send_number(uint32_t slot, uint32_t number) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  size_t count = 1;

  memset(&message, 0, sizeof(message));
  fill(bytes, number);
  message.bytes = bytes;
  message.size = size_of(number);
  return uvshm__channel_send(&writers[slot], &message, &count);
}


static uint32_t number_in(const uvshm_message_t* message) {
  const unsigned char* bytes = message->bytes;
  uint32_t number;

  memcpy(&number, bytes, 4);
  assert_int_equal(message->size, size_of(number));
  if (message->size > 4) {
    assert_int_equal(bytes[4], number & 0xff);
    assert_int_equal(bytes[message->size - 1], number & 0xff);
  }
  return number;
}


/* The number; + 1000 when it was given before; or the error. */
static int recv_number(uint32_t slot) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  size_t count = 1;
  int err;

  memset(&message, 0, sizeof(message));
  message.bytes = bytes;
  message.size = sizeof(bytes);
  err = uvshm__channel_recv(&readers[slot], &message, &count);
  return err < 0 ? err : (int) number_in(&message) + (message.again ? 1000 : 0);
}


static int peek_number(uint32_t slot, uvshm_message_t* message) {
  size_t count = 1;
  int err = uvshm__channel_peek(&readers[slot], message, &count);

  return err < 0 ? err : (int) number_in(message) + (message->again ? 1000 : 0);
}


static uvshm_channel_info_t info(void) {
  uvshm_channel_info_t facts;

  memset(&facts, 0, sizeof(facts));
  uvshm__queue_kind.info(&channels[0], &facts);
  return facts;
}


static void kill_and_repair(uint32_t slot) {
  fake_kill(&fake.peers[slot]);
  assert_int_equal(uvshm__reap_all(&fake.peers[0].core), 1);
}

static void come_back(uint32_t slot) {
  fake_join(&fake, slot);
  memset(&writers[slot], 0, sizeof(writers[slot]));
  memset(&readers[slot], 0, sizeof(readers[slot]));
  assert_int_equal(uvshm__lane_claim(&fake.peers[slot].core, &lanes[slot]), 0);
  join(slot);
}

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


#define ON(sentence)                                                           \
 cmocka_unit_test_setup_teardown(sentence, set_up, tear_down)
#define AGAIN(sentence)                                                        \
 cmocka_unit_test_setup_teardown(sentence, set_up_redelivery, tear_down)

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
      ON(a_slot_that_names_no_chunk_is_damage_and_can_be_mended),
      ON(hints_may_say_anything),
      cmocka_unit_test(garbage_is_an_error_and_nothing_worse),
      ON(after_a_reboot_there_is_what_was_sent_and_not_received),
  };

  return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
