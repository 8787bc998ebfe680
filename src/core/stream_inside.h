/* SPDX-License-Identifier: MIT */

/* What the files of the stream have in common. */

#ifndef UVSHM_CORE_STREAM_INSIDE_H_
#define UVSHM_CORE_STREAM_INSIDE_H_

#include "core/channel.h"
#include "core/stream_layout.h"

#include <stdint.h>

#define UVSHM__STREAM_WORD 8u /* bytes of a record before its message */

/* Messages above this size begin at a multiple of 64. */
#define UVSHM__STREAM_SMALL 1024u

/* Bytes of the record of a message. */
static inline uint64_t uvshm__stream_span(uint64_t size) {
  return UVSHM__STREAM_WORD + ((size + 7) & ~UINT64_C(7));
}


/* Bytes to leave out at `place`, so that a message of this size begins where it
 * should. The ring has a multiple of 64 bytes, so this never leads over its
 * end. */
static inline uint64_t uvshm__stream_skip(uint64_t place, uint64_t size) {
  return size <= UVSHM__STREAM_SMALL ? 0 : (56 - place) & 63;
}


static inline uvshm__a64_t* uvshm__stream_word(
    const struct uvshm__channel* channel, uint64_t place) {
  return (uvshm__a64_t*) (void*) (channel->u.stream.ring + place);
}


/* `bytes` further on; no more than the ring has. */
static inline uint64_t uvshm__stream_on(const struct uvshm__channel* channel,
                                        uint64_t place,
                                        uint64_t bytes) {
  uint64_t capacity = channel->facts.capacity;

  place += bytes;
  return place >= capacity ? place - capacity : place;
}


/* A record as its word tells of it. */
struct uvshm__stream_record {
  uint64_t span; /* 0: there is none */
  uint64_t size;
  uint32_t skip; /* 1: no message */
};

/* 0: what the word says can be, in a ring with `room` bytes from there to what
 * is free. Its span is 8 at least, a multiple of 8, and no more than `room`. */
static inline int uvshm__stream_read(const struct uvshm__channel* channel,
                                     uint64_t word,
                                     uint64_t room,
                                     struct uvshm__stream_record* record) {
  uint32_t low = (uint32_t) word;

  record->span = (word >> UVSHM__STREAM_SPAN_SHIFT) * 8;
  record->skip = low == UVSHM__STREAM_SKIP;
  record->size = record->skip ? 0 : (uint64_t) low - 1;
  if (record->span < UVSHM__STREAM_WORD || record->span > room) return 0;
  if (record->skip) return record->span <= 64;
  return low != 0 && record->size <= channel->facts.size_max &&
         uvshm__stream_span(record->size) <= record->span &&
         record->span <= channel->u.stream.span_max + 64;
}


/* Where the records end that begin at `position`, and how many messages they
 * are. UV_EPROTO. */
int uvshm__stream_walk(const struct uvshm__channel* channel,
                       uint64_t position,
                       uint64_t* end,
                       uint64_t* messages);

int uvshm__stream_damaged(const char* what, uint64_t value);

/* stream_write.c, stream_read.c, stream_check.c: parts of the kind's table. */
int uvshm__stream_join_writer(struct uvshm__channel_end* end);
int uvshm__stream_claim(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count);
int uvshm__stream_commit(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count);
int uvshm__stream_send(struct uvshm__channel_end* end,
                       const uvshm_message_t* messages,
                       size_t* count);
int uvshm__stream_writable(const struct uvshm__channel_end* end, uint64_t size);
int uvshm__stream_told(const struct uvshm__channel_end* end, uint64_t size);

int uvshm__stream_join_reader(struct uvshm__channel_end* end);
void uvshm__stream_leave_reader(struct uvshm__channel_end* end);
int uvshm__stream_peek(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count);
int uvshm__stream_release(struct uvshm__channel_end* end,
                          const uvshm_message_t* messages,
                          size_t count);
int uvshm__stream_recv(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count);
int uvshm__stream_readable(const struct uvshm__channel_end* end);

int uvshm__stream_check(const struct uvshm__channel* channel);
uint32_t uvshm__stream_mend(const struct uvshm__channel* channel);
void uvshm__stream_reset(const struct uvshm__channel* channel);

#endif /* UVSHM_CORE_STREAM_INSIDE_H_ */
