/* SPDX-License-Identifier: MIT */

/* A topic: any writers, any readers, and each reader gets every message.
 *
 * Messages lie in chunks. A ring of slots names the last ones by position, and
 * a message is sent by the one compare-and-swap that puts its chunk into the
 * slot of its position, in place of the one that was there a round before:
 *
 *   slots   {8, c3} {9, c0} {6, c5} {7, c1}      tail 10
 *   spares  {.., c7} ..                          one for each pin that can be
 *   hands   {.., c4} {.., c2}                    one for each writer
 *
 * Every chunk is in exactly one place, always: in a slot, among the spares, or
 * in the hand of a writer, whether or not anybody is that writer just now.
 * There is no free list, no count of readers, and nothing that a reader must do
 * before a chunk is used again, except to take back its pin, if it reads in
 * place. So a reader that is slow, stopped or dead stops nobody: it is passed,
 * and sees by the position in the slot how many messages it has missed.
 *
 * What makes that exact is how a chunk changes places (topic_write.c): the CAS
 * on the slot is both the commit and the moment at which the chunk that lay
 * there is the writer's. What a writer that was killed or stopped in the middle
 * of it has not done yet, others can do for it, and do before it matters.
 *
 * In a lossless topic writers wait for the slowest reader (topic_limit.c).
 *
 * Of hostile bytes: a chunk's number is compared with the private count before
 * it is used, places are computed from private numbers, loops have private
 * bounds. The worst that they can do is a message that is not what was sent.
 */

#include "core/topic_inside.h"

#include <string.h>

#define BYTES_DEFAULT UINT64_C(262144)
#define LEAST_MESSAGES 4u

/* ---- geometry ------------------------------------------------------------ */

/* Offsets in the area. */
struct places {
  uint64_t slots;
  uint64_t spares;
  uint64_t swaps;
  uint64_t sizes;
  uint64_t hands;
  uint64_t pins;
  uint64_t messages;
  uint64_t end;
};

struct counts {
  uint64_t slots;
  uint64_t spares;
  uint64_t chunks;
  uint64_t pins_stride;
  uint64_t stride;
  uint32_t slack;
};


static uint64_t round_up_64(uint64_t size) {
  return (size + 63) & ~UINT64_C(63);
}


/* 1: they are few enough, so nothing overflows. */
static int count(const struct uvshm__channel_facts* facts,
                 struct counts* counts) {
  counts->slack =
      facts->flags & UVSHM__CHANNEL_LOSSLESS ? facts->writers + 1 : 0;
  if (facts->capacity > UVSHM__TOPIC_CHUNKS) return 0;
  counts->slots = facts->capacity + counts->slack;
  counts->spares = (uint64_t) facts->readers * facts->loans;
  counts->chunks = counts->slots + counts->spares + facts->writers;
  counts->pins_stride = round_up_64((uint64_t) facts->loans * 8);
  counts->stride = round_up_64(facts->size_max);
  return counts->chunks < UVSHM__TOPIC_CHUNKS;
}


static void place(const struct uvshm__channel_facts* facts,
                  const struct counts* counts,
                  struct places* places) {
  places->slots = sizeof(struct uvshm__topic_hdr);
  places->spares = round_up_64(places->slots + counts->slots * 8);
  places->swaps = round_up_64(places->spares + counts->spares * 8);
  places->sizes = round_up_64(places->swaps + counts->chunks * 8);
  places->hands = round_up_64(places->sizes + counts->chunks * 8);
  places->pins =
      places->hands + facts->writers * sizeof(struct uvshm__topic_hand);
  places->messages = places->pins + facts->readers * counts->pins_stride;
  places->end = places->messages + counts->chunks * counts->stride;
}


static int plan(struct uvshm__channel_facts* facts,
                uint64_t messages,
                uint64_t bytes) {
  struct counts counts;
  struct places places;
  uint64_t least = 1;

  if (facts->capacity == 0) {
    if (messages == 0 && bytes == 0) {
      bytes = BYTES_DEFAULT;
      least = LEAST_MESSAGES;
    }
    if (messages == 0) messages = bytes / round_up_64(facts->size_max);
    facts->capacity = messages < least ? least : messages;
  }
  if (!count(facts, &counts))
    return uvshm__fail(UV_EINVAL,
                       "a topic has at most %u messages, loans and writers",
                       UVSHM__TOPIC_CHUNKS - 1);
  place(facts, &counts, &places);
  facts->area_size = places.end;
  return 0;
}


static int attach(struct uvshm__channel* channel) {
  struct uvshm__topic* topic = &channel->u.topic;
  unsigned char* area = channel->area;
  struct counts counts;
  struct places places;

  if (!count(&channel->facts, &counts))
    return uvshm__topic_damaged("it cannot be that large");
  place(&channel->facts, &counts, &places);
  topic->hdr = (struct uvshm__topic_hdr*) (void*) area;
  topic->slots = (uvshm__a64_t*) (void*) (area + places.slots);
  topic->spares = (uvshm__a64_t*) (void*) (area + places.spares);
  topic->swaps = (uvshm__a64_t*) (void*) (area + places.swaps);
  topic->sizes = (uvshm__a64_t*) (void*) (area + places.sizes);
  topic->hands = (struct uvshm__topic_hand*) (void*) (area + places.hands);
  topic->pins = area + places.pins;
  topic->messages = area + places.messages;
  topic->stride = counts.stride;
  topic->slots_count = (uint32_t) counts.slots;
  topic->spread = topic->slots_count / 64 * 64;
  topic->spares_count = (uint32_t) counts.spares;
  topic->chunks_count = (uint32_t) counts.chunks;
  topic->pins_stride = (uint32_t) counts.pins_stride;
  topic->slack = counts.slack;
  return 0;
}


/* As if as many messages had been sent as there are slots, which nobody will
 * ever read. */
static void format(const struct uvshm__channel* unattached) {
  struct uvshm__channel channel = *unattached;
  const struct uvshm__topic* topic = &channel.u.topic;
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) channel.area;
  uint64_t size;
  uint32_t i;

  if (attach(&channel) < 0) return;
  size = (uint64_t) (topic->messages - channel.area);
  for (i = 0; i < size / 8; i++) uvshm__a64_store_relaxed(&words[i], 0);
  for (i = 0; i < topic->slots_count; i++)
    uvshm__a64_store_relaxed(&topic->slots[uvshm__topic_slot_of(topic, i)],
                             uvshm__topic_word(i, i));
  uvshm__topic_deal(&channel);
  uvshm__a64_store_relaxed(&topic->hdr->tail, topic->slots_count);
  uvshm__a64_store_relaxed(&topic->hdr->limit,
                           2 * (uint64_t) topic->slots_count);
}

/* ---- ends ---------------------------------------------------------------- */

/* What was missed is counted for good. */
static void keep_lost(const struct uvshm__channel* channel,
                      struct uvshm__channel_ent* ent) {
  uint64_t lost = uvshm__a64_xchg(&ent->lost, 0);

  if (lost != 0) (void) uvshm__a64_add(&channel->front->lost, lost);
}


/* The chunk in a writer's hand stays there for the next one. */
static int forget(const struct uvshm__channel* channel, uint32_t index) {
  if (index >= channel->facts.writers)
    keep_lost(channel, &channel->ends[index]);
  return uvshm__topic_forget(channel, index);
}


static void leave(struct uvshm__channel_end* end) {
  (void) forget(end->channel, end->index);
}

/* ---- numbers ------------------------------------------------------------- */

static int is_there(const struct uvshm__channel_ent* ent) {
  return ((uint32_t) uvshm__a64_load_acquire(&ent->owner) & 0xffff) ==
         UVSHM__END_LIVE;
}


/* How many messages wait for the reader; of those that are still there. */
static uint64_t lag_of(const struct uvshm__channel* channel, uint32_t index) {
  const struct uvshm__channel_ent* ent = &channel->ends[index];
  uint64_t tail = uvshm__a64_load_acquire(&channel->u.topic.hdr->tail);
  uint64_t lag = tail - uvshm__a64_load_relaxed(&ent->own[0]);

  if (!is_there(ent) || (int64_t) lag < 0) return 0;
  return lag < channel->u.topic.slots_count ? lag
                                            : channel->u.topic.slots_count;
}


static void info(const struct uvshm__channel* channel,
                 uvshm_channel_info_t* result) {
  uint32_t first = channel->facts.writers;
  uint64_t lag;
  uint32_t i;

  result->sent = uvshm__a64_load_acquire(&channel->u.topic.hdr->tail) -
                 channel->u.topic.slots_count;
  for (i = first; i < first + channel->facts.readers; i++) {
    if (!is_there(&channel->ends[i])) continue;
    lag = lag_of(channel, i);
    if (lag > result->depth) result->depth = lag;
    result->received += uvshm__a64_load_relaxed(&channel->ends[i].messages);
    result->lost += uvshm__a64_load_relaxed(&channel->ends[i].lost);
  }
}


static void end_info(const struct uvshm__channel* channel,
                     uint32_t index,
                     uvshm_channel_end_t* result) {
  if (result->writer) return;
  result->lag = lag_of(channel, index);
  result->lost = uvshm__a64_load_relaxed(&channel->ends[index].lost);
}


static const void* next(const struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;

  return &topic->slots[uvshm__topic_slot_of(topic, end->u.topic.position)];
}


const struct uvshm__channel_kind uvshm__topic_kind = {
    .plan = plan,
    .format = format,
    .attach = attach,
    .join = uvshm__topic_join,
    .leave = leave,
    .forget = forget,
    .claim = uvshm__topic_claim,
    .commit = uvshm__topic_commit,
    .send = uvshm__topic_send,
    .peek = uvshm__topic_peek,
    .release = uvshm__topic_release,
    .unpeek = uvshm__topic_unpeek,
    .recv = uvshm__topic_recv,
    .readable = uvshm__topic_readable,
    .next = next,
    .writable = uvshm__topic_writable,
    .drained = uvshm__topic_drained,
    .info = info,
    .end_info = end_info,
    .check = uvshm__topic_check,
    .mend = uvshm__topic_mend,
    .reset = uvshm__topic_reset};
