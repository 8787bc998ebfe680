/* SPDX-License-Identifier: MIT */

/* Messages of any kind of channel: what stands around the kind's own steps. The
 * kind stores and finds messages; here those who wait are woken, ends that are
 * alone are told, and one waits.
 *
 * A writer that commits while its readers are awake reads one word that nobody
 * writes and makes no system call (signal.h). A reader that finds nothing looks
 * again for some microseconds, because a message that comes soon comes much
 * sooner than a sleeper is woken; how long that is worth it, the lane remembers
 * (spin.c). Then it says that it sleeps, looks once more, and sleeps in slices,
 * each of which ends with a look for ends that died.
 */

#include "base/error.h"
#include "base/rare.h"
#include "core/channel.h"
#include "core/spin.h"

#include <string.h>


static void tell_readers(const struct uvshm__channel* channel, size_t count) {
  uint32_t wakes = count < UINT32_MAX ? (uint32_t) count : UINT32_MAX;

  if (channel->facts.kind == UVSHM__CHANNEL_TOPIC) wakes = UINT32_MAX;
  uvshm__signal_raise_soon(channel->core, &channel->front->readable, wakes);
}


static void tell_writers(const struct uvshm__channel* channel, size_t count) {
  uint32_t wakes = count < UINT32_MAX ? (uint32_t) count : UINT32_MAX;

  uvshm__signal_raise_soon(channel->core, &channel->front->writable, wakes);
}

static void note(struct uvshm__channel_end* end, size_t messages) {
  end->messages += messages;
  uvshm__a64_store_relaxed(&end->ent->messages, end->messages);
}

/* ---- sending ------------------------------------------------------------- */

static int check_sizes(const struct uvshm__channel_end* end,
                       const uvshm_message_t* messages,
                       size_t count) {
  uint64_t size_max = end->channel->facts.size_max;
  size_t i;

  for (i = 0; i < count; i++)
    if (messages[i].size > size_max) return UV_EMSGSIZE;
  return 0;
}


/* One message after the other, for kinds that have no faster way. */
static int send_each(struct uvshm__channel_end* end,
                     const uvshm_message_t* messages,
                     size_t* count) {
  const struct uvshm__channel_kind* kind = end->channel->kind;
  uvshm_message_t room;
  size_t done;
  size_t one;
  int err;

  for (done = 0; done < *count; done++) {
    room = messages[done];
    one = 1;
    err = kind->claim(end, &room, &one);
    if (err < 0 && done == 0) return err;
    if (err < 0) break;
    if (room.size != 0) memcpy(room.bytes, messages[done].bytes, room.size);
    err = kind->commit(end, &room, 1);
    if (err < 0) return err;
  }
  *count = done;
  return 0;
}


/* A sleeper wrote to the word last that is looked at after the message is
 * there. Both lines at once, when no other writer wants it. */
static UVSHM__USUAL void fetch_readers(const struct uvshm__channel* channel) {
  if (channel->facts.writers == 1)
    UVSHM__PREFETCH_WRITE(&channel->front->readable);
}


int uvshm__channel_send(struct uvshm__channel_end* end,
                        const uvshm_message_t* messages,
                        size_t* count) {
  const struct uvshm__channel* channel = end->channel;
  int err = uvshm__channel_alone(end);

  fetch_readers(channel);
  if (err == 0) err = check_sizes(end, messages, *count);
  if (err == 0)
    err = channel->kind->send != NULL
              ? channel->kind->send(end, messages, count)
              : send_each(end, messages, count);
  if (err < 0) return err;
  note(end, *count);
  tell_readers(channel, *count);
  return 0;
}


int uvshm__channel_claim(struct uvshm__channel_end* end,
                         uvshm_message_t* messages,
                         size_t* count) {
  int err = uvshm__channel_alone(end);

  if (err == 0) err = check_sizes(end, messages, *count);
  return err < 0 ? err : end->channel->kind->claim(end, messages, count);
}


int uvshm__channel_commit(struct uvshm__channel_end* end,
                          const uvshm_message_t* messages,
                          size_t count) {
  int err;

  fetch_readers(end->channel);
  err = end->channel->kind->commit(end, messages, count);
  if (err < 0 || count == 0) return err;
  note(end, count);
  tell_readers(end->channel, count);
  return 0;
}

/* ---- receiving ----------------------------------------------------------- */

/* There was nothing. What a writer did before it left or died is there when its
 * end is gone, so look once more before the end is told. */
static int nothing(struct uvshm__channel_end* end) {
  int err = uvshm__channel_alone(end);

  if (err == 0) return UV_EAGAIN;
  return end->channel->kind->readable(end) ? 0 : err;
}


int uvshm__channel_peek(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count) {
  const struct uvshm__channel_kind* kind = end->channel->kind;
  int err = kind->peek(end, messages, count);

  if (err != UV_EAGAIN) return err;
  err = nothing(end);
  return err < 0 ? err : kind->peek(end, messages, count);
}


int uvshm__channel_release(struct uvshm__channel_end* end,
                           const uvshm_message_t* messages,
                           size_t count) {
  int err = end->channel->kind->release(end, messages, count);

  if (err == 0) note(end, count);
  tell_writers(end->channel, count);
  return err;
}


static int recv_each(struct uvshm__channel_end* end,
                     uvshm_message_t* messages,
                     size_t* count) {
  const struct uvshm__channel_kind* kind = end->channel->kind;
  uvshm_message_t found;
  size_t done;
  size_t one;
  int err = 0;

  for (done = 0; done < *count && err == 0; done++) {
    one = 1;
    err = kind->peek(end, &found, &one);
    if (err < 0) break;
    if (found.size > messages[done].size) {
      messages[done].size = found.size;
      err = kind->unpeek(end, &found) < 0 ? UV_EPROTO : UV_ENOBUFS;
      break;
    }
    if (found.size != 0) memcpy(messages[done].bytes, found.bytes, found.size);
    err = kind->release(end, &found, 1);
    found.bytes = messages[done].bytes;
    messages[done] = found;
  }
  if (done == 0) return err;
  *count = done;
  return 0;
}


static int recv_some(struct uvshm__channel_end* end,
                     uvshm_message_t* messages,
                     size_t* count) {
  const struct uvshm__channel_kind* kind = end->channel->kind;

  return kind->recv != NULL ? kind->recv(end, messages, count)
                            : recv_each(end, messages, count);
}


int uvshm__channel_recv(struct uvshm__channel_end* end,
                        uvshm_message_t* messages,
                        size_t* count) {
  int err = recv_some(end, messages, count);

  if (err == UV_EAGAIN) {
    err = nothing(end);
    if (err == 0) err = recv_some(end, messages, count);
  }
  if (err < 0) return err;
  note(end, *count);
  tell_writers(end->channel, *count);
  return 0;
}

/* ---- waiting ------------------------------------------------------------- */

static struct uvshm__signal* signal_of(const struct uvshm__channel_end* end) {
  struct uvshm__channel_front* front = end->channel->front;

  return end->writer ? &front->writable : &front->readable;
}


int uvshm__channel_ready(const struct uvshm__channel_end* end, uint64_t size) {
  const struct uvshm__channel_kind* kind = end->channel->kind;

  if (!end->writer) return kind->readable(end);
  return uvshm__channel_alone(end) != UV_EAGAIN && kind->writable(end, size);
}


void uvshm__channel_wait_begin(struct uvshm__wait* wait,
                               struct uvshm__lane* lane,
                               struct uvshm__channel_end* end,
                               uint64_t timeout_ms) {
  uvshm__wait_begin(
      wait, lane, &signal_of(end)->word, timeout_ms, end->cancelled);
  uvshm__wait_is_for_news(wait);
}


static int spin(struct uvshm__lane* lane,
                const struct uvshm__channel_end* end,
                uint64_t size) {
  const struct uvshm__channel_kind* kind = end->channel->kind;
  struct uvshm__spin spin;
  int ready = 0;

  uvshm__spin_begin(&spin, lane);
  while (!ready && uvshm__spin_on(&spin))
    ready = kind->glance != NULL ? kind->glance(end, size)
                                 : uvshm__channel_ready(end, size);
  /* A glance sees room, not that a writer waits for its first reader. */
  ready = uvshm__channel_ready(end, size);
  uvshm__spin_end(&spin, ready);
  return ready;
}


/* The other side is there, and so are we. */
static int still_worth_it(const struct uvshm__channel_end* end) {
  int err = uvshm__channel_alone(end);

  if (uvshm__a64_load_acquire(&end->ent->owner) != end->owner)
    return UV_ECANCELED;
  return err == UV_EAGAIN ? 0 : err;
}


/* A thread that holds locks cannot clear the dead away. It must not wait for
 * them either. */
static int only_dead_left(const struct uvshm__channel_end* end) {
  const struct uvshm__channel* channel = end->channel;
  const struct uvshm__core* core = channel->core;
  uint32_t first = end->writer ? channel->facts.writers : 0;
  uint32_t count =
      end->writer ? channel->facts.readers : channel->facts.writers;
  uint32_t dead = 0;
  uint32_t slot;
  uint32_t i;

  for (i = 0; i < count; i++) {
    slot = uvshm__channel_peer(channel, first + i);
    if (slot >= core->peers_max) continue;
    if (slot == core->slot || core->env->alive(core->env_arg, slot)) return 0;
    dead++;
  }
  return dead != 0;
}


UVSHM__RARE int uvshm__channel_tried(struct uvshm__lane* lane,
                                     struct uvshm__channel_end* end) {
  end->tries = 0;
  uvshm__channel_tend(lane, end->channel);
  if (lane->count != 0 && !uvshm__channel_ready(end, 0) && only_dead_left(end))
    return end->writer ? UV_EPIPE : UV_ECONNRESET;
  return 0;
}


int uvshm__channel_wait(struct uvshm__wait* wait,
                        struct uvshm__channel_end* end,
                        uint64_t size) {
  struct uvshm__signal* signal = signal_of(end);
  uint32_t value;
  int err;

  /* Who was woken for nothing does not begin anew. */
  if (wait->timeout_ms != 0 && wait->sleeps == 0 && spin(wait->lane, end, size))
    return 0;
  value = uvshm__signal_prepare(signal);
  uvshm__spin_settle(wait->lane->core);
  if (uvshm__channel_ready(end, size)) return 0;
  err = still_worth_it(end);
  if (err < 0) return uvshm__channel_ready(end, size) ? 0 : err;
  if (!end->writer) wait->next = end->channel->kind->next(end);
  /* Nothing behind it: whoever has slept finds his code far away, and the
   * processor has forgotten where each return leads. */
  return uvshm__wait_sleep(wait, value);
}


void uvshm__channel_wait_end(struct uvshm__wait* wait,
                             struct uvshm__channel_end* end) {
  const struct uvshm__channel_facts* facts = &end->channel->facts;
  uint32_t others = end->writer ? facts->writers : facts->readers;

  if (wait->sleeps == 0 || others <= 1) return;
  uvshm__signal_pass(
      end->channel->core, signal_of(end), uvshm__channel_ready(end, 0));
}


UVSHM__RARE void uvshm__channel_linger(struct uvshm__lane* lane,
                                       struct uvshm__channel_end* end,
                                       uint64_t timeout_ms) {
  const struct uvshm__channel_kind* kind = end->channel->kind;
  struct uvshm__wait wait;
  uint32_t value;
  int err = 0;

  uvshm__channel_wait_begin(&wait, lane, end, timeout_ms);
  while (err >= 0 && !kind->drained(end)) {
    value = uvshm__signal_prepare(signal_of(end));
    uvshm__spin_settle(lane->core);
    if (kind->drained(end)) break;
    err = still_worth_it(end);
    if (err == 0) err = uvshm__wait_sleep(&wait, value);
    if (err == UVSHM__WAIT_SLICE) err = uvshm__channel_tried(lane, end);
  }
  uvshm__channel_wait_end(&wait, end);
}
