/* SPDX-License-Identifier: MIT */

/* The writer of a stream. */

#include "base/copy.h"
#include "base/error.h"
#include "base/rare.h"
#include "core/stream_inside.h"

#include <string.h>

/* ---- room ---------------------------------------------------------------- */

/* How much is free when the reader is at `reader`, or NO_SUCH: it cannot be
 * there. */
#define NO_SUCH UINT64_MAX

static uint64_t free_after(const struct uvshm__channel_end* end,
                           uint64_t reader) {
  uint64_t most = end->channel->facts.capacity - UVSHM__STREAM_WORD;
  uint64_t used = end->u.stream.position - reader;

  return used <= most ? most - used : NO_SUCH;
}


/* The same as the reader has told, which may be long ago: that is nothing. */
static uint64_t free_as_told(const struct uvshm__channel_end* end) {
  const struct uvshm__stream_hdr* hdr = end->channel->u.stream.hdr;
  uint64_t room = free_after(end, uvshm__a64_load_acquire(&hdr->told));

  return room != NO_SUCH ? room : 0;
}


static uint64_t free_now(const struct uvshm__channel_end* end) {
  const struct uvshm__stream_hdr* hdr = end->channel->u.stream.hdr;

  return free_after(end, uvshm__a64_load_acquire(&hdr->oldest));
}


static void note_depth(const struct uvshm__channel_end* end) {
  const struct uvshm__channel* channel = end->channel;
  uint64_t received = uvshm__a64_load_relaxed(&channel->u.stream.hdr->received);
  uint64_t depth = end->u.stream.messages - received;
  uvshm__a64_t* high = &channel->front->high;

  /* After a death the numbers may be one off. */
  if (depth >> 63 != 0) return;
  if (depth > uvshm__a64_load_relaxed(high))
    uvshm__a64_store_relaxed(high, depth);
}


/* Look how far the reader is until there are `bytes` more: first where that
 * does not disturb it. 0, UV_EAGAIN, UV_EPROTO. */
static int make_room(struct uvshm__channel_end* end, uint64_t bytes) {
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t room = free_as_told(end);

  if (room < bytes) room = free_now(end);
  if (room == NO_SUCH)
    return uvshm__stream_damaged("the reader is ahead of", own->position);
  own->limit = own->position + room;
  note_depth(end);
  return room < bytes ? UV_EAGAIN : 0;
}


static uint64_t needs(const struct uvshm__channel_end* end, uint64_t size) {
  return uvshm__stream_skip(end->u.stream.place, size) +
         uvshm__stream_span(size);
}


int uvshm__stream_told(const struct uvshm__channel_end* end, uint64_t size) {
  if (!end->writer) return uvshm__stream_readable(end);
  return uvshm__channel_alone(end) != UV_EAGAIN &&
         free_as_told(end) >= needs(end, size);
}


/* A position that cannot be is room too: the next call tells. */
int uvshm__stream_writable(const struct uvshm__channel_end* end,
                           uint64_t size) {
  return free_as_told(end) >= needs(end, size) ||
         free_now(end) >= needs(end, size);
}

/* ---- joining ------------------------------------------------------------- */

/* Go on where the last record ends; it is not known in any other way. Nobody
 * else writes, and what the reader releases meanwhile stays as it is. */
UVSHM__RARE int uvshm__stream_join_writer(struct uvshm__channel_end* end) {
  const struct uvshm__channel* channel = end->channel;
  struct uvshm__stream_hdr* hdr = channel->u.stream.hdr;
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t oldest = uvshm__a64_load_acquire(&hdr->oldest);
  uint64_t messages;
  int err;

  if (oldest % 8 != 0)
    return uvshm__stream_damaged("the reader's position", oldest);
  err = uvshm__stream_walk(channel, oldest, &own->position, &messages);
  if (err < 0) return err;
  own->place = own->position % channel->facts.capacity;
  own->limit = oldest + channel->facts.capacity - UVSHM__STREAM_WORD;
  own->messages = uvshm__a64_load_relaxed(&hdr->sent);
  return 0;
}

/* ---- records ------------------------------------------------------------- */

static uint64_t word_of(uint64_t span, uint64_t size) {
  return span / 8 << UVSHM__STREAM_SPAN_SHIFT | (size + 1);
}


/* Records that become one commit. */
struct batch {
  uint64_t start;   /* place of the first */
  uint64_t first;   /* its word, not stored yet; 0: there is none */
  uint64_t place;   /* where the next one begins */
  uint64_t bytes;   /* of all */
  uint64_t pending; /* place of the last one, whose word waits for its end */
  uint64_t size;    /* of that one's message */
  uint64_t count;
};


static void batch_begin(const struct uvshm__channel_end* end,
                        struct batch* batch) {
  memset(batch, 0, sizeof(*batch));
  batch->start = end->u.stream.place;
  batch->place = batch->start;
}


/* All but the first word may be stored at once: nobody comes there before the
 * first one is. */
static void put_word(const struct uvshm__channel_end* end,
                     struct batch* batch,
                     uint64_t place,
                     uint64_t word) {
  if (place == batch->start)
    batch->first = word;
  else
    uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, place), word);
}


/* The last record ends here. What is left out before the next one is part of
 * it, or, before the first one, a record of its own. */
static void batch_close(const struct uvshm__channel_end* end,
                        struct batch* batch,
                        uint64_t span) {
  put_word(end, batch, batch->pending, word_of(span, batch->size));
}


/* The record of the next message; `place` is where it begins. */
static void batch_open(const struct uvshm__channel_end* end,
                       struct batch* batch,
                       uint64_t place,
                       uint64_t size) {
  uint64_t capacity = end->channel->facts.capacity;
  uint64_t before = place >= batch->place ? place - batch->place
                                          : place + capacity - batch->place;

  if (batch->count == 0 && before != 0)
    put_word(end,
             batch,
             batch->start,
             before / 8 << UVSHM__STREAM_SPAN_SHIFT | UVSHM__STREAM_SKIP);
  if (batch->count != 0)
    batch_close(end, batch, uvshm__stream_span(batch->size) + before);
  batch->bytes += before + uvshm__stream_span(size);
  batch->pending = place;
  batch->size = size;
  batch->count++;
  batch->place =
      uvshm__stream_on(end->channel, place, uvshm__stream_span(size));
}


/* Killed before the last store, nothing of it is there. */
static void batch_commit(struct uvshm__channel_end* end, struct batch* batch) {
  struct uvshm__stream_end* own = &end->u.stream;
  struct uvshm__stream_hdr* hdr = end->channel->u.stream.hdr;

  batch_close(end, batch, uvshm__stream_span(batch->size));
  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, batch->place), 0);
  uvshm__a64_store_release(uvshm__stream_word(end->channel, batch->start),
                           batch->first);
  own->position += batch->bytes;
  own->place = batch->place;
  own->claimed = 0;
  own->messages += batch->count;
  uvshm__a64_store_relaxed(&hdr->sent, own->messages);
}

/* ---- send ---------------------------------------------------------------- */

/* The usual case: a small message, and there is room. 0: it is not that. */
static int send_small(struct uvshm__channel_end* end,
                      const uvshm_message_t* message) {
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t size = message->size;
  uint64_t span = uvshm__stream_span(size);
  uvshm__a64_t* word = uvshm__stream_word(end->channel, own->place);

  if (size - 1 >= UVSHM__STREAM_SMALL || own->limit - own->position < span)
    return 0;
  uvshm__copy((unsigned char*) (word + 1), message->bytes, (size_t) size);
  own->place = uvshm__stream_on(end->channel, own->place, span);
  own->position += span;
  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, own->place), 0);
  uvshm__a64_store_release(word, word_of(span, size));
  uvshm__a64_store_relaxed(&end->channel->u.stream.hdr->sent, ++own->messages);
  return 1;
}


/* The small messages that a batch begins with, as far as there is room: as
 * batch_open() for each, with all that changes in registers. How many. */
static size_t batch_small(const struct uvshm__channel_end* end,
                          struct batch* batch,
                          const uvshm_message_t* messages,
                          size_t count) {
  const struct uvshm__channel* channel = end->channel;
  uint64_t left = end->u.stream.limit - end->u.stream.position;
  uint64_t place = batch->start;
  uint64_t before = place; /* where the last one begins */
  uint64_t word = 0;       /* and what will stand there */
  uint64_t all = left;
  uint64_t size = 0;
  uint64_t span;
  size_t i;

  for (i = 0; i < count; i++) {
    size = messages[i].size;
    span = uvshm__stream_span(size);
    if (size - 1 >= UVSHM__STREAM_SMALL || left < span) break;
    uvshm__copy(channel->u.stream.ring + place + UVSHM__STREAM_WORD,
                messages[i].bytes,
                (size_t) size);
    if (i == 1) batch->first = word;
    if (i > 1)
      uvshm__a64_store_relaxed(uvshm__stream_word(channel, before), word);
    word = word_of(span, size);
    before = place;
    place = uvshm__stream_on(channel, place, span);
    left -= span;
  }
  if (i == 0) return 0;
  batch->count = i;
  batch->pending = before;
  batch->size = messages[i - 1].size;
  batch->place = place;
  batch->bytes = all - left;
  return i;
}


static int send_batch(struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t* count) {
  struct uvshm__stream_end* own = &end->u.stream;
  unsigned char* ring = end->channel->u.stream.ring;
  struct batch batch;
  uint64_t place;
  uint64_t needed;
  uint64_t size;
  size_t i;
  int err = 0;

  batch_begin(end, &batch);
  for (i = batch_small(end, &batch, messages, *count); i < *count; i++) {
    size = messages[i].size;
    place = batch.place + uvshm__stream_skip(batch.place, size);
    needed = place - batch.place + uvshm__stream_span(size);
    if (own->limit - own->position < batch.bytes + needed)
      err = make_room(end, batch.bytes + needed);
    if (err < 0) break;
    if (size != 0)
      memcpy(
          ring + place + UVSHM__STREAM_WORD, messages[i].bytes, (size_t) size);
    batch_open(end, &batch, place, size);
  }
  if (i == 0) return err;
  batch_commit(end, &batch);
  *count = i;
  return 0;
}

int uvshm__stream_send(struct uvshm__channel_end* end,
                       const uvshm_message_t* messages,
                       size_t* count) {
  if (end->u.stream.claimed != 0)
    return uvshm__fail(UV_EINVAL, "a message is claimed already");
  if (*count == 1 && send_small(end, messages)) return 0;
  return send_batch(end, messages, count);
}

/* ---- claim, commit ------------------------------------------------------- */

/* The usual case: one message, and there is room. 0: it is not that. */
static UVSHM__USUAL int claim_one(struct uvshm__channel_end* end,
                                  uvshm_message_t* message) {
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t skip = uvshm__stream_skip(own->place, message->size);
  uint64_t needed = skip + uvshm__stream_span(message->size);

  if (own->limit - own->position < needed) return 0;
  message->bytes =
      end->channel->u.stream.ring + own->place + skip + UVSHM__STREAM_WORD;
  own->claimed = needed;
  own->skipped = skip;
  return 1;
}


/* The usual case: the only message of a claim. 0: it is not that. The word at
 * `place` is the last to be stored: before, nothing of it is there. */
static UVSHM__USUAL int commit_one(struct uvshm__channel_end* end,
                                   const uvshm_message_t* message) {
  const struct uvshm__channel* channel = end->channel;
  struct uvshm__stream_end* own = &end->u.stream;
  uint64_t span = uvshm__stream_span(message->size);
  uint64_t skip = own->skipped;
  uvshm__a64_t* first = uvshm__stream_word(channel, own->place);
  uint64_t word = word_of(span, message->size);
  uint64_t place;

  if (message->bytes != (unsigned char*) first + skip + UVSHM__STREAM_WORD ||
      message->size > channel->facts.size_max || span > own->claimed - skip)
    return 0;
  if (skip != 0) {
    uvshm__a64_store_relaxed(first + skip / 8, word);
    word = skip / 8 << UVSHM__STREAM_SPAN_SHIFT | UVSHM__STREAM_SKIP;
  }
  place = uvshm__stream_on(channel, own->place, skip + span);
  uvshm__a64_store_relaxed(uvshm__stream_word(channel, place), 0);
  uvshm__a64_store_release(first, word);
  own->position += skip + span;
  own->place = place;
  own->claimed = 0;
  uvshm__a64_store_relaxed(&channel->u.stream.hdr->sent, ++own->messages);
  return 1;
}


int uvshm__stream_claim(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count) {
  struct uvshm__stream_end* own = &end->u.stream;
  unsigned char* ring = end->channel->u.stream.ring;
  uint64_t place = own->place;
  uint64_t bytes = 0;
  uint64_t skip;
  uint64_t needed;
  size_t i;
  int err = 0;

  if (own->claimed != 0)
    return uvshm__fail(UV_EINVAL, "a message is claimed already");
  if (*count == 1 && claim_one(end, messages)) return 0;
  for (i = 0; i < *count; i++) {
    skip = uvshm__stream_skip(place, messages[i].size);
    needed = skip + uvshm__stream_span(messages[i].size);
    if (own->limit - own->position < bytes + needed)
      err = make_room(end, bytes + needed);
    if (err < 0) break;
    messages[i].bytes = ring + place + skip + UVSHM__STREAM_WORD;
    place = uvshm__stream_on(end->channel, place, needed);
    bytes += needed;
  }
  if (i == 0) return err;
  own->claimed = bytes;
  own->skipped = uvshm__stream_skip(own->place, messages[0].size);
  *count = i;
  return 0;
}


/* The place of the record whose message lies where `message` says; 0: that is
 * none of the claim, or not the one behind the `taken` bytes, the last `before`
 * of which are one record. */
static int find_claimed(const struct uvshm__channel_end* end,
                        const uvshm_message_t* message,
                        uint64_t taken,
                        uint64_t before,
                        uint64_t* place) {
  const struct uvshm__stream_end* own = &end->u.stream;
  uint64_t capacity = end->channel->facts.capacity;
  uintptr_t ring = (uintptr_t) end->channel->u.stream.ring;
  uint64_t offset = (uint64_t) ((uintptr_t) message->bytes - ring);
  uint64_t from;

  if (offset < UVSHM__STREAM_WORD || offset % 8 != 0) return 0;
  offset -= UVSHM__STREAM_WORD;
  if (offset >= capacity) return 0;
  from = offset >= own->place ? offset - own->place
                              : offset + capacity - own->place;
  *place = offset;
  return from >= taken && from < own->claimed &&
         (taken != 0 || from == own->skipped) &&
         from - taken + before <= end->channel->u.stream.span_max + 64 &&
         message->size <= end->channel->facts.size_max &&
         uvshm__stream_span(message->size) <= own->claimed - from;
}


/* Whether a message has outgrown its own part of the claim shows when the next
 * one does not lie behind it. What fails is still claimed. */
int uvshm__stream_commit(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count) {
  struct batch batch;
  uint64_t before;
  uint64_t place;
  size_t i;

  if (end->u.stream.claimed == 0)
    return uvshm__fail(UV_EINVAL, "that was not claimed");
  if (count == 1 && commit_one(end, messages)) return 0;
  batch_begin(end, &batch);
  for (i = 0; i < count; i++) {
    before = i == 0 ? 0 : uvshm__stream_span(batch.size);
    if (!find_claimed(end, &messages[i], batch.bytes, before, &place))
      return uvshm__fail(UV_EINVAL, "that was not claimed");
    batch_open(end, &batch, place, messages[i].size);
  }
  if (count != 0) batch_commit(end, &batch);
  end->u.stream.claimed = 0;
  return 0;
}
