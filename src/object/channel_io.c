/* SPDX-License-Identifier: MIT */

/* Messages: what the public calls have around those of core/channel_message.c.
 * A call tries; only when there is nothing (no room) and it may wait, it gets a
 * lane and waits and tries in turn. */

#include "object/channel.h"

#include "base/error.h"
#include "base/rare.h"
#include "core/txn.h"

#include <string.h>

/* ---- first and last ------------------------------------------------------ */

int uvshm__channel_look(const uvshm_channel_t* channel) {
  return uvshm__named_usable(&channel->named);
}


static int is_in_txn(struct uvshm__attach* attach) {
  struct uvshm__lane* lane;

  return uvshm__a64_load_relaxed(&attach->calm) == 0 &&
         uvshm__lane_have(attach, &lane) == 0 && uvshm__lane_in_txn(lane);
}


UVSHM__RARE int uvshm__channel_begin_slow(uvshm_channel_t* channel,
                                          uint32_t writer) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__named_usable(&channel->named);

  if (err < 0) return err;
  if (!channel->has_end || channel->end.writer != writer)
    return uvshm__fail(UV_EPERM,
                       "\"%s\" was not opened as a %s",
                       channel->named.name,
                       writer ? "writer" : "reader");
  if (is_in_txn(channel->named.attach))
    return uvshm__fail(UV_EINVAL,
                       "cannot use \"%s\": this thread is in a transaction, "
                       "which could not take it back",
                       channel->named.name);
  if (channel->serial == channel->named.attach->serial) return 0;
  err = uvshm__channel_enter(channel);
  return err < 0 ? uvshm__channel_failed(channel, "use", err, failures) : 0;
}


UVSHM__RARE int uvshm__channel_failed(const uvshm_channel_t* channel,
                                      const char* verb,
                                      int err,
                                      unsigned int failures) {
  switch (err) {
    case UV_EAGAIN:
      return channel->end.writer
                 ? uvshm__fail_brief(err, "there is no room now")
                 : uvshm__fail_bare(err);
    case UV_ENOBUFS:
      return uvshm__fail_brief(err,
                               "the message is larger than the buffer, or as "
                               "many are peeked as may be");
    case UV_EMSGSIZE:
      return uvshm__fail(
          err,
          "cannot send to \"%s\": its messages have at most %llu bytes",
          channel->named.name,
          (unsigned long long) channel->channel.facts.size_max);
    default:
      return uvshm__fail(err,
                         "cannot %s \"%s\": %s",
                         verb,
                         channel->named.name,
                         uvshm__reason(err, failures));
  }
}

/* ---- trying and waiting -------------------------------------------------- */

/* One of the calls of core/channel_message.c that may say UV_EAGAIN. */
typedef int (*attempt_t)(struct uvshm__channel_end* end,
                         uvshm_message_t* messages,
                         size_t* count);


static int send_some(struct uvshm__channel_end* end,
                     uvshm_message_t* messages,
                     size_t* count) {
  return uvshm__channel_send(end, messages, count);
}


static int persist(uvshm_channel_t* channel,
                   attempt_t attempt,
                   uvshm_message_t* messages,
                   size_t* count,
                   uint64_t timeout_ms) {
  struct uvshm__channel_end* end = &channel->end;
  uint64_t size = end->writer ? messages[0].size : 0;
  struct uvshm__wait wait;
  struct uvshm__lane* lane;
  size_t most = *count;
  int err = uvshm__lane_get(channel->named.attach, &lane);

  if (err < 0) return err;
  uvshm__channel_wait_begin(&wait, lane, end, timeout_ms);
  do {
    err = uvshm__channel_wait(&wait, end, size);
    if (err == UVSHM__WAIT_SLICE) err = uvshm__channel_tried(lane, end);
    if (err == 0 && uvshm__a64_load_relaxed(channel->state) != channel->there &&
        !uvshm__named_is_there(&channel->named))
      err = UV_ENXIO;
    if (err < 0) break;
    *count = most;
    err = attempt(end, messages, count);
  } while (err == UV_EAGAIN);
  uvshm__channel_wait_end(&wait, end);
  return err;
}


/* Nothing, and the caller does not wait. Once in a while look for the dead, for
 * those who never do. */
UVSHM__RARE static int look_again(uvshm_channel_t* channel) {
  const struct uvshm__core* core = channel->channel.core;
  uint64_t now = core->env->now_ms(core->env_arg);
  struct uvshm__lane* lane;
  int err;

  channel->end.tries = 0;
  if (now - channel->looked_ms < UVSHM__CHANNEL_LOOKS_MS) return UV_EAGAIN;
  channel->looked_ms = now;
  err = uvshm__lane_get(channel->named.attach, &lane);
  if (err == 0) err = uvshm__channel_tried(lane, &channel->end);
  return err < 0 ? err : UV_EAGAIN;
}


/* Of all that may go wrong in core, 1 for what has its sentence already. */
static unsigned int has_sentence(int err) {
  return err == UV_EPROTO || err == UV_EINVAL;
}


/* The first attempt said `err`. */
UVSHM__RARE static int run_slow(uvshm_channel_t* channel,
                                const char* verb,
                                attempt_t attempt,
                                uvshm_message_t* messages,
                                size_t* count,
                                uint64_t timeout_ms,
                                int err) {
  unsigned int failures = uvshm__error_count();

  failures -= has_sentence(err);
  if (err == UV_EAGAIN && timeout_ms != 0)
    err = persist(channel, attempt, messages, count, timeout_ms);
  else if (err == UV_EAGAIN && ++channel->end.tries >= UVSHM__CHANNEL_TRIES)
    err = look_again(channel);
  return err < 0 ? uvshm__channel_failed(channel, verb, err, failures) : 0;
}


UVSHM__RARE static int end_failed(const uvshm_channel_t* channel,
                                  const char* verb,
                                  int err) {
  return uvshm__channel_failed(
      channel, verb, err, uvshm__error_count() - has_sentence(err));
}


static int run(uvshm_channel_t* channel,
               const char* verb,
               attempt_t attempt,
               uvshm_message_t* messages,
               size_t* count,
               uint64_t timeout_ms) {
  int err;

  if (*count == 0)
    err = uvshm__fail(UV_EINVAL, "a batch has one message or more");
  else
    err = attempt(&channel->end, messages, count);
  if (err == 0) return 0;
  return run_slow(channel, verb, attempt, messages, count, timeout_ms, err);
}


static int news_of(const uvshm_message_t* messages, size_t count) {
  size_t i;

  for (i = 0; i < count; i++) {
    if (messages[i].missed != 0) return UVSHM_MISSED;
    if (messages[i].again != 0) return UVSHM_AGAIN;
  }
  return 0;
}

/* ---- sending ------------------------------------------------------------- */

int uvshm_channel_send_many(uvshm_channel_t* channel,
                            const uvshm_message_t* messages,
                            size_t* count,
                            uint64_t timeout_ms) {
  int err = uvshm__channel_begin(channel, 1);
  size_t done = *count;

  if (err == 0) /* It is not written to; attempts of other calls do. */
    err = run(channel,
              "send to",
              send_some,
              (uvshm_message_t*) (uintptr_t) messages,
              &done,
              timeout_ms);
  if (err == 0) *count = done;
  return err;
}


int uvshm_channel_send(uvshm_channel_t* channel,
                       const void* bytes,
                       size_t size,
                       uint64_t timeout_ms) {
  uvshm_message_t message;
  size_t one = 1;
  int err = uvshm__channel_begin(channel, 1);

  message.bytes = (void*) (uintptr_t) bytes;
  message.size = size;
  if (err < 0) return err;
  return run(channel, "send to", send_some, &message, &one, timeout_ms);
}


int uvshm_channel_claim_many(uvshm_channel_t* channel,
                             uvshm_message_t* messages,
                             size_t* count,
                             uint64_t timeout_ms) {
  int err = uvshm__channel_begin(channel, 1);
  size_t done = *count;

  if (err == 0)
    err = run(channel,
              "claim room in",
              uvshm__channel_claim,
              messages,
              &done,
              timeout_ms);
  if (err == 0) *count = done;
  return err;
}


int uvshm_channel_claim(uvshm_channel_t* channel,
                        void** bytes,
                        size_t size,
                        uint64_t timeout_ms) {
  uvshm_message_t message;
  size_t one = 1;
  int err = uvshm__channel_begin(channel, 1);

  message.bytes = NULL;
  message.size = size;
  if (err == 0)
    err = run(channel,
              "claim room in",
              uvshm__channel_claim,
              &message,
              &one,
              timeout_ms);
  if (err == 0) *bytes = message.bytes;
  return err;
}


static UVSHM__USUAL int commit(uvshm_channel_t* channel,
                               const uvshm_message_t* messages,
                               size_t count) {
  int err = uvshm__channel_begin(channel, 1);

  if (err < 0) return err;
  err = uvshm__channel_commit(&channel->end, messages, count);
  return err < 0 ? end_failed(channel, "commit to", err) : 0;
}


int uvshm_channel_commit_many(uvshm_channel_t* channel,
                              const uvshm_message_t* messages,
                              size_t count) {
  return commit(channel, messages, count);
}


int uvshm_channel_commit(uvshm_channel_t* channel, void* bytes, size_t size) {
  uvshm_message_t message;

  message.bytes = bytes;
  message.size = size;
  return commit(channel, &message, 1);
}


/* Of a batch all is given back. */
int uvshm_channel_abort(uvshm_channel_t* channel, void* bytes) {
  (void) bytes;
  return commit(channel, NULL, 0);
}

/* ---- receiving ----------------------------------------------------------- */

int uvshm_channel_recv_many(uvshm_channel_t* channel,
                            uvshm_message_t* messages,
                            size_t* count,
                            uint64_t timeout_ms) {
  int err = uvshm__channel_begin(channel, 0);
  size_t done = *count;

  if (err == 0)
    err = run(channel,
              "receive from",
              uvshm__channel_recv,
              messages,
              &done,
              timeout_ms);
  if (err < 0) return err;
  *count = done;
  return news_of(messages, done);
}


int uvshm_channel_recv(uvshm_channel_t* channel,
                       void* bytes,
                       size_t* size,
                       uint64_t timeout_ms) {
  uvshm_message_t message;
  size_t one = 1;
  int err = uvshm__channel_begin(channel, 0);

  message.bytes = bytes;
  message.size = *size;
  if (err == 0)
    err = run(channel,
              "receive from",
              uvshm__channel_recv,
              &message,
              &one,
              timeout_ms);
  if (err >= 0 || err == UV_ENOBUFS) *size = message.size;
  return err < 0 ? err : news_of(&message, 1);
}


int uvshm_channel_peek_many(uvshm_channel_t* channel,
                            uvshm_message_t* messages,
                            size_t* count,
                            uint64_t timeout_ms) {
  int err = uvshm__channel_begin(channel, 0);
  size_t done = *count;

  if (err == 0)
    err = run(
        channel, "peek into", uvshm__channel_peek, messages, &done, timeout_ms);
  if (err < 0) return err;
  *count = done;
  return news_of(messages, done);
}


int uvshm_channel_peek(uvshm_channel_t* channel,
                       const void** bytes,
                       size_t* size,
                       uint64_t timeout_ms) {
  uvshm_message_t message;
  size_t one = 1;
  int err = uvshm__channel_begin(channel, 0);

  if (err == 0)
    err = run(
        channel, "peek into", uvshm__channel_peek, &message, &one, timeout_ms);
  if (err < 0) return err;
  *bytes = message.bytes;
  *size = message.size;
  return news_of(&message, 1);
}


static UVSHM__USUAL int release(uvshm_channel_t* channel,
                                const uvshm_message_t* messages,
                                size_t count) {
  int err = uvshm__channel_begin(channel, 0);

  if (err < 0) return err;
  err = uvshm__channel_release(&channel->end, messages, count);
  return err < 0 ? end_failed(channel, "release in", err) : 0;
}


int uvshm_channel_release_many(uvshm_channel_t* channel,
                               const uvshm_message_t* messages,
                               size_t count) {
  return release(channel, messages, count);
}


int uvshm_channel_release(uvshm_channel_t* channel, const void* bytes) {
  uvshm_message_t message;

  message.bytes = (void*) (uintptr_t) bytes;
  message.size = 0;
  return release(channel, &message, 1);
}


UVSHM__RARE void uvshm_channel_cancel(uvshm_channel_t* channel) {
  struct uvshm__channel_front* front = channel->channel.front;

  uvshm__a32_store_seq_cst(&channel->named.cancelled, 1);
  if (!channel->has_end || !uvshm__attach_is_ours(channel->named.attach))
    return;
  uvshm__wait_wake(
      &channel->named.attach->core,
      channel->end.writer ? &front->writable.word : &front->readable.word,
      0,
      UINT32_MAX);
}
