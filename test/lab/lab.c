/* SPDX-License-Identifier: MIT */

/* The rounds of the lab. Everything here stands on the journal: a state is
 * reached by doing the actor's stores again up to there, and a trial is taken
 * back store by store.
 */

#include "lab.h"

#include "journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 16

/* Loads and stores of one trial after which it is called endless. */
#define TRIAL_LIMIT 20000000u

/* Readers to be tried in one case, about. */
#define READS_MAX 100000u

/* Up to this size every trial is checked for stores that nobody saw; of a
 * larger image every 64th. */
#define SMALL_IMAGE 262144u

struct piece {
  unsigned char* memory;
  unsigned char* copies[2]; /* before any death; when the actor is dead */
  size_t size;
};

/* Keys that were there, none of them 0. */
struct set {
  uint64_t* keys;
  size_t count;
  size_t room; /* a power of two */
};

static struct {
  const struct lab_case* op;
  void* world;
  struct lab_result* result;
  size_t size;
  struct piece pieces[PIECES_MAX];
  uint32_t pieces_count;
  const struct lab_step* ahead; /* what the memory becomes under a reader */
  size_t ahead_count;
  uint64_t trials;
  uint64_t at_actor; /* where the deaths are, for sentences */
  int64_t at_repairer;
  int in_trial;
  int once; /* one that is wrong is enough */
  jmp_buf out;
  char why[256];
} lab;

/* ---- small things -------------------------------------------------------- */

static void* must(void* memory) {
  if (memory != NULL) return memory;
  fprintf(stderr, "lab: no memory\n");
  abort();
}


static void broken(const char* what, int64_t where) {
  fprintf(
      stderr, "lab: %s: %s (%lld)\n", lab.op->name, what, (long long) where);
  abort();
}


static void set_grow(struct set* set);


/* 1: it is new. */
static int set_add(struct set* set, uint64_t key) {
  size_t i;

  if (2 * set->count >= set->room) set_grow(set);
  key |= key == 0;
  for (i = (size_t) key & (set->room - 1); set->keys[i] != 0;
       i = (i + 1) & (set->room - 1))
    if (set->keys[i] == key) return 0;
  set->keys[i] = key;
  set->count++;
  return 1;
}


static void set_grow(struct set* set) {
  struct set larger;
  size_t i;

  larger.count = 0;
  larger.room = set->room == 0 ? 1024 : 2 * set->room;
  larger.keys = must(calloc(larger.room, sizeof(larger.keys[0])));
  for (i = 0; i < set->room; i++)
    if (set->keys[i] != 0) set_add(&larger, set->keys[i]);
  free(set->keys);
  *set = larger;
}


static uint64_t state_key(uint32_t done) {
  return lab_journal_hash() ^ done * UINT64_C(0xd6e8feb86659fd93);
}


/* What was noted at the actor's death belongs to the state: the same memory may
 * be right after one death and wrong after another. */
static uint64_t pieces_key(void) {
  uint64_t key = 0;
  uint32_t i;
  size_t j;

  for (i = 0; i < lab.pieces_count; i++)
    for (j = 0; j < lab.pieces[i].size; j++)
      key = (key ^ lab.pieces[i].copies[1][j]) * UINT64_C(0x100000001b3);
  return key;
}

/* ---- what cases say ------------------------------------------------------ */

void lab_image(void* memory, size_t size) {
  lab_image_growing(memory, size, size);
}


void lab_image_growing(void* memory, size_t size, size_t reserve) {
  lab_journal_begin(memory, size, reserve);
  lab.size = size;
}


void lab_image_alias(void* memory) {
  lab_journal_alias(memory);
}


void lab_private(void* memory, size_t size) {
  struct piece* piece = &lab.pieces[lab.pieces_count++];

  if (lab.pieces_count > PIECES_MAX) broken("too many private pieces", 0);
  piece->memory = memory;
  piece->size = size;
  piece->copies[0] = must(malloc(size));
  piece->copies[1] = must(malloc(size));
}


void lab_stop_at_first(void) {
  lab.once = 1;
}


void lab_done(void) {
  lab_journal_part();
}


int lab_sees_plain_stores(void) {
#if defined(LAB_ATOMICS)
  return 0;
#else
  return 1;
#endif
}


void lab_check(int condition, const char* format, ...) {
  va_list arguments;

  if (condition) return;
  va_start(arguments, format);
  vsnprintf(lab.why, sizeof(lab.why), format, arguments);
  va_end(arguments);
  if (!lab.in_trial) {
    fprintf(stderr, "lab: outside of a trial: %s\n", lab.why);
    abort();
  }
  longjmp(lab.out, 1);
}


static void endless(void) {
  lab_check(0, "no end after %u loads and stores", TRIAL_LIMIT);
}

/* ---- one trial ----------------------------------------------------------- */

static void save_pieces(uint32_t deaths) {
  const struct piece* piece;

  for (piece = lab.pieces; piece < lab.pieces + lab.pieces_count; piece++)
    memcpy(piece->copies[deaths], piece->memory, piece->size);
}


static void restore_pieces(uint32_t deaths) {
  const struct piece* piece;

  for (piece = lab.pieces; piece < lab.pieces + lab.pieces_count; piece++)
    memcpy(piece->memory, piece->copies[deaths], piece->size);
}


/* Nothing more is to be tried. */
static int is_over(void) {
  return lab.once && lab.result->wrong != 0;
}


static void wrong(void) {
  struct lab_result* result = lab.result;

  if (result->wrong++ != 0) return;
  if (lab.at_repairer < 0)
    snprintf(result->first,
             sizeof(result->first),
             "%s: after store %llu: %s",
             lab.op->name,
             (unsigned long long) lab.at_actor,
             lab.why);
  else
    snprintf(result->first,
             sizeof(result->first),
             "%s: after store %llu, and %lld of the repair: %s",
             lab.op->name,
             (unsigned long long) lab.at_actor,
             (long long) lab.at_repairer,
             lab.why);
}


/* Every store was seen, or nothing that was found out is worth anything. */
static void see_that_none_was_missed(void) {
  int64_t missed;

  if (!lab_sees_plain_stores() ||
      (lab.size > SMALL_IMAGE && lab.trials % 64 != 0))
    return;
  missed = lab_journal_missed();
  if (missed >= 0) broken("a store was not seen, at offset", missed);
}


/* Run `trial`; 0: a lab_check() in it failed. What it did stays. */
static int attempt(void (*trial)(uint32_t), uint32_t argument) {
  volatile int fine = 0;

  lab.trials++;
  lab.in_trial = 1;
  lab_journal_limit(TRIAL_LIMIT, endless);
  if (setjmp(lab.out) == 0) {
    lab_journal_watch(1);
    trial(argument);
    fine = 1;
  }
  lab_journal_watch(0);
  lab_journal_limit(0, NULL);
  lab_journal_at_load(0, NULL);
  lab.in_trial = 0;
  see_that_none_was_missed();
  return fine;
}


static void take_back(size_t mark, uint32_t deaths) {
  lab_journal_rollback(mark);
  restore_pieces(deaths);
}


static void one_death(uint32_t done) {
  lab.op->die(lab.world, LAB_ACTOR);
  lab.op->repair(lab.world, LAB_SECOND);
  lab.op->verify(lab.world, done);
}


static void repair_alone(uint32_t unused) {
  (void) unused;
  lab.op->repair(lab.world, LAB_REPAIRER);
}


static void second_death(uint32_t done) {
  lab.op->die(lab.world, LAB_REPAIRER);
  lab.op->repair(lab.world, LAB_SECOND);
  lab.op->verify(lab.world, done);
}

/* ---- the repairer dies too ----------------------------------------------- */

static void second_round(struct set* seen, uint32_t done) {
  size_t start = lab_journal_mark();
  struct lab_step* steps;
  uint64_t noted;
  size_t count;
  size_t mark;
  size_t i;

  lab.op->die(lab.world, LAB_ACTOR);
  save_pieces(1);
  noted = pieces_key();
  if (!attempt(repair_alone, 0)) wrong();
  steps = lab_journal_copy(start, &count);
  take_back(start, 1);
  for (i = 0; i <= count && !is_over(); i++) {
    if (i > 0) lab_journal_apply(&steps[i - 1]);
    if (!set_add(seen, state_key(done) ^ noted)) continue;
    lab.at_repairer = (int64_t) i;
    lab.result->second++;
    mark = lab_journal_mark();
    if (!attempt(second_death, done)) wrong();
    take_back(mark, 1);
  }
  lab.at_repairer = -1;
  take_back(start, 0);
  free(steps);
}

/* ---- readers ------------------------------------------------------------- */

static void step_ahead(void) {
  size_t i;

  for (i = 0; i < lab.ahead_count; i++) lab_journal_apply(&lab.ahead[i]);
  lab.ahead_count = 0;
}


static void reader(uint32_t nth) {
  lab_journal_at_load(nth, step_ahead);
  lab.op->read(lab.world);
}


/* The memory becomes that after `count` more steps before the reader's nth
 * load, for each nth until it is through before that. */
static void read_across(const struct lab_step* steps, size_t count) {
  size_t mark = lab_journal_mark();
  uint32_t nth;
  int more = 1;

  for (nth = 1; more; nth++) {
    lab.ahead = steps;
    lab.ahead_count = count;
    if (!attempt(reader, nth)) wrong();
    more = lab.ahead_count == 0; /* the load was reached */
    lab.result->reads++;
    take_back(mark, 0);
  }
}


static void all_readers(const struct lab_step* steps, size_t count) {
  size_t mark = lab_journal_mark();
  size_t stride = 1;
  uint32_t before;
  size_t from;
  size_t to;

  for (from = 0; from <= count && !is_over(); from++) {
    if (from > 0) lab_journal_apply(&steps[from - 1]);
    lab.at_actor = from;
    before = lab.result->reads;
    for (to = from + 1; to <= count; to += stride) {
      read_across(&steps[from], to - from);
      /* The first ones tell what one costs. */
      if (to == from + 1)
        stride = 1 + (size_t) (lab.result->reads - before) * (count - from) *
                         count / READS_MAX;
    }
    if (from < count) read_across(&steps[from], count - from);
  }
  lab_journal_rollback(mark);
}

/* ---- one operation ------------------------------------------------------- */

static void run_it(uint32_t unused) {
  (void) unused;
  lab.op->run(lab.world);
}


static void all_deaths(const struct lab_step* steps, size_t count) {
  struct set states = {NULL, 0, 0};
  struct set seconds = {NULL, 0, 0};
  uint32_t done = 0;
  size_t mark;
  size_t i;

  for (i = 0; i <= count && !is_over(); i++) {
    if (i > 0) {
      lab_journal_apply(&steps[i - 1]);
      if (steps[i - 1].offset == LAB_PART) done++;
    }
    if (!set_add(&states, state_key(done))) continue;
    lab.at_actor = i;
    lab.at_repairer = -1;
    lab.result->states++;
    mark = lab_journal_mark();
    if (!attempt(one_death, done)) wrong();
    take_back(mark, 0);
    if (!is_over()) second_round(&seconds, done);
  }
  free(states.keys);
  free(seconds.keys);
}


void lab_run(const struct lab_case* op,
             void* world,
             struct lab_result* result) {
  struct lab_step* steps;
  size_t count;
  uint32_t i;

  memset(&lab, 0, sizeof(lab));
  memset(result, 0, sizeof(*result));
  lab.op = op;
  lab.world = world;
  lab.result = result;
  lab.at_repairer = -1;
  op->build(world);
  if (lab.size == 0) broken("no image", 0);
  save_pieces(0);
  if (!attempt(run_it, 0)) {
    wrong();
    broken(result->first, 0);
  }
  steps = lab_journal_copy(0, &count);
  take_back(0, 0);
  for (i = 0; i < count; i++) result->stores += steps[i].offset != LAB_PART;

  all_deaths(steps, count);
  lab_journal_rollback(0);
  lab.at_repairer = -1;
  if (op->read != NULL) all_readers(steps, count);
  for (i = 0; i < count; i++) lab_journal_apply(&steps[i]);

  free(steps);
  for (i = 0; i < lab.pieces_count; i++) {
    free(lab.pieces[i].copies[0]);
    free(lab.pieces[i].copies[1]);
  }
  lab_journal_end();
  if (op->end != NULL) op->end(world);
  printf("crash: %s: %u stores, %u + %u states, %u readers, %u wrong%s%s\n",
         op->name,
         (unsigned int) result->stores,
         (unsigned int) result->states,
         (unsigned int) result->second,
         (unsigned int) result->reads,
         (unsigned int) result->wrong,
         result->wrong != 0 ? ": " : "",
         result->first);
  fflush(stdout);
}
