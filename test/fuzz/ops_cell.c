/* SPDX-License-Identifier: MIT */

/* Every call of cells. A cell is attached anew for each call, so that its body
 * is read again and again. */

#include "fuzz/fuzz.h"

#include "core/cell.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_LARGEST 200u


void fuzz_make_cell(struct fuzz_world* world) {
  static const struct uvshm__cell_shape shape = {
      .pins = 2, .writers = 2, .size = SIZE_LARGEST};
  struct uvshm__lane* lane = &world->lanes[0];
  struct uvshm__directory_spec spec;
  struct uvshm__cell_hdr body;
  uint32_t peer;
  int made;

  memset(&spec, 0, sizeof(spec));
  memset(&body, 0, sizeof(body));
  if (uvshm__cell_format(lane, &shape, &body, &spec.blocks[0]) < 0) abort();
  world->cell_block = spec.blocks[0];
  spec.name = "cell";
  spec.name_size = 4;
  spec.type = UVSHM__TYPE_CELL;
  spec.body = &body;
  if (uvshm__directory_make(lane, &spec, 0, &world->cell, &made) < 0) abort();
  for (peer = 0; peer < FUZZ_PEERS; peer++)
    if (uvshm__directory_open(fuzz_core_of(world, peer), &world->cell) < 0)
      abort();
}


static int attach(struct fuzz_world* world,
                  struct fuzz_input* input,
                  struct uvshm__cell* cell) {
  const struct uvshm__core* core = fuzz_core_of(world, fuzz_u8(input));

  if (uvshm__cell_attach(core, &world->cell, cell) < 0) return 0;
  cell->patience_ms = 3;
  return 1;
}

/* ---- writing ------------------------------------------------------------- */

static void write_one(struct fuzz_world* world, struct fuzz_input* input) {
  static const unsigned char bytes[SIZE_LARGEST + 1];
  struct uvshm__lane* lane;
  struct uvshm__cell cell;
  uint32_t how = fuzz_u8(input);
  uint32_t index;
  uint64_t size;

  if (!attach(world, input, &cell)) return;
  size = fuzz_u8(input) %
         (cell.size < SIZE_LARGEST ? cell.size + 1 : SIZE_LARGEST + 1);
  lane = fuzz_lane(world, cell.core->slot);
  if (uvshm__cell_claim_try(&cell, &index) < 0 &&
      (lane == NULL || uvshm__cell_claim_wait(lane, &cell, &index) < 0))
    return;
  uvshm__cell_fill(&cell, index, bytes, size);
  if (how & 1)
    (void) uvshm__cell_commit(&cell, index, size);
  else if (how & 2)
    uvshm__cell_abort(&cell, index);
  if (how & 4) uvshm__cell_wake(&cell);
}

/* ---- reading ------------------------------------------------------------- */

/* What may be looked at is read: it must be somewhere. */
static void look_through(const struct uvshm__cell* cell,
                         const struct uvshm__cell_view* view) {
  volatile unsigned char sum = 0;
  uint64_t i;

  if (view->size > cell->size) abort();
  for (i = 0; i < view->size; i++) sum = (unsigned char) (sum + view->bytes[i]);
}


static void read_one(struct fuzz_world* world, struct fuzz_input* input) {
  static unsigned char bytes[SIZE_LARGEST];
  uint32_t how = fuzz_u8(input);
  struct uvshm__cell_view view;
  struct uvshm__cell cell;
  uint64_t room = fuzz_u8(input) % (sizeof(bytes) + 1);

  if (attach(world, input, &cell))
    (void) uvshm__cell_read(&cell, (int) (how & 1), bytes, room, &view);
}


static void pin_one(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t how = fuzz_u8(input);
  struct uvshm__cell_view view;
  struct uvshm__cell cell;

  if (!attach(world, input, &cell)) return;
  if (how & 1) {
    if (uvshm__cell_look(&cell, &view) < 0) return;
    look_through(&cell, &view);
    (void) uvshm__cell_is_whole(&cell, view.buffer, view.version);
    return;
  }
  if (uvshm__cell_pin(&cell, &view) < 0) return;
  look_through(&cell, &view);
  if (how & 2) uvshm__cell_unpin(&cell, view.pin);
}


static void wait_for_one(struct fuzz_world* world, struct fuzz_input* input) {
  struct uvshm__lane* lane;
  struct uvshm__cell cell;
  uint64_t version = 0;

  if (!attach(world, input, &cell)) return;
  lane = fuzz_lane(world, cell.core->slot);
  if (lane == NULL) return;
  if (fuzz_u8(input) & 1) version = uvshm__cell_version(&cell);
  (void) uvshm__cell_wait(lane, &cell, fuzz_u8(input) % 4, &version);
}

/* ---- the rest ------------------------------------------------------------ */

static void check(struct fuzz_world* world, struct fuzz_input* input) {
  uint32_t how = fuzz_u8(input);
  const struct uvshm__core* core = fuzz_core_of(world, how);

  (void) uvshm__cell_check(core, &world->cell);
  if (how & 0x80)
    (void) uvshm__cell_mend(core,
                            uvshm__directory_body(core, world->cell.index));
}


/* Where the cell's own words are. */
static void damage(struct fuzz_world* world, struct fuzz_input* input) {
  uint64_t offset = fuzz_u16(input) % 1024 & ~UINT64_C(3);
  uint64_t at = world->cell_block + offset;
  uint64_t value = fuzz_number(input);

  if (at + 8 > world->fake.memory_size) return;
  memcpy(world->fake.memory + at, &value, fuzz_u8(input) & 1 ? 8 : 4);
}

static const fuzz_op ops[] = {
    write_one, write_one, read_one, pin_one, wait_for_one, check, damage};

const struct fuzz_table fuzz_cell = {ops, sizeof(ops) / sizeof(ops[0])};
