/* SPDX-License-Identifier: MIT */

/* A death at every store of all that changes a topic: messages that were sent
 * before are there, the one that was being sent is there whole or not at all,
 * nothing is pinned by the dead, every chunk is in one place, and each hand can
 * go on. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/directory.h"
#include "core/topic_inside.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <string.h>

#define SIZE 48u
#define WRITERS 3u
#define READERS 3u
#define LOANS 2u

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  struct uvshm__channel channels[FAKE_PEERS];
  struct uvshm__channel_end actor;
  struct uvshm__channel_end earlier;
  struct uvshm__channel_end writer; /* the bystander's, as the next one */
  struct uvshm__channel_end reader;
  uvshm_message_t held[LOANS]; /* by the bystander's reader */
  uint32_t holds;
  uint64_t first; /* messages sent before */
  uint64_t sends; /* how many more the actor sends */
  uint32_t lossless;
};

static struct lab lab;


/* ---- messages: a number, again and again --------------------------------- */

static size_t size_of(uint64_t number) {
  return 8 + (size_t) (number % 6) * 8;
}


static void fill(unsigned char* bytes, uint64_t number) {
  size_t i;

  for (i = 0; i < size_of(number); i += 8) memcpy(bytes + i, &number, 8);
}


static uint64_t number_of(const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  uint64_t number;
  uint64_t word;
  size_t i;

  memcpy(&number, at, 8);
  lab_check(size == size_of(number), "a size of another message");
  for (i = 8; i < size; i += 8) {
    memcpy(&word, at + i, 8);
    lab_check(word == number, "a torn message");
  }
  return number;
}


/* The number that it will have, if nobody else sends. */
static uint64_t sent(const struct lab* l) {
  const struct uvshm__topic* topic = &l->channels[WORLD_SECOND].u.topic;
  uint64_t tail = uvshm__a64_load_relaxed(&topic->hdr->tail);

  /* The tail may be late. */
  tail +=
      uvshm__topic_ahead(uvshm__a64_load_relaxed(
                             &topic->slots[uvshm__topic_slot_of(topic, tail)]),
                         tail) == 0;
  return tail - topic->slots_count;
}


static int try_send(struct uvshm__channel_end* end, uint64_t number) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  size_t one = 1;

  fill(bytes, number);
  memset(&message, 0, sizeof(message));
  message.bytes = bytes;
  message.size = size_of(number);
  return uvshm__channel_send(end, &message, &one);
}


static int try_recv(struct uvshm__channel_end* end,
                    uint64_t* number,
                    uvshm_message_t* message) {
  unsigned char bytes[SIZE];
  size_t one = 1;
  int err;

  memset(message, 0, sizeof(*message));
  message->bytes = bytes;
  message->size = sizeof(bytes);
  err = uvshm__channel_recv(end, message, &one);
  if (err == 0) *number = number_of(bytes, message->size);
  return err;
}

/* ---- the start ----------------------------------------------------------- */

static void join(struct lab* l,
                 struct uvshm__lane* lane,
                 struct uvshm__channel_end* end,
                 uint32_t flags) {
  memset(end, 0, sizeof(*end));
  end->channel = &l->channels[lane->core->slot];
  end->writer = (flags & UVSHM_WRITER) != 0;
  end->flags = flags;
  world_ok(uvshm__channel_join(lane, end, 2000), "join");
}


static void open_channel(struct lab* l, uint32_t slot) {
  struct uvshm__core* core = world_core(&l->world, slot);

  world_ok(uvshm__directory_open(core, &l->ref), "open");
  world_ok(
      uvshm__channel_attach(
          core, uvshm__directory_body(core, l->ref.index), &l->channels[slot]),
      "attach");
}


static void make_channel(struct lab* l, uint64_t capacity) {
  struct uvshm__lane* lane = &l->world.bystander;
  struct uvshm__channel_facts facts;
  struct uvshm__directory_spec spec;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  facts.kind = UVSHM__CHANNEL_TOPIC;
  facts.flags = l->lossless ? UVSHM__CHANNEL_LOSSLESS : 0;
  facts.size_max = SIZE;
  facts.writers = WRITERS;
  facts.readers = READERS;
  facts.loans = LOANS;
  world_ok(uvshm__channel_plan(&facts, capacity, 0), "plan");
  memset(&spec, 0, sizeof(spec));
  spec.name = "topic";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  world_ok(uvshm__channel_format(lane, &facts, &body, &spec.blocks[0]),
           "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, &l->ref, &made), "make");
}


/* The bystander has a writer, and a reader of all messages. */
static void begin(struct lab* l,
                  uint64_t capacity,
                  uint64_t first,
                  uint64_t sends,
                  int lossless) {
  uint64_t i;

  memset(l, 0, sizeof(*l));
  l->first = first;
  l->sends = sends;
  l->lossless = lossless != 0;
  world_build(&l->world, 1 << 16, 1 << 16);
  world_join_earlier(&l->world);
  make_channel(l, capacity);
  open_channel(l, WORLD_BYSTANDER);
  open_channel(l, WORLD_ACTOR);
  open_channel(l, WORLD_EARLIER);
  open_channel(l, WORLD_SECOND);
  join(l, &l->world.bystander, &l->writer, UVSHM_WRITER);
  join(l, &l->world.bystander, &l->reader, UVSHM_READER | UVSHM_CHANNEL_OLDEST);
  for (i = 0; i < first; i++) world_ok(try_send(&l->writer, i), "send");
}


/* The bystander peeks at the next message and keeps it. */
static void hold(struct lab* l) {
  size_t one = 1;

  world_ok(uvshm__channel_peek(&l->reader, &l->held[l->holds], &one), "peek");
  l->holds++;
}


static void ready(struct lab* l, int actor_writes) {
  if (actor_writes) join(l, &l->world.actor, &l->actor, UVSHM_WRITER);
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}


static void build_empty(void* world) {
  begin(world, 3, 0, 2, 0);
  ready(world, 1);
}


static void build_round(void* world) {
  begin(world, 3, 4, 5, 0);
  ready(world, 1);
}


/* What comes into the actor's hand is pinned. */
static void build_pinned(void* world) {
  struct lab* l = world;

  begin(l, 1, 1, 4, 0);
  hold(l);
  world_ok(try_send(&l->writer, 1), "send");
  hold(l);
  l->first = 2;
  ready(l, 1);
}


/* Another writer is killed with the actor: before that it had sent, but neither
 * its hand nor the tail say so. */
static void build_late(void* world) {
  struct lab* l = world;
  struct uvshm__topic* topic = &l->channels[WORLD_EARLIER].u.topic;
  uint64_t hand;
  uint64_t tail;

  begin(l, 2, 2, 4, 0);
  join(l, &l->world.earlier, &l->earlier, UVSHM_WRITER);
  hand = uvshm__a64_load_relaxed(&topic->hands[l->earlier.index].word);
  tail = uvshm__a64_load_relaxed(&topic->hdr->tail);
  world_ok(try_send(&l->earlier, 2), "send");
  uvshm__a64_store_relaxed(&topic->hands[l->earlier.index].word, hand);
  uvshm__a64_store_relaxed(&topic->hdr->tail, tail);
  l->first = 3;
  ready(l, 1);
}


/* The same in the middle of an exchange with a spare. */
static void build_late_spare(void* world) {
  struct lab* l = world;
  struct uvshm__topic* topic = &l->channels[WORLD_EARLIER].u.topic;
  uvshm_message_t message = {0};
  size_t one = 1;
  uint64_t hand;

  begin(l, 1, 1, 5, 0);
  hold(l);
  join(l, &l->world.earlier, &l->earlier, UVSHM_WRITER);
  world_ok(try_send(&l->earlier, 1), "send");
  hand = uvshm__a64_load_relaxed(&topic->hands[l->earlier.index].word);
  message.size = SIZE;
  world_ok(uvshm__channel_claim(&l->earlier, &message, &one), "claim");
  lab_check(
      uvshm__a64_load_relaxed(&topic->hands[l->earlier.index].word) != hand,
      "no exchange");
  uvshm__a64_store_relaxed(&topic->hands[l->earlier.index].word, hand);
  hold(l);
  l->first = 2;
  ready(l, 1);
}


static void build_reader(void* world) {
  struct lab* l = world;

  begin(l, 3, 2, 0, 0);
  join(l, &l->world.actor, &l->actor, UVSHM_READER | UVSHM_CHANNEL_OLDEST);
  ready(l, 0);
}


/* The actor reads and has been passed. */
static void build_passed(void* world) {
  struct lab* l = world;
  uint64_t i;

  begin(l, 3, 1, 0, 0);
  join(l, &l->world.actor, &l->actor, UVSHM_READER);
  for (i = 1; i < 9; i++) world_ok(try_send(&l->writer, i), "send");
  l->first = 9;
  ready(l, 0);
}


static void build_none(void* world) {
  begin(world, 3, 5, 0, 0);
  ready(world, 0);
}


/* The limit is reached, and has to be moved. */
static void build_lossless(void* world) {
  struct lab* l = world;
  uvshm_message_t message;
  uint64_t number;
  uint32_t i;

  begin(l, 4, 4, 4, 1);
  for (i = 0; i < 4; i++)
    world_ok(try_recv(&l->reader, &number, &message), "recv");
  ready(l, 1);
}


static void build_lossless_reader(void* world) {
  struct lab* l = world;

  begin(l, 4, 3, 0, 1);
  join(l, &l->world.actor, &l->actor, UVSHM_READER | UVSHM_CHANNEL_OLDEST);
  ready(l, 0);
}


static void build_lossless_none(void* world) {
  begin(world, 4, 4, 0, 1);
  ready(world, 0);
}

/* ---- what the actor does ------------------------------------------------- */

static void op_send(void* world) {
  struct lab* l = world;
  uint64_t i;

  for (i = 0; i < l->sends; i++) {
    world_ok(try_send(&l->actor, l->first + i), "send");
    lab_done();
  }
}


/* In place; every second one is given back first. */
static void op_claim(void* world) {
  struct lab* l = world;
  uvshm_message_t message = {0};
  size_t one = 1;
  uint64_t i;

  for (i = 0; i < l->sends; i++) {
    message.size = SIZE;
    world_ok(uvshm__channel_claim(&l->actor, &message, &one), "claim");
    if (i % 2 == 1) {
      memset(message.bytes, 0xee, 20);
      world_ok(uvshm__channel_commit(&l->actor, NULL, 0), "abort");
      world_ok(uvshm__channel_claim(&l->actor, &message, &one), "claim");
    }
    fill(message.bytes, l->first + i);
    message.size = size_of(l->first + i);
    world_ok(uvshm__channel_commit(&l->actor, &message, 1), "commit");
    lab_done();
  }
}


static void op_recv(void* world) {
  struct lab* l = world;
  uvshm_message_t message;
  uint64_t number;
  uint32_t i;

  for (i = 0; i < 2; i++)
    world_ok(try_recv(&l->actor, &number, &message), "recv");
}


static void op_peek(void* world) {
  struct lab* l = world;
  uvshm_message_t held[LOANS];
  size_t count = LOANS;

  world_ok(uvshm__channel_peek(&l->actor, held, &count), "peek");
  lab_check(count == LOANS, "not all");
  world_ok(uvshm__channel_release(&l->actor, &held[1], 1), "release");
  world_ok(uvshm__channel_release(&l->actor, &held[0], 1), "release");
}


static void op_join_writer(void* world) {
  struct lab* l = world;

  join(l, &l->world.actor, &l->actor, UVSHM_WRITER);
  uvshm__channel_leave(&l->actor);
}


static void op_join_reader(void* world) {
  struct lab* l = world;
  uvshm_message_t held;
  size_t one = 1;

  join(l, &l->world.actor, &l->actor, UVSHM_READER | UVSHM_CHANNEL_OLDEST);
  if (uvshm__channel_peek(&l->actor, &held, &one) < 0) l->actor.tries = 0;
  uvshm__channel_leave(&l->actor);
}

/* ---- afterwards ---------------------------------------------------------- */

static void verify_ends(struct lab* l) {
  const struct uvshm__channel* channel = &l->channels[WORLD_SECOND];
  uint32_t slot;
  uint32_t i;
  uint32_t k;

  for (i = 0; i < WRITERS + READERS; i++) {
    slot = uvshm__channel_peer(channel, i);
    lab_check(slot >= FAKE_PEERS || slot == WORLD_BYSTANDER,
              "end %u is still a dead peer's",
              (unsigned int) i);
    if (slot < FAKE_PEERS || i < WRITERS) continue;
    for (k = 0; k < LOANS; k++)
      lab_check(uvshm__a64_load_relaxed(
                    &uvshm__topic_pins(&channel->u.topic, i - WRITERS)[k]) == 0,
                "reader %u is gone and has a pin",
                (unsigned int) (i - WRITERS));
  }
}


static void verify_held(struct lab* l) {
  uint32_t i;

  for (i = 0; i < l->holds; i++)
    lab_check(
        number_of(l->held[i].bytes, l->held[i].size) == l->held[i].sequence,
        "what is held was overwritten");
}


/* All that is there, in order; what was missed adds up. */
static void drain(struct lab* l, uint64_t until) {
  uint64_t next =
      l->reader.u.topic.position - l->reader.channel->u.topic.slots_count;
  uvshm_message_t message;
  uint64_t number = 0;

  while (next < until) {
    world_ok(try_recv(&l->reader, &number, &message), "recv");
    lab_check(message.sequence == next + message.missed,
              "message %u after %u, %u missed",
              (unsigned int) message.sequence,
              (unsigned int) next,
              (unsigned int) message.missed);
    lab_check(number == message.sequence,
              "message %u says %u",
              (unsigned int) message.sequence,
              (unsigned int) number);
    lab_check(!l->lossless || message.missed == 0, "one was lost");
    next = message.sequence + 1;
  }
  lab_check(try_recv(&l->reader, &number, &message) == UV_EAGAIN,
            "a message that nobody sent");
}


/* Each hand sends so much that each chunk is used. */
static void verify_life(struct lab* l) {
  struct uvshm__channel_end others[WRITERS - 1];
  uint64_t next = sent(l);
  uint32_t round;
  uint32_t i;

  for (i = 0; i < WRITERS - 1; i++)
    join(l, &l->world.bystander, &others[i], UVSHM_WRITER);
  for (round = 0; round < 6; round++) {
    for (i = 0; i < WRITERS - 1; i++)
      world_ok(try_send(&others[i], next++), "send again");
    world_ok(try_send(&l->writer, next++), "send again");
    verify_held(l);
    drain(l, next);
  }
  lab_check(uvshm__topic_check(&l->channels[WORLD_SECOND]) == 0,
            "afterwards: %s",
            uvshm__error_text());
  for (i = 0; i < WRITERS - 1; i++) uvshm__channel_leave(&others[i]);
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;
  uint64_t count = sent(l);

  world_verify(&l->world);
  lab_check(count == l->first + done || count == l->first + done + 1,
            "%u messages after %u",
            (unsigned int) count,
            (unsigned int) (l->first + done));
  lab_check(count <= l->first + l->sends, "a message that nobody sent");
  verify_ends(l);
  verify_held(l);
  drain(l, count);
  verify_life(l);
}


static int try_peek(struct uvshm__channel_end* end,
                    uint64_t* number,
                    uvshm_message_t* message) {
  size_t one = 1;
  int err = uvshm__channel_peek(end, message, &one);

  if (err < 0) return err;
  *number = number_of(message->bytes, message->size);
  return uvshm__channel_release(end, message, 1);
}


/* Meanwhile, and the ring goes on under it. */
static void read_all(void* world) {
  struct lab* l = world;
  uvshm_message_t message;
  uint64_t number = 0;
  uint32_t i;

  for (i = 0; i < 4; i++) {
    if ((i % 2 == 0 || l->holds == LOANS
             ? try_recv(&l->reader, &number, &message)
             : try_peek(&l->reader, &number, &message)) < 0)
      break;
    lab_check(number == message.sequence,
              "message %u says %u",
              (unsigned int) message.sequence,
              (unsigned int) number);
  }
  verify_held(l);
}


#define CASE(name, start, run, read)                                           \
 WORLD_CASE(name, &lab, start, run, verify, read)

CASE(send_the_first_messages, build_empty, op_send, read_all)
CASE(send_over_old_messages, build_round, op_send, read_all)
CASE(send_while_messages_are_held, build_pinned, op_send, read_all)
CASE(send_after_a_late_writer, build_late, op_send, read_all)
CASE(send_after_a_late_exchange, build_late_spare, op_send, read_all)
CASE(send_in_place, build_round, op_claim, read_all)
CASE(receive, build_reader, op_recv, NULL)
CASE(receive_after_being_passed, build_passed, op_recv, NULL)
CASE(read_in_place, build_reader, op_peek, NULL)
CASE(read_in_place_after_being_passed, build_passed, op_peek, NULL)
CASE(writer_comes_and_goes, build_none, op_join_writer, NULL)
CASE(reader_comes_and_goes, build_none, op_join_reader, NULL)
CASE(lossless_send, build_lossless, op_send, read_all)
CASE(lossless_send_in_place, build_lossless, op_claim, read_all)
CASE(lossless_receive, build_lossless_reader, op_recv, NULL)
CASE(lossless_read_in_place, build_lossless_reader, op_peek, NULL)
CASE(lossless_reader_comes_and_goes, build_lossless_none, op_join_reader, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(send_the_first_messages),
      cmocka_unit_test(send_over_old_messages),
      cmocka_unit_test(send_while_messages_are_held),
      cmocka_unit_test(send_after_a_late_writer),
      cmocka_unit_test(send_after_a_late_exchange),
      cmocka_unit_test(send_in_place),
      cmocka_unit_test(receive),
      cmocka_unit_test(receive_after_being_passed),
      cmocka_unit_test(read_in_place),
      cmocka_unit_test(read_in_place_after_being_passed),
      cmocka_unit_test(writer_comes_and_goes),
      cmocka_unit_test(reader_comes_and_goes),
      cmocka_unit_test(lossless_send),
      cmocka_unit_test(lossless_send_in_place),
      cmocka_unit_test(lossless_receive),
      cmocka_unit_test(lossless_read_in_place),
      cmocka_unit_test(lossless_reader_comes_and_goes),
  };

  return cmocka_run_group_tests_name("crash-topic", tests, NULL, NULL);
}
