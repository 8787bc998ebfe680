/* SPDX-License-Identifier: MIT */

/* What the files of the queue share: positions, slots, owners' words. See
 * queue.c. */

#ifndef UVSHM_CORE_QUEUE_INSIDE_H_
#define UVSHM_CORE_QUEUE_INSIDE_H_

#include "core/channel.h"

#include <stdint.h>

/* ---- slots --------------------------------------------------------------- */

static inline uint64_t uvshm__queue_slots(const struct uvshm__queue* queue) {
  return UINT64_C(1) << queue->slot_bits;
}


static inline uint32_t uvshm__queue_index(const struct uvshm__queue* queue,
                                          uint64_t place) {
  return (uint32_t) (place & (uvshm__queue_slots(queue) - 1));
}


static inline uvshm__a64_t* uvshm__queue_slot(const struct uvshm__queue* queue,
                                              uint64_t place) {
  return &queue->slots[uvshm__queue_index(queue, place)];
}


/* What the slot of `place` says before it is filled; + chunk + 1 after that. */
static inline uint64_t uvshm__queue_empty(const struct uvshm__queue* queue,
                                          uint64_t place) {
  return place >> queue->slot_bits << UVSHM__QUEUE_LAP_SHIFT;
}


/* How many laps `word`, of the slot of `place`, is ahead of it. */
static inline int64_t uvshm__queue_ahead(const struct uvshm__queue* queue,
                                         uint64_t word,
                                         uint64_t place) {
  uint64_t laps =
      (word & ~UVSHM__QUEUE_CHUNK) - uvshm__queue_empty(queue, place);

  return (int64_t) laps / (INT64_C(1) << UVSHM__QUEUE_LAP_SHIFT);
}


/* Which places to look for. */
enum uvshm__queue_search {
  UVSHM__QUEUE_FREE,   /* that is to be filled next */
  UVSHM__QUEUE_MESSAGE /* that is to be taken next, filled or not */
};

/* Go on from *place, before which all are filled (or taken), to the first that
 * is not, and say what its slot said. UV_EPROTO. */
int uvshm__queue_seek_on(const struct uvshm__channel* channel,
                         enum uvshm__queue_search search,
                         uint64_t* place,
                         uint64_t* word);

static inline int uvshm__queue_seek(const struct uvshm__channel* channel,
                                    enum uvshm__queue_search search,
                                    uint64_t* place,
                                    uint64_t* word) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint64_t there = uvshm__a64_load_acquire(uvshm__queue_slot(queue, *place));
  uint64_t empty = uvshm__queue_empty(queue, *place);

  if (there != empty &&
      (search == UVSHM__QUEUE_FREE || (there & ~UVSHM__QUEUE_CHUNK) != empty))
    return uvshm__queue_seek_on(channel, search, place, word);
  *word = there;
  return 0;
}

/* ---- chunks -------------------------------------------------------------- */

static inline uint64_t uvshm__queue_next_own(uint64_t own, uint64_t who) {
  return (own / UVSHM__QUEUE_TAG + 1) * UVSHM__QUEUE_TAG | who;
}


static inline void* uvshm__queue_message(const struct uvshm__queue* queue,
                                         uint32_t chunk) {
  return queue->messages + queue->stride * chunk;
}


/* Put a chunk that is `own`'s into the first free slot; from then on it is a
 * message. *place as above; it is the place after the message then. */
int uvshm__queue_put(const struct uvshm__channel* channel,
                     uint32_t chunk,
                     uint64_t* place);

/* A chunk of this end is free again, by whoever owns it. */
static inline void uvshm__queue_free(const struct uvshm__queue* queue,
                                     uint32_t chunk) {
  uvshm__a64_t* own = &queue->notes[chunk].own;

  uvshm__a64_store_release(
      own, uvshm__queue_next_own(uvshm__a64_load_relaxed(own), 0));
}


/* A sentence, and UV_EPROTO. */
int uvshm__queue_damaged(const char* what, uint64_t number);

/* ---- the table (queue.c), in the files where it says --------------------- */

/* queue_put.c */
int uvshm__queue_claim(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count);
int uvshm__queue_commit(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t count);
int uvshm__queue_send(struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t* count);
int uvshm__queue_writable(const struct uvshm__channel_end* end, uint64_t size);
int uvshm__queue_glance(const struct uvshm__channel_end* end, uint64_t size);
int uvshm__queue_drained(const struct uvshm__channel_end* end);

/* queue_take.c */
int uvshm__queue_peek(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count);
int uvshm__queue_recv(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count);
int uvshm__queue_release(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count);
int uvshm__queue_readable(const struct uvshm__channel_end* end);

/* queue_repair.c */
int uvshm__queue_forget(const struct uvshm__channel* channel, uint32_t index);
uint32_t uvshm__queue_mend(const struct uvshm__channel* channel);
void uvshm__queue_reset(const struct uvshm__channel* channel);

/* queue_check.c */
int uvshm__queue_check(const struct uvshm__channel* channel);
void uvshm__queue_info(const struct uvshm__channel* channel,
                       uvshm_channel_info_t* info);
void uvshm__queue_end_info(const struct uvshm__channel* channel,
                           uint32_t index,
                           uvshm_channel_end_t* info);

/* Is a chunk, whose owner's word is `own`, neither in a slot nor in the hand of
 * a reader other than `index` (any number)? If so it stays like that until its
 * owner or who repairs after him changes the word. */
int uvshm__queue_is_nowhere(const struct uvshm__channel* channel,
                            uint32_t chunk,
                            uint64_t own,
                            uint32_t index);

/* Does the slot, which says `word`, have something that cannot be a message
 * (queue_check.c)? Is a chunk, whose owner's word is `own`, nobody's and not
 * free? Both look again before they say so. */
int uvshm__queue_is_unreadable(const struct uvshm__channel* channel,
                               uint32_t slot,
                               uint64_t word);
int uvshm__queue_is_stray(const struct uvshm__channel* channel,
                          uint32_t chunk,
                          uint64_t own);

#endif /* UVSHM_CORE_QUEUE_INSIDE_H_ */
