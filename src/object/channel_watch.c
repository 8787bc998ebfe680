/* SPDX-License-Identifier: MIT */

/* A channel on a loop: level-triggered, as long as a call with timeout_ms 0
 * would not say UV_EAGAIN. */

#include "object/watchable.h"

#include "base/error.h"
#include "object/channel.h"

/* A loop that watches looks at least once a second; that is when deaths are
 * found out. */
#define LOOK_MS 500u


/* The loop's thread has a lane or has not; it holds no locks in the latter
 * case. */
static void look_for_dead(struct uvshm__watchable* watchable,
                          const uvshm_channel_t* channel) {
  const struct uvshm__core* core = channel->channel.core;
  uint64_t now = core->env->now_ms(core->env_arg);
  struct uvshm__lane* lane = NULL;

  if (now - watchable->seen < LOOK_MS) return;
  watchable->seen = now;
  if (uvshm__lane_have(channel->named.attach, &lane) < 0) lane = NULL;
  (void) uvshm__channel_tend(lane, &channel->channel);
}


static int would_not_wait(const uvshm_channel_t* channel) {
  const struct uvshm__channel_end* end = &channel->end;
  int err;

  if (uvshm__channel_ready(end, channel->channel.facts.size_max)) return 1;
  err = uvshm__channel_alone(end);
  return err < 0 && err != UV_EAGAIN;
}


static int ready(struct uvshm__watchable* watchable) {
  const uvshm_channel_t* channel = watchable->object;

  if (!uvshm__named_is_there(&channel->named)) return UV_ENXIO;
  if (would_not_wait(channel)) return 1;
  look_for_dead(watchable, channel);
  return would_not_wait(channel);
}


static const struct uvshm__watch_ops ops = {ready, NULL, NULL};


int uvshm__channel_watchable(struct uvshm_channel_s* channel,
                             int writable,
                             struct uvshm__watchable* watchable) {
  struct uvshm__channel_front* front = channel->channel.front;
  int err = uvshm__channel_begin(channel, writable != 0);

  if (err < 0) return err;
  watchable->ops = &ops;
  watchable->attach = channel->named.attach;
  watchable->signal = writable ? &front->writable : &front->readable;
  watchable->object = channel;
  return 0;
}
