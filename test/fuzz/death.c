/* SPDX-License-Identifier: MIT */

/* A call by a peer that is killed at one of its stores, so that what a death
 * leaves behind meets damage and more deaths. The stores are seen through the
 * lab's hooks (lab/hooks.h, way A); in a program that is compiled without them,
 * nobody dies here.
 */

#include "fuzz/fuzz.h"

#include "lab/store.h"

#include <setjmp.h>
#include <string.h>

/* The hooks are for the others. */
#undef memcpy
#undef memmove
#undef memset

#define VICTIM 2u

static uint32_t stores_left; /* 0: nobody is to die */
static jmp_buf death;


void lab_store(const volatile void* place, size_t size) {
  (void) place;
  (void) size;
  if (stores_left != 0 && --stores_left == 0) longjmp(death, 1);
}


void lab_load(const volatile void* place, size_t size) {
  (void) place;
  (void) size;
}


void* lab_memcpy(void* to, const void* from, size_t size) {
  return memcpy(to, from, size);
}


void* lab_memmove(void* to, const void* from, size_t size) {
  return memmove(to, from, size);
}


void* lab_memset(void* to, int value, size_t size) {
  return memset(to, value, size);
}


static void die(struct fuzz_world* world, struct fuzz_input* input) {
  struct fake_peer* victim = &world->fake.peers[VICTIM];
  uint32_t nth = fuzz_u8(input);

  if (!victim->alive) return;
  fuzz_only = VICTIM + 1;
  if (setjmp(death) == 0) {
    stores_left = nth;
    fuzz_call(input);
  } else {
    fake_kill(victim);
    world->lane_claimed[VICTIM] = 0;
  }
  stores_left = 0;
  fuzz_only = 0;
}

static const fuzz_op ops[] = {die};

const struct fuzz_table fuzz_death = {ops, sizeof(ops) / sizeof(ops[0])};
