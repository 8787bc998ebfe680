/* SPDX-License-Identifier: MIT */

/* A death at every store of the heap: a block that was being allocated is gone
 * or is somebody's, one that was being freed is free or still there, what is
 * linked is shared and what is shared is linked, and all memory can be had. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "lab/lab.h"
#include "lab/world.h"

#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (UINT64_C(1) << 20)
#define KEPT 3u

struct lab;

/* An operation from a start state. */
struct scenario {
  const char* name;
  uint64_t size;
  uint64_t max_size;
  void (*prepare)(struct lab* l);
  void (*operate)(struct lab* l);
  uint64_t large; /* can be had when all else is freed */
  /* How many shared blocks there may be more afterwards. */
  int32_t least;
  int32_t most;
};

struct lab {
  struct world world;
  const struct scenario* scenario;
  uint64_t kept[KEPT]; /* shared; whatever dies, they are there */
  uint64_t block;      /* what the operation is about */
  uint64_t other;
  uint64_t slot;    /* a word for publishing, in kept[0] */
  uint64_t base;    /* shared blocks before the operation */
  uint32_t linking; /* the operation publishes */
};

static struct lab lab;


static struct uvshm__core* core_of(struct lab* l) {
  return world_core(&l->world, WORLD_SECOND);
}


static uint64_t get(struct uvshm__lane* lane, uint64_t size, uint32_t own) {
  uint64_t ref = 0;

  world_ok(uvshm__heap_alloc(lane, size, 0, own, &ref), "alloc");
  return ref;
}


static uint64_t get_shared(struct lab* l, uint64_t size) {
  return get(&l->world.bystander, size, UVSHM__OWN_SHARED);
}


static uint64_t get_own(struct lab* l, uint64_t size) {
  return get(&l->world.actor, size, uvshm__heap_me(l->world.actor.core));
}


static void put(struct lab* l, uint64_t ref) {
  world_ok(uvshm__heap_free(&l->world.bystander, ref), "free");
}


static uvshm__a64_t* word_at(struct lab* l, uint64_t ref) {
  return (uvshm__a64_t*) uvshm__heap_at(core_of(l), ref, 8);
}


static uint64_t shared_blocks(struct lab* l) {
  struct uvshm__heap_facts facts;

  uvshm__heap_read(core_of(l), &facts);
  return facts.blocks - facts.blocks_private;
}

/* ---- start states -------------------------------------------------------- */

static void prepare_nothing(struct lab* l) {
  (void) l;
}


/* As many small blocks as make the next one need another span. */
static void prepare_full_span(struct lab* l) {
  uint32_t i;

  for (i = 0; i < 65536 / 21824; i++) (void) get_shared(l, 21824);
}


/* Spans without blocks, of another size, and too few others for a large run. */
static void prepare_empty_spans(struct lab* l) {
  uint64_t refs[8];
  uint32_t i;

  for (i = 0; i < 8; i++) refs[i] = get_shared(l, 32768);
  for (i = 0; i < 8; i++) put(l, refs[i]);
}


/* The same with a span for all sizes. */
static void prepare_empty_mixed(struct lab* l) {
  uint32_t i;
  uint64_t ref;

  for (i = 0; i < 3; i++) (void) get_shared(l, 20000);
  ref = get_shared(l, 4000);
  (void) get_shared(l, 100);
  put(l, get_shared(l, 700));
  put(l, ref);
}


static void prepare_own_small(struct lab* l) {
  l->block = get_own(l, 100);
}


static void prepare_own_run(struct lab* l) {
  l->block = get_own(l, 150 * KIB);
}


static void prepare_own_huge(struct lab* l) {
  l->block = get_own(l, 2 * MIB + 1);
}


static void prepare_shared_small(struct lab* l) {
  l->block = get_shared(l, 100);
}


static void prepare_shared_run(struct lab* l) {
  l->block = get_shared(l, 150 * KIB);
}


static void prepare_shared_huge(struct lab* l) {
  l->block = get_shared(l, 2 * MIB + 1);
}


/* Its bytes look like owners, and nothing is free before it. */
static void prepare_freed_huge(struct lab* l) {
  uint64_t ref = get_shared(l, 2 * MIB + 1);
  unsigned char* bytes = uvshm__heap_at(core_of(l), ref, 4 * KIB);
  uint32_t i;

  memset(bytes + 2 * KIB, 0x11, 64);
  for (i = 0; i < 31; i++) (void) get_shared(l, 64 * KIB);
  put(l, ref);
}


/* A mixed span with freed blocks of another size in it. */
static void prepare_gaps(struct lab* l) {
  uint64_t first = get_shared(l, 300);
  uint64_t second = get_shared(l, 100);
  uint64_t third = get_shared(l, 500);

  (void) get_shared(l, 64);
  put(l, first);
  put(l, third);
  put(l, second);
}


static void prepare_unlinked(struct lab* l) {
  l->linking = 1;
  l->block = get_own(l, 100);
}


static void prepare_linked(struct lab* l) {
  uint64_t old;

  prepare_unlinked(l);
  l->other =
      get(&l->world.bystander, 100, uvshm__heap_me(l->world.bystander.core));
  world_ok(uvshm__heap_publish(&l->world.bystander, l->slot, l->other, &old),
           "publish");
}


/* Zones that had runs, and could be part of a huge block. */
static void prepare_small_zones(struct lab* l) {
  uint64_t first = get_shared(l, 1900 * KIB);
  uint64_t second = get_shared(l, 1900 * KIB);

  put(l, first);
  put(l, second);
}


/* Somebody died with memory in his hands, which is all there was. */
static void prepare_death(struct lab* l) {
  struct uvshm__lane* lane = &l->world.earlier;
  uint64_t ref;

  world_join_earlier(&l->world);
  while (uvshm__heap_alloc(lane, 20000, 0, uvshm__heap_me(lane->core), &ref) ==
         0) {
  }
  fake_kill(&l->world.fake.peers[WORLD_EARLIER]);
}

/* ---- operations ---------------------------------------------------------- */

static void alloc_small(struct lab* l) {
  (void) get_own(l, 100);
}


static void alloc_medium(struct lab* l) {
  (void) get_own(l, 21824);
}


static void alloc_shared(struct lab* l) {
  (void) get(&l->world.actor, 100, UVSHM__OWN_SHARED);
}


static void alloc_run(struct lab* l) {
  (void) get_own(l, 150 * KIB);
}


static void alloc_shared_run(struct lab* l) {
  (void) get(&l->world.actor, 150 * KIB, UVSHM__OWN_SHARED);
}


static void alloc_large_run(struct lab* l) {
  (void) get_own(l, 640 * KIB);
}


static void alloc_span(struct lab* l) {
  (void) get_own(l, 64 * KIB);
}


static void alloc_huge(struct lab* l) {
  (void) get_own(l, 2 * MIB + 1);
}


static void alloc_several(struct lab* l) {
  static const uint64_t sizes[] = {64, 700, 64, 40000, 9000, 100 * KIB, 64};
  uint64_t refs[7];
  uint32_t i;

  for (i = 0; i < 7; i++) refs[i] = get_own(l, sizes[i]);
  for (i = 0; i < 7; i++)
    world_ok(uvshm__heap_free(&l->world.actor, refs[(i * 3) % 7]), "free");
}


static void free_own(struct lab* l) {
  world_ok(uvshm__heap_free(&l->world.actor, l->block), "free");
}


static void free_shared(struct lab* l) {
  world_ok(uvshm__heap_free_checked(&l->world.actor, l->block), "free");
}


static void publish(struct lab* l) {
  uint64_t old;

  world_ok(uvshm__heap_publish(&l->world.actor, l->slot, l->block, &old),
           "publish");
  if (old != 0) world_ok(uvshm__heap_free(&l->world.actor, old), "free");
}


static void take_out(struct lab* l) {
  uint64_t old;

  world_ok(uvshm__heap_publish(&l->world.actor, l->slot, 0, &old), "publish");
  world_ok(uvshm__heap_free(&l->world.actor, old), "free");
}

/* ---- the lab ------------------------------------------------------------- */

/* As fake.c does it, but the lab sees the store. */
static int grow(void* arg, uint64_t to) {
  struct fake* fake = ((struct fake_peer*) arg)->fake;
  struct uvshm__header* header = (struct uvshm__header*) (void*) fake->memory;

  if (to > fake->memory_size) return UV_ENOSPC;
  if (uvshm__a64_load_acquire(&header->committed) < to)
    uvshm__a64_store_release(&header->committed, to);
  return 0;
}


static void build(void* world) {
  struct lab* l = world;
  const struct scenario* scenario = l->scenario;
  uint32_t i;

  memset(l, 0, sizeof(*l));
  l->scenario = scenario;
  world_build(&l->world, scenario->size, scenario->max_size);
  l->world.fake.env.grow = grow;
  for (i = 0; i < KEPT; i++) {
    l->kept[i] = get_shared(l, 64 + 64 * i);
    memset(uvshm__heap_at(core_of(l), l->kept[i], 64), 0, 64);
    uvshm__a64_store_relaxed(word_at(l, l->kept[i]), 1000 + i);
  }
  l->slot = l->kept[0] + 8;
  scenario->prepare(l);
  l->base = shared_blocks(l);
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}


static void run(void* world) {
  struct lab* l = world;

  l->scenario->operate(l);
}


static void verify_links(struct lab* l) {
  uint64_t linked = uvshm__a64_load_relaxed(word_at(l, l->slot));
  uint64_t refs[2];
  uint32_t i;
  uint32_t own;

  refs[0] = l->block;
  refs[1] = l->other;
  for (i = 0; i < 2; i++) {
    if (refs[i] == 0) continue;
    own = uvshm__heap_holds(core_of(l), refs[i], 1);
    lab_check((linked == refs[i]) == (own == UVSHM__OWN_SHARED),
              "block %u: linked %u, owner %u",
              (unsigned int) i,
              (unsigned int) (linked == refs[i]),
              (unsigned int) own);
  }
}


/* Everything that is not kept can be had in one piece after it was had in
 * small ones. */
static void verify_life(struct lab* l) {
  struct uvshm__lane lane;
  uint64_t ref = 0;
  uint32_t i;

  world_ok(uvshm__lane_claim(core_of(l), &lane), "lane");
  for (i = 0; i < 6; i++) {
    uint64_t size = 64 + 4000 * (uint64_t) (i % 3);

    world_ok(
        uvshm__heap_alloc(&lane, size, 0, uvshm__heap_me(core_of(l)), &ref),
        "alloc afterwards");
    memset(uvshm__heap_at(core_of(l), ref, size), 255, 64);
    world_ok(uvshm__heap_free(&lane, ref), "free afterwards");
  }
  if (l->scenario->large != 0) {
    world_ok(
        uvshm__heap_alloc(
            &lane, l->scenario->large, 0, uvshm__heap_me(core_of(l)), &ref),
        "a large block afterwards");
    world_ok(uvshm__heap_free(&lane, ref), "free afterwards");
  }
  uvshm__lane_exit(&lane);
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;
  struct uvshm__heap_facts facts;
  int64_t change;
  uint32_t i;

  (void) done;
  world_verify(&l->world);
  uvshm__heap_read(core_of(l), &facts);
  lab_check(facts.blocks_private == 0,
            "%u blocks belong to the dead",
            (unsigned int) facts.blocks_private);
  change = (int64_t) (facts.blocks - l->base);
  lab_check(change >= l->scenario->least && change <= l->scenario->most,
            "%u blocks, before it were %u",
            (unsigned int) facts.blocks,
            (unsigned int) l->base);
  if (l->linking) verify_links(l);
  verify_life(l);
  for (i = 0; i < KEPT; i++) {
    lab_check(
        uvshm__heap_holds(core_of(l), l->kept[i], 64) == UVSHM__OWN_SHARED,
        "kept block %u is not there",
        (unsigned int) i);
    lab_check(uvshm__a64_load_relaxed(word_at(l, l->kept[i])) == 1000 + i,
              "kept block %u was overwritten",
              (unsigned int) i);
  }
  world_ok(uvshm__heap_check(core_of(l)), "check");
}


static const struct scenario scenarios[] = {
    {"alloc, small heap",
     64 * KIB,
     64 * KIB,
     prepare_nothing,
     alloc_small,
     0,
     0,
     0},
    {"alloc in gaps", 64 * KIB, 64 * KIB, prepare_gaps, alloc_small, 0, 0, 0},
    {"alloc", 2 * MIB, 2 * MIB, prepare_nothing, alloc_small, MIB, 0, 0},
    {"alloc, next span",
     2 * MIB,
     2 * MIB,
     prepare_full_span,
     alloc_medium,
     0,
     0,
     0},
    {"alloc shared",
     2 * MIB,
     2 * MIB,
     prepare_nothing,
     alloc_shared,
     MIB,
     0,
     1},
    {"alloc, growing",
     64 * KIB,
     3 * MIB,
     prepare_full_span,
     alloc_medium,
     MIB,
     0,
     0},
    {"alloc, reclaiming",
     MIB,
     MIB,
     prepare_empty_spans,
     alloc_large_run,
     300 * KIB,
     0,
     0},
    {"alloc, reclaiming all sizes",
     192 * KIB,
     192 * KIB,
     prepare_empty_mixed,
     alloc_span,
     0,
     0,
     0},
    {"alloc run", 2 * MIB, 2 * MIB, prepare_nothing, alloc_run, MIB, 0, 0},
    {"alloc run, growing",
     64 * KIB,
     3 * MIB,
     prepare_nothing,
     alloc_run,
     MIB,
     0,
     0},
    {"alloc run shared",
     2 * MIB,
     2 * MIB,
     prepare_nothing,
     alloc_shared_run,
     0,
     0,
     1},
    {"alloc huge",
     9 * MIB,
     9 * MIB,
     prepare_nothing,
     alloc_huge,
     4 * MIB,
     0,
     0},
    {"alloc huge, growing",
     64 * KIB,
     9 * MIB,
     prepare_nothing,
     alloc_huge,
     0,
     0,
     0},
    {"alloc huge, once more",
     9 * MIB,
     9 * MIB,
     prepare_freed_huge,
     alloc_huge,
     4 * MIB,
     0,
     0},
    {"alloc in a former huge",
     7 * MIB,
     7 * MIB,
     prepare_freed_huge,
     alloc_several,
     0,
     0,
     0},
    {"alloc, reaping",
     192 * KIB,
     192 * KIB,
     prepare_death,
     alloc_span,
     0,
     0,
     0},
    {"alloc huge, closing zones",
     6 * MIB,
     6 * MIB,
     prepare_small_zones,
     alloc_huge,
     3 * MIB,
     0,
     0},
    {"several", 2 * MIB, 2 * MIB, prepare_nothing, alloc_several, MIB, 0, 0},
    {"several, small heap",
     512 * KIB,
     512 * KIB,
     prepare_gaps,
     alloc_several,
     0,
     0,
     0},
    {"free", 2 * MIB, 2 * MIB, prepare_own_small, free_own, MIB, 0, 0},
    {"free run", 2 * MIB, 2 * MIB, prepare_own_run, free_own, MIB, 0, 0},
    {"free huge", 9 * MIB, 9 * MIB, prepare_own_huge, free_own, 4 * MIB, 0, 0},
    {"free, small heap",
     64 * KIB,
     64 * KIB,
     prepare_own_small,
     free_own,
     0,
     0,
     0},
    {"free shared",
     2 * MIB,
     2 * MIB,
     prepare_shared_small,
     free_shared,
     MIB,
     -1,
     0},
    {"free shared run",
     2 * MIB,
     2 * MIB,
     prepare_shared_run,
     free_shared,
     0,
     -1,
     0},
    {"free shared huge",
     9 * MIB,
     9 * MIB,
     prepare_shared_huge,
     free_shared,
     0,
     -1,
     0},
    {"publish", 2 * MIB, 2 * MIB, prepare_unlinked, publish, MIB, 0, 1},
    {"publish, replacing",
     2 * MIB,
     2 * MIB,
     prepare_linked,
     publish,
     MIB,
     0,
     0},
    {"publish, small heap",
     64 * KIB,
     64 * KIB,
     prepare_linked,
     publish,
     0,
     0,
     0},
    {"take out", 2 * MIB, 2 * MIB, prepare_linked, take_out, MIB, -1, 0},
};


static void prove(const char* prefix) {
  struct lab_case op = {
      NULL, build, run, world_die, world_repair, verify, NULL, world_end};
  size_t i;

  for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
    if (strncmp(scenarios[i].name, prefix, strlen(prefix)) != 0) continue;
    memset(&lab, 0, sizeof(lab));
    lab.scenario = &scenarios[i];
    op.name = scenarios[i].name;
    lab_prove(&op, &lab);
  }
}


static void allocating(void** state) {
  (void) state;
  prove("alloc");
}


static void allocating_and_freeing(void** state) {
  (void) state;
  prove("several");
}


static void freeing(void** state) {
  (void) state;
  prove("free");
}


static void publishing(void** state) {
  (void) state;
  prove("publish");
  prove("take out");
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(allocating),
      cmocka_unit_test(allocating_and_freeing),
      cmocka_unit_test(freeing),
      cmocka_unit_test(publishing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
