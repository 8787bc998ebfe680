/* SPDX-License-Identifier: MIT */

#include "storm.h"

#include "base/thread_local.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define SEAT_BITS 3

_Static_assert(STORM_SEATS <= 1u << SEAT_BITS, "a seat fits into `who`");


uint64_t storm_board_size(uint32_t lives) {
  return sizeof(struct storm_board) +
         (lives / 32 + 1) * sizeof(((struct storm_board*) 0)->doomed[0]);
}


uint32_t storm_who(uint32_t life, uint32_t seat) {
  return life << SEAT_BITS | seat;
}


void storm_doom(struct storm_board* board, uint32_t life) {
  uvshm__a32_or(&board->doomed[life / 32], 1u << (life % 32));
}


int storm_is_doomed(const struct storm_board* board, uint32_t life) {
  if (life >= board->lives) return 0;
  return uvshm__a32_load_acquire(&board->doomed[life / 32]) >> (life % 32) & 1;
}


/* xorshift; never 0. */
uint64_t storm_random(uint64_t* state) {
  uint64_t x = *state;

  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  *state = x;
  return x;
}


uint32_t storm_below(uint64_t* state, uint32_t limit) {
  return (uint32_t) (storm_random(state) >> 32) % limit;
}


void storm_fail(struct storm_actor* actor, const char* format, ...) {
  struct storm_board* board = actor->board;
  va_list args;
  int size;

  /* One that is doomed may still run for a moment, but what it says counts: it
   * was alive when it saw it. Only the first one is told. */
  if (uvshm__a32_cas(&board->failed, 0, 1)) {
    size = snprintf(board->text,
                    sizeof(board->text),
                    "worker %u, life %u: ",
                    (unsigned int) actor->seat,
                    (unsigned int) actor->life);
    va_start(args, format);
    vsnprintf(
        board->text + size, sizeof(board->text) - (size_t) size, format, args);
    va_end(args);
    uvshm__a32_store_release(&board->failed, 2);
  }
  _Exit(3);
}


int storm_expect(struct storm_actor* actor,
                 const char* what,
                 int err,
                 int a,
                 int b,
                 int c,
                 int d) {
  if (err >= 0 || err == a || err == b || err == c || err == d) return err;
  storm_fail(actor, "%s: %s (%s)", what, uv_err_name(err), uvshm_strerror(err));
  return err;
}


void storm_count(struct storm_actor* actor, enum storm_count count) {
  uvshm__a64_add(&actor->board->counts[count], 1);
}


void storm_unlink_begin(struct storm_actor* actor, uint32_t region) {
  uvshm__a32_store_seq_cst(&actor->board->seats[actor->seat].unlinking,
                           region + 1);
  uvshm__a64_add(&actor->board->unlinks[region], 1);
}


void storm_unlink_end(struct storm_actor* actor) {
  uvshm__a32_store_seq_cst(&actor->board->seats[actor->seat].unlinking, 0);
}


uint64_t storm_unlinks(const struct storm_board* board, uint32_t region) {
  uint64_t count = uvshm__a64_load_seq_cst(&board->unlinks[region]);
  uint32_t seat;

  for (seat = 0; seat < STORM_SEATS; seat++)
    if (uvshm__a32_load_seq_cst(&board->seats[seat].unlinking) == region + 1)
      return 0;
  return count + 1;
}


const char* storm_name(struct storm_actor* actor,
                       const char* stem,
                       uint32_t n) {
  static UVSHM__THREAD_LOCAL char names[4][UVSHM_NAME_MAX + 1];
  static UVSHM__THREAD_LOCAL unsigned int count;
  char* name = names[count++ % 4];

  snprintf(
      name, sizeof(names[0]), "%s-%s%u", actor->prefix, stem, (unsigned int) n);
  return name;
}
