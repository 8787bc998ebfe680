/* SPDX-License-Identifier: MIT */

/* A stream on plain memory for crash tests: one end is the actor's, the other
 * the bystander's. Messages are numbers, and as many bytes as go with each. */

#ifndef UVSHM_TEST_LAB_STREAM_H_
#define UVSHM_TEST_LAB_STREAM_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/stream_layout.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <stdio.h>
#include <string.h>

#define PARTS 4u
#define SIZE_MOST 1100u

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  uint64_t blocks;       /* of the segment without the channel */
  uint32_t large;        /* messages may be large */
  uint32_t writes;       /* the actor is the writer, or the reader */
  uint32_t first;        /* number of the oldest message that is not released */
  uint32_t next;         /* number of the next to send */
  uint32_t parts[PARTS]; /* how many the actor sends (releases) at once */
  uint32_t leaves;       /* 1: it leaves in the end */
  struct uvshm__channel channels[3]; /* of actor, second, bystander */
  struct uvshm__channel_end actor;
  struct uvshm__channel_end successor;
  struct uvshm__channel_end other; /* the bystander's */
};

static struct lab lab;


/* ---- messages ------------------------------------------------------------ */

static inline size_t size_of(const struct lab* l, uint32_t number) {
  if (l->large) return number % 2 == 0 ? 1032 : 17;
  return number * 37 % 91;
}


static inline void fill(void* bytes, size_t size, uint32_t number) {
  memset(bytes, (int) (number % 251 + 1), size);
}


static inline void check_message(const struct lab* l,
                                 const uvshm_message_t* message,
                                 uint32_t number) {
  const unsigned char* bytes = message->bytes;
  size_t i;

  lab_check(message->size == size_of(l, number),
            "message %u has %u bytes",
            (unsigned int) number,
            (unsigned int) message->size);
  for (i = 0; i < message->size; i++)
    lab_check(bytes[i] == number % 251 + 1,
              "message %u: byte %u is %u",
              (unsigned int) number,
              (unsigned int) i,
              bytes[i]);
}


static inline void send_one(struct lab* l,
                            struct uvshm__channel_end* end,
                            uint32_t number) {
  static unsigned char bytes[SIZE_MOST];
  uvshm_message_t message;
  size_t one = 1;

  fill(bytes, size_of(l, number), number);
  message.bytes = bytes;
  message.size = size_of(l, number);
  world_ok(uvshm__channel_send(end, &message, &one), "send");
}


/* How many there are from number `number` on, all looked at; none released. */
static inline uint32_t peek_all(struct lab* l,
                                struct uvshm__channel_end* end,
                                uint32_t number) {
  uvshm_message_t message;
  uint32_t count = 0;
  size_t one = 1;
  int err;

  while ((err = uvshm__channel_peek(end, &message, &one)) == 0)
    check_message(l, &message, number + count++);
  lab_check(err == UV_EAGAIN || err == UV_EOF || err == UV_ECONNRESET,
            "peek: %d, %s",
            err,
            uvshm__error_text());
  return count;
}


static inline uint32_t recv_all(struct lab* l,
                                struct uvshm__channel_end* end,
                                uint32_t number,
                                int* err) {
  static unsigned char bytes[SIZE_MOST];
  uvshm_message_t message;
  uint32_t count = 0;
  size_t one = 1;

  for (;;) {
    message.bytes = bytes;
    message.size = sizeof(bytes);
    *err = uvshm__channel_recv(end, &message, &one);
    if (*err < 0) return count;
    check_message(l, &message, number + count++);
  }
}

/* ---- the start ----------------------------------------------------------- */

static inline void furnish(struct lab* l,
                           struct uvshm__lane* lane,
                           const char* name,
                           struct uvshm__directory_ref* ref) {
  struct uvshm__directory_spec spec;
  struct uvshm__channel_facts facts;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  facts.kind = UVSHM__CHANNEL_STREAM;
  facts.size_max = l->large ? SIZE_MOST : 100;
  facts.writers = 1;
  facts.readers = 1;
  facts.loans = 1;
  world_ok(uvshm__channel_plan(&facts, l->large ? 2 : 6, 0), "plan");
  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.name_size = (uint32_t) strlen(name);
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  world_ok(uvshm__channel_format(lane, &facts, &body, &spec.blocks[0]),
           "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, ref, &made), "make");
}


static inline struct uvshm__channel* attach(struct lab* l,
                                            uint32_t i,
                                            uint32_t slot) {
  struct uvshm__core* core = world_core(&l->world, slot);

  world_ok(uvshm__directory_open(core, &l->ref), "open");
  world_ok(
      uvshm__channel_attach(
          core, uvshm__directory_body(core, l->ref.index), &l->channels[i]),
      "attach");
  return &l->channels[i];
}


static inline void join(struct uvshm__channel_end* end,
                        struct uvshm__lane* lane,
                        struct uvshm__channel* channel,
                        uint32_t writer) {
  memset(end, 0, sizeof(*end));
  end->channel = channel;
  end->writer = writer;
  world_ok(uvshm__channel_join(lane, end, 2000), "join");
}


/* A stream whose ends are the actor's and the bystander's; `turns` messages
 * have gone through it, `waiting` are in it. */
static inline void begin(struct lab* l,
                         uint32_t writes,
                         uint32_t large,
                         uint32_t turns,
                         uint32_t waiting) {
  struct uvshm__channel_end* writer = writes ? &l->actor : &l->other;
  struct uvshm__channel_end* reader = writes ? &l->other : &l->actor;
  struct uvshm__channel* channel;
  int err;

  memset(l, 0, sizeof(*l));
  l->writes = writes;
  l->large = large;
  world_build(&l->world, 1 << 20, 1 << 20);
  l->blocks = world_blocks(&l->world);
  furnish(l, &l->world.bystander, "stream", &l->ref);
  channel = attach(l, 2, WORLD_BYSTANDER);
  join(&l->other, &l->world.bystander, channel, !writes);
  channel = attach(l, 0, WORLD_ACTOR);
  join(&l->actor, &l->world.actor, channel, writes);
  for (; l->next < turns; l->next++) {
    send_one(l, writer, l->next);
    lab_check(recv_all(l, reader, l->next, &err) == 1, "it is not there");
  }
  l->first = l->next;
  for (; l->next < turns + waiting; l->next++) send_one(l, writer, l->next);
  lab_private(l, sizeof(*l));
}


static inline void ready(struct lab* l) {
  world_ready(&l->world);
}

/* ---- afterwards ---------------------------------------------------------- */

/* Through all of the ring, several times. */
static inline void verify_life(struct lab* l,
                               struct uvshm__channel_end* writer,
                               struct uvshm__channel_end* reader,
                               uint32_t number) {
  uint32_t sent = number;
  uint32_t turn;
  int err;

  for (turn = 0; turn < 9; turn++) {
    for (sent = number; sent < number + 3; sent++) {
      if (uvshm__stream_kind.writable(writer, size_of(l, sent)))
        send_one(l, writer, sent);
      else
        break;
    }
    lab_check(sent > number, "there is no room");
    lab_check(
        recv_all(l, reader, number, &err) == sent - number && err == UV_EAGAIN,
        "of %u messages not all came",
        (unsigned int) (sent - number));
    number = sent;
  }
}


static inline void verify_blocks(struct lab* l, uint64_t blocks) {
  lab_check(world_blocks(&l->world) == l->blocks + blocks,
            "%d blocks are too many",
            (int) (world_blocks(&l->world) - l->blocks - blocks));
}


static inline void succeed(struct lab* l, struct uvshm__lane* lane) {
  world_ok(uvshm__lane_claim(world_core(&l->world, WORLD_SECOND), lane),
           "lane");
  join(&l->successor, lane, attach(l, 1, WORLD_SECOND), l->writes);
}


static inline void part(struct lab* l, struct uvshm__lane* lane) {
  uvshm__channel_leave(&l->successor);
  uvshm__directory_close(world_core(&l->world, WORLD_SECOND), l->ref.index);
  uvshm__lane_exit(lane);
}


/* The live reader, meanwhile: whole messages, in order, without a gap. */
static inline void read_messages(void* world) {
  struct lab* l = world;
  struct uvshm__channel_end copy = l->other;
  uint32_t most = l->next - l->first;
  uint32_t i;

  for (i = 0; i < PARTS; i++) most += l->parts[i];
  lab_check(peek_all(l, &copy, l->first) <= most, "there are too many");
}

#define CASE(name, start, run, is_well, read)                                  \
 WORLD_CASE(name, &lab, start, run, is_well, read)

#endif /* UVSHM_TEST_LAB_STREAM_H_ */
