/* SPDX-License-Identifier: MIT */

/* Every call of the heap. */

#include "fuzz/fuzz.h"

#include "core/heap.h"

#include <string.h>

#define BLOCKS (sizeof(((struct fuzz_world*) 0)->blocks) / sizeof(uint64_t))


static uint64_t* block(struct fuzz_world* world, struct fuzz_input* input) {
  return &world->blocks[fuzz_u8(input) % BLOCKS];
}


static void alloc(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint32_t how = fuzz_u8(input);
  uint64_t size = how & 1 ? fuzz_u16(input) : fuzz_number(input);
  uint64_t alignment = how & 2 ? UINT64_C(1) << (how >> 4) : 0;
  uint32_t own = UVSHM__OWN_SHARED;
  uint64_t ref = 0;

  if (lane == NULL) return;
  if (how & 4) own = uvshm__heap_me(lane->core);
  if (how & 8) own = UVSHM__OWN_LIBRARY;
  if (alignment > UVSHM__HEAP_ALIGNMENT_MAX) alignment = 0;
  if (uvshm__heap_alloc(lane, size, alignment, own, &ref) == 0)
    *block(world, input) = ref;
}


/* What was said to be a block's bytes can be written. */
static void fill(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  uint64_t ref = *block(world, input);
  uint64_t size = uvshm__heap_size(core, ref);
  unsigned char* bytes = uvshm__heap_at(core, ref, size);

  if (size == 0 || bytes == NULL) return;
  bytes[0] = 1;
  bytes[size - 1] = 2;
}


static void free_it(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint32_t how = fuzz_u8(input);
  uint64_t ref = how & 1 ? *block(world, input) : fuzz_number(input);

  if (lane == NULL) return;
  if (how & 2)
    (void) uvshm__heap_free_checked(lane, ref);
  else
    (void) uvshm__heap_free(lane, ref);
}


static void find(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  uint64_t ref = fuzz_u8(input) & 1 ? *block(world, input) : fuzz_number(input);
  struct uvshm__heap_block found;

  (void) uvshm__heap_find(core, ref, &found);
  (void) uvshm__heap_word(core, ref);
  (void) uvshm__heap_holds(core, ref, fuzz_u8(input));
  (void) uvshm__heap_has_word(core, ref, 8);
  (void) uvshm__heap_has_word(core, ref, 2);
  (void) uvshm__heap_has_lock(core, ref);
}


static void publish(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));
  uint64_t slot = *block(world, input);
  uint64_t ref = *block(world, input);
  uint64_t old;

  if (lane != NULL) (void) uvshm__heap_publish(lane, slot, ref, &old);
}


static void change(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  uint64_t ref = *block(world, input);

  uvshm__heap_mark(core);
  (void) uvshm__heap_change(core, ref, UVSHM__OWN_SHARED, uvshm__heap_me(core));
}


static void look(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));
  struct uvshm__heap_facts facts;

  uvshm__heap_read(core, &facts);
  (void) uvshm__heap_check(core);
}


static void mend(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane = fuzz_lane(world, fuzz_u8(input));

  if (lane != NULL) (void) uvshm__heap_mend(lane);
}

static const fuzz_op ops[] = {
    alloc,
    alloc,
    alloc,
    free_it,
    free_it,
    fill,
    find,
    publish,
    change,
    look,
    mend,
};

const struct fuzz_table fuzz_heap = {ops, sizeof(ops) / sizeof(ops[0])};
