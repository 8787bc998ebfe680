/* SPDX-License-Identifier: MIT */

/* A topic on plain memory, and what its tests do with it: messages are numbers,
 * and as many bytes as go with each. */

#ifndef UVSHM_TEST_TOPIC_H_
#define UVSHM_TEST_TOPIC_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/channel.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/reap.h"
#include "core/topic_inside.h"
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC_SIZE 200u
#define DESK_PEERS 4u

struct desk {
  struct fake fake;
  struct fake_peer* peers[DESK_PEERS];
  struct uvshm__lane lanes[DESK_PEERS];
  struct uvshm__directory_ref ref;
  struct uvshm__channel channels[DESK_PEERS]; /* as each of them sees it */
};

/* What the topic of a case is like. */
struct shape {
  uint32_t flags;
  uint64_t capacity;
  uint32_t writers;
  uint32_t readers;
  uint32_t loans;
};


static inline void desk_make(struct desk* desk, const struct shape* shape) {
  struct uvshm__lane* lane = &desk->lanes[0];
  struct uvshm__channel_facts facts;
  struct uvshm__directory_spec spec;
  struct uvshm__channel_hdr body;
  int made = 0;

  memset(&facts, 0, sizeof(facts));
  facts.kind = UVSHM__CHANNEL_TOPIC;
  facts.flags = shape->flags;
  facts.size_max = TOPIC_SIZE;
  facts.writers = shape->writers;
  facts.readers = shape->readers;
  facts.loans = shape->loans;
  assert_int_equal(uvshm__channel_plan(&facts, shape->capacity, 0), 0);
  memset(&spec, 0, sizeof(spec));
  spec.name = "topic";
  spec.name_size = 5;
  spec.type = UVSHM__TYPE_CHANNEL;
  spec.body = &body;
  assert_int_equal(uvshm__channel_format(lane, &facts, &body, &spec.blocks[0]),
                   0);
  assert_int_equal(uvshm__directory_make(lane, &spec, 100, &desk->ref, &made),
                   0);
  assert_true(made);
}


static inline struct uvshm__channel_hdr* desk_body(struct desk* desk) {
  return uvshm__directory_body(&desk->peers[0]->core, desk->ref.index);
}


static inline void desk_begin(struct desk* desk, const struct shape* shape) {
  uint32_t i;

  memset(desk, 0, sizeof(*desk));
  fake_make_sized(&desk->fake, UVSHM_KIND_SEGMENT, 1 << 20, 1 << 20);
  for (i = 0; i < DESK_PEERS; i++) {
    desk->peers[i] = fake_join(&desk->fake, i);
    assert_int_equal(uvshm__lane_claim(&desk->peers[i]->core, &desk->lanes[i]),
                     0);
  }
  desk_make(desk, shape);
  for (i = 0; i < DESK_PEERS; i++) {
    assert_int_equal(uvshm__directory_open(&desk->peers[i]->core, &desk->ref),
                     0);
    assert_int_equal(
        uvshm__channel_attach(
            &desk->peers[i]->core, desk_body(desk), &desk->channels[i]),
        0);
  }
}


static inline void desk_finish(struct desk* desk) {
  assert_int_equal(uvshm__channel_check(&desk->peers[0]->core, &desk->ref), 0);
  fake_free(&desk->fake);
}


static inline void join_as(struct desk* desk,
                           uint32_t peer,
                           struct uvshm__channel_end* end,
                           uint32_t flags,
                           uint64_t sequence) {
  memset(end, 0, sizeof(*end));
  end->channel = &desk->channels[peer];
  end->writer = (flags & UVSHM_WRITER) != 0;
  end->flags = flags;
  end->sequence = sequence;
  assert_int_equal(uvshm__channel_join(&desk->lanes[peer], end, 2000), 0);
}


static inline void join_writer(struct desk* desk,
                               uint32_t peer,
                               struct uvshm__channel_end* end) {
  join_as(desk, peer, end, UVSHM_WRITER, 0);
}


static inline void join_reader(struct desk* desk,
                               uint32_t peer,
                               struct uvshm__channel_end* end) {
  join_as(desk, peer, end, UVSHM_READER, 0);
}

/* ---- messages: a number, and as many bytes as go with it ----------------- */

static inline size_t size_of(uint64_t number) {
  return 8 + (size_t) (number * 37 % (TOPIC_SIZE - 8));
}


static inline void fill(unsigned char* bytes, uint64_t number) {
  memset(bytes, (int) (number & 0xff), size_of(number));
  memcpy(bytes, &number, 8);
}


static inline uint64_t number_of(const void* bytes, size_t size) {
  const unsigned char* at = bytes;
  uint64_t number;
  size_t i;

  assert_true(size >= 8);
  memcpy(&number, bytes, 8);
  assert_int_equal(size, size_of(number));
  for (i = 8; i < size; i++) assert_int_equal(at[i], number & 0xff);
  return number;
}


static inline int send_one(struct uvshm__channel_end* end, uint64_t number) {
  unsigned char bytes[TOPIC_SIZE];
  uvshm_message_t message;
  size_t one = 1;

  fill(bytes, number);
  memset(&message, 0, sizeof(message));
  message.bytes = bytes;
  message.size = size_of(number);
  return uvshm__channel_send(end, &message, &one);
}


static inline void must_send(struct uvshm__channel_end* end, uint64_t number) {
  assert_int_equal(send_one(end, number), 0);
}


static inline int recv_one(struct uvshm__channel_end* end,
                           uint64_t* number,
                           uvshm_message_t* message) {
  unsigned char bytes[TOPIC_SIZE];
  size_t one = 1;
  int err;

  memset(message, 0, sizeof(*message));
  message->bytes = bytes;
  message->size = sizeof(bytes);
  err = uvshm__channel_recv(end, message, &one);
  if (err == 0) *number = number_of(bytes, message->size);
  return err;
}


static inline void must_recv(struct uvshm__channel_end* end,
                             uint64_t number,
                             uint64_t missed) {
  uvshm_message_t message;
  uint64_t got = UINT64_MAX;

  assert_int_equal(recv_one(end, &got, &message), 0);
  assert_int_equal(got, number);
  assert_int_equal(message.sequence, number);
  assert_int_equal(message.missed, missed);
}


static inline void must_find_nothing(struct uvshm__channel_end* end) {
  uvshm_message_t message;
  uint64_t got;

  assert_false(uvshm__topic_readable(end));
  assert_int_equal(recv_one(end, &got, &message), UV_EAGAIN);
}


static inline int peek_one(struct uvshm__channel_end* end,
                           uvshm_message_t* message) {
  size_t one = 1;

  return uvshm__channel_peek(end, message, &one);
}


static inline void must_peek(struct uvshm__channel_end* end,
                             uint64_t number,
                             uvshm_message_t* message) {
  assert_int_equal(peek_one(end, message), 0);
  assert_int_equal(number_of(message->bytes, message->size), number);
}

#endif /* UVSHM_TEST_TOPIC_H_ */
