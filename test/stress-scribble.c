/* SPDX-License-Identifier: MIT */

/* Somebody writes random words all over the segment, all the time, while this
 * process calls everything: no signal, no call without an end. What a call
 * reads once and checks stays what was checked; what it reads twice is found
 * here.
 *
 * UVSHM_SCRIBBLE_SECONDS: how long; default 3. UVSHM_TEST_SEED as
 * everywhere. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz/fuzz.h"

/* Calls on one segment before it is made whole again, since most of them only
 * say that it is damaged. */
#define CALLS_PER_WORLD 64u

static struct {
  uvshm__a32_t go;
  uvshm__a32_t stop;
  uint64_t seed;
  uvshm__a32_t gentle; /* pauses between two words */
} scribbler;


static uint64_t word(uint64_t* seed, uint64_t size) {
  switch (fake_random(seed) % 6) {
    case 0:
      return 0;
    case 1:
      return UINT64_MAX;
    case 2:
      return fake_random(seed) % size;
    case 3:
      return fake_random(seed) % 64;
    case 4:
      return fake_random(seed) % 64 << 32 | fake_random(seed) % 4;
    default:
      return fake_random(seed);
  }
}


/* Mostly where the tables are, since the rest is large. */
static uint64_t place(uint64_t* seed, uint64_t size) {
  uint64_t most = fake_random(seed) % 2 != 0 ? size : 65536;

  return fake_random(seed) % (most < size ? most : size) & ~UINT64_C(7);
}


static void scribble(void* arg) {
  struct fuzz_world* world = arg;
  uint64_t seed = scribbler.seed ^ UINT64_C(0x5555555555);
  uint64_t size = world->fake.memory_size;
  uint32_t pause;
  uint32_t pauses;

  while (!uvshm__a32_load_acquire(&scribbler.stop)) {
    if (!uvshm__a32_load_acquire(&scribbler.go)) continue;
    uvshm__a64_store_relaxed(
        (uvshm__a64_t*) (world->fake.memory + place(&seed, size)),
        word(&seed, size));
    pauses = uvshm__a32_load_relaxed(&scribbler.gentle);
    for (pause = 0; pause < pauses; pause++) uvshm__pause();
  }
}


static void run_calls(uint64_t* seed) {
  uint64_t bytes[8];
  struct fuzz_input input;
  uint32_t i;
  uint32_t j;

  for (i = 0; i < CALLS_PER_WORLD; i++) {
    for (j = 0; j < 8; j++) bytes[j] = fake_random(seed);
    input.at = (const uint8_t*) bytes;
    input.end = input.at + sizeof(bytes);
    fuzz_call(&input);
  }
}


static void nobody_is_hurt_by_a_scribbler(void** state) {
  const char* text = getenv("UVSHM_SCRIBBLE_SECONDS");
  uint64_t seconds = text != NULL ? strtoull(text, NULL, 10) : 3;
  uint64_t end = uv_hrtime() + seconds * UINT64_C(1000000000);
  uint64_t seed = fake_seed();
  uint64_t calls = 0;
  uv_thread_t thread;

  (void) state;
  scribbler.seed = seed;
  assert_int_equal(uv_thread_create(&thread, scribble, fuzz_world()), 0);
  while (uv_hrtime() < end) {
    fuzz_reset();
    uvshm__a32_store_relaxed(&scribbler.gentle,
                             (uint32_t) fake_random(&seed) % 2000);
    uvshm__a32_store_release(&scribbler.go, 1);
    run_calls(&seed);
    uvshm__a32_store_release(&scribbler.go, 0);
    calls += CALLS_PER_WORLD;
  }
  uvshm__a32_store_release(&scribbler.stop, 1);
  uv_thread_join(&thread);
  print_message("%llu calls\n", (unsigned long long) calls);
}


int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_is_hurt_by_a_scribbler)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
