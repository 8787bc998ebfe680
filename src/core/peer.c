/* SPDX-License-Identifier: MIT */

/* The table of peers. An entry is written only by whoever holds its slot from
 * the kernel: the peer itself, or who repairs after it. The store of `state` is
 * the commit of joining and of leaving.
 */

#include "core/peer.h"

#include "base/error.h"
#include "core/reap.h"
#include "core/signal.h"

#include <string.h>

#define LABEL_SIZE 48u
#define LABEL_WORDS (LABEL_SIZE / 4)

_Static_assert(sizeof(((struct uvshm__peer*) 0)->label) == LABEL_SIZE, "label");
_Static_assert(offsetof(struct uvshm__peer, label) % 4 == 0, "label words");


static uint64_t state_of(const struct uvshm__core* core, uint32_t slot) {
  return uvshm__a64_load_acquire(&uvshm__core_peer(core, slot)->state);
}


/* A label may be read while the next peer writes it, so it goes word by word:
 * mixed at worst, and not a data race. */
static void write_label(struct uvshm__peer* peer, const char* label) {
  uvshm__a32_t* to = (uvshm__a32_t*) peer->label;
  uint32_t words[LABEL_WORDS] = {0};
  size_t size = strlen(label);
  uint32_t i;

  if (size > LABEL_SIZE - 1) size = LABEL_SIZE - 1;
  memcpy(words, label, size);
  for (i = 0; i < LABEL_WORDS; i++) uvshm__a32_store_relaxed(&to[i], words[i]);
  uvshm__a32_store_relaxed(&peer->label_size, (uint32_t) size);
}


int uvshm__peer_join(struct uvshm__core* core,
                     uint32_t pid,
                     const char* label,
                     uint64_t wall_ms) {
  struct uvshm__peer* peer = uvshm__core_peer(core, core->slot);
  uint64_t generation;

  if (!uvshm__peer_is_free(core, core->slot)) {
    if (!uvshm__reap_reaches_all(core))
      return uvshm__fail(UV_ENOMEM,
                         "only dead peers' slots are left, and this process "
                         "has mapped too little to repair after them");
    uvshm__reap_dead(core, core->slot);
  }

  generation = ((state_of(core, core->slot) >> 32) + 1) & 0xffffffffu;
  uvshm__a64_store_relaxed(&peer->attached_ms, wall_ms);
  uvshm__a32_store_relaxed(&peer->pid, pid);
  write_label(peer, label);
  core->generation = (uint32_t) generation;
  uvshm__a64_store_release(&peer->state, generation << 32 | UVSHM__PEER_LIVE);
  uvshm__peers_raise(core);
  return 0;
}


/* Leaving takes the same way as dying, so that way is always tested. */
void uvshm__peer_leave(struct uvshm__core* core) {
  if (uvshm__peer_is_ours(core)) uvshm__reap_claimed(core, core->slot);
}


void uvshm__peer_leave_untouched(struct uvshm__core* core) {
  if (!uvshm__peer_is_ours(core)) return;
  uvshm__a64_store_release(
      &uvshm__core_peer(core, core->slot)->state,
      (uint64_t) core->generation << 32 | UVSHM__PEER_FREE);
  uvshm__peers_raise(core);
}


int uvshm__peer_is_live(const struct uvshm__core* core, uint32_t slot) {
  return (uint32_t) state_of(core, slot) == UVSHM__PEER_LIVE;
}


int uvshm__peer_is_free(const struct uvshm__core* core, uint32_t slot) {
  return (uint32_t) state_of(core, slot) == UVSHM__PEER_FREE;
}


int uvshm__peer_is_ours(const struct uvshm__core* core) {
  return state_of(core, core->slot) ==
         ((uint64_t) core->generation << 32 | UVSHM__PEER_LIVE);
}


void uvshm__peer_read(const struct uvshm__core* core,
                      uint32_t slot,
                      struct uvshm__peer_facts* facts) {
  const struct uvshm__peer* peer = uvshm__core_peer(core, slot);
  const uvshm__a32_t* label = (const uvshm__a32_t*) peer->label;
  uint64_t state = state_of(core, slot);
  uint32_t words[LABEL_WORDS];
  uint32_t i;

  for (i = 0; i < LABEL_WORDS; i++)
    words[i] = uvshm__a32_load_relaxed(&label[i]);
  memcpy(facts->label, words, sizeof(facts->label));
  facts->label[LABEL_SIZE - 1] = '\0';
  facts->pid = uvshm__a32_load_relaxed(&peer->pid);
  facts->attached_ms = uvshm__a64_load_relaxed(&peer->attached_ms);
  facts->generation = (uint32_t) (state >> 32);
  facts->state = (uint32_t) state;
}
