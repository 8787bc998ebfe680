/* SPDX-License-Identifier: MIT */

/* The writers of a queue, and how readers and writers find the next slot.
 * queue.c says how a message goes its way. */

#include "core/queue.h"

#include "base/error.h"
#include "core/queue_inside.h"

#include <string.h>

/* More of a step than others can have made necessary. */
#define PUT_TRIES 1000000u

/* ---- positions ----------------------------------------------------------- */

/* What the slot says of `place` may be old, then a place after it. */
static uint64_t after(const struct uvshm__queue* queue,
                      enum uvshm__queue_search search,
                      uint64_t place,
                      uint64_t word) {
  uint64_t laps = (uint64_t) uvshm__queue_ahead(queue, word, place);

  /* A message that is there was sent, and what was there a lap before was
   * taken; where none is, that of the lap before was. */
  if (search == UVSHM__QUEUE_MESSAGE || (word & UVSHM__QUEUE_CHUNK) == 0)
    laps--;
  return place + (laps << queue->slot_bits) + 1;
}


/* The hint, when it is further than `place` and can be true. */
static uint64_t hinted(const struct uvshm__queue* queue,
                       const uvshm__a64_t* hint,
                       uint64_t place) {
  uint64_t there = uvshm__a64_load_acquire(hint);
  uint64_t word;

  if ((int64_t) (there - place) <= 0) return place;
  word = uvshm__a64_load_acquire(uvshm__queue_slot(queue, there));
  return uvshm__queue_ahead(queue, word, there) < 0 ? place : there;
}


int uvshm__queue_seek_on(const struct uvshm__channel* channel,
                         enum uvshm__queue_search search,
                         uint64_t* place,
                         uint64_t* word) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint64_t most = 64 * uvshm__queue_slots(queue);
  uint64_t at = *place;
  uint64_t there;
  uint64_t steps;
  int64_t ahead;

  for (steps = 0; steps < most; steps++) {
    there = uvshm__a64_load_acquire(uvshm__queue_slot(queue, at));
    ahead = uvshm__queue_ahead(queue, there, at);
    if (ahead == 0 &&
        (search == UVSHM__QUEUE_MESSAGE || (there & UVSHM__QUEUE_CHUNK) == 0)) {
      *place = at;
      *word = there;
      return 0;
    }
    if (ahead < 0) return uvshm__queue_damaged("a slot is behind its lap", at);
    if (steps == 0) {
      *place = hinted(
          queue, search == UVSHM__QUEUE_FREE ? queue->tail : queue->head, at);
      if (*place != at) {
        at = *place;
        continue;
      }
    }
    at = after(queue, search, at, there);
  }
  return uvshm__queue_damaged("slots without an end", at);
}

/* ---- chunks -------------------------------------------------------------- */

static int take_chunk(struct uvshm__channel_end* end, uint32_t* chunk) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  uvshm__a64_t* word;
  uint64_t own;
  uint32_t i;

  for (i = 0; i < queue->chunks; i++) {
    *chunk = end->u.queue.next;
    if (++end->u.queue.next == queue->chunks) end->u.queue.next = 0;
    word = &queue->notes[*chunk].own;
    own = uvshm__a64_load_relaxed(word);
    if (own % UVSHM__QUEUE_TAG != 0) continue;
    if (uvshm__a64_cas(word, own, uvshm__queue_next_own(own, end->index + 1)))
      return 0;
  }
  return UV_EAGAIN;
}


int uvshm__queue_put(const struct uvshm__channel* channel,
                     uint32_t chunk,
                     uint64_t* place) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint32_t tries;
  uint64_t word;
  int err;

  for (tries = 0; tries < PUT_TRIES; tries++) {
    /* Mostly it is free, and the word need not be fetched twice. */
    word = uvshm__queue_empty(queue, *place);
    /* Before it is there: so who finds it in no slot but this, when its owner
     * is dead, knows that it is in none. */
    uvshm__a32_store_relaxed(&queue->notes[chunk].slot,
                             uvshm__queue_index(queue, *place));
    if (uvshm__a64_cas(
            uvshm__queue_slot(queue, *place), word, word + chunk + 1)) {
      *place += 1;
      uvshm__a64_store_release(queue->tail, *place);
      return 0;
    }
    err = uvshm__queue_seek(channel, UVSHM__QUEUE_FREE, place, &word);
    if (err < 0) return err;
  }
  return uvshm__queue_damaged("a slot that changes all the time", *place);
}

/* ---- room ---------------------------------------------------------------- */

/* Is the message at `place` gone? If so, so are all before it. */
static int is_taken(const struct uvshm__queue* queue, uint64_t place) {
  return uvshm__queue_ahead(
             queue,
             uvshm__a64_load_acquire(uvshm__queue_slot(queue, place)),
             place) > 0;
}


/* How many messages may be sent from `place` on, `wanted` at most. */
static uint64_t room_at(const struct uvshm__channel* channel,
                        uint64_t* taken,
                        uint64_t place,
                        uint64_t wanted) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint64_t capacity = channel->facts.capacity;
  uint64_t oldest = place - capacity;
  uint64_t later = oldest + capacity / 4;
  uint64_t used;

  if (place - *taken + wanted <= capacity) return wanted;

  /* Where the readers are, they write. So we ask after a message that is some
   * way off, and not again for as long as that way; only when they have not
   * come so far, after the one whose place we need. */
  if ((int64_t) (later - *taken) >= 0 && is_taken(queue, later))
    *taken = later + 1;
  else if ((int64_t) (oldest - *taken) >= 0 && is_taken(queue, oldest))
    *taken = oldest + 1;
  if ((int64_t) (oldest - *taken) >= 0) return 0;
  while (place - *taken + wanted > capacity && *taken != place &&
         is_taken(queue, *taken))
    *taken += 1;
  used = place - *taken;
  return capacity - used < wanted ? capacity - used : wanted;
}


/* Is there room for one message, and from where on? */
static int seek_room(const struct uvshm__channel* channel,
                     uint64_t* taken,
                     uint64_t* place,
                     uint64_t wanted,
                     uint64_t* room) {
  uint64_t word;
  int err = uvshm__queue_seek(channel, UVSHM__QUEUE_FREE, place, &word);

  if (err < 0) return err;
  *room = room_at(channel, taken, *place, wanted);
  return *room == 0 ? UV_EAGAIN : 0;
}


/* A message was put before `place`. The mark may be a sixteenth too low: to
 * know how deep a queue is costs a look at what its readers write. */
static void note_sent(struct uvshm__channel_end* end) {
  struct uvshm__queue_end* mine = &end->u.queue;
  uvshm__a64_t* high = &end->channel->front->high;
  uint64_t head;
  uint64_t depth;

  mine->sent = mine->place;
  if (mine->place - mine->taken <=
      mine->high + end->channel->facts.capacity / 16)
    return;
  head = uvshm__a64_load_acquire(end->channel->u.queue.head);
  if ((int64_t) (head - mine->taken) > 0 && (int64_t) (mine->place - head) >= 0)
    mine->taken = head;
  depth = mine->place - mine->taken;
  if (depth <= mine->high) return;
  mine->high = uvshm__a64_load_relaxed(high);
  if (mine->high >= depth) return;
  mine->high = depth;
  uvshm__a64_store_relaxed(high, depth);
}

/* ---- claim and commit ---------------------------------------------------- */

int uvshm__queue_claim(struct uvshm__channel_end* end,
                       uvshm_message_t* messages,
                       size_t* count) {
  struct uvshm__queue_end* mine = &end->u.queue;
  size_t wanted = *count < UVSHM__QUEUE_BATCH ? *count : UVSHM__QUEUE_BATCH;
  uint64_t room;
  uint32_t chunk;
  int err;

  if (mine->count != 0)
    return uvshm__fail(UV_EINVAL, "it has claimed a message already");
  err = seek_room(end->channel, &mine->taken, &mine->place, wanted, &room);
  if (err < 0) return err;
  while (mine->count < wanted && mine->count < room) {
    if (take_chunk(end, &chunk) < 0) break;
    messages[mine->count].bytes =
        uvshm__queue_message(&end->channel->u.queue, chunk);
    mine->chunk[mine->count++] = chunk;
  }
  if (mine->count == 0) return UV_EAGAIN;
  *count = mine->count;
  return 0;
}


static int is_claimed(const struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t count) {
  const struct uvshm__queue_end* mine = &end->u.queue;
  size_t i;

  if (count > mine->count) return 0;
  for (i = 0; i < count; i++)
    if (messages[i].size > end->channel->facts.size_max ||
        messages[i].bytes !=
            uvshm__queue_message(&end->channel->u.queue, mine->chunk[i]))
      return 0;
  return 1;
}


int uvshm__queue_commit(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t count) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  struct uvshm__queue_end* mine = &end->u.queue;
  uint32_t chunk;
  uint32_t i;
  int err = 0;

  if (!is_claimed(end, messages, count))
    return uvshm__fail(UV_EINVAL, "that is not what was claimed");
  for (i = 0; i < mine->count; i++) {
    chunk = mine->chunk[i];
    if (i < count && err == 0) {
      uvshm__a32_store_relaxed(&queue->notes[chunk].size,
                               (uint32_t) messages[i].size);
      err = uvshm__queue_put(end->channel, chunk, &mine->place);
      if (err == 0) note_sent(end);
    }
    if (i >= count || err < 0) uvshm__queue_free(queue, chunk);
  }
  mine->count = 0;
  return err;
}


int uvshm__queue_send(struct uvshm__channel_end* end,
                      const uvshm_message_t* messages,
                      size_t* count) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  struct uvshm__queue_end* mine = &end->u.queue;
  size_t wanted = *count < UVSHM__QUEUE_BATCH ? *count : UVSHM__QUEUE_BATCH;
  uint64_t room;
  uint32_t chunk;
  size_t i;
  int err;

  err = seek_room(end->channel, &mine->taken, &mine->place, wanted, &room);
  for (i = 0; err == 0 && i < wanted && i < room; i++) {
    err = take_chunk(end, &chunk);
    if (err < 0) break;
    if (messages[i].size != 0)
      memcpy(uvshm__queue_message(queue, chunk),
             messages[i].bytes,
             messages[i].size);
    uvshm__a32_store_relaxed(&queue->notes[chunk].size,
                             (uint32_t) messages[i].size);
    err = uvshm__queue_put(end->channel, chunk, &mine->place);
    if (err < 0) {
      uvshm__queue_free(queue, chunk);
      break;
    }
    note_sent(end);
  }
  if (i == 0) return err < 0 ? err : UV_EAGAIN;
  *count = i;
  return 0;
}

/* ---- what is there ------------------------------------------------------- */

int uvshm__queue_writable(const struct uvshm__channel_end* end, uint64_t size) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  uint64_t place = end->u.queue.place;
  uint64_t taken = end->u.queue.taken;
  uint64_t room;
  uint32_t i;
  int err;

  (void) size;
  err = seek_room(end->channel, &taken, &place, 1, &room);
  if (err == UV_EAGAIN) return 0;
  if (err < 0) return 1;
  for (i = 0; i < queue->chunks; i++) {
    uint64_t chunk = ((uint64_t) end->u.queue.next + i) % queue->chunks;

    if (uvshm__a64_load_relaxed(&queue->notes[chunk].own) % UVSHM__QUEUE_TAG ==
        0)
      return 1;
  }
  return 0;
}


/* While it spins, a writer waits for more room than for one message: else it
 * would be after each that is read, and in the reader's way. */
int uvshm__queue_glance(const struct uvshm__channel_end* end, uint64_t size) {
  const struct uvshm__queue_end* mine = &end->u.queue;
  uint64_t capacity = end->channel->facts.capacity;
  uint64_t later = mine->place - capacity + capacity / 4;

  (void) size;
  if (!end->writer) return uvshm__queue_readable(end);
  return (int64_t) (later - mine->taken) < 0 ||
         is_taken(&end->channel->u.queue, later);
}


int uvshm__queue_drained(const struct uvshm__channel_end* end) {
  const struct uvshm__queue* queue = &end->channel->u.queue;

  return end->u.queue.sent == 0 || is_taken(queue, end->u.queue.sent - 1);
}
