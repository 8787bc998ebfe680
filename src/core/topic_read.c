/* SPDX-License-Identifier: MIT */

/* Receiving in a topic. See topic.c.
 *
 * A reader knows its position; the slot of it names another one:
 *
 *   this position              the message is there
 *   the one a round before     it is not sent yet
 *   a later one                writers have passed us
 *
 * To read a message where it lies, the reader pins its chunk and looks at the
 * slot again: when that still names the chunk, the writer who takes it out of
 * the slot will see the pin. A small message is copied without a pin, and the
 * slot looked at again after it.
 */

#include "core/peek.h"
#include "core/topic_inside.h"

#include <string.h>

/* Up to so many bytes are copied without a pin: that costs the writer no look
 * at a line that we have changed. */
#define UNPINNED_MAX 1024u

/* How often we may be passed while we try to get one message. */
#define PASSED_MAX 64u

/* What look() says. */
#define THERE 0
#define PASSED 1

struct found {
  uint32_t slot;
  uint32_t chunk;
  uint64_t word;
  uint64_t size;
};

/* ---- being passed -------------------------------------------------------- */

/* Go on with the oldest one that is still there; when that happens again and
 * again in one call, further and further behind it. */
static void go_on_at(struct uvshm__channel_end* end,
                     uint64_t oldest,
                     uint32_t tries) {
  struct uvshm__topic_end* mine = &end->u.topic;
  uint64_t room = end->channel->u.topic.slots_count - 1;
  uint64_t more = tries < 2 ? 0 : (room / 32 + 1) * (tries - 1);
  uint64_t missed;

  oldest += more < room ? more : room;
  missed = oldest - mine->position;
  mine->position = oldest;
  mine->missed += missed;
  mine->lost += missed;
  uvshm__a64_store_relaxed(&end->ent->lost, mine->lost);
}


/* 1: more messages were sent since ours than there are slots. */
static int is_passed(const struct uvshm__topic* topic,
                     uint64_t position,
                     uint64_t tail) {
  return (int64_t) (tail - position) > (int64_t) topic->slots_count;
}


/* The slot names neither this position nor the one a round before. */
static int look_closer(struct uvshm__channel_end* end,
                       const struct found* found,
                       int64_t ahead,
                       uint32_t tries) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint64_t position = end->u.topic.position;
  uint64_t tail = uvshm__a64_load_acquire(&topic->hdr->tail);

  /* 40 bits do not tell a reader that slept for years from one that waits for
   * what is years ahead. */
  if (is_passed(topic, position, tail)) {
    go_on_at(end, tail - topic->slots_count, tries);
    return PASSED;
  }
  if (ahead % (int64_t) topic->slots_count != 0) {
    if (uvshm__a64_load_acquire(&topic->slots[found->slot]) != found->word)
      return PASSED; /* look again */
    return uvshm__topic_damaged("a slot does not follow the others");
  }
  if (ahead < 0) return UV_EAGAIN;
  /* The tail is late: position + ahead is sent. */
  go_on_at(end, position + (uint64_t) ahead + 1 - topic->slots_count, tries);
  return PASSED;
}

/* ---- the next message ---------------------------------------------------- */

/* THERE, PASSED (look again), UV_EAGAIN, UV_EPROTO. */
static int look(struct uvshm__channel_end* end,
                struct found* found,
                uint32_t tries) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  struct uvshm__topic_end* mine = &end->u.topic;
  int64_t ahead;

  found->slot = uvshm__topic_slot(topic, mine, mine->position);
  found->word = uvshm__a64_load_acquire(&topic->slots[found->slot]);
  ahead = uvshm__topic_ahead(found->word, mine->position);
  if (ahead == -(int64_t) topic->slots_count) return UV_EAGAIN;
  if (ahead != 0) return look_closer(end, found, ahead, tries);

  found->chunk = uvshm__topic_chunk_of(found->word);
  if (found->chunk >= topic->chunks_count)
    return uvshm__topic_damaged("a slot names no chunk");
  found->size = uvshm__a64_load_relaxed(&topic->sizes[found->chunk]);
  if (found->size <= end->channel->facts.size_max) return THERE;
  uvshm__fence_acquire();
  if (uvshm__a64_load_relaxed(&topic->slots[found->slot]) != found->word)
    return PASSED;
  return uvshm__topic_damaged("a message is larger than it may be");
}


/* Is the message still the one in its slot, after all that we have read? */
static int is_still_there(const struct uvshm__topic* topic,
                          const struct found* found) {
  uvshm__fence_acquire();
  return uvshm__a64_load_relaxed(&topic->slots[found->slot]) == found->word;
}


/* What writers go by: the oldest message that we have not done with. */
static void publish_position(struct uvshm__channel_end* end) {
  const struct uvshm__topic_end* mine = &end->u.topic;
  uint64_t oldest = mine->position;
  uint64_t loans;
  uint32_t i;

  for (i = 0, loans = mine->loans; loans != 0; i++, loans >>= 1)
    if ((loans & 1) != 0 && mine->at[i] < oldest) oldest = mine->at[i];
  uvshm__a64_store_release(&end->ent->own[0], oldest);
}


static void got(struct uvshm__channel_end* end,
                uvshm_message_t* message,
                uint64_t size) {
  struct uvshm__topic_end* mine = &end->u.topic;

  message->size = (size_t) size;
  message->sequence = mine->position - end->channel->u.topic.slots_count;
  message->missed = mine->missed;
  message->again = 0;
  message->reserved = 0;
  mine->missed = 0;
  mine->position++;
}

/* ---- pins ---------------------------------------------------------------- */

/* A pin that is not in use; `loans` of the facts: there is none. */
static uint32_t find_pin(const struct uvshm__channel_end* end) {
  uint32_t i;

  for (i = 0; i < end->channel->facts.loans; i++)
    if ((end->u.topic.loans >> i & 1) == 0) break;
  return i;
}


static void unpin(struct uvshm__channel_end* end, uint32_t pin) {
  /* After all that we have read. */
  uvshm__a64_store_release(
      &uvshm__topic_pins(&end->channel->u.topic,
                         end->index - end->channel->facts.writers)[pin],
      0);
}


/* 1: nobody writes to the chunk until unpin(). */
static int set_pin(struct uvshm__channel_end* end,
                   uint32_t pin,
                   const struct found* found) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint32_t reader = end->index - end->channel->facts.writers;

  if (!end->u.topic.pinner) {
    (void) uvshm__a64_or(&topic->hdr->pinners[reader / 64],
                         UINT64_C(1) << reader % 64);
    uvshm__fence_seq_cst();
    end->u.topic.pinner = 1;
  }
  /* The entry's generation tells repair whose pin it is. */
  uvshm__a64_store_seq_cst(&uvshm__topic_pins(topic, reader)[pin],
                           end->owner >> 32 << 32 | (found->chunk + 1));
  /* See is_pinned() in topic_write.c. */
  if (uvshm__a64_load_seq_cst(&topic->slots[found->slot]) == found->word)
    return 1;
  unpin(end, pin);
  return 0;
}

/* ---- the calls ----------------------------------------------------------- */

static int peek_one(struct uvshm__channel_end* end, uvshm_message_t* message) {
  struct uvshm__topic_end* mine = &end->u.topic;
  uint32_t pin = find_pin(end);
  struct found found;
  uint32_t tries;
  int err;

  if (pin == end->channel->facts.loans) return UV_ENOBUFS;
  for (tries = 0; tries < PASSED_MAX; tries++) {
    err = look(end, &found, tries);
    if (err < 0) return err;
    if (err == PASSED || !set_pin(end, pin, &found)) continue;
    mine->loans |= UINT64_C(1) << pin;
    mine->at[pin] = mine->position;
    mine->chunk[pin] = found.chunk;
    message->bytes = uvshm__topic_message(&end->channel->u.topic, found.chunk);
    got(end, message, found.size);
    return 0;
  }
  return UV_EAGAIN;
}


int uvshm__topic_peek(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count) {
  size_t i;
  int err = 0;

  for (i = 0; i < *count; i++) {
    err = peek_one(end, &messages[i]);
    if (err < 0) break;
  }
  /* Also when there is none: we may have been passed. */
  publish_position(end);
  if (i == 0) return err;
  *count = i;
  return 0;
}


static int release_one(struct uvshm__channel_end* end, const void* bytes) {
  struct uvshm__topic_end* mine = &end->u.topic;
  uint32_t i;

  for (i = 0; i < end->channel->facts.loans; i++)
    if ((mine->loans >> i & 1) != 0 &&
        bytes == uvshm__topic_message(&end->channel->u.topic, mine->chunk[i]))
      break;
  if (i == end->channel->facts.loans)
    return uvshm__fail(UV_EINVAL, "that is not peeked");
  mine->loans &= ~(UINT64_C(1) << i);
  unpin(end, i);
  return 0;
}


int uvshm__topic_release(struct uvshm__channel_end* end,
                         const uvshm_message_t* messages,
                         size_t count) {
  size_t i;
  int err = 0;

  for (i = 0; i < count && err == 0; i++)
    err = release_one(end, messages[i].bytes);
  publish_position(end);
  return err;
}


/* Not as if it had been released: it was the last one that was peeked. */
int uvshm__topic_unpeek(struct uvshm__channel_end* end,
                        const uvshm_message_t* message) {
  int err = release_one(end, message->bytes);

  if (err < 0) return err;
  end->u.topic.position--;
  end->u.topic.missed += message->missed;
  return 0;
}


/* 1: copied, whole; 0: it has changed meanwhile. */
static int copy(struct uvshm__channel_end* end,
                const struct found* found,
                void* to,
                int patient) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  const unsigned char* from = uvshm__topic_message(topic, found->chunk);
  uint32_t pin = found->size > UNPINNED_MAX || !patient
                     ? find_pin(end)
                     : end->channel->facts.loans;

  if (pin == end->channel->facts.loans) {
    uvshm__peek_bytes(to, (const uvshm__a64_t*) from, found->size);
    return is_still_there(topic, found);
  }
  if (!set_pin(end, pin, found)) return 0;
  memcpy(to, from, (size_t) found->size);
  unpin(end, pin);
  return 1;
}


static int recv_one(struct uvshm__channel_end* end, uvshm_message_t* message) {
  struct found found;
  uint32_t tries;
  int err;

  for (tries = 0; tries < PASSED_MAX; tries++) {
    err = look(end, &found, tries);
    if (err < 0) return err;
    if (err == PASSED) continue;
    if (found.size > message->size) {
      if (!is_still_there(&end->channel->u.topic, &found)) continue;
      message->size = (size_t) found.size;
      return UV_ENOBUFS;
    }
    if (!copy(end, &found, message->bytes, tries == 0)) continue;
    got(end, message, found.size);
    return 0;
  }
  return UV_EAGAIN;
}


int uvshm__topic_recv(struct uvshm__channel_end* end,
                      uvshm_message_t* messages,
                      size_t* count) {
  size_t i;
  int err = 0;

  for (i = 0; i < *count; i++) {
    err = recv_one(end, &messages[i]);
    if (err < 0) break;
  }
  publish_position(end);
  if (i == 0) return err;
  *count = i;
  return 0;
}


int uvshm__topic_readable(const struct uvshm__channel_end* end) {
  const struct uvshm__topic* topic = &end->channel->u.topic;
  uint64_t position = end->u.topic.position;
  int64_t ahead = uvshm__topic_ahead(
      uvshm__a64_load_seq_cst(
          &topic->slots[uvshm__topic_slot_of(topic, position)]),
      position);

  if (ahead == -(int64_t) topic->slots_count) return 0;
  return ahead >= 0 || ahead % (int64_t) topic->slots_count != 0 ||
         is_passed(topic, position, uvshm__a64_load_relaxed(&topic->hdr->tail));
}
