/* SPDX-License-Identifier: MIT */

/* Named objects of a segment: find, make once, open, remove. See directory.c.
 *
 * Opening an object, as the object layer does it under its own lock:
 *
 *   again:
 *     err = uvshm__directory_find(core, name, size, &found);
 *     if (err == UV_ENOENT)
 *       err = uvshm__directory_make(lane, &spec, timeout_ms, &found, &made);
 *     if (err == 0 and this process has no handle of found.index yet)
 *       err = uvshm__directory_open(core, &found);
 *     if (err == UV_ENXIO) goto again;    removed meanwhile
 */

#ifndef UVSHM_CORE_DIRECTORY_H_
#define UVSHM_CORE_DIRECTORY_H_

#include "core/core.h"
#include "core/directory_layout.h"
#include "core/lane.h"

#include <stdint.h>

/* One incarnation of a named object. */
struct uvshm__directory_ref {
  uint32_t index;
  uint32_t generation;
  uint32_t type; /* UVSHM__TYPE_... */
  uint32_t flags;
};

/* What to make. */
#define UVSHM__DIRECTORY_BLOCKS 2u

struct uvshm__directory_spec {
  const char* name;
  uint32_t name_size; /* 1 to 200 */
  uint32_t type;
  uint32_t flags;
  const void* body; /* its first UVSHM__ENTRY_BODY bytes */
  /* Blocks of the heap that it has, private to this peer (0: none): they become
   * the library's in the same moment in which it becomes an object. */
  uint64_t blocks[UVSHM__DIRECTORY_BLOCKS];
};

static inline struct uvshm__directory_ent* uvshm__core_entry(
    const struct uvshm__core* core, uint32_t index) {
  return (struct uvshm__directory_ent*) (core->base + core->objects_offset) +
         index;
}

/* The 128 bytes of an object, at a multiple of 64. */
static inline void* uvshm__directory_body(const struct uvshm__core* core,
                                          uint32_t index) {
  return uvshm__core_entry(core, index)->body;
}

/* The number of the entry that has this body. */
static inline uint32_t uvshm__directory_index(const struct uvshm__core* core,
                                              const void* body) {
  uint64_t offset = (uint64_t) ((const unsigned char*) body - core->base);

  return (uint32_t) ((offset - core->objects_offset) / UVSHM__ENTRY_SIZE);
}


/* Look `name` up. No lock, writes nothing. 0 or UV_ENOENT. */
int uvshm__directory_find(const struct uvshm__core* core,
                          const char* name,
                          uint32_t name_size,
                          struct uvshm__directory_ref* ref);

/* Find `spec->name`, or make it as `spec` says, under the directory's lock.
 * Sets *made to 1 when it is new; else spec->blocks still are the caller's.
 *   UV_ENOSPC  the directory is full, and what uvshm__lock_acquire() returns */
int uvshm__directory_make(struct uvshm__lane* lane,
                          const struct uvshm__directory_spec* spec,
                          uint64_t timeout_ms,
                          struct uvshm__directory_ref* ref,
                          int* made);

/* Say that this peer has the object open: its bytes stay what they are until
 * uvshm__directory_close(), even when it is removed. Call it for the first
 * handle of a process only; no other thread of the process opens or closes an
 * object of this segment at the same time. UV_ENXIO: it is not there any
 * more. */
int uvshm__directory_open(const struct uvshm__core* core,
                          const struct uvshm__directory_ref* ref);
void uvshm__directory_close(const struct uvshm__core* core, uint32_t index);

/* The same for a dead peer, whose slot the caller has claimed. */
void uvshm__directory_close_dead(const struct uvshm__core* core,
                                 uint32_t index,
                                 uint32_t slot);

/* 1: `slot` has the object of this entry open, or was about to open it, and as
 * long as its open bit is there, the object's bytes are not made into something
 * else. For whoever repairs after it. */
int uvshm__directory_stays(const struct uvshm__core* core,
                           uint32_t index,
                           uint32_t slot);

/* Take the name away; the bytes go with the last peer that has it open.
 * UV_ENOENT. */
int uvshm__directory_remove(const struct uvshm__core* core,
                            const char* name,
                            uint32_t name_size);

/* What the state of the entry says as long as the object was not removed. */
static inline uint64_t uvshm__directory_state(
    const struct uvshm__directory_ref* ref) {
  return (uint64_t) ref->generation << 32 | UVSHM__ENTRY_USED;
}


/* 0, or UV_ENXIO: it was removed. One load. */
int uvshm__directory_usable(const struct uvshm__core* core,
                            const struct uvshm__directory_ref* ref);

struct uvshm__directory_facts {
  struct uvshm__directory_ref ref;
  uint32_t open; /* peers that have it open */
  uint32_t name_size;
  char name[UVSHM__ENTRY_NAME_MAX + 1]; /* ends with a zero */
};

/* The objects, one a call: *cursor 0 first; UV_ENOENT after the last. */
int uvshm__directory_next(const struct uvshm__core* core,
                          uint32_t* cursor,
                          struct uvshm__directory_facts* facts);

/* How many there are. */
uint32_t uvshm__directory_used(const struct uvshm__core* core);

/* Free the entry if it is removed and nobody has it open, and its blocks with
 * it. */
void uvshm__directory_settle(const struct uvshm__core* core, uint32_t index);

/* The same for all entries: one that closed an object last and had mapped less
 * than there is has left it for others. How many became free. */
uint32_t uvshm__directory_settle_all(const struct uvshm__core* core);

/* A state that there is not, or buried by somebody who is no peer? Such an
 * entry cannot be found by its name, so all that mending (1: done) saves is
 * room. */
int uvshm__directory_is_strange(const struct uvshm__core* core, uint32_t index);
int uvshm__directory_mend(const struct uvshm__core* core, uint32_t index);

/* Nobody is attached: nobody has it open, and if it was removed it is free. */
void uvshm__directory_reset(const struct uvshm__core* core, uint32_t index);

/* Part of the repair of `slot` (reap.c): it has nothing open any more, and what
 * it was burying is buried. Before the heap's part: a block on its way out is
 * the dead peer's own for a moment. */
void uvshm__directory_forget(const struct uvshm__core* core, uint32_t slot);

#endif /* UVSHM_CORE_DIRECTORY_H_ */
