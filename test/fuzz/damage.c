/* SPDX-License-Identifier: MIT */

/* What a broken or hostile peer does: it writes, anywhere, or where it
 * hurts. */

#include "fuzz/fuzz.h"

#include "core/lock.h"

#include <string.h>


static void write_bytes(struct fuzz_world* world,
                        uint64_t offset,
                        uint64_t value,
                        uint32_t size) {
  if (offset > world->fake.memory_size - 8) return;
  memcpy(world->fake.memory + offset, &value, size);
}


static void any_byte(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u32(input) % world->fake.memory_size;

  write_bytes(world, offset, fuzz_u8(input), 1);
}


static void any_word(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u32(input) % world->fake.memory_size;
  uint32_t wide = fuzz_u8(input) & 1;

  write_bytes(world, offset & ~UINT64_C(3), fuzz_number(input), wide ? 8 : 4);
}


static void header(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u16(input) % 2048;

  write_bytes(world, offset & ~UINT64_C(3), fuzz_number(input), 4);
}


static void peer(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = UVSHM__PEERS_OFFSET + fuzz_u8(input) % FAKE_PEERS * 128;

  write_bytes(world, offset + (fuzz_u8(input) & 0x7c), fuzz_number(input), 4);
}


static void lane(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = world->fake.control.lanes_offset + fuzz_u8(input) % 8 * 128;

  write_bytes(world, offset + (fuzz_u8(input) & 0x7c), fuzz_number(input), 4);
}


static void entry(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = world->fake.control.objects_offset +
                    fuzz_u8(input) % FAKE_OBJECTS * UINT64_C(512);

  write_bytes(world, offset + (fuzz_u16(input) & 0x1fc), fuzz_number(input), 8);
}


/* Where blocks and their bookkeeping are; and a shard of the map. */
static void heap(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t begin = world->fake.control.control_size;
  uint64_t offset = begin + fuzz_u32(input) % (world->fake.memory_size - begin);

  write_bytes(world, offset & ~UINT64_C(1), fuzz_number(input), 2);
}


static void shard(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u16(input) % 384;

  write_bytes(
      world, world->shards + (offset & ~UINT64_C(7)), fuzz_number(input), 8);
}


/* A log that is committed, of one entry. */
static void log_entry(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lock* lock = uvshm__directory_body(
      fuzz_core_of(world, 0),
      world->mutexes[fuzz_u8(input) % FUZZ_MUTEXES].index);
  uint64_t offset = fuzz_number(input);

  uvshm__lock_log(lock, 0, offset, fuzz_u8(input), fuzz_number(input));
  uvshm__a32_store_relaxed(&lock->n, fuzz_u8(input) % 8);
}


static void run_of_bytes(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u32(input) % world->fake.memory_size;
  uint32_t size = fuzz_u8(input);
  uint32_t i;

  for (i = 0; i < size; i++) write_bytes(world, offset + i, fuzz_u8(input), 1);
}


/* One part of the segment over another. */
static void copy_bytes(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t size = fuzz_u16(input) % 1024;
  uint64_t from = fuzz_u32(input) % (world->fake.memory_size - size);
  uint64_t to = fuzz_u32(input) % (world->fake.memory_size - size);

  memmove(world->fake.memory + to, world->fake.memory + from, (size_t) size);
}

static const fuzz_op ops[] = {
    any_byte,
    any_word,
    header,
    peer,
    lane,
    entry,
    entry,
    heap,
    heap,
    shard,
    shard,
    run_of_bytes,
    log_entry,
    copy_bytes,
};

const struct fuzz_table fuzz_damage = {ops, sizeof(ops) / sizeof(ops[0])};
