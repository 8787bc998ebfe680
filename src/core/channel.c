/* SPDX-License-Identifier: MIT */

/* Channels: making one, and looking at one that somebody else made.
 *
 * A channel is a block of the heap: a front with what those sleep on who wait,
 * an entry for each end, and an area that belongs to the kind. What it was made
 * with stands in the directory and never changes; whoever opens it copies and
 * checks that once, and computes the rest from the copy.
 *
 * How ends come and go is in channel_end.c, how messages pass in
 * channel_message.c; each kind has files of its own.
 */

#include "core/channel.h"

#include "base/align.h"
#include "base/error.h"
#include "core/heap.h"

#include <string.h>


static const struct uvshm__channel_kind* kind_of(uint32_t kind) {
  static const struct uvshm__channel_kind* const kinds[] = {
      NULL, &uvshm__stream_kind, &uvshm__queue_kind, &uvshm__topic_kind};

  return kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind] : NULL;
}

/* ---- geometry ------------------------------------------------------------ */

/* Without the area. Ends are few, so there is no overflow. */
static uint64_t area_offset(const struct uvshm__channel_facts* facts) {
  uint64_t offset = sizeof(struct uvshm__channel_front);

  offset += ((uint64_t) facts->writers + facts->readers) *
            sizeof(struct uvshm__channel_ent);
  (void) uvshm__round_up(offset, UVSHM__CHANNEL_ALIGNMENT, &offset);
  return offset;
}


uint64_t uvshm__channel_size(const struct uvshm__channel_facts* facts) {
  return area_offset(facts) + facts->area_size;
}


static int within_limits(const struct uvshm__channel_facts* facts) {
  return facts->writers >= 1 && facts->writers <= UVSHM__CHANNEL_ENDS_LIMIT &&
         facts->readers >= 1 && facts->readers <= UVSHM__CHANNEL_ENDS_LIMIT &&
         facts->loans >= 1 && facts->loans <= UVSHM__CHANNEL_LOANS_LIMIT &&
         facts->size_max >= 1 && facts->size_max <= UVSHM_CHANNEL_SIZE_MAX;
}


/* No offset in the area overflows, whatever was asked for. */
#define AREA_LIMIT (UINT64_C(1) << 46)

int uvshm__channel_plan(struct uvshm__channel_facts* facts,
                        uint64_t messages,
                        uint64_t bytes) {
  const struct uvshm__channel_kind* kind = kind_of(facts->kind);
  int err;

  if (kind == NULL || !within_limits(facts) || messages > AREA_LIMIT ||
      bytes > AREA_LIMIT || facts->capacity > AREA_LIMIT)
    return uvshm__fail(UV_EINVAL,
                       "at most %u writers, %u readers, %u loans, messages of "
                       "%u bytes",
                       UVSHM__CHANNEL_ENDS_LIMIT,
                       UVSHM__CHANNEL_ENDS_LIMIT,
                       UVSHM__CHANNEL_LOANS_LIMIT,
                       UVSHM_CHANNEL_SIZE_MAX);
  if ((facts->kind != UVSHM__CHANNEL_TOPIC &&
       facts->flags & UVSHM__CHANNEL_LOSSLESS) ||
      (facts->kind != UVSHM__CHANNEL_QUEUE &&
       facts->flags & UVSHM__CHANNEL_REDELIVER))
    return uvshm__fail(UV_EINVAL,
                       "topics are lossless and queues redeliver, not the "
                       "other way round");
  err = kind->plan(facts, messages, bytes);
  if (err == 0 && facts->area_size > AREA_LIMIT)
    err = uvshm__fail(UV_ENOSPC, "no channel can be that large");
  return err;
}

/* ---- making -------------------------------------------------------------- */

static void place(struct uvshm__channel* channel,
                  const struct uvshm__core* core,
                  unsigned char* block) {
  channel->core = core;
  channel->kind = kind_of(channel->facts.kind);
  channel->front = (struct uvshm__channel_front*) (void*) block;
  channel->ends = (struct uvshm__channel_ent*) (void*) (channel->front + 1);
  channel->area = block + area_offset(&channel->facts);
}


static void format_frame(const struct uvshm__channel* channel) {
  uvshm__a64_t* words = (uvshm__a64_t*) (void*) channel->front;
  uint64_t i;

  for (i = 0; i < area_offset(&channel->facts) / 8; i++)
    uvshm__a64_store_relaxed(&words[i], 0);
}


int uvshm__channel_format(struct uvshm__lane* lane,
                          const struct uvshm__channel_facts* facts,
                          struct uvshm__channel_hdr* body,
                          uint64_t* block) {
  uint64_t size = uvshm__channel_size(facts);
  struct uvshm__channel channel;
  unsigned char* bytes;
  uint64_t ref;
  int err;

  err = uvshm__heap_alloc(
      lane, size, UVSHM__CHANNEL_ALIGNMENT, uvshm__heap_me(lane->core), &ref);
  if (err < 0) return err;
  bytes = uvshm__heap_at(lane->core, ref, size);
  if (bytes == NULL) {
    (void) uvshm__heap_free(lane, ref);
    return uvshm__fail(UV_ENOMEM, "it would lie where nothing is mapped");
  }
  memset(&channel, 0, sizeof(channel));
  channel.facts = *facts;
  place(&channel, lane->core, bytes);
  format_frame(&channel);
  channel.kind->format(&channel);
  memset(body, 0, sizeof(*body));
  uvshm__a64_store_relaxed(&body->block, ref);
  body->size = size;
  body->capacity = facts->capacity;
  body->size_max = facts->size_max;
  body->kind = facts->kind;
  body->flags = facts->flags;
  body->writers = facts->writers;
  body->readers = facts->readers;
  body->loans = facts->loans;
  body->format = UVSHM__FORMAT_CHANNEL;
  *block = ref;
  return 0;
}

/* ---- attaching ----------------------------------------------------------- */

/* Each word once; what is looked at from now on is the copy. */
static void copy_header(struct uvshm__channel_hdr* copy,
                        const struct uvshm__channel_hdr* body) {
  const uvshm__a64_t* from = (const uvshm__a64_t*) (const void*) body;
  uint64_t words[sizeof(*copy) / 8];
  uint32_t i;

  for (i = 0; i < sizeof(*copy) / 8; i++)
    words[i] = uvshm__a64_load_relaxed(&from[i]);
  memcpy(copy, words, sizeof(*copy));
}


static int same(const struct uvshm__channel_facts* a,
                const struct uvshm__channel_facts* b) {
  return a->capacity == b->capacity && a->size_max == b->size_max &&
         a->writers == b->writers && a->readers == b->readers &&
         a->loans == b->loans && a->flags == b->flags;
}


static int damaged(const char* what, uint64_t value) {
  return uvshm__fail(UV_EPROTO,
                     "the channel is damaged: %s %llu",
                     what,
                     (unsigned long long) value);
}


static int check_facts(const struct uvshm__channel_hdr* hdr,
                       struct uvshm__channel_facts* facts) {
  const uint32_t known = UVSHM__CHANNEL_LOSSLESS | UVSHM__CHANNEL_REDELIVER;
  struct uvshm__channel_facts planned;

  if (hdr->format != UVSHM__FORMAT_CHANNEL)
    return uvshm__fail(UV_EPROTONOSUPPORT,
                       "the channel was made with format %u, this uvshm reads "
                       "%u",
                       (unsigned int) hdr->format,
                       UVSHM__FORMAT_CHANNEL);
  memset(facts, 0, sizeof(*facts));
  facts->kind = hdr->kind;
  facts->flags = hdr->flags;
  facts->capacity = hdr->capacity;
  facts->size_max = hdr->size_max;
  facts->writers = hdr->writers;
  facts->readers = hdr->readers;
  facts->loans = hdr->loans;
  if (facts->capacity == 0 || facts->flags & ~known)
    return damaged("its capacity or flags", facts->capacity);
  planned = *facts;
  if (uvshm__channel_plan(&planned, 0, 0) < 0 || !same(&planned, facts))
    return damaged("what it was made with, kind", facts->kind);
  facts->area_size = planned.area_size;
  return 0;
}


int uvshm__channel_attach(const struct uvshm__core* core,
                          const struct uvshm__channel_hdr* body,
                          struct uvshm__channel* channel) {
  struct uvshm__channel_hdr hdr;
  unsigned char* bytes = NULL;
  uint64_t block;
  int err;

  memset(channel, 0, sizeof(*channel));
  copy_header(&hdr, body);
  err = check_facts(&hdr, &channel->facts);
  if (err < 0) return err;
  block = hdr.block.value;
  if (hdr.size != uvshm__channel_size(&channel->facts))
    return damaged("its size", hdr.size);
  if (uvshm__is_multiple(block, UVSHM__CHANNEL_ALIGNMENT))
    bytes = uvshm__heap_at(core, block, hdr.size);
  if (bytes == NULL) return damaged("its block at", block);
  place(channel, core, bytes);
  return channel->kind->attach(channel);
}
