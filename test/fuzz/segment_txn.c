/* SPDX-License-Identifier: MIT */

/* Calls of transactions; one at a time. */

#include "fuzz/segment.h"

#include <string.h>


static void** block(struct fuzz_segment* world, struct fuzz_input* input) {
  return &world->blocks[fuzz_u8(input) % FUZZ_SEGMENT_BLOCKS];
}


static void begin(struct fuzz_segment* world, struct fuzz_input* input) {
  if (world->mutex == NULL || world->in_txn) return;
  world->in_txn =
      uvshm_txn_begin(&world->txn, world->mutex, fuzz_u8(input) & 1) >= 0;
}


/* What was saved is changed. */
static void save(struct fuzz_segment* world, struct fuzz_input* input) {
  unsigned char* bytes = *block(world, input);
  size_t size = fuzz_u8(input);

  if (!world->in_txn) return;
  if (fuzz_u8(input) % 4 == 0)
    bytes = world->base + fuzz_u32(input) % world->size;
  if (bytes == NULL || uvshm_txn_save(&world->txn, bytes, size) < 0) return;
  fuzz_segment_at(world, bytes);
  bytes = uvshm_heap_pointer(
      world->segment, uvshm_heap_ref(world->segment, bytes), size);
  if (bytes != NULL && size != 0) bytes[size - 1] ^= 1;
}


static void change_blocks(struct fuzz_segment* world,
                          struct fuzz_input* input) {
  void** mine = block(world, input);
  void** other = block(world, input);
  void* fresh = NULL;

  if (!world->in_txn) return;
  switch (fuzz_u8(input) % 3) {
    case 0:
      if (uvshm_txn_alloc(&world->txn, &fresh, fuzz_u16(input)) == 0)
        *mine = fresh;
      break;
    case 1:
      (void) !uvshm_txn_free(&world->txn, *mine);
      break;
    default:
      if (*mine != NULL && *other != NULL)
        (void) !uvshm_txn_publish(&world->txn, (uvshm_ref_t*) *other, *mine);
  }
}


static void end(struct fuzz_segment* world, struct fuzz_input* input) {
  if (!world->in_txn) return;
  world->in_txn = 0;
  if (fuzz_u8(input) & 1)
    (void) !uvshm_txn_commit(&world->txn);
  else
    (void) uvshm_txn_abort(&world->txn);
}

static const fuzz_segment_op ops[] = {
    begin,
    begin,
    save,
    save,
    change_blocks,
    change_blocks,
    end,
};

const struct fuzz_segment_table fuzz_segment_txn = {
    ops, sizeof(ops) / sizeof(ops[0])};
