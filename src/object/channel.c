/* SPDX-License-Identifier: MIT */

/* Channels: opening and closing. Messages are in channel_io.c, numbers in
 * channel_info.c; the algorithms are core/channel*.c and those of the kinds. */

#include "object/channel.h"

#include "base/error.h"
#include "object/alone.h"
#include "object/segment.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_DEFAULT 4096u
#define ENDS_DEFAULT 16u
#define LOANS_DEFAULT 4u

#define KINDS (UVSHM_CHANNEL_STREAM | UVSHM_CHANNEL_QUEUE | UVSHM_CHANNEL_TOPIC)
#define OWN                                                                    \
 (UVSHM_READER | UVSHM_WRITER | KINDS | UVSHM_CHANNEL_LOSSLESS |               \
  UVSHM_CHANNEL_REDELIVER | UVSHM_CHANNEL_AWAIT | UVSHM_CHANNEL_OLDEST |       \
  UVSHM_CHANNEL_SEQUENCE)

/* ---- options ------------------------------------------------------------- */

static uint32_t kind_of(uint32_t flags) {
  if (flags & UVSHM_CHANNEL_QUEUE) return UVSHM__CHANNEL_QUEUE;
  if (flags & UVSHM_CHANNEL_TOPIC) return UVSHM__CHANNEL_TOPIC;
  return UVSHM__CHANNEL_STREAM;
}


static int check_options(const uvshm_channel_options_t* options) {
  uint32_t flags = options->flags;
  uint32_t kinds = flags & KINDS;

  if ((kinds & (kinds - 1)) != 0 ||
      (flags & UVSHM_READER && flags & UVSHM_WRITER) ||
      (flags & UVSHM_CHANNEL_AWAIT && !(flags & UVSHM_WRITER)) ||
      (flags & UVSHM_READONLY && flags & (UVSHM_READER | UVSHM_WRITER)) ||
      (flags & (UVSHM_CHANNEL_OLDEST | UVSHM_CHANNEL_SEQUENCE) &&
       !(flags & UVSHM_READER)) ||
      (flags & UVSHM_CHANNEL_OLDEST && flags & UVSHM_CHANNEL_SEQUENCE))
    return uvshm__fail(
        UV_EINVAL, "cannot open a channel: its flags contradict each other");
  if (options->mode > 0777 || options->reserved != 0)
    return uvshm__fail(
        UV_EINVAL, "cannot open a channel: mode or reserved makes no sense");
  return 0;
}


static int plan(struct uvshm__channel_facts* facts,
                const uvshm_channel_options_t* options) {
  unsigned int failures = uvshm__error_count();
  int err;

  memset(facts, 0, sizeof(*facts));
  facts->kind = kind_of(options->flags);
  if (options->flags & UVSHM_CHANNEL_LOSSLESS)
    facts->flags |= UVSHM__CHANNEL_LOSSLESS;
  if (options->flags & UVSHM_CHANNEL_REDELIVER)
    facts->flags |= UVSHM__CHANNEL_REDELIVER;
  facts->size_max = options->size_max != 0 ? options->size_max : SIZE_DEFAULT;
  facts->writers = options->writers != 0 ? options->writers : ENDS_DEFAULT;
  facts->readers = options->readers != 0 ? options->readers : ENDS_DEFAULT;
  facts->loans = options->loans != 0 ? options->loans : LOANS_DEFAULT;
  err = uvshm__channel_plan(facts, options->messages, options->bytes);
  if (err < 0)
    return uvshm__fail(
        err, "cannot open a channel: %s", uvshm__reason(err, failures));
  return 0;
}

/* ---- opening ------------------------------------------------------------- */

static void format_body(void* body, uint32_t argument) {
  (void) argument;
  memset(body, 0, UVSHM__ENTRY_BODY);
}


/* `facts` is the address of some. */
static int furnish(struct uvshm__lane* lane,
                   struct uvshm__directory_spec* spec,
                   void* body,
                   uint64_t facts) {
  return uvshm__channel_format(
      lane,
      (const struct uvshm__channel_facts*) (uintptr_t) facts,
      body,
      &spec->blocks[0]);
}


static int find_or_make(uvshm_channel_t* channel,
                        struct uvshm_segment_s* segment,
                        const char* name,
                        const uvshm_channel_options_t* options) {
  struct uvshm__named_request request;
  struct uvshm__channel_facts facts;
  int planned = plan(&facts, options);
  int err;

  memset(&request, 0, sizeof(request));
  request.segment = segment;
  request.name = name;
  request.flags = options->flags & ~OWN;
  request.type = UVSHM__TYPE_CHANNEL;
  request.kind = UVSHM_KIND_CHANNEL;
  request.format_body = format_body;
  request.looks = 1;
  request.furnish = furnish;
  request.furnish_size = (uint64_t) (uintptr_t) &facts;
  request.mode = options->mode;
  request.timeout_ms = options->timeout_ms;
  request.group = options->group;
  request.sddl = options->sddl;
  request.label = options->label;
  /* Of a channel that exists it does not matter what cannot be made. */
  if (planned < 0) {
    if (request.flags & UVSHM_EXCLUSIVE) return planned;
    request.flags = (request.flags & ~UVSHM_CREATE) | UVSHM_EXISTING;
  }
  channel->alone = segment == NULL;
  err = channel->alone
            ? uvshm__alone_open(
                  &channel->named, &request, uvshm__channel_size(&facts))
            : uvshm__named_open(&channel->named, &request);
  return planned < 0 && err == UV_ENOENT ? plan(&facts, options) : err;
}


static const char* what_it_is(uint32_t kind) {
  static const char* const words[] = {"", "a stream", "a queue", "a topic"};

  return words[kind];
}


/* Is it what the flags ask for? Those that it was made with or not. */
static int check_found(const uvshm_channel_t* channel, uint32_t flags) {
  const struct uvshm__channel_facts* facts = &channel->channel.facts;

  if ((flags & KINDS) != 0 && kind_of(flags) != facts->kind)
    return uvshm__fail(UV_EPROTOTYPE,
                       "it is %s, not %s",
                       what_it_is(facts->kind),
                       what_it_is(kind_of(flags)));
  if (flags & UVSHM_CHANNEL_LOSSLESS &&
      !(facts->flags & UVSHM__CHANNEL_LOSSLESS))
    return uvshm__fail(UV_EPROTOTYPE, "it was not made lossless");
  if (flags & UVSHM_CHANNEL_REDELIVER &&
      !(facts->flags & UVSHM__CHANNEL_REDELIVER))
    return uvshm__fail(UV_EPROTOTYPE, "it was not made to redeliver");
  if (flags & (UVSHM_CHANNEL_OLDEST | UVSHM_CHANNEL_SEQUENCE) &&
      facts->kind != UVSHM__CHANNEL_TOPIC)
    return uvshm__fail(UV_EINVAL,
                       "only readers of a topic choose where to "
                       "begin");
  return 0;
}


int uvshm__channel_enter(uvshm_channel_t* channel) {
  struct uvshm__channel_end* end = &channel->end;
  struct uvshm__lane* lane;
  int err = uvshm__lane_get(channel->named.attach, &lane);

  memset(&end->u, 0, sizeof(end->u));
  end->messages = 0;
  end->tries = 0;
  if (err == 0) err = uvshm__channel_join(lane, end, channel->timeout_ms);
  if (err < 0) return err;
  channel->serial = channel->named.attach->serial;
  channel->has_end = 1;
  return 0;
}


static int attach(uvshm_channel_t* channel,
                  const uvshm_channel_options_t* options) {
  struct uvshm__named* named = &channel->named;
  const struct uvshm__core* core = &named->attach->core;
  unsigned int failures = uvshm__error_count();
  int err = uvshm__channel_attach(core, named->body, &channel->channel);

  /* Whoever only looks has no part in its staying. */
  uvshm__fence_acquire();
  if (named->attach->readonly && !uvshm__named_is_there(named)) err = UV_ENXIO;
  if (err == 0) err = check_found(channel, options->flags);
  channel->state = &uvshm__core_entry(core, named->ref.index)->state;
  channel->there = uvshm__directory_state(&named->ref);
  channel->serial = named->attach->serial;
  channel->linger_ms = options->linger_ms;
  channel->end.channel = &channel->channel;
  channel->end.writer = (options->flags & UVSHM_WRITER) != 0;
  channel->end.flags = options->flags;
  channel->end.sequence = options->sequence;
  channel->end.cancelled = &named->cancelled;
  if (err == 0 && options->flags & (UVSHM_READER | UVSHM_WRITER))
    err = uvshm__channel_enter(channel);
  if (err < 0)
    return uvshm__fail(err,
                       "cannot open \"%s\": %s",
                       named->name,
                       uvshm__reason(err, failures));
  return 0;
}


/* Of the time that the open has. */
static uint64_t left_of(const uvshm_channel_options_t* options,
                        uint64_t begun) {
  uint64_t all =
      options->timeout_ms != 0 ? options->timeout_ms : UVSHM__OPEN_TIMEOUT_MS;
  uint64_t gone = uvshm__port_now_ms() - begun;

  if (all == UVSHM_FOREVER) return all;
  return gone < all ? all - gone : 0;
}


int uvshm_channel_open(uvshm_channel_t** result,
                       struct uvshm_segment_s* segment,
                       const char* name,
                       const uvshm_channel_options_t* given) {
  uint64_t begun = uvshm__port_now_ms();
  uvshm_channel_options_t options;
  uvshm_channel_t* channel;
  int err;

  memset(&options, 0, sizeof(options));
  if (given != NULL) options = *given;
  err = check_options(&options);
  if (err < 0) return err;
  channel = calloc(1, sizeof(*channel));
  if (channel == NULL) return uvshm__fail(UV_ENOMEM, "no private memory");
  err = find_or_make(channel, segment, name, &options);
  if (err < 0) {
    free(channel);
    return err;
  }
  channel->timeout_ms = left_of(&options, begun);
  err = attach(channel, &options);
  if (err < 0) {
    uvshm_channel_close(channel);
    return err;
  }
  channel->timeout_ms = left_of(&options, uvshm__port_now_ms());
  *result = channel;
  return 0;
}

/* ---- closing ------------------------------------------------------------- */

/* Unless it is the parent's, or was removed and belongs to nobody. */
static void leave(uvshm_channel_t* channel) {
  struct uvshm__attach* attach = channel->named.attach;
  struct uvshm__lane* lane;

  if (!channel->has_end || !uvshm__attach_is_ours(attach) ||
      channel->serial != attach->serial)
    return;
  if (channel->linger_ms != 0 && channel->end.writer &&
      uvshm__lane_get(attach, &lane) == 0)
    uvshm__channel_linger(lane, &channel->end, channel->linger_ms);
  uvshm__channel_leave(&channel->end);
}


void uvshm_channel_close(uvshm_channel_t* channel) {
  if (channel == NULL) return;
  leave(channel);
  if (channel->alone)
    uvshm__alone_close(&channel->named);
  else
    uvshm__named_close(&channel->named);
  free(channel);
}


int uvshm_channel_unlink(struct uvshm_segment_s* segment,
                         const char* name,
                         uint32_t flags) {
  return uvshm__named_unlink(
      segment, name, flags, UVSHM__TYPE_CHANNEL, UVSHM_KIND_CHANNEL);
}


int uvshm_channel_rejoin(uvshm_channel_t* channel) {
  return channel->alone ? uvshm__alone_rejoin(&channel->named) : 0;
}
