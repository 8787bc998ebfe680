/* SPDX-License-Identifier: MIT */

/* A queue on plain memory with four peers, each of which writes and reads, and
 * what its tests do with it: messages are numbers, and as many bytes as go with
 * each. */

#ifndef UVSHM_TEST_QUEUE_DESK_H_
#define UVSHM_TEST_QUEUE_DESK_H_

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
#include "fake.h"

#include <string.h>

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

static inline void make_channel(uint32_t flags) {
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


static inline void join(uint32_t slot) {
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


static inline void begin(uint32_t flags) {
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


static inline int set_up(void** state) {
  (void) state;
  begin(0);
  return 0;
}


static inline int set_up_redelivery(void** state) {
  (void) state;
  begin(UVSHM__CHANNEL_REDELIVER);
  return 0;
}


static inline int tear_down(void** state) {
  int err = uvshm__channel_check(&fake.peers[0].core, &ref);

  (void) state;
  if (err < 0) print_error("%s\n", uvshm__error_text());
  fake_free(&fake);
  return err;
}

/* ---- messages: a number, and a size that goes with it -------------------- */

static inline size_t size_of(uint32_t number) {
  return 4 + number * 7 % (SIZE - 3);
}


static inline void fill(unsigned char* bytes, uint32_t number) {
  memset(bytes, (int) (number & 0xff), size_of(number));
  memcpy(bytes, &number, 4);
}


static inline int send_number(uint32_t slot, uint32_t number) {
  unsigned char bytes[SIZE];
  uvshm_message_t message;
  size_t count = 1;

  memset(&message, 0, sizeof(message));
  fill(bytes, number);
  message.bytes = bytes;
  message.size = size_of(number);
  return uvshm__channel_send(&writers[slot], &message, &count);
}


static inline uint32_t number_in(const uvshm_message_t* message) {
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
static inline int recv_number(uint32_t slot) {
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


static inline int peek_number(uint32_t slot, uvshm_message_t* message) {
  size_t count = 1;
  int err = uvshm__channel_peek(&readers[slot], message, &count);

  return err < 0 ? err : (int) number_in(message) + (message->again ? 1000 : 0);
}


static inline uvshm_channel_info_t info(void) {
  uvshm_channel_info_t facts;

  memset(&facts, 0, sizeof(facts));
  uvshm__queue_kind.info(&channels[0], &facts);
  return facts;
}


static inline void kill_and_repair(uint32_t slot) {
  fake_kill(&fake.peers[slot]);
  assert_int_equal(uvshm__reap_all(&fake.peers[0].core), 1);
}


static inline void come_back(uint32_t slot) {
  fake_join(&fake, slot);
  memset(&writers[slot], 0, sizeof(writers[slot]));
  memset(&readers[slot], 0, sizeof(readers[slot]));
  assert_int_equal(uvshm__lane_claim(&fake.peers[slot].core, &lanes[slot]), 0);
  join(slot);
}

#define ON(sentence)                                                           \
 cmocka_unit_test_setup_teardown(sentence, set_up, tear_down)
#define AGAIN(sentence)                                                        \
 cmocka_unit_test_setup_teardown(sentence, set_up_redelivery, tear_down)

#endif /* UVSHM_TEST_QUEUE_DESK_H_ */
