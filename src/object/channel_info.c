/* SPDX-License-Identifier: MIT */

/* Looking at a channel, and making it well. */

#include "base/error.h"
#include "core/peer.h"
#include "object/channel.h"

#include <string.h>


static uint32_t public_kind(uint32_t kind) {
  if (kind == UVSHM__CHANNEL_QUEUE) return UVSHM_CHANNEL_QUEUE;
  if (kind == UVSHM__CHANNEL_TOPIC) return UVSHM_CHANNEL_TOPIC;
  return UVSHM_CHANNEL_STREAM;
}


int uvshm_channel_info(const uvshm_channel_t* channel,
                       uvshm_channel_info_t* info) {
  const struct uvshm__channel* core = &channel->channel;
  const struct uvshm__channel_facts* facts = &core->facts;
  int err = uvshm__channel_look(channel);

  if (err < 0) return err;
  memset(info, 0, sizeof(*info));
  info->kind = public_kind(facts->kind);
  if (facts->flags & UVSHM__CHANNEL_LOSSLESS)
    info->flags |= UVSHM_CHANNEL_LOSSLESS;
  if (facts->flags & UVSHM__CHANNEL_REDELIVER)
    info->flags |= UVSHM_CHANNEL_REDELIVER;
  info->size_max = facts->size_max;
  info->capacity = facts->capacity;
  info->writers = uvshm__channel_count(core, 1);
  info->readers = uvshm__channel_count(core, 0);
  info->writers_max = facts->writers;
  info->readers_max = facts->readers;
  info->high = uvshm__a64_load_relaxed(&core->front->high);
  info->lost = uvshm__a64_load_relaxed(&core->front->lost);
  info->again = uvshm__a64_load_relaxed(&core->front->again);
  core->kind->info(core, info);
  if (info->high < info->depth) {
    info->high = info->depth;
    /* Writers of a topic do not look at how far its readers are. */
    if (!channel->named.attach->readonly)
      uvshm__a64_store_relaxed(&core->front->high, info->depth);
  }
  /* Whoever only looks has no part in its staying: what was read may be of
   * something else. */
  uvshm__fence_acquire();
  return channel->named.attach->readonly ? uvshm__channel_look(channel) : 0;
}


int uvshm_channel_next(const uvshm_channel_t* channel,
                       uint32_t* cursor,
                       uvshm_channel_end_t* info) {
  const struct uvshm__channel* core = &channel->channel;
  uint32_t ends = core->facts.writers + core->facts.readers;
  struct uvshm__peer_facts peer;
  uint32_t slot = 0;
  uint32_t i;
  int err = uvshm__channel_look(channel);

  if (err < 0) return err;
  for (i = *cursor; i < ends; i++) {
    slot = uvshm__channel_peer(core, i);
    if (slot < core->core->peers_max) break;
  }
  if (i >= ends) return uvshm__fail_bare(UV_ENOENT);
  memset(info, 0, sizeof(*info));
  uvshm__peer_read(core->core, slot, &peer);
  info->writer = i < core->facts.writers;
  info->slot = slot;
  info->pid = peer.pid;
  info->self = channel->has_end && channel->end.index == i &&
               channel->serial == channel->named.attach->serial;
  info->messages = uvshm__a64_load_relaxed(&core->ends[i].messages);
  info->lost = uvshm__a64_load_relaxed(&core->ends[i].lost);
  core->kind->end_info(core, i, info);
  *cursor = i + 1;
  return 0;
}


int uvshm_channel_check(const uvshm_channel_t* channel) {
  unsigned int failures = uvshm__error_count();
  int err = uvshm__channel_look(channel);

  if (err < 0) return err;
  err = uvshm__channel_check(channel->channel.core, &channel->named.ref);
  if (err < 0)
    return uvshm__fail(err,
                       "\"%s\" is damaged: %s",
                       channel->named.name,
                       uvshm__reason(err, failures));
  return 0;
}


int uvshm_channel_repair(uvshm_channel_t* channel, uint32_t* repaired) {
  unsigned int failures = uvshm__error_count();
  struct uvshm__lane* lane;
  uint32_t count;
  int err = uvshm__channel_look(channel);

  if (err < 0) return err;
  err = uvshm__lane_get(channel->named.attach, &lane);
  if (err < 0) return uvshm__channel_failed(channel, "repair", err, failures);
  count = uvshm__channel_tend(lane, &channel->channel);
  (void) uvshm__channel_mend(lane, channel->named.body);
  if (repaired != NULL) *repaired = count;
  return 0;
}
