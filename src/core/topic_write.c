/* SPDX-License-Identifier: MIT */

/* Sending in a topic. See topic.c for the idea and models/topic.pml for the
 * proof.
 *
 * A commit exchanges two words, the slot and our hand, by one CAS:
 *
 *   swap of c = {what lies in the slot, the slot, us}
 *   slot: {position - slots, x} -> {position, c}       the commit
 *   hand: {n, c} -> {n + 1, x}                         by us, or by a helper
 *   tail: position -> position + 1                     by anybody
 *
 * Killed or stopped after the commit, we have c in our hand and in the slot.
 * Whoever takes c out of the slot sees that by c's swap and brings our hand up
 * to date first, so that c is never given away twice and x never lost. The
 * numbers in hand and slot make sure that whoever comes late changes nothing.
 *
 * A chunk that a reader has pinned and that came into our hand is exchanged
 * with a spare one in the same way. There are as many spares as there can be
 * pins, so of the spares and the one in our hand one is not pinned.
 */

#include "base/rare.h"
#include "core/topic_inside.h"

#include <string.h>


/* In `place` lies {.., chunk}, as `word` says: bring its writer's hand up to
 * date, if it is late. */
static UVSHM__APART void help(const struct uvshm__channel* channel,
                              uint32_t place,
                              uint64_t word) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t chunk = uvshm__topic_chunk_of(word);
  uint64_t swap = uvshm__a64_load_acquire(&topic->swaps[chunk]);
  uint32_t writer = uvshm__topic_swap_writer(swap);
  uvshm__a64_t* hand;
  uint64_t was;

  if (writer == 0 || writer > channel->facts.writers) return;
  hand = &topic->hands[writer - 1].word;
  was = uvshm__a64_load_seq_cst(hand);
  if (uvshm__topic_chunk_of(was) != chunk ||
      uvshm__topic_swap_chunk(swap) >= topic->chunks_count)
    return;
  /* The chunk is where it was, so `swap` and `was` are of the same exchange,
   * and it is not finished. */
  if (uvshm__a64_load_seq_cst(uvshm__topic_place(topic, place)) != word) return;
  (void) uvshm__a64_cas_seq_cst(
      hand, was, uvshm__topic_next_word(was, uvshm__topic_swap_chunk(swap)));
}


/* The chunk in our hand for the one in `place`. 1: done. */
static UVSHM__USUAL int exchange(struct uvshm__channel_end* end,
                                 uint32_t place,
                                 uint64_t was,
                                 uint64_t count) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  struct uvshm__topic_end* mine = &end->u.topic;
  uint32_t chunk = uvshm__topic_chunk_of(mine->hand);
  uint32_t other = uvshm__topic_chunk_of(was);

  /* Our own hand is up to date. */
  if (uvshm__topic_swap_writer(uvshm__a64_load_acquire(&topic->swaps[other])) !=
      end->index + 1)
    help(end->channel, place, was);
  uvshm__a64_store_relaxed(&topic->swaps[chunk],
                           uvshm__topic_swap(end->index, place, other));
  /* With it all that was written to the chunk before. In the one order with the
   * look at the pins that comes next, see is_pinned(). */
  if (!uvshm__a64_cas_seq_cst(uvshm__topic_place(topic, place),
                              was,
                              uvshm__topic_word(count, chunk)))
    return 0;
  mine->hand = uvshm__topic_next_word(mine->hand, other);
  uvshm__a64_store_release(&topic->hands[end->index].word, mine->hand);
  return 1;
}

/* ---- a chunk that nobody reads ------------------------------------------- */

static UVSHM__APART int has_pin(const uvshm__a64_t* pins,
                                uint32_t count,
                                uint32_t chunk) {
  uint32_t i;

  for (i = 0; i < count; i++)
    if ((uint32_t) uvshm__a64_load_seq_cst(&pins[i]) == chunk + 1) return 1;
  return 0;
}


/* A reader stores its pin, then looks whether the slot still names the chunk; a
 * writer takes the chunk out of the slot, then looks at the pins. All four are
 * seq_cst, so one of the two sees the other: a plain store of the slot would
 * show in test/test-topic-order.c. */
static UVSHM__USUAL int is_pinned(const struct uvshm__channel* channel,
                                  uint32_t chunk) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t readers = channel->facts.readers;
  uint64_t pinners;
  uint32_t reader;
  uint32_t i;

  for (i = 0; i < readers; i += 64) {
    pinners = uvshm__a64_load_seq_cst(&topic->hdr->pinners[i / 64]);
    for (reader = i; pinners != 0 && reader < readers; reader++, pinners >>= 1)
      if ((pinners & 1) != 0 &&
          has_pin(
              uvshm__topic_pins(topic, reader), channel->facts.loans, chunk))
        return 1;
  }
  return 0;
}


/* 1: the chunk in our hand was exchanged; 0: not now. */
static UVSHM__RARE int exchange_spare(struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint64_t word;
  uint32_t chunk;
  uint32_t i;

  for (i = 0; i < topic->spares_count; i++) {
    word = uvshm__a64_load_seq_cst(&topic->spares[i]);
    chunk = uvshm__topic_chunk_of(word);
    if (chunk >= topic->chunks_count)
      return uvshm__topic_damaged("a spare is no chunk");
    if (!is_pinned(end->channel, chunk) &&
        exchange(end,
                 topic->slots_count + i,
                 word,
                 (word >> UVSHM__TOPIC_CHUNK_BITS) + 1))
      return 1;
  }
  return 0;
}


/* A chunk in our hand that nobody reads or will read. */
static UVSHM__USUAL int get_chunk(struct uvshm__channel_end* end,
                                  uint32_t* chunk) {
  uint32_t tries;
  int err;

  for (tries = 0; tries < UVSHM__TOPIC_TRIES / 1000; tries++) {
    *chunk = uvshm__topic_chunk_of(end->u.topic.hand);
    if (!is_pinned(end->channel, *chunk)) {
      /* Before the bytes change, the slot did: pairs with the fence of who
       * copies without a pin (topic_read.c). */
      uvshm__fence_release();
      return 0;
    }
    err = exchange_spare(end);
    if (err < 0) return err;
    /* In one look at them all none was free, so somebody has moved. */
    if (err == 0) uvshm__pause();
  }
  return uvshm__topic_damaged("all its chunks are pinned");
}

/* ---- a place for it ------------------------------------------------------ */

/* The slot says neither this position nor the one before it in its round. */
static UVSHM__RARE int judge(const struct uvshm__topic* topic,
                             uint64_t position,
                             uint32_t slot,
                             uint64_t word) {
  if (uvshm__a64_load_seq_cst(&topic->hdr->tail) != position ||
      uvshm__a64_load_seq_cst(&topic->slots[slot]) != word)
    return 0; /* it has moved on meanwhile */
  return uvshm__topic_damaged("a slot does not follow the others");
}


/* Mostly the last message of the chunk was as large, and readers still have the
 * line: they keep it. */
static void say_size(uvshm__a64_t* at, uint64_t size) {
  if (uvshm__a64_load_relaxed(at) != size) uvshm__a64_store_relaxed(at, size);
}


/* Send what is in our hand, `size` bytes. */
static UVSHM__USUAL int publish(struct uvshm__channel_end* end, uint64_t size) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  struct uvshm__topic_end* mine = &end->u.topic;
  uint32_t tries;
  uint64_t position;
  uint64_t word;
  uint32_t slot;
  int64_t ahead;
  int err;

  say_size(&topic->sizes[uvshm__topic_chunk_of(mine->hand)], size);
  for (tries = 0; tries < UVSHM__TOPIC_TRIES; tries++) {
    position = uvshm__a64_load_acquire(&topic->hdr->tail);
    slot = uvshm__topic_slot(topic, mine, position);
    word = uvshm__a64_load_seq_cst(&topic->slots[slot]);
    ahead = uvshm__topic_ahead(word, position);
    if (ahead == 0) {
      /* It is sent; its writer was killed or is late. */
      (void) uvshm__a64_cas(&topic->hdr->tail, position, position + 1);
    } else if (ahead != -(int64_t) topic->slots_count ||
               uvshm__topic_chunk_of(word) >= topic->chunks_count) {
      err = judge(topic, position, slot, word);
      if (err < 0) return err;
    } else if (exchange(end, slot, word, position)) {
      (void) uvshm__a64_cas(&topic->hdr->tail, position, position + 1);
      mine->position = position + 1;
      return 0;
    }
  }
  return uvshm__topic_damaged("others are always faster");
}


/* Of a lossless topic, is there room for one message? There are `slack` slots
 * more than messages that may wait for a reader, one for each writer: so what
 * was claimed can be committed at once, whoever else does the same meanwhile.
 * The tail may be one late, therefore one more. */
static UVSHM__USUAL int has_room(struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  struct uvshm__topic_end* mine = &end->u.topic;
  uint64_t tail;

  if (!uvshm__topic_is_lossless(end->channel)) return 1;
  tail = uvshm__a64_load_acquire(&topic->hdr->tail);
  if ((int64_t) (mine->limit - tail) > (int64_t) topic->slack) return 1;
  mine->limit = uvshm__topic_limit(end->channel);
  return (int64_t) (mine->limit - tail) > (int64_t) topic->slack;
}

/* ---- the calls ----------------------------------------------------------- */

/* One at a time: a hand holds one chunk. */
int uvshm__topic_claim(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count) {
  struct uvshm__topic_end* mine = &end->u.topic;
  uint32_t chunk;
  int err;

  if (mine->claimed != 0)
    return uvshm__fail(UV_EINVAL, "a message is claimed already");
  if (!has_room(end)) return UV_EAGAIN;
  err = get_chunk(end, &chunk);
  if (err < 0) return err;
  mine->claimed = chunk + 1;
  mine->room = messages[0].size;
  messages[0].bytes = uvshm__topic_message(&end->channel->u.topic, chunk);
  *count = 1;
  return 0;
}


int uvshm__topic_commit(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t count) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  struct uvshm__topic_end* mine = &end->u.topic;

  if (count == 0) {
    mine->claimed = 0;
    return 0;
  }
  if (count > 1 || mine->claimed == 0 ||
      messages[0].bytes != uvshm__topic_message(topic, mine->claimed - 1) ||
      messages[0].size > mine->room)
    return uvshm__fail(UV_EINVAL, "that was not claimed");
  mine->claimed = 0;
  return publish(end, messages[0].size);
}


static UVSHM__USUAL int send_one(struct uvshm__channel_end* end,
                                 const uvshm_message_t* message) {
  uint32_t chunk;
  int err;

  if (!has_room(end)) return UV_EAGAIN;
  err = get_chunk(end, &chunk);
  if (err < 0) return err;
  if (message->size != 0)
    memcpy(uvshm__topic_message(&end->channel->u.topic, chunk),
           message->bytes,
           message->size);
  return publish(end, message->size);
}


int uvshm__topic_send(struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t* count) {
  size_t i;
  int err = 0;

  if (end->u.topic.claimed != 0)
    return uvshm__fail(UV_EINVAL, "a message is claimed already");
  for (i = 0; i < *count; i++) {
    err = send_one(end, &messages[i]);
    if (err < 0) break;
  }
  if (i == 0) return err;
  *count = i;
  return 0;
}
