/* SPDX-License-Identifier: MIT */

/* A death at every store of transactions: what they guard is as before or as
 * after, the next owner is told, blocks are neither lost nor given away. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/directory.h"
#include "core/heap.h"
#include "core/lock.h"
#include "core/reap.h"
#include "core/txn.h"
#include "lab/lab.h"
#include "lab/world.h"
#include "uvshm/flags.h"

#include <stdio.h>
#include <string.h>

#define LOG_SIZE 512u
#define WORDS 12u

/* What the transactions guard. All the words of one generation; the slot names
 * a block with the same number in it. */
struct ledger {
  uvshm__a64_t words[WORDS];
  uvshm__a64_t slot;
};

struct lab {
  struct world world;
  struct uvshm__directory_ref ref;
  uint64_t ledger; /* offset */
  uint64_t blocks; /* that are allocated, at rest */
  uint64_t log;
  uint64_t capacity;
  uint32_t news; /* the word was, when the actor died: 1 his, 0 not */
};

static struct lab lab;


static struct uvshm__lock* lock_of(struct lab* l) {
  return uvshm__directory_body(world_core(&l->world, WORLD_BYSTANDER),
                               l->ref.index);
}


static uvshm__a64_t* at(struct lab* l, uint64_t offset) {
  return (uvshm__a64_t*) (void*) (world_core(&l->world, WORLD_BYSTANDER)->base +
                                  offset);
}


static struct ledger* ledger_of(struct lab* l) {
  return (struct ledger*) (void*) at(l, l->ledger);
}


static uint64_t offset_of(struct lab* l, const void* address) {
  return (uint64_t) ((const unsigned char*) address -
                     world_core(&l->world, WORLD_BYSTANDER)->base);
}


/* ---- the start ----------------------------------------------------------- */

static uint64_t new_block(struct uvshm__lane* lane,
                          uint64_t size,
                          uint32_t own) {
  uint64_t block = 0;

  world_ok(uvshm__heap_alloc(lane, size, 0, own, &block), "alloc");
  return block;
}


static void make_mutex(struct uvshm__lane* lane,
                       const char* name,
                       struct uvshm__directory_ref* ref) {
  unsigned char body[UVSHM__ENTRY_BODY] = {0};
  struct uvshm__directory_spec spec = {
      name, 0, UVSHM__TYPE_MUTEX, 0, body, {0}};
  struct uvshm__lock* lock = (struct uvshm__lock*) (void*) body;
  uint64_t block = 0;
  int made = 0;

  world_ok(
      uvshm__heap_alloc(lane, LOG_SIZE, 0, uvshm__heap_me(lane->core), &block),
      "alloc");
  spec.name_size = (uint32_t) strlen(name);
  spec.blocks[0] = block;
  uvshm__lock_format(lock, 0);
  lock->undo.value = uvshm__txn_undo(block, LOG_SIZE);
  world_ok(uvshm__directory_make(lane, &spec, 100, ref, &made), "make");
}


static void furnish(struct lab* l) {
  struct uvshm__lane* lane = &l->world.bystander;
  uint64_t block;
  uint32_t i;

  world_build(&l->world, 1 << 16, 1 << 21);
  make_mutex(lane, "till", &l->ref);
  world_ok(
      uvshm__directory_open(world_core(&l->world, WORLD_BYSTANDER), &l->ref),
      "open");
  world_ok(!uvshm__txn_locate(lane->core, lock_of(l), &l->log, &l->capacity),
           "locate");
  l->ledger = new_block(lane, sizeof(struct ledger), UVSHM__OWN_SHARED);
  block = new_block(lane, 64, UVSHM__OWN_SHARED);
  for (i = 0; i < WORDS; i++)
    uvshm__a64_store_relaxed(&ledger_of(l)->words[i], 1);
  uvshm__a64_store_relaxed(&ledger_of(l)->slot, block);
  uvshm__a64_store_relaxed(at(l, block), 1);
  l->blocks = world_blocks(&l->world);
}


static void ready(struct lab* l) {
  world_ready(&l->world);
  lab_private(l, sizeof(*l));
}


static void build(void* world) {
  furnish(world);
  ready(world);
}

/* ---- what the actor does ------------------------------------------------- */

static struct uvshm__txn begin(struct lab* l) {
  struct uvshm__lane* lane = &l->world.actor;
  struct uvshm__txn txn;

  world_ok(uvshm__lock_acquire(lane, lock_of(l), 0, 0, NULL), "lock");
  uvshm__txn_begin(&txn, lane, lock_of(l), l->log, l->capacity);
  return txn;
}


static void unlock(struct lab* l) {
  world_ok(uvshm__lock_release(&l->world.actor, lock_of(l)), "unlock");
}


static void commit(struct lab* l, struct uvshm__txn* txn) {
  world_ok(uvshm__txn_commit(txn), "commit");
  lab_done();
  unlock(l);
}


static void rollback(struct lab* l, struct uvshm__txn* txn) {
  world_ok(uvshm__txn_abort(txn), "abort");
  unlock(l);
}


/* The words, in several saves of different sizes, the first of them twice. */
static void change_words(struct lab* l,
                         struct uvshm__txn* txn,
                         uint64_t value) {
  struct ledger* ledger = ledger_of(l);
  uint32_t sizes[] = {1, 3, 8};
  uint32_t i;
  uint32_t k;

  world_ok(uvshm__txn_save(txn, l->ledger, 8), "save");
  uvshm__a64_store_relaxed(&ledger->words[0], 77);
  for (i = 0, k = 0; k < 3; i += sizes[k++])
    world_ok(uvshm__txn_save(txn, l->ledger + i * 8, sizes[k] * 8), "save");
  for (i = 0; i < WORDS; i++)
    uvshm__a64_store_relaxed(&ledger->words[i], value);
}


/* Another block for the slot; the old one is freed. */
static void change_block(struct lab* l,
                         struct uvshm__txn* txn,
                         uint64_t value) {
  struct ledger* ledger = ledger_of(l);
  uint64_t slot = offset_of(l, &ledger->slot);
  uint64_t old = uvshm__a64_load_relaxed(&ledger->slot);
  uint64_t fresh = 0;

  world_ok(uvshm__txn_alloc(txn, 64, &fresh), "alloc");
  uvshm__a64_store_relaxed(at(l, fresh), value);
  world_ok(uvshm__txn_save(txn, slot, 8), "save");
  uvshm__a64_store_relaxed(&ledger->slot, fresh);
  world_ok(uvshm__txn_free(txn, old), "free");
}


static void op_commit(void* world) {
  struct uvshm__txn txn = begin(world);
  uint64_t old = uvshm__a64_load_relaxed(&ledger_of(world)->slot);

  change_words(world, &txn, 2);
  world_ok(uvshm__txn_save(&txn, old, 8), "save");
  uvshm__a64_store_relaxed(at(world, old), 2);
  commit(world, &txn);
}


static void op_abort(void* world) {
  struct uvshm__txn txn = begin(world);

  change_words(world, &txn, 2);
  rollback(world, &txn);
}


static void op_blocks(void* world) {
  struct uvshm__txn txn = begin(world);

  change_words(world, &txn, 2);
  change_block(world, &txn, 2);
  commit(world, &txn);
}


static void op_blocks_abort(void* world) {
  struct uvshm__txn txn = begin(world);

  change_block(world, &txn, 2);
  change_words(world, &txn, 2);
  rollback(world, &txn);
}


/* A block that was the process's own before; one that comes and goes; one that
 * is freed and was published in the same transaction. */
static void op_publish(void* world) {
  struct lab* l = world;
  struct uvshm__lane* lane = &l->world.actor;
  uint64_t slot = offset_of(l, &ledger_of(l)->slot);
  uint64_t old = uvshm__a64_load_relaxed(&ledger_of(l)->slot);
  uint64_t first = new_block(lane, 64, uvshm__heap_me(lane->core));
  uint64_t second = new_block(lane, 64, uvshm__heap_me(lane->core));
  struct uvshm__txn txn;
  uint64_t brief = 0;

  uvshm__a64_store_relaxed(at(l, second), 2);
  txn = begin(l);
  world_ok(uvshm__txn_publish(&txn, slot, first), "publish");
  world_ok(uvshm__txn_alloc(&txn, 5000, &brief), "alloc");
  world_ok(uvshm__txn_free(&txn, old), "free");
  world_ok(uvshm__txn_free(&txn, brief), "free");
  world_ok(uvshm__txn_publish(&txn, slot, second), "publish");
  world_ok(uvshm__txn_free(&txn, first), "free");
  change_words(l, &txn, 2);
  commit(l, &txn);
}


static void op_two_and_a_full_log(void* world) {
  struct lab* l = world;
  struct uvshm__txn txn = begin(world);
  int err = 0;

  change_words(l, &txn, 2);
  change_block(l, &txn, 2);
  commit(l, &txn);
  txn = begin(l);
  change_block(l, &txn, 9);
  while (err == 0) {
    err = uvshm__txn_save(&txn, l->ledger, sizeof(struct ledger));
    if (err == 0) uvshm__a64_store_relaxed(&ledger_of(l)->words[3], 5);
  }
  lab_check(err == UV_ENOSPC, "a full log says %d", err);
  rollback(l, &txn);
}


static void op_thread_ends(void* world) {
  struct lab* l = world;
  struct uvshm__txn txn = begin(l);

  change_words(l, &txn, 2);
  change_block(l, &txn, 2);
  uvshm__lane_exit(&l->world.actor);
}


static void op_handle_closes(void* world) {
  struct lab* l = world;
  struct uvshm__txn txn = begin(l);

  change_words(l, &txn, 2);
  world_ok(uvshm__lock_abandon(&l->world.actor, lock_of(l)), "abandon");
}


static void op_make_and_remove(void* world) {
  struct lab* l = world;
  struct uvshm__core* core = world_core(&l->world, WORLD_ACTOR);
  struct uvshm__directory_ref ref;

  make_mutex(&l->world.actor, "brief", &ref);
  world_ok(uvshm__directory_open(core, &ref), "open");
  world_ok(uvshm__directory_remove(core, "brief", 5), "remove");
  uvshm__directory_close(core, ref.index);
}


/* Somebody else died in the middle; the actor meets his lock. */
static void die_earlier(struct lab* l) {
  struct uvshm__lane* lane = &l->world.earlier;
  struct uvshm__txn txn;

  furnish(l);
  world_join_earlier(&l->world);
  world_ok(uvshm__lock_acquire(lane, lock_of(l), 0, 0, NULL), "lock");
  uvshm__txn_begin(&txn, lane, lock_of(l), l->log, l->capacity);
  change_words(l, &txn, 2);
  change_block(l, &txn, 2);
  fake_kill(&l->world.fake.peers[WORLD_EARLIER]);
}


static void build_after_death(void* world) {
  die_earlier(world);
  ready(world);
}


/* He had committed. */
static void build_after_late_death(void* world) {
  die_earlier(world);
  uvshm__a64_or(&lock_of(world)->undo_n, UVSHM__TXN_COMMITTED);
  ready(world);
}


static void op_meet_the_dead(void* world) {
  struct lab* l = world;

  world_ok(uvshm__lock_acquire(&l->world.actor, lock_of(l), 0, 0, NULL),
           "lock");
  unlock(l);
}

/* ---- afterwards ---------------------------------------------------------- */

static void die(void* world, enum lab_who who) {
  struct lab* l = world;
  uint32_t word = uvshm__a32_load_relaxed(&lock_of(l)->word);

  if (who == LAB_ACTOR)
    l->news = (word & UVSHM__LOCK_NAME) == l->world.actor.name ||
              (word & UVSHM__LOCK_DIED) != 0;
  world_die(world, who);
}


/* Everything is of one generation: that before, or that after. */
static uint64_t verify_content(struct lab* l) {
  struct ledger* ledger = ledger_of(l);
  uint64_t value = uvshm__a64_load_relaxed(&ledger->words[0]);
  uint64_t block = uvshm__a64_load_relaxed(&ledger->slot);
  struct uvshm__heap_block found;
  uint32_t i;

  for (i = 0; i < WORDS; i++)
    lab_check(uvshm__a64_load_relaxed(&ledger->words[i]) == value,
              "word %u is not as word 0",
              (unsigned int) i);
  lab_check(
      uvshm__heap_find(world_core(&l->world, WORLD_SECOND), block, &found) == 0,
      "the slot names no block");
  lab_check(found.own == UVSHM__OWN_SHARED,
            "the block that the slot names is owned by %u",
            (unsigned int) found.own);
  lab_check(uvshm__a64_load_relaxed(at(l, block)) == value,
            "the block says %u, the words %u",
            (unsigned int) uvshm__a64_load_relaxed(at(l, block)),
            (unsigned int) value);
  return value;
}


/* Life goes on: a transaction by somebody else, with blocks. */
static void verify_life(struct lab* l) {
  struct uvshm__core* core = world_core(&l->world, WORLD_SECOND);
  struct uvshm__lane lane;
  struct uvshm__txn txn;
  int news;

  world_ok(uvshm__lane_claim(core, &lane), "lane");
  news = uvshm__lock_acquire(&lane, lock_of(l), 0, 0, NULL);
  world_ok(news, "lock");
  lab_check(!l->news || news == UVSHM_OWNER_DIED, "a death was not told");
  uvshm__txn_begin(&txn, &lane, lock_of(l), l->log, l->capacity);
  change_words(l, &txn, 8);
  change_block(l, &txn, 8);
  world_ok(uvshm__txn_commit(&txn), "commit");
  world_ok(uvshm__lock_release(&lane, lock_of(l)), "unlock");
  uvshm__lane_exit(&lane);
  lab_check(verify_content(l) == 8, "the next transaction did not happen");
  lab_check(world_blocks(&l->world) == l->blocks, "its blocks are not right");
}


static void verify(void* world, uint32_t done) {
  struct lab* l = world;
  uint64_t value;

  world_verify(&l->world);
  value = verify_content(l);
  lab_check(value == 2 || (value == 1 && done == 0),
            "generation %u after %u commits",
            (unsigned int) value,
            (unsigned int) done);
  lab_check(world_blocks(&l->world) == l->blocks,
            "%d blocks are too many",
            (int) (world_blocks(&l->world) - l->blocks));
  verify_life(l);
}


/* It may be there, and goes now if it is. */
static void verify_brief(void* world, uint32_t done) {
  struct lab* l = world;

  (void) uvshm__directory_remove(
      world_core(&l->world, WORLD_SECOND), "brief", 5);
  lab_check(verify_content(world) == 1, "what was not committed is there");
  verify(world, done);
}


/* Of operations that commit nothing. */
static void verify_unchanged(void* world, uint32_t done) {
  lab_check(verify_content(world) == 1, "what was not committed is there");
  verify(world, done);
}


static void verify_late(void* world, uint32_t done) {
  struct lab* l = world;

  (void) done;
  world_verify(&l->world);
  lab_check(verify_content(l) == 2, "what was committed is not there");
  lab_check(world_blocks(&l->world) == l->blocks, "a block too many, or lost");
}


static void prove(const char* name,
                  void (*start)(void*),
                  void (*run)(void*),
                  void (*is_well)(void*, uint32_t)) {
  struct lab_case op = {
      name, start, run, die, world_repair, is_well, NULL, world_end};

  lab_prove(&op, &lab);
}


#define CASE(name, start, run, is_well)                                        \
 static void name(void** state) {                                              \
  (void) state;                                                                \
  prove(#name, start, run, is_well);                                           \
 }

CASE(commit_is_whole, build, op_commit, verify)
CASE(abort_leaves_nothing, build, op_abort, verify_unchanged)
CASE(commit_with_blocks_is_whole, build, op_blocks, verify)
CASE(abort_with_blocks_leaves_nothing, build, op_blocks_abort, verify_unchanged)
CASE(published_blocks_come_with_the_commit, build, op_publish, verify)
CASE(full_log_can_be_taken_back, build, op_two_and_a_full_log, verify)
CASE(thread_that_ends_is_taken_back, build, op_thread_ends, verify_unchanged)
CASE(closed_handle_is_taken_back, build, op_handle_closes, verify_unchanged)
CASE(mutex_and_log_come_and_go_together,
     build,
     op_make_and_remove,
     verify_brief)
CASE(dead_owner_is_taken_back,
     build_after_death,
     op_meet_the_dead,
     verify_unchanged)
CASE(dead_owner_who_committed_is_finished,
     build_after_late_death,
     op_meet_the_dead,
     verify_late)


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commit_is_whole),
      cmocka_unit_test(abort_leaves_nothing),
      cmocka_unit_test(commit_with_blocks_is_whole),
      cmocka_unit_test(abort_with_blocks_leaves_nothing),
      cmocka_unit_test(published_blocks_come_with_the_commit),
      cmocka_unit_test(full_log_can_be_taken_back),
      cmocka_unit_test(thread_that_ends_is_taken_back),
      cmocka_unit_test(closed_handle_is_taken_back),
      cmocka_unit_test(mutex_and_log_come_and_go_together),
      cmocka_unit_test(dead_owner_is_taken_back),
      cmocka_unit_test(dead_owner_who_committed_is_finished),
  };

  return cmocka_run_group_tests_name("crash-txn", tests, NULL, NULL);
}
