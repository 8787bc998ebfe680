/* SPDX-License-Identifier: MIT */

/* Channels: what all kinds have in common. See channel.c for how ends come and
 * go, channel_layout.h for the bytes, stream.c, queue.c and topic.c for the
 * kinds, each of which is one table of functions.
 */

#ifndef UVSHM_CORE_CHANNEL_H_
#define UVSHM_CORE_CHANNEL_H_

#include "core/channel_layout.h"
#include "core/core.h"
#include "core/directory.h"
#include "core/lane.h"
#include "core/queue.h"
#include "core/stream.h"
#include "core/topic.h"
#include "core/wait.h"
#include "uvshm/channel.h"

#include <stdint.h>

struct uvshm__channel_kind;

/* What a channel was made with. Of one that exists it was copied and checked
 * once, so loops and offsets may rely on it. */
struct uvshm__channel_facts {
  uint32_t kind;  /* UVSHM__CHANNEL_STREAM, ... */
  uint32_t flags; /* UVSHM__CHANNEL_LOSSLESS, ... */
  uint64_t capacity;
  uint64_t size_max;
  uint32_t writers;
  uint32_t readers;
  uint32_t loans;
  uint64_t area_size; /* bytes that the kind needs; plan() says */
};

/* A channel as this process sees it. */
struct uvshm__channel {
  const struct uvshm__core* core;
  const struct uvshm__channel_kind* kind;
  struct uvshm__channel_facts facts;
  struct uvshm__channel_front* front;
  struct uvshm__channel_ent* ends; /* writers, then readers */
  unsigned char* area;             /* the kind's, at a multiple of 128 */
  union {
    struct uvshm__stream stream;
    struct uvshm__queue queue;
    struct uvshm__topic topic;
  } u; /* what the kind copied or computed in attach() */
};

/* One end of this process. Used by one thread at a time. */
struct uvshm__channel_end {
  struct uvshm__channel* channel;
  struct uvshm__channel_ent* ent; /* our entry */
  uint32_t index;                 /* of it in channel->ends */
  uint32_t writer;                /* 1, or 0: a reader */
  uint64_t owner;                 /* what ent->owner says as long as we live */
  uint32_t tries;                 /* in vain, one after the other */
  uint64_t messages;              /* sent or received: ent->messages */
  uint32_t flags;                 /* UVSHM_CHANNEL_AWAIT, _OLDEST, _SEQUENCE */
  uint64_t sequence;
  const uvshm__a32_t* cancelled; /* may be NULL */
  union {
    struct uvshm__stream_end stream;
    struct uvshm__queue_end queue;
    struct uvshm__topic_end topic;
  } u; /* zeros before join() */
};

/* One kind. Nothing here waits, sleeps, or raises a signal: the frame does that
 * around it. Results beside those that are listed: 0, and UV_EPROTO with a
 * sentence when what is found cannot be. Loads from shared memory are checked
 * before they are used; loops are bounded by private numbers. */
struct uvshm__channel_kind {
  /* Complete and check `facts`: capacity when it is 0 (`messages`, `bytes` as
   * in uvshm_channel_options_t), writers and readers of a kind that has fixed
   * numbers, area_size. The frame has checked limits and set the defaults that
   * all kinds have. For facts that plan() has completed it changes nothing:
   * attach uses it to check those that it finds.
   *   UV_EINVAL, UV_ENOTSUP  with a sentence */
  int (*plan)(struct uvshm__channel_facts* facts,
              uint64_t messages,
              uint64_t bytes);

  /* Write the area of a new channel, which nobody else sees yet. Its bytes are
   * anything. */
  void (*format)(const struct uvshm__channel* channel);

  /* Fill channel->u from facts and area. */
  int (*attach)(struct uvshm__channel* channel);

  /* Our entry is in state joining, `own` and counters are zeros, end->u too:
   * set them. After that it is live. `end->writer` says what it is. */
  int (*join)(struct uvshm__channel_end* end);

  /* We close our end: give back claims and loans. Afterwards it is free. */
  void (*leave)(struct uvshm__channel_end* end);

  /* Entry `index` is that of a dead peer, in state dead; give back what it had.
   * Can be done again after a death at any point. The entry is free afterwards.
   *   UV_EAGAIN  not yet: somebody who lives stands in the way. The entry stays
   *              dead, and this is called again at times, by anybody, also by
   *              two at once */
  int (*forget)(const struct uvshm__channel* channel, uint32_t index);

  /* Room for messages[i].size bytes (at most size_max) each, for as many of
   * *count (1 and more) as there is room for at once; nothing is claimed yet.
   *   UV_EAGAIN  not even for the first */
  int (*claim)(struct uvshm__channel_end* end,
               uvshm_message_t* messages,
               size_t* count);

  /* Send the first `count` of what was claimed, with messages[i].size now, and
   * give back the others. None: abort all.
   *   UV_EINVAL  that is not what was claimed, or a size has grown */
  int (*commit)(struct uvshm__channel_end* end,
                const uvshm_message_t* messages,
                size_t count);

  /* claim, copy and commit in one; NULL: the frame does just that. */
  int (*send)(struct uvshm__channel_end* end,
              const uvshm_message_t* messages,
              size_t* count);

  /* The next messages, up to *count, all fields set.
   *   UV_EAGAIN   there is none
   *   UV_ENOBUFS  all loans are out */
  int (*peek)(struct uvshm__channel_end* end,
              uvshm_message_t* messages,
              size_t* count);

  /* UV_EINVAL: that is not peeked (those before it in the batch are
   * released). */
  int (*release)(struct uvshm__channel_end* end,
                 const uvshm_message_t* messages,
                 size_t count);

  /* The last message that was peeked was not: the next peek gives it again. */
  int (*unpeek)(struct uvshm__channel_end* end, const uvshm_message_t* message);

  /* peek, copy (messages[i].size is the room there is) and release in one;
   * NULL: the frame does just that, with unpeek when there is no room.
   *   UV_ENOBUFS  no room for the first, messages[0].size says what it needs */
  int (*recv)(struct uvshm__channel_end* end,
              uvshm_message_t* messages,
              size_t* count);

  /* Is there a message for this reader, or room for `size` bytes of this
   * writer? 1 on damage, so that the next call tells. Cheap; another reader or
   * writer may be faster. */
  int (*readable)(const struct uvshm__channel_end* end);
  int (*writable)(const struct uvshm__channel_end* end, uint64_t size);

  /* Where this reader's next message, or the word that tells of it, is going to
   * be. Not read here. */
  const void* (*next)(const struct uvshm__channel_end* end);

  /* As these two while spinning, time and again: must not take cache lines from
   * those who are waited for. NULL: readable() and writable(). */
  int (*glance)(const struct uvshm__channel_end* end, uint64_t size);

  /* Has every reader that lives (any, of a queue) had all that this writer
   * sent? For close with linger. */
  int (*drained)(const struct uvshm__channel_end* end);

  /* Numbers: depth, sent and received (the frame sets high, lost and again from
   * the front, as which the kind counts); lag and lost of the end with entry
   * `index`. Others work meanwhile. */
  void (*info)(const struct uvshm__channel* channel,
               uvshm_channel_info_t* info);
  void (*end_info)(const struct uvshm__channel* channel,
                   uint32_t index,
                   uvshm_channel_end_t* info);

  /* The area as a whole: is it well; clear what names nobody (how many);
   * nobody is attached and nobody was since the last boot: as after the death
   * of all ends, again at any point. */
  int (*check)(const struct uvshm__channel* channel);
  uint32_t (*mend)(const struct uvshm__channel* channel);
  void (*reset)(const struct uvshm__channel* channel);
};

extern const struct uvshm__channel_kind uvshm__stream_kind;
extern const struct uvshm__channel_kind uvshm__queue_kind;
extern const struct uvshm__channel_kind uvshm__topic_kind;

/* ---- making and attaching (channel.c) ------------------------------------ */

/* Check and complete `facts`, see plan(). UV_EINVAL, UV_ENOTSUP. */
int uvshm__channel_plan(struct uvshm__channel_facts* facts,
                        uint64_t messages,
                        uint64_t bytes);

/* Bytes of the block of a channel with these facts. */
uint64_t uvshm__channel_size(const struct uvshm__channel_facts* facts);

/* A new channel in a block that is private to this peer, and the body of the
 * entry that will name it; as uvshm__map_format(). */
int uvshm__channel_format(struct uvshm__lane* lane,
                          const struct uvshm__channel_facts* facts,
                          struct uvshm__channel_hdr* body,
                          uint64_t* block);

/* Copy what `body` says and check it. UV_EPROTO, UV_EPROTONOSUPPORT. */
int uvshm__channel_attach(const struct uvshm__core* core,
                          const struct uvshm__channel_hdr* body,
                          struct uvshm__channel* channel);

/* ---- ends (channel_end.c) ------------------------------------------------ */

/* Take an end for this process: end->channel, writer, flags, sequence and
 * cancelled are set. Dead peers are cleared away when there is none left and
 * `lane` holds no lock; for one that another repairer is about to give back we
 * wait at most `timeout_ms`.
 *   UV_EMFILE     all are taken by the living; of a stream UV_EBUSY
 *   UV_ETIMEDOUT  who repairs after a dead one does not get on with it */
int uvshm__channel_join(struct uvshm__lane* lane,
                        struct uvshm__channel_end* end,
                        uint64_t timeout_ms);
void uvshm__channel_leave(struct uvshm__channel_end* end);

/* Are there ends of the other side? 0: yes, or there was none yet; else what
 * those get who would wait for them: UV_EOF, UV_ECONNRESET, UV_EPIPE. One load,
 * as long as there are. */
int uvshm__channel_alone_slow(const struct uvshm__channel_end* end,
                              uint32_t word);

static inline int uvshm__channel_alone(const struct uvshm__channel_end* end) {
  const struct uvshm__channel_front* front = end->channel->front;
  uint32_t word =
      uvshm__a32_load_acquire(end->writer ? &front->readers : &front->writers);

  if ((word & UVSHM__CHANNEL_WAS) == UVSHM__CHANNEL_OPEN) return 0;
  return uvshm__channel_alone_slow(end, word);
}

/* Clear away dead peers that have an end of this channel, and what was left
 * over of others. Some system calls. How many ends went. */
/* `lane` may be NULL: the thread has none, so it holds no locks. */
uint32_t uvshm__channel_tend(struct uvshm__lane* lane,
                             const struct uvshm__channel* channel);

/* End `index`, whose owner word `owner` says what cannot be, becomes one that
 * died, and those who wait for the other side are told. What it had is left for
 * uvshm__channel_tend(). 0: somebody else was faster. */
int uvshm__channel_disown(const struct uvshm__channel* channel,
                          uint32_t index,
                          uint64_t owner);

/* How many ends are live: writers (1) or readers (0). And the slot of the peer
 * that has end `index`; not below peers_max: nobody has. */
uint32_t uvshm__channel_count(const struct uvshm__channel* channel,
                              uint32_t writers);
uint32_t uvshm__channel_peer(const struct uvshm__channel* channel,
                             uint32_t index);

/* ---- messages (channel_message.c) ---------------------------------------- */

/* As the functions of the kind, and raise the signals; UV_EMSGSIZE, and what
 * uvshm__channel_alone() says. None waits. */
int uvshm__channel_send(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t* count);
int uvshm__channel_claim(struct uvshm__channel_end* end,
                         uvshm_message_t* messages,
                         size_t* count);
int uvshm__channel_commit(struct uvshm__channel_end* end,
                          const uvshm_message_t* messages,
                          size_t count);
int uvshm__channel_recv(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count);
int uvshm__channel_peek(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count);
int uvshm__channel_release(struct uvshm__channel_end* end,
                           const uvshm_message_t* messages,
                           size_t count);

/* Is there a message, or a reader and room for `size` bytes? Ends that the next
 * call would tell do not count. */
int uvshm__channel_ready(const struct uvshm__channel_end* end, uint64_t size);

/* Wait until it is worth to try again: for a message, or room for `size` bytes.
 * The caller has done uvshm__channel_wait_begin() once for the call, and does
 * uvshm__channel_wait_end() when it has got what it waited for.
 *   UVSHM__WAIT_SLICE: it is time for uvshm__channel_tried()
 *   UV_EOF, UV_ECONNRESET, UV_EPIPE, UV_ETIMEDOUT, UV_ECANCELED */
void uvshm__channel_wait_begin(struct uvshm__wait* wait,
                               struct uvshm__lane* lane,
                               struct uvshm__channel_end* end,
                               uint64_t timeout_ms);
int uvshm__channel_wait(struct uvshm__wait* wait,
                        struct uvshm__channel_end* end,
                        uint64_t size);
void uvshm__channel_wait_end(struct uvshm__wait* wait,
                             struct uvshm__channel_end* end);

/* Wait until readers have had all that this writer sent, or have gone. */
void uvshm__channel_linger(struct uvshm__lane* lane,
                           struct uvshm__channel_end* end,
                           uint64_t timeout_ms);

/* Who tries again and again without ever waiting looks for the dead at times:
 * after this many tries in vain (end->tries), which is a second for one try in
 * each picture of a film, and no more often than a waiter does. */
#define UVSHM__CHANNEL_TRIES 64u
#define UVSHM__CHANNEL_LOOKS_MS 20u

int uvshm__channel_tried(struct uvshm__lane* lane,
                         struct uvshm__channel_end* end);

/* ---- from outside (channel_check.c) -------------------------------------- */

/* As for maps (map.h). `body` is that of a directory entry. */
int uvshm__channel_check(const struct uvshm__core* core,
                         const struct uvshm__directory_ref* ref);
uint32_t uvshm__channel_mend(struct uvshm__lane* lane, void* body);
void uvshm__channel_reset(const struct uvshm__core* core, void* body);
void uvshm__channel_bury(const struct uvshm__core* core,
                         uint32_t slot,
                         void* body);

/* Part of the repair of `slot`, which had this channel open (its open bit is
 * still set, so the block stays): its ends die. */
void uvshm__channel_forget(const struct uvshm__core* core,
                           uint32_t slot,
                           void* body);

#endif /* UVSHM_CORE_CHANNEL_H_ */
