/* SPDX-License-Identifier: MIT */

/* A channel as seen from outside: by whoever checks, mends, resets or removes
 * it, without having an end. */

#include "base/error.h"
#include "core/channel.h"
#include "core/heap.h"
#include "core/peer.h"

/* ---- check --------------------------------------------------------------- */

static const char* fault_of_end(const struct uvshm__channel* channel,
                                uint32_t index) {
  uint64_t owner = uvshm__a64_load_acquire(&channel->ends[index].owner);
  uint32_t state = (uint32_t) owner & 0xffff;
  uint32_t slot = (uint32_t) owner >> UVSHM__END_SLOT_SHIFT;

  if (state > UVSHM__END_LEAVING) return "it is in no state";
  if (state == UVSHM__END_FREE)
    return slot != 0 ? "it is free and somebody's" : NULL;
  if (slot == 0)
    return state != UVSHM__END_DEAD ? "it is live and nobody's" : NULL;
  if (slot - 1 < channel->core->peers_max &&
      !uvshm__peer_is_free(channel->core, slot - 1))
    return NULL;
  /* The peer may have left since. */
  if (uvshm__a64_load_acquire(&channel->ends[index].owner) != owner)
    return NULL;
  return "its owner is no peer";
}


static int check_ends(const struct uvshm__channel* channel) {
  const char* fault;
  uint32_t i;

  for (i = 0; i < channel->facts.writers + channel->facts.readers; i++) {
    fault = fault_of_end(channel, i);
    if (fault != NULL)
      return uvshm__fail(UV_EPROTO,
                         "end %u of the channel is damaged: %s",
                         (unsigned int) i,
                         fault);
  }
  return 0;
}


/* The channel may be removed, and its block used for something else, while we
 * look: then what was found says nothing. */
int uvshm__channel_check(const struct uvshm__core* core,
                         const struct uvshm__directory_ref* ref) {
  struct uvshm__channel channel;
  int err = uvshm__channel_attach(
      core, uvshm__directory_body(core, ref->index), &channel);

  if (err == 0) err = check_ends(&channel);
  if (err == 0) err = channel.kind->check(&channel);
  if (err == 0) return 0;
  uvshm__fence_acquire();
  return uvshm__directory_usable(core, ref) == 0 ? err : 0;
}

/* ---- mend, reset --------------------------------------------------------- */

uint32_t uvshm__channel_mend(struct uvshm__lane* lane, void* body) {
  struct uvshm__channel channel;
  uint32_t count = 0;
  uint64_t owner;
  uint32_t i;

  if (uvshm__channel_attach(lane->core, body, &channel) < 0) return 0;
  for (i = 0; i < channel.facts.writers + channel.facts.readers; i++) {
    if (fault_of_end(&channel, i) == NULL) continue;
    /* As one that died: what it had is looked for. */
    owner = uvshm__a64_load_acquire(&channel.ends[i].owner);
    count += (uint32_t) uvshm__channel_disown(&channel, i, owner);
  }
  (void) uvshm__channel_tend(lane, &channel);
  return count + channel.kind->mend(&channel);
}


/* As if all ends had died: also when this is done again after a death in the
 * middle. */
void uvshm__channel_reset(const struct uvshm__core* core, void* body) {
  struct uvshm__channel channel;
  uint64_t owner;
  uint32_t was;
  uint32_t i;

  if (uvshm__channel_attach(core, body, &channel) < 0) return;
  for (i = 0; i < channel.facts.writers + channel.facts.readers; i++) {
    owner = uvshm__a64_load_relaxed(&channel.ends[i].owner);
    uvshm__a64_store_relaxed(&channel.ends[i].owner, owner >> 32 << 32);
  }
  was = uvshm__a32_load_relaxed(&channel.front->writers);
  if ((was & UVSHM__CHANNEL_WAS) == UVSHM__CHANNEL_OPEN)
    uvshm__a32_store_relaxed(&channel.front->writers,
                             was | UVSHM__CHANNEL_DIED);
  was = uvshm__a32_load_relaxed(&channel.front->readers);
  if ((was & UVSHM__CHANNEL_WAS) == UVSHM__CHANNEL_OPEN)
    uvshm__a32_store_relaxed(&channel.front->readers,
                             was | UVSHM__CHANNEL_DIED);
  uvshm__a64_store_relaxed(&channel.front->readable.bells, 0);
  uvshm__a64_store_relaxed(&channel.front->writable.bells, 0);
  channel.kind->reset(&channel);
}

/* ---- burial -------------------------------------------------------------- */

/* The block is `slot`'s own for a moment, which those must know who repair
 * after it. Killed before the header's word is 0, all of this is done again;
 * after it the block goes with the dead peer. In another order, who repeats it
 * could free the block after somebody else has allocated it. */
void uvshm__channel_bury(const struct uvshm__core* core,
                         uint32_t slot,
                         void* body) {
  struct uvshm__channel_hdr* hdr = body;
  uint64_t block = uvshm__a64_load_acquire(&hdr->block);
  uint32_t owner = UVSHM__OWN_PRIVATE + slot;

  if (block == 0) return;
  uvshm__a32_store_release(&uvshm__core_peer(core, slot)->heap_used, 1);
  (void) uvshm__heap_change(core, block, UVSHM__OWN_LIBRARY, owner);
  uvshm__a64_store_release(&hdr->block, 0);
  (void) uvshm__heap_change(core, block, owner, UVSHM__OWN_FREE);
}
