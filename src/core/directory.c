/* SPDX-License-Identifier: MIT */

/* Named objects of a segment: an array, searched from where the name's hash
 * points. The hash only says where to begin. Every entry may hold every name,
 * so removal leaves no gaps that a search would stop at, and a name that is
 * there is found after a full round at the latest.
 *
 * Finding takes no lock. An entry's `state` is read before and after its name;
 * if both are the same, the name was that of this incarnation.
 *
 * Making is done under the directory's lock, so that a name is made once. The
 * entry is filled while it is free, which nobody looks at, and one store makes
 * it an object.
 *
 * Who has an object open, and how it goes when it is removed, is
 * directory_end.c.
 */

#include "core/directory.h"

#include "base/error.h"
#include "base/hash.h"
#include "core/contents.h"
#include "core/directory_inside.h"
#include "core/heap_layout.h"
#include "core/lock.h"
#include "core/reap.h"

#include <string.h>


static struct uvshm__lock* directory_lock(const struct uvshm__core* core) {
  return (struct uvshm__lock*) uvshm__core_header(core)->directory_lock;
}

/* ---- names --------------------------------------------------------------- */

/* A name as the entry keeps it: whole words, zeros after it. */
struct name {
  uint64_t words[UVSHM__ENTRY_NAME_WORDS];
  uint32_t size;
  uint32_t hash;
};


static int pack_name(struct name* name, const char* text, uint32_t size) {
  if (size == 0 || size > UVSHM__ENTRY_NAME_MAX) return 0;
  memset(name, 0, sizeof(*name));
  memcpy(name->words, text, size);
  name->size = size;
  name->hash = (uint32_t) uvshm__hash(text, size);
  return 1;
}


/* Word by word, because the entry may be made anew while we read. */
static int same_name(const struct uvshm__directory_ent* ent,
                     const struct name* name) {
  uint32_t words = (name->size + 7) / 8;
  uint32_t i;

  if (uvshm__a32_load_relaxed(&ent->hash) != name->hash) return 0;
  if (uvshm__a32_load_relaxed(&ent->name_size) != name->size) return 0;
  for (i = 0; i < words; i++)
    if (uvshm__a64_load_relaxed(&ent->name[i]) != name->words[i]) return 0;
  return 1;
}

/* ---- find ---------------------------------------------------------------- */

static int matches(const struct uvshm__core* core,
                   uint32_t index,
                   const struct name* name,
                   struct uvshm__directory_ref* ref) {
  const struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t state = uvshm__entry_state(core, index);

  if ((uint32_t) state != UVSHM__ENTRY_USED || !same_name(ent, name)) return 0;
  ref->index = index;
  ref->generation = (uint32_t) (state >> 32);
  ref->type = uvshm__a32_load_relaxed(&ent->type);
  ref->flags = uvshm__a32_load_relaxed(&ent->flags);
  uvshm__fence_acquire();
  return uvshm__entry_state(core, index) == state;
}


static int find(const struct uvshm__core* core,
                const struct name* name,
                struct uvshm__directory_ref* ref) {
  uint32_t i;

  for (i = 0; i < core->objects_max; i++)
    if (matches(core,
                (name->hash % core->objects_max + i) % core->objects_max,
                name,
                ref))
      return 0;
  return UV_ENOENT;
}


int uvshm__directory_find(const struct uvshm__core* core,
                          const char* name,
                          uint32_t name_size,
                          struct uvshm__directory_ref* ref) {
  struct uvshm__directory_ref found;
  struct name packed;

  if (!pack_name(&packed, name, name_size)) return UV_EINVAL;
  if (find(core, &packed, &found) < 0) return UV_ENOENT;
  *ref = found;
  return 0;
}


int uvshm__directory_usable(const struct uvshm__core* core,
                            const struct uvshm__directory_ref* ref) {
  if (uvshm__entry_state(core, ref->index) ==
      uvshm__entry_word(ref->generation, UVSHM__ENTRY_USED))
    return 0;
  return UV_ENXIO;
}

/* ---- make ---------------------------------------------------------------- */

static void copy_body(struct uvshm__directory_ent* ent, const void* body) {
  uint64_t words[UVSHM__ENTRY_BODY / 8];
  uvshm__a64_t* to = (uvshm__a64_t*) ent->body;
  uint32_t i;

  memcpy(words, body, sizeof(words));
  for (i = 0; i < UVSHM__ENTRY_BODY / 8; i++)
    uvshm__a64_store_relaxed(&to[i], words[i]);
}


/* The store of the state makes it an object. With blocks they change owner in
 * the same commit. */
static void make_used(const struct uvshm__core* core,
                      struct uvshm__directory_ent* ent,
                      const struct uvshm__directory_spec* spec,
                      uint64_t state) {
  struct uvshm__lock* lock = directory_lock(core);
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < UVSHM__DIRECTORY_BLOCKS; i++)
    if (spec->blocks[i] != 0)
      uvshm__lock_log(lock,
                      count++,
                      core->contents->block_word(core, spec->blocks[i]),
                      2,
                      UVSHM__OWN_LIBRARY);
  if (count == 0) {
    uvshm__a64_store_release(&ent->state, state);
    return;
  }
  uvshm__lock_log(lock,
                  count++,
                  (uint64_t) ((unsigned char*) &ent->state - core->base),
                  8,
                  state);
  uvshm__lock_commit(core, lock, count);
}


/* Fill a free entry and make it an object. A death before the last store leaves
 * a free entry. */
static void furnish(const struct uvshm__core* core,
                    uint32_t index,
                    const struct name* name,
                    const struct uvshm__directory_spec* spec,
                    struct uvshm__directory_ref* ref) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint32_t generation = (uint32_t) (uvshm__entry_state(core, index) >> 32) + 1;
  uint32_t i;

  uvshm__a32_store_relaxed(&ent->type, spec->type);
  uvshm__a32_store_relaxed(&ent->flags, spec->flags);
  uvshm__a32_store_relaxed(&ent->hash, name->hash);
  uvshm__a32_store_relaxed(&ent->name_size, name->size);
  for (i = 0; i < UVSHM__ENTRY_NAME_WORDS; i++)
    uvshm__a64_store_relaxed(&ent->name[i], name->words[i]);
  copy_body(ent, spec->body);
  make_used(core, ent, spec, uvshm__entry_word(generation, UVSHM__ENTRY_USED));
  ref->index = index;
  ref->generation = generation;
  ref->type = spec->type;
  ref->flags = spec->flags;
}


/* Directory lock held: nobody else makes entries or names. */
static int find_or_furnish(const struct uvshm__core* core,
                           const struct name* name,
                           const struct uvshm__directory_spec* spec,
                           struct uvshm__directory_ref* ref,
                           int* made) {
  uint32_t index;
  uint32_t i;

  if (find(core, name, ref) == 0) return 0;
  for (i = 0; i < core->objects_max; i++) {
    index = (name->hash % core->objects_max + i) % core->objects_max;
    if ((uint32_t) uvshm__entry_state(core, index) != UVSHM__ENTRY_FREE)
      continue;
    furnish(core, index, name, spec, ref);
    *made = 1;
    return 0;
  }
  return uvshm__fail(UV_ENOSPC,
                     "its directory has %u objects and no room for more",
                     core->objects_max);
}


static int make_under_lock(struct uvshm__lane* lane,
                           const struct name* name,
                           const struct uvshm__directory_spec* spec,
                           uint64_t timeout_ms,
                           struct uvshm__directory_ref* ref,
                           int* made) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__lock* lock = directory_lock(core);
  int err;

  err = uvshm__lock_acquire(lane, lock, timeout_ms, UVSHM__LOCK_INTERNAL, NULL);
  if (err < 0) return err;
  err = find_or_furnish(core, name, spec, ref, made);
  uvshm__lock_release(lane, lock);
  return err;
}


int uvshm__directory_make(struct uvshm__lane* lane,
                          const struct uvshm__directory_spec* spec,
                          uint64_t timeout_ms,
                          struct uvshm__directory_ref* ref,
                          int* made) {
  struct uvshm__directory_ref found;
  struct name packed;
  int is_new = 0;
  int err;

  if (!pack_name(&packed, spec->name, spec->name_size)) return UV_EINVAL;
  err = make_under_lock(lane, &packed, spec, timeout_ms, &found, &is_new);
  /* Removed objects that only the dead have open take room, and those that
   * who closed them last could not bury. */
  if (err == UV_ENOSPC && lane->count == 0 &&
      uvshm__reap_all(lane->core) + uvshm__directory_settle_all(lane->core) !=
          0)
    err = make_under_lock(lane, &packed, spec, timeout_ms, &found, &is_new);
  if (err < 0) return err;
  *ref = found;
  *made = is_new;
  return 0;
}

/* ---- list ---------------------------------------------------------------- */

static uint32_t count_bits(uint64_t word) {
  uint32_t count = 0;

  for (; word != 0; word &= word - 1) count++;
  return count;
}


/* 1: the entry is an object, and all of `facts` is of one incarnation. */
static int read_entry(const struct uvshm__core* core,
                      uint32_t index,
                      struct uvshm__directory_facts* facts) {
  const struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);
  uint64_t words[UVSHM__ENTRY_NAME_WORDS];
  uint64_t state = uvshm__entry_state(core, index);
  uint32_t i;

  if ((uint32_t) state != UVSHM__ENTRY_USED) return 0;
  facts->ref.index = index;
  facts->ref.generation = (uint32_t) (state >> 32);
  facts->ref.type = uvshm__a32_load_relaxed(&ent->type);
  facts->ref.flags = uvshm__a32_load_relaxed(&ent->flags);
  facts->name_size = uvshm__a32_load_relaxed(&ent->name_size);
  facts->open = 0;
  for (i = 0; i < UVSHM__ENTRY_OPEN_WORDS; i++)
    facts->open += count_bits(uvshm__a64_load_relaxed(&ent->open[i]));
  for (i = 0; i < UVSHM__ENTRY_NAME_WORDS; i++)
    words[i] = uvshm__a64_load_relaxed(&ent->name[i]);
  if (facts->name_size > UVSHM__ENTRY_NAME_MAX)
    facts->name_size = UVSHM__ENTRY_NAME_MAX;
  memcpy(facts->name, words, facts->name_size);
  facts->name[facts->name_size] = '\0';
  uvshm__fence_acquire();
  return uvshm__entry_state(core, index) == state;
}


int uvshm__directory_next(const struct uvshm__core* core,
                          uint32_t* cursor,
                          struct uvshm__directory_facts* facts) {
  uint32_t index;

  for (index = *cursor; index < core->objects_max; index++) {
    if (!read_entry(core, index, facts)) continue;
    *cursor = index + 1;
    return 0;
  }
  *cursor = core->objects_max;
  return UV_ENOENT;
}


uint32_t uvshm__directory_used(const struct uvshm__core* core) {
  uint32_t count = 0;
  uint32_t index;

  for (index = 0; index < core->objects_max; index++)
    if ((uint32_t) uvshm__entry_state(core, index) == UVSHM__ENTRY_USED)
      count++;
  return count;
}
