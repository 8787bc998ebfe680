/* SPDX-License-Identifier: MIT */

/* The reader of a stream. */

#include "base/copy.h"
#include "base/error.h"
#include "base/rare.h"
#include "core/stream_inside.h"

#include <string.h>


UVSHM__RARE int uvshm__stream_join_reader(struct uvshm__channel_end* end) {
  const struct uvshm__channel* channel = end->channel;
  struct uvshm__stream_hdr* hdr = channel->u.stream.hdr;
  struct uvshm__stream_end* own = &end->u.stream;

  own->oldest = uvshm__a64_load_acquire(&hdr->oldest);
  if (own->oldest % 8 != 0)
    return uvshm__stream_damaged("the reader's position", own->oldest);
  own->position = own->oldest;
  own->place = own->oldest % channel->facts.capacity;
  own->at = own->place;
  own->told = own->oldest;
  own->messages = uvshm__a64_load_relaxed(&hdr->received);
  own->peeked = own->messages;
  uvshm__a64_store_release(&hdr->told, own->told);
  return 0;
}

/* ---- how far it is ------------------------------------------------------- */

static void tell_writer(struct uvshm__channel_end* end) {
  struct uvshm__stream_end* own = &end->u.stream;

  if (own->told == own->oldest) return;
  own->told = own->oldest;
  uvshm__a64_store_release(&end->channel->u.stream.hdr->told, own->told);
}


/* A successor begins with `oldest`. */
static void store_oldest(struct uvshm__channel_end* end) {
  struct uvshm__stream_end* own = &end->u.stream;
  struct uvshm__stream_hdr* hdr = end->channel->u.stream.hdr;

  uvshm__a64_store_relaxed(&hdr->received, own->messages);
  uvshm__a64_store_release(&hdr->oldest, own->oldest);
  if (own->oldest - own->told >= end->channel->facts.capacity / 4)
    tell_writer(end);
}


UVSHM__RARE void uvshm__stream_leave_reader(struct uvshm__channel_end* end) {
  tell_writer(end);
}

/* ---- records ------------------------------------------------------------- */

/* The record at `place`, `ahead` bytes after the oldest. 0, UV_EAGAIN: it is
 * not there yet, UV_EPROTO. */
static int read_record(const struct uvshm__channel_end* end,
                       uint64_t place,
                       uint64_t ahead,
                       struct uvshm__stream_record* record) {
  const struct uvshm__channel* channel = end->channel;
  uint64_t room = channel->facts.capacity - UVSHM__STREAM_WORD - ahead;
  uint64_t word = uvshm__a64_load_acquire(uvshm__stream_word(channel, place));

  if (word == 0) return UV_EAGAIN;
  return uvshm__stream_read(channel, word, room, record)
             ? 0
             : uvshm__stream_damaged("the record at", place);
}


/* The next message behind `position`, both moved behind it. */
static int next_message(const struct uvshm__channel_end* end,
                        uint64_t* position,
                        uint64_t* place,
                        uvshm_message_t* message) {
  uint64_t ahead = *position - end->u.stream.oldest;
  uint64_t next = *place;
  struct uvshm__stream_record record;
  uint64_t from;
  int err;

  do {
    err = read_record(end, next, ahead, &record);
    if (err < 0) return err;
    from = next;
    next = uvshm__stream_on(end->channel, next, record.span);
    ahead += record.span;
  } while (record.skip);
  *place = next;
  *position = end->u.stream.oldest + ahead;
  message->bytes = end->channel->u.stream.ring + from + UVSHM__STREAM_WORD;
  message->size = (size_t) record.size;
  return 0;
}


int uvshm__stream_readable(const struct uvshm__channel_end* end) {
  const struct uvshm__stream_end* own = &end->u.stream;

  return uvshm__a64_load_acquire(
             uvshm__stream_word(end->channel, own->place)) != 0;
}

/* ---- peek, release ------------------------------------------------------- */

int uvshm__stream_peek(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count) {
  struct uvshm__stream_end* own = &end->u.stream;
  int none = own->position == own->oldest; /* is peeked so far */
  size_t i;
  int err = 0;

  own->only = NULL;
  for (i = 0; i < *count; i++) {
    err = next_message(end, &own->position, &own->place, &messages[i]);
    if (err < 0) break;
    messages[i].sequence = own->peeked++;
    messages[i].missed = 0;
    messages[i].again = 0;
  }
  if (i == 0) {
    if (err == UV_EAGAIN) tell_writer(end);
    return err;
  }
  if (none && i == 1) own->only = messages[0].bytes;
  *count = i;
  return 0;
}


/* What lies at `oldest` was checked when it was peeked, but anybody may have
 * written over it since. */
static int release_oldest(struct uvshm__channel_end* end, const void* bytes) {
  struct uvshm__stream_end* own = &end->u.stream;
  uvshm_message_t message;
  uint64_t position = own->oldest;
  uint64_t place = own->at;
  int err;

  if (own->oldest == own->position)
    return uvshm__fail(UV_EINVAL, "that is not peeked");
  own->only = NULL;
  err = next_message(end, &position, &place, &message);
  if (err == UV_EAGAIN || position - own->oldest > own->position - own->oldest)
    err = uvshm__stream_damaged("a message that is peeked, at", own->at);
  if (err < 0) return err;
  if (message.bytes != bytes)
    return uvshm__fail(UV_EINVAL, "that is not peeked, or not the oldest");
  own->oldest = position;
  own->at = place;
  own->messages++;
  return 0;
}


int uvshm__stream_release(struct uvshm__channel_end* end,
                          const uvshm_message_t* messages,
                          size_t count) {
  struct uvshm__stream_end* own = &end->u.stream;
  size_t i;
  int err = 0;

  /* The usual case: it was checked when it was peeked, and how far it goes is
   * known. */
  if (count == 1 && own->only != NULL && own->only == messages[0].bytes) {
    own->only = NULL;
    own->oldest = own->position;
    own->at = own->place;
    own->messages++;
    store_oldest(end);
    return 0;
  }
  for (i = 0; i < count && err == 0; i++)
    err = release_oldest(end, messages[i].bytes);
  store_oldest(end);
  return err;
}

/* ---- recv ---------------------------------------------------------------- */

static UVSHM__USUAL void describe(uvshm_message_t* message,
                                  uint64_t size,
                                  uint64_t sequence) {
  message->size = (size_t) size;
  message->sequence = sequence;
  message->missed = 0;
  message->again = 0;
}


/* The messages at the front for which there is room, when none is peeked: each
 * as next_message() would find it, with all that changes in registers. How
 * many; whatever is not usual ends it. */
static size_t recv_usual(struct uvshm__channel_end* end,
                         uvshm_message_t* messages,
                         size_t count) {
  const struct uvshm__channel* channel = end->channel;
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t size_max = channel->facts.size_max;
  uint64_t room = channel->facts.capacity - UVSHM__STREAM_WORD;
  uint64_t place = own->place;
  uint64_t left = room;
  uint64_t word;
  uint64_t size;
  uint64_t span;
  size_t i;

  for (i = 0; i < count; i++) {
    word = uvshm__a64_load_acquire(uvshm__stream_word(channel, place));
    size = (word & UINT32_MAX) - 1; /* nothing, or left out: above size_max */
    span = (word >> UVSHM__STREAM_SPAN_SHIFT) * 8;
    if (size > size_max || size > messages[i].size || span > left ||
        span != uvshm__stream_span(size))
      break;
    uvshm__copy(messages[i].bytes,
                channel->u.stream.ring + place + UVSHM__STREAM_WORD,
                (size_t) size);
    describe(&messages[i], size, own->peeked + i);
    place = uvshm__stream_on(channel, place, span);
    left -= span;
  }
  own->place = place;
  own->position += room - left;
  own->peeked += i;
  return i;
}


int uvshm__stream_recv(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count) {
  struct uvshm__stream_end* own = &end->u.stream;
  uvshm_message_t found;
  uint64_t position;
  uint64_t place;
  size_t i;
  int err = 0;

  /* The oldest is released first. */
  if (own->oldest != own->position)
    return uvshm__fail(UV_EINVAL, "what is peeked is released first");
  i = recv_usual(end, messages, *count);
  position = own->position;
  place = own->place;
  for (; i < *count; i++) {
    err = next_message(end, &position, &place, &found);
    if (err < 0) break;
    if (found.size > messages[i].size) {
      err = UV_ENOBUFS;
      if (i == 0) messages[0].size = found.size;
      break;
    }
    if (found.size != 0) memcpy(messages[i].bytes, found.bytes, found.size);
    describe(&messages[i], found.size, own->peeked++);
    own->position = position;
    own->place = place;
  }
  if (i == 0) {
    if (err == UV_EAGAIN) tell_writer(end);
    return err;
  }
  own->messages += i;
  own->oldest = own->position;
  own->at = own->place;
  store_oldest(end);
  *count = i;
  return 0;
}
