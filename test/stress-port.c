/* SPDX-License-Identifier: MIT */

/* Workers that make, find, claim, leave and remove objects of a few names by
 * the rules of src/port.h, while SIGKILL hits them at random moments.
 *
 *   - What is found is complete: its header says so.
 *   - A slot that was claimed is nobody else's: what its owner writes into the
 *     slot's cell stays.
 *   - What is in use keeps its name: whoever is attached can enter its gate.
 *   - In the end every name can be removed and nothing is left.
 *
 * Runs for some seconds, longer with UVSHM_STRESS_MS. Prints its seed;
 * UVSHM_STRESS_SEED takes one. */

#include "conformance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#define WORKERS 5
#define NAMES 2
#define SLOTS 8
#define DEFAULT_MS 4000
#define CELLS 4096 /* offset of the slots' cells */

/* What the workers tell, in memory that all share. */
struct board {
  uvshm__a32_t attached;
  uvshm__a32_t made;
  uvshm__a32_t removed;
  uvshm__a32_t stale;
  uvshm__a32_t violation; /* line of the first one */
};

static struct board* board;
static char names[NAMES][128];
static uint64_t rng;

#define MUST(condition)                                                        \
 do {                                                                          \
  if (!(condition)) {                                                          \
   uvshm__a32_cas(&board->violation, 0, __LINE__);                             \
   _exit(1);                                                                   \
  }                                                                            \
 } while (0)


static uint32_t draw(uint32_t below) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return (uint32_t) (rng >> 32) % below;
}


static int claim_any(struct subject* subject) {
  uint32_t first = draw(SLOTS);
  uint32_t i;

  for (i = 0; i < SLOTS; i++) {
    uint32_t slot = (first + i) % SLOTS;
    int err = subject_claim(subject, slot);

    if (err == 0) return (int) slot;
    MUST(err == UV_EBUSY);
  }
  MUST(i < SLOTS); /* there are more slots than workers */
  return 0;
}


/* Gate held: the last one out removes the name. */
static void remove_if_last(struct subject* subject) {
  int used = 1;

  MUST(uvshm__port_in_use(&subject->object, &used) == 0);
  if (used) return;
  MUST(uvshm__port_unlink(&subject->object) == 0);
  uvshm__a32_add(&board->removed, 1);
}


static void work_attached(struct subject* subject, int slot) {
  uvshm__a32_t* cell = subject_word(subject, CELLS + 4 * (uint32_t) slot);
  uint32_t mine = (draw(UINT32_MAX) << 8) | 1;
  int alive = 0;
  int err;
  uint32_t i;

  uvshm__a32_store_release(cell, mine);
  for (i = draw(200); i > 0; i--) {
    MUST(uvshm__a32_load_acquire(cell) == mine);
    if (i % 16 == 0) uvshm__port_yield();
  }
  MUST(uvshm__port_alive(&subject->object, (uint32_t) slot, &alive) == 0);
  MUST(alive);
  MUST(uvshm__a32_load_acquire(cell) == mine);

  /* Who is attached has a name. */
  while ((err = uvshm__port_gate_enter(&subject->object)) == UV_EAGAIN)
    uvshm__port_yield();
  MUST(err == 0);
  subject_unclaim(subject);
  remove_if_last(subject);
  subject_drop(subject);
}


/* UV_EAGAIN: lost a race. */
static int make_new(struct subject* subject,
                    const struct uvshm__port_spec* spec) {
  int err = subject_make(subject, spec);
  int slot;

  if (err == UV_EEXIST) err = UV_EAGAIN;
  if (err < 0) return err;
  slot = claim_any(subject);
  err = uvshm__port_publish(&subject->object);
  if (err < 0) {
    subject_drop(subject);
    return err == UV_EEXIST ? UV_EAGAIN : err;
  }
  uvshm__port_gate_leave(&subject->object);
  uvshm__a32_add(&board->made, 1);
  work_attached(subject, slot);
  return 0;
}


static int attach(struct subject* subject,
                  const struct uvshm__port_spec* spec) {
  int err = subject_find(subject, spec);
  int used = 1;
  int slot;

  if (err < 0) return err;
  MUST(uvshm__port_in_use(&subject->object, &used) == 0);
  if (!used) {
    uvshm__a32_add(&board->stale, 1);
    MUST(uvshm__port_unlink(&subject->object) == 0);
    subject_drop(subject);
    return UV_ENOENT;
  }
  MUST(subject_map(subject, UVSHM__PORT_WRITE) == 0);
  slot = claim_any(subject);
  uvshm__port_gate_leave(&subject->object);
  uvshm__a32_add(&board->attached, 1);
  work_attached(subject, slot);
  return 0;
}


static void worker(uint64_t seed) {
  struct uvshm__port_spec spec;
  struct subject subject;
  int err;

  alarm(300);
  rng = seed | 1;
  for (;;) {
    spec = spec_of(names[draw(NAMES)]);
    err = attach(&subject, &spec);
    if (err == UV_ENOENT) err = make_new(&subject, &spec);
    if (err == UV_EAGAIN) uvshm__port_yield();
    MUST(err == 0 || err == UV_EAGAIN);
  }
}


static pid_t worker_start(void) {
  uint64_t seed = rng;
  pid_t pid;

  draw(2);
  pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    worker(seed);
    _exit(0);
  }
  return pid;
}


static uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = getenv(variable);

  return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}


static uint32_t storm(uint64_t ms) {
  uint64_t end = test_now_ms() + ms;
  pid_t pids[WORKERS];
  uint32_t kills = 0;
  int i;

  for (i = 0; i < WORKERS; i++) pids[i] = worker_start();
  while (test_now_ms() < end && !uvshm__a32_load_acquire(&board->violation)) {
    usleep(draw(1500));
    i = (int) draw(WORKERS);
    kill(pids[i], SIGKILL);
    assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    kills++;
    pids[i] = worker_start();
  }
  for (i = 0; i < WORKERS; i++) {
    kill(pids[i], SIGKILL);
    assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
  }
  return kills;
}


static void everybody_may_die_at_any_time(void** state) {
  struct subject subject;
  struct uvshm__port_spec spec;
  uint32_t kills;
  int used;
  int err;
  int i;

  (void) state;
  board = mmap(NULL,
               sizeof(*board),
               PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS,
               -1,
               0);
  assert_ptr_not_equal(board, MAP_FAILED);
  rng = number_from("UVSHM_STRESS_SEED", uv_hrtime());
  print_message("seed %llu\n", (unsigned long long) rng);
  rng |= 1;
  for (i = 0; i < NAMES; i++)
    snprintf(names[i], sizeof(names[i]), "%s", test_name("storm"));
  kills = storm(number_from("UVSHM_STRESS_MS", DEFAULT_MS));
  print_message("%u kills, %u made, %u attached, %u removed, %u found stale\n",
                kills,
                uvshm__a32_load_acquire(&board->made),
                uvshm__a32_load_acquire(&board->attached),
                uvshm__a32_load_acquire(&board->removed),
                uvshm__a32_load_acquire(&board->stale));
  if (uvshm__a32_load_acquire(&board->violation) != 0)
    fail_msg("violated: line %u", uvshm__a32_load_acquire(&board->violation));

  for (i = 0; i < NAMES; i++) {
    spec = spec_of(names[i]);
    err = subject_find_wait(&subject, &spec);
    if (err == UV_ENOENT) continue;
    assert_int_equal(err, 0);
    assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
    assert_int_equal(used, 0);
    subject_remove(&subject);
  }
  assert_int_equal(test_leftovers(), 0);
  munmap(board, sizeof(*board));
}


int main(int argc, char** argv) {
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(everybody_may_die_at_any_time),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, NULL, NULL);
}
