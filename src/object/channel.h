/* SPDX-License-Identifier: MIT */

/* What the files of the public face of a channel have in common. */

#ifndef UVSHM_OBJECT_CHANNEL_H_
#define UVSHM_OBJECT_CHANNEL_H_

#include "core/channel.h"
#include "object/lanes.h"
#include "object/named.h"
#include "uvshm/channel.h"

#include <stdint.h>

struct uvshm_channel_s {
  /* What every call looks at. */
  const uvshm__a64_t* state; /* of the directory entry */
  uint64_t there;            /* what that says unless it was removed */
  uint64_t serial;           /* of the attach when the end was taken */
  uint32_t has_end;
  struct uvshm__channel_end end;
  struct uvshm__channel channel;
  struct uvshm__named named;
  uint32_t alone; /* known by its name alone: the segment is ours */
  uint64_t linger_ms;
  uint64_t timeout_ms; /* for taking the end */
  uint64_t looked_ms;  /* when a try in vain looked for the dead */
};

/* Take the end, for the first time or again in a forked child that has
 * rejoined. */
int uvshm__channel_enter(uvshm_channel_t* channel);

/* May this end be used for that? A few loads. The slow way finds out why not,
 * or makes it so. It is also the way of all calls in a segment in which this
 * process has had a transaction, where somebody must look whether the thread is
 * in one: what it sends or takes could not be taken back. Elsewhere that costs
 * nothing, since `calm` is what the call looks at anyway. */
int uvshm__channel_begin_slow(uvshm_channel_t* channel, uint32_t writer);

static inline int uvshm__channel_begin(uvshm_channel_t* channel,
                                       uint32_t writer) {
  if (uvshm__attach_is_ours(channel->named.attach) &&
      channel->serial ==
          uvshm__a64_load_relaxed(&channel->named.attach->calm) &&
      uvshm__a64_load_relaxed(channel->state) == channel->there &&
      channel->has_end && channel->end.writer == writer)
    return 0;
  return uvshm__channel_begin_slow(channel, writer);
}


/* For calls that need no end. */
int uvshm__channel_look(const uvshm_channel_t* channel);

/* `err` with its sentence. */
int uvshm__channel_failed(const uvshm_channel_t* channel,
                          const char* verb,
                          int err,
                          unsigned int failures);

#endif /* UVSHM_OBJECT_CHANNEL_H_ */
