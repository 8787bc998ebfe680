/* SPDX-License-Identifier: MIT */

/* A death at every store of all that is done with a queue, and of the repair
 * after it: each message is there once, in its place, or with redelivery as one
 * that was given before; what a reader had been given is gone; no chunk is lost;
 * and whoever lives and was in the middle of something goes on. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/directory.h"
#include "core/queue_inside.h"
#include "core/reap.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <stdio.h>
#include <string.h>

#define SIZE 24u
#define CAPACITY 4u
#define LOANS 2u
#define ENDS 4u
#define TOKENS 12u /* 0 to 5 are sent before, 6 and more by the actor */
#define FIRST 6u

/* What becomes of a message. */
enum fate {
  GONE,
  MAY,
  MUST
};

struct lab;

struct scenario {
  const char* name;
  uint32_t before; /* messages that wait at the start */
  uint32_t laps;   /* and that have passed before them */
  void (*prepare)(struct lab* l);
  void (*run)(struct lab* l);
  enum fate (*expect)(const struct lab* l, uint32_t done, uint32_t token);
};

/* A peer, with a writer's end and a reader's. */
struct party {
  struct uvshm__channel channel;
  struct uvshm__channel_end writer;
  struct uvshm__channel_end reader;
};

struct lab {
  struct world world;
  const struct scenario* scenario;
  int redeliver;
  struct uvshm__directory_ref ref;
  struct party actor;
  struct party bystander;
  struct party earlier;
  int has_earlier;
  uint32_t stopped; /* the bystander has 1: noted, 2: taken a message */
  uint32_t in_hand; /* that message */
  uint64_t place;   /* and where it was */
  int contested;    /* one who dies may have noted it too */
  uvshm_message_t held[LOANS];
  uint32_t kept; /* chunks that the bystander will have */
};

static struct lab lab;


static void ok(int err, const char* what) {
  lab_check(err >= 0, "%s: %d, %s", what, err, uvshm__error_text());
}

/* ---- messages ------------------------------------------------------------ */

static size_t size_of(uint32_t token) {
  return 4 + token % 5 * 4;
}


static void fill(void* bytes, uint32_t token) {
  uint32_t i;

  for (i = 0; i < size_of(token); i += 4)
    memcpy((unsigned char*) bytes + i, &token, 4);
}


static int send_token(struct party* party, uint32_t token) {
  unsigned char bytes[SIZE];
  uvshm_message_t message = {0};
  size_t count = 1;

  fill(bytes, token);
  message.bytes = bytes;
  message.size = size_of(token);
  return uvshm__queue_kind.send(&party->writer, &message, &count);
}


static uint32_t token_in(const uvshm_message_t* message) {
  const unsigned char* bytes = message->bytes;
  uint32_t token;
  uint32_t i;

  memcpy(&token, bytes, 4);
  lab_check(token < TOKENS && message->size == size_of(token),
            "message %u of %u bytes",
            (unsigned int) token,
            (unsigned int) message->size);
  for (i = 0; i < message->size; i += 4)
    lab_check(memcmp(bytes, bytes + i, 4) == 0, "a torn message");
  return token;
}


static int recv_token(struct party* party,
                      uvshm_message_t* message,
                      unsigned char* bytes) {
  size_t count = 1;

  memset(message, 0, sizeof(*message));
  message->bytes = bytes;
  message->size = SIZE;
  return uvshm__queue_kind.recv(&party->reader, message, &count);
}

/* ---- the start ----------------------------------------------------------- */

static void make(struct lab* l) {
  struct uvshm__channel_facts facts;
  struct uvshm__directory_spec spec;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  memset(&spec, 0, sizeof(spec));
  facts.kind = UVSHM__CHANNEL_QUEUE;
  facts.flags = l->redeliver ? UVSHM__CHANNEL_REDELIVER : 0;
  facts.size_max = SIZE;
  facts.writers = ENDS;
  facts.readers = ENDS;
  facts.loans = LOANS;
  ok(uvshm__channel_plan(&facts, CAPACITY, 0), "plan");
  ok(uvshm__channel_format(&l->world.bystander, &facts, &body, &spec.blocks[0]),
     "format");
  spec.name = "queue";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  ok(uvshm__directory_make(&l->world.bystander, &spec, 100, &l->ref, &made),
     "make");
}


static void attach(struct lab* l, struct party* party, uint32_t slot) {
  struct uvshm__core* core = world_core(&l->world, slot);

  memset(party, 0, sizeof(*party));
  ok(uvshm__directory_open(core, &l->ref), "open");
  ok(uvshm__channel_attach(
         core, uvshm__directory_body(core, l->ref.index), &party->channel),
     "attach");
  party->writer.channel = &party->channel;
  party->writer.writer = 1;
  party->reader.channel = &party->channel;
}


static void join(struct lab* l,
                 struct party* party,
                 uint32_t slot,
                 struct uvshm__lane* lane) {
  attach(l, party, slot);
  ok(uvshm__channel_join(lane, &party->writer), "join as writer");
  ok(uvshm__channel_join(lane, &party->reader), "join as reader");
}


static void build(void* world) {
  struct lab* l = world;
  const struct scenario* scenario = l->scenario;
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  int redeliver = l->redeliver;
  uint32_t i;

  memset(l, 0, sizeof(*l));
  l->scenario = scenario;
  l->redeliver = redeliver;
  world_build(&l->world, 1 << 16, 1 << 16);
  make(l);
  join(l, &l->bystander, WORLD_BYSTANDER, &l->world.bystander);
  for (i = 0; i < scenario->laps; i++) {
    ok(send_token(&l->bystander, 0), "send");
    ok(recv_token(&l->bystander, &message, bytes), "recv");
  }
  for (i = 0; i < scenario->before; i++)
    ok(send_token(&l->bystander, i), "send");
  join(l, &l->actor, WORLD_ACTOR, &l->world.actor);
  if (scenario->prepare != NULL) scenario->prepare(l);
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}

/* ---- others, in the middle of a step ------------------------------------- */

static void join_earlier(struct lab* l) {
  world_join_earlier(&l->world);
  join(l, &l->earlier, WORLD_EARLIER, &l->world.earlier);
  l->has_earlier = 1;
}


/* As queue_take.c does it. What the slot said. */
static uint64_t note_next(struct party* party, uint64_t* place) {
  const struct uvshm__queue* queue = &party->channel.u.queue;
  uvshm__a64_t* hand = party->reader.ent->own;
  uint64_t word = 0;
  uint64_t chunk;

  *place = 0;
  ok(uvshm__queue_seek(&party->channel, UVSHM__QUEUE_MESSAGE, place, &word),
     "seek");
  chunk = word & UVSHM__QUEUE_CHUNK;
  lab_check(chunk != 0, "there is no message to note");
  uvshm__a64_store_relaxed(
      &hand[UVSHM__QUEUE_HAND_OWN],
      uvshm__a64_load_relaxed(&queue->notes[chunk - 1].own));
  uvshm__a64_store_relaxed(&hand[UVSHM__QUEUE_HAND], chunk);
  return word;
}


static int take_noted(struct party* party, uint64_t place) {
  const struct uvshm__queue* queue = &party->channel.u.queue;
  uint64_t chunk =
      uvshm__a64_load_relaxed(&party->reader.ent->own[UVSHM__QUEUE_HAND]);

  return uvshm__a64_cas(uvshm__queue_slot(queue, place),
                        uvshm__queue_empty(queue, place) + chunk,
                        uvshm__queue_empty(queue, place) +
                            (UINT64_C(1) << UVSHM__QUEUE_LAP_SHIFT));
}


static void bystander_notes(struct lab* l) {
  (void) note_next(&l->bystander, &l->place);
  l->stopped = 1;
}


static void bystander_takes(struct lab* l) {
  bystander_notes(l);
  lab_check(take_noted(&l->bystander, l->place), "it cannot be taken");
  l->stopped = 2;
}


/* It lives, and goes on. What it got is its own then. */
static void bystander_goes_on(struct lab* l, enum fate* found) {
  struct party* party = &l->bystander;
  const struct uvshm__queue* queue = &party->channel.u.queue;
  uvshm__a64_t* hand = party->reader.ent->own;
  uint32_t chunk =
      (uint32_t) uvshm__a64_load_relaxed(&hand[UVSHM__QUEUE_HAND]) - 1;
  uint64_t own = uvshm__a64_load_relaxed(&hand[UVSHM__QUEUE_HAND_OWN]);
  uint32_t token;
  int got;

  got = l->stopped == 2 || take_noted(party, l->place);
  if (got)
    got =
        uvshm__a64_cas(&queue->notes[chunk].own,
                       own,
                       uvshm__queue_next_own(
                           own, (party->reader.index + 1) | UVSHM__QUEUE_LOAN));
  uvshm__a64_store_relaxed(&hand[UVSHM__QUEUE_HAND], 0);
  lab_check(got || l->stopped == 1 || l->contested,
            "a message was taken from a living reader");
  if (!got) return;
  memcpy(&token, uvshm__queue_message(queue, chunk), 4);
  lab_check(token < TOKENS, "message %u", (unsigned int) token);
  lab_check(found[token] == GONE, "message %u twice", (unsigned int) token);
  found[token] = MUST;
  l->kept = 1;
}

/* ---- what the actor does ------------------------------------------------- */

static void actor_sends_first(struct lab* l) {
  ok(send_token(&l->actor, 0), "send");
}


static void op_send_two(struct lab* l) {
  ok(send_token(&l->actor, FIRST), "send");
  lab_done();
  ok(send_token(&l->actor, FIRST + 1), "send");
  lab_done();
}


static enum fate expect_sent(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  if (token < FIRST + done) return MUST;
  return token == FIRST + done && token < FIRST + 2 ? MAY : GONE;
}


static void op_send_until_full(struct lab* l) {
  ok(send_token(&l->actor, FIRST), "send");
  lab_done();
  lab_check(send_token(&l->actor, FIRST + 1) == UV_EAGAIN, "more than full");
}


static void op_send_many(struct lab* l) {
  unsigned char bytes[2][SIZE];
  uvshm_message_t messages[2];
  size_t count = 2;
  uint32_t i;

  memset(messages, 0, sizeof(messages));
  for (i = 0; i < 2; i++) {
    fill(bytes[i], FIRST + i);
    messages[i].bytes = bytes[i];
    messages[i].size = size_of(FIRST + i);
  }
  ok(uvshm__queue_kind.send(&l->actor.writer, messages, &count), "send");
  lab_done();
}


static void op_claim_two(struct lab* l) {
  uvshm_message_t room[3];
  size_t count = 3;
  uint32_t i;

  memset(room, 0, sizeof(room));
  ok(uvshm__queue_kind.claim(&l->actor.writer, room, &count), "claim");
  lab_check(count == 3, "no room for three");
  for (i = 0; i < 2; i++) {
    fill(room[i].bytes, FIRST + i);
    room[i].size = size_of(FIRST + i);
  }
  ok(uvshm__queue_kind.commit(&l->actor.writer, room, 2), "commit");
  lab_done();
}


static enum fate expect_many(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  if (token >= FIRST + 2) return GONE;
  return done != 0 ? MUST : MAY;
}


static void op_abort(struct lab* l) {
  uvshm_message_t room[2];
  size_t count = 2;

  memset(room, 0, sizeof(room));
  ok(uvshm__queue_kind.claim(&l->actor.writer, room, &count), "claim");
  ok(uvshm__queue_kind.commit(&l->actor.writer, room, 0), "abort");
}


static enum fate expect_same(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  (void) done;
  return token < l->scenario->before ? MUST : GONE;
}


static void op_recv_two(struct lab* l) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  uint32_t i;

  for (i = 0; i < 2; i++) {
    ok(recv_token(&l->actor, &message, bytes), "recv");
    lab_check(token_in(&message) == i, "out of order");
    lab_done();
  }
}


/* To copy a message is to be done with it: also when nobody hears of it. */
static enum fate expect_received(const struct lab* l,
                                 uint32_t done,
                                 uint32_t token) {
  if (token >= l->scenario->before || token < done) return GONE;
  return token == done && token < 2 ? MAY : MUST;
}


static void op_recv_many(struct lab* l) {
  unsigned char bytes[2][SIZE];
  uvshm_message_t messages[2];
  size_t count = 2;

  memset(messages, 0, sizeof(messages));
  messages[0].bytes = bytes[0];
  messages[1].bytes = bytes[1];
  messages[0].size = SIZE;
  messages[1].size = SIZE;
  ok(uvshm__queue_kind.recv(&l->actor.reader, messages, &count), "recv");
  lab_check(count == 2, "not two");
  lab_done();
}


/* Nobody knows how many of them it has got. */
static enum fate expect_received_many(const struct lab* l,
                                      uint32_t done,
                                      uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token >= 2) return MUST;
  return done != 0 ? GONE : MAY;
}


/* Parts 1 and 2 are peeks, 3 and 4 releases, of the first, then the second. */
static void op_peek_two(struct lab* l) {
  uvshm_message_t held[2];
  size_t one;
  uint32_t i;

  for (i = 0; i < 2; i++) {
    one = 1;
    ok(uvshm__queue_kind.peek(&l->actor.reader, &held[i], &one), "peek");
    lab_check(token_in(&held[i]) == i, "out of order");
    lab_done();
  }
  for (i = 0; i < 2; i++) {
    ok(uvshm__queue_kind.release(&l->actor.reader, &held[i], 1), "release");
    lab_done();
  }
}


static enum fate expect_peeked(const struct lab* l,
                               uint32_t done,
                               uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token >= 2) return MUST;
  if (done >= 3 + token) return GONE; /* released */
  if (l->redeliver) return done == 2 + token ? MAY : MUST;
  if (done > token) return GONE; /* peeked */
  return done == token ? MAY : MUST;
}


/* Closes with a claim and a loan. */
static void prepare_held(struct lab* l) {
  size_t one = 1;

  ok(uvshm__queue_kind.peek(&l->actor.reader, &l->held[0], &one), "peek");
  memset(&l->held[1], 0, sizeof(l->held[1]));
  ok(uvshm__queue_kind.claim(&l->actor.writer, &l->held[1], &one), "claim");
}


static void op_leave(struct lab* l) {
  uvshm__channel_leave(&l->actor.writer);
  uvshm__channel_leave(&l->actor.reader);
}


static enum fate expect_left(const struct lab* l,
                             uint32_t done,
                             uint32_t token) {
  (void) done;
  if (token >= l->scenario->before) return GONE;
  return token == 0 && !l->redeliver ? GONE : MUST;
}


static void op_join(struct lab* l) {
  struct party party;

  memset(&party, 0, sizeof(party));
  attach(l, &party, WORLD_ACTOR);
  ok(uvshm__channel_join(&l->world.actor, &party.writer), "join");
  ok(uvshm__channel_join(&l->world.actor, &party.reader), "join");
  uvshm__channel_leave(&party.reader);
  uvshm__channel_leave(&party.writer);
}

/* ---- with others in the middle of a step --------------------------------- */

/* Who dies with the actor has noted the same message. */
static void prepare_earlier_notes(struct lab* l) {
  join_earlier(l);
  (void) note_next(&l->earlier, &l->place);
}


static void prepare_earlier_takes(struct lab* l) {
  prepare_earlier_notes(l);
  lab_check(take_noted(&l->earlier, l->place), "it cannot be taken");
}


static void prepare_both_note(struct lab* l) {
  prepare_earlier_notes(l);
  bystander_notes(l);
  l->contested = 1;
}


/* The bystander has it; one who dies has noted it too. */
static void prepare_both_take(struct lab* l) {
  prepare_both_note(l);
  lab_check(take_noted(&l->bystander, l->place), "it cannot be taken");
  l->stopped = 2;
}


static void prepare_earlier_peeks(struct lab* l) {
  uvshm_message_t held;
  size_t one = 1;

  join_earlier(l);
  ok(uvshm__queue_kind.peek(&l->earlier.reader, &held, &one), "peek");
}


static void prepare_sent_and_taken(struct lab* l) {
  actor_sends_first(l);
  bystander_takes(l);
}


static void prepare_sent_and_died_with(struct lab* l) {
  actor_sends_first(l);
  prepare_earlier_takes(l);
}


/* The bystander takes the first message, one way or the other. */
static void prepare_noted(struct lab* l) {
  bystander_notes(l);
  l->contested = 1;
}


/* The first message is the bystander's by now, so these are the second's. */
static void op_recv_second(struct lab* l) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;

  ok(recv_token(&l->actor, &message, bytes), "recv");
  lab_check(token_in(&message) == 1, "out of order");
  lab_done();
}


static enum fate expect_second(const struct lab* l,
                               uint32_t done,
                               uint32_t token) {
  if (token >= l->scenario->before) return GONE;
  if (token == 1) return done ? GONE : MAY;
  return MUST;
}


static enum fate expect_first(const struct lab* l,
                              uint32_t done,
                              uint32_t token) {
  return token == 0 ? MUST : expect_sent(l, done, token);
}


/* Token 0 was in a dead reader's hand, or two's. */
static enum fate expect_contested(const struct lab* l,
                                  uint32_t done,
                                  uint32_t token) {
  enum fate fate = expect_sent(l, done, token);

  if (token != 0) return fate;
  return l->redeliver ? MUST : MAY;
}


/* The same, and the actor receives. */
static enum fate expect_contested_received(const struct lab* l,
                                           uint32_t done,
                                           uint32_t token) {
  enum fate fate = expect_received(l, done, token);

  if (token == 0 && done == 0 && !l->redeliver) return MAY;
  return fate;
}


/* Who had it before is dead: with redelivery it comes again. */
static enum fate expect_taken_before(const struct lab* l,
                                     uint32_t done,
                                     uint32_t token) {
  if (token == 0) return l->redeliver ? MUST : GONE;
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  return expect_sent(l, done, token);
}

/* ---- afterwards ---------------------------------------------------------- */

static void verify_chunks(struct lab* l, const struct uvshm__queue* queue) {
  uint32_t used = 0;
  uint32_t i;

  for (i = 0; i < queue->chunks; i++)
    if (uvshm__a64_load_relaxed(&queue->notes[i].own) % UVSHM__QUEUE_TAG != 0)
      used++;
  lab_check(used == l->kept,
            "%u chunks are not free, should be %u",
            (unsigned int) used,
            (unsigned int) l->kept);
}


static void drain(struct lab* l, struct party* party, enum fate* found) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  uint32_t last = 0;
  uint32_t token;
  int err;

  for (;;) {
    err = recv_token(party, &message, bytes);
    if (err == UV_EAGAIN) return;
    ok(err, "recv afterwards");
    token = token_in(&message);
    lab_check(found[token] == GONE, "message %u twice", (unsigned int) token);
    found[token] = MUST;
    if (message.again) {
      lab_check(l->redeliver, "given again without being asked");
      continue;
    }
    lab_check(token >= last,
              "message %u after %u",
              (unsigned int) token,
              (unsigned int) last);
    last = token;
  }
}


static void verify_fates(struct lab* l, const enum fate* found, uint32_t done) {
  uint32_t token;

  for (token = 0; token < TOKENS; token++) {
    enum fate fate = l->scenario->expect(l, done, token);

    lab_check(fate != MUST || found[token] == MUST,
              "message %u is lost, %u parts done",
              (unsigned int) token,
              (unsigned int) done);
    lab_check(fate != GONE || found[token] == GONE,
              "message %u is there, %u parts done",
              (unsigned int) token,
              (unsigned int) done);
  }
}


static void verify_life(struct party* party) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  uint32_t i;

  for (i = 0; i < 3 * CAPACITY; i++)
    ok(send_token(party, i % CAPACITY) == 0 ||
               recv_token(party, &message, bytes) == 0
           ? 0
           : UV_EAGAIN,
       "life goes on");
  while (recv_token(party, &message, bytes) == 0) continue;
  for (i = 0; i < CAPACITY; i++) ok(send_token(party, i), "send afterwards");
  lab_check(send_token(party, 0) == UV_EAGAIN, "no end of room");
  for (i = 0; i < CAPACITY; i++) {
    ok(recv_token(party, &message, bytes), "recv afterwards");
    lab_check(token_in(&message) == i, "out of order afterwards");
  }
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;
  enum fate found[TOKENS] = {GONE};
  struct uvshm__lane lane;
  struct party party;

  world_verify(&l->world);
  ok(uvshm__lane_claim(world_core(&l->world, WORLD_SECOND), &lane), "lane");
  join(l, &party, WORLD_SECOND, &lane);
  if (l->stopped) bystander_goes_on(l, found);
  drain(l, &party, found);
  verify_fates(l, found, done);
  verify_chunks(l, &party.channel.u.queue);
  verify_life(&party);
  verify_chunks(l, &party.channel.u.queue);
  ok(uvshm__channel_check(world_core(&l->world, WORLD_SECOND), &l->ref),
     "check");
}


/* Meanwhile: whoever looks finds it well. */
static void look(void* world) {
  struct lab* l = world;
  uvshm_channel_info_t info;

  ok(uvshm__queue_kind.check(&l->bystander.channel), "check meanwhile");
  memset(&info, 0, sizeof(info));
  uvshm__queue_kind.info(&l->bystander.channel, &info);
  lab_check(info.depth <= TOKENS, "a depth of %u", (unsigned int) info.depth);
  (void) uvshm__queue_kind.readable(&l->bystander.reader);
  (void) uvshm__queue_kind.writable(&l->bystander.writer, 8);
}


static void run(void* world) {
  struct lab* l = world;

  l->scenario->run(l);
}


static void end(void* world) {
  world_end(&((struct lab*) world)->world);
}

/* ---- the list ------------------------------------------------------------ */

static const struct scenario writing[] = {
    {"send", 0, 0, NULL, op_send_two, expect_sent},
    {"send behind others", 2, 37, NULL, op_send_two, expect_sent},
    {"send until full", 3, 5, NULL, op_send_until_full, expect_sent},
    {"send many", 1, 31, NULL, op_send_many, expect_many},
    {"claim and commit", 1, 3, NULL, op_claim_two, expect_many},
    {"claim and abort", 1, 3, NULL, op_abort, expect_same},
};

static const struct scenario reading[] = {
    {"recv", 3, 0, NULL, op_recv_two, expect_received},
    {"recv, many laps", 2, 61, NULL, op_recv_two, expect_received},
    {"recv many", 3, 14, NULL, op_recv_many, expect_received_many},
    {"peek and release", 3, 15, NULL, op_peek_two, expect_peeked},
    {"peek all", 2, 0, NULL, op_peek_two, expect_peeked},
};

static const struct scenario ends[] = {
    {"leave", 3, 2, prepare_held, op_leave, expect_left},
    {"join", 2, 2, NULL, op_join, expect_same},
};

static const struct scenario stopped[] = {
    {"recv what a stopped reader has noted",
     3,
     2,
     prepare_noted,
     op_recv_two,
     expect_contested_received},
    {"recv behind what a stopped reader has taken",
     3,
     2,
     bystander_takes,
     op_recv_second,
     expect_second},
    {"send, while a stopped reader has taken the last one",
     0,
     2,
     prepare_sent_and_taken,
     op_send_two,
     expect_first},
    {"send, while a stopped reader has what a dead one noted",
     1,
     2,
     prepare_both_take,
     op_send_two,
     expect_contested},
    {"send, while a stopped and a dead reader have noted one",
     1,
     2,
     prepare_both_note,
     op_send_two,
     expect_contested},
};

static const struct scenario dead[] = {
    {"recv what a dead reader has noted",
     3,
     2,
     prepare_earlier_notes,
     op_recv_two,
     expect_contested_received},
    {"send, a dead reader has noted one",
     1,
     2,
     prepare_earlier_notes,
     op_send_two,
     expect_sent},
    {"send, a dead reader has taken one",
     2,
     2,
     prepare_earlier_takes,
     op_send_two,
     expect_taken_before},
    {"send, a dead reader has taken the last one",
     0,
     2,
     prepare_sent_and_died_with,
     op_send_two,
     expect_taken_before},
    {"send, a dead reader has peeked one",
     2,
     2,
     prepare_earlier_peeks,
     op_send_two,
     expect_taken_before},
};


static void prove(const struct scenario* scenarios,
                  size_t count,
                  int redeliver) {
  struct lab_case op = {
      NULL, build, run, world_die, world_repair, verify, look, end};
  char name[100];
  size_t i;

  for (i = 0; i < count; i++) {
    memset(&lab, 0, sizeof(lab));
    lab.scenario = &scenarios[i];
    lab.redeliver = redeliver;
    snprintf(name,
             sizeof(name),
             "%s%s",
             scenarios[i].name,
             redeliver ? ", redelivery" : "");
    op.name = name;
    lab_prove(&op, &lab);
  }
}


#define CASE(name, list, redeliver)                                            \
 static void name(void** state) {                                              \
  (void) state;                                                                \
  prove(list, sizeof(list) / sizeof((list)[0]), redeliver);                    \
 }

CASE(writers_die, writing, 0)
CASE(readers_die, reading, 0)
CASE(readers_die_with_redelivery, reading, 1)
CASE(ends_come_and_go, ends, 0)
CASE(ends_come_and_go_with_redelivery, ends, 1)
CASE(others_are_stopped, stopped, 0)
CASE(others_are_stopped_with_redelivery, stopped, 1)
CASE(others_die_too, dead, 0)
CASE(others_die_too_with_redelivery, dead, 1)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writers_die),
      cmocka_unit_test(readers_die),
      cmocka_unit_test(readers_die_with_redelivery),
      cmocka_unit_test(ends_come_and_go),
      cmocka_unit_test(ends_come_and_go_with_redelivery),
      cmocka_unit_test(others_are_stopped),
      cmocka_unit_test(others_are_stopped_with_redelivery),
      cmocka_unit_test(others_die_too),
      cmocka_unit_test(others_die_too_with_redelivery),
  };

  return cmocka_run_group_tests_name("crash-queue", tests, NULL, NULL);
}
