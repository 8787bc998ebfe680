/* SPDX-License-Identifier: MIT */

/* Every call of channels, of all kinds. An end is taken when it is first used,
 * and stays until its peer leaves it or dies. */

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_LARGEST 96u
#define MESSAGES 4u


void fuzz_make_channels(struct fuzz_world* world) {
  static const char* const names[] = {"stream", "queue", "topic"};
  struct uvshm__lane* lane = &world->lanes[0];
  struct uvshm__channel_facts facts;
  struct uvshm__channel_hdr body;
  struct uvshm__directory_spec spec;
  uint32_t peer;
  uint32_t i;
  int made;

  for (i = 0; i < FUZZ_CHANNELS; i++) {
    memset(&facts, 0, sizeof(facts));
    memset(&spec, 0, sizeof(spec));
    facts.kind = UVSHM__CHANNEL_STREAM + i;
    facts.flags = i == 1   ? UVSHM__CHANNEL_REDELIVER
                  : i == 2 ? UVSHM__CHANNEL_LOSSLESS
                           : 0;
    facts.size_max = SIZE_LARGEST;
    facts.writers = 2;
    facts.readers = 2;
    facts.loans = 2;
    if (uvshm__channel_plan(&facts, 4, 0) < 0) abort();
    if (uvshm__channel_format(lane, &facts, &body, &spec.blocks[0]) < 0)
      abort();
    world->channel_blocks[i] = spec.blocks[0];
    spec.name = names[i];
    spec.name_size = (uint32_t) strlen(names[i]);
    spec.type = UVSHM__TYPE_CHANNEL;
    spec.body = &body;
    if (uvshm__directory_make(lane, &spec, 0, &world->channels[i], &made) < 0)
      abort();
    for (peer = 0; peer < FUZZ_PEERS; peer++)
      if (uvshm__directory_open(fuzz_core_of(world, peer),
                                &world->channels[i]) < 0)
        abort();
  }
}


static struct fuzz_end* end_of(struct fuzz_world* world,
                               struct fuzz_input* input,
                               uint32_t writer) {
  uint32_t which = fuzz_u8(input);
  uint32_t peer = fuzz_only != 0 ? fuzz_only - 1 : which % FUZZ_PEERS;
  uint32_t kind = which / FUZZ_PEERS % FUZZ_CHANNELS;
  struct uvshm__lane* lane = fuzz_lane(world, peer);
  struct fuzz_end* end = &world->ends[kind][peer][writer];

  if (lane == NULL) return NULL;
  if (end->joined) return end;
  memset(end, 0, sizeof(*end));
  if (uvshm__channel_attach(
          lane->core,
          uvshm__directory_body(lane->core, world->channels[kind].index),
          &end->channel) < 0)
    return NULL;
  end->end.channel = &end->channel;
  end->end.writer = writer;
  end->end.flags = which & 0x80 ? UVSHM_CHANNEL_OLDEST : 0;
  if (uvshm__channel_join(lane, &end->end, 2000) < 0) return NULL;
  end->joined = 1;
  return end;
}

/* ---- messages ------------------------------------------------------------ */

static void send_some(struct fuzz_world* world, struct fuzz_input* input) {
  static unsigned char bytes[SIZE_LARGEST + 8];
  struct fuzz_end* end = end_of(world, input, 1);
  uvshm_message_t messages[MESSAGES];
  size_t count = 1 + fuzz_u8(input) % MESSAGES;
  size_t i;

  if (end == NULL) return;
  for (i = 0; i < MESSAGES; i++) {
    messages[i].bytes = bytes;
    messages[i].size = fuzz_u8(input) % sizeof(bytes);
  }
  (void) uvshm__channel_send(&end->end, messages, &count);
}


static void claim_some(struct fuzz_world* world, struct fuzz_input* input) {
  struct fuzz_end* end = end_of(world, input, 1);
  uvshm_message_t messages[MESSAGES];
  size_t count = 1 + fuzz_u8(input) % MESSAGES;
  uint32_t how = fuzz_u8(input);
  size_t i;

  if (end == NULL) return;
  memset(messages, 0, sizeof(messages));
  for (i = 0; i < MESSAGES; i++)
    messages[i].size = fuzz_u8(input) % (SIZE_LARGEST + 1);
  if (uvshm__channel_claim(&end->end, messages, &count) == 0) {
    for (i = 0; i < count; i++) {
      memset(messages[i].bytes, 1, messages[i].size);
      if (how & 1) messages[i].size /= 2;
    }
    if (how & 2) count /= 2;
    if (how & 4) messages[0].bytes = (char*) messages[0].bytes + 8;
  }
  if (uvshm__channel_commit(&end->end, messages, count) < 0)
    (void) uvshm__channel_commit(&end->end, NULL, 0);
}


static void recv_some(struct fuzz_world* world, struct fuzz_input* input) {
  static unsigned char bytes[MESSAGES][SIZE_LARGEST + 8];
  struct fuzz_end* end = end_of(world, input, 0);
  uvshm_message_t messages[MESSAGES];
  size_t count = 1 + fuzz_u8(input) % MESSAGES;
  size_t i;

  if (end == NULL) return;
  for (i = 0; i < MESSAGES; i++) {
    messages[i].bytes = bytes[i];
    messages[i].size = fuzz_u8(input) % sizeof(bytes[i]);
  }
  (void) uvshm__channel_recv(&end->end, messages, &count);
}


/* What is peeked is read: it must be somewhere. */
static void peek_some(struct fuzz_world* world, struct fuzz_input* input) {
  struct fuzz_end* end = end_of(world, input, 0);
  uvshm_message_t messages[MESSAGES];
  size_t count = 1 + fuzz_u8(input) % MESSAGES;
  volatile unsigned char sum = 0;
  size_t i;
  size_t j;

  if (end == NULL) return;
  if (uvshm__channel_peek(&end->end, messages, &count) == 0) {
    for (i = 0; i < count; i++) {
      if (messages[i].size > SIZE_LARGEST) abort();
      for (j = 0; j < messages[i].size; j++)
        sum = (unsigned char) (sum + ((unsigned char*) messages[i].bytes)[j]);
    }
    end->held = messages[0];
  }
  if (fuzz_u8(input) & 1)
    (void) uvshm__channel_release(&end->end, &end->held, 1);
}


static void wait(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t writer = fuzz_u8(input) & 1;
  struct fuzz_end* end = end_of(world, input, writer);
  struct uvshm__lane* lane;
  struct uvshm__wait call;

  if (end == NULL) return;
  lane = fuzz_lane(world, end->channel.core->slot);
  if (lane == NULL) return;
  uvshm__channel_wait_begin(&call, lane, &end->end, 3);
  if (uvshm__channel_wait(&call, &end->end, SIZE_LARGEST) == UVSHM__WAIT_SLICE)
    (void) uvshm__channel_tried(lane, &end->end);
  uvshm__channel_wait_end(&call, &end->end);
  uvshm__channel_linger(lane, &end->end, 3);
}

/* ---- the rest ------------------------------------------------------------ */

static void leave(struct fuzz_world* world, struct fuzz_input* input) {
  struct fuzz_end* end = end_of(world, input, fuzz_u8(input) & 1);

  if (end == NULL) return;
  end->joined = 0;
  uvshm__channel_leave(&end->end);
}


static void look(struct fuzz_world* world, struct fuzz_input* input) {
  struct fuzz_end* end = end_of(world, input, fuzz_u8(input) & 1);
  struct uvshm__lane* lane;
  uvshm_channel_info_t info;
  uvshm_channel_end_t facts;
  uint32_t i;

  if (end == NULL) return;
  memset(&info, 0, sizeof(info));
  memset(&facts, 0, sizeof(facts));
  end->channel.kind->info(&end->channel, &info);
  for (i = 0; i < end->channel.facts.writers + end->channel.facts.readers;
       i++) {
    facts.writer = i < end->channel.facts.writers;
    end->channel.kind->end_info(&end->channel, i, &facts);
  }
  (void) uvshm__channel_alone(&end->end);
  lane = fuzz_lane(world, end->channel.core->slot);
  if (lane != NULL) (void) uvshm__channel_tend(lane, &end->channel);
}


static void check(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t which = fuzz_u8(input);
  struct uvshm__lane* lane = fuzz_lane(world, which);
  const struct uvshm__directory_ref* ref =
      &world->channels[which / FUZZ_PEERS % FUZZ_CHANNELS];

  (void) uvshm__channel_check(fuzz_core_of(world, which), ref);
  if (which & 0x80 && lane != NULL)
    (void) uvshm__channel_mend(lane,
                               uvshm__directory_body(lane->core, ref->index));
}


/* Where the channels' own words are. */
static void damage(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t block = world->channel_blocks[fuzz_u8(input) % FUZZ_CHANNELS];
  uint64_t offset = fuzz_u16(input) % 4096 & ~UINT64_C(3);
  uint64_t value = fuzz_number(input);

  if (block + offset + 8 > world->fake.memory_size) return;
  memcpy(
      world->fake.memory + block + offset, &value, fuzz_u8(input) & 1 ? 8 : 4);
}

static const fuzz_op ops[] = {send_some,
                              send_some,
                              claim_some,
                              recv_some,
                              recv_some,
                              peek_some,
                              wait,
                              leave,
                              look,
                              check,
                              damage};

const struct fuzz_table fuzz_channel = {ops, sizeof(ops) / sizeof(ops[0])};
