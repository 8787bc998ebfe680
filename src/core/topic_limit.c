/* SPDX-License-Identifier: MIT */

/* How far writers of a lossless topic may go, and how a reader comes in. See
 * models/topic_wait.pml for the proof.
 *
 * The limit is one word: positions before it may be written, because what lies
 * there, a round before, is read. It only grows. A writer that has come to it
 * looks where each reader is and moves it by one CAS.
 *
 * A reader that comes in while a writer looks round could be overlooked, and
 * what it wants be overwritten. So the word counts the readers that came: the
 * reader says that it is there, then counts itself in, then looks where the
 * limit is. A writer that began to look before that fails with its CAS and
 * looks again; and what lies less than a round before the limit stays until
 * this reader has read it.
 */

#include "core/topic_inside.h"

/* The limit as a position: it is never a round away from the tail. */
static uint64_t position_of(uint64_t word, uint64_t tail) {
  uint64_t ahead = (word & UVSHM__TOPIC_COUNT) - tail;

  return tail + (uint64_t) ((int64_t) (ahead << UVSHM__TOPIC_CHUNK_BITS) /
                            (int64_t) UVSHM__TOPIC_CHUNKS);
}


static uint64_t with_position(uint64_t word, uint64_t position) {
  return (word & ~UVSHM__TOPIC_COUNT) | (position & UVSHM__TOPIC_COUNT);
}


/* Where reader `index` is; 1: it counts. It does from the moment in which it
 * says its position until it is known to be dead or has left. */
static int find_reader(const struct uvshm__channel* channel,
                       uint32_t index,
                       uint64_t* position) {
  const struct uvshm__channel_ent* ent = uvshm__topic_reader(channel, index);
  uint64_t owner = uvshm__a64_load_seq_cst(&ent->owner) & 0xffff;

  if (owner != UVSHM__END_JOINING && owner != UVSHM__END_LIVE) return 0;
  *position = uvshm__a64_load_seq_cst(&ent->own[0]);
  return *position != 0;
}


/* The position of the reader that is furthest behind; 0: there is none. */
static uint64_t find_slowest(const struct uvshm__channel* channel,
                             uint64_t tail) {
  uint64_t slowest = 0;
  uint64_t position;
  uint32_t i;

  for (i = 0; i < channel->facts.readers; i++) {
    if (!find_reader(channel, i, &position)) continue;
    /* One that waits for what is to come. */
    if ((int64_t) (position - tail) > 0) position = tail;
    if (slowest == 0 || (int64_t) (slowest - position) > 0) slowest = position;
  }
  return slowest;
}


uint64_t uvshm__topic_limit(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t tries;
  uint64_t word;
  uint64_t tail;
  uint64_t slowest;
  uint64_t limit = 0;

  for (tries = 0; tries < UVSHM__TOPIC_TRIES / 1000; tries++) {
    word = uvshm__a64_load_seq_cst(&topic->hdr->limit);
    tail = uvshm__a64_load_seq_cst(&topic->hdr->tail);
    limit = position_of(word, tail);
    slowest = find_slowest(channel, tail);
    if (slowest == 0 || (int64_t) (slowest + topic->slots_count - limit) <= 0)
      break;
    if (uvshm__a64_cas_seq_cst(
            &topic->hdr->limit,
            word,
            with_position(word, slowest + topic->slots_count)))
      return slowest + topic->slots_count;
  }
  return limit;
}

/* It lies behind the tail, and not more than a round. */
int uvshm__topic_limit_is_strange(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint64_t before = uvshm__a64_load_seq_cst(&topic->hdr->tail);
  uint64_t word = uvshm__a64_load_seq_cst(&topic->hdr->limit);
  uint64_t after = uvshm__a64_load_seq_cst(&topic->hdr->tail);
  uint64_t limit = position_of(word, before);

  return uvshm__topic_is_lossless(channel) &&
         ((int64_t) (limit - before) < 0 ||
          (int64_t) (limit - after) > (int64_t) topic->slots_count);
}


void uvshm__topic_limit_reset(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint64_t tail = uvshm__a64_load_relaxed(&topic->hdr->tail);

  uvshm__a64_store_relaxed(&topic->hdr->limit,
                           (tail + topic->slots_count) & UVSHM__TOPIC_COUNT);
}

/* ---- coming in ----------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b) {
  return (int64_t) (a - b) > 0 ? a : b;
}


/* Where this reader wants to begin, when everything from `oldest` on is
 * there. */
static uint64_t begin_at(const struct uvshm__channel_end* end,
                         uint64_t oldest,
                         uint64_t tail) {
  uint64_t first = end->channel->u.topic.slots_count;

  oldest = larger(oldest, first);
  if (end->flags & UVSHM_CHANNEL_OLDEST) return oldest;
  if (end->flags & UVSHM_CHANNEL_SEQUENCE)
    return larger(oldest, first + (end->sequence & (UINT64_MAX >> 1)));
  return larger(oldest, tail);
}


static int join_lossless(struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint32_t tries;
  uint64_t word;
  uint64_t tail;
  int done = 0;

  /* Before all others. */
  uvshm__a64_store_seq_cst(&end->ent->own[0], topic->slots_count);
  for (tries = 0; tries < UVSHM__TOPIC_TRIES && !done; tries++) {
    word = uvshm__a64_load_seq_cst(&topic->hdr->limit);
    done = uvshm__a64_cas_seq_cst(
        &topic->hdr->limit, word, word + UVSHM__TOPIC_COUNT + 1);
  }
  if (!done) return uvshm__topic_damaged("its limit is never the same");
  tail = uvshm__a64_load_seq_cst(&topic->hdr->tail);
  end->u.topic.position =
      begin_at(end, position_of(word, tail) - topic->slots_count, tail);
  uvshm__a64_store_seq_cst(&end->ent->own[0], end->u.topic.position);
  return 0;
}


static int join_lossy(struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint64_t tail = uvshm__a64_load_seq_cst(&topic->hdr->tail);

  end->u.topic.position = begin_at(end, tail - topic->slots_count, tail);
  uvshm__a64_store_seq_cst(&end->ent->own[0], end->u.topic.position);
  return 0;
}


static int join_reader(struct uvshm__channel_end* end) {
  const struct uvshm__channel* channel = end->channel;
  uvshm__a64_t* pins =
      uvshm__topic_pins(&channel->u.topic, end->index - channel->facts.writers);
  uint32_t i;

  for (i = 0; i < channel->facts.loans; i++)
    uvshm__a64_store_relaxed(&pins[i], 0);
  return uvshm__topic_is_lossless(channel) ? join_lossless(end)
                                           : join_lossy(end);
}


/* A writer goes on with the chunk that its hand had; a reader has none. */
int uvshm__topic_join(struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;

  if (!end->writer) return join_reader(end);
  uvshm__topic_settle(end->channel, end->index);
  end->u.topic.hand = uvshm__a64_load_acquire(&topic->hands[end->index].word);
  if (uvshm__topic_chunk_of(end->u.topic.hand) >= topic->chunks_count)
    return uvshm__topic_damaged("a hand holds no chunk");
  return 0;
}

/* ---- for the frame ------------------------------------------------------- */

int uvshm__topic_writable(const struct uvshm__channel_end* end, uint64_t size) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint64_t tail;

  (void) size;
  if (!uvshm__topic_is_lossless(end->channel)) return 1;
  tail = uvshm__a64_load_seq_cst(&topic->hdr->tail);
  return (int64_t) (uvshm__topic_limit(end->channel) - tail) >
         (int64_t) topic->slack;
}


int uvshm__topic_drained(const struct uvshm__channel_end* end) {
  uint64_t position;
  uint32_t i;

  for (i = 0; i < end->channel->facts.readers; i++)
    if (find_reader(end->channel, i, &position) &&
        (int64_t) (end->u.topic.position - position) > 0)
      return 0;
  return 1;
}
