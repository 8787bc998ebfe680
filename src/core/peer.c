/* SPDX-License-Identifier: MIT */

/* The table of peers. An entry is written only by whoever holds its slot from
 * the kernel: the peer itself, or who repairs after it. The store of `state` is
 * the commit of joining and of leaving.
 *
 * Who opens an object and closes it again looks at nothing but this table and
 * one signal. The first touch of a mapping takes the system longer than all
 * other calls of an open together, so where it can read and write the object's
 * bytes by calls (core.h), joining and leaving go that way.
 */

#include "core/peer.h"

#include "base/error.h"
#include "core/reap.h"
#include "core/signal.h"

#include <string.h>

#define LABEL_SIZE 48u
#define LABEL_WORDS (LABEL_SIZE / 4)

/* As far as `bell`: what a peer says of itself. */
#define ENTRY_SIZE offsetof(struct uvshm__peer, bell)

/* What a system's call writes it may write in any order, but each byte whole.
 * The first byte of a state, which is little-endian, is free, live or reaping:
 * in joining it is written last and alone, and in leaving it is the only one
 * that changes. */
#define STATE_BYTE 1u

_Static_assert(sizeof(((struct uvshm__peer*) 0)->label) == LABEL_SIZE, "label");
_Static_assert(offsetof(struct uvshm__peer, label) % 4 == 0, "label words");


static uint64_t state_of(const struct uvshm__core* core, uint32_t slot) {
  return uvshm__a64_load_acquire(&uvshm__core_peer(core, slot)->state);
}


/* By a call of the system, if that is the cheaper way now (core.h). */
static int fetch(const struct uvshm__core* core,
                 const void* from,
                 void* bytes,
                 size_t size) {
  if (core->env->read_at == NULL) return UV_ENOTSUP;
  return core->env->read_at(
      core->env_arg,
      (uint64_t) ((const unsigned char*) from - core->base),
      bytes,
      size);
}


/* As a store with release. Only where something was fetched before: a write
 * behind the end of a file that was cut would make it longer. */
static int put(const struct uvshm__core* core,
               void* to,
               const void* bytes,
               size_t size) {
  uvshm__fence_release();
  return core->env->write_at(core->env_arg,
                             (uint64_t) ((unsigned char*) to - core->base),
                             bytes,
                             size);
}


/* Of a slot that is ours: its first ENTRY_SIZE bytes. < 0: not by a call, and
 * the state alone, since what stays as it is need not be written back then. */
static int read_entry(const struct uvshm__core* core,
                      uint32_t slot,
                      struct uvshm__peer* entry) {
  const struct uvshm__peer* peer = uvshm__core_peer(core, slot);
  int err = fetch(core, peer, entry, ENTRY_SIZE);

  if (err == 0) return 0;
  memset(entry, 0, sizeof(*entry));
  uvshm__a64_store_relaxed(&entry->state, state_of(core, slot));
  return err;
}


static void fill_entry(struct uvshm__peer* entry,
                       uint32_t pid,
                       const char* label,
                       uint64_t wall_ms) {
  size_t size = strlen(label);

  if (size > LABEL_SIZE - 1) size = LABEL_SIZE - 1;
  memset(entry->label, 0, LABEL_SIZE);
  memcpy(entry->label, label, size);
  uvshm__a32_store_relaxed(&entry->label_size, (uint32_t) size);
  uvshm__a64_store_relaxed(&entry->attached_ms, wall_ms);
  uvshm__a32_store_relaxed(&entry->pid, pid);
}


/* All of it, still free, and then the byte that makes it count. */
static int put_entry(const struct uvshm__core* core,
                     struct uvshm__peer* peer,
                     const struct uvshm__peer* entry) {
  static const unsigned char live = UVSHM__PEER_LIVE;
  int err = put(core, peer, entry, ENTRY_SIZE);

  return err < 0 ? err : put(core, &peer->state, &live, STATE_BYTE);
}


/* The same through the mapping. A label may be read while the next peer writes
 * it, so it goes word by word: mixed at worst, and not a data race. */
static void store_entry(struct uvshm__peer* peer,
                        const struct uvshm__peer* entry) {
  const uvshm__a32_t* from = (const uvshm__a32_t*) entry->label;
  uvshm__a32_t* to = (uvshm__a32_t*) peer->label;
  uint32_t i;

  for (i = 0; i < LABEL_WORDS; i++)
    uvshm__a32_store_relaxed(&to[i], uvshm__a32_load_relaxed(&from[i]));
  uvshm__a32_store_relaxed(&peer->label_size,
                           uvshm__a32_load_relaxed(&entry->label_size));
  uvshm__a64_store_relaxed(&peer->attached_ms,
                           uvshm__a64_load_relaxed(&entry->attached_ms));
  uvshm__a32_store_relaxed(&peer->pid, uvshm__a32_load_relaxed(&entry->pid));
  uvshm__a64_store_release(
      &peer->state, uvshm__a64_load_relaxed(&entry->state) | UVSHM__PEER_LIVE);
}


int uvshm__peer_join(struct uvshm__core* core,
                     uint32_t pid,
                     const char* label,
                     uint64_t wall_ms) {
  struct uvshm__peer* peer = uvshm__core_peer(core, core->slot);
  struct uvshm__peer entry;
  uint64_t generation;
  int err = read_entry(core, core->slot, &entry);

  if ((uint32_t) uvshm__a64_load_relaxed(&entry.state) != UVSHM__PEER_FREE) {
    if (!uvshm__reap_reaches_all(core))
      return uvshm__fail(UV_ENOMEM,
                         "only dead peers' slots are left, and this process "
                         "has mapped too little to repair after them");
    uvshm__reap_dead(core, core->slot);
    err = read_entry(core, core->slot, &entry);
  }

  generation = (uvshm__a64_load_relaxed(&entry.state) >> 32) + 1;
  core->generation = (uint32_t) generation;
  uvshm__a64_store_relaxed(&entry.state, generation << 32 | UVSHM__PEER_FREE);
  fill_entry(&entry, pid, label, wall_ms);
  if (err == 0) err = put_entry(core, peer, &entry);
  if (err < 0) store_entry(peer, &entry);
  uvshm__peers_raise(core);
  return 0;
}


static int is_ours(const struct uvshm__core* core, uint64_t state) {
  return state == ((uint64_t) core->generation << 32 | UVSHM__PEER_LIVE);
}


/* Leaving takes the same way as dying, so that way is always tested. */
void uvshm__peer_leave(struct uvshm__core* core, uint64_t wall_ms) {
  if (!uvshm__peer_is_ours(core)) return;
  uvshm__a64_store_relaxed(&uvshm__core_peer(core, core->slot)->left_ms,
                           wall_ms);
  uvshm__reap_claimed(core, core->slot);
}


void uvshm__peer_leave_untouched(struct uvshm__core* core, uint64_t wall_ms) {
  struct uvshm__peer* peer = uvshm__core_peer(core, core->slot);
  uint64_t left[2]; /* state, left_ms */
  uvshm__a64_t state;
  int err = fetch(core, &peer->state, &state, sizeof(state));

  if (err < 0) uvshm__a64_store_relaxed(&state, state_of(core, core->slot));
  if (!is_ours(core, uvshm__a64_load_relaxed(&state))) return;
  left[0] = (uint64_t) core->generation << 32 | UVSHM__PEER_FREE;
  left[1] = wall_ms;
  if (err == 0) err = put(core, peer, left, sizeof(left));
  if (err < 0) {
    uvshm__a64_store_relaxed(&peer->left_ms, wall_ms);
    uvshm__a64_store_release(&peer->state, left[0]);
  }
  uvshm__peers_raise(core);
}


uint32_t uvshm__peer_count(const struct uvshm__core* core, uint32_t first) {
  uint32_t count = core->peers_max - first;

  return count < UVSHM__PEERS_AT_ONCE ? count : UVSHM__PEERS_AT_ONCE;
}


void uvshm__peer_states(const struct uvshm__core* core,
                        uint32_t first,
                        uint64_t states[UVSHM__PEERS_AT_ONCE]) {
  struct uvshm__peer entries[UVSHM__PEERS_AT_ONCE];
  uint32_t count = uvshm__peer_count(core, first);
  uint32_t i;
  int err = fetch(
      core, uvshm__core_peer(core, first), entries, count * sizeof(entries[0]));

  for (i = 0; i < count; i++)
    states[i] = err == 0 ? uvshm__a64_load_relaxed(&entries[i].state)
                         : state_of(core, first + i);
}


int uvshm__peer_is_live(const struct uvshm__core* core, uint32_t slot) {
  return (uint32_t) state_of(core, slot) == UVSHM__PEER_LIVE;
}


int uvshm__peer_is_free(const struct uvshm__core* core, uint32_t slot) {
  return (uint32_t) state_of(core, slot) == UVSHM__PEER_FREE;
}


int uvshm__peer_is_ours(const struct uvshm__core* core) {
  return is_ours(core, state_of(core, core->slot));
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


/* Two loads, or a call, when nobody sleeps or watches. Who begins to do so says
 * it before he looks, so only for those the changes need be counted. */
void uvshm__peers_raise(const struct uvshm__core* core) {
  struct uvshm__signal* news = uvshm__peers_news(core);
  struct uvshm__signal seen;
  int err;

  uvshm__fence_seq_cst();
  err = fetch(core, news, &seen, sizeof(seen));
  if (!uvshm__signal_heard(err == 0 ? &seen : news)) return;
  (void) uvshm__a64_add(&uvshm__core_header(core)->peers_changes, 1);
  uvshm__signal_raise(core, news, 0);
}
