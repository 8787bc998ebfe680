/* SPDX-License-Identifier: MIT */

/* A topic after a death, and as seen from outside. */

#include "core/topic_inside.h"

/* How often others may change it while we look. */
#define ROUNDS 100u


/* Chunks to the hands and the spares: those after the ones of the slots. */
void uvshm__topic_deal(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t writers = channel->facts.writers;
  uint32_t chunk = topic->slots_count;
  uint32_t i;

  for (i = 0; i < writers; i++)
    uvshm__a64_store_relaxed(&topic->hands[i].word,
                             uvshm__topic_word(0, chunk++));
  for (i = 0; i < topic->spares_count; i++)
    uvshm__a64_store_relaxed(&topic->spares[i], uvshm__topic_word(0, chunk++));
}


/* The writer was killed between the two stores of an exchange if the chunk in
 * its hand is in the place that it was meant for: who takes it out of there
 * brings the hand up to date first, and changes its word, so that then the CAS
 * fails. May be done at any time, by anybody, and again. */
void uvshm__topic_settle(const struct uvshm__channel* channel, uint32_t index) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uvshm__a64_t* hand = &topic->hands[index].word;
  uint64_t was = uvshm__a64_load_seq_cst(hand);
  uint32_t chunk = uvshm__topic_chunk_of(was);
  uint32_t place;
  uint64_t swap;

  if (chunk >= topic->chunks_count) return;
  swap = uvshm__a64_load_seq_cst(&topic->swaps[chunk]);
  place = uvshm__topic_swap_place(swap);
  if (uvshm__topic_swap_writer(swap) != index + 1 ||
      uvshm__topic_swap_chunk(swap) >= topic->chunks_count ||
      place >= topic->slots_count + topic->spares_count)
    return;
  if (uvshm__topic_chunk_of(
          uvshm__a64_load_seq_cst(uvshm__topic_place(topic, place))) != chunk)
    return;
  (void) uvshm__a64_cas_seq_cst(
      hand, was, uvshm__topic_next_word(was, uvshm__topic_swap_chunk(swap)));
}


/* A pin says in which life of the entry it was set, so that who comes late
 * takes none of the next reader's away. The bit in `pinners` stays: it only
 * says that there is something to look at. */
int uvshm__topic_forget(const struct uvshm__channel* channel, uint32_t index) {
  uint32_t writers = channel->facts.writers;
  uvshm__a64_t* pins;
  uint64_t owner;
  uint64_t pin;
  uint32_t i;

  if (index < writers) {
    uvshm__topic_settle(channel, index);
    return 0;
  }
  owner = uvshm__a64_load_acquire(&channel->ends[index].owner);
  pins = uvshm__topic_pins(&channel->u.topic, index - writers);
  for (i = 0; i < channel->facts.loans; i++) {
    pin = uvshm__a64_load_relaxed(&pins[i]);
    if (pin != 0 && pin >> 32 == owner >> 32)
      (void) uvshm__a64_cas(&pins[i], pin, 0);
  }
  return 0;
}

/* ---- check --------------------------------------------------------------- */

/* Two sums over all chunks and over all places are the same when every chunk is
 * in one place (almost surely, in the one direction). The third changes with
 * every change of a word. */
struct sums {
  uint64_t chunks;
  uint64_t places;
  uint64_t words;
};


static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}


static void add_word(struct sums* sums, uint64_t word) {
  sums->places += mix(uvshm__topic_chunk_of(word) + UINT64_C(1));
  sums->words = mix(sums->words ^ word);
}


/* What the hand of writer `index` holds when its exchange is finished. */
static uint64_t hand_of(const struct uvshm__channel* channel, uint32_t index) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint64_t word = uvshm__a64_load_seq_cst(&topic->hands[index].word);
  uint32_t chunk = uvshm__topic_chunk_of(word);
  uint32_t place;
  uint64_t swap;

  if (chunk >= topic->chunks_count) return word;
  swap = uvshm__a64_load_seq_cst(&topic->swaps[chunk]);
  place = uvshm__topic_swap_place(swap);
  if (uvshm__topic_swap_writer(swap) == index + 1 &&
      place < topic->slots_count + topic->spares_count &&
      uvshm__topic_chunk_of(
          uvshm__a64_load_seq_cst(uvshm__topic_place(topic, place))) == chunk)
    return uvshm__topic_next_word(word, uvshm__topic_swap_chunk(swap));
  return word;
}


static void sum_up(const struct uvshm__channel* channel, struct sums* sums) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t i;

  sums->chunks = 0;
  sums->places = 0;
  sums->words = uvshm__a64_load_seq_cst(&topic->hdr->tail) ^
                uvshm__a64_load_seq_cst(&topic->hdr->limit);
  for (i = 0; i < topic->chunks_count; i++)
    sums->chunks += mix(i + UINT64_C(1));
  for (i = 0; i < topic->slots_count + topic->spares_count; i++)
    add_word(sums, uvshm__a64_load_seq_cst(uvshm__topic_place(topic, i)));
  for (i = 0; i < channel->facts.writers; i++)
    add_word(sums, hand_of(channel, i));
}


/* Do the slots follow each other up to the tail, or one further? */
static const char* fault_of_slots(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint64_t count = topic->slots_count;
  uint64_t tail = uvshm__a64_load_seq_cst(&topic->hdr->tail);
  uint64_t i;
  int64_t ahead;

  if (tail < count || tail > UINT64_MAX / 2) return "its tail";
  for (i = 0; i < count; i++) {
    ahead = uvshm__topic_ahead(
        uvshm__a64_load_seq_cst(
            &topic->slots[uvshm__topic_slot_of(topic, tail + i)]),
        tail + i - count);
    if (ahead != 0 && (i != 0 || ahead != (int64_t) count))
      return "a slot does not follow the others";
  }
  return NULL;
}


static const char* fault_of_messages(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t chunk;
  uint32_t i;

  for (i = 0; i < topic->slots_count; i++) {
    chunk = uvshm__topic_chunk_of(uvshm__a64_load_seq_cst(&topic->slots[i]));
    if (chunk >= topic->chunks_count) return "a slot names no chunk";
    if (uvshm__a64_load_relaxed(&topic->sizes[chunk]) > channel->facts.size_max)
      return "a message is larger than it may be";
  }
  return NULL;
}


int uvshm__topic_check(const struct uvshm__channel* channel) {
  const char* fault = NULL;
  struct sums before;
  struct sums after;
  uint32_t round;

  sum_up(channel, &before);
  for (round = 0; round < ROUNDS; round++) {
    fault = fault_of_slots(channel);
    if (fault == NULL) fault = fault_of_messages(channel);
    if (fault == NULL && uvshm__topic_limit_is_strange(channel))
      fault = "its limit";
    if (fault == NULL && before.places != before.chunks)
      fault = "a chunk is in two places, or in none";
    if (fault == NULL) return 0;
    sum_up(channel, &after);
    if (after.words == before.words) return uvshm__topic_damaged(fault);
    before = after;
  }
  return 0; /* always busy, so it is alive */
}

/* ---- mend, reset --------------------------------------------------------- */

static int has_ends(const struct uvshm__channel* channel) {
  uint32_t i;

  for (i = 0; i < channel->facts.writers + channel->facts.readers; i++)
    if ((uvshm__a64_load_acquire(&channel->ends[i].owner) & 0xffff) !=
        UVSHM__END_FREE)
      return 1;
  return 0;
}


static void clear_pins(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint32_t reader;
  uint32_t i;

  for (reader = 0; reader < channel->facts.readers; reader++)
    for (i = 0; i < channel->facts.loans; i++)
      uvshm__a64_store_relaxed(&uvshm__topic_pins(topic, reader)[i], 0);
}


/* Nobody has an end. The messages are gone; their numbers go on, if they make
 * sense. */
static void begin_anew(const struct uvshm__channel* channel) {
  const struct uvshm__topic* topic = &channel->u.topic;
  uint64_t count = topic->slots_count;
  uint64_t tail = uvshm__a64_load_relaxed(&topic->hdr->tail);
  uint32_t i;

  if (tail < count || tail > UINT64_MAX / 2) tail = count;
  for (i = 0; i < topic->chunks_count; i++) {
    uvshm__a64_store_relaxed(&topic->swaps[i], 0);
    uvshm__a64_store_relaxed(&topic->sizes[i], 0);
  }
  uvshm__topic_deal(channel);
  clear_pins(channel);
  for (i = 0; i < count; i++)
    uvshm__a64_store_relaxed(
        &topic->slots[uvshm__topic_slot_of(topic, tail + i)],
        uvshm__topic_word(tail + i, i));
  uvshm__a64_store_relaxed(&topic->hdr->tail, tail + count);
  uvshm__topic_limit_reset(channel);
}


/* While somebody has an end nothing is changed under him. */
uint32_t uvshm__topic_mend(const struct uvshm__channel* channel) {
  if (uvshm__topic_check(channel) == 0 || has_ends(channel)) return 0;
  begin_anew(channel);
  return 1;
}


void uvshm__topic_reset(const struct uvshm__channel* channel) {
  uint32_t i;

  for (i = 0; i < channel->facts.writers; i++) uvshm__topic_settle(channel, i);
  clear_pins(channel);
  if (uvshm__topic_check(channel) < 0) begin_anew(channel);
}
