/* SPDX-License-Identifier: MIT */

/* `shadow` is the image as of the last store that we know to be finished. We
 * are told of a store before it is done, so what it did is looked up when the
 * next one is announced, or when somebody wants to know.
 */

#include "journal.h"

#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES 4

static struct {
  unsigned char* memory;
  unsigned char* shadow;
  uintptr_t addresses[ADDRESSES]; /* memory is the first */
  uint32_t addresses_count;
  size_t size; /* exists, as far as we know */
  size_t reserve;
  struct lab_step* steps;
  size_t count;
  size_t room;
  uint64_t hash;
  size_t pending; /* words that were announced: the first, and how many */
  size_t pending_words;
  uint64_t left;       /* until `endless` */
  uint64_t loads_left; /* until `then` */
  void (*endless)(void);
  void (*then)(void);
  int on;
} journal;


static void* must(void* memory) {
  if (memory != NULL) return memory;
  fprintf(stderr, "lab: no memory\n");
  abort();
}


static uint64_t word_at(const unsigned char* base, uint64_t offset) {
  uint64_t word;

  memcpy(&word, base + offset, sizeof(word));
  return word;
}


static void set_word(unsigned char* base, uint64_t offset, uint64_t word) {
  memcpy(base + offset, &word, sizeof(word));
}


static uint64_t mix(uint64_t offset, uint64_t word) {
  uint64_t z = word + (offset + 8) * UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}


static void push(uint64_t offset, uint64_t before, uint64_t after) {
  struct lab_step* step;

  if (journal.count == journal.room) {
    journal.room = journal.room == 0 ? 4096 : 2 * journal.room;
    journal.steps =
        must(realloc(journal.steps, journal.room * sizeof(journal.steps[0])));
  }
  step = &journal.steps[journal.count++];
  step->offset = offset;
  step->before = before;
  step->after = after;
}


static void change(uint64_t offset, uint64_t before, uint64_t after) {
  set_word(journal.shadow, offset, after);
  journal.hash ^= mix(offset, before) ^ mix(offset, after);
}


static void settle(void) {
  size_t i;
  uint64_t offset;
  uint64_t before;
  uint64_t after;

  for (i = 0; i < journal.pending_words; i++) {
    offset = journal.pending + 8 * i;
    before = word_at(journal.shadow, offset);
    after = word_at(journal.memory, offset);
    if (before == after) continue;
    push(offset, before, after);
    change(offset, before, after);
  }
  journal.pending_words = 0;
}

/* ---- what instrumented code calls ---------------------------------------- */

static void count_access(void) {
  if (journal.left != 0 && --journal.left == 0) journal.endless();
}


/* Where in the image; 0: not there. */
static int is_inside(const volatile void* place, uint64_t* offset) {
  uintptr_t at = (uintptr_t) place;
  uint32_t i;

  for (i = 0; i < journal.addresses_count; i++) {
    *offset = at - journal.addresses[i];
    if (at >= journal.addresses[i] && *offset < journal.reserve) return 1;
  }
  return 0;
}


void lab_store(const volatile void* place, size_t size) {
  uint64_t offset;
  size_t end;

  if (!journal.on) return;
  count_access();
  if (!is_inside(place, &offset)) return;
  settle();
  end = (size_t) offset + size;
  if (end > journal.reserve) end = journal.reserve;
  /* It has grown; what is new is zero, here and in the shadow. */
  if (end > journal.size) journal.size = (end + 7) & ~(size_t) 7;
  journal.pending = (size_t) offset & ~(size_t) 7;
  journal.pending_words = (end - journal.pending + 7) / 8;
}


void lab_load(const volatile void* place, size_t size) {
  void (*then)(void) = journal.then;
  uint64_t offset;

  (void) size;
  if (!journal.on) return;
  count_access();
  if (journal.loads_left == 0 || !is_inside(place, &offset)) return;
  if (--journal.loads_left == 0) then();
}


void* lab_memcpy(void* to, const void* from, size_t size) {
  uint64_t offset;
  size_t i;

  if (!journal.on || !is_inside(to, &offset)) return memcpy(to, from, size);
  for (i = 0; i < size; i += 8) {
    lab_store((unsigned char*) to + i, size - i < 8 ? size - i : 8);
    memcpy((unsigned char*) to + i,
           (const unsigned char*) from + i,
           size - i < 8 ? size - i : 8);
  }
  return to;
}


void* lab_memmove(void* to, const void* from, size_t size) {
  lab_store(to, size);
  return memmove(to, from, size);
}


void* lab_memset(void* to, int value, size_t size) {
  uint64_t offset;
  size_t i;

  if (!journal.on || !is_inside(to, &offset)) return memset(to, value, size);
  for (i = 0; i < size; i += 8) {
    lab_store((unsigned char*) to + i, size - i < 8 ? size - i : 8);
    memset((unsigned char*) to + i, value, size - i < 8 ? size - i : 8);
  }
  return to;
}

/* ---- what the lab calls -------------------------------------------------- */

void lab_journal_begin(void* memory, size_t size, size_t reserve) {
  if (((uintptr_t) memory | size | reserve) % 8 != 0) abort();
  free(journal.steps);
  free(journal.shadow);
  memset(&journal, 0, sizeof(journal));
  journal.memory = memory;
  journal.size = size;
  journal.reserve = reserve;
  journal.shadow = must(calloc(1, reserve));
  memcpy(journal.shadow, memory, size);
  lab_journal_alias(memory);
}


void lab_journal_alias(void* memory) {
  if (journal.addresses_count == ADDRESSES) abort();
  journal.addresses[journal.addresses_count++] = (uintptr_t) memory;
}


void lab_journal_end(void) {
  free(journal.steps);
  free(journal.shadow);
  memset(&journal, 0, sizeof(journal));
}


void lab_journal_watch(int on) {
  settle();
  journal.on = on;
}


size_t lab_journal_mark(void) {
  settle();
  return journal.count;
}


void lab_journal_rollback(size_t mark) {
  const struct lab_step* step;

  settle();
  while (journal.count > mark) {
    step = &journal.steps[--journal.count];
    if (step->offset == LAB_PART) continue;
    set_word(journal.memory, step->offset, step->before);
    change(step->offset, step->after, step->before);
  }
}


struct lab_step* lab_journal_copy(size_t mark, size_t* count) {
  struct lab_step* steps;

  settle();
  *count = journal.count - mark;
  steps = must(malloc((*count + 1) * sizeof(steps[0])));
  if (*count != 0)
    memcpy(steps, journal.steps + mark, *count * sizeof(steps[0]));
  return steps;
}


void lab_journal_apply(const struct lab_step* step) {
  settle();
  push(step->offset, step->before, step->after);
  if (step->offset == LAB_PART) return;
  set_word(journal.memory, step->offset, step->after);
  change(step->offset, step->before, step->after);
}


uint64_t lab_journal_hash(void) {
  settle();
  return journal.hash;
}


int64_t lab_journal_missed(void) {
  uint64_t offset;

  settle();
  if (memcmp(journal.memory, journal.shadow, journal.size) == 0) return -1;
  for (offset = 0; offset < journal.size; offset += 8)
    if (word_at(journal.memory, offset) != word_at(journal.shadow, offset))
      return (int64_t) offset;
  return -1;
}


void lab_journal_part(void) {
  settle();
  push(LAB_PART, 0, 0);
}


void lab_journal_limit(uint64_t most, void (*endless)(void)) {
  journal.endless = endless;
  journal.left = most;
}


void lab_journal_at_load(uint64_t nth, void (*then)(void)) {
  journal.then = then;
  journal.loads_left = nth;
}
