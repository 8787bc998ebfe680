/* SPDX-License-Identifier: MIT */

/* Is the structure well? Reads all of it, changes nothing, and may run while
 * peers work on it. So what looks wrong is looked at again before it is called
 * a fault: each rule below is one that no peer breaks even for a moment, or
 * only for the moment between two looks at the same word.
 *
 *   peers      a known state; a label that ends
 *   lanes      an owner is a peer that is not free, of this generation;
 *              a free lane has no notes
 *   locks      a word is free, or names a lane that somebody owns;
 *              at most 6 entries of the log count; an undo log is a block
 *              of the library's, and nothing in it counts while nobody has
 *              the lock
 *   directory  a known state; an object has a name of 1 to 200 bytes with the
 *              right hash, and a known type; nobody but peers has it open
 */

#include "core/reset.h"

#include "base/error.h"
#include "base/hash.h"
#include "core/barrier_layout.h"
#include "core/directory.h"
#include "core/contents.h"
#include "core/control.h"
#include "core/lane.h"
#include "core/lock.h"
#include "uvshm/name.h"

/* ---- peers --------------------------------------------------------------- */

static int check_peer(const struct uvshm__core* core, uint32_t slot) {
  const struct uvshm__peer* peer = uvshm__core_peer(core, slot);
  uint64_t state = uvshm__a64_load_acquire(&peer->state);
  uint32_t size = uvshm__a32_load_relaxed(&peer->label_size);

  if ((uint32_t) state > UVSHM__PEER_REAPING)
    return uvshm__fail(UV_EPROTO,
                       "peer %u: no such state, %u",
                       slot,
                       (unsigned int) (uint32_t) state);
  if (size >= sizeof(peer->label))
    return uvshm__fail(
        UV_EPROTO, "peer %u: a label of %u bytes", slot, (unsigned int) size);
  return 0;
}

/* ---- locks --------------------------------------------------------------- */

int uvshm__lock_check(const struct uvshm__core* core,
                      const struct uvshm__lock* lock) {
  uint32_t word = uvshm__a32_load_acquire(&lock->word);
  unsigned long long offset =
      (unsigned long long) ((const unsigned char*) lock - core->base);
  const char* fault;
  uint32_t slot = 0;

  if (uvshm__lock_judge(core, lock, word, &slot) == UVSHM__LOCK_DAMAGED)
    return uvshm__fail(UV_EPROTO,
                       "the lock at offset %llu says %08x, which names nobody",
                       offset,
                       (unsigned int) word);
  if (uvshm__a32_load_acquire(&lock->n) > UVSHM__LOCK_LOG)
    return uvshm__fail(
        UV_EPROTO, "the lock at offset %llu: its log is damaged", offset);
  fault =
      core->contents == NULL ? NULL : core->contents->lock_fault(core, lock);
  if (fault != NULL)
    return uvshm__fail(UV_EPROTO, "the lock at offset %llu: %s", offset, fault);
  return 0;
}

/* ---- directory ----------------------------------------------------------- */

static int is_peer(const struct uvshm__core* core, uint32_t slot) {
  return slot < core->peers_max &&
         (uint32_t) uvshm__a64_load_acquire(
             &uvshm__core_peer(core, slot)->state) != UVSHM__PEER_FREE;
}


static int has_strange_bit(const struct uvshm__core* core, uint32_t index) {
  const struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t word;
  uint32_t slot;

  for (slot = 0; slot < UVSHM__PEERS_LIMIT; slot++) {
    word = uvshm__a64_load_acquire(&ent->open[slot / 64]);
    if ((word >> (slot % 64) & 1) == 0 || is_peer(core, slot)) continue;
    /* It may have left since. */
    word = uvshm__a64_load_acquire(&ent->open[slot / 64]);
    if ((word >> (slot % 64) & 1) != 0 && !is_peer(core, slot)) return 1;
  }
  return 0;
}


static const char* fault_of_object(const struct uvshm__core* core,
                                   const struct uvshm__directory_facts* facts) {
  const struct uvshm__directory_ent* ent =
      uvshm__core_entry(core, facts->ref.index);

  if (uvshm__a32_load_relaxed(&ent->name_size) != facts->name_size ||
      facts->name_size == 0)
    return "the size of its name";
  if (uvshm__a32_load_relaxed(&ent->hash) !=
      (uint32_t) uvshm__hash(facts->name, facts->name_size))
    return "its name or the hash of it";
  if (facts->ref.type == 0 || facts->ref.type > UVSHM__TYPE_LAST)
    return "its type";
  return NULL;
}


static int check_barrier(const struct uvshm__barrier* barrier, uint32_t index) {
  uint32_t count = uvshm__a32_load_relaxed(&barrier->count);
  uint64_t come = uvshm__a64_load_acquire(&barrier->word) & UVSHM__BARRIER_COME;

  if (count != 0 && count <= UVSHM__BARRIER_COUNT_MAX && come < count) return 0;
  return uvshm__fail(UV_EPROTO,
                     "directory entry %u: a barrier for %u, to which %u came",
                     index,
                     (unsigned int) count,
                     (unsigned int) come);
}


static int check_object(const struct uvshm__core* core, uint32_t index) {
  struct uvshm__directory_facts facts;
  const char* fault;
  uint32_t cursor = index;

  if (uvshm__directory_next(core, &cursor, &facts) < 0 ||
      facts.ref.index != index)
    return 0; /* gone since */
  fault = fault_of_object(core, &facts);
  if (fault != NULL && uvshm__directory_usable(core, &facts.ref) == 0)
    return uvshm__fail(
        UV_EPROTO, "directory entry %u: %s is damaged", index, fault);
  if (facts.ref.type == UVSHM__TYPE_BARRIER)
    return check_barrier(uvshm__directory_body(core, index), index);
  if (facts.ref.type == UVSHM__TYPE_MUTEX ||
      facts.ref.type == UVSHM__TYPE_RWLOCK)
    return uvshm__lock_check(core, uvshm__directory_body(core, index));
  return core->contents == NULL
             ? 0
             : core->contents->check_object(core, &facts.ref);
}


static int check_entry(const struct uvshm__core* core, uint32_t index) {
  const struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint32_t kind = (uint32_t) uvshm__a64_load_acquire(&ent->state);

  if (uvshm__directory_is_strange(core, index))
    return uvshm__fail(
        UV_EPROTO, "directory entry %u: no such state, %u", index, kind);
  if (has_strange_bit(core, index))
    return uvshm__fail(UV_EPROTO,
                       "directory entry %u: open by somebody who is no peer",
                       index);
  return kind == UVSHM__ENTRY_USED ? check_object(core, index) : 0;
}


static int check_root(const struct uvshm__core* core, uint32_t kind) {
  const void* root = core->base + UVSHM__ROOT_OFFSET;

  if (kind == UVSHM_KIND_MUTEX || kind == UVSHM_KIND_RWLOCK)
    return uvshm__lock_check(core, root);
  if (uvshm__kind_is_segment(kind))
    return uvshm__lock_check(
        core,
        (const struct uvshm__lock*) uvshm__core_header(core)->directory_lock);
  return 0;
}


int uvshm__core_check(const struct uvshm__core* core, uint32_t kind) {
  uint32_t i;
  int err = 0;

  for (i = 0; i < core->peers_max && err == 0; i++) err = check_peer(core, i);
  for (i = 0; i < core->lanes_max && err == 0; i++)
    if (uvshm__lane_is_damaged(core, i))
      err = uvshm__fail(UV_EPROTO,
                        "lane %u: its owner is no peer, or it is free and has "
                        "notes",
                        i);
  if (err == 0) err = check_root(core, kind);
  for (i = 0; i < core->objects_max && err == 0; i++)
    err = check_entry(core, i);
  if (err < 0 || core->contents == NULL) return err;
  return core->contents->check(core);
}
