/* SPDX-License-Identifier: MIT */

/* A stream as seen from outside. */

#include "base/error.h"
#include "core/stream_inside.h"

/* How often the reader may go on while we look. */
#define ROUNDS 100u


/* What is found counts only while the reader stays where it is: what it has
 * released the writer may have written over. */
int uvshm__stream_check(const struct uvshm__channel* channel) {
  const struct uvshm__stream_hdr* hdr = channel->u.stream.hdr;
  uint64_t messages;
  uint64_t oldest;
  uint64_t end;
  uint32_t round;
  int err;

  for (round = 0; round < ROUNDS; round++) {
    oldest = uvshm__a64_load_acquire(&hdr->oldest);
    err = oldest % 8 != 0
              ? uvshm__stream_damaged("the reader's position", oldest)
              : uvshm__stream_walk(channel, oldest, &end, &messages);
    if (err == 0) return 0;
    uvshm__fence_acquire();
    if (uvshm__a64_load_relaxed(&hdr->oldest) == oldest) return err;
  }
  return 0;
}


/* Nothing can be said of the messages, so there are none. */
uint32_t uvshm__stream_mend(const struct uvshm__channel* channel) {
  struct uvshm__stream_hdr* hdr = channel->u.stream.hdr;
  uint64_t oldest;

  if (uvshm__stream_check(channel) == 0) return 0;
  oldest = uvshm__a64_load_relaxed(&hdr->oldest) & ~UINT64_C(7);
  uvshm__a64_store_relaxed(&hdr->oldest, oldest);
  uvshm__a64_store_relaxed(&hdr->told, oldest);
  uvshm__a64_store_release(
      uvshm__stream_word(channel, oldest % channel->facts.capacity), 0);
  return 1;
}


/* Messages that were not read stay, if what was written out makes sense. */
void uvshm__stream_reset(const struct uvshm__channel* channel) {
  (void) uvshm__stream_mend(channel);
}
