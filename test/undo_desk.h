/* SPDX-License-Identifier: MIT */

/* A mutex with a log on plain memory, two peers, and a transaction of one. */

#ifndef UVSHM_TEST_UNDO_DESK_H_
#define UVSHM_TEST_UNDO_DESK_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/reset.h"
#include "core/txn.h"
#include "uvshm/name.h"
#include "fake.h"

#include <string.h>

#define LOG_SIZE 1024u
#define BYTES 256u

static struct fake fake;
static struct fake_peer* alice;
static struct fake_peer* bob;
static struct uvshm__lane a;
static struct uvshm__lane b;
static struct uvshm__directory_ref ref;
static struct uvshm__lock* lock;
static struct uvshm__txn txn;

static uint64_t place; /* of a block of the caller's */

static unsigned char* bytes;
static uint64_t log_place;
static uint64_t log_size;

static inline uint64_t alloc(struct uvshm__lane* lane,
                             uint64_t size,
                             uint32_t own) {
  uint64_t block = 0;

  assert_int_equal(uvshm__heap_alloc(lane, size, 0, own, &block), 0);
  return block;
}


static inline uint32_t own_of(uint64_t block) {
  struct uvshm__heap_block found;

  if (uvshm__heap_find(&bob->core, block, &found) < 0) return UVSHM__OWN_FREE;
  return found.own;
}


static inline uint64_t count_blocks(void) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(&bob->core, &facts);
  return facts.blocks;
}


static inline void make_lock(void) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      "till", 4, UVSHM__TYPE_MUTEX, 0, body, {0}};
  int made = 0;

  spec.blocks[0] = alloc(&a, LOG_SIZE, uvshm__heap_me(&alice->core));
  uvshm__lock_format((struct uvshm__lock*) (void*) body, 0);
  ((struct uvshm__lock*) (void*) body)->undo.value =
      uvshm__txn_undo(spec.blocks[0], LOG_SIZE);
  assert_int_equal(uvshm__directory_make(&a, &spec, 100, &ref, &made), 0);
  assert_int_equal(uvshm__directory_open(&alice->core, &ref), 0);
  lock = uvshm__directory_body(&alice->core, ref.index);
  assert_true(uvshm__txn_locate(&alice->core, lock, &log_place, &log_size));
}


static inline int make(void** state) {
  uint32_t i;

  (void) state;
  fake_make_sized(&fake, UVSHM_KIND_SEGMENT, 1 << 18, 1 << 21);
  alice = fake_join(&fake, 0);
  bob = fake_join(&fake, 1);
  if (uvshm__lane_claim(&alice->core, &a) < 0) return -1;
  if (uvshm__lane_claim(&bob->core, &b) < 0) return -1;
  make_lock();
  place = alloc(&a, BYTES, UVSHM__OWN_SHARED);
  bytes = fake.memory + place;
  for (i = 0; i < BYTES; i++) bytes[i] = (unsigned char) i;
  return 0;
}


static inline int unmake(void** state) {
  (void) state;
  fake_free(&fake);
  return 0;
}


static inline void begin_as(struct uvshm__lane* lane, int news) {
  assert_int_equal(uvshm__lock_acquire(lane, lock, 0, 0, NULL), news);
  uvshm__txn_begin(&txn, lane, lock, log_place, log_size);
}


static inline void begin(void) {
  begin_as(&a, 0);
}


static inline void end(void) {
  assert_int_equal(uvshm__lock_release(txn.lane, lock), 0);
}


static inline void change(uint64_t offset, uint64_t size) {
  assert_int_equal(uvshm__txn_save(&txn, place + offset, size), 0);
  memset(bytes + offset, 0xee, (size_t) size);
}


static inline int is_untouched(void) {
  uint32_t i;

  for (i = 0; i < BYTES; i++)
    if (bytes[i] != (unsigned char) i) return 0;
  return 1;
}


static inline void is_well(void) {
  if (uvshm__core_check(&bob->core, UVSHM_KIND_SEGMENT) < 0)
    fail_msg("%s", uvshm__error_text());
}

/* ---- strange bytes ------------------------------------------------------- */

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, unmake)

#endif /* UVSHM_TEST_UNDO_DESK_H_ */
