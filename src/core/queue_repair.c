/* SPDX-License-Identifier: MIT */

/* A queue after a death. Modelled in models/queue.pml.
 *
 * What an end had, when it died, is a chunk in no slot that
 *
 *   its owner's word gives to it      a claim, or a message that was peeked
 *   its hand names, chunk and word    a message that it took, or that somebody
 *                                     else took who noted it as well
 *
 * The first is looked for in vain in the slot where its owner put it last; and
 * when another reader's hand names it, it was in a slot, and is that reader's
 * to settle, or that of who repairs after him. A chunk that is in no slot, and
 * in no other hand, stays like that until its owner does something.
 *
 * A claim is free then. A message is gone, or, with redelivery, put back as the
 * last of the queue; for that its owner's word is changed first, always, so
 * that nobody who looked before can do anything with it. The word goes on
 * naming the dead end: whoever repairs after it may die as well, and the next
 * one finds it as it is. So repair after one end is for one at a time, for who
 * has the dead peer's slot; two repairers of two ends may meet at one chunk.
 */

#include "core/queue_inside.h"


static int is_in_slot(const struct uvshm__queue* queue, uint32_t chunk) {
  uint32_t slot = uvshm__a32_load_acquire(&queue->notes[chunk].slot);

  return (uvshm__a64_load_acquire(uvshm__queue_slot(queue, slot)) &
          UVSHM__QUEUE_CHUNK) == (uint64_t) chunk + 1;
}


static int is_in_hand(const struct uvshm__channel* channel,
                      uint32_t index,
                      uint32_t chunk,
                      uint64_t own) {
  const uvshm__a64_t* hand = channel->ends[index].own;

  return uvshm__a64_load_acquire(&hand[UVSHM__QUEUE_HAND]) ==
             (uint64_t) chunk + 1 &&
         uvshm__a64_load_relaxed(&hand[UVSHM__QUEUE_HAND_OWN]) == own;
}


int uvshm__queue_is_nowhere(const struct uvshm__channel* channel,
                            uint32_t chunk,
                            uint64_t own,
                            uint32_t index) {
  uint32_t ends = channel->facts.writers + channel->facts.readers;
  uint32_t i;

  /* The slot first: who takes it out has it in his hand before. */
  if (is_in_slot(&channel->u.queue, chunk)) return 0;
  for (i = channel->facts.writers; i < ends; i++)
    if (i != index && is_in_hand(channel, i, chunk, own)) return 0;
  return 1;
}


static void forget_chunk(const struct uvshm__channel* channel,
                         uint32_t index,
                         uint32_t chunk) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uvshm__a64_t* word = &queue->notes[chunk].own;
  uint64_t own = uvshm__a64_load_acquire(word);
  uint64_t place = 0;
  int in_hand = is_in_hand(channel, index, chunk, own);

  if ((own & UVSHM__QUEUE_END) == 0) return;
  if (in_hand) {
    if (is_in_slot(queue, chunk)) return;
  } else {
    if ((own & UVSHM__QUEUE_END) != index + 1) return;
    if (!uvshm__queue_is_nowhere(channel, chunk, own, index)) return;
  }

  if (!in_hand && (own & UVSHM__QUEUE_LOAN) == 0) {
    uvshm__a64_cas(word, own, uvshm__queue_next_own(own, 0));
    return;
  }
  if ((channel->facts.flags & UVSHM__CHANNEL_REDELIVER) == 0) {
    if (uvshm__a64_cas(word, own, uvshm__queue_next_own(own, 0)))
      uvshm__a64_add(&channel->front->lost, 1);
    return;
  }
  if (!uvshm__a64_cas(
          word,
          own,
          uvshm__queue_next_own(
              own, (index + 1) | UVSHM__QUEUE_LOAN | UVSHM__QUEUE_GIVEN)))
    return;
  if (uvshm__queue_put(channel, chunk, &place) == 0)
    uvshm__a64_add(&channel->front->again, 1);
}


int uvshm__queue_forget(const struct uvshm__channel* channel, uint32_t index) {
  uint32_t chunk;

  for (chunk = 0; chunk < channel->u.queue.chunks; chunk++)
    forget_chunk(channel, index, chunk);
  uvshm__a64_store_release(&channel->ends[index].own[UVSHM__QUEUE_HAND], 0);
  return 0;
}


/* Nobody is there: what is in slots stays, all else belonged to somebody. */
void uvshm__queue_reset(const struct uvshm__channel* channel) {
  uint32_t ends = channel->facts.writers + channel->facts.readers;
  uint32_t i;

  for (i = 0; i < ends; i++) (void) uvshm__queue_forget(channel, i);
  (void) uvshm__queue_mend(channel);
}

/* ---- damage -------------------------------------------------------------- */

/* Free what is in no slot and no hand, and nobody's who is there. */
static uint32_t mend_chunk(const struct uvshm__channel* channel,
                           uint32_t chunk) {
  uvshm__a64_t* word = &channel->u.queue.notes[chunk].own;
  uint64_t own = uvshm__a64_load_acquire(word);

  if (!uvshm__queue_is_stray(channel, chunk, own)) return 0;
  return (uint32_t) uvshm__a64_cas(word, own, uvshm__queue_next_own(own, 0));
}


/* A message that cannot be received is taken out; those behind it can be. */
static uint32_t mend_slot(const struct uvshm__channel* channel, uint32_t slot) {
  uvshm__a64_t* at = uvshm__queue_slot(&channel->u.queue, slot);
  uint64_t word = uvshm__a64_load_acquire(at);

  if (!uvshm__queue_is_unreadable(channel, slot, word)) return 0;
  return (uint32_t) uvshm__a64_cas(
      at,
      word,
      (word & ~UVSHM__QUEUE_CHUNK) + (UINT64_C(1) << UVSHM__QUEUE_LAP_SHIFT));
}


uint32_t uvshm__queue_mend(const struct uvshm__channel* channel) {
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < uvshm__queue_slots(&channel->u.queue); i++)
    count += mend_slot(channel, i);
  for (i = 0; i < channel->u.queue.chunks; i++) count += mend_chunk(channel, i);
  return count;
}
