/* SPDX-License-Identifier: MIT */

/* The readers of a queue.
 *
 * To take a message is one compare-and-swap of its slot. Right after it the
 * chunk is in no slot, and its owner's word still names the writer: a reader
 * that dies there would leave a chunk that seems to be a writer's. So it notes
 * before what it is about to take, chunk and owner's word, in its own entry,
 * its hand; and it clears the note when the owner's word is its own:
 *
 *   read slot, owner's word, size
 *   read the slot again: it was all of this message
 *   hand = chunk and owner's word
 *   slot: chunk -> empty, of the next lap     this is the take
 *   own: -> mine, or free after a copy
 *   hand = nothing
 *
 * The second look at the slot makes sure that the note is of a message that was
 * in the queue. Otherwise a note could be of a chunk that a writer is filling,
 * and when the reader dies, repair would take the chunk away from the writer.
 *
 * The last step but one is a compare-and-swap too, and it may fail. Two readers
 * have noted the same message, and one of them dies: repair cannot know which
 * of them took it, so it takes the message for the dead one's. The other one
 * finds the owner's word changed, forgets what it has copied, and goes on with
 * the next message.
 */

#include "base/error.h"
#include "base/rare.h"
#include "core/queue_inside.h"

#include <string.h>

/* How often others may be faster before the caller is told to try again. */
#define TRIES 10000u

/* See fall_back(). */
#define STREAK 4u
#define DISTANCE 64u
#define LOOKS 512u
#define LOOKS_PER_CLOCK 16u
#define FALL_BACK_NS UINT64_C(3000)

struct found {
  uint64_t place;
  uint64_t word; /* of the slot */
  uint64_t own;
  uint32_t chunk;
  uint32_t size;
};


/* What is in the slot, as far as that can be known before it is taken. 1: all
 * of it is of one message; 0: somebody was faster. */
static int look(const struct uvshm__channel_end* end, struct found* found) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  struct uvshm__queue_note* note;

  found->chunk = (uint32_t) (found->word & UVSHM__QUEUE_CHUNK) - 1;
  if (found->chunk >= queue->chunks)
    return uvshm__queue_damaged("a slot names no chunk", found->place);
  note = &queue->notes[found->chunk];
  /* The message too comes from another processor; both at once. */
  UVSHM__PREFETCH(uvshm__queue_message(queue, found->chunk));
  UVSHM__PREFETCH((char*) uvshm__queue_message(queue, found->chunk) +
                  queue->stride * 2);
  UVSHM__PREFETCH_WRITE(note + 4);
  UVSHM__PREFETCH_WRITE(uvshm__queue_slot(queue, found->place + 8));

  found->own = uvshm__a64_load_acquire(&note->own);
  found->size = uvshm__a32_load_acquire(&note->size);
  if (uvshm__a64_load_acquire(uvshm__queue_slot(queue, found->place)) !=
      found->word)
    return 0;
  if ((found->own & UVSHM__QUEUE_END) == 0 ||
      found->size > end->channel->facts.size_max)
    return uvshm__queue_damaged("a message has no sender or is too large",
                                found->chunk);
  return 1;
}


/* 1: it is in no slot any more, and in our hand; 0: somebody was faster. */
static int take(struct uvshm__channel_end* end, const struct found* found) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  uvshm__a64_t* hand = end->ent->own;

  uvshm__a64_store_relaxed(&hand[UVSHM__QUEUE_HAND_OWN], found->own);
  uvshm__a64_store_release(&hand[UVSHM__QUEUE_HAND],
                           (uint64_t) found->chunk + 1);
  if (!uvshm__a64_cas(uvshm__queue_slot(queue, found->place),
                      found->word,
                      uvshm__queue_empty(queue, found->place) +
                          (UINT64_C(1) << UVSHM__QUEUE_LAP_SHIFT))) {
    uvshm__a64_store_release(&hand[UVSHM__QUEUE_HAND], 0);
    return 0;
  }
  end->u.queue.place = found->place + 1;
  uvshm__a64_store_release(queue->head, found->place + 1);
  return 1;
}


/* What is in our hand becomes `who`'s. 0: it was taken for somebody else's. */
static int settle(struct uvshm__channel_end* end,
                  const struct found* found,
                  uint64_t who) {
  uvshm__a64_t* own = &end->channel->u.queue.notes[found->chunk].own;
  int done =
      uvshm__a64_cas(own, found->own, uvshm__queue_next_own(found->own, who));

  /* Not before: the chunk is ours, or repair has seen to it. */
  uvshm__a64_store_release(&end->ent->own[UVSHM__QUEUE_HAND], 0);
  return done;
}


static void describe(const struct found* found, uvshm_message_t* message) {
  message->size = found->size;
  message->sequence = 0;
  message->missed = 0;
  message->again = (found->own & UVSHM__QUEUE_GIVEN) != 0;
  message->reserved = 0;
}


static int peek_one(struct uvshm__channel_end* end,
                    const struct found* found,
                    uvshm_message_t* message) {
  struct uvshm__queue_end* mine = &end->u.queue;

  if (!take(end, found)) return 0;
  if (!settle(end,
              found,
              (end->index + 1) | UVSHM__QUEUE_LOAN |
                  (found->own & UVSHM__QUEUE_GIVEN)))
    return 0;
  mine->chunk[mine->count++] = found->chunk;
  message->bytes = uvshm__queue_message(&end->channel->u.queue, found->chunk);
  describe(found, message);
  return 1;
}


static int recv_one(struct uvshm__channel_end* end,
                    const struct found* found,
                    uvshm_message_t* message) {
  if (found->size > message->size) {
    message->size = found->size;
    return UV_ENOBUFS;
  }
  if (!take(end, found)) return 0;
  if (found->size != 0)
    memcpy(message->bytes,
           uvshm__queue_message(&end->channel->u.queue, found->chunk),
           found->size);
  if (!settle(end, found, 0)) return 0;
  describe(found, message);
  return 1;
}


/* A reader that is faster than its writers would follow them step by step, and
 * each would wait all the time for cache lines that the other one has just
 * written: two and a half times as slow as with some distance. So one that has
 * had several messages in a row, then none, and then one, gives the writers
 * three microseconds to get ahead. */
static void fall_back(const struct uvshm__channel_end* end) {
  const struct uvshm__core* core = end->channel->core;
  const struct uvshm__queue* queue = &end->channel->u.queue;
  uint64_t distance = end->channel->facts.capacity / 2;
  uint64_t place = end->u.queue.place;
  uint64_t begun = core->env->now_ns(core->env_arg);
  uint64_t word;
  uint32_t i;

  place += distance < DISTANCE ? distance : DISTANCE;
  for (i = 1; i < LOOKS; i++) {
    word = uvshm__a64_load_relaxed(uvshm__queue_slot(queue, place));
    if (word > uvshm__queue_empty(queue, place)) return;
    uvshm__pause();
    if (i % LOOKS_PER_CLOCK == 0 &&
        core->env->now_ns(core->env_arg) - begun >= FALL_BACK_NS)
      return;
  }
}


/* Is there a message in what the slot said? */
static int is_message(struct uvshm__channel_end* end, uint64_t word) {
  struct uvshm__queue_end* mine = &end->u.queue;

  if ((word & UVSHM__QUEUE_CHUNK) == 0) {
    mine->flows = mine->streak >= STREAK;
    mine->streak = 0;
    return 0;
  }
  if (mine->streak++ == 0 && mine->flows) fall_back(end);
  return 1;
}


/* The next message, peeked or copied. */
static int next(struct uvshm__channel_end* end,
                uvshm_message_t* message,
                int (*one)(struct uvshm__channel_end* end,
                           const struct found* found,
                           uvshm_message_t* message)) {
  struct found found;
  uint32_t tries;
  int err;

  for (tries = 0; tries < TRIES; tries++) {
    err = uvshm__queue_seek(
        end->channel, UVSHM__QUEUE_MESSAGE, &end->u.queue.place, &found.word);
    if (err < 0) return err;
    if (!is_message(end, found.word)) return UV_EAGAIN;
    found.place = end->u.queue.place;
    err = look(end, &found);
    if (err == 1) err = one(end, &found, message);
    if (err != 0) return err < 0 ? err : 0;
  }
  return UV_EAGAIN;
}


int uvshm__queue_peek(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count) {
  uint32_t loans = end->channel->facts.loans;
  size_t i;
  int err = 0;

  if (end->u.queue.count >= loans)
    return uvshm__fail(UV_ENOBUFS,
                       "%u messages are peeked and not released",
                       (unsigned int) loans);
  for (i = 0; i < *count && end->u.queue.count < loans; i++) {
    err = next(end, &messages[i], peek_one);
    if (err < 0) break;
  }
  if (i == 0) return err;
  *count = i;
  return 0;
}


int uvshm__queue_recv(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count) {
  size_t i;
  int err = 0;

  for (i = 0; i < *count; i++) {
    err = next(end, &messages[i], recv_one);
    if (err < 0) break;
  }
  if (i == 0) return err;
  *count = i;
  return 0;
}


static int release_one(struct uvshm__channel_end* end, const void* bytes) {
  const struct uvshm__queue* queue = &end->channel->u.queue;
  struct uvshm__queue_end* mine = &end->u.queue;
  uint32_t i;

  for (i = 0; i < mine->count; i++) {
    if (bytes != uvshm__queue_message(queue, mine->chunk[i])) continue;
    uvshm__queue_free(queue, mine->chunk[i]);
    mine->chunk[i] = mine->chunk[--mine->count];
    return 0;
  }
  return uvshm__fail(UV_EINVAL, "that message is not peeked");
}


int uvshm__queue_release(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count) {
  size_t i;
  int err = 0;

  for (i = 0; i < count && err == 0; i++)
    err = release_one(end, messages[i].bytes);
  return err;
}


int uvshm__queue_readable(const struct uvshm__channel_end* end) {
  uint64_t place = end->u.queue.place;
  uint64_t word;
  int err =
      uvshm__queue_seek(end->channel, UVSHM__QUEUE_MESSAGE, &place, &word);

  return err < 0 || (word & UVSHM__QUEUE_CHUNK) != 0;
}
