/* SPDX-License-Identifier: MIT */

/* Calls of the heap. What a call said is a block is filled, as far as that lies
 * in the segment. */

#include "fuzz/segment.h"

#include <string.h>


static void** block(struct fuzz_segment* world, struct fuzz_input* input) {
  return &world->blocks[fuzz_u8(input) % FUZZ_SEGMENT_BLOCKS];
}


static void fill(struct fuzz_segment* world, void* address) {
  uint64_t size = uvshm_heap_size(world->segment, address);
  unsigned char* bytes = uvshm_heap_pointer(
      world->segment, uvshm_heap_ref(world->segment, address), (size_t) size);

  if (bytes == NULL || size == 0) return;
  bytes[0] = 0;
  bytes[size - 1] = 0;
}


static void alloc(struct fuzz_segment* world, struct fuzz_input* input) {
  uint32_t how = fuzz_u8(input);
  uint32_t flags = how & 1 ? UVSHM_HEAP_SHARED : 0;
  size_t size = (size_t) (how & 2 ? fuzz_number(input) : fuzz_u16(input));
  void* found = NULL;
  int err;

  if (how & 4)
    err = uvshm_heap_calloc(
        world->segment, &found, fuzz_u8(input), size % 1024, flags);
  else if (how & 8)
    err = uvshm_heap_alloc_aligned(
        world->segment, &found, size, (size_t) 1 << fuzz_u8(input) % 14, flags);
  else
    err = uvshm_heap_alloc(world->segment, &found, size, flags);
  if (err < 0) return;
  fuzz_segment_at(world, found);
  fill(world, found);
  *block(world, input) = found;
}


static void resize(struct fuzz_segment* world, struct fuzz_input* input) {
  void** mine = block(world, input);

  if (*mine == NULL) return;
  if (uvshm_heap_resize(world->segment, mine, fuzz_u16(input)) == 0)
    fill(world, *mine);
}


/* Mostly what was allocated, and sometimes any place. */
static void free_it(struct fuzz_segment* world, struct fuzz_input* input) {
  uint32_t how = fuzz_u8(input);
  void* address = *block(world, input);

  if (how & 1) address = world->base + fuzz_u32(input) % world->size;
  (void) uvshm_heap_free(world->segment, address);
}


static void look(struct fuzz_segment* world, struct fuzz_input* input) {
  uvshm_heap_info_t info;
  uvshm_ref_t ref;

  ref.offset = fuzz_number(input);
  (void) uvshm_heap_pointer(world->segment, ref, fuzz_u16(input));
  (void) uvshm_heap_size(world->segment,
                         world->base + fuzz_u32(input) % world->size);
  (void) !uvshm_heap_info(world->segment, &info);
}


static void open_root(struct fuzz_segment* world, struct fuzz_input* input) {
  static const char* const names[] = {"root", "map", "other", "one more"};

  world->root = NULL;
  (void) !uvshm_heap_root(
      world->segment, names[fuzz_u8(input) % 4], &world->root);
}


static void publish(struct fuzz_segment* world, struct fuzz_input* input) {
  uint32_t how = fuzz_u8(input);
  uvshm_ref_t* slot =
      how & 1 ? (uvshm_ref_t*) *block(world, input) : world->root;
  void* mine = how & 2 ? NULL : *block(world, input);
  void* old = NULL;

  if (slot == NULL) return;
  if (uvshm_heap_publish(world->segment, slot, mine, how & 4 ? NULL : &old) ==
          0 &&
      old != NULL)
    *block(world, input) = old;
}


static void read_root(struct fuzz_segment* world, struct fuzz_input* input) {
  const unsigned char* bytes;

  (void) input;
  if (world->root == NULL) return;
  bytes = uvshm_heap_pointer(world->segment, uvshm_heap_get(world->root), 64);
  fuzz_segment_at(world, bytes);
}


static void unlink_root(struct fuzz_segment* world, struct fuzz_input* input) {
  (void) !uvshm_heap_unlink(world->segment,
                            fuzz_u8(input) & 1 ? "root" : "other");
}

static const fuzz_segment_op ops[] = {
    alloc,
    alloc,
    alloc,
    resize,
    free_it,
    free_it,
    look,
    open_root,
    publish,
    publish,
    read_root,
    unlink_root,
};

const struct fuzz_segment_table fuzz_segment_heap = {
    ops, sizeof(ops) / sizeof(ops[0])};
