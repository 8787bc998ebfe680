/* SPDX-License-Identifier: MIT */

/* A stream: one writer, one reader, a ring of records.
 *
 * There is no shared count of what was written. Each record begins with a word
 * that says how large it is, and that is 0 before the record is there:
 *
 *      reader                       writer
 *        v                            v
 *   ...| 9 message | 5 message |   0 ............
 *
 * The writer fills the record behind the last one, makes the word behind that
 * one 0, and stores the word in front, which is the commit. The reader looks at
 * that one word and finds, mostly in one cache line, that there is a message,
 * how large it is, and the message. Of several messages that are sent together
 * the first one's word is stored last.
 *
 * The reader stores how far it is in a line of its own, with each release. The
 * writer would take that line away from it if it looked there all the time, so
 * the reader tells its position in a second place, only now and then: when a
 * quarter of the ring has become free, and when there is nothing more to read.
 * The writer looks at the first one only before it would have to sleep.
 *
 * A dead writer leaves nothing behind but bytes behind the last record, whose
 * word is 0: its successor follows the records from the reader's position to
 * that 0. A dead reader leaves its position: its successor begins there. So
 * there is nothing to repair, and what either end goes by is private to it.
 *
 * Every word that is read is checked against what is private before it is used:
 * no record is larger than what may be there, so no hostile word leads out of
 * the ring, or ends in a circle.
 */

#include "base/align.h"
#include "base/error.h"
#include "core/stream_inside.h"

#include <string.h>

#define BYTES_DEFAULT UINT64_C(262144)
#define LEAST_MESSAGES 4u

/* ---- geometry ------------------------------------------------------------ */

static uint64_t span_max(const struct uvshm__channel_facts* facts) {
  return uvshm__stream_span(facts->size_max);
}


/* What a message of the largest size takes, with what is left out before it. */
static uint64_t slot_max(const struct uvshm__channel_facts* facts) {
  uint64_t slot = span_max(facts);

  if (facts->size_max > UVSHM__STREAM_SMALL)
    (void) uvshm__round_up(slot, 64, &slot);
  return slot;
}


static int fill_capacity(struct uvshm__channel_facts* facts,
                         uint64_t messages,
                         uint64_t bytes) {
  uint64_t slot = slot_max(facts);

  if (messages == 0 && bytes == 0) {
    bytes = BYTES_DEFAULT;
    messages = LEAST_MESSAGES;
  }
  if (!uvshm__mul(messages, slot, &messages))
    return uvshm__fail(UV_ENOSPC, "no channel can be that large");
  if (bytes < messages) bytes = messages;
  if (bytes < slot) bytes = slot;
  /* The word behind the last record, and what may be left out before it. */
  return uvshm__add(bytes, 64 + UVSHM__STREAM_WORD, &bytes) &&
                 uvshm__round_up(bytes, 64, &facts->capacity)
             ? 0
             : uvshm__fail(UV_ENOSPC, "no channel can be that large");
}


static int plan(struct uvshm__channel_facts* facts,
                uint64_t messages,
                uint64_t bytes) {
  int err = 0;

  facts->writers = 1;
  facts->readers = 1;
  facts->loans = 1;
  if (facts->capacity == 0) err = fill_capacity(facts, messages, bytes);
  if (err < 0) return err;
  if (!uvshm__is_multiple(facts->capacity, 64) ||
      facts->capacity < slot_max(facts) + 64 + UVSHM__STREAM_WORD)
    return uvshm__fail(UV_EINVAL, "no stream has such a capacity");
  facts->area_size =
      sizeof(struct uvshm__stream_hdr) + facts->capacity + span_max(facts) + 64;
  return 0;
}


static unsigned char* ring_of(const struct uvshm__channel* channel) {
  return channel->area + sizeof(struct uvshm__stream_hdr);
}


static void format(const struct uvshm__channel* channel) {
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) channel->area;
  uint32_t i;

  for (i = 0; i < sizeof(struct uvshm__stream_hdr) / 8; i++)
    uvshm__a64_store_relaxed(&words[i], 0);
  uvshm__a64_store_relaxed((uvshm__a64_t*) (void*) ring_of(channel), 0);
}


static int attach(struct uvshm__channel* channel) {
  channel->u.stream.hdr = (struct uvshm__stream_hdr*) (void*) channel->area;
  channel->u.stream.ring = ring_of(channel);
  channel->u.stream.span_max = span_max(&channel->facts);
  return 0;
}


int uvshm__stream_damaged(const char* what, uint64_t value) {
  return uvshm__fail(UV_EPROTO,
                     "the stream is damaged: %s %llu",
                     what,
                     (unsigned long long) value);
}

/* ---- ends ---------------------------------------------------------------- */

static int join(struct uvshm__channel_end* end) {
  return end->writer ? uvshm__stream_join_writer(end)
                     : uvshm__stream_join_reader(end);
}


static void leave(struct uvshm__channel_end* end) {
  if (!end->writer) uvshm__stream_leave_reader(end);
}


static int forget(const struct uvshm__channel* channel, uint32_t index) {
  (void) channel;
  (void) index;
  return 0;
}


int uvshm__stream_walk(const struct uvshm__channel* channel,
                       uint64_t position,
                       uint64_t* result,
                       uint64_t* messages) {
  uint64_t capacity = channel->facts.capacity;
  uint64_t place = position % capacity;
  uint64_t room = capacity - UVSHM__STREAM_WORD;
  struct uvshm__stream_record record;
  uint64_t word;

  *messages = 0;
  /* Each record makes `room` less, so this ends. */
  for (;;) {
    word = uvshm__a64_load_acquire(uvshm__stream_word(channel, place));
    if (word == 0) break;
    if (!uvshm__stream_read(channel, word, room, &record))
      return uvshm__stream_damaged("the record at", place);
    room -= record.span;
    place = uvshm__stream_on(channel, place, record.span);
    *messages += !record.skip;
  }
  *result = position + (capacity - UVSHM__STREAM_WORD - room);
  return 0;
}

/* ---- numbers ------------------------------------------------------------- */

static int drained(const struct uvshm__channel_end* end) {
  const struct uvshm__stream_hdr* hdr = end->channel->u.stream.hdr;

  return uvshm__a64_load_acquire(&hdr->oldest) == end->u.stream.position;
}


static void info(const struct uvshm__channel* channel,
                 uvshm_channel_info_t* result) {
  const struct uvshm__stream_hdr* hdr = channel->u.stream.hdr;

  result->received = uvshm__a64_load_acquire(&hdr->received);
  result->sent = uvshm__a64_load_acquire(&hdr->sent);
  if (result->sent > result->received)
    result->depth = result->sent - result->received;
}


static void end_info(const struct uvshm__channel* channel,
                     uint32_t index,
                     uvshm_channel_end_t* result) {
  uvshm_channel_info_t all;

  (void) index;
  memset(&all, 0, sizeof(all));
  info(channel, &all);
  result->lag = result->writer ? 0 : all.depth;
}


static const void* next(const struct uvshm__channel_end* end) {
  return uvshm__stream_word(end->channel, end->u.stream.place);
}


const struct uvshm__channel_kind uvshm__stream_kind = {
    .plan = plan,
    .format = format,
    .attach = attach,
    .join = join,
    .leave = leave,
    .forget = forget,
    .claim = uvshm__stream_claim,
    .commit = uvshm__stream_commit,
    .send = uvshm__stream_send,
    .peek = uvshm__stream_peek,
    .release = uvshm__stream_release,
    .recv = uvshm__stream_recv,
    .readable = uvshm__stream_readable,
    .next = next,
    .writable = uvshm__stream_writable,
    .glance = uvshm__stream_told,
    .drained = drained,
    .info = info,
    .end_info = end_info,
    .check = uvshm__stream_check,
    .mend = uvshm__stream_mend,
    .reset = uvshm__stream_reset};
