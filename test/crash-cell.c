/* SPDX-License-Identifier: MIT */

/* A death at every store of all that changes a cell: its value is the one
 * before or the one after, whole; nothing is pinned or claimed by the dead; all
 * buffers can still be had. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/cell.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/reap.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <string.h>

#define PINS 2u
#define WRITERS 1u
#define WRITES 7u /* so many take each buffer at least once */
#define SIZE 40u

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  struct uvshm__cell cell; /* as those see it who live */
  uint64_t blocks;         /* of the segment with one cell */
  uint32_t first;          /* value before; 0: none */
  uint32_t writes;         /* how many more there will be, one up each */
};

static struct lab lab;


static struct uvshm__cell view(struct lab* l, uint32_t slot) {
  struct uvshm__cell cell;

  world_ok(uvshm__cell_attach(world_core(&l->world, slot), &l->ref, &cell),
           "attach");
  return cell;
}


static void* cell_body(struct lab* l) {
  return uvshm__directory_body(world_core(&l->world, WORLD_SECOND),
                               l->ref.index);
}

/* ---- values: a number, again and again, and a size that goes with it ----- */

static uint32_t size_of(uint32_t number) {
  return 8 + number % 5 * 8;
}


static void fill(unsigned char* bytes, uint32_t number) {
  uint32_t i;

  for (i = 0; i < SIZE; i += 4) memcpy(bytes + i, &number, 4);
}


static void put(const struct uvshm__cell* cell, uint32_t number) {
  unsigned char bytes[SIZE];
  uint32_t index;

  fill(bytes, number);
  world_ok(uvshm__cell_claim_try(cell, &index), "claim");
  uvshm__cell_fill(cell, index, bytes, size_of(number));
  world_ok(uvshm__cell_commit(cell, index, size_of(number)), "commit");
}


/* The number, or 0 when there is no value. */
static uint32_t get(const struct uvshm__cell* cell, uint64_t* version) {
  struct uvshm__cell_view view = {0};
  unsigned char bytes[SIZE] = {0};
  uint32_t number = 0;
  uint32_t i;
  int err = uvshm__cell_read(cell, 0, bytes, sizeof(bytes), &view);

  *version = 0;
  if (err == UV_ENOENT) return 0;
  world_ok(err, "read");
  memcpy(&number, bytes, 4);
  lab_check(view.size == size_of(number),
            "%u bytes of value %u",
            (unsigned int) view.size,
            (unsigned int) number);
  for (i = 0; i < view.size; i += 4)
    lab_check(memcmp(bytes, bytes + i, 4) == 0, "a torn value");
  *version = view.version;
  return number;
}

/* ---- the start ----------------------------------------------------------- */

static void make_cell(struct lab* l,
                      struct uvshm__lane* lane,
                      const char* name,
                      struct uvshm__directory_ref* ref) {
  static const struct uvshm__cell_shape shape = {PINS, WRITERS, SIZE};
  struct uvshm__directory_spec spec;
  struct uvshm__cell_hdr body;
  int made = 0;

  (void) l;
  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.name_size = (uint32_t) strlen(name);
  spec.type = UVSHM__TYPE_CELL;
  spec.body = &body;
  world_ok(uvshm__cell_format(lane, &shape, &body, &spec.blocks[0]), "format");
  world_ok(uvshm__directory_make(lane, &spec, 100, ref, &made), "make");
}


static void open_cell(struct lab* l, uint32_t slot) {
  world_ok(uvshm__directory_open(world_core(&l->world, slot), &l->ref), "open");
}


static void begin(struct lab* l, uint32_t first, uint32_t writes) {
  memset(l, 0, sizeof(*l));
  world_build(&l->world, 1 << 16, 1 << 16);
  make_cell(l, &l->world.bystander, "cell", &l->ref);
  open_cell(l, WORLD_BYSTANDER);
  open_cell(l, WORLD_ACTOR);
  l->cell = view(l, WORLD_BYSTANDER);
  l->first = first;
  l->writes = writes;
  if (first != 0) put(&l->cell, first);
  l->blocks = world_blocks(&l->world);
}


static void ready(struct lab* l) {
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}


static void build_empty(void* world) {
  begin(world, 0, 1);
  ready(world);
}


static void build_one(void* world) {
  begin(world, 7, 1);
  ready(world);
}


static void build_many(void* world) {
  begin(world, 7, WRITES);
  ready(world);
}


static void build_none(void* world) {
  begin(world, 7, 0);
  ready(world);
}


/* The last but one has it open, and goes without a word. */
static void build_last(void* world) {
  struct lab* l = world;

  begin(l, 7, 0);
  uvshm__directory_close(world_core(&l->world, WORLD_BYSTANDER), l->ref.index);
  ready(l);
}

/* ---- what the actor does ------------------------------------------------- */

static void op_write(void* world) {
  struct lab* l = world;
  struct uvshm__cell cell = view(l, WORLD_ACTOR);
  uint32_t i;

  for (i = 1; i <= l->writes; i++) {
    put(&cell, l->first + i);
    lab_done();
  }
}


/* In place, one of two; the other one is given back. */
static void op_claim(void* world) {
  struct lab* l = world;
  struct uvshm__cell cell = view(l, WORLD_ACTOR);
  unsigned char bytes[SIZE];
  uint32_t index[2];
  uint32_t size = size_of(l->first + 1);

  world_ok(uvshm__cell_claim_try(&cell, &index[0]), "claim");
  world_ok(uvshm__cell_claim_try(&cell, &index[1]), "claim");
  lab_check(index[0] != index[1], "one buffer for two");
  fill(bytes, l->first + 1);
  uvshm__cell_fill(&cell, index[0], bytes, SIZE);
  uvshm__cell_abort(&cell, index[1]);
  world_ok(uvshm__cell_commit(&cell, index[0], size), "commit");
  lab_done();
}


static void op_look(void* world) {
  struct lab* l = world;
  struct uvshm__cell cell = view(l, WORLD_ACTOR);
  struct uvshm__cell_view views[2];

  world_ok(uvshm__cell_pin(&cell, &views[0]), "pin");
  world_ok(uvshm__cell_pin(&cell, &views[1]), "pin");
  uvshm__cell_unpin(&cell, views[0].pin);
  uvshm__cell_unpin(&cell, views[1].pin);
}


static void op_make(void* world) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;

  make_cell(l, &l->world.actor, "brief", &ref);
  world_ok(
      uvshm__directory_remove(world_core(&l->world, WORLD_ACTOR), "brief", 5),
      "remove");
}


/* With a pin and a claim. */
static void op_remove(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);
  struct uvshm__cell cell = view(l, WORLD_ACTOR);
  struct uvshm__cell_view at;
  uint32_t index;

  world_ok(uvshm__cell_pin(&cell, &at), "pin");
  world_ok(uvshm__cell_claim_try(&cell, &index), "claim");
  world_ok(uvshm__directory_remove(core, "cell", 4), "remove");
  uvshm__cell_abort(&cell, index);
  uvshm__cell_unpin(&cell, at.pin);
  uvshm__directory_close(core, l->ref.index);
  lab_done();
}

/* ---- afterwards ---------------------------------------------------------- */

/* Nobody has a buffer: all but one can be claimed, and what is pinned stays. */
static void verify_life(struct lab* l) {
  struct uvshm__cell cell = view(l, WORLD_SECOND);
  struct uvshm__cell_view views[PINS];
  uint64_t version;
  uint32_t index;
  uint32_t i;

  for (i = 0; i < cell.buffers_max; i++)
    lab_check(uvshm__a32_load_relaxed(&cell.block->own[i]) == 0,
              "buffer %u is still claimed",
              (unsigned int) i);
  for (i = 0; i < PINS; i++) {
    put(&cell, 100 + i);
    world_ok(uvshm__cell_pin(&cell, &views[i]), "pin");
  }
  for (i = 0; i < 8; i++) put(&cell, 200 + i);
  lab_check(get(&cell, &version) == 207, "the last value is lost");
  for (i = 0; i < PINS; i++) {
    lab_check(memcmp(views[i].bytes, &(uint32_t){100 + i}, 4) == 0,
              "what is pinned was overwritten");
    uvshm__cell_unpin(&cell, views[i].pin);
  }
  for (i = 1; i < cell.buffers_max; i++)
    world_ok(uvshm__cell_claim_try(&cell, &index), "claim");
  lab_check(uvshm__cell_claim_try(&cell, &index) == UV_EAGAIN,
            "the latest value was claimed");
  uvshm__cell_forget(
      world_core(&l->world, WORLD_SECOND), WORLD_SECOND, cell_body(l));
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;
  uint64_t version;
  uint32_t number;

  world_verify(&l->world);
  number = get(&l->cell, &version);
  lab_check(number == l->first + done || number == l->first + done + 1,
            "the value is %u after %u writes",
            (unsigned int) number,
            (unsigned int) done);
  lab_check(number <= l->first + l->writes, "a value that nobody wrote");
  lab_check(version == number - l->first + (l->first != 0),
            "version %u of value %u",
            (unsigned int) version,
            (unsigned int) number);
  lab_check(world_blocks(&l->world) == l->blocks, "a block is lost");
  verify_life(l);
}


static void verify_brief(void* world, uint32_t done) {
  struct lab* l = world;

  (void) uvshm__directory_remove(
      world_core(&l->world, WORLD_SECOND), "brief", 5);
  verify(world, done);
}


/* It is there with its value, or nothing of it is. */
static void verify_removed(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__directory_ref ref;
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  uint64_t version;

  world_verify(&l->world);
  if (uvshm__directory_find(core, "cell", 4, &ref) == 0) {
    lab_check(done == 0, "it is still there");
    lab_check(get(&l->cell, &version) == l->first, "its value is lost");
    world_ok(uvshm__directory_remove(core, "cell", 4), "remove");
  }
  uvshm__directory_settle(core, l->ref.index);
  lab_check(world_blocks(&l->world) == l->blocks - 1, "its block is lost");
}


/* Meanwhile, without a pin. */
static void read_value(void* world) {
  struct lab* l = world;
  uint64_t version;
  uint32_t number = get(&l->cell, &version);

  lab_check(number >= l->first && number <= l->first + l->writes,
            "a reader gets %u",
            (unsigned int) number);
  lab_check(version == number - l->first + (l->first != 0),
            "a reader gets version %u with value %u",
            (unsigned int) version,
            (unsigned int) number);
}


#define CASE(name, start, run, is_well, read)                                  \
 WORLD_CASE(name, &lab, start, run, is_well, read)

CASE(write_the_first_value, build_empty, op_write, verify, read_value)
CASE(write_another_value, build_one, op_write, verify, read_value)
CASE(write_many_values, build_many, op_write, verify, read_value)
CASE(write_in_place, build_one, op_claim, verify, read_value)
CASE(look_in_place, build_none, op_look, verify, read_value)
CASE(make_a_cell, build_none, op_make, verify_brief, read_value)
CASE(remove_the_cell, build_last, op_remove, verify_removed, NULL)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(write_the_first_value),
      cmocka_unit_test(write_another_value),
      cmocka_unit_test(write_many_values),
      cmocka_unit_test(write_in_place),
      cmocka_unit_test(look_in_place),
      cmocka_unit_test(make_a_cell),
      cmocka_unit_test(remove_the_cell),
  };

  return cmocka_run_group_tests_name("crash-cell", tests, NULL, NULL);
}
