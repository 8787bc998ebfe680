/* SPDX-License-Identifier: MIT */

/* What the files of the topic share: words and where they lie. */

#ifndef UVSHM_CORE_TOPIC_INSIDE_H_
#define UVSHM_CORE_TOPIC_INSIDE_H_

#include "base/error.h"
#include "core/channel.h"

#include <stdint.h>

/* How often others may be faster before we say that this cannot be: each time
 * one of them has done something. */
#define UVSHM__TOPIC_TRIES 1000000u

/* ---- words --------------------------------------------------------------- */

static inline uint64_t uvshm__topic_word(uint64_t count, uint32_t chunk) {
  return count << UVSHM__TOPIC_CHUNK_BITS | chunk;
}


static inline uint32_t uvshm__topic_chunk_of(uint64_t word) {
  return (uint32_t) word & (UVSHM__TOPIC_CHUNKS - 1);
}


/* The word with another chunk, for the next exchange. */
static inline uint64_t uvshm__topic_next_word(uint64_t word, uint32_t chunk) {
  return uvshm__topic_word((word >> UVSHM__TOPIC_CHUNK_BITS) + 1, chunk);
}


/* How far the message in a slot is ahead of `position`, as 40 bits know it. */
static inline int64_t uvshm__topic_ahead(uint64_t word, uint64_t position) {
  uint64_t ahead = (word >> UVSHM__TOPIC_CHUNK_BITS) - position;

  return (int64_t) (ahead << UVSHM__TOPIC_CHUNK_BITS) /
         (int64_t) UVSHM__TOPIC_CHUNKS;
}


/* Of a swap: see topic_layout.h. */
static inline uint64_t uvshm__topic_swap(uint32_t writer,
                                         uint32_t place,
                                         uint32_t chunk) {
  return (uint64_t) chunk << (UVSHM__TOPIC_PLACE_BITS +
                              UVSHM__TOPIC_WRITER_BITS) |
         (uint64_t) place << UVSHM__TOPIC_WRITER_BITS | (writer + 1);
}


static inline uint32_t uvshm__topic_swap_writer(uint64_t swap) {
  return (uint32_t) swap & ((1u << UVSHM__TOPIC_WRITER_BITS) - 1);
}


static inline uint32_t uvshm__topic_swap_place(uint64_t swap) {
  return (uint32_t) (swap >> UVSHM__TOPIC_WRITER_BITS) &
         ((1u << UVSHM__TOPIC_PLACE_BITS) - 1);
}


static inline uint32_t uvshm__topic_swap_chunk(uint64_t swap) {
  return (uint32_t) (swap >>
                     (UVSHM__TOPIC_PLACE_BITS + UVSHM__TOPIC_WRITER_BITS));
}

/* ---- places -------------------------------------------------------------- */

/* Of 64 slots in a row, those that follow each other are in different lines: a
 * writer that goes on leaves the line that a reader looks at. */
static inline uint32_t uvshm__topic_spread(const struct uvshm__topic* topic,
                                           uint32_t index) {
  return index < topic->spread
             ? (index & ~63u) | (index & 7) << 3 | (index >> 3 & 7)
             : index;
}


/* The slot of a position. */
static inline uint32_t uvshm__topic_slot_of(const struct uvshm__topic* topic,
                                            uint64_t position) {
  return uvshm__topic_spread(topic, (uint32_t) (position % topic->slots_count));
}


/* The same; `end` remembers where the round began. */
static inline uint32_t uvshm__topic_slot(const struct uvshm__topic* topic,
                                         struct uvshm__topic_end* end,
                                         uint64_t position) {
  if (position - end->base >= topic->slots_count)
    end->base = position - position % topic->slots_count;
  return uvshm__topic_spread(topic, (uint32_t) (position - end->base));
}


static inline uvshm__a64_t* uvshm__topic_place(const struct uvshm__topic* topic,
                                               uint32_t place) {
  return place < topic->slots_count
             ? &topic->slots[place]
             : &topic->spares[place - topic->slots_count];
}


static inline uvshm__a64_t* uvshm__topic_pins(const struct uvshm__topic* topic,
                                              uint32_t reader) {
  return (uvshm__a64_t*) (topic->pins + (uint64_t) reader * topic->pins_stride);
}


static inline unsigned char* uvshm__topic_message(
    const struct uvshm__topic* topic, uint32_t chunk) {
  return topic->messages + chunk * topic->stride;
}


static inline struct uvshm__channel_ent* uvshm__topic_reader(
    const struct uvshm__channel* channel, uint32_t reader) {
  return &channel->ends[channel->facts.writers + reader];
}


static inline int uvshm__topic_is_lossless(
    const struct uvshm__channel* channel) {
  return (channel->facts.flags & UVSHM__CHANNEL_LOSSLESS) != 0;
}


static inline int uvshm__topic_damaged(const char* what) {
  return uvshm__fail(UV_EPROTO, "the topic is damaged: %s", what);
}

/* ---- files to each other ------------------------------------------------- */

/* topic_read.c */
int uvshm__topic_peek(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count);
int uvshm__topic_unpeek(struct uvshm__channel_end* end,
                        const uvshm_message_t* message);
int uvshm__topic_release(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count);
int uvshm__topic_recv(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count);
int uvshm__topic_readable(const struct uvshm__channel_end* end);

/* topic_write.c */
int uvshm__topic_claim(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count);
int uvshm__topic_commit(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t count);
int uvshm__topic_send(struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t* count);

/* topic_limit.c: positions before it may be written, of a lossless topic. Looks
 * at all readers; may it be what it is; and as if there were none. */
uint64_t uvshm__topic_limit(const struct uvshm__channel* channel);
int uvshm__topic_limit_is_strange(const struct uvshm__channel* channel);
void uvshm__topic_limit_reset(const struct uvshm__channel* channel);
int uvshm__topic_writable(const struct uvshm__channel_end* end, uint64_t size);
int uvshm__topic_drained(const struct uvshm__channel_end* end);
int uvshm__topic_join(struct uvshm__channel_end* end);

/* topic_repair.c: chunks to the hands and spares, those after the slots'. The
 * hand of writer `index` is up to date afterwards. */
void uvshm__topic_deal(const struct uvshm__channel* channel);
void uvshm__topic_settle(const struct uvshm__channel* channel, uint32_t index);
int uvshm__topic_forget(const struct uvshm__channel* channel, uint32_t index);
int uvshm__topic_check(const struct uvshm__channel* channel);
uint32_t uvshm__topic_mend(const struct uvshm__channel* channel);
void uvshm__topic_reset(const struct uvshm__channel* channel);

#endif /* UVSHM_CORE_TOPIC_INSIDE_H_ */
