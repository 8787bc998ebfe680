/* SPDX-License-Identifier: MIT */

#include "core/contents.h"

#include "core/cell.h"
#include "core/channel.h"
#include "core/heap.h"
#include "core/lock.h"
#include "core/map.h"
#include "core/reset.h"
#include "core/txn.h"

/* ---- logs of transactions ------------------------------------------------ */

/* Both are there at once: the lock's entry and its log. */
static int log_make(struct uvshm__lane* lane,
                    struct uvshm__directory_spec* spec,
                    void* body,
                    uint64_t size) {
  struct uvshm__lock* lock = body;
  int err;

  err = uvshm__heap_alloc(
      lane, size, 0, uvshm__heap_me(lane->core), &spec->blocks[0]);
  if (err < 0) return err;
  uvshm__a64_store_relaxed(&lock->undo, uvshm__txn_undo(spec->blocks[0], size));
  return 0;
}

/* ---- objects ------------------------------------------------------------- */

static void bury(const struct uvshm__core* core,
                 uint32_t slot,
                 uint32_t type,
                 void* body) {
  if (type == UVSHM__TYPE_MUTEX) uvshm__txn_bury(core, slot, body);
  if (type == UVSHM__TYPE_MAP) uvshm__map_bury(core, slot, body);
  if (type == UVSHM__TYPE_CELL) uvshm__cell_bury(core, slot, body);
  if (type == UVSHM__TYPE_CHANNEL) uvshm__channel_bury(core, slot, body);
}


static void leave(const struct uvshm__core* core,
                  uint32_t slot,
                  uint32_t type,
                  void* body) {
  if (type == UVSHM__TYPE_CELL) uvshm__cell_forget(core, slot, body);
  if (type == UVSHM__TYPE_CHANNEL) uvshm__channel_forget(core, slot, body);
}


static int check_object(const struct uvshm__core* core,
                        const struct uvshm__directory_ref* ref) {
  if (ref->type == UVSHM__TYPE_MAP) return uvshm__map_check(core, ref);
  if (ref->type == UVSHM__TYPE_CELL) return uvshm__cell_check(core, ref);
  if (ref->type == UVSHM__TYPE_CHANNEL) return uvshm__channel_check(core, ref);
  return 0;
}


/* The type of entry `index`, 0 when there is no object. */
static uint32_t type_at(const struct uvshm__core* core, uint32_t index) {
  struct uvshm__directory_ent* ent = uvshm__core_entry(core, index);

  return (uint32_t) uvshm__a64_load_acquire(&ent->state) == UVSHM__ENTRY_USED
             ? uvshm__a32_load_acquire(&ent->type)
             : 0;
}


static uint32_t mend_object(struct uvshm__lane* lane, uint32_t index) {
  const struct uvshm__core* core = lane->core;
  void* body = uvshm__directory_body(core, index);

  switch (type_at(core, index)) {
    case UVSHM__TYPE_MAP:
      return uvshm__map_mend(lane, body);
    case UVSHM__TYPE_CELL:
      return uvshm__cell_mend(core, body);
    case UVSHM__TYPE_CHANNEL:
      return uvshm__channel_mend(lane, body);
    default:
      return 0;
  }
}


static void reset_object(const struct uvshm__core* core, uint32_t index) {
  void* body = uvshm__directory_body(core, index);
  uint32_t type = type_at(core, index);

  if (type == UVSHM__TYPE_MAP) uvshm__map_reset(core, body);
  if (type == UVSHM__TYPE_CELL) uvshm__cell_reset(core, body);
  if (type == UVSHM__TYPE_CHANNEL) uvshm__channel_reset(core, body);
}

/* ---- all of it ----------------------------------------------------------- */

static int check(const struct uvshm__core* core) {
  struct uvshm__lock* lock;
  uint32_t i;
  int err = 0;

  for (i = 0; i < UVSHM__HEAP_LOCKS && err == 0; i++) {
    lock = uvshm__heap_lock_at(core, i);
    if (lock != NULL) err = uvshm__lock_check(core, lock);
  }
  return err == 0 ? uvshm__heap_check(core) : err;
}


static uint32_t mend(struct uvshm__lane* lane) {
  const struct uvshm__core* core = lane->core;
  struct uvshm__lock* lock;
  uint32_t count = 0;
  uint32_t i;

  for (i = 0; i < UVSHM__HEAP_LOCKS; i++) {
    lock = uvshm__heap_lock_at(core, i);
    if (lock != NULL && uvshm__lock_mend(lane, lock)) count++;
  }
  for (i = 0; i < core->objects_max; i++) count += mend_object(lane, i);
  return count + uvshm__heap_mend(lane);
}


static void reset(const struct uvshm__core* core) {
  struct uvshm__lock* lock;
  uint32_t i;

  for (i = 0; i < UVSHM__HEAP_LOCKS; i++) {
    lock = uvshm__heap_lock_at(core, i);
    if (lock != NULL) uvshm__lock_reset(lock);
  }
  for (i = 0; i < core->objects_max; i++) reset_object(core, i);
  uvshm__heap_reset(core);
}


const struct uvshm__contents uvshm__contents = {
    .has_word = uvshm__heap_has_word,
    .has_lock = uvshm__heap_has_lock,
    .block_word = uvshm__heap_word,
    .block_free = uvshm__heap_free,
    .log_make = log_make,
    .log_locate = uvshm__txn_locate,
    .lock_settle = uvshm__txn_settle,
    .lock_fault = uvshm__txn_fault,
    .lock_mend = uvshm__txn_mend,
    .bury = bury,
    .leave = leave,
    .forget = uvshm__heap_forget,
    .check_object = check_object,
    .check = check,
    .mend = mend,
    .reset = reset};
