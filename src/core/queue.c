/* SPDX-License-Identifier: MIT */

/* A queue: any writers, any readers, each message to one of them, in the order
 * in which they were sent. Here is its making; queue_put.c has the writers,
 * queue_take.c the readers, queue_repair.c what happens after a death.
 *
 * The truth is in two kinds of words. A slot says which chunk, if any, is the
 * message at its position; a chunk's `own` says whose it is when it is in no
 * slot. A message is
 *
 *   free --take a chunk--> the writer's --fill a slot--> waiting
 *     ^                                                     | empty the slot
 *     +------ copied out, or released ------ the reader's <-+
 *
 * and each arrow is one compare-and-swap. There is no moment at which a slot is
 * reserved and not yet filled, nor one at which a chunk is nobody's: so whoever
 * is stopped or killed, at any point, is in nobody's way.
 *
 * Which slot is next is a hint: everybody goes on from where he was, or from
 * the hint, to the first slot that was not filled (or emptied) yet. A slot's
 * lap says whether it was, and how far behind one is.
 *
 * Full is a matter of positions: the message that was sent `capacity` messages
 * ago has not been taken. There are more chunks than that, for what is in the
 * hands of readers and writers, and at least as many slots as chunks: so who
 * has a chunk can always put it into the queue, also a repairer. Several
 * writers at once may exceed the capacity by one message each.
 *
 * Modelled, with every death, in models/queue.pml.
 */

#include "core/queue.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/queue_inside.h"


int uvshm__queue_damaged(const char* what, uint64_t number) {
  return uvshm__fail(
      UV_EPROTO, "%s, at %llu", what, (unsigned long long) number);
}


static uint64_t stride_of(uint64_t size_max) {
  uint64_t stride = (size_max + 63) / 64 * 64;

  if (stride == 0) stride = 64;
  return stride % 1024 == 0 ? stride + 64 : stride;
}


static uint64_t chunks_of(const struct uvshm__channel_facts* facts) {
  return facts->capacity + (uint64_t) facts->readers * facts->loans +
         facts->writers;
}


static uint32_t slot_bits_of(uint64_t chunks) {
  uint32_t bits = 0;

  while (UINT64_C(1) << bits < chunks ||
         UINT64_C(1) << bits < UVSHM__QUEUE_SLOTS_LEAST)
    bits++;
  return bits;
}


static uint64_t notes_at(uint64_t chunks) {
  return UVSHM__QUEUE_SLOTS + (UINT64_C(8) << slot_bits_of(chunks));
}


static uint64_t messages_at(uint64_t chunks) {
  return (notes_at(chunks) + chunks * sizeof(struct uvshm__queue_note) + 127) /
         128 * 128;
}


static int plan(struct uvshm__channel_facts* facts,
                uint64_t messages,
                uint64_t bytes) {
  if (facts->flags & UVSHM__CHANNEL_LOSSLESS)
    return uvshm__fail(UV_ENOTSUP, "a queue never loses what is not taken");
  if (facts->capacity == 0) facts->capacity = messages;
  if (facts->capacity == 0 && bytes != 0)
    facts->capacity = bytes / stride_of(facts->size_max) + 1;
  if (facts->capacity == 0) {
    facts->capacity = 256 * 1024 / stride_of(facts->size_max);
    if (facts->capacity < 4) facts->capacity = 4;
  }
  if (facts->capacity > UVSHM__QUEUE_CAPACITY_MAX)
    return uvshm__fail(UV_EINVAL,
                       "a queue has room for %llu messages at most",
                       (unsigned long long) UVSHM__QUEUE_CAPACITY_MAX);
  facts->area_size = messages_at(chunks_of(facts)) +
                     chunks_of(facts) * stride_of(facts->size_max);
  return 0;
}


UVSHM__RARE static int attach(struct uvshm__channel* channel) {
  struct uvshm__queue* queue = &channel->u.queue;
  uint64_t chunks = chunks_of(&channel->facts);

  queue->head = (uvshm__a64_t*) channel->area;
  queue->tail = (uvshm__a64_t*) (channel->area + UVSHM__QUEUE_TAIL);
  queue->slots = (uvshm__a64_t*) (channel->area + UVSHM__QUEUE_SLOTS);
  queue->notes = (struct uvshm__queue_note*) (channel->area + notes_at(chunks));
  queue->messages = channel->area + messages_at(chunks);
  queue->stride = stride_of(channel->facts.size_max);
  queue->slot_bits = slot_bits_of(chunks);
  queue->chunks = (uint32_t) chunks;
  return 0;
}


UVSHM__RARE static void format(const struct uvshm__channel* channel) {
  struct uvshm__channel fresh = *channel;
  const struct uvshm__queue* queue = &fresh.u.queue;
  uint64_t i;

  (void) attach(&fresh);
  uvshm__a64_store_relaxed(queue->head, 0);
  uvshm__a64_store_relaxed(queue->tail, 0);
  for (i = 0; i < uvshm__queue_slots(queue); i++)
    uvshm__a64_store_relaxed(&queue->slots[i], 0);
  for (i = 0; i < queue->chunks; i++) {
    uvshm__a64_store_relaxed(&queue->notes[i].own, 0);
    uvshm__a32_store_relaxed(&queue->notes[i].size, 0);
    uvshm__a32_store_relaxed(&queue->notes[i].slot, 0);
  }
}


static int join(struct uvshm__channel_end* end) {
  const struct uvshm__queue* queue = &end->channel->u.queue;

  /* Writers begin to look for chunks at different places. */
  end->u.queue.next = (uint32_t) ((uint64_t) end->index * 61 % queue->chunks);
  return 0;
}


static void leave(struct uvshm__channel_end* end) {
  (void) uvshm__queue_forget(end->channel, end->index);
  end->u.queue.count = 0;
}

static const void* next(const struct uvshm__channel_end* end) {
  return uvshm__queue_slot(&end->channel->u.queue, end->u.queue.place);
}


const struct uvshm__channel_kind uvshm__queue_kind = {
    .plan = plan,
    .format = format,
    .attach = attach,
    .join = join,
    .leave = leave,
    .forget = uvshm__queue_forget,
    .claim = uvshm__queue_claim,
    .commit = uvshm__queue_commit,
    .send = uvshm__queue_send,
    .peek = uvshm__queue_peek,
    .release = uvshm__queue_release,
    .recv = uvshm__queue_recv,
    .readable = uvshm__queue_readable,
    .next = next,
    .writable = uvshm__queue_writable,
    .glance = uvshm__queue_glance,
    .drained = uvshm__queue_drained,
    .info = uvshm__queue_info,
    .end_info = uvshm__queue_end_info,
    .check = uvshm__queue_check,
    .mend = uvshm__queue_mend,
    .reset = uvshm__queue_reset};
