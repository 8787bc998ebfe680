/* SPDX-License-Identifier: MIT */

/* What the crash tests of the queue share: a small queue with messages in it,
 * peers that are stopped in the middle of a step, and what must be so after the
 * death of another: each message is there once, in its place, or with
 * redelivery as one that was given before; what a reader had been given is
 * gone; no chunk is lost; and whoever lives and was in the middle of something
 * goes on.
 *
 * Included by one program each, with all that it needs.
 */

#ifndef UVSHM_TEST_LAB_QUEUE_H_
#define UVSHM_TEST_LAB_QUEUE_H_

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


static inline void ok(int err, const char* what) {
  lab_check(err >= 0, "%s: %d, %s", what, err, uvshm__error_text());
}

/* ---- messages ------------------------------------------------------------ */

static inline size_t size_of(uint32_t token) {
  return 4 + token % 5 * 4;
}


static inline void fill(void* bytes, uint32_t token) {
  uint32_t i;

  for (i = 0; i < size_of(token); i += 4)
    memcpy((unsigned char*) bytes + i, &token, 4);
}


static inline int send_token(struct party* party, uint32_t token) {
  unsigned char bytes[SIZE];
  uvshm_message_t message = {0};
  size_t count = 1;

  fill(bytes, token);
  message.bytes = bytes;
  message.size = size_of(token);
  return uvshm__queue_kind.send(&party->writer, &message, &count);
}


static inline uint32_t token_in(const uvshm_message_t* message) {
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


static inline int recv_token(struct party* party,
                             uvshm_message_t* message,
                             unsigned char* bytes) {
  size_t count = 1;

  memset(message, 0, sizeof(*message));
  message->bytes = bytes;
  message->size = SIZE;
  return uvshm__queue_kind.recv(&party->reader, message, &count);
}

/* ---- the start ----------------------------------------------------------- */

static inline void make(struct lab* l) {
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


static inline void attach(struct lab* l, struct party* party, uint32_t slot) {
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


static inline void join(struct lab* l,
                        struct party* party,
                        uint32_t slot,
                        struct uvshm__lane* lane) {
  attach(l, party, slot);
  ok(uvshm__channel_join(lane, &party->writer, 2000), "join as writer");
  ok(uvshm__channel_join(lane, &party->reader, 2000), "join as reader");
}


static inline void build(void* world) {
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

static inline void join_earlier(struct lab* l) {
  world_join_earlier(&l->world);
  join(l, &l->earlier, WORLD_EARLIER, &l->world.earlier);
  l->has_earlier = 1;
}


/* As queue_take.c does it. What the slot said. */
static inline uint64_t note_next(struct party* party, uint64_t* place) {
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


static inline int take_noted(struct party* party, uint64_t place) {
  const struct uvshm__queue* queue = &party->channel.u.queue;
  uint64_t chunk =
      uvshm__a64_load_relaxed(&party->reader.ent->own[UVSHM__QUEUE_HAND]);

  return uvshm__a64_cas(uvshm__queue_slot(queue, place),
                        uvshm__queue_empty(queue, place) + chunk,
                        uvshm__queue_empty(queue, place) +
                            (UINT64_C(1) << UVSHM__QUEUE_LAP_SHIFT));
}


static inline void bystander_notes(struct lab* l) {
  (void) note_next(&l->bystander, &l->place);
  l->stopped = 1;
}


static inline void bystander_takes(struct lab* l) {
  bystander_notes(l);
  lab_check(take_noted(&l->bystander, l->place), "it cannot be taken");
  l->stopped = 2;
}


/* It lives, and goes on. What it got is its own then. */
static inline void bystander_goes_on(struct lab* l, enum fate* found) {
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

/* ---- what actors do ------------------------------------------------------ */

static inline void op_send_two(struct lab* l) {
  ok(send_token(&l->actor, FIRST), "send");
  lab_done();
  ok(send_token(&l->actor, FIRST + 1), "send");
  lab_done();
}


static inline enum fate expect_sent(const struct lab* l,
                                    uint32_t done,
                                    uint32_t token) {
  if (token < FIRST) return token < l->scenario->before ? MUST : GONE;
  if (token < FIRST + done) return MUST;
  return token == FIRST + done && token < FIRST + 2 ? MAY : GONE;
}


static inline void op_recv_two(struct lab* l) {
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
static inline enum fate expect_received(const struct lab* l,
                                        uint32_t done,
                                        uint32_t token) {
  if (token >= l->scenario->before || token < done) return GONE;
  return token == done && token < 2 ? MAY : MUST;
}

/* ---- afterwards ---------------------------------------------------------- */

static inline void verify_chunks(struct lab* l,
                                 const struct uvshm__queue* queue) {
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


static inline void drain(struct lab* l, struct party* party, enum fate* found) {
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


static inline void verify_fates(struct lab* l,
                                const enum fate* found,
                                uint32_t done) {
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


static inline void verify_life(struct party* party) {
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


static inline void verify(void* world, uint32_t done) {
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
static inline void look(void* world) {
  struct lab* l = world;
  uvshm_channel_info_t info;

  ok(uvshm__queue_kind.check(&l->bystander.channel), "check meanwhile");
  memset(&info, 0, sizeof(info));
  uvshm__queue_kind.info(&l->bystander.channel, &info);
  lab_check(info.depth <= TOKENS, "a depth of %u", (unsigned int) info.depth);
  (void) uvshm__queue_kind.readable(&l->bystander.reader);
  (void) uvshm__queue_kind.writable(&l->bystander.writer, 8);
}


static inline void run(void* world) {
  struct lab* l = world;

  l->scenario->run(l);
}


/* ---- proving ------------------------------------------------------------- */

static inline void prove(const struct scenario* scenarios,
                         size_t count,
                         int redeliver) {
  struct lab_case op = {
      NULL, build, run, world_die, world_repair, verify, look, world_end};
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

#endif /* UVSHM_TEST_LAB_QUEUE_H_ */
